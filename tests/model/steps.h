/* All that can happen next in a state. */
#ifndef RA_TESTS_MODEL_STEPS_H
#define RA_TESTS_MODEL_STEPS_H

#include "tests/model/model.h"

enum ra_verb {
    /* reads that return: `got` and `floor` are set */
    RA_V_HIT,
    RA_V_NEAR_HIT,
    RA_V_NEAR_VALIDATED,
    RA_V_UPSTREAM,
    RA_V_JOIN,
    /* readers */
    RA_V_LOOK,
    RA_V_LOOK_MISS,
    RA_V_NEAR_LOOK,
    RA_V_NEAR_BROKEN,
    RA_V_NEAR_INSERT,
    RA_V_NEAR_NOT_INSERTED,
    RA_V_TOKEN,
    RA_V_BYPASS,
    RA_V_FILL,
    RA_V_FILL_REFUSED,
    RA_V_FILL_LOST,
    /* writers */
    RA_V_BEGIN,
    RA_V_ACK,
    RA_V_GIVE_UP,
    RA_V_SEND,
    RA_V_RESEND,
    RA_V_COMMIT,
    RA_V_STRAY_COMMIT,
    RA_V_REJECT,
    RA_V_RESULT,
    RA_V_TIMEOUT_ENDS,
    RA_V_DELETE,
    RA_V_ANSWER,
    RA_V_END,
    RA_V_END_LATE,
    RA_V_REBEGIN,
    /* the world */
    RA_V_HOLD_OVER,
    RA_V_SETTLED,
    RA_V_PROMISED,
    RA_V_EVICT,
    RA_V_ENTRY_EXPIRES,
    RA_V_MARKERS_LOST,
    RA_V_NEAR_DROP,
    RA_V_PUSH,
    RA_V_INDEX,
    RA_V_REPLICATE,
    RA_V_FAILOVER,
    RA_V_RECONNECT,
    RA_V_QUARANTINE_OVER,
    RA_VERBS
};

enum { RA_NOBODY = 9, RA_NO_KEY = RA_KEYS };

typedef struct ra_label {
    enum ra_verb verb;
    unsigned who; /* a reader's, writer's or proxy's number; RA_NOBODY */
    unsigned key; /* RA_NO_KEY */
    unsigned got, floor;
} ra_label;

/* Takes one possible step from the state that was given to ra_steps. */
typedef struct ra_sink ra_sink;
struct ra_sink {
    void (*take)(ra_sink *sink, const ra_state *next, const ra_label *label);
};

typedef struct ra_step {
    const ra_run *run;
    const ra_state *from;
    ra_sink *sink;
} ra_step;

void ra_steps(const ra_run *run, const ra_state *from, ra_sink *sink);

/* The parts, a file each. */
void ra_reader_steps(const ra_step *st);
void ra_near_steps(const ra_step *st, unsigned reader);
void ra_writer_steps(const ra_step *st);
void ra_store_steps(const ra_step *st);
void ra_failover_steps(const ra_step *st);
void ra_index_steps(const ra_step *st);

static inline void ra_take(const ra_step *st, const ra_state *next, enum ra_verb verb, unsigned who,
                           unsigned key)
{
    ra_label label = {.verb = verb, .who = who, .key = key};
    st->sink->take(st->sink, next, &label);
}

/* A read that ends here, with a version. */
static inline void ra_take_read(const ra_step *st, const ra_state *next, enum ra_verb verb, unsigned who,
                                unsigned value, unsigned floor)
{
    ra_label label = {.verb = verb, .who = who, .key = RA_NO_KEY, .got = value - 1, .floor = floor};
    st->sink->take(st->sink, next, &label);
}

#endif
