/* Base64url; DynamoDB's base64 is tested with its values (value_test.c). */
#include "proxy/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <stdlib.h>

static bool decode(ra_bytes text, char **out, size_t *n)
{
    *out = malloc(ra_base64url_room(text.n)); /* no more: a sanitizer sees what is written behind it */
    assert_non_null(*out);
    return ra_base64url_decode(text, *out, n);
}

static void texts(void **state)
{
    (void)state;
    static const struct {
        ra_bytes text, bytes;
        bool ok;
    } cases[] = {
        {RA_BYTES(""), RA_BYTES(""), true},
        {RA_BYTES("QQ"), RA_BYTES("A"), true},
        {RA_BYTES("QUI"), RA_BYTES("AB"), true},
        {RA_BYTES("QUJD"), RA_BYTES("ABC"), true},
        {RA_BYTES("QUJDRA"), RA_BYTES("ABCD"), true},
        {RA_BYTES("-_-_"), RA_BYTES("\xfb\xff\xbf"), true},
        {RA_BYTES("_w"), RA_BYTES("\xff"), true},
        {RA_BYTES("__8"), RA_BYTES("\xff\xff"), true},
        {RA_BYTES("AAAA"), RA_BYTES("\0\0\0"), true},
        /* another spelling of the same bytes */
        {RA_BYTES("QQ=="), RA_BYTES(""), false},
        {RA_BYTES("QUI="), RA_BYTES(""), false},
        {RA_BYTES("+/+/"), RA_BYTES(""), false},
        {RA_BYTES("-/-_"), RA_BYTES(""), false},
        {RA_BYTES("QR"), RA_BYTES(""), false},
        {RA_BYTES("QUJ"), RA_BYTES(""), false},
        {RA_BYTES("/w"), RA_BYTES(""), false},
        {RA_BYTES("Q+"), RA_BYTES(""), false},
        {RA_BYTES(" QUJD"), RA_BYTES(""), false},
        {RA_BYTES("QUJD\n"), RA_BYTES(""), false},
        {RA_BYTES("QU JD"), RA_BYTES(""), false},
        {RA_BYTES("QUJD\0"), RA_BYTES(""), false},
        {RA_BYTES("QUJ\0"), RA_BYTES(""), false},
        /* of no bytes */
        {RA_BYTES("Q"), RA_BYTES(""), false},
        {RA_BYTES("QUJDQ"), RA_BYTES(""), false},
        {RA_BYTES("="), RA_BYTES(""), false},
        {RA_BYTES("===="), RA_BYTES(""), false},
        {RA_BYTES("QUJD!"), RA_BYTES(""), false},
        {RA_BYTES("Q.JD"), RA_BYTES(""), false},
        {RA_BYTES("\xc3\x81QJ"), RA_BYTES(""), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *out;
        size_t n;
        if (decode(cases[i].text, &out, &n) != cases[i].ok)
            fail_msg("'%s'", cases[i].text.p);
        if (cases[i].ok)
            assert_true(ra_bytes_eq((ra_bytes){out, n}, cases[i].bytes));
        free(out);
    }
}

/* Every byte, everywhere in a group: what is taken is the one spelling that OpenSSL's encoder has for it. */
static void one_spelling(void **state)
{
    (void)state;
    size_t taken = 0;
    for (size_t n = 2; n <= 4; n++) {
        for (int c = 0; c < 256 * (int)n; c++) {
            char text[4] = {'A', 'A', 'A', 'A'}, *out;
            text[c / 256] = (char)(c % 256);
            size_t got;
            bool ok = decode((ra_bytes){text, n}, &out, &got);
            if (ok) {
                unsigned char again[8];
                EVP_EncodeBlock(again, (unsigned char *)out, (int)got);
                for (size_t i = 0; i < n; i++)
                    assert_int_equal(text[i], again[i] == '+' ? '-' : again[i] == '/' ? '_' : (char)again[i]);
                taken++;
            }
            free(out);
        }
    }
    /* 64 in each place, but in the last one of a tail 4 and 16 */
    assert_int_equal(taken, 64 + 4 + 2 * 64 + 16 + 4 * 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(one_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
