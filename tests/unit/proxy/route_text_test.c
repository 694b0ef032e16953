#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/route_parts.h"

static ra_arena arena;

static int setup(void **state)
{
    (void)state;
    ra_arena_init(&arena, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ra_arena_free(&arena);
    return 0;
}

static void decodes(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *path, *query; /* NULL: a bad escape */
    } cases[] = {
        {"", "", ""},
        {"abc", "abc", "abc"},
        {"%41%7a%7A", "Azz", "Azz"},
        {"a+b", "a+b", "a b"},
        {"a%2Bb", "a+b", "a+b"},
        {"%2F%2f", "//", "//"},
        {"%25%32%35", "%25", "%25"},
        {"%c3%A9", "é", "é"},
        {"%", NULL, NULL},
        {"%4", NULL, NULL},
        {"abc%4", NULL, NULL},
        {"%zz", NULL, NULL},
        {"%4g", NULL, NULL},
        {"%g4", NULL, NULL},
        {"%%41", NULL, NULL},
        {"%-1", NULL, NULL},
        {"% 1", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].raw);
        char *copy = malloc(n ? n : 1); /* no byte more: a sanitizer sees a read past the end */
        assert_non_null(copy);
        memcpy(copy, cases[i].raw, n);
        ra_bytes raw = {copy, n}, out;
        assert_true(ra_percent_valid(raw) == (cases[i].path != NULL));
        if (cases[i].path) {
            assert_true(ra_percent_decode(raw, false, &arena, &out) && ra_bytes_eq_z(out, cases[i].path));
            assert_true(ra_percent_decode(raw, true, &arena, &out) && ra_bytes_eq_z(out, cases[i].query));
            assert_true(ra_percent_is(raw, false, cases[i].path) && ra_percent_is(raw, true, cases[i].query));
            assert_false(ra_percent_is(raw, true, "another"));
        }
        free(copy);
    }
    assert_true(ra_percent_valid((ra_bytes){NULL, 0}));
    assert_true(ra_percent_is((ra_bytes){NULL, 0}, true, ""));
    assert_false(ra_percent_is(RA_BYTES("ab"), true, "abc"));
    assert_false(ra_percent_is(RA_BYTES("abc"), true, "ab"));
    assert_false(ra_percent_is(RA_BYTES("ab%00"), true, "ab"));
}

static void encodes(void **state)
{
    (void)state;
    ra_buf b;
    ra_buf_init(&b, 4096);
    assert_true(ra_percent_encode(RA_BYTES("aZ09-._~ +/&=%<>\"\r\n\0\x7f\x80"
                                           "é"),
                                  &b));
    assert_true(ra_bytes_eq_z(ra_buf_bytes(&b), "aZ09-._~%20%2B%2F%26%3D%25%3C%3E%22%0D%0A%00%7F%80%C3%A9"));
    ra_buf_clear(&b);
    assert_true(ra_percent_keep(RA_BYTES("/a%2fb;c=d&e+f?%zz%4 <>\"\r\n\0é{}|^`[]#\\"), &b));
    assert_true(ra_bytes_eq_z(ra_buf_bytes(&b), "/a%2fb;c=d&e+f?%25zz%254%20%3C%3E%22%0D%0A%00%C3%A9%7B%7D%7C"
                                                "%5E%60%5B%5D%23%5C"));
    ra_buf_free(&b);
    ra_buf_init(&b, 2);
    assert_false(ra_percent_encode(RA_BYTES("é"), &b));
    ra_buf_clear(&b);
    assert_false(ra_percent_keep(RA_BYTES("abc"), &b));
    ra_buf_free(&b);
}

static void splits(void **state)
{
    (void)state;
    ra_bytes rest = RA_BYTES("a//b");
    assert_true(ra_bytes_eq_z(ra_route_split(&rest, '/'), "a") && ra_bytes_eq_z(rest, "/b"));
    assert_true(ra_bytes_eq_z(ra_route_split(&rest, '/'), "") && ra_bytes_eq_z(rest, "b"));
    assert_true(ra_bytes_eq_z(ra_route_split(&rest, '/'), "b") && rest.n == 0);
    assert_int_equal(ra_route_split(&rest, '/').n, 0);
}

static void every_white_space_is_blank(void **state)
{
    (void)state;
    static const char *const blank[] = {"",       "\t",       "\n",
                                        "\v",     "\f",       "\r",
                                        " ",      "\xc2\x85", "\u00a0",
                                        "\u1680", "\u2000",   "\u2001",
                                        "\u2002", "\u2003",   "\u2004",
                                        "\u2005", "\u2006",   "\u2007",
                                        "\u2008", "\u2009",   "\u200a",
                                        "\u2028", "\u2029",   "\u202f",
                                        "\u205f", "\u3000",   " \t\n\u3000\u2003 "};
    /* neighbours of them, and what looks empty without being white space */
    static const char *const not [] = {"a",        "\x08",     "\x0e",     "\x1f",   "!",      "\x7f",
                                       "\xc2\x84", "\xc2\x86", "\xc2\x9f", "\u00a1", "\u00ad", "\u167f",
                                       "\u1681",   "\u180e",   "\u1fff",   "\u200b", "\u200d", "\u2027",
                                       "\u2030",   "\u205e",   "\u2060",   "\u2fff", "\u3001", "\ufeff",
                                       "👋",        " a",       "a ",       "\u3000x"};
    for (size_t i = 0; i < sizeof blank / sizeof *blank; i++)
        assert_true(ra_route_blank(ra_bytes_z(blank[i])));
    for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
        assert_false(ra_route_blank(ra_bytes_z(not [i])));
    assert_true(ra_route_blank((ra_bytes){NULL, 0}));
    assert_false(ra_route_blank(RA_BYTES("\0")));
    /* U+202A and U+202E, which no source should hold as they are */
    assert_false(ra_route_blank((ra_bytes){(const char[]){'\xe2', '\x80', '\xaa'}, 3}));
    assert_false(ra_route_blank((ra_bytes){(const char[]){'\xe2', '\x80', '\xae'}, 3}));
    assert_int_equal(sizeof blank / sizeof *blank - 2, 25);
}

static void controls(void **state)
{
    (void)state;
    static const char *const with[] = {"\x01", "a\x1f", "\n", "\x7f", "\xc2\x80", "\xc2\x9f", "é\xc2\x85"};
    static const char *const without[] = {"", " ", "a", "~", "\u00a0", "é", "語", "👋"};
    for (size_t i = 0; i < sizeof with / sizeof *with; i++)
        assert_true(ra_route_has_control(ra_bytes_z(with[i])));
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        assert_false(ra_route_has_control(ra_bytes_z(without[i])));
    assert_true(ra_route_has_control(RA_BYTES("a\0b")));
}

static void characters_and_forms(void **state)
{
    (void)state;
    assert_int_equal(ra_route_chars(RA_BYTES("")), 0);
    assert_int_equal(ra_route_chars(RA_BYTES("aé語👋")), 4);
    assert_int_equal(ra_route_chars(RA_BYTES("e\u0301")), 2);
    assert_true(ra_route_utf8((ra_bytes){NULL, 0}) && ra_route_utf8(RA_BYTES("é\0👋")));
    assert_false(ra_route_utf8(RA_BYTES("\xc3")) || ra_route_utf8(RA_BYTES("\xed\xa0\x80")));
    assert_true(ra_route_is_uuid(RA_BYTES("5e6a0a2e-dd70-434d-81d7-7CFFB7DECC0C")));
    static const char *const not [] = {"",
                                       "5e6a0a2e-dd70-434d-81d7-7cffb7decc0",
                                       "5e6a0a2e-dd70-434d-81d7-7cffb7decc0c0",
                                       "5e6a0a2edd70434d81d77cffb7decc0c",
                                       "5e6a0a2e-dd70-434d-81d7-7cffb7decc0g",
                                       "5e6a0a2e-dd70-434d-81d7_7cffb7decc0c",
                                       "5e6a0a2e-dd70-434d--1d7-7cffb7decc0c",
                                       "{5e6a0a2e-dd70-434d-81d7-7cffb7decc0",
                                       " 5e6a0a2e-dd70-434d-81d7-7cffb7decc0"};
    for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
        assert_false(ra_route_is_uuid(ra_bytes_z(not [i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes),  cmocka_unit_test(encodes),
        cmocka_unit_test(splits),   cmocka_unit_test(every_white_space_is_blank),
        cmocka_unit_test(controls), cmocka_unit_test(characters_and_forms),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
