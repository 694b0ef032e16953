#include "proxy/ddb_generate_names.h"

#include "config/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

/* The number of names; each is as the header says. */
static size_t check(const char *list)
{
    size_t n = 0;
    assert_int_equal(ra_text_valid(list, strlen(list)), strlen(list));
    for (const char *p = list;; p++) {
        size_t shown = strcspn(p, "| ");
        assert_true(shown > 0);
        const char *ascii = p[shown] == '|' ? p + shown + 1 : p;
        size_t letters = strcspn(ascii, " ");
        static const char small[] = "abcdefghijklmnopqrstuvwxyz";
        assert_int_equal(strspn(ascii + (ascii == p), small),
                         letters - (ascii == p)); /* but for its capital */
        assert_true(letters >= 2 && letters < 30);
        n++;
        p = ascii + letters;
        if (!*p)
            return n;
    }
}

static void test_lists(void **state)
{
    (void)state;
    assert_in_range(ra_nlanguages, 10, 100);
    for (size_t i = 0; i < ra_nlanguages; i++) {
        assert_int_equal(check(ra_languages[i].first), RA_NAMES_EACH);
        assert_int_equal(check(ra_languages[i].family), RA_NAMES_EACH);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
