/* What is consumed is asked for where the client hasn't asked, and taken out of the reply again. */
#include "op_fixture.h"

#include "proxy/capacity.h"
#include "proxy/op_plan.h"

static fixture *f;

static int set_up(void **state)
{
    (void)state;
    f = fixture_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_free(f);
    return 0;
}

#define KEY   "\"TableName\":\"users\",\"Key\":{\"id\":{\"S\":\"a\"}}"
#define ASKED "\"ReturnConsumedCapacity\":\"TOTAL\""
#define SAID  "\"ConsumedCapacity\":{\"TableName\":\"users\",\"CapacityUnits\":3.0}"

/* Planned as the proxy does, with all parts to be read upstream. */
static ra_op *planned(const char *name, const char *body)
{
    assert_int_equal(fixture_open(f, name, ra_bytes_z(body)), RA_OP_OK);
    ra_op *op = &f->op;
    op->ask_capacity = true;
    assert_int_equal(ra_op_plan(op), RA_OP_OK);
    for (size_t i = 0; i < op->nparts; i++)
        op->parts[i].upstream = true;
    return op;
}

static bool asks(const char *name, const char *body)
{
    ra_buf out;
    ra_op *op = planned(name, body);
    ra_buf_init(&out, 1 << 16);
    assert_true(ra_op_body(op, &out));
    bool found = memmem(out.p, out.n, ASKED, sizeof ASKED - 1) != NULL;
    assert_int_equal(found, op->capacity_added || op->capacity_asked);
    if (!op->capacity_added && op->nedits == 0 && op->kind != RA_OP_BATCH_GET_ITEM)
        assert_true(ra_op_body_is_original(op));
    bool added = op->capacity_added;
    ra_buf_free(&out);
    return added;
}

static void test_who_is_asked(void **state)
{
    (void)state;
    assert_true(asks("GetItem", "{" KEY "}"));
    assert_true(asks("GetItem", "{" KEY ",\"ConsistentRead\":true}"));
    assert_true(asks("GetItem", "{" KEY ",\"ReturnConsumedCapacity\":\"NONE\"}"));
    assert_false(asks("GetItem", "{" KEY "," ASKED "}"));
    assert_false(asks("GetItem", "{" KEY ",\"Unheard\":1}"));
    assert_true(asks("Scan", "{\"TableName\":\"users\"}"));
    assert_false(asks("Scan", "{\"TableName\":\"users\",\"Unheard\":1}"));
    assert_true(asks("BatchGetItem", "{\"RequestItems\":{\"users\":{\"Keys\":[{\"id\":{\"S\":\"a\"}}]}}}"));
    assert_true(asks("DeleteItem", "{" KEY "}"));
    assert_false(asks("DeleteItem", "{" KEY ",\"Unheard\":1}"));
    assert_false(asks("DeleteItem", "{" KEY ",\"ReturnConsumedCapacity\":null}"));
    assert_true(
        asks("BatchWriteItem",
             "{\"RequestItems\":{\"users\":[{\"DeleteRequest\":{\"Key\":{\"id\":{\"S\":\"a\"}}}}]}}"));
    assert_true(asks("TransactWriteItems", "{\"TransactItems\":[{\"Delete\":{" KEY "}}]}"));
    assert_false(asks("TransactWriteItems",
                      "{\"TransactItems\":[{\"Delete\":{" KEY "}}],\"ClientRequestToken\":\"t\"}"));
}

/* A reply that may be changed, as those that come are. */
static ra_http_reply *reply_of(const char *body)
{
    char crc[16];
    ra_http_reply *r = ra_http_reply_new();
    assert_non_null(r);
    r->status = 200;
    r->body = strdup(body);
    r->len = strlen(body);
    snprintf(crc, sizeof crc, "%u", (unsigned)ra_crc32(ra_bytes_z(body)));
    ra_http_reply_add_header(r, RA_BYTES("content-type"), RA_BYTES("application/x-amz-json-1.0"));
    ra_http_reply_add_header(r, RA_BYTES("x-amz-crc32"), ra_bytes_z(crc));
    return r;
}

static void is(const ra_http_reply *r, const char *body)
{
    assert_int_equal(r->len, strlen(body));
    assert_memory_equal(r->body, body, r->len);
    assert_true(ra_op_reply_intact(r)); /* the checksum is right */
}

/* What only the proxy has asked for goes, wherever it stands; what is stored is the same. */
static void read_gives(const char *body, const char *reply, const char *given, uint64_t half_units)
{
    ra_cacheable *c;
    size_t n;
    ra_op *op = planned("GetItem", body);
    ra_http_reply *r = reply_of(reply);
    assert_true(ra_op_read_cacheable(op, r, 1, &c, &n));
    is(r, given);
    assert_int_equal(op->half_units, half_units);
    for (size_t i = 0; i < n; i++) {
        assert_payload(c[i].payload, given);
        assert_int_equal(c[i].blocks, half_units / 2);
        assert_int_equal(ra_op_payload_blocks(c[i].payload), half_units / 2);
        ra_bytes item = ra_op_payload_item(c[i].payload);
        assert_int_equal(c[i].negative, item.n == 0);
        if (item.n)
            assert_memory_equal(item.p, "{\"id\"", 5);
        ra_payload_unref(c[i].payload);
    }
    assert_int_equal(n, op->nparts);
    ra_http_reply_unref(r);
}

#define ITEM "\"Item\":{\"id\":{\"S\":\"a\"}}"

static void test_reads(void **state)
{
    (void)state;
    read_gives("{" KEY "}", "{" ITEM "," SAID "}", "{" ITEM "}", 6);
    read_gives("{" KEY "}", "{" SAID "," ITEM "}", "{" ITEM "}", 6);
    read_gives("{" KEY "}", "{ " SAID " , " ITEM " }", "{ " ITEM " }", 6);
    read_gives("{" KEY "}", "{" SAID "}", "{}", 6);
    read_gives("{" KEY "}", "{" ITEM "}", "{" ITEM "}", 0);
    read_gives("{" KEY ",\"ConsistentRead\":true}", "{" ITEM "," SAID "}", "{" ITEM "}", 6); /* a bypass */
}

/* A damaged reply is the client's to find out. */
static void test_damaged(void **state)
{
    (void)state;
    ra_cacheable *c;
    size_t n;
    ra_op *op = planned("GetItem", "{" KEY "}");
    ra_http_reply *r = reply_of("{" ITEM "," SAID "}");
    r->headers[1].value[0] ^= 1;
    assert_true(ra_op_read_cacheable(op, r, 1, &c, &n));
    assert_int_equal(n, 0);
    assert_int_equal(r->len, strlen("{" ITEM "," SAID "}"));
    ra_http_reply_unref(r);
}

static void test_asked_for_it_stays(void **state)
{
    (void)state;
    ra_cacheable *c;
    size_t n;
    ra_op *op = planned("GetItem", "{" KEY "," ASKED "}");
    ra_http_reply *r = reply_of("{" ITEM "," SAID "}");
    assert_true(ra_op_read_cacheable(op, r, 1, &c, &n));
    is(r, "{" ITEM "," SAID "}");
    assert_int_equal(op->half_units, 6);
    assert_int_equal(ra_op_payload_blocks(c[0].payload), 3);
    ra_payload_unref(c[0].payload);
    ra_http_reply_unref(r);
}

#define TWO                                                                                                  \
    "{\"RequestItems\":{\"users\":{\"Keys\":[{\"id\":{\"S\":\"a\"}},{\"id\":{\"S\":\"b\"}}]},"               \
    "\"others\":{\"Keys\":[{\"id\":{\"S\":\"c\"}}],\"ConsistentRead\":true}}}"
#define ITEMS "\"Responses\":{\"users\":[{\"id\":{\"S\":\"a\"}}],\"others\":[]},\"UnprocessedKeys\":{}"

static void test_batch(void **state)
{
    (void)state;
    ra_cacheable *c;
    size_t n;
    ra_op *op = planned("BatchGetItem", TWO);
    ra_http_reply *r =
        reply_of("{" ITEMS ",\"ConsumedCapacity\":[{\"TableName\":\"users\",\"CapacityUnits\":8.0},"
                 "{\"TableName\":\"others\",\"CapacityUnits\":1.0}]}");
    assert_true(ra_op_read_cacheable(op, r, 1, &c, &n));
    is(r, "{" ITEMS "}");
    assert_int_equal(op->half_units, 18);
    assert_int_equal(op->tables[0].half_units, 16);
    assert_int_equal(op->tables[1].half_units, 2);
    assert_int_equal(n, 2); /* the third is a consistent read, which isn't cached */
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(c[i].blocks, c[i].negative ? 1 : 7); /* of 8 in all */
        assert_int_equal(ra_op_payload_blocks(c[i].payload), c[i].blocks);
        ra_payload_unref(c[i].payload);
    }
    bool asked;
    assert_true(ra_op_batch_is_consistent(op, 0, &asked) && !asked);
    assert_true(ra_op_batch_is_consistent(op, 1, &asked) && asked);
    ra_http_reply_unref(r);
}

/* What is kept of a batch's items isn't more than DynamoDB has charged for them together. */
static void test_a_batch_that_is_cheaper_than_its_items_look(void **state)
{
    (void)state;
    enum { LARGE = 9000 };
    static char text[LARGE + 512], large[LARGE + 1];
    ra_cacheable *c;
    size_t n;
    uint32_t blocks = 0;
    ra_op *op = planned("BatchGetItem", TWO);
    memset(large, 'x', LARGE);
    snprintf(text, sizeof text,
             "{\"Responses\":{\"users\":[{\"id\":{\"S\":\"a\"},\"v\":{\"S\":\"%s\"}}],\"others\":[]},"
             "\"UnprocessedKeys\":{},\"ConsumedCapacity\":[{\"TableName\":\"users\",\"CapacityUnits\":2.0}]}",
             large);
    ra_http_reply *r = reply_of(text);
    assert_true(ra_op_read_cacheable(op, r, 1, &c, &n));
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        blocks += c[i].blocks;
        assert_int_equal(c[i].blocks, c[i].negative ? 0 : 2); /* by its size it is three */
        ra_payload_unref(c[i].payload);
    }
    assert_int_equal(blocks, 2);
    ra_http_reply_unref(r);
}

static void test_writes(void **state)
{
    (void)state;
    ra_op *op = planned("DeleteItem", "{" KEY "}");
    ra_http_reply *r = reply_of("{" SAID "}");
    ra_op_take_capacity(op, r);
    is(r, "{}");
    assert_int_equal(op->half_units, 6);
    ra_http_reply_unref(r);
}

/* Where an item begins and how much was read for it share 32 bits. */
static void test_meta(void **state)
{
    (void)state;
    uint32_t meta;
    assert_true(ra_op_meta(65535, 65536, &meta));
    assert_int_equal(meta, 0xffffffff);
    assert_true(ra_op_meta(8, 3, &meta));
    assert_int_equal(meta, 3 << 16 | 8);
    assert_false(ra_op_meta(65536, 3, &meta));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_is_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_asked_for_it_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_batch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_batch_that_is_cheaper_than_its_items_look, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_writes, set_up, tear_down),
        cmocka_unit_test(test_meta),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
