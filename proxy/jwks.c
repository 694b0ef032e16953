#include "proxy/jwks.h"

#include "proxy/base64.h"
#include "proxy/json.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    DEPTH = 16,
    KEPT = 4, /* tokens: the set, its array, the keys, their members, what stands in these */
    MODULUS_LEAST = 2048,
    MODULUS_MOST = 16384,
    EXPONENT_MOST = 64, /* bits: what a verification costs grows with them */
    ARENA_MAX = 2 * RA_JWKS_MAX
};

typedef struct named_key {
    ra_bytes kid; /* in the set's arena */
    EVP_PKEY *key;
    bool ambiguous; /* two different keys bear this name: neither can be meant */
} named_key;

struct ra_jwks {
    atomic_uint refs;
    ra_arena arena;
    named_key v[RA_JWKS_KEYS_MAX];
    size_t n;
};

enum taking { TAKEN, PASSED_OVER, NO_MEMORY };

/* ---- one key ---- */

/* false: there is none, it isn't a string, isn't base64url, or there is no memory. */
static bool read_integer(const ra_json *j, uint32_t object, const char *name, ra_arena *a, BIGNUM **out)
{
    uint32_t token = ra_json_member(j, object, name);
    ra_bytes text;
    if (token == RA_JSON_NONE || !ra_json_string(j, token, a, &text))
        return false;
    size_t n;
    char *bytes = ra_arena_alloc(a, ra_base64url_room(text.n));
    if (!bytes || !ra_base64url_decode(text, bytes, &n))
        return false;
    *out = BN_bin2bn((const unsigned char *)bytes, (int)n, NULL);
    return *out != NULL;
}

static bool usable_modulus(const BIGNUM *n)
{
    return BN_is_odd(n) && BN_num_bits(n) >= MODULUS_LEAST && BN_num_bits(n) <= MODULUS_MOST;
}

/* Odd, and not 1, with which every text is its own signature. */
static bool usable_exponent(const BIGNUM *e)
{
    return BN_is_odd(e) && BN_num_bits(e) >= 2 && BN_num_bits(e) <= EXPONENT_MOST;
}

/* NULL: no memory. */
static EVP_PKEY *make_key(const BIGNUM *n, const BIGNUM *e)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (build && ctx && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        params = OSSL_PARAM_BLD_to_param(build);
    if (params &&
        (EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1))
        key = NULL;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static enum taking read_rsa(const ra_json *j, uint32_t object, ra_arena *a, EVP_PKEY **out)
{
    BIGNUM *n = NULL, *e = NULL;
    enum taking r = PASSED_OVER;
    if (read_integer(j, object, "n", a, &n) && read_integer(j, object, "e", a, &e) && usable_modulus(n) &&
        usable_exponent(e)) {
        *out = make_key(n, e);
        r = *out ? TAKEN : NO_MEMORY;
    }
    BN_free(n);
    BN_free(e);
    return r;
}

/* Is the member absent, or this string? */
static bool absent_or(const ra_json *j, uint32_t object, const char *name, const char *value)
{
    uint32_t token = ra_json_member(j, object, name);
    return token == RA_JSON_NONE || ra_json_string_is(j, token, value);
}

/* RFC 7517 section 4.3: an array of what the key is for; absent: anything. */
static bool may_verify(const ra_json *j, uint32_t object)
{
    uint32_t ops = ra_json_member(j, object, "key_ops");
    if (ops == RA_JSON_NONE || !ra_json_is(j, ops, RA_JSON_ARRAY))
        return ops == RA_JSON_NONE;
    for (uint32_t i = ops + 1; i < j->t[ops].next; i = j->t[i].next)
        if (ra_json_string_is(j, i, "verify"))
            return true;
    return false;
}

static bool is_for_signatures(const ra_json *j, uint32_t object)
{
    uint32_t type = ra_json_member(j, object, "kty");
    return type != RA_JSON_NONE && ra_json_string_is(j, type, "RSA") && absent_or(j, object, "use", "sig") &&
           absent_or(j, object, "alg", "RS256") && may_verify(j, object);
}

/* ---- a set ---- */

/* k->n: there is none. */
static size_t index_of(const ra_jwks *k, ra_bytes kid)
{
    size_t i = 0;
    while (i < k->n && !ra_bytes_eq(k->v[i].kid, kid))
        i++;
    return i;
}

/* Takes the key over. */
static enum taking add(ra_jwks *k, ra_bytes kid, EVP_PKEY *key)
{
    size_t i = index_of(k, kid);
    bool known = i < k->n;
    if (known && EVP_PKEY_eq(k->v[i].key, key) != 1)
        k->v[i].ambiguous = true;
    if (known || k->n == RA_JWKS_KEYS_MAX) {
        EVP_PKEY_free(key);
        return PASSED_OVER;
    }
    ra_bytes copy = ra_arena_copy(&k->arena, kid); /* the text isn't ours */
    if (!copy.p) {
        EVP_PKEY_free(key);
        return NO_MEMORY;
    }
    k->v[k->n++] = (named_key){.kid = copy, .key = key};
    return TAKEN;
}

static enum taking read_key(ra_jwks *k, const ra_json *j, uint32_t object)
{
    uint32_t token = ra_json_member(j, object, "kid");
    ra_bytes kid;
    EVP_PKEY *key;
    if (token == RA_JSON_NONE || !is_for_signatures(j, object) ||
        !ra_json_string(j, token, &k->arena, &kid) || kid.n == 0)
        return PASSED_OVER;
    enum taking r = read_rsa(j, object, &k->arena, &key);
    return r == TAKEN ? add(k, kid, key) : r;
}

/* NULL, or what is wrong. */
static const char *read_set(ra_jwks *k, const ra_json *j)
{
    uint32_t keys = ra_json_member(j, 0, "keys");
    if (keys == RA_JSON_NONE || !ra_json_is(j, keys, RA_JSON_ARRAY))
        return "it has no member \"keys\" that is an array";
    for (uint32_t i = keys + 1; i < j->t[keys].next; i = j->t[i].next)
        if (read_key(k, j, i) == NO_MEMORY)
            return "out of memory";
    for (size_t i = 0; i < k->n; i++)
        if (!k->v[i].ambiguous)
            return NULL;
    return "none of its keys can be used, which are RSA of 2048 to 16384 bits, for signatures, with a kid";
}

/* NULL with *why. */
static ra_jwks *new_set(const ra_json *j, const char **why)
{
    ra_jwks *k = calloc(1, sizeof *k);
    *why = "out of memory";
    if (!k)
        return NULL;
    atomic_init(&k->refs, 1);
    ra_arena_init(&k->arena, ARENA_MAX);
    ERR_set_mark(); /* what OpenSSL notes is nobody else's business on this thread */
    *why = read_set(k, j);
    ERR_pop_to_mark();
    if (!*why)
        return k;
    ra_jwks_unref(k);
    return NULL;
}

ra_jwks *ra_jwks_parse(ra_bytes text, char why[RA_JWKS_WHY_MAX])
{
    ra_json j;
    size_t at;
    ra_json_limits limits = {.max_depth = DEPTH, .token_depth = KEPT};
    if (text.n > RA_JWKS_MAX) {
        snprintf(why, RA_JWKS_WHY_MAX, "it has more than %d bytes", RA_JWKS_MAX);
        return NULL;
    }
    enum ra_json_result r = ra_json_parse(&j, text, &limits, &at);
    if (r != RA_JSON_OK) {
        snprintf(why, RA_JWKS_WHY_MAX, "at byte %zu: %s", at, ra_json_result_text(r));
        return NULL;
    }
    const char *wrong;
    ra_jwks *k = new_set(&j, &wrong);
    if (!k)
        snprintf(why, RA_JWKS_WHY_MAX, "%s", wrong);
    ra_json_free(&j);
    return k;
}

ra_jwks *ra_jwks_ref(ra_jwks *k)
{
    atomic_fetch_add(&k->refs, 1);
    return k;
}

void ra_jwks_unref(ra_jwks *k)
{
    if (!k || atomic_fetch_sub(&k->refs, 1) != 1)
        return;
    for (size_t i = 0; i < k->n; i++)
        EVP_PKEY_free(k->v[i].key);
    ra_arena_free(&k->arena);
    free(k);
}

EVP_PKEY *ra_jwks_find(const ra_jwks *k, ra_bytes kid)
{
    size_t i = index_of(k, kid);
    return i < k->n && !k->v[i].ambiguous ? k->v[i].key : NULL;
}
