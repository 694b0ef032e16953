/* Is a request signed? The order of the checks, the day keys, the signature itself. */
#include "proxy/verifier_parts.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CANONICAL_MAX = 4 << 20, /* more than the headers of any request that the listener takes */
    TO_SIGN_MAX = 4096,
    QUERY_MAX = 4096 /* no client of DynamoDB has any; a longer one would only be work */
};

static const char MISMATCH[] =
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details.";
static const char UNKNOWN_KEY[] = "The security token included in the request is invalid.";

/* The signing key of one access key for one day. */
typedef struct day_key {
    uint64_t serial; /* 0: none */
    uint64_t used;   /* the verifier's count when it was used last */
    char day[RA_AMZ_DAY_BYTES];
    ra_sigv4_key *key;
} day_key;

struct ra_verifier {
    ra_bytes region; /* own copy */
    int64_t max_skew_ms;
    uint64_t count;
    ra_buf canonical, names, to_sign; /* kept, so that a request costs no allocation */
    ra_sigv4_key *nobodys; /* what an unknown key's requests are signed with, for the time it takes */
    day_key days[RA_VERIFIER_KEYS];
};

ra_verifier *ra_verifier_new(const char *region, int64_t max_clock_skew_ms)
{
    static const unsigned char zeros[32];
    ra_verifier *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->region = ra_bytes_z(strdup(region));
    v->max_skew_ms = max_clock_skew_ms;
    v->nobodys = ra_sigv4_key_new(zeros);
    ra_buf_init(&v->canonical, CANONICAL_MAX);
    ra_buf_init(&v->names, CANONICAL_MAX);
    ra_buf_init(&v->to_sign, TO_SIGN_MAX);
    if (v->region.p && v->nobodys)
        return v;
    ra_verifier_free(v);
    return NULL;
}

void ra_verifier_free(ra_verifier *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < RA_VERIFIER_KEYS; i++)
        ra_sigv4_key_free(v->days[i].key);
    ra_sigv4_key_free(v->nobodys);
    ra_buf_free(&v->canonical);
    ra_buf_free(&v->names);
    ra_buf_free(&v->to_sign);
    free((char *)v->region.p);
    free(v);
}

ra_sign_verdict ra_verifier_say(ra_sign_verdict v, char why[RA_VERIFIER_WHY_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, RA_VERIFIER_WHY_MAX, format, args);
    va_end(args);
    return v;
}

/* ---- the scope ---- */

static ra_sign_verdict check_scope(const ra_verifier *v, const ra_authorization *a, ra_bytes day,
                                   ra_bytes date, char why[RA_VERIFIER_WHY_MAX])
{
    char shown[RA_VERIFIER_SHOWN_MAX];
    if (!ra_bytes_eq(a->day, day)) {
        ra_shown(a->day, shown, sizeof shown);
        return ra_verifier_say(RA_SIGN_WRONG, why,
                               "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "
                               "date from HTTP: '%s' != '%.8s', from '%.16s'.",
                               shown, day.p, date.p);
    }
    if (!ra_bytes_eq(a->region, v->region)) {
        ra_shown(a->region, shown, sizeof shown);
        return ra_verifier_say(RA_SIGN_WRONG, why, "Credential should be scoped to a valid region, not '%s'.",
                               shown);
    }
    if (!ra_bytes_eq_z(a->service, "dynamodb"))
        return ra_verifier_say(RA_SIGN_WRONG, why,
                               "Credential should be scoped to correct service: 'dynamodb'.");
    if (!ra_bytes_eq_z(a->terminator, "aws4_request"))
        return ra_verifier_say(RA_SIGN_WRONG, why,
                               "Credential should be scoped with a valid terminator: 'aws4_request'.");
    return RA_SIGNED;
}

/* ---- the day keys ---- */

/* Takes the place of the one that wasn't used for longest. NULL: no memory. */
static ra_sigv4_key *derive(ra_verifier *v, day_key *slot, const ra_access_key *key, ra_bytes day)
{
    unsigned char raw[32];
    ra_sigv4_key_free(slot->key);
    *slot = (day_key){.serial = 0};
    if (ra_sigv4_signing_key(key->secret, day, v->region, RA_BYTES("dynamodb"), raw))
        slot->key = ra_sigv4_key_new(raw);
    OPENSSL_cleanse(raw, sizeof raw);
    if (!slot->key)
        return NULL;
    slot->serial = key->serial;
    slot->used = v->count;
    memcpy(slot->day, day.p, RA_AMZ_DAY_BYTES);
    return slot->key;
}

static ra_sigv4_key *day_key_of(ra_verifier *v, const ra_access_key *key, ra_bytes day)
{
    day_key *oldest = &v->days[0];
    v->count++;
    for (size_t i = 0; i < RA_VERIFIER_KEYS; i++) {
        day_key *d = &v->days[i];
        if (d->serial == key->serial && memcmp(d->day, day.p, RA_AMZ_DAY_BYTES) == 0) {
            d->used = v->count;
            return d->key;
        }
        if (d->used < oldest->used)
            oldest = d;
    }
    return derive(v, oldest, key, day);
}

/* ---- the signature ---- */

/* In the query a line's end would be one of the canonical request's. */
static bool is_query(ra_bytes query)
{
    for (size_t i = 0; i < query.n; i++) {
        if ((unsigned char)query.p[i] <= ' ' || query.p[i] == 0x7f)
            return false;
    }
    return query.n <= QUERY_MAX;
}

/* The signature that the request should have, and its body's hash (a view of v->canonical). */
static bool sign(ra_verifier *v, const ra_sign_request *s, ra_bytes date, ra_sigv4_key *key,
                 char signature[RA_SHA256_HEX + 1], ra_bytes *body_hash)
{
    ra_buf_clear(&v->canonical);
    ra_buf_clear(&v->names);
    ra_buf_clear(&v->to_sign);
    if (!ra_sigv4_canonical_request(s, &v->canonical, &v->names) || v->canonical.n < RA_SHA256_HEX ||
        !ra_sigv4_string_to_sign(date, v->region, RA_BYTES("dynamodb"), ra_buf_bytes(&v->canonical),
                                 &v->to_sign))
        return false;
    *body_hash = (ra_bytes){v->canonical.p + v->canonical.n - RA_SHA256_HEX, RA_SHA256_HEX};
    return ra_sigv4_key_sign(key, ra_buf_bytes(&v->to_sign), signature);
}

static ra_sign_verdict check_signature(ra_verifier *v, const ra_verifier_headers *h,
                                       const ra_authorization *a, const ra_sign_request *s,
                                       const ra_access_key *key, char why[RA_VERIFIER_WHY_MAX])
{
    char signature[RA_SHA256_HEX + 1];
    ra_bytes body_hash;
    ra_sigv4_key *with = key ? day_key_of(v, key, a->day) : v->nobodys;
    if (!with || !sign(v, s, h->date, with, signature, &body_hash))
        return RA_SIGN_NO_MEMORY;
    if (!key)
        return ra_verifier_say(RA_SIGN_UNKNOWN_KEY, why, "%s", UNKNOWN_KEY);
    if (a->signature.n != RA_SHA256_HEX || CRYPTO_memcmp(a->signature.p, signature, RA_SHA256_HEX) != 0)
        return ra_verifier_say(RA_SIGN_WRONG, why, "%s", MISMATCH);
    /* Signed as it stands, it would be a lie that the signer told. */
    if (h->content_hash.p && !ra_bytes_eq(h->content_hash, body_hash))
        return ra_verifier_say(
            RA_SIGN_WRONG, why,
            "The provided 'x-amz-content-sha256' header does not match what was computed.");
    return RA_SIGNED;
}

ra_sign_verdict ra_verifier_check(ra_verifier *v, const ra_access_keys *keys, const ra_signed_request *r,
                                  int64_t now_s, const ra_access_key **key, char why[RA_VERIFIER_WHY_MAX])
{
    ra_verifier_headers h;
    ra_authorization a;
    ra_bytes day = {NULL, 0};
    ra_signed_header headers[RA_VERIFIER_HEADERS_MAX];
    ra_sign_request s = {.method = RA_BYTES("POST"),
                         .path = RA_BYTES("/"),
                         .query = r->query,
                         .headers = headers,
                         .body = r->body};
    *key = NULL;
    why[0] = '\0';
    ra_sign_verdict said = ra_verifier_headers_find(r->headers, &h, why);
    if (said == RA_SIGNED && !h.authorization.n)
        said = ra_verifier_say(RA_UNSIGNED, why, "Request is missing Authentication Token");
    if (said == RA_SIGNED)
        said = ra_authorization_read(h.authorization, h.date.p != NULL, &a, why);
    if (said == RA_SIGNED && h.token.p)
        said = ra_verifier_say(RA_SIGN_UNKNOWN_KEY, why, "%s", UNKNOWN_KEY);
    if (said == RA_SIGNED)
        said = ra_verifier_date_check(h.date, now_s, v->max_skew_ms, &day, why);
    if (said == RA_SIGNED)
        said = check_scope(v, &a, day, h.date, why);
    if (said == RA_SIGNED)
        said = ra_verifier_headers_signed(&h, a.signed_headers, headers, &s.nheaders, why);
    if (said == RA_SIGNED && !is_query(r->query))
        said = ra_verifier_say(RA_SIGN_WRONG, why, "%s", MISMATCH);
    if (said != RA_SIGNED)
        return said;
    const ra_access_key *found = ra_access_keys_find(keys, a.id);
    said = check_signature(v, &h, &a, &s, found, why);
    if (said == RA_SIGNED)
        *key = found;
    return said;
}

const char *ra_verifier_type(ra_sign_verdict v)
{
    switch (v) {
    case RA_UNSIGNED:
        return "com.amazon.coral.service#MissingAuthenticationTokenException";
    case RA_SIGN_INCOMPLETE:
        return "com.amazon.coral.service#IncompleteSignatureException";
    case RA_SIGN_UNKNOWN_KEY:
        return "com.amazon.coral.service#UnrecognizedClientException";
    case RA_SIGN_WRONG:
        return "com.amazon.coral.service#InvalidSignatureException";
    case RA_SIGNED:
    case RA_SIGN_NO_MEMORY:
        break;
    }
    return NULL;
}
