#include "config/routes.h"

#include "config/route_build.h"

#include <stdlib.h>
#include <string.h>

static bool stated(const ra_route_build *b, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(b->at->node, name) != NULL;
}

/* The one operation: `query`, or `operation` with its `request`. */
static void decode_operation(ra_route_build *b)
{
    ra_route *r = &b->given.route;
    ra_place query, request, operation;
    bool has_query = stated(b, "query"), has_request = stated(b, "request") || stated(b, "operation");
    if (has_query == has_request) {
        ra_decode_error(b->d, b->at, "%s; accepted: either \"query\", or \"operation\" with its \"request\"",
                        has_query ? "it has two operations" : "it has no operation");
        return;
    }
    if (has_request && (!stated(b, "request") || !stated(b, "operation"))) {
        const char *missing = stated(b, "request") ? "operation" : "request";
        ra_place at = {.up = b->at, .name = missing};
        ra_decode_error(b->d, &at, "it must be given; accepted: \"operation\" together with \"request\"");
        return;
    }
    if (has_query) {
        r->operation = RA_ROUTE_QUERY;
        b->operation_known = true;
        if (!ra_decode_member(b->d, b->at, "query", &query))
            return;
        r->query = ra_decode_array(b->d, 1, sizeof *r->query);
        ra_route_query_decode(b, &query);
        return;
    }
    b->operation_known = ra_decode_member(b->d, b->at, "operation", &operation);
    if (b->operation_known && ra_decode_member(b->d, b->at, "request", &request))
        ra_route_request_decode(b, &request);
}

/* A GET changes nothing (RFC 9110, 9.2.1), and what changes nothing is a GET, so that it can be HEAD too. */
static void check_method(ra_route_build *b)
{
    const ra_route *r = &b->given.route;
    bool reads = r->operation == RA_ROUTE_QUERY || r->operation == RA_ROUTE_GET_ITEM;
    ra_place method;
    if (!b->method_known || !b->operation_known || reads == (r->method == RA_ROUTE_GET))
        return;
    ra_decode_member(b->d, b->at, "method", &method);
    ra_decode_error(b->d, &method,
                    reads ? "a read is a GET; accepted: \"GET\""
                          : "a GET changes nothing; accepted: \"POST\", \"PUT\", \"PATCH\", \"DELETE\"");
}

static void seal_inputs(ra_route_build *b)
{
    ra_route *r = &b->given.route;
    r->inputs = ra_decode_array(b->d, b->ninputs, sizeof *r->inputs);
    if (!r->inputs)
        return;
    r->ninputs = b->ninputs;
    for (size_t i = 0; i < b->ninputs; i++) {
        r->inputs[i] = b->inputs[i];
        r->reads_body |= b->inputs[i].source == RA_INPUT_BODY;
    }
}

static bool decode_route(ra_route_build *b)
{
    size_t errors = b->d->problems->errors;
    ra_place ignored, query;
    ra_decode_presets(b->d, &ra_section_route, &b->given);
    if (!ra_decode_object(b->d, &ra_section_route, b->at, &b->given))
        return false;
    b->method_known = ra_decode_member(b->d, b->at, "method", &ignored);
    ra_route_path(b);
    ra_route_callers(b);
    ra_route_validate(b);
    b->given.route.nvalidated = b->ninputs;
    ra_route_when(b);
    ra_route_allow_decode(b);
    decode_operation(b);
    ra_route_answer_decode(b);
    if (b->given.route.query && ra_decode_member(b->d, b->at, "query", &query))
        ra_route_query_paging(b, &query);
    if (b->given.route.query)
        *b->given.route.query = b->query.query;
    ra_route_path_bind(b);
    check_method(b);
    seal_inputs(b);
    ra_route_allow_bind(b);
    return b->d->problems->errors == errors;
}

/* Those that `auth` speaks of, be it rightly or not. */
static unsigned callers_set_up(const ra_place *root, bool *known)
{
    const cJSON *auth = cJSON_GetObjectItemCaseSensitive(root->node, "auth");
    unsigned set = RA_CALLER_ANYONE;
    *known = !auth || cJSON_IsObject(auth);
    if (cJSON_GetObjectItemCaseSensitive(auth, "jwt"))
        set |= RA_CALLER_JWT;
    if (cJSON_GetObjectItemCaseSensitive(auth, "backend"))
        set |= RA_CALLER_BACKEND;
    return set;
}

void ra_decode_routes(ra_decoder *d, const ra_place *root, ra_config *c)
{
    ra_place routes, tables;
    if (!ra_decode_member(d, root, "routes", &routes))
        return;
    size_t n = (size_t)cJSON_GetArraySize(routes.node);
    bool tables_known = ra_decode_member(d, root, "tables", &tables) || !tables.node;
    bool auth_known;
    unsigned set_up = callers_set_up(root, &auth_known);
    bool *sound = ra_decode_array(d, n, sizeof *sound);
    c->routes = ra_decode_array(d, n, sizeof *c->routes);
    if (!c->routes || !sound)
        return;
    for (const cJSON *child = routes.node->child; child; child = child->next) {
        ra_place at = {.up = &routes, .index = (int)c->nroutes, .node = child};
        ra_route_build b = {.d = d,
                            .config = c,
                            .at = &at,
                            .tables_known = tables_known,
                            .auth_known = auth_known,
                            .set_up = set_up};
        sound[c->nroutes] = decode_route(&b);
        c->routes[c->nroutes++] = b.given.route;
    }
    ra_route_check_all(d, &routes, c, sound);
}
