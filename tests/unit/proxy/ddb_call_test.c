#include "proxy/ddb_call.h"
#include "proxy/stream_api.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { TIMEOUT = 60 * 1000 };

/* ---- a peer: answers one request, or only reads it ---- */

typedef struct peer {
    int listener;
    char endpoint[64];
    char request[8192]; /* as it came */
    ra_ddb *stop;       /* told to stop, instead of an answer */
    pthread_t thread;
} peer;

static void *serve(void *arg)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    peer *p = arg;
    int fd = accept(p->listener, NULL, NULL);
    size_t n = 0;
    while (fd >= 0 && !strstr(p->request, "\r\n\r\n{}") && n < sizeof p->request - 1) {
        ssize_t got = read(fd, p->request + n, sizeof p->request - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    if (p->stop)
        ra_ddb_stop(p->stop);
    else if (write(fd, answer, sizeof answer - 1) < 0)
        perror("write");
    if (p->stop) { /* until the client has left, so that it isn't this end that ends the call */
        while (read(fd, p->request + n, 1) > 0) {
        }
    }
    close(fd);
    return NULL;
}

static void peer_open(peer *p)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    *p = (peer){.listener = socket(AF_INET, SOCK_STREAM, 0)};
    assert_true(p->listener >= 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(p->listener, 4), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&a, &size), 0);
    snprintf(p->endpoint, sizeof p->endpoint, "http://127.0.0.1:%d", ntohs(a.sin_port));
}

static void peer_start(peer *p)
{
    assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
}

static void peer_close(peer *p)
{
    pthread_join(p->thread, NULL);
    close(p->listener);
}

/* ---- a provider: answers at once, later, or never ---- */

typedef struct provider {
    ra_credentials_provider p; /* first */
    enum ra_credentials_step step;
    bool answers;
    bool left;
    unsigned asked;
    ra_credentials_wait *wait;
    ra_letter letter;
    ra_ddb *stop; /* told to stop while it waits */
    pthread_t thread;
    ra_mailbox *mailbox;
} provider;

static ra_credentials *some_credentials(void)
{
    return ra_credentials_new("AKIDTEST", "secret", NULL, INT64_MAX, "test");
}

static void deliver(ra_letter *letter, void *arg)
{
    provider *p = arg;
    (void)letter;
    p->wait->done(some_credentials(), NULL, p->wait->arg);
}

static void *answer_later(void *arg)
{
    provider *p = arg;
    if (p->stop)
        ra_ddb_stop(p->stop);
    else
        ra_mailbox_post(p->mailbox, &p->letter);
    return NULL;
}

static enum ra_credentials_step get(ra_credentials_provider *self, ra_credentials **out, const char **why,
                                    ra_mailbox *mailbox, ra_credentials_wait *wait)
{
    provider *p = (provider *)self;
    p->asked++;
    if (p->step == RA_CREDENTIALS_READY)
        *out = some_credentials();
    else if (p->step == RA_CREDENTIALS_NONE)
        *why = "there are none today";
    else {
        assert_non_null(mailbox);
        p->wait = wait;
        p->mailbox = mailbox;
        p->letter = (ra_letter){.deliver = deliver, .arg = p};
        assert_int_equal(pthread_create(&p->thread, NULL, answer_later, p), 0);
    }
    return p->step;
}

static void leave(ra_credentials_provider *self, ra_credentials_wait *wait)
{
    provider *p = (provider *)self;
    assert_ptr_equal(wait, p->wait);
    p->left = true;
}

static void provider_init(provider *p, enum ra_credentials_step step)
{
    *p = (provider){.p = {.get = get, .leave = leave}, .step = step};
}

static ra_ddb *client(const peer *dynamodb, const peer *streams, provider *p)
{
    const char *why = NULL;
    ra_ddb_options o = {.endpoint = dynamodb->endpoint, .region = "us-east-1"};
    ra_ddb *d = ra_ddb_new_streams(&o, streams->endpoint, &p->p, &why);
    assert_non_null(d);
    return d;
}

/* ---- tests ---- */

static void each_service_has_its_place(void **state)
{
    (void)state;
    peer dynamodb, streams;
    provider p;
    provider_init(&p, RA_CREDENTIALS_READY);
    peer_open(&dynamodb);
    peer_open(&streams);
    ra_ddb *d = client(&dynamodb, &streams, &p);
    peer_start(&dynamodb);
    ra_http_reply *r = ra_ddb_call(d, "DescribeTable", RA_BYTES("{}"), TIMEOUT);
    assert_true(ra_ddb_succeeded(r));
    ra_http_reply_unref(r);
    peer_start(&streams);
    r = ra_ddb_call(d, "GetRecords", RA_BYTES("{}"), TIMEOUT);
    assert_true(ra_ddb_succeeded(r));
    ra_http_reply_unref(r);
    peer_close(&dynamodb);
    peer_close(&streams);
    assert_non_null(strstr(dynamodb.request, "X-Amz-Target: DynamoDB_20120810.DescribeTable\r\n"));
    assert_non_null(strstr(streams.request, "X-Amz-Target: DynamoDBStreams_20120810.GetRecords\r\n"));
    assert_non_null(strstr(streams.request, "Credential=AKIDTEST/"));
    assert_non_null(strstr(streams.request, streams.endpoint + strlen("http://")));
    assert_int_equal(p.asked, 2);
    ra_ddb_free(d);
}

static void credentials_are_waited_for(void **state)
{
    (void)state;
    peer dynamodb, streams;
    provider p;
    provider_init(&p, RA_CREDENTIALS_PENDING);
    peer_open(&dynamodb);
    peer_open(&streams);
    ra_ddb *d = client(&dynamodb, &streams, &p);
    peer_start(&dynamodb);
    peer_start(&streams);
    ra_http_reply *r = ra_ddb_call(d, "DescribeStream", RA_BYTES("{}"), TIMEOUT);
    assert_true(ra_ddb_succeeded(r));
    ra_http_reply_unref(r);
    pthread_join(p.thread, NULL);
    assert_false(p.left);
    p.step = RA_CREDENTIALS_READY;
    ra_http_reply_unref(ra_ddb_call(d, "DescribeTable", RA_BYTES("{}"), TIMEOUT));
    peer_close(&dynamodb);
    peer_close(&streams);
    ra_ddb_free(d);
}

static void without_credentials_nothing_is_sent(void **state)
{
    (void)state;
    peer dynamodb, streams;
    provider p;
    provider_init(&p, RA_CREDENTIALS_NONE);
    peer_open(&dynamodb);
    peer_open(&streams);
    ra_ddb *d = client(&dynamodb, &streams, &p);
    ra_http_reply *r = ra_ddb_call(d, "GetRecords", RA_BYTES("{}"), TIMEOUT);
    assert_non_null(r);
    assert_int_equal(r->result, RA_HTTP_NOT_SENT);
    assert_string_equal(r->error, "no AWS credentials: there are none today");
    ra_http_reply_unref(r);
    ra_ddb_free(d);
    close(dynamodb.listener);
    close(streams.listener);
}

/* While a reply is awaited: the peer has the request, and says to stop instead of answering. */
static void a_call_is_stopped(void **state)
{
    (void)state;
    peer dynamodb, streams;
    provider p;
    provider_init(&p, RA_CREDENTIALS_READY);
    peer_open(&dynamodb);
    peer_open(&streams);
    ra_ddb *d = client(&dynamodb, &streams, &p);
    streams.stop = d;
    peer_start(&streams);
    ra_http_reply *r = ra_ddb_call(d, "GetRecords", RA_BYTES("{}"), TIMEOUT);
    assert_non_null(r);
    assert_int_equal(r->result, RA_HTTP_CUT);
    assert_string_equal(r->error, "stopped");
    ra_http_reply_unref(r);
    assert_true(ra_ddb_stopped(d));
    r = ra_ddb_call(d, "GetRecords", RA_BYTES("{}"), TIMEOUT); /* for good */
    assert_int_equal(r->result, RA_HTTP_NOT_SENT);
    ra_http_reply_unref(r);
    ra_ddb_wait(d, INT64_C(3600) * 1000);
    peer_close(&streams);
    ra_ddb_free(d);
    close(dynamodb.listener);
}

static void *stop_it(void *arg)
{
    ra_ddb_stop(arg);
    return NULL;
}

static void a_wait_is_stopped(void **state)
{
    (void)state;
    peer dynamodb, streams;
    provider p;
    pthread_t thread;
    provider_init(&p, RA_CREDENTIALS_READY);
    peer_open(&dynamodb);
    peer_open(&streams);
    ra_ddb *d = client(&dynamodb, &streams, &p);
    ra_ddb_wait(d, 1);
    assert_int_equal(pthread_create(&thread, NULL, stop_it, d), 0);
    ra_ddb_wait(d, INT64_C(3600) * 1000);
    assert_true(ra_ddb_stopped(d));
    pthread_join(thread, NULL);
    ra_ddb_free(d);
    close(dynamodb.listener);
    close(streams.listener);
}

static void waiting_for_credentials_is_stopped(void **state)
{
    (void)state;
    peer dynamodb, streams;
    provider p;
    provider_init(&p, RA_CREDENTIALS_PENDING);
    peer_open(&dynamodb);
    peer_open(&streams);
    ra_ddb *d = client(&dynamodb, &streams, &p);
    p.stop = d;
    ra_http_reply *r = ra_ddb_call(d, "GetRecords", RA_BYTES("{}"), INT64_C(3600) * 1000);
    assert_non_null(r);
    assert_string_equal(r->error, "stopped");
    assert_true(p.left);
    ra_http_reply_unref(r);
    pthread_join(p.thread, NULL);
    ra_ddb_free(d);
    close(dynamodb.listener);
    close(streams.listener);
}

/* The same by way of what a walk has. */
static void a_walks_calls(void **state)
{
    (void)state;
    peer dynamodb, streams;
    provider p;
    const char *why = NULL;
    provider_init(&p, RA_CREDENTIALS_READY);
    peer_open(&dynamodb);
    peer_open(&streams);
    ra_ddb_options o = {.endpoint = dynamodb.endpoint, .region = "us-east-1"};
    ra_stream_calls *c = ra_stream_calls_new(&o, streams.endpoint, &p.p, &why);
    assert_non_null(c);
    const ra_stream_api *api = ra_stream_calls_api(c);
    peer_start(&streams);
    ra_http_reply *r = api->call(api->arg, "GetShardIterator", RA_BYTES("{}"), TIMEOUT);
    assert_true(ra_ddb_succeeded(r));
    ra_http_reply_unref(r);
    api->wait(api->arg, 1);
    api->stop(api->arg);
    api->wait(api->arg, INT64_C(3600) * 1000);
    r = api->call(api->arg, "GetShardIterator", RA_BYTES("{}"), TIMEOUT);
    assert_string_equal(r->error, "stopped");
    ra_http_reply_unref(r);
    peer_close(&streams);
    close(dynamodb.listener);
    ra_stream_calls_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_service_has_its_place),
        cmocka_unit_test(credentials_are_waited_for),
        cmocka_unit_test(without_credentials_nothing_is_sent),
        cmocka_unit_test(a_call_is_stopped),
        cmocka_unit_test(a_wait_is_stopped),
        cmocka_unit_test(waiting_for_credentials_is_stopped),
        cmocka_unit_test(a_walks_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
