/* What DynamoDB says was consumed, and how large items are, by the examples of its Developer Guide's rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include "proxy/capacity.h"

static void parse(ra_json *j, const char *text, unsigned depth)
{
    const ra_json_limits limits = {.token_depth = depth};
    size_t at;
    assert_int_equal(ra_json_parse(j, ra_bytes_z(text), &limits, &at), RA_JSON_OK);
}

static void says(const char *number, uint64_t half_units)
{
    char text[128];
    ra_json j;
    uint64_t found = 0;
    snprintf(text, sizeof text, "{\"TableName\":\"t\",\"CapacityUnits\":%s}", number);
    parse(&j, text, 0);
    assert_true(ra_capacity_read(&j, 0, &found));
    assert_int_equal(found, half_units);
    ra_json_free(&j);
}

static void says_nothing(const char *text)
{
    ra_json j;
    uint64_t found = 7;
    parse(&j, text, 0);
    assert_false(ra_capacity_read(&j, 0, &found));
    assert_int_equal(found, 7);
    ra_json_free(&j);
}

static void test_what_is_said(void **state)
{
    (void)state;
    says("0.5", 1);
    says("1.0", 2);
    says("1", 2);
    says("0.0", 0);
    says("128.5", 257);
    says("1.5E1", 30);
    says_nothing("{\"TableName\":\"t\"}");
    says_nothing("{\"CapacityUnits\":\"1.0\"}");
    says_nothing("{\"CapacityUnits\":-1.0}");
    says_nothing("{\"CapacityUnits\":1e300}");
    says_nothing("{\"CapacityUnits\":1.00000000000000000000000000000000000000000000}");
    says_nothing("[]");
}

/* Whatever part of it has tokens. */
static void is_large(const char *item, size_t size)
{
    for (unsigned depth = 1; depth < 8; depth++) {
        ra_json j;
        parse(&j, item, depth == 7 ? 0 : depth);
        assert_int_equal(ra_capacity_item_size(&j, 0), size);
        ra_json_free(&j);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    is_large("{}", 0);
    is_large("{\"pk\":{\"S\":\"abc\"}}", 2 + 3);
    is_large("{\"s\":{\"S\":\"a\\\"\\\\\\n\\u00e9\\u0041\\u20AC\\ud83D\\uDE00b\\/\"}}",
             1 + 4 + 2 + 1 + 3 + 4 + 2);
    is_large("{\"\\u00fC\":{\"M\":{\"\\\"\":{\"S\":\"\\t\"}}}}", 2 + 3 + 1 + 1 + 1);
    is_large("{\"n\":{\"N\":\"1234\"}}", 1 + 3);
    is_large("{\"n\":{\"N\":\"123\"}}", 1 + 3);
    is_large("{\"b\":{\"B\":\"AAECAw==\"}}", 1 + 4);
    is_large("{\"t\":{\"BOOL\":true},\"z\":{\"NULL\":true}}", 2 + 2);
    is_large("{\"s\":{\"SS\":[\"ab\",\"cde\"]},\"m\":{\"NS\":[\"12\",\"34\"]}}", 1 + 5 + 1 + 4);
    is_large("{\"l\":{\"L\":[]}}", 1 + 3);
    is_large("{\"l\":{\"L\":[{\"S\":\"ab\"},{\"BOOL\":false}]}}", 1 + 3 + (1 + 2) + (1 + 1));
    is_large("{\"m\":{\"M\":{\"ab\":{\"S\":\"c\"}}}}", 1 + 3 + (1 + 2 + 1));
    is_large("{\"m\":{\"M\":{\"k\":{\"L\":[{\"M\":{}}]}}}}", 1 + 3 + (1 + 1 + 3 + (1 + 3)));
}

static void test_blocks(void **state)
{
    (void)state;
    assert_int_equal(ra_capacity_item_blocks(0), 1);
    assert_int_equal(ra_capacity_item_blocks(1), 1);
    assert_int_equal(ra_capacity_item_blocks(4096), 1);
    assert_int_equal(ra_capacity_item_blocks(4097), 2);
    assert_int_equal(ra_capacity_of_read(3, false), 3);
    assert_int_equal(ra_capacity_of_read(3, true), 6);
    assert_int_equal(ra_capacity_blocks(6, true), 3);
    assert_int_equal(ra_capacity_blocks(5, true), 3);
    assert_int_equal(ra_capacity_blocks(3, false), 3);
}

/* Nothing that is nested deeply takes the process down. */
static void test_deep(void **state)
{
    (void)state;
    enum { DEEP = 80 };
    char text[DEEP * 16];
    ra_buf b;
    ra_buf_init(&b, sizeof text);
    ra_buf_add_z(&b, "{\"a\":");
    for (unsigned i = 0; i < DEEP; i++)
        ra_buf_add_z(&b, "{\"L\":[");
    ra_buf_add_z(&b, "{\"S\":\"x\"}");
    for (unsigned i = 0; i < DEEP; i++)
        ra_buf_add_z(&b, "]}");
    ra_buf_add_z(&b, "}");
    assert_true(ra_buf_add_char(&b, '\0'));
    memcpy(text, b.p, b.n);
    ra_buf_free(&b);
    ra_json j;
    parse(&j, text, 0);
    assert_in_range(ra_capacity_item_size(&j, 0), DEEP, strlen(text));
    ra_json_free(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_said),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
