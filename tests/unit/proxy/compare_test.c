/* Two bodies of one read: what DynamoDB takes for the same is the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include "proxy/compare.h"

#define A "{\"Item\":{\"pk\":{\"S\":\"a\"},\"n\":{\"N\":\"10\"},\"s\":{\"SS\":[\"x\",\"y\"]}}}"

static enum ra_sameness compare(const char *a, const char *b)
{
    enum ra_sameness one = ra_compare_bodies(ra_bytes_z(a), ra_bytes_z(b));
    assert_int_equal(one, ra_compare_bodies(ra_bytes_z(b), ra_bytes_z(a)));
    return one;
}

static void test_same(void **state)
{
    (void)state;
    assert_int_equal(compare(A, A), RA_SAME);
    assert_int_equal(
        compare(A,
                "{\"Item\":{\"s\":{\"SS\":[\"y\",\"x\"]},\"n\":{\"N\":\"1e1\"},\"pk\":{\"S\":\"\\u0061\"}}}"),
        RA_SAME);
    assert_int_equal(
        compare(A, "{\"ConsumedCapacity\":{\"CapacityUnits\":0.5}, \"Item\" : {\"pk\":{\"S\":\"a\"}, "
                   "\"n\":{\"N\":\"10.0\"},\"s\":{\"SS\":[\"x\",\"y\"]}}}"),
        RA_SAME);
    assert_int_equal(compare("{}", "{\"ConsumedCapacity\":{}}"), RA_SAME);
}

static void test_different(void **state)
{
    (void)state;
    static const char *const others[] = {
        "{}", "{\"Item\":{}}",
        "{\"Item\":{\"pk\":{\"S\":\"a\"},\"n\":{\"N\":\"11\"},\"s\":{\"SS\":[\"x\",\"y\"]}}}",
        "{\"Item\":{\"pk\":{\"S\":\"a\"},\"n\":{\"S\":\"10\"},\"s\":{\"SS\":[\"x\",\"y\"]}}}",
        "{\"Item\":{\"pk\":{\"S\":\"a\"},\"n\":{\"N\":\"10\"},\"s\":{\"L\":[]}}}"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(compare(A, others[i]), RA_DIFFERENT);
}

static void test_queries(void **state)
{
    (void)state;
    static const char page[] = "{\"Count\":2,\"Items\":[{\"a\":{\"N\":\"1\"}},{\"a\":{\"N\":\"2\"}}],"
                               "\"LastEvaluatedKey\":{\"a\":{\"N\":\"2\"}},\"ScannedCount\":2}";
    assert_int_equal(compare(page,
                             "{\"ScannedCount\":2,\"LastEvaluatedKey\":{\"a\":{\"N\":\"2.0\"}},\"Items\":"
                             "[{\"a\":{\"N\":\"1\"}},{\"a\":{\"N\":\"2\"}}],\"Count\":2}"),
                     RA_SAME);
    static const char *const others[] = {
        "{\"Count\":2,\"Items\":[{\"a\":{\"N\":\"2\"}},{\"a\":{\"N\":\"1\"}}],\"ScannedCount\":2,"
        "\"LastEvaluatedKey\":"
        "{\"a\":{\"N\":\"2\"}}}",
        "{\"Count\":2,\"Items\":[{\"a\":{\"N\":\"1\"}},{\"a\":{\"N\":\"2\"}}],\"ScannedCount\":2}",
        "{\"Count\":2,\"Items\":[{\"a\":{\"N\":\"1\"}},{\"a\":{\"N\":\"2\"}}],\"ScannedCount\":3,"
        "\"LastEvaluatedKey\":"
        "{\"a\":{\"N\":\"2\"}}}",
        "{\"Count\":1,\"Items\":[{\"a\":{\"N\":\"1\"}}],\"ScannedCount\":1}",
        "{\"Count\":0,\"Items\":[],\"ScannedCount\":0}"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(compare(page, others[i]), RA_DIFFERENT);
    assert_int_equal(compare("{\"Count\":3}", "{\"Count\":4}"), RA_DIFFERENT);
}

static void test_unclear(void **state)
{
    (void)state;
    static const char *const bodies[] = {"",
                                         "[]",
                                         "{\"Item\":1}",
                                         "{\"Items\":{}}",
                                         "{\"Items\":[1]}",
                                         "{\"Count\":\"1\"}",
                                         "{\"Unknown\":{}}",
                                         "{\"Item\":{\"a\":{\"X\":\"1\"}}}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_int_equal(compare(A, bodies[i]), RA_UNCLEAR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_different),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_unclear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
