#include "proxy/jwt.h"

#include "proxy/base64.h"
#include "proxy/value.h"

#include <openssl/err.h>
#include <openssl/evp.h>

enum {
    HEADER_DEPTH = 8,
    CLAIMS_DEPTH = 32,
    CLAIMS_KEPT = 2, /* tokens: the claims, and what stands in them as elements or members */
    TIME_DIGITS = 15 /* of a time in ms: some 31,000 years, and no sum of two overflows */
};

/* A token's three parts, as they came. */
typedef struct parts {
    ra_bytes header, payload, signature;
    ra_bytes is_signed; /* the first two, with the dot between them */
} parts;

static enum ra_jwt_result refuse(const char **why, const char *text)
{
    *why = text;
    return RA_JWT_REFUSED;
}

/* Exactly three, none of them empty. */
static bool split(ra_bytes token, parts *out)
{
    if (token.n == 0)
        return false;
    const char *end = token.p + token.n;
    const char *first = memchr(token.p, '.', token.n);
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    if (!second || memchr(second + 1, '.', (size_t)(end - second - 1)))
        return false;
    out->header = (ra_bytes){token.p, (size_t)(first - token.p)};
    out->payload = (ra_bytes){first + 1, (size_t)(second - first - 1)};
    out->signature = (ra_bytes){second + 1, (size_t)(end - second - 1)};
    out->is_signed = (ra_bytes){token.p, (size_t)(second - token.p)};
    return out->header.n && out->payload.n && out->signature.n;
}

static enum ra_jwt_result decode(ra_bytes part, ra_arena *a, ra_bytes *out, const char **why)
{
    char *to = ra_arena_alloc(a, ra_base64url_room(part.n));
    if (!to)
        return RA_JWT_NO_MEMORY;
    out->p = to;
    if (!ra_base64url_decode(part, to, &out->n))
        return refuse(why, "the token isn't base64url without padding");
    return RA_JWT_OK;
}

/* A part that is a JSON object, every name in it once. OK: *j is to be freed. */
static enum ra_jwt_result decode_object(ra_bytes part, unsigned depth, ra_arena *a, ra_json *j,
                                        const char **why)
{
    ra_bytes text;
    enum ra_jwt_result r = decode(part, a, &text, why);
    if (r != RA_JWT_OK)
        return r;
    size_t at;
    /* A token has no more bytes than RA_JWT_MAX, so neither has it more values: no other limit is needed. */
    ra_json_limits limits = {
        .max_depth = depth, .token_depth = CLAIMS_KEPT, .max_tokens = (uint32_t)text.n + 1};
    enum ra_json_result parsed = ra_json_parse(j, text, &limits, &at);
    if (parsed == RA_JSON_NO_MEMORY)
        return RA_JWT_NO_MEMORY;
    if (parsed != RA_JSON_OK)
        return refuse(why, "the token's header or claims aren't JSON, or have a name twice");
    if (ra_json_is(j, 0, RA_JSON_OBJECT))
        return RA_JWT_OK;
    ra_json_free(j);
    return refuse(why, "the token's header or claims aren't a JSON object");
}

/* ---- the header ---- */

/*
 * The algorithm is ours, whatever the key could do: a token that may choose it may choose "none", or have our
 * public key taken for an HMAC's secret. Other members are hints that nothing here follows (jwk, jku, x5u).
 */
static enum ra_jwt_result read_header(const ra_json *j, ra_arena *a, ra_bytes *kid, const char **why)
{
    if (!ra_json_string_is(j, ra_json_member(j, 0, "alg"), "RS256"))
        return refuse(why, "the token isn't signed by RS256");
    if (ra_json_member(j, 0, "crit") != RA_JSON_NONE)
        return refuse(why, "the token has critical extensions");
    uint32_t token = ra_json_member(j, 0, "kid");
    if (token == RA_JSON_NONE || !ra_json_is(j, token, RA_JSON_STRING))
        return refuse(why, "the token names no key");
    if (!ra_json_string(j, token, a, kid))
        return RA_JWT_NO_MEMORY;
    return kid->n ? RA_JWT_OK : refuse(why, "the token names no key");
}

static enum ra_jwt_result check_header(ra_bytes part, ra_arena *a, ra_bytes *kid, const char **why)
{
    ra_json header;
    enum ra_jwt_result r = decode_object(part, HEADER_DEPTH, a, &header, why);
    if (r != RA_JWT_OK)
        return r;
    r = read_header(&header, a, kid, why); /* the kid's bytes are in the arena, copied or not */
    ra_json_free(&header);
    return r;
}

/* ---- the signature ---- */

/* RSA keys verify by PKCS #1 v1.5 unless told otherwise. What OpenSSL notes about a failure must not be left
 * to be found by the TLS connections of this thread. */
static enum ra_jwt_result verify(EVP_PKEY *key, ra_bytes text, ra_bytes signature, const char **why)
{
    enum ra_jwt_result r = RA_JWT_NO_MEMORY;
    ERR_set_mark();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx && EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1) {
        int good = EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
                                    (const unsigned char *)text.p, text.n);
        r = good == 1 ? RA_JWT_OK : refuse(why, "the token's signature is wrong");
    }
    EVP_MD_CTX_free(ctx);
    ERR_pop_to_mark();
    return r;
}

static enum ra_jwt_result check_signature(const parts *p, EVP_PKEY *key, ra_arena *a, const char **why)
{
    ra_bytes signature;
    enum ra_jwt_result r = decode(p->signature, a, &signature, why);
    return r == RA_JWT_OK ? verify(key, p->is_signed, signature, why) : r;
}

/* ---- the claims ---- */

/* A canonical number's text (proxy/value.h) of seconds, in ms; parts of a ms are cut off. */
static bool canonical_ms(ra_bytes s, int64_t *ms)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    size_t from = negative, digits = 0;
    while (from + digits < s.n && s.p[from + digits] != 'e')
        digits++;
    int64_t exponent = 0;
    bool below = false;
    for (size_t i = from + digits + 1; i < s.n; i++) {
        if (s.p[i] == '-')
            below = true;
        else
            exponent = exponent * 10 + (s.p[i] - '0');
    }
    int64_t whole = (int64_t)digits + (below ? -exponent : exponent) + 3;
    if (whole > TIME_DIGITS)
        return false;
    *ms = 0;
    for (int64_t i = 0; i < whole; i++)
        *ms = *ms * 10 + (i < (int64_t)digits ? s.p[from + (size_t)i] - '0' : 0);
    if (negative)
        *ms = -*ms;
    return true;
}

/* A NumericDate, by its text: 1e400 isn't a time, and a double would lose what it doesn't hold. */
static bool time_of(const ra_json *j, uint32_t token, int64_t *ms)
{
    char canonical[RA_NUMBER_TEXT_MAX];
    size_t n;
    return ra_json_is(j, token, RA_JSON_NUMBER) &&
           ra_number_canonical(ra_json_raw(j, token), canonical, &n) &&
           canonical_ms((ra_bytes){canonical, n}, ms);
}

/* Is there no such time, or one that has come? */
static bool has_come(const ra_json *j, const char *name, int64_t now_ms)
{
    uint32_t token = ra_json_member(j, 0, name);
    int64_t at;
    return token == RA_JSON_NONE || (time_of(j, token, &at) && at <= now_ms);
}

static enum ra_jwt_result check_times(const ra_json *j, int64_t skew, int64_t now_ms, const char **why)
{
    uint32_t token = ra_json_member(j, 0, "exp");
    int64_t expires;
    if (token == RA_JSON_NONE)
        return refuse(why, "the token has no time of expiry");
    if (!time_of(j, token, &expires))
        return refuse(why, "the token's exp isn't a time");
    if (now_ms - skew >= expires)
        return refuse(why, "the token has expired");
    if (!has_come(j, "nbf", now_ms + skew))
        return refuse(why, "the token isn't valid yet");
    if (!has_come(j, "iat", now_ms + skew))
        return refuse(why, "the token's iat isn't a time that has come");
    return RA_JWT_OK;
}

static bool is_client(const ra_json *j, uint32_t token, const ra_texts *ids)
{
    for (size_t i = 0; i < ids->n; i++)
        if (ra_json_string_is(j, token, ids->v[i]))
            return true;
    return false;
}

/* `aud` is a string, or an array of strings (RFC 7519 section 4.1.3). */
static bool among_audience(const ra_json *j, uint32_t aud, const ra_texts *ids)
{
    if (!ra_json_is(j, aud, RA_JSON_ARRAY))
        return is_client(j, aud, ids);
    for (uint32_t i = aud + 1; i < j->t[aud].next; i = j->t[i].next)
        if (is_client(j, i, ids))
            return true;
    return false;
}

static enum ra_jwt_result check_client(const ra_json *j, const ra_texts *ids, const char **why)
{
    uint32_t client = ra_json_member(j, 0, "client_id"), aud = ra_json_member(j, 0, "aud");
    bool ours = client != RA_JSON_NONE ? is_client(j, client, ids)
                                       : aud != RA_JSON_NONE && among_audience(j, aud, ids);
    return ours ? RA_JWT_OK : refuse(why, "the token is for another client");
}

static enum ra_jwt_result check_audience(const ra_json *j, const ra_texts *audiences, const char **why)
{
    uint32_t aud = ra_json_member(j, 0, "aud");
    bool ours = audiences->n == 0 || (aud != RA_JSON_NONE && among_audience(j, aud, audiences));
    return ours ? RA_JWT_OK : refuse(why, "the token is for another service");
}

static enum ra_jwt_result check_use(const ra_json *j, unsigned use, const char **why)
{
    if (use == RA_TOKEN_USE_ANY)
        return RA_JWT_OK;
    uint32_t token = ra_json_member(j, 0, "token_use");
    bool access = use == RA_TOKEN_USE_ACCESS;
    if (token != RA_JSON_NONE && ra_json_string_is(j, token, access ? "access" : "id"))
        return RA_JWT_OK;
    return refuse(why, access ? "the token isn't an access token" : "the token isn't an id token");
}

static enum ra_jwt_result check_claims(const ra_json *j, const ra_config_jwt *c, int64_t now_ms,
                                       const char **why)
{
    uint32_t issuer = ra_json_member(j, 0, "iss");
    if (issuer == RA_JSON_NONE || !ra_json_string_is(j, issuer, c->issuer))
        return refuse(why, "the token is of another issuer");
    enum ra_jwt_result r = check_times(j, c->max_clock_skew, now_ms, why);
    if (r == RA_JWT_OK)
        r = check_client(j, &c->client_ids, why);
    if (r == RA_JWT_OK)
        r = check_audience(j, &c->audiences, why);
    if (r == RA_JWT_OK)
        r = check_use(j, c->token_use, why);
    return r;
}

enum ra_jwt_result ra_jwt_check(ra_bytes token, const ra_config_jwt *c, const ra_jwks *keys, int64_t now_ms,
                                ra_arena *a, ra_json *claims, const char **why)
{
    parts p;
    ra_bytes kid;
    *why = NULL;
    if (token.n > RA_JWT_MAX)
        return refuse(why, "the token is too large");
    if (!split(token, &p))
        return refuse(why, "the token hasn't three parts");
    enum ra_jwt_result r = check_header(p.header, a, &kid, why);
    if (r != RA_JWT_OK)
        return r;
    EVP_PKEY *key = keys ? ra_jwks_find(keys, kid) : NULL;
    if (!key) {
        *why = "the token's key is unknown";
        return RA_JWT_UNKNOWN_KEY;
    }
    r = check_signature(&p, key, a, why);
    if (r == RA_JWT_OK)
        r = decode_object(p.payload, CLAIMS_DEPTH, a, claims, why);
    if (r != RA_JWT_OK)
        return r;
    r = check_claims(claims, c, now_ms, why);
    if (r != RA_JWT_OK)
        ra_json_free(claims);
    return r;
}
