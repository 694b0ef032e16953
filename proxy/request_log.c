/* What the access log says of a request: what its client has sent is kept when it comes, the rest is known
 * when it is counted. */
#include "proxy/access_log_line.h"
#include "proxy/clock.h"
#include "proxy/request_states.h"

#include <event2/buffer.h>
#include <event2/http.h>

/* All in the request's arena. */
struct ra_request_heard {
    ra_bytes id; /* as the client calls it; n 0: it doesn't, or not sanely */
    ra_bytes path, client, user_agent;
    bool more_path;
    const char *method;
    size_t bytes;
};

/* ---- when it comes ---- */

static const char *method_of(struct evhttp_request *http)
{
    switch (evhttp_request_get_command(http)) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    case EVHTTP_REQ_OPTIONS:
        return "OPTIONS";
    case EVHTTP_REQ_PATCH:
        return "PATCH";
    case EVHTTP_REQ_CONNECT:
        return "CONNECT";
    default:
        return "OTHER";
    }
}

/* Without memory nothing is said of it. */
static ra_bytes keep(ra_request *r, ra_bytes s, size_t most)
{
    ra_bytes cut = {s.p, s.n < most ? s.n : most};
    ra_bytes copy = ra_arena_copy(&r->arena, cut);
    return copy.p ? copy : (ra_bytes){NULL, 0};
}

static ra_bytes header(const ra_request *r, const char *name)
{
    return ra_bytes_z(evhttp_find_header(evhttp_request_get_input_headers(r->http), name));
}

/* Where a route's path begins with what may be a key, so may any other path. */
static bool may_begin_with_key(const ra_config *c)
{
    for (size_t i = 0; i < c->nroutes; i++)
        if (strncmp(c->routes[i].path, "/{", 2) == 0)
            return true;
    return false;
}

/* Up to the second slash: what follows may be a key of an item. */
static void hear_path(ra_request *r, struct ra_request_heard *h)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r->http);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    if (!path || *path != '/')
        return;
    size_t n = path[1] && may_begin_with_key(r->config) ? 0 : 1 + strcspn(path + 1, "/");
    h->path = keep(r, (ra_bytes){path, n}, RA_ACCESS_PATH_MAX + 1);
    h->more_path = path[n] != '\0';
}

void ra_request_hear(ra_request *r)
{
    struct ra_request_heard *h = ra_arena_alloc(&r->arena, sizeof *h);
    char *client = NULL;
    ev_uint16_t port;
    if (!h)
        return;
    ra_bytes id = header(r, "X-Request-Id");
    if (ra_request_id_is_sane(id))
        h->id = keep(r, id, id.n);
    evhttp_connection_get_peer(evhttp_request_get_connection(r->http), &client, &port);
    h->client = keep(r, ra_bytes_z(client ? client : ""), 64);
    h->user_agent = keep(r, header(r, "User-Agent"), RA_ACCESS_AGENT_MAX);
    h->method = method_of(r->http);
    h->bytes = evbuffer_get_length(evhttp_request_get_input_buffer(r->http));
    hear_path(r, h);
    ra_request_find_trace(r);
    r->heard = h;
}

/* ---- when it is counted ---- */

static void set_operation(const ra_request *r, unsigned subject, ra_access_line *line)
{
    const char *pattern = NULL;
    if (!r->op_open)
        return;
    line->operation = ra_bytes_z(r->op.name);
    line->ntables = r->op.ntables;
    for (size_t i = 0; i < r->op.ntables && i < RA_ACCESS_TABLES; i++)
        line->tables[i] = ra_table_short_name(r->op.tables[i].given);
    ra_metrics_subject(r->loop->server->metrics, subject, &pattern);
    line->pattern = ra_bytes_z(pattern);
}

static void set_answer(const ra_request *r, const ra_access_said *said, ra_access_line *line)
{
    line->id = r->heard->id;
    if (!said->status)
        return;
    line->status = said->status;
    line->bytes_out = said->bytes;
    line->id = (ra_bytes){said->id, said->id_n};
    line->reply_id = (ra_bytes){said->reply_id, said->reply_id_n};
}

static void set_verdict(const ra_verdict *v, ra_access_line *line)
{
    if (!v)
        return;
    line->cache = ra_x_cache_word(v->cache);
    line->reason = v->detail;
    line->collapsed = v->collapsed;
}

static void put(const ra_request *r, const ra_access_line *line)
{
    char text[RA_ACCESS_LINE_MAX];
    size_t n = ra_access_line_write(line, text);
    ra_access_log_put(r->loop->access_log, (unsigned)(r->loop - r->loop->server->loops), text, n);
}

void ra_request_log(ra_request *r, unsigned subject, enum ra_request_outcome outcome, const ra_verdict *v)
{
    static const ra_access_said nothing = {.status = 0};
    ra_loop *l = r->loop;
    const ra_access_said *said = r->left ? &nothing : &l->said;
    const struct ra_request_heard *h = r->heard;
    uint32_t share = l->config->access_log.sample;
    if (h && l->access_log && (ra_access_sampled(share, r->trace, h->id) || (share && said->status >= 500))) {
        ra_access_line line = {.at = ra_clock_wall(),
                               .trace = r->trace,
                               .client = h->client,
                               .method = ra_bytes_z(h->method),
                               .path = r->route ? ra_bytes_z(r->route->route->path) : h->path,
                               .more_path = !r->route && h->more_path,
                               .route = r->route ? ra_bytes_z(r->route->route->name) : (ra_bytes){NULL, 0},
                               .outcome = ra_request_outcome_name(outcome),
                               .bytes_in = h->bytes,
                               .us = ra_clock_monotonic_us() - r->arrived_us,
                               .upstream_calls = r->upstream_calls,
                               .upstream_us = r->upstream_us,
                               .half_units = r->half_units,
                               .access_key = ra_bytes_z(r->access_key ? r->access_key->id : NULL),
                               .user_agent = h->user_agent};
        set_operation(r, subject, &line);
        set_answer(r, said, &line);
        set_verdict(v, &line);
        put(r, &line);
    }
    l->said.status = 0; /* it was this request's */
}
