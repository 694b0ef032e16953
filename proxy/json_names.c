#include "proxy/json_names.h"

#include <stdlib.h>

/* Up to this many plain names are compared pair by pair: cheaper than sorting, and most objects are small. */
enum { PAIRWISE_MOST = 12 };

/* Decoded bytes one at a time. */
typedef struct cursor {
    const char *p;
    const char *end;
    unsigned char pending[4];
    unsigned n, i;
} cursor;

static unsigned hex4(const char *p)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)p[i];
        v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return v;
}

static unsigned encode_utf8(uint32_t c, unsigned char out[4])
{
    if (c < 0x80) {
        out[0] = (unsigned char)c;
        return 1;
    }
    unsigned n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (unsigned i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (unsigned char)(0x80 | (c & 0x3f));
    out[0] = (unsigned char)((0xf0u << (4 - n) & 0xff) | c);
    return n;
}

/* Decodes the escape at *p (a backslash) and moves behind it. */
static unsigned decode_escape(const char **p, unsigned char out[4])
{
    char c = (*p)[1];
    if (c != 'u') {
        static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
        const char *at = strchr(from, c);
        out[0] = (unsigned char)(at ? to[at - from] : c); /* the others stand for themselves: " \ / */
        *p += 2;
        return 1;
    }
    uint32_t code = hex4(*p + 2);
    *p += 6;
    if (code >= 0xd800 && code < 0xdc00) { /* the parser has seen that the other half follows */
        code = 0x10000 + ((code - 0xd800) << 10) + (hex4(*p + 2) - 0xdc00);
        *p += 6;
    }
    return encode_utf8(code, out);
}

size_t ra_json_decode(const char *p, size_t n, char *out)
{
    const char *end = p + n;
    char *to = out;
    while (p < end) {
        const char *escape = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((escape ? escape : end) - p);
        memcpy(to, p, plain);
        to += plain;
        p += plain;
        if (!escape)
            break;
        unsigned char c[4];
        unsigned k = decode_escape(&p, c);
        memcpy(to, c, k);
        to += k;
    }
    return (size_t)(to - out);
}

/* The next byte, or -1 at the end. */
static int next_byte(cursor *c)
{
    if (c->i < c->n)
        return c->pending[c->i++];
    if (c->p == c->end)
        return -1;
    if (*c->p != '\\')
        return (unsigned char)*c->p++;
    c->n = decode_escape(&c->p, c->pending);
    c->i = 1;
    return c->pending[0];
}

static cursor cursor_of(const char *text, const ra_json_name *name)
{
    return (cursor){.p = text + name->start, .end = text + name->end};
}

bool ra_json_decodes_to(ra_bytes escaped, ra_bytes plain)
{
    cursor c = {.p = escaped.p, .end = escaped.p + escaped.n};
    for (size_t i = 0; i < plain.n; i++)
        if (next_byte(&c) != (unsigned char)plain.p[i])
            return false;
    return next_byte(&c) < 0;
}

static int compare_decoded(const char *text, const ra_json_name *a, const ra_json_name *b)
{
    cursor x = cursor_of(text, a), y = cursor_of(text, b);
    for (;;) {
        int c = next_byte(&x), d = next_byte(&y);
        if (c != d)
            return c < d ? -1 : 1;
        if (c < 0)
            return 0;
    }
}

static int compare(const char *text, const ra_json_name *a, const ra_json_name *b)
{
    if (a->key >> 1 != b->key >> 1)
        return a->key < b->key ? -1 : 1;
    if ((a->key | b->key) & 1)
        return compare_decoded(text, a, b);
    uint32_t n = a->end - a->start, m = b->end - b->start;
    int c = memcmp(text + a->start, text + b->start, n < m ? n : m);
    return c ? c : n < m ? -1 : n > m;
}

/* FNV-1a of the decoded bytes: spreads names, promises nothing; the order's bound doesn't rest on it. */
static void hash(const char *text, ra_json_name *name)
{
    uint32_t h = 2166136261u;
    if (name->key & 1) {
        cursor c = cursor_of(text, name);
        for (int b; (b = next_byte(&c)) >= 0;)
            h = (h ^ (unsigned)b) * 16777619u;
    } else {
        for (const char *p = text + name->start; p < text + name->end; p++)
            h = (h ^ (unsigned char)*p) * 16777619u;
    }
    name->key = h << 1 | (name->key & 1);
}

/* Merges from[a, b) and from[b, c) to to[a, c); of equal ones the first list's come first. */
static void merge(const char *text, const ra_json_name *from, ra_json_name *to, size_t a, size_t b, size_t c)
{
    size_t i = a, k = b;
    for (size_t at = a; at < c; at++) {
        bool left = k == c || (i < b && compare(text, &from[i], &from[k]) <= 0);
        to[at] = from[left ? i++ : k++];
    }
}

bool ra_json_names_sort(const char *text, ra_json_name *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash(text, &v[i]);
    ra_json_name few[32], *other = few;
    if (n > sizeof few / sizeof *few && !(other = malloc(n * sizeof *other)))
        return false;
    ra_json_name *from = v, *to = other;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t a = 0; a < n; a += 2 * width) {
            size_t b = n - a < width ? n : a + width;
            size_t c = n - b < width ? n : b + width;
            merge(text, from, to, a, b, c);
        }
        ra_json_name *swap = from;
        from = to;
        to = swap;
    }
    if (from != v)
        memcpy(v, from, n * sizeof *v);
    if (other != few)
        free(other);
    return true;
}

static bool any_escaped(const ra_json_name *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].key & 1)
            return true;
    return false;
}

static enum ra_json_names_result pairwise(const char *text, const ra_json_name *v, size_t n, uint32_t *at)
{
    for (size_t i = 1; i < n; i++) {
        uint32_t length = v[i].end - v[i].start;
        for (size_t k = 0; k < i; k++) {
            if (v[k].end - v[k].start != length || memcmp(text + v[k].start, text + v[i].start, length) != 0)
                continue;
            *at = v[i].start - 1;
            return RA_JSON_NAMES_DUPLICATE;
        }
    }
    return RA_JSON_NAMES_DISTINCT;
}

enum ra_json_names_result ra_json_names_distinct(const char *text, ra_json_name *v, size_t n, uint32_t *at)
{
    if (n < 2)
        return RA_JSON_NAMES_DISTINCT;
    if (n <= PAIRWISE_MOST && !any_escaped(v, n))
        return pairwise(text, v, n, at);
    if (!ra_json_names_sort(text, v, n))
        return RA_JSON_NAMES_NO_MEMORY;
    for (size_t i = 1; i < n; i++) {
        if (compare(text, &v[i - 1], &v[i]) != 0)
            continue;
        *at = (v[i].start > v[i - 1].start ? v[i].start : v[i - 1].start) - 1;
        return RA_JSON_NAMES_DUPLICATE;
    }
    return RA_JSON_NAMES_DISTINCT;
}
