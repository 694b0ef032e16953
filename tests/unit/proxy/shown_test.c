/* What is shown of a peer's text never breaks a message. */
#include "proxy/shown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void printable_and_cut(void **state)
{
    (void)state;
    char out[9];
    ra_shown(RA_BYTES(""), out, sizeof out);
    assert_string_equal(out, "");
    ra_shown(RA_BYTES("ab c~"), out, sizeof out);
    assert_string_equal(out, "ab c~");
    ra_shown(RA_BYTES("abcdef"), out, sizeof out);
    assert_string_equal(out, "abcde...");
    ra_shown((ra_bytes){"a\n\0\xff\x7f", 5}, out, sizeof out);
    assert_string_equal(out, "a????");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(printable_and_cut)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
