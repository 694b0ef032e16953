/* Stage 1 of a signature: the canonical request. The oracle for every rule here is botocore. */
#include "proxy/sigv4.h"

#include <openssl/evp.h>
#include <stdlib.h>

typedef struct pair {
    ra_bytes name, value;
} pair;

typedef struct reference {
    const ra_signed_header *header;
} reference;

static int compare_bytes(ra_bytes a, ra_bytes b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* Splits `s` at the first `separator`: what comes before it is returned, what comes after stays in *s. */
static ra_bytes split(ra_bytes *s, char separator, bool *found)
{
    const char *at = s->n ? memchr(s->p, separator, s->n) : NULL;
    ra_bytes first = {s->p, at ? (size_t)(at - s->p) : s->n};
    *s = at ? (ra_bytes){at + 1, s->n - first.n - 1} : (ra_bytes){NULL, 0};
    *found = at != NULL;
    return first;
}

static void add_encoded(ra_buf *out, ra_bytes s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            (c && strchr("-_.~", c)))
            ra_buf_add_char(out, (char)c);
        else
            ra_buf_addf(out, "%%%02X", c);
    }
}

/*
 * The path without empty, "." and ".." segments (RFC 3986 section 5.2.4, and runs of slashes are one), each
 * segment encoded once more. A segment that ".." takes back is cut off again at the '/' before it.
 */
static void add_path(ra_buf *out, ra_bytes path)
{
    size_t begin = out->n;
    bool ends_in_slash = path.n && path.p[path.n - 1] == '/', more = path.n != 0;
    while (more) {
        ra_bytes segment = split(&path, '/', &more);
        if (segment.n == 0 || ra_bytes_eq_z(segment, "."))
            continue;
        if (ra_bytes_eq_z(segment, "..")) {
            while (out->n > begin && out->p[--out->n] != '/') {
            }
            continue;
        }
        ra_buf_add_char(out, '/');
        add_encoded(out, segment);
    }
    if (out->n == begin || ends_in_slash)
        ra_buf_add_char(out, '/');
}

static int compare_pairs(const void *pa, const void *pb)
{
    const pair *a = pa, *b = pb;
    int c = compare_bytes(a->name, b->name);
    return c ? c : compare_bytes(a->value, b->value);
}

/* Sorted by name, then value, as they were sent; a name without '=' gets one. */
static bool add_query(ra_buf *out, ra_bytes query)
{
    if (query.n == 0)
        return true;
    size_t count = 1;
    for (size_t i = 0; i < query.n; i++)
        count += query.p[i] == '&';
    pair *pairs = calloc(count, sizeof *pairs);
    if (!pairs)
        return false;
    bool ignored;
    for (size_t i = 0; i < count; i++) {
        ra_bytes one = split(&query, '&', &ignored);
        pairs[i].name = split(&one, '=', &ignored);
        pairs[i].value = one;
    }
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    for (size_t i = 0; i < count; i++) {
        if (i)
            ra_buf_add_char(out, '&');
        ra_buf_add_bytes(out, pairs[i].name);
        ra_buf_add_char(out, '=');
        ra_buf_add_bytes(out, pairs[i].value);
    }
    free(pairs);
    return true;
}

/* By name; of one name in the order given, which the addresses tell. */
static int compare_headers(const void *pa, const void *pb)
{
    const ra_signed_header *a = ((const reference *)pa)->header;
    const ra_signed_header *b = ((const reference *)pb)->header;
    int c = compare_bytes(a->name, b->name);
    return c ? c : (a > b) - (a < b);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Trimmed, every run of white space as one space. */
static void add_folded(ra_buf *out, ra_bytes value)
{
    size_t i = 0;
    bool first = true;
    while (i < value.n) {
        while (i < value.n && is_space(value.p[i]))
            i++;
        size_t from = i;
        while (i < value.n && !is_space(value.p[i]))
            i++;
        if (i == from)
            break;
        if (!first)
            ra_buf_add_char(out, ' ');
        first = false;
        ra_buf_add(out, value.p + from, i - from);
    }
}

/* One line per name, several values joined by commas; the names also go to `names`, joined by semicolons. */
static bool add_headers(ra_buf *out, const ra_sign_request *r, ra_buf *names)
{
    reference *sorted = calloc(r->nheaders ? r->nheaders : 1, sizeof *sorted);
    if (!sorted)
        return false;
    for (size_t i = 0; i < r->nheaders; i++)
        sorted[i].header = &r->headers[i];
    qsort(sorted, r->nheaders, sizeof *sorted, compare_headers);
    for (size_t i = 0; i < r->nheaders; i++) {
        if (i && ra_bytes_eq(sorted[i].header->name, sorted[i - 1].header->name)) {
            ra_buf_add_char(out, ',');
        } else {
            if (i) {
                ra_buf_add_char(out, '\n');
                ra_buf_add_char(names, ';');
            }
            ra_buf_add_bytes(names, sorted[i].header->name);
            ra_buf_add_bytes(out, sorted[i].header->name);
            ra_buf_add_char(out, ':');
        }
        add_folded(out, sorted[i].header->value);
    }
    free(sorted);
    return ra_buf_add_char(out, '\n');
}

bool ra_sigv4_canonical_request(const ra_sign_request *r, ra_buf *out, ra_buf *signed_headers)
{
    char hash[RA_SHA256_HEX + 1];
    size_t names_from = signed_headers->n;
    if (!ra_sigv4_hash(r->body, hash))
        return false;
    ra_buf_add_bytes(out, r->method);
    ra_buf_add_char(out, '\n');
    add_path(out, r->path);
    ra_buf_add_char(out, '\n');
    if (!add_query(out, r->query))
        return false;
    ra_buf_add_char(out, '\n');
    if (!add_headers(out, r, signed_headers))
        return false;
    ra_buf_add_char(out, '\n');
    if (!ra_buf_ok(signed_headers))
        return false;
    ra_buf_add(out, signed_headers->p + names_from, signed_headers->n - names_from);
    ra_buf_add_char(out, '\n');
    return ra_buf_add(out, hash, RA_SHA256_HEX);
}
