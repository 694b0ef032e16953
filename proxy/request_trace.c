/* Which trace a request belongs to, from its client's headers (proxy/trace.h). */
#include "proxy/request_states.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>

/* The value; NULL: there is none, or more than one. */
static const char *only(const struct evkeyvalq *headers, const char *name)
{
    const char *value = NULL;
    for (const struct evkeyval *h = headers->tqh_first; h; h = h->next.tqe_next) {
        if (strcasecmp(h->key, name) != 0)
            continue;
        if (value)
            return NULL;
        value = h->value;
    }
    return value;
}

/* Several are one, with commas between them. Empty where they can't be passed on. */
static ra_bytes state_of(ra_request *r, const struct evkeyvalq *headers)
{
    ra_buf all;
    ra_bytes kept = {NULL, 0};
    ra_buf_init(&all, RA_TRACESTATE_MAX);
    for (const struct evkeyval *h = headers->tqh_first; h; h = h->next.tqe_next)
        if (strcasecmp(h->key, "tracestate") == 0) {
            ra_buf_add_z(&all, all.n ? "," : "");
            ra_buf_add_z(&all, h->value);
        }
    if (ra_buf_ok(&all) && all.n && ra_trace_state_ok(ra_buf_bytes(&all)))
        kept = ra_arena_copy(&r->arena, ra_buf_bytes(&all));
    ra_buf_free(&all);
    return kept.p ? kept : (ra_bytes){NULL, 0};
}

void ra_request_find_trace(ra_request *r)
{
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(r->http);
    ra_trace trace;
    const char *parent = r->trace ? NULL : only(headers, "traceparent");
    if (!parent || !ra_trace_read(ra_bytes_z(parent), &trace))
        return;
    r->trace = ra_arena_alloc(&r->arena, sizeof *r->trace);
    if (!r->trace)
        return; /* it is served untraced */
    *r->trace = trace;
    r->trace->state = state_of(r, headers);
}

void ra_request_share_trace(ra_request *r, const ra_request *with)
{
    ra_trace *t = with->trace ? ra_arena_alloc(&r->arena, sizeof *t) : NULL;
    if (!t)
        return;
    *t = *with->trace;
    t->state = ra_arena_copy(&r->arena, t->state);
    r->trace = t;
}
