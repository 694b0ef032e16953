/*
 * Inside proxy/follow*.c; nobody else includes it.
 *
 *   follow.c          the threads' beginning and end, and what others ask of them
 *   follow_thread.c   what a thread does with what its walk finds
 *   follow_keeper.c   whose shard it is: posts of the store
 *   follow_loop.c     what the thread has the first loop do
 *   follow_errand.c   how: a letter, and waiting for its answer
 *   follow_note.c, follow_shards.c, follow_fresh.c   pure parts
 */
#ifndef RA_PROXY_FOLLOW_PARTS_H
#define RA_PROXY_FOLLOW_PARTS_H

#include "cache/own_writes.h"
#include "proxy/follow.h"
#include "proxy/follow_errand.h"
#include "proxy/follow_fresh.h"
#include "proxy/follow_shards.h"
#include "proxy/log_seldom.h"
#include "proxy/op_plan.h"
#include "proxy/snapshot.h"
#include "proxy/stream_api.h"
#include "proxy/stream_walk.h"

enum {
    RA_FOLLOW_MAGIC = 0x666f6c6f,
    RA_FOLLOW_ARN_MAX = 1024,
    RA_FOLLOW_VIEW_MAX = 24 /* as ra_follow_stats.view */
};

struct ra_follow {
    uint32_t magic;
    ra_follows *all;
    ra_loop *loop;         /* the first */
    const char *name;      /* the table's, as it is at start */
    ra_snapshot *snapshot; /* of which `config` is; NULL: what was in force at start. The thread's own */
    const ra_table_config *config; /* the thread's own, and its errands' */
    ra_stream_calls *calls;
    ra_stream_keeper keeper; /* the walk points to this and the next */
    ra_stream_handler handler;
    ra_stream_walk *walk;
    ra_errand errand;
    ra_write_id holder; /* of its posts */
    pthread_t thread;
    bool running;
    atomic_bool stopping;

    /* the thread's alone */
    char arn[RA_FOLLOW_ARN_MAX]; /* of the stream that was found last; "": none yet */
    bool sought;                 /* it is known whether there is a stream */
    ra_known_shards shards;
    ra_fresh fresh;
    /* Monotonic: own writes that were begun before that don't count (ra_post). What has become of records
     * here; and with what others have left at the posts. */
    int64_t since_here, since;
    bool keeper_down; /* the store couldn't be asked when it was last */
    bool lag_said;
    ra_seldom unread, unmarked, lost_said, lagged;

    /* any thread's */
    _Atomic int64_t fresh_as_of;
    _Atomic int64_t most_lag; /* max_stream_lag */
    atomic_uint_fast64_t records, own, batches, lost, invalidated, shards_held, shards_of_others, takeovers;
    pthread_mutex_t lock;
    char view[RA_FOLLOW_VIEW_MAX]; /* guarded by lock */
};

struct ra_follows {
    ra_server *server;
    ra_own_writes *own; /* NULL: the store notes them */
    ra_follow *v;
    size_t n;
    atomic_bool bounded; /* any of them has a max_stream_lag */
};

ra_follow *ra_follow_of(void *arg); /* checks the magic number */
/* The thread is between two things: what is in force now counts for the next. */
void ra_follow_renew(ra_follow *f);

/* ---- follow_loop.c: on the follower's thread ---- */

/* The table's schema, a reference; NULL: it can't be had now. */
ra_table *ra_follow_learn(ra_follow *f);
/* Which of these changes went through a proxy. false: it can't be told now, and none of them may count as
 * handled. */
bool ra_follow_take_own(ra_follow *f, ra_own_change *v, size_t n);
/* Marks and unmarks; each mark once, sorted as ra_marks_end does. false: not all of it can be, for now. */
bool ra_follow_mark(ra_follow *f, const ra_mark *marks, size_t n);
/* false: the store can't be asked now. */
bool ra_follow_post(ra_follow *f, ra_post *p);

/* ---- follow_thread.c, follow_keeper.c ---- */

void *ra_follow_run(void *follow);
ra_stream_handler ra_follow_handler(ra_follow *f);
ra_stream_keeper ra_follow_keeper(ra_follow *f);

#endif
