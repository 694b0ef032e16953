/*
 * Momento's HTTP API: get, put and delete of one key, each one request. Source: Momento's "HTTP API reference
 * for Momento Cache".
 *
 *   GET|PUT|DELETE <endpoint>/cache/<cache>?key_base64=<base64url of the key>[&ttl_seconds=<whole seconds>]
 *
 * with the API key in Authorization. Keys are any bytes. HTTP/2 where TLS and the server offer it, else
 * HTTP/1.1 with connections kept.
 *
 * Ownership: a client and its calls belong to one loop. Callbacks never run inside the function that sends;
 * the result's value and text are good until the callback returns. A put is never sent twice: a copy that
 * lands late would bring back what has been overwritten since.
 */
#ifndef RA_CACHE_MOMENTO_CLIENT_H
#define RA_CACHE_MOMENTO_CLIENT_H

#include "cache/bytes.h"

#include <stdint.h>

struct event_base;

/* The service's hard limits: of key and value together ("5 MB"), and of a TTL. */
enum { RA_MOMENTO_ITEM_MOST = 5000000, RA_MOMENTO_TTL_MOST = 24 * 60 * 60 };

enum ra_momento_outcome {
    RA_MOMENTO_FOUND,        /* get: the value */
    RA_MOMENTO_DONE,         /* put, delete */
    RA_MOMENTO_ABSENT,       /* get: there is no such key, or it has expired */
    RA_MOMENTO_NO_CACHE,     /* 404 of the other kind: the configured cache doesn't exist */
    RA_MOMENTO_UNAUTHORIZED, /* 401: the API key is invalid or has expired */
    RA_MOMENTO_FORBIDDEN,    /* 403: the API key doesn't grant this */
    RA_MOMENTO_THROTTLED,    /* 429: over a limit of the account */
    RA_MOMENTO_TOO_LARGE,    /* 413, a 429 for an item's size, or a value over the limit was sent to us */
    RA_MOMENTO_REFUSED,      /* another 4xx: the request is wrong in Momento's eyes */
    RA_MOMENTO_SERVER_ERROR, /* 5xx, or a reply that this API doesn't have */
    RA_MOMENTO_NETWORK       /* no reply in time or at all; a put may have been carried out, or yet be */
};

/* The API key or the configuration must be changed before this ends: NO_CACHE, UNAUTHORIZED, FORBIDDEN. */
bool ra_momento_is_misconfigured(enum ra_momento_outcome o);
/* Did the service carry out what was asked, or say that there is nothing? FOUND, DONE, ABSENT. */
bool ra_momento_is_good(enum ra_momento_outcome o);
/* A few words for a person: "the cache doesn't exist". */
const char *ra_momento_outcome_text(enum ra_momento_outcome o);

enum { RA_MOMENTO_TEXT_MAX = 200 };

typedef struct ra_momento_result {
    enum ra_momento_outcome outcome;
    ra_bytes value;                 /* FOUND */
    bool is_put;                    /* what was asked: a put, not a get or a delete */
    int status;                     /* HTTP's; 0: there was no reply */
    int64_t retry_after;            /* ms; -1: the reply doesn't say. At most an hour */
    char text[RA_MOMENTO_TEXT_MAX]; /* of an error: what Momento or libcurl says, printable, and nothing that
                                     * might be a key; "" if nothing */
} ra_momento_result;

typedef struct ra_momento_client_options {
    const char *endpoint;     /* "https://api.cache.CELL", "http://127.0.0.1:8000" */
    const char *cache;        /* its name */
    const char *api_key;      /* as Momento has given it out */
    const char *ca_file;      /* NULL: the system's */
    unsigned max_connections; /* requests at once; further ones queue. 0: 64 */
} ra_momento_client_options;

typedef struct ra_momento_client ra_momento_client;
typedef struct ra_momento_call ra_momento_call;
typedef void (*ra_momento_done)(const ra_momento_result *result, void *arg);

/* Copies what the options point to, and connects when first asked. NULL: no memory. */
ra_momento_client *ra_momento_client_new(struct event_base *base, const ra_momento_client_options *o);
/* Cancels what is under way. Not from one of its callbacks. NULL is allowed. */
void ra_momento_client_free(ra_momento_client *c);

/* Whether a value of n bytes is within the service's limit. */
bool ra_momento_fits(ra_bytes key, size_t n);

/* `timeout` in ms covers queueing, connecting, sending and the whole reply. NULL: no memory, or the key is
 * longer than 1 KiB; nothing was sent and the callback won't run. */
ra_momento_call *ra_momento_get(ra_momento_client *c, ra_bytes key, int64_t timeout, ra_momento_done done,
                                void *arg);
/* Copies key and value. `ttl` in whole seconds, from 1 to RA_MOMENTO_TTL_MOST. NULL: also if it doesn't fit.
 */
ra_momento_call *ra_momento_put(ra_momento_client *c, ra_bytes key, ra_bytes value, int64_t ttl,
                                int64_t timeout, ra_momento_done done, void *arg);
ra_momento_call *ra_momento_delete(ra_momento_client *c, ra_bytes key, int64_t timeout, ra_momento_done done,
                                   void *arg);
/* The callback won't run. What was being sent may be carried out all the same. */
void ra_momento_cancel(ra_momento_call *call);

#endif
