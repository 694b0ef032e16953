#include "cache/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Parts from a list that ends with NULL. */
static ra_key digest_of(const char *const *parts)
{
    ra_buf b;
    ra_key k;
    ra_buf_init(&b, 1000);
    for (; *parts; parts++)
        assert_true(ra_key_part_z(&b, *parts));
    assert_true(ra_key_digest(&b, &k));
    ra_buf_free(&b);
    return k;
}

static void test_no_two_lists_run_together(void **state)
{
    (void)state;
    static const char *const lists[][4] = {
        {"ab", "c"}, {"a", "bc"}, {"abc"}, {"abc", ""}, {"", "abc"}, {"a", "b", "c"}, {""}, {NULL}, {"", ""},
    };
    enum { N = sizeof lists / sizeof *lists };
    ra_key keys[N];
    for (size_t i = 0; i < N; i++) {
        keys[i] = digest_of(lists[i]);
        ra_key again = digest_of(lists[i]);
        assert_true(ra_key_eq(&keys[i], &again));
        for (size_t j = 0; j < i; j++)
            assert_false(ra_key_eq(&keys[i], &keys[j]));
    }
}

/* printf '\3\0\0\0abc\1\0\0\0d' through coreutils' sha256sum. */
static void test_known_digest(void **state)
{
    (void)state;
    static const unsigned char abc_d[] = {0x1f, 0x8a, 0xda, 0x21, 0xb9, 0x5f, 0x3d, 0x51, 0xbb, 0xc9, 0x9f,
                                          0x85, 0x08, 0x86, 0x01, 0x5c, 0x31, 0xd0, 0x2e, 0x1f, 0xf2, 0x50,
                                          0xc5, 0x16, 0xca, 0x9f, 0x14, 0xc2, 0xdb, 0xe3, 0xe8, 0x02};
    ra_key k = digest_of((const char *const[]){"abc", "d", NULL});
    assert_memory_equal(k.b, abc_d, sizeof abc_d);
}

static void test_part_key_is_a_part_of_its_bytes(void **state)
{
    (void)state;
    ra_key inner = digest_of((const char *const[]){"x", NULL}), a, b;
    ra_buf buf;
    ra_buf_init(&buf, 1000);
    assert_true(ra_key_part_key(&buf, &inner));
    assert_true(ra_key_digest(&buf, &a));
    ra_buf_clear(&buf);
    assert_true(ra_key_part(&buf, (ra_bytes){(const char *)inner.b, RA_KEY_BYTES}));
    assert_true(ra_key_digest(&buf, &b));
    assert_true(ra_key_eq(&a, &b));
    ra_buf_free(&buf);
}

/* A buffer that failed gives no key, so that a cut list can't stand for another one. */
static void test_failed_buffer_gives_no_key(void **state)
{
    (void)state;
    ra_buf b;
    ra_key k, zero = {{0}};
    ra_buf_init(&b, 10);
    assert_true(ra_key_part_z(&b, "1234"));
    assert_false(ra_key_part_z(&b, "5678"));
    memset(&k, 1, sizeof k);
    assert_false(ra_key_digest(&b, &k));
    assert_true(ra_key_eq(&k, &zero));
    ra_buf_clear(&b);
    assert_false(ra_key_part(&b, (ra_bytes){"x", (size_t)UINT32_MAX + 1}));
    assert_false(ra_key_digest(&b, &k));
    ra_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_two_lists_run_together),
        cmocka_unit_test(test_known_digest),
        cmocka_unit_test(test_part_key_is_a_part_of_its_bytes),
        cmocka_unit_test(test_failed_buffer_gives_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
