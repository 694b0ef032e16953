#include "proxy/ddb_generate_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

/* Pinned: what is made must be the same on every machine and in every version. */
static void test_streams_are_pinned(void **state)
{
    (void)state;
    ra_stream plain = {1234567}; /* splitmix64's published first numbers for this seed */
    assert_true(ra_stream_next(&plain) == UINT64_C(6457827717110365317));
    assert_true(ra_stream_next(&plain) == UINT64_C(3203168211198807973));
    assert_true(ra_stream_next(&plain) == UINT64_C(9817491932198370423));
    char uuid[RA_UUID_TEXT];
    ra_generate_uuid(1, RA_STREAM_USER_UUID, 0, uuid);
    assert_string_equal(uuid, "715b8f09-6956-41fd-b937-ef0c513668af");
}

static void test_streams_differ(void **state)
{
    (void)state;
    ra_stream a = ra_stream_at(1, RA_STREAM_TEXT, 0), b = ra_stream_at(1, RA_STREAM_TEXT, 1);
    ra_stream c = ra_stream_at(1, RA_STREAM_ORDER, 0), d = ra_stream_at(2, RA_STREAM_TEXT, 0);
    uint64_t first = ra_stream_next(&a);
    assert_true(first != ra_stream_next(&b));
    assert_true(first != ra_stream_next(&c));
    assert_true(first != ra_stream_next(&d));
}

static void test_uuids_are_of_version_4(void **state)
{
    (void)state;
    char last[RA_UUID_TEXT] = "";
    for (uint64_t i = 0; i < 1000; i++) {
        char uuid[RA_UUID_TEXT];
        ra_generate_uuid(i % 7, RA_STREAM_GROUP_UUID, i, uuid);
        assert_int_equal(strlen(uuid), 36);
        assert_int_equal(uuid[14], '4');
        assert_non_null(strchr("89ab", uuid[19]));
        for (size_t k = 0; k < 36; k++)
            assert_true(k == 8 || k == 13 || k == 18 || k == 23
                            ? uuid[k] == '-'
                            : strchr("0123456789abcdef", uuid[k]) != NULL);
        assert_string_not_equal(uuid, last);
        memcpy(last, uuid, sizeof last);
    }
}

static void test_below_reaches_all(void **state)
{
    (void)state;
    unsigned seen[7] = {0};
    ra_stream s = ra_stream_at(1, RA_STREAM_ORDER, 0);
    for (int i = 0; i < 7000; i++)
        seen[ra_stream_below(&s, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 800, 1200);
    assert_int_equal(ra_stream_below(&s, 1), 0);
}

/* Each doubling of the rank gets as much: 1, 2 to 3, 4 to 7, ... */
static void test_zipf(void **state)
{
    (void)state;
    enum { N = 1023, DRAWS = 100000, DOUBLINGS = 10 };
    unsigned seen[DOUBLINGS] = {0};
    ra_stream s = ra_stream_at(1, RA_STREAM_ORDER, 0);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t rank = ra_stream_zipf(&s, N) + 1;
        unsigned d = 0;
        assert_in_range(rank, 1, N);
        while (rank >> d > 1)
            d++;
        seen[d]++;
    }
    for (int d = 0; d < DOUBLINGS; d++)
        assert_in_range(seen[d], DRAWS / DOUBLINGS * 9 / 10, DRAWS / DOUBLINGS * 11 / 10);
    for (uint64_t n = 1; n < 40; n++) { /* whatever n is, all are reached and none beyond */
        uint64_t all = 0;
        for (int i = 0; i < 3000; i++) {
            uint64_t at = ra_stream_zipf(&s, n);
            assert_true(at < n);
            all |= UINT64_C(1) << at;
        }
        assert_true(all == (UINT64_C(1) << n) - 1);
    }
}

static void test_popular(void **state)
{
    (void)state;
    enum { N = 200, DRAWS = 100000 };
    unsigned seen[N] = {0};
    ra_stream s = ra_stream_at(1, RA_STREAM_PAIR, 0);
    for (int i = 0; i < DRAWS; i++) {
        uint32_t at = ra_stream_popular(&s, N);
        assert_true(at < N);
        seen[at]++;
    }
    assert_in_range(seen[0], DRAWS / N * 8, DRAWS / N * 30);
    assert_true(seen[0] > seen[20] && seen[20] > seen[100]);
    assert_int_equal(ra_stream_popular(&s, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_are_pinned),
        cmocka_unit_test(test_streams_differ),
        cmocka_unit_test(test_uuids_are_of_version_4),
        cmocka_unit_test(test_below_reaches_all),
        cmocka_unit_test(test_zipf),
        cmocka_unit_test(test_popular),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
