/* Who may call a route, and what must be so besides: its `auth` and its `allow_if`. */
#include "config/document.h"
#include "config/route_build.h"

#include <string.h>

/* One that `auth` doesn't speak of could never come. */
static void check_set_up(ra_route_build *b, const ra_place *at)
{
    static const struct {
        unsigned caller;
        const char *name, *accepted;
    } kinds[] = {{RA_CALLER_JWT, "jwt", "\"jwt\": { \"issuer\": ... }"},
                 {RA_CALLER_BACKEND, "backend", "\"backend\": { \"secret\": ... }"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (b->given.route.callers & ~b->set_up & kinds[i].caller)
            ra_decode_error(b->d, at, "\"%s\" isn't set up; accepted: with %s in the top level's \"auth\"",
                            kinds[i].name, kinds[i].accepted);
    }
}

void ra_route_callers(ra_route_build *b)
{
    ra_route *r = &b->given.route;
    unsigned known = b->set_up & ~(unsigned)RA_CALLER_ANYONE;
    ra_place at;
    if (!ra_decode_member(b->d, b->at, "auth", &at))
        r->callers = known ? known : (unsigned)RA_CALLER_ANYONE;
    else if (b->auth_known)
        check_set_up(b, &at);
}

static void decode_has(ra_route_build *b, const ra_place *at, const ra_template_names *names,
                       ra_route_allow *allow)
{
    allow->has = ra_decode_array(b->d, (size_t)cJSON_GetArraySize(at->node), sizeof *allow->has);
    ra_decode_repeated(b->d, at);
    for (const cJSON *c = at->node->child; c && allow->has; c = c->next) {
        ra_place member = {.up = at, .name = c->string, .node = c};
        ra_route_field *f = &allow->has[allow->nhas++];
        f->name = ra_decode_strdup(b->d, c->string);
        if (ra_decode_template(b->d, &member, names, &f->value) && f->value.n == 0)
            ra_decode_error(b->d, &member, "it is empty; accepted: a string with placeholders");
    }
}

/* Its query, which pages through the whole partition and in no order that anybody sees. */
static ra_route *decode_query(ra_route_build *b, const ra_place *at, const ra_template_names *names)
{
    ra_query_given given = {.query = {.limit_from = -1, .before_from = -1, .after_from = -1}};
    ra_route *r = ra_decode_array(b->d, 1, sizeof *r);
    ra_route_query *q = ra_decode_array(b->d, 1, sizeof *q);
    if (!r || !q)
        return NULL;
    ra_decode_object(b->d, &ra_section_allow_query, at, &given);
    ra_route_partition_decode(b, at, names, &given.query);
    *q = given.query;
    r->name = b->given.route.name;
    r->method = RA_ROUTE_GET;
    r->operation = RA_ROUTE_QUERY;
    r->query = q;
    return r;
}

void ra_route_allow_decode(ra_route_build *b)
{
    ra_template_names names = ra_route_names_of_caller(b);
    ra_route_allow *allow;
    ra_place at, query, has;
    if (!ra_decode_member(b->d, b->at, "allow_if", &at))
        return;
    allow = b->given.route.allow_if = ra_decode_array(b->d, 1, sizeof *allow);
    if (!allow || !ra_decode_object(b->d, &ra_section_allow, &at, NULL))
        return;
    if (ra_decode_member(b->d, &at, "query", &query))
        allow->query = b->allow_query = decode_query(b, &query, &names);
    if (ra_decode_member(b->d, &at, "has", &has))
        decode_has(b, &has, &names, allow);
}

void ra_route_allow_bind(ra_route_build *b)
{
    const ra_route *r = &b->given.route;
    ra_route *query = b->allow_query;
    if (!query)
        return;
    query->inputs = r->inputs;
    query->ninputs = r->ninputs;
    query->nvalidated = r->nvalidated;
    query->reads_body = r->reads_body;
}
