/*
 * Own writes in Redis: what one store notes another one finds, in the stream's order, and nothing else. The
 * scripts do as cache/own_writes.c does, to the millisecond, on a clock of the test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#pragma GCC diagnostic ignored "-Wunused-function"
#include "redis_store_fixture.h"

#include "cache/key_hex.h"
#include "cache/own_writes.h"
#include "cache/redis_script.h"

enum { STRANGE = 1 << 20, NOBODYS = 1 << 21, MOST = 2048 };

/* ---- notes and changes ---- */

static const char *item_key(uint64_t item)
{
    static char text[4][96];
    static unsigned at;
    char *p = text[at++ % 4];
    snprintf(p, sizeof text[0], "test:ra1:o%s", name_of(item) + strlen("test:ra1:"));
    return p;
}

static void note(unsigned i, uint64_t item, uint64_t image, int64_t took)
{
    ra_key k = key_of(item), m = key_of(STRANGE + image);
    ra_store_note_own(stores[i], test_now(), &k, &m, took);
}

static long long redis_now(void)
{
    redisReply *r = redisCommand(direct, "TIME");
    long long now =
        strtoll(r->element[0]->str, NULL, 10) * 1000 + strtoll(r->element[1]->str, NULL, 10) / 1000;
    freeReplyObject(r);
    return now;
}

static bool noted(uint64_t item)
{
    return strcmp(ask("EXISTS %s", item_key(item)), "1") == 0;
}

/* What has begun since is noted; in the same millisecond it isn't. */
static void open_noting(unsigned n)
{
    open_serving(n);
    int64_t now = test_now();
    UNTIL(test_now() > now);
}

/* And waits until Redis has it. */
static void note_and_wait(unsigned i, uint64_t item, uint64_t image)
{
    note(i, item, image, 0);
    UNTIL(noted(item));
}

static int64_t since = RA_SINCE_EVER; /* of take() */
static ra_own_change changes[MOST];
static size_t nchanges;

/* NOBODYS: a change whose image isn't known. */
static void change(uint64_t item, uint64_t image)
{
    assert_true(nchanges < MOST);
    changes[nchanges++] = (ra_own_change){
        .item = key_of(item), .image = key_of(STRANGE + image), .has_image = image != NOBODYS, .own = true};
}

/* Of all changes since the last time; which are own is left in changes[]. Could the store be asked? */
static bool take(unsigned i)
{
    waiting w = waiting_new();
    w.call.arg = &w;
    size_t n = nchanges;
    nchanges = 0;
    if (ra_store_take_own(stores[i], test_now(), since, changes, n, &w.call) == RA_STORE_PENDING)
        UNTIL(w.done);
    assert_null(w.call.pending);
    return w.call.ok;
}

static bool take_one(unsigned i, uint64_t item, uint64_t image)
{
    change(item, image);
    assert_true(take(i));
    return changes[0].own;
}

static long long then; /* put_epoch was called */

/* A note as OWN leaves it, of a write that was begun and had its reply so long before `then`. */
static void put_note(uint64_t item, uint64_t image, long long begun_ago, long long replied_ago)
{
    char hex[RA_KEY_HEX + 1];
    ra_key m = key_of(STRANGE + image);
    ra_key_hex(&m, hex);
    ask("HSET %s n%s:%lld %lld", item_key(item), hex, then - begun_ago, then - replied_ago);
}

/* The server's epoch, on the item, as if OWN had left it; nothing else. */
static void put_epoch(uint64_t item)
{
    if (!noted(NOBODYS))
        note_and_wait(0, NOBODYS, 1);
    char epoch[32];
    then = redis_now();
    snprintf(epoch, sizeof epoch, "%s", ask("HGET %s e", item_key(NOBODYS)));
    ask("HSET %s e %s", item_key(item), epoch);
}

/* ---- what is found ---- */

static void test_what_one_notes_another_finds(void **state)
{
    (void)state;
    open_noting(2);
    note_and_wait(0, 1, 1);
    assert_false(take_one(1, 2, 1));
    assert_true(take_one(1, 1, 1));
    assert_false(take_one(1, 1, 1));
    note_and_wait(1, 3, 1);
    assert_true(take_one(1, 3, 1));
}

/* Records were skipped until then: what was begun before doesn't count, for the same record asked again
 * neither. */
static void test_what_was_begun_since(void **state)
{
    (void)state;
    open_noting(2);
    note_and_wait(0, 1, 1);
    note_and_wait(0, 2, 1);
    since = test_now();
    assert_false(take_one(1, 1, 1));
    bool known = false;
    for (uint64_t item = 10; !known && item < 10000; item++) { /* soon later ones do */
        note_and_wait(0, item, 1);
        known = take_one(1, item, 1);
    }
    bool older = take_one(0, 2, 1);
    since = RA_SINCE_EVER;
    assert_true(known);
    assert_false(older || take_one(0, 2, 1));
}

static void test_strangers_end_notes(void **state)
{
    (void)state;
    open_noting(1);
    note_and_wait(0, 1, 1);
    assert_false(take_one(0, 1, 2));
    assert_false(take_one(0, 1, 1));
    note_and_wait(0, 2, 1);
    assert_false(take_one(0, 2, NOBODYS));
    assert_false(take_one(0, 2, 1));
}

static void test_changes_of_one_item_in_their_order(void **state)
{
    (void)state;
    open_noting(1);
    put_epoch(1);
    for (unsigned i = 0; i < 6; i++)
        put_note(1, i % 2, 1000 - 10 * i, 995 - 10 * i);
    for (unsigned i = 0; i < 6; i++) {
        change(1, i % 2);
        change(10 + i, 1); /* others in between */
    }
    change(1, 0);
    assert_true(take(0));
    for (unsigned i = 0; i < 12; i++)
        assert_int_equal(changes[i].own, i % 2 == 0);
    assert_false(changes[12].own);
}

static void test_a_stranger_in_between(void **state)
{
    (void)state;
    open_noting(1);
    put_epoch(1);
    put_note(1, 1, 1000, 995);
    put_note(1, 2, 900, 895);
    put_note(1, 3, 800, 795);
    change(1, 1);
    change(1, 9);
    change(1, 2);
    change(1, 3);
    assert_true(take(0));
    assert_true(changes[0].own);
    assert_false(changes[1].own || changes[2].own || changes[3].own);
}

static void test_writes_that_overlap(void **state)
{
    (void)state;
    open_noting(1);
    put_epoch(1);
    put_note(1, 1, 1000, 990);
    put_note(1, 2, 990, 980); /* begun when the first had its reply: nobody knows which was first */
    put_note(1, 3, 989, 970);
    change(1, 1);
    change(1, 2);
    assert_true(take(0));
    assert_true(changes[0].own);
    assert_false(changes[1].own);
    put_epoch(2);
    put_note(2, 1, 1000, 990);
    put_note(2, 3, 989, 970);
    change(2, 1);
    change(2, 3);
    assert_true(take(0));
    assert_true(changes[0].own && changes[1].own);
}

/* More than can be noted: of these nothing is certain, and they leave nothing behind. */
static void test_many_changes_of_one_item(void **state)
{
    (void)state;
    open_noting(1);
    for (unsigned n = RA_OWN_WRITES_PER_ITEM; n <= RA_OWN_WRITES_PER_ITEM + 1; n++) {
        put_epoch(n);
        for (unsigned i = 0; i < RA_OWN_WRITES_PER_ITEM; i++)
            put_note(n, i, 1000 - 10 * i, 995 - 10 * i);
        for (unsigned i = 0; i < n; i++)
            change(n, i);
        assert_true(take(0));
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(changes[i].own, n == RA_OWN_WRITES_PER_ITEM);
        assert_string_equal(ask("HLEN %s", item_key(n)), "2");
    }
}

static void test_many_items(void **state)
{
    (void)state;
    enum { ITEMS = 700 };
    open_noting(1);
    for (uint64_t i = 0; i < ITEMS; i++)
        note(0, i, i, 0);
    UNTIL(noted(ITEMS - 1));
    for (uint64_t i = 0; i < ITEMS; i++) {
        change(i, i);
        if (i % 3 == 0)
            change(i, NOBODYS);
    }
    assert_true(take(0));
    size_t at = 0;
    for (uint64_t i = 0; i < ITEMS; i++) {
        assert_true(changes[at++].own);
        if (i % 3 == 0)
            assert_false(changes[at++].own);
    }
}

/* ---- times ---- */

static void test_a_note_that_comes_too_late(void **state)
{
    (void)state;
    open_noting(1);
    int64_t before = test_now();
    assert_false(take_one(0, 1, 1)); /* the record is there, and its write still under way */
    ra_key k = key_of(1), m = key_of(STRANGE + 1);
    int64_t now = test_now();
    ra_store_note_own(stores[0], now, &k, &m, now - before);
    note_and_wait(0, 2, 1); /* by then Redis has had the first */
    assert_false(take_one(0, 1, 1));
}

static void test_a_begin_is_never_too_late(void **state)
{
    (void)state;
    open_noting(1);
    for (unsigned i = 0; i < 50; i++) {
        int64_t begun = test_now();
        long long later = redis_now();
        ra_key k = key_of(i), m = key_of(STRANGE + 1);
        ra_store_note_own(stores[0], begun + 40, &k, &m, 40 - (int64_t)i % 3);
        UNTIL(noted(i) || test_now() > begun + 60000);
        redisReply *r = redisCommand(direct, "HKEYS %s", item_key(i));
        for (size_t f = 0; f < r->elements; f++) {
            const char *colon = strchr(r->element[f]->str, ':');
            if (colon)
                assert_true(strtoll(colon + 1, NULL, 10) < later + (long long)i % 3);
        }
        freeReplyObject(r);
    }
}

static void test_what_isnt_noted(void **state)
{
    (void)state;
    open_noting(1);
    note(0, 1, 1, RA_OWN_WRITES_LATE_MS);
    note(0, 2, 1, -1);
    ra_key k = key_of(3), m = key_of(STRANGE + 1);
    int64_t long_ago = test_now() - HOUR; /* before this server was there, for all one knows */
    ra_store_note_own(stores[0], long_ago, &k, &m, 0);
    note_and_wait(0, 4, 1);
    assert_false(noted(1) || noted(2) || noted(3));
    ra_redis_store_options o = defaults(1);
    o.quarantine = HOUR;
    open_store(1, o);
    UNTIL(health_of(1) == RA_REDIS_QUARANTINE);
    note(1, 5, 1, 0);
    change(6, 1);
    assert_false(take(1));
    assert_false(changes[0].own);
    note_and_wait(0, 7, 1);
    assert_false(noted(5));
}

static void test_how_long_it_stays(void **state)
{
    (void)state;
    open_noting(1);
    note_and_wait(0, 1, 1);
    assert_in_range(strtoll(ask("PTTL %s", item_key(1)), NULL, 10), 1, RA_OWN_WRITES_LIFE_MS);
    take_one(0, 1, 1);
    assert_in_range(strtoll(ask("PTTL %s", item_key(1)), NULL, 10), 1, RA_OWN_WRITES_LATE_MS + 1000);
    take_one(0, 2, 1);
    assert_in_range(strtoll(ask("PTTL %s", item_key(2)), NULL, 10), 1, RA_OWN_WRITES_LATE_MS + 1000);
    put_epoch(3);
    put_note(3, 1, 1000, 990);
    put_note(3, 2, 900, 890);
    ask("PEXPIRE %s 60000", item_key(3));
    assert_true(take_one(0, 3, 1)); /* one is left, and lives as long as it would have */
    assert_in_range(strtoll(ask("PTTL %s", item_key(3)), NULL, 10), 20000, RA_OWN_WRITES_LIFE_MS);
    put_epoch(4);
    put_note(4, 1, RA_OWN_WRITES_LIFE_MS + 1, RA_OWN_WRITES_LIFE_MS);
    assert_false(take_one(0, 4, 1));
}

/* ---- the server ---- */

static void test_data_that_is_lost_or_of_another_server(void **state)
{
    (void)state;
    open_noting(1);
    note_and_wait(0, 1, 1);
    ask("HSET %s e other", item_key(1));
    assert_false(take_one(0, 1, 1));
    note_and_wait(0, 2, 1);
    ask("HSET %s e other @ 99999999999999 n9:1 2", item_key(2));
    note_and_wait(0, 2, 2);
    UNTIL(strcmp(ask("HLEN %s", item_key(2)), "2") == 0); /* the epoch, and that note */
    assert_true(take_one(0, 2, 2));
    note_and_wait(0, 3, 1);
    ask("FLUSHALL");
    assert_false(take_one(0, 3, 1));
}

static void test_no_memory_there(void **state)
{
    (void)state;
    open_noting(1);
    note_and_wait(0, 1, 1);
    note_and_wait(0, 2, 1);
    ask("CONFIG SET maxmemory 1");
    note(0, 3, 1, 0);
    assert_true(take_one(0, 1, 1));
    assert_false(take_one(0, 2, 2)); /* what is over must be known to be over */
    assert_false(noted(3));
    ask("CONFIG SET maxmemory 0");
    assert_false(take_one(0, 2, 1));
}

static void test_scripts_that_were_forgotten(void **state)
{
    (void)state;
    open_noting(1);
    note_and_wait(0, 1, 1);
    take_one(0, 9, 1);
    ask("SCRIPT FLUSH");
    note_and_wait(0, 2, 1);
    put_epoch(3);
    for (unsigned i = 0; i < 4; i++)
        put_note(3, i, 1000 - 10 * i, 995 - 10 * i);
    ask("SCRIPT FLUSH");
    change(1, 1);
    change(2, 1);
    for (unsigned i = 0; i < 4; i++)
        change(3, i);
    assert_true(take(0));
    for (unsigned i = 0; i < 6; i++)
        assert_true(changes[i].own);
}

/* Nothing is own, and it is said that nobody was asked. */
static void expect_unasked(unsigned i, bool at_once)
{
    waiting w = waiting_new();
    w.call.arg = &w;
    for (uint64_t n = 0; n < 200; n++)
        change(n, n);
    enum ra_store_step step = ra_store_take_own(stores[i], test_now(), since, changes, nchanges, &w.call);
    assert_int_equal(step, at_once ? RA_STORE_DONE : RA_STORE_PENDING);
    if (!at_once)
        UNTIL(w.done);
    assert_false(w.call.ok);
    assert_null(w.call.pending);
    for (; nchanges; nchanges--)
        assert_false(changes[nchanges - 1].own);
}

static void test_redis_is_away(void **state)
{
    (void)state;
    ra_redis_store_options o = defaults(0);
    o.command_timeout = 200;
    open_store(0, o);
    expect_unasked(0, true); /* not connected yet */
    note(0, 1, 1, 0);
    UNTIL(serving(0));
    int64_t now = test_now();
    UNTIL(test_now() > now);
    for (uint64_t n = 0; n < 200; n++)
        note(0, n, n, 0);
    UNTIL(noted(199));
    ask("SET %s text", item_key(150)); /* so that many are own, but not all can be asked about */
    expect_unasked(0, false);
    halt();
    expect_unasked(0, false); /* in time */
    note(0, 1, 1, 0);
    resume();
    UNTIL(serves_again(0));
    server_down();
    UNTIL(health_of(0) == RA_REDIS_DOWN);
    expect_unasked(0, true);
    note(0, 1, 1, 0);
    server_up();
}

static void test_a_connection_that_is_lost(void **state)
{
    (void)state;
    open_noting(1);
    waiting w = waiting_new();
    w.call.arg = &w;
    note_and_wait(0, 1, 1);
    halt();
    change(1, 1);
    nchanges = 0;
    assert_int_equal(ra_store_take_own(stores[0], test_now(), since, changes, 1, &w.call), RA_STORE_PENDING);
    server_down();
    UNTIL(w.done);
    assert_false(w.call.ok || changes[0].own);
    server_up();
}

/* The queue has less room than there are items: no more than some are under way at a time. */
static void test_a_short_queue(void **state)
{
    (void)state;
    ra_redis_store_options o = defaults(0);
    o.redis.max_queue = 100;
    open_store(0, o);
    UNTIL(serving(0));
    for (uint64_t n = 0; n < 1000; n++)
        change(n, n);
    assert_true(take(0));
    o = defaults(1);
    o.redis.max_queue = 40; /* fewer than those */
    open_store(1, o);
    UNTIL(serving(1));
    for (uint64_t n = 0; n < 1000; n++)
        change(n, n);
    assert_false(take(1));
    for (change(1, 1); !take(1); change(1, 1)) /* the first of them are on their way */
        event_base_loop(base, EVLOOP_ONCE);
}

static void test_cancelled_and_freed(void **state)
{
    (void)state;
    open_noting(1);
    waiting w = waiting_new();
    w.call.arg = &w;
    for (uint64_t n = 0; n < 200; n++)
        change(n, n);
    nchanges = 0;
    assert_int_equal(ra_store_take_own(stores[0], test_now(), since, changes, 200, &w.call),
                     RA_STORE_PENDING);
    ra_store_cancel(stores[0], &w.call);
    memset(changes, 0xff, sizeof changes);
    assert_false(take_one(0, 500, 1));
    change(1, 1);
    nchanges = 0;
    assert_int_equal(ra_store_take_own(stores[0], test_now(), since, changes, 1, &w.call), RA_STORE_PENDING);
    note(0, 1, 1, 0);
    close_store(0);
    assert_int_equal(w.done, 0);
}

static void test_without_memory(void **state)
{
    (void)state;
#ifdef OWN_ALLOCATOR
    skip();
#else
    open_noting(1);
    unsigned asked = 0;
    for (unsigned i = 0; i < 300; i++) {
        waiting w = waiting_new();
        w.call.arg = &w;
        note_and_wait(0, i, 1);
        change(i, 1);
        change(i, 2);
        nchanges = 0;
        refuse_one_in = 1 + i % 9;
        note(0, i + 1000, 1, 0);
        enum ra_store_step step = ra_store_take_own(stores[0], test_now(), since, changes, 2, &w.call);
        refuse_one_in = 0;
        if (step == RA_STORE_PENDING)
            UNTIL(w.done);
        assert_int_equal(changes[0].own, w.call.ok);
        assert_false(changes[1].own);
        asked += w.call.ok;
    }
    assert_in_range(asked, 10, 290);
#endif
}

/* ---- the scripts against what the process does itself ---- */

static char *with_own_clock(enum ra_redis_script s)
{
    static const char from[] = "redis.call('TIME')", to[] = "{ARGV[9], ARGV[10]}";
    const char *text = ra_redis_script_text(s), *at = strstr(text, from);
    char *out = calloc(1, strlen(text) + sizeof to);
    assert_true(out && at);
    sprintf(out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return out;
}

/* The script's word: an integer, or a text of digits as one. `now` in ms. */
static long long eval(const char *text, const char *key, const char *a, const char *b, const char *c,
                      int64_t now)
{
    char seconds[24], us[24];
    snprintf(seconds, sizeof seconds, "%" PRId64, now / 1000);
    snprintf(us, sizeof us, "%" PRId64, now % 1000 * 1000 + 999);
    redisReply *r =
        redisCommand(direct, "EVAL %s 1 %s %s %s %s 4 5 6 7 8 %s %s", text, key, a, b, c, seconds, us);
    assert_non_null(r);
    if (r->type == REDIS_REPLY_ERROR)
        fail_msg("%s", r->str);
    long long n = r->type == REDIS_REPLY_INTEGER ? r->integer : strtoll(r->str, NULL, 10);
    freeReplyObject(r);
    return n;
}

typedef struct both {
    char *own, *take;
    ra_own_writes *process;
    uint64_t random;
    int64_t now;
    unsigned known;
} both;

static unsigned roll(both *b, unsigned n)
{
    return (unsigned)(next_random(&b->random) % n);
}

static void note_both(both *b, const ra_key *item, const char *key, unsigned image)
{
    char hex[RA_KEY_HEX + 1], begun[24];
    ra_key m = key_of(STRANGE + image);
    int64_t took = roll(b, 10) ? roll(b, 30) : roll(b, RA_OWN_WRITES_LATE_MS + 100);
    ra_key_hex(&m, hex);
    ra_own_writes_note(b->process, item, &m, took, b->now);
    snprintf(begun, sizeof begun, "%" PRId64, b->now - took);
    eval(b->own, key, hex, begun, "epoch", b->now);
}

static void take_both(both *b, const ra_key *item, const char *key, unsigned image)
{
    char hex[RA_KEY_HEX + 2] = ",";
    ra_key m = key_of(STRANGE + image);
    bool known = roll(b, 40) > 0;
    if (known) {
        ra_key_hex(&m, hex);
        hex[RA_KEY_HEX] = ',';
        hex[RA_KEY_HEX + 1] = '\0';
    }
    char text[24];
    int64_t passed_over = roll(b, 10) ? 0 : b->now - roll(b, 50);
    snprintf(text, sizeof text, "%" PRId64, passed_over);
    bool own = ra_own_writes_take(b->process, item, known ? &m : NULL, passed_over, b->now);
    assert_int_equal(eval(b->take, key, "epoch", hex, text, b->now), own);
    b->known += own;
}

static void test_the_scripts_do_as_the_process_does(void **state)
{
    (void)state;
    both b = {.own = with_own_clock(RA_SCRIPT_OWN),
              .take = with_own_clock(RA_SCRIPT_TAKE),
              .process = ra_own_writes_new(1 << 20),
              .now = 1700000000000};
    assert_non_null(b.process);
    const char *steps = getenv("READASIDE_STEPS");
    unsigned n = steps ? (unsigned)strtoul(steps, NULL, 10) : 6000;
    unsigned queue[8], waiting_ones = 0;
    for (unsigned i = 0; i < n; i++) {
        ra_key item = key_of(roll(&b, 2));
        char key[80];
        snprintf(key, sizeof key, "item-%02x", item.b[0]);
        b.now += roll(&b, 10) ? roll(&b, 8) : 0;
        if (roll(&b, 500) == 0)
            b.now += roll(&b, RA_OWN_WRITES_LIFE_MS + 1000);
        if (roll(&b, 2) && waiting_ones < 8) {
            queue[waiting_ones++] = roll(&b, 4);
            note_both(&b, &item, key, queue[waiting_ones - 1]);
        } else if (waiting_ones && roll(&b, 5)) {
            take_both(&b, &item, key, queue[0]);
            memmove(queue, queue + 1, --waiting_ones * sizeof *queue);
        } else if (roll(&b, 10) == 0) {
            take_both(&b, &item, key, roll(&b, 4));
        }
    }
    assert_true(b.known > n / 50);
    ra_own_writes_free(b.process);
    free(b.own);
    free(b.take);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_one_notes_another_finds),
        TEST(test_what_was_begun_since),
        TEST(test_strangers_end_notes),
        TEST(test_changes_of_one_item_in_their_order),
        TEST(test_a_stranger_in_between),
        TEST(test_writes_that_overlap),
        TEST(test_many_changes_of_one_item),
        TEST(test_many_items),
        TEST(test_a_note_that_comes_too_late),
        TEST(test_a_begin_is_never_too_late),
        TEST(test_what_isnt_noted),
        TEST(test_how_long_it_stays),
        TEST(test_data_that_is_lost_or_of_another_server),
        TEST(test_no_memory_there),
        TEST(test_scripts_that_were_forgotten),
        TEST(test_redis_is_away),
        TEST(test_a_connection_that_is_lost),
        TEST(test_a_short_queue),
        TEST(test_cancelled_and_freed),
        TEST(test_without_memory),
        TEST(test_the_scripts_do_as_the_process_does),
    };
    if (argc > 1) /* the test to run */
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, all_begin, all_end);
}
