/* "AWS4-HMAC-SHA256 Credential=ID/DAY/REGION/SERVICE/aws4_request, SignedHeaders=A;B, Signature=HEX" */
#include "proxy/verifier_parts.h"

static const ra_bytes ALGORITHM = {"AWS4-HMAC-SHA256", 16};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static ra_bytes trimmed(ra_bytes s)
{
    while (s.n && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* Up to `separator`, which goes too; what is left stays in *s. Without one: all of it, and p is NULL then. */
static ra_bytes split(ra_bytes *s, char separator)
{
    const char *at = s->n ? memchr(s->p, separator, s->n) : NULL;
    ra_bytes first = {s->p, at ? (size_t)(at - s->p) : s->n};
    *s = at ? (ra_bytes){at + 1, s->n - first.n - 1} : (ra_bytes){NULL, 0};
    return first;
}

/* What was sent isn't repeated: it may be another scheme's secret, such as a bearer token. */
static ra_sign_verdict take_parameter(ra_bytes parameter, ra_authorization *a, char why[RA_VERIFIER_WHY_MAX])
{
    const struct {
        ra_bytes name;
        ra_bytes *place;
    } known[] = {{RA_BYTES("Credential"), &a->credential},
                 {RA_BYTES("SignedHeaders"), &a->signed_headers},
                 {RA_BYTES("Signature"), &a->signature}};
    ra_bytes value = trimmed(parameter), name = split(&value, '=');
    if (!value.p)
        return ra_verifier_say(
            RA_SIGN_INCOMPLETE, why,
            "Authorization header has a part that is not a valid key=value pair (missing equal-sign).");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!ra_bytes_eq(name, known[i].name))
            continue;
        if (known[i].place->p)
            return ra_verifier_say(RA_SIGN_INCOMPLETE, why, "Authorization header has '%s' more than once.",
                                   known[i].name.p);
        *known[i].place = value;
        return RA_SIGNED;
    }
    return ra_verifier_say(RA_SIGN_INCOMPLETE, why,
                           "Authorization header has a parameter other than 'Credential', 'SignedHeaders' "
                           "and 'Signature'.");
}

static ra_sign_verdict require(const ra_authorization *a, bool dated, char why[RA_VERIFIER_WHY_MAX])
{
    bool credential = a->credential.n > 0, headers = a->signed_headers.n > 0, signature = a->signature.n > 0;
    if (credential && headers && signature && dated)
        return RA_SIGNED;
    return ra_verifier_say(RA_SIGN_INCOMPLETE, why, "%s%s%s%s",
                           credential ? "" : "Authorization header requires 'Credential' parameter. ",
                           signature ? "" : "Authorization header requires 'Signature' parameter. ",
                           headers ? "" : "Authorization header requires 'SignedHeaders' parameter. ",
                           dated ? "" : "Authorization header requires existence of a 'X-Amz-Date' header. ");
}

static ra_sign_verdict read_credential(ra_authorization *a, char why[RA_VERIFIER_WHY_MAX])
{
    enum { PARTS = 5 };
    ra_bytes left = a->credential, *const parts[PARTS] = {&a->id, &a->day, &a->region, &a->service,
                                                          &a->terminator};
    size_t n = 0;
    while (left.p && n < PARTS)
        *parts[n++] = split(&left, '/');
    if (n == PARTS && !left.p && a->id.n)
        return RA_SIGNED;
    return ra_verifier_say(RA_SIGN_INCOMPLETE, why,
                           "Credential must have exactly 5 slash-delimited elements, e.g. "
                           "keyid/date/region/service/term");
}

ra_sign_verdict ra_authorization_read(ra_bytes value, bool dated, ra_authorization *a,
                                      char why[RA_VERIFIER_WHY_MAX])
{
    *a = (ra_authorization){.credential = {NULL, 0}};
    ra_bytes left = trimmed(value);
    if (left.n < ALGORITHM.n || memcmp(left.p, ALGORITHM.p, ALGORITHM.n) != 0 ||
        (left.n > ALGORITHM.n && !is_blank(left.p[ALGORITHM.n])))
        return ra_verifier_say(RA_SIGN_INCOMPLETE, why,
                               "Authorization header requires the algorithm 'AWS4-HMAC-SHA256'.");
    left = trimmed((ra_bytes){left.p + ALGORITHM.n, left.n - ALGORITHM.n});
    while (left.n || left.p) {
        if (!left.n && !a->credential.p && !a->signed_headers.p && !a->signature.p)
            break; /* the algorithm alone: all parameters are missing */
        ra_sign_verdict v = take_parameter(split(&left, ','), a, why);
        if (v != RA_SIGNED)
            return v;
    }
    ra_sign_verdict v = require(a, dated, why);
    return v == RA_SIGNED ? read_credential(a, why) : v;
}
