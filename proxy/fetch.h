/*
 * A small HTTP request that blocks, for background threads and the command line: libcurl's easy interface.
 * Replies over `max_reply` bytes, redirects and other schemes than http and https are errors. TLS is
 * verified. Threads: any, one at a time per call.
 */
#ifndef RA_PROXY_FETCH_H
#define RA_PROXY_FETCH_H

#include "cache/buf.h"

typedef struct ra_fetch_request {
    const char *method; /* NULL: GET */
    const char *url;
    const char *const *headers; /* "Name: value"; an empty value, or a control character, is an error */
    size_t nheaders;
    ra_bytes body;
    int64_t connect_timeout; /* ms */
    int64_t timeout;         /* ms, of all */
    const char *ca_file;     /* NULL: the system's */
    size_t max_reply;
    bool no_proxy;           /* never by way of HTTP_PROXY: for link-local and loopback addresses */
    bool (*stop)(void *arg); /* asked about once a second, and more often while bytes flow; NULL: not */
    void *stop_arg;
} ra_fetch_request;

enum { RA_FETCH_WHY_MAX = 256 };

/* The HTTP status, with the body appended; 0: no reply, and *why says why (it holds no header and no body).
 */
int ra_fetch(const ra_fetch_request *r, ra_buf *body, char why[RA_FETCH_WHY_MAX]);

#endif
