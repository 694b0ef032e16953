/* BatchGetItem: its plan and the body that goes upstream. */
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

#define U(id)    "{\"id\":{\"S\":\"" id "\"}}"
#define C(a, b)  "{\"pk\":{\"S\":\"" a "\"},\"sk\":{\"S\":\"" b "\"}}"
#define BATCH(x) "{\"RequestItems\":{" x "}}"

static ra_op *plan(const char *body, size_t parts, size_t uncached)
{
    ra_op *op = fixture_plan(f, "BatchGetItem", body);
    if (op->nparts != parts || op->nuncached != uncached)
        fail_msg("%s: %zu parts, %zu without (%s)", body, op->nparts, op->nuncached,
                 op->bypass ? op->bypass : "");
    assert_true((op->bypass != NULL) == (parts == 0));
    return op;
}

/* Sets which parts are read upstream: one character each, '1' or '0'. */
static void upstream(ra_op *op, const char *which)
{
    assert_int_equal(strlen(which), op->nparts);
    for (size_t i = 0; i < op->nparts; i++)
        op->parts[i].upstream = which[i] == '1';
}

static void plans(void **state)
{
    (void)state;
    const ra_table *chat = fixture_chat(f);
    ra_op *op = plan(
        BATCH("\"users\":{\"Keys\":[" U("a") "," U("b") "]},\"chat\":{\"Keys\":[" C("a", "b") "]}"), 3, 0);
    ra_key unit[] = {unit_item(f->tables[1], "a", NULL), unit_item(f->tables[1], "b", NULL),
                     unit_item(chat, "a", "b")};
    for (size_t i = 0; i < 3; i++) {
        assert_true(ra_key_eq(&op->parts[i].look.unit, &unit[i]));
        assert_int_equal(op->parts[i].look.nguards, 1);
        assert_true(ra_key_eq(&op->parts[i].look.guard[0], i < 2 ? &f->tables[1]->key : &chat->key));
        assert_int_equal(op->parts[i].table, i / 2);
    }
    assert_true(ra_bytes_eq(ra_json_raw(&op->json, op->parts[2].key_token), RA_BYTES(C("a", "b"))));
}

static void share(const char *table, const char *key, const char *options, bool shared)
{
    char body[1024];
    snprintf(body, sizeof body, "{\"TableName\":\"%s\",\"Key\":%s%s}", table, key, options);
    const ra_op *op = fixture_plan(f, "GetItem", body);
    assert_int_equal(op->nparts, 1);
    ra_lookup get = op->parts[0].look;
    snprintf(body, sizeof body, BATCH("\"%s\":{\"Keys\":[%s]%s}"), table, key, options);
    op = fixture_plan(f, "BatchGetItem", body);
    if (!shared) {
        assert_int_equal(op->nparts, 0);
        return;
    }
    assert_int_equal(op->nparts, 1);
    assert_true(ra_key_eq(&get.unit, &op->parts[0].look.unit));
    assert_true(ra_key_eq(&get.request, &op->parts[0].look.request));
}

static void a_key_is_the_entry_of_a_get_item(void **state)
{
    (void)state;
    share("users", U("a"), "", true);
    share("chat", C("a", "b"), "", true);
    share("chat", C("a", "b"), ",\"ConsistentRead\":false", true);
    share("chat", C("a", "b"), ",\"ProjectionExpression\":\"sk, x, pk\"", true);
    share("chat", C("a", "b"),
          ",\"ProjectionExpression\":\"#s, pk\",\"ExpressionAttributeNames\":{\"#s\":\"sk\"}", true);
    share("chat", C("a", "b"), ",\"AttributesToGet\":[\"pk\",\"sk\",\"x\"]", true);
    /* Without its key an item in the reply can't be told from another. */
    share("chat", C("a", "b"), ",\"ProjectionExpression\":\"pk\"", false);
    share("chat", C("a", "b"), ",\"ProjectionExpression\":\"pk, sk.x\"", false);
    share("chat", C("a", "b"), ",\"AttributesToGet\":[\"sk\",\"x\"]", false);
    share("chat", C("a", "b"), ",\"AttributesToGet\":[]", false);
}

static void capacity_does_not_separate(void **state)
{
    (void)state;
    ra_key k = plan(BATCH("\"users\":{\"Keys\":[" U("a") "]}"), 1, 0)->parts[0].look.request;
    ra_op *op = plan(
        "{\"RequestItems\":{\"users\":{\"Keys\":[" U("a") "]}},\"ReturnConsumedCapacity\":\"TOTAL\"}", 1, 0);
    assert_true(op->capacity_asked);
    assert_true(ra_key_eq(&k, &op->parts[0].look.request));
}

static void what_bypasses_as_a_whole(void **state)
{
    (void)state;
    static const char *const v[][2] = {
        {"{}", "not-understood"},
        {"{\"RequestItems\":{}}", "not-understood"},
        {"{\"RequestItems\":[]}", "not-understood"},
        {"{\"RequestItems\":null}", "not-understood"},
        {"{\"RequestItems\":{\"users\":{\"Keys\":[" U("a") "]}},\"X\":1}", "not-understood"},
        {"{\"RequestItems\":{\"users\":{\"Keys\":[" U("a") "]}},\"ReturnConsumedCapacity\":\"x\"}",
         "not-understood"},
        {BATCH("\"users\":{\"Keys\":[" U("a") "],\"X\":1}"), "not-understood"},
        {BATCH("\"users\":{\"Keys\":[" U("a") "],\"ConsistentRead\":null}"), "not-understood"},
        {BATCH("\"users\":{\"Keys\":[" U("a") "],\"ConsistentRead\":1}"), "not-understood"},
        {BATCH("\"users\":{\"Keys\":[]}"), "not-understood"},
        {BATCH("\"users\":{\"Keys\":[" U("a") "]},\"others\":{\"Keys\":[]}"), "not-understood"},
        {BATCH("\"users\":{\"Keys\":[" U("a") "]},\"hidden\":{\"Foo\":[]}"), "not-understood"},
        {BATCH("\"users\":{\"Keys\":{}}"), "not-understood"},
        {BATCH("\"users\":[" U("a") "]"), "not-understood"},
        {BATCH("\"users\":{\"Keys\":[" U("a") ",5]}"), "key"},
        {BATCH("\"users\":{\"Keys\":[{\"id\":{\"N\":\"1\"}}]}"), "key"},
        {BATCH("\"users\":{\"Keys\":[{\"id\":{\"S\":\"a\"},\"x\":{\"S\":\"a\"}}]}"), "key"},
        {BATCH("\"users\":{\"Keys\":[" U("a") "," U("b") "," U("\\u0061") "]}"), "duplicate-keys"},
        {BATCH("\"numbers\":{\"Keys\":[{\"id\":{\"N\":\"1\"}},{\"id\":{\"N\":\"1.0\"}}]}"), "duplicate-keys"},
        {BATCH("\"users\":{\"Keys\":[" U("a") "," U("a") "],\"ProjectionExpression\":\"x\"}"),
         "duplicate-keys"},
        {BATCH("\"users\":{\"Keys\":[" U(
             "a") "]},\"arn:aws:dynamodb:eu-west-1:123456789012:table/users\":{\"Keys\":[" U("b") "]}"),
         "not-understood"},
    };
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        assert_bypass(f, "BatchGetItem", v[i][0], v[i][1]);
        assert_body(&f->op, v[i][0]);
    }
}

static void too_many(void **state)
{
    (void)state;
    ra_buf b;
    ra_buf_init(&b, 1 << 20);
    for (int n = 100; n <= 101; n++) {
        ra_buf_clear(&b);
        ra_buf_add_z(&b, "{\"RequestItems\":{\"hidden\":{\"Keys\":[{}]},\"users\":{\"Keys\":[");
        for (int i = 1; i < n; i++)
            ra_buf_addf(&b, "%s{\"id\":{\"S\":\"%d\"}}", i > 1 ? "," : "", i);
        ra_buf_add_z(&b, "]}}}");
        const ra_op *op = fixture_plan_bytes(f, "BatchGetItem", ra_buf_bytes(&b));
        assert_int_equal(op->nparts, n == 100 ? 99 : 0);
        assert_int_equal(op->nuncached, n == 100 ? 1 : 0);
    }
    ra_buf_clear(&b);
    ra_buf_add_z(&b, "{\"RequestItems\":{");
    for (int i = 0; i < 200; i++)
        ra_buf_addf(&b, "%s\"t%d\":{\"Keys\":[{}]}", i ? "," : "", i);
    ra_buf_add_z(&b, "}}");
    assert_int_equal(fixture_plan_bytes(f, "BatchGetItem", ra_buf_bytes(&b))->ntables, 0);
    assert_non_null(f->op.bypass);
    ra_buf_free(&b);
}

static void keys_without_a_part(void **state)
{
    (void)state;
    char never[] = "never*";
    ra_pattern pattern = {.policy = {.name = "never"}, .partition_key = never};
    plan(BATCH("\"users\":{\"Keys\":[" U("a") "]},\"hidden\":{\"Keys\":[5,6]}"), 1, 2);
    plan(BATCH("\"users\":{\"Keys\":[" U("a") "]},\"nosuch\":{\"Keys\":[{}]}"), 1, 1);
    assert_string_equal(plan(BATCH("\"nosuch\":{\"Keys\":[{}]}"), 0, 1)->bypass, "schema-unknown");
    assert_string_equal(
        plan(BATCH("\"users\":{\"Keys\":[" U("a") "],\"ConsistentRead\":true}"), 0, 1)->bypass,
        "consistent-read");
    assert_string_equal(
        plan(BATCH("\"users\":{\"Keys\":[" U("a") "],\"ProjectionExpression\":\"x\"}"), 0, 1)->bypass,
        "projection-without-key");
    assert_string_equal(
        plan(BATCH("\"users\":{\"Keys\":[" U("a") "],\"ExpressionAttributeNames\":{\"#a\":\"x\"}}"), 0, 1)
            ->bypass,
        "placeholder");
    f->config.patterns = &pattern;
    f->config.npatterns = 1;
    plan(BATCH("\"users\":{\"Keys\":[" U("never-1") "," U("a") "," U("never-2") "]}"), 1, 2);
    f->config.npatterns = 0;
    f->config.patterns = NULL;
}

static void bodies(void **state)
{
    (void)state;
    static const char two[] = "{ \"RequestItems\" : {\"users\":{\"Keys\":[" U("a") " , " U(
        "b") "]},\"ch\\u0061t\":{\"ProjectionExpression\":\"pk,sk\",\"Keys\":[" C("a",
                                                                                  "b") "], "
                                                                                       "\"ConsistentRead\" : "
                                                                                       "false "
                                                                                       "}},"
                                                                                       "\"ReturnConsumedCapac"
                                                                                       "ity\":\"TOTAL\"}";
    ra_op *op = plan(two, 3, 0);
    upstream(op, "111");
    assert_body(op, "{\"RequestItems\":{\"users\":{\"ConsistentRead\":true,\"Keys\":[" U("a") "," U(
                        "b") "]},\"ch\\u0061t\":{\"ConsistentRead\":true,"
                             "\"ProjectionExpression\":\"pk,sk\",\"Keys\":[" C(
                                 "a", "b") "]}},\"ReturnConsumedCapacity\":\"TOTAL\"}");
    upstream(op, "010");
    assert_body(op, "{\"RequestItems\":{\"users\":{\"ConsistentRead\":true,\"Keys\":[" U(
                        "b") "]}},\"ReturnConsumedCapacity\":\"TOTAL\"}");
    upstream(op, "001");
    assert_body(op, "{\"RequestItems\":{\"ch\\u0061t\":{\"ConsistentRead\":true,\"ProjectionExpression\":"
                    "\"pk,sk\",\"Keys\":[" C("a", "b") "]}},"
                                                       "\"ReturnConsumedCapacity\":\"TOTAL\"}");
    f->config.policy.consistent_fill = false;
    op = plan(two, 3, 0);
    upstream(op, "111");
    assert_body(op, two);
    upstream(op, "001");
    assert_body(op,
                "{\"RequestItems\":{\"ch\\u0061t\":{\"ProjectionExpression\":\"pk,sk\",\"ConsistentRead\":"
                "false,\"Keys\":[" C("a", "b") "]}},"
                                               "\"ReturnConsumedCapacity\":\"TOTAL\"}");
    f->config.policy.consistent_fill = true;
    /* keys without a part go always; a table that isn't cached isn't edited */
    op = plan(BATCH("\"users\":{\"Keys\":[" U("a") "]},\"hidden\":{\"Keys\":[1,2],\"ConsistentRead\":false}"),
              1, 2);
    upstream(op, "0");
    assert_body(op, BATCH("\"hidden\":{\"ConsistentRead\":false,\"Keys\":[1,2]}"));
    op = plan(
        BATCH("\"users\":{\"Keys\":[" U("a") "],\"ConsistentRead\":true},\"others\":{\"Keys\":[" U("a") "]}"),
        1, 1);
    upstream(op, "0");
    assert_body(op, BATCH("\"users\":{\"ConsistentRead\":true,\"Keys\":[" U("a") "]}"));
    /* read consistently also where nothing is cached */
    op = plan(BATCH("\"users\":{\"Keys\":[" U("a") "],\"ProjectionExpression\":\"x\"}"), 0, 1);
    assert_body(op, BATCH("\"users\":{\"ConsistentRead\":true,\"ProjectionExpression\":\"x\",\"Keys\":[" U(
                        "a") "]}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans),
        cmocka_unit_test(a_key_is_the_entry_of_a_get_item),
        cmocka_unit_test(capacity_does_not_separate),
        cmocka_unit_test(what_bypasses_as_a_whole),
        cmocka_unit_test(too_many),
        cmocka_unit_test(keys_without_a_part),
        cmocka_unit_test(bodies),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
