/* PutItem, UpdateItem, DeleteItem: what is marked before, what after, what the client sees of the old image.
 */
#include "op_fixture.h"

#include "proxy/item_digest.h"

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

#define T         "{\"TableName\":\"chat\","
#define KEY       "\"Key\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"}}"
#define DELETE    T KEY
#define PUT(more) T "\"Item\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"}" more "}"

/* What may be marked for the item a/b of the chat table. */
enum {
    ITEM = 1,   /* and its partition */
    BY_SK = 2,  /* the partition "b" of the index on the sort key: always known */
    NEW = 4,    /* by-g's partition "new" */
    OLD = 8,    /* by-g's partition "old" */
    INDEX = 16, /* by-g as a whole */
    TABLE = 32, /* the table and both indexes as a whole */
    USUAL = ITEM | BY_SK
};

static void assert_marks(const ra_mark *v, size_t n, unsigned expected, const char *body)
{
    const ra_table *t = fixture_chat(f);
    ra_key item = unit_item(t, "a", "b"), partition = unit_partition(t, "a"),
           sk = unit_index(t, "by-sk", "b");
    ra_key new = unit_index(t, "by-g", "new"), old = unit_index(t, "by-g", "old");
    const ra_key *by_g = &index_of(t, "by-g")->guard, *by_sk = &index_of(t, "by-sk")->guard;
    unsigned found = 0;
    size_t count = 0;
    if (fixture_marks(v, n, &item, 0) && fixture_marks(v, n, &partition, 0)) {
        found |= ITEM;
        count += 2;
    }
    found |= fixture_marks(v, n, &sk, FIXTURE_SETTLE) ? BY_SK : 0;
    found |= fixture_marks(v, n, &new, FIXTURE_SETTLE) ? NEW : 0;
    found |= fixture_marks(v, n, &old, FIXTURE_SETTLE) ? OLD : 0;
    if (fixture_marks(v, n, &t->key, 0)) {
        assert_true(fixture_marks(v, n, by_g, FIXTURE_SETTLE) && fixture_marks(v, n, by_sk, FIXTURE_SETTLE));
        found |= TABLE;
        count += 3;
    } else if (fixture_marks(v, n, by_g, FIXTURE_SETTLE)) {
        found |= INDEX;
        count++;
    }
    count += (found & BY_SK ? 1u : 0u) + (found & NEW ? 1u : 0u) + (found & OLD ? 1u : 0u);
    if (found != expected || count != n)
        fail_msg("%s: marks %u (%zu of %zu), expected %u", body, found, count, n, expected);
    for (size_t i = 1; i < n; i++)
        assert_true(v[i - 1].settle <= v[i].settle);
}

static ra_op *planned(const char *name, const char *body, unsigned marks)
{
    ra_op *op = fixture_plan(f, name, body);
    assert_marks(op->marks, op->nmarks, marks, body);
    assert_int_equal(op->nparts, 0);
    return op;
}

/* Is the old image asked for, and the body otherwise as it was? */
static void assert_asks(const ra_op *op, bool asks)
{
    char expected[4096];
    ra_json j;
    size_t at;
    char *body = fixture_body(op);
    assert_int_equal(ra_json_parse(&j, ra_bytes_z(body), NULL, &at), RA_JSON_OK);
    bool has = ra_json_string_is(&j, ra_json_member(&j, 0, "ReturnValues"), "ALL_OLD");
    ra_json_free(&j);
    assert_true(ra_op_body_is_original(op) == !asks);
    assert_true(!asks || has);
    snprintf(expected, sizeof expected, "{\"ReturnValues\":\"ALL_OLD\",%.*s", (int)(op->body.n - 1),
             op->body.p + 1);
    if (asks && !memmem(op->body.p, op->body.n, "ReturnValues", 12))
        assert_string_equal(body, expected);
    free(body);
}

static void after(ra_op *op, const char *reply, unsigned marks)
{
    canned c;
    ra_mark *v;
    size_t n;
    assert_true(ra_op_write_after(op, canned_reply(&c, 200, reply), &v, &n));
    assert_marks(v, n, marks, reply);
}

#define IMAGE(g)  "{\"Attributes\":{\"sk\":{\"S\":\"b\"},\"pk\":{\"S\":\"a\"}" g "}}"
#define OLD_IMAGE IMAGE(",\"g\":{\"S\":\"old\"}")

static void puts_mark_both_images(void **state)
{
    (void)state;
    ra_op *op = planned("PutItem", PUT(",\"g\":{\"S\":\"new\"}") "}", USUAL | NEW);
    assert_asks(op, true);
    after(op, OLD_IMAGE, OLD);
    after(op, "{}", 0);
    after(op, IMAGE(""), 0);
    after(op, IMAGE(",\"g\":{\"S\":\"new\"}"), 0); /* marked already */
    after(op, IMAGE(",\"g\":{\"NULL\":true}"), 0);
    op = planned("PutItem", PUT("") "}", USUAL);
    assert_asks(op, true);
    after(op, OLD_IMAGE, OLD);
    planned("PutItem", PUT(",\"g\":{\"L\":[]}") "}", USUAL);
}

static void images_that_are_not_clear(void **state)
{
    (void)state;
    /* Members that DynamoDB Local overlooks. */
    planned("PutItem", PUT(",\"g\":{\"S\":\"new\",\"N\":null}") "}", USUAL | INDEX);
    planned("PutItem", PUT(",\"g\":{\"S\":\"new\",\"Foo\":1}") "}", USUAL | INDEX);
    planned("PutItem", PUT(",\"g\":{\"S\":5}") "}", USUAL | INDEX);
    planned("PutItem", PUT(",\"g\":null") "}", USUAL | INDEX);
    planned("PutItem", PUT(",\"g\":{}") "}", USUAL | INDEX);
    ra_op *op = planned("DeleteItem", DELETE "}", USUAL);
    after(op, IMAGE(",\"g\":{\"S\":\"old\",\"N\":\"1\"}"), INDEX);
    after(op, "{\"Attributes\":5}", INDEX);
    after(op, "{\"Attributes\"", INDEX);
    after(op, "[]", INDEX);
    after(op, "", INDEX);
}

static void replies_that_are_not_as_they_should_be(void **state)
{
    (void)state;
    canned c;
    ra_mark *v;
    size_t n;
    ra_op *op = planned("DeleteItem", DELETE "}", USUAL);
    ra_http_reply *r = canned_reply(&c, 200, OLD_IMAGE);
    snprintf(c.crc, sizeof c.crc, "12345");
    assert_true(ra_op_write_after(op, r, &v, &n));
    assert_marks(v, n, INDEX, "a wrong checksum");
    r = canned_reply(
        &c, 400,
        "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException\",\"Item\":{}}");
    assert_true(ra_op_write_after(op, r, &v, &n));
    assert_int_equal(n, 0);
    r = canned_reply(&c, 500, "{}");
    assert_true(ra_op_write_after(op, r, &v, &n));
    assert_int_equal(n, 0);
    assert_false(ra_op_write_rewrites(op, r));
}

static void deletes(void **state)
{
    (void)state;
    ra_op *op = planned("DeleteItem", DELETE "}", USUAL);
    assert_asks(op, true);
    after(op, OLD_IMAGE, OLD);
    op = planned("DeleteItem", DELETE ",\"ReturnValues\":\"NONE\"}", USUAL);
    assert_asks(op, true);
    op = planned("DeleteItem", DELETE ",\"ReturnValues\":null}", USUAL);
    assert_asks(op, true);
    op = planned("DeleteItem", DELETE ",\"ReturnValues\":\"ALL_OLD\"}", USUAL);
    assert_asks(op, false);
    after(op, OLD_IMAGE, OLD);
    op = planned("DeleteItem", DELETE ",\"ReturnValues\":\"ALL_NEW\"}", USUAL | INDEX);
    assert_asks(op, false);
    after(op, OLD_IMAGE, 0);
    op = planned("DeleteItem", DELETE ",\"ReturnValues\":5}", USUAL | INDEX);
    assert_asks(op, false);
    op = planned("DeleteItem", DELETE ",\"Unheard\":5}", USUAL | INDEX);
    assert_asks(op, false);
    op = planned("DeleteItem",
                 DELETE ",\"Expected\":{},\"ConditionalOperator\":\"AND\",\"ConditionExpression\":\"x\","
                        "\"ReturnConsumedCapacity\":\"NONE\",\"ReturnItemCollectionMetrics\":\"NONE\","
                        "\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\"}",
                 USUAL);
    assert_asks(op, true);
}

#define UPDATE(expression, more) T KEY ",\"UpdateExpression\":\"" expression "\"" more "}"
#define NEW_VALUE                ",\"ExpressionAttributeValues\":{\":v\":{\"S\":\"new\"}}"

static void updates(void **state)
{
    (void)state;
    ra_op *op = planned("UpdateItem", UPDATE("SET g = :v", NEW_VALUE), USUAL | NEW);
    assert_asks(op, true);
    after(op, OLD_IMAGE, OLD);
    op =
        planned("UpdateItem", UPDATE("SET #g = :v", NEW_VALUE ",\"ExpressionAttributeNames\":{\"#g\":\"g\"}"),
                USUAL | NEW);
    after(op, OLD_IMAGE, OLD);
    op = planned("UpdateItem", UPDATE("REMOVE g", ""), USUAL);
    after(op, OLD_IMAGE, OLD);
    op = planned("UpdateItem", UPDATE("SET x = :v", NEW_VALUE), USUAL);
    after(op, OLD_IMAGE, OLD);
    op = planned("UpdateItem", T KEY "}", USUAL);
    after(op, "{}", 0);
    /* what can't be told from the request */
    op = planned("UpdateItem", UPDATE("SET g = if_not_exists(g, :v)", NEW_VALUE), USUAL | INDEX);
    assert_asks(op, false);
    after(op, OLD_IMAGE, 0);
    planned("UpdateItem", UPDATE("SET g = x", ""), USUAL | INDEX);
    planned("UpdateItem", UPDATE("ADD g :v", NEW_VALUE), USUAL | INDEX);
    planned("UpdateItem", UPDATE("SOMETHING g", ""), USUAL | INDEX);
    planned("UpdateItem",
            UPDATE("SET g = :v", ",\"ExpressionAttributeValues\":{\":v\":{\"S\":\"x\",\"N\":null}}"),
            USUAL | INDEX);
    planned("UpdateItem", UPDATE("SET g = :v", ",\"ExpressionAttributeValues\":[]"), USUAL | INDEX);
    planned("UpdateItem", T KEY ",\"UpdateExpression\":5}", USUAL | INDEX);
}

static void legacy_updates(void **state)
{
    (void)state;
#define LEGACY(action) T KEY ",\"AttributeUpdates\":{" action "}}"
    ra_op *op =
        planned("UpdateItem", LEGACY("\"g\":{\"Action\":\"PUT\",\"Value\":{\"S\":\"new\"}}"), USUAL | NEW);
    assert_asks(op, true);
    after(op, OLD_IMAGE, OLD);
    op = planned("UpdateItem", LEGACY("\"g\":{\"Action\":\"DELETE\"}"), USUAL);
    after(op, OLD_IMAGE, OLD);
    op = planned("UpdateItem", LEGACY("\"x\":{\"Action\":\"PUT\",\"Value\":{\"S\":\"new\"}}"), USUAL);
    after(op, OLD_IMAGE, OLD);
    planned("UpdateItem", LEGACY("\"g\":{\"Action\":\"ADD\",\"Value\":{\"N\":\"1\"}}"), USUAL | INDEX);
    planned("UpdateItem", T KEY ",\"AttributeUpdates\":{},\"UpdateExpression\":\"SET g = :v\"" NEW_VALUE "}",
            USUAL | INDEX);
}

static void what_updates_return(void **state)
{
    (void)state;
    ra_op *op = planned("UpdateItem", UPDATE("SET x = :v", NEW_VALUE ",\"ReturnValues\":\"ALL_NEW\""), USUAL);
    assert_asks(op, false);
    after(op, OLD_IMAGE, OLD); /* untouched, so that the new image's partition is the old one's */
    assert_false(ra_op_write_rewrites(op, &(ra_http_reply){.result = RA_HTTP_OK, .status = 200}));
    op = planned("UpdateItem", UPDATE("SET g = :v", NEW_VALUE ",\"ReturnValues\":\"ALL_NEW\""),
                 USUAL | NEW | INDEX);
    after(op, IMAGE(",\"g\":{\"S\":\"new\"}"), 0);
    planned("UpdateItem", UPDATE("SET h = :v", NEW_VALUE ",\"ReturnValues\":\"ALL_NEW\""), USUAL | INDEX);
    planned("UpdateItem", UPDATE("SET x = :v", NEW_VALUE ",\"ReturnValues\":\"UPDATED_OLD\""), USUAL | INDEX);
    planned("UpdateItem", UPDATE("SET x = :v", NEW_VALUE ",\"ReturnValues\":\"UPDATED_NEW\""), USUAL | INDEX);
    op = planned("UpdateItem", UPDATE("SET x = :v", NEW_VALUE ",\"ReturnValues\":\"ALL_OLD\""), USUAL);
    assert_asks(op, false);
    after(op, OLD_IMAGE, OLD);
}

static void keys_that_are_not_certain(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "{}",
        "[]",
        "5",
        "null",
        "{\"pk\":{\"S\":\"a\"}}",
        "{\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"}}",
        "{\"pk\":{\"S\":\"a\",\"N\":null},\"sk\":{\"S\":\"b\"}}",
        "{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":5}}",
        "{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"},\"g\":{\"S\":\"b\"}}",
    };
    char body[512];
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        snprintf(body, sizeof body, T "\"Key\":%s}", keys[i]);
        assert_asks(planned("DeleteItem", body, TABLE), false);
        planned("UpdateItem", body, TABLE);
        after(&f->op, OLD_IMAGE, 0);
    }
    planned("DeleteItem", T "\"Item\":{}}", TABLE);
    planned("PutItem", T KEY "}", TABLE);
}

static void tables_that_are_not_cached(void **state)
{
    (void)state;
    ra_op *op = fixture_plan(f, "DeleteItem", "{\"TableName\":\"hidden\"," KEY "}");
    ra_mark *v;
    size_t n;
    canned c;
    assert_int_equal(op->nmarks, 0);
    assert_true(ra_op_body_is_original(op));
    assert_true(ra_op_write_after(op, canned_reply(&c, 200, OLD_IMAGE), &v, &n));
    assert_int_equal(n, 0);
    assert_true(ra_op_write_unknown(op, &v, &n));
    assert_int_equal(n, 0);
    op = fixture_plan(f, "DeleteItem", "{\"TableName\":\"users\",\"Key\":{\"id\":{\"S\":\"a\"}}}");
    assert_int_equal(op->nmarks, 2);
    assert_true(ra_op_body_is_original(op)); /* no index, nothing to ask for */
}

static void fate_unknown(void **state)
{
    (void)state;
    ra_mark *v;
    size_t n;
    const ra_table *t = fixture_chat(f);
    ra_op *op = planned("DeleteItem", DELETE "}", USUAL);
    assert_true(ra_op_write_unknown(op, &v, &n));
    assert_int_equal(n, 2);
    assert_true(fixture_marks(v, n, &index_of(t, "by-g")->guard, FIXTURE_SETTLE));
    assert_true(fixture_marks(v, n, &index_of(t, "by-sk")->guard, FIXTURE_SETTLE));
    op = planned("DeleteItem", T "\"Key\":{}}", TABLE);
    assert_true(ra_op_write_unknown(op, &v, &n));
    assert_int_equal(n, 0); /* marked already */
    op = fixture_plan(f, "GetItem", DELETE "}");
    assert_true(ra_op_write_unknown(op, &v, &n));
    assert_int_equal(n, 0);
}

static void an_index_that_is_not_understood(void **state)
{
    (void)state;
    ra_table_index *g = &f->tables[0]->indexes[1];
    g->understood = false;
    ra_op *op = planned("PutItem", PUT(",\"g\":{\"S\":\"new\"}") "}", USUAL | INDEX);
    assert_asks(op, false);
    after(op, OLD_IMAGE, 0);
    g->understood = true;
}

static void rewritten(const char *body, const char *reply, const char *expected)
{
    canned c;
    ra_buf b;
    ra_op *op = fixture_plan(f, "DeleteItem", body);
    ra_http_reply *r = canned_reply(&c, 200, reply);
    ra_buf_init(&b, 4096);
    assert_true(ra_op_write_reply(op, r, &b));
    assert_true(ra_op_write_rewrites(op, r) == (strcmp(reply, expected) != 0));
    if (!ra_bytes_eq_z(ra_buf_bytes(&b), expected))
        fail_msg("%.*s, expected %s", (int)b.n, b.p, expected);
    ra_buf_free(&b);
}

static void the_client_sees_what_it_asked_for(void **state)
{
    (void)state;
#define CAPACITY "\"ConsumedCapacity\":{\"TableName\":\"chat\",\"CapacityUnits\":1.0}"
    rewritten(DELETE "}", OLD_IMAGE, "{}");
    rewritten(DELETE "}", "{}", "{}");
    rewritten(DELETE "}", "{\"Attributes\":{\"pk\":{\"S\":\"}\"}}," CAPACITY "}", "{" CAPACITY "}");
    rewritten(DELETE "}", "{" CAPACITY ",\"Attributes\":{}}", "{" CAPACITY "}");
    rewritten(DELETE "}", "{" CAPACITY ",\"Attributes\":{},\"ItemCollectionMetrics\":{}}",
              "{" CAPACITY ",\"ItemCollectionMetrics\":{}}");
    rewritten(DELETE "}", "not JSON", "not JSON");
    rewritten(DELETE ",\"ReturnValues\":\"ALL_OLD\"}", OLD_IMAGE, OLD_IMAGE);
    rewritten(DELETE ",\"ReturnValues\":\"NONE\"}", OLD_IMAGE, "{}");
}

#define U_KEY    "{\"TableName\":\"users\",\"Key\":{\"id\":{\"S\":\"a\"}}"
#define U_UPDATE U_KEY ",\"UpdateExpression\":\"SET x = :v\"" NEW_VALUE

/* So that the stream's record of it is known again; the client doesn't see it. */
static void the_new_image_of_an_update_is_asked_for_where_a_stream_is_followed(void **state)
{
    (void)state;
    static const char reply[] = "{\"Attributes\":{\"id\":{\"S\":\"a\"}}}";
    canned c;
    ra_buf b;
    assert_body(fixture_plan(f, "UpdateItem", U_UPDATE "}"), U_UPDATE "}");
    f->config.follow = true;
    ra_op *op = fixture_plan(f, "UpdateItem", U_UPDATE "}");
    char *body = fixture_body(op);
    assert_non_null(strstr(body, "\"ReturnValues\":\"ALL_NEW\""));
    free(body);
    assert_true(ra_op_write_rewrites(op, canned_reply(&c, 200, reply)));
    ra_buf_init(&b, 4096);
    assert_true(ra_op_write_reply(op, &c.reply, &b) && ra_bytes_eq_z(ra_buf_bytes(&b), "{}"));
    ra_buf_free(&b);
    after(op, reply, 0);
    assert_body(fixture_plan(f, "UpdateItem", U_UPDATE ",\"ReturnValues\":\"ALL_OLD\"}"),
                U_UPDATE ",\"ReturnValues\":\"ALL_OLD\"}");
    assert_false(ra_op_write_rewrites(&f->op, &c.reply));
    assert_body(fixture_plan(f, "UpdateItem", U_UPDATE ",\"Unknown\":1}"), U_UPDATE ",\"Unknown\":1}");
    assert_body(fixture_plan(f, "DeleteItem", U_KEY "}"), U_KEY "}");
    assert_asks(fixture_plan(f, "UpdateItem", UPDATE("SET x = :v", NEW_VALUE)), true); /* the old one */
    f->config.follow = false;
}

static bool old_image(const char *name, const char *body, const char *reply, ra_key *out)
{
    canned c;
    ra_op *op = fixture_plan(f, name, body);
    size_t used = f->arena.used;
    bool named = ra_op_write_old_image(op, canned_reply(&c, 200, reply), out);
    assert_int_equal(f->arena.used, used); /* the request has its arena for itself */
    return named;
}

static void the_old_image_is_named_where_the_reply_tells(void **state)
{
    (void)state;
    ra_key a, b, none;
    ra_item_digest_removed(&none);
    assert_true(old_image("PutItem", PUT("") "}", OLD_IMAGE, &a));
    assert_true(old_image("DeleteItem", DELETE ",\"ReturnValues\":\"ALL_OLD\"}", OLD_IMAGE, &b));
    assert_true(ra_key_eq(&a, &b) && !ra_key_eq(&a, &none));
    assert_true(old_image("DeleteItem", DELETE "}", IMAGE(""), &b) && !ra_key_eq(&a, &b));
    assert_true(old_image("PutItem", PUT("") "}", "{}", &b) && ra_key_eq(&b, &none));
    assert_false(old_image("UpdateItem", UPDATE("SET x = :v", NEW_VALUE), OLD_IMAGE, &b));
    assert_false(old_image("PutItem", PUT("") "}", "not JSON", &b));
    assert_false(old_image("PutItem", PUT("") "}", "{\"Attributes\":5}", &b));
    assert_false(old_image("DeleteItem", U_KEY "}", "{}", &b)); /* nobody has asked */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_mark_both_images),
        cmocka_unit_test(images_that_are_not_clear),
        cmocka_unit_test(replies_that_are_not_as_they_should_be),
        cmocka_unit_test(deletes),
        cmocka_unit_test(updates),
        cmocka_unit_test(legacy_updates),
        cmocka_unit_test(what_updates_return),
        cmocka_unit_test(keys_that_are_not_certain),
        cmocka_unit_test(tables_that_are_not_cached),
        cmocka_unit_test(fate_unknown),
        cmocka_unit_test(an_index_that_is_not_understood),
        cmocka_unit_test(the_client_sees_what_it_asked_for),
        cmocka_unit_test(the_new_image_of_an_update_is_asked_for_where_a_stream_is_followed),
        cmocka_unit_test(the_old_image_is_named_where_the_reply_tells),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
