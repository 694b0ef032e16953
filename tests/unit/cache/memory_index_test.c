#include "cache/memory_index.h"

#include "memory_fixture.h"

enum { N = 50000 };

typedef struct node {
    uint64_t hash;
    uint32_t link;
    bool in;
} node;

static node nodes[N + 1]; /* reference 0 is none */

static uint32_t *link_of(void *table, uint32_t ref)
{
    return &((node *)table)[ref].link;
}

static uint64_t hash_of(void *table, uint32_t ref)
{
    return ((node *)table)[ref].hash;
}

static const ra_index_nodes access_nodes = {link_of, hash_of};

static bool find(const ra_index *x, uint32_t ref)
{
    uint32_t at = *ra_index_chain(x, nodes[ref].hash);
    while (at && at != ref)
        at = nodes[at].link;
    return at == ref;
}

/* All that is in is found, in the chain that its hash says, at every size that the table passes through. */
static void test_grows_one_bucket_at_a_time(void **state)
{
    (void)state;
    ra_index x;
    uint64_t random = 1;
    assert_true(ra_index_init(&x, &access_nodes, nodes));
    for (uint32_t i = 1; i <= N; i++) {
        size_t before = x.buckets;
        nodes[i].hash = next_random(&random);
        ra_index_insert(&x, i);
        assert_true(x.buckets - before <= 1); /* no moment at which all is moved */
        assert_true(find(&x, i) && find(&x, 1 + (uint32_t)(next_random(&random) % i)));
        if (i % 4096 == 0 || (i > 250 && i < 1100 && i % 50 == 0))
            for (uint32_t k = 1; k <= i; k++)
                assert_true(find(&x, k));
    }
    assert_int_equal(x.count, N);
    assert_true(x.buckets >= N && x.buckets < 2 * x.low && x.low <= x.buckets);
    unsigned longest = 0;
    for (uint32_t i = 1; i <= N; i++) {
        unsigned length = 0;
        for (uint32_t at = *ra_index_chain(&x, nodes[i].hash); at; at = nodes[at].link)
            length++;
        longest = length > longest ? length : longest;
    }
    assert_true(longest < 16);
    ra_index_free(&x);
}

static void test_removal(void **state)
{
    (void)state;
    ra_index x;
    uint64_t random = 2;
    assert_true(ra_index_init(&x, &access_nodes, nodes));
    for (unsigned step = 0; step < 100000; step++) {
        uint32_t i = 1 + (uint32_t)(next_random(&random) % 3000);
        if (nodes[i].in) {
            assert_true(find(&x, i));
            ra_index_remove(&x, i);
        } else {
            nodes[i].hash = i % 7 ? next_random(&random) : 42; /* some of one hash */
            ra_index_insert(&x, i);
        }
        nodes[i].in = !nodes[i].in;
        assert_int_equal(find(&x, i), nodes[i].in);
    }
    size_t in = 0;
    for (uint32_t i = 1; i <= 3000; i++) {
        assert_int_equal(find(&x, i), nodes[i].in);
        in += nodes[i].in;
    }
    assert_int_equal(x.count, in);
    ra_index_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_one_bucket_at_a_time),
        cmocka_unit_test(test_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
