#include "proxy/follow_note.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static ra_bytes text(const char *z)
{
    return ra_bytes_z(z);
}

static void comes_back(void **state)
{
    (void)state;
    ra_shard out = {.finished = true, .drained_ms = 1732330000123};
    char note[RA_POST_NOTE_MAX];
    snprintf(out.handled, sizeof out.handled, "%s", "4959033827149025660855969253836157109592");
    size_t n = ra_follow_note_write(&out, note);
    ra_shard in = {.start = RA_SHARD_FROM_OLDEST};
    assert_true(ra_follow_note_read((ra_bytes){note, n}, &in));
    assert_string_equal(in.handled, out.handled);
    assert_true(in.finished);
    assert_true(in.drained_ms == out.drained_ms);
}

static void of_a_shard_that_was_only_begun(void **state)
{
    (void)state;
    ra_shard shard = {.drained_ms = -1};
    char note[RA_POST_NOTE_MAX];
    size_t n = ra_follow_note_write(&shard, note);
    assert_true(ra_bytes_eq_z((ra_bytes){note, n}, "1 - 0 0"));
    ra_shard in = {.handled = "7", .drained_ms = 5};
    assert_true(ra_follow_note_read((ra_bytes){note, n}, &in));
    assert_string_equal(in.handled, "7");
    assert_true(in.drained_ms == 0 && !in.finished);
}

static void what_is_noted_is_taken_over(void **state)
{
    (void)state;
    ra_shard in = {.handled = "1001", .drained_ms = 50, .finished = true};
    assert_true(ra_follow_note_read(text("1 99 0 60"), &in));
    assert_string_equal(in.handled, "99");
    assert_true(in.drained_ms == 60 && !in.finished);
    assert_true(ra_follow_note_read(text("1 101 1 10"), &in));
    assert_string_equal(in.handled, "101");
    assert_true(in.drained_ms == 10 && in.finished);
}

static void others_are_refused(void **state)
{
    (void)state;
    static const char *const not_notes[] = {"",
                                            "1",
                                            "2 - 0 0",
                                            "1 -",
                                            "1 - 0",
                                            "1 - 0 ",
                                            "1 - 2 0",
                                            "1 - 00 0",
                                            "1 x 0 0",
                                            "1 -1 0 0",
                                            "1 - 0 -1",
                                            "1 - 0 0x",
                                            "1  - 0 0",
                                            " 1 - 0 0",
                                            "1 - 0 1 ",
                                            "1 - 0 1 1",
                                            "1 - 0 1234567890123456",
                                            "1 1234567890123456789012345678901234567890123456789 0 0"};
    for (size_t i = 0; i < sizeof not_notes / sizeof *not_notes; i++) {
        ra_shard in = {.handled = "5", .drained_ms = 6};
        if (ra_follow_note_read(text(not_notes[i]), &in))
            fail_msg("taken: '%s'", not_notes[i]);
        assert_string_equal(in.handled, "5");
        assert_true(in.drained_ms == 6 && !in.finished);
    }
    ra_shard in = {.drained_ms = 1};
    assert_false(ra_follow_note_read((ra_bytes){NULL, 0}, &in));
    assert_false(ra_follow_note_read((ra_bytes){"1 1\0002 0 0", 10}, &in));
}

/* Proxies meet at a post only if they read the same stream for the same cache. */
static void a_post_names_all_of_it(void **state)
{
    (void)state;
    ra_key a, b;
    assert_true(ra_follow_post_name("http://e", "p", "arn", "shard", &a));
    assert_true(ra_follow_post_name("http://e", "p", "arn", "shard", &b) && ra_key_eq(&a, &b));
    assert_true(ra_follow_post_name("http://f", "p", "arn", "shard", &b) && !ra_key_eq(&a, &b));
    assert_true(ra_follow_post_name("http://e", "q", "arn", "shard", &b) && !ra_key_eq(&a, &b));
    assert_true(ra_follow_post_name("http://e", "p", "arn2", "shard", &b) && !ra_key_eq(&a, &b));
    assert_true(ra_follow_post_name("http://e", "p", "arn", "shar", &b) && !ra_key_eq(&a, &b));
    assert_true(ra_follow_post_name("http://e", "p", "arns", "hard", &b) && !ra_key_eq(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back), cmocka_unit_test(of_a_shard_that_was_only_begun),
        cmocka_unit_test(what_is_noted_is_taken_over), cmocka_unit_test(others_are_refused),
        cmocka_unit_test(a_post_names_all_of_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
