#include "tests/unit/config/expect.h"
#include "tests/unit/config/route_texts.h"

#define AT                "routes[0].request"
#define TRANSACT(actions) ROUTES(WRITE("TransactWriteItems", "{\"TransactItems\":" actions "}"))

static void test_every_operation(void **state)
{
    static const char *const writes[] = {"PutItem", "UpdateItem", "DeleteItem"};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        char text[512];
        snprintf(text, sizeof text, ROUTES(WRITE("%s", PUT("{\"pk\":{\"S\":\"{body.x}\"}}"))), writes[i]);
        ra_config *c = parse_clean(text);
        assert_int_equal(c->routes[0].operation, RA_ROUTE_PUT_ITEM + i);
        assert_null(c->routes[0].query);
        assert_int_equal(c->routes[0].request.n, 3);
        ra_config_unref(c);
    }
    ra_config *c = parse_clean(ROUTES(READ("/x/{id}", "\"operation\":\"GetItem\",\"request\":{\"TableName\":"
                                                      "\"abc\",\"Key\":{\"pk\":{\"S\":\"{path.id}\"}}}")));
    assert_int_equal(c->routes[0].operation, RA_ROUTE_GET_ITEM);
    ra_config_unref(c);
    c = parse_clean(ROUTES(READ("/x", "\"operation\":\"Query\",\"request\":{\"TableName\":\"abc\"}")));
    assert_int_equal(c->routes[0].operation, RA_ROUTE_QUERY);
    assert_null(c->routes[0].query);
    ra_config_unref(c);
    c = parse_clean(
        TRANSACT("[{\"Put\":{\"TableName\":\"abc\"}},{\"Update\":{\"TableName\":\"def\"}},"
                 "{\"Delete\":{\"TableName\":\"abc\"}},{\"ConditionCheck\":{\"TableName\":\"def\"}}]"));
    assert_int_equal(c->routes[0].operation, RA_ROUTE_TRANSACT_WRITE_ITEMS);
    ra_config_unref(c);
}

static void test_table_names(void **state)
{
    (void)state;
    expect_error(ROUTES(WRITE("PutItem", "{}")), AT ".TableName", 3, "must be given");
    expect_error(ROUTES(WRITE("PutItem", "{\"tableName\":\"abc\"}")), AT ".TableName", 3, "must be given");
    expect_error(ROUTES(WRITE("PutItem", "{\"TableName\":3}")), AT ".TableName", 3, "not a string");
    expect_error(ROUTES(WRITE("PutItem", "{\"TableName\":\"t-{body.table}\"}")), AT ".TableName", 3,
                 "a table's name holds a placeholder");
    expect_error(ROUTES(WRITE("PutItem", "{\"TableName\":\"{{abc\"}")), AT ".TableName", 3,
                 "no entry of `tables`");
    expect_error(ROUTES(WRITE("PutItem", "{\"TableName\":\"ABC\"}")), AT ".TableName", 3,
                 "no entry of `tables`");
    expect_error(ROUTES(WRITE("PutItem", "{\"TableName\":\"\"}")), AT ".TableName", 3,
                 "no entry of `tables`");
    expect_error(ROUTES(WRITE("PutItem", "{\"TableName\":\"arn:aws:dynamodb:eu-west-1:1:table/abc\"}")),
                 AT ".TableName", 3, "the table's short name");
    /* What is wrong with the template is said once. */
    expect_error(ROUTES(WRITE("PutItem", "{\"TableName\":\"{x\"}")), AT ".TableName", 3, "isn't closed");
    setenv("READASIDE_TEST_TABLE", "abc", 1);
    ra_config_unref(parse_clean(ROUTES(WRITE("PutItem", "{\"TableName\":\"env:READASIDE_TEST_TABLE\"}"))));
    unsetenv("READASIDE_TEST_TABLE");
    expect_error(ROUTES(WRITE("PutItem", "{\"TableName\":\"env:READASIDE_TEST_TABLE\"}")), AT ".TableName", 3,
                 "isn't set");
}

static void test_transactions(void **state)
{
    (void)state;
    expect_error(ROUTES(WRITE("TransactWriteItems", "{}")), AT ".TransactItems", 3, "must be given");
    expect_error(TRANSACT("{}"), AT ".TransactItems", 3, "accepted: an array of 1 to 100 actions");
    expect_error(TRANSACT("[]"), AT ".TransactItems", 3, "no actions");
    expect_error(TRANSACT("[3]"), AT ".TransactItems[0]", 3, "not an action");
    expect_error(TRANSACT("[{}]"), AT ".TransactItems[0]", 3, "not an action");
    expect_error(TRANSACT("[{\"Get\":{\"TableName\":\"abc\"}}]"), AT ".TransactItems[0]", 3, "not an action");
    expect_error(TRANSACT("[{\"Put\":[]}]"), AT ".TransactItems[0]", 3, "not an action");
    expect_error(TRANSACT("[{\"Put\":{\"TableName\":\"abc\"},\"Delete\":{\"TableName\":\"abc\"}}]"),
                 AT ".TransactItems[0]", 3, "not an action");
    expect_error(TRANSACT("[{\"Put\":{\"TableName\":\"abc\"}},\n{\"Put\":{\"TableName\":\"ghi\"}}]"),
                 AT ".TransactItems[1].Put.TableName", 4, "no entry of `tables`");
    expect_error(TRANSACT("[{\"Put\":{\"Item\":{}}}]"), AT ".TransactItems[0].Put.TableName", 3,
                 "must be given");
}

static void test_how_many_actions(void **state)
{
    (void)state;
    for (size_t n = 100; n <= 101; n++) {
        char *text = NULL;
        size_t len = 0;
        ra_problems p;
        FILE *out = open_memstream(&text, &len);
        assert_non_null(out);
        fputs("{\"tables\":{\"abc\":{}},\"routes\":[{\"name\":\"w\",\"method\":\"POST\",\"path\":\"/"
              "w\",\"operation\":"
              "\"TransactWriteItems\",\"reply\":{\"object\":{}},\"request\":{\"TransactItems\":[",
              out);
        for (size_t i = 0; i < n; i++)
            fprintf(out, "%s{\"Put\":{\"TableName\":\"abc\"}}", i ? "," : "");
        fputs("]}}]}", out);
        fclose(out);
        ra_config *c = parse(text, &p);
        assert_true((c != NULL) == (n == 100));
        assert_true(c || strstr(p.v[0].message, "there are too many; accepted: an array of 1 to 100"));
        ra_config_unref(c);
        ra_problems_free(&p);
        free(text);
    }
}

/* Else a request could say what the condition is. */
static void test_expressions_are_literal(void **state)
{
    (void)state;
    expect_error(
        ROUTES(WRITE("UpdateItem", "{\"TableName\":\"abc\",\n\"UpdateExpression\":\"SET a = {body.x}\"}")),
        AT ".UpdateExpression", 4, "a request could rewrite it; accepted: \":name\"");
    expect_error(TRANSACT("[{\"Put\":{\"TableName\":\"abc\",\"ConditionExpression\":\"{body.x}\"}}]"),
                 AT ".TransactItems[0].Put.ConditionExpression", 3, "holds a placeholder");
    ra_config_unref(parse_clean(
        ROUTES(WRITE("UpdateItem", "{\"TableName\":\"abc\",\"UpdateExpression\":\"SET a = :a\","
                                   "\"ExpressionAttributeValues\":{\":a\":{\"S\":\"{body.x}\"}}}"))));
    /* An attribute may be called so. */
    ra_config_unref(parse_clean(ROUTES(WRITE("PutItem", PUT("{\"aExpression\":{\"S\":\"{body.x}\"}}")))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_operation),
        cmocka_unit_test(test_table_names),
        cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_how_many_actions),
        cmocka_unit_test(test_expressions_are_literal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
