#include "cache/momento_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static ra_key key_of(unsigned char first)
{
    ra_key k;
    for (int i = 0; i < RA_KEY_BYTES; i++)
        k.b[i] = (unsigned char)(first + i);
    return k;
}

static void test_names(void **state)
{
    char out[RA_MOMENTO_NAME_MAX], longest[RA_MOMENTO_PREFIX_MOST + 1];
    ra_key unit = key_of(0), request = key_of(0xe0);
    (void)state;
    ra_bytes name = ra_momento_register_name("app:", &unit, out);
    assert_true(
        ra_bytes_eq_z(name, "app:ra1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"));
    name = ra_momento_entry_name("", &unit, &request, out);
    assert_true(ra_bytes_eq_z(name, "ra1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f:"
                                    "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"));
    memset(longest, 'p', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    name = ra_momento_entry_name(longest, &unit, &request, out);
    assert_int_equal(name.n, RA_MOMENTO_PREFIX_MOST + 4 + 64 + 1 + 64);
}

static void test_registers(void **state)
{
    ra_generation a, b, read;
    (void)state;
    assert_true(ra_momento_register_new(true, &a));
    assert_true(ra_momento_register_new(true, &b));
    assert_int_equal(a.len, RA_MOMENTO_REGISTER_CHARS);
    assert_int_equal(a.b[0], 'I');
    assert_memory_not_equal(a.b, b.b, a.len);
    assert_int_equal(ra_momento_register_read((ra_bytes){(const char *)a.b, a.len}, &read), RA_MOMENTO_IDLE);
    assert_int_equal(read.len, a.len);
    assert_memory_equal(read.b, a.b, a.len);
    assert_true(ra_momento_register_new(false, &b));
    assert_int_equal(ra_momento_register_read((ra_bytes){(const char *)b.b, b.len}, &read),
                     RA_MOMENTO_WRITING);
    assert_int_equal(read.len, 0);
}

static void test_what_is_no_register(void **state)
{
    static const char *const cases[] = {"",
                                        "I",
                                        "I0123456789abcdef0123456789abcde",
                                        "I0123456789abcdef0123456789abcdef0",
                                        "X0123456789abcdef0123456789abcdef",
                                        "I0123456789abcdef0123456789abcdeF",
                                        "i0123456789abcdef0123456789abcdef"};
    ra_generation read;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ra_momento_register_read(ra_bytes_z(cases[i]), &read), RA_MOMENTO_FOREIGN);
        assert_int_equal(read.len, 0);
    }
}

static void test_entries_round_trip(void **state)
{
    (void)state;
    for (unsigned n = 0; n <= RA_GUARDS_MAX; n++) {
        ra_momento_entry e = {.expires = 0x0102030405060708, .keeps = INT64_MAX, .nguards = n}, read;
        ra_buf out;
        ra_buf_init(&out, 4096);
        assert_true(ra_momento_register_new(true, &e.tags.unit));
        for (unsigned i = 0; i < n; i++)
            assert_true(ra_momento_register_new(true, &e.tags.guard[i]));
        assert_true(ra_momento_entry_head(&e, &out));
        assert_true(out.n <= RA_MOMENTO_ENTRY_HEAD_MOST);
        ra_buf_add_z(&out, "sealed");
        assert_true(ra_momento_entry_read(ra_buf_bytes(&out), &read));
        assert_int_equal(read.expires, e.expires);
        assert_int_equal(read.keeps, e.keeps);
        assert_int_equal(read.nguards, n);
        assert_memory_equal(&read.tags, &e.tags, sizeof e.tags);
        assert_true(ra_bytes_eq_z(read.sealed, "sealed"));
        /* Any that is cut in its head is none, and reads no byte past its end. */
        for (size_t cut = 0; cut < out.n - 6; cut++) {
            char *copy = malloc(cut ? cut : 1);
            memcpy(copy, out.p, cut);
            assert_false(ra_momento_entry_read((ra_bytes){copy, cut}, &read));
            free(copy);
        }
        ra_buf_free(&out);
    }
}

static void test_what_is_no_entry(void **state)
{
    ra_momento_entry e = {.expires = 10, .keeps = 20, .nguards = 1}, read;
    ra_buf out;
    (void)state;
    ra_buf_init(&out, 4096);
    assert_false(ra_momento_entry_head(&e, &out)); /* without tags nothing could ever void it */
    ra_buf_clear(&out);
    assert_true(ra_momento_register_new(true, &e.tags.unit));
    assert_true(ra_momento_register_new(true, &e.tags.guard[0]));
    assert_true(ra_momento_entry_head(&e, &out));
    static const size_t places[] = {0, 17, 18, 20, 51};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char was = out.p[places[i]];
        out.p[places[i]] = '\x7f';
        assert_false(ra_momento_entry_read(ra_buf_bytes(&out), &read));
        out.p[places[i]] = was;
    }
    assert_true(ra_momento_entry_read(ra_buf_bytes(&out), &read));
    out.p[16] = 9; /* kept for less than it is good */
    assert_false(ra_momento_entry_read(ra_buf_bytes(&out), &read));
    out.p[16] = 20;
    out.p[1] = '\x80'; /* a time from before the clock began, which no sum survives */
    out.p[9] = '\x80';
    assert_false(ra_momento_entry_read(ra_buf_bytes(&out), &read));
    ra_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_registers),
        cmocka_unit_test(test_what_is_no_register),
        cmocka_unit_test(test_entries_round_trip),
        cmocka_unit_test(test_what_is_no_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
