#include "cache/key_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static ra_key numbered(uint32_t n)
{
    ra_buf parts;
    ra_key k;
    ra_buf_init(&parts, 64);
    ra_key_part(&parts, (ra_bytes){(const char *)&n, sizeof n});
    assert_true(ra_key_digest(&parts, &k));
    ra_buf_free(&parts);
    return k;
}

static void each_is_new_once(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    ra_key_set s;
    ra_key_set_init(&s, MANY);
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t n = 0; n < MANY; n++) {
            ra_key k = numbered(n);
            assert_int_equal(ra_key_set_add(&s, &k), round == 0);
        }
    assert_int_equal(s.n, MANY);
    ra_key_set_free(&s);
    ra_key k = numbered(1);
    assert_true(ra_key_set_add(&s, &k));
    ra_key_set_free(&s);
}

/* Keys that want the same place. */
static void neighbours(void **state)
{
    (void)state;
    ra_key_set s;
    ra_key_set_init(&s, 100);
    ra_key k = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    for (unsigned round = 0; round < 2; round++)
        for (unsigned n = 0; n < 90; n++) {
            k.b[31] = (unsigned char)n;
            assert_int_equal(ra_key_set_add(&s, &k), round == 0);
        }
    ra_key_set_free(&s);
}

static void past_the_cap_nothing_more_is_remembered(void **state)
{
    (void)state;
    ra_key_set s;
    ra_key_set_init(&s, 64);
    for (uint32_t n = 0; n < 200; n++) {
        ra_key k = numbered(n);
        assert_true(ra_key_set_add(&s, &k));
    }
    assert_int_equal(s.n, 64);
    assert_true(s.nslots <= 128);
    ra_key first = numbered(0), last = numbered(199), none = {{0}};
    assert_false(ra_key_set_add(&s, &first));
    assert_true(ra_key_set_add(&s, &last));
    assert_true(ra_key_set_add(&s, &none) && ra_key_set_add(&s, &none));
    ra_key_set_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_new_once), cmocka_unit_test(neighbours),
                                       cmocka_unit_test(past_the_cap_nothing_more_is_remembered)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
