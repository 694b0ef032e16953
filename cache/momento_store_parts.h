/* Inside the store in Momento. Only cache/momento_s*.c include this. */
#ifndef RA_CACHE_MOMENTO_STORE_PARTS_H
#define RA_CACHE_MOMENTO_STORE_PARTS_H

#include "cache/flight.h"
#include "cache/momento_limit.h"
#include "cache/momento_record.h"
#include "cache/momento_store.h"

#include <event2/util.h>

struct event;

enum {
    RA_MOMENTO_STORE_MAGIC = 0x6d6f6d73,
    RA_MOMENTO_STEP_MAGIC = 0x6d6f6d74,
    RA_MOMENTO_WORK_MAGIC = 0x6d6f6d77,
    RA_MOMENTO_MAKING_MAGIC = 0x6d6f6d6d,
    RA_MOMENTO_FILL_MAGIC = 0x6d6f6d66,
    RA_MOMENTO_MARKER_MAGIC = 0x6d6f6d6b
};

/* ---- what all loops know together (cache/momento_shared.c) ---- */

/* A write of this process that Momento, or one of its replicas, may not know of. Both ends touch the unit:
 * what was asked before isn't fresh afterwards. */
void ra_momento_shared_add(ra_momento_shared *s, const ra_key *unit);
void ra_momento_shared_sub(ra_momento_shared *s, const ra_key *unit);
bool ra_momento_shared_is_written(ra_momento_shared *s, const ra_key *unit);
/* How often the unit has been touched: to be taken before a question is sent. */
unsigned ra_momento_shared_mark(ra_momento_shared *s, const ra_key *unit);

/* The register had this generation when it was asked for, at `asked` and after `mark`, or when this process
 * had put it. */
void ra_momento_shared_know(ra_momento_shared *s, const ra_key *unit, const ra_generation *g, int64_t asked,
                            unsigned mark);
/* Known from `since` or later, and not touched since then? */
bool ra_momento_shared_known(ra_momento_shared *s, const ra_key *unit, int64_t since, ra_generation *out);

ra_near *ra_momento_shared_near(ra_momento_shared *s);
ra_momento_limit *ra_momento_shared_limit(ra_momento_shared *s);
ra_flights *ra_momento_shared_makings(ra_momento_shared *s);
int64_t ra_momento_shared_max_age(const ra_momento_shared *s);
/* Does Momento refuse us? Every ten seconds it is asked again. */
bool ra_momento_shared_is_refused(ra_momento_shared *s, int64_t now);
/* Throttled: said once a minute at most. */
void ra_momento_shared_failed(ra_momento_shared *s, int64_t now, const ra_momento_result *r);
void ra_momento_shared_paused(ra_momento_shared *s, int64_t now, const ra_momento_result *r);
/* An entry is dated so far in the future: said once. */
void ra_momento_shared_ahead(ra_momento_shared *s, int64_t ms);
/* A breaker has opened, or closed again: said when the first opens and when the first closes. */
void ra_momento_shared_sick(ra_momento_shared *s, bool sick, const char *text);

/* ---- the store ---- */

/*
 * What is to be done about a write to a unit. LIVE: it is under way, or of unknown fate, until its deadline.
 * ENDED: an idle register is to be put; that is tried until it is acknowledged, or until nothing can be left
 * in Momento that is older. TOLD: acknowledged; the replicas may take a moment yet.
 */
enum ra_momento_marker_state { RA_MOMENTO_LIVE, RA_MOMENTO_ENDED, RA_MOMENTO_TOLD };

typedef struct ra_momento_marker {
    unsigned magic;
    enum ra_momento_marker_state state;
    struct ra_momento_store *store;
    struct ra_momento_marker *chain;       /* in its bucket, which is its unit's */
    struct ra_momento_marker *prev, *next; /* in its slot of the wheel */
    ra_write_id id;
    ra_key unit;
    int64_t due;      /* monotonic: when there is something to do */
    int64_t earliest; /* LIVE, ENDED: not before it is the register idle again, for an index has to follow */
    int64_t give_up;  /* nothing in Momento is older than this */
    unsigned failures;
    bool set;                 /* its "W" was acknowledged */
    ra_momento_call *telling; /* the register is on its way */
    int64_t told_us;          /* since then */
} ra_momento_marker;

enum { RA_MOMENTO_BUCKETS = 1 << 12, RA_MOMENTO_WHEEL = 256, RA_MOMENTO_TICK = 100 /* ms */ };

/* A fill under way. */
typedef struct ra_momento_filling {
    unsigned magic;
    struct ra_momento_store *store;
    struct ra_momento_filling *prev, *next;
    ra_momento_call *http;
    size_t bytes;
} ra_momento_filling;

/*
 * A register that is being made, for all who miss it: they wait for one and the same, on whichever loop they
 * are, so that their reads upstream can be one. Who leads goes on when whoever began it has left.
 */
typedef struct ra_momento_making {
    unsigned magic;
    struct ra_momento_store *store;
    struct ra_momento_making *prev, *next;
    struct ra_momento_step *step; /* NULL: gone */
    ra_seat seat;
    ra_key unit;
    bool leads;
    ra_generation generation; /* the leader's, as the rest */
    unsigned mark;
    ra_momento_call *http;
} ra_momento_making;

typedef struct ra_momento_store {
    ra_store store;
    unsigned magic;
    ra_momento_store_options o; /* whose strings aren't looked at again, but the prefix, which is ours */
    char prefix[RA_MOMENTO_PREFIX_MOST + 1];
    struct event_base *base;
    ra_momento_client *client;
    ra_momento_shared *shared;
    ra_near *near; /* the shared one's; NULL: none */
    ra_mailbox *mailbox;
    ra_breaker breaker;
    struct ra_momento_work *works; /* lookups and begins under way */
    ra_momento_filling *fillings;
    size_t filling_bytes;
    ra_momento_making *makings;
    ra_momento_marker *markers[RA_MOMENTO_BUCKETS];
    ra_momento_marker *wheel[RA_MOMENTO_WHEEL];
    int64_t wheel_at; /* the newest tick that was dealt with */
    size_t nmarkers, telling;
    struct event *heart; /* while there are markers */
    ra_write_id own;     /* no write's: names what is only to be dropped */
    ra_store_stats n;
    ra_momento_store_counts counts;
} ra_momento_store;

ra_momento_store *ra_momento_store_of(void *s);
int64_t ra_momento_store_monotonic(const ra_momento_store *s);
int64_t ra_momento_store_wall(const ra_momento_store *s);
/* Is what was filled then worth looking at, by our clock? One from the future may live for longer than it
 * should, by as much as the clocks differ; and nothing lives for longer than Momento's limit. */
bool ra_momento_store_is_of_today(ra_momento_store *s, const ra_payload *p);
/* May Momento be asked now, the breaker and the limit aside? *why: the reason of a bypass. */
bool ra_momento_store_may(ra_momento_store *s, int64_t now, const char **why);
/* n operations of the limit; what is kept back is counted. */
bool ra_momento_store_take(ra_momento_store *s, int64_t now, size_t n, enum ra_momento_purpose why);
/* Every reply comes here first. */
void ra_momento_store_note(ra_momento_store *s, const ra_momento_result *r);
/* To the breaker, of what ra_breaker_allow has let through. */
void ra_momento_store_judge(ra_momento_store *s, enum ra_momento_outcome worst, int64_t begun_us);
int64_t ra_momento_store_us(void);

/* ---- a lookup or a begin under way (cache/momento_store_work.c) ---- */

typedef struct ra_momento_step {
    unsigned magic;
    struct ra_momento_work *work;
    ra_momento_call *http; /* this or that; neither: its answer has come */
    ra_momento_making *making;
    int kind; /* the work's own */
    size_t index;
} ra_momento_step;

typedef struct ra_momento_work {
    unsigned magic;
    struct ra_momento_work *prev, *next;
    ra_momento_store *store;
    ra_store_call *call;
    void (*take)(struct ra_momento_work *w, const ra_momento_step *step, const ra_momento_result *r);
    /* a register was made, or (len 0) couldn't be */
    void (*take_made)(struct ra_momento_work *w, const ra_momento_step *step, const ra_generation *g);
    /* all answers are there, or one won't be: `why` says why not, NULL: all are */
    void (*finish)(struct ra_momento_work *w, const char *why);
    void (*drop)(struct ra_momento_work *w);
    ra_momento_step *steps;
    size_t nsteps, most, waiting;
    const char *failed;
    enum ra_momento_outcome worst;
    int64_t begun_us;
    bool measured; /* it counts for the breaker, and hasn't been counted yet */
    void *own;     /* the kind's own; freed with it */
} ra_momento_work;

/* NULL: no memory. `most` steps in one round. */
ra_momento_work *ra_momento_work_new(ra_momento_store *s, ra_store_call *call, size_t most);
void ra_momento_work_next_round(ra_momento_work *w);
/* Sends a get, or a put of a register's text. false: it can't be sent. */
bool ra_momento_work_get(ra_momento_work *w, int kind, size_t index, ra_bytes name);
bool ra_momento_work_put(ra_momento_work *w, int kind, size_t index, const ra_key *unit,
                         const ra_generation *text, int64_t ttl);
/* Asks for a register to be made, or for the one that is. false: it can't be; *why. */
bool ra_momento_work_make(ra_momento_work *w, int kind, size_t index, const ra_key *unit, int64_t ttl,
                          const char **why);
/* All its answers were there: Momento is that quick. */
void ra_momento_work_succeeded(ra_momento_work *w);
/* Abandons what is under way. */
void ra_momento_work_free(ra_momento_work *w);

/* A step's making has ended. */
void ra_momento_step_made(ra_momento_step *step, const ra_generation *g);
/* (cache/momento_store_make.c) Joins or begins a making for the step. */
bool ra_momento_make(ra_momento_step *step, const ra_key *unit, int64_t ttl, const char **why);
/* The step won't hear of it any more. */
void ra_momento_make_leave(ra_momento_step *step);
/* Those that wait on other loops are told that nothing has come of it. */
void ra_momento_makings_free(ra_momento_store *s);

/* ---- the kinds of calls ---- */
bool ra_momento_store_peek(ra_store *s, int64_t now, ra_lookup *v);
enum ra_store_step ra_momento_store_lookup(ra_store *s, int64_t now, ra_lookup *v, size_t n,
                                           ra_store_call *call);
enum ra_fill_result ra_momento_store_fill(ra_store *s, int64_t now, const ra_fill *f);
void ra_momento_fillings_free(ra_momento_store *s);
enum ra_store_step ra_momento_store_begin(ra_store *s, int64_t now, const ra_write_id *id,
                                          const ra_key *units, size_t n, int64_t hold, ra_store_call *call);
void ra_momento_store_end(ra_store *s, int64_t now, const ra_write_id *id, const ra_key *units, size_t n,
                          int64_t settle);
void ra_momento_store_invalidate(ra_store *s, int64_t now, const ra_key *units, size_t n);

/* ---- the near cache (cache/momento_store_near.c) ---- */
bool ra_momento_store_written_here(const ra_momento_store *s, const ra_lookup *v);
bool ra_momento_store_near_hit(ra_momento_store *s, int64_t now, ra_lookup *v);

/* ---- markers (cache/momento_store_marker.c) ---- */
/* NULL: none. */
ra_momento_marker *ra_momento_marker_find(ra_momento_store *s, const ra_write_id *id, const ra_key *unit);
/* LIVE until then: a new one, or the one of that name. NULL: no room, no memory. */
ra_momento_marker *ra_momento_marker_remember(ra_momento_store *s, int64_t now, const ra_write_id *id,
                                              const ra_key *unit, int64_t until);
void ra_momento_marker_end(ra_momento_marker *m, int64_t now, int64_t settle);
/* Is there one that might be told now, if its turn came? */
bool ra_momento_markers_waiting(ra_momento_store *s, int64_t now);
/* Does what is due. */
void ra_momento_markers_tick(ra_momento_store *s, int64_t now);
void ra_momento_markers_free(ra_momento_store *s);
/* The event of the heart. */
void ra_momento_markers_beat(evutil_socket_t fd, short what, void *store);

#endif
