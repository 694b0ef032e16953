#include "tests/unit/config/expect.h"

#include "config/secret_key.h"

#define HEX_A "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"
#define B64_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define B64_F "//////////////////////////////////////////8"

static void test_read(void **state)
{
    (void)state;
    unsigned char key[RA_ENCRYPTION_KEY_BYTES];
    static const char *const same[] = {HEX_A, B64_A, B64_A "="};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        memset(key, 0xaa, sizeof key);
        assert_true(ra_secret_key_parse(same[i], key));
        for (unsigned j = 0; j < sizeof key; j++)
            assert_int_equal(key[j], j);
    }
    assert_true(ra_secret_key_parse(B64_F "=", key));
    for (unsigned j = 0; j < sizeof key; j++)
        assert_int_equal(key[j], 0xff);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "secret",
        HEX_A "00",
        "0x" HEX_A,
        "g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        " 00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        B64_A "==",
        B64_A "A",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9",  /* bits beyond the 32 bytes */
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh=",  /* one short */
        "-_ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", /* another alphabet */
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n",
    };
    unsigned char key[RA_ENCRYPTION_KEY_BYTES];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (ra_secret_key_parse(cases[i], key))
            fail_msg("accepted: %s", cases[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_read), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
