#include "proxy/follow_shards.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static ra_key post(unsigned n)
{
    ra_key k = {{0}};
    k.b[0] = (unsigned char)(n * 37);
    k.b[1] = (unsigned char)n;
    k.b[2] = (unsigned char)(n >> 8);
    return k;
}

static void hear(ra_known_shards *k, unsigned n, enum ra_reader reader, bool news, int64_t now)
{
    ra_key name = post(n);
    ra_known_shards_hear(k, &name, reader, news, now);
}

static void counts_who_reads(void **state)
{
    (void)state;
    ra_known_shards k = {.n = 0};
    for (unsigned i = 0; i < 100; i++)
        hear(&k, i, i % 3 ? RA_READER_US : RA_READER_OTHERS, false, 1);
    assert_int_equal(k.ours, 66);
    assert_int_equal(k.others, 34);
    for (unsigned i = 0; i < 100; i++)
        hear(&k, i, i % 3 ? RA_READER_NONE : RA_READER_US, false, 2);
    assert_int_equal(k.ours, 34);
    assert_int_equal(k.others, 0);
    assert_int_equal(k.n, 100);
    hear(&k, 1000, RA_READER_NONE, false, 2);
    assert_int_equal(k.n, 100);
    ra_known_shards_free(&k);
}

static void silent_ones_are_forgotten_when_room_is_wanted(void **state)
{
    (void)state;
    ra_known_shards k = {.n = 0};
    int64_t now = 1;
    for (unsigned i = 0; i < 10000; i++, now += RA_READER_FORGET_MS / 10)
        hear(&k, i, RA_READER_US, false, now);
    assert_true(k.room <= 64);
    assert_int_equal(k.ours, k.n);
    ra_known_shards_free(&k);
}

static void knows_when_others_have_read_any(void **state)
{
    (void)state;
    ra_known_shards k = {.n = 0};
    hear(&k, 1, RA_READER_US, false, 5);
    assert_true(k.foreign_at == 0);
    hear(&k, 1, RA_READER_US, false, 6);
    assert_true(k.foreign_at == 0);
    hear(&k, 2, RA_READER_OTHERS, false, 7);
    assert_true(k.foreign_at == 7);
    hear(&k, 3, RA_READER_US, true, 8); /* somebody has left one there */
    assert_true(k.foreign_at == 8);
    hear(&k, 3, RA_READER_US, true, 9); /* it was another's while this process stood still */
    assert_true(k.foreign_at == 9);
    hear(&k, 3, RA_READER_NONE, true, 10); /* another one has finished it */
    assert_true(k.foreign_at == 10);
    hear(&k, 4, RA_READER_NONE, true, 11); /* and one of which nothing was known */
    assert_true(k.foreign_at == 11);
    hear(&k, 3, RA_READER_NONE, false, 12);
    assert_true(k.foreign_at == 11);
    ra_known_shards_free(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts_who_reads),
                                       cmocka_unit_test(silent_ones_are_forgotten_when_room_is_wanted),
                                       cmocka_unit_test(knows_when_others_have_read_any)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
