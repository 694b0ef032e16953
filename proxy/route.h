/*
 * A request on a route: found, its inputs read and validated, turned into the body of one DynamoDB operation.
 * Pure: no I/O, no globals; the time is passed in. From there on it is an operation like any other
 * (proxy/op.h), and proxy/route_reply.h shows its reply.
 *
 * Ownership: everything is in the request's arena, but values of the body may be views of it: it must outlive
 * the call. The HTTP request's path, query string and headers needn't. Threads: none shared.
 */
#ifndef RA_PROXY_ROUTE_H
#define RA_PROXY_ROUTE_H

#include "cache/arena.h"
#include "cache/buf.h"
#include "config/config.h"
#include "proxy/table.h"

struct evkeyvalq;

/* What of an HTTP request concerns routes. */
typedef struct ra_route_http {
    enum {
        RA_METHOD_GET,
        RA_METHOD_HEAD,
        RA_METHOD_POST,
        RA_METHOD_PUT,
        RA_METHOD_PATCH,
        RA_METHOD_DELETE,
        RA_METHOD_OPTIONS
    } method;
    ra_bytes path;  /* as it came, percent-encoded */
    ra_bytes query; /* as it came, without '?'; empty: none */
    const struct evkeyvalq *headers;
    ra_bytes body;
    const struct ra_identity *identity; /* who calls */
    int64_t now_us;                     /* wall clock, µs since the epoch; see ra_route_clock */
} ra_route_http;

/* A request that isn't carried out: what the client gets instead. */
typedef struct ra_route_refusal {
    int status;
    const char *code;         /* in the arena or static */
    const char *message;      /* the same */
    const char *const *codes; /* 422: not {code, message} but an array of these, as in ["message_blank"] */
    size_t ncodes;
    const char *allow;        /* 405: the Allow header's value */
    const char *authenticate; /* the WWW-Authenticate header's value; NULL: none */
    const char *retry_after;  /* the Retry-After header's value, in seconds; NULL: none */
    bool close;               /* the connection can't be used any more */
} ra_route_refusal;

typedef struct ra_route_call {
    const ra_route *route;
    ra_bytes *values; /* one per input; p is NULL where it is absent */
    bool head;        /* HEAD: a GET whose body isn't sent */
    unsigned limit;   /* of a query */
    ra_bytes path;    /* as it came, for links to the next page; the query string too */
    ra_bytes query;
} ra_route_call;

enum ra_route_result {
    RA_ROUTE_NONE,    /* no route has this path */
    RA_ROUTE_OPEN,    /* *call is set */
    RA_ROUTE_OPTIONS, /* OPTIONS on a route's path: `allow` of the refusal has the methods */
    RA_ROUTE_REFUSED
};

/*
 * Finds the route and reads its inputs. Who may not call a route is told nothing else of it: 401
 * "unauthenticated" (nobody known), 403 "forbidden" (another kind of caller), before the body is read where
 * that is so of all routes of this path and method. Then 403 "claim_missing" and "claim_unusable". Refused
 * are, besides, with these codes: 400 "malformed_path" (a bad escape,
 * invalid UTF-8, a control character), 405 "method_not_allowed", 415 "unsupported_media_type" (a body that is
 * read, and any POST, must be application/json: a web page can't send that to another origin unasked), 400
 * "malformed_json" (also a body that isn't an object), 400 "repeated_input" (a header or parameter that a
 * route takes, given twice), 400 "malformed_input" (a body's member that is neither string nor number nor
 * null, a header that isn't UTF-8), 404 "not_found" (no route of this path and method has all that its `when`
 * wants), 400 "limit_out_of_range", 400 "before_and_after", the route's own validation, 503 "unavailable" (no
 * memory).
 */
enum ra_route_result ra_route_open(const ra_config *c, const ra_route_http *h, ra_arena *a,
                                   ra_route_call *call, ra_route_refusal *refusal);

/* Does making the body need the schema of route->query->table? */
static inline bool ra_route_needs_table(const ra_route_call *call)
{
    return call->route->query != NULL;
}
/*
 * How long what is made of the request will be, before JSON's escapes: the operation's body or the object
 * that is answered, whichever is longer. A template may use a value many times; to be asked before a write is
 * sent.
 */
uint64_t ra_route_length(const ra_route_call *call);
/* "DynamoDB_20120810.Query" */
const char *ra_route_target(const ra_route *r);
/*
 * Appends the operation's request body. `table` is the schema for a query, else NULL. false: *refusal is set
 * (400 "malformed_input": a key that isn't of the key's type; 500 "no_such_index", "no_sort_key": the config
 * doesn't fit the table).
 */
bool ra_route_body(const ra_route_call *call, const ra_table *table, ra_arena *a, ra_buf *out,
                   ra_route_refusal *refusal);

/*
 * The wall clock in µs, but never the same or an earlier time twice in one process: {now} is a sort key, and
 * a clock that is set back must not put a message before the one it answers. Any thread.
 */
int64_t ra_route_clock(void);
enum { RA_NOW_TEXT = 33, RA_UUID_TEXT = 37 }; /* with their terminating zero */
/* "2024-06-11T20:05:43.816059+00:00" */
void ra_now_text(int64_t us, char out[RA_NOW_TEXT]);
/* A random UUID (RFC 9562, version 4). false: no randomness. */
bool ra_uuid_text(char out[RA_UUID_TEXT]);

#endif
