/*
 * A route's `allow_if`: the query that must find an item, and whether a reply has found it. Pure.
 *
 * A reply that isn't the last page leaves the question open: the next page is asked for, up to
 * RA_ALLOW_PAGES_MAX of them, after which it is no.
 */
#ifndef RA_PROXY_ROUTE_ALLOW_H
#define RA_PROXY_ROUTE_ALLOW_H

#include "proxy/route.h"

enum { RA_ALLOW_PAGES_MAX = 16 };

enum ra_allow_result {
    RA_ALLOW_UNKNOWN, /* the reply isn't understood */
    RA_ALLOW_YES,
    RA_ALLOW_NO,
    RA_ALLOW_MORE, /* *next is the LastEvaluatedKey, as JSON text: a view of the reply */
    RA_ALLOW_NO_MEMORY
};

/*
 * Appends the query's body. `call` is the route's own (its values), `table` the schema of the query's table;
 * `next` is where the page begins, p NULL for the first. As ra_route_body, without a Limit.
 */
bool ra_route_allow_body(const ra_route_call *call, const ra_table *table, ra_bytes next, ra_arena *a,
                         ra_buf *out, ra_route_refusal *refusal);
/* `reply` is DynamoDB's to that query. An attribute is equal if it is a string with these very bytes, or a
 * number that is the same number, which the template must have spelt as DynamoDB does: "7", not "07" or
 * "7.0", since whatever else the route names by that text goes by its bytes. */
enum ra_allow_result ra_route_allow_find(const ra_route_call *call, ra_bytes reply, ra_arena *a,
                                         ra_bytes *next);

#endif
