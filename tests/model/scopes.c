#include "tests/model/scopes.h"

#include <stddef.h>
#include <string.h>

/* What a write marks: that of an item its partition, and its item where reads by key are asked too; PartiQL
 * and table changes the table alone. */
#define PARTITION .marks = RA_ON_PARTITION
#define TABLE     .marks = RA_ON_TABLE
#define BOTH      .marks = (RA_ON_PARTITION | RA_ON_ITEM)

#define STRICT         .mode = RA_STRICT, .oracle = RA_ORACLE_LOG
#define FAST           .mode = RA_FAST, .oracle = RA_ORACLE_ACKED
#define GUARDED(first) .guarded = true, .guard_first = (first)

const ra_scope ra_scope_table[] = {
    /* ---- strict ---- */
    {.name = "strict",
     .says = "three writes of one partition, two readers",
     STRICT,
     .writers = 3,
     .writer = {{PARTITION}, {PARTITION}, {PARTITION}},
     .readers = 2,
     .shapes = RA_ASK_A},
    {.name = "strict-shapes",
     .says = "two request shapes of one partition",
     STRICT,
     .writers = 2,
     .writer = {{PARTITION}, {PARTITION}},
     .readers = 2,
     .shapes = RA_ASK_A | RA_ASK_B},
    {.name = "strict-readers",
     .says = "three readers",
     STRICT,
     .writers = 2,
     .writer = {{PARTITION}, {PARTITION}},
     .readers = 3,
     .shapes = RA_ASK_A},
    {.name = "strict-guard",
     .says = "a write of the partition and one of the table; the entry's command goes first",
     STRICT,
     GUARDED(false),
     .writers = 2,
     .writer = {{PARTITION}, {TABLE}},
     .readers = 2,
     .shapes = RA_ASK_A},
    {.name = "strict-guard-first",
     .says = "the same, the guard's command goes first",
     STRICT,
     GUARDED(true),
     .writers = 2,
     .writer = {{PARTITION}, {TABLE}},
     .readers = 2,
     .shapes = RA_ASK_A},
    {.name = "strict-guard-twice",
     .says = "two writes of the table",
     STRICT,
     GUARDED(false),
     .writers = 2,
     .writer = {{TABLE}, {TABLE}},
     .readers = 2,
     .shapes = RA_ASK_A},
    {.name = "strict-guard-shapes",
     .says = "a write of the partition and one of the table, two request shapes",
     STRICT,
     GUARDED(false),
     .writers = 2,
     .writer = {{PARTITION}, {TABLE}},
     .readers = 2,
     .shapes = RA_ASK_A | RA_ASK_B,
     .big = true},
    {.name = "strict-units",
     .says = "two writes of an item and its partition, read by key and by query",
     STRICT,
     .writers = 2,
     .writer = {{BOTH}, {BOTH}},
     .readers = 2,
     .shapes = RA_ASK_A | RA_ASK_ITEM},
    {.name = "strict-join",
     .says = "flights are joined by equal tokens, with a guard",
     STRICT,
     GUARDED(false),
     .joins = true,
     .writers = 2,
     .writer = {{PARTITION}, {TABLE}},
     .readers = 2,
     .shapes = RA_ASK_A},
    {.name = "strict-near",
     .says = "a near cache whose hits are validated by the unit's and the guard's generation",
     STRICT,
     GUARDED(false),
     .near = RA_NEAR_VALIDATED,
     .writers = 2,
     .writer = {{PARTITION}, {TABLE}},
     .readers = 1,
     .shapes = RA_ASK_A},
    {.name = "strict-near-2",
     .says = "the same, two readers",
     STRICT,
     GUARDED(false),
     .near = RA_NEAR_VALIDATED,
     .writers = 2,
     .writer = {{PARTITION}, {TABLE}},
     .readers = 2,
     .shapes = RA_ASK_A,
     .big = true},
    {.name = "strict-retry",
     .says = "a write is sent twice, and only the second attempt's fate is known",
     STRICT,
     .retries = true,
     .writers = 2,
     .writer = {{PARTITION}, {PARTITION}},
     .readers = 2,
     .shapes = RA_ASK_A},
    {.name = "strict-index",
     .says = "a global index that lags: markers settle; one partition is known only after the reply",
     .mode = RA_STRICT,
     .oracle = RA_ORACLE_ACKED,
     .index = true,
     .writers = 2,
     .writer = {{PARTITION}, {.after = RA_ON_PARTITION}},
     .readers = 2,
     .shapes = RA_ASK_A},
    {.name = "strict-failover",
     .says = "Redis fails over and loses the newest commands; two proxies",
     STRICT,
     .failover = true,
     .writers = 2,
     .writer = {{PARTITION}, {PARTITION, .proxy = 1}},
     .readers = 2,
     .reader = {{0}, {.proxy = 1}},
     .shapes = RA_ASK_A},
    {.name = "strict-failover-guard",
     .says = "the same, one writes the partition, the other the table",
     STRICT,
     GUARDED(false),
     .failover = true,
     .writers = 2,
     .writer = {{PARTITION}, {TABLE, .proxy = 1}},
     .readers = 1,
     .shapes = RA_ASK_A},
    /* ---- fast ---- */
    {.name = "fast",
     .says = "two writes of one partition, two readers",
     FAST,
     .writers = 2,
     .writer = {{PARTITION}, {PARTITION}},
     .readers = 2,
     .shapes = RA_ASK_A},
    {.name = "fast-writes",
     .says = "three writes of one partition",
     FAST,
     .writers = 3,
     .writer = {{PARTITION}, {PARTITION}, {PARTITION}},
     .readers = 2,
     .shapes = RA_ASK_A},
    {.name = "fast-guard",
     .says = "a write of the partition and one of the table; the entry's command goes first",
     FAST,
     GUARDED(false),
     .writers = 2,
     .writer = {{PARTITION}, {TABLE}},
     .readers = 2,
     .shapes = RA_ASK_A},
    {.name = "fast-guard-first",
     .says = "the same, the guard's command goes first",
     FAST,
     GUARDED(true),
     .writers = 2,
     .writer = {{PARTITION}, {TABLE}},
     .readers = 2,
     .shapes = RA_ASK_A},
    {.name = "fast-units",
     .says = "two writes of an item and its partition",
     FAST,
     .writers = 2,
     .writer = {{BOTH}, {BOTH}},
     .readers = 1,
     .shapes = RA_ASK_A | RA_ASK_ITEM},
    {.name = "fast-join",
     .says = "flights are joined by equal tokens",
     FAST,
     .joins = true,
     .writers = 2,
     .writer = {{PARTITION}, {PARTITION}},
     .readers = 2,
     .shapes = RA_ASK_A},
    {.name = "fast-near",
     .says = "a near cache kept by pushes; one writer on its proxy, one elsewhere",
     FAST,
     .near = RA_NEAR_PUSHED,
     .writers = 2,
     .writer = {{PARTITION}, {PARTITION, .proxy = 1}},
     .readers = 1,
     .shapes = RA_ASK_A},
    {.name = "fast-near-readers",
     .says = "the same, two readers",
     FAST,
     .near = RA_NEAR_PUSHED,
     .writers = 2,
     .writer = {{PARTITION}, {PARTITION, .proxy = 1}},
     .readers = 2,
     .shapes = RA_ASK_A,
     .big = true},
    {.name = "fast-near-guard",
     .says = "a near cache kept by pushes; its proxy writes the table",
     FAST,
     GUARDED(false),
     .near = RA_NEAR_PUSHED,
     .writers = 1,
     .writer = {{TABLE}},
     .readers = 2,
     .shapes = RA_ASK_A},
    {.name = "fast-near-guard-other",
     .says = "a near cache kept by pushes; another proxy writes the table",
     FAST,
     GUARDED(true),
     .near = RA_NEAR_PUSHED,
     .writers = 1,
     .writer = {{TABLE, .proxy = 1}},
     .readers = 1,
     .shapes = RA_ASK_A},
    {.name = "fast-near-guard-writers",
     .says = "both write the table, one reader",
     FAST,
     GUARDED(false),
     .near = RA_NEAR_PUSHED,
     .writers = 2,
     .writer = {{TABLE}, {TABLE, .proxy = 1}},
     .readers = 1,
     .shapes = RA_ASK_A,
     .big = true},
    {.name = "fast-index",
     .says = "a global index that lags: markers settle; one partition is known only after the reply",
     FAST,
     .index = true,
     .writers = 2,
     .writer = {{PARTITION}, {.after = RA_ON_PARTITION}},
     .readers = 2,
     .shapes = RA_ASK_A},
    {.name = "fast-index-guard",
     .says = "the same, and one that marks the whole index",
     FAST,
     GUARDED(false),
     .index = true,
     .writers = 2,
     .writer = {{.after = RA_ON_PARTITION}, {TABLE}},
     .readers = 1,
     .shapes = RA_ASK_A},
    {.name = "fast-failover",
     .says = "Redis fails over and loses the newest commands; two proxies",
     FAST,
     .failover = true,
     .writers = 2,
     .writer = {{PARTITION}, {PARTITION, .proxy = 1}},
     .readers = 2,
     .reader = {{0}, {.proxy = 1}},
     .shapes = RA_ASK_A},
    /* ---- the in-process store: guards by the order of generations ---- */
    {.name = "in-process",
     .says = "the store of one process, which compares the order of generations",
     STRICT,
     GUARDED(true),
     .store = RA_IN_PROCESS,
     .joins = true,
     .writers = 2,
     .writer = {{PARTITION}, {TABLE}},
     .readers = 2,
     .shapes = RA_ASK_A},
    {.name = "in-process-table",
     .says = "the same, two writes of the table, two request shapes",
     STRICT,
     GUARDED(true),
     .store = RA_IN_PROCESS,
     .joins = true,
     .writers = 2,
     .writer = {{TABLE}, {TABLE}},
     .readers = 2,
     .shapes = RA_ASK_A | RA_ASK_B},
    /* ---- modes that keep no promise ---- */
    {.name = "naive",
     .says = "delete after the write, fill without a token",
     .mode = RA_NAIVE,
     .oracle = RA_ORACLE_ACKED,
     .must_fail = true,
     .writers = 2,
     .writer = {{PARTITION}, {PARTITION}},
     .readers = 2,
     .shapes = RA_ASK_A},
    {.name = "lease",
     .says = "tokens, but a deletion after the write instead of markers: not linearizable",
     .mode = RA_LEASE,
     .oracle = RA_ORACLE_LOG,
     .must_fail = true,
     .writers = 2,
     .writer = {{PARTITION}, {PARTITION}},
     .readers = 2,
     .shapes = RA_ASK_A},
    /* ---- larger ---- */
    {.name = "strict-large",
     .says = "three writes, three readers",
     STRICT,
     .writers = 3,
     .writer = {{PARTITION}, {PARTITION}, {PARTITION}},
     .readers = 3,
     .shapes = RA_ASK_A},
    {.name = "strict-guard-large",
     .says = "two writes of the partition and one of the table",
     STRICT,
     GUARDED(false),
     .writers = 3,
     .writer = {{PARTITION}, {PARTITION}, {TABLE}},
     .readers = 2,
     .shapes = RA_ASK_A,
     .big = true},
    {.name = "strict-units-large",
     .says = "writes of an item and its partition, and of the table; two shapes, two readers",
     STRICT,
     GUARDED(false),
     .writers = 2,
     .writer = {{BOTH}, {TABLE}},
     .readers = 2,
     .shapes = RA_ASK_A | RA_ASK_ITEM,
     .big = true},
    {.name = "strict-join-large",
     .says = "flights are joined, three readers",
     STRICT,
     GUARDED(false),
     .joins = true,
     .writers = 2,
     .writer = {{PARTITION}, {TABLE}},
     .readers = 3,
     .shapes = RA_ASK_A,
     .big = true},
    {.name = "strict-failover-large",
     .says = "a failover with a guard and a reader on each proxy",
     STRICT,
     GUARDED(false),
     .failover = true,
     .writers = 2,
     .writer = {{PARTITION}, {TABLE, .proxy = 1}},
     .readers = 2,
     .reader = {{0}, {.proxy = 1}},
     .shapes = RA_ASK_A,
     .big = true},
    {.name = "fast-units-large",
     .says = "two writes of an item and its partition, two readers",
     FAST,
     .writers = 2,
     .writer = {{BOTH}, {BOTH}},
     .readers = 2,
     .shapes = RA_ASK_A | RA_ASK_ITEM,
     .big = true},
    {.name = "fast-index-large",
     .says = "a global index and its guard, two readers",
     FAST,
     GUARDED(false),
     .index = true,
     .writers = 2,
     .writer = {{.after = RA_ON_PARTITION}, {TABLE}},
     .readers = 2,
     .shapes = RA_ASK_A,
     .big = true},
    {.name = "fast-failover-guard",
     .says = "a failover with a guard",
     FAST,
     GUARDED(false),
     .failover = true,
     .writers = 2,
     .writer = {{PARTITION}, {TABLE, .proxy = 1}},
     .readers = 1,
     .shapes = RA_ASK_A,
     .big = true},
    {.name = "in-process-large",
     .says = "the store of one process, three writes",
     STRICT,
     GUARDED(true),
     .store = RA_IN_PROCESS,
     .joins = true,
     .writers = 3,
     .writer = {{PARTITION}, {TABLE}, {TABLE}},
     .readers = 2,
     .shapes = RA_ASK_A,
     .big = true},
};

const unsigned ra_scopes = sizeof ra_scope_table / sizeof ra_scope_table[0];

const ra_scope *ra_scope_find(const char *name)
{
    for (unsigned i = 0; i < ra_scopes; i++)
        if (strcmp(ra_scope_table[i].name, name) == 0)
            return &ra_scope_table[i];
    return NULL;
}

static bool about(const ra_scope *s, enum ra_verb v)
{
    switch (v) {
    case RA_V_HIT:
    case RA_V_UPSTREAM:
    case RA_V_FILL:
    case RA_V_COMMIT:
    case RA_V_REJECT:
    case RA_V_ANSWER:
    case RA_V_EVICT:
    case RA_V_ENTRY_EXPIRES:
    case RA_V_BEGIN:
    case RA_V_ACK:
    case RA_V_END:
    case RA_V_END_LATE:
    case RA_V_BYPASS:
    case RA_V_FILL_REFUSED:
    case RA_V_HOLD_OVER:
        return true;
    case RA_V_GIVE_UP:
        return s->mode == RA_STRICT;
    case RA_V_JOIN:
        return s->joins;
    case RA_V_LOOK:
        return s->guarded;
    case RA_V_NEAR_HIT:
    case RA_V_PUSH:
    case RA_V_NEAR_NOT_INSERTED:
        return s->near == RA_NEAR_PUSHED;
    case RA_V_NEAR_VALIDATED:
    case RA_V_NEAR_BROKEN:
        return s->near != RA_NEAR_NONE;
    case RA_V_RESEND:
    case RA_V_STRAY_COMMIT:
        return s->retries;
    case RA_V_INDEX:
    case RA_V_SETTLED:
    case RA_V_PROMISED:
        return s->index;
    case RA_V_REPLICATE:
    case RA_V_FAILOVER:
    case RA_V_RECONNECT:
    case RA_V_REBEGIN:
    case RA_V_QUARANTINE_OVER:
        return s->failover;
    default:
        return false;
    }
}

enum ra_verb ra_scope_unseen(const ra_scope *scope, const ra_result *r)
{
    for (enum ra_verb v = 0; v < RA_VERBS; v++)
        if (about(scope, v) && !r->seen[v])
            return v;
    return r->committed == (1U << scope->writers) - 1 ? RA_VERBS : RA_V_COMMIT;
}
