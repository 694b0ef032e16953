/*
 * One HTTP/1.1 connection to the target: kept alive, opened anew when it is needed and gone, one request at a
 * time. Plain sockets are read and written directly, into a buffer that all connections of a thread share;
 * TLS goes through a bufferevent.
 *
 * Every request ends in exactly one call of `done`, never from within ra_conn_send. A request is never sent
 * twice. Ownership: the request's bytes are copied only if the socket doesn't take them at once.
 * Threads: those of one environment belong to one loop.
 */
#ifndef RA_BENCH_LOADGEN_CONN_H
#define RA_BENCH_LOADGEN_CONN_H

#include "bench/loadgen/response.h"
#include "bench/loadgen/target.h"

#include <sys/queue.h>

struct event_base;
struct bufferevent;
struct event;

enum ra_conn_result {
    RA_CONN_OK,      /* a whole reply, of whatever status */
    RA_CONN_REFUSED, /* no connection, or no TLS: nothing was sent */
    RA_CONN_TIMEOUT,
    RA_CONN_CUT, /* the connection ended before the reply did */
    RA_CONN_BAD, /* what came is no HTTP reply */
    RA_CONN_NO_MEMORY,
    RA_CONN_RESULTS
};

typedef struct ra_conn ra_conn;

/* What the connections of one thread share. */
typedef struct ra_conn_env {
    struct event_base *base;
    const ra_target *target;
    uint64_t timeout; /* ns, for connecting and for each request */
    void (*done)(ra_conn *c, enum ra_conn_result result);
    void *arg;
    uint64_t connects, bytes_in, bytes_out;
    char why[RA_TARGET_WHY_MAX]; /* of the newest REFUSED, CUT or BAD */
    /* its own */
    TAILQ_HEAD(ra_conn_queue, ra_conn) busy; /* the one that must end first is the first */
    struct event *ticker;
    char *buffer;
} ra_conn_env;

struct ra_conn {
    unsigned magic;
    ra_conn_env *env;
    TAILQ_ENTRY(ra_conn) link; /* in env->busy */
    int state;
    int fd;
    struct event *readable, *writable, *later; /* of a plain socket; `later` puts an end off to the loop */
    struct bufferevent *tls;
    char *unsent; /* of the request: what the socket hasn't taken */
    size_t unsent_n, unsent_at;
    uint64_t deadline;
    enum ra_conn_result result; /* of the end that was put off */
    ra_response response;
    /* the owner's */
    const void *asked;
    uint64_t since;
    ra_conn *next;
};

/* The environment's `base`, `target`, `timeout`, `done` and `arg` are set. false: no memory. */
bool ra_conn_env_start(ra_conn_env *e);
void ra_conn_env_stop(ra_conn_env *e);

bool ra_conn_init(ra_conn *c, ra_conn_env *e); /* opens nothing yet */
void ra_conn_close(ra_conn *c);                /* `done` isn't called */
/* Sends it on a connection that isn't busy. `head`: its method is HEAD. `now` is ra_conn_now's. */
void ra_conn_send(ra_conn *c, ra_bytes request, bool head, uint64_t now);
/* Opens the connection without a request; `done` says OK or REFUSED. */
void ra_conn_open(ra_conn *c);
bool ra_conn_busy(const ra_conn *c);
const char *ra_conn_result_name(enum ra_conn_result r);

/* The monotonic clock, ns. */
uint64_t ra_conn_now(void);

#endif
