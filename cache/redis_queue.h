/*
 * The commands of one connection whose replies haven't come, in the order in which they were sent; replies
 * come in the same order. Pure: time is passed in (ms, monotonic).
 *
 * A command that has ended without a reply (its deadline has passed, or it was abandoned) stays in its place,
 * so that the reply that comes after all is known for what it is; it counts against the limits until then.
 *
 * Ownership: the queue owns its commands. Threads: one loop's.
 */
#ifndef RA_CACHE_REDIS_QUEUE_H
#define RA_CACHE_REDIS_QUEUE_H

#include "cache/redis_conn.h"

struct ra_redis_command {
    unsigned magic;
    ra_redis_command *next;
    size_t bytes;
    uint64_t end;       /* bytes of all commands up to and with this one */
    int64_t sent;       /* when it was queued */
    int64_t timeout;    /* ms from when it is written */
    int64_t deadline;   /* INT64_MAX: none, or it has passed */
    ra_redis_done done; /* NULL: nobody waits */
    void *arg;
};

typedef struct ra_redis_queue {
    ra_redis_command *first, **last;
    ra_redis_command *unwritten; /* the first of which not all bytes are written; NULL: none */
    uint64_t pushed, written;    /* bytes, since it was last empty of a connection's */
    unsigned count, max_count;
    size_t bytes, max_bytes;
} ra_redis_queue;

void ra_redis_queue_init(ra_redis_queue *q, unsigned max_count, size_t max_bytes);
/* How many bytes the next command may have; 0: no more commands. */
size_t ra_redis_queue_room(const ra_redis_queue *q);
/* Makes a command that isn't in the queue yet, so that nothing can fail once its bytes are on their way.
 * NULL: no memory. Until _push it is freed with free(). */
ra_redis_command *ra_redis_command_new(int64_t now, int64_t timeout, ra_redis_done done, void *arg);
/* `bytes` is at most what ra_redis_queue_room said. */
void ra_redis_queue_push(ra_redis_queue *q, ra_redis_command *c, size_t bytes);
/*
 * So many bytes more have been written: the time of the commands whose last byte is among them begins now.
 * Till then it counts from when they were queued. So a loop that was held up before it could write doesn't
 * take its own slowness for the server's.
 */
void ra_redis_queue_written(ra_redis_queue *q, int64_t now, size_t bytes);
/* The oldest ends with `reply`, unless its deadline had passed when that arrived; false: there is none. */
bool ra_redis_queue_answer(ra_redis_queue *q, ra_redis *r, int64_t arrived, const struct redisReply *reply);
/* Those whose deadline has come end without a reply. */
void ra_redis_queue_expire(ra_redis_queue *q, ra_redis *r, int64_t now);
/* When the next deadline comes; INT64_MAX: none. */
int64_t ra_redis_queue_next(const ra_redis_queue *q);
/* All that are there now end without a reply and go; with r NULL nobody is told. */
void ra_redis_queue_drop(ra_redis_queue *q, ra_redis *r);

#endif
