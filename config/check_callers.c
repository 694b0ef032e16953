/* Routes and who may call them: claims that there may be none of, and doors that are open by oversight. */
#include "config/check.h"

#include <string.h>

/* One route under examination. */
typedef struct examined {
    ra_decoder *d;
    const ra_place *at;
    const ra_config *config;
    const ra_route *route;
} examined;

/* ---- claims ---- */

static bool backend_says(const ra_config_backend *b, const char *claim)
{
    for (size_t i = 0; i < b->nclaims; i++) {
        if (b->claims[i].claim && strcmp(b->claims[i].claim, claim) == 0)
            return true;
    }
    return false;
}

static void check_claim(const examined *e, const ra_route_input *input, bool backend_known)
{
    ra_place auth;
    ra_decode_member(e->d, e->at, "auth", &auth);
    if (e->route->callers & RA_CALLER_ANYONE)
        ra_decode_error(e->d, &auth,
                        "anyone may call this route, of whom nothing may be known, and it uses {%s}; "
                        "accepted: \"jwt\" and \"backend\", or templates without claims",
                        input->place);
    else if (e->route->callers & RA_CALLER_BACKEND && backend_known &&
             !backend_says(&e->config->auth.backend, input->name))
        ra_decode_error(
            e->d, &auth,
            "a back end may call this route, which uses {%s}, and auth.backend.claims doesn't say "
            "in which header that is; accepted: one that it names, or \"jwt\" alone",
            input->place);
}

static void check_claims(const examined *e, bool backend_known)
{
    for (size_t i = 0; i < e->route->ninputs; i++) {
        if (e->route->inputs[i].source == RA_INPUT_CLAIM)
            check_claim(e, &e->route->inputs[i], backend_known);
    }
}

/* ---- open doors ---- */

/* The set of the sources (bits of enum ra_input_source) that a template's placeholders have. */
static unsigned sources(const ra_route *r, const ra_template *t)
{
    unsigned set = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (t->parts[i].slot >= 0)
            set |= 1U << r->inputs[t->parts[i].slot].source;
    }
    return set;
}

static unsigned request_sources(const ra_route *r)
{
    unsigned set = r->query ? sources(r, &r->query->partition_key) : 0;
    for (size_t i = 0; i < r->request.n; i++) {
        if (!r->request.pieces[i].json)
            set |= sources(r, &r->request.pieces[i].string);
    }
    return set;
}

static unsigned allow_sources(const ra_route *r)
{
    const ra_route_allow *allow = r->allow_if;
    unsigned set = allow && allow->query ? sources(r, &allow->query->query->partition_key) : 0;
    for (size_t i = 0; allow && i < allow->nhas; i++)
        set |= sources(r, &allow->has[i].value);
    return set;
}

/*
 * What whoever has a token may have whoever he is. A partition that the request doesn't choose is one for
 * all, by design.
 */
static void check_open(const examined *e)
{
    const unsigned claim = 1U << RA_INPUT_CLAIM;
    const unsigned said =
        1U << RA_INPUT_PATH | 1U << RA_INPUT_QUERY | 1U << RA_INPUT_HEADER | 1U << RA_INPUT_BODY;
    const ra_route *r = e->route;
    unsigned asked = request_sources(r);
    bool reads = r->method == RA_ROUTE_GET;
    ra_place in, at;
    if (!(r->callers & RA_CALLER_JWT) || r->callers & RA_CALLER_ANYONE ||
        (asked | allow_sources(r)) & claim || (reads && !(asked & said)))
        return;
    if (!ra_decode_member(e->d, e->at, "query", &in) || !ra_decode_member(e->d, &in, "partition_key", &at))
        ra_decode_member(e->d, e->at, "request", &at);
    ra_decode_warning(e->d, &at,
                      "whoever has a token may %s: neither this nor an \"allow_if\" uses a {claim.NAME}",
                      reads ? "read any partition" : "write this in anybody's name");
}

/* ---- all routes ---- */

/* What a problem elsewhere would make seem wrong isn't looked at. */
static bool readable(const ra_decoder *d, const ra_place *in, const char *const *names)
{
    ra_place at;
    for (; *names; names++) {
        if (!ra_decode_member(d, in, *names, &at) && at.node)
            return false;
    }
    return true;
}

void ra_decode_check_callers(ra_decoder *d, const ra_place *root, const ra_config *c)
{
    static const char *const auth_only[] = {"auth", NULL};
    static const char *const backend_only[] = {"backend", NULL};
    static const char *const claims_only[] = {"claims", NULL};
    static const char *const parts[] = {"auth", "method", "query", "operation", "request", "allow_if", NULL};
    ra_place routes, auth, backend;
    size_t i = 0;
    if (!ra_decode_member(d, root, "routes", &routes) || !readable(d, root, auth_only))
        return;
    ra_decode_member(d, root, "auth", &auth);
    ra_decode_member(d, &auth, "backend", &backend);
    bool backend_known = readable(d, &auth, backend_only) && readable(d, &backend, claims_only);
    for (const cJSON *child = routes.node->child; child && i < c->nroutes; child = child->next, i++) {
        ra_place at = {.up = &routes, .index = (int)i, .node = child};
        examined e = {.d = d, .at = &at, .config = c, .route = &c->routes[i]};
        if (!cJSON_IsObject(child) || !readable(d, &at, parts))
            continue;
        check_claims(&e, backend_known);
        check_open(&e);
    }
}
