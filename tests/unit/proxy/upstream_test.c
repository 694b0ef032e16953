/* What is sent to DynamoDB, and what comes of calls that can't be made. */
#include "proxy/upstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct fixture {
    struct event_base *base;
    struct evhttp *dynamodb;
    unsigned port;
    char headers[4096]; /* "name: value\n" of the last request */
    unsigned requests;
    ra_credentials_provider provider;
    enum ra_credentials_step step;
    ra_credentials_wait *later; /* PENDING: whom to tell */
    unsigned left;
    ra_upstream *upstream;
    bool done;
    enum ra_http_result result;
    int status;
    char error[160];
} fixture;

static fixture *the; /* the provider's interface has no room for ours */

static void asked(struct evhttp_request *r, void *arg)
{
    fixture *f = arg;
    size_t n = 0;
    f->requests++;
    for (const struct evkeyval *h = evhttp_request_get_input_headers(r)->tqh_first; h; h = h->next.tqe_next)
        n += (size_t)snprintf(f->headers + n, sizeof f->headers - n, "%s: %s\n", h->key, h->value);
    evbuffer_add_printf(evhttp_request_get_output_buffer(r), "{}");
    evhttp_send_reply(r, 200, NULL, NULL);
}

static ra_credentials *somebody(void)
{
    return ra_credentials_new("AKID", "secret", "a session token", INT64_MAX, "test");
}

static enum ra_credentials_step give(ra_credentials_provider *p, ra_credentials **out, const char **why,
                                     ra_mailbox *mailbox, ra_credentials_wait *wait)
{
    (void)mailbox;
    assert_ptr_equal(p, &the->provider);
    *why = "there are none";
    the->later = wait;
    if (the->step == RA_CREDENTIALS_READY)
        *out = somebody();
    return the->step;
}

static void leave(ra_credentials_provider *p, ra_credentials_wait *wait)
{
    assert_ptr_equal(p, &the->provider);
    assert_ptr_equal(wait, the->later);
    the->left++;
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    the = f;
    f->base = event_base_new();
    f->dynamodb = evhttp_new(f->base);
    struct evhttp_bound_socket *s = evhttp_bind_socket_with_handle(f->dynamodb, "127.0.0.1", 0);
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    getsockname(evhttp_bound_socket_get_fd(s), (struct sockaddr *)&a, &n);
    f->port = ntohs(a.sin_port);
    evhttp_set_gencb(f->dynamodb, asked, f);
    char text[256];
    int len =
        snprintf(text, sizeof text,
                 "{\"upstream\":{\"endpoint\":\"http://127.0.0.1:%u\"},\"tables\":{\"tbl\":{}}}", f->port);
    ra_problems problems = {0};
    ra_config *config = ra_config_parse(text, (size_t)len, "test.jsonc", &problems);
    assert_non_null(config);
    ra_problems_free(&problems);
    f->provider.get = give;
    f->provider.leave = leave;
    f->step = RA_CREDENTIALS_READY;
    f->upstream = ra_upstream_new(f->base, config, &f->provider);
    ra_config_unref(config);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    ra_upstream_free(f->upstream);
    evhttp_free(f->dynamodb);
    event_base_free(f->base);
    free(f);
    return 0;
}

static void done(ra_http_reply *reply, void *arg)
{
    fixture *f = arg;
    f->done = true;
    f->result = reply->result;
    f->status = reply->status;
    snprintf(f->error, sizeof f->error, "%s", reply->error);
}

static ra_upstream_call *send_one(fixture *f, const char **why)
{
    ra_upstream_request r = {.target = RA_BYTES("DynamoDB_20120810.GetItem"),
                             .content_type = RA_BYTES("application/x-amz-json-1.0"),
                             .user_agent = RA_BYTES("a client/1"),
                             .body = RA_BYTES("{}"),
                             .deadline = 30000};
    return ra_upstream_send(f->upstream, &r, done, f, why);
}

static void until_done(fixture *f)
{
    while (!f->done)
        event_base_loop(f->base, EVLOOP_ONCE);
}

static void assert_header(const fixture *f, const char *name, const char *value)
{
    char line[256];
    snprintf(line, sizeof line, "%s: %s", name, value);
    if (!strstr(f->headers, line))
        fail_msg("no \"%s\" in\n%s", line, f->headers);
}

static void what_is_sent(void **state)
{
    fixture *f = *state;
    const char *why = NULL;
    assert_non_null(send_one(f, &why));
    assert_false(f->done); /* never inside the call */
    until_done(f);
    assert_int_equal(f->result, RA_HTTP_OK);
    assert_int_equal(f->status, 200);
    char host[64];
    snprintf(host, sizeof host, "127.0.0.1:%u", f->port);
    assert_header(f, "Host", host);
    assert_header(f, "Content-Type", "application/x-amz-json-1.0");
    assert_header(f, "X-Amz-Target", "DynamoDB_20120810.GetItem");
    assert_header(f, "User-Agent", "a client/1");
    assert_header(f, "Accept-Encoding", "identity");
    assert_header(f, "X-Amz-Security-Token", "a session token");
    assert_header(f, "Authorization", "AWS4-HMAC-SHA256 Credential=AKID/");
    assert_header(f, "Content-Length", "2");
    assert_null(strstr(f->headers, "Expect:"));
    assert_null(strstr(f->headers, "Accept:"));
}

static void without_credentials_nothing_is_sent(void **state)
{
    fixture *f = *state;
    const char *why = NULL;
    f->step = RA_CREDENTIALS_NONE;
    assert_null(send_one(f, &why));
    assert_string_equal(why, "there are none");
}

static void credentials_may_come_later(void **state)
{
    fixture *f = *state;
    const char *why = NULL;
    f->step = RA_CREDENTIALS_PENDING;
    assert_non_null(send_one(f, &why));
    assert_int_equal(f->requests, 0);
    f->later->done(somebody(), NULL, f->later->arg);
    until_done(f);
    assert_int_equal(f->result, RA_HTTP_OK);
    assert_header(f, "User-Agent", "a client/1");
}

static void credentials_may_never_come(void **state)
{
    fixture *f = *state;
    const char *why = NULL;
    f->step = RA_CREDENTIALS_PENDING;
    assert_non_null(send_one(f, &why));
    f->later->done(NULL, "the source is down", f->later->arg);
    assert_true(f->done);
    assert_int_equal(f->result, RA_HTTP_NOT_SENT);
    assert_string_equal(f->error, "the source is down");
    assert_int_equal(f->requests, 0);
}

static void who_was_cancelled_is_not_called(void **state)
{
    fixture *f = *state;
    const char *why = NULL;
    f->step = RA_CREDENTIALS_PENDING;
    ra_upstream_cancel(send_one(f, &why));
    assert_int_equal(f->left, 1);
    f->step = RA_CREDENTIALS_READY;
    ra_upstream_cancel(send_one(f, &why));
    assert_non_null(send_one(f, &why));
    until_done(f);
    assert_int_equal(f->result, RA_HTTP_OK);
    send_one(f, &why); /* still under way when the upstream is freed, */
    f->step = RA_CREDENTIALS_PENDING;
    send_one(f, &why); /* and one that waits */
    ra_upstream_free(f->upstream);
    f->upstream = NULL;
    assert_int_equal(f->left, 2);
}

static void a_failure_is_a_reply(void **state)
{
    (void)state;
    ra_http_reply *r = ra_upstream_failure("why");
    assert_int_equal(r->result, RA_HTTP_NOT_SENT);
    assert_string_equal(r->error, "why");
    ra_http_reply_unref(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_credentials_nothing_is_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(credentials_may_come_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(credentials_may_never_come, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_was_cancelled_is_not_called, set_up, tear_down),
        cmocka_unit_test(a_failure_is_a_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
