#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/cli_check.h"

#include <stdlib.h>
#include <string.h>

#define QUERY(more) "\"query\":{\"table\":\"abc\",\"partition_key\":\"P#{path.id}{query.x}\"" more "}"

static void expect(const char *text, const char *wanted)
{
    ra_problems p;
    char *shown = NULL;
    size_t n = 0;
    ra_config *c = ra_config_parse(text, strlen(text), "test.jsonc", &p);
    ra_problems_print(&p, "test.jsonc", stderr);
    assert_non_null(c);
    FILE *out = open_memstream(&shown, &n);
    assert_non_null(out);
    ra_cli_check_routes(c, out);
    fclose(out);
    assert_string_equal(shown, wanted);
    free(shown);
    ra_config_unref(c);
    ra_problems_free(&p);
}

#define CLOSED "  web pages of other origins that may call them: none\n"

static void test_no_routes(void **state)
{
    (void)state;
    expect("{\"tables\":{\"abc\":{}}}", "");
}

static void test_queries(void **state)
{
    (void)state;
    expect(
        "{\"tables\":{\"abc\":{}},\"routes\":[{\"name\":\"r\",\"method\":\"GET\",\"path\":\"/x/{id}\"," QUERY(
            "") "}]}",
        "\nroutes, the first that matches counts\n"
        "  GET /x/{id}: r\n"
        "    for anyone\n"
        "    Query of abc, partition P#{path.id}{query.x}\n"
        "    the newest 20 (limit= up to 100), shown newest first; paged by before= or after=\n" CLOSED);
    expect("{\"tables\":{\"abc\":{}},\"routes\":[{\"name\":\"r\",\"method\":\"GET\",\"path\":\"/x/"
           "{id}\"," QUERY(",\"index\":\"i-1\",\"order\":\"oldest\",\"limit_from\":\"\",\"before_from\":\"\","
                           "\"limit\":7") "}]}",
           "\nroutes, the first that matches counts\n"
           "  GET /x/{id}: r\n"
           "    for anyone\n"
           "    Query of abc, index i-1, partition P#{path.id}{query.x}\n"
           "    the oldest 7, shown oldest first; paged by after=\n" CLOSED);
}

static void test_requests(void **state)
{
    (void)state;
    expect(
        "{\"tables\":{\"*\":{}},\"routes\":[{\"name\":\"a\",\"method\":\"PUT\",\"path\":\"/"
        "a\",\"when\":[\"body.b\","
        "\"query.c\"],\"operation\":\"PutItem\",\"request\":{\"TableName\":\"abc\",\"Item\":{\"pk\":{\"S\":"
        "\"{body.b}\"}}},\"reply\":{\"object\":{}}},{\"name\":\"t\",\"method\":\"POST\",\"path\":\"/"
        "t\",\"operation\":"
        "\"TransactWriteItems\",\"request\":{\"TransactItems\":[{\"Put\":{\"TableName\":\"abc\",\"Item\":{"
        "\"TableName\":"
        "{\"S\":\"{now}\"}}}},{\"Delete\":{\"TableName\":\"def\"}},{\"Put\":{\"TableName\":\"abc\"}}]},"
        "\"reply\":"
        "{\"object\":{}}}]}",
        "\nroutes, the first that matches counts\n"
        "  PUT /a: a\n"
        "    when there is body.b and query.c\n"
        "    for anyone\n"
        "    PutItem on abc\n"
        "  POST /t: t\n"
        "    for anyone\n"
        "    TransactWriteItems of 3 actions on abc, def\n" CLOSED);
}

static void test_origins(void **state)
{
    (void)state;
    expect("{\"tables\":{\"abc\":{}},\"cors\":{\"allow_origins\":[\"http://a\",\"http://"
           "b:1\"],\"allow_credentials\":"
           "true,\"max_age\":\"90s\"},\"routes\":[{\"name\":\"g\",\"method\":\"GET\",\"path\":\"/"
           "g\",\"operation\":\"GetItem\","
           "\"request\":{\"TableName\":\"abc\"}}]}",
           "\nroutes, the first that matches counts\n"
           "  GET /g: g\n"
           "    for anyone\n"
           "    GetItem on abc\n"
           "  web pages of other origins that may call them: http://a, http://b:1 (with credentials); "
           "preflights "
           "hold for 90s\n");
}

static void test_callers(void **state)
{
    (void)state;
    expect(
        "{\"tables\":{\"abc\":{}},\"auth\":{\"jwt\":{\"issuer\":\"https://i\",\"jwks_uri\":\"https://i/"
        "k\",\"client_id\":\"c\"},"
        "\"backend\":{\"secret\":\"0123456789abcdef\",\"claims\":{\"sub\":\"X-Sub\"}}},\"routes\":[{\"name\":"
        "\"g\",\"method\":\"GET\","
        "\"path\":\"/g/"
        "{id}\",\"allow_if\":{\"query\":{\"table\":\"abc\",\"index\":\"i-1\",\"partition_key\":\"U#{claim."
        "sub}\"},"
        "\"has\":{\"a\":\"{path.id}\",\"b\":\"x\"}},\"operation\":\"GetItem\",\"request\":{\"TableName\":"
        "\"abc\","
        "\"Key\":{\"pk\":{\"S\":\"{path.id}\"}}}},{\"name\":\"h\",\"method\":\"GET\",\"path\":\"/"
        "h\",\"auth\":[\"backend\"],"
        "\"operation\":\"GetItem\",\"request\":{\"TableName\":\"abc\"}}]}",
        "\nroutes, the first that matches counts\n"
        "  GET /g/{id}: g\n"
        "    for who shows a token or a trusted back end\n"
        "    if a Query of abc, index i-1, partition U#{claim.sub}, finds an item with a {path.id} and b x\n"
        "    GetItem on abc\n"
        "  GET /h: h\n"
        "    for a trusted back end\n"
        "    GetItem on abc\n" CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_routes), cmocka_unit_test(test_queries), cmocka_unit_test(test_requests),
        cmocka_unit_test(test_origins),   cmocka_unit_test(test_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
