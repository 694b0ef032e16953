/* The protocol of cache/store.h, as the in-process store keeps it, one rule per test. */
#include "memory_fixture.h"

static const ra_memory_options small = {.max_bytes = 1 << 20, .max_entry_bytes = 1 << 16};

static void test_miss_fill_hit(void **state)
{
    (void)state;
    ra_store *s = store_new(small);
    ra_lookup v = look(s, 1000, 1, 2);
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    assert_true(v.token.unit.len > 0);
    assert_null(v.payload);
    assert_int_equal(fill(s, 1010, &v, "hello", 100, 0), RA_FILL_STORED);
    v = look(s, 1020, 1, 2);
    assert_int_equal(v.outcome, RA_LOOKUP_HIT);
    assert_int_equal(v.expires_in, 90);
    assert_int_equal(v.payload->len, 5);
    assert_memory_equal(v.payload->body, "hello", 5);
    ra_payload_unref(v.payload);
    assert_int_equal(peek(s, 1020, 1, 3), RA_LOOKUP_MISS);
    assert_int_equal(peek(s, 1020, 2, 2), RA_LOOKUP_MISS);
    ra_store_free(s);
}

static void test_payload_outlives_the_entry(void **state)
{
    (void)state;
    ra_store *s = store_new(small);
    ra_lookup v = look(s, 0, 1, 2);
    assert_int_equal(fill(s, 0, &v, "kept", 100, 0), RA_FILL_STORED);
    v = look(s, 0, 1, 2);
    assert_int_equal(v.outcome, RA_LOOKUP_HIT);
    invalidate(s, 0, 1);
    ra_store_free(s);
    assert_memory_equal(v.payload->body, "kept", 4);
    ra_payload_unref(v.payload);
}

static void test_stale_within_keep(void **state)
{
    (void)state;
    ra_store *s = store_new(small);
    ra_lookup v = look(s, 0, 1, 2);
    assert_int_equal(fill(s, 0, &v, "x", 100, 50), RA_FILL_STORED);
    assert_int_equal(peek(s, 99, 1, 2), RA_LOOKUP_HIT);
    ra_lookup stale = look(s, 100, 1, 2);
    assert_int_equal(stale.outcome, RA_LOOKUP_STALE);
    assert_int_equal(stale.expires_in, 0);
    assert_non_null(stale.payload);
    ra_payload_unref(stale.payload);
    stale = look(s, 149, 1, 2);
    assert_int_equal(stale.outcome, RA_LOOKUP_STALE);
    assert_int_equal(stale.expires_in, -49);
    ra_payload_unref(stale.payload);
    /* its token is good for the renewal */
    assert_int_equal(fill(s, 149, &stale, "y", 100, 50), RA_FILL_STORED);
    assert_int_equal(peek(s, 248, 1, 2), RA_LOOKUP_HIT);
    assert_int_equal(peek(s, 299, 1, 2), RA_LOOKUP_MISS);
    assert_int_equal(stats_of(s).entries, 0);
    assert_int_equal(stats_of(s).expirations, 1);
    ra_store_free(s);
}

static void test_invalidated_is_never_stale(void **state)
{
    (void)state;
    ra_store *s = store_new(small);
    ra_lookup v = look(s, 0, 1, 2);
    assert_int_equal(fill(s, 0, &v, "x", 100, 1000), RA_FILL_STORED);
    invalidate(s, 150, 1);
    assert_int_equal(peek(s, 150, 1, 2), RA_LOOKUP_MISS);
    ra_store_free(s);
}

static void test_write_marks_and_ends(void **state)
{
    (void)state;
    ra_store *s = store_new(small);
    ra_lookup v = look(s, 0, 1, 2);
    assert_int_equal(fill(s, 0, &v, "x", 100, 0), RA_FILL_STORED);
    assert_true(begin(s, 1, 7, 1, 1000));
    ra_lookup marked = look(s, 2, 1, 2);
    assert_int_equal(marked.outcome, RA_LOOKUP_BYPASS);
    assert_string_equal(marked.reason, "write-in-progress");
    assert_int_equal(marked.token.unit.len, 0);
    assert_int_equal(fill(s, 2, &v, "old", 100, 0), RA_FILL_OVERTAKEN);
    end(s, 3, 7, 1, 0);
    assert_int_equal(fill(s, 3, &v, "old", 100, 0), RA_FILL_OVERTAKEN);
    assert_int_equal(peek(s, 3, 1, 2), RA_LOOKUP_MISS);
    assert_int_equal(fill(s, 3, &v, "old", 100, 0), RA_FILL_OVERTAKEN);
    assert_int_equal(stats_of(s).fills_overtaken, 3);
    ra_store_free(s);
}

/* One marker per write: the end of one leaves the other's. */
static void test_two_writes_two_markers(void **state)
{
    (void)state;
    ra_store *s = store_new(small);
    assert_true(begin(s, 0, 1, 1, 1000));
    assert_true(begin(s, 0, 2, 1, 1000));
    assert_true(begin(s, 0, 2, 1, 1000)); /* again: still one */
    assert_int_equal(stats_of(s).markers, 2);
    end(s, 1, 1, 1, 0);
    assert_int_equal(peek(s, 1, 1, 2), RA_LOOKUP_BYPASS);
    end(s, 1, 2, 1, 0);
    assert_int_equal(peek(s, 1, 1, 2), RA_LOOKUP_MISS);
    assert_int_equal(stats_of(s).markers, 0);
    ra_store_free(s);
}

static void test_marker_expires_at_its_deadline(void **state)
{
    (void)state;
    ra_store *s = store_new(small);
    assert_true(begin(s, 0, 1, 1, 1000));
    assert_int_equal(peek(s, 999, 1, 2), RA_LOOKUP_BYPASS);
    assert_int_equal(peek(s, 1000, 1, 2), RA_LOOKUP_MISS);
    ra_store_free(s);
}

static void test_settle_keeps_the_marker(void **state)
{
    (void)state;
    ra_store *s = store_new(small);
    assert_true(begin(s, 0, 1, 1, 60000));
    end(s, 100, 1, 1, 500);
    assert_int_equal(peek(s, 599, 1, 2), RA_LOOKUP_BYPASS);
    assert_int_equal(peek(s, 600, 1, 2), RA_LOOKUP_MISS);
    ra_store_free(s);
}

/* A write whose marker ran out may commit after a read has refilled: its end drops that. */
static void test_end_without_marker_drops_data(void **state)
{
    (void)state;
    ra_store *s = store_new(small);
    assert_true(begin(s, 0, 1, 1, 10));
    ra_lookup v = look(s, 20, 1, 2);
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    assert_int_equal(fill(s, 20, &v, "before the commit", 100, 0), RA_FILL_STORED);
    end(s, 30, 1, 1, 0);
    assert_int_equal(peek(s, 30, 1, 2), RA_LOOKUP_MISS);
    assert_int_equal(fill(s, 30, &v, "before the commit", 100, 0), RA_FILL_OVERTAKEN);
    /* with settle too */
    v = look(s, 30, 1, 2);
    assert_int_equal(fill(s, 30, &v, "x", 100, 0), RA_FILL_STORED);
    end(s, 31, 9, 1, 500);
    assert_int_equal(peek(s, 31, 1, 2), RA_LOOKUP_MISS);
    ra_store_free(s);
}

static void test_invalidate_leaves_markers(void **state)
{
    (void)state;
    ra_store *s = store_new(small);
    assert_true(begin(s, 0, 1, 1, 1000));
    invalidate(s, 0, 1);
    assert_int_equal(peek(s, 0, 1, 2), RA_LOOKUP_BYPASS);
    end(s, 0, 1, 1, 0);
    ra_lookup v = look(s, 0, 1, 2);
    invalidate(s, 0, 1);
    assert_int_equal(fill(s, 0, &v, "x", 100, 0), RA_FILL_OVERTAKEN);
    ra_store_free(s);
}

static void test_guard_write_voids_entries_and_tokens(void **state)
{
    (void)state;
    static const uint64_t guards[] = {100, 101};
    for (unsigned broken = 0; broken < 2; broken++) {
        ra_store *s = store_new(small);
        ra_lookup v = look_guarded(s, 0, 1, 2, guards, 2), before = look_guarded(s, 0, 5, 2, guards, 2);
        assert_int_equal(v.outcome, RA_LOOKUP_MISS);
        assert_true(v.token.guard[0].len && v.token.guard[1].len);
        assert_int_equal(fill(s, 0, &v, "x", 1000, 1000), RA_FILL_STORED);
        ra_lookup hit = look_guarded(s, 0, 1, 2, guards, 2);
        assert_int_equal(hit.outcome, RA_LOOKUP_HIT);
        ra_payload_unref(hit.payload);
        assert_true(begin(s, 1, 1, guards[broken], 1000));
        assert_int_equal(look_guarded(s, 1, 1, 2, guards, 2).outcome, RA_LOOKUP_BYPASS);
        end(s, 2, 1, guards[broken], 0);
        /* the token from before the write may fill, but what it fills never hits */
        fill(s, 2, &before, "old", 1000, 1000);
        assert_int_equal(look_guarded(s, 2, 5, 2, guards, 2).outcome, RA_LOOKUP_MISS);
        ra_lookup again = look_guarded(s, 2, 1, 2, guards, 2);
        assert_int_equal(again.outcome, RA_LOOKUP_MISS);
        assert_memory_not_equal(&again.token, &v.token, sizeof v.token);
        assert_int_equal(fill(s, 2, &again, "y", 1000, 0), RA_FILL_STORED);
        hit = look_guarded(s, 2, 1, 2, guards, 2);
        assert_int_equal(hit.outcome, RA_LOOKUP_HIT);
        ra_payload_unref(hit.payload);
        ra_store_free(s);
    }
}

/* Two lookups between which nothing was written have equal tokens: their flights may join. */
static void test_tokens_are_equal_until_a_write(void **state)
{
    (void)state;
    static const uint64_t guards[] = {100};
    ra_store *s = store_new(small);
    ra_lookup a = look_guarded(s, 0, 1, 2, guards, 1), b = look_guarded(s, 5, 1, 3, guards, 1);
    assert_memory_equal(&a.token, &b.token, sizeof a.token);
    assert_true(begin(s, 6, 1, 1, 1000));
    end(s, 6, 1, 1, 0);
    b = look_guarded(s, 7, 1, 2, guards, 1);
    assert_memory_not_equal(&a.token.unit, &b.token.unit, sizeof a.token.unit);
    assert_memory_equal(&a.token.guard, &b.token.guard, sizeof a.token.guard);
    ra_store_free(s);
}

static void test_begin_of_several_and_the_markers_cap(void **state)
{
    (void)state;
    ra_memory_options o = small;
    o.max_markers = 3;
    ra_store *s = store_new(o);
    ra_key units[4] = {key_of(1), key_of(2), key_of(3), key_of(4)};
    ra_write_id id = write_id(1);
    ra_store_call call = {0};
    ra_store_begin(s, 0, &id, units, 4, 1000, &call);
    assert_false(call.ok);
    ra_store_end(s, 0, &id, units, 4, 0);
    assert_int_equal(stats_of(s).markers, 0);
    ra_store_begin(s, 0, &id, units, 3, 1000, &call);
    assert_true(call.ok);
    assert_false(begin(s, 10, 2, 4, 1000));
    assert_int_equal(peek(s, 10, 4, 1), RA_LOOKUP_MISS); /* not marked, and so refused to the writer */
    assert_false(begin(s, 1000, 2, 4, 1000)); /* other units' dead markers need a sweep or a visit */
    assert_true(begin(s, 1000, 2, 1, 1000));  /* this unit's own make room at once */
    ra_store_free(s);
}

static void test_quiet_start(void **state)
{
    (void)state;
    ra_memory_options o = small;
    o.quiet_until = 500;
    ra_store *s = store_new(o);
    ra_lookup v = look(s, 499, 1, 2);
    assert_int_equal(v.outcome, RA_LOOKUP_BYPASS);
    assert_string_equal(v.reason, "unclean-start");
    assert_int_equal(stats_of(s).bypasses, 1);
    assert_int_equal(peek(s, 500, 1, 2), RA_LOOKUP_MISS);
    ra_store_free(s);
}

static void test_fill_refusals(void **state)
{
    (void)state;
    ra_memory_options o = small;
    o.max_entry_bytes = 4;
    ra_store *s = store_new(o);
    ra_lookup v = look(s, 0, 1, 2);
    assert_int_equal(fill(s, 0, &v, "12345", 100, 0), RA_FILL_TOO_LARGE);
    assert_int_equal(fill(s, 0, &v, "1234", 0, 0), RA_FILL_FULL);
    assert_int_equal(fill(s, 0, &v, "1234", -1, 100), RA_FILL_FULL);
    assert_int_equal(fill(s, 0, &v, "1234", INT64_MAX, INT64_MAX), RA_FILL_STORED);
    assert_int_equal(peek(s, 1, 1, 2), RA_LOOKUP_HIT);
    ra_lookup never = {.unit = key_of(77), .request = key_of(1)};
    assert_int_equal(fill(s, 0, &never, "x", 100, 0), RA_FILL_OVERTAKEN);
    ra_store_stats n = stats_of(s);
    assert_int_equal(n.fills, 1);
    assert_int_equal(n.fills_too_large, 1);
    assert_int_equal(n.fills_full, 2);
    assert_int_equal(n.fills_overtaken, 1);
    ra_store_free(s);
}

static void test_no_room_at_all(void **state)
{
    (void)state;
    ra_store *s = store_new((ra_memory_options){.max_entry_bytes = 100});
    ra_lookup v = look(s, 0, 1, 2);
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    assert_int_equal(fill(s, 0, &v, "x", 100, 0), RA_FILL_FULL);
    ra_lookup again = look(s, 0, 1, 2);
    assert_int_equal(again.outcome, RA_LOOKUP_MISS);
    assert_memory_equal(&v.token, &again.token, sizeof v.token); /* flights still join */
    assert_true(begin(s, 0, 1, 1, 100));
    assert_int_equal(peek(s, 0, 1, 2), RA_LOOKUP_BYPASS);
    ra_store_free(s);
}

static void test_replacing_an_entry(void **state)
{
    (void)state;
    ra_store *s = store_new(small);
    for (uint64_t request = 0; request < 3; request++) {
        ra_lookup v = look(s, 0, 1, request);
        assert_int_equal(fill(s, 0, &v, "first", 100, 0), RA_FILL_STORED);
        assert_int_equal(fill(s, 0, &v, "the second", 200, 0), RA_FILL_STORED);
    }
    assert_int_equal(stats_of(s).entries, 3);
    for (uint64_t request = 0; request < 3; request++) {
        ra_lookup v = look(s, 150, 1, request);
        assert_int_equal(v.outcome, RA_LOOKUP_HIT);
        assert_int_equal(v.payload->len, 10);
        ra_payload_unref(v.payload);
    }
    ra_store_free(s);
}

/* Many requests in one unit: all found, the oldest dropped at the cap, all gone after a write. */
static void test_entries_of_one_unit(void **state)
{
    (void)state;
    enum { CAP = 50, ALL = 120 };
    ra_memory_options o = small;
    o.max_unit_entries = CAP;
    ra_store *s = store_new(o);
    for (unsigned i = 0; i < ALL; i++) {
        ra_lookup v = look(s, 0, 1, i);
        assert_int_equal(v.outcome, RA_LOOKUP_MISS);
        ra_payload *p = ra_payload_new(RA_BYTES("x"), 0, i, i);
        assert_int_equal(fill_take(s, 0, &v, p, 100, 0), RA_FILL_STORED);
    }
    assert_int_equal(stats_of(s).entries, CAP);
    for (unsigned i = 0; i < ALL; i++) {
        ra_lookup v = look(s, 0, 1, i);
        assert_int_equal(v.outcome, i < ALL - CAP ? RA_LOOKUP_MISS : RA_LOOKUP_HIT);
        if (v.payload)
            assert_int_equal(v.payload->meta, i);
        ra_payload_unref(v.payload);
    }
    assert_true(begin(s, 0, 1, 1, 100));
    assert_int_equal(stats_of(s).entries, 0);
    end(s, 0, 1, 1, 0);
    assert_int_equal(stats_of(s).units, 0);
    ra_store_free(s);
}

static void fill_of_group(ra_store *s, int64_t now, uint64_t unit, uint64_t request, unsigned group)
{
    static const char body[2000];
    ra_lookup v = look(s, now, unit, request);
    ra_payload_unref(v.payload);
    ra_payload *p = ra_payload_new((ra_bytes){body, (size_t)(unit * 37 + group) % sizeof body}, 0, 0, now);
    const ra_fill f = {.unit = key_of(unit),
                       .request = key_of(request),
                       .token = v.token,
                       .payload = p,
                       .ttl = 50,
                       .group = group};
    ra_store_fill(s, now, &f);
    ra_payload_unref(p);
}

static size_t held(ra_memory *m, unsigned group, size_t *bytes)
{
    size_t entries = 0;
    ra_memory_get_group(m, group, &entries, bytes);
    assert_true((entries == 0) == (*bytes == 0));
    return entries;
}

/* Whatever becomes of entries, those of all groups are all there are: replaced, evicted, written, expired. */
static void test_groups_are_counted(void **state)
{
    (void)state;
    enum { GROUPS = 5 };
    ra_memory_options o = {
        .max_bytes = 300000, .max_entry_bytes = 1500, .max_unit_entries = 4, .groups = true};
    ra_memory *m = ra_memory_new(&o);
    ra_store *s = ra_memory_store_new(m);
    size_t bytes, all = 0;
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t unit = 1 + (uint64_t)i * 7919 % 900;
        fill_of_group(s, i / 10, unit, i % 6, i % 11 == 0 ? RA_GROUPS - 1 : i % GROUPS);
        if (i % 50 == 0) {
            assert_true(begin(s, i / 10, i + 1, unit, 5));
            end(s, i / 10, i + 1, unit, 0);
        }
        if (i % 97 == 0)
            ra_memory_sweep(m, i / 10, 300);
    }
    for (unsigned g = 0; g < RA_GROUPS; g++)
        all += held(m, g, &bytes);
    ra_store_stats n = stats_of(s);
    assert_int_equal(all, n.entries);
    assert_true(n.evictions > 0 && n.expirations > 0 && n.entries > 50);
    assert_true(held(m, RA_GROUPS - 1, &bytes) > 0);
    assert_true(held(m, GROUPS - 1, &bytes) > 0);
    assert_int_equal(held(m, GROUPS, &bytes), 0);
    for (uint64_t unit = 1; unit <= 900; unit++) {
        ra_key k = key_of(unit);
        ra_store_invalidate(s, 3000, &k, 1);
    }
    for (unsigned g = 0; g < RA_GROUPS; g++)
        assert_int_equal(held(m, g, &bytes), 0);
    ra_store_free(s);
    ra_memory_unref(m);
}

/* A flood of misses leaves a bounded number of units; the newest tokens are the ones that still fill. */
static void test_tokens_are_bounded(void **state)
{
    (void)state;
    enum { FLOOD = 20000 };
    ra_store *s = store_new(small);
    ra_lookup first = look(s, 0, 0, 0), last = first;
    for (uint64_t i = 0; i < FLOOD; i++)
        last = look(s, 0, i, i);
    assert_true(stats_of(s).units < 2000);
    assert_true(stats_of(s).bytes < small.max_bytes);
    assert_int_equal(fill(s, 0, &first, "x", 100, 0), RA_FILL_OVERTAKEN);
    assert_int_equal(fill(s, 0, &last, "x", 100, 0), RA_FILL_STORED);
    ra_store_free(s);
}

static void test_several_lookups_in_one_call(void **state)
{
    (void)state;
    ra_store *s = store_new(small);
    ra_lookup filled = look(s, 0, 1, 1);
    assert_int_equal(fill(s, 0, &filled, "x", 100, 0), RA_FILL_STORED);
    assert_true(begin(s, 0, 1, 2, 100));
    ra_lookup v[3] = {{.unit = key_of(1), .request = key_of(1)},
                      {.unit = key_of(2), .request = key_of(1)},
                      {.unit = key_of(3), .request = key_of(1)}};
    ra_store_call call = {0};
    assert_int_equal(ra_store_lookup(s, 0, v, 3, &call), RA_STORE_DONE);
    assert_int_equal(v[0].outcome, RA_LOOKUP_HIT);
    assert_int_equal(v[1].outcome, RA_LOOKUP_BYPASS);
    assert_int_equal(v[2].outcome, RA_LOOKUP_MISS);
    ra_payload_unref(v[0].payload);
    ra_store_cancel(s, &call);
    ra_store_free(s);
}

/* ---- hits that are had at once ---- */

static bool had_at_once(ra_store *s, int64_t now, uint64_t unit, uint64_t request, const uint64_t *guards,
                        unsigned nguards, ra_lookup *v)
{
    *v = (ra_lookup){.unit = key_of(unit), .request = key_of(request), .nguards = nguards};
    for (unsigned i = 0; i < nguards; i++)
        v->guard[i] = key_of(guards[i]);
    return ra_store_peek(s, now, v);
}

/*
 * A peek gives what the lookup right after it gives, or nothing; and then it has left no trace: no unit, no
 * token, no count. Gives the lookup's outcome.
 */
static enum ra_lookup_outcome peek_and_look(ra_store *s, int64_t now, uint64_t unit, uint64_t request,
                                            const uint64_t *guards, unsigned nguards)
{
    ra_lookup v;
    ra_store_stats before = stats_of(s);
    bool had = had_at_once(s, now, unit, request, guards, nguards, &v);
    before.hits += had;
    ra_store_stats after = stats_of(s);
    assert_memory_equal(&after, &before, sizeof after);
    ra_lookup w = look_guarded(s, now, unit, request, guards, nguards);
    assert_int_equal(had, w.outcome == RA_LOOKUP_HIT);
    assert_true(had || !v.payload);
    if (had) {
        assert_int_equal(v.outcome, RA_LOOKUP_HIT);
        assert_ptr_equal(v.payload, w.payload);
        assert_int_equal(v.expires_in, w.expires_in);
        assert_false(v.near);
        assert_null(v.reason);
        assert_int_equal(v.filling_for, -1);
        ra_payload_unref(v.payload);
    }
    ra_payload_unref(w.payload);
    return w.outcome;
}

static void test_peek_at_a_life(void **state)
{
    (void)state;
    ra_store *s = store_new(small);
    ra_lookup v;
    assert_false(had_at_once(s, 0, 1, 2, NULL, 0, &v)); /* and nothing is there now */
    assert_int_equal(stats_of(s).units, 0);
    assert_int_equal(peek_and_look(s, 0, 1, 2, NULL, 0), RA_LOOKUP_MISS);
    assert_int_equal(peek_and_look(s, 0, 1, 2, NULL, 0), RA_LOOKUP_MISS); /* a token, and no entry */
    v = look(s, 0, 1, 2);
    assert_int_equal(fill(s, 0, &v, "x", 100, 50), RA_FILL_STORED);
    assert_int_equal(peek_and_look(s, 0, 1, 2, NULL, 0), RA_LOOKUP_HIT);
    assert_int_equal(peek_and_look(s, 0, 1, 3, NULL, 0), RA_LOOKUP_MISS); /* another request */
    assert_int_equal(peek_and_look(s, 99, 1, 2, NULL, 0), RA_LOOKUP_HIT);
    assert_int_equal(peek_and_look(s, 100, 1, 2, NULL, 0), RA_LOOKUP_STALE);
    assert_int_equal(peek_and_look(s, 149, 1, 2, NULL, 0), RA_LOOKUP_STALE);
    assert_false(had_at_once(s, 150, 1, 2, NULL, 0, &v));
    assert_int_equal(stats_of(s).entries, 1); /* the lookup's to remove */
    assert_int_equal(peek_and_look(s, 150, 1, 2, NULL, 0), RA_LOOKUP_MISS);
    ra_store_free(s);
}

static void test_peek_at_what_is_being_written(void **state)
{
    (void)state;
    static const uint64_t written[] = {1, 100, 101}, guard[] = {100, 101};
    for (unsigned i = 0; i < 3; i++) {
        ra_store *s = store_new(small);
        ra_lookup v = look_guarded(s, 0, 1, 2, guard, 2);
        assert_int_equal(fill(s, 0, &v, "x", 10000, 10000), RA_FILL_STORED);
        assert_int_equal(peek_and_look(s, 0, 1, 2, guard, 2), RA_LOOKUP_HIT);
        assert_true(begin(s, 1, 1, written[i], 1000));
        assert_int_equal(peek_and_look(s, 1, 1, 2, guard, 2), RA_LOOKUP_BYPASS);
        assert_int_equal(peek_and_look(s, 1000, 1, 2, guard, 2), RA_LOOKUP_BYPASS);
        assert_false(had_at_once(s, 1001, 1, 2, guard, 2, &v)); /* a mark that is over, not yet removed */
        assert_int_equal(stats_of(s).markers, 1);
        assert_int_equal(peek_and_look(s, 1001, 1, 2, guard, 2), RA_LOOKUP_MISS);
        v = look_guarded(s, 1001, 1, 2, guard, 2);
        assert_int_equal(fill(s, 1001, &v, "y", 10000, 0), RA_FILL_STORED);
        assert_int_equal(peek_and_look(s, 1001, 1, 2, guard, 2), RA_LOOKUP_HIT);
        invalidate(s, 1002, written[i]);
        assert_int_equal(peek_and_look(s, 1002, 1, 2, guard, 2), RA_LOOKUP_MISS);
        ra_store_free(s);
    }
}

static void test_peek_at_a_quiet_start(void **state)
{
    (void)state;
    ra_memory_options o = small;
    o.quiet_until = 500;
    ra_store *s = store_new(o);
    assert_int_equal(peek_and_look(s, 499, 1, 2, NULL, 0), RA_LOOKUP_BYPASS);
    assert_int_equal(peek_and_look(s, 500, 1, 2, NULL, 0), RA_LOOKUP_MISS);
    ra_store_free(s);
}

/*
 * The protocol against a reference: readers and writers as they interleave in a proxy, one random step at a
 * time. The "database" is a version per unit, which each commit moves on; a write to the guard moves on all.
 * Each unit and the guard count their breaks (whatever voids tokens); a token remembers the counts.
 *
 * Checked: a hit is never older than the last write that was acknowledged; if no write commits after its
 * marker has run out, a hit is exactly what the database holds; a fill lands only with an unbroken token; a
 * stale reply is of an unbroken generation.
 */
enum { UNITS = 5, REQUESTS = 3, READERS = 8, WRITERS = 4, GUARD = UNITS, HOLD = 40, STEPS = 200000 };

typedef struct record { /* what a reply's body says of itself */
    unsigned unit, request, version, unit_breaks, guard_breaks;
} record;

typedef struct reader {
    enum { R_IDLE, R_LOOKED, R_READ } state;
    ra_lookup v;
    record r;
} reader;

typedef struct writer {
    enum { W_IDLE, W_BEGUN, W_COMMITTED } state;
    unsigned unit; /* or GUARD */
    uint64_t id;
    int64_t deadline;
} writer;

typedef struct model {
    ra_store *store;
    uint64_t random, ids;
    int64_t now;
    bool late_commits; /* writes may commit after their markers have run out */
    unsigned committed[UNITS], acknowledged[UNITS], breaks[UNITS + 1];
    reader readers[READERS];
    writer writers[WRITERS];
    unsigned hits, stored, overtaken, bypassed, stale;
} model;

static unsigned roll(model *m, unsigned n)
{
    return (unsigned)(next_random(&m->random) % n);
}

static void check_served(model *m, const ra_lookup *v)
{
    record r;
    assert_int_equal(v->payload->len, sizeof r);
    memcpy(&r, v->payload->body, sizeof r);
    assert_true(ra_key_eq(&v->unit, &(ra_key[]){key_of(r.unit)}[0]));
    assert_true(ra_key_eq(&v->request, &(ra_key[]){key_of(r.request)}[0]));
    assert_int_equal(r.unit_breaks, m->breaks[r.unit]);
    assert_int_equal(r.guard_breaks, m->breaks[GUARD]);
    assert_true(r.version >= m->acknowledged[r.unit]);
    if (!m->late_commits)
        assert_int_equal(r.version, m->committed[r.unit]);
}

static void reader_step(model *m, reader *r)
{
    static const uint64_t guard[] = {GUARD};
    if (r->state == R_IDLE) {
        r->r.unit = roll(m, UNITS);
        r->r.request = roll(m, REQUESTS);
        if (roll(m, 2))
            peek_and_look(m->store, m->now, r->r.unit, r->r.request, guard, 1);
        r->v = look_guarded(m->store, m->now, r->r.unit, r->r.request, guard, 1);
        r->r.unit_breaks = m->breaks[r->r.unit];
        r->r.guard_breaks = m->breaks[GUARD];
        m->hits += r->v.outcome == RA_LOOKUP_HIT;
        m->stale += r->v.outcome == RA_LOOKUP_STALE;
        m->bypassed += r->v.outcome == RA_LOOKUP_BYPASS;
        if (r->v.payload)
            check_served(m, &r->v);
        ra_payload_unref(r->v.payload);
        if (r->v.outcome == RA_LOOKUP_MISS || r->v.outcome == RA_LOOKUP_STALE)
            r->state = R_LOOKED;
    } else if (r->state == R_LOOKED) {
        r->r.version = m->committed[r->r.unit];
        r->state = R_READ;
    } else {
        ra_payload *p = ra_payload_new((ra_bytes){(char *)&r->r, sizeof r->r}, 0, 0, m->now);
        bool unbroken = r->r.unit_breaks == m->breaks[r->r.unit];
        enum ra_fill_result f = fill_take(m->store, m->now, &r->v, p, 1 + roll(m, 60), roll(m, 30));
        assert_true(f == RA_FILL_STORED || f == RA_FILL_OVERTAKEN);
        if (!unbroken)
            assert_int_equal(f, RA_FILL_OVERTAKEN);
        m->stored += f == RA_FILL_STORED;
        m->overtaken += f == RA_FILL_OVERTAKEN;
        r->state = R_IDLE;
    }
}

static void commit(model *m, writer *w)
{
    for (unsigned u = 0; u < UNITS; u++)
        m->committed[u] += w->unit == u || w->unit == GUARD;
    w->state = W_COMMITTED;
}

static void writer_step(model *m, writer *w)
{
    if (w->state == W_IDLE) {
        w->unit = roll(m, 10) ? roll(m, UNITS) : (unsigned)GUARD;
        w->id = ++m->ids;
        w->deadline = m->now + HOLD;
        assert_true(begin(m->store, m->now, w->id, w->unit, HOLD));
        m->breaks[w->unit]++;
        w->state = W_BEGUN;
        return;
    }
    bool late = m->now >= w->deadline;
    if (w->state == W_BEGUN) {
        /* The fence: past its marker's deadline upstream would refuse it. Or its fate isn't known. No end, in
         * both cases. */
        bool fails = (late && !m->late_commits) || roll(m, 8) == 0;
        if (fails)
            w->state = W_IDLE;
        else
            commit(m, w);
        return;
    }
    for (unsigned u = 0; late && u < UNITS; u++) /* acknowledged only after the end, as the proxy does then */
        m->breaks[u] += w->unit == u;
    m->breaks[GUARD] += late && w->unit == GUARD;
    end(m->store, m->now, w->id, w->unit, roll(m, 4) ? 0 : 5);
    for (unsigned u = 0; u < UNITS; u++)
        if (w->unit == u || w->unit == GUARD)
            m->acknowledged[u] = m->committed[u];
    w->state = W_IDLE;
}

static void model_step(model *m, ra_memory *memory)
{
    unsigned what = roll(m, 100);
    if (what < 70) {
        reader_step(m, &m->readers[roll(m, READERS)]);
    } else if (what < 85) {
        writer_step(m, &m->writers[roll(m, WRITERS)]);
    } else if (what < 86) {
        unsigned unit = roll(m, UNITS + 1);
        invalidate(m->store, m->now, unit);
        m->breaks[unit]++;
    } else if (what < 90) {
        ra_memory_sweep(memory, m->now, roll(m, 20));
    } else {
        m->now += roll(m, 8);
    }
}

static void run_model(uint64_t seed, bool late_commits, unsigned shards)
{
    ra_memory_options o = {.max_bytes = 1 << 20, .max_entry_bytes = 4096, .shards = shards};
    ra_memory *memory = ra_memory_new(&o);
    assert_non_null(memory);
    model m = {.store = ra_memory_store_new(memory), .random = seed, .late_commits = late_commits};
    assert_non_null(m.store);
    for (unsigned i = 0; i < STEPS; i++)
        model_step(&m, memory);
    /* each path was taken often enough to mean something */
    assert_true(m.hits > STEPS / 100 && m.stored > STEPS / 100 && m.overtaken > STEPS / 1000 &&
                m.bypassed > STEPS / 100 && m.stale > STEPS / 1000);
    ra_store_free(m.store);
    ra_memory_unref(memory);
}

static void test_model_with_fence(void **state)
{
    (void)state;
    run_model(1, false, 1);
    run_model(2, false, 8);
}

static void test_model_with_late_commits(void **state)
{
    (void)state;
    run_model(3, true, 1);
    run_model(4, true, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_miss_fill_hit),
        cmocka_unit_test(test_payload_outlives_the_entry),
        cmocka_unit_test(test_stale_within_keep),
        cmocka_unit_test(test_invalidated_is_never_stale),
        cmocka_unit_test(test_write_marks_and_ends),
        cmocka_unit_test(test_two_writes_two_markers),
        cmocka_unit_test(test_marker_expires_at_its_deadline),
        cmocka_unit_test(test_settle_keeps_the_marker),
        cmocka_unit_test(test_end_without_marker_drops_data),
        cmocka_unit_test(test_invalidate_leaves_markers),
        cmocka_unit_test(test_guard_write_voids_entries_and_tokens),
        cmocka_unit_test(test_tokens_are_equal_until_a_write),
        cmocka_unit_test(test_begin_of_several_and_the_markers_cap),
        cmocka_unit_test(test_quiet_start),
        cmocka_unit_test(test_fill_refusals),
        cmocka_unit_test(test_no_room_at_all),
        cmocka_unit_test(test_replacing_an_entry),
        cmocka_unit_test(test_entries_of_one_unit),
        cmocka_unit_test(test_groups_are_counted),
        cmocka_unit_test(test_tokens_are_bounded),
        cmocka_unit_test(test_several_lookups_in_one_call),
        cmocka_unit_test(test_peek_at_a_life),
        cmocka_unit_test(test_peek_at_what_is_being_written),
        cmocka_unit_test(test_peek_at_a_quiet_start),
        cmocka_unit_test(test_model_with_fence),
        cmocka_unit_test(test_model_with_late_commits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
