/*
 * A DynamoDB that costs next to nothing, for what is measured in front of it: it answers DescribeTable with
 * one file, BatchGetItem with an item for each key, and everything else with another file. One thread, one
 * read and one write per request. It takes requests with a Content-Length only, as the measured programs send
 * them.
 *
 *     readaside-fixed-reply PORT DESCRIBE_FILE REPLY_FILE ITEM_BYTES
 */
#include "bench/fixed_reply_batch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libdeflate.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    REQUEST_MAX = 128 * 1024,
    FILE_MAX = 1 << 20,
    HEAD_MAX = 512,
    BACKLOG = 4096,
    EVENTS = 64,
    CONNS_MAX = 4096
};

typedef struct reply {
    char *bytes; /* head and body */
    size_t n;
} reply;

typedef struct conn {
    int fd;
    size_t n;
    char in[REQUEST_MAX + 1]; /* what of a request has come; a zero is written behind it to look at it */
} conn;

typedef struct server {
    reply describe, fixed;
    size_t item_bytes;
    conn *conns[CONNS_MAX]; /* by their socket's number */
} server;

/* A whole HTTP reply around a body; no bytes: no memory. */
static reply with_head(const char *body, size_t n)
{
    char head[HEAD_MAX];
    int h = snprintf(head, sizeof head,
                     "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nx-amz-crc32: %lu\r\n"
                     "x-amzn-RequestId: 6c4f1a52-96a0-4b9f-a2c2-1f0e3d7f0001\r\nContent-Length: %zu\r\n\r\n",
                     (unsigned long)libdeflate_crc32(0, body, n), n);
    char *bytes = malloc((size_t)h + n);
    if (!bytes)
        return (reply){0};
    memcpy(bytes, head, (size_t)h);
    memcpy(bytes + h, body, n);
    return (reply){bytes, (size_t)h + n};
}

static reply from_file(const char *path)
{
    static char text[FILE_MAX];
    FILE *f = fopen(path, "rb");
    if (!f)
        return (reply){0};
    size_t n = fread(text, 1, sizeof text, f);
    bool ok = !ferror(f) && feof(f);
    (void)fclose(f); /* it was only read */
    return ok ? with_head(text, n) : (reply){0};
}

/* The value of a header, in the NUL-terminated head; NULL: there is none. */
static const char *header(const char *head, const char *end, const char *name)
{
    size_t n = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line && line < end; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, n) == 0 && line[2 + n] == ':')
            return line + 2 + n + 1 + strspn(line + 2 + n + 1, " ");
    return NULL;
}

static bool send_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

static bool answer(const server *s, int fd, const char *operation, const char *body)
{
    if (strncmp(operation, "DescribeTable\r", 14) == 0)
        return send_all(fd, s->describe.bytes, s->describe.n);
    if (strncmp(operation, "BatchGetItem\r", 13) != 0)
        return send_all(fd, s->fixed.bytes, s->fixed.n);
    char *text = ra_fixed_batch(body, s->item_bytes);
    reply made = text ? with_head(text, strlen(text)) : (reply){0};
    free(text);
    bool ok = made.bytes && send_all(fd, made.bytes, made.n);
    free(made.bytes);
    return ok;
}

/* Answers the first request in the buffer and takes it out. 0: it isn't all there; -1: an end. */
static int answer_one(const server *s, conn *c)
{
    c->in[c->n] = '\0';
    const char *end = strstr(c->in, "\r\n\r\n");
    if (!end)
        return 0;
    const char *length = header(c->in, end, "Content-Length");
    const char *target = header(c->in, end, "X-Amz-Target");
    const char *dot = target ? memchr(target, '.', (size_t)(end - target)) : NULL;
    unsigned long body_n = length ? strtoul(length, NULL, 10) : 0;
    size_t head_n = (size_t)(end + 4 - c->in);
    if (!dot || body_n > REQUEST_MAX - head_n)
        return -1;
    size_t whole = head_n + body_n;
    if (c->n < whole)
        return 0;
    char next = c->in[whole];
    c->in[whole] = '\0'; /* the end of the body */
    bool ok = answer(s, c->fd, dot + 1, c->in + head_n);
    c->in[whole] = next;
    c->n -= whole;
    memmove(c->in, c->in + whole, c->n);
    return ok ? 1 : -1;
}

/* false: the connection has ended. */
static bool take(const server *s, conn *c)
{
    ssize_t got = recv(c->fd, c->in + c->n, REQUEST_MAX - c->n, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0)
        return false;
    c->n += (size_t)got;
    int answered = 1;
    while (answered == 1 && c->n)
        answered = answer_one(s, c);
    return answered >= 0 && c->n < REQUEST_MAX;
}

static void leave(server *s, conn *c)
{
    s->conns[c->fd] = NULL;
    close(c->fd);
    free(c);
}

static void welcome(server *s, int listener, int epoll)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    conn *c = fd >= 0 && fd < CONNS_MAX ? malloc(sizeof *c) : NULL;
    if (!c) {
        if (fd >= 0)
            close(fd);
        return;
    }
    c->fd = fd;
    c->n = 0;
    s->conns[fd] = c;
    int on = 1;
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0)
        leave(s, c);
}

static int serve(server *s, int listener)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event first = {.events = EPOLLIN, .data.fd = listener};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &first) != 0)
        return 1;
    struct epoll_event ready[EVENTS];
    for (;;) {
        int n = epoll_wait(epoll, ready, EVENTS, -1);
        if (n < 0 && errno != EINTR)
            return 1;
        for (int i = 0; i < n; i++) {
            int fd = ready[i].data.fd;
            if (fd == listener)
                welcome(s, listener, epoll);
            else if (!take(s, s->conns[fd]))
                leave(s, s->conns[fd]);
        }
    }
}

static int listen_on(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        (void)fprintf(stderr, "usage: readaside-fixed-reply PORT DESCRIBE_FILE REPLY_FILE ITEM_BYTES\n");
        return 2;
    }
    static server s;
    s.describe = from_file(argv[2]);
    s.fixed = from_file(argv[3]);
    s.item_bytes = strtoul(argv[4], NULL, 10);
    int listener = listen_on((uint16_t)strtoul(argv[1], NULL, 10));
    int status = 1;
    if (!s.describe.bytes || !s.fixed.bytes || listener < 0)
        (void)fprintf(stderr, "can't read %s or %s, or can't listen on %s\n", argv[2], argv[3], argv[1]);
    else
        status = serve(&s, listener);
    free(s.describe.bytes);
    free(s.fixed.bytes);
    return status;
}
