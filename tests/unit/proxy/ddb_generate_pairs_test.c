#include "proxy/ddb_generate_pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static int order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* How many different pairs there are, whichever way round; each is checked. */
static size_t distinct(const ra_pair *pairs, size_t n, uint32_t users)
{
    uint64_t *keys = calloc(n, sizeof *keys);
    size_t count = 0;
    assert_non_null(keys);
    for (size_t i = 0; i < n; i++) {
        uint32_t a = pairs[i].member[0], b = pairs[i].member[1];
        assert_true(a < users && b < users && a != b);
        keys[i] = a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
    }
    qsort(keys, n, sizeof *keys, order);
    for (size_t i = 0; i < n; i++)
        count += i == 0 || keys[i] != keys[i - 1];
    free(keys);
    return count;
}

static void test_distinct_while_there_are_pairs(void **state)
{
    (void)state;
    static const struct {
        uint32_t users;
        size_t n, distinct;
    } cases[] = {{2, 1, 1},
                 {2, 5, 1},
                 {3, 3, 3},
                 {40, 780, 780},
                 {40, 779, 779},
                 {40, 900, 780},
                 {1000, 50000, 50000},
                 {100000000, 20000, 20000},
                 {700, 244650, 244650}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_pair *pairs = calloc(cases[i].n, sizeof *pairs);
        assert_non_null(pairs);
        assert_true(ra_generate_pairs(i, cases[i].users, cases[i].n, pairs));
        assert_int_equal(distinct(pairs, cases[i].n, cases[i].users), cases[i].distinct);
        free(pairs);
    }
}

static void test_the_first_users_are_in_more(void **state)
{
    (void)state;
    enum { USERS = 1000, PAIRS = 5000 };
    static ra_pair pairs[PAIRS];
    unsigned seen[USERS] = {0}, half = 0, none = 0;
    assert_true(ra_generate_pairs(1, USERS, PAIRS, pairs));
    for (size_t i = 0; i < PAIRS; i++) {
        seen[pairs[i].member[0]]++;
        seen[pairs[i].member[1]]++;
    }
    for (size_t i = 0; i < USERS; i++) {
        half += i < USERS / 10 ? seen[i] : 0;
        none += seen[i] == 0;
    }
    assert_in_range(half, PAIRS, 2 * PAIRS); /* a tenth of the users has more than half of the places */
    assert_in_range(seen[0], 10 * 2 * PAIRS / USERS, USERS - 1);
    assert_in_range(none, 1, USERS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distinct_while_there_are_pairs),
        cmocka_unit_test(test_the_first_users_are_in_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
