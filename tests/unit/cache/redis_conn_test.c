/*
 * The connection against Debian's redis-server, plain and with TLS, and against a server made by hand for
 * what Redis won't do. Writes to sockets are counted, to see that what is sent in one turn leaves together.
 */
#include "cache/redis_conn.h"

#include "cache/redis_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "redis_loop.h"
#include "redis_server.h"
#include "refusing_malloc.h"

/* ---- writes ---- */

static unsigned socket_writes;
static unsigned writes_left = UINT_MAX; /* so many does a socket still take; then it is full */

static bool is_full(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISSOCK(st.st_mode))
        return false;
    errno = EAGAIN;
    if (writes_left == 0)
        return true;
    socket_writes++;
    writes_left -= writes_left != UINT_MAX;
    return false;
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
    return is_full(fd) ? -1 : syscall(SYS_writev, fd, v, n);
}

ssize_t write(int fd, const void *p, size_t n)
{
    return is_full(fd) ? -1 : syscall(SYS_write, fd, p, n);
}

/* ---- what all tests share ---- */

static redis_server plain; /* a unix socket and a port; users as the tests need them */
static redis_server tls;   /* a port with TLS, that wants a certificate of its clients */
static char plain_port[8], tls_port[8];

static int begin_all(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    redis_folder_make();
    redis_authority("ca");
    redis_authority("other");
    redis_certificate("ca", "server", "DNS:redis.test,IP:127.0.0.1");
    redis_certificate("ca", "client", "DNS:client.test");
    snprintf(plain.socket, sizeof plain.socket, "%s", redis_path("plain.sock"));
    snprintf(tls.socket, sizeof tls.socket, "%s", redis_path("tls.sock"));
    plain.port = redis_free_port();
    snprintf(plain_port, sizeof plain_port, "%u", plain.port);
    do
        tls.port = redis_free_port();
    while (tls.port == plain.port);
    snprintf(tls_port, sizeof tls_port, "%u", tls.port);
    const char *plain_argv[] = {"--port", plain_port, "--user", "app",  "on", ">s3cret-words", "~*",
                                "&*",     "+@all",    "--user", "bare", "on", ">s3cret-words", "~*",
                                "+ping",  "+select",  NULL};
    redis_server_start(&plain, plain_argv);
    const char *tls_argv[] = {"--port",
                              "0",
                              "--tls-port",
                              tls_port,
                              "--tls-cert-file",
                              redis_path("server.crt"),
                              "--tls-key-file",
                              redis_path("server.key"),
                              "--tls-ca-cert-file",
                              redis_path("ca.crt"),
                              "--tls-auth-clients",
                              "yes",
                              NULL};
    redis_server_start(&tls, tls_argv);
    return 0;
}

static int end_all(void **state)
{
    (void)state;
    redis_server_stop(&plain);
    redis_server_stop(&tls);
    redis_folder_remove();
    return 0;
}

static int begin(void **state)
{
    (void)state;
    loop_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    loop_end();
    return 0;
}

static void open_up(seen *s, const ra_redis_options *o)
{
    s->redis = ra_redis_new(o);
    assert_non_null(s->redis);
    assert_false(ra_redis_is_up(s->redis));
    UNTIL(s->ups == 1);
    assert_true(ra_redis_is_up(s->redis));
}

static void open_plain(seen *s)
{
    ra_redis_options o = options_of(s);
    o.socket = plain.socket;
    open_up(s, &o);
}

static void open_peer(peer *p, seen *s, void (*change)(ra_redis_options *))
{
    ra_redis_options o = options_of(s);
    peer_listen(p);
    o.host = "127.0.0.1";
    o.port = p->port;
    if (change)
        change(&o);
    s->redis = ra_redis_new(&o);
    assert_non_null(s->redis);
}

static void close_peer(peer *p, seen *s)
{
    ra_redis_free(s->redis);
    peer_close(p);
    close(p->listener);
}

/* Sends, and waits for the reply. */
static const char *ask(seen *s, const char *words)
{
    unsigned ended = s->replies + s->none;
    assert_non_null(send_words(s, words, LONG));
    UNTIL(s->replies + s->none > ended);
    return s->text;
}

/* ---- a real server ---- */

static void test_identity(void **state)
{
    (void)state;
    seen s;
    ra_redis_options o = options_of(&s);
    char name[] = "readaside-test";
    o.socket = plain.socket;
    o.name = name;
    s.redis = ra_redis_new(&o);
    name[0] = 'X'; /* strings are copied */
    UNTIL(s.ups == 1);
    assert_string_equal(s.identity.role, "master");
    assert_int_equal(strlen(s.identity.run_id), 40);
    assert_int_equal(strlen(s.identity.master_replid), 40);
    assert_string_equal(s.identity.maxmemory_policy, "noeviction");
    assert_int_equal(s.identity.connected_replicas, 0);
    assert_true(s.identity.version[0] >= '1' && s.identity.version[0] <= '9');
    assert_string_equal(ask(&s, "CLIENT GETNAME"), "readaside-test");
    ra_redis_free(s.redis);
}

static void test_values_of_any_bytes(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    seen s;
    open_plain(&s);
    char *big = malloc(N);
    for (size_t i = 0; i < N; i++)
        big[i] = (char)(i + 1);
    ra_bytes argv[3] = {RA_BYTES("SET"), RA_BYTES("a\0b\r\n"), {big, N}};
    assert_non_null(send_args(&s, argv, 3, LONG));
    argv[0] = RA_BYTES("GET");
    assert_non_null(send_args(&s, argv, 2, LONG));
    UNTIL(s.replies == 2);
    assert_int_equal(s.type, REDIS_REPLY_STRING);
    assert_int_equal(s.len, N);
    assert_memory_equal(s.text, big, 255);
    argv[0] = RA_BYTES("ECHO");
    argv[1] = (ra_bytes){NULL, 0};
    assert_non_null(send_args(&s, argv, 2, LONG));
    UNTIL(s.replies == 3);
    assert_int_equal(s.len, 0);
    free(big);
    ra_redis_free(s.redis);
}

static void test_many_arguments_and_many_commands(void **state)
{
    (void)state;
    seen s;
    open_plain(&s);
    ra_bytes argv[402] = {RA_BYTES("DEL"), RA_BYTES("nothing")};
    for (unsigned i = 1; i < 402; i++)
        argv[i] = RA_BYTES("nothing");
    assert_non_null(send_args(&s, argv, 402, LONG));
    assert_string_equal(ask(&s, "SET counter 0"), "OK");
    for (unsigned i = 0; i < 20000; i++)
        assert_non_null(send_words(&s, "INCR counter", LONG));
    for (long long last = s.integer; s.replies < 20002;) {
        unsigned before = s.replies;
        UNTIL(s.replies > before);
        assert_true(s.integer > last);
        last = s.integer;
    }
    assert_int_equal(s.integer, 20000);
    ra_redis_free(s.redis);
}

static void test_error_replies_are_replies(void **state)
{
    (void)state;
    seen s;
    open_plain(&s);
    ask(&s, "NOSUCHTHING");
    assert_int_equal(s.type, REDIS_REPLY_ERROR);
    ask(&s, "GET nosuchkey");
    assert_int_equal(s.type, REDIS_REPLY_NIL);
    assert_int_equal(s.downs, 0);
    ra_redis_free(s.redis);
}

static void test_database(void **state)
{
    (void)state;
    seen third, first;
    ra_redis_options o = options_of(&third);
    o.host = "127.0.0.1";
    o.port = plain.port;
    o.database = 3;
    open_up(&third, &o);
    open_plain(&first);
    assert_string_equal(ask(&third, "SET where third"), "OK");
    ask(&first, "GET where");
    assert_int_equal(first.type, REDIS_REPLY_NIL);
    ra_redis_free(third.redis);
    ra_redis_free(first.redis);
}

static void stays_down(const ra_redis_options *o, seen *s, const char *words)
{
    s->redis = ra_redis_new(o);
    UNTIL(s->downs >= 3); /* it goes on trying */
    assert_int_equal(s->ups, 0);
    assert_int_equal(s->downs_while_up, 0);
    if (!strstr(s->why, words))
        fail_msg("not said: %s; but: %s", words, s->why);
    assert_null(strstr(s->why, "wrong-words"));
    assert_null(send_words(s, "PING", LONG));
    ra_redis_free(s->redis);
}

static void test_password(void **state)
{
    (void)state;
    seen s;
    ra_redis_options o = options_of(&s);
    o.socket = plain.socket;
    o.user = "app";
    o.password = "s3cret-words";
    open_up(&s, &o);
    assert_string_equal(ask(&s, "ACL WHOAMI"), "app");
    ra_redis_free(s.redis);

    o = options_of(&s);
    o.socket = plain.socket;
    o.user = "app";
    o.password = "wrong-words";
    stays_down(&o, &s, "AUTH: WRONGPASS");
    o = options_of(&s);
    o.socket = plain.socket;
    o.database = 99;
    stays_down(&o, &s, "SELECT: ERR DB index is out of range");
}

/* Managed caches refuse INFO and CLIENT to some users. */
static void test_user_who_may_little(void **state)
{
    (void)state;
    seen s;
    ra_redis_options o = options_of(&s);
    o.socket = plain.socket;
    o.user = "bare";
    o.password = "s3cret-words";
    o.database = 1;
    o.name = "readaside-test";
    open_up(&s, &o);
    assert_string_equal(s.identity.run_id, "");
    assert_string_equal(s.identity.role, "");
    assert_string_equal(ask(&s, "PING"), "PONG");
    ra_redis_free(s.redis);
}

static void test_messages(void **state)
{
    (void)state;
    seen sub, pub;
    ra_redis_options o = options_of(&sub);
    o.socket = plain.socket;
    o.message = on_message;
    open_up(&sub, &o);
    open_plain(&pub);
    ask(&sub, "SUBSCRIBE news");
    assert_int_equal(sub.type, REDIS_REPLY_ARRAY);
    ask(&sub, "PSUBSCRIBE new*");
    ask(&pub, "PUBLISH news hello");
    assert_int_equal(pub.integer, 2);
    UNTIL(sub.messages == 2);
    assert_string_equal(sub.message, "hello");
    ask(&sub, "PING");
    assert_int_equal(sub.type, REDIS_REPLY_ARRAY); /* as RESP2 has it on such connections */
    assert_int_equal(sub.downs, 0);
    ra_redis_free(sub.redis);
    ra_redis_free(pub.redis);
}

/* A list may begin with the word "message" too. */
static void test_lists_that_look_like_messages(void **state)
{
    (void)state;
    seen s;
    open_plain(&s);
    ask(&s, "DEL list");
    ask(&s, "RPUSH list message a b");
    ask(&s, "LRANGE list 0 -1");
    assert_int_equal(s.type, REDIS_REPLY_ARRAY);
    assert_int_equal(s.messages, 0);
    ra_redis_free(s.redis);
}

static void test_server_dies_and_comes_back(void **state)
{
    (void)state;
    redis_server mortal = {0};
    const char *argv[] = {"--port", "0", NULL};
    snprintf(mortal.socket, sizeof mortal.socket, "%s", redis_path("mortal.sock"));
    seen s;
    ra_redis_options o = options_of(&s);
    o.socket = mortal.socket;
    s.redis = ra_redis_new(&o);
    UNTIL(s.downs >= 2); /* it isn't there yet */
    assert_non_null(strstr(s.why, "No such file"));
    redis_server_start(&mortal, argv);
    UNTIL(s.ups == 1);
    char run_id[48];
    snprintf(run_id, sizeof run_id, "%s", s.identity.run_id);
    assert_non_null(send_words(&s, "BLPOP nothing 0", LONG));
    assert_non_null(send_words(&s, "PING", LONG));
    event_base_loop(base, EVLOOP_NONBLOCK);
    redis_server_stop(&mortal);
    UNTIL(s.downs_while_up == 1);
    assert_int_equal(s.none, 2);
    assert_int_equal(s.pending_at_down, 0);
    assert_false(ra_redis_is_up(s.redis));
    redis_server_start(&mortal, argv);
    UNTIL(s.ups == 2);
    assert_string_not_equal(s.identity.run_id, run_id);
    assert_string_equal(ask(&s, "PING"), "PONG");
    ra_redis_free(s.redis);
    redis_server_stop(&mortal);
}

static void test_names(void **state)
{
    (void)state;
    FILE *hosts = fopen(redis_path("hosts"), "w");
    fputs("127.0.0.9 redis.test\n127.0.0.1 redis.test\n", hosts); /* nobody listens on the first */
    fclose(hosts);
    seen s;
    ra_redis_options o = options_of(&s);
    o.host = "redis.test";
    o.port = plain.port;
    o.hosts = redis_path("hosts");
    open_up(&s, &o);
    assert_int_equal(s.downs, 0);
    ra_redis_free(s.redis);
}

/* An address that keeps silent takes all of an attempt's time; the next attempt begins with the other one.
 * The first is silent because the queue of those who wait to be accepted there is full. */
static void test_a_silent_address_is_not_tried_first_again(void **state)
{
    (void)state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(plain.port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 8);
    int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), waiting[16];
    assert_int_equal(bind(silent, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(silent, 0), 0);
    for (unsigned i = 0; i < 16; i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(waiting[i], (struct sockaddr *)&a, sizeof a);
    }
    FILE *hosts = fopen(redis_path("hosts"), "w");
    fputs("127.0.0.9 redis.test\n127.0.0.1 redis.test\n", hosts);
    fclose(hosts);
    seen s;
    ra_redis_options o = options_of(&s);
    o.host = "redis.test";
    o.port = plain.port;
    o.hosts = redis_path("hosts");
    o.connect_timeout = 500;
    open_up(&s, &o);
    assert_true(s.downs >= 1); /* else it wasn't silent */
    ra_redis_free(s.redis);
    for (unsigned i = 0; i < 16; i++)
        close(waiting[i]);
    close(silent);
}

static void test_paths_that_are_too_long(void **state)
{
    (void)state;
    char path[200];
    memset(path, 'a', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    seen s;
    ra_redis_options o = options_of(&s);
    o.socket = path;
    stays_down(&o, &s, "too long");
}

/* ---- TLS ---- */

static SSL_CTX *context(const char *ca, const char *cert, const char *key)
{
    char why[256] = "";
    SSL_CTX *c = ra_redis_tls_new(ca, cert, key, why, sizeof why);
    if (!c)
        fail_msg("%s", why);
    return c;
}

static ra_redis_options tls_options(seen *s, SSL_CTX *c)
{
    ra_redis_options o = options_of(s);
    o.host = "127.0.0.1";
    o.port = tls.port;
    o.tls = c;
    return o;
}

static void test_tls(void **state)
{
    (void)state;
    SSL_CTX *c = context(redis_path("ca.crt"), redis_path("client.crt"), redis_path("client.key"));
    seen s;
    ra_redis_options o = tls_options(&s, c);
    s.redis = ra_redis_new(&o);
    SSL_CTX_free(c); /* the connection has its own reference */
    UNTIL(s.ups == 1);
    enum { N = 3 << 20 };
    char *big = calloc(1, N);
    ra_bytes set[3] = {RA_BYTES("SET"), RA_BYTES("big"), {big, N}};
    assert_non_null(send_args(&s, set, 3, LONG));
    ask(&s, "GET big");
    UNTIL(s.replies == 2);
    assert_int_equal(s.len, N);
    free(big);
    ra_redis_free(s.redis);
}

static void test_tls_names_and_authorities(void **state)
{
    (void)state;
    FILE *hosts = fopen(redis_path("hosts"), "w");
    fputs("127.0.0.1 redis.test\n127.0.0.1 elsewhere.test\n", hosts);
    fclose(hosts);
    SSL_CTX *good = context(redis_path("ca.crt"), redis_path("client.crt"), redis_path("client.key"));
    SSL_CTX *stranger = context(redis_path("other.crt"), redis_path("client.crt"), redis_path("client.key"));
    SSL_CTX *anonymous = context(redis_path("ca.crt"), NULL, NULL);
    seen s;
    ra_redis_options o = tls_options(&s, good);
    o.host = "redis.test";
    o.hosts = redis_path("hosts");
    open_up(&s, &o);
    ra_redis_free(s.redis);

    o = tls_options(&s, good);
    o.host = "elsewhere.test";
    o.hosts = redis_path("hosts");
    stays_down(&o, &s, "TLS: hostname mismatch");
    o = tls_options(&s, good);
    o.host = "127.0.0.2"; /* the server's certificate is for another address */
    o.port = plain.port;
    stays_down(&o, &s, "connecting: Connection refused");
    o = tls_options(&s, stranger);
    stays_down(&o, &s, "TLS: self-signed certificate");
    o = tls_options(&s, anonymous);
    stays_down(&o, &s, ""); /* the server's alert, or only a reset: it hangs up on a greeting not yet read */
    o = tls_options(&s, good);
    o.port = plain.port; /* speaks no TLS */
    o.connect_timeout = 200;
    stays_down(&o, &s, "");
    o = tls_options(&s, good);
    o.host = NULL;
    o.socket = plain.socket;
    assert_null(ra_redis_new(&o));
    SSL_CTX_free(good);
    SSL_CTX_free(stranger);
    SSL_CTX_free(anonymous);
}

static void test_tls_files(void **state)
{
    (void)state;
    char why[256] = "";
    assert_null(ra_redis_tls_new(redis_path("nothing"), NULL, NULL, why, sizeof why));
    assert_non_null(strstr(why, "authorities"));
    assert_null(ra_redis_tls_new(NULL, NULL, redis_path("client.key"), why, sizeof why));
    assert_non_null(strstr(why, "a key needs its certificate"));
    assert_null(ra_redis_tls_new(NULL, redis_path("client.crt"), redis_path("server.key"), why, sizeof why));
    assert_non_null(strstr(why, "certificate or its key"));
    SSL_CTX *system = ra_redis_tls_new(NULL, NULL, NULL, why, sizeof why);
    assert_non_null(system);
    SSL_CTX_free(system);
}

/* ---- one write ---- */

static void test_one_turn_is_one_write(void **state)
{
    (void)state;
    seen s;
    open_plain(&s);
    for (unsigned round = 1; round <= 3; round++) {
        unsigned before = socket_writes;
        for (unsigned i = 0; i < 500; i++)
            assert_non_null(send_words(&s, "SET key some-value-that-is-neither-long-nor-short", LONG));
        assert_int_equal(socket_writes, before);
        UNTIL(s.replies == 500 * round);
        assert_int_equal(socket_writes, before + 1);
    }
    ra_redis_free(s.redis);
}

/* What callbacks send leaves together too: 100 replies, each followed by a command. */
static void send_one_more(ra_redis *r, const struct redisReply *reply, void *arg)
{
    static const ra_bytes ping = {"PING", 4};
    assert_non_null(reply);
    assert_non_null(ra_redis_send(r, &ping, 1, LONG, on_reply, arg));
}

static void test_callbacks_share_a_write(void **state)
{
    (void)state;
    static const ra_bytes ping = {"PING", 4};
    peer p;
    seen s;
    open_peer(&p, &s, NULL);
    peer_greet(&p, &s);
    for (unsigned i = 0; i < 100; i++)
        assert_non_null(ra_redis_send(s.redis, &ping, 1, LONG, send_one_more, &s));
    UNTIL(peer_got(&p) && p.n == 1400);
    char pongs[701] = "";
    for (unsigned i = 0; i < 100; i++)
        memcpy(pongs + 7L * i, "+PONG\r\n", 7);
    unsigned before = socket_writes;
    assert_int_equal(send(p.fd, pongs, 700, MSG_NOSIGNAL), 700);
    UNTIL(peer_got(&p) && p.n == 2800);
    assert_int_equal(socket_writes, before + 1);
    peer_say(&p, pongs);
    UNTIL(s.replies == 100);
    close_peer(&p, &s);
}

/* One record, and so one write, as long as it fits: records have at most 16 KiB. */
static void test_one_turn_is_one_write_with_tls(void **state)
{
    (void)state;
    SSL_CTX *c = context(redis_path("ca.crt"), redis_path("client.crt"), redis_path("client.key"));
    seen s;
    ra_redis_options o = tls_options(&s, c);
    open_up(&s, &o);
    assert_string_equal(ask(&s, "PING"), "PONG");
    for (unsigned round = 1; round <= 3; round++) {
        unsigned before = socket_writes;
        for (unsigned i = 0; i < 200; i++)
            assert_non_null(send_words(&s, "SET key some-value-that-is-short", LONG));
        UNTIL(s.replies == 1 + 200 * round);
        assert_int_equal(socket_writes, before + 1);
    }
    ra_redis_free(s.redis);
    SSL_CTX_free(c);
}

/* ---- what has been written? ---- */

/* Nothing that was queued after `at` has been; as ra_redis_is_unsent says it where that is all of it. */
static void test_what_is_unsent(void **state)
{
    (void)state;
    seen s;
    open_plain(&s);
    for (unsigned round = 0; round < 3; round++) {
        uint64_t first = ra_redis_queued(s.redis);
        assert_non_null(send_words(&s, "PING", LONG));
        uint64_t second = ra_redis_queued(s.redis);
        assert_int_equal(second - first, 14);
        assert_non_null(send_words(&s, "PING", LONG));
        assert_true(ra_redis_is_unsent(s.redis, first));
        assert_true(ra_redis_is_unsent(s.redis, second));
        assert_true(first == 0 || !ra_redis_is_unsent(s.redis, first - 1)); /* within the one before */
        UNTIL(s.replies == 2 * (round + 1));
        assert_false(ra_redis_is_unsent(s.redis, first));
        assert_false(ra_redis_is_unsent(s.redis, second));
    }
    uint64_t at = ra_redis_queued(s.redis);
    ra_redis_abandon(send_words(&s, "CLIENT KILL TYPE normal SKIPME no", LONG));
    s.sent--;
    UNTIL(s.downs == 1);
    assert_false(ra_redis_is_unsent(s.redis, at));
    assert_false(ra_redis_is_unsent(s.redis, ra_redis_queued(s.redis)));
    UNTIL(s.ups == 2);
    assert_false(ra_redis_is_unsent(s.redis, at)); /* it went with its connection */
    at = ra_redis_queued(s.redis);
    assert_non_null(send_words(&s, "PING", LONG));
    assert_true(ra_redis_is_unsent(s.redis, at));
    ra_redis_free(s.redis);
}

/* A command that the socket has taken half of. */
static void test_what_is_written_in_part_is_sent(void **state)
{
    (void)state;
    enum { N = 8 << 20 };
    peer p;
    seen s;
    open_peer(&p, &s, NULL);
    peer_greet(&p, &s);
    char *big = calloc(1, N);
    ra_bytes set[3] = {RA_BYTES("SET"), RA_BYTES("big"), {big, N}};
    uint64_t first = ra_redis_queued(s.redis);
    assert_non_null(send_args(&s, set, 3, LONG));
    uint64_t second = ra_redis_queued(s.redis);
    assert_non_null(send_words(&s, "PING", LONG));
    UNTIL(peer_got(&p) && p.n > 1000);
    assert_false(ra_redis_is_unsent(s.redis, first));
    assert_true(ra_redis_is_unsent(s.redis, second));
    free(big);
    close_peer(&p, &s);
}

/* OpenSSL is given more than fits into a record and doesn't say how many of them the socket has taken. */
static void test_with_tls_nobody_knows_what_is_unsent(void **state)
{
    (void)state;
    SSL_CTX *c = context(redis_path("ca.crt"), redis_path("client.crt"), redis_path("client.key"));
    seen s;
    ra_redis_options o = tls_options(&s, c);
    open_up(&s, &o);
    UNTIL(ask(&s, "PING"));
    unsigned before = s.replies;
    uint64_t at = ra_redis_queued(s.redis);
    for (unsigned i = 0; i < 2000; i++)
        assert_non_null(send_words(&s, "PING", LONG));
    writes_left = 1;
    UNTIL(s.replies > before); /* the first one has been carried out */
    assert_true(s.replies < before + 2000);
    assert_false(ra_redis_is_unsent(s.redis, at));
    writes_left = UINT_MAX;
    UNTIL(s.replies == before + 2000);
    ra_redis_free(s.redis);
    SSL_CTX_free(c);
}

/* ---- a server by hand ---- */

static void with_all(ra_redis_options *o)
{
    o->user = "u";
    o->password = "pass\r\nword";
    o->database = 7;
    o->name = "me";
}

static void test_greeting_is_pipelined(void **state)
{
    (void)state;
    peer p;
    seen s;
    unsigned before = socket_writes;
    open_peer(&p, &s, with_all);
    UNTIL(peer_accepts(&p));
    PEER_EXPECT(&p, "INFO\r\n");
    assert_string_equal(
        p.got, "*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$10\r\npass\r\nword\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n"
               "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$2\r\nme\r\n*1\r\n$4\r\nINFO\r\n");
    assert_int_equal(socket_writes, before + 1);
    assert_null(send_words(&s, "PING", LONG));
    peer_say(&p, "+OK\r\n+OK\r\n-ERR unknown command\r\n");
    assert_int_equal(s.ups, 0);
    peer_say(&p, "-NOPERM no\r\n");
    UNTIL(s.ups == 1);
    close_peer(&p, &s);
}

static void with_words(ra_redis_options *o)
{
    o->password = "wrong-words";
    o->name = "me";
}

/* What servers say instead of a greeting, and what a person hears of it. */
static void test_greetings_that_fail(void **state)
{
    (void)state;
    static const struct {
        const char *says, *heard;
        bool closes;
    } all[] = {
        {"-ERR unknown command 'AUTH', with args beginning with: 'wrong-words'\r\n", "AUTH: ERR (", false},
        {"-ERR unknown command 'AUTH', with args beginning with: 'wrong-wo\r\n", "AUTH: ERR (", false},
        {"-wrong-words\r\n", "AUTH: refused (", false},
        {"-WRONGPASS invalid\1\r\n", "AUTH: WRONGPASS invalid?", false},
        {"-ERR max number of clients reached\r\n", "AUTH: ERR max number of clients reached", true},
        {"+OK\r\n-NOAUTH Authentication required.\r\n", "CLIENT SETNAME: NOAUTH", false},
        {"+OK\r\n-NOPERM no\r\n", "the server closed the connection; CLIENT SETNAME: NOPERM no", true},
        {"+OK\r\n+OK\r\n-DENIED protected\r\n", "INFO: DENIED protected", true},
        {"+OK\r\n+OK\r\n:1\r\n", "INFO: what came isn't the reply of a Redis server", false},
        {":1\r\n", "AUTH: what came isn't the reply of a Redis server", false},
        {"+OK\r\n", "the server closed the connection", true},
        {"HTTP/1.1 400 Bad Request\r\n", "Protocol error", false},
    };
    peer p;
    seen s;
    open_peer(&p, &s, with_words);
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        UNTIL(peer_accepts(&p));
        PEER_EXPECT(&p, "INFO\r\n");
        peer_forget(&p);
        assert_int_equal(send(p.fd, all[i].says, strlen(all[i].says), MSG_NOSIGNAL), strlen(all[i].says));
        if (all[i].closes)
            shutdown(p.fd, SHUT_WR);
        UNTIL(s.downs == i + 1);
        if (!strstr(s.why, all[i].heard))
            fail_msg("%s was heard as: %s", all[i].says, s.why);
        assert_null(strstr(s.why, "wrong-wo"));
        peer_close(&p);
    }
    assert_int_equal(s.ups, 0);
    close_peer(&p, &s);
}

static void impatient(ra_redis_options *o)
{
    o->connect_timeout = 20;
}

static void test_greeting_that_never_ends(void **state)
{
    (void)state;
    peer p;
    seen s;
    open_peer(&p, &s, impatient);
    UNTIL(s.downs == 2); /* the kernel has accepted; nobody answers */
    assert_string_equal(s.why, "greeting the server took longer than 20 ms");
    assert_int_equal(s.ups, 0);
    close_peer(&p, &s);
}

static void test_replies_in_pieces(void **state)
{
    (void)state;
    static const char reply[] = "*3\r\n$5\r\nhe\r\no\r\n:-12\r\n*2\r\n$-1\r\n+x\r\n";
    peer p;
    seen s;
    open_peer(&p, &s, NULL);
    peer_greet(&p, &s);
    assert_non_null(send_words(&s, "ONE", LONG));
    assert_non_null(send_words(&s, "TWO", LONG));
    PEER_EXPECT(&p, "TWO");
    for (size_t i = 0; i + 1 < sizeof reply; i++) {
        assert_int_equal(s.replies, 0);
        assert_true(peer_say_bytes(&p, reply + i, 1));
    }
    UNTIL(s.replies == 1);
    assert_int_equal(s.type, REDIS_REPLY_ARRAY);
    peer_say(&p, "-ERR no");
    assert_int_equal(s.replies, 1);
    peer_say(&p, "\r\n");
    UNTIL(s.replies == 2);
    assert_string_equal(s.text, "ERR no");
    close_peer(&p, &s);
}

/* What ends a connection that is up; a command is pending each time, and one is sent again afterwards. */
static void test_what_ends_a_connection(void **state)
{
    (void)state;
    static const struct {
        const char *says, *heard;
        bool closes;
    } all[] = {
        {"garbage\r\n", "Protocol error", false},
        {"$-7\r\n", "range", false},
        {"*99999999\r\n", "too many elements", false},
        {"*2000\r\n*200000\r\n*200000\r\n", "too many elements", false},
        {"*2\r\n$3\r\nabc\r\n$10\r\nhalf", "the server closed the connection", true},
        {"", "the server closed the connection", true},
        {"+OK\r\n+and another\r\n", "nobody asked for", false},
        {"+OK\r\n-ERR and another\r\n", "nobody asked for, an error", false},
        {"%1\r\n+a\r\n+b\r\n", "", false}, /* RESP3: a map, a push, a double */
        {">1\r\n+a\r\n", "", false},
        {",1.5\r\n", "", false},
        {"*2\r\n+a\r\n#t\r\n", "", false},
    };
    peer p;
    seen s;
    open_peer(&p, &s, NULL);
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        peer_greet(&p, &s);
        unsigned ended = s.replies + s.none;
        assert_non_null(send_words(&s, "GET it", LONG));
        PEER_EXPECT(&p, "it\r\n");
        assert_int_equal(send(p.fd, all[i].says, strlen(all[i].says), MSG_NOSIGNAL), strlen(all[i].says));
        if (all[i].closes)
            shutdown(p.fd, SHUT_WR);
        UNTIL(s.downs_while_up == i + 1);
        assert_int_equal(s.replies + s.none, ended + 1);
        if (!strstr(s.why, all[i].heard))
            fail_msg("%s was heard as: %s", all[i].says, s.why);
        peer_close(&p);
    }
    assert_int_equal(s.pending_at_down, 0);
    close_peer(&p, &s);
}

/* More in one piece than is read at first, with the end of the connection in it or behind it. */
static void test_many_replies_at_once(void **state)
{
    (void)state;
    enum { PONG = 7, MOST = 6000 };
    static const unsigned counts[] = {584, 585, 586, 700, 2926, 2927, MOST}; /* about 4 KiB, and 20 */
    static const char *const ends[] = {"garbage\r\n", "$-7\r\n", "+OK\r\n+and another\r\n", "*2\r\n+half"};
    static char text[PONG * MOST + 64];
    peer p;
    seen s;
    open_peer(&p, &s, NULL);
    for (unsigned i = 0; i < 7 * 4; i++) {
        unsigned n = counts[i / 4], replies = s.replies, none = s.none;
        const char *last = ends[i % 4];
        peer_greet(&p, &s);
        for (unsigned k = 0; k <= n; k++)
            assert_non_null(send_words(&s, "PING", LONG));
        UNTIL(peer_got(&p) && p.n == (size_t)14 * (n + 1));
        for (unsigned k = 0; k < n; k++)
            memcpy(text + (size_t)PONG * k, "+PONG\r\n", PONG);
        memcpy(text + (size_t)PONG * n, last, strlen(last));
        assert_true(peer_say_bytes(&p, text, (size_t)PONG * n + strlen(last)));
        peer_close(&p);
        UNTIL(s.downs_while_up == i + 1);
        bool answered = i % 4 == 2; /* the last command has a reply, too */
        assert_int_equal(s.replies - replies, n + answered);
        assert_int_equal(s.none - none, !answered);
    }
    assert_int_equal(s.pending_at_down, 0);
    close_peer(&p, &s);
}

/* A server can't make us keep what it likes. */
static void test_replies_without_end(void **state)
{
    (void)state;
    enum { PIECE = 1 << 16 };
    static const char *const begins[] = {"$67108864\r\n", "+", "*200000\r\n"};
    static char piece[PIECE];
    peer p;
    seen s;
    open_peer(&p, &s, NULL);
    for (unsigned i = 0; i < 3; i++) {
        peer_greet(&p, &s);
        assert_non_null(send_words(&s, "GET it", LONG));
        memset(piece, 'x', PIECE);
        if (i == 2) {
            static const char long_string[] = "$1000\r\n";
            for (size_t at = 0; at < PIECE - 1009; at += 1009) {
                memcpy(piece + at, long_string, 7);
                memcpy(piece + at + 1007, "\r\n", 2);
            }
        }
        peer_say(&p, begins[i]);
        size_t said = 0, n = i == 2 ? PIECE / 1009 * 1009 : PIECE;
        while (s.downs_while_up == i && said < 64u << 20 && peer_say_bytes(&p, piece, n))
            said += n;
        UNTIL(s.downs_while_up == i + 1);
        assert_non_null(strstr(s.why, i == 1 ? "a line has no end" : "too large"));
        assert_true(said < RA_REDIS_REPLY_MAX + (16u << 20));
        assert_int_equal(s.replies, 0);
        peer_close(&p);
    }
    close_peer(&p, &s);
}

static void test_large_replies(void **state)
{
    (void)state;
    enum { N = 24 << 20 };
    peer p;
    seen s;
    open_peer(&p, &s, NULL);
    peer_greet(&p, &s);
    char *big = malloc(N + 2);
    memset(big, 'y', N);
    memcpy(big + N, "\r\n", 2);
    for (unsigned i = 1; i <= 2; i++) {
        char head[32];
        assert_non_null(send_words(&s, "GET it", LONG));
        snprintf(head, sizeof head, "$%d\r\n", N);
        assert_true(peer_say(&p, head) && peer_say_bytes(&p, big, N + 2));
        UNTIL(s.replies == i);
        assert_int_equal(s.len, N);
    }
    free(big);
    close_peer(&p, &s);
}

/* ---- deadlines ---- */

static void test_late_replies_are_dropped(void **state)
{
    (void)state;
    peer p;
    seen s, patient = {0};
    open_peer(&p, &s, NULL);
    peer_greet(&p, &s);
    patient.redis = s.redis;
    assert_non_null(send_words(&patient, "FIRST", LONG));
    assert_non_null(send_words(&s, "SECOND", 5));
    assert_non_null(send_words(&s, "THIRD", 1));
    assert_non_null(send_words(&patient, "FOURTH", LONG));
    PEER_EXPECT(&p, "FOURTH\r\n");
    UNTIL(s.none == 2);
    peer_say(&p, "+first\r\n+second\r\n+third\r\n+fourth\r\n");
    UNTIL(patient.replies == 2);
    assert_string_equal(patient.text, "fourth");
    assert_int_equal(s.replies, 0);
    assert_int_equal(s.none, 2);
    assert_int_equal(s.downs, 0);
    close_peer(&p, &s);
}

/* A reply that is there before its deadline's timer has run, but is read after the deadline, is late as well.
 */
static void test_deadlines_hold_when_the_loop_was_late(void **state)
{
    (void)state;
    peer p;
    seen s;
    open_peer(&p, &s, NULL);
    peer_greet(&p, &s);
    assert_non_null(send_words(&s, "IT", 5));
    PEER_EXPECT(&p, "IT\r\n");
    if (s.none == 0) {
        assert_int_equal(send(p.fd, "+it\r\n", 5, MSG_NOSIGNAL), 5);
        for (int64_t began = test_now(); test_now() < began + 10;)
            continue; /* the loop stands */
    }
    UNTIL(s.none == 1);
    assert_int_equal(s.replies, 0);
    close_peer(&p, &s);
}

static void mortal(ra_redis_options *o)
{
    o->dead_after = 30;
}

static void test_silence_is_the_end(void **state)
{
    (void)state;
    peer p;
    seen s;
    open_peer(&p, &s, mortal);
    peer_greet(&p, &s);
    for (unsigned i = 0; i < 20; i++)
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(s.downs, 0); /* nothing is waited for: silence is in order */
    assert_non_null(send_words(&s, "ONE", 5));
    assert_non_null(send_words(&s, "TWO", LONG));
    UNTIL(s.none == 1);
    UNTIL(s.downs_while_up == 1);
    assert_int_equal(s.none, 2);
    assert_int_equal(s.pending_at_down, 0);
    assert_non_null(strstr(s.why, "no reply for "));
    peer_close(&p);
    peer_greet(&p, &s);
    close_peer(&p, &s);
}

static void test_abandoned(void **state)
{
    (void)state;
    peer p;
    seen s, other = {0};
    open_peer(&p, &s, NULL);
    peer_greet(&p, &s);
    other.redis = s.redis;
    ra_redis_command *c = send_words(&s, "ONE", 5);
    assert_non_null(send_words(&other, "TWO", LONG));
    ra_redis_abandon(c);
    PEER_EXPECT(&p, "TWO\r\n");
    peer_say(&p, "+one\r\n+two\r\n");
    UNTIL(other.replies == 1);
    assert_string_equal(other.text, "two");
    assert_int_equal(s.replies + s.none, 0);
    close_peer(&p, &s);
}

/* ---- limits ---- */

static void narrow(ra_redis_options *o)
{
    o->max_queue = 3;
    o->max_queue_bytes = 100;
}

static void test_queue_limits(void **state)
{
    (void)state;
    static const char words[] = "0123456789012345678901234567890123456789";
    peer p;
    seen s;
    open_peer(&p, &s, narrow);
    peer_greet(&p, &s);
    assert_non_null(send_words(&s, "A", 1));
    assert_non_null(send_words(&s, "B", LONG));
    assert_non_null(send_words(&s, "C", LONG));
    assert_null(send_words(&s, "D", LONG));
    UNTIL(s.none == 1);
    assert_null(send_words(&s, "D", LONG)); /* its deadline has passed, but the reply may yet come */
    PEER_EXPECT(&p, "C\r\n");
    assert_null(strstr(p.got, "D"));
    peer_say(&p, "+a\r\n");
    assert_non_null(send_words(&s, "E", LONG));
    peer_say(&p, "+b\r\n+c\r\n+e\r\n");
    UNTIL(s.replies == 3);
    char command[64];
    snprintf(command, sizeof command, "%s", words);
    assert_non_null(send_words(&s, command, LONG));
    assert_null(send_words(&s, command, LONG)); /* too many bytes */
    assert_non_null(send_words(&s, "F", LONG));
    peer_say(&p, "+0\r\n+f\r\n");
    UNTIL(s.replies == 5);
    ra_bytes endless = {words, (size_t)-1};
    assert_null(send_args(&s, &endless, 1, LONG));
    assert_null(send_args(&s, &endless, 0, LONG));
    assert_int_equal(s.downs, 0);
    close_peer(&p, &s);
}

static void test_freed_with_commands_pending(void **state)
{
    (void)state;
    peer p;
    seen s;
    open_peer(&p, &s, NULL);
    peer_greet(&p, &s);
    assert_non_null(send_words(&s, "ONE", LONG));
    assert_non_null(send_words(&s, "TWO", LONG));
    close_peer(&p, &s);
    assert_int_equal(s.none + s.replies + s.downs, 0);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(s.none + s.replies + s.downs, 0);
}

static void test_freed_at_every_stage(void **state)
{
    (void)state;
    for (unsigned turns = 0; turns < 12; turns++) {
        peer p;
        seen s;
        open_peer(&p, &s, with_all);
        for (unsigned i = 0; i < turns; i++)
            event_base_loop(base, EVLOOP_NONBLOCK);
        close_peer(&p, &s);
        assert_int_equal(s.ups + s.downs, 0);
    }
    ra_redis_free(NULL);
}

/* Whatever allocation fails, the connection goes on or begins anew, and every command ends once. */
static void test_without_memory(void **state)
{
    (void)state;
    seen s;
    open_plain(&s);
    unsigned not_taken = 0;
    for (unsigned i = 0; i < 1000; i++) {
        ra_bytes argv[2] = {RA_BYTES("ECHO"), RA_BYTES("0123456789")};
        refuse_one_in = 20;
        not_taken += send_args(&s, argv, 2, LONG) == NULL;
        refuse_one_in = 0;
        while (s.replies + s.none < s.sent) {
            refuse_one_in = 20;
            event_base_loop(base, EVLOOP_ONCE);
            refuse_one_in = 0;
        }
        if (i % 10 == 0)
            UNTIL(ra_redis_is_up(s.redis));
    }
    UNTIL(ra_redis_is_up(s.redis));
    assert_string_equal(ask(&s, "PING"), "PONG");
#ifndef OWN_ALLOCATOR
    assert_true(not_taken > 0 && s.downs > 0 && s.ups > 1); /* else nothing was refused */
#else
    assert_true(not_taken + s.downs == 0);
#endif
    ra_redis_free(s.redis);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_identity),
        TEST(test_values_of_any_bytes),
        TEST(test_many_arguments_and_many_commands),
        TEST(test_error_replies_are_replies),
        TEST(test_database),
        TEST(test_password),
        TEST(test_user_who_may_little),
        TEST(test_messages),
        TEST(test_lists_that_look_like_messages),
        TEST(test_server_dies_and_comes_back),
        TEST(test_names),
        TEST(test_a_silent_address_is_not_tried_first_again),
        TEST(test_paths_that_are_too_long),
        TEST(test_tls),
        TEST(test_tls_names_and_authorities),
        TEST(test_tls_files),
        TEST(test_one_turn_is_one_write),
        TEST(test_callbacks_share_a_write),
        TEST(test_one_turn_is_one_write_with_tls),
        TEST(test_what_is_unsent),
        TEST(test_what_is_written_in_part_is_sent),
        TEST(test_with_tls_nobody_knows_what_is_unsent),
        TEST(test_greeting_is_pipelined),
        TEST(test_greetings_that_fail),
        TEST(test_greeting_that_never_ends),
        TEST(test_replies_in_pieces),
        TEST(test_what_ends_a_connection),
        TEST(test_many_replies_at_once),
        TEST(test_replies_without_end),
        TEST(test_large_replies),
        TEST(test_late_replies_are_dropped),
        TEST(test_deadlines_hold_when_the_loop_was_late),
        TEST(test_silence_is_the_end),
        TEST(test_abandoned),
        TEST(test_queue_limits),
        TEST(test_freed_with_commands_pending),
        TEST(test_freed_at_every_stage),
        TEST(test_without_memory),
    };
    return cmocka_run_group_tests(tests, begin_all, end_all);
}
