#include "proxy/stream_shards.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* "a", "b<a" (a's child), "c!" (closed), "d<c!": a listing's shards. */
typedef const char *const *shards;

static void page(char *out, size_t size, shards v, const char *next)
{
    size_t n = (size_t)snprintf(out, size, "{\"StreamDescription\":{\"Shards\":[");
    for (size_t i = 0; v[i]; i++) {
        int id = (int)strcspn(v[i], "<!");
        n += (size_t)snprintf(out + n, size - n, "%s{\"ShardId\":\"%.*s\"", i ? "," : "", id, v[i]);
        if (v[i][id] == '<')
            n += (size_t)snprintf(out + n, size - n, ",\"ParentShardId\":\"%.*s\"",
                                  (int)strcspn(v[i] + id + 1, "!"), v[i] + id + 1);
        n += (size_t)snprintf(out + n, size - n,
                              ",\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"1\"%s}}",
                              strchr(v[i], '!') ? ",\"EndingSequenceNumber\":\"2\"" : "");
    }
    n += (size_t)snprintf(out + n, size - n, "]");
    if (next)
        n += (size_t)snprintf(out + n, size - n, ",\"LastEvaluatedShardId\":\"%s\"", next);
    snprintf(out + n, size - n, "}}");
}

static bool list(ra_shards *s, bool from_now, shards v)
{
    char body[4096], last[RA_SHARD_ID_MAX + 1];
    bool lost;
    page(body, sizeof body, v, NULL);
    ra_shards_list_begin(s, from_now);
    assert_true(ra_shards_list_page(s, ra_bytes_z(body), last));
    assert_string_equal(last, "");
    assert_true(ra_shards_list_end(s, &lost));
    return lost;
}

#define LIST(s, ...) list(s, false, (const char *const[]){__VA_ARGS__, NULL})

static bool ready(ra_shards *s, const char *id)
{
    ra_shard *shard = ra_shards_find(s, id);
    assert_non_null(shard);
    return ra_shards_ready(s, shard);
}

static void finish(ra_shards *s, const char *id, int64_t drained)
{
    ra_shard *shard = ra_shards_find(s, id);
    assert_non_null(shard);
    shard->finished = true;
    shard->drained_ms = drained;
}

static void parents_come_first(void **state)
{
    (void)state;
    ra_shards *s = ra_shards_new(NULL);
    assert_false(LIST(s, "c<b", "b<a!", "a!", "x<gone"));
    assert_int_equal(ra_shards_count(s), 4);
    assert_true(ready(s, "a"));
    assert_false(ready(s, "b"));
    assert_false(ready(s, "c"));
    assert_true(ready(s, "x")); /* its parent's records have been trimmed */
    finish(s, "a", 5);
    assert_false(ready(s, "a"));
    assert_true(ready(s, "b"));
    assert_false(ready(s, "c"));
    ra_shards_free(s);
}

static void pages_are_one_listing(void **state)
{
    (void)state;
    char body[1024], last[RA_SHARD_ID_MAX + 1];
    bool lost;
    ra_shards *s = ra_shards_new(NULL);
    ra_shards_list_begin(s, true);
    page(body, sizeof body, (const char *const[]){"a!", "b<a", NULL}, "b");
    assert_true(ra_shards_list_page(s, ra_bytes_z(body), last));
    assert_string_equal(last, "b");
    assert_int_equal(ra_shards_count(s), 0); /* not before the end */
    page(body, sizeof body, (const char *const[]){"b<a!", "c<b", NULL}, NULL);
    assert_true(ra_shards_list_page(s, ra_bytes_z(body), last));
    assert_true(ra_shards_list_end(s, &lost));
    assert_false(lost);
    assert_int_equal(ra_shards_count(s), 3);
    assert_true(ra_shards_find(s, "b")->closed);
    assert_int_equal(ra_shards_find(s, "a")->start, RA_SHARD_FROM_OLDEST);
    assert_int_equal(ra_shards_find(s, "c")->start, RA_SHARD_FROM_NOW);
    list(s, true, (const char *const[]){"c<b", "d<c", NULL});
    assert_int_equal(ra_shards_find(s, "d")->start, RA_SHARD_FROM_OLDEST);
    ra_shards_free(s);
}

static void a_listing_that_is_given_up_adds_nothing(void **state)
{
    (void)state;
    char body[1024], last[RA_SHARD_ID_MAX + 1];
    ra_shards *s = ra_shards_new(NULL);
    LIST(s, "a");
    ra_shards_list_begin(s, false);
    page(body, sizeof body, (const char *const[]){"c<b", NULL}, "c");
    assert_true(ra_shards_list_page(s, ra_bytes_z(body), last));
    LIST(s, "a!", "b<a");
    assert_int_equal(ra_shards_count(s), 2);
    assert_null(ra_shards_find(s, "c"));
    ra_shards_free(s);
}

static unsigned forgotten;

static void forget(ra_shard *shard)
{
    assert_non_null(shard);
    forgotten++;
}

static void what_is_not_listed_any_more(void **state)
{
    (void)state;
    forgotten = 0;
    ra_shards *s = ra_shards_new(forget);
    LIST(s, "a!", "b!", "c<b", "d<c");
    finish(s, "a", 1);
    assert_true(LIST(s, "c<b", "d<c")); /* b wasn't finished */
    assert_int_equal(forgotten, 1);
    assert_null(ra_shards_find(s, "a"));
    assert_true(ra_shards_find(s, "b")->finished);
    assert_true(ready(s, "c"));
    assert_false(LIST(s, "c<b", "d<c")); /* it is said once */
    assert_null(ra_shards_find(s, "b"));
    assert_int_equal(forgotten, 2);
    ra_shards_free(s);
    assert_int_equal(forgotten, 4);
}

static void a_shard_that_comes_back_is_read_on(void **state)
{
    (void)state;
    ra_shards *s = ra_shards_new(NULL);
    LIST(s, "a", "b");
    assert_true(LIST(s, "b"));
    assert_false(ready(s, "a"));
    assert_false(LIST(s, "a", "b"));
    assert_true(ready(s, "a"));
    ra_shards_free(s);
}

/* A listing isn't made in one instant: a child may be in it whose parent came and went behind the reader. */
static void a_child_waits_for_a_parent_that_may_come(void **state)
{
    (void)state;
    ra_shards *s = ra_shards_new(NULL);
    LIST(s, "a");
    LIST(s, "a!", "c<b");
    assert_false(ready(s, "c"));
    assert_true(ra_shards_stale(s));
    LIST(s, "a!", "b<a!", "c<b");
    assert_false(ready(s, "c"));
    finish(s, "a", 1);
    finish(s, "b", 2);
    assert_true(ready(s, "c"));
    LIST(s, "c<b", "e<unknown");
    assert_false(ready(s, "e"));
    LIST(s, "c<b", "e<unknown");
    assert_true(ready(s, "e"));
    ra_shards_free(s);
}

/* No stream has them, but who waits for himself must not be left out in silence. */
static void parents_in_a_circle(void **state)
{
    (void)state;
    ra_shards *s = ra_shards_new(NULL);
    LIST(s, "a<c", "b<a", "c<b", "d<c", "x<y", "y<x", "z");
    ra_shards_find(s, "z")->drained_ms = 100;
    assert_int_equal(ra_shards_watermark(s), 0);
    for (size_t left = ra_shards_count(s); left; left--) {
        size_t i = 0;
        while (i < ra_shards_count(s) && !ra_shards_ready(s, ra_shards_at(s, i)))
            i++;
        assert_true(i < ra_shards_count(s));
        ra_shards_at(s, i)->finished = true;
    }
    ra_shards_free(s);
}

static void stale_until_children_are_known(void **state)
{
    (void)state;
    ra_shards *s = ra_shards_new(NULL);
    LIST(s, "a", "b");
    assert_false(ra_shards_stale(s));
    finish(s, "a", 10);
    assert_true(ra_shards_stale(s));
    LIST(s, "a!", "b", "c<a");
    assert_false(ra_shards_stale(s));
    finish(s, "b", 10); /* has no child for as long as one looks */
    for (int i = 0; i < 3; i++) {
        assert_true(ra_shards_stale(s));
        LIST(s, "a!", "b!", "c<a");
    }
    assert_false(ra_shards_stale(s));
    ra_shards_free(s);
}

static void the_watermark_is_the_least(void **state)
{
    (void)state;
    ra_shards *s = ra_shards_new(NULL);
    assert_int_equal(ra_shards_watermark(s), 0);
    LIST(s, "a", "b");
    assert_int_equal(ra_shards_watermark(s), 0);
    ra_shards_find(s, "a")->drained_ms = 100;
    assert_int_equal(ra_shards_watermark(s), 0); /* of b nothing is known */
    ra_shards_find(s, "b")->drained_ms = 200;
    assert_int_equal(ra_shards_watermark(s), 100);
    finish(s, "a", 150);
    ra_shards_find(s, "b")->drained_ms = 300;
    assert_int_equal(ra_shards_watermark(s), 150); /* it may have children */
    LIST(s, "a!", "b", "c<a", "d<a");
    assert_int_equal(ra_shards_watermark(s), 150); /* it has */
    ra_shards_find(s, "c")->drained_ms = 400;
    assert_int_equal(ra_shards_watermark(s), 150);
    ra_shards_find(s, "d")->drained_ms = 350;
    assert_int_equal(ra_shards_watermark(s), 300);
    assert_int_equal(ra_shards_drained(s, ra_shards_find(s, "d")), 350);
    ra_shards_free(s);
}

static void replies_that_are_none(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "{}",
        "{\"StreamDescription\":{}}",
        "{\"StreamDescription\":{\"Shards\":{}}}",
        "{\"StreamDescription\":{\"Shards\":[{}]}}",
        "{\"StreamDescription\":{\"Shards\":[{\"ShardId\":\"\"}]}}",
        "{\"StreamDescription\":{\"Shards\":[{\"ShardId\":\"a b\"}]}}",
        "{\"StreamDescription\":{\"Shards\":[{\"ShardId\":\"a\",\"ParentShardId\":\"a\"}]}}",
        "{\"StreamDescription\":{\"Shards\":[{\"ShardId\":\"a\",\"ParentShardId\":7}]}}",
        "{\"StreamDescription\":{\"Shards\":[],\"LastEvaluatedShardId\":7}}",
    };
    char last[RA_SHARD_ID_MAX + 1], status[16], view[24];
    ra_shards *s = ra_shards_new(NULL);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        ra_shards_list_begin(s, false);
        assert_false(ra_shards_list_page(s, ra_bytes_z(bodies[i]), last));
        assert_false(ra_stream_described(ra_bytes_z(bodies[i]), status, view));
    }
    char id[RA_SHARD_ID_MAX + 2], body[256];
    memset(id, 'x', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    snprintf(body, sizeof body, "{\"StreamDescription\":{\"Shards\":[{\"ShardId\":\"%s\"}]}}", id);
    assert_false(ra_shards_list_page(s, ra_bytes_z(body), last));
    assert_int_equal(ra_shards_count(s), 0);
    ra_shards_free(s);
}

static void a_stream_is_described(void **state)
{
    (void)state;
    char status[16], view[24];
    assert_true(ra_stream_described(
        RA_BYTES("{\"StreamDescription\":{\"StreamStatus\":\"DISABLING\",\"StreamViewType\":\"KEYS_ONLY\"}}"),
        status, view));
    assert_string_equal(status, "DISABLING");
    assert_string_equal(view, "KEYS_ONLY");
    assert_false(ra_stream_described(
        RA_BYTES(
            "{\"StreamDescription\":{\"StreamStatus\":\"LONGER_THAN_ANY_IS\",\"StreamViewType\":\"X\"}}"),
        status, view));
}

static void too_many_shards(void **state)
{
    (void)state;
    char body[256], last[RA_SHARD_ID_MAX + 1];
    bool lost;
    ra_shards *s = ra_shards_new(NULL);
    ra_shards_list_begin(s, false);
    for (int i = 0; i <= RA_SHARDS_MAX; i++) {
        snprintf(body, sizeof body, "{\"StreamDescription\":{\"Shards\":[{\"ShardId\":\"s%d\"}]}}",
                 i * 7919 % (RA_SHARDS_MAX + 1));
        assert_int_equal(ra_shards_list_page(s, ra_bytes_z(body), last), i < RA_SHARDS_MAX);
    }
    assert_true(ra_shards_list_end(s, &lost));
    assert_int_equal(ra_shards_count(s), RA_SHARDS_MAX);
    for (size_t i = 1; i < RA_SHARDS_MAX; i++)
        assert_true(strcmp(ra_shards_at(s, i - 1)->id, ra_shards_at(s, i)->id) < 0);
    ra_shards_free(s);
}

static void sequence_numbers_are_numbers(void **state)
{
    (void)state;
    assert_int_equal(ra_sequence_compare("", ""), 0);
    assert_true(ra_sequence_compare("", "1") < 0);
    assert_true(ra_sequence_compare("9", "10") < 0);
    assert_true(ra_sequence_compare("400", "399") > 0);
    assert_int_equal(ra_sequence_compare("0012", "12"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parents_come_first),
        cmocka_unit_test(pages_are_one_listing),
        cmocka_unit_test(a_listing_that_is_given_up_adds_nothing),
        cmocka_unit_test(what_is_not_listed_any_more),
        cmocka_unit_test(a_shard_that_comes_back_is_read_on),
        cmocka_unit_test(a_child_waits_for_a_parent_that_may_come),
        cmocka_unit_test(parents_in_a_circle),
        cmocka_unit_test(stale_until_children_are_known),
        cmocka_unit_test(the_watermark_is_the_least),
        cmocka_unit_test(replies_that_are_none),
        cmocka_unit_test(a_stream_is_described),
        cmocka_unit_test(too_many_shards),
        cmocka_unit_test(sequence_numbers_are_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
