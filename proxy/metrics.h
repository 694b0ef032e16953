/*
 * What is counted while the proxy runs. Each event loop has a *meter*, to which its thread alone adds;
 * anybody reads. So counting takes no lock, and no two loops write to one cache line. What there is to be
 * read, under which names and with which labels: proxy/metrics_table.c.
 *
 * A *subject* is whose traffic it is: a table's own policy, or a pattern's. Its number stands in ra_policy.
 * Names come from the configuration alone, never from clients, so that labels are bounded: at most
 * RA_SUBJECTS - 1 of them; the rest, and tables that aren't configured, count as RA_SUBJECT_OTHERS. A subject
 * keeps its number over reloads, whether it is still configured or not: counters never go back.
 *
 * Words. A *request* is a client's, and is counted once when it is answered, by how the cache took part. A
 * *read* is one entry that is looked up, for a client or for a route's allow_if: one for a GetItem or a
 * Query, one for each key of a BatchGetItem, under the table and the pattern of that key. A *write* is one
 * item that is written, or one operation where the items can't be told. An *invalidation* is one unit that is
 * marked.
 *
 * Threads: as said at each function.
 */
#ifndef RA_PROXY_METRICS_H
#define RA_PROXY_METRICS_H

#include "config/config.h"
#include "proxy/latency.h"
#include "proxy/op.h"
#include "proxy/top_keys.h"

enum { RA_SUBJECTS = 1024, RA_SUBJECT_OTHERS = 0, RA_OP_KINDS = RA_OP_TABLE_CHANGE + 1 };

enum ra_read_outcome {
    RA_READ_HIT,
    RA_READ_MISS,
    RA_READ_STALE,
    RA_READ_BYPASS,
    /* parts of the above */
    RA_READ_NEAR,      /* of hits: held in this process, in front of a network store */
    RA_READ_NEGATIVE,  /* of hits: it says that there is nothing */
    RA_READ_COALESCED, /* of misses: another request's upstream read answered it */
    RA_READ_OUTCOMES
};

enum ra_request_outcome {
    RA_REQUEST_HIT, /* all of it from the cache */
    RA_REQUEST_MISS,
    RA_REQUEST_STALE,
    RA_REQUEST_BYPASS,
    RA_REQUEST_WRITE,
    RA_REQUEST_PASS,  /* neither a read that could be cached, nor a write */
    RA_REQUEST_ERROR, /* refused by the proxy, or DynamoDB couldn't be asked */
    RA_REQUEST_LEFT,  /* its client had gone before it could be answered */
    RA_REQUEST_OUTCOMES
};

enum ra_cause {
    RA_CAUSE_WRITE,
    RA_CAUSE_STREAM,
    RA_CAUSE_OPERATOR,
    RA_CAUSE_TABLE_CHANGE,
    RA_CAUSE_MISMATCH, /* DynamoDB has said something else than what was cached */
    RA_CAUSES
};

/* What has come of comparing one entry with what DynamoDB says; see proxy/request_compare.c. */
enum ra_compared {
    RA_COMPARED_EQUAL,
    RA_COMPARED_MISMATCH,    /* the difference stood, and no write through the proxies explains it */
    RA_COMPARED_RACED,       /* the entry isn't there any more: a write, or its end, explains it */
    RA_COMPARED_INDEX_EQUAL, /* of a global index, which can't be read consistently; as the next */
    RA_COMPARED_INDEX_LAG,
    RA_COMPARED_FAILED,  /* no answer that can be compared, or too many were to be read again */
    RA_COMPARED_SKIPPED, /* drawn, and not compared: there were too many */
    RA_COMPARED_KINDS
};

/* What has become of a fill; what a network store answers is known to the store alone. */
enum ra_filled {
    RA_FILLED,        /* stored, or sent to a network store */
    RA_FILL_OVERDUE,  /* the read took longer than the TTL */
    RA_FILL_REPLY,    /* DynamoDB's reply is an error, or isn't understood */
    RA_FILL_BY_WRITE, /* a write came between */
    RA_FILL_LARGE,    /* larger than an entry may be */
    RA_FILL_NO_ROOM,  /* in the unit, or in memory */
    RA_FILLED_KINDS
};

/* Histograms of one subject, and of a loop. */
enum ra_timed {
    RA_TIMED_HIT,
    RA_TIMED_MISS,
    RA_TIMED_WRITE,
    RA_TIMED_BY_SUBJECT, /* the next ones aren't */
    RA_TIMED_STORE = RA_TIMED_BY_SUBJECT,
    RA_TIMED_UPSTREAM,
    RA_TIMED
};

enum ra_upstream_class { RA_UPSTREAM_READ, RA_UPSTREAM_WRITE, RA_UPSTREAM_OTHER, RA_UPSTREAM_CLASSES };
enum ra_upstream_result {
    RA_UPSTREAM_OK,
    RA_UPSTREAM_REFUSED, /* 4xx but throttling */
    RA_UPSTREAM_THROTTLED,
    RA_UPSTREAM_FAILED,   /* 5xx */
    RA_UPSTREAM_NOT_SENT, /* no connection */
    RA_UPSTREAM_BROKEN,   /* no whole reply, in time or at all */
    RA_UPSTREAM_RESULTS
};

/* Why reads bypass the cache, as Cache-Status has it; the words are metrics_words.c's. */
enum { RA_REASONS = 48, RA_READ_KINDS = 5 };

typedef struct ra_metrics ra_metrics;
typedef struct ra_meter ra_meter;

/* ---- beginning and end; subjects ---- */

/* `meters`: one a loop, and one more that the admin listener's thread has. NULL: no memory. */
ra_metrics *ra_metrics_new(unsigned meters);
void ra_metrics_free(ra_metrics *m); /* NULL is allowed */
ra_meter *ra_metrics_meter(ra_metrics *m, unsigned i);

/* Numbers the policies of a snapshot that nobody uses yet. Any thread. */
void ra_metrics_bind(ra_metrics *m, ra_config *c);
/* How many there are, and their names; a pattern of NULL is the table's own policy. Any thread. */
unsigned ra_metrics_subjects(const ra_metrics *m);
const char *ra_metrics_subject(const ra_metrics *m, unsigned subject, const char **pattern);

/* What a lookup carries (ra_lookup.tag): whose it is, and of which operation. */
static inline uint32_t ra_meter_tag(unsigned subject, enum ra_op_kind kind)
{
    return (uint32_t)kind << 16 | subject;
}
/* And this: its client asks for a consistent read. */
#define RA_TAG_CONSISTENT 0x80000000U

static inline unsigned ra_tag_subject(uint32_t tag)
{
    return tag & 0xffff;
}
static inline enum ra_op_kind ra_tag_kind(uint32_t tag)
{
    return (enum ra_op_kind)((tag & ~RA_TAG_CONSISTENT) >> 16);
}

/* What advisors learn from goes to this ring, too, which is the same thread's. Before anything is counted. */
struct ra_advice_ring;
void ra_meter_tell(ra_meter *m, struct ra_advice_ring *ring);

/* ---- counting: on the meter's thread; a meter that is NULL counts nothing ---- */

typedef struct ra_read_event {
    uint32_t tag;
    enum ra_read_outcome outcome; /* one of the first four */
    bool near, negative, coalesced;
    bool none;                  /* of a miss: upstream says that there is nothing */
    bool observed;              /* it is answered by DynamoDB; the outcome is what would have been */
    const char *reason;         /* of a bypass; a static word */
    const ra_key *unit, *entry; /* NULL: not known, which a bypass may be */
    uint32_t bytes;             /* of the entry's body; 0: not known */
    uint64_t half_units;        /* that it saves: of a hit, a stale one, a coalesced miss */
} ra_read_event;

/* The outcome of one read is known. `now`: monotonic, ms. */
void ra_meter_read(ra_meter *m, const ra_read_event *e, int64_t now);
/* A unit is marked, and with it what was cached of it void. `unit` NULL: it isn't one, but all of a table. */
void ra_meter_invalidation(ra_meter *m, unsigned subject, enum ra_cause cause, const ra_key *unit,
                           int64_t now);
void ra_meter_fill(ra_meter *m, unsigned subject, enum ra_filled result);
void ra_meter_write(ra_meter *m, unsigned subject, enum ra_op_kind kind, unsigned items);
/* A client's request has been answered `us` after it was there. `near` and so on: of a hit or a miss. */
void ra_meter_request(ra_meter *m, uint32_t tag, const ra_read_event *how, enum ra_request_outcome outcome,
                      int64_t us);
/* A network store has answered one question. */
void ra_meter_store(ra_meter *m, int64_t us);
/* DynamoDB has answered, or hasn't; `now`: monotonic, ms. */
void ra_meter_upstream(ra_meter *m, enum ra_upstream_class class, enum ra_upstream_result result, int64_t us,
                       int64_t now);
/* An entry has been compared with what DynamoDB says; and a read was made for that alone. */
void ra_meter_compared(ra_meter *m, unsigned subject, enum ra_compared result);
void ra_meter_compare_read(ra_meter *m, unsigned subject);
/*
 * Capacity, in half units, which is what the smallest read takes. `extra`: what of the read units spent goes
 * beyond what the client's own read would have cost, since misses are read consistently and stale entries are
 * refreshed. What is saved comes with the reads.
 */
typedef struct ra_units {
    uint64_t spent, extra; /* by reads */
    uint64_t saved;
    uint64_t written;  /* spent by writes */
    uint64_t observed; /* hits that were only observed would have saved */
} ra_units;

void ra_meter_units(ra_meter *m, unsigned subject, const ra_units *half_units);

/* ---- reading: any thread ---- */

/* Of one subject, over all loops. */
typedef struct ra_subject_sums {
    uint64_t reads[RA_READ_KINDS][RA_READ_OUTCOMES];
    uint64_t bypasses[RA_READ_KINDS][RA_REASONS];
    uint64_t writes[RA_OP_KINDS];
    uint64_t invalidations[RA_CAUSES], fills[RA_FILLED_KINDS];
    ra_units half_units;
    uint64_t observed[RA_READ_BYPASS + 1]; /* what reads that were observed would have been */
    uint64_t compared[RA_COMPARED_KINDS], compare_reads;
} ra_subject_sums;

typedef struct ra_request_sums {
    uint64_t requests[RA_OP_KINDS][RA_REQUEST_OUTCOMES];
    uint64_t near, negative, coalesced; /* of hits, and of misses */
    uint64_t upstream[RA_UPSTREAM_CLASSES][RA_UPSTREAM_RESULTS];
    int64_t upstream_replied, upstream_failed; /* monotonic, ms: when it last did; 0: never */
} ra_request_sums;

/* false: nothing has been counted for it yet, *out is all zero. */
bool ra_metrics_sum_subject(const ra_metrics *m, unsigned subject, ra_subject_sums *out);
void ra_metrics_sum_requests(const ra_metrics *m, ra_request_sums *out);
/* Adds to *out: of one subject, or, of what isn't counted by subject or with RA_SUBJECTS, of all. */
void ra_metrics_sum_latency(const ra_metrics *m, enum ra_timed what, unsigned subject, ra_latency_copy *out);

/* The units that are read most of late, the most read first; how many of them. */
size_t ra_metrics_top_keys(const ra_metrics *m, ra_top_key *out, size_t most);

/* Of all subjects together: half units. */
void ra_metrics_sum_units(const ra_metrics *m, ra_units *out);

/* ---- words: metrics_words.c ---- */

const char *ra_op_kind_name(enum ra_op_kind kind); /* "GetItem"; "Other" */
/* Where a read's operation stands in ra_subject_sums, and the other way round. */
unsigned ra_read_kind(enum ra_op_kind kind);
enum ra_op_kind ra_read_kind_op(unsigned read_kind);
/* A number below RA_REASONS; one that isn't known is "other", the last. NULL: is that, too. */
unsigned ra_reason_number(const char *reason);
const char *ra_reason_name(unsigned number); /* NULL: no reason has that number */
const char *ra_request_outcome_name(enum ra_request_outcome outcome);
const char *ra_read_outcome_name(enum ra_read_outcome outcome); /* of the first four */
const char *ra_cause_name(enum ra_cause cause);
const char *ra_compared_name(enum ra_compared result);
const char *ra_filled_name(enum ra_filled result);
const char *ra_timed_name(enum ra_timed what);
const char *ra_upstream_class_name(enum ra_upstream_class class);
const char *ra_upstream_result_name(enum ra_upstream_result result);

#endif
