/*
 * What a tracker tells a near cache, which is a stand-in here that records it: against Debian's redis-server,
 * and against a server made by hand for what Redis won't do.
 */
#include "cache/redis_tracker.h"

#include "cache/redis_epoch.h"
#include "cache/redis_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "redis_loop.h"
#include "redis_server.h"
#include "refusing_malloc.h"

/* ---- the near cache: records ---- */

enum { UNITS = 1 << 16 };

struct ra_near {
    unsigned refs;
    unsigned touches, alls, hearings;
    unsigned of[UNITS];                /* touches of the units that the tests number */
    char epoch[RA_NEAR_EPOCH_MAX + 1]; /* of the newest hearing */
    ra_key newest;
    int64_t until, latest;    /* of the newest, and the latest of all */
    unsigned alls_at_hearing; /* alls when it was first heard since `watch` */
    bool watch;
};

ra_near *ra_near_ref(ra_near *n)
{
    n->refs++;
    return n;
}

void ra_near_unref(ra_near *n)
{
    n->refs--;
}

void ra_near_touch(ra_near *n, const ra_key *unit)
{
    n->touches++;
    n->newest = *unit;
    n->of[unit->b[30] << 8 | unit->b[31]]++;
}

void ra_near_touch_all(ra_near *n)
{
    n->alls++;
}

void ra_near_heard(ra_near *n, const char *epoch, int64_t until)
{
    n->hearings++;
    snprintf(n->epoch, sizeof n->epoch, "%s", epoch);
    n->until = until;
    if (n->latest < until)
        n->latest = until;
    if (n->watch)
        n->alls_at_hearing = n->alls;
    n->watch = false;
}

/* ---- a tracker ---- */

typedef struct ear {
    ra_near near;
    ra_redis_tracker *tracker;
    unsigned infos, warnings;
    char info[256], warning[256];
} ear;

static void on_say(const char *text, bool warning, void *arg)
{
    ear *e = arg;
    if (warning)
        e->warnings++;
    else
        e->infos++;
    snprintf(warning ? e->warning : e->info, sizeof e->info, "%s", text);
}

static ra_redis_tracker_options tracking_of(ear *e)
{
    seen unused;
    memset(e, 0, sizeof *e);
    e->near.refs = 1;
    e->near.watch = true;
    ra_redis_tracker_options o = {.redis = options_of(&unused),
                                  .key_prefix = "p:",
                                  .near = &e->near,
                                  .ping = 1,
                                  .max_silence = LONG,
                                  .say = on_say,
                                  .say_arg = e};
    o.redis.base = NULL; /* its own, as these are */
    o.redis.up = NULL;
    o.redis.down = NULL;
    o.redis.arg = NULL;
    o.redis.dead_after = 1;
    return o;
}

static void open_tracker(ear *e, const ra_redis_tracker_options *o)
{
    e->tracker = ra_redis_tracker_new(base, o);
    assert_non_null(e->tracker);
    assert_int_equal(ra_redis_tracker_state(e->tracker), RA_TRACKING_DOWN);
    assert_int_equal(e->near.refs, 2);
}

static void close_tracker(ear *e)
{
    unsigned alls = e->near.alls;
    ra_redis_tracker_free(e->tracker);
    assert_true(e->near.alls > alls); /* what nobody listens for isn't fresh */
    assert_int_equal(e->near.refs, 1);
}

#define UNTIL_STATE(e, wanted) UNTIL(ra_redis_tracker_state((e)->tracker) == (wanted))

/* ---- a real server ---- */

static redis_server server;

static int end_all(void **state)
{
    (void)state;
    redis_server_stop(&server);
    redis_folder_remove();
    return 0;
}

static int begin(void **state)
{
    (void)state;
    loop_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    loop_end();
    return 0;
}

static void open_ear(ear *e)
{
    ra_redis_tracker_options o = tracking_of(e);
    o.redis.socket = server.socket;
    open_tracker(e, &o);
    UNTIL_STATE(e, RA_TRACKING_ON);
}

static void open_writer(seen *w)
{
    ra_redis_options o = options_of(w);
    o.socket = server.socket;
    w->redis = ra_redis_new(&o);
    UNTIL(w->ups == 1);
}

/* All tests find it ready, and none hears of its beginnings. */
static int begin_all(void **state)
{
    static const char *argv[] = {"--port", "0", NULL};
    seen w;
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    redis_folder_make();
    snprintf(server.socket, sizeof server.socket, "%s", redis_path("redis.sock"));
    redis_server_start(&server, argv);
    loop_begin();
    open_writer(&w);
    ra_redis_free(w.redis);
    loop_end();
    return 0;
}

static void wait_for_reply(seen *w, const ra_redis_command *sent)
{
    unsigned ended = w->replies + w->none;
    assert_non_null(sent);
    UNTIL(w->replies + w->none > ended);
    if (w->type == REDIS_REPLY_ERROR)
        fail_msg("the server says: %s", w->text);
}

static void ask(seen *w, const char *words)
{
    wait_for_reply(w, send_words(w, words, LONG));
}

static const char *key_of(unsigned unit)
{
    static char key[8][96];
    static unsigned next;
    char *k = key[next++ % 8];
    snprintf(k, sizeof key[0], "p:ra1:%064x", unit);
    return k;
}

static void change(seen *w, unsigned unit)
{
    char words[128];
    snprintf(words, sizeof words, "SET %s x", key_of(unit));
    ask(w, words);
}

/* In one script, and so in one push: the units from 0 on. */
static void change_many(seen *w, unsigned n)
{
    char number[16];
    snprintf(number, sizeof number, "%u", n);
    const ra_bytes argv[] = {
        RA_BYTES("EVAL"),
        RA_BYTES("for i = 0, ARGV[1] - 1 do redis.call('SET', 'p:ra1:' .. string.format('%064x', i), 1) end"),
        RA_BYTES("0"), ra_bytes_z(number)};
    wait_for_reply(w, send_args(w, argv, 4, LONG));
}

/* Whoever hears of this has heard of all that was before. */
static void hears(seen *w, ear *e, unsigned unit)
{
    unsigned before = e->near.of[unit];
    change(w, unit);
    UNTIL(e->near.of[unit] > before);
}

static void test_hears_changes(void **state)
{
    (void)state;
    ear e;
    seen w;
    char epoch[RA_REDIS_EPOCH_CHARS + 1];
    int64_t before = test_now();
    open_ear(&e);
    open_writer(&w);
    ra_redis_epoch(&w.identity, "", epoch);
    assert_string_equal(e.near.epoch, epoch);
    assert_true(e.near.until >= before + LONG && e.near.until <= test_now() + LONG);
    assert_true(e.near.alls_at_hearing > 0);
    assert_int_equal(e.near.touches, 0);
    hears(&w, &e, 1);
    hears(&w, &e, 0xabcd);
    hears(&w, &e, 1);
    ask(&w, "DEL p:ra1:0000000000000000000000000000000000000000000000000000000000000001");
    UNTIL(e.near.of[1] == 3);
    assert_int_equal(e.near.of[0xabcd], 1);
    assert_int_equal(e.near.touches, 4);
    assert_int_equal(e.infos, 1);
    assert_int_equal(e.warnings, 0);
    ra_redis_free(w.redis);
    close_tracker(&e);
}

static void test_is_heard_again_and_again(void **state)
{
    (void)state;
    ear e;
    open_ear(&e);
    unsigned alls = e.near.alls;
    int64_t first = e.near.until;
    UNTIL(e.near.hearings >= 20);
    assert_true(e.near.until > first);
    assert_int_equal(e.near.until, e.near.latest);
    assert_int_equal(e.near.alls, alls);
    assert_int_equal(e.infos, 1);
    close_tracker(&e);
}

/* What was acknowledged to a writer before a PING was sent has been told before the near cache hears that. */
static void test_heard_means_told(void **state)
{
    (void)state;
    ear e;
    seen w;
    open_ear(&e);
    open_writer(&w);
    for (unsigned i = 1; i <= 200; i++) {
        change(&w, i);
        int64_t acknowledged = test_now();
        UNTIL(e.near.until > acknowledged + LONG); /* the PING was sent later */
        assert_int_equal(e.near.of[i], 1);
    }
    ra_redis_free(w.redis);
    close_tracker(&e);
}

static void test_keys_that_are_no_units(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "p:ra1:epochs",
        "p:ra1:probe",
        "p:ra1:",
        "p:ra1:00000000000000000000000000000000000000000000000000000000000000AB",  /* not as we write it */
        "p:ra1:000000000000000000000000000000000000000000000000000000000000000g",  /* no digit */
        "p:ra1:000000000000000000000000000000000000000000000000000000000000001",   /* too short */
        "p:ra1:00000000000000000000000000000000000000000000000000000000000000001", /* too long */
        "q:ra1:0000000000000000000000000000000000000000000000000000000000000001",  /* another prefix */
        "P:ra1:0000000000000000000000000000000000000000000000000000000000000001",
    };
    ear e;
    seen w;
    open_ear(&e);
    open_writer(&w);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char words[128];
        snprintf(words, sizeof words, "SET %s x", keys[i]);
        ask(&w, words);
    }
    unsigned alls = e.near.alls;
    hears(&w, &e, 7);
    assert_int_equal(e.near.touches, 1);
    assert_int_equal(e.near.alls, alls);
    ra_redis_free(w.redis);
    close_tracker(&e);
}

/* Digits from all of the key, and each at its place. */
static void test_digits(void **state)
{
    (void)state;
    ear e;
    seen w;
    open_ear(&e);
    open_writer(&w);
    ask(&w, "SET p:ra1:00112233445566778899aabbccddeeff0123456789abcdeffedcba98765432f1 x");
    UNTIL(e.near.of[0x32f1] == 1);
    static const unsigned char wanted[] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa,
                                           0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
                                           0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0xf1};
    assert_memory_equal(e.near.newest.b, wanted, sizeof wanted);
    ra_redis_free(w.redis);
    close_tracker(&e);
}

static void test_nobody_elses_prefix(void **state)
{
    (void)state;
    ear ours, theirs;
    seen w;
    char prefix[] = "p:other:";
    open_ear(&ours);
    ra_redis_tracker_options o = tracking_of(&theirs);
    o.redis.socket = server.socket;
    o.key_prefix = prefix;
    open_tracker(&theirs, &o);
    prefix[0] = 'X'; /* strings are copied */
    UNTIL_STATE(&theirs, RA_TRACKING_ON);
    open_writer(&w);
    ask(&w, "SET p:other:ra1:0000000000000000000000000000000000000000000000000000000000000005 x");
    hears(&w, &ours, 6);
    UNTIL(theirs.near.of[5] == 1);
    assert_int_equal(ours.near.of[5], 0);
    assert_int_equal(theirs.near.of[6], 0);
    ra_redis_free(w.redis);
    close_tracker(&ours);
    close_tracker(&theirs);
}

/* Two processes, as the server sees it: each hears what both change, in whatever database. */
static void test_two_of_them(void **state)
{
    (void)state;
    ear a, b;
    seen v, w;
    open_ear(&a);
    open_ear(&b);
    open_writer(&v);
    open_writer(&w);
    ask(&w, "SELECT 3");
    for (unsigned i = 0; i < 100; i++) {
        change(&v, 2 * i);
        change(&w, 2 * i + 1);
    }
    UNTIL(a.near.touches == 200 && b.near.touches == 200);
    for (unsigned i = 0; i < 200; i++)
        assert_true(a.near.of[i] == 1 && b.near.of[i] == 1);
    ra_redis_free(v.redis);
    ra_redis_free(w.redis);
    close_tracker(&a);
    close_tracker(&b);
}

static void test_lost_data(void **state)
{
    static const char *const all[] = {"FLUSHALL", "FLUSHDB", "FLUSHALL ASYNC",
                                      "PUBLISH __redis__:invalidate nonsense"};
    (void)state;
    ear e;
    seen w;
    open_ear(&e);
    open_writer(&w);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        unsigned alls = e.near.alls;
        ask(&w, all[i]);
        UNTIL(e.near.alls == alls + 1);
        unsigned hearings = e.near.hearings;
        UNTIL(e.near.hearings > hearings);
        hears(&w, &e, 9);
        assert_int_equal(e.near.alls, alls + 1);
    }
    assert_int_equal(e.warnings, 0);
    ra_redis_free(w.redis);
    close_tracker(&e);
}

static void test_what_expires_has_changed(void **state)
{
    (void)state;
    ear e;
    seen w;
    open_ear(&e);
    open_writer(&w);
    hears(&w, &e, 3);
    ask(&w, "PEXPIRE p:ra1:0000000000000000000000000000000000000000000000000000000000000003 1");
    UNTIL(e.near.of[3] == 3); /* SET, PEXPIRE, and the end */
    ra_redis_free(w.redis);
    close_tracker(&e);
}

static void test_many_keys_in_one_push(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    ear e;
    seen w;
    open_ear(&e);
    open_writer(&w);
    unsigned alls = e.near.alls;
    change_many(&w, MANY);
    UNTIL(e.near.touches >= MANY);
    assert_int_equal(e.near.touches, MANY);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(e.near.of[i], 1);
    assert_int_equal(e.near.alls, alls);
    ask(&w, "FLUSHALL");
    ra_redis_free(w.redis);
    close_tracker(&e);
}

/* ---- the connection's loss ---- */

static void test_cut(void **state)
{
    (void)state;
    ear e;
    seen w;
    open_ear(&e);
    open_writer(&w);
    for (unsigned i = 1; i <= 5; i++) {
        unsigned alls = e.near.alls;
        ask(&w, "CLIENT KILL TYPE pubsub");
        UNTIL(e.infos == i + 1); /* it is back */
        assert_int_equal(e.warnings, i);
        assert_int_equal(e.near.alls, alls + 2); /* at the loss, and for what wasn't heard meanwhile */
        hears(&w, &e, i);
    }
    ra_redis_free(w.redis);
    close_tracker(&e);
}

static void test_server_restarts(void **state)
{
    (void)state;
    static const char *argv[] = {"--port", "0", NULL};
    redis_server mortal = {0};
    ear e;
    seen w;
    snprintf(mortal.socket, sizeof mortal.socket, "%s", redis_path("mortal.sock"));
    ra_redis_tracker_options o = tracking_of(&e);
    o.redis.socket = mortal.socket;
    open_tracker(&e, &o);
    UNTIL(e.warnings == 1); /* it isn't there yet */
    assert_int_equal(e.near.hearings, 0);
    redis_server_start(&mortal, argv);
    UNTIL_STATE(&e, RA_TRACKING_ON);
    char epoch[RA_NEAR_EPOCH_MAX + 1];
    snprintf(epoch, sizeof epoch, "%s", e.near.epoch);
    unsigned alls = e.near.alls;
    redis_server_stop(&mortal);
    UNTIL_STATE(&e, RA_TRACKING_DOWN);
    assert_int_equal(e.near.alls, alls + 1);
    unsigned hearings = e.near.hearings;
    e.near.watch = true;
    redis_server_start(&mortal, argv);
    UNTIL_STATE(&e, RA_TRACKING_ON);
    assert_true(e.near.hearings > hearings);
    assert_true(e.near.alls_at_hearing > alls + 1);
    assert_string_not_equal(e.near.epoch, epoch);
    assert_int_equal(e.warnings, 2);
    assert_int_equal(e.infos, 2);
    ra_redis_options wo = options_of(&w);
    wo.socket = mortal.socket;
    w.redis = ra_redis_new(&wo);
    UNTIL(w.ups == 1);
    hears(&w, &e, 8);
    ra_redis_free(w.redis);
    close_tracker(&e);
    redis_server_stop(&mortal);
}

/* A server that is stopped answers nothing, and nothing counts as heard for longer than is allowed. */
static void test_server_falls_silent(void **state)
{
    (void)state;
    enum { SILENCE = 100 };
    ear e;
    int status;
    ra_redis_tracker_options o = tracking_of(&e);
    o.redis.socket = server.socket;
    o.max_silence = SILENCE;
    open_tracker(&e, &o);
    UNTIL(e.near.hearings >= 3);
    kill(server.pid, SIGSTOP);
    assert_int_equal(waitpid(server.pid, &status, WUNTRACED), server.pid);
    int64_t stopped = test_now();
    unsigned alls = e.near.alls;
    UNTIL_STATE(&e, RA_TRACKING_DOWN);
    assert_true(e.near.latest <= stopped + SILENCE);
    assert_true(e.near.alls > alls);
    assert_non_null(strstr(e.warning, "no reply for "));
    /* what it is told meanwhile isn't believed to have been heard */
    e.near.watch = true;
    unsigned hearings = e.near.hearings;
    kill(server.pid, SIGCONT);
    UNTIL(e.near.hearings > hearings);
    assert_true(e.near.alls_at_hearing > alls + 1);
    close_tracker(&e);
}

/* ---- what is refused ---- */

static void refused_to(const char *user, const char *rules, const char *words)
{
    ear e;
    seen w;
    char acl[256];
    open_writer(&w);
    snprintf(acl, sizeof acl, "ACL SETUSER %s reset on >words ~* %s", user, rules);
    ask(&w, acl);
    ra_redis_tracker_options o = tracking_of(&e);
    o.redis.socket = server.socket;
    o.redis.user = user;
    o.redis.password = "words";
    open_tracker(&e, &o);
    UNTIL_STATE(&e, RA_TRACKING_REFUSED);
    change(&w, 1);
    for (unsigned i = 0; i < 20; i++)
        event_base_loop(base, EVLOOP_ONCE);
    if (!strstr(e.warning, words))
        fail_msg("not said: %s; but: %s", words, e.warning);
    assert_int_equal(e.warnings, 1);
    /* the next connection is refused as well: nothing new. The one after that isn't */
    unsigned alls = e.near.alls;
    snprintf(acl, sizeof acl, "CLIENT KILL USER %s", user);
    ask(&w, acl);
    UNTIL(e.near.alls > alls);
    UNTIL_STATE(&e, RA_TRACKING_REFUSED);
    assert_int_equal(e.near.hearings, 0);
    assert_int_equal(e.infos, 0);
    assert_int_equal(e.warnings, 2); /* that it was lost */
    snprintf(acl, sizeof acl, "ACL SETUSER %s +@all &*", user);
    ask(&w, acl);
    alls = e.near.alls;
    snprintf(acl, sizeof acl, "CLIENT KILL USER %s", user);
    ask(&w, acl);
    UNTIL(e.near.alls > alls); /* lost; where PING alone was refused it may have been ON by then */
    UNTIL_STATE(&e, RA_TRACKING_ON);
    hears(&w, &e, 2);
    ra_redis_free(w.redis);
    close_tracker(&e);
}

static void test_refused_by_an_acl(void **state)
{
    (void)state;
    refused_to("no-tracking", "&* +@all -client|tracking", "CLIENT TRACKING: NOPERM");
    refused_to("no-id", "&* +@all -client|id", "CLIENT ID: NOPERM");
    refused_to("no-client", "&* +@all -client", "CLIENT ID: NOPERM");
    refused_to("no-subscribe", "&* +@all -subscribe", "SUBSCRIBE: NOPERM");
    refused_to("no-channel", "resetchannels +@all", "SUBSCRIBE: NOPERM");
    refused_to("no-ping", "&* +@all -ping", "PING: NOPERM");
    refused_to("no-info", "&* +@all -info", "the server doesn't tell who it is (INFO)");
}

/* The rules that the header names. */
static void test_a_user_who_may_just_this(void **state)
{
    (void)state;
    ear e;
    seen w;
    open_writer(&w);
    ask(&w,
        "ACL SETUSER ear reset on >words &__redis__:invalidate +client|id +client|tracking +subscribe +ping "
        "+info +client|setname +select");
    ra_redis_tracker_options o = tracking_of(&e);
    o.redis.socket = server.socket;
    o.redis.user = "ear";
    o.redis.password = "words";
    o.redis.name = "ear";
    o.redis.database = 2;
    open_tracker(&e, &o);
    UNTIL_STATE(&e, RA_TRACKING_ON);
    hears(&w, &e, 5);
    ask(&w, "ACL SETUSER ear resetchannels"); /* the server hangs up */
    UNTIL_STATE(&e, RA_TRACKING_REFUSED);
    assert_non_null(strstr(e.warning, "SUBSCRIBE: NOPERM"));
    assert_int_equal(e.warnings, 2);
    ra_redis_free(w.redis);
    close_tracker(&e);
}

/* ---- a server by hand ---- */

static void open_by_hand(peer *p, ear *e, int64_t max_silence)
{
    ra_redis_tracker_options o = tracking_of(e);
    peer_listen(p);
    o.redis.host = "127.0.0.1";
    o.redis.port = p->port;
    o.max_silence = max_silence;
    open_tracker(e, &o);
}

static void close_by_hand(peer *p, ear *e)
{
    close_tracker(e);
    peer_close(p);
    close(p->listener);
}

/* The next connection; `info` is all that INFO says. */
static void greet(peer *p, const char *info)
{
    char reply[128];
    peer_close(p);
    peer_forget(p);
    UNTIL(peer_accepts(p));
    PEER_EXPECT(p, "INFO\r\n");
    peer_forget(p);
    snprintf(reply, sizeof reply, "$%zu\r\n%s\r\n", strlen(info), info);
    peer_say(p, reply);
}

/* Exactly these bytes come next; then `reply` is said. */
static void expect(peer *p, const char *command, const char *reply)
{
    UNTIL(strlen(peer_got(p)) >= strlen(command));
    assert_string_equal(p->got, command);
    peer_forget(p);
    peer_say(p, reply);
}

#define RUN_ID  "run_id:0123456789\n"
#define ASKS_ID "*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n"
#define ASKS_TRACKING(id_as_bulk)                                                                            \
    "*8\r\n$6\r\nCLIENT\r\n$8\r\nTRACKING\r\n$2\r\nON\r\n$8\r\nREDIRECT\r\n" id_as_bulk                      \
    "\r\n$5\r\nBCAST\r\n$6\r\nPREFIX\r\n$6\r\np:ra1:\r\n"
#define ASKS_SUBSCRIBE "*2\r\n$9\r\nSUBSCRIBE\r\n$20\r\n__redis__:invalidate\r\n"
#define SUBSCRIBED     "*3\r\n$9\r\nsubscribe\r\n$20\r\n__redis__:invalidate\r\n:1\r\n"
#define ASKS_PING      "*1\r\n$4\r\nPING\r\n"
#define PONG           "*2\r\n$4\r\npong\r\n$0\r\n\r\n"
#define PUSHES         "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n"

static void subscribe(peer *p)
{
    greet(p, RUN_ID);
    expect(p, ASKS_ID, ":9223372036854775807\r\n");
    expect(p, ASKS_TRACKING("$19\r\n9223372036854775807"), "+OK\r\n");
    expect(p, ASKS_SUBSCRIBE, SUBSCRIBED);
}

/* One question at a time, each only once the one before is answered well. */
static void test_questions_in_their_order(void **state)
{
    (void)state;
    peer p;
    ear e;
    open_by_hand(&p, &e, LONG);
    greet(&p, RUN_ID);
    UNTIL(strlen(peer_got(&p)) >= strlen(ASKS_ID));
    for (unsigned i = 0; i < 20; i++)
        event_base_loop(base, EVLOOP_ONCE);
    expect(&p, ASKS_ID, ":7\r\n");
    expect(&p, ASKS_TRACKING("$1\r\n7"), "+OK\r\n");
    unsigned alls = e.near.alls;
    expect(&p, ASKS_SUBSCRIBE, SUBSCRIBED);
    UNTIL(strlen(peer_got(&p)) >= strlen(ASKS_PING));
    assert_int_equal(e.near.alls, alls + 1);
    assert_int_equal(ra_redis_tracker_state(e.tracker), RA_TRACKING_DOWN);
    for (unsigned i = 0; i < 20; i++)
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(e.near.hearings, 0);
    expect(&p, ASKS_PING, PONG);
    UNTIL(e.near.hearings == 1);
    for (unsigned i = 2; i < 10; i++) {
        expect(&p, ASKS_PING, PONG);
        UNTIL(e.near.hearings == i);
    }
    assert_int_equal(e.near.alls, alls + 1);
    close_by_hand(&p, &e);
}

/* It counts from when the PING was sent: not from its answer. */
static void test_counts_from_when_it_asked(void **state)
{
    (void)state;
    peer p;
    ear e;
    open_by_hand(&p, &e, LONG);
    subscribe(&p);
    UNTIL(strlen(peer_got(&p)) >= strlen(ASKS_PING));
    int64_t came = test_now();
    UNTIL(test_now() > came + 5);
    expect(&p, ASKS_PING, PONG);
    UNTIL(e.near.hearings == 1);
    assert_true(e.near.until <= came + LONG);
    close_by_hand(&p, &e);
}

/* A push in front of an answer is told before it; one in pieces is told once it is whole. */
static void test_pushes_and_answers_in_one(void **state)
{
    (void)state;
    char push[256];
    peer p;
    ear e;
    open_by_hand(&p, &e, LONG);
    subscribe(&p);
    snprintf(push, sizeof push, PUSHES "*2\r\n$70\r\n%s\r\n$70\r\n%s\r\n" PONG, key_of(1), key_of(2));
    UNTIL(strlen(peer_got(&p)) >= strlen(ASKS_PING));
    peer_forget(&p);
    size_t pong = strlen(push) - strlen(PONG);
    for (size_t i = 0; push[i]; i++) {
        assert_int_equal(e.near.touches, i < pong ? 0 : 2);
        assert_true(peer_say_bytes(&p, push + i, 1));
        if (i + 1 == pong)
            UNTIL(e.near.touches == 2);
        assert_true(e.near.hearings == 0 || push[i + 1] == '\0');
    }
    UNTIL(e.near.hearings == 1);
    close_by_hand(&p, &e);
}

/* What isn't a list of keys is taken for all of them. */
static void test_odd_pushes(void **state)
{
    (void)state;
    static const char *const odd[] = {"$-1\r\n",
                                      "*-1\r\n",
                                      "*0\r\n",
                                      ":5\r\n",
                                      "$1\r\nx\r\n",
                                      "*1\r\n:5\r\n",
                                      "*2\r\n$1\r\nx\r\n$-1\r\n",
                                      "*1\r\n*1\r\n$1\r\nx\r\n"};
    peer p;
    ear e;
    open_by_hand(&p, &e, LONG);
    subscribe(&p);
    expect(&p, ASKS_PING, PONG);
    UNTIL_STATE(&e, RA_TRACKING_ON);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        unsigned alls = e.near.alls;
        peer_say(&p, PUSHES);
        peer_say(&p, odd[i]);
        UNTIL(e.near.alls == alls + 1);
    }
    unsigned alls = e.near.alls;
    char push[256]; /* keys, but no unit's; and one that is */
    snprintf(push, sizeof push, PUSHES "*3\r\n$1\r\nx\r\n$70\r\nq%s\r\n$70\r\n%s\r\n", key_of(1) + 1,
             key_of(2));
    peer_say(&p, push);
    unsigned hearings = e.near.hearings;
    expect(&p, ASKS_PING, PONG);
    UNTIL(e.near.hearings > hearings);
    assert_int_equal(e.near.alls, alls);
    assert_int_equal(e.near.touches, 1);
    assert_int_equal(e.near.of[2], 1);
    assert_int_equal(e.warnings, 0);
    close_by_hand(&p, &e);
}

/* More keys than a reply may have elements: the connection breaks, and it begins anew. */
static void test_too_many_keys_in_one_push(void **state)
{
    (void)state;
    char push[64];
    peer p;
    ear e;
    open_by_hand(&p, &e, LONG);
    subscribe(&p);
    expect(&p, ASKS_PING, PONG);
    UNTIL_STATE(&e, RA_TRACKING_ON);
    unsigned alls = e.near.alls;
    snprintf(push, sizeof push, PUSHES "*%d\r\n", RA_REDIS_ELEMENTS_MAX);
    peer_say(&p, push);
    UNTIL_STATE(&e, RA_TRACKING_DOWN);
    assert_int_equal(e.near.alls, alls + 1);
    assert_non_null(strstr(e.warning, "too many elements"));
    subscribe(&p);
    expect(&p, ASKS_PING, PONG);
    UNTIL_STATE(&e, RA_TRACKING_ON);
    close_by_hand(&p, &e);
}

/* Refused, it does nothing but PING, one at a time, and believes no answer to be a sign of hearing. */
static void test_refused_and_idle(void **state)
{
    (void)state;
    peer p;
    ear e;
    open_by_hand(&p, &e, LONG);
    greet(&p, RUN_ID);
    expect(&p, ASKS_ID, "-NOPERM not you\r\n");
    for (unsigned i = 0; i < 10; i++) {
        UNTIL(strlen(peer_got(&p)) >= strlen(ASKS_PING));
        assert_int_equal(ra_redis_tracker_state(e.tracker), RA_TRACKING_REFUSED);
        expect(&p, ASKS_PING, i % 2 ? "-NOPERM nor that\r\n" : PONG);
    }
    assert_int_equal(e.near.hearings, 0);
    assert_int_equal(e.near.alls, 1);
    assert_int_equal(e.warnings, 1);
    assert_non_null(strstr(e.warning, "CLIENT ID: NOPERM not you"));
    greet(&p, RUN_ID);
    expect(&p, ASKS_ID, "-NOPERM not you\r\n");
    UNTIL_STATE(&e, RA_TRACKING_REFUSED);
    assert_int_equal(e.warnings, 2); /* lost; refused again is nothing new */
    greet(&p, "redis_version:7\n");
    expect(&p, ASKS_PING, PONG); /* of a server without a name nothing else is asked */
    expect(&p, ASKS_PING, PONG);
    assert_int_equal(e.near.hearings, 0);
    subscribe(&p);
    expect(&p, ASKS_PING, PONG);
    UNTIL_STATE(&e, RA_TRACKING_ON);
    greet(&p, RUN_ID); /* that the last connection had subscribed says nothing of this one */
    unsigned hearings = e.near.hearings, warnings = e.warnings;
    expect(&p, ASKS_ID, "-NOPERM not you\r\n");
    expect(&p, ASKS_PING, PONG);
    expect(&p, ASKS_PING, PONG);
    assert_int_equal(e.warnings, warnings + 1); /* it was heard in between: this is new */
    assert_int_equal(ra_redis_tracker_state(e.tracker), RA_TRACKING_REFUSED);
    assert_int_equal(e.near.hearings, hearings);
    close_by_hand(&p, &e);
}

/* Replies that no Redis gives are refusals too. */
static void test_replies_of_other_kinds(void **state)
{
    (void)state;
    peer p;
    ear e;
    open_by_hand(&p, &e, LONG);
    greet(&p, RUN_ID);
    expect(&p, ASKS_ID, "$1\r\n7\r\n");
    UNTIL_STATE(&e, RA_TRACKING_REFUSED);
    assert_non_null(strstr(e.warning, "CLIENT ID: an unexpected reply"));
    greet(&p, RUN_ID);
    expect(&p, ASKS_ID, ":7\r\n");
    expect(&p, ASKS_TRACKING("$1\r\n7"), ":1\r\n");
    UNTIL_STATE(&e, RA_TRACKING_REFUSED);
    greet(&p, RUN_ID);
    expect(&p, ASKS_ID, ":7\r\n");
    expect(&p, ASKS_TRACKING("$1\r\n7"), "+OK\r\n");
    expect(&p, ASKS_SUBSCRIBE, "*0\r\n");
    UNTIL_STATE(&e, RA_TRACKING_REFUSED);
    subscribe(&p);
    expect(&p, ASKS_PING, "+PONG\r\n"); /* as an unsubscribed connection is answered */
    UNTIL_STATE(&e, RA_TRACKING_REFUSED);
    assert_int_equal(e.near.hearings, 0);
    close_by_hand(&p, &e);
}

/* A server may be busy, or load its data, for a while. */
static void test_a_busy_server(void **state)
{
    (void)state;
    peer p;
    ear e;
    open_by_hand(&p, &e, LONG);
    subscribe(&p);
    expect(&p, ASKS_PING, PONG);
    UNTIL_STATE(&e, RA_TRACKING_ON);
    unsigned alls = e.near.alls;
    expect(&p, ASKS_PING, "-BUSY running a script\r\n");
    UNTIL_STATE(&e, RA_TRACKING_REFUSED);
    expect(&p, ASKS_PING, "-BUSY running a script\r\n");
    UNTIL(strlen(peer_got(&p)) >= strlen(ASKS_PING));
    assert_int_equal(e.near.alls, alls + 1);
    assert_int_equal(e.warnings, 1);
    assert_int_equal(e.near.hearings, 1);
    expect(&p, ASKS_PING, PONG);
    UNTIL_STATE(&e, RA_TRACKING_ON);
    assert_int_equal(e.near.hearings, 2);
    assert_int_equal(e.infos, 2);
    close_by_hand(&p, &e);
}

/* So it may be when tracking begins. */
static void test_a_server_that_is_busy_at_first(void **state)
{
    (void)state;
    peer p;
    ear e;
    open_by_hand(&p, &e, LONG);
    greet(&p, RUN_ID);
    expect(&p, ASKS_ID, "-BUSY running a script\r\n");
    UNTIL_STATE(&e, RA_TRACKING_REFUSED);
    expect(&p, ASKS_ID, "-LOADING the data\r\n");
    expect(&p, ASKS_ID, ":7\r\n");
    expect(&p, ASKS_TRACKING("$1\r\n7"), "-BUSY running a script\r\n");
    expect(&p, ASKS_TRACKING("$1\r\n7"), "+OK\r\n");
    expect(&p, ASKS_SUBSCRIBE, "-BUSY running a script\r\n");
    expect(&p, ASKS_SUBSCRIBE, SUBSCRIBED);
    expect(&p, ASKS_PING, PONG);
    UNTIL_STATE(&e, RA_TRACKING_ON);
    assert_int_equal(e.warnings, 1);
    close_by_hand(&p, &e);
}

/* What isn't answered within max_silence ends the connection. */
static void test_silence(void **state)
{
    (void)state;
    peer p;
    ear e;
    open_by_hand(&p, &e, 30);
    for (unsigned i = 0; i < 3; i++) {
        greet(&p, RUN_ID);
        UNTIL(peer_got(&p) && p.eof);
        assert_string_equal(p.got, ASKS_ID);
    }
    assert_int_equal(e.warnings, 1);
    assert_non_null(strstr(e.warning, "no reply for "));
    assert_int_equal(e.near.hearings, 0);
    close_by_hand(&p, &e);
}

/* ---- begin and end ---- */

static void test_prefixes(void **state)
{
    (void)state;
    char prefix[200];
    ear e;
    for (size_t n = 150; n < 160; n++) {
        ra_redis_tracker_options o = tracking_of(&e);
        memset(prefix, 'x', n);
        prefix[n] = '\0';
        o.key_prefix = prefix;
        o.redis.socket = server.socket;
        e.tracker = ra_redis_tracker_new(base, &o);
        assert_int_equal(e.tracker != NULL, n + 4 < 160);
        ra_redis_tracker_free(e.tracker);
        assert_int_equal(e.near.refs, 1);
    }
}

static void test_nobody_wants_to_know(void **state)
{
    (void)state;
    ear e;
    seen w;
    ra_redis_tracker_options o = tracking_of(&e);
    o.redis.socket = server.socket;
    o.say = NULL;
    open_tracker(&e, &o);
    UNTIL_STATE(&e, RA_TRACKING_ON);
    open_writer(&w);
    unsigned alls = e.near.alls;
    ask(&w, "CLIENT KILL TYPE pubsub");
    UNTIL(e.near.alls > alls);
    UNTIL_STATE(&e, RA_TRACKING_ON);
    ra_redis_free(w.redis);
    close_tracker(&e);
}

static void test_freed_at_every_stage(void **state)
{
    (void)state;
    for (unsigned turns = 0; turns < 30; turns++) {
        ear e;
        ra_redis_tracker_options o = tracking_of(&e);
        o.redis.socket = server.socket;
        open_tracker(&e, &o);
        for (unsigned i = 0; i < turns; i++)
            event_base_loop(base, EVLOOP_NONBLOCK);
        close_tracker(&e);
    }
    ra_redis_tracker_free(NULL);
}

/* A writer without an event loop and without memory: returns once the change is acknowledged. */
static int plain_writer(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", server.socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void plain_change(int fd, unsigned unit)
{
    char text[128];
    int n = snprintf(text, sizeof text, "SET %s x\r\n", key_of(unit));
    assert_int_equal(send(fd, text, (size_t)n, MSG_NOSIGNAL), n);
    assert_int_equal(recv(fd, text, 5, MSG_WAITALL), 5);
    assert_memory_equal(text, "+OK\r\n", 5);
}

/* Whatever allocation fails: what is heard is told, or all is touched, and in the end it hears again. Where
 * libevent forgets to write for want of memory, max_silence ends the wait. */
static void test_without_memory(void **state)
{
    enum { SILENCE = 50 };
    (void)state;
    ear e;
    ra_redis_tracker_options o = tracking_of(&e);
    o.redis.socket = server.socket;
    o.max_silence = SILENCE;
    open_tracker(&e, &o);
    UNTIL_STATE(&e, RA_TRACKING_ON);
    int fd = plain_writer();
    unsigned missed = 0;
    for (unsigned i = 1; i <= 300; i++) {
        unsigned alls = e.near.alls;
        plain_change(fd, i);
        int64_t acknowledged = test_now();
        while (e.near.until <= acknowledged + SILENCE) {
            refuse_one_in = 50;
            event_base_loop(base, EVLOOP_ONCE);
            refuse_one_in = 0;
        }
        assert_true(e.near.of[i] == 1 || e.near.alls > alls);
        missed += e.near.of[i] == 0;
    }
    UNTIL_STATE(&e, RA_TRACKING_ON);
#ifdef OWN_ALLOCATOR
    (void)missed;
#else
    assert_true(missed > 0 && e.warnings > 0); /* else nothing was refused */
#endif
    close(fd);
    close_tracker(&e);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_hears_changes),
        TEST(test_is_heard_again_and_again),
        TEST(test_heard_means_told),
        TEST(test_keys_that_are_no_units),
        TEST(test_digits),
        TEST(test_nobody_elses_prefix),
        TEST(test_two_of_them),
        TEST(test_lost_data),
        TEST(test_what_expires_has_changed),
        TEST(test_many_keys_in_one_push),
        TEST(test_cut),
        TEST(test_server_restarts),
        TEST(test_server_falls_silent),
        TEST(test_refused_by_an_acl),
        TEST(test_a_user_who_may_just_this),
        TEST(test_questions_in_their_order),
        TEST(test_counts_from_when_it_asked),
        TEST(test_pushes_and_answers_in_one),
        TEST(test_odd_pushes),
        TEST(test_too_many_keys_in_one_push),
        TEST(test_refused_and_idle),
        TEST(test_replies_of_other_kinds),
        TEST(test_a_busy_server),
        TEST(test_a_server_that_is_busy_at_first),
        TEST(test_silence),
        TEST(test_prefixes),
        TEST(test_nobody_wants_to_know),
        TEST(test_freed_at_every_stage),
        TEST(test_without_memory),
    };
    return cmocka_run_group_tests(tests, begin_all, end_all);
}
