/*
 * For tests of what talks to Momento: one loop with a server on it that keeps items as the HTTP API does, and
 * fails, holds or refuses as the test tells it. Time is the test's: items expire, and stores wait, by a clock
 * that only `pass` moves.
 */
#ifndef RA_TESTS_MOMENTO_FAKE_H
#define RA_TESTS_MOMENTO_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/bytes.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct event_base *base;
static int64_t the_time = 1000000; /* ms, monotonic; the wall clock is far ahead of it */
static int64_t wall_ahead;         /* ms by which the wall clock of whoever is asked next is wrong */

__attribute__((unused)) static int64_t fake_monotonic(void)
{
    return the_time;
}

__attribute__((unused)) static int64_t fake_wall(void)
{
    return the_time + INT64_C(1700000000000) + wall_ahead;
}

static void fake_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

static int64_t real_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#define UNTIL(condition)                                                                                     \
    do {                                                                                                     \
        for (int64_t until_end = real_now() + 60000; !(condition);) {                                        \
            if (real_now() > until_end)                                                                      \
                fail_msg("a minute has gone by without: %s", #condition);                                    \
            event_base_loop(base, EVLOOP_ONCE);                                                              \
        }                                                                                                    \
    } while (0)

/* ---- the server ---- */

enum { FAKE_ITEMS = 256, FAKE_HELD = 64 };

typedef struct fake_item {
    char *key, *value;
    size_t key_n, n;
    int64_t expires;
    long ttl; /* as it was put */
} fake_item;

static struct fake {
    struct evhttp *http;
    struct event *ticking;
    uint16_t port;
    fake_item items[FAKE_ITEMS];
    unsigned gets, puts, deletes; /* requests that came */
    unsigned held_n;
    struct evhttp_request *held[FAKE_HELD];
    /* told by the test */
    const char *api_key, *cache;
    int status; /* of replies to `only`; 0: as it should be */
    const char *body, *retry_after;
    enum evhttp_cmd_type only; /* 0: every method */
    bool drop;                 /* what is put is acknowledged and thrown away: more than there is room for */
    bool hold;                 /* requests of `only` wait for fake_release */
    char last_uri[8192], last_type[64];
} fake;

static int fake_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* What isn't unpadded base64url has no bytes. */
static size_t fake_decode(const char *text, char *out)
{
    unsigned held = 0, bits = 0;
    size_t n = 0;
    for (; *text; text++) {
        int d = fake_digit(*text);
        if (d < 0)
            return 0;
        held = (held << 6 | (unsigned)d) & 0xffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (char)(held >> bits & 0xff);
        }
    }
    return n;
}

static fake_item *fake_find(const char *key, size_t n)
{
    for (size_t i = 0; i < FAKE_ITEMS; i++) {
        fake_item *it = &fake.items[i];
        if (it->key && it->key_n == n && memcmp(it->key, key, n) == 0)
            return it;
    }
    return NULL;
}

static void fake_remove(fake_item *it)
{
    free(it->key);
    free(it->value);
    *it = (fake_item){0};
}

/* As text; the test's own look, no request. */
__attribute__((unused)) static fake_item *fake_item_of(ra_bytes key)
{
    fake_item *it = fake_find(key.p, key.n);
    return it && it->expires > the_time ? it : NULL;
}

static void fake_store(const char *key, size_t key_n, const char *value, size_t n, long ttl)
{
    fake_item *it = fake_find(key, key_n);
    for (size_t i = 0; i < FAKE_ITEMS && !it; i++)
        if (!fake.items[i].key)
            it = &fake.items[i];
    assert_non_null(it);
    fake_remove(it);
    *it = (fake_item){.key = malloc(key_n + 1), .value = malloc(n + 1), .key_n = key_n, .n = n, .ttl = ttl};
    memcpy(it->key, key, key_n);
    memcpy(it->value, value, n);
    it->expires = the_time + ttl * 1000;
}

static void fake_answer(struct evhttp_request *r, int status, const void *body, size_t n)
{
    struct evbuffer *out = evbuffer_new();
    evbuffer_add(out, body, n);
    evhttp_send_reply(r, status, "Status", out);
    evbuffer_free(out);
}

static void fake_say(struct evhttp_request *r, int status, const char *text)
{
    fake_answer(r, status, text, strlen(text));
}

static void fake_put(struct evhttp_request *r, const char *key, size_t key_n, const char *ttl)
{
    struct evbuffer *in = evhttp_request_get_input_buffer(r);
    if (!ttl || strtol(ttl, NULL, 10) < 1 || strtol(ttl, NULL, 10) > 86400) {
        fake_say(r, 400, "ttl_seconds");
        return;
    }
    size_t n = evbuffer_get_length(in);
    if (!fake.drop)
        fake_store(key, key_n, n ? (const char *)evbuffer_pullup(in, -1) : "", n, strtol(ttl, NULL, 10));
    evhttp_send_reply(r, 204, "No Content", NULL);
}

static void fake_do(struct evhttp_request *r)
{
    char key[4096], path[300];
    struct evkeyvalq query;
    const char *auth = evhttp_find_header(evhttp_request_get_input_headers(r), "Authorization");
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r);
    evhttp_parse_query_str(evhttp_uri_get_query(uri), &query);
    const char *given = evhttp_find_header(&query, "key_base64");
    size_t n = given ? fake_decode(given, key) : 0;
    fake_item *it = n ? fake_find(key, n) : NULL;
    snprintf(path, sizeof path, "/cache/%s", fake.cache);
    if (!auth || strcmp(auth, fake.api_key) != 0)
        fake_say(r, 401, "Invalid auth token");
    else if (strcmp(evhttp_uri_get_path(uri), path) != 0)
        fake_say(r, 404, "{\"status\":404,\"title\":\"Cache Not Found\"}");
    else if (!n)
        fake_say(r, 400, "key");
    else if (evhttp_request_get_command(r) == EVHTTP_REQ_PUT)
        fake_put(r, key, n, evhttp_find_header(&query, "ttl_seconds"));
    else if (evhttp_request_get_command(r) == EVHTTP_REQ_DELETE) {
        if (it)
            fake_remove(it);
        evhttp_send_reply(r, 204, "No Content", NULL);
    } else if (it && it->expires > the_time)
        fake_answer(r, 200, it->value, it->n);
    else
        fake_say(r, 404, "{\"status\":404,\"title\":\"Key Not Found\"}");
    evhttp_clear_headers(&query);
}

static void fake_request(struct evhttp_request *r, void *arg)
{
    enum evhttp_cmd_type method = evhttp_request_get_command(r);
    const char *type = evhttp_find_header(evhttp_request_get_input_headers(r), "Content-Type");
    (void)arg;
    fake.gets += method == EVHTTP_REQ_GET;
    fake.puts += method == EVHTTP_REQ_PUT;
    fake.deletes += method == EVHTTP_REQ_DELETE;
    snprintf(fake.last_uri, sizeof fake.last_uri, "%s", evhttp_request_get_uri(r));
    snprintf(fake.last_type, sizeof fake.last_type, "%s", type ? type : "");
    bool meant = !fake.only || fake.only == method;
    if (meant && fake.hold) {
        assert_true(fake.held_n < FAKE_HELD);
        fake.held[fake.held_n++] = r;
    } else if (meant && fake.status) {
        if (fake.retry_after)
            evhttp_add_header(evhttp_request_get_output_headers(r), "Retry-After", fake.retry_after);
        fake_say(r, fake.status, fake.body ? fake.body : "");
    } else {
        fake_do(r);
    }
}

/* What was held is carried out, in the order in which it came. */
__attribute__((unused)) static void fake_release(void)
{
    fake.hold = false;
    for (unsigned i = 0; i < fake.held_n; i++)
        fake_do(fake.held[i]);
    fake.held_n = 0;
}

__attribute__((unused)) static void fake_fail(int status, const char *body, const char *retry_after)
{
    fake.status = status;
    fake.body = body;
    fake.retry_after = retry_after;
}

__attribute__((unused)) static void fake_forget(void)
{
    fake.gets = fake.puts = fake.deletes = 0;
}

static void fake_begin(void)
{
    const struct timeval ms = {.tv_usec = 1000};
    base = event_base_new();
    wall_ahead = 0;
    fake = (struct fake){.api_key = "the key", .cache = "tests"};
    fake.ticking = event_new(base, -1, EV_PERSIST, fake_tick, NULL);
    event_add(fake.ticking, &ms);
    fake.http = evhttp_new(base);
    evhttp_set_allowed_methods(fake.http, EVHTTP_REQ_GET | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE);
    evhttp_set_gencb(fake.http, fake_request, NULL);
    struct evhttp_bound_socket *s = evhttp_bind_socket_with_handle(fake.http, "127.0.0.1", 0);
    assert_non_null(s);
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    assert_int_equal(getsockname(evhttp_bound_socket_get_fd(s), (struct sockaddr *)&a, &n), 0);
    fake.port = ntohs(a.sin_port);
}

static void fake_end(void)
{
    for (size_t i = 0; i < FAKE_ITEMS; i++)
        fake_remove(&fake.items[i]);
    evhttp_free(fake.http);
    event_free(fake.ticking);
    event_base_free(base);
}

#endif
