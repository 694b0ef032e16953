/* What cache/store.c does itself: write ids, and which calls reach a store at all. */
#include "cache/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct spy {
    ra_store store;
    unsigned asks, lookups, begins, ends, invalidations, cancels, frees, posts, notes, takes;
} spy;

static enum ra_store_step spy_ask(ra_store *s, int64_t now, ra_lookup *v, ra_store_call *call)
{
    (void)now;
    ((spy *)s)->asks++;
    assert_false(call->ok); /* what the caller left in them says nothing */
    assert_null(call->pending);
    assert_true(!v->payload && !v->near && !v->reason && v->filling_for == -1);
    call->pending = s;
    return RA_STORE_PENDING;
}

static enum ra_store_step spy_lookup(ra_store *s, int64_t now, ra_lookup *v, size_t n, ra_store_call *call)
{
    (void)now;
    ((spy *)s)->lookups++;
    for (size_t i = 0; i < n; i++)
        v[i].outcome = RA_LOOKUP_MISS;
    call->pending = s;
    return RA_STORE_PENDING;
}

static enum ra_store_step spy_begin(ra_store *s, int64_t now, const ra_write_id *id, const ra_key *units,
                                    size_t n, int64_t hold, ra_store_call *call)
{
    (void)now, (void)id, (void)units, (void)n, (void)hold;
    ((spy *)s)->begins++;
    call->ok = false;
    return RA_STORE_DONE;
}

static void spy_end(ra_store *s, int64_t now, const ra_write_id *id, const ra_key *units, size_t n,
                    int64_t settle)
{
    (void)now, (void)id, (void)units, (void)n, (void)settle;
    ((spy *)s)->ends++;
}

static void spy_invalidate(ra_store *s, int64_t now, const ra_key *units, size_t n)
{
    (void)now, (void)units, (void)n;
    ((spy *)s)->invalidations++;
}

static void spy_cancel(ra_store *s, ra_store_call *call)
{
    ((spy *)s)->cancels++;
    call->pending = NULL;
}

static void spy_stats(ra_store *s, ra_store_stats *out)
{
    (void)s;
    out->hits = 3;
}

static void spy_free(ra_store *s)
{
    ((spy *)s)->frees++;
}

static const ra_store_ops spy_ops = {.name = "spy",
                                     .lookup = spy_lookup,
                                     .begin = spy_begin,
                                     .end = spy_end,
                                     .invalidate = spy_invalidate,
                                     .cancel = spy_cancel,
                                     .stats = spy_stats,
                                     .free = spy_free};

static void test_nothing_to_do_reaches_no_store(void **state)
{
    (void)state;
    spy s = {.store = {&spy_ops}};
    ra_store_call call = {.pending = &s};
    ra_write_id id = {{0}};
    assert_int_equal(ra_store_lookup(&s.store, 0, NULL, 0, &call), RA_STORE_DONE);
    assert_null(call.pending);
    call.ok = false;
    assert_int_equal(ra_store_begin(&s.store, 0, &id, NULL, 0, 1, &call), RA_STORE_DONE);
    assert_true(call.ok); /* every unit of none is marked */
    ra_store_end(&s.store, 0, &id, NULL, 0, 0);
    ra_store_invalidate(&s.store, 0, NULL, 0);
    ra_store_cancel(&s.store, &call);
    assert_int_equal(s.lookups + s.begins + s.ends + s.invalidations + s.cancels, 0);
}

static void test_calls_reach_the_store(void **state)
{
    (void)state;
    spy s = {.store = {&spy_ops}};
    ra_store_call call = {.ok = true};
    ra_write_id id = {{0}};
    ra_key unit = {{1}};
    ra_lookup v = {.unit = unit, .awaits = true, .filling_for = 7};
    assert_int_equal(ra_store_lookup(&s.store, 0, &v, 1, &call), RA_STORE_PENDING);
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    assert_int_equal(v.filling_for, -1); /* this store knows of no others */
    ra_store_cancel(&s.store, &call);
    ra_store_cancel(&s.store, &call);
    assert_int_equal(s.cancels, 1); /* the second time nothing was pending */
    assert_int_equal(ra_store_begin(&s.store, 0, &id, &unit, 1, 1, &call), RA_STORE_DONE);
    assert_false(call.ok);
    ra_store_end(&s.store, 0, &id, &unit, 1, 0);
    ra_store_invalidate(&s.store, 0, &unit, 1);
    assert_int_equal(s.lookups + s.begins + s.ends + s.invalidations, 4);
    ra_store_stats n = {.misses = 9};
    ra_store_get_stats(&s.store, &n);
    assert_int_equal(n.hits, 3);
    assert_int_equal(n.misses, 0);
    ra_store_free(&s.store);
    ra_store_free(NULL);
    assert_int_equal(s.frees, 1);
}

static void test_only_who_can_be_asked_is(void **state)
{
    (void)state;
    ra_store_ops silent_ops = spy_ops, asking_ops = spy_ops;
    asking_ops.ask = spy_ask;
    spy silent = {.store = {&silent_ops}}, asking = {.store = {&asking_ops}};
    ra_payload *left = ra_payload_new(RA_BYTES("text"), 0, 0, 0);
    ra_lookup v = {.payload = left, .near = true, .reason = "left", .filling_for = 7};
    ra_store_call call = {.ok = true, .pending = &silent};
    assert_int_equal(ra_store_ask(&silent.store, 0, &v, &call), RA_STORE_DONE);
    assert_false(call.ok);
    assert_null(call.pending);
    assert_null(v.payload);
    v = (ra_lookup){.payload = left, .near = true, .reason = "left", .filling_for = 7};
    call = (ra_store_call){.ok = true, .pending = &silent};
    assert_int_equal(ra_store_ask(&asking.store, 0, &v, &call), RA_STORE_PENDING);
    assert_int_equal(asking.asks, 1);
    assert_int_equal(silent.lookups + asking.lookups, 0);
    ra_store_cancel(&asking.store, &call);
    assert_int_equal(asking.cancels, 1);
    ra_payload_unref(left);
}

static enum ra_store_step spy_post(ra_store *s, int64_t now, ra_post *p, ra_store_call *call)
{
    (void)now;
    ((spy *)s)->posts++;
    assert_false(call->ok || p->held || p->taken_over || p->found_n); /* nor does what was left in *p */
    assert_null(call->pending);
    return RA_STORE_DONE;
}

static void spy_note_own(ra_store *s, int64_t now, const ra_key *item, const ra_key *image, int64_t took)
{
    (void)now, (void)item, (void)image, (void)took;
    ((spy *)s)->notes++;
}

static enum ra_store_step spy_take_own(ra_store *s, int64_t now, int64_t since, ra_own_change *v, size_t n,
                                       ra_store_call *call)
{
    (void)now;
    assert_int_equal(since, 7);
    ((spy *)s)->takes++;
    assert_false(call->ok);
    for (size_t i = 0; i < n; i++)
        assert_false(v[i].own);
    return RA_STORE_DONE;
}

static ra_post post_for(int64_t lease, bool leave)
{
    return (ra_post){.lease = lease,
                     .leave = leave,
                     .note = "note",
                     .note_n = 4,
                     .held = true,
                     .taken_over = true,
                     .found_n = 7};
}

/* Who can't arbitrate lets everybody hold everything, and remembers nothing. */
static void test_posts(void **state)
{
    (void)state;
    ra_store_ops posting_ops = spy_ops;
    posting_ops.post = spy_post;
    spy lax = {.store = {&spy_ops}}, strict = {.store = {&posting_ops}};
    assert_false(ra_store_arbitrates(&lax.store));
    assert_true(ra_store_arbitrates(&strict.store));
    ra_store_call call = {.pending = &lax};
    for (unsigned i = 0; i < 4; i++) {
        ra_post p = post_for(i % 2 ? 1000 : 0, i / 2);
        call.ok = false;
        assert_int_equal(ra_store_post(&lax.store, 0, &p, &call), RA_STORE_DONE);
        assert_true(call.ok);
        assert_null(call.pending);
        assert_int_equal(p.held, i == 1);
        assert_false(p.taken_over || p.found_n);
        assert_true(p.found_since == RA_SINCE_EVER);
    }
    ra_post p = post_for(1000, false);
    call = (ra_store_call){.ok = true, .pending = &lax};
    assert_int_equal(ra_store_post(&strict.store, 0, &p, &call), RA_STORE_DONE);
    assert_int_equal(strict.posts, 1);
    assert_false(call.ok);
}

static void test_own_writes(void **state)
{
    (void)state;
    ra_store_ops noting_ops = spy_ops;
    noting_ops.note_own = spy_note_own;
    noting_ops.take_own = spy_take_own;
    spy not_it = {.store = {&spy_ops}}, it = {.store = {&noting_ops}};
    assert_false(ra_store_notes_own(&not_it.store));
    assert_true(ra_store_notes_own(&it.store));
    ra_key key = {{1}};
    ra_store_note_own(&not_it.store, 0, &key, &key, 1);
    ra_store_note_own(&it.store, 0, &key, &key, 1);
    assert_int_equal(it.notes, 1);
    ra_own_change v[2] = {{.own = true}, {.own = false}};
    ra_store_call call = {.pending = &it};
    assert_int_equal(ra_store_take_own(&not_it.store, 0, 7, v, 2, &call), RA_STORE_DONE);
    assert_true(call.ok && v[0].own && !v[1].own); /* what the process has found out */
    assert_null(call.pending);
    assert_int_equal(ra_store_take_own(&it.store, 0, 7, v, 2, &call), RA_STORE_DONE);
    assert_int_equal(it.takes, 1);
    assert_false(call.ok);
    assert_int_equal(ra_store_take_own(&it.store, 0, 7, NULL, 0, &call), RA_STORE_DONE);
    assert_int_equal(it.takes, 1);
    assert_true(call.ok);
}

static void test_write_ids_differ(void **state)
{
    (void)state;
    enum { N = 200 };
    ra_write_id id[N];
    for (unsigned i = 0; i < N; i++) {
        assert_true(ra_write_id_new(&id[i]));
        for (unsigned j = 0; j < i; j++)
            assert_memory_not_equal(id[i].b, id[j].b, sizeof id[i].b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_to_do_reaches_no_store),
        cmocka_unit_test(test_calls_reach_the_store),
        cmocka_unit_test(test_only_who_can_be_asked_is),
        cmocka_unit_test(test_posts),
        cmocka_unit_test(test_own_writes),
        cmocka_unit_test(test_write_ids_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
