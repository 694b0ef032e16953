#include "cache/http_client.h"

#include <stdlib.h>

/* Bounds on what a peer can make one reply's headers cost. */
enum { MAX_HEADERS = 512, MAX_HEADER_BYTES = 256 * 1024 };

const char *ra_http_reply_header(const ra_http_reply *r, const char *name)
{
    for (size_t i = 0; i < r->nheaders; i++) {
        if (strcmp(r->headers[i].name, name) == 0)
            return r->headers[i].value;
    }
    return NULL;
}

ra_http_reply *ra_http_reply_new(void)
{
    ra_http_reply *r = calloc(1, sizeof *r);
    if (r)
        atomic_init(&r->refs, 1);
    return r;
}

ra_http_reply *ra_http_reply_ref(ra_http_reply *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void ra_http_reply_unref(ra_http_reply *r)
{
    /* acq_rel: whoever frees sees what the others did with the reply before they let go of it */
    if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    ra_http_reply_clear_headers(r);
    free(r->body);
    free(r);
}

void ra_http_reply_clear_headers(ra_http_reply *r)
{
    for (size_t i = 0; i < r->nheaders; i++) {
        free(r->headers[i].name);
        free(r->headers[i].value);
    }
    free(r->headers);
    r->headers = NULL;
    r->nheaders = 0;
    r->header_bytes = 0;
}

/* The array's size isn't kept: it is full whenever the count is 0 or a power of two from 8 on. */
static bool make_room(ra_http_reply *r)
{
    size_t n = r->nheaders;
    if (n != 0 && (n < 8 || (n & (n - 1)) != 0))
        return true;
    size_t size = n ? n * 2 : 8;
    ra_http_header *h = realloc(r->headers, size * sizeof *h);
    if (!h)
        return false;
    r->headers = h;
    return true;
}

static char *copy(ra_bytes s)
{
    char *z = malloc(s.n + 1);
    if (!z)
        return NULL;
    if (s.n)
        memcpy(z, s.p, s.n);
    z[s.n] = '\0';
    return z;
}

enum ra_http_result ra_http_reply_add_header(ra_http_reply *r, ra_bytes name, ra_bytes value)
{
    if (r->nheaders == MAX_HEADERS || name.n + value.n > MAX_HEADER_BYTES - r->header_bytes)
        return RA_HTTP_TOO_LARGE;
    ra_http_header h = {copy(name), copy(value)};
    if (!h.name || !h.value || !make_room(r)) {
        free(h.name);
        free(h.value);
        return RA_HTTP_NO_MEMORY;
    }
    for (char *c = h.name; *c; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    }
    r->headers[r->nheaders++] = h;
    r->header_bytes += name.n + value.n;
    return RA_HTTP_OK;
}
