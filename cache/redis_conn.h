/*
 * One pipelined connection to a Redis-compatible server, on one event loop: hiredis formats commands and
 * parses replies (RESP2), a libevent bufferevent carries them. It connects by itself, and again with a
 * jittered back-off whenever it is lost, until it is freed.
 *
 * All commands of one turn of the loop leave in one write. Replies come in order. A command whose deadline
 * passes gives its caller no reply; when the reply comes after all it is dropped. A connection whose oldest
 * command has waited for `dead_after` is given up: commands then end without a reply, and nobody knows
 * whether they were carried out. Commands are never sent twice. So is one whose server sends what isn't
 * RESP2, a reply that nobody asked for, or one past the caps of redis_reader.h.
 *
 * Before `up` runs, the connection has authenticated (AUTH), selected its database (SELECT), named itself
 * (CLIENT SETNAME, where the server allows it) and learnt who the server is (INFO, as far as the server
 * allows it). Source: Redis's "RESP protocol spec", "INFO", "ACL".
 *
 * Ownership: the connection owns the commands' bytes. Threads: its loop's. Errors: as each function says. The
 * process ignores SIGPIPE.
 */
#ifndef RA_CACHE_REDIS_CONN_H
#define RA_CACHE_REDIS_CONN_H

#include "cache/bytes.h"

#include <stdint.h>

struct event_base;
struct redisReply;
struct ssl_ctx_st;

typedef struct ra_redis ra_redis;

/* Who the server is and what it may do; from INFO, as far as it tells. Zero or "" where it doesn't. */
typedef struct ra_redis_identity {
    char version[32];
    char run_id[48];
    char master_replid[48];
    char role[16]; /* "master", "slave" */
    char maxmemory_policy[32];
    unsigned connected_replicas;
    bool waits_for_replicas; /* min-replicas-to-write is set: a master that lost its replicas takes no writes
                              */
} ra_redis_identity;

typedef struct ra_redis_options {
    struct event_base *base;
    const char *host; /* a name or an address; NULL: `socket` */
    uint16_t port;
    const char *socket;      /* a unix socket's path */
    const char *user;        /* NULL: the default user */
    const char *password;    /* NULL: no AUTH */
    unsigned database;       /* 0: no SELECT */
    const char *name;        /* for CLIENT SETNAME; NULL: none */
    struct ssl_ctx_st *tls;  /* NULL: plain. Shared; from ra_redis_tls_new. Not over a unix socket */
    int64_t connect_timeout; /* ms, for name, connect, TLS and all that comes before `up` */
    int64_t dead_after;      /* ms */
    int64_t back_off_first;  /* ms between attempts: doubled each time */
    int64_t back_off_most;
    size_t max_queue_bytes; /* of commands sent or to be sent whose replies haven't come */
    unsigned max_queue;     /* of such commands */
    /* The connection is ready: `identity` is good until it returns. Commands may be sent from here on. */
    void (*up)(ra_redis *r, const ra_redis_identity *identity, void *arg);
    /* It is ready no more, or (with was_up false) an attempt has failed; `why` is for a person. Runs after
     * all pending commands have ended. */
    void (*down)(ra_redis *r, bool was_up, const char *why, void *arg);
    /* A message of a channel that this connection has subscribed to; NULL: none is expected. Where it is
     * given, arrays that look like messages are taken for such, and one SUBSCRIBE names one channel: it has
     * one reply. */
    void (*message)(ra_redis *r, const struct redisReply *reply, void *arg);
    void *arg;
    const char *resolv_conf; /* NULL: /etc/resolv.conf */
    const char *hosts;       /* NULL: /etc/hosts */
} ra_redis_options;

/* Begins to connect. The strings are copied. NULL: no memory, or TLS over a unix socket, which has no name
 * that could be checked. No callback runs before it has returned. */
ra_redis *ra_redis_new(const ra_redis_options *o);
/* Pending commands end without a callback; neither `down` runs. Not from one of its own callbacks. If a name
 * was being looked up, libevent's memory for that goes at the loop's next turn. */
void ra_redis_free(ra_redis *r);
bool ra_redis_is_up(const ra_redis *r);

/* One argument of a command. */
typedef ra_bytes ra_redis_arg;

/* `reply` may be an error reply; NULL: none came (its deadline passed, or the connection was lost). It is
 * good until the callback returns. The callback may send commands and may free nothing but its own. */
typedef void (*ra_redis_done)(ra_redis *r, const struct redisReply *reply, void *arg);

typedef struct ra_redis_command ra_redis_command;
/*
 * Queues a command. NULL: not up, over max_queue or max_queue_bytes, or no memory; then `done` never runs.
 * `timeout` in ms from when it is written, which is at the loop's next turn, or from now while it can't be;
 * a reply is in time if it had arrived by then. `done` may be NULL: nobody cares. It never runs before this
 * has returned. The command is good until `done` has run.
 */
ra_redis_command *ra_redis_send(ra_redis *r, const ra_redis_arg *argv, unsigned argc, int64_t timeout,
                                ra_redis_done done, void *arg);
/* How many bytes of commands have been queued; and is it certain that none of those that were queued after
 * that many have been written yet? Then what is queued now leaves together with them. Over TLS it never is.
 */
uint64_t ra_redis_queued(const ra_redis *r);
bool ra_redis_is_unsent(const ra_redis *r, uint64_t queued);
/* Its `done` won't run; the command itself may still be carried out. */
void ra_redis_abandon(ra_redis_command *c);

/* TLS as a client: verification on, TLS 1.2 or later. Paths may be NULL: the system's authorities, no
 * certificate of our own. NULL with *why (static or OpenSSL's text in `buf`). Freed with SSL_CTX_free. */
struct ssl_ctx_st *ra_redis_tls_new(const char *ca_file, const char *cert_file, const char *key_file,
                                    char *why, size_t size);

#endif
