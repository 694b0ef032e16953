/*
 * What the files of a route's runtime share; only route*.c include it, and identity.c for its text functions.
 * A request goes through them in this order: route.c opens it, with route_match.c (which routes have its
 * path), route_caller.c (whether they let in who calls), route_input.c (what it holds) and route_check.c
 * (whether a route takes that); route_body.c makes the operation's body; route_reply.c shows the reply, with
 * route_plain.c and route_link.c; route_error.c has all that goes wrong.
 *
 * Ownership and threads: as proxy/route.h says.
 */
#ifndef RA_PROXY_ROUTE_PARTS_H
#define RA_PROXY_ROUTE_PARTS_H

#include "proxy/json.h"
#include "proxy/route.h"

/* ---- route_text.c ---- */

/* Does every '%' have its two hex digits? */
bool ra_percent_valid(ra_bytes raw);
/* Decodes what ra_percent_valid has seen; with `plus` a '+' is a space. false: no memory. */
bool ra_percent_decode(ra_bytes raw, bool plus, ra_arena *a, ra_bytes *out);
/* Is `raw`, decoded, equal to `plain`? Nothing is allocated. */
bool ra_percent_is(ra_bytes raw, bool plus, const char *plain);
/* Appends `s` with everything encoded but RFC 3986's unreserved characters. */
bool ra_percent_encode(ra_bytes s, ra_buf *out);
/* Appends what is encoded already, with everything encoded that a path or a query string can't hold. */
bool ra_percent_keep(ra_bytes raw, ra_buf *out);
/* Takes off *rest what comes before the first `separator` (all of it if there is none), and the separator. */
ra_bytes ra_route_split(ra_bytes *rest, char separator);

bool ra_route_utf8(ra_bytes s);
/* The rest wants valid UTF-8. A control character is one of C0, DEL and C1. */
bool ra_route_has_control(ra_bytes s);
/* Nothing, or only characters that Unicode calls White_Space. */
bool ra_route_blank(ra_bytes s);
size_t ra_route_chars(ra_bytes s); /* code points */
bool ra_route_is_uuid(ra_bytes s);

/* ---- route_match.c ---- */

/* A path's segments. Those with a bad escape, invalid UTF-8 or a control character have p NULL. */
typedef struct ra_route_path {
    ra_bytes *segments;
    size_t n;
} ra_route_path;

enum ra_route_fit {
    RA_FIT_NONE,
    RA_FIT_MALFORMED, /* the path is this route's but for a parameter that can't be read */
    RA_FIT
};

/* false: no memory. Where no route has as many segments, path->n is 0 and fits none. */
bool ra_route_path_read(const ra_config *c, ra_bytes raw, ra_arena *a, ra_route_path *path);
enum ra_route_fit ra_route_fits(const ra_route *r, const ra_route_path *path);
/* "GET, HEAD, OPTIONS" for a set of methods (bits 1 << enum ra_route_method). NULL: no memory. */
const char *ra_route_methods_text(unsigned methods, ra_arena *a);

/* ---- route_caller.c: `i` NULL is nobody known ---- */

struct ra_identity;
bool ra_route_lets_in(const ra_route *r, const struct ra_identity *i);
/* Returns false. */
bool ra_route_refuse_caller(const struct ra_identity *i, ra_route_refusal *refusal);
/* Sets the values of the claims that the route takes. */
bool ra_route_claims_read(const ra_route *r, const struct ra_identity *i, ra_arena *a, ra_bytes *values,
                          ra_route_refusal *refusal);

/* ---- route_input.c ---- */

enum ra_route_fault { RA_FAULT_NONE, RA_FAULT_REPEATED, RA_FAULT_MALFORMED };

/* Where inputs are read from. */
typedef struct ra_route_source {
    const ra_route_http *http;
    const ra_route_path *path;
    const ra_json *body; /* its tokens down to depth 1; n == 0: the body isn't read */
} ra_route_source;

/* What was found, one of each per input of the route; an input with a fault has no value. */
typedef struct ra_route_found {
    ra_bytes *values;
    enum ra_route_fault *faults;
} ra_route_found;

enum ra_route_reading { RA_READING_DONE, RA_READING_BAD_QUERY, RA_READING_NO_MEMORY };

/* Does the Content-Type say JSON? Else *refusal is set. */
bool ra_route_type_check(const ra_route_http *h, ra_route_refusal *refusal);
/* Reads the body as JSON, if its Content-Type says that it is. false: *refusal is set, `body` holds nothing.
 */
bool ra_route_body_read(const ra_route_http *h, ra_arena *a, ra_json *body, ra_route_refusal *refusal);
/* Reads all that comes from the request; judges nothing. */
enum ra_route_reading ra_route_inputs_read(const ra_route *r, const ra_route_source *from, ra_arena *a,
                                           ra_route_found *out);
/* Sets what the proxy makes: {now}, {uuid.NAME}. false: no memory, no randomness. */
bool ra_route_inputs_make(const ra_route *r, int64_t now_us, ra_arena *a, ra_bytes *values);

/* ---- route_check.c ---- */

/* Refuses an input's fault. */
bool ra_route_check_fault(const ra_route_input *input, enum ra_route_fault fault, ra_arena *a,
                          ra_route_refusal *refusal);
/*
 * Validates call->values, puts presets where nothing was given, and sets call->limit. Who may not (a status
 * other than 422) comes before what can't be (limits and bounds), and that before what isn't good (422).
 */
bool ra_route_check(ra_route_call *call, ra_arena *a, ra_route_refusal *refusal);

/* ---- route_body.c ---- */

/*
 * Appends the body of a query of that partition but for its end: `}` is missing. `bound` is a sort key to
 * which the items' own must compare as said, p NULL for none.
 */
bool ra_route_query_begin(const ra_route_query *q, const ra_bytes *values, const ra_table *table,
                          const char *compare, ra_bytes bound, ra_arena *a, ra_buf *out,
                          ra_route_refusal *refusal);

/* ---- route_link.c ---- */

/*
 * The Link header's value for the page that begins after the item with this key ("LastEvaluatedKey"), in
 * *next; NULL where the route has no way to ask for it. false: the key isn't understood, or no memory.
 */
bool ra_route_link(const ra_route_call *call, const ra_json *j, uint32_t last_key, const ra_table *table,
                   ra_arena *a, const char **next);

/* ---- route_error.c: all return false ---- */

bool ra_route_refuse(ra_route_refusal *refusal, int status, const char *code, const char *message);
/* The message is "PLACE: WHAT". */
bool ra_route_refuse_at(ra_route_refusal *refusal, int status, const char *code, const char *place,
                        const char *what, ra_arena *a);
bool ra_route_refuse_memory(ra_route_refusal *refusal);

#endif
