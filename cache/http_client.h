/*
 * An HTTP client on libevent: libcurl's multi interface, a pool of keep-alive connections, a deadline per
 * call that covers queueing, connecting, sending and the whole reply.
 *
 * Ownership: ra_http_send copies URL and headers; the body stays the caller's and must live until the
 * callback has run or the call has been cancelled. The reply is reference-counted; the callback gets a
 * borrowed one. Threads: a client and its calls belong to one loop. Replies may be ref'ed and unref'ed from
 * any thread. The callback never runs inside ra_http_send.
 *
 * Resending: libcurl by itself sends a request again when a reused connection dies before the reply's first
 * byte. For a call with `once` that is prevented (a second transmission is refused before its first byte), so
 * that the request reaches the peer at most once; RA_HTTP_CUT then means that its fate is unknown.
 */
#ifndef RA_CACHE_HTTP_CLIENT_H
#define RA_CACHE_HTTP_CLIENT_H

#include "cache/bytes.h"

#include <stdatomic.h>
#include <stdint.h>

struct event_base;

enum ra_http_result {
    RA_HTTP_OK,       /* a whole reply came, of whatever status */
    RA_HTTP_NOT_SENT, /* the peer has not seen the request: name not found, no connection, TLS refused, or the
                         deadline passed while it was queued or connecting */
    RA_HTTP_TIMEOUT,  /* the deadline passed when something may have been sent; fate unknown */
    RA_HTTP_CUT,      /* the connection broke after something may have been sent; fate unknown */
    RA_HTTP_TOO_LARGE, /* the reply passed max_reply; fate unknown */
    RA_HTTP_NO_MEMORY  /* fate unknown */
};

typedef struct ra_http_header {
    char *name; /* lower case */
    char *value;
} ra_http_header;

/* Each of headers, name, value and body is an allocation of its own, freed with the reply. */
typedef struct ra_http_reply {
    atomic_uint refs;
    enum ra_http_result result;
    char error[160]; /* what libcurl says, when result isn't OK */
    int status;
    ra_http_header *headers;
    size_t nheaders;
    char *body; /* may be NULL when empty */
    size_t len;
    size_t header_bytes; /* of names and values, for the cap */
    uint32_t note;       /* its receiver's own; 0 at first */
} ra_http_reply;

/* The value, or NULL. `name` in lower case; the first of several. */
const char *ra_http_reply_header(const ra_http_reply *r, const char *name);
ra_http_reply *ra_http_reply_ref(ra_http_reply *r);
void ra_http_reply_unref(ra_http_reply *r); /* NULL is allowed */

/* For whoever makes a reply: one reference, all zero (result OK). NULL without memory. */
ra_http_reply *ra_http_reply_new(void);
/* Copies; the name is put in lower case. OK, TOO_LARGE (512 headers or 256 KiB are passed) or NO_MEMORY. */
enum ra_http_result ra_http_reply_add_header(ra_http_reply *r, ra_bytes name, ra_bytes value);
void ra_http_reply_clear_headers(ra_http_reply *r);

typedef struct ra_http_options {
    unsigned max_connections; /* further calls queue; 0: 64 */
    int64_t connect_timeout;  /* ms; 0: the call's deadline only */
    int64_t max_idle;    /* ms after which an idle connection isn't reused, in whole seconds; 0: 50,000 */
    bool verify_tls;     /* certificate and host name; true unless a test says otherwise */
    const char *ca_file; /* NULL: the system's */
    bool http2; /* over TLS, where libcurl has it and the server offers it; calls then share connections */
} ra_http_options;

typedef struct ra_http_request {
    const char *method; /* "POST", "GET", "PUT", "DELETE" */
    const char *url;
    const char *const *headers; /* "Name: value", nheaders of them; Expect and Accept are never added */
    size_t nheaders;
    ra_bytes body;
    bool once;        /* never resend by itself */
    int64_t deadline; /* ms from now; > 0 */
    size_t max_reply; /* bytes of body; > 0 */
} ra_http_request;

typedef struct ra_http ra_http;
typedef struct ra_http_call ra_http_call;
typedef void (*ra_http_done)(ra_http_call *call, ra_http_reply *reply, void *arg);

ra_http *ra_http_new(struct event_base *base, const ra_http_options *o); /* NULL without memory */
void ra_http_free(ra_http *h); /* cancels what is under way; no callback runs */
/* NULL without memory: nothing was sent and the callback won't run. */
ra_http_call *ra_http_send(ra_http *h, const ra_http_request *r, ra_http_done done, void *arg);
/* The callback won't run. If the request was being sent its fate is unknown. */
void ra_http_cancel(ra_http_call *call);
/* Calls under way, queued ones included. */
size_t ra_http_in_flight(const ra_http *h);

#endif
