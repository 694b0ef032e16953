/*
 * W3C Trace Context (https://www.w3.org/TR/trace-context/): which trace a request belongs to. A valid
 * `traceparent` goes upstream with the same trace and a span id of ours in the place of the caller's, and its
 * `tracestate` unchanged; one that isn't valid is as if it weren't there, and with it goes its tracestate. No
 * trace is begun here. Pure.
 */
#ifndef RA_PROXY_TRACE_H
#define RA_PROXY_TRACE_H

#include "cache/bytes.h"

enum { RA_TRACE_ID_CHARS = 32, RA_SPAN_ID_CHARS = 16, RA_TRACEPARENT_CHARS = 55, RA_TRACESTATE_MAX = 2048 };

typedef struct ra_trace {
    char parent[RA_TRACEPARENT_CHARS]; /* what goes upstream: version 00, the flag "sampled" as it came */
    char caller[RA_SPAN_ID_CHARS];     /* the caller's span */
    ra_bytes state;                    /* tracestate; n 0: none. Whoever keeps the trace owns its bytes */
} ra_trace;

/* Of a traceparent's value; without a tracestate. false: it isn't valid. Versions after 00 are read as far as
 * 00 goes, as the standard says. */
bool ra_trace_read(ra_bytes traceparent, ra_trace *out);
/* May it be passed on? Not if it is longer than RA_TRACESTATE_MAX or holds anything but visible ASCII, blanks
 * and tabs. */
bool ra_trace_state_ok(ra_bytes tracestate);

static inline ra_bytes ra_trace_id(const ra_trace *t)
{
    return (ra_bytes){t->parent + 3, RA_TRACE_ID_CHARS};
}
/* Ours: the caller of what is sent upstream. */
static inline ra_bytes ra_trace_span(const ra_trace *t)
{
    return (ra_bytes){t->parent + 3 + RA_TRACE_ID_CHARS + 1, RA_SPAN_ID_CHARS};
}

#endif
