#include "proxy/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

/* What one call writes to stderr. */
static size_t logged(char *out, size_t size, const char *text)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    ra_log(RA_LOG_WARNING, "%s", text);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t n = read(ends[0], out, size - 1);
    close(ends[0]);
    assert_true(n > 0);
    out[n] = '\0';
    return (size_t)n;
}

static void one_line_whatever_is_in_it(void **state)
{
    (void)state;
    char line[4096];
    logged(line, sizeof line, "a\nb\rc\x1b[31md");
    assert_string_equal(line, "readaside: warning: a?b?c?[31md\n");
}

static void a_long_line_is_cut(void **state)
{
    (void)state;
    char text[3000];
    char line[4096];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(logged(line, sizeof line, text), 1024);
    assert_int_equal(line[1023], '\n');
    assert_null(memchr(line, '\n', 1023));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_whatever_is_in_it),
        cmocka_unit_test(a_long_line_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
