/* A request's headers: those that mean something to a signature, and those that it covers. */
#include "proxy/verifier_parts.h"

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* `name` as it came, `lower_case` as it stands in SignedHeaders. */
static bool same_name(ra_bytes name, ra_bytes lower_case)
{
    if (name.n != lower_case.n)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        if (lower(name.p[i]) != lower_case.p[i])
            return false;
    }
    return true;
}

static bool is_amz(ra_bytes name)
{
    return name.n > 6 && same_name((ra_bytes){name.p, 6}, RA_BYTES("x-amz-"));
}

/* The header `line` is one of those that may come once only. */
static ra_sign_verdict once(const ra_http_line *line, ra_bytes *place, char why[RA_VERIFIER_WHY_MAX])
{
    char shown[RA_VERIFIER_SHOWN_MAX];
    if (!place->p) {
        *place = (ra_bytes){line->value.n ? line->value.p : "", line->value.n};
        return RA_SIGNED;
    }
    ra_shown(line->name, shown, sizeof shown);
    return ra_verifier_say(RA_SIGN_INCOMPLETE, why, "The request has more than one '%s' header.", shown);
}

/*
 * What must be signed: the host, since a signature is for one server, and what DynamoDB's protocol adds.
 * X-Amz-User-Agent means nothing, and tools on the way may touch it. Content-Type may be left out: the SDKs
 * for PHP and for JavaScript (version 2) do, and DynamoDB takes it.
 */
ra_sign_verdict ra_verifier_headers_find(ra_http_lines all, ra_verifier_headers *h,
                                         char why[RA_VERIFIER_WHY_MAX])
{
    ra_bytes host = {NULL, 0}, target = {NULL, 0};
    const struct {
        ra_bytes name;
        ra_bytes *place;
    } known[] = {{RA_BYTES("host"), &host},
                 {RA_BYTES("x-amz-date"), &h->date},
                 {RA_BYTES("x-amz-target"), &target},
                 {RA_BYTES("authorization"), &h->authorization},
                 {RA_BYTES("x-amz-content-sha256"), &h->content_hash},
                 {RA_BYTES("x-amz-security-token"), &h->token}};
    if (all.n > RA_VERIFIER_HEADERS_MAX)
        return ra_verifier_say(RA_SIGN_INCOMPLETE, why, "The request has more than %d headers.",
                               (int)RA_VERIFIER_HEADERS_MAX);
    h->all = all;
    h->authorization = h->date = h->content_hash = h->token = (ra_bytes){NULL, 0};
    for (size_t i = 0; i < all.n; i++) {
        const ra_http_line *line = &all.v[i];
        bool amz = is_amz(line->name);
        h->must[i] = amz && !same_name(line->name, RA_BYTES("x-amz-user-agent"));
        for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
            if (!same_name(line->name, known[k].name))
                continue;
            h->must[i] |= k == 0;
            ra_sign_verdict v = once(line, known[k].place, why);
            if (v != RA_SIGNED)
                return v;
            break;
        }
    }
    return RA_SIGNED;
}

static int compare(ra_bytes a, ra_bytes b)
{
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* A header's name (RFC 9110 section 5.6.2) in lower case. */
static bool is_lower_case_name(ra_bytes name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                    (c && strchr("!#$%&'*+.^`|~", c));
        if (!fits)
            return false;
    }
    return name.n > 0;
}

static ra_bytes next_name(ra_bytes *list)
{
    const char *end = list->n ? memchr(list->p, ';', list->n) : NULL;
    ra_bytes name = {list->p, end ? (size_t)(end - list->p) : list->n};
    *list = end ? (ra_bytes){end + 1, list->n - name.n - 1} : (ra_bytes){NULL, 0};
    return name;
}

/* The name stands between the two halves of the sentence. */
static ra_sign_verdict complain(const char *first, ra_bytes name, const char *second,
                                char why[RA_VERIFIER_WHY_MAX])
{
    char shown[RA_VERIFIER_SHOWN_MAX];
    ra_shown(name, shown, sizeof shown);
    return ra_verifier_say(RA_SIGN_WRONG, why, "%s'%s' %s", first, shown, second);
}

ra_sign_verdict ra_verifier_headers_signed(const ra_verifier_headers *h, ra_bytes list,
                                           ra_signed_header out[RA_VERIFIER_HEADERS_MAX], size_t *n,
                                           char why[RA_VERIFIER_WHY_MAX])
{
    bool is_signed[RA_VERIFIER_HEADERS_MAX] = {false};
    ra_bytes before = {NULL, 0};
    *n = 0;
    /* Each name takes at least one header away, so out has room. */
    while (list.p) {
        ra_bytes name = next_name(&list);
        size_t had = *n;
        if (!is_lower_case_name(name) || (before.p && compare(before, name) >= 0))
            return complain("SignedHeaders must be lower-case names, sorted, each once; ", name, "is not.",
                            why);
        before = name;
        for (size_t i = 0; i < h->all.n; i++) {
            if (same_name(h->all.v[i].name, name)) {
                is_signed[i] = true;
                out[(*n)++] = (ra_signed_header){name, h->all.v[i].value};
            }
        }
        if (*n == had)
            return complain("The header ", name, "is among SignedHeaders and not in the request.", why);
    }
    for (size_t i = 0; i < h->all.n; i++) {
        if (h->must[i] && !is_signed[i])
            return complain("", h->all.v[i].name, "must be a 'SignedHeader' in the AWS Authorization.", why);
    }
    return RA_SIGNED;
}
