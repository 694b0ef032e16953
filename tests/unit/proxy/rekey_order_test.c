/* The order of sort keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/rekey.h"

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

/* Every pair of a sorted list. */
static void assert_sorted(const ra_scalar *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            if (sign(ra_rekey_order(&v[i], &v[k])) != (i > k) - (i < k))
                fail_msg("%zu and %zu", i, k);
        }
    }
}

static void texts(void **state)
{
    (void)state;
    static const char *const sorted[] = {"",  "\x01", "2024-01", "2024-01+", "2024-02",
                                         "a", "aa",   "b",       "é",        "中"};
    ra_scalar v[sizeof sorted / sizeof *sorted];
    for (size_t i = 0; i < sizeof sorted / sizeof *sorted; i++)
        v[i] = (ra_scalar){RA_SCALAR_S, ra_bytes_z(sorted[i])};
    assert_sorted(v, sizeof v / sizeof *v);
}

static void binaries(void **state)
{
    (void)state;
    const ra_scalar v[] = {{RA_SCALAR_B, RA_BYTES("\0")},
                           {RA_SCALAR_B, RA_BYTES("\0\0")},
                           {RA_SCALAR_B, RA_BYTES("\x7f")},
                           {RA_SCALAR_B, RA_BYTES("\x80")},
                           {RA_SCALAR_B, RA_BYTES("\xff")}};
    assert_sorted(v, sizeof v / sizeof *v);
}

static void numbers(void **state)
{
    (void)state;
    static const char *const sorted[] = {
        "-9.9999999999999999999999999999999999999e125",
        "-100",
        "-99.5",
        "-99.49",
        "-10",
        "-9",
        "-1",
        "-0.5",
        "-1e-130",
        "0",
        "1e-130",
        "0.05",
        "0.5",
        "1",
        "1.0000000000000000000000000000000000001",
        "1.05",
        "1.5",
        "9",
        "10",
        "99.49",
        "99.5",
        "100",
        "101",
        "1e20",
        "9.9999999999999999999999999999999999999e125",
    };
    enum { N = sizeof sorted / sizeof *sorted };
    static char text[N][RA_NUMBER_TEXT_MAX];
    ra_scalar v[N];
    for (size_t i = 0; i < N; i++) {
        size_t n;
        assert_true(ra_number_canonical(ra_bytes_z(sorted[i]), text[i], &n));
        v[i] = (ra_scalar){RA_SCALAR_N, {text[i], n}};
    }
    assert_sorted(v, N);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(binaries),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
