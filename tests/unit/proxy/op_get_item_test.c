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

#define KEY "\"Key\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"}}"
#define GET "\"TableName\":\"chat\"," KEY

static ra_key request_of(const char *body)
{
    const ra_op *op = fixture_plan(f, "GetItem", body);
    if (op->bypass)
        fail_msg("bypassed (%s): %s", op->bypass, body);
    assert_int_equal(op->nparts, 1);
    return op->parts[0].look.request;
}

static void plan(void **state)
{
    (void)state;
    const ra_op *op = fixture_plan(f, "GetItem", "{" GET "}");
    const ra_table *t = fixture_chat(f);
    ra_key unit = unit_item(t, "a", "b");
    assert_null(op->bypass);
    assert_int_equal(op->nparts, 1);
    assert_true(ra_key_eq(&op->parts[0].look.unit, &unit));
    assert_int_equal(op->parts[0].look.nguards, 1);
    assert_true(ra_key_eq(&op->parts[0].look.guard[0], &t->key));
    assert_ptr_equal(op->parts[0].policy, &f->config.policy);
    assert_false(op->capacity_asked);
    assert_int_equal(op->nmarks, 0);
    assert_body(op, "{\"ConsistentRead\":true," GET "}");
    assert_body(fixture_plan(f, "GetItem", "{" GET ",\"ConsistentRead\" : false }"),
                "{" GET ",\"ConsistentRead\" : true }");
    f->config.policy.consistent_fill = false;
    assert_body(fixture_plan(f, "GetItem", "{" GET "}"), "{" GET "}");
    f->config.policy.consistent_fill = true;
}

/* The digest itself is a promise to entries in a shared store: changing it takes a new format version. */
static void golden_digest(void **state)
{
    (void)state;
    ra_key k = request_of("{" GET "}"); /* the value was computed apart, from the description of the format */
    char hex[2 * RA_KEY_BYTES + 1];
    for (size_t i = 0; i < RA_KEY_BYTES; i++)
        sprintf(hex + 2 * i, "%02x", k.b[i]);
    assert_string_equal(hex, "fff0d7ce1265d76a0eae65ad681fcf3270211f6e7440823c238ada445a129238");
}

static void same(const char *a, const char *b)
{
    ra_key x = request_of(a), y = request_of(b);
    if (!ra_key_eq(&x, &y))
        fail_msg("%s\n%s\nshould share an entry", a, b);
}

static void differ(const char *a, const char *b)
{
    ra_key x = request_of(a), y = request_of(b);
    if (ra_key_eq(&x, &y))
        fail_msg("%s\n%s\nmust not share an entry", a, b);
}

static void what_shares(void **state)
{
    (void)state;
    same("{" GET "}", "{ " KEY " ,\n\"TableName\":\t\"ch\\u0061t\" }");
    same("{" GET "}",
         "{\"TableName\":\"chat\",\"Key\":{\"s\\u006b\":{\"S\":\"\\u0062\"},\"pk\":{\"S\":\"a\"}}}");
    same("{" GET "}", "{" GET ",\"ConsistentRead\":false}");
    same("{" GET "}", "{" GET ",\"ReturnConsumedCapacity\":\"NONE\"}");
    same("{" GET "}", "{\"TableName\":\"arn:aws:dynamodb:ddblocal:000000000000:table/chat\"," KEY "}");
    same("{" GET
         ",\"ProjectionExpression\":\"#a, #b\",\"ExpressionAttributeNames\":{\"#a\":\"n\",\"#b\":\"m\"}}",
         "{\"ExpressionAttributeNames\":{\"#x\":\"m\",\"#y\":\"\\u006e\"},\"ProjectionExpression\":\"#y,#"
         "x\"," GET "}");
    same("{" GET ",\"AttributesToGet\":[\"a\",\"b\"]}",
         "{" GET ",\"AttributesToGet\":[ \"a\" , \"\\u0062\" ]}");
}

static void what_separates(void **state)
{
    (void)state;
    static const char *const v[] = {
        "{" GET "}",
        "{\"TableName\":\"chat\",\"Key\":{\"pk\":{\"S\":\"b\"},\"sk\":{\"S\":\"a\"}}}",
        "{\"TableName\":\"users\",\"Key\":{\"id\":{\"S\":\"a\"}}}",
        "{\"TableName\":\"others\",\"Key\":{\"id\":{\"S\":\"a\"}}}",
        "{" GET ",\"ProjectionExpression\":\"a\"}",
        "{" GET ",\"ProjectionExpression\":\"b\"}",
        "{" GET ",\"ProjectionExpression\":\"a,b\"}",
        "{" GET ",\"ProjectionExpression\":\"b,a\"}",
        "{" GET ",\"ProjectionExpression\":\"a.b\"}",
        "{" GET ",\"ProjectionExpression\":\"#a\",\"ExpressionAttributeNames\":{\"#a\":\"a\"}}",
        "{" GET ",\"ProjectionExpression\":\"#a\",\"ExpressionAttributeNames\":{\"#a\":\"b\"}}",
        "{" GET ",\"ProjectionExpression\":\"#a\",\"ExpressionAttributeNames\":{\"#a\":\"a.b\"}}",
        "{" GET
        ",\"ProjectionExpression\":\"#a,#b\",\"ExpressionAttributeNames\":{\"#a\":\"a\",\"#b\":\"b\"}}",
        "{" GET
        ",\"ProjectionExpression\":\"#a,#b\",\"ExpressionAttributeNames\":{\"#a\":\"b\",\"#b\":\"a\"}}",
        "{" GET ",\"AttributesToGet\":[\"a\"]}",
        "{" GET ",\"AttributesToGet\":[\"a\",\"b\"]}",
        "{" GET ",\"AttributesToGet\":[\"ab\"]}",
        "{" GET ",\"AttributesToGet\":[]}",
        "{" GET ",\"ReturnConsumedCapacity\":\"TOTAL\"}",
        "{" GET ",\"ReturnConsumedCapacity\":\"INDEXES\"}",
        "{\"TableName\":\"arn:aws:dynamodb:ddblocal:0:table/chat\"," KEY
        ",\"ReturnConsumedCapacity\":\"TOTAL\"}",
    };
    for (size_t i = 0; i < sizeof v / sizeof *v; i++)
        for (size_t k = i + 1; k < sizeof v / sizeof *v; k++)
            differ(v[i], v[k]);
}

static void bypasses(void **state)
{
    (void)state;
    static const char *const v[][2] = {
        {"{\"TableName\":\"hidden\"," KEY "}", "table-not-configured"},
        {"{\"TableName\":\"nosuch\"," KEY "}", "schema-unknown"},
        {"{" KEY "}", "not-understood"},
        {"{\"TableName\":5," KEY "}", "schema-unknown"},
        {"{\"TableName\":\"chat\"}", "key"},
        {"{" GET ",\"Foo\":1}", "not-understood"},
        {"{" GET ",\"consistentRead\":true}", "not-understood"},
        {"{" GET ",\"ConsistentRead\":null}", "not-understood"},
        {"{" GET ",\"ConsistentRead\":\"true\"}", "not-understood"},
        {"{" GET ",\"ConsistentRead\":true}", "consistent-read"},
        {"{" GET ",\"AttributesToGet\":null}", "not-understood"},
        {"{" GET ",\"ReturnConsumedCapacity\":\"total\"}", "not-understood"},
        {"{" GET ",\"ReturnConsumedCapacity\":5}", "not-understood"},
        {"{\"TableName\":\"chat\",\"Key\":{\"pk\":{\"S\":\"a\"}}}", "key"},
        {"{\"TableName\":\"chat\",\"Key\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"},\"x\":{\"S\":\"b\"}}}",
         "key"},
        {"{\"TableName\":\"chat\",\"Key\":{\"pk\":{\"S\":\"a\"},\"SK\":{\"S\":\"b\"}}}", "key"},
        {"{\"TableName\":\"chat\",\"Key\":{\"pk\":{\"N\":\"1\"},\"sk\":{\"S\":\"b\"}}}", "key"},
        {"{\"TableName\":\"chat\",\"Key\":{\"pk\":{\"S\":\"a\",\"N\":null},\"sk\":{\"S\":\"b\"}}}", "key"},
        {"{\"TableName\":\"chat\",\"Key\":{\"pk\":{\"S\":\"a\",\"Foo\":1},\"sk\":{\"S\":\"b\"}}}", "key"},
        {"{\"TableName\":\"chat\",\"Key\":{\"pk\":{\"S\":5},\"sk\":{\"S\":\"b\"}}}", "key"},
        {"{\"TableName\":\"chat\",\"Key\":[]}", "key"},
        {"{\"TableName\":\"numbers\",\"Key\":{\"id\":{\"N\":\"0x1\"}}}", "key"},
        {"{\"TableName\":\"numbers\",\"Key\":{\"id\":{\"N\":\"1 \"}}}", "key"},
        {"{\"TableName\":\"blobs\",\"Key\":{\"id\":{\"B\":\"AA\"}}}", "key"},
        {"{" GET ",\"ExpressionAttributeNames\":{\"#a\":\"b\"}}", "placeholder"},
        {"{" GET ",\"ExpressionAttributeNames\":{}}", "placeholder"},
        {"{" GET ",\"ProjectionExpression\":\"#a\"}", "placeholder"},
        {"{" GET ",\"ProjectionExpression\":5}", "placeholder"},
        {"{" GET ",\"ProjectionExpression\":\"a\",\"ExpressionAttributeNames\":{\"#b\":\"b\"}}",
         "placeholder"},
    };
    for (size_t i = 0; i < sizeof v / sizeof *v; i++)
        assert_bypass(f, "GetItem", v[i][0], v[i][1]);
}

/* What is understood but not cached is read consistently; what isn't understood goes as it is. */
static void bypassed_bodies(void **state)
{
    (void)state;
    static const char *const v[][2] = {
        {"{" GET ",\"Foo\":1}", "{" GET ",\"Foo\":1}"},
        {"{\"TableName\":\"hidden\"," KEY "}", "{\"TableName\":\"hidden\"," KEY "}"},
        {"{\"TableName\":\"nosuch\"," KEY "}", "{\"TableName\":\"nosuch\"," KEY "}"},
        {"{" GET ",\"ConsistentRead\":true}", "{" GET ",\"ConsistentRead\":true}"},
        {"{" GET ",\"ConsistentRead\":\"x\"}", "{" GET ",\"ConsistentRead\":\"x\"}"},
        {"{" GET ",\"ProjectionExpression\":\"#a\"}",
         "{\"ConsistentRead\":true," GET ",\"ProjectionExpression\":\"#a\"}"},
        {"{\"TableName\":\"chat\",\"ConsistentRead\":false}",
         "{\"TableName\":\"chat\",\"ConsistentRead\":true}"},
    };
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        const ra_op *op = fixture_plan(f, "GetItem", v[i][0]);
        assert_non_null(op->bypass);
        assert_body(op, v[i][1]);
    }
}

static void policies(void **state)
{
    (void)state;
    char hot[] = "hot*", never[] = "never*";
    ra_pattern patterns[] = {
        {.policy = {.name = "hot", .ttl = 1, .consistent_fill = false}, .partition_key = hot},
        {.policy = {.name = "never", .consistent_fill = true}, .partition_key = never}};
    f->config.patterns = patterns;
    f->config.npatterns = 2;
    const ra_op *op =
        fixture_plan(f, "GetItem", "{\"TableName\":\"users\",\"Key\":{\"id\":{\"S\":\"hot-1\"}}}");
    assert_ptr_equal(op->parts[0].policy, &patterns[0].policy);
    assert_true(ra_op_body_is_original(op));
    assert_bypass(f, "GetItem", "{\"TableName\":\"users\",\"Key\":{\"id\":{\"S\":\"never\"}}}", "ttl-0");
    assert_false(ra_op_body_is_original(&f->op));
    op = fixture_plan(f, "GetItem", "{\"TableName\":\"users\",\"Key\":{\"id\":{\"S\":\"a\"}}}");
    assert_ptr_equal(op->parts[0].policy, &f->config.policy);
    f->config.npatterns = 0;
    f->config.patterns = NULL;
    f->tables[0]->active = false;
    assert_bypass(f, "GetItem", "{" GET "}", "table-not-active");
    f->tables[0]->active = true;
}

static void consistent_reads_that_are_served(void **state)
{
    (void)state;
    const char *body = "{" GET ",\"ConsistentRead\":true}";
    f->config.policy.serve_consistent_reads = true;
    assert_bypass(f, "GetItem", body, "consistent-read");
    f->config.consistency = RA_LINEARIZABLE;
    same(body, "{" GET "}");
    f->config.policy.consistent_fill = false;
    assert_bypass(f, "GetItem", body, "consistent-read");
    f->config.policy.consistent_fill = true;
    f->config.policy.serve_consistent_reads = false;
    assert_bypass(f, "GetItem", body, "consistent-read");
    f->config.consistency = RA_READ_AFTER_WRITE;
}

/* The unit that a read names is the one that a write marks. */
static void agree(const char *table, const char *read_key, const char *written_key)
{
    char body[2048];
    snprintf(body, sizeof body, "{\"TableName\":\"%s\",\"Key\":%s}", table, read_key);
    const ra_op *op = fixture_plan(f, "GetItem", body);
    if (op->bypass)
        fail_msg("bypassed (%s): %s", op->bypass, body);
    ra_key unit = op->parts[0].look.unit;
    snprintf(body, sizeof body, "{\"TableName\":\"%s\",\"Item\":%s}", table, written_key);
    op = fixture_plan(f, "PutItem", body);
    if (!fixture_marks(op->marks, op->nmarks, &unit, 0))
        fail_msg("%s isn't marked by a write of %s", read_key, written_key);
    snprintf(body, sizeof body, "{\"RequestItems\":{\"%s\":[{\"PutRequest\":{\"Item\":%s}}]}}", table,
             written_key);
    op = fixture_plan(f, "BatchWriteItem", body);
    assert_true(fixture_marks(op->marks, op->nmarks, &unit, 0));
}

static void reads_and_writes_agree_on_units(void **state)
{
    (void)state;
    static const char *const numbers[] = {"1", "1.0", "1e0", "+1", "01", "10e-1", "0.1E1", "1.000", "100e-2"};
    static const char *const big[] = {"9007199254740993", "9007199254740993.0", "9.007199254740993e15",
                                      "9007199254740993000e-3"};
    char a[128], b[128];
    agree("chat", "{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"}}",
          "{\"x\":{\"M\":{}},\"sk\":{\"S\":\"\\u0062\"},\"p\\u006b\":{\"S\":\"\\u0061\"}}");
    agree("users", "{\"id\":{\"S\":\"a\\u0000b\"}}", "{\"id\":{\"S\":\"a\\u0000b\"},\"x\":{\"N\":\"1\"}}");
    agree("users", "{\"id\":{\"S\":\"\xf0\x9f\x98\x80\"}}", "{\"id\":{\"S\":\"\\ud83d\\ude00\"}}");
    agree("blobs", "{\"id\":{\"B\":\"AAE=\"}}", "{\"id\":{\"B\":\"\\u0041AE\\u003d\"}}");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        snprintf(a, sizeof a, "{\"id\":{\"N\":\"%s\"}}", numbers[i]);
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
            snprintf(b, sizeof b, "{\"id\":{\"N\":\"%s\"}}", numbers[k]);
            agree("numbers", a, b);
        }
    }
    for (size_t i = 0; i < sizeof big / sizeof *big; i++) {
        snprintf(a, sizeof a, "{\"id\":{\"N\":\"%s\"}}", big[i]);
        agree("numbers", a, "{\"id\":{\"N\":\"9007199254740993\"}}");
    }
    ra_key x = request_of("{\"TableName\":\"numbers\",\"Key\":{\"id\":{\"N\":\"9007199254740993\"}}}");
    ra_key y = request_of("{\"TableName\":\"numbers\",\"Key\":{\"id\":{\"N\":\"9007199254740992\"}}}");
    assert_false(ra_key_eq(&x, &y));
    x = request_of("{\"TableName\":\"users\",\"Key\":{\"id\":{\"S\":\"a\\u0000b\"}}}");
    y = request_of("{\"TableName\":\"users\",\"Key\":{\"id\":{\"S\":\"a\"}}}");
    assert_false(ra_key_eq(&x, &y));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plan),
        cmocka_unit_test(golden_digest),
        cmocka_unit_test(what_shares),
        cmocka_unit_test(what_separates),
        cmocka_unit_test(bypasses),
        cmocka_unit_test(bypassed_bodies),
        cmocka_unit_test(policies),
        cmocka_unit_test(consistent_reads_that_are_served),
        cmocka_unit_test(reads_and_writes_agree_on_units),

    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
