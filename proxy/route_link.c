/* The link to the next page: RFC 8288, with a target that is relative to the proxy (RFC 3986 section 4.2). */
#include "proxy/route_parts.h"
#include "proxy/value.h"

enum { REL_MAX = 64 };

/* The input that pages on in the query's direction; NULL: a link can't say it. */
static const ra_route_input *paging_input(const ra_route *r)
{
    if (!r->query)
        return NULL;
    int slot = r->query->order == RA_ORDER_NEWEST ? r->query->before_from : r->query->after_from;
    return slot >= 0 && r->inputs[slot].source == RA_INPUT_QUERY ? &r->inputs[slot] : NULL;
}

static const char *sort_key_of(const ra_route_query *q, const ra_table *t)
{
    if (!q->index)
        return t->sort_key;
    const ra_table_index *i = ra_table_find_index(t, ra_bytes_z(q->index));
    return i ? i->sort_key : NULL;
}

/* Does the query string that came have to keep this parameter? Only what the route takes, and no bounds. */
static bool is_kept(const ra_route *r, ra_bytes name)
{
    for (size_t i = 0; i < r->ninputs; i++)
        if (r->inputs[i].source == RA_INPUT_QUERY && (int)i != r->query->before_from &&
            (int)i != r->query->after_from && ra_percent_is(name, true, r->inputs[i].name))
            return true;
    return false;
}

static void add_parameters(const ra_route_call *call, ra_buf *out)
{
    ra_bytes rest = call->query;
    while (rest.n) {
        ra_bytes one = ra_route_split(&rest, '&'), value = one;
        if (!is_kept(call->route, ra_route_split(&value, '=')))
            continue;
        ra_percent_keep(one, out);
        ra_buf_add_char(out, '&');
    }
}

/* <PATH?KEPT&NAME=BOUND>; rel="next" */
static bool add_link(const ra_route_call *call, const char *name, ra_bytes bound, ra_buf *out)
{
    ra_buf_add_char(out, '<');
    ra_percent_keep(call->path, out);
    ra_buf_add_char(out, '?');
    add_parameters(call, out);
    ra_percent_encode(ra_bytes_z(name), out);
    ra_buf_add_char(out, '=');
    ra_percent_encode(bound, out);
    return ra_buf_add_z(out, ">; rel=\"next\"");
}

bool ra_route_link(const ra_route_call *call, const ra_json *j, uint32_t last_key, const ra_table *table,
                   ra_arena *a, const char **next)
{
    *next = NULL;
    const ra_route_input *input = paging_input(call->route);
    const char *attribute = input && table ? sort_key_of(call->route->query, table) : NULL;
    ra_scalar value;
    ra_bytes bound;
    if (!attribute || last_key == RA_JSON_NONE)
        return true;
    uint32_t token = ra_json_member(j, last_key, attribute);
    if (token == RA_JSON_NONE || !ra_scalar_read(j, token, a, &value) || !ra_scalar_text(&value, a, &bound))
        return false; /* a page without its link would look like the last one */
    /* A blank bound is none: the link would lead to the first page, for ever. */
    if (ra_route_blank(bound))
        return true;
    ra_buf link;
    ra_buf_init(&link, 3 * (call->path.n + call->query.n + strlen(input->name) + bound.n) + REL_MAX);
    bool ok = add_link(call, input->name, bound, &link);
    if (ok)
        *next = ra_arena_strdup(a, ra_buf_bytes(&link));
    ra_buf_free(&link);
    return ok && *next;
}
