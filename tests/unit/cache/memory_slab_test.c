#include "cache/memory_slab.h"

#include "memory_fixture.h"

#include <stdlib.h>

enum { N = 1000 };

static void test_records_are_zeroed_and_apart(void **state)
{
    (void)state;
    ra_slab s;
    uint32_t ref[N];
    ra_slab_init(&s, 24);
    for (uint32_t i = 0; i < N; i++) {
        ref[i] = ra_slab_take(&s);
        assert_true(ref[i] != 0 && ref[i] <= RA_SLAB_REF_MAX);
        unsigned char *p = ra_slab_at(&s, ref[i]);
        assert_int_equal((uintptr_t)p % 8, 0);
        for (unsigned k = 0; k < 24; k++)
            assert_int_equal(p[k], 0);
        memset(p, (int)(i & 0xff) | 1, 24);
    }
    for (uint32_t i = 0; i < N; i++) {
        unsigned char *p = ra_slab_at(&s, ref[i]);
        for (unsigned k = 0; k < 24; k++)
            assert_int_equal(p[k], (i & 0xff) | 1);
    }
    assert_int_equal(s.live, N);
    ra_slab_free(&s);
}

/* The walk finds exactly the live ones, each once, in rising order. */
static void check_walk(ra_slab *s, const bool *live, size_t refs)
{
    size_t n = 0, expected = 0;
    for (uint32_t r = 0, last = 0; (r = ra_slab_next(s, r)); last = r, n++) {
        assert_true(r > last && r < refs && live[r]);
    }
    for (size_t i = 0; i < refs; i++)
        expected += live[i];
    assert_int_equal(n, expected);
    assert_int_equal(n, s->live);
}

static void test_random_taking_and_giving(void **state)
{
    (void)state;
    enum { REFS = 1 << 16, MOST = 2000 };
    static bool live[REFS];
    uint32_t have[MOST], n = 0;
    uint64_t random = 1;
    ra_slab s;
    ra_slab_init(&s, 40);
    for (unsigned step = 0; step < 60000; step++) {
        /* waves: it fills and empties, so that whole chunks come and go */
        bool grow = (step / 3000) % 2 == 0 ? next_random(&random) % 4 != 0 : next_random(&random) % 4 == 0;
        if (grow && n < MOST) {
            uint32_t ref = ra_slab_take(&s);
            assert_true(ref < REFS && !live[ref]);
            live[ref] = true;
            have[n++] = ref;
        } else if (n) {
            uint32_t i = (uint32_t)(next_random(&random) % n);
            ra_slab_give(&s, have[i]);
            live[have[i]] = false;
            have[i] = have[--n];
        }
        if (step % 1000 == 0)
            check_walk(&s, live, REFS);
    }
    while (n) {
        ra_slab_give(&s, have[--n]);
        live[have[n]] = false;
    }
    check_walk(&s, live, REFS);
    /* one chunk is kept, and the table of chunks */
    assert_true(s.bytes <= ra_pool_cost(sizeof(ra_slab_chunk) + (size_t)RA_SLAB_CHUNK * 40) +
                               s.cap * sizeof *s.slots + 32);
    ra_slab_free(&s);
    assert_int_equal(ra_slab_next(&s, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_are_zeroed_and_apart),
        cmocka_unit_test(test_random_taking_and_giving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
