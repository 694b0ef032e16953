/* What is stored of a GetItem's or Query's reply, and what a coalesced reader is given. */
#include "op_fixture.h"

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

static ra_op *miss(const char *name, const char *body)
{
    ra_op *op = fixture_plan(f, name, body);
    assert_int_equal(op->nparts, 1);
    op->parts[0].upstream = true;
    return op;
}

#define GET          "{\"TableName\":\"users\",\"Key\":{\"id\":{\"S\":\"a\"}}"
#define GET_CAPACITY GET ",\"ReturnConsumedCapacity\":\"INDEXES\"}"
#define QUERY                                                                                                \
    "{\"TableName\":\"users\",\"KeyConditionExpression\":\"id = "                                            \
    ":p\",\"ExpressionAttributeValues\":{\":p\":{"                                                           \
    "\"S\":\"a\"}}"
#define ITEM                                                                                                 \
    "{\"b\":{\"B\":\"AAE=\"},\"u\":{\"S\":\"\xc3\xa9}\\u0001\"},\"id\":{\"S\":\"a\"},\"n\":{\"N\":\"1000\"}" \
    "}"
#define CAPACITY(n)                                                                                          \
    "\"ConsumedCapacity\":{\"TableName\":\"users\",\"CapacityUnits\":" n ",\"Table\":{\"CapacityUnits\":" n  \
    "}}"

static void crc(void **state)
{
    (void)state;
    assert_int_equal(ra_crc32(RA_BYTES("123456789")), 0xcbf43926u);
    assert_int_equal(ra_crc32(RA_BYTES("{}")), 2745614147u); /* as DynamoDB says of an empty reply */
    assert_int_equal(ra_crc32((ra_bytes){NULL, 0}), 0);
}

/* `stored` is NULL where nothing may be. */
static void stores(ra_op *op, const char *reply, const char *stored, bool negative)
{
    canned c;
    bool is_negative = false;
    ra_payload *p = fixture_cacheable(op, canned_reply(&c, 200, reply), &is_negative);
    if (!stored) {
        if (p)
            fail_msg("stored: %s", reply);
        return;
    }
    assert_payload(p, stored);
    assert_true(is_negative == negative);
    assert_true(ra_op_payload_is_negative(p) == negative); /* by its text alone */
    ra_payload_unref(p);
}

static void items(void **state)
{
    (void)state;
    ra_op *op = miss("GetItem", GET "}");
    stores(op, "{\"Item\":" ITEM "}", "{\"Item\":" ITEM "}", false);
    stores(op, " { \"Item\" : " ITEM " } ", " { \"Item\" : " ITEM " } ", false);
    stores(op, "{}", "{}", true);
    stores(op, "{\"Item\":{}}", "{\"Item\":{}}", false);
    static const char *const refused[] = {"",
                                          "[]",
                                          "null",
                                          "{\"Item\":" ITEM,
                                          "{\"Item\":[]}",
                                          "{\"Item\":null}",
                                          "{\"Item\":{},\"Item\":{}}",
                                          "{\"Item\":{},\"News\":1}",
                                          "{\"Item\":{\"a\":{\"S\":\"\xff\"}}}",
                                          "{\"Item\":{},\"ConsumedCapacity\":{}}",
                                          "{\"Items\":[]}"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        stores(op, refused[i], NULL, false);
    op = miss("GetItem", GET_CAPACITY);
    assert_true(op->capacity_asked);
    stores(op, "{\"Item\":" ITEM "," CAPACITY("0.5") "}", "{\"Item\":" ITEM "," CAPACITY("0.0") "}", false);
    stores(op, "{" CAPACITY("0.5") ",\"Item\":" ITEM "}", "{" CAPACITY("0.0") ",\"Item\":" ITEM "}", false);
    stores(op, "{" CAPACITY("1") "}", "{" CAPACITY("0.0") "}", true);
    stores(op, "{\"Item\":" ITEM "}", "{\"Item\":" ITEM "}", false);
}

static void queries(void **state)
{
    (void)state;
    ra_op *op = miss("Query", QUERY "}");
    static const char some[] = "{\"Items\":[" ITEM "],\"Count\":1,\"ScannedCount\":1}";
    static const char none[] = "{\"Items\":[],\"Count\":0,\"ScannedCount\":0}";
    static const char page[] =
        "{\"Items\":[],\"Count\":0,\"ScannedCount\":9,\"LastEvaluatedKey\":{\"id\":{\"S\":\"a\"}}}";
    stores(op, some, some, false);
    stores(op, none, none, true);
    stores(op, page, page, false);
    stores(op, "{\"Count\":0,\"ScannedCount\":0}", "{\"Count\":0,\"ScannedCount\":0}", true);
    stores(op, "{}", NULL, false);
    stores(op, "{\"Items\":[],\"Count\":\"0\"}", NULL, false);
    op = miss("Query", QUERY ",\"ReturnConsumedCapacity\":\"INDEXES\"}");
    stores(op,
           "{\"Count\":0,\"ConsumedCapacity\":{\"TableName\":\"users\",\"CapacityUnits\":0.5,"
           "\"GlobalSecondaryIndexes\":{\"5\":{\"CapacityUnits\":0.5}}}}",
           "{\"Count\":0,\"ConsumedCapacity\":{\"TableName\":\"users\",\"CapacityUnits\":0.0,"
           "\"GlobalSecondaryIndexes\":{\"5\":{\"CapacityUnits\":0.0}}}}",
           true);
}

static void replies_that_are_not_intact(void **state)
{
    (void)state;
    static char html[] = "text/html", gzip[] = "gzip", encoding[] = "content-encoding", other[] = "x-other";
    canned c;
    bool negative;
    ra_op *op = miss("GetItem", GET "}");
    assert_null(fixture_cacheable(op, canned_reply(&c, 400, "{}"), &negative));
    assert_null(fixture_cacheable(op, canned_reply(&c, 500, "{}"), &negative));
    assert_null(fixture_cacheable(op, canned_reply(&c, 206, "{}"), &negative));
    static const char *const sums[] = {"1",           "",          "x", "-1549353149", "2745614147x",
                                       " 2745614147", "7040581443"};
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        canned_reply(&c, 200, "{}");
        snprintf(c.crc, sizeof c.crc, "%s", sums[i]);
        assert_null(fixture_cacheable(op, &c.reply, &negative));
    }
    canned_reply(&c, 200, "{}");
    c.headers[0].value = html;
    assert_null(fixture_cacheable(op, &c.reply, &negative));
    canned_reply(&c, 200, "{}");
    c.headers[0].name = other;
    assert_null(fixture_cacheable(op, &c.reply, &negative));
    canned_reply(&c, 200, "{}");
    c.headers[1] = (ra_http_header){encoding, gzip};
    assert_null(fixture_cacheable(op, &c.reply, &negative));
    canned_reply(&c, 200, "{}");
    c.reply.result = RA_HTTP_CUT;
    assert_null(fixture_cacheable(op, &c.reply, &negative));
    canned_reply(&c, 200, "{}");
    c.headers[1].name = other; /* a checksum is not required */
    ra_payload *p = fixture_cacheable(op, &c.reply, &negative);
    assert_payload(p, "{}");
    ra_payload_unref(p);
    op->parts[0].upstream = false;
    assert_null(fixture_cacheable(op, canned_reply(&c, 200, "{}"), &negative));
}

static void coalesced_readers(void **state)
{
    (void)state;
    canned c;
    ra_buf b;
    ra_buf_init(&b, 4096);
    ra_op *op = miss("GetItem", GET "}");
    assert_false(ra_op_read_rewrites(op, true) || ra_op_read_rewrites(op, false));
    op = miss("GetItem", GET_CAPACITY);
    assert_false(ra_op_read_rewrites(op, false));
    assert_true(ra_op_read_rewrites(op, true));
    ra_http_reply *r = canned_reply(&c, 200, "{\"Item\":" ITEM "," CAPACITY("0.5") "}");
    assert_true(ra_op_read_reply(op, r, true, &b));
    assert_true(ra_bytes_eq_z(ra_buf_bytes(&b), "{\"Item\":" ITEM "," CAPACITY("0.0") "}"));
    ra_buf_clear(&b);
    assert_true(ra_op_read_reply(op, r, false, &b));
    assert_true(ra_bytes_eq_z(ra_buf_bytes(&b), r->body));
    assert_false(ra_op_read_reply(op, canned_reply(&c, 200, "{"), true, &b));
    assert_false(ra_op_read_reply(op, NULL, true, &b));
    ra_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc),
        cmocka_unit_test(items),
        cmocka_unit_test(queries),
        cmocka_unit_test(replies_that_are_not_intact),
        cmocka_unit_test(coalesced_readers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
