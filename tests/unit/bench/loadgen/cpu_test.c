#include "bench/loadgen/cpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static void test_the_text(void **state)
{
    double s = -1;
    (void)state;
    assert_true(ra_cpu_parse("42 (a) b) (c) S 1 2 3 4 5 6 7 8 9 10 150 50 999 999 20 0", 100, &s));
    assert_true(s == 2.0);
    assert_false(ra_cpu_parse("", 100, &s));
    assert_false(ra_cpu_parse("42 (a) S 1 2", 100, &s));
    assert_false(ra_cpu_parse("42 (a", 100, &s));
}

static void test_processes(void **state)
{
    double before, after;
    volatile unsigned spin = 1;
    (void)state;
    assert_false(ra_cpu_of_process(0, &before));
    assert_true(ra_cpu_of_process(getpid(), &before));
    do { /* until the kernel has counted a tick more, which it must */
        for (unsigned i = 0; i < 1000000; i++)
            spin = i | 1;
        assert_true(ra_cpu_of_process(getpid(), &after));
    } while (after <= before);
    assert_true(spin != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_text),
        cmocka_unit_test(test_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
