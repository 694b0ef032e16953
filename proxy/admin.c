#include "proxy/admin.h"

#include "config/address.h"
#include "proxy/admin_cache.h"
#include "proxy/connections.h"
#include "proxy/listener.h"
#include "proxy/log.h"

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
    ra_letter stop_letter;
    pthread_t thread;
    bool running, stopping;
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

/* Who may not ask is told so; false. */
static bool may_ask(ra_admin *a, struct evhttp_request *r)
{
    const char *token = a->server->config->admin.token;
    if (token && !shows_token(r, token)) {
        evhttp_add_header(evhttp_request_get_output_headers(r), "WWW-Authenticate", "Bearer");
        ra_admin_error(r, 401, "admin.token is wanted: Authorization: Bearer TOKEN");
        return false;
    }
    if (!token && !is_for_loopback(r)) {
        ra_admin_error(r, 403, "Host must be a loopback address, or localhost");
        return false;
    }
    if (!evhttp_find_header(evhttp_request_get_input_headers(r), "Origin"))
        return true;
    ra_admin_error(r, 403, "web pages have no business here");
    return false;
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

static void received(struct evhttp_request *r, void *arg)
{
    static const struct {
        const char *path;
        bool post;
        void (*run)(ra_admin *a, struct evhttp_request *r);
    } calls[] = {{"/admin/cache/ping", true, ra_admin_cache_ping},
                 {"/admin/cache/get", true, ra_admin_cache_get},
                 {"/admin/cache/delete", true, ra_admin_cache_delete},
                 {"/admin/cache/stats", false, ra_admin_cache_stats}};
    ra_admin *a = checked(arg);
    if (!is_well_framed(a, r) || !may_ask(a, r))
        return;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(r));
    size_t i = 0, n = sizeof calls / sizeof *calls;
    while (i < n && !(path && strcmp(path, calls[i].path) == 0))
        i++;
    bool post = evhttp_request_get_command(r) == EVHTTP_REQ_POST;
    bool fits = i < n && (post ? calls[i].post : evhttp_request_get_command(r) == EVHTTP_REQ_GET);
    if (i == n)
        ra_admin_error(r, 404, "no such path");
    else if (!fits || post != calls[i].post)
        ra_admin_error(r, 405, calls[i].post ? "this path takes POST" : "this path takes GET");
    else if (post && !is_json(r))
        ra_admin_error(r, 415, "Content-Type must be application/json");
    else
        calls[i].run(a, r);
}

/* ---- begin and end ---- */

static void stop(ra_letter *letter, void *arg)
{
    ra_admin *a = checked(arg);
    (void)letter;
    evhttp_del_accept_socket(a->http, a->socket);
    a->socket = NULL;
    a->stopping = true;
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
    return a->connections != NULL;
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

bool ra_admin_reload(ra_admin *a)
{
    return !a->tls || ra_tls_server_reload(a->tls);
}

bool ra_admin_start(ra_admin *a)
{
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
    if (a->http)
        evhttp_free(a->http);
    ra_connections_free(a->connections);
    ra_connection_limits_free(a->limits);
    ra_tls_server_free(a->tls);
    if (a->mailbox)
        ra_mailbox_free(a->mailbox);
    if (a->base)
        event_base_free(a->base);
    a->magic = 0;
    free(a);
}
