#include "proxy/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* A line whenever one is due, asked for every 50 ms of 12 s. */
static char *said_in_12_s(bool terminal)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    ra_progress p;
    ra_progress_begin(&p, f, terminal, 1000);
    for (int64_t now = 1000; now <= 13000; now += 50) {
        if (ra_progress_due(&p, now))
            ra_progress_say(&p, now, "%d ms", (int)(now - 1000));
    }
    ra_progress_end(&p);
    fclose(f);
    return text;
}

static void test_a_log_gets_a_line_every_5_s(void **state)
{
    (void)state;
    char *text = said_in_12_s(false);
    assert_string_equal(text, "5000 ms\n10000 ms\n");
    free(text);
}

static void test_a_terminal_gets_one_line_over_and_over(void **state)
{
    (void)state;
    char *text = said_in_12_s(true);
    static const char first[] = "\r\033[K0 ms\r\033[K100 ms\r\033[K200 ms",
                      last[] = "\r\033[K12000 ms\r\033[K";
    assert_memory_equal(text, first, sizeof first - 1);
    assert_string_equal(text + strlen(text) - (sizeof last - 1), last);
    assert_null(strchr(text, '\n'));
    free(text);
}

static void test_nothing_said_nothing_cleared(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    ra_progress p;
    ra_progress_begin(&p, f, true, 0);
    ra_progress_end(&p);
    fclose(f);
    assert_string_equal(text, "");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_log_gets_a_line_every_5_s),
        cmocka_unit_test(test_a_terminal_gets_one_line_over_and_over),
        cmocka_unit_test(test_nothing_said_nothing_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
