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

static void scans(void **state)
{
    (void)state;
    static const char *const v[][2] = {
        {"{\"TableName\":\"chat\",\"Limit\":5}",
         "{\"ConsistentRead\":true,\"TableName\":\"chat\",\"Limit\":5}"},
        {"{\"TableName\":\"chat\",\"IndexName\":\"by-h\"}",
         "{\"ConsistentRead\":true,\"TableName\":\"chat\",\"IndexName\":\"by-h\"}"},
        {"{\"TableName\":\"chat\",\"IndexName\":\"by-g\"}",
         "{\"TableName\":\"chat\",\"IndexName\":\"by-g\"}"},
        {"{\"TableName\":\"chat\",\"IndexName\":\"nosuch\"}",
         "{\"TableName\":\"chat\",\"IndexName\":\"nosuch\"}"},
        {"{\"TableName\":\"chat\",\"Foo\":5}", "{\"TableName\":\"chat\",\"Foo\":5}"},
        {"{\"TableName\":\"hidden\"}", "{\"TableName\":\"hidden\"}"},
        {"{\"TableName\":\"chat\",\"ConsistentRead\":true}",
         "{\"TableName\":\"chat\",\"ConsistentRead\":true}"},
    };
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        assert_bypass(f, "Scan", v[i][0], "scan");
        assert_body(&f->op, v[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(scans)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
