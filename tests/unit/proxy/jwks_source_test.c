/* The source of keys, against a provider that answers when it is told to. */
#include "proxy/jwks.h"

#include "jwt_fixture.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct provider {
    int fd;
    char uri[64];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* guarded by lock */
    char *reply; /* as it goes out; NULL: the connection is closed */
    unsigned asked, allowed, answered;
    bool over;
} provider;

/* Until the request's head is whole; false: the client has left. */
static bool read_head(int fd)
{
    char text[4096] = "";
    for (size_t n = 0; !strstr(text, "\r\n\r\n");) {
        ssize_t got = read(fd, text + n, sizeof text - 1 - n);
        if (got <= 0)
            return false;
        n += (size_t)got;
        text[n] = '\0';
    }
    return true;
}

/* Waits until it may answer. */
static void answer(provider *p, int fd)
{
    if (!read_head(fd))
        return;
    pthread_mutex_lock(&p->lock);
    p->asked++;
    pthread_cond_broadcast(&p->changed);
    while (p->answered >= p->allowed && !p->over)
        pthread_cond_wait(&p->changed, &p->lock);
    p->answered++;
    char *reply = p->reply ? strdup(p->reply) : NULL;
    pthread_mutex_unlock(&p->lock);
    if (reply && send(fd, reply, strlen(reply), MSG_NOSIGNAL) < 0)
        perror("send");
    free(reply);
}

static void *serve(void *arg)
{
    provider *p = arg;
    for (int fd; (fd = accept(p->fd, NULL, NULL)) >= 0;) {
        answer(p, fd);
        close(fd);
    }
    return NULL;
}

/* Takes the body. */
static void set_reply(provider *p, const char *status, char *body)
{
    char *reply = jwt_printf("HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status,
                             strlen(body), body);
    free(body);
    pthread_mutex_lock(&p->lock);
    free(p->reply);
    p->reply = reply;
    pthread_mutex_unlock(&p->lock);
}

static void allow(provider *p, unsigned n)
{
    pthread_mutex_lock(&p->lock);
    p->allowed += n;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

static void until_asked(provider *p, unsigned n)
{
    pthread_mutex_lock(&p->lock);
    while (p->asked < n)
        pthread_cond_wait(&p->changed, &p->lock);
    assert_int_equal(p->asked, n);
    pthread_mutex_unlock(&p->lock);
}

typedef struct fixture {
    provider p;
    struct event_base *base;
    ra_mailbox *mailbox;
    ra_config_jwt config;
    ra_jwks_source *source;
    unsigned woken;
} fixture;

static EVP_PKEY *first_key, *second_key;

/* The body of a set of one key. */
static char *set_text(EVP_PKEY *key, const char *kid)
{
    char *jwk = jwt_jwk(key, kid, ""), *text = jwt_printf("{\"keys\":[%s]}", jwk);
    free(jwk);
    return text;
}

static int set_up(void **state)
{
    static fixture f;
    f = (fixture){.base = event_base_new()};
    f.mailbox = ra_mailbox_new(f.base);
    pthread_mutex_init(&f.p.lock, NULL);
    pthread_cond_init(&f.p.changed, NULL);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof a;
    f.p.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f.p.fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(listen(f.p.fd, 8), 0);
    getsockname(f.p.fd, (struct sockaddr *)&a, &n);
    snprintf(f.p.uri, sizeof f.p.uri, "http://127.0.0.1:%u/keys", ntohs(a.sin_port));
    f.config.jwks_uri = f.p.uri;
    assert_int_equal(pthread_create(&f.p.thread, NULL, serve, &f.p), 0);
    set_reply(&f.p, "200 OK", set_text(first_key, "one"));
    f.source = ra_jwks_source_new(&f.config);
    assert_non_null(f.source);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    pthread_mutex_lock(&f->p.lock);
    f->p.over = true;
    pthread_cond_broadcast(&f->p.changed);
    pthread_mutex_unlock(&f->p.lock);
    ra_jwks_source_free(f->source);
    shutdown(f->p.fd, SHUT_RDWR); /* accept returns */
    pthread_join(f->p.thread, NULL);
    close(f->p.fd);
    free(f->p.reply);
    pthread_cond_destroy(&f->p.changed);
    pthread_mutex_destroy(&f->p.lock);
    ra_mailbox_free(f->mailbox);
    event_base_free(f->base);
    return 0;
}

static void woken(ra_background_wait *wait)
{
    fixture *f = wait->arg;
    f->woken++;
}

static ra_background_wait wait_of(fixture *f)
{
    return (ra_background_wait){.mailbox = f->mailbox, .woken = woken, .arg = f};
}

static void run_until_woken(fixture *f, unsigned n)
{
    while (f->woken < n)
        assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
    assert_int_equal(f->woken, n);
}

/* A wait that is granted, and what it waits for. */
static void wait_once(fixture *f)
{
    ra_background_wait w = wait_of(f);
    unsigned before = f->woken;
    assert_true(ra_jwks_source_wait(f->source, &w));
    allow(&f->p, 1);
    run_until_woken(f, before + 1);
}

static bool has(fixture *f, const char *kid)
{
    ra_jwks *k = ra_jwks_source_get(f->source);
    bool there = k && ra_jwks_find(k, ra_bytes_z(kid));
    ra_jwks_unref(k);
    return there;
}

/* At start: several wait for the one fetch. */
static void first_set(void **state)
{
    fixture *f = *state;
    ra_background_wait waits[3];
    assert_null(ra_jwks_source_get(f->source));
    for (size_t i = 0; i < 3; i++) {
        waits[i] = wait_of(f);
        assert_true(ra_jwks_source_wait(f->source, &waits[i]));
    }
    until_asked(&f->p, 1);
    allow(&f->p, 1);
    run_until_woken(f, 3);
    assert_true(has(f, "one"));
    assert_false(has(f, "two"));
    until_asked(&f->p, 1);
}

static void rotation(void **state)
{
    fixture *f = *state;
    wait_once(f);
    assert_true(has(f, "one"));
    ra_jwks *old = ra_jwks_source_get(f->source);
    set_reply(&f->p, "200 OK", set_text(second_key, "two"));
    wait_once(f);
    assert_true(has(f, "two"));
    assert_false(has(f, "one"));
    assert_non_null(ra_jwks_find(old, RA_BYTES("one"))); /* who holds the old set has it as it was */
    ra_jwks_unref(old);
    /* not again within a minute, however many ask */
    ra_background_wait w = wait_of(f);
    for (int i = 0; i < 100; i++)
        assert_false(ra_jwks_source_wait(f->source, &w));
    until_asked(&f->p, 2);
}

/* Who comes while the one fetch of this minute is under way waits for it, too. */
static void joins_what_was_asked_for(void **state)
{
    fixture *f = *state;
    wait_once(f);
    set_reply(&f->p, "200 OK", set_text(second_key, "two"));
    ra_background_wait first = wait_of(f), second = wait_of(f);
    assert_true(ra_jwks_source_wait(f->source, &first));
    until_asked(&f->p, 2);
    assert_true(ra_jwks_source_wait(f->source, &second));
    allow(&f->p, 1);
    run_until_woken(f, 3);
    assert_true(has(f, "two"));
    until_asked(&f->p, 2);
}

static void old_keys_go_on(fixture *f)
{
    wait_once(f);
    assert_true(has(f, "one"));
    until_asked(&f->p, 2);
}

static void provider_fails(void **state)
{
    fixture *f = *state;
    wait_once(f);
    set_reply(&f->p, "503 Service Unavailable", set_text(second_key, "two"));
    old_keys_go_on(f);
}

static void provider_talks_nonsense(void **state)
{
    fixture *f = *state;
    wait_once(f);
    set_reply(&f->p, "200 OK", strdup("{\"keys\":[]}"));
    old_keys_go_on(f);
}

static void provider_redirects(void **state)
{
    fixture *f = *state;
    wait_once(f);
    set_reply(&f->p, "302 Found\r\nLocation: http://127.0.0.1:1/", set_text(second_key, "two"));
    old_keys_go_on(f);
}

static void provider_says_too_much(void **state)
{
    fixture *f = *state;
    wait_once(f);
    char *set = set_text(second_key, "two");
    set_reply(&f->p, "200 OK", jwt_printf("%s%*s", set, RA_JWKS_MAX, ""));
    free(set);
    old_keys_go_on(f);
}

/* As long as there never were any, they are tried again without being asked for. */
static void provider_comes_late(void **state)
{
    fixture *f = *state;
    set_reply(&f->p, "500 Internal Server Error", strdup("no"));
    wait_once(f);
    assert_null(ra_jwks_source_get(f->source));
    set_reply(&f->p, "200 OK", set_text(first_key, "one"));
    until_asked(&f->p, 2); /* a second later, by itself */
    wait_once(f);
    assert_true(has(f, "one"));
    until_asked(&f->p, 2);
}

static void who_leaves_is_not_woken(void **state)
{
    fixture *f = *state;
    ra_background_wait gone = wait_of(f), stays = wait_of(f);
    assert_true(ra_jwks_source_wait(f->source, &gone));
    assert_true(ra_jwks_source_wait(f->source, &stays));
    ra_jwks_source_leave(f->source, &gone);
    allow(&f->p, 1);
    run_until_woken(f, 1);
    event_base_loop(f->base, EVLOOP_NONBLOCK);
    assert_int_equal(f->woken, 1);
    ra_jwks_source_leave(f->source, &stays); /* harmless */
}

static int make(void **state)
{
    (void)state;
    first_key = jwt_key(2048);
    second_key = jwt_key(2048);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    EVP_PKEY_free(first_key);
    EVP_PKEY_free(second_key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(first_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rotation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(joins_what_was_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(provider_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(provider_talks_nonsense, set_up, tear_down),
        cmocka_unit_test_setup_teardown(provider_redirects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(provider_says_too_much, set_up, tear_down),
        cmocka_unit_test_setup_teardown(provider_comes_late, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_leaves_is_not_woken, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
