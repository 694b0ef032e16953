/*
 * Tokens, the keys that they are signed with, and who a request's headers say that it is. The first character
 * says what follows: (a) a token; (b) a token's header, a line, and its claims, which are signed here with
 * the provider's key; (c) a JWK set; (d) header lines.
 * - What nobody has signed is refused, and so is what was signed, with one bit of it changed.
 * - A token that is taken is one: RS256, with the key's kid, and claims of which each says what it must.
 * - A set of keys in another spelling is one, or none, as the set is.
 * - A back end is who shows the secret, and nobody else.
 */
#include "proxy/identity.h"
#include "proxy/jwt.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/respell.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <strings.h>

enum { NOW = 900000, SKEW = 60000, ARENA = 16 << 20, SIGNATURE = 256, LINES_MAX = 32, OUT = 4 << 20 };

static char issuer[] = "https://issuer.example/pool", app[] = "app", second[] = "second",
            secret[] = "s3cret-s3cret", sub[] = "sub", user_header[] = "X-User";
static char *ids[] = {app, second};
static ra_claim_header claim = {sub, user_header};
static const ra_config_auth config = {.jwt = {.issuer = issuer,
                                              .client_ids = {ids, 2},
                                              .token_use = RA_TOKEN_USE_ACCESS,
                                              .max_clock_skew = SKEW},
                                      .backend = {.secret = secret, .claims = &claim, .nclaims = 1}};
static EVP_PKEY *key;
static ra_jwks *keys;

/* ---- base64url, by OpenSSL ---- */

static void add_base64url(ra_buf *out, const void *p, size_t n)
{
    char *text = fuzz_alloc((n + 2) / 3 * 4 + 1);
    EVP_EncodeBlock((unsigned char *)text, p, (int)n);
    for (char *c = text; *c && *c != '='; c++)
        ra_buf_add_char(out, *c == '+' ? '-' : *c == '/' ? '_' : *c);
    free(text);
}

static void add_integer(ra_buf *out, const char *name)
{
    unsigned char bytes[SIGNATURE];
    BIGNUM *n = NULL;
    FUZZ_CHECK(EVP_PKEY_get_bn_param(key, name, &n) == 1 && BN_num_bytes(n) <= SIGNATURE);
    add_base64url(out, bytes, (size_t)BN_bn2bin(n, bytes));
    BN_free(n);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char why[RA_JWKS_WHY_MAX];
    ra_buf set;
    (void)argc;
    (void)argv;
    key = EVP_RSA_gen(8 * SIGNATURE);
    FUZZ_CHECK(key);
    ra_buf_init(&set, OUT);
    ra_buf_add_z(&set, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"one\",\"n\":\"");
    add_integer(&set, OSSL_PKEY_PARAM_RSA_N);
    ra_buf_add_z(&set, "\",\"e\":\"");
    add_integer(&set, OSSL_PKEY_PARAM_RSA_E);
    ra_buf_add_z(&set, "\"}]}");
    keys = ra_jwks_parse(ra_buf_bytes(&set), why);
    FUZZ_CHECK(keys);
    ra_buf_free(&set);
    return 0;
}

/* ---- tokens ---- */

static enum ra_jwt_result check(ra_bytes token, ra_arena *a, ra_json *claims)
{
    const char *why = NULL;
    *claims = (ra_json){0};
    char *copy = fuzz_copy(token);
    enum ra_jwt_result r = ra_jwt_check((ra_bytes){copy, token.n}, &config.jwt, keys, NOW, a, claims, &why);
    FUZZ_CHECK(r != RA_JWT_NO_MEMORY && (r == RA_JWT_OK || (why && *why && !claims->t)));
    FUZZ_CHECK(ERR_peek_error() == 0); /* nothing is left for this thread's TLS connections */
    free(copy);                        /* what was taken is in the arena */
    return r;
}

static void check_token(ra_bytes token, ra_arena *a)
{
    ra_json claims;
    FUZZ_CHECK(check(token, a, &claims) != RA_JWT_OK);
}

static bool is_string(const ra_json *j, const char *name, const char *value)
{
    return ra_json_string_is(j, ra_json_member(j, 0, name), value);
}

/* ms; `missing` where it isn't there. */
static double time_of(const ra_json *j, const char *name, double missing)
{
    uint32_t token = ra_json_member(j, 0, name);
    if (token == RA_JSON_NONE)
        return missing;
    FUZZ_CHECK(ra_json_is(j, token, RA_JSON_NUMBER));
    char *text = fuzz_text(ra_json_raw(j, token));
    double s = strtod(text, NULL);
    free(text);
    return s * 1000;
}

static bool is_for_us(const ra_json *j)
{
    if (is_string(j, "client_id", app) || is_string(j, "client_id", second) || is_string(j, "aud", app) ||
        is_string(j, "aud", second))
        return true;
    uint32_t aud = ra_json_member(j, 0, "aud");
    if (aud == RA_JSON_NONE || !ra_json_is(j, aud, RA_JSON_ARRAY))
        return false;
    for (uint32_t i = aud + 1; i < j->t[aud].next; i = j->t[i].next)
        if (ra_json_string_is(j, i, app) || ra_json_string_is(j, i, second))
            return true;
    return false;
}

/* All that RFC 7519 and the configuration ask for, once more; times to a ms. */
static void check_taken(ra_bytes header, const ra_json *claims)
{
    ra_json j;
    size_t at;
    FUZZ_CHECK(ra_json_parse(&j, header, NULL, &at) == RA_JSON_OK);
    FUZZ_CHECK(is_string(&j, "alg", "RS256") && is_string(&j, "kid", "one"));
    FUZZ_CHECK(ra_json_member(&j, 0, "crit") == RA_JSON_NONE);
    ra_json_free(&j);
    FUZZ_CHECK(is_string(claims, "iss", issuer) && is_string(claims, "token_use", "access"));
    FUZZ_CHECK(is_for_us(claims));
    FUZZ_CHECK(time_of(claims, "exp", 0) + SKEW > NOW - 1.0);
    FUZZ_CHECK(time_of(claims, "nbf", 0) - SKEW < NOW + 1.0);
    FUZZ_CHECK(time_of(claims, "iat", 0) - SKEW < NOW + 1.0);
}

static void sign(ra_bytes header, ra_bytes claims, ra_buf *out)
{
    unsigned char signature[SIGNATURE];
    size_t n = sizeof signature;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ra_buf_init(out, OUT);
    add_base64url(out, header.p, header.n);
    ra_buf_add_char(out, '.');
    add_base64url(out, claims.p, claims.n);
    FUZZ_CHECK(ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1);
    FUZZ_CHECK(EVP_DigestSign(ctx, signature, &n, (const unsigned char *)out->p, out->n) == 1);
    EVP_MD_CTX_free(ctx);
    ra_buf_add_char(out, '.');
    add_base64url(out, signature, n);
    FUZZ_CHECK(ra_buf_ok(out));
}

static void check_signed(ra_bytes rest, ra_arena *a)
{
    ra_buf token;
    ra_json claims;
    ra_bytes header = fuzz_line(&rest);
    sign(header, rest, &token);
    if (check(ra_buf_bytes(&token), a, &claims) == RA_JWT_OK) {
        FUZZ_CHECK(ra_bytes_eq(claims.text, rest));
        check_taken(header, &claims);
        ra_json_free(&claims);
        /* Another character somewhere; of the last one not all bits count. */
        size_t place = (rest.n * 97 + header.n) % (token.n - 1);
        token.p[place] = token.p[place] == 'A' ? 'B' : 'A';
        FUZZ_CHECK(check(ra_buf_bytes(&token), a, &claims) != RA_JWT_OK);
    }
    ra_buf_free(&token);
}

/* ---- keys ---- */

static void check_kids(const ra_jwks *k, const ra_json *j, ra_arena *a)
{
    uint32_t list = ra_json_member(j, 0, "keys");
    for (uint32_t i = list + 1; list && i < j->t[list].next; i = j->t[i].next) {
        ra_bytes kid;
        uint32_t token = ra_json_member(j, i, "kid");
        if (token == RA_JSON_NONE || !ra_json_string(j, token, a, &kid))
            continue;
        EVP_PKEY *found = ra_jwks_find(k, kid);
        FUZZ_CHECK(!found || (EVP_PKEY_is_a(found, "RSA") && EVP_PKEY_get_bits(found) >= 2048));
    }
}

static void check_set(ra_bytes text, ra_arena *a)
{
    char why[RA_JWKS_WHY_MAX] = "";
    ra_json j;
    ra_buf other;
    size_t at;
    ra_jwks *k = ra_jwks_parse(text, why);
    FUZZ_CHECK(memchr(why, '\0', sizeof why) && (k || *why) && ERR_peek_error() == 0);
    if (ra_json_parse(&j, text, NULL, &at) == RA_JSON_OK) {
        ra_buf_init(&other, OUT);
        fuzz_respell(&j, 0, &other);
        ra_jwks *again = ra_jwks_parse(ra_buf_bytes(&other), why);
        FUZZ_CHECK(!k == !again);
        ra_jwks_unref(again);
        ra_buf_free(&other);
        if (k)
            check_kids(k, &j, a);
        ra_json_free(&j);
    } else {
        FUZZ_CHECK(!k);
    }
    ra_jwks_unref(k);
}

/* ---- who it is ---- */

static bool shows_secret(const ra_http_lines *l)
{
    size_t n = 0;
    bool right = false;
    for (size_t i = 0; i < l->n; i++) {
        if (l->v[i].name.n != strlen(RA_BACKEND_SECRET_HEADER) ||
            strncasecmp(l->v[i].name.p, RA_BACKEND_SECRET_HEADER, l->v[i].name.n) != 0)
            continue;
        n++;
        right = ra_bytes_eq_z(l->v[i].value, secret);
    }
    return n == 1 && right;
}

static void check_lines(ra_bytes rest, ra_arena *a)
{
    ra_http_line v[LINES_MAX];
    ra_http_lines l = {v, 0};
    ra_identity who;
    const char *why = NULL;
    ra_bytes line, value = {NULL, 0};
    while (l.n < LINES_MAX && (line = fuzz_line(&rest)).n) {
        ra_bytes name = fuzz_until(&line, ':');
        while (line.n && *line.p == ' ')
            line = (ra_bytes){line.p + 1, line.n - 1};
        v[l.n++] = (ra_http_line){name, line};
    }
    enum ra_identity_step step = ra_identity_find(&config, keys, l, NOW, a, &who, &why);
    FUZZ_CHECK(step != RA_IDENTITY_NO_MEMORY && (step == RA_IDENTITY_FOUND || (why && *why)));
    if (step != RA_IDENTITY_FOUND)
        return;
    FUZZ_CHECK(who.caller == (shows_secret(&l) ? RA_CALLER_BACKEND : RA_CALLER_ANYONE));
    enum ra_claim_result r = ra_identity_claim(&who, sub, a, &value);
    FUZZ_CHECK(r != RA_CLAIM_NO_MEMORY && (r != RA_CLAIM_THERE || value.n > 0));
    FUZZ_CHECK(who.caller == RA_CALLER_BACKEND || r == RA_CLAIM_ABSENT);
    for (size_t i = 0; r == RA_CLAIM_THERE && i < value.n; i++)
        FUZZ_CHECK((unsigned char)value.p[i] >= ' ' && value.p[i] != 0x7f);
    FUZZ_CHECK(ra_identity_claim(&who, "other", a, &value) == RA_CLAIM_ABSENT);
    ra_identity_free(&who);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static void (*const checks[])(ra_bytes, ra_arena *) = {check_token, check_signed, check_set, check_lines};
    ra_bytes rest = {(const char *)data, size};
    ra_arena a;
    unsigned choice = fuzz_choice(&rest, 4);
    char *copy = fuzz_copy(rest);
    ra_arena_init(&a, ARENA);
    checks[choice]((ra_bytes){copy, rest.n}, &a);
    ra_arena_free(&a);
    free(copy);
    return 0;
}
