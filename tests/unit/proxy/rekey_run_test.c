/* How long one target is tried: what is refused, what changes, what is waited out, and being told to stop. */
#include "rekey_fixture.h"

#include "proxy/rekey_run.h"

enum { STEPS = 64, SETTLE = 3000, FOUR_TRIES = 12000, FOUR_PAUSES = 4400, OUTAGE = 40000 };

/* What is answered, one after the other; the last one for ever. */
typedef struct script {
    fixture *f;
    const char *query[STEPS], *transact[STEPS];
    size_t queries, transactions;
    int64_t now;
    bool stop;
    unsigned troubles, ends;
    char said[256];
    ra_rekey_calls calls;
    ra_rekey_run run;
    ra_rekey_target target;
    const ra_stream_rule *rule;
} script;

#define ERROR(type) "{\"__type\":\"x#" type "\",\"message\":\"m\"}"
#define ROW         "{\"pk\":{\"S\":\"GRP#a\"},\"sk\":{\"S\":\"2024-01\"},\"g\":{\"S\":\"7\"}}"
#define CHANGED                                                                                              \
    "{\"__type\":\"x#TransactionCanceledException\",\"CancellationReasons\":[{\"Code\":"                     \
    "\"ConditionalCheckFailed\"},{\"Code\":\"None\"}]}"
static const char one_row[] = "{\"Items\":[" ROW "]}", no_row[] = "{\"Items\":[]}";

static ra_http_reply *answer(const char *const *list, size_t *n)
{
    ra_http_reply *r = ra_http_reply_new();
    assert_non_null(r);
    const char *text = list[*n];
    if (list[*n + 1])
        ++*n;
    r->status = strstr(text, "__type") ? 400 : 200;
    r->body = strdup(text);
    r->len = strlen(text);
    return r;
}

static ra_http_reply *query(void *arg, ra_bytes body)
{
    script *s = arg;
    assert_true(body.n > 0);
    return answer(s->query, &s->queries);
}

static ra_http_reply *transact(void *arg, ra_bytes body)
{
    script *s = arg;
    assert_true(body.n > 0);
    return answer(s->transact, &s->transactions);
}

static void wait_ms(void *arg, int64_t ms)
{
    script *s = arg;
    assert_true(ms > 0 && ms <= 5000);
    s->now += ms;
}

static bool stopping(void *arg)
{
    return ((script *)arg)->stop;
}

static int64_t monotonic(void *arg)
{
    return ((script *)arg)->now;
}

static void trouble(void *arg, const char *what_or_null)
{
    script *s = arg;
    *(what_or_null ? &s->troubles : &s->ends) += 1;
    if (what_or_null)
        snprintf(s->said, sizeof s->said, "%s", what_or_null);
}

static script *begin(fixture *f)
{
    script *s = ra_arena_alloc(&f->arena, sizeof *s);
    assert_non_null(s);
    s->f = f;
    s->rule = fixture_usual(f, &s->target);
    s->query[0] = one_row;
    s->query[1] = no_row;
    s->transact[0] = "{}";
    s->calls = (ra_rekey_calls){query, transact, "upstream", "the proxy", wait_ms, stopping, monotonic, s};
    s->run = (ra_rekey_run){
        .calls = &s->calls, .table = f->table, .tries = 4, .settle = SETTLE, .trouble = trouble, .arg = s};
    return s;
}

static enum ra_rekey_end go(script *s, ra_rekey_outcome *out, char error[256])
{
    enum ra_rekey_end end = ra_rekey_run_target(&s->run, s->rule, &s->target, out);
    snprintf(error, 256, "%.*s", (int)out->error.n, out->error.n ? out->error.p : "");
    ra_buf_free(&out->error);
    return end;
}

static void done(void **state)
{
    script *s = begin(*state);
    ra_rekey_outcome out;
    char error[256];
    assert_int_equal(go(s, &out, error), RA_REKEY_DONE);
    assert_int_equal(out.moved, 1);
    assert_int_equal(s->now, 0);
    assert_int_equal(s->troubles, 0);
}

static void what_is_refused_is_tried_as_often_as_said(void **state)
{
    script *s = begin(*state);
    ra_rekey_outcome out;
    char error[256];
    s->query[1] = NULL;
    s->transact[0] = ERROR("ValidationException");
    assert_int_equal(go(s, &out, error), RA_REKEY_GIVEN_UP);
    assert_int_equal(out.tries, 4);
    assert_int_equal(out.moved, 0);
    assert_string_equal(error, "ValidationException: m");
    assert_int_equal(s->troubles, 0);
}

static void a_try_of_what_changes_lasts_as_long_as_an_index_lags(void **state)
{
    script *s = begin(*state);
    ra_rekey_outcome out;
    char error[256];
    s->query[1] = NULL;
    s->transact[0] = CHANGED;
    assert_int_equal(go(s, &out, error), RA_REKEY_GIVEN_UP);
    assert_int_equal(out.tries, 4);
    assert_true(s->now >= FOUR_TRIES && s->now < FOUR_TRIES + FOUR_PAUSES);
}

static void what_has_changed_is_looked_for_again(void **state)
{
    script *s = begin(*state);
    ra_rekey_outcome out;
    char error[256];
    s->query[1] = one_row;
    s->query[2] = no_row;
    s->transact[0] = CHANGED;
    s->transact[1] = "{}";
    assert_int_equal(go(s, &out, error), RA_REKEY_DONE);
    assert_int_equal(out.moved, 1);
    assert_int_equal(out.tries, 0);
}

static void outages_are_waited_out_and_said_once(void **state)
{
    script *s = begin(*state);
    ra_rekey_outcome out;
    char error[256];
    for (size_t i = 0; i < 40; i++)
        s->query[i] = ERROR("ThrottlingException");
    s->query[40] = one_row;
    s->query[41] = no_row;
    for (size_t i = 0; i < 20; i++)
        s->transact[i] = "{}";
    assert_int_equal(go(s, &out, error), RA_REKEY_DONE);
    assert_int_equal(out.moved, 1);
    assert_int_equal(s->troubles, 1);
    assert_int_equal(s->ends, 1);
    assert_string_equal(s->said, "ThrottlingException: m");
    assert_true(s->now > OUTAGE); /* by more than its longest pause at least */
}

static void told_to_stop_it_does_not_wait(void **state)
{
    script *s = begin(*state);
    ra_rekey_outcome out;
    char error[256];
    s->stop = true;
    assert_int_equal(go(s, &out, error), RA_REKEY_DONE); /* what can be done is */
    s->queries = s->transactions = 0;
    s->query[0] = ERROR("ThrottlingException");
    assert_int_equal(go(s, &out, error), RA_REKEY_STOPPED);
    assert_int_equal(s->now, 0);
}

static void all_pages_are_read(void **state)
{
    script *s = begin(*state);
    ra_rekey_outcome out;
    char error[256];
    s->query[0] = s->query[1] = "{\"Items\":[" ROW "],\"LastEvaluatedKey\":{\"pk\":{\"S\":\"GRP#a\"}}}";
    s->query[2] = one_row;
    s->query[3] = no_row;
    assert_int_equal(go(s, &out, error), RA_REKEY_DONE);
    assert_int_equal(out.moved, 3);
}

static void what_is_no_reply_is_waited_out(void **state)
{
    script *s = begin(*state);
    ra_rekey_outcome out;
    char error[256];
    s->query[0] = "<html>";
    s->query[1] = one_row;
    s->query[2] = no_row;
    assert_int_equal(go(s, &out, error), RA_REKEY_DONE);
    assert_int_equal(out.moved, 1);
    assert_int_equal(s->troubles, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(done),
        TEST(what_is_refused_is_tried_as_often_as_said),
        TEST(a_try_of_what_changes_lasts_as_long_as_an_index_lags),
        TEST(what_has_changed_is_looked_for_again),
        TEST(outages_are_waited_out_and_said_once),
        TEST(told_to_stop_it_does_not_wait),
        TEST(all_pages_are_read),
        TEST(what_is_no_reply_is_waited_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
