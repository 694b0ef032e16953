/*
 * The head of a request that is answered before evhttp has parsed it, compared with evhttp: what is accepted
 * must be what evhttp reads from the same bytes, in the same pieces, through the product's own listener:
 * the same target, host, header lines and body, no complaint about the framing, and the next request begins
 * right behind it.
 */
#include "proxy/express_head.h"
#include "proxy/listener.h"
#include "tests/fuzz/fuzz.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/keyvalq_struct.h>
#include <fcntl.h>
#include <stddef.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TURNS = 1000 };

#define NEXT "GET /the-next HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

static struct event_base *base;
static struct sockaddr_un address;
static socklen_t address_n;
static const ra_config *config;

/* The request that the express way has read, and how far evhttp has come. */
static struct {
    ra_express_head head;
    ra_http_line lines[RA_EXPRESS_LINES_MAX];
    ra_bytes body;
    bool first, next;
} now;

static void check_lines(struct evhttp_request *r)
{
    size_t n = 0, targets = 0;
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(r);
    for (const struct evkeyval *h = headers->tqh_first; h; h = h->next.tqe_next, n++) {
        FUZZ_CHECK(n < now.head.nlines);
        FUZZ_CHECK(ra_bytes_eq_z(now.lines[n].name, h->key) && ra_bytes_eq_z(now.lines[n].value, h->value));
        targets += strcasecmp(h->key, "x-amz-target") == 0;
    }
    FUZZ_CHECK(n == now.head.nlines && targets == 1);
    const char *host = evhttp_find_header(headers, "Host");
    FUZZ_CHECK(ra_bytes_eq_z(now.head.target, evhttp_find_header(headers, "X-Amz-Target")));
    FUZZ_CHECK(!host == !now.head.host.p && (!host || ra_bytes_eq_z(now.head.host, host)));
}

static void received(struct evhttp_request *r, void *arg)
{
    (void)arg;
    if (now.first) {
        FUZZ_CHECK(!now.next && strcmp(evhttp_request_get_uri(r), "/the-next") == 0);
        now.next = true;
    } else {
        struct evbuffer *in = evhttp_request_get_input_buffer(r);
        size_t n = evbuffer_get_length(in);
        now.first = true;
        FUZZ_CHECK(evhttp_request_get_command(r) == EVHTTP_REQ_POST);
        FUZZ_CHECK(strcmp(evhttp_request_get_uri(r), "/") == 0);
        FUZZ_CHECK(ra_framing_problem(NULL, r) == NULL);
        check_lines(r);
        FUZZ_CHECK(n == now.body.n);
        FUZZ_CHECK(n == 0 || memcmp(evbuffer_pullup(in, -1), now.body.p, n) == 0);
    }
    evhttp_send_reply(r, 200, NULL, NULL);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char text[] = "{\"upstream\":{\"region\":\"eu-west-1\"},\"tables\":{\"*\":{}}}";
    struct evhttp_bound_socket *bound;
    ra_problems problems;
    (void)argc;
    (void)argv;
    config = ra_config_parse(text, sizeof text - 1, "fuzz.jsonc", &problems);
    ra_problems_free(&problems);
    base = event_base_new();
    address.sun_family = AF_UNIX; /* a name of this process's own, in no file system */
    address_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                            (size_t)snprintf(address.sun_path + 1, sizeof address.sun_path - 1,
                                             "readaside-fuzz-%ld", (long)getpid()));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    FUZZ_CHECK(config && base && fd >= 0);
    FUZZ_CHECK(bind(fd, (struct sockaddr *)&address, address_n) == 0 && listen(fd, 16) == 0);
    FUZZ_CHECK(ra_listener_new(base, &config->listen, fd, received, NULL, &bound));
    return 0;
}

static void say(int fd, ra_bytes s)
{
    while (s.n) {
        ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* evhttp has closed it; that it shouldn't have is seen below */
        s = (ra_bytes){s.p + n, s.n - (size_t)n};
    }
}

/* All of it is answered, and the connection is gone. */
static void let_evhttp_read(ra_bytes request)
{
    char reply[4096];
    ssize_t n = -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FUZZ_CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, address_n) == 0);
    say(fd, request);
    say(fd, RA_BYTES(NEXT));
    FUZZ_CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    for (int i = 0; i < TURNS && n != 0; i++) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        n = read(fd, reply, sizeof reply);
    }
    close(fd);
    event_base_loop(base, EVLOOP_NONBLOCK);
    FUZZ_CHECK(n == 0 && now.first && now.next);
}

/* The head needs no more than its own bytes, and fewer aren't one. */
static void check_prefixes(ra_bytes all)
{
    ra_express_head head;
    char *exact = fuzz_copy((ra_bytes){all.p, now.head.head_n});
    FUZZ_CHECK(ra_express_head_read((ra_bytes){exact, now.head.head_n}, &head, NULL));
    FUZZ_CHECK(head.head_n == now.head.head_n && head.body_n == now.head.body_n);
    FUZZ_CHECK(!ra_express_head_read((ra_bytes){exact, now.head.head_n - 1}, &head, NULL));
    free(exact);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ra_bytes all = {(const char *)data, size};
    now.first = now.next = false;
    if (!ra_express_head_read(all, &now.head, now.lines))
        return 0;
    FUZZ_CHECK(now.head.head_n <= size && now.head.head_n <= RA_EXPRESS_HEAD_MAX);
    FUZZ_CHECK(now.head.body_n <= RA_EXPRESS_BODY_MAX && now.head.nlines <= RA_EXPRESS_LINES_MAX);
    check_prefixes(all);
    size_t n = now.head.head_n + now.head.body_n;
    char *request = fuzz_alloc(n); /* what hasn't come of the body is zeros */
    memcpy(request, all.p, size < n ? size : n);
    now.body = (ra_bytes){request + now.head.head_n, now.head.body_n};
    let_evhttp_read((ra_bytes){request, n});
    free(request);
    return 0;
}
