#include "proxy/credentials_reply.h"

#include "proxy/credentials_source.h"
#include "proxy/json.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define YEAR_10000_MS INT64_C(253402300800000)

/* ---- times ---- */

/* Exactly `n` digits at s, whose end is passed; -1: they aren't there. */
static int digits(ra_bytes *s, size_t n)
{
    int v = 0;
    if (s->n < n)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return -1;
        v = v * 10 + (s->p[i] - '0');
    }
    s->p += n;
    s->n -= n;
    return v;
}

static bool take(ra_bytes *s, char c)
{
    if (!s->n || s->p[0] != c)
        return false;
    s->p++;
    s->n--;
    return true;
}

/* The fraction of a second in ms, 0 where there is none; -1: a point without digits. */
static int fraction(ra_bytes *s)
{
    int ms = 0, n = 0;
    if (!take(s, '.'))
        return 0;
    for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; n++) {
        int d = digits(s, 1);
        if (n < 3)
            ms = ms * 10 + d;
    }
    for (int i = n; i < 3; i++)
        ms *= 10;
    return n ? ms : -1;
}

/* Minutes east of Greenwich. */
static bool zone(ra_bytes *s, int *minutes)
{
    *minutes = 0;
    if (take(s, 'Z') || take(s, 'z'))
        return true;
    int sign = take(s, '+') ? 1 : take(s, '-') ? -1 : 0;
    int h = sign ? digits(s, 2) : -1;
    if (h < 0 || h > 23)
        return false;
    take(s, ':');
    int m = digits(s, 2);
    *minutes = sign * (h * 60 + m);
    return m >= 0 && m < 60;
}

bool ra_credentials_time(ra_bytes s, int64_t *ms)
{
    struct tm t = {0};
    int year = digits(&s, 4);
    bool ok = year >= 1970 && take(&s, '-');
    int month = ok ? digits(&s, 2) : -1;
    ok = month >= 1 && month <= 12 && take(&s, '-');
    t.tm_mday = ok ? digits(&s, 2) : -1;
    ok = t.tm_mday >= 1 && t.tm_mday <= 31 && (take(&s, 'T') || take(&s, 't') || take(&s, ' '));
    t.tm_hour = ok ? digits(&s, 2) : -1;
    ok = t.tm_hour >= 0 && t.tm_hour <= 23 && take(&s, ':');
    t.tm_min = ok ? digits(&s, 2) : -1;
    ok = t.tm_min >= 0 && t.tm_min <= 59 && take(&s, ':');
    t.tm_sec = ok ? digits(&s, 2) : -1;
    ok = t.tm_sec >= 0 && t.tm_sec <= 60;
    int part = ok ? fraction(&s) : -1, minutes = 0;
    if (part < 0 || !zone(&s, &minutes) || s.n)
        return false;
    t.tm_year = year - 1900;
    t.tm_mon = month - 1;
    int day = t.tm_mday;
    int64_t seconds = (int64_t)timegm(&t);
    if (t.tm_mday != day && t.tm_mday != day + 1) /* "February 31" became a day of March */
        return false;
    *ms = (seconds - (int64_t)minutes * 60) * 1000 + part;
    return *ms >= 0 && *ms < YEAR_10000_MS; /* its zone may put it beyond */
}

/* ---- the set ---- */

ra_credentials *ra_credentials_make(const char *id, const char *secret, const char *token,
                                    const char *expires, int64_t now_ms, const char *source,
                                    char why[RA_REPLY_WHY_MAX])
{
    int64_t at = INT64_MAX;
    const char *wrong = NULL;
    if (!ra_credentials_usable(id, secret, token))
        wrong = "the access key, its secret or the token is empty, too long, or holds white space or other "
                "bytes that no key has";
    else if (expires && !ra_credentials_time(ra_bytes_z(expires), &at))
        wrong = "the expiry is no time as RFC 3339 has it";
    else if (at <= now_ms)
        wrong = "the credentials have expired already";
    ra_credentials *c = wrong ? NULL : ra_credentials_new(id, secret, token, at, source);
    if (!c)
        snprintf(why, RA_REPLY_WHY_MAX, "%s", wrong ? wrong : "out of memory");
    return c;
}

bool ra_error_code(ra_bytes s, char out[RA_ERROR_CODE_MAX])
{
    static const char accepted[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    if (!s.n || s.n >= RA_ERROR_CODE_MAX)
        return false;
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return strspn(out, accepted) == s.n;
}

/* ---- JSON ---- */

/* A zero-terminated copy of a string member, to be given to ra_secret_free; NULL: there is none (*bad is
 * false), or it can't be taken. */
static char *member(const ra_json *j, const char *name, bool *bad)
{
    uint32_t t = ra_json_member(j, 0, name);
    ra_bytes s;
    ra_arena a;
    if (t == RA_JSON_NONE || ra_json_is(j, t, RA_JSON_NULL))
        return NULL;
    ra_arena_init(&a, RA_CREDENTIALS_REPLY_MAX);
    char *z = NULL;
    if (ra_json_string(j, t, &a, &s) && !(s.n && memchr(s.p, '\0', s.n)))
        z = strndup(s.n ? s.p : "", s.n);
    if (z && j->t[t].escaped) /* then `s` is the arena's copy */
        OPENSSL_cleanse((char *)s.p, s.n);
    ra_arena_free(&a);
    *bad = *bad || !z;
    return z;
}

/* What the reply says of itself; NULL: nothing is wrong. */
static const char *refusal(const ra_json *j, const ra_reply_shape *shape, char text[RA_REPLY_WHY_MAX])
{
    uint32_t code = ra_json_member(j, 0, "Code"), version = ra_json_member(j, 0, "Version");
    if (!ra_json_is(j, 0, RA_JSON_OBJECT))
        return "the reply isn't a JSON object";
    if (shape->version && !(version && ra_bytes_eq(ra_json_raw(j, version), RA_BYTES("1"))))
        return "\"Version\" isn't 1";
    if (!shape->code || code == RA_JSON_NONE || ra_json_string_is(j, code, "Success"))
        return NULL;
    char known[RA_ERROR_CODE_MAX];
    ra_bytes raw = ra_json_raw(j, code);
    if (!ra_json_is(j, code, RA_JSON_STRING) || !ra_error_code((ra_bytes){raw.p + 1, raw.n - 2}, known))
        return "\"Code\" isn't \"Success\"";
    snprintf(text, RA_REPLY_WHY_MAX, "\"Code\" is %s", known);
    return text;
}

static ra_credentials *take_members(const ra_json *j, const ra_reply_shape *shape, int64_t now_ms,
                                    char why[RA_REPLY_WHY_MAX])
{
    bool bad = false;
    char *id = member(j, "AccessKeyId", &bad), *secret = member(j, "SecretAccessKey", &bad);
    char *token = member(j, shape->token, &bad), *expires = member(j, "Expiration", &bad);
    ra_credentials *c = NULL;
    if (bad)
        snprintf(why, RA_REPLY_WHY_MAX, "a member of the reply isn't a usable string");
    else if (!id || !secret || (shape->temporary && (!token || !expires)))
        snprintf(why, RA_REPLY_WHY_MAX, "the reply has no \"%s\"",
                 !id       ? "AccessKeyId"
                 : !secret ? "SecretAccessKey"
                 : !token  ? shape->token
                           : "Expiration");
    else
        c = ra_credentials_make(id, secret, token, expires, now_ms, shape->source, why);
    ra_secret_free(id);
    ra_secret_free(secret);
    ra_secret_free(token);
    free(expires);
    return c;
}

ra_credentials *ra_credentials_parse(ra_bytes json, const ra_reply_shape *shape, int64_t now_ms,
                                     char why[RA_REPLY_WHY_MAX])
{
    static const ra_json_limits limits = {.max_depth = 16, .token_depth = 1};
    ra_json j;
    size_t at = 0;
    enum ra_json_result r = ra_json_parse(&j, json, &limits, &at);
    if (r != RA_JSON_OK) {
        snprintf(why, RA_REPLY_WHY_MAX, "the reply isn't JSON (%s, at byte %zu)", ra_json_result_text(r), at);
        return NULL;
    }
    char text[RA_REPLY_WHY_MAX];
    const char *wrong = refusal(&j, shape, text);
    ra_credentials *c = NULL;
    if (wrong)
        snprintf(why, RA_REPLY_WHY_MAX, "%s", wrong);
    else
        c = take_members(&j, shape, now_ms, why);
    ra_json_free(&j);
    return c;
}
