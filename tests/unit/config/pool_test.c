#include "tests/unit/config/expect.h"

#include "config/pool.h"

static void test_memory_is_zeroed_aligned_and_separate(void **state)
{
    (void)state;
    ra_pool p = {0};
    for (size_t n = 0; n < 200; n++) {
        unsigned char *v = ra_pool_alloc(&p, n);
        assert_non_null(v);
        assert_int_equal((uintptr_t)v % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(v[i], 0);
            v[i] = 0xff;
        }
    }
    ra_pool_free(&p);
    assert_non_null(ra_pool_alloc(&p, 1));
    ra_pool_free(&p);
}

static void test_sizes_that_overflow_give_null(void **state)
{
    (void)state;
    ra_pool p = {0};
    assert_null(ra_pool_alloc(&p, SIZE_MAX));
    assert_null(ra_pool_array(&p, SIZE_MAX / 2, 3));
    assert_null(ra_pool_strndup(&p, "", SIZE_MAX));
    ra_pool_free(&p);
}

static void test_texts(void **state)
{
    (void)state;
    ra_pool p = {0};
    assert_string_equal(ra_pool_strndup(&p, "abcdef", 3), "abc");
    assert_string_equal(ra_pool_strdup(&p, ""), "");
    assert_string_equal(ra_pool_printf(&p, "%s/%d", "a", 12), "a/12");
    ra_pool_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_zeroed_aligned_and_separate),
        cmocka_unit_test(test_sizes_that_overflow_give_null),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
