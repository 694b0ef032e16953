/* Which routes have a path, and what methods those have. */
#include "proxy/route_parts.h"

/* The segments of "/a/b" are two, of "/a/" too (the second is empty), of "/" one. */
static size_t count_segments(ra_bytes raw)
{
    size_t n = 0;
    for (size_t i = 0; i < raw.n; i++)
        n += raw.p[i] == '/';
    return n;
}

static bool any_of_length(const ra_config *c, size_t n)
{
    for (size_t i = 0; i < c->nroutes; i++)
        if (c->routes[i].nsegments == n)
            return true;
    return false;
}

bool ra_route_path_read(const ra_config *c, ra_bytes raw, ra_arena *a, ra_route_path *path)
{
    *path = (ra_route_path){0};
    if (raw.n == 0 || raw.p[0] != '/')
        return true;
    /* Counted first: a path of a million slashes costs nothing more. */
    size_t n = count_segments(raw);
    if (!any_of_length(c, n))
        return true;
    path->segments = ra_arena_array(a, n, sizeof *path->segments);
    if (!path->segments)
        return false;
    ra_bytes rest = {raw.p + 1, raw.n - 1};
    for (size_t i = 0; i < n; i++) {
        ra_bytes *to = &path->segments[i];
        ra_bytes one = ra_route_split(&rest, '/');
        if (!ra_percent_valid(one))
            continue;
        if (!ra_percent_decode(one, false, a, to))
            return false;
        if (!ra_route_utf8(*to) || ra_route_has_control(*to))
            *to = (ra_bytes){NULL, 0};
    }
    path->n = n;
    return true;
}

enum ra_route_fit ra_route_fits(const ra_route *r, const ra_route_path *path)
{
    if (r->nsegments != path->n)
        return RA_FIT_NONE;
    enum ra_route_fit fit = RA_FIT;
    for (size_t i = 0; i < path->n; i++) {
        const ra_bytes *segment = &path->segments[i];
        if (r->segments[i].text) {
            if (!segment->p || !ra_bytes_eq_z(*segment, r->segments[i].text))
                return RA_FIT_NONE;
        } else if (!segment->p) {
            fit = RA_FIT_MALFORMED;
        } else if (segment->n == 0) {
            return RA_FIT_NONE; /* a parameter is never empty */
        }
    }
    return fit;
}

const char *ra_route_methods_text(unsigned methods, ra_arena *a)
{
    static const struct {
        unsigned method;
        const char *text;
    } order[] = {{RA_ROUTE_GET, "GET, HEAD, "},
                 {RA_ROUTE_POST, "POST, "},
                 {RA_ROUTE_PUT, "PUT, "},
                 {RA_ROUTE_PATCH, "PATCH, "},
                 {RA_ROUTE_DELETE, "DELETE, "}};
    char text[64];
    size_t n = 0;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        size_t more = strlen(order[i].text);
        if (!(methods & 1u << order[i].method))
            continue;
        memcpy(text + n, order[i].text, more);
        n += more;
    }
    memcpy(text + n, "OPTIONS", sizeof "OPTIONS" - 1); /* all of them are 51 characters */
    return ra_arena_strdup(a, (ra_bytes){text, n + sizeof "OPTIONS" - 1});
}
