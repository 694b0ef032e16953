/* Routes against each other. */
#include "config/route_build.h"

#include <string.h>
#include <strings.h>

/* Whether all paths that the later one matches are matched by the earlier one. */
static bool covers_path(const ra_route *earlier, const ra_route *later)
{
    if (earlier->nsegments != later->nsegments)
        return false;
    for (size_t i = 0; i < earlier->nsegments; i++) {
        const char *a = earlier->segments[i].text, *b = later->segments[i].text;
        if (a && (!b || strcmp(a, b) != 0))
            return false;
    }
    return true;
}

static bool same_input(const ra_route_input *a, const ra_route_input *b)
{
    return a->source == b->source &&
           (a->source == RA_INPUT_HEADER ? strcasecmp : strcmp)(a->name, b->name) == 0;
}

/* Whether all that the earlier one wants to be there is wanted by the later one too. */
static bool covers_when(const ra_route *earlier, const ra_route *later)
{
    for (size_t i = 0; i < earlier->nwhen; i++) {
        size_t j = 0;
        while (j < later->nwhen &&
               !same_input(&earlier->inputs[earlier->when[i]], &later->inputs[later->when[j]]))
            j++;
        if (j == later->nwhen)
            return false;
    }
    return true;
}

static void check_name(ra_decoder *d, const ra_place *at, const ra_config *c, size_t i)
{
    ra_place name;
    if (!ra_decode_member(d, at, "name", &name) || !c->routes[i].name)
        return;
    for (size_t j = 0; j < i; j++) {
        if (c->routes[j].name && strcmp(c->routes[i].name, c->routes[j].name) == 0) {
            ra_decode_error(d, &name, "another route has this name; accepted: each name once");
            return;
        }
    }
}

static void check_reached(ra_decoder *d, const ra_place *at, const ra_config *c, size_t i, const bool *sound)
{
    const ra_route *r = &c->routes[i];
    for (size_t j = 0; sound[i] && j < i; j++) {
        const ra_route *earlier = &c->routes[j];
        if (!sound[j] || earlier->method != r->method || !covers_path(earlier, r) || !covers_when(earlier, r))
            continue;
        ra_decode_error(d, at,
                        "never reached: an earlier route, \"%s\", takes all its requests; accepted: this one "
                        "before it, or inputs in that one's \"when\" that this one's lacks",
                        earlier->name);
        return;
    }
}

void ra_route_check_all(ra_decoder *d, const ra_place *routes, const ra_config *c, const bool *sound)
{
    size_t i = 0;
    if (d->no_memory)
        return;
    for (const cJSON *child = routes->node->child; child; child = child->next, i++) {
        ra_place at = {.up = routes, .index = (int)i, .node = child};
        check_name(d, &at, c, i);
        check_reached(d, &at, c, i, sound);
    }
}
