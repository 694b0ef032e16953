#include "cache/memory_pool.h"

#include "memory_fixture.h"
#include "own_allocator.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MOST = 4000, SIZES = 10000 };

typedef struct held {
    unsigned char *p;
    size_t n;
    unsigned char sign;
} held;

static held taken(size_t n, unsigned char sign)
{
    held h = {.p = ra_pool_take(n), .n = n, .sign = sign};
    assert_non_null(h.p);
    assert_int_equal((uintptr_t)h.p % 16, 0);
    memset(h.p, sign, n);
    return h;
}

static void give(const held *h)
{
    for (size_t i = 0; i < h->n; i++)
        assert_int_equal(h->p[i], h->sign); /* nobody else has written there */
    ra_pool_give(h->p, h->n);
}

/* The sizes at which one class ends and the next begins are among them. */
static void test_every_size_has_its_room(void **state)
{
    (void)state;
    static held all[SIZES];
    for (size_t n = 0; n < SIZES; n++)
        all[n] = taken(n, (unsigned char)(n % 251));
    for (size_t n = 0; n < SIZES; n++)
        give(&all[n]);
}

static void test_random_taking_and_giving(void **state)
{
    (void)state;
    static held have[MOST];
    uint64_t random = 1;
    unsigned n = 0;
    for (unsigned step = 0; step < 100000; step++) {
        uint64_t x = next_random(&random);
        /* waves: it fills and empties, so that whole pieces come and go */
        bool grow = (step / 5000) % 2 == 0 ? x % 4 != 0 : x % 4 == 0;
        if (grow && n < MOST) {
            have[n++] = taken((x >> 8) % 16 ? (x >> 16) % 700 : (x >> 16) % 20000, (unsigned char)(x >> 40));
        } else if (n) {
            uint32_t i = (uint32_t)((x >> 8) % n);
            give(&have[i]);
            have[i] = have[--n];
        }
    }
    while (n)
        give(&have[--n]);
}

enum { THREADS = 4, EACH = 2000 };
static held handed[THREADS][EACH];

static void *take_some(void *arg)
{
    held *h = arg;
    for (unsigned i = 0; i < EACH; i++) {
        h[i] = (held){.p = ra_pool_take(i % 300), .n = i % 300, .sign = (unsigned char)(i % 255)};
        if (h[i].p)
            memset(h[i].p, h[i].sign, h[i].n);
        if (h[i].p && i % 3 == 0) {
            ra_pool_give(h[i].p, h[i].n);
            h[i].p = NULL;
        }
    }
    return NULL;
}

/* What one thread has taken another one gives back. */
static void test_threads(void **state)
{
    (void)state;
    pthread_t thread[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, take_some, handed[i]), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    for (unsigned i = 0; i < THREADS; i++)
        for (unsigned k = 0; k < EACH; k++) {
            assert_int_equal(handed[i][k].p == NULL, k % 3 == 0);
            if (handed[i][k].p)
                give(&handed[i][k]);
        }
}

#ifndef OWN_ALLOCATOR
/* Of any size: what is taken is what the costs add up to, and one piece at most that isn't full. */
static void test_costs_are_true(void **state)
{
    (void)state;
    static void *p[MOST];
    for (size_t n = 0; n <= RA_POOL_BLOCK_MAX; n += n < 1200 ? 56 : 777) {
        size_t idle, before = ra_pool_bytes(&idle), cost = ra_pool_cost(n), in_use;
        for (unsigned i = 0; i < MOST; i++)
            assert_non_null(p[i] = ra_pool_take(n));
        in_use = ra_pool_bytes(&idle) - before;
        assert_true(idle < RA_POOL_PIECE);
        assert_in_range(in_use - idle + (size_t)26 * MOST, cost * MOST, (cost + 26) * MOST);
        assert_true(cost >= n && (n < 100 || cost - n <= n / 7 + 17));
        for (unsigned i = 0; i < MOST; i++)
            ra_pool_give(p[i], n);
        assert_int_equal(ra_pool_bytes(&idle), before);
    }
}

static size_t mapped(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    char text[128] = "";
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    return strtoul(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

/* Not only to the pool, to the system. */
static void test_memory_is_given_back(void **state)
{
    (void)state;
    enum { N = 400000 };
    void **p = malloc(N * sizeof *p);
    assert_non_null(p);
    size_t before = mapped();
    for (unsigned i = 0; i < N; i++)
        assert_non_null(p[i] = ra_pool_take(208));
    assert_true(mapped() > before + (size_t)N * 200);
    for (unsigned i = 0; i < N; i++)
        ra_pool_give(p[i * 7ULL % N], 208); /* 7 and N have no divisor in common */
    assert_true(mapped() < before + (size_t)(8 << 20));
    free(p);
}

static void test_without_memory(void **state)
{
    (void)state;
    enum { LARGE = 3000 };
    static void *p[MOST];
    struct rlimit was, none;
    unsigned n = 0;
    assert_int_equal(getrlimit(RLIMIT_AS, &was), 0);
    none = was;
    none.rlim_cur = mapped();
    assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
    while (n < MOST && (p[n] = ra_pool_take(LARGE)) != NULL)
        n++;
    assert_int_equal(setrlimit(RLIMIT_AS, &was), 0);
    assert_true(n < MOST);
    void *more = ra_pool_take(LARGE); /* it has lost nothing by that */
    assert_non_null(more);
    ra_pool_give(more, LARGE);
    while (n)
        ra_pool_give(p[--n], LARGE);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size_has_its_room),
        cmocka_unit_test(test_random_taking_and_giving),
        cmocka_unit_test(test_threads),
#ifndef OWN_ALLOCATOR
        cmocka_unit_test(test_costs_are_true),
        cmocka_unit_test(test_memory_is_given_back),
        cmocka_unit_test(test_without_memory),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
