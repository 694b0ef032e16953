/*
 * A request's states: may this caller have what a route gives? Where the route says `allow_if`, a read of the
 * proxy's own is made, which is a request like any other but has no client: it looks up, joins flights and
 * fills as all do, and tells its asker what it has found.
 */
#include "proxy/request_states.h"

static enum ra_step refuse_memory(ra_request *r)
{
    return ra_request_refuse_route_as(r, 503, "unavailable", "readaside: out of memory");
}

static enum ra_step forbid(ra_request *r)
{
    return ra_request_refuse_route_as(r, 403, "forbidden",
                                      "this is not for who calls: the route's allow_if says no");
}

/* It runs until it waits for something, or to its end. */
static enum ra_step ask(ra_request *r)
{
    ra_route_refusal refusal = {0};
    ra_request *child = ra_request_new_for(r);
    if (!child)
        return refuse_memory(r);
    ra_buf_init(&child->route_body, 2 * r->config->listen.max_body + 4096);
    bool made =
        ra_route_allow_body(r->route, r->allow_table, r->allow_next, &r->arena, &child->route_body, &refusal);
    child->body = ra_buf_bytes(&child->route_body);
    child->target = ra_arena_strdup(&child->arena, RA_BYTES("DynamoDB_20120810.Query"));
    child->user_agent = ra_arena_strdup(&child->arena, ra_bytes_z(r->user_agent));
    ra_request_share_trace(child, r);
    bool named = child->target && child->user_agent;
    if (!made || !named) {
        ra_request_part_from_asker(child);
        ra_request_resume(child, RA_FINISHED);
        return made ? refuse_memory(r) : ra_request_refuse_route(r, &refusal);
    }
    r->asking = true;
    ra_request_resume(child, RA_DECODED);
    r->asking = false;
    return r->asked ? RA_SUSPENDED : RA_GO;
}

/* What the last page has said. */
static enum ra_step answered(ra_request *r)
{
    if (r->not_allowed.status)
        return ra_request_refuse_route(r, &r->not_allowed);
    switch (r->allowed) {
    case RA_ALLOW_YES:
        return ra_request_go(r, RA_ROUTED);
    case RA_ALLOW_MORE:
        return r->allow_pages < RA_ALLOW_PAGES_MAX ? ask(r) : forbid(r);
    case RA_ALLOW_NO:
        return forbid(r);
    case RA_ALLOW_NO_MEMORY:
        return refuse_memory(r);
    case RA_ALLOW_UNKNOWN:
        break;
    }
    return ra_request_refuse_route_as(r, 502, "upstream_error",
                                      "readaside: DynamoDB's reply isn't understood");
}

enum ra_step ra_request_allow(ra_request *r)
{
    const ra_route_allow *allow = r->route->route->allow_if;
    if (!allow)
        return ra_request_go(r, RA_ROUTED);
    if (!r->http) /* the client hasn't waited; nothing has been done yet */
        return ra_request_go(r, RA_FINISHED);
    if (!r->allow_table) {
        enum ra_step step = ra_request_learn_query(r, allow->query->query, &r->allow_table);
        if (!r->allow_table)
            return step;
    }
    return r->allow_pages ? answered(r) : ask(r);
}

/* ---- the read's side ---- */

void ra_request_part_from_asker(ra_request *r)
{
    if (r->asker)
        r->asker->asked = NULL;
    if (r->asked)
        r->asked->asker = NULL;
    r->asker = r->asked = NULL;
}

static void take_answer(ra_request *r, int status, ra_bytes body)
{
    ra_bytes next = {NULL, 0};
    r->allow_pages++;
    if (status != 200) {
        r->not_allowed =
            (ra_route_refusal){.status = 503,
                               .code = "unavailable",
                               .message = "readaside: what the route's allow_if asks can't be had now",
                               .retry_after = "1"};
        if (body.n)
            ra_route_error(status, body, &r->arena, &r->not_allowed);
        return;
    }
    r->allowed = ra_route_allow_find(r->route, body, &r->arena, &next);
    if (r->allowed != RA_ALLOW_MORE)
        return;
    r->allow_next = ra_arena_copy(&r->arena, next);
    if (!r->allow_next.p)
        r->allowed = RA_ALLOW_NO_MEMORY;
}

void ra_request_tell_asker(ra_request *r, int status, ra_bytes body)
{
    ra_request *asker = r->asker;
    ra_request_part_from_asker(r);
    take_answer(asker, status, body);
    if (!asker->asking)
        ra_request_resume(asker, RA_ALLOWING);
}
