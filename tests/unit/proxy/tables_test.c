/* The registry against a DynamoDB that answers DescribeTable when it is told to. */
#include "proxy/tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>

#define DESCRIBED                                                                                            \
    "{\"Table\":{\"TableName\":\"tbl\",\"TableStatus\":\"ACTIVE\",\"TableArn\":\"arn:aws:dynamodb:x:1:"      \
    "table/"                                                                                                 \
    "t\","                                                                                                   \
    "\"TableId\":\"%s\",\"KeySchema\":[{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"}],"                    \
    "\"AttributeDefinitions\":[{\"AttributeName\":\"pk\",\"AttributeType\":\"S\"}]}}"

typedef struct fixture {
    struct event_base *base;
    struct evhttp *dynamodb;
    struct evhttp_request *held; /* a request that waits for its answer */
    unsigned asked;
    ra_config *config;
    ra_credentials_provider *provider;
    ra_upstream *upstream;
    ra_mailbox *mailbox;
    ra_tables *tables;
} fixture;

static void asked(struct evhttp_request *r, void *arg)
{
    fixture *f = arg;
    f->asked++;
    assert_null(f->held);
    f->held = r;
    event_base_loopbreak(f->base);
}

static void answer(fixture *f, int status, const char *body)
{
    struct evhttp_request *r = f->held;
    assert_non_null(r);
    f->held = NULL;
    evbuffer_add_printf(evhttp_request_get_output_buffer(r), "%s", body);
    evhttp_send_reply(r, status, NULL, NULL);
}

static void answer_table(fixture *f, const char *id)
{
    char body[512];
    snprintf(body, sizeof body, DESCRIBED, id);
    answer(f, 200, body);
}

static void until_asked(fixture *f)
{
    while (!f->held)
        event_base_loop(f->base, EVLOOP_ONCE);
}

typedef struct waiter {
    ra_tables_wait wait;
    bool woken;
} waiter;

static void woken(ra_tables_wait *w)
{
    waiter *me = w->arg;
    me->woken = true;
}

static enum ra_tables_step get(fixture *f, waiter *w)
{
    *w = (waiter){.wait = {.mailbox = f->mailbox, .woken = woken}};
    w->wait.arg = w;
    const ra_table_config *c = ra_config_table(f->config, "tbl", 3);
    return ra_tables_get(f->tables, f->upstream, RA_BYTES("tbl"), c, &w->wait);
}

static void until_woken(fixture *f, waiter *w)
{
    while (!w->woken)
        event_base_loop(f->base, EVLOOP_ONCE);
}

static ra_key known(waiter *w)
{
    assert_int_equal(w->wait.step, RA_TABLES_KNOWN);
    assert_non_null(w->wait.table);
    ra_key key = w->wait.table->key;
    ra_table_unref(w->wait.table);
    return key;
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    setenv("AWS_ACCESS_KEY_ID", "id", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    f->base = event_base_new();
    f->dynamodb = evhttp_new(f->base);
    struct evhttp_bound_socket *s = evhttp_bind_socket_with_handle(f->dynamodb, "127.0.0.1", 0);
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    getsockname(evhttp_bound_socket_get_fd(s), (struct sockaddr *)&a, &n);
    evhttp_set_gencb(f->dynamodb, asked, f);
    char text[256];
    int len = snprintf(text, sizeof text,
                       "{\"upstream\":{\"endpoint\":\"http://127.0.0.1:%u\"},\"tables\":{\"tbl\":{}}}",
                       ntohs(a.sin_port));
    ra_problems problems = {0};
    f->config = ra_config_parse(text, (size_t)len, "test.jsonc", &problems);
    assert_non_null(f->config);
    ra_problems_free(&problems);
    f->provider = ra_credentials_environment_new();
    f->mailbox = ra_mailbox_new(f->base);
    f->upstream = ra_upstream_new(f->base, f->config, f->provider);
    f->tables = ra_tables_new(f->config);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    ra_upstream_free(f->upstream);
    ra_tables_free(f->tables);
    ra_mailbox_free(f->mailbox);
    ra_credentials_provider_free(f->provider);
    ra_config_unref(f->config);
    evhttp_free(f->dynamodb);
    event_base_free(f->base);
    free(f);
    return 0;
}

static void one_fetch_serves_all_who_wait(void **state)
{
    fixture *f = *state;
    waiter w[3];
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(get(f, &w[i]), RA_TABLES_PENDING);
    until_asked(f);
    answer_table(f, "one");
    ra_key key[3];
    for (size_t i = 0; i < 3; i++) {
        until_woken(f, &w[i]);
        key[i] = known(&w[i]);
    }
    assert_true(ra_key_eq(&key[0], &key[1]) && ra_key_eq(&key[0], &key[2]));
    assert_int_equal(get(f, &w[0]), RA_TABLES_KNOWN);
    known(&w[0]);
    assert_int_equal(f->asked, 1);
}

static void a_change_overtakes_a_fetch(void **state)
{
    fixture *f = *state;
    waiter w;
    assert_int_equal(get(f, &w), RA_TABLES_PENDING);
    until_asked(f);
    ra_tables_forget(f->tables, RA_BYTES("tbl"));
    answer_table(f, "old"); /* read before the change: must not be delivered */
    until_asked(f);
    assert_false(w.woken);
    answer_table(f, "new");
    until_woken(f, &w);
    ra_key new_key = known(&w);
    ra_tables_forget(f->tables, RA_BYTES("tbl"));
    assert_int_equal(get(f, &w), RA_TABLES_PENDING);
    until_asked(f);
    answer_table(f, "old");
    until_woken(f, &w);
    ra_key old_key = known(&w);
    assert_false(ra_key_eq(&new_key, &old_key));
}

static void what_does_not_exist_is_not_kept(void **state)
{
    fixture *f = *state;
    waiter w;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(get(f, &w), RA_TABLES_PENDING);
        until_asked(f);
        answer(f, 400, "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException\"}");
        until_woken(f, &w);
        assert_int_equal(w.wait.step, RA_TABLES_NONE);
    }
    assert_int_equal(f->asked, 2);
}

/* Its entries may still be in the cache, and count again should it be learnt anew. */
static void what_was_known_is_given_to_writes(void **state)
{
    fixture *f = *state;
    waiter w;
    assert_int_equal(get(f, &w), RA_TABLES_PENDING);
    until_asked(f);
    answer_table(f, "one");
    until_woken(f, &w);
    ra_key key = known(&w);
    ra_tables_forget(f->tables, RA_BYTES("tbl"));
    size_t n = 0;
    ra_table **all = ra_tables_all(f->tables, &n);
    assert_int_equal(n, 1);
    assert_true(ra_key_eq(&all[0]->key, &key));
    ra_table_unref(all[0]);
    free(all);
    assert_int_equal(get(f, &w), RA_TABLES_PENDING);
    until_asked(f);
    answer(f, 400, "{\"__type\":\"com.amazon.coral.service#AccessDeniedException\"}");
    until_woken(f, &w);
    assert_int_equal(w.wait.step, RA_TABLES_NONE);
    assert_true(ra_key_eq(&w.wait.table->key, &key));
    ra_table_unref(w.wait.table);
    assert_int_equal(get(f, &w), RA_TABLES_NONE); /* remembered */
    assert_true(ra_key_eq(&w.wait.table->key, &key));
    ra_table_unref(w.wait.table);
}

static void denial_is_remembered(void **state)
{
    fixture *f = *state;
    waiter w;
    assert_int_equal(get(f, &w), RA_TABLES_PENDING);
    until_asked(f);
    answer(f, 400, "{\"__type\":\"com.amazon.coral.service#AccessDeniedException\"}");
    until_woken(f, &w);
    assert_int_equal(w.wait.step, RA_TABLES_NONE);
    assert_int_equal(get(f, &w), RA_TABLES_NONE);
    assert_int_equal(f->asked, 1);
}

static void a_failure_is_handed_on(void **state)
{
    fixture *f = *state;
    waiter w;
    assert_int_equal(get(f, &w), RA_TABLES_PENDING);
    until_asked(f);
    answer(f, 500, "{\"__type\":\"InternalServerError\"}");
    until_woken(f, &w);
    assert_int_equal(w.wait.step, RA_TABLES_FAILED);
    assert_non_null(w.wait.reply);
    assert_int_equal(w.wait.reply->status, 500);
    ra_http_reply_unref(w.wait.reply);
}

static void who_left_is_not_woken(void **state)
{
    fixture *f = *state;
    waiter gone;
    waiter stays;
    assert_int_equal(get(f, &gone), RA_TABLES_PENDING);
    assert_int_equal(get(f, &stays), RA_TABLES_PENDING);
    ra_tables_leave(f->tables, &gone.wait);
    until_asked(f);
    answer_table(f, "one");
    until_woken(f, &stays);
    known(&stays);
    assert_false(gone.woken);
}

static void doubt_is_rate_limited(void **state)
{
    fixture *f = *state;
    waiter w;
    assert_int_equal(get(f, &w), RA_TABLES_PENDING);
    until_asked(f);
    answer_table(f, "one");
    until_woken(f, &w);
    known(&w);
    ra_tables_doubt(f->tables, RA_BYTES("tbl"));
    assert_int_equal(get(f, &w), RA_TABLES_PENDING);
    until_asked(f);
    answer_table(f, "one");
    until_woken(f, &w);
    known(&w);
    ra_tables_doubt(f->tables, RA_BYTES("tbl"));
    assert_int_equal(get(f, &w), RA_TABLES_KNOWN);
    known(&w);
    size_t n = 0;
    ra_table **all = ra_tables_all(f->tables, &n);
    assert_int_equal(n, 1);
    ra_table_unref(all[0]);
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_fetch_serves_all_who_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_overtakes_a_fetch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_exist_is_not_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_known_is_given_to_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(denial_is_remembered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failure_is_handed_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_left_is_not_woken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(doubt_is_rate_limited, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
