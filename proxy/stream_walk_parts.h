/*
 * What the files stream_walk*.c share; nobody else includes it.
 *   stream_walk.c       the rounds, and what is owed
 *   stream_walk_find.c  the stream, its shards, and what is known of them at the start
 *   stream_walk_hold.c  whose a shard is, and from where it is read
 *   stream_walk_read.c  iterators and records of one shard
 */
#ifndef RA_PROXY_STREAM_WALK_PARTS_H
#define RA_PROXY_STREAM_WALK_PARTS_H

#include "cache/buf.h"
#include "proxy/stream_walk.h"

#include <stdatomic.h>

enum {
    RA_STREAM_ARN_MAX = 1024,
    RA_WALK_BODY_MAX = 16 * 1024,
    RA_WALK_WHY_MAX = 400,
    RA_WALK_TIMEOUT = 10 * 1000,
    RA_WALK_AGAIN = 1000, /* ms, after what the keeper or the handler couldn't do; between two listings */
    RA_WALK_APART = 200,  /* between two GetRecords of a shard: DynamoDB's limit */
    RA_WALK_FIRST_PAUSE = 280, /* of a back-off: less a quarter it is more than that */
    RA_WALK_LONGEST_PAUSE = 10 * 1000,
    RA_WALK_TRIES = 10 /* of what keeps failing, with `once` */
};

/* One shard's reader: ra_shard's `arg`. Times are monotonic unless they say wall. */
typedef struct ra_stream_reader {
    uint32_t magic;
    bool held;
    bool wanted;    /* with `once`: it was there at the beginning */
    bool at_end;    /* and has been read to where it was then */
    bool unnoted;   /* finished without being read, and not noted as that yet */
    bool reset;     /* what it was is lost, and where it begins now isn't noted yet */
    bool caught_up; /* an empty reply means that there is nothing */
    bool failing;   /* and the log has been told, of it or of another */
    unsigned empties;
    unsigned refusals; /* of its iterators, or of itself, in a row; such as come of themselves once */
    int64_t next_hold, held_until, next_read, last_read, next_note, pause;
    char *iterator; /* of what comes after all that this process has handled; NULL: to be had */
    /* The first reply of a shard that begins from now on, kept until `lost` has been told; and when it was
     * asked for, by the wall clock. */
    ra_http_reply *first;
    int64_t first_at;
    int64_t whole_at; /* wall: when the last reply was asked for, if it held all that there was; else 0 */
} ra_stream_reader;

/*
 * Invariants: without a stream arn is "" and shards NULL. Until `opened` nothing is read. While something is
 * owed nothing is noted and no record is handled, so that nobody's note is ahead of what has been told; only
 * the iterators of shards that begin from now on are had, for what is owed must be told after that.
 */
struct ra_stream_walk {
    uint32_t magic;
    ra_stream_options o;
    const ra_stream_api *api;
    const ra_stream_keeper *keeper;
    const ra_stream_handler *handler;
    atomic_bool stopped;
    bool once;
    bool first; /* no stream has been found, or found missing, before */

    char arn[RA_STREAM_ARN_MAX + 1], view[24];
    ra_shards *shards;
    bool listed, opened;
    bool ending;    /* its status isn't ENABLED any more */
    bool none_told; /* that there is no stream */
    bool failing;   /* DescribeTable or DescribeStream; and the log has been told, of it or of a reader */
    int64_t next_look, listed_at, pause;

    const char *owed; /* why `lost` must be told; NULL: nothing */
    int64_t next_owed;
    int64_t lost_at; /* wall: when it was told last; 0: never */

    unsigned failures;           /* in a row */
    char fatal[RA_WALK_WHY_MAX]; /* with `once`: why it can't be done; "": it still may */
};

/* ---- stream_walk.c ---- */

int64_t ra_walk_now(const ra_stream_walk *w);
int64_t ra_walk_wall(const ra_stream_walk *w);
bool ra_walk_stopped(const ra_stream_walk *w);
/* NULL: no memory. */
ra_http_reply *ra_walk_call(ra_stream_walk *w, const char *operation, const ra_buf *body);
void ra_walk_owe(ra_stream_walk *w, const char *why);
/* It has failed, or is well (again): the log is told once, `once` gives up in the end. */
void ra_walk_failed(ra_stream_walk *w, bool *failing, const char *what, const ra_http_reply *r);
void ra_walk_unable(ra_stream_walk *w, const char *why, bool for_good);
void ra_walk_well(ra_stream_walk *w, bool *failing);

/* ---- stream_walk_find.c ---- */

/* Looks for the stream, or lists its shards, if either is due; at first finds out what is known of them. */
void ra_walk_look(ra_stream_walk *w);
/* When that is due next. */
int64_t ra_walk_look_due(const ra_stream_walk *w);

/* ---- stream_walk_hold.c ---- */

/* The shard's reader, made when it isn't there. NULL: no memory. */
ra_stream_reader *ra_walk_reader(ra_shard *s);
void ra_walk_forget_reader(ra_shard *s);
void ra_walk_drop_iterator(ra_stream_reader *r);
bool ra_walk_noted(const ra_shard *s);
/* Takes or keeps a shard that may be read, if that is due. */
void ra_walk_hold(ra_stream_walk *w, ra_shard *s);
/* Notes how far it is. false: it isn't ours any more, or can't be told. */
bool ra_walk_note(ra_stream_walk *w, ra_shard *s);
void ra_walk_release(ra_stream_walk *w, ra_shard *s);

/* ---- stream_walk_read.c ---- */

/* A shard that is ours: pins the place where it is begun, if it is to be begun from now on. */
void ra_walk_pin(ra_stream_walk *w, ra_shard *s);
/* Reads and handles one batch, if that is due. */
void ra_walk_read(ra_stream_walk *w, ra_shard *s);

#endif
