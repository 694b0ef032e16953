/*
 * The process's shared parts and its event loops. Each loop has its own event_base, evhttp on a SO_REUSEPORT
 * socket, upstream pool and store connection; a request lives and dies on its loop. Shared between loops: the
 * in-process table, the flights, the tables' schemas, the configuration snapshot.
 *
 * Lifetime: ra_server_new starts nothing; ra_server_start binds and runs the loops' threads; ra_server_drain
 * tells every loop to stop accepting and to end once its requests have; ra_server_free joins them.
 * Which store it is, and what of it is shared: proxy/server_store.h.
 */
#ifndef RA_PROXY_SERVER_H
#define RA_PROXY_SERVER_H

#include "cache/flight.h"
#include "cache/memory_store.h"
#include "cache/redis_store.h"
#include "cache/redis_tracker.h"
#include "proxy/access_log.h"
#include "proxy/connections.h"
#include "proxy/http_date.h"
#include "proxy/momento_server.h"
#include "proxy/redis_server.h"
#include "proxy/request_await.h"
#include "proxy/server_auth.h"
#include "proxy/store_pact.h"
#include "proxy/tables.h"

#include <pthread.h>
#include <stdatomic.h>

struct event;
struct event_base;
struct ra_admin;
struct ra_advice;
struct evhttp;
struct ra_clock_watch;
struct ra_follows;
struct ra_invalidator;
struct ra_journal;
struct ra_meter;
struct ra_metrics;
struct ra_mismatches;
struct ra_request;
struct ra_snapshot;
struct ssl_ctx_st;

typedef struct ra_server ra_server;

/* The newest snapshot, and who is changing it. */
typedef struct ra_reloading {
    pthread_mutex_t one; /* one reload at a time */
    pthread_mutex_t mutex;
    struct ra_snapshot *newest; /* under the mutex, as the rest is */
    unsigned switching;         /* loops that haven't got it yet */
    unsigned unsettled;         /* loops that have requests of older ones */
    bool ending;                /* the process is: no request is waited for any more */
    pthread_cond_t progress;
} ra_reloading;

typedef struct ra_loop {
    uint32_t magic; /* RA_LOOP_MAGIC */
    ra_server *server;
    struct ra_snapshot *snapshot;  /* what requests begin with; its own reference */
    ra_config *config;             /* the snapshot's */
    unsigned older;                /* requests that have begun with an older one */
    bool unsettled;                /* and the server counts this loop among those that have some */
    struct ra_loop_reload *reload; /* of the thread that reloads, which waits for this loop */
    ra_letter reload_letter;
    struct event_base *base;
    struct evhttp *http;
    struct evhttp_bound_socket *socket;
    ra_upstream *upstream;
    ra_store *store;
    ra_redis_tracker *tracker; /* on the first loop, where near hits may be served unasked; else NULL */
    ra_mailbox *mailbox;
    ra_connections *connections; /* clients' */
    struct ra_express *express;
    ra_http_date date;            /* of replies */
    ra_access_log *access_log;    /* where its configuration has one; else NULL */
    ra_access_said said;          /* of the last reply, where there is one */
    struct ra_shown *shown;       /* what routes have made of cached replies */
    struct ra_clock_watch *clock; /* where anything is linearizable */
    ra_loop_auth auth;
    struct event *sweep; /* on the first loop only, and with store "memory" */
    struct event *drain_timer;
    struct event *accept_again;  /* while accept fails, for want of file descriptors say */
    int64_t accept_logged;       /* monotonic: when that was last said */
    struct ra_request *requests; /* all that live on this loop */
    ra_await_experience fills;
    struct ra_meter *meter; /* what this thread counts */
    bool compare_drawn;     /* a hit that the express way has left is to be compared */
    unsigned in_flight;     /* how many they are */
    unsigned sending;       /* replies handed to evhttp that aren't written out yet */
    bool draining;
    bool cut; /* drain_timeout passed with requests left */
    ra_letter drain_letter;
    pthread_t thread;
    bool running;
} ra_loop;

enum { RA_LOOP_MAGIC = 0x6c6f6f70 };

struct ra_server {
    ra_config *config; /* as it was at start: for what doesn't change while the process lives */
    ra_reloading reloading;
    ra_credentials_provider *provider;
    ra_memory *memory; /* store "memory": its table; NULL: another store */
    ra_near *near;     /* the network stores', as the next; NULL: none */
    ra_seal_keys *seal;
    ra_momento_shared *momento_shared; /* store "momento", as the next */
    ra_momento_voice momento_voice;
    ra_redis_shared *redis_shared;        /* store "redis", as the next three */
    struct ssl_ctx_st *redis_tls;         /* NULL: plain */
    char redis_pact[RA_PACT_CHARS + 1];   /* see proxy/store_pact.h */
    char redis_where[RA_REDIS_WHERE_MAX]; /* host and port, or the socket; for messages */
    ra_flights *flights;
    ra_tables *tables;
    ra_server_auth auth;
    ra_connection_limits *limits; /* of clients' connections */
    ra_tls_server *tls;           /* NULL: plain HTTP */
    atomic_uint in_flight;        /* over all loops, for listen.max_in_flight */
    atomic_bool clock_differs;    /* from DynamoDB's: see proxy/clock_check.h */
    ra_loop *loops;
    unsigned nloops;
    uint16_t port;                    /* bound */
    struct ra_admin *admin;           /* NULL: none is configured */
    struct ra_journal *journal;       /* what an operator is told of */
    ra_access_log *access_log;        /* prepared once a configuration has one */
    struct ra_metrics *metrics;       /* a meter for each loop, and one for the admin listener's thread */
    struct ra_advice *advice;         /* what other TTLs would have done */
    struct ra_mismatches *mismatches; /* what the cache and DynamoDB have differed in */
    int64_t started;                  /* wall clock, ms */
    struct ra_follows *follows;       /* of tables' streams; NULL: none is followed */
    struct ra_invalidator *invalidator;
};

/* NULL with a message logged. `quiet_until` is the in-process store's (0: none). */
ra_server *ra_server_new(ra_config *config, ra_credentials_provider *provider, int64_t quiet_until);
/* Binds and starts the threads. false with a message logged. */
bool ra_server_start(ra_server *s);
/* From any thread. */
void ra_server_drain(ra_server *s);
/* Waits for the loops; true if every request ended by itself and no marker is left. */
bool ra_server_join(ra_server *s);
void ra_server_free(ra_server *s);

/* The loop that this thread runs. */
ra_loop *ra_loop_running(void);
/* The loop's own: called when a request or a reply has ended, so that a draining loop can stop. */
void ra_loop_ended(ra_loop *l);

#endif
