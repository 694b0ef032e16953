/* BatchGetItem's replies: the client's, put together from the cache's items and upstream's. */
#include "op_batch_fixture.h"

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

static void gives(ra_op *op, const char *reply, bool coalesced, const char *expected)
{
    canned c;
    ra_buf b;
    ra_json j;
    size_t at;
    ra_buf_init(&b, 64 << 20);
    bool ok = ra_op_read_reply(op, reply ? canned_reply(&c, 200, reply) : NULL, coalesced, &b);
    assert_true(ok == (expected != NULL));
    if (expected && !ra_bytes_eq_z(ra_buf_bytes(&b), expected))
        fail_msg("%.*s\nexpected %s", (int)b.n, b.p, expected);
    if (expected) {
        assert_true(ra_op_read_rewrites(op, coalesced) || strcmp(expected, reply) == 0);
        assert_int_equal(ra_json_parse(&j, ra_buf_bytes(&b), NULL, &at), RA_JSON_OK);
        ra_json_free(&j);
    }
    ra_buf_free(&b);
}

static void hits_alone(void **state)
{
    (void)state;
    const char *items[] = {ITEM("a"), NULL, ITEM("c")};
    ra_op *op = looked_up(f, BATCH("\"users\":{\"Keys\":[" U("a") "," U("b") "," U("c") "]}"), "0-0", items);
    gives(op, NULL, false, REPLY("\"users\":[" ITEM("a") "," ITEM("c") "]", ""));
    drop(op);
    op = looked_up(f, BATCH("\"users\":{\"Keys\":[" U("b") "]},\"chat\":{\"Keys\":[" C("a", "b") "]}"), "--",
                   NULL);
    gives(op, NULL, false, REPLY("\"users\":[],\"chat\":[]", ""));
    drop(op);
}

static void hits_and_misses(void **state)
{
    (void)state;
    static const char body[] = BATCH("\"users\":{\"Keys\":[" U("a") "," U("b") "," U(
        "c") "],\"ConsistentRead\":false},\"hidden\":{\"Keys\":[5]}");
    const char *items[] = {ITEM("a"), NULL, NULL};
    ra_op *op = looked_up(f, body, "011", items);
    gives(op, REPLY("\"users\":[" ITEM("c") "],\"hidden\":[{}]", ""), false,
          REPLY("\"users\":[" ITEM("c") "," ITEM("a") "],\"hidden\":[{}]", ""));
    gives(op, REPLY("\"users\":[],\"hidden\":[{}]", ""), false,
          REPLY("\"users\":[" ITEM("a") "],\"hidden\":[{}]", ""));
    gives(op, REPLY("\"hidden\":[ {} ]", ""), false,
          REPLY("\"users\":[" ITEM("a") "],\"hidden\":[ {} ]", ""));
    /* the rest keeps the client's own options */
    gives(op,
          REPLY("\"users\":[" ITEM("c") "],\"hidden\":[]",
                "\"users\":{\"Keys\":[" U("b") "],\"ConsistentRead\":true},\"hidden\":{\"Keys\":[5]}"),
          false,
          REPLY("\"users\":[" ITEM("c") "," ITEM("a") "],\"hidden\":[]",
                "\"users\":{\"ConsistentRead\":false,\"Keys\":[" U("b") "]},\"hidden\":{\"Keys\":[5]}"));
    /* what nobody knows stays as it is */
    gives(op, "{\"Responses\":{\"users\":[],\"new\":[1]},\"News\":{\"a\":1}}", false,
          "{\"Responses\":{\"users\":[" ITEM(
              "a") "],\"hidden\":[],\"new\":[1]},\"UnprocessedKeys\":{},\"News\":{\"a\":1}}");
    static const char *const wrong[] = {"",
                                        "{",
                                        "[]",
                                        "{}",
                                        "{\"Responses\":[]}",
                                        "{\"Responses\":{\"users\":{}}}",
                                        "{\"Responses\":{},\"UnprocessedKeys\":[]}",
                                        "{\"Responses\":{},\"UnprocessedKeys\":{\"users\":[]}}",
                                        "{\"Responses\":{},\"UnprocessedKeys\":{\"users\":{}}}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        gives(op, wrong[i], false, NULL);
    canned c;
    ra_buf b;
    ra_buf_init(&b, 4096);
    assert_false(ra_op_read_reply(op, canned_reply(&c, 400, REPLY("", "")), false, &b));
    ra_buf_free(&b);
    drop(op);
}

static void misses_alone(void **state)
{
    (void)state;
    static const char reply[] = "{\"Responses\": {\"users\":[" ITEM("a") "]} , \"UnprocessedKeys\":{}}";
    static const char rest[] =
        REPLY("\"users\":[]", "\"users\":{\"Keys\":[" U("a") "],\"ConsistentRead\":true}");
    ra_op *op = looked_up(f, BATCH("\"users\":{\"Keys\":[" U("a") "]}"), "1", NULL);
    assert_true(ra_op_read_rewrites(op, false)); /* a ConsistentRead was put in and may come back */
    gives(op, reply, false, reply);
    gives(op, rest, false, REPLY("\"users\":[]", "\"users\":{\"Keys\":[" U("a") "]}"));
    f->config.policy.consistent_fill = false;
    op = looked_up(f, BATCH("\"users\":{\"Keys\":[" U("a") "]}"), "1", NULL);
    assert_false(ra_op_read_rewrites(op, false));
    assert_false(ra_op_read_rewrites(op, true));
    f->config.policy.consistent_fill = true;
}

#define CAPACITY_REPLY(items, capacity)                                                                      \
    "{\"Responses\":{" items "},\"UnprocessedKeys\":{},\"ConsumedCapacity\":[" capacity "]}"

static void consumed_capacity(void **state)
{
    (void)state;
    const char *items[] = {ITEM("a"), ITEM("b")};
    static const char total[] = "{\"RequestItems\":{\"users\":{\"Keys\":[" U(
        "a") "]},\"others\":{\"Keys\":[" U("b") "]}},\"ReturnConsumedCapacity\":\"TOTAL\"}";
    static const char indexes[] =
        "{\"RequestItems\":{\"users\":{\"Keys\":[" U("a") "]}},\"ReturnConsumedCapacity\":\"INDEXES\"}";
    ra_op *op = looked_up(f, total, "00", items);
    gives(op, NULL, false,
          CAPACITY_REPLY("\"users\":[" ITEM("a") "],\"others\":[" ITEM("b") "]",
                         "{\"TableName\":\"users\",\"CapacityUnits\":0.0},{\"TableName\":\"others\","
                         "\"CapacityUnits\":0.0}"));
    drop(op);
    op = looked_up(f, total, "01", items);
    gives(op, CAPACITY_REPLY("\"others\":[]", "{\"TableName\":\"others\",\"CapacityUnits\":1.0}"), false,
          CAPACITY_REPLY("\"users\":[" ITEM("a") "],\"others\":[]",
                         "{\"TableName\":\"others\",\"CapacityUnits\":1.0},{\"TableName\":\"users\","
                         "\"CapacityUnits\":0.0}"));
    gives(op, CAPACITY_REPLY("\"others\":[]", "{\"TableName\":\"others\",\"CapacityUnits\":1.0}"), true,
          CAPACITY_REPLY("\"users\":[" ITEM("a") "],\"others\":[]",
                         "{\"TableName\":\"others\",\"CapacityUnits\":0.0},{\"TableName\":\"users\","
                         "\"CapacityUnits\":0.0}"));
    drop(op);
    op = looked_up(f, indexes, "0", items);
    gives(
        op, NULL, false,
        CAPACITY_REPLY("\"users\":[" ITEM("a") "]",
                       "{\"TableName\":\"users\",\"CapacityUnits\":0.0,\"Table\":{\"CapacityUnits\":0.0}}"));
    drop(op);
}

/* 100 cached items of 400 KB are more than one reply may hold: the rest is left for the client to ask again.
 */
static void replies_that_are_too_large(void **state)
{
    (void)state;
    enum { N = 100, SIZE = 400000 };
    ra_buf b;
    ra_buf_init(&b, 64 << 20);
    ra_buf_add_z(&b, "{\"RequestItems\":{\"users\":{\"AttributesToGet\":[\"id\",\"d\"],\"Keys\":[");
    for (int i = 0; i < N; i++)
        ra_buf_addf(&b, "%s{\"id\":{\"S\":\"%d\"}}", i ? "," : "", i);
    ra_buf_add_z(&b, "]}}}");
    ra_op *op = fixture_plan_bytes(f, "BatchGetItem", ra_buf_bytes(&b));
    assert_int_equal(op->nparts, N);
    char *text = malloc(SIZE);
    assert_non_null(text);
    memset(text, 'x', SIZE);
    int head = snprintf(text, SIZE, "{\"Item\":{\"d\":{\"S\":\"");
    text[head] = 'x';
    memcpy(text + SIZE - 4, "\"}}}", 4);
    ra_payload *p = ra_payload_new((ra_bytes){text, SIZE}, 0, 8, 0);
    free(text);
    for (size_t i = 0; i < N; i++)
        op->parts[i].look.payload = ra_payload_ref(p);
    ra_payload_unref(p);
    ra_buf_clear(&b);
    assert_true(ra_op_read_reply(op, NULL, false, &b));
    ra_json j;
    size_t at;
    assert_int_equal(ra_json_parse(&j, ra_buf_bytes(&b), NULL, &at), RA_JSON_OK);
    uint32_t items = ra_json_member(&j, ra_json_member(&j, 0, "Responses"), "users");
    uint32_t rest = ra_json_member(&j, ra_json_member(&j, 0, "UnprocessedKeys"), "users");
    assert_int_equal(ra_json_count(&j, items), (16 << 20) / (SIZE - 9));
    assert_int_equal(ra_json_count(&j, items) + ra_json_count(&j, ra_json_member(&j, rest, "Keys")), N);
    assert_int_equal(ra_json_count(&j, rest), 2);
    ra_json_free(&j);
    ra_buf_free(&b);
    drop(op);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hits_alone),
        cmocka_unit_test(hits_and_misses),
        cmocka_unit_test(misses_alone),
        cmocka_unit_test(consumed_capacity),
        cmocka_unit_test(replies_that_are_too_large),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
