/* A request is opened: the route that takes it is found, and what it gives is read and checked. */
#include "proxy/route_parts.h"

/* An opening under way. */
typedef struct opening {
    const ra_config *config;
    const ra_route_http *http;
    ra_arena *arena;
    ra_route_call *call;
    ra_route_refusal *refusal;
    ra_route_path path;
    unsigned method; /* enum ra_route_method of the route that is looked for */
    ra_json body;    /* n == 0: no route that may take the request reads it */
} opening;

static bool is_candidate(const opening *o, const ra_route *r)
{
    return r->method == o->method && ra_route_fits(r, &o->path) == RA_FIT;
}

/* Is there a route of this path at all? *methods is the set of what the routes take. */
static enum ra_route_fit survey(const opening *o, unsigned *methods)
{
    enum ra_route_fit best = RA_FIT_NONE;
    *methods = 0;
    for (size_t i = 0; i < o->config->nroutes; i++) {
        const ra_route *r = &o->config->routes[i];
        enum ra_route_fit fit = ra_route_fits(r, &o->path);
        if (fit > best)
            best = fit;
        if (fit == RA_FIT)
            *methods |= 1u << r->method;
    }
    return best;
}

/* enum ra_route_method; HEAD is a GET. OPTIONS isn't asked for. */
static unsigned route_method(const ra_route_http *h)
{
    switch (h->method) {
    case RA_METHOD_POST:
        return RA_ROUTE_POST;
    case RA_METHOD_PUT:
        return RA_ROUTE_PUT;
    case RA_METHOD_PATCH:
        return RA_ROUTE_PATCH;
    case RA_METHOD_DELETE:
        return RA_ROUTE_DELETE;
    case RA_METHOD_GET:
    case RA_METHOD_HEAD:
    case RA_METHOD_OPTIONS:
        break;
    }
    return RA_ROUTE_GET;
}

/* ---- which route ---- */

enum choice { CHOSEN, NEXT, REFUSED };

/* Does the route take the request, given what its `when` wants? Who isn't let in learns nothing of that. */
static enum choice choose(opening *o, const ra_route *r, const ra_route_found *found)
{
    for (size_t i = 0; i < r->nwhen; i++) {
        int slot = r->when[i];
        if (found->faults[slot] != RA_FAULT_NONE && !ra_route_lets_in(r, o->http->identity)) {
            ra_route_refuse_caller(o->http->identity, o->refusal);
            return REFUSED;
        }
        if (!ra_route_check_fault(&r->inputs[slot], found->faults[slot], o->arena, o->refusal))
            return REFUSED; /* nobody can say whether it is there */
        if (ra_route_blank(found->values[slot]))
            return NEXT;
    }
    return CHOSEN;
}

/* The inputs of a route that has the path and the method. */
static enum choice try_route(opening *o, const ra_route *r, ra_route_found *found)
{
    ra_route_source from = {.http = o->http, .path = &o->path, .body = &o->body};
    switch (ra_route_inputs_read(r, &from, o->arena, found)) {
    case RA_READING_DONE:
        return choose(o, r, found);
    case RA_READING_BAD_QUERY:
        ra_route_refuse(o->refusal, 400, "malformed_input", "the query string isn't percent-encoded rightly");
        break;
    case RA_READING_NO_MEMORY:
        ra_route_refuse_memory(o->refusal);
        break;
    }
    return REFUSED;
}

static bool find_route(opening *o, ra_route_found *found)
{
    for (size_t i = 0; i < o->config->nroutes; i++) {
        const ra_route *r = &o->config->routes[i];
        if (!is_candidate(o, r))
            continue;
        enum choice choice = try_route(o, r, found);
        if (choice == CHOSEN)
            o->call->route = r;
        if (choice != NEXT)
            return choice == CHOSEN;
    }
    ra_route_refuse(o->refusal, 404, "not_found",
                    "the routes of this path want something that the request doesn't have");
    return false;
}

/* ---- opening it ---- */

/*
 * A POST's type counts even where no route reads its body: a web page may send other types, or none, to any
 * origin without asking (WHATWG Fetch, "CORS-safelisted request-header"), and the other methods that write
 * never.
 */
static bool read_body(opening *o)
{
    for (size_t i = 0; i < o->config->nroutes; i++)
        if (o->config->routes[i].reads_body && is_candidate(o, &o->config->routes[i]))
            return ra_route_body_read(o->http, o->arena, &o->body, o->refusal);
    return o->method != RA_ROUTE_POST || ra_route_type_check(o->http, o->refusal);
}

static bool open_found(opening *o, const ra_route_found *found)
{
    const ra_route *r = o->call->route;
    if (!ra_route_lets_in(r, o->http->identity))
        return ra_route_refuse_caller(o->http->identity, o->refusal);
    if (!ra_route_claims_read(r, o->http->identity, o->arena, found->values, o->refusal))
        return false;
    for (size_t i = 0; i < r->ninputs; i++)
        if (!ra_route_check_fault(&r->inputs[i], found->faults[i], o->arena, o->refusal))
            return false;
    o->call->values = found->values;
    o->call->head = o->http->method == RA_METHOD_HEAD;
    o->call->path = ra_arena_copy(o->arena, o->http->path);
    o->call->query = ra_arena_copy(o->arena, o->http->query);
    if (!o->call->path.p || !o->call->query.p ||
        !ra_route_inputs_make(r, o->http->now_us, o->arena, o->call->values))
        return ra_route_refuse_memory(o->refusal);
    return ra_route_check(o->call, o->arena, o->refusal);
}

/* Before anything of the request is read or judged: does any of the routes that may take it let him in? */
static bool any_lets_in(const opening *o)
{
    for (size_t i = 0; i < o->config->nroutes; i++)
        if (is_candidate(o, &o->config->routes[i]) &&
            ra_route_lets_in(&o->config->routes[i], o->http->identity))
            return true;
    return ra_route_refuse_caller(o->http->identity, o->refusal);
}

static bool open_route(opening *o)
{
    ra_route_found found = {0};
    bool ok = any_lets_in(o) && read_body(o) && find_route(o, &found) && open_found(o, &found);
    ra_json_free(&o->body);
    return ok;
}

enum ra_route_result ra_route_open(const ra_config *c, const ra_route_http *h, ra_arena *a,
                                   ra_route_call *call, ra_route_refusal *refusal)
{
    opening o = {
        .config = c, .http = h, .arena = a, .call = call, .refusal = refusal, .method = route_method(h)};
    unsigned methods;
    *call = (ra_route_call){0};
    *refusal = (ra_route_refusal){0};
    if (!ra_route_path_read(c, h->path, a, &o.path)) {
        ra_route_refuse_memory(refusal);
        return RA_ROUTE_REFUSED;
    }
    enum ra_route_fit fit = survey(&o, &methods);
    if (fit == RA_FIT_NONE)
        return RA_ROUTE_NONE;
    if (fit == RA_FIT_MALFORMED) {
        ra_route_refuse(refusal, 400, "malformed_path",
                        "the path must be UTF-8, percent-encoded, without control characters");
        return RA_ROUTE_REFUSED;
    }
    const char *allow = ra_route_methods_text(methods, a);
    if (!allow) {
        ra_route_refuse_memory(refusal);
        return RA_ROUTE_REFUSED;
    }
    if (h->method == RA_METHOD_OPTIONS) {
        refusal->allow = allow;
        return RA_ROUTE_OPTIONS;
    }
    if (!(methods & 1u << o.method)) {
        ra_route_refuse(refusal, 405, "method_not_allowed", "the path has no route of this method");
        refusal->allow = allow;
        return RA_ROUTE_REFUSED;
    }
    return open_route(&o) ? RA_ROUTE_OPEN : RA_ROUTE_REFUSED;
}

const char *ra_route_target(const ra_route *r)
{
    static const char *const targets[] = {
        [RA_ROUTE_QUERY] = "DynamoDB_20120810.Query",
        [RA_ROUTE_GET_ITEM] = "DynamoDB_20120810.GetItem",
        [RA_ROUTE_PUT_ITEM] = "DynamoDB_20120810.PutItem",
        [RA_ROUTE_UPDATE_ITEM] = "DynamoDB_20120810.UpdateItem",
        [RA_ROUTE_DELETE_ITEM] = "DynamoDB_20120810.DeleteItem",
        [RA_ROUTE_TRANSACT_WRITE_ITEMS] = "DynamoDB_20120810.TransactWriteItems",
    };
    return targets[r->operation];
}
