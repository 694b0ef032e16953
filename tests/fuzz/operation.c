/*
 * Requests of the wire API: "OPERATION\n" and the body. What is asked of each, whatever it is:
 * - the same body in another spelling means the same: it is planned alike, to the last digest;
 * - a read of which any value is changed is another read: one that shares unit and digest means the same;
 * - what goes upstream is strict JSON, differs from the client's in the members that the proxy sets alone,
 *   and names the same tables;
 * - a read that isn't bypassed has units of tables that the body names.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/operation_rights.h"
#include "tests/fuzz/respell.h"
#include "tests/fuzz/tables.h"

enum { ARENA = 64 << 20 };

/* An operation, planned; all that it stands on. */
typedef struct planned {
    ra_arena arena;
    char *target, *body;
    ra_op op;
    enum ra_op_result result;
} planned;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_tables_start();
    fuzz_rights_start();
    return 0;
}

static void plan(planned *p, ra_bytes name, ra_bytes body)
{
    const char *problem;
    size_t n = strlen("DynamoDB_20120810.") + name.n;
    *p = (planned){.body = fuzz_copy(body), .target = fuzz_alloc(n + 1)};
    ra_arena_init(&p->arena, ARENA);
    snprintf(p->target, n + 1, "DynamoDB_20120810.%.*s", (int)name.n, name.p);
    p->result =
        ra_op_open(&p->op, (ra_bytes){p->target, n}, (ra_bytes){p->body, body.n}, &p->arena, &problem);
    FUZZ_CHECK(p->result != RA_OP_NO_MEMORY && (p->result == RA_OP_MALFORMED) == (problem != NULL));
    if (p->result != RA_OP_OK)
        return;
    fuzz_tables_set(&p->op);
    FUZZ_CHECK(ra_op_plan(&p->op) == RA_OP_OK);
}

static void drop(planned *p)
{
    ra_op_close(&p->op);
    ra_arena_free(&p->arena);
    free(p->target);
    free(p->body);
}

/* ---- two spellings of one request ---- */

static bool has_part(const ra_op *op, const ra_part *other)
{
    for (size_t i = 0; i < op->nparts; i++)
        if (ra_key_eq(&op->parts[i].look.unit, &other->look.unit) &&
            ra_key_eq(&op->parts[i].look.request, &other->look.request))
            return true;
    return false;
}

static bool has_mark(const ra_op *op, const ra_mark *other)
{
    for (size_t i = 0; i < op->nmarks; i++)
        if (ra_key_eq(&op->marks[i].unit, &other->unit) && op->marks[i].settle == other->settle)
            return true;
    return false;
}

static bool has_table(const ra_op *op, ra_bytes given)
{
    for (size_t i = 0; i < op->ntables; i++)
        if (ra_bytes_eq(op->tables[i].given, given))
            return true;
    return false;
}

/* Of several reasons for a bypass a batch tells the first. */
static bool same_bypass(const ra_op *a, const ra_op *b)
{
    if (!a->bypass || !b->bypass || a->kind == RA_OP_BATCH_GET_ITEM)
        return !a->bypass == !b->bypass;
    return strcmp(a->bypass, b->bypass) == 0;
}

/* How the lists are ordered is the body's, what is in them isn't. */
static void check_same(const ra_op *a, const ra_op *b)
{
    FUZZ_CHECK(a->kind == b->kind && a->class == b->class && a->any_table == b->any_table);
    FUZZ_CHECK(a->ntables == b->ntables && a->nparts == b->nparts && a->nmarks == b->nmarks);
    FUZZ_CHECK(same_bypass(a, b) && a->capacity_asked == b->capacity_asked);
    FUZZ_CHECK(a->changes_table == b->changes_table && a->nuncached == b->nuncached);
    for (size_t i = 0; i < a->ntables; i++)
        FUZZ_CHECK(has_table(b, a->tables[i].given));
    for (size_t i = 0; i < a->nparts; i++)
        FUZZ_CHECK(has_part(b, &a->parts[i]));
    for (size_t i = 0; i < a->nmarks; i++)
        FUZZ_CHECK(has_mark(b, &a->marks[i]));
}

static void check_respelled(const planned *p, ra_bytes name)
{
    ra_buf body;
    planned other;
    ra_buf_init(&body, 16 << 20);
    fuzz_respell(&p->op.json, 0, &body);
    FUZZ_CHECK(ra_buf_ok(&body));
    plan(&other, name, ra_buf_bytes(&body));
    FUZZ_CHECK(other.result == RA_OP_OK);
    check_same(&p->op, &other.op);
    fuzz_rights_check(&p->op, &other.op);
    drop(&other);
    ra_buf_free(&body);
}

/* ---- another request ---- */

/* Is the token the value of a member, or an element, and a text or a number? */
static bool is_leaf(const ra_json *j, uint32_t token)
{
    if (j->t[token].type == RA_JSON_NUMBER)
        return true;
    size_t end = j->t[token].end;
    while (end < j->text.n && strchr(" \t\r\n", j->text.p[end]))
        end++;
    return j->t[token].type == RA_JSON_STRING && (end == j->text.n || j->text.p[end] != ':');
}

/* The same but for one value, which is longer by a character; a number at its front, where 0 may have others
 * behind it. */
static void check_altered(const planned *p, ra_bytes name, uint32_t token)
{
    const ra_json *j = &p->op.json;
    bool number = j->t[token].type == RA_JSON_NUMBER;
    uint32_t digits = j->t[token].start + (j->text.p[j->t[token].start] == '-');
    const ra_edit edit = {number ? digits : j->t[token].end - 1, 0, number ? RA_BYTES("1") : RA_BYTES("x")};
    ra_buf body;
    planned other;
    ra_buf_init(&body, 16 << 20);
    FUZZ_CHECK(ra_edit_apply(j->text, &edit, 1, &body));
    plan(&other, name, ra_buf_bytes(&body));
    FUZZ_CHECK(other.result == RA_OP_OK);
    for (size_t i = 0; i < other.op.nparts; i++)
        FUZZ_CHECK(!has_part(&p->op, &other.op.parts[i]));
    drop(&other);
    ra_buf_free(&body);
}

static void check_all_altered(const planned *p, ra_bytes name)
{
    uint32_t most = 24;
    for (uint32_t i = 1; i < p->op.json.n && most; i++) {
        if (is_leaf(&p->op.json, i)) {
            check_altered(p, name, i);
            most--;
        }
    }
}

/* ---- what goes upstream ---- */

static bool is_ours(const ra_json *j, uint32_t name)
{
    return ra_json_string_is(j, name, "ConsistentRead") || ra_json_string_is(j, name, "ReturnValues");
}

/* All members of the object but those that the proxy sets. */
static void check_members(const ra_json *a, uint32_t in_a, const ra_json *b, uint32_t in_b, ra_arena *arena)
{
    for (uint32_t i = in_a + 1; i < a->t[in_a].next; i = a->t[i + 1].next) {
        ra_bytes name;
        FUZZ_CHECK(ra_json_string(a, i, arena, &name));
        uint32_t there = ra_json_member_bytes(b, in_b, name);
        if (is_ours(a, i) || ra_json_string_is(a, i, "RequestItems"))
            continue;
        FUZZ_CHECK(there != RA_JSON_NONE && fuzz_same_json(a, i + 1, b, there));
    }
}

/* Each key that goes upstream is one that the client named, and none goes twice. */
static void check_batch(const ra_op *op, const ra_json *up, ra_arena *arena)
{
    uint32_t map = ra_json_member(up, 0, "RequestItems");
    size_t keys = 0, wanted = op->nuncached;
    for (size_t i = 0; i < op->nparts; i++)
        wanted += op->parts[i].upstream;
    for (uint32_t i = map + 1; map && i < up->t[map].next; i = up->t[i + 1].next) {
        ra_bytes name;
        FUZZ_CHECK(ra_json_string(up, i, arena, &name) && has_table(op, name));
        keys += ra_json_count(up, ra_json_member(up, i + 1, "Keys"));
    }
    FUZZ_CHECK(keys == wanted);
}

static void check_upstream(planned *p)
{
    ra_buf body;
    ra_json up;
    size_t at;
    ra_buf_init(&body, 16 << 20);
    FUZZ_CHECK(ra_op_body(&p->op, &body) && ra_buf_ok(&body));
    bool original = ra_bytes_eq(ra_buf_bytes(&body), p->op.body);
    FUZZ_CHECK(original || !ra_op_body_is_original(&p->op));
    if (!original) {
        FUZZ_CHECK(ra_json_parse(&up, ra_buf_bytes(&body), NULL, &at) == RA_JSON_OK);
        check_members(&p->op.json, 0, &up, 0, &p->arena);
        check_members(&up, 0, &p->op.json, 0, &p->arena);
        if (p->op.kind == RA_OP_BATCH_GET_ITEM)
            check_batch(&p->op, &up, &p->arena);
        ra_json_free(&up);
    }
    ra_buf_free(&body);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ra_bytes rest = {(const char *)data, size}, name = fuzz_line(&rest);
    planned p;
    if (name.n && memchr(name.p, '\0', name.n)) /* no header's value has one */
        return 0;
    plan(&p, name, rest);
    if (p.result == RA_OP_OK) {
        ra_op *op = &p.op;
        FUZZ_CHECK(!op->bypass || op->nparts == 0);
        FUZZ_CHECK(op->class == RA_CLASS_READ || op->nparts == 0);
        FUZZ_CHECK(op->class == RA_CLASS_WRITE || op->nmarks == 0);
        for (size_t i = 0; i < op->nparts; i++) {
            FUZZ_CHECK(op->parts[i].table < op->ntables && op->tables[op->parts[i].table].table);
            op->parts[i].upstream = (size + i) % 3 != 0;
        }
        if (op->json.n)
            check_respelled(&p, name);
        else
            fuzz_rights_check(op, NULL);
        if (op->nparts == 1 && op->kind != RA_OP_BATCH_GET_ITEM)
            check_all_altered(&p, name);
        check_upstream(&p);
    }
    drop(&p);
    return 0;
}
