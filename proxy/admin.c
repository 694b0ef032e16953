#include "proxy/admin.h"

#include "config/address.h"
#include "proxy/admin_advice.h"
#include "proxy/admin_cache.h"
#include "proxy/admin_dashboard.h"
#include "proxy/admin_events.h"
#include "proxy/admin_health.h"
#include "proxy/admin_markers.h"
#include "proxy/admin_metrics.h"
#include "proxy/admin_reload.h"
#include "proxy/admin_work.h"
#include "proxy/connections.h"
#include "proxy/listener.h"
#include "proxy/live.h"
#include "proxy/log.h"
#include "proxy/mismatches.h"
#include "proxy/snapshot.h"
#include "proxy/watch.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

enum {
    ADMIN_MAGIC = 0x61646d6e,
    IDLE_MS = 60 * 1000,
    REQUEST_MS = 10 * 1000,
    HEADER_MAX = 16 * 1024,
    HEADERS_MAX = 64,
    CONNECTIONS_MAX = 256
};

struct ra_admin {
    uint32_t magic;
    ra_server *server;
    struct event_base *base;
    struct evhttp *http;
    struct evhttp_bound_socket *socket;
    ra_config_listen listen; /* what the config says, and what is fixed here */
    ra_connection_limits *limits;
    ra_connections *connections;
    ra_tls_server *tls; /* NULL: plain HTTP */
    ra_mailbox *mailbox;
    ra_admin_work *work;
    ra_admin_viewers *viewers;
    ra_letter stop_letter;
    pthread_t thread;
    bool running, stopping;
    ra_watch *watch;
    ra_health *health;
    unsigned pending; /* requests whose answer comes later */
    uint16_t port;
};

static ra_admin *checked(void *p)
{
    ra_admin *a = p;
    if (!a || a->magic != ADMIN_MAGIC)
        ra_corrupt("admin");
    return a;
}

ra_server *ra_admin_server(ra_admin *a)
{
    return a->server;
}

ra_mailbox *ra_admin_mailbox(ra_admin *a)
{
    return a->mailbox;
}

ra_watch *ra_admin_watch(ra_admin *a)
{
    return a->watch;
}

ra_health *ra_admin_health(ra_admin *a)
{
    return a->health;
}

ra_admin_viewers *ra_admin_get_viewers(ra_admin *a)
{
    return a->viewers;
}

uint16_t ra_admin_port(const ra_admin *a)
{
    return a->port;
}

/* ---- replies ---- */

void ra_admin_reply(struct evhttp_request *r, int status, ra_buf *body_take)
{
    struct evbuffer *out = evhttp_request_get_output_buffer(r);
    bool ok = ra_buf_ok(body_take) && evbuffer_add(out, body_take->p, body_take->n) == 0;
    evhttp_add_header(evhttp_request_get_output_headers(r), "Content-Type", "application/json");
    evhttp_add_header(evhttp_request_get_output_headers(r), "Cache-Control", "no-store");
    evhttp_send_reply(r, ok ? status : 500, NULL, NULL);
    ra_buf_free(body_take);
}

void ra_admin_error(struct evhttp_request *r, int status, const char *text)
{
    ra_buf body;
    ra_buf_init(&body, RA_ADMIN_BODY_MAX);
    ra_buf_add_z(&body, "{\"error\": ");
    ra_buf_add_json_string(&body, ra_bytes_z(text));
    ra_buf_add_z(&body, "}\n");
    ra_admin_reply(r, status, &body);
}

/* ---- requests ---- */

void ra_admin_begin(ra_admin *a)
{
    a->pending++;
}

void ra_admin_end(ra_admin *a)
{
    a->pending--;
    if (a->stopping && a->pending == 0)
        event_base_loopexit(a->base, NULL);
}

/* A page that was loaded by a name which somebody has made to mean this machine sends that name. */
static bool is_for_loopback(struct evhttp_request *r)
{
    char text[RA_ADDRESS_HOST_MAX + 16], host[RA_ADDRESS_HOST_MAX];
    uint16_t port;
    const char *given = evhttp_find_header(evhttp_request_get_input_headers(r), "Host");
    if (!given || strlen(given) >= RA_ADDRESS_HOST_MAX)
        return false;
    const char *last = strrchr(given, ':');
    bool has_port = last && !strchr(last, ']');
    snprintf(text, sizeof text, "%s%s", given, has_port ? "" : ":80");
    return ra_address_parse(text, host, &port) == RA_ADDRESS_OK;
}

/* In a time that doesn't tell how much of it was right. */
static bool shows_token(struct evhttp_request *r, const char *token)
{
    static const char scheme[] = "Bearer ";
    size_t scheme_n = sizeof scheme - 1, n = strlen(token);
    const char *given = evhttp_find_header(evhttp_request_get_input_headers(r), "Authorization");
    if (!given || strncasecmp(given, scheme, scheme_n) != 0)
        return false;
    given += scheme_n;
    given += strspn(given, " ");
    return strlen(given) == n && CRYPTO_memcmp(given, token, n) == 0;
}

/* What a browser says where a page makes a request that isn't a plain GET of its own origin's. */
static bool is_own_origin(ra_admin *a, struct evhttp_request *r, const char *origin)
{
    const char *scheme = a->tls ? "https://" : "http://";
    const char *host = evhttp_find_header(evhttp_request_get_input_headers(r), "Host");
    size_t n = strlen(scheme);
    return host && strncmp(origin, scheme, n) == 0 && strcmp(origin + n, host) == 0;
}

/* Has a page made a browser send it, and not the one that is served here? Older browsers don't say where a
 * GET comes from; but they keep its answer from such a page. */
static bool is_of_other_page(ra_admin *a, struct evhttp_request *r)
{
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(r);
    const char *origin = evhttp_find_header(headers, "Origin");
    const char *site = evhttp_find_header(headers, "Sec-Fetch-Site");
    if (origin && !is_own_origin(a, r, origin))
        return true;
    return site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
}

/* Who may not ask is told so; false. What is `open` shows nothing, and is for anybody who finds the address:
 * a link on another page may lead to it. `token`: admin.token as it is now. */
static bool is_allowed(ra_admin *a, struct evhttp_request *r, bool open, const char *token)
{
    if (!token && !is_for_loopback(r)) {
        ra_admin_error(r, 403, "Host must be a loopback address, or localhost");
        return false;
    }
    if (open)
        return true;
    if (token && !shows_token(r, token)) {
        evhttp_add_header(evhttp_request_get_output_headers(r), "WWW-Authenticate", "Bearer");
        ra_admin_error(r, 401, "admin.token is wanted: Authorization: Bearer TOKEN");
        return false;
    }
    if (!is_of_other_page(a, r))
        return true;
    ra_admin_error(r, 403, "web pages of other origins have no business here");
    return false;
}

static bool may_ask(ra_admin *a, struct evhttp_request *r, bool open)
{
    ra_snapshot *now = ra_server_snapshot(a->server);
    bool may = is_allowed(a, r, open, now->config->admin.token);
    ra_snapshot_unref(now);
    return may;
}

/* What must be refused before it is looked at, and ends the connection. */
static bool is_well_framed(ra_admin *a, struct evhttp_request *r)
{
    const char *framing = ra_framing_problem(a->connections, r);
    const char *limits = framing ? NULL : ra_listener_limits_problem(&a->listen, r);
    if (!framing && !limits)
        return true;
    evhttp_add_header(evhttp_request_get_output_headers(r), "Connection", "close");
    ra_admin_error(r, framing ? 400 : 431, framing ? framing : limits);
    return false;
}

static bool is_json(struct evhttp_request *r)
{
    static const char type[] = "application/json";
    const char *given = evhttp_find_header(evhttp_request_get_input_headers(r), "Content-Type");
    size_t n = sizeof type - 1;
    return given && strncasecmp(given, type, n) == 0 && (!given[n] || strchr(" ;\t", given[n]));
}

enum {
    OPEN = 1,   /* see may_ask */
    COUNTED = 2 /* it says what has been counted */
};

typedef struct call {
    const char *path;
    enum { GET, GET_OR_HEAD, POST } takes;
    unsigned is;
    void (*run)(ra_admin *a, struct evhttp_request *r);
} call;

static const call *call_of(const char *path)
{
    static const call calls[] = {{"/admin/cache/ping", POST, 0, ra_admin_cache_ping},
                                 {"/admin/cache/get", POST, 0, ra_admin_cache_get},
                                 {"/admin/cache/delete", POST, 0, ra_admin_cache_delete},
                                 {"/admin/cache/stats", GET, 0, ra_admin_cache_stats},
                                 {"/admin/markers", GET, 0, ra_admin_markers},
                                 {"/admin/markers/clear", POST, 0, ra_admin_markers_clear},
                                 {"/admin/markers/cleared", POST, 0, ra_admin_markers_cleared},
                                 {"/admin/advice", GET, COUNTED, ra_admin_advice},
                                 {"/admin/mismatches", GET, 0, ra_admin_mismatches},
                                 {"/admin/caching", POST, 0, ra_admin_caching},
                                 {"/admin/invalidate", POST, 0, ra_admin_invalidate},
                                 {"/admin/reload", POST, 0, ra_admin_reload},
                                 {"/admin/events", GET, COUNTED, ra_admin_events},
                                 {"/admin/live", GET, COUNTED, ra_admin_live},
                                 {"/metrics", GET, COUNTED, ra_admin_metrics},
                                 {"/healthz", GET_OR_HEAD, OPEN, ra_admin_healthz},
                                 {"/readyz", GET_OR_HEAD, OPEN, ra_admin_readyz}};
    static const call page = {"/", GET_OR_HEAD, OPEN, ra_admin_dashboard};
    if (path && ra_admin_is_dashboard(path))
        return &page;
    for (size_t i = 0; path && i < sizeof calls / sizeof *calls; i++)
        if (strcmp(path, calls[i].path) == 0)
            return &calls[i];
    return NULL;
}

static bool takes(const call *c, enum evhttp_cmd_type command)
{
    return c->takes == POST
               ? command == EVHTTP_REQ_POST
               : command == EVHTTP_REQ_GET || (c->takes == GET_OR_HEAD && command == EVHTTP_REQ_HEAD);
}

static void received(struct evhttp_request *r, void *arg)
{
    ra_admin *a = checked(arg);
    if (!is_well_framed(a, r))
        return;
    const call *c = call_of(evhttp_uri_get_path(evhttp_request_get_evhttp_uri(r)));
    if (!may_ask(a, r, c && (c->is & OPEN)))
        return;
    if (!c)
        ra_admin_error(r, 404, "no such path");
    else if (!takes(c, evhttp_request_get_command(r)))
        ra_admin_error(r, 405, c->takes == POST ? "this path takes POST" : "this path takes GET");
    else if (c->takes == POST && !is_json(r))
        ra_admin_error(r, 415, "Content-Type must be application/json");
    else if ((c->is & COUNTED) && !a->server->config->admin.metrics)
        ra_admin_error(r, 404, "admin.metrics is false: nothing is counted");
    else
        c->run(a, r);
}

/* ---- begin and end ---- */

static void stop(ra_letter *letter, void *arg)
{
    ra_admin *a = checked(arg);
    (void)letter;
    evhttp_del_accept_socket(a->http, a->socket);
    a->socket = NULL;
    a->stopping = true;
    ra_admin_viewers_end(a->viewers);
    ra_watch_stop(a->watch);
    if (a->pending == 0)
        event_base_loopexit(a->base, NULL);
}

static void *run(void *arg)
{
    ra_admin *a = checked(arg);
    do /* events that were active together with the one that ended the loop may have begun a request */
        event_base_loop(a->base, EVLOOP_NO_EXIT_ON_EMPTY);
    while (a->pending);
    return NULL;
}

static bool make_connections(ra_admin *a)
{
    const ra_config_listen *c = &a->listen;
    a->base = event_base_new();
    a->mailbox = a->base ? ra_mailbox_new(a->base) : NULL;
    a->limits = ra_connection_limits_new(c, "admin");
    if (a->mailbox && a->limits)
        a->connections = ra_connections_new(a->base, c, a->limits, a->tls);
    if (a->connections)
        a->viewers = ra_admin_viewers_new(a->server, a->base, a->mailbox, a->connections);
    a->watch = a->mailbox ? ra_watch_new(a, a->base) : NULL;
    a->health = a->mailbox ? ra_health_new(a, a->base) : NULL;
    return a->viewers && a->watch && a->health;
}

static bool bind_and_make(ra_admin *a)
{
    ra_config_listen *c = &a->listen;
    *c = a->server->config->admin.listen;
    c->max_body = RA_ADMIN_BODY_MAX;
    c->idle_timeout = IDLE_MS;
    c->header_timeout = c->body_timeout = REQUEST_MS;
    c->max_header_bytes = HEADER_MAX;
    c->max_headers = HEADERS_MAX;
    c->max_connections = CONNECTIONS_MAX;
    a->tls = c->tls.cert_file ? ra_tls_server_new(&c->tls, "admin.tls") : NULL;
    if (c->tls.cert_file && !a->tls)
        return false;
    int fd = ra_listen_first(c, &a->port);
    if (fd < 0) {
        ra_log(RA_LOG_ERROR, "admin.address: can't listen on %s port %u: %s", c->host, c->port,
               strerror(errno));
        return false;
    }
    a->http = make_connections(a) ? ra_listener_new(a->base, c, fd, received, a, &a->socket) : NULL;
    if (a->http) {
        ra_connections_serve(a->connections, a->http, received, a);
        return true;
    }
    close(fd);
    ra_log(RA_LOG_ERROR, "admin: out of memory");
    return false;
}

ra_admin *ra_admin_new(ra_server *s)
{
    ra_admin *a = calloc(1, sizeof *a);
    if (!a) {
        ra_log(RA_LOG_ERROR, "admin: out of memory");
        return NULL;
    }
    a->magic = ADMIN_MAGIC;
    a->server = s;
    a->stop_letter = (ra_letter){.deliver = stop, .arg = a};
    if (bind_and_make(a))
        return a;
    ra_admin_free(a);
    return NULL;
}

ra_admin_work *ra_admin_get_work(ra_admin *a)
{
    return a->work;
}

ra_tls_server *ra_admin_tls(ra_admin *a)
{
    return a->tls;
}

bool ra_admin_start(ra_admin *a)
{
    a->work = ra_admin_work_new(a->mailbox);
    if (!a->work) {
        ra_log(RA_LOG_ERROR, "admin: can't start a thread");
        return false;
    }
    int error = pthread_create(&a->thread, NULL, run, a);
    if (error)
        ra_log(RA_LOG_ERROR, "admin: can't start a thread: %s", strerror(error));
    a->running = error == 0;
    return a->running;
}

void ra_admin_stop(ra_admin *a)
{
    if (!a || !a->running)
        return;
    ra_mailbox_post(a->mailbox, &a->stop_letter);
    pthread_join(a->thread, NULL);
    a->running = false;
}

void ra_admin_free(ra_admin *a)
{
    if (!a)
        return;
    ra_admin_stop(a);
    ra_admin_work_free(a->work);
    if (a->http)
        evhttp_free(a->http);
    ra_admin_viewers_free(a->viewers);
    ra_connections_free(a->connections);
    ra_health_free(a->health);
    ra_watch_free(a->watch);
    ra_connection_limits_free(a->limits);
    ra_tls_server_free(a->tls);
    if (a->mailbox)
        ra_mailbox_free(a->mailbox);
    if (a->base)
        event_base_free(a->base);
    a->magic = 0;
    free(a);
}
