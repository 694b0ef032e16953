#include "proxy/listener.h"

#include "proxy/connections.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 1024,
    HEADERS_MOST = 1024 * 1024, /* where the config has no limit */
    /* What is longer evhttp answers itself, in HTML; up to here the error is in DynamoDB's shape. */
    HEADERS_SLACK = 64 * 1024,
    BODY_SLACK = 1024 * 1024
};

static socklen_t address(const ra_config_listen *c, uint16_t port, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    const char *host = strcasecmp(c->host, "localhost") == 0 ? "127.0.0.1" : c->host;
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        return sizeof *v6;
    }
    return 0;
}

/* A bound, non-blocking socket; with `shared` others of this process may bind the same port. */
static int bound(const ra_config_listen *c, uint16_t port, bool shared)
{
    struct sockaddr_storage a;
    socklen_t n = address(c, port, &a);
    if (n == 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    int fd = socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
        bind(fd, (struct sockaddr *)&a, n) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int listening(int fd)
{
    if (fd < 0 || listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int ra_listen_more(const ra_config_listen *c, uint16_t port)
{
    return listening(bound(c, port, true));
}

int ra_listen_first(const ra_config_listen *c, uint16_t *port)
{
    if (c->port != 0) {
        int probe = listening(bound(c, c->port, false));
        if (probe < 0)
            return -1;
        close(probe);
    }
    int fd = listening(bound(c, c->port, true));
    if (fd < 0)
        return -1;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a = {0};
    socklen_t n = sizeof a;
    if (getsockname(fd, &a.any, &n) != 0) {
        close(fd);
        return -1;
    }
    *port = ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
    return fd;
}

static ev_ssize_t headers_most(const ra_config_listen *c)
{
    return (ev_ssize_t)((c->max_header_bytes ? c->max_header_bytes : HEADERS_MOST) + HEADERS_SLACK);
}

static struct timeval idle_time(const ra_config_listen *c)
{
    return (struct timeval){.tv_sec = c->idle_timeout / 1000, .tv_usec = c->idle_timeout % 1000 * 1000};
}

void ra_listener_limit(struct evhttp *http, const ra_config_listen *c)
{
    struct timeval idle = idle_time(c);
    evhttp_set_max_headers_size(http, headers_most(c));
    evhttp_set_max_body_size(http, (ev_ssize_t)(c->max_body + BODY_SLACK));
    evhttp_set_timeout_tv(http, &idle);
}

void ra_listener_limit_connection(struct evhttp_connection *http, const ra_config_listen *c)
{
    struct timeval idle = idle_time(c);
    evhttp_connection_set_max_headers_size(http, headers_most(c));
    evhttp_connection_set_max_body_size(http, (ev_ssize_t)(c->max_body + BODY_SLACK));
    evhttp_connection_set_timeout_tv(http, &idle);
}

struct evhttp *ra_listener_new(struct event_base *base, const ra_config_listen *c, int fd,
                               void (*received)(struct evhttp_request *, void *), void *arg,
                               struct evhttp_bound_socket **socket)
{
    struct evhttp *http = evhttp_new(base);
    if (!http)
        return NULL;
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
                                         EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH |
                                         EVHTTP_REQ_CONNECT);
    ra_listener_limit(http, c);
    evhttp_set_default_content_type(http, NULL);
    evhttp_set_gencb(http, received, arg);
    *socket = evhttp_accept_socket_with_handle(http, fd);
    if (*socket)
        return http;
    evhttp_free(http);
    return NULL;
}

/* RFC 9110 section 5.6.2. */
static bool is_token(const char *name)
{
    if (!*name)
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && !strchr("!#$%&'*+-.^_`|~", *name))
            return false;
    return true;
}

static bool is_digits(const char *s)
{
    if (!*s)
        return false;
    for (; *s; s++)
        if (*s < '0' || *s > '9')
            return false;
    return true;
}

const char *ra_framing_problem(struct ra_connections *all, struct evhttp_request *request)
{
    if (ra_connection_head_is_odd(ra_connection_of(all, evhttp_request_get_connection(request))))
        return "a header holds NUL, or goes on over several lines";
    if (evhttp_request_get_command(request) == EVHTTP_REQ_CONNECT)
        return "CONNECT is for forward proxies";
    unsigned lengths = 0;
    unsigned encodings = 0;
    unsigned hosts = 0;
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    for (const struct evkeyval *h = headers->tqh_first; h; h = h->next.tqe_next) {
        if (!is_token(h->key))
            return "a header's name is malformed";
        if (strcasecmp(h->key, "content-length") == 0) {
            lengths++;
            if (!is_digits(h->value))
                return "Content-Length is malformed";
        } else if (strcasecmp(h->key, "host") == 0) {
            hosts++;
        } else if (strcasecmp(h->key, "transfer-encoding") == 0) {
            encodings++;
            if (strcasecmp(h->value, "chunked") != 0)
                return "Transfer-Encoding is not chunked";
        } else if (strcasecmp(h->key, "content-encoding") == 0 && strcasecmp(h->value, "identity") != 0) {
            return "compressed bodies are not supported: Content-Encoding must be absent";
        }
    }
    if (lengths > 1)
        return "more than one Content-Length";
    if (encodings > 1)
        return "more than one Transfer-Encoding";
    if (lengths && encodings)
        return "both Content-Length and Transfer-Encoding";
    return hosts > 1 ? "more than one Host" : NULL;
}

const char *ra_listener_limits_problem(const ra_config_listen *c, struct evhttp_request *request)
{
    const char *uri = evhttp_request_get_uri(request);
    size_t bytes = sizeof "POST  HTTP/1.1\r\n" - 1 + (uri ? strlen(uri) : 0);
    unsigned n = 0;
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    for (const struct evkeyval *h = headers->tqh_first; h; h = h->next.tqe_next) {
        n++;
        bytes += strlen(h->key) + strlen(h->value) + sizeof ": \r\n" - 1;
    }
    if (c->max_headers && n > c->max_headers)
        return "the request has more headers than listen.max_headers allows";
    if (c->max_header_bytes && bytes > c->max_header_bytes)
        return "the request's first line and headers are longer than listen.max_header_bytes allows";
    return NULL;
}

/* ---- by which name ---- */

static bool is_port(ra_bytes s)
{
    if (s.n == 0)
        return true;
    for (size_t i = 1; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.p[0] == ':';
}

/* Digits and dots are never a name: that of a top-level domain isn't a number. */
static bool is_ipv4(ra_bytes name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] != '.' && (name.p[i] < '0' || name.p[i] > '9'))
            return false;
    return name.n > 0;
}

/* Something in brackets is never a name either. */
static bool is_ipv6(ra_bytes host)
{
    const char *end = host.n && host.p[0] == '[' ? memchr(host.p, ']', host.n) : NULL;
    size_t n = end ? (size_t)(end + 1 - host.p) : 0;
    return end && is_port((ra_bytes){end + 1, host.n - n});
}

static bool ends_with(ra_bytes name, const char *end)
{
    size_t n = strlen(end);
    return name.n >= n && strncasecmp(name.p + name.n - n, end, n) == 0;
}

bool ra_listener_host_ok(const ra_config_listen *c, ra_bytes host)
{
    if ((c->exposed && c->hosts.n == 0) || !host.p || is_ipv6(host))
        return true;
    const char *colon = memchr(host.p, ':', host.n);
    ra_bytes name = {host.p, colon ? (size_t)(colon - host.p) : host.n};
    if (!is_port((ra_bytes){host.p + name.n, host.n - name.n}))
        return false;
    if (is_ipv4(name))
        return true;
    if (name.n && name.p[name.n - 1] == '.') /* "localhost." is the whole of the name */
        name.n--;
    if ((name.n == 9 && ends_with(name, "localhost")) || ends_with(name, ".localhost"))
        return true;
    for (size_t i = 0; i < c->hosts.n; i++)
        if (name.n == strlen(c->hosts.v[i]) && ends_with(name, c->hosts.v[i]))
            return true;
    return false;
}

void ra_signed_service(struct evhttp_request *request, char *out, size_t size)
{
    out[0] = '\0';
    const char *a = evhttp_find_header(evhttp_request_get_input_headers(request), "Authorization");
    const char *scope = a ? strstr(a, "Credential=") : NULL;
    for (int slash = 0; scope && slash < 3; slash++) { /* key / date / region / service / aws4_request */
        scope = strchr(scope, '/');
        scope = scope ? scope + 1 : NULL;
    }
    if (!scope)
        return;
    size_t n = 0;
    for (; n + 1 < size && (isalnum((unsigned char)scope[n]) || scope[n] == '-'); n++)
        out[n] = scope[n];
    out[n] = '\0';
}
