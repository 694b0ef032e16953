/* Connections in all and by address, counted in and out in any order. */
#include "proxy/connection_limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static ra_peer peer_of(const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(1)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(1)};
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        return ra_peer_of((struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
    return ra_peer_of((struct sockaddr *)&v6);
}

static bool are_one(const char *a, const char *b)
{
    ra_peer x = peer_of(a), y = peer_of(b);
    return x.network == y.network && x.v6 == y.v6;
}

static void addresses(void **state)
{
    (void)state;
    assert_true(are_one("192.0.2.1", "192.0.2.1"));
    assert_false(are_one("192.0.2.1", "192.0.2.2"));
    assert_true(are_one("192.0.2.1", "::ffff:192.0.2.1"));
    assert_false(are_one("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
    assert_true(are_one("2001:db8:1:2::1", "2001:db8:1:2:ffff::2"));
    assert_false(are_one("2001:db8:1:2::1", "2001:db8:1:3::1"));
    assert_false(are_one("0.0.0.0", "::"));
    struct sockaddr other = {.sa_family = AF_UNIX};
    assert_int_equal(ra_peer_of(&other).network, 0);
}

static void in_all(void **state)
{
    (void)state;
    const ra_config_listen c = {.max_connections = 2};
    ra_connection_limits *l = ra_connection_limits_new(&c, "listen");
    ra_peer a = peer_of("192.0.2.1"), b = peer_of("192.0.2.2");
    assert_true(ra_connection_limits_enter(l, a, 0));
    assert_true(ra_connection_limits_enter(l, a, 0)); /* of an address there may be any number */
    assert_false(ra_connection_limits_enter(l, b, 0));
    assert_false(ra_connection_limits_enter(l, a, 0));
    ra_connection_limits_leave(l, a);
    assert_true(ra_connection_limits_enter(l, b, 0));
    assert_false(ra_connection_limits_enter(l, b, 0));
    ra_connection_limits_leave(l, a);
    ra_connection_limits_leave(l, b);
    ra_connection_limits_free(l);
}

static void none_without_limits(void **state)
{
    (void)state;
    const ra_config_listen c = {0};
    ra_connection_limits *l = ra_connection_limits_new(&c, "listen");
    for (int i = 0; i < 100000; i++)
        assert_true(ra_connection_limits_enter(l, peer_of("192.0.2.1"), 0));
    ra_connection_limits_free(l);
    ra_connection_limits_free(NULL);
}

static void of_an_address(void **state)
{
    (void)state;
    const ra_config_listen c = {.max_connections = 5, .max_connections_per_address = 2};
    ra_connection_limits *l = ra_connection_limits_new(&c, "listen");
    ra_peer a = peer_of("2001:db8::1"), b = peer_of("192.0.2.2"), d = peer_of("192.0.2.3");
    assert_true(ra_connection_limits_enter(l, a, 0));
    assert_true(ra_connection_limits_enter(l, a, 0));
    assert_false(ra_connection_limits_enter(l, a, 0));
    assert_true(ra_connection_limits_enter(l, b, 0));
    assert_true(ra_connection_limits_enter(l, b, 0));
    assert_true(ra_connection_limits_enter(l, d, 0));
    assert_false(ra_connection_limits_enter(l, d, 0)); /* there are five */
    ra_connection_limits_leave(l, a);
    assert_false(ra_connection_limits_enter(l, b, 0)); /* it has its two */
    assert_true(ra_connection_limits_enter(l, a, 0));  /* who is refused takes no place */
    ra_connection_limits_free(l);
}

enum { ADDRESSES = 3000, STEPS = 60000 };

/* Against plain counting, at random. */
/* Who was counted under other limits is counted still. */
static void others_from_now_on(void **state)
{
    (void)state;
    const ra_config_listen none = {0}, one_each = {.max_connections_per_address = 1},
                           two = {.max_connections = 2};
    ra_connection_limits *l = ra_connection_limits_new(&none, "listen");
    ra_peer a = peer_of("192.0.2.1"), b = peer_of("192.0.2.2");
    assert_true(ra_connection_limits_enter(l, a, 0));
    ra_connection_limits_renew(l, &one_each);
    assert_false(ra_connection_limits_enter(l, a, 0));
    assert_true(ra_connection_limits_enter(l, b, 0));
    ra_connection_limits_renew(l, &two);
    assert_false(ra_connection_limits_enter(l, a, 0));
    ra_connection_limits_leave(l, b);
    assert_true(ra_connection_limits_enter(l, a, 0));
    ra_connection_limits_leave(l, a);
    ra_connection_limits_leave(l, a);
    ra_connection_limits_free(l);
}

static void against_a_list(void **state)
{
    (void)state;
    const ra_config_listen c = {.max_connections = 5000, .max_connections_per_address = 3};
    ra_connection_limits *l = ra_connection_limits_new(&c, "listen");
    static unsigned n[ADDRESSES];
    memset(n, 0, sizeof n);
    unsigned all = 0;
    unsigned seed = 12345;
    for (int step = 0; step < STEPS; step++) {
        unsigned i = (unsigned)rand_r(&seed) % ADDRESSES;
        ra_peer p = {.network = (uint64_t)(i / 2) * 0x100000001u, .v6 = i % 2};
        if (rand_r(&seed) % 5 < 3) {
            bool room = all < 5000 && n[i] < 3;
            assert_int_equal(ra_connection_limits_enter(l, p, step), room);
            n[i] += room;
            all += room;
        } else if (n[i]) {
            ra_connection_limits_leave(l, p);
            n[i]--;
            all--;
        }
    }
    for (unsigned i = 0; i < ADDRESSES; i++)
        for (; n[i]; n[i]--)
            ra_connection_limits_leave(l,
                                       (ra_peer){.network = (uint64_t)(i / 2) * 0x100000001u, .v6 = i % 2});
    for (int i = 0; i < 5000; i++) /* nobody is left */
        assert_true(ra_connection_limits_enter(l, (ra_peer){.network = (uint64_t)i}, 0));
    assert_false(ra_connection_limits_enter(l, (ra_peer){.network = 5000}, 0));
    ra_connection_limits_free(l);
}

static void *come_and_go(void *arg)
{
    ra_connection_limits *l = arg;
    size_t refused = 0;
    for (unsigned i = 0; i < 20000; i++) {
        ra_peer p = {.network = i % 7};
        if (ra_connection_limits_enter(l, p, 0))
            ra_connection_limits_leave(l, p);
        else
            refused++;
    }
    return refused == 0 ? l : NULL;
}

static void from_several_threads(void **state)
{
    (void)state;
    const ra_config_listen c = {.max_connections = 4, .max_connections_per_address = 4};
    ra_connection_limits *l = ra_connection_limits_new(&c, "listen");
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, come_and_go, l), 0);
    for (int i = 0; i < 4; i++) {
        void *ok = NULL;
        pthread_join(t[i], &ok);
        assert_non_null(ok); /* four at most are in at once */
    }
    ra_connection_limits_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(in_all),
        cmocka_unit_test(none_without_limits),
        cmocka_unit_test(of_an_address),
        cmocka_unit_test(others_from_now_on),
        cmocka_unit_test(against_a_list),
        cmocka_unit_test(from_several_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
