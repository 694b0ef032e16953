/*
 * Lookups against a name server made by hand (UDP, on the test's own loop), and against files of hosts.
 */
#include "cache/redis_resolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "redis_loop.h"
#include "redis_server.h"

/* ---- the name server ---- */

enum { A = 1, AAAA = 28, NAME_ERROR = 3 };

static int ns;
static struct event *ns_event;
static bool ns_silent;
static unsigned ns_questions;
static char ns_asked[256]; /* the newest question's name */

/* Reads the name of the question; returns where its type stands. */
static size_t question(const unsigned char *q, size_t n)
{
    size_t at = 12, to = 0;
    while (at < n && q[at] && at + q[at] < n) {
        memcpy(ns_asked + to, q + at + 1, q[at]);
        to += q[at];
        ns_asked[to++] = '.';
        at += q[at] + 1U;
    }
    ns_asked[to] = '\0';
    return at + 1;
}

static size_t put(unsigned char *p, unsigned type, const char *address)
{
    size_t len = type == A ? 4 : 16;
    const unsigned char head[] = {0xc0, 12, 0, (unsigned char)type, 0, 1, 0, 0, 0, 60, 0, (unsigned char)len};
    memcpy(p, head, sizeof head);
    assert_int_equal(inet_pton(type == A ? AF_INET : AF_INET6, address, p + sizeof head), 1);
    return sizeof head + len;
}

/* two.test. has addresses of both kinds, many.test. a dozen, and nothing else is known. */
static void ns_answer(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    (void)arg;
    unsigned char b[1024];
    struct sockaddr_storage from;
    socklen_t from_len = sizeof from;
    ssize_t got = recvfrom(fd, b, 512, 0, (struct sockaddr *)&from, &from_len);
    if (got < 17)
        return;
    ns_questions++;
    size_t type_at = question(b, (size_t)got), n = type_at + 4;
    unsigned type = b[type_at + 1], answers = 0;
    bool two = strcmp(ns_asked, "two.test.") == 0, many = strcmp(ns_asked, "many.test.") == 0;
    if (ns_silent)
        return;
    if (two && (type == A || type == AAAA)) {
        n += put(b + n, type, type == A ? "127.0.0.7" : "2001:db8::7");
        answers = 1;
    }
    for (; many && type == A && answers < 12; answers++)
        n += put(b + n, type, "127.0.0.8");
    b[2] = 0x81; /* a response, recursion wanted */
    b[3] = (unsigned char)(0x80 | (two || many ? 0 : NAME_ERROR));
    b[7] = (unsigned char)answers;
    memset(b + 8, 0, 4);
    sendto(fd, b, n, 0, (struct sockaddr *)&from, from_len);
}

static int begin(void **state)
{
    (void)state;
    loop_begin();
    redis_folder_make();
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    ns = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(ns, (struct sockaddr *)&a, n), 0);
    assert_int_equal(getsockname(ns, (struct sockaddr *)&a, &n), 0);
    ns_event = event_new(base, ns, EV_READ | EV_PERSIST, ns_answer, NULL);
    event_add(ns_event, NULL);
    ns_silent = false;
    ns_questions = 0;
    FILE *f = fopen(redis_path("resolv.conf"), "w");
    fprintf(f, "nameserver 127.0.0.1:%u\nsearch nowhere.test\n", ntohs(a.sin_port));
    fclose(f);
    f = fopen(redis_path("hosts"), "w");
    fputs("127.0.0.1 localhost\n127.0.0.5 five.test alias.test\n::1 five.test\n", f);
    fclose(f);
    return 0;
}

static int end(void **state)
{
    (void)state;
    event_free(ns_event);
    close(ns);
    loop_end();
    redis_folder_remove();
    return 0;
}

/* ---- the lookup ---- */

typedef struct answer {
    unsigned times;
    ra_redis_addresses found;
    char why[128];
} answer;

static void done(const ra_redis_addresses *addresses, const char *why, void *arg)
{
    answer *a = arg;
    a->times++;
    a->found = *addresses;
    snprintf(a->why, sizeof a->why, "%s", why ? why : "");
}

static ra_redis_lookup *begin_lookup(const char *host, int64_t timeout, answer *a)
{
    *a = (answer){0};
    const ra_redis_lookup_options o = {.base = base,
                                       .host = host,
                                       .port = 6379,
                                       .timeout = timeout,
                                       .resolv_conf = redis_path("resolv.conf"),
                                       .hosts = redis_path("hosts"),
                                       .done = done,
                                       .arg = a};
    ra_redis_lookup *l = ra_redis_lookup_new(&o);
    assert_non_null(l);
    assert_int_equal(a->times, 0); /* never before it has returned */
    return l;
}

static answer look_up(const char *host)
{
    answer a;
    ra_redis_lookup *l = begin_lookup(host, LONG, &a);
    UNTIL(a.times);
    ra_redis_lookup_free(l);
    for (unsigned i = 0; i < 5; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(a.times, 1);
    assert_true((a.found.count == 0) == (a.why[0] != '\0'));
    return a;
}

static bool has(const answer *a, const char *address)
{
    ra_redis_addresses one;
    assert_true(ra_redis_address_of(address, 6379, &one));
    for (unsigned i = 0; i < a->found.count; i++) {
        if (a->found.len[i] == one.len[0] && memcmp(&a->found.address[i], &one.address[0], one.len[0]) == 0)
            return true;
    }
    return false;
}

static void test_addresses(void **state)
{
    (void)state;
    ra_redis_addresses to;
    assert_true(ra_redis_address_of("10.1.2.3", 80, &to));
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&to.address[0];
    assert_int_equal(v4->sin_family, AF_INET);
    assert_int_equal(ntohs(v4->sin_port), 80);
    assert_int_equal(ntohl(v4->sin_addr.s_addr), 0x0a010203);
    assert_true(ra_redis_address_of("::1", 80, &to));
    assert_int_equal(to.address[0].ss_family, AF_INET6);
    assert_false(ra_redis_address_of("redis", 80, &to));
    assert_false(ra_redis_address_of("1.2.3", 80, &to));
    assert_false(ra_redis_address_of("", 80, &to));
}

static void test_hosts(void **state)
{
    (void)state;
    answer a = look_up("five.test");
    assert_int_equal(a.found.count, 2);
    assert_true(has(&a, "127.0.0.5") && has(&a, "::1"));
    a = look_up("alias.test");
    assert_true(has(&a, "127.0.0.5"));
    assert_int_equal(ns_questions, 0);
}

static void test_name_server(void **state)
{
    (void)state;
    answer a = look_up("two.test");
    assert_int_equal(a.found.count, 2);
    assert_true(has(&a, "127.0.0.7") && has(&a, "2001:db8::7"));
    a = look_up("TWO.test"); /* asked as it is written: this server knows another case only */
    assert_string_equal(ns_asked, "TWO.test.nowhere.test.");
    assert_int_equal(a.found.count, 0);
}

static void test_more_than_are_kept(void **state)
{
    (void)state;
    answer a = look_up("many.test");
    assert_int_equal(a.found.count, RA_REDIS_ADDRESSES_MAX);
}

static void test_nobody_of_that_name(void **state)
{
    (void)state;
    answer a = look_up("unknown.test");
    assert_int_equal(a.found.count, 0);
    assert_true(ns_questions > 0);
}

static void test_silent_name_server(void **state)
{
    (void)state;
    answer a;
    ns_silent = true;
    ra_redis_lookup *l = begin_lookup("two.test", 60, &a);
    UNTIL(a.times);
    assert_int_equal(a.found.count, 0);
    assert_true(ns_questions > 2); /* it has asked again */
    ra_redis_lookup_free(l);
}

static void test_given_up(void **state)
{
    (void)state;
    static const char *const names[] = {"two.test", "five.test", "unknown.test"};
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned turns = 0; turns < 5; turns++) {
            answer a;
            ns_silent = turns & 1;
            ra_redis_lookup *l = begin_lookup(names[i], LONG, &a);
            for (unsigned k = 0; k < turns; k++)
                event_base_loop(base, EVLOOP_NONBLOCK);
            unsigned times = a.times;
            ra_redis_lookup_free(l);
            for (unsigned k = 0; k < 5; k++)
                event_base_loop(base, EVLOOP_NONBLOCK);
            assert_int_equal(a.times, times);
        }
    }
    ra_redis_lookup_free(NULL);
}

/* Without a file of name servers libevent asks this machine, where nobody listens; hosts are found all the
 * same. */
static void test_missing_files(void **state)
{
    (void)state;
    remove(redis_path("resolv.conf"));
    answer a = look_up("five.test");
    assert_int_equal(a.found.count, 2);
    remove(redis_path("hosts"));
    a = look_up("localhost");
    assert_true(has(&a, "127.0.0.1"));
}

/* ---- as the connection uses it ---- */

static ra_redis_options conn_options(seen *s, const char *host)
{
    ra_redis_options o = options_of(s);
    o.host = host;
    o.port = 1;
    o.resolv_conf = redis_path("resolv.conf");
    o.hosts = redis_path("hosts");
    return o;
}

static void test_connection_says_what_failed(void **state)
{
    (void)state;
    seen s;
    ra_redis_options o = conn_options(&s, "unknown.test");
    s.redis = ra_redis_new(&o);
    UNTIL(s.downs == 2);
    assert_non_null(strstr(s.why, "looking up the host: "));
    ra_redis_free(s.redis);

    o = conn_options(&s, "two.test");
    o.connect_timeout = 20;
    ns_silent = true;
    s.redis = ra_redis_new(&o);
    UNTIL(s.downs == 2);
    assert_non_null(strstr(s.why, "looking up the host"));
    UNTIL(s.downs == 3);
    ra_redis_free(s.redis); /* often in the middle of the next lookup */
    assert_int_equal(s.ups, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_addresses),
        TEST(test_hosts),
        TEST(test_name_server),
        TEST(test_more_than_are_kept),
        TEST(test_nobody_of_that_name),
        TEST(test_silent_name_server),
        TEST(test_given_up),
        TEST(test_missing_files),
        TEST(test_connection_says_what_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
