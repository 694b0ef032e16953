/*
 * The words of the model: a state of the whole system, a scope (who takes part), and what is wrong on
 * purpose.
 *
 * The model is small so that every order of events can be tried: a handful of readers and writers, one item,
 * its partition and its table, one register upstream. A value is the number of the commit that wrote it, so
 * "older" is a comparison of numbers. Time isn't counted: what takes time may happen at any later moment, or
 * never, and where the protocol relies on one span being longer than another, the step that would come too
 * early is forbidden. A process that is killed is one that makes no further step.
 */
#ifndef RA_TESTS_MODEL_MODEL_H
#define RA_TESTS_MODEL_MODEL_H

#include "tests/model/mutants.h"

#include <stdbool.h>

enum { RA_WRITERS = 3, RA_READERS = 3, RA_SERVERS = 2, RA_PROXIES = 2 };

/* Keys of the store. The table's key is the guard of the other two. */
enum { RA_PARTITION, RA_ITEM, RA_TABLE, RA_KEYS };
enum { RA_ON_PARTITION = 1 << RA_PARTITION, RA_ON_ITEM = 1 << RA_ITEM, RA_ON_TABLE = 1 << RA_TABLE };

/* Request shapes: two queries on the partition, one GetItem. */
enum { RA_QUERY_A, RA_QUERY_B, RA_GET_ITEM, RA_SHAPES };
enum { RA_ASK_A = 1 << RA_QUERY_A, RA_ASK_B = 1 << RA_QUERY_B, RA_ASK_ITEM = 1 << RA_GET_ITEM };

/* ---- scopes ---- */

enum ra_mode {
    RA_NAIVE, /* delete after the write; fills need no token */
    RA_LEASE, /* delete after the write; fills need a token; no markers */
    RA_FAST,  /* BEGIN and the request leave together; the client is answered when both are back */
    RA_STRICT /* BEGIN is acknowledged before the request is sent */
};

enum ra_oracle {
    RA_ORACLE_LOG,  /* nothing older than upstream's commit log when the read was invoked */
    RA_ORACLE_ACKED /* nothing older than what had been promised by then: answered writes; for an index, those
                       whose settle time has passed since; for a near cache with pushes, those of the own
                       proxy, and of others once the push is in */
};

enum ra_store_kind { RA_REDIS, RA_IN_PROCESS };
enum ra_near_kind { RA_NEAR_NONE, RA_NEAR_VALIDATED, RA_NEAR_PUSHED };

typedef struct ra_actor {
    unsigned marks; /* a writer's: keys that it marks before or while it sends */
    unsigned after; /* keys that it marks when the reply is in */
    unsigned proxy;
} ra_actor;

typedef struct ra_scope {
    const char *name;
    const char *says; /* one line for people */
    enum ra_mode mode;
    enum ra_oracle oracle;
    enum ra_store_kind store;
    enum ra_near_kind near;
    unsigned writers, readers;
    ra_actor writer[RA_WRITERS]; /* equal ones stand next to each other */
    ra_actor reader[RA_READERS];
    unsigned shapes;
    bool guarded;     /* reads look at the table's key too */
    bool guard_first; /* which of a pipeline's two commands goes first */
    bool joins;       /* reads may join a flight */
    bool failover;
    bool index; /* the partition is a global index's: reads see it lag */
    bool retries;
    bool must_fail; /* a mode that keeps no promise */
    bool big;       /* only with --big */
} ra_scope;

typedef struct ra_run {
    const ra_scope *scope;
    enum ra_mutant mutant;
    bool plain; /* keep states apart that differ only in names: slower, and as a check on the merging */
} ra_run;

/* ---- a state ---- */

/* Generations are small numbers that mean nothing but "the same" (in the in-process store also "later");
 * 0 is none. Values are versions + 1; 0 is none. */
typedef struct ra_cell {
    unsigned marks; /* one bit per writer */
    unsigned generation;
    unsigned counted; /* only for the mutant whose generations are a counter */
} ra_cell;

typedef struct ra_slot {
    unsigned value;
    unsigned guard; /* the table's generation at token time */
} ra_slot;

typedef struct ra_server {
    ra_cell key[RA_KEYS];
    ra_slot entry[RA_SHAPES];
} ra_server;

enum ra_writer_phase {
    RA_W_IDLE,
    RA_W_MARKING,  /* some BEGINs are out; nothing is sent */
    RA_W_SENT,     /* the request is out; also for ever, if the proxy gave up waiting or was killed */
    RA_W_RESULT,   /* a definite result is in */
    RA_W_ANSWERED, /* the client has its answer; ENDs may be due */
    RA_W_GIVEN_UP, /* not sent, or (in a mutant) timed out; ENDs are due */
    RA_W_DONE
};

enum ra_request_state { RA_Q_NONE, RA_Q_FLYING, RA_Q_COMMITTED, RA_Q_REJECTED };

/* Of one BEGIN, and what follows it. */
enum ra_mark_phase { RA_M_OUT, RA_M_SET, RA_M_ACKED, RA_M_SETTLING, RA_M_ENDED };

enum ra_stray { RA_STRAY_NONE, RA_STRAY_FLYING, RA_STRAY_LANDED };

typedef struct ra_writer {
    unsigned phase;
    unsigned request;
    unsigned version; /* of its commit; 0: none yet */
    unsigned late;    /* hold (or strict's attempt window) has run out by the proxy's clock */
    unsigned stray;   /* an earlier attempt whose fate is unknown */
    unsigned pushed;  /* the push of its BEGIN has reached the near cache */
    unsigned mark[RA_KEYS];
} ra_writer;

enum ra_reader_phase {
    RA_R_IDLE,
    RA_R_LOOKING,    /* one of the pipeline's two commands has been executed */
    RA_R_VALIDATING, /* the same for a near entry's generations */
    RA_R_NO_TOKEN,   /* a MISS script is due */
    RA_R_MISSED,     /* has its tokens, reads upstream next */
    RA_R_FLIGHT,     /* has read upstream, FILL is due */
    RA_R_REPLIED     /* a hit whose reply has not been put into the near cache yet */
};

typedef struct ra_reader {
    unsigned phase;
    unsigned shape;
    unsigned floor; /* what it must not be older than: fixed when it was invoked */
    unsigned value;
    unsigned unit, guard; /* generations: those read, then the token */
    unsigned entry_guard; /* the entry's own idea of the table's generation */
    unsigned tainted;     /* a push came since its lookup was sent: don't insert */
} ra_reader;

typedef struct ra_near {
    unsigned value;
    unsigned unit, guard;
    unsigned suspect; /* a push came: to be validated before use */
} ra_near;

enum ra_link { RA_LINK_OLD, RA_LINK_QUARANTINE, RA_LINK_NEW };

typedef struct ra_state {
    unsigned commits;             /* upstream's log: versions 1..commits */
    unsigned index;               /* how far the global index has followed */
    unsigned known;               /* RA_ORACLE_ACKED: what reads invoked now must see */
    ra_server server[RA_SERVERS]; /* [1]: the replica; after a failover the master */
    ra_writer writer[RA_WRITERS];
    ra_reader reader[RA_READERS];
    ra_near near;
    unsigned pushes; /* keys whose push is on its way to the near cache */
    unsigned failed_over;
    unsigned link[RA_PROXIES];
} ra_state;

static inline unsigned ra_unit_of(unsigned shape)
{
    return shape == RA_GET_ITEM ? RA_ITEM : RA_PARTITION;
}

static inline bool ra_wrong(const ra_run *run, enum ra_mutant m)
{
    return run->mutant == m;
}

/* Do readers look at the table's key? */
static inline bool ra_guarded(const ra_run *run)
{
    return run->scope->guarded && !ra_wrong(run, RA_MUTANT_GUARD_NOT_READ);
}

static inline bool ra_marking(const ra_scope *s)
{
    return s->mode == RA_FAST || s->mode == RA_STRICT;
}

#endif
