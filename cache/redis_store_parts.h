/* Inside the store in Redis. Only cache/redis_store*.c include this. */
#ifndef RA_CACHE_REDIS_STORE_PARTS_H
#define RA_CACHE_REDIS_STORE_PARTS_H

#include "cache/near.h"
#include "cache/redis_epoch.h"
#include "cache/redis_script.h"
#include "cache/redis_store.h"

#include <event2/util.h>
#include <hiredis/hiredis.h>

struct event;

enum { RA_EPOCH_CHARS = 8, RA_REDIS_PREFIX_MAX = 160, RA_MARKER_BUCKETS = 1 << 14 };

/*
 * What Redis must be told of a unit: that a write is under way (BEGIN), that it has ended (END), or that its
 * data are void (INVALIDATE). A record stays while commands about it are under way, since it is their
 * argument.
 *
 * One that hasn't ended and is set on this server (set_in is the current greeting) is over at its deadline,
 * but stays for some heartbeats, so that an end that comes late finds it: a process that was stopped reads
 * its replies before its heart has beaten so often. One that isn't set ends at its deadline. One that has
 * ended is never given up: it goes when that is acknowledged.
 */
typedef struct ra_redis_marker {
    unsigned magic;
    struct ra_redis_marker *next; /* in its bucket, which is its unit's */
    struct ra_redis_store *store;
    ra_write_id id; /* the store's own: nothing but data to drop, or what is left of writes that it missed */
    ra_key unit;
    int64_t until;         /* monotonic: its deadline, if it doesn't end before */
    int64_t settle;        /* once ended: how long the marker stays */
    unsigned set_in;       /* the greeting that its BEGIN was acknowledged in; 0: none */
    unsigned asked_in;     /* the greeting that has sent it again; 0: none */
    unsigned end_asked_in; /* the greeting in which END was sent; 0: none, or the newest hasn't been */
    unsigned pending;      /* commands under way */
    unsigned over;         /* heartbeats since its deadline */
    bool counted;          /* in the shared slots */
    bool sent;             /* a BEGIN of it may have reached a server */
    bool ended;
    bool ending;  /* the command that says so is under way */
    bool hurried; /* for at most command_timeout */
    bool again;   /* and must be sent once more: since then there was another one to end */
    bool awaited; /* the greeting waits for an answer */
    bool gone;    /* there is nothing more to be told */
} ra_redis_marker;

enum {
    RA_REDIS_PACT_MAX = RA_REDIS_PACT_CHARS + 1,
    RA_REDIS_PROBE_STEPS = 20,
    RA_REDIS_ERROR_MAX = 256,
    RA_REDIS_REFUSAL_MAX = 320,
    RA_REDIS_GUARD_SLOTS = 16
};

/* All that the store needs of a server, tried in one round (cache/redis_store_probe.c). */
typedef struct ra_redis_probe {
    struct ra_redis_probe_step {
        unsigned magic;
        struct ra_redis_store *store;
    } steps[RA_REDIS_PROBE_STEPS];
    char key[RA_REDIS_PREFIX_MAX + 32];
    unsigned next;                  /* of the steps */
    unsigned pending;               /* commands under way */
    bool unanswered;                /* one of them has got no reply */
    bool lasts;                     /* the error does */
    char error[RA_REDIS_ERROR_MAX]; /* the first that makes the server useless, with its step; "": none */
} ra_redis_probe;

/* The search for expired markers that nobody reads (cache/redis_store_sweep.c). */
typedef struct ra_redis_sweep {
    char cursor[24];
    unsigned pending;         /* commands under way */
    bool refused;             /* by this connection's server: no more on it */
    bool said;                /* that it was */
    struct ra_redis_swept *v; /* the keys that are being asked for */
} ra_redis_sweep;

/*
 * Generations of guards that many lookups ask for at the same time. `asked` says of each slot which question
 * was the last to be queued, and where it stands among all bytes queued; `answered` what the last answer was.
 * Replies come in the order of the commands, so that behind a question the answer in its slot is its own
 * until the next question of that slot is answered.
 */
typedef struct ra_redis_guards {
    struct ra_redis_guard_question *pending;
    struct ra_redis_guard_slot {
        ra_key asked, answered;
        uint64_t asked_at;
        bool is_asked;
        ra_generation generation; /* len 0: none, marked, or no answer */
    } slot[RA_GUARDS_MAX][RA_REDIS_GUARD_SLOTS];
} ra_redis_guards;

enum ra_redis_store_state {
    RA_STORE_DOWN,     /* no connection, or one that is to be closed */
    RA_STORE_GREETING, /* connected; markers are being set again, the epoch is being asked for */
    RA_STORE_READY
};

typedef struct ra_redis_store {
    ra_store store;
    unsigned magic;
    ra_redis_store_options o; /* whose strings the connection has copied; they aren't looked at again */
    char prefix[RA_REDIS_PREFIX_MAX];
    size_t prefix_n;
    ra_redis *conn;
    ra_redis_shared *shared;
    ra_near *near; /* the shared one's; NULL: none */
    struct event *heart;
    ra_redis_identity identity;
    enum ra_redis_store_state state;
    bool leaving;    /* the server refused what must work: the next heartbeat closes the connection, for
                      * another one may find another server */
    bool complained; /* said since it last served */
    bool sick_told;  /* said that its breaker has opened, and not yet that it has closed */
    bool beating;    /* a heartbeat is under way */
    bool beat_measured;
    int64_t beat_begun_us;
    char epoch[RA_EPOCH_CHARS + 1];
    int64_t first;           /* Redis's clock: when this epoch was first seen; generations from before
                              * that are void */
    int64_t quiet_until;     /* monotonic: the end of the quarantine */
    int64_t heard;           /* monotonic: the newest good heartbeat */
    int64_t asked;           /* monotonic: when the newest heartbeat was sent */
    int64_t clock;           /* Redis's time less the monotonic one, ms, or a little more */
    int64_t clock_least;     /* the same, or a little less: for what we ourselves say it ends at */
    unsigned greeting;       /* counts greetings, from 1 */
    unsigned replaying;      /* markers whose acknowledgement the greeting waits for */
    size_t cursor;           /* the bucket that it has come to */
    bool stuck;              /* it has failed: the next heartbeat begins a new one */
    bool loaded[RA_SCRIPTS]; /* the server knows it: EVALSHA will do */
    ra_breaker breaker;
    ra_redis_marker *markers[RA_MARKER_BUCKETS];
    size_t nmarkers;
    size_t ending;               /* of them: those whose end is on its way, for at most command_timeout */
    ra_write_id own;             /* no write's: names what it was too late to BEGIN */
    struct ra_redis_call *calls; /* pending */
    struct ra_redis_run *runs;   /* pending */
    ra_redis_guards guards;
    ra_store_stats n;
    ra_redis_store_counts counts;
    ra_redis_probe probe;
    ra_redis_sweep sweep;
    char pact[RA_REDIS_PACT_MAX];
    char refusal[RA_REDIS_REFUSAL_MAX]; /* why the newest server isn't used; "" once one is */
    bool refusal_lasts;
    bool warned_policy, warned_replicas; /* once each */
    char sha1[RA_SCRIPTS][RA_SCRIPT_SHA1];
} ra_redis_store;

enum {
    RA_REDIS_STORE_MAGIC = 0x72656473,
    RA_REDIS_CALL_MAGIC = 0x72656463,
    RA_REDIS_STEP_MAGIC = 0x72656474,
    RA_REDIS_RUN_MAGIC = 0x72656472,
    RA_REDIS_MARKER_MAGIC = 0x7265646d,
    RA_REDIS_PROBE_MAGIC = 0x72656470,
    RA_REDIS_SWEPT_MAGIC = 0x72656477,
    RA_REDIS_GUARD_MAGIC = 0x72656467
};

ra_redis_store *ra_redis_store_of(void *s);
int64_t ra_redis_monotonic(void);
/* May the store be asked, and believed, now? *why: the reason of a bypass. */
bool ra_redis_store_may(const ra_redis_store *s, int64_t now, const char **why);
/* How a call has ended, for the breaker; says so when that opens by it, and when it closes again. */
void ra_redis_store_judge(ra_redis_store *s, int64_t now_us, bool ok, int64_t latency_us);
void ra_redis_store_say(const ra_redis_store *s, bool warning, const char *text);

/* Generations: the epoch, when they were made (Redis's clock, ms), a nonce. */
enum { RA_REDIS_NONCE_CHARS = 24 };
/* -1: that can't be read. */
int64_t ra_redis_generation_made(const ra_generation *g);
/* Of the server that answers now, and made since this epoch was first seen? */
bool ra_redis_store_is_current(const ra_redis_store *s, const ra_generation *g);

/* <prefix>ra1:<hex>, in `out`. */
enum { RA_REDIS_KEY_MAX = RA_REDIS_PREFIX_MAX + 2 * RA_KEY_BYTES };
ra_bytes ra_redis_store_key(const ra_redis_store *s, const ra_key *unit, char out[RA_REDIS_KEY_MAX]);
/* <prefix>ra1:<kind><hex>: what isn't a unit, and so is longer by that letter. */
enum { RA_REDIS_POST = 's', RA_REDIS_OWN_ITEM = 'o' };
ra_bytes ra_redis_store_other_key(const ra_redis_store *s, char kind, const ra_key *name,
                                  char out[RA_REDIS_KEY_MAX]);
/* The hex of a request's digest after an "r"; that of a write's id, to which the scripts add the "w". */
enum { RA_REDIS_FIELD_MAX = 2 + 2 * RA_KEY_BYTES };
ra_bytes ra_redis_store_request_field(const ra_key *request, char out[RA_REDIS_FIELD_MAX]);
ra_bytes ra_redis_store_write_name(const ra_write_id *id, char out[RA_REDIS_FIELD_MAX]);

/* ---- reading (cache/redis_store_read.c) ---- */
enum { RA_REDIS_FIELDS_MAX = 3 };
/* Asks for those fields of a unit: HGET or HMGET. `fields` ends with one of length 0. As with ra_redis_send.
 */
ra_redis_command *ra_redis_store_get(ra_redis_store *s, const ra_key *unit, const ra_bytes *fields,
                                     ra_redis_done done, void *arg);
/* false, and length 0: it isn't a generation of the server that answers now, made since that was first seen.
 */
bool ra_redis_store_take_generation(const ra_redis_store *s, const redisReply *r, ra_generation *out);
bool ra_redis_generation_eq(const ra_generation *a, const ra_generation *b);
struct ra_redis_entry;
/* v->payload, unless it isn't one, or isn't that request's. */
bool ra_redis_store_open(ra_redis_store *s, const struct ra_redis_entry *e, ra_lookup *v);

/* ---- questions about guards that lookups share (cache/redis_store_guard.c) ---- */
/*
 * Asks for the generation of the unit, which is the k-th guard of a lookup, unless a question about it waits
 * to be written: then that will be answered before whatever is sent from here on. false: it can't be sent.
 */
bool ra_redis_guard_ask(ra_redis_store *s, unsigned k, const ra_key *unit);
/*
 * When the reply to a command has come that was sent right after ra_redis_guard_ask: what that question's
 * answer was. NULL: none that is good.
 */
const ra_generation *ra_redis_guard_answer(const ra_redis_store *s, unsigned k, const ra_key *unit);
/* The connection is gone for good. */
void ra_redis_guards_free(ra_redis_store *s);

/* ---- which units bypass, over all loops of the process (cache/redis_store_shared.c) ---- */
void ra_redis_shared_add(ra_redis_shared *s, const ra_key *unit);
void ra_redis_shared_sub(ra_redis_shared *s, const ra_key *unit);
bool ra_redis_shared_has(ra_redis_shared *s, const ra_key *unit);
ra_near *ra_redis_shared_near(ra_redis_shared *s);

/* ---- the near cache (cache/redis_store_near.c) ---- */

/* A write of this process that Redis may not know of, on the unit or a guard? */
bool ra_redis_store_written_here(const ra_redis_store *s, const ra_lookup *v);
bool ra_redis_store_peek(ra_store *s, int64_t now, ra_lookup *v);
/* Every part is a hit without asking Redis: v[] has them. false: nothing has changed. */
bool ra_redis_store_near_hits(ra_redis_store *s, int64_t now, ra_lookup *v, size_t n);

/* ---- scripts (cache/redis_store_run.c) ---- */

/* A script under way. */
typedef struct ra_redis_run ra_redis_run;
/*
 * Runs a script on one key: EVALSHA, or EVAL while the server doesn't know it. Where it turns out that it has
 * forgotten the script the text is sent at once; only what is too long to be kept for that (a fill) ends with
 * the error. `done` as with ra_redis_send. NULL: it wasn't sent, `done` won't run.
 */
ra_redis_run *ra_redis_store_run(ra_redis_store *s, enum ra_redis_script script, ra_bytes key,
                                 const ra_bytes *argv, unsigned argc, int64_t timeout, ra_redis_done done,
                                 void *arg);
void ra_redis_run_abandon(ra_redis_run *r); /* `done` won't run */
/* The connection is gone for good: nobody is told. */
void ra_redis_runs_free(ra_redis_store *s);

/* ---- calls (cache/redis_store_call.c) ---- */

/* One command of a call, and what its reply is for. */
typedef struct ra_redis_step {
    unsigned magic;
    struct ra_redis_call *call;
    ra_redis_command *command; /* this or that; NULL: its reply has come */
    ra_redis_run *run;
    size_t index;
} ra_redis_step;

/* A lookup or a begin under way. */
typedef struct ra_redis_call {
    unsigned magic;
    struct ra_redis_call *prev, *next;
    ra_redis_store *store;
    ra_store_call *call;
    void (*take)(struct ra_redis_call *c, const ra_redis_step *step, const redisReply *reply);
    /* all replies are there, or one of them never will be */
    void (*finish)(struct ra_redis_call *c, bool ok);
    void (*drop)(struct ra_redis_call *c); /* frees what `own` holds; NULL: nothing */
    ra_redis_step *steps;
    size_t nsteps, most, waiting;
    bool failed;
    int64_t begun_us;
    bool measured;    /* it counts for the breaker, and hasn't been counted yet */
    bool may_be_full; /* an OOM is no failure: `take` gets it */
    void *own;        /* the kind's own; of the call's own memory */
} ra_redis_call;

/* NULL: no memory. `most` steps can be added; `own` has that many bytes, all 0. */
ra_redis_call *ra_redis_call_new(ra_redis_store *s, ra_store_call *call, size_t most, size_t own);
/* The step whose command the caller sends next, with ra_redis_call_done and the step as its argument. */
ra_redis_step *ra_redis_call_step(ra_redis_call *c, size_t index);
/* All steps have ended, and the next round begins. */
void ra_redis_call_next_round(ra_redis_call *c);
void ra_redis_call_done(ra_redis *conn, const redisReply *reply, void *step);
/* All its replies were there: the store is that quick. */
void ra_redis_call_succeeded(ra_redis_call *c);
/* Abandons what is under way. */
void ra_redis_call_free(ra_redis_call *c);
int64_t ra_redis_monotonic_us(void);

/* ---- the kinds of calls ---- */
enum ra_store_step ra_redis_store_ask(ra_store *s, int64_t now, ra_lookup *v, ra_store_call *call);
enum ra_store_step ra_redis_store_lookup(ra_store *s, int64_t now, ra_lookup *v, size_t n,
                                         ra_store_call *call);
enum ra_fill_result ra_redis_store_fill(ra_store *s, int64_t now, const ra_fill *f);
enum ra_store_step ra_redis_store_begin(ra_store *s, int64_t now, const ra_write_id *id, const ra_key *units,
                                        size_t n, int64_t hold, ra_store_call *call);
void ra_redis_store_end(ra_store *s, int64_t now, const ra_write_id *id, const ra_key *units, size_t n,
                        int64_t settle);
void ra_redis_store_invalidate(ra_store *s, int64_t now, const ra_key *units, size_t n);
/* For the scripts: a monotonic time as Redis's, never too early; RA_SINCE_EVER is 0. */
int64_t ra_redis_store_since(const ra_redis_store *s, int64_t since);
enum ra_store_step ra_redis_store_post(ra_store *s, int64_t now, ra_post *p, ra_store_call *call);
void ra_redis_store_note_own(ra_store *s, int64_t now, const ra_key *item, const ra_key *image, int64_t took);
enum ra_store_step ra_redis_store_take_own(ra_store *s, int64_t now, int64_t since, ra_own_change *v,
                                           size_t n, ra_store_call *call);

/* ---- connecting (cache/redis_store_connect.c) ---- */
void ra_redis_store_up(ra_redis *conn, const ra_redis_identity *who, void *store);
void ra_redis_store_down(ra_redis *conn, bool was_up, const char *why, void *store);
void ra_redis_store_beat(evutil_socket_t fd, short what, void *store);

/* ---- probing (cache/redis_store_probe.c) ---- */
/* Not while one is pending. Ends in ra_redis_store_probed, unless it can't be sent: false. */
bool ra_redis_probe_send(ra_redis_store *s);
void ra_redis_store_probed(ra_redis_store *s);

/* ---- sweeping (cache/redis_store_sweep.c) ---- */
void ra_redis_sweep_on(ra_redis_store *s);   /* a little further, once per heartbeat */
void ra_redis_sweep_free(ra_redis_store *s); /* the connection is gone for good */

/* ---- markers (cache/redis_store_marker.c) ---- */
/* NULL: none, or it is gone. */
ra_redis_marker *ra_redis_marker_find(ra_redis_store *s, const ra_write_id *id, const ra_key *unit);
/* The record of that write on that unit, a new one if need be. NULL: no room, no memory, or it has ended. */
ra_redis_marker *ra_redis_marker_remember(ra_redis_store *s, const ra_write_id *id, const ra_key *unit,
                                          int64_t until);
bool ra_redis_marker_is_set(const ra_redis_marker *m);
/* The write has ended: tells Redis, now if it can. May free it. */
void ra_redis_marker_end(ra_redis_marker *m, int64_t settle);
/* Never sent, and its write won't be. Frees it. */
void ra_redis_marker_forget(ra_redis_marker *m);
/* BEGIN and END. */
ra_redis_run *ra_redis_marker_run(ra_redis_store *s, enum ra_redis_script script, const ra_write_id *id,
                                  const ra_key *unit, int64_t ms, int64_t timeout, ra_redis_done done,
                                  void *arg);
/* Forgets those past their deadline; sends again what wasn't acknowledged, if the store is ready. */
void ra_redis_markers_sweep(ra_redis_store *s, int64_t now);
/* For a greeting: sends more of them. Each ends in ra_redis_store_replayed. false: one can't be sent. */
bool ra_redis_markers_replay(ra_redis_store *s, int64_t now);
void ra_redis_store_replayed(ra_redis_store *s, const redisReply *reply);
/* The connection is gone for good. */
void ra_redis_markers_free(ra_redis_store *s);

/* ---- entries: what a field holds (cache/redis_store_entry.c) ---- */
enum { RA_REDIS_ENTRY_HEAD_MAX = 1 + RA_GUARDS_MAX * (1 + RA_GENERATION_MAX) };
/* Appends the guards' generations and the sealed payload. */
bool ra_redis_entry_write(const ra_redis_store *s, const ra_fill *f, ra_buf *out);
typedef struct ra_redis_entry {
    int64_t expires, keeps; /* Redis's clock, ms */
    unsigned nguards;
    ra_generation guard[RA_GUARDS_MAX];
    ra_bytes sealed;
} ra_redis_entry;
/* false: not an entry's value. */
bool ra_redis_entry_read(ra_bytes field, ra_redis_entry *out);

#endif
