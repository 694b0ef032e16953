/* Inside the store in Redis. Only cache/redis_store*.c include this. */
#ifndef RA_CACHE_REDIS_STORE_PARTS_H
#define RA_CACHE_REDIS_STORE_PARTS_H

#include "cache/redis_script.h"
#include "cache/redis_store.h"

#include <hiredis/hiredis.h>

struct event;

enum { RA_EPOCH_CHARS = 8, RA_REDIS_PREFIX_MAX = 160, RA_MARKER_BUCKETS = 1024 };

/*
 * One marker that this process has set and that isn't known to be gone: what must be set, or ended, again on
 * a new connection. It stays while commands about it are under way, since it is their argument.
 */
typedef struct ra_redis_marker {
    unsigned magic;
    struct ra_redis_marker *next; /* in its bucket */
    struct ra_redis_store *store;
    ra_write_id id;
    ra_key unit;
    int64_t until; /* monotonic: its deadline */
    bool ended;    /* the write's end is known; only its acknowledgement is missing */
    bool gone;     /* and that has come, or its deadline has */
    int64_t settle;
    unsigned pending;  /* commands under way */
    unsigned greeting; /* the one that waits for it to be set again */
} ra_redis_marker;

enum ra_redis_store_state {
    RA_STORE_DOWN,     /* no connection */
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
    struct event *heart;
    struct event_base *base;
    enum ra_redis_store_state state;
    char epoch[RA_EPOCH_CHARS + 1];
    int64_t quiet_until;     /* monotonic: the end of the quarantine */
    int64_t heard;           /* monotonic: the newest good heartbeat */
    int64_t clock;           /* Redis's time less the monotonic one, ms */
    unsigned replaying;      /* markers whose acknowledgement the greeting waits for */
    unsigned greeting;       /* counts connections: an answer to an older one's greeting is none */
    bool loaded[RA_SCRIPTS]; /* the server knows it: EVALSHA will do */
    ra_breaker breaker;
    ra_redis_marker *markers[RA_MARKER_BUCKETS];
    size_t nmarkers;
    struct ra_redis_call *calls; /* pending */
    ra_store_stats n;
    char sha1[RA_SCRIPTS][RA_SCRIPT_SHA1];
} ra_redis_store;

enum {
    RA_REDIS_STORE_MAGIC = 0x72656473,
    RA_REDIS_CALL_MAGIC = 0x72656463,
    RA_REDIS_MARKER_MAGIC = 0x7265646d
};

/* One command of a call, and what its reply is for. */
typedef struct ra_redis_step {
    struct ra_redis_call *call;
    ra_redis_command *command; /* NULL: its reply has come */
    size_t index;
    enum ra_redis_script script; /* RA_SCRIPTS: none */
} ra_redis_step;

/* A lookup or a begin under way. */
typedef struct ra_redis_call {
    unsigned magic;
    struct ra_redis_call *prev, *next;
    ra_redis_store *store;
    ra_store_call *call;
    void (*finish)(struct ra_redis_call *c,
                   bool ok);               /* all replies are there, or one of them never will be */
    void (*drop)(struct ra_redis_call *c); /* frees what `own` holds; NULL: nothing */
    void (*take)(struct ra_redis_call *c, const ra_redis_step *step, const redisReply *reply);
    ra_redis_step *steps;
    size_t nsteps, waiting;
    bool failed;
    int64_t begun_us;
    bool measured; /* it counts for the breaker, and hasn't been counted yet */
    void *own;     /* the kind's own; freed with the call */
} ra_redis_call;

ra_redis_store *ra_redis_store_of(void *s);
/* May the store be asked, and believed, now? *why: the reason of a bypass. */
bool ra_redis_store_may(ra_redis_store *s, int64_t now, const char **why);

/* <prefix>ra1:<hex>, in `out`. */
enum { RA_REDIS_KEY_MAX = RA_REDIS_PREFIX_MAX + 4 + 2 * RA_KEY_BYTES + 1 };
ra_bytes ra_redis_store_key(const ra_redis_store *s, const ra_key *unit, char out[RA_REDIS_KEY_MAX]);
/* "r" and the hex of a request's digest, "w" and that of a write's id. */
enum { RA_REDIS_FIELD_MAX = 2 + 2 * RA_KEY_BYTES };
ra_bytes ra_redis_store_request_field(const ra_key *request, char out[RA_REDIS_FIELD_MAX]);
ra_bytes ra_redis_store_write_field(const ra_write_id *id, char out[RA_REDIS_FIELD_MAX]);

/* Runs a script on one key: EVALSHA, or EVAL while the server doesn't know it. */
ra_redis_command *ra_redis_store_run(ra_redis_store *s, enum ra_redis_script script, ra_bytes key,
                                     const ra_bytes *argv, unsigned argc, int64_t timeout, ra_redis_done done,
                                     void *arg);
/* Does the reply say that the server doesn't know the script? Then EVAL is used for it until it does. */
bool ra_redis_store_no_script(ra_redis_store *s, const redisReply *reply);

/* ---- calls (cache/redis_store_call.c) ---- */

/* NULL: no memory. `most` steps can be added. */
ra_redis_call *ra_redis_call_new(ra_redis_store *s, ra_store_call *call, size_t most);
/* The step whose command the caller sends next, with ra_redis_call_done and the step as its argument. */
ra_redis_step *ra_redis_call_step(ra_redis_call *c, size_t index, enum ra_redis_script script);
void ra_redis_call_done(ra_redis *conn, const redisReply *reply, void *step);
/* All its replies were there: the store is that quick. */
void ra_redis_call_succeeded(ra_redis_call *c);
/* Abandons what is under way. */
void ra_redis_call_free(ra_redis_call *c);

/* ---- the kinds of calls ---- */
enum ra_store_step ra_redis_store_lookup(ra_store *s, int64_t now, ra_lookup *v, size_t n,
                                         ra_store_call *call);
enum ra_fill_result ra_redis_store_fill(ra_store *s, int64_t now, const ra_fill *f);
enum ra_store_step ra_redis_store_begin(ra_store *s, int64_t now, const ra_write_id *id, const ra_key *units,
                                        size_t n, int64_t hold, ra_store_call *call);
void ra_redis_store_end(ra_store *s, int64_t now, const ra_write_id *id, const ra_key *units, size_t n,
                        int64_t settle);
void ra_redis_store_invalidate(ra_store *s, int64_t now, const ra_key *units, size_t n);

/* Every marker is acknowledged: the server's epoch is asked for, and then it serves. */
void ra_redis_store_greeted(ra_redis_store *s);

/* ---- markers ---- */
/* Sets or ends them all again; s->replaying counts the answers that are awaited. */
void ra_redis_markers_replay(ra_redis_store *s, int64_t now);
void ra_redis_markers_free(ra_redis_store *s);
/* Forgets those past their deadline. */
void ra_redis_markers_sweep(ra_redis_store *s, int64_t now);

/* ---- entries: what a field holds ---- */
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
