/*
 * A provider of tokens for tests: real keys, its JWK set, and tokens signed in every way that is wrong. What
 * is made here is encoded by other code than what is tested.
 */
#ifndef RA_TESTS_JWT_FIXTURE_H
#define RA_TESTS_JWT_FIXTURE_H

#include "proxy/jwks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

/* Base64url without padding of n bytes; free() it. */
static inline char *jwt_base64url(const void *p, size_t n)
{
    char *out = calloc(1, (n + 2) / 3 * 4 + 1);
    assert_non_null(out);
    EVP_EncodeBlock((unsigned char *)out, p, (int)n);
    for (char *c = out; *c; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    out[strcspn(out, "=")] = '\0';
    return out;
}

static inline char *jwt_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline char *jwt_printf(const char *format, ...)
{
    char *out;
    va_list args;
    va_start(args, format);
    assert_true(vasprintf(&out, format, args) >= 0);
    va_end(args);
    return out;
}

static inline EVP_PKEY *jwt_key(unsigned bits)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);
    assert_non_null(key);
    return key;
}

static inline char *jwt_integer(EVP_PKEY *key, const char *name)
{
    BIGNUM *n = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
    size_t size = (size_t)BN_num_bytes(n);
    unsigned char *bytes = malloc(size);
    assert_non_null(bytes);
    BN_bn2bin(n, bytes);
    char *text = jwt_base64url(bytes, size);
    free(bytes);
    BN_free(n);
    return text;
}

/* {"kty":"RSA","kid":KID,"n":…,"e":…MORE}; free() it. MORE begins with a comma, or is empty. */
static inline char *jwt_jwk(EVP_PKEY *key, const char *kid, const char *more)
{
    char *n = jwt_integer(key, OSSL_PKEY_PARAM_RSA_N), *e = jwt_integer(key, OSSL_PKEY_PARAM_RSA_E);
    char *out = jwt_printf("{\"kty\":\"RSA\",\"kid\":\"%s\",\"n\":\"%s\",\"e\":\"%s\"%s}", kid, n, e, more);
    free(n);
    free(e);
    return out;
}

/* The set of this one key. */
static inline ra_jwks *jwt_set(EVP_PKEY *key, const char *kid)
{
    char why[RA_JWKS_WHY_MAX];
    char *jwk = jwt_jwk(key, kid, ",\"use\":\"sig\",\"alg\":\"RS256\"");
    char *text = jwt_printf("{\"keys\":[%s]}", jwk);
    ra_jwks *k = ra_jwks_parse(ra_bytes_z(text), why);
    assert_non_null(k);
    free(text);
    free(jwk);
    return k;
}

/* "HEADER.PAYLOAD", encoded; free() it. */
static inline char *jwt_unsigned(ra_bytes header, ra_bytes payload)
{
    char *h = jwt_base64url(header.p, header.n), *p = jwt_base64url(payload.p, payload.n);
    char *out = jwt_printf("%s.%s", h, p);
    free(h);
    free(p);
    return out;
}

/* The whole token of what jwt_unsigned has made, which is freed. */
static inline char *jwt_attach(char *text, const void *signature, size_t n)
{
    char *s = jwt_base64url(signature, n), *out = jwt_printf("%s.%s", text, s);
    free(s);
    free(text);
    return out;
}

static inline char *jwt_sign_as(EVP_PKEY *key, const char *digest, int padding, ra_bytes header,
                                ra_bytes payload)
{
    char *text = jwt_unsigned(header, payload);
    unsigned char signature[2048];
    size_t n = sizeof signature;
    EVP_PKEY_CTX *how;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit_ex(ctx, &how, digest, NULL, NULL, key, NULL), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(how, padding), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &n, (const unsigned char *)text, strlen(text)), 1);
    EVP_MD_CTX_free(ctx);
    return jwt_attach(text, signature, n);
}

/* RS256 */
static inline char *jwt_sign(EVP_PKEY *key, const char *header, const char *payload)
{
    return jwt_sign_as(key, "SHA256", RSA_PKCS1_PADDING, ra_bytes_z(header), ra_bytes_z(payload));
}

/* HS256 */
static inline char *jwt_hmac(ra_bytes secret, const char *header, const char *payload)
{
    char *text = jwt_unsigned(ra_bytes_z(header), ra_bytes_z(payload));
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned n;
    assert_non_null(
        HMAC(EVP_sha256(), secret.p, (int)secret.n, (const unsigned char *)text, strlen(text), mac, &n));
    return jwt_attach(text, mac, n);
}

#endif
