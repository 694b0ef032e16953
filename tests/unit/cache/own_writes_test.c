/*
 * Own writes: the rules one by one; then one item that proxies and strangers write in every order, with
 * readers that fill and a follower that reads the stream. What the follower leaves out must never leave an
 * entry that is older than what it has handled; and each mistake that the rules are there for must be
 * noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/own_writes.h"

#include "refusing_malloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { START = 1000000, LIFE = RA_OWN_WRITES_LIFE_MS, LATE = RA_OWN_WRITES_LATE_MS };

static ra_own_writes *own;

static ra_key key(uint64_t n)
{
    ra_key k;
    for (size_t i = 0; i < sizeof k.b; i += sizeof n) {
        n = n * 6364136223846793005u + 1442695040888963407u;
        memcpy(k.b + i, &n, sizeof n);
    }
    return k;
}

/* A write of `item` that was sent at `begun` and had its reply at `replied`. */
static void note(uint64_t item, uint64_t image, int64_t begun, int64_t replied)
{
    ra_key i = key(item), m = key(1000 + image);
    ra_own_writes_note(own, &i, &m, replied - begun, replied);
}

static bool take(uint64_t item, uint64_t image, int64_t now)
{
    ra_key i = key(item), m = key(1000 + image);
    return ra_own_writes_take(own, &i, &m, INT64_MIN, now);
}

static bool take_unknown(uint64_t item, int64_t now)
{
    ra_key i = key(item);
    return ra_own_writes_take(own, &i, NULL, INT64_MIN, now);
}

static int begin(void **state)
{
    (void)state;
    own = ra_own_writes_new(1 << 20);
    return own ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    ra_own_writes_free(own);
    return 0;
}

/* ---- the rules ---- */

static void test_a_noted_write_is_known_once(void **state)
{
    (void)state;
    note(1, 1, START, START + 5);
    assert_false(take(2, 1, START + 10)); /* another item */
    assert_true(take(1, 1, START + 10));
    assert_false(take(1, 1, START + 11));
}

static void test_a_stranger_ends_all_notes(void **state)
{
    (void)state;
    note(1, 1, START, START + 5);
    note(1, 2, START + 20, START + 25);
    assert_false(take(1, 3, START + 30));
    assert_false(take(1, 1, START + 30));
    note(1, 1, START + 40, START + 45);
    assert_false(take_unknown(1, START + 50));
    assert_false(take(1, 1, START + 50));
    note(1, 1, START + 60, START + 65);
    assert_true(take(1, 1, START + 70));
}

static void test_a_known_one_ends_those_that_may_be_older(void **state)
{
    (void)state;
    note(1, 1, START, START + 5);
    note(1, 2, START + 5, START + 9);  /* begun when the first had its reply: nobody knows */
    note(1, 3, START + 6, START + 12); /* later for certain, whatever has been cut off */
    assert_true(take(1, 1, START + 20));
    assert_false(take(1, 2, START + 20));
    note(1, 1, START + 30, START + 35);
    note(1, 3, START + 37, START + 42);
    assert_true(take(1, 1, START + 50));
    assert_true(take(1, 3, START + 50));
}

/* Back and forth: each record is known, in its turn. */
static void test_the_same_image_again(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++)
        note(1, i % 2, START + i * 10, START + i * 10 + 5);
    for (unsigned i = 0; i < 8; i++)
        assert_true(take(1, i % 2, START + 100 + i));
    assert_false(take(1, 0, START + 200));
}

static void test_a_note_that_comes_too_late(void **state)
{
    (void)state;
    assert_false(take(1, 1, START + 3)); /* the write is under way, its record is there already */
    note(1, 1, START, START + 5);
    assert_false(take(1, 1, START + 10));
    note(1, 2, START + 12, START + 15); /* begun after that */
    assert_true(take(1, 2, START + 20));
    note(1, 3, START + 15, START + 19); /* in the millisecond of that reply: nobody knows */
    assert_false(take(1, 3, START + 30));
}

/* What was known of the first must not keep the second out: it was begun after that one's reply. */
static void test_a_note_behind_a_known_record(void **state)
{
    (void)state;
    note(1, 1, START, START + 5);
    assert_true(take(1, 1, START + 30));
    note(1, 2, START + 10, START + 40);
    assert_true(take(1, 2, START + 50));
}

/* Records have been passed over: what was begun until then may be older than they are. */
static void test_what_was_begun_since(void **state)
{
    (void)state;
    ra_key i = key(1), m = key(1001), n = key(1002);
    note(1, 1, START, START + 5);
    note(1, 2, START + 1, START + 6);
    assert_false(ra_own_writes_take(own, &i, &m, START, START + 10));
    note(1, 1, START + 20, START + 25);
    note(1, 2, START + 31, START + 35);
    assert_false(ra_own_writes_take(own, &i, &m, START + 20, START + 30));
    assert_true(ra_own_writes_take(own, &i, &n, START + 30, START + 40));
}

static void test_how_long_notes_count(void **state)
{
    (void)state;
    note(1, 1, START + 1, START + 2);
    assert_true(take(1, 1, START + LIFE - 1));
    note(2, 1, START + 1, START + 2);
    note(2, 1, START + LIFE - 2, START + LIFE - 1); /* which doesn't lengthen the first one's life */
    assert_false(take(2, 2, START + LIFE + 1));
    note(3, 1, START + 1, START + 2);
    note(3, 2, START + LIFE - 2, START + LIFE - 1);
    assert_false(take(3, 1, START + LIFE + 1));
}

static void test_a_write_that_took_too_long(void **state)
{
    (void)state;
    note(1, 1, START, START + LATE);
    assert_false(take(1, 1, START + LATE));
    note(2, 1, START, START + LATE - 1);
    assert_true(take(2, 1, START + LATE));
    note(3, 1, START + 5, START); /* a clock that has gone back */
    assert_false(take(3, 1, START + LATE));
}

/* A record is remembered for as long as a note may be late. */
static void test_records_are_remembered_for_long_enough(void **state)
{
    (void)state;
    for (int64_t late = 1; late < LATE; late += 499) {
        uint64_t item = (uint64_t)late;
        int64_t at = START + late * 1000;
        assert_false(take(item, 1, at));
        note(item, 1, at - 1, at + late - 1);
        assert_false(take(item, 1, at + late));
    }
}

static void test_notes_of_one_item_are_bounded(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RA_OWN_WRITES_PER_ITEM + 4; i++)
        note(1, i, START + i * 10, START + i * 10 + 5);
    for (unsigned i = 0; i < RA_OWN_WRITES_PER_ITEM + 4; i++)
        assert_int_equal(take(1, i, START + 1000 + i), i < RA_OWN_WRITES_PER_ITEM);
    for (unsigned i = 0; i < RA_OWN_WRITES_PER_ITEM; i++)
        note(2, 1, START + i * 10, START + i * 10 + 5);
    note(2, 2, START + LIFE + 200, START + LIFE + 205); /* the others count no more */
    assert_true(take(2, 2, START + LIFE + 210));
}

/* ---- memory ---- */

static void test_memory_is_bounded(void **state)
{
    (void)state;
    enum { ITEMS = 20000 };
    for (uint64_t i = 0; i < ITEMS; i++) {
        note(i, i, START + (int64_t)i / 10, START + (int64_t)i / 10 + 5);
        assert_true(ra_own_writes_bytes(own) <= 1 << 20);
    }
    assert_false(take(0, 0, START + 3000)); /* the oldest has given way */
    assert_true(take(ITEMS - 1, ITEMS - 1, START + 3000));
    /* and goes when it has outlived itself */
    note(ITEMS, 1, START + 3 * LIFE, START + 3 * LIFE);
    assert_true(ra_own_writes_bytes(own) < 64 << 10);
}

/* A record that is forgotten before its time keeps out all that was begun before it. */
static void test_what_is_forgotten_keeps_late_notes_out(void **state)
{
    (void)state;
    enum { ITEMS = 20000 };
    assert_false(take(1, 1, START));
    for (uint64_t i = 0; i < ITEMS; i++)
        assert_false(take(100 + i, 1, START + 10 + (int64_t)i / 20));
    note(1, 1, START - 5, START + 1100); /* its item has gone */
    assert_false(take(1, 1, START + 1200));
    note(2, 1, START + 1100, START + 1101);
    assert_true(take(2, 1, START + 1200));
}

static void test_without_memory(void **state)
{
    (void)state;
#ifdef OWN_ALLOCATOR
    skip();
#else
    refuse_one_in = 1;
    assert_null(ra_own_writes_new(1 << 20));
    note(1, 1, START, START + 5);
    assert_false(take(2, 1, START + 10)); /* can't be remembered: so nothing of before is noted any more */
    refuse_one_in = 0;
    assert_false(take(1, 1, START + 10));
    note(2, 1, START + 9, START + 15);
    assert_false(take(2, 1, START + 20));
    note(2, 2, START + 22, START + 25);
    assert_true(take(2, 2, START + 30));
#endif
}

/* ---- the model ---- */

enum { IMAGES = 4, WRITERS = 4, READERS = 4, UNITS = 3, RECORDS = 1 << 16, ITEM_KEY = 7 };

/* What a mistake breaks; 0: none is made. */
enum mistake {
    NO_MISTAKE,
    LATE_IS_NEW,     /* a late note says that its write had just been begun */
    EARLY_REPLY,     /* a note says that its write had its reply when it was begun */
    RECORDS_UNSEEN,  /* a stranger's record is handled without being asked about */
    SKIPPED_TRUSTED, /* what was noted before records were passed over counts */
    UNMARKED_WRITES, /* a write whose begin failed is noted */
    WITHOUT_THE_OLD, /* with an index, the new image alone names a change */
    MISTAKES
};

typedef struct writer {
    enum { IDLE, BEGUN, REPLIED, ENDED } phase;
    unsigned was, image; /* `was`: before it, once it is committed */
    bool committed, marked;
    int64_t begun, replied;
} writer;

typedef struct reader {
    bool reads, has_read;
    unsigned unit, generation;
    uint64_t version;
} reader;

/* Unit 0 is the item's, 1 and 2 are the index partitions of even and odd images. */
typedef struct unit {
    unsigned generation, markers;
    bool filled;
    uint64_t version;
} unit;

static struct world {
    uint64_t random;
    enum mistake mistake;
    bool index; /* there is one: changes are named by both images */
    int64_t now;
    unsigned image;
    uint64_t version; /* records so far */
    struct record {
        unsigned was, image;
        bool strange;
    } records[RECORDS];
    uint64_t handled, at; /* at most, and where the follower is */
    int64_t since;        /* it has passed over records from before that */
    unsigned generations;
    unit units[UNITS];
    writer writers[WRITERS];
    reader readers[READERS];
    uint64_t known, known_strange, late, wrong;
} w;

static unsigned roll(unsigned n)
{
    w.random = w.random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(w.random >> 33) % n;
}

static unsigned index_of(unsigned image)
{
    return 1 + image % 2;
}

static ra_key name_of(unsigned was, unsigned image)
{
    bool both = w.index && w.mistake != WITHOUT_THE_OLD;
    return key(2000 + image + (both ? (was + 1) * IMAGES : 0));
}

static void drop(unsigned u)
{
    w.units[u].filled = false;
    w.units[u].generation = 0;
}

static void mark(unsigned u)
{
    drop(u);
    w.units[u].markers++;
}

/* An entry is too old if a record that has been handled has changed what it shows. */
static void check(unsigned u)
{
    const unit *of = &w.units[u];
    for (uint64_t i = of->version; of->filled && i < w.handled; i++)
        if (u == 0 || u == index_of(w.records[i].was) || u == index_of(w.records[i].image)) {
            w.wrong++;
            return;
        }
}

static void commit(unsigned image, bool strange)
{
    if (image != w.image)
        w.records[w.version++] = (struct record){w.image, image, strange};
    w.image = image;
}

static void step_writer(writer *of, unsigned images)
{
    switch (of->phase) {
    case IDLE:
        *of = (writer){.phase = BEGUN, .image = roll(images), .begun = w.now};
        of->marked = w.mistake != UNMARKED_WRITES || roll(4);
        if (of->marked) {
            mark(0);
            mark(index_of(of->image));
        }
        break;
    case BEGUN:
        if (!of->committed) {
            of->was = w.image;
            commit(of->image, false);
            of->committed = true;
        } else {
            of->replied = w.now;
            of->phase = REPLIED;
            if (of->marked) /* the old image is known now */
                drop(index_of(of->was));
        }
        break;
    case REPLIED:
        if (of->marked) {
            w.units[0].markers--;
            w.units[index_of(of->image)].markers--;
        }
        of->phase = ENDED;
        break;
    default: {
        ra_key item = key(ITEM_KEY), image = name_of(of->was, of->image);
        int64_t took = w.mistake == LATE_IS_NEW ? 0 : w.now - of->begun;
        w.late += w.now > of->replied + 20;
        if (roll(40)) /* else it is lost */
            ra_own_writes_note(own, &item, &image, w.mistake == EARLY_REPLY ? 0 : took,
                               w.mistake == EARLY_REPLY ? of->begun : w.now);
        of->phase = IDLE;
    }
    }
}

static void step_reader(reader *of)
{
    unit *u = &w.units[of->unit];
    if (!of->reads) {
        of->unit = roll(w.index ? UNITS : 1);
        u = &w.units[of->unit];
        if (u->markers || u->filled)
            return;
        if (!u->generation)
            u->generation = ++w.generations;
        of->generation = u->generation;
        of->reads = true;
        of->has_read = false;
    } else if (!of->has_read) {
        of->version = w.version;
        of->has_read = true;
    } else {
        of->reads = false;
        if (u->generation != of->generation)
            return;
        u->filled = true;
        u->version = of->version;
        check(of->unit);
    }
}

static void step_follower(void)
{
    if (roll(1000) == 0) /* another one takes over, from some records before */
        w.at -= w.at < 3 ? w.at : roll(4);
    if (w.version - w.at > 2 && roll(100) == 0) { /* or finds that records are gone: all is dropped */
        w.at = w.handled = w.version;
        for (unsigned u = 0; u < UNITS; u++)
            drop(u);
        w.since = w.mistake == SKIPPED_TRUSTED ? w.since : w.now;
    }
    if (w.at == w.version)
        return;
    const struct record *r = &w.records[w.at++];
    ra_key item = key(ITEM_KEY), image = name_of(r->was, r->image);
    bool unseen = w.mistake == RECORDS_UNSEEN && r->strange && roll(2);
    bool known = !unseen && ra_own_writes_take(own, &item, roll(100) ? &image : NULL, w.since, w.now);
    if (w.at > w.handled)
        w.handled = w.at;
    if (known) {
        w.known++;
        w.known_strange += r->strange;
    } else {
        drop(0);
        drop(index_of(r->was));
        drop(index_of(r->image));
    }
    for (unsigned u = 0; u < UNITS; u++)
        check(u);
}

static void pass_time(void)
{
    if (roll(3) == 0)
        w.now += roll(4);
    if (roll(2000) == 0)
        w.now += roll(2 * LATE);
    if (roll(20000) == 0)
        w.now += roll(2 * LIFE);
    for (unsigned i = roll(100) ? 0 : 50; i; i--) { /* so that the item may have to give way */
        ra_key other = key(100000 + roll(1000));
        ra_own_writes_take(own, &other, NULL, w.since, w.now);
    }
}

/* What goes on for a while: how many writers there are, how seldom who takes a step, how many images. */
typedef struct mood {
    unsigned writers, write, follow, stranger, images;
    bool rest; /* no write of a proxy is begun */
} mood;

static void run(uint64_t seed, unsigned steps, enum mistake mistake, bool index, size_t max_bytes)
{
    ra_own_writes_free(own);
    own = ra_own_writes_new(max_bytes);
    assert_non_null(own);
    memset(&w, 0, sizeof w);
    w.random = seed;
    w.mistake = mistake;
    w.index = index;
    w.now = START;
    w.since = INT64_MIN;
    mood m = {1, 1, 1, 1, 1, false};
    for (unsigned i = 0; i < steps && w.version < RECORDS; i++) {
        pass_time();
        if (roll(200) == 0)
            m = (mood){1 + roll(WRITERS),   1 + roll(10),         roll(2) ? 1 + roll(10) : 300,
                       roll(3) ? 3000 : 40, 2 + roll(IMAGES - 1), roll(3) == 0};
        if (roll(m.stranger) == 0)
            commit(roll(m.images), true);
        writer *one = &w.writers[roll(m.rest ? WRITERS : m.writers)];
        if (roll(m.write) == 0 && !(m.rest && one->phase == IDLE))
            step_writer(one, m.images);
        for (unsigned n = 0; n < 4; n++)
            step_reader(&w.readers[roll(READERS)]);
        for (unsigned n = roll(m.follow) ? 0 : 1 + roll(10); n; n--)
            step_follower();
    }
}

static uint64_t environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void test_model(void **state)
{
    (void)state;
    uint64_t seed = environment("READASIDE_SEED", 1), seeds = seed + 8;
    unsigned steps = (unsigned)environment("READASIDE_STEPS", 400000);
    for (; seed < seeds; seed++) {
        run(seed, steps, NO_MISTAKE, seed % 2, seed % 4 < 2 ? 1 << 20 : 8 << 10);
        if (w.wrong)
            fail_msg("READASIDE_SEED=%" PRIu64 ": %" PRIu64 " times an entry was too old", seed, w.wrong);
        /* there was something to be wrong about */
        assert_true(w.known > w.version / 50 && w.known < w.version && w.late > 100);
        assert_true(w.known_strange > 0);
    }
}

static void test_the_model_notices_mistakes(void **state)
{
    (void)state;
    for (enum mistake m = NO_MISTAKE + 1; m < MISTAKES; m++) {
        uint64_t wrong = 0;
        for (uint64_t seed = 1; seed <= 10 && !wrong; seed++) {
            run(seed, 400000, m, m == WITHOUT_THE_OLD, 1 << 20);
            wrong += w.wrong;
        }
        if (!wrong)
            fail_msg("mistake %u wasn't noticed", m);
    }
}

/* Who is the only writer, and writes one after the other, has all of its writes known. */
static void test_alone_all_are_known(void **state)
{
    (void)state;
    int64_t now = START;
    uint64_t read = 0;
    for (uint64_t written = 0; written < 2000; written++) {
        note(1, written % 7, now + 1, now + 5);
        now += 6;
        if (written - read < RA_OWN_WRITES_PER_ITEM - 1 && written % 10)
            continue;
        for (; read <= written; read++)
            assert_true(take(1, read % 7, now));
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_noted_write_is_known_once),
        TEST(test_a_stranger_ends_all_notes),
        TEST(test_a_known_one_ends_those_that_may_be_older),
        TEST(test_the_same_image_again),
        TEST(test_a_note_that_comes_too_late),
        TEST(test_a_note_behind_a_known_record),
        TEST(test_what_was_begun_since),
        TEST(test_how_long_notes_count),
        TEST(test_a_write_that_took_too_long),
        TEST(test_records_are_remembered_for_long_enough),
        TEST(test_notes_of_one_item_are_bounded),
        TEST(test_memory_is_bounded),
        TEST(test_what_is_forgotten_keeps_late_notes_out),
        TEST(test_without_memory),
        TEST(test_model),
        TEST(test_the_model_notices_mistakes),
        TEST(test_alone_all_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
