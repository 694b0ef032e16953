#include "cache/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void ra_buf_init(ra_buf *b, size_t cap)
{
    *b = (ra_buf){.cap = cap};
}

void ra_buf_free(ra_buf *b)
{
    free(b->p);
    ra_buf_init(b, b->cap);
}

void ra_buf_clear(ra_buf *b)
{
    b->n = 0;
    b->failed = false;
}

/* Makes room for n more bytes; doubles, so that appending is linear over all. */
static bool reserve(ra_buf *b, size_t n)
{
    if (b->failed || n > b->cap - b->n) {
        b->failed = true;
        return false;
    }
    size_t need = b->n + n;
    if (need <= b->size)
        return true;
    size_t size = b->size ? b->size : 128;
    while (size < need)
        size = size > b->cap / 2 ? b->cap : size * 2;
    if (size > b->cap)
        size = b->cap;
    char *p = realloc(b->p, size);
    if (!p) {
        b->failed = true;
        return false;
    }
    b->p = p;
    b->size = size;
    return true;
}

bool ra_buf_add(ra_buf *b, const void *p, size_t n)
{
    if (!reserve(b, n))
        return false;
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    return true;
}

bool ra_buf_add_bytes(ra_buf *b, ra_bytes s)
{
    return ra_buf_add(b, s.p, s.n);
}

bool ra_buf_add_z(ra_buf *b, const char *z)
{
    return ra_buf_add(b, z, strlen(z));
}

bool ra_buf_add_char(ra_buf *b, char c)
{
    return ra_buf_add(b, &c, 1);
}

bool ra_buf_addf(ra_buf *b, const char *format, ...)
{
    char small[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (n < 0) {
        b->failed = true;
        return false;
    }
    if ((size_t)n < sizeof small)
        return ra_buf_add(b, small, (size_t)n);
    if (!reserve(b, (size_t)n + 1)) /* vsnprintf writes a zero past the text */
        return false;
    va_start(args, format);
    vsnprintf(b->p + b->n, (size_t)n + 1, format, args);
    va_end(args);
    b->n += (size_t)n;
    return true;
}

static bool add_escape(ra_buf *b, unsigned char c)
{
    switch (c) {
    case '"':
        return ra_buf_add_z(b, "\\\"");
    case '\\':
        return ra_buf_add_z(b, "\\\\");
    case '\n':
        return ra_buf_add_z(b, "\\n");
    case '\r':
        return ra_buf_add_z(b, "\\r");
    case '\t':
        return ra_buf_add_z(b, "\\t");
    default:
        return ra_buf_addf(b, "\\u%04x", c);
    }
}

bool ra_buf_add_json_string(ra_buf *b, ra_bytes s)
{
    ra_buf_add_char(b, '"');
    size_t from = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        ra_buf_add(b, s.p + from, i - from);
        add_escape(b, c);
        from = i + 1;
    }
    if (s.n > from)
        ra_buf_add(b, s.p + from, s.n - from);
    return ra_buf_add_char(b, '"');
}

char *ra_buf_take(ra_buf *b, size_t *n)
{
    if (b->failed) {
        ra_buf_free(b);
        *n = 0;
        return NULL;
    }
    char *p = b->p;
    *n = b->n;
    b->p = NULL;
    ra_buf_init(b, b->cap);
    return p;
}
