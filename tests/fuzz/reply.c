/*
 * DynamoDB's replies. The first character says to which request ('z': to DescribeTable), the second how
 * ('0' plain, '1' with a wrong checksum, '2' coalesced, '4' status 400, '5' status 500), then the body.
 * - What is stored is strict JSON, belongs to a part that was read upstream, each part once, and says the
 *   same as the reply: of a GetItem its Item, of a batch an item that is in it.
 * - What a client gets is strict JSON; a reply that isn't rewritten is upstream's, byte for byte.
 * - A batch from the cache alone has the items that were stored.
 * - What only the proxy asked for is taken out of a write's reply, and nothing else.
 * - A table that is described in another spelling is the same table.
 */
#include "proxy/op_plan.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/respell.h"
#include "tests/fuzz/tables.h"

enum { ARENA = 64 << 20, OUT = 64 << 20 };

#define AB       "{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"}}"
#define CAPACITY "\"ReturnConsumedCapacity\":\"INDEXES\""

static const struct {
    const char *target, *body;
} requests[] = {
    {"GetItem", "{\"TableName\":\"chat\",\"Key\":" AB "}"},
    {"GetItem", "{\"TableName\":\"chat\",\"Key\":" AB "," CAPACITY "}"},
    {"Query", "{\"TableName\":\"chat\",\"KeyConditionExpression\":\"pk = :a\",\"ExpressionAttributeValues\":"
              "{\":a\":{\"S\":\"a\"}}," CAPACITY "}"},
    {"Query", "{\"TableName\":\"chat\",\"IndexName\":\"by-g\",\"KeyConditionExpression\":\"g = :a\","
              "\"ExpressionAttributeValues\":{\":a\":{\"S\":\"a\"}}}"},
    {"BatchGetItem", "{\"RequestItems\":{\"users\":{\"Keys\":[{\"id\":{\"S\":\"a\"}},{\"id\":{\"S\":\"b\"}},"
                     "{\"id\":{\"S\":\"c\"}}]}}}"},
    {"BatchGetItem", "{\"RequestItems\":{\"chat\":{\"Keys\":[" AB "]},\"numbers\":{\"ConsistentRead\":false,"
                     "\"Keys\":[{\"id\":{\"N\":\"1.0\"}},{\"id\":{\"N\":\"2\"}}]},"
                     "\"others\":{\"Keys\":[{\"id\":"
                     "{\"S\":\"a\"}}]}}," CAPACITY "}"},
    {"PutItem", "{\"TableName\":\"chat\",\"Item\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"},\"g\":"
                "{\"S\":\"x\"}}}"},
    {"DeleteItem", "{\"TableName\":\"chat\",\"Key\":" AB ",\"ReturnValues\":\"ALL_OLD\"," CAPACITY "}"},
    {"UpdateItem", "{\"TableName\":\"chat\",\"Key\":" AB ",\"UpdateExpression\":\"SET h = :h\","
                   "\"ExpressionAttributeValues\":{\":h\":{\"N\":\"1\"}}," CAPACITY "}"},
    {"BatchWriteItem", "{\"RequestItems\":{\"chat\":[{\"DeleteRequest\":{\"Key\":" AB "}}]}}"},
};
enum { REQUESTS = sizeof requests / sizeof *requests };

typedef struct how {
    bool coalesced, damaged;
    int status;
} how;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_tables_start();
    return 0;
}

static void plan(ra_op *op, size_t which, ra_arena *a)
{
    char target[64];
    const char *problem;
    snprintf(target, sizeof target, "DynamoDB_20120810.%s", requests[which].target);
    FUZZ_CHECK(ra_op_open(op, ra_bytes_z(target), ra_bytes_z(requests[which].body), a, &problem) == RA_OP_OK);
    fuzz_tables_set(op);
    FUZZ_CHECK(ra_op_plan(op) == RA_OP_OK && !op->bypass);
    for (size_t i = 0; i < op->nparts; i++)
        op->parts[i].upstream = true;
}

static void parse(ra_bytes text, ra_json *j)
{
    size_t at;
    FUZZ_CHECK(ra_json_parse(j, text, NULL, &at) == RA_JSON_OK && ra_json_is(j, 0, RA_JSON_OBJECT));
}

/* ---- reads ---- */

/* The item of an item's entry is the one in its text, which is all there is. */
static void check_item(const ra_op *op, const ra_cacheable *c, const ra_json *payload)
{
    uint32_t item = ra_json_member(payload, 0, "Item");
    FUZZ_CHECK(c->negative == (item == RA_JSON_NONE));
    if (op->capacity_asked && op->kind == RA_OP_GET_ITEM)
        return;
    ra_bytes text = ra_op_payload_item(c->payload);
    FUZZ_CHECK(c->negative ? text.n == 0 : ra_bytes_eq(text, ra_json_raw(payload, item)));
}

static void check_cacheable(const ra_op *op, const ra_cacheable *c, const ra_http_reply *reply)
{
    ra_json payload;
    ra_bytes text = {c->payload->body, c->payload->len};
    FUZZ_CHECK(c->part < op->nparts && op->parts[c->part].upstream);
    FUZZ_CHECK(c->payload->crc32 == ra_crc32(text) && c->payload->filled_ms == 1234);
    parse(text, &payload);
    if (op->kind != RA_OP_QUERY)
        check_item(op, c, &payload);
    if (!op->capacity_asked && op->kind != RA_OP_BATCH_GET_ITEM)
        FUZZ_CHECK(ra_bytes_eq(text, ra_op_reply_body(reply)));
    ra_json_free(&payload);
}

static size_t items_in(const ra_json *j)
{
    size_t n = 0;
    uint32_t map = ra_json_member(j, 0, "Responses");
    for (uint32_t i = map + 1; map && i < j->t[map].next; i = j->t[i + 1].next)
        n += ra_json_count(j, i + 1);
    return n;
}

/* Everything of a batch that was stored is served: nothing but that comes. */
static void check_served(size_t which, const ra_cacheable *c, size_t n, ra_arena *a)
{
    ra_op op;
    ra_buf out;
    ra_json j;
    size_t present = 0;
    plan(&op, which, a);
    if (n == op.nparts && op.nuncached == 0) {
        for (size_t i = 0; i < n; i++) {
            op.parts[c[i].part].upstream = false;
            op.parts[c[i].part].look.payload = c[i].payload;
            present += !c[i].negative;
        }
        ra_buf_init(&out, OUT);
        FUZZ_CHECK(ra_op_read_reply(&op, NULL, false, &out));
        parse(ra_buf_bytes(&out), &j);
        FUZZ_CHECK(items_in(&j) == present);
        ra_json_free(&j);
        ra_buf_free(&out);
    }
    ra_op_close(&op);
}

static void check_stored(ra_op *op, size_t which, ra_http_reply *reply, const how *h)
{
    ra_cacheable *c;
    size_t n;
    FUZZ_CHECK(ra_op_read_cacheable(op, reply, 1234, &c, &n));
    FUZZ_CHECK(n <= op->nparts && (n == 0 || (!h->damaged && h->status == 200)));
    for (size_t i = 0; i < n; i++) {
        check_cacheable(op, &c[i], reply);
        for (size_t k = 0; k < i; k++)
            FUZZ_CHECK(c[k].part != c[i].part);
    }
    if (op->kind == RA_OP_BATCH_GET_ITEM)
        check_served(which, c, n, op->arena);
    for (size_t i = 0; i < n; i++)
        ra_payload_unref(c[i].payload);
}

static void check_read(ra_op *op, size_t which, ra_http_reply *reply, const how *h)
{
    ra_buf out;
    ra_json j;
    check_stored(op, which, reply, h);
    ra_buf_init(&out, OUT);
    if (ra_op_read_reply(op, reply, h->coalesced, &out)) {
        parse(ra_buf_bytes(&out), &j);
        if (!ra_op_read_rewrites(op, h->coalesced))
            FUZZ_CHECK(ra_bytes_eq(ra_buf_bytes(&out), ra_op_reply_body(reply)));
        ra_json_free(&j);
    }
    ra_buf_free(&out);
}

/* ---- writes ---- */

/* All members but the two that may be the proxy's own are there, as they were, and no others. */
static void check_others(const ra_json *before, const ra_json *after, ra_arena *a)
{
    for (uint32_t i = 1; i < before->t[0].next; i = before->t[i + 1].next) {
        ra_bytes name;
        FUZZ_CHECK(ra_json_string(before, i, a, &name));
        uint32_t there = ra_json_member_bytes(after, 0, name);
        if (!ra_bytes_eq_z(name, "Attributes"))
            FUZZ_CHECK(there != RA_JSON_NONE && fuzz_same_json(before, i + 1, after, there));
    }
}

static void check_write(ra_op *op, const ra_http_reply *reply)
{
    ra_mark *marks;
    size_t n, at;
    ra_buf out;
    ra_json before, after;
    FUZZ_CHECK(ra_op_write_after(op, reply, &marks, &n));
    for (size_t i = 1; i < n; i++)
        FUZZ_CHECK(marks[i - 1].settle <= marks[i].settle);
    FUZZ_CHECK(ra_op_write_unknown(op, &marks, &n));
    ra_buf_init(&out, OUT);
    bool rewrites = ra_op_write_rewrites(op, reply);
    if (ra_op_write_reply(op, reply, &out) && !rewrites)
        FUZZ_CHECK(ra_bytes_eq(ra_buf_bytes(&out), ra_op_reply_body(reply)));
    if (rewrites && ra_buf_ok(&out) &&
        ra_json_parse(&before, ra_op_reply_body(reply), NULL, &at) == RA_JSON_OK) {
        parse(ra_buf_bytes(&out), &after);
        FUZZ_CHECK(ra_json_member(&after, 0, "Attributes") == RA_JSON_NONE);
        check_others(&before, &after, op->arena);
        ra_json_free(&after);
        ra_json_free(&before);
    }
    ra_buf_free(&out);
}

/* ---- DescribeTable ---- */

static void check_same_table(const ra_table *t, const ra_table *u)
{
    FUZZ_CHECK(u && ra_key_eq(&t->key, &u->key) && strcmp(t->partition_key, u->partition_key) == 0);
    FUZZ_CHECK(!t->sort_key == !u->sort_key && (!t->sort_key || strcmp(t->sort_key, u->sort_key) == 0));
    FUZZ_CHECK(t->nindexes == u->nindexes && t->active == u->active);
}

static void check_described(ra_bytes text)
{
    ra_json j;
    ra_buf other;
    size_t at;
    static const ra_bytes prefix = {"p:", 2}, endpoint = {"http://ddb:8000", 15};
    ra_table *t = ra_table_from_describe(text, prefix, endpoint);
    if (!t)
        return;
    FUZZ_CHECK(t->name && *t->name && t->partition_key && *t->partition_key);
    for (size_t i = 0; i < t->nindexes; i++) {
        const ra_table_index *x = &t->indexes[i];
        FUZZ_CHECK(x->name && *x->name && (!x->understood || x->partition_key));
        FUZZ_CHECK(ra_table_find_index(t, ra_bytes_z(x->name)) != NULL);
    }
    if (ra_json_parse(&j, text, NULL, &at) == RA_JSON_OK) {
        ra_buf_init(&other, OUT);
        fuzz_respell(&j, 0, &other);
        ra_table *u = ra_table_from_describe(ra_buf_bytes(&other), prefix, endpoint);
        check_same_table(t, u);
        ra_table_unref(u);
        ra_buf_free(&other);
        ra_json_free(&j);
    }
    ra_table_unref(t);
}

static void check_reply(size_t which, const how *h, char *body, size_t n)
{
    ra_op op;
    ra_arena a;
    fuzz_reply r;
    ra_arena_init(&a, ARENA);
    plan(&op, which, &a);
    fuzz_reply_make(&r, h->status, body, n);
    if (h->damaged)
        snprintf(r.crc, sizeof r.crc, "%u", (unsigned)ra_crc32((ra_bytes){body, n}) ^ 1u);
    if (op.class == RA_CLASS_READ)
        check_read(&op, which, &r.reply, h);
    else
        check_write(&op, &r.reply);
    ra_op_close(&op);
    ra_arena_free(&a);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ra_bytes rest = {(const char *)data, size};
    unsigned which = fuzz_byte(&rest), digit = fuzz_byte(&rest);
    char *body = fuzz_copy(rest);
    const how h = {.coalesced = digit == '2',
                   .damaged = digit == '1',
                   .status = digit == '4'   ? 400
                             : digit == '5' ? 500
                                            : 200};
    if (which == 'z')
        check_described((ra_bytes){body, rest.n});
    else
        check_reply(which % REQUESTS, &h, body, rest.n);
    free(body);
    return 0;
}
