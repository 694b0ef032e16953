/*
 * DynamoDB's reply to a route's operation, as the route shows it. Pure; threads: none shared.
 *
 * Attribute values become plain JSON: S a string, N a number (every digit kept), BOOL, NULL, L an array, M an
 * object, B a base64 string, sets arrays. An attribute that an item lacks is null.
 */
#ifndef RA_PROXY_ROUTE_REPLY_H
#define RA_PROXY_ROUTE_REPLY_H

#include "proxy/json.h"
#include "proxy/route.h"

typedef struct ra_route_answer {
    int status;
    const char *next; /* the Link header's value for the next page (RFC 8288), in the arena; NULL: no more */
} ra_route_answer;

/*
 * Appends the body of a successful reply: nothing where the route's status is 204 or 205, and on failure.
 * `reply` is DynamoDB's body, `table` the schema the query was made with (NULL but for queries). false:
 * *refusal is set: 404 "not_found" (the item isn't there), 502 "bad_reply" (not understood), 503
 * "unavailable" (no memory).
 */
bool ra_route_answer_make(const ra_route_call *call, ra_bytes reply, const ra_table *table, ra_arena *a,
                          ra_buf *out, ra_route_answer *answer, ra_route_refusal *refusal);

/*
 * What a client of the route gets for an error of DynamoDB's, or of the proxy's own in DynamoDB's shape.
 * Only what is about the request is told in DynamoDB's words (ValidationException: 400 "invalid_request"); a
 * failed condition or a transaction cancelled over one is 409 "conflict"; throttling is 503 "throttled", any
 * other failure of DynamoDB's own (5xx) 503 "unavailable"; no table, no rights and the like are the
 * operator's business: 502 "upstream_error".
 */
void ra_route_error(int status, ra_bytes body, ra_arena *a, ra_route_refusal *refusal);

/* Appends a refusal's body: {"code", "message"} or the array of codes. */
bool ra_route_refusal_body(const ra_route_refusal *refusal, ra_buf *out);

/* Appends one attribute value, or an attribute map, as plain JSON. false: not an attribute value, or no
 * memory. */
bool ra_plain_value(const ra_json *j, uint32_t value, ra_buf *out);
bool ra_plain_map(const ra_json *j, uint32_t map, ra_buf *out);

#endif
