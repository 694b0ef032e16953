/* What was found, what is shown of it, how much may be read, and how many nines that makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include "proxy/mismatches.h"

static void expect_nines(uint64_t equal, uint64_t mismatch, int nines, bool bound)
{
    bool at_least = !bound;
    assert_int_equal(ra_nines(equal, mismatch, &at_least), nines);
    assert_int_equal(at_least, bound);
}

static void test_nines(void **state)
{
    (void)state;
    expect_nines(0, 0, -1, true);
    expect_nines(2, 0, -1, true);
    expect_nines(3, 0, 0, true);
    expect_nines(29, 0, 0, true);
    expect_nines(30, 0, 1, true);
    expect_nines(299999, 0, 4, true);
    expect_nines(300000, 0, 5, true);
    expect_nines(0, 1, 0, false);
    expect_nines(8, 1, 0, false);
    expect_nines(9, 1, 1, false);
    expect_nines(999, 1, 3, false);
    expect_nines(998, 2, 2, false);
    expect_nines(UINT64_MAX - 1, 1, 18, false);
}

static void test_how_much_may_be_read(void **state)
{
    (void)state;
    ra_mismatches *m = ra_mismatches_new(NULL);
    assert_non_null(m);
    for (int i = 0; i < RA_COMPARE_READS_AT_ONCE; i++)
        assert_true(ra_mismatches_may_read(m, 5000));
    assert_false(ra_mismatches_may_read(m, 5000));
    assert_false(ra_mismatches_may_read(m, 6000)); /* they are still under way */
    for (int i = 0; i < RA_COMPARE_READS_AT_ONCE; i++)
        ra_mismatches_end_read(m);
    for (int i = 0; i < RA_COMPARE_READS_PER_S; i++) {
        assert_true(ra_mismatches_may_read(m, 7000 + i));
        ra_mismatches_end_read(m);
    }
    assert_false(ra_mismatches_may_read(m, 7999));
    assert_true(ra_mismatches_may_read(m, 8000));
    ra_mismatches_free(m);
}

static void expect_shown(ra_mismatches *m, bool show, const char *has, const char *lacks)
{
    ra_buf out;
    ra_buf_init(&out, 1 << 20);
    ra_mismatches_write(m, show, &out);
    assert_true(ra_buf_add_char(&out, 0));
    assert_non_null(strstr(out.p, has));
    assert_null(strstr(out.p, lacks));
    ra_buf_free(&out);
}

static void test_what_is_shown(void **state)
{
    (void)state;
    ra_mismatches *m = ra_mismatches_new(NULL);
    static char large[RA_MISMATCH_BODY + 1];
    memset(large, '1', sizeof large);
    ra_mismatch w = {.table = "t\"",
                     .operation = "Query",
                     .cached = RA_BYTES("{\"Item\":{}}"),
                     .upstream = RA_BYTES("{}"),
                     .index = true};
    assert_non_null(m);
    ra_mismatches_note(m, &w, false);
    expect_shown(m, true, "\"cached\": null, \"upstream\": null}]", "Item\"");
    ra_mismatches_note(m, &w, true);
    expect_shown(m, true, "\"cached\": {\"Item\":{}}, \"upstream\": {}}, ", "\"kind\": \"mismatch\"");
    expect_shown(m, false, "\"table\": \"t\\\"\", \"pattern\": null", "Item\":");
    w.upstream = (ra_bytes){large, sizeof large};
    for (int i = 0; i < RA_MISMATCHES; i++)
        ra_mismatches_note(m, &w, true);
    expect_shown(m, true, "\"cached\": {\"Item\":{}}, \"upstream\": null}", "1111111111111111");
    ra_mismatches_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nines),
        cmocka_unit_test(test_how_much_may_be_read),
        cmocka_unit_test(test_what_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
