#include "proxy/identity.h"

#include "proxy/jwt.h"
#include "proxy/route_parts.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { SHA256_BYTES = 32 };

static enum ra_identity_step refuse(const char **why, const char *text)
{
    *why = text;
    return RA_IDENTITY_REFUSED;
}

/* How many headers have this name; *value is the first one's. */
static size_t count(ra_http_lines headers, const char *name, ra_bytes *value)
{
    size_t n = 0;
    for (size_t i = 0; i < headers.n; i++)
        if (ra_bytes_eq_fold_z(headers.v[i].name, name) && n++ == 0)
            *value = headers.v[i].value;
    return n;
}

/* ---- a back end ---- */

/* By their digests, so that neither the time nor the number of comparisons tells where they part, or how long
 * ours is. */
static enum ra_identity_step compare_secret(ra_bytes shown, const char *secret, const char **why)
{
    unsigned char a[SHA256_BYTES], b[SHA256_BYTES];
    bool ok = EVP_Digest(shown.n ? shown.p : "", shown.n, a, NULL, EVP_sha256(), NULL) == 1 &&
              EVP_Digest(secret, strlen(secret), b, NULL, EVP_sha256(), NULL) == 1;
    bool same = ok && CRYPTO_memcmp(a, b, sizeof a) == 0;
    OPENSSL_cleanse(a, sizeof a);
    OPENSSL_cleanse(b, sizeof b);
    if (!ok)
        return RA_IDENTITY_NO_MEMORY;
    return same ? RA_IDENTITY_FOUND : refuse(why, "the back end's secret is wrong");
}

static bool names_claim(const ra_config_backend *b, ra_bytes header)
{
    for (size_t i = 0; i < b->nclaims; i++)
        if (ra_bytes_eq_fold_z(header, b->claims[i].header))
            return true;
    return false;
}

/* Copies the headers that claims are in, all of each name: one that was given twice must be seen twice. */
static bool copy_claims(const ra_config_backend *b, ra_http_lines headers, ra_arena *a, ra_http_lines *out)
{
    size_t n = 0;
    for (size_t i = 0; i < headers.n; i++)
        n += names_claim(b, headers.v[i].name);
    ra_http_line *v = ra_arena_array(a, n, sizeof *v);
    if (!v)
        return false;
    *out = (ra_http_lines){v, n};
    for (size_t i = 0; i < headers.n; i++) {
        if (!names_claim(b, headers.v[i].name))
            continue;
        v->name = ra_arena_copy(a, headers.v[i].name);
        v->value = ra_arena_copy(a, headers.v[i].value);
        if (!v->name.p || !v->value.p)
            return false;
        v++;
    }
    return true;
}

static enum ra_identity_step back_end(const ra_config_backend *b, ra_bytes secret, ra_http_lines headers,
                                      ra_arena *a, ra_identity *out, const char **why)
{
    enum ra_identity_step step = compare_secret(secret, b->secret, why);
    if (step != RA_IDENTITY_FOUND)
        return step;
    if (!copy_claims(b, headers, a, &out->headers))
        return RA_IDENTITY_NO_MEMORY;
    out->backend = b;
    out->caller = RA_CALLER_BACKEND;
    return RA_IDENTITY_FOUND;
}

/* ---- a token's subject ---- */

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

/* Is the scheme "Bearer", in any case (RFC 9110 section 11.1)? Then *rest is what comes behind it. */
static bool is_bearer(ra_bytes authorization, ra_bytes *rest)
{
    size_t n = 0;
    while (n < authorization.n && is_token_char(authorization.p[n]))
        n++;
    *rest = n ? (ra_bytes){authorization.p + n, authorization.n - n} : authorization;
    return ra_bytes_eq_fold_z((ra_bytes){authorization.p, n}, "Bearer");
}

static enum ra_identity_step bearer(const ra_config_jwt *c, const ra_jwks *keys, ra_bytes rest,
                                    int64_t now_ms, ra_arena *a, ra_identity *out, const char **why)
{
    while (rest.n && rest.p[0] == ' ')
        rest = (ra_bytes){rest.p + 1, rest.n - 1};
    switch (ra_jwt_check(rest, c, keys, now_ms, a, &out->claims, why)) {
    case RA_JWT_OK:
        out->caller = RA_CALLER_JWT;
        return RA_IDENTITY_FOUND;
    case RA_JWT_REFUSED:
        return RA_IDENTITY_REFUSED;
    case RA_JWT_UNKNOWN_KEY:
        return RA_IDENTITY_UNKNOWN_KEY;
    case RA_JWT_NO_MEMORY:
        break;
    }
    return RA_IDENTITY_NO_MEMORY;
}

enum ra_identity_step ra_identity_find(const ra_config_auth *c, const ra_jwks *keys, ra_http_lines headers,
                                       int64_t now_ms, ra_arena *a, ra_identity *out, const char **why)
{
    ra_bytes secret = {0}, authorization = {0}, token = {0};
    size_t secrets = count(headers, RA_BACKEND_SECRET_HEADER, &secret);
    size_t authorizations = count(headers, "Authorization", &authorization);
    bool has_token = authorizations > 0 && is_bearer(authorization, &token);
    *out = (ra_identity){.caller = RA_CALLER_ANYONE};
    *why = NULL;
    if (secrets > 1)
        return refuse(why, RA_BACKEND_SECRET_HEADER " is given twice");
    if (authorizations > 1)
        return refuse(why, "Authorization is given twice");
    if (secrets && has_token)
        return refuse(why, "both a token and a back end's secret are given");
    if (secrets && !c->backend.secret)
        return refuse(why, "no back end is trusted here");
    if (has_token && !c->jwt.issuer)
        return refuse(why, "tokens aren't taken here");
    if (secrets)
        return back_end(&c->backend, secret, headers, a, out, why);
    if (has_token)
        return bearer(&c->jwt, keys, token, now_ms, a, out, why);
    return RA_IDENTITY_FOUND;
}

void ra_identity_free(ra_identity *i)
{
    ra_json_free(&i->claims);
    *i = (ra_identity){.caller = RA_CALLER_ANYONE};
}

/* ---- claims ---- */

static enum ra_claim_result judge(ra_bytes text, ra_bytes *value)
{
    if (!ra_route_utf8(text))
        return RA_CLAIM_UNUSABLE;
    if (ra_route_blank(text))
        return RA_CLAIM_ABSENT;
    if (ra_route_has_control(text))
        return RA_CLAIM_UNUSABLE;
    *value = text;
    return RA_CLAIM_THERE;
}

static enum ra_claim_result claim_of_token(const ra_json *claims, const char *name, ra_arena *a,
                                           ra_bytes *value)
{
    uint32_t token = ra_json_member(claims, 0, name);
    ra_bytes text;
    if (token == RA_JSON_NONE || ra_json_is(claims, token, RA_JSON_NULL))
        return RA_CLAIM_ABSENT;
    if (ra_json_is(claims, token, RA_JSON_NUMBER)) {
        *value = ra_json_raw(claims, token);
        return RA_CLAIM_THERE;
    }
    if (!ra_json_is(claims, token, RA_JSON_STRING))
        return RA_CLAIM_UNUSABLE;
    return ra_json_string(claims, token, a, &text) ? judge(text, value) : RA_CLAIM_NO_MEMORY;
}

static enum ra_claim_result claim_of_back_end(const ra_identity *i, const char *name, ra_bytes *value)
{
    for (size_t k = 0; k < i->backend->nclaims; k++) {
        if (strcmp(i->backend->claims[k].claim, name) != 0)
            continue;
        ra_bytes text = {0};
        size_t n = count(i->headers, i->backend->claims[k].header, &text);
        return n == 0 ? RA_CLAIM_ABSENT : n > 1 ? RA_CLAIM_UNUSABLE : judge(text, value);
    }
    return RA_CLAIM_ABSENT;
}

enum ra_claim_result ra_identity_claim(const ra_identity *i, const char *name, ra_arena *a, ra_bytes *value)
{
    *value = (ra_bytes){0};
    if (i->caller == RA_CALLER_JWT)
        return claim_of_token(&i->claims, name, a, value);
    if (i->caller == RA_CALLER_BACKEND)
        return claim_of_back_end(i, name, value);
    return RA_CLAIM_ABSENT;
}
