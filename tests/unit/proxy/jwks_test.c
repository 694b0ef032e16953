/* Sets of keys: which of a provider's are taken, and what is no set. */
#include "proxy/jwks.h"

#include "jwt_fixture.h"

#include <openssl/err.h>

static EVP_PKEY *key, *other, *small;

static int make(void **state)
{
    (void)state;
    key = jwt_key(2048);
    other = jwt_key(3072);
    small = jwt_key(2046);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    EVP_PKEY_free(small);
    return 0;
}

static ra_jwks *parse(const char *text, char why[RA_JWKS_WHY_MAX])
{
    why[0] = '\0';
    ra_jwks *k = ra_jwks_parse(ra_bytes_z(text), why);
    assert_true(k || why[0]);
    assert_int_equal(ERR_peek_error(), 0);
    return k;
}

/* The set of these, which are freed. */
static ra_jwks *set_of(char *one, char *two)
{
    char why[RA_JWKS_WHY_MAX];
    char *text = jwt_printf("{\"keys\":[%s%s%s]}", one, two ? "," : "", two ? two : "");
    ra_jwks *k = parse(text, why);
    free(text);
    free(one);
    free(two);
    return k;
}

static bool is(const ra_jwks *k, const char *kid, EVP_PKEY *expected)
{
    EVP_PKEY *found = ra_jwks_find(k, ra_bytes_z(kid));
    return found && EVP_PKEY_eq(found, expected) == 1;
}

static void two_keys(void **state)
{
    (void)state;
    ra_jwks *k = set_of(jwt_jwk(key, "a", ",\"use\":\"sig\",\"alg\":\"RS256\",\"x5c\":[\"Zm9v\"]"),
                        jwt_jwk(other, "b/\\u0062", ",\"key_ops\":[\"sign\",\"verify\"]"));
    assert_non_null(k);
    assert_true(is(k, "a", key));
    assert_true(is(k, "b/b", other));
    assert_null(ra_jwks_find(k, RA_BYTES("A")));
    assert_null(ra_jwks_find(k, RA_BYTES("")));
    assert_null(ra_jwks_find(k, RA_BYTES("a\0")));
    assert_null(ra_jwks_find(k, RA_BYTES("b")));
    ra_jwks *second = ra_jwks_ref(k);
    ra_jwks_unref(k);
    assert_true(is(second, "a", key)); /* until the last one lets go */
    ra_jwks_unref(second);
    ra_jwks_unref(NULL);
}

/* The key alone, with other members: is it taken? */
static bool taken(EVP_PKEY *k, const char *more)
{
    ra_jwks *set = set_of(jwt_jwk(k, "a", more), NULL);
    bool there = set && is(set, "a", k);
    assert_true(there || !set);
    ra_jwks_unref(set);
    return there;
}

static void which_are_taken(void **state)
{
    (void)state;
    assert_true(taken(key, ""));
    assert_true(taken(key, ",\"use\":\"sig\""));
    assert_true(taken(key, ",\"alg\":\"RS256\""));
    assert_true(taken(key, ",\"key_ops\":[\"verify\"]"));
    assert_false(taken(key, ",\"use\":\"enc\""));
    assert_false(taken(key, ",\"use\":\"\""));
    assert_false(taken(key, ",\"use\":null"));
    assert_false(taken(key, ",\"use\":[\"sig\"]"));
    assert_false(taken(key, ",\"alg\":\"RS512\""));
    assert_false(taken(key, ",\"alg\":\"PS256\""));
    assert_false(taken(key, ",\"alg\":\"HS256\""));
    assert_false(taken(key, ",\"key_ops\":[\"encrypt\"]"));
    assert_false(taken(key, ",\"key_ops\":[]"));
    assert_false(taken(key, ",\"key_ops\":\"verify\""));
    assert_false(taken(small, ""));
}

/* {"kty":…,"kid":…,"n":…,"e":…} of any text; is it taken? */
static bool raw_taken(const char *kty, const char *kid, const char *n, const char *e)
{
    ra_jwks *k = set_of(jwt_printf("{\"kty\":%s,\"kid\":%s,\"n\":%s,\"e\":%s}", kty, kid, n, e), NULL);
    bool there = k != NULL;
    ra_jwks_unref(k);
    return there;
}

static void members(void **state)
{
    (void)state;
    char *bare = jwt_integer(key, OSSL_PKEY_PARAM_RSA_N), *n = jwt_printf("\"%s\"", bare);
    assert_true(raw_taken("\"RSA\"", "\"a\"", n, "\"AQAB\""));
    assert_true(raw_taken("\"RSA\"", "\"a\"", n, "\"Aw\""));     /* 3 */
    assert_true(raw_taken("\"RSA\"", "\"a\"", n, "\"AAEAAQ\"")); /* a leading zero */
    assert_false(raw_taken("\"RSA\"", "\"a\"", n, "\"AQ\""));    /* 1 */
    assert_false(raw_taken("\"RSA\"", "\"a\"", n, "\"AA\""));    /* 0 */
    assert_false(raw_taken("\"RSA\"", "\"a\"", n, "\"\""));
    assert_false(raw_taken("\"RSA\"", "\"a\"", n, "\"Ag\""));           /* 2 */
    assert_false(raw_taken("\"RSA\"", "\"a\"", n, "\"AQAA\""));         /* 65536 */
    assert_false(raw_taken("\"RSA\"", "\"a\"", n, "\"AQAAAAAAAAAB\"")); /* 65 bits */
    assert_true(raw_taken("\"RSA\"", "\"a\"", n, "\"gAAAAAAAAAE\""));   /* 64 */
    assert_false(raw_taken("\"RSA\"", "\"a\"", n, n));
    assert_false(raw_taken("\"RSA\"", "\"a\"", n, "65537"));
    assert_false(raw_taken("\"RSA\"", "\"a\"", n, "\"AQAB=\""));
    assert_false(raw_taken("\"RSA\"", "\"a\"", n, "null"));
    assert_false(raw_taken("\"RSA\"", "\"a\"", "\"\"", "\"AQAB\""));
    assert_false(raw_taken("\"RSA\"", "\"a\"", "null", "\"AQAB\""));
    assert_false(raw_taken("\"RSA\"", "\"a\"", "\"AQAB\"", "\"AQAB\""));
    assert_false(raw_taken("\"rsa\"", "\"a\"", n, "\"AQAB\""));
    assert_false(raw_taken("\"EC\"", "\"a\"", n, "\"AQAB\""));
    assert_false(raw_taken("\"oct\"", "\"a\"", n, "\"AQAB\""));
    assert_false(raw_taken("null", "\"a\"", n, "\"AQAB\""));
    assert_false(raw_taken("\"RSA\"", "\"\"", n, "\"AQAB\""));
    assert_false(raw_taken("\"RSA\"", "null", n, "\"AQAB\""));
    assert_false(raw_taken("\"RSA\"", "7", n, "\"AQAB\""));
    free(n);
    free(bare);
}

/* A modulus of so many bits: its first and its last byte, and between them ones. */
static bool modulus_taken(size_t bits, unsigned char last)
{
    size_t bytes = (bits + 7) / 8;
    unsigned char *n = malloc(bytes);
    assert_non_null(n);
    memset(n, 0xff, bytes);
    n[0] = (unsigned char)(0xff >> (bytes * 8 - bits));
    n[bytes - 1] = last;
    char *text = jwt_base64url(n, bytes), *quoted = jwt_printf("\"%s\"", text);
    bool there = raw_taken("\"RSA\"", "\"a\"", quoted, "\"AQAB\"");
    free(quoted);
    free(text);
    free(n);
    return there;
}

static void moduli(void **state)
{
    (void)state;
    assert_true(modulus_taken(2048, 0xff));
    assert_false(modulus_taken(2047, 0xff));
    assert_false(modulus_taken(1024, 0xff));
    assert_false(modulus_taken(2048, 0xfe)); /* even */
    assert_true(modulus_taken(16384, 0xff));
    assert_false(modulus_taken(16385, 0xff));
}

/* What can't be used doesn't keep from the others. */
static void among_others(void **state)
{
    (void)state;
    char *good = jwt_jwk(key, "a", "");
    char *mixed = jwt_printf(
        "null,7,\"x\",[],{},{\"kty\":\"EC\",\"kid\":\"a\",\"crv\":\"P-256\"},{\"kty\":\"RSA\"},%s", good);
    ra_jwks *k = set_of(mixed, jwt_jwk(small, "s", ""));
    assert_non_null(k);
    assert_true(is(k, "a", key));
    assert_null(ra_jwks_find(k, RA_BYTES("s")));
    ra_jwks_unref(k);
    free(good);
}

static void one_name_of_two(void **state)
{
    (void)state;
    ra_jwks *k = set_of(jwt_jwk(key, "a", ""), jwt_jwk(key, "a", ",\"use\":\"sig\""));
    assert_non_null(k); /* the same key, told twice */
    assert_true(is(k, "a", key));
    ra_jwks_unref(k);
    assert_null(set_of(jwt_jwk(key, "a", ""), jwt_jwk(other, "a", "")));
    char *pair = jwt_jwk(key, "a", ""), *second = jwt_jwk(other, "a", "");
    k = set_of(jwt_printf("%s,%s", pair, second), jwt_jwk(other, "b", ""));
    assert_non_null(k);
    assert_null(ra_jwks_find(k, RA_BYTES("a")));
    assert_true(is(k, "b", other));
    ra_jwks_unref(k);
    free(pair);
    free(second);
}

static void too_many(void **state)
{
    (void)state;
    char *all = strdup("");
    for (int i = 0; i <= RA_JWKS_KEYS_MAX; i++) {
        char kid[16];
        snprintf(kid, sizeof kid, "k%d", i);
        char *one = jwt_jwk(key, kid, ""), *more = jwt_printf("%s%s%s", all, i ? "," : "", one);
        free(one);
        free(all);
        all = more;
    }
    ra_jwks *k = set_of(all, NULL);
    assert_non_null(k);
    char last[16], beyond[16];
    snprintf(last, sizeof last, "k%d", RA_JWKS_KEYS_MAX - 1);
    snprintf(beyond, sizeof beyond, "k%d", RA_JWKS_KEYS_MAX);
    assert_true(is(k, last, key));
    assert_null(ra_jwks_find(k, ra_bytes_z(beyond)));
    ra_jwks_unref(k);
}

static void what_is_no_set(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "at byte 0"},
        {"<html>", "at byte 0"},
        {"{\"keys\":[]} x", "at byte"},
        {"{\"keys\":[],\"keys\":[]}", "at byte"},
        {"{\"keys\":[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]}", "at byte"},
        {"[]", "keys"},
        {"null", "keys"},
        {"{}", "keys"},
        {"{\"keys\":null}", "keys"},
        {"{\"keys\":{}}", "keys"},
        {"{\"Keys\":[]}", "keys"},
        {"{\"keys\":[]}", "none of its keys"},
        {"{\"keys\":[{}]}", "none of its keys"},
    };
    char why[RA_JWKS_WHY_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_null(parse(cases[i].text, why));
        if (!strstr(why, cases[i].why))
            fail_msg("%s: %s", cases[i].text, why);
    }
    char *jwk = jwt_jwk(key, "a", ""), *bare = jwt_printf("%s", jwk), *list = jwt_printf("[%s]", jwk);
    assert_null(parse(bare, why));
    assert_null(parse(list, why));
    free(list);
    free(bare);
    free(jwk);
}

static void sizes(void **state)
{
    (void)state;
    char why[RA_JWKS_WHY_MAX];
    char *jwk = jwt_jwk(key, "a", ""), *text = malloc(RA_JWKS_MAX + 1);
    assert_non_null(text);
    int n = snprintf(text, RA_JWKS_MAX, "{\"keys\":[%s]}", jwk);
    memset(text + n, ' ', (size_t)(RA_JWKS_MAX + 1 - n));
    ra_jwks *k = ra_jwks_parse((ra_bytes){text, RA_JWKS_MAX}, why);
    assert_non_null(k);
    ra_jwks_unref(k);
    assert_null(ra_jwks_parse((ra_bytes){text, RA_JWKS_MAX + 1}, why));
    assert_non_null(strstr(why, "more than"));
    free(text);
    free(jwk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_keys), cmocka_unit_test(which_are_taken), cmocka_unit_test(members),
        cmocka_unit_test(moduli),   cmocka_unit_test(among_others),    cmocka_unit_test(one_name_of_two),
        cmocka_unit_test(too_many), cmocka_unit_test(what_is_no_set),  cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
