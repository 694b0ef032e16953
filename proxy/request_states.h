/*
 * Inside a request: its states and what they share. Only proxy/request*.c include this.
 *
 * A state's function does its short work and says what happens next: RA_GO with r->state set to the next one,
 * RA_SUSPENDED when something will call ra_request_resume later (the only way to wait), RA_ENDED when the
 * request is over and r is gone.
 */
#ifndef RA_PROXY_REQUEST_STATES_H
#define RA_PROXY_REQUEST_STATES_H

#include "proxy/identity.h"
#include "proxy/metrics.h"
#include "proxy/op.h"
#include "proxy/reply.h"
#include "proxy/request.h"
#include "proxy/request_id.h"
#include "proxy/route.h"
#include "proxy/route_allow.h"
#include "proxy/snapshot.h"
#include "proxy/trace.h"

enum ra_step { RA_GO, RA_SUSPENDED, RA_ENDED };

enum ra_request_state {
    /* every request */
    RA_RECEIVED,    /* framing, limits, the body taken over; over the wire API the signature is checked */
    RA_IDENTIFYING, /* on a route: who calls? The keys of tokens may have to be fetched */
    RA_ALLOWING,    /* on a route: may this caller have it? Another read may have to say so */
    RA_ROUTED,      /* a route's inputs are read; they become an operation */
    RA_DECODED,     /* the operation and the tables it names are known, and may be used by this access key */
    RA_LEARNING,    /* fetching the schemas of its tables */
    RA_PLANNED,     /* what to look up or to mark is known */
    /* reads */
    RA_LOOKING_UP, /* the store is asked, tokens are taken */
    RA_LOOKED_UP,
    RA_AWAITING,     /* another process is filling it: the store is asked again in a moment */
    RA_JOINING,      /* joined a flight, or leads one */
    RA_FETCHING,     /* the upstream read */
    RA_FILLING,      /* its reply goes to the store and to the waiters */
    RA_FALLING_BACK, /* upstream failed: may a stale entry be served? */
    RA_FALLEN_BACK,
    RA_COMPARING, /* the client has been answered; was what is cached right? DynamoDB is asked */
    RA_COMPARED,
    RA_CHECKING, /* it differs: is it still cached? */
    RA_CHECKED,
    /* writes, and what passes through */
    RA_MARKING, /* every unit it touches gets a marker */
    RA_MARKED,
    RA_FORWARDING, /* the upstream write */
    RA_FORWARDED,
    RA_AFTERMARKING, /* what only the reply tells must be marked too */
    RA_AFTERMARKED,
    RA_REMARKING, /* markers that may have run out meanwhile are set again */
    RA_REMARKED,
    RA_UNMARKING,
    RA_FINISHED,
    RA_STATES
};

typedef struct ra_request_doubts ra_request_doubts;

typedef struct ra_request ra_request;
struct ra_request {
    uint32_t magic;
    enum ra_request_state state;
    ra_loop *loop;
    ra_request *prev, *next;     /* on the loop */
    ra_snapshot *snapshot;       /* one for the request's whole life; a reference */
    ra_config *config;           /* the snapshot's */
    struct evhttp_request *http; /* NULL once answered, or when its client has left */
    int64_t arrived_us;          /* monotonic: when all of it was there */
    int64_t sent_us, asked_us;   /* monotonic: DynamoDB, and a network store, the last time */
    ra_read_event how;           /* of its reads: what all of them have in common */
    struct event *client_stirs;  /* while a read is suspended: its client closes, resets or sends more */
    struct evbuffer *body_bytes; /* owns the body, which outlives the client */
    ra_bytes body;               /* the operation's: what came, or what a route made of it */
    ra_access_keys *access_keys; /* one reference; NULL: nobody has to sign, or it isn't of the wire API */
    const ra_access_key *access_key; /* of them: who has signed */
    ra_identity identity;            /* on a route: who calls */
    ra_background_wait key_wait;  /* for the keys that tokens are signed with; its `arg` is set meanwhile */
    bool keys_fetched;            /* they have been, for this request */
    ra_request *asked;            /* the read that says whether the caller may have what it wants */
    ra_request *asker;            /* it is such a read, of this request; NULL: a client's */
    enum ra_allow_result allowed; /* what it has said */
    bool asking;                  /* it is being begun: it mustn't resume this one */
    unsigned allow_pages;
    ra_bytes allow_next;            /* where its next page begins; in the arena */
    ra_table *allow_table;          /* its schema: one reference, or NULL */
    ra_route_refusal not_allowed;   /* its own failure; with status 0 it is as `allowed` says */
    ra_route_call *route;           /* in the arena; NULL: the wire API */
    ra_table *route_table;          /* its query's schema: one reference, or NULL */
    ra_buf route_body;              /* owns what a route made */
    ra_trace *trace;                /* in the arena; NULL: none */
    struct ra_request_heard *heard; /* for the access log, in the arena; NULL: there is none */
    unsigned upstream_calls;        /* DynamoDB has been asked so often, for so long in all */
    int64_t upstream_us;
    uint64_t half_units; /* that DynamoDB says they have consumed, for reading and writing */
    char *target;        /* this and the next one are in the arena */
    char *user_agent;
    ra_arena arena;
    ra_op op;
    bool op_open;

    ra_tables_wait wait;
    size_t learning;         /* index of the table whose schema is being fetched */
    uint64_t tables_version; /* of the registry, before anything was asked of it */

    ra_store_call call; /* the store's, one at a time */
    ra_write_id write_id, after_id;
    int64_t marked_at;  /* monotonic: when its markers were asked for, or it was passed on without */
    int64_t sign_by;    /* a write: see ra_upstream_request */
    int64_t sent_at;    /* monotonic, a write: when it was sent, or before */
    ra_lookup *lookups; /* BatchGetItem: contiguous copies of the parts' */
    int64_t missed_at;  /* monotonic: when the tokens were taken */
    int64_t missed_wall;
    int64_t fresh_as_of; /* of what was looked up then: all before it is in; 0: not to be told */

    struct event *await_timer; /* made once: it is or was awaiting another process's fill */
    int64_t missed_at_us;      /* as missed_at */

    ra_seat seat;
    bool leads, waits;   /* its place in a flight */
    bool collapsed;      /* its reply is another's */
    bool again;          /* it waited for a leader that ran out of time, and looks up once more */
    bool observed;       /* a read of a table with caching "observe" */
    bool stale_observed; /* which would have been served stale */
    bool as_asked;       /* the client's own read goes upstream: see op.h */
    bool refreshing;     /* answered with a stale entry; what goes on is the refresh */
    ra_upstream_call *upstream;
    ra_buf upstream_body;
    ra_http_reply *reply;      /* one reference */
    const char *detail;        /* for Cache-Status */
    ra_request_doubts *doubts; /* what is compared, in the arena; NULL: nothing */

    ra_mark *marks; /* set before sending: the op's, or those of every table */
    size_t nmarks;
    ra_mark *after; /* set after the reply */
    size_t nafter;
    enum ra_consistency consistency; /* of a write: its strictest table's */
    bool may_pass;                   /* no table refuses what the store can't be told of */
    bool marked;                     /* markers were asked for */
    bool passed_on;                  /* the store couldn't be told; the process remembers that it must be */
    bool untold;                     /* not even that, and it may have been sent */
    bool after_untold;               /* what was marked after the reply the store hasn't acknowledged */
    bool succeeded, fate_unknown;
    bool own;                    /* the proxy's own: no client has sent it */
    bool left;                   /* its client has gone before it was answered */
    bool counted, reads_counted; /* see proxy/request_meter.c */
};

enum { RA_REQUEST_MAGIC = 0x72657175 };

/* Checks the magic number of a request that came through a void pointer. */
ra_request *ra_request_of(void *arg);
/* The request goes on in `state`. */
static inline enum ra_step ra_request_go(ra_request *r, enum ra_request_state state)
{
    r->state = state;
    return RA_GO;
}
/* The store's answer has come: the request goes on in the state that was set when it was asked. */
void ra_request_store_done(ra_store_call *call);
/* Runs states until one suspends or the request has ended. */
void ra_request_resume(ra_request *r, enum ra_request_state state);

/* Sends the operation upstream; the reply arrives as r->reply in state `then`. Without a way to send it
 * r->reply says why, at once (RA_GO). */
enum ra_step ra_request_send(ra_request *r, bool once, enum ra_request_state then);

/* Answers the client, if it is still there. */
void ra_request_answer_upstream(ra_request *r,
                                const ra_verdict *v); /* r->reply as it is, or our 503 when there is none */
void ra_request_answer_made(ra_request *r, ra_http_reply *reply, ra_buf *body, const ra_verdict *v);
void ra_request_answer_payload(ra_request *r, ra_payload *take, const ra_verdict *v);
void ra_request_answer_error(ra_request *r, int status, const char *type, const char *message);
/* The evhttp request is about to be answered by the caller: NULL when the client has left. */
struct evhttp_request *ra_request_take_http(ra_request *r);
/* Does r->reply show that a table is another than the one we know? Then it is learnt anew. */
void ra_request_doubt_tables(ra_request *r);
/* DynamoDB's refusal for load: HTTP 400 with a throttling type. */
bool ra_reply_is_throttled(const ra_http_reply *reply);

/*
 * The schema of one table: in r->wait, at once or (RA_TABLES_PENDING) when the request is resumed in its
 * state and asks again. `config` is the table's, NULL if it isn't cached.
 */
enum ra_tables_step ra_request_learn(ra_request *r, ra_bytes given, const ra_table_config *config);
/* Is it over listen.max_in_flight? */
static inline bool ra_request_is_one_too_many(const ra_request *r)
{
    return atomic_load_explicit(&r->loop->server->in_flight, memory_order_relaxed) >
           r->config->listen.max_in_flight;
}
#define RA_TOO_MANY       "readaside: too many requests in flight"
#define RA_BODY_TOO_LARGE "the request's body is over the limit of listen.max_body"
/* Takes the HTTP request's body over. false: no memory. */
bool ra_request_take_body(ra_request *r);
/* Copies what goes upstream with every operation; `target` is X-Amz-Target's value. false: no memory. */
bool ra_request_name(ra_request *r, ra_bytes target);

/* Who may come in, in proxy/request_auth.c. */

/* Has the wire API's client signed it? Else it is refused: false, and is over. */
bool ra_request_is_signed(ra_request *r);
/* May its access key do what the operation does? Else as above. */
bool ra_request_is_authorized(ra_request *r);
enum ra_step ra_request_identify(ra_request *r);
/* Is it for a name that this listener goes by? See ra_listener_host_ok. */
bool ra_request_host_ok(const ra_request *r);
/* 421, and the connection is closed. */
enum ra_step ra_request_refuse_host(ra_request *r);

/* Reads that a route's allow_if wants, in proxy/request_allow.c. */
enum ra_step ra_request_allow(ra_request *r);
/* The read has its answer: an error has no body. */
void ra_request_tell_asker(ra_request *r, int status, ra_bytes body);
/* One of the two is being freed. */
void ra_request_part_from_asker(ra_request *r);
/* A read of the proxy's own, for another request with its configuration. NULL: no memory. */
ra_request *ra_request_new_for(ra_request *asker);
/* The schema of a route's query: *table is set, or the step is what to do instead (wait, or it is refused).
 */
enum ra_step ra_request_learn_query(ra_request *r, const ra_route_query *query, ra_table **table);

/* Routes, in proxy/request_route.c. */
enum ra_step ra_request_receive_route(ra_request *r);
enum ra_step ra_request_open_route(ra_request *r);
/* Refuses it; with `http` gone it says nothing. */
enum ra_step ra_request_refuse_route(ra_request *r, const ra_route_refusal *refusal);
/* With a status, a code and a message; 503 says when to try again. */
enum ra_step ra_request_refuse_route_as(ra_request *r, int status, const char *code, const char *message);
enum ra_step ra_request_routed(ra_request *r);
/* Answer the client of a route: DynamoDB's reply as the route shows it, or the error that it stands for. */
void ra_request_route_reply(ra_request *r, int status, ra_bytes body, const ra_verdict *v);
void ra_request_route_payload(ra_request *r, ra_payload *payload, const ra_verdict *v);
void ra_request_route_error(ra_request *r, int status, const char *message);

/* Awaiting, in proxy/request_await.c. */
enum ra_step ra_request_await(ra_request *r);
/* r->reply has come and is filled next: how long that took is how long such fills take. */
void ra_request_learn_await(ra_request *r);

/* Followed streams, in proxy/request_follow.c. */

/* Does following any of the read's tables lag so far behind that it must bypass the cache? */
bool ra_request_lags(const ra_request *r);
/* What may be said of a read that is looked up now; to be asked before the store is. */
int64_t ra_request_fresh_as_of(const ra_request *r);
/* The write has been carried out, and the store told of all of it: its records are the proxies' own. After
 * its marks have been ended. */
void ra_request_note_own(ra_request *r);

/* Observing, in proxy/request_observe.c. */
bool ra_request_is_observed(const ra_request *r);
enum ra_step ra_request_observe(ra_request *r); /* instead of `looked up` */

/* Comparing, in proxy/request_compare.c. */

/* A part that is a hit, which is observed, has been read; both payloads stay the caller's. */
void ra_request_compare_part(ra_request *r, size_t part, ra_payload *upstream);
/* All parts are hits that are about to be served: are they drawn, to be compared afterwards? */
void ra_request_draw(ra_request *r);
/* The client has been answered: what there is to compare is, else it is over. */
enum ra_step ra_request_answered(ra_request *r);
enum ra_step ra_request_compare(ra_request *r);
enum ra_step ra_request_compared(ra_request *r);
enum ra_step ra_request_check(ra_request *r);
enum ra_step ra_request_checked(ra_request *r);
void ra_request_free_doubts(ra_request *r);

/* Marks, in proxy/request_mark.c. */

/* Marks units; the request goes on in state `then`, where r->call.ok tells. */
enum ra_step ra_request_begin(ra_request *r, const ra_write_id *id, const ra_mark *marks, size_t n,
                              enum ra_request_state then);
/* The store can't be told now: it is as soon as it can be, and reads here bypass until then. false: no room,
 * or a store that is never away. */
bool ra_request_remember(ra_request *r, const ra_write_id *id, const ra_mark *marks, size_t n);
/* The write's marks have failed: may it be sent, or was it rightly? See ra_redis_store_go_on. */
bool ra_request_pass_on(ra_request *r);
/* Drops what is cached of the units; marks nothing. */
void ra_request_drop(ra_request *r, const ra_mark *marks, size_t n);
/* The write is over: its marks go, at once or, with `settle`, after the time of each. Marks are sorted by it.
 */
void ra_request_end_marks(ra_request *r, const ra_write_id *id, const ra_mark *marks, size_t n, bool settle);
/* Of the tables that this process knows now, adds to *marks what the write concerns and hasn't marked. false:
 * no memory, *marks is as it was. */
bool ra_request_mark_known_tables(ra_request *r, ra_mark **marks, size_t *n);

/* The states of proxy/request_read.c, proxy/request_mark.c and proxy/request_write.c. */
enum ra_step ra_request_look_up(ra_request *r);
enum ra_step ra_request_looked_up(ra_request *r);
enum ra_step ra_request_join(ra_request *r);
enum ra_step ra_request_fetch(ra_request *r);
enum ra_step ra_request_fill(ra_request *r);
enum ra_step ra_request_fall_back(ra_request *r);
enum ra_step ra_request_fallen_back(ra_request *r);
enum ra_step ra_request_mark(ra_request *r);
enum ra_step ra_request_marked(ra_request *r);
enum ra_step ra_request_forward(ra_request *r);
enum ra_step ra_request_forwarded(ra_request *r);
enum ra_step ra_request_aftermark(ra_request *r);
enum ra_step ra_request_aftermarked(ra_request *r);
enum ra_step ra_request_remark(ra_request *r);
enum ra_step ra_request_remarked(ra_request *r);
enum ra_step ra_request_unmark(ra_request *r);

/* What is counted of it, in proxy/request_meter.c. */

/* Its reads are known to be hits, misses and so on; their payloads are still there. Once. `stale`: the one
 * read is answered with a stale entry. */
void ra_request_count_reads(ra_request *r, bool stale);
/* The client has been answered; what isn't said by its end was an error. Once; not of the proxy's own. */
void ra_request_count_answer(ra_request *r, enum ra_request_outcome outcome);
/* As above, with what the client was told of the cache. */
void ra_request_count_verdict(ra_request *r, const ra_verdict *v);
/* What has become of a fill of one part. */
void ra_request_count_fill(ra_request *r, const ra_part *part, enum ra_filled result);
/* What the reply to it, which it led, says was consumed. */
void ra_request_count_units(ra_request *r);
/* The leader's reply carries how much was read for all of its parts, which those who wait can't tell. */
void ra_request_note_blocks(ra_request *r);
void ra_request_take_blocks(ra_request *r);
/* r->reply has come, or is what stands for it. */
void ra_request_count_upstream(ra_request *r);
/* The network store has answered what was asked at r->asked_us. */
void ra_request_count_store(ra_request *r);
/* A write is over: what it has marked, and written. */
void ra_request_count_write(ra_request *r);

/* The access log, in proxy/request_log.c. */

/* While its headers are there, where there is an access log: what of them may be logged. */
void ra_request_hear(ra_request *r);
/* It is being counted; its reply, if there is one, was the loop's last. `v` NULL: nothing was said of the
 * cache. */
void ra_request_log(ra_request *r, unsigned subject, enum ra_request_outcome outcome, const ra_verdict *v);

/* Traces, in proxy/request_trace.c. */

/* While its headers are there. */
void ra_request_find_trace(ra_request *r);
/* A read of the proxy's own belongs to the trace of the request that it is made for. */
void ra_request_share_trace(ra_request *r, const ra_request *with);

/* The client of a read has left: true if the request is over with it (and may be freed), false if it goes on
 * for others. */
bool ra_request_leave_read(ra_request *r);

#endif
