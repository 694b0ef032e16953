/*
 * DynamoDB operations one after the other, for commands and for threads that may block: each call runs an
 * event loop of its own until the reply is there. Threads: one, but for ra_ddb_stop.
 */
#ifndef RA_PROXY_DDB_CALL_H
#define RA_PROXY_DDB_CALL_H

#include "cache/buf.h"
#include "cache/http_client.h"
#include "proxy/credentials.h"

enum { RA_DDB_LINES_MAX = 64 * 1024, RA_DDB_HEADERS_MAX = 8 };

typedef struct ra_ddb ra_ddb;

typedef struct ra_ddb_options {
    const char *endpoint; /* as ra_endpoint_normalise spells it */
    const char *region;
    const char *ca_file; /* NULL: the system's */
} ra_ddb_options;

/* Looks for credentials in AWS's chain, which may block. NULL: *why says why, until the next call. */
ra_ddb *ra_ddb_new(const ra_ddb_options *o, const char **why);
/* With operations of streams besides, which go to `streams_endpoint`. `provider` is asked before each call,
 * and waited for; NULL: AWS's chain, as above. */
ra_ddb *ra_ddb_new_streams(const ra_ddb_options *o, const char *streams_endpoint,
                           ra_credentials_provider *provider, const char **why);
void ra_ddb_free(ra_ddb *d); /* NULL is allowed */
/* Ends the call or wait that is under way, soon, and every later one at once: such a call's reply says
 * "stopped". Any thread, and in a signal handler too; for good. It must have returned before `d` is freed. */
void ra_ddb_stop(ra_ddb *d);
bool ra_ddb_stopped(const ra_ddb *d);

/*
 * One operation ("CreateTable"; "GetRecords", …, of streams), sent at most once. The reply has one reference,
 * whatever its result and status; NULL without memory. `timeout` in ms.
 */
ra_http_reply *ra_ddb_call(ra_ddb *d, const char *operation, ra_bytes body, int64_t timeout);
/* Any other POST, with header lines of the caller's, otherwise the same. */
ra_http_reply *ra_ddb_post(ra_ddb *d, const char *url, const char *const *headers, size_t nheaders,
                           ra_bytes body, int64_t timeout);
/*
 * What such a call would be sent with, for whoever sends it himself: to `*url`, with header lines that point
 * into `lines` and live as long. Credentials that are about to expire are waited for, `timeout` ms at most.
 * false: there are none, no memory, or it was told to stop.
 */
bool ra_ddb_sign(ra_ddb *d, const char *operation, ra_bytes body, int64_t timeout, ra_buf *lines,
                 const char *headers[RA_DDB_HEADERS_MAX], size_t *n, const char **url);
const ra_credentials *ra_ddb_credentials(const ra_ddb *d);
/* Waits, in ms. */
void ra_ddb_wait(ra_ddb *d, int64_t ms);

/* A reply with status 200. */
bool ra_ddb_succeeded(const ra_http_reply *r);
/* Worth another try: throttled, or an error of the server's, or (for what may be repeated) no whole reply. */
bool ra_ddb_may_pass(const ra_http_reply *r);
/* The error's type without its namespace ("ResourceInUseException") is `type`. */
bool ra_ddb_is_error(const ra_http_reply *r, const char *type);
/* Appends "TypeName: message", or what happened instead of a reply. `r` may be NULL: no memory. */
void ra_ddb_describe_error(const ra_ddb *d, const ra_http_reply *r, ra_buf *out);
/* The same of what `whom` has replied. */
void ra_ddb_describe_reply(const char *whom, const ra_http_reply *r, ra_buf *out);

/* The next pause of a back-off, in ms: the last one doubled, at least `first`, at most `most`, less a random
 * part of up to a quarter. *pause is kept by the caller and begins at 0. */
int64_t ra_ddb_backoff(int64_t *pause, int64_t first, int64_t most);

#endif
