#include "proxy/cors.h"

#include "cache/buf.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <strings.h>

enum { MAX_LIST = 64 << 10 };

/* The request's only Origin; NULL: none, or several, of which none is to be believed. */
static const char *origin_of(const struct evkeyvalq *request)
{
    const char *found = NULL;
    for (const struct evkeyval *h = request->tqh_first; h; h = h->next.tqe_next) {
        if (strcasecmp(h->key, "Origin") != 0)
            continue;
        if (found)
            return NULL;
        found = h->value;
    }
    return found;
}

static bool any_origin(const ra_config_cors *cors)
{
    return cors->allow_origins.n == 1 && strcmp(cors->allow_origins.v[0], "*") == 0;
}

/*
 * What Access-Control-Allow-Origin says: the configuration's own text, never the request's. NULL: not
 * allowed. Origins are compared byte for byte: browsers send them serialized, in lower case (WHATWG HTML,
 * "serialization of an origin").
 */
static const char *allowed(const ra_config_cors *cors, const struct evkeyvalq *request)
{
    if (any_origin(cors))
        return "*";
    const char *origin = origin_of(request);
    for (size_t i = 0; origin && i < cors->allow_origins.n; i++)
        if (strcmp(origin, cors->allow_origins.v[i]) == 0)
            return cors->allow_origins.v[i];
    return NULL;
}

/* Adds a header whose value is a list that may be empty, or that there was no memory for. */
static void add_list(struct evkeyvalq *reply, const char *name, ra_buf *list)
{
    if (list->n && ra_buf_add_char(list, '\0'))
        evhttp_add_header(reply, name, list->p);
    ra_buf_free(list);
}

/* Is `name` in a list of names with ", " between them? */
static bool listed(const ra_buf *list, const char *name)
{
    size_t n = strlen(name);
    for (size_t at = 0; at + n <= list->n; at++) {
        if (strncasecmp(list->p + at, name, n) == 0 && (at + n == list->n || list->p[at + n] == ','))
            return true;
        const char *comma = memchr(list->p + at, ',', list->n - at);
        if (!comma)
            return false;
        at = (size_t)(comma - list->p) + 1; /* on the space; the loop steps over it */
    }
    return false;
}

static void add_name(ra_buf *list, const char *name)
{
    if (listed(list, name))
        return;
    if (list->n)
        ra_buf_add_z(list, ", ");
    ra_buf_add_z(list, name);
}

/* What the origin may read of this reply. false: it isn't allowed. */
static bool add_origin(const ra_config_cors *cors, const struct evkeyvalq *request, struct evkeyvalq *reply)
{
    if (cors->allow_origins.n == 0)
        return false;
    if (!any_origin(cors)) /* also where it isn't allowed: a cache mustn't give this reply to one that is */
        evhttp_add_header(reply, "Vary", "Origin");
    const char *origin = allowed(cors, request);
    if (!origin)
        return false;
    evhttp_add_header(reply, "Access-Control-Allow-Origin", origin);
    if (cors->allow_credentials)
        evhttp_add_header(reply, "Access-Control-Allow-Credentials", "true");
    return true;
}

void ra_cors_add(const ra_config *c, const struct evkeyvalq *request, struct evkeyvalq *reply)
{
    if (!add_origin(&c->cors, request, reply))
        return;
    ra_buf list;
    ra_buf_init(&list, MAX_LIST);
    for (size_t i = 0; i < c->cors.expose_headers.n; i++)
        add_name(&list, c->cors.expose_headers.v[i]);
    add_list(reply, "Access-Control-Expose-Headers", &list);
}

static bool any_takes_tokens(const ra_config *c)
{
    for (size_t i = 0; i < c->nroutes; i++)
        if (c->routes[i].callers & RA_CALLER_JWT)
            return true;
    return false;
}

/* The same list for every route: a preflight says for which path it is, but not which route will take it. A
 * back end's secret isn't on it: no page holds one. */
static void add_allowed_headers(const ra_config *c, struct evkeyvalq *reply)
{
    ra_buf list;
    ra_buf_init(&list, MAX_LIST);
    add_name(&list, "Content-Type");
    if (any_takes_tokens(c))
        add_name(&list, "Authorization");
    for (size_t i = 0; i < c->cors.allow_headers.n; i++)
        add_name(&list, c->cors.allow_headers.v[i]);
    for (size_t i = 0; i < c->nroutes; i++)
        for (size_t k = 0; k < c->routes[i].ninputs; k++)
            if (c->routes[i].inputs[k].source == RA_INPUT_HEADER)
                add_name(&list, c->routes[i].inputs[k].name);
    add_list(reply, "Access-Control-Allow-Headers", &list);
}

void ra_cors_add_preflight(const ra_config *c, const struct evkeyvalq *request, const char *allow,
                           struct evkeyvalq *reply)
{
    evhttp_add_header(reply, "Allow", allow);
    if (!add_origin(&c->cors, request, reply) || !origin_of(request) ||
        !evhttp_find_header(request, "Access-Control-Request-Method"))
        return;
    evhttp_add_header(reply, "Access-Control-Allow-Methods", allow);
    add_allowed_headers(c, reply);
    ra_buf age;
    ra_buf_init(&age, 32);
    ra_buf_addf(&age, "%lld", (long long)(c->cors.max_age / 1000));
    add_list(reply, "Access-Control-Max-Age", &age);
}
