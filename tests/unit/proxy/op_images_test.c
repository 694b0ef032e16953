/* What writes have made of their items, where that is certain. */
#include "op_fixture.h"

#include "proxy/item_digest.h"
#include "proxy/op_images.h"
#include "proxy/op_plan.h"

static fixture *f;

static int set_up(void **state)
{
    (void)state;
    f = fixture_new();
    f->config.follow = true;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_free(f);
    return 0;
}

static ra_key named(const char *item)
{
    ra_key k;
    ra_json j;
    size_t at;
    assert_int_equal(ra_json_parse(&j, ra_bytes_z(item), NULL, &at), RA_JSON_OK);
    assert_true(ra_item_digest(&j, 0, &f->arena, &k));
    ra_json_free(&j);
    return k;
}

static size_t images(ra_op *op, int status, const char *reply, ra_own_image **v)
{
    canned c;
    size_t n = 99;
    assert_true(ra_op_write_images(op, canned_reply(&c, status, reply), &f->arena, v, &n));
    return n;
}

/* `item` NULL: it is gone. */
static void assert_image(const ra_own_image *v, size_t table, const ra_key *unit, const char *item)
{
    ra_key name;
    assert_int_equal(v->table, table);
    assert_true(ra_key_eq(&v->item, unit));
    assert_int_equal(v->has_image, item != NULL);
    if (item)
        name = named(item);
    else
        ra_item_digest_removed(&name);
    assert_true(ra_key_eq(&v->image, &name));
}

/* One image of the item a/b of the chat table, or none ("none"). */
static void expect(const char *name, const char *body, const char *reply, const char *item)
{
    ra_own_image *v;
    ra_op *op = fixture_plan(f, name, body);
    ra_key unit = unit_item(fixture_chat(f), "a", "b");
    bool none = item && strcmp(item, "none") == 0;
    size_t n = images(op, 200, reply, &v);
    if (n != (none ? 0 : 1))
        fail_msg("%zu images: %s", n, body);
    if (!none)
        assert_image(v, 0, &unit, item);
}

#define T    "{\"TableName\":\"chat\","
#define KEY  "\"Key\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"}}"
#define ITEM "{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"},\"n\":{\"N\":\"1.0\"}}"
#define PUT  T "\"Item\":" ITEM "}"

static void test_put_and_delete(void **state)
{
    (void)state;
    expect("PutItem", PUT, "{}", ITEM);
    expect("PutItem", PUT, "{\"Attributes\":{\"pk\":{\"S\":\"x\"}}}", ITEM);
    expect("PutItem", T "\"ReturnValues\":\"NONE\",\"Item\":" ITEM "}", "{}", ITEM);
    expect("DeleteItem", T KEY "}", "{}", NULL);
    expect("DeleteItem", T KEY ",\"ReturnValues\":\"ALL_OLD\"}", "{\"Attributes\":{}}", NULL);
}

static void test_what_is_not_certain(void **state)
{
    (void)state;
    expect("PutItem", T "\"Item\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"},\"n\":{\"S\":5}}}", "{}",
           "none");
    expect("PutItem", T "\"Item\":{\"pk\":{\"S\":\"a\"}}}", "{}", "none");
    expect("PutItem", T "\"Item\":7}", "{}", "none");
    expect("PutItem", T KEY "}", "{}", "none");
    expect("DeleteItem", T "\"Key\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":5}}}", "{}", "none");
    expect("PutItem", PUT, "not JSON", "none");
    expect("PutItem", PUT, "[]", "none");
    expect("ExecuteStatement", "{\"Statement\":\"DELETE FROM chat WHERE pk='a' AND sk='b'\"}", "{}", "none");
    expect("GetItem", T KEY "}", "{\"Item\":" ITEM "}", "none");
}

static void test_only_a_reply_that_says_so(void **state)
{
    ra_own_image *v;
    (void)state;
    ra_op *op = fixture_plan(f, "PutItem", PUT);
    assert_int_equal(images(op, 200, "{}", &v), 1);
    assert_int_equal(images(op, 400, "{\"__type\":\"ConditionalCheckFailedException\"}", &v), 0);
    assert_int_equal(images(op, 500, "{}", &v), 0);
    canned c;
    size_t n;
    ra_http_reply *reply = canned_reply(&c, 200, "{}");
    reply->result = RA_HTTP_TIMEOUT;
    assert_true(ra_op_write_images(op, reply, &f->arena, &v, &n));
    assert_int_equal(n, 0);
    canned_reply(&c, 200, "{}");
    c.crc[0] = c.crc[0] == '1' ? '2' : '1';
    assert_true(ra_op_write_images(op, &c.reply, &f->arena, &v, &n));
    assert_int_equal(n, 0);
}

static void test_only_of_tables_that_are_followed(void **state)
{
    (void)state;
    f->config.follow = false;
    expect("PutItem", PUT, "{}", "none");
    f->config.follow = true;
    expect("PutItem", "{\"TableName\":\"hidden\",\"Item\":" ITEM "}", "{}", "none");
    expect("PutItem", "{\"TableName\":\"unknown\",\"Item\":" ITEM "}", "{}", "none");
}

#define UPDATE(more)                                                                                         \
    T KEY ",\"UpdateExpression\":\"SET n=:n\",\"ExpressionAttributeValues\":{\":n\":{\"N\":\"1\"}}" more "}"
#define SHOWN "{\"Attributes\":" ITEM "}"

static void test_update(void **state)
{
    (void)state;
    expect("UpdateItem", UPDATE(",\"ReturnValues\":\"ALL_NEW\""), SHOWN, ITEM);
    expect("UpdateItem", UPDATE(",\"ReturnValues\":\"ALL_NEW\""), "{}", "none");
    expect("UpdateItem", UPDATE(",\"ReturnValues\":\"ALL_OLD\""), SHOWN, "none");
    expect("UpdateItem", UPDATE(",\"ReturnValues\":\"UPDATED_NEW\""), SHOWN, "none");
    expect("UpdateItem", UPDATE(",\"ReturnValues\":null"), SHOWN, "none");
    /* The proxy asks for the old image here: the reply's Attributes aren't the new one. */
    expect("UpdateItem", UPDATE(""), SHOWN, "none");
    /* A value that says it isn't what was asked. */
    expect("UpdateItem",
           T KEY ",\"UpdateExpression\":\"SET n=:n\",\"ExpressionAttributeValues\":{\":n\":{\"S\":"
                 "\"\\\"ALL_NEW\\\"\"}}}",
           SHOWN, "none");
}

/* The proxy itself has asked for the new image. */
static void test_update_that_the_proxy_asks_for(void **state)
{
    static const char *const bodies[] = {UPDATE(""), UPDATE(",\"ReturnValues\":\"NONE\"")};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        ra_own_image *v;
        ra_op *op = fixture_plan(f, "UpdateItem", bodies[i]);
        ra_key unit = unit_item(fixture_chat(f), "a", "b");
        op->nedits = 0;
        assert_true(ra_op_set_member(op, "ReturnValues", RA_BYTES("\"ALL_NEW\"")));
        assert_int_equal(images(op, 200, SHOWN, &v), 1);
        assert_image(v, 0, &unit, ITEM);
    }
}

#define BATCH(more)                                                                                          \
    "{\"RequestItems\":{\"chat\":[{\"PutRequest\":{\"Item\":" ITEM "}},{\"DeleteRequest\":{\"Key\":{"        \
    "\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"c\"}}}}" more "],\"users\":[{\"PutRequest\":{\"Item\":{\"id\":{"   \
    "\"S\":\"u\"}}}}]}}"

static void test_batch(void **state)
{
    ra_own_image *v;
    (void)state;
    ra_key b = unit_item(fixture_chat(f), "a", "b"), c = unit_item(fixture_chat(f), "a", "c"),
           u = unit_item(f->tables[1], "u", NULL);
    static const char *const whole[] = {"{}", "{\"UnprocessedItems\":{}}"};
    for (size_t i = 0; i < 2; i++) {
        ra_op *op = fixture_plan(f, "BatchWriteItem", BATCH(""));
        assert_int_equal(images(op, 200, whole[i], &v), 3);
        assert_image(&v[0], 0, &b, ITEM);
        assert_image(&v[1], 0, &c, NULL);
        assert_image(&v[2], 1, &u, "{\"id\":{\"S\":\"u\"}}");
    }
    static const char *const partly[] = {"{\"UnprocessedItems\":{\"users\":[]}}",
                                         "{\"UnprocessedItems\":null}", "{\"UnprocessedItems\":[]}"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(images(fixture_plan(f, "BatchWriteItem", BATCH("")), 200, partly[i], &v), 0);
    /* What isn't understood among them is left out. */
    ra_op *op = fixture_plan(f, "BatchWriteItem",
                             BATCH(",7,{},{\"PutRequest\":7},{\"DeleteRequest\":{\"Key\":{\"pk\":{\"S\":"
                                   "\"x\"}}}},{\"PutRequest\":{\"Item\":" ITEM "},\"DeleteRequest\":null}"));
    assert_int_equal(images(op, 200, "{}", &v), 3);
}

#define TRANSACT(more, rest)                                                                                 \
    "{\"TransactItems\":[{\"Put\":" PUT "},{\"Delete\":{\"TableName\":\"arn:aws:dynamodb:eu-west-1:"         \
    "123456789012:table/users\",\"Key\":{\"id\":{\"S\":\"u\"}}}}" more "]" rest "}"

static void test_transaction(void **state)
{
    ra_own_image *v;
    (void)state;
    ra_key b = unit_item(fixture_chat(f), "a", "b"), u = unit_item(f->tables[1], "u", NULL);
    ra_op *op = fixture_plan(f, "TransactWriteItems", TRANSACT("", ""));
    assert_int_equal(images(op, 200, "{}", &v), 2);
    assert_image(&v[0], 0, &b, ITEM);
    assert_image(&v[1], 1, &u, NULL);
    /* An update's image isn't known, a check changes nothing. */
    op = fixture_plan(f, "TransactWriteItems",
                      TRANSACT(",{\"Update\":{\"TableName\":\"chat\",\"Key\":{\"pk\":{\"S\":\"x\"},\"sk\":{"
                               "\"S\":\"y\"}},\"UpdateExpression\":\"REMOVE n\"}},{\"ConditionCheck\":{"
                               "\"TableName\":\"chat\"," KEY "}}",
                               ""));
    assert_int_equal(images(op, 200, "{}", &v), 2);
    /* Said again it may have done nothing. */
    op = fixture_plan(f, "TransactWriteItems", TRANSACT("", ",\"ClientRequestToken\":\"t\""));
    assert_int_equal(images(op, 200, "{}", &v), 0);
    op = fixture_plan(f, "TransactWriteItems",
                      "{\"TransactItems\":[7,{},{\"Put\":" PUT ",\"Delete\":7},{\"Put\":7}]}");
    assert_int_equal(images(op, 200, "{}", &v), 0);
}

/* A batch of which more is asked than DynamoDB takes: refused there; here it is bounded. */
static void test_too_many(void **state)
{
    char body[32768];
    ra_own_image *v;
    (void)state;
    size_t n = (size_t)snprintf(body, sizeof body, "{\"RequestItems\":{\"users\":[");
    for (int i = 0; i < RA_OP_MAX_KEYS + 20; i++)
        n += (size_t)snprintf(body + n, sizeof body - n,
                              "%s{\"PutRequest\":{\"Item\":{\"id\":{\"S\":\"%d\"}}}}", i ? "," : "", i);
    snprintf(body + n, sizeof body - n, "]}}");
    assert_int_equal(images(fixture_plan(f, "BatchWriteItem", body), 200, "{}", &v), RA_OP_MAX_KEYS);
}

static void test_without_memory(void **state)
{
    ra_own_image *v;
    ra_arena small;
    canned c;
    size_t n;
    (void)state;
    ra_op *op = fixture_plan(f, "PutItem", PUT);
    ra_arena_init(&small, 8);
    assert_false(ra_op_write_images(op, canned_reply(&c, 200, "{}"), &small, &v, &n));
    assert_int_equal(n, 0);
    ra_arena_free(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_put_and_delete, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_certain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_a_reply_that_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_of_tables_that_are_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_update, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_update_that_the_proxy_asks_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_batch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_transaction, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
