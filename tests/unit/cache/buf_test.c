#include "cache/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static void check_text(ra_buf *b, const char *text)
{
    assert_true(ra_buf_ok(b));
    assert_int_equal(b->n, strlen(text));
    assert_memory_equal(b->p, text, b->n);
}

static void test_appends(void **state)
{
    (void)state;
    ra_buf b;
    ra_buf_init(&b, 1000);
    assert_true(ra_buf_add(&b, NULL, 0));
    assert_true(ra_buf_add_z(&b, "one"));
    assert_true(ra_buf_add_char(&b, ','));
    assert_true(ra_buf_add_bytes(&b, RA_BYTES("two")));
    assert_true(ra_buf_addf(&b, ",%d,%s", 3, "four"));
    check_text(&b, "one,two,3,four");
    ra_buf_clear(&b);
    check_text(&b, "");
    ra_buf_free(&b);
}

static void test_holds_zeros(void **state)
{
    (void)state;
    ra_buf b;
    ra_buf_init(&b, 10);
    assert_true(ra_buf_add(&b, "a\0b", 3));
    assert_int_equal(b.n, 3);
    assert_memory_equal(b.p, "a\0b", 3);
    ra_buf_free(&b);
}

/* An append that would pass the cap changes nothing, and every later one fails, until the buffer is cleared.
 */
static void test_cap_and_sticky_error(void **state)
{
    (void)state;
    ra_buf b;
    ra_buf_init(&b, 5);
    assert_true(ra_buf_add_z(&b, "12345"));
    assert_true(ra_buf_add_z(&b, ""));
    assert_false(ra_buf_add_char(&b, '6'));
    assert_false(ra_buf_ok(&b));
    assert_int_equal(b.n, 5);
    assert_false(ra_buf_add_z(&b, ""));
    size_t n = 1;
    ra_buf_clear(&b);
    assert_true(ra_buf_add_z(&b, "1"));
    assert_false(ra_buf_add(&b, "x", SIZE_MAX));
    assert_null(ra_buf_take(&b, &n));
    assert_int_equal(n, 0);
    assert_true(ra_buf_ok(&b)); /* taking leaves it as after init */
    ra_buf_free(&b);
}

static void test_grows_to_the_cap_exactly(void **state)
{
    (void)state;
    enum { CAP = 100003 };
    ra_buf b;
    ra_buf_init(&b, CAP);
    for (unsigned i = 0; i < CAP; i++)
        assert_true(ra_buf_add_char(&b, (char)('a' + i % 26)));
    assert_false(ra_buf_add_char(&b, 'x'));
    assert_int_equal(b.n, CAP);
    for (unsigned i = 0; i < CAP; i++)
        assert_int_equal(b.p[i], 'a' + i % 26);
    ra_buf_free(&b);
}

static void test_long_format(void **state)
{
    (void)state;
    ra_buf b;
    ra_buf_init(&b, 2000);
    assert_true(ra_buf_addf(&b, "%0*d", 700, 7));
    assert_int_equal(b.n, 700);
    assert_int_equal(b.p[699], '7');
    assert_true(ra_buf_addf(&b, "%0*d", 255, 8));
    assert_int_equal(b.n, 955);
    assert_false(ra_buf_addf(&b, "%0*d", 1500, 1));
    assert_int_equal(b.n, 955);
    ra_buf_free(&b);
}

static void test_json_string(void **state)
{
    (void)state;
    ra_buf b;
    ra_buf_init(&b, 1000);
    assert_true(ra_buf_add_json_string(&b, (ra_bytes){"a\"\\\n\r\t\0\x1f\x7f\xc3\xa9/", 12}));
    check_text(&b, "\"a\\\"\\\\\\n\\r\\t\\u0000\\u001f\x7f\xc3\xa9/\"");
    ra_buf_clear(&b);
    assert_true(ra_buf_add_json_string(&b, (ra_bytes){NULL, 0}));
    check_text(&b, "\"\"");
    ra_buf_free(&b);
}

static void test_take(void **state)
{
    (void)state;
    ra_buf b;
    size_t n = 9;
    ra_buf_init(&b, 100);
    assert_null(ra_buf_take(&b, &n));
    assert_int_equal(n, 0);
    ra_buf_add_z(&b, "mine");
    char *p = ra_buf_take(&b, &n);
    assert_int_equal(n, 4);
    assert_memory_equal(p, "mine", 4);
    free(p);
    assert_true(ra_buf_add_z(&b, "again")); /* usable still, with the same cap */
    check_text(&b, "again");
    ra_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_holds_zeros),
        cmocka_unit_test(test_cap_and_sticky_error),
        cmocka_unit_test(test_grows_to_the_cap_exactly),
        cmocka_unit_test(test_long_format),
        cmocka_unit_test(test_json_string),
        cmocka_unit_test(test_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
