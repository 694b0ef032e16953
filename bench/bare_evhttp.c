/*
 * The limit that an HTTP server on evhttp can reach: it answers every request with the same reply, which
 * stands in a file as it went over a wire once, and does nothing else. It uses what makes evhttp cheaper: the
 * list of changes to epoll, and writing the reply at once instead of when the loop comes round.
 *
 *     readaside-bare-evhttp PORT REPLY_FILE
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPLY_MAX = 1 << 20, HEADERS_MAX = 64, SERVER_MAGIC = 0x62617265 };

typedef struct header {
    const char *name, *value;
} header;

typedef struct server {
    uint32_t magic;
    char text[REPLY_MAX + 1]; /* the file; its headers are cut into strings in place */
    header headers[HEADERS_MAX];
    unsigned nheaders;
    const char *body;
    size_t body_n;
} server;

/* Cuts "Name: value" lines into strings. false: there is something else among them. */
static bool cut_headers(server *s, char *line)
{
    while (*line) {
        char *end = strstr(line, "\r\n");
        char *colon = strstr(line, ": ");
        if (!end || !colon || colon > end || s->nheaders == HEADERS_MAX)
            return false;
        *end = *colon = '\0';
        s->headers[s->nheaders++] = (header){line, colon + 2};
        line = end + 2;
    }
    return true;
}

static bool read_reply(server *s, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    size_t n = fread(s->text, 1, sizeof s->text, f);
    bool ok = !ferror(f) && n <= REPLY_MAX;
    (void)fclose(f); /* it was only read */
    if (!ok)
        return false;
    s->text[n] = '\0';
    char *end = strstr(s->text, "\r\n\r\n");
    char *first = strstr(s->text, "\r\n");
    if (!end || strncmp(s->text, "HTTP/1.1 200 ", 13) != 0)
        return false;
    s->body = end + 4;
    s->body_n = n - (size_t)(s->body - s->text);
    end[2] = '\0';
    return first == end || cut_headers(s, first + 2);
}

/* What the socket takes of the output now needs no turn of the loop; the write callback, which tells evhttp
 * that the reply is out, still does. */
static void write_at_once(struct evhttp_connection *connection)
{
    struct bufferevent *bev = evhttp_connection_get_bufferevent(connection);
    struct evbuffer *out = bufferevent_get_output(bev);
    evbuffer_unfreeze(out, 1);
    (void)evbuffer_write(out, bufferevent_getfd(bev)); /* what it doesn't take, the loop writes */
    evbuffer_freeze(out, 1);
    if (evbuffer_get_length(out) == 0)
        bufferevent_trigger(bev, EV_WRITE, BEV_OPT_DEFER_CALLBACKS);
}

static void answer(struct evhttp_request *request, void *arg)
{
    const server *s = arg;
    if (s->magic != SERVER_MAGIC)
        abort();
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    struct evbuffer *out = evhttp_request_get_output_buffer(request);
    bool ok = evbuffer_add_reference(out, s->body, s->body_n, NULL, NULL) == 0;
    for (unsigned i = 0; ok && i < s->nheaders; i++)
        ok = evhttp_add_header(headers, s->headers[i].name, s->headers[i].value) == 0;
    if (!ok) {
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
        return;
    }
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    evhttp_send_reply(request, HTTP_OK, "OK", NULL);
    write_at_once(connection);
}

static struct event_base *new_base(void)
{
    struct event_config *c = event_config_new();
    if (!c)
        return NULL;
    event_config_set_flag(c, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    struct event_base *base = event_base_new_with_config(c);
    event_config_free(c);
    return base;
}

int main(int argc, char **argv)
{
    static server s = {.magic = SERVER_MAGIC};
    char *end = NULL;
    long port = argc == 3 ? strtol(argv[1], &end, 10) : 0;
    if (!end || *end || port < 1 || port > 65535) {
        (void)fprintf(stderr, "usage: readaside-bare-evhttp PORT REPLY_FILE\n");
        return 2;
    }
    if (!read_reply(&s, argv[2])) {
        (void)fprintf(stderr, "%s isn't a reply with status 200\n", argv[2]);
        return 1;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    struct event_base *base = new_base();
    struct evhttp *http = base ? evhttp_new(base) : NULL;
    if (!http || evhttp_bind_socket(http, "127.0.0.1", (uint16_t)port) != 0) {
        (void)fprintf(stderr, "can't listen on port %ld\n", port);
        return 1;
    }
    evhttp_set_default_content_type(http, NULL);
    evhttp_set_gencb(http, answer, &s);
    event_base_dispatch(base);
    evhttp_free(http);
    event_base_free(base);
    return 0;
}
