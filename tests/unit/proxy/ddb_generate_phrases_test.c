#include "proxy/ddb_generate_phrases.h"

#include "config/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

enum { FILLED_MAX = 40 }; /* bytes of what a slot holds */

static const ra_phrases *filler(char slot)
{
    for (size_t i = 0; i < ra_nslot_fillers; i++) {
        if (ra_slot_fillers[i].slot == slot)
            return &ra_slot_fillers[i];
    }
    return NULL;
}

static void check(const ra_phrases *list)
{
    assert_true(list->n > 0);
    for (size_t i = 0; i < list->n; i++) {
        const char *p = list->v[i];
        size_t n = strlen(p), most = n;
        assert_int_equal(ra_text_valid(p, n), n);
        assert_true(n > 0 && p[0] != ' ' && p[n - 1] != ' ');
        assert_false(ra_text_has_control(p));
        for (const char *slot = p; (slot = strchr(slot, '%')); slot++) {
            if (slot[1] != 'n' && slot[1] != '#' && !filler(slot[1]))
                fail_msg("no such slot: %s", p);
            most += FILLED_MAX;
        }
        assert_true(most < RA_PHRASE_MAX);
    }
}

static void test_every_slot_is_known(void **state)
{
    (void)state;
    check(&ra_greetings);
    check(&ra_questions);
    check(&ra_answers);
    check(&ra_statements);
    check(&ra_reactions);
    check(&ra_emoji);
}

static void test_fillers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ra_nslot_fillers; i++) {
        assert_ptr_equal(filler(ra_slot_fillers[i].slot), &ra_slot_fillers[i]);
        for (size_t k = 0; k < ra_slot_fillers[i].n; k++) {
            const char *p = ra_slot_fillers[i].v[k];
            assert_int_equal(ra_text_valid(p, strlen(p)), strlen(p));
            assert_in_range(strlen(p), 1, FILLED_MAX);
            assert_null(strchr(p, '%'));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_slot_is_known),
        cmocka_unit_test(test_fillers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
