#include "proxy/ddb_generate_text.h"

#include "config/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static size_t characters(ra_bytes text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; n++) {
        size_t len = ra_text_utf8(text.p + i, text.n - i);
        assert_true(len > 0);
        i += len;
    }
    return n;
}

static void check(ra_bytes text)
{
    assert_in_range(characters(text), 1, RA_GENERATE_TEXT_CHARS);
    assert_true(text.n <= RA_GENERATE_TEXT_BYTES);
    assert_true(text.p[0] != ' ' && text.p[text.n - 1] != ' ');
    assert_null(memchr(text.p, '%', text.n));
    for (size_t i = 0; i < text.n; i++)
        assert_true((unsigned char)text.p[i] >= ' ');
}

static void test_any(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    size_t tiny = 0, usual = 0, large = 0, longest = 0, questions = 0, foreign = 0;
    ra_buf out;
    ra_buf_init(&out, RA_GENERATE_TEXT_BYTES + 2048);
    for (uint64_t i = 0; i < MANY; i++) {
        bool asks;
        ra_stream s = ra_stream_at(3, RA_STREAM_TEXT, i);
        ra_buf_clear(&out);
        assert_true(ra_generate_text(&s, RA_MOOD_ANY, RA_BYTES("Łukasz"), &out, &asks));
        check(ra_buf_bytes(&out));
        size_t n = characters(ra_buf_bytes(&out));
        tiny += n < 15;
        usual += n >= 15 && n < 200;
        large += n >= 200;
        questions += asks;
        foreign += n != out.n;
        longest = n > longest ? n : longest;
        if (asks)
            assert_true(memchr(out.p, '?', out.n) != NULL);
    }
    ra_buf_free(&out);
    assert_in_range(tiny, MANY / 20, MANY / 2);
    assert_in_range(usual, MANY / 3, MANY);
    assert_in_range(large, MANY / 50, MANY / 5);
    assert_in_range(questions, MANY / 10, MANY / 2);
    assert_in_range(foreign, MANY / 10, MANY * 9 / 10);
    assert_in_range(longest, RA_GENERATE_TEXT_CHARS - 100, RA_GENERATE_TEXT_CHARS);
}

/* A name that needs much room doesn't make a text too long. */
static void test_long_names(void **state)
{
    (void)state;
    static char name[512];
    ra_buf out;
    ra_buf_init(&out, RA_GENERATE_TEXT_BYTES + 2048);
    memset(name, 'n', sizeof name);
    for (uint64_t i = 0; i < 2000; i++) {
        bool asks;
        ra_stream s = ra_stream_at(4, RA_STREAM_TEXT, i);
        ra_buf_clear(&out);
        assert_true(ra_generate_text(&s, RA_MOOD_OPENING, (ra_bytes){name, sizeof name}, &out, &asks));
        check(ra_buf_bytes(&out));
    }
    ra_buf_free(&out);
}

static void test_openings_and_answers(void **state)
{
    (void)state;
    size_t named = 0, asked = 0;
    ra_buf out;
    ra_buf_init(&out, RA_GENERATE_TEXT_BYTES + 2048);
    for (uint64_t i = 0; i < 1000; i++) {
        bool asks;
        ra_stream s = ra_stream_at(5, RA_STREAM_TEXT, i);
        ra_buf_clear(&out);
        assert_true(ra_generate_text(&s, RA_MOOD_OPENING, RA_BYTES("Zuri"), &out, &asks));
        check(ra_buf_bytes(&out));
        named += memmem(out.p, out.n, "Zuri", 4) != NULL;
        ra_buf_clear(&out);
        assert_true(ra_generate_text(&s, RA_MOOD_ANSWER, RA_BYTES("Zuri"), &out, &asks));
        check(ra_buf_bytes(&out));
        asked += asks;
    }
    ra_buf_free(&out);
    assert_true(named > 900);
    assert_in_range(asked, 100, 500);
}

static void test_without_memory(void **state)
{
    (void)state;
    bool asks;
    ra_buf out;
    ra_buf_init(&out, 3);
    ra_stream s = ra_stream_at(5, RA_STREAM_TEXT, 0);
    assert_false(ra_generate_text(&s, RA_MOOD_OPENING, RA_BYTES("Zuri"), &out, &asks));
    ra_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_openings_and_answers),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
