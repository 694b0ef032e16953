#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/route.h"

#include <pthread.h>

static void assert_now(int64_t us, const char *expected)
{
    char text[RA_NOW_TEXT];
    ra_now_text(us, text);
    assert_string_equal(text, expected);
}

static void times(void **state)
{
    (void)state;
    assert_now(INT64_C(1718136343816059), "2024-06-11T20:05:43.816059+00:00");
    assert_now(0, "1970-01-01T00:00:00.000000+00:00");
    assert_now(1, "1970-01-01T00:00:00.000001+00:00");
    assert_now(INT64_C(951827696999999), "2000-02-29T12:34:56.999999+00:00");
    assert_now(INT64_C(4107542400000000), "2100-03-01T00:00:00.000000+00:00");
    assert_now(INT64_C(253402300799999999), "9999-12-31T23:59:59.999999+00:00");
    /* a clock that is far off doesn't break the form, nor the order */
    assert_now(INT64_C(253402300800000000), "9999-12-31T23:59:59.999999+00:00");
    assert_now(INT64_MAX, "9999-12-31T23:59:59.999999+00:00");
    assert_now(-1, "1970-01-01T00:00:00.000000+00:00");
    assert_now(INT64_MIN, "1970-01-01T00:00:00.000000+00:00");
}

static void ids(void **state)
{
    (void)state;
    char text[64][RA_UUID_TEXT];
    for (size_t i = 0; i < 64; i++) {
        assert_true(ra_uuid_text(text[i]));
        assert_int_equal(strlen(text[i]), 36);
        for (size_t k = 0; k < 36; k++) {
            if (k == 8 || k == 13 || k == 18 || k == 23)
                assert_int_equal(text[i][k], '-');
            else
                assert_non_null(strchr("0123456789abcdef", text[i][k]));
        }
        assert_int_equal(text[i][14], '4');
        assert_non_null(strchr("89ab", text[i][19]));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(text[i], text[k]);
    }
}

enum { THREADS = 4, TIMES = 5000 };

static void *take_times(void *arg)
{
    int64_t *v = arg;
    for (size_t i = 0; i < TIMES; i++)
        v[i] = ra_route_clock();
    return NULL;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void no_time_twice(void **state)
{
    (void)state;
    static int64_t v[THREADS][TIMES];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_times, v[i]), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        for (size_t k = 1; k < TIMES; k++)
            assert_true(v[i][k] > v[i][k - 1]);
    qsort(v, (size_t)THREADS * TIMES, sizeof v[0][0], compare);
    const int64_t *all = v[0];
    for (size_t k = 1; k < (size_t)THREADS * TIMES; k++)
        assert_true(all[k] > all[k - 1]);
    assert_true(all[0] > INT64_C(1700000000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times),
        cmocka_unit_test(ids),
        cmocka_unit_test(no_time_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
