#include "cache/key_hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void there_and_back(void **state)
{
    (void)state;
    ra_key k, back;
    char hex[RA_KEY_HEX + 1];
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned i = 0; i < RA_KEY_BYTES; i++)
            k.b[i] = (unsigned char)(first + i * 7);
        ra_key_hex(&k, hex);
        assert_int_equal(strlen(hex), RA_KEY_HEX);
        assert_true(ra_key_unhex(ra_bytes_z(hex), &back));
        assert_true(ra_key_eq(&k, &back));
    }
    memset(&k, 0xa5, sizeof k);
    k.b[0] = 0x01;
    k.b[31] = 0xfe;
    ra_key_hex(&k, hex);
    assert_string_equal(hex, "01a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5fe");
}

static void refuses_all_else(void **state)
{
    (void)state;
    ra_key k;
    char hex[RA_KEY_HEX + 2] = "01a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5fe0";
    assert_false(ra_key_unhex(ra_bytes_z(hex), &k));
    assert_false(ra_key_unhex((ra_bytes){hex, RA_KEY_HEX - 1}, &k));
    assert_false(ra_key_unhex((ra_bytes){hex, 0}, &k));
    assert_true(ra_key_unhex((ra_bytes){hex, RA_KEY_HEX}, &k));
    static const char others[] = {'A', 'g', '/', ':', '`', ' ', '\0', (char)0xff};
    for (size_t i = 0; i < sizeof others; i++) {
        hex[7] = others[i];
        assert_false(ra_key_unhex((ra_bytes){hex, RA_KEY_HEX}, &k));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back), cmocka_unit_test(refuses_all_else)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
