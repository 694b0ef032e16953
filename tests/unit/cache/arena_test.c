#include "cache/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdalign.h>

static void test_alloc_is_zeroed_and_aligned(void **state)
{
    (void)state;
    ra_arena a;
    ra_arena_init(&a, 1 << 20);
    for (size_t n = 0; n < 3000; n += 7) {
        unsigned char *p = ra_arena_alloc(&a, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, n); /* a neighbour that overlapped would be seen */
        if (a.used > (1 << 20) - 4000)
            break;
    }
    ra_arena_free(&a);
}

static void test_cap(void **state)
{
    (void)state;
    ra_arena a;
    ra_arena_init(&a, 1024);
    assert_null(ra_arena_alloc(&a, 1025));
    assert_non_null(ra_arena_alloc(&a, 1000));
    assert_int_equal(a.used, 1008);
    assert_non_null(ra_arena_alloc(&a, 16));
    assert_null(ra_arena_alloc(&a, 0)); /* even an empty one takes its place */
    assert_null(ra_arena_alloc(&a, SIZE_MAX));
    ra_arena_free(&a);
    assert_int_equal(a.used, 0);
    assert_non_null(ra_arena_alloc(&a, 1024)); /* usable again, with the same cap */
    ra_arena_free(&a);
}

static void test_array_overflow(void **state)
{
    (void)state;
    ra_arena a;
    ra_arena_init(&a, SIZE_MAX);
    assert_null(ra_arena_array(&a, SIZE_MAX / 2, 3));
    assert_null(ra_arena_array(&a, 3, SIZE_MAX / 2));
    assert_non_null(ra_arena_array(&a, 0, 0));
    int *p = ra_arena_array(&a, 10, sizeof *p);
    assert_int_equal(p[9], 0);
    ra_arena_free(&a);
}

static void test_copies(void **state)
{
    (void)state;
    ra_arena a;
    ra_arena_init(&a, 100000);
    ra_bytes s = ra_arena_copy(&a, (ra_bytes){"a\0b", 3});
    assert_int_equal(s.n, 3);
    assert_memory_equal(s.p, "a\0b", 3);
    s = ra_arena_copy(&a, (ra_bytes){NULL, 0});
    assert_int_equal(s.n, 0);
    assert_non_null(s.p);
    assert_string_equal(ra_arena_strdup(&a, RA_BYTES("text")), "text");
    assert_string_equal(ra_arena_strdup(&a, (ra_bytes){NULL, 0}), "");
    static const char large[50000];
    assert_non_null(ra_arena_copy(&a, (ra_bytes){large, sizeof large}).p);
    assert_null(ra_arena_copy(&a, (ra_bytes){large, sizeof large}).p);
    assert_null(ra_arena_strdup(&a, (ra_bytes){large, sizeof large}));
    ra_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_is_zeroed_and_aligned),
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_array_overflow),
        cmocka_unit_test(test_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
