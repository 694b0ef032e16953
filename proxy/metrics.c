#include "proxy/metrics.h"

#include "proxy/advice.h"

#include <pthread.h>
#include <stdlib.h>

enum { LINE = 64 /* of the processor's cache */, UNIT_KINDS = sizeof(ra_units) / sizeof(uint64_t) };

/* Where each of ra_units is counted. */
enum {
    SPENT = offsetof(ra_units, spent) / sizeof(uint64_t),
    EXTRA = offsetof(ra_units, extra) / sizeof(uint64_t),
    SAVED = offsetof(ra_units, saved) / sizeof(uint64_t),
    WRITTEN = offsetof(ra_units, written) / sizeof(uint64_t),
    OBSERVED = offsetof(ra_units, observed) / sizeof(uint64_t)
};

/* Of one subject on one loop. */
typedef struct cell {
    ra_count reads[RA_READ_KINDS][RA_READ_OUTCOMES];
    ra_count bypasses[RA_READ_KINDS][RA_REASONS];
    ra_count writes[RA_OP_KINDS];
    ra_count invalidations[RA_CAUSES], fills[RA_FILLED_KINDS];
    ra_count units[UNIT_KINDS];
    ra_count observed[RA_READ_BYPASS + 1];
    ra_count compared[RA_COMPARED_KINDS], compare_reads;
    ra_latency timed[RA_TIMED_BY_SUBJECT];
} cell;

struct ra_meter {
    cell others;
    cell *_Atomic cells[RA_SUBJECTS]; /* made when they are first needed; NULL: nothing has been counted */
    ra_count requests[RA_OP_KINDS][RA_REQUEST_OUTCOMES];
    ra_count near, negative, coalesced;
    ra_count upstream[RA_UPSTREAM_CLASSES][RA_UPSTREAM_RESULTS];
    _Atomic int64_t upstream_replied, upstream_failed;
    ra_latency store, upstream_took;
    ra_advice_ring *advice; /* NULL: nobody is told */
    ra_top_keys top;
};

typedef struct subject {
    char *table, *pattern; /* pattern NULL: the table's own policy */
} subject;

struct ra_metrics {
    ra_meter **meters;
    unsigned nmeters;
    pthread_mutex_t lock; /* of those who add subjects */
    subject subjects[RA_SUBJECTS];
    atomic_uint nsubjects; /* those below it don't change any more */
};

/* ---- beginning and end ---- */

/* All zero, and alone on its cache lines. */
static void *zeroed(size_t size)
{
    size_t whole = (size + LINE - 1) / LINE * LINE;
    void *p = aligned_alloc(LINE, whole);
    if (p)
        memset(p, 0, whole);
    return p;
}

ra_metrics *ra_metrics_new(unsigned meters)
{
    ra_metrics *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    pthread_mutex_init(&m->lock, NULL);
    atomic_init(&m->nsubjects, 1);
    m->meters = calloc(meters, sizeof(ra_meter *));
    for (; m->meters && m->nmeters < meters; m->nmeters++) {
        ra_meter *one = zeroed(sizeof *one);
        if (!one)
            break;
        m->meters[m->nmeters] = one;
        atomic_init(&one->cells[RA_SUBJECT_OTHERS], &one->others);
        ra_top_keys_init(&one->top);
    }
    if (m->meters && m->nmeters == meters)
        return m;
    ra_metrics_free(m);
    return NULL;
}

void ra_metrics_free(ra_metrics *m)
{
    if (!m)
        return;
    for (unsigned i = 0; m->meters && i < m->nmeters; i++) {
        for (unsigned s = RA_SUBJECT_OTHERS + 1; s < RA_SUBJECTS; s++)
            free(atomic_load(&m->meters[i]->cells[s]));
        ra_top_keys_fini(&m->meters[i]->top);
        free(m->meters[i]);
    }
    for (unsigned i = 0; i < atomic_load(&m->nsubjects); i++) {
        free(m->subjects[i].table);
        free(m->subjects[i].pattern);
    }
    free(m->meters);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

ra_meter *ra_metrics_meter(ra_metrics *m, unsigned i)
{
    return m->meters[i];
}

/* ---- subjects ---- */

unsigned ra_metrics_subjects(const ra_metrics *m)
{
    return atomic_load_explicit((atomic_uint *)&m->nsubjects, memory_order_acquire);
}

const char *ra_metrics_subject(const ra_metrics *m, unsigned number, const char **pattern)
{
    *pattern = m->subjects[number].pattern;
    return number == RA_SUBJECT_OTHERS ? "(others)" : m->subjects[number].table;
}

static bool is(const subject *s, const char *table, const char *pattern)
{
    return strcmp(s->table, table) == 0 &&
           (pattern ? s->pattern && strcmp(s->pattern, pattern) == 0 : !s->pattern);
}

static unsigned number_of(ra_metrics *m, const char *table, const char *pattern)
{
    unsigned n = ra_metrics_subjects(m);
    for (unsigned i = RA_SUBJECT_OTHERS + 1; i < n; i++)
        if (is(&m->subjects[i], table, pattern))
            return i;
    subject s = {.table = n < RA_SUBJECTS ? strdup(table) : NULL};
    if (s.table && pattern)
        s.pattern = strdup(pattern);
    if (!s.table || (pattern && !s.pattern)) {
        free(s.table);
        return RA_SUBJECT_OTHERS;
    }
    m->subjects[n] = s;
    atomic_store_explicit(&m->nsubjects, n + 1, memory_order_release);
    return n;
}

void ra_metrics_bind(ra_metrics *m, ra_config *c)
{
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < c->ntables; i++) {
        ra_table_config *t = &c->tables[i];
        t->policy.subject = number_of(m, t->name, NULL);
        for (size_t k = 0; k < t->npatterns; k++)
            t->patterns[k].policy.subject = number_of(m, t->name, t->patterns[k].policy.name);
    }
    pthread_mutex_unlock(&m->lock);
}

/* ---- counting ---- */

/* Without memory for a subject's own it counts with the others. */
static cell *cell_new(ra_meter *m, unsigned number)
{
    cell *c = number < RA_SUBJECTS ? zeroed(sizeof *c) : NULL;
    if (!c)
        return &m->others;
    atomic_store_explicit(&m->cells[number], c, memory_order_release);
    return c;
}

static inline cell *cell_of(ra_meter *m, unsigned number)
{
    cell *c = number < RA_SUBJECTS ? atomic_load_explicit(&m->cells[number], memory_order_relaxed) : NULL;
    return c ? c : cell_new(m, number);
}

void ra_meter_tell(ra_meter *m, ra_advice_ring *ring)
{
    m->advice = ring;
}

/* What a TTL decides: not what bypasses, nor that there is nothing, which has negative_ttl. What was served
 * stale has filled nothing yet. */
static void tell_read(ra_meter *m, const ra_read_event *e, int64_t now)
{
    if (e->outcome == RA_READ_BYPASS || e->negative || e->none || !e->unit || !e->entry)
        return;
    uint32_t bytes = e->outcome == RA_READ_STALE ? 0 : e->bytes;
    ra_advice_note_read(m->advice, ra_tag_subject(e->tag), e->unit, e->entry, bytes, now);
}

/* It counts as what it is, a read that goes to DynamoDB, and by itself as what it would have been. */
static void count_observed(cell *c, unsigned kind, const ra_read_event *e)
{
    enum { UNIT = 4096 }; /* bytes that a read unit reads */
    ra_count_add(&c->observed[e->outcome], 1);
    if (e->outcome == RA_READ_HIT)
        ra_count_add(&c->units[OBSERVED], e->half_units ? e->half_units : (uint64_t)e->bytes / UNIT + 1);
    ra_count_add(&c->reads[kind][RA_READ_BYPASS], 1);
    const char *reason = e->outcome == RA_READ_BYPASS ? e->reason : "caching-observe";
    ra_count_add(&c->bypasses[kind][ra_reason_number(reason)], 1);
}

static void count_read(cell *c, unsigned kind, const ra_read_event *e)
{
    ra_count *reads = c->reads[kind];
    ra_count_add(&reads[e->outcome], 1);
    if (e->near)
        ra_count_add(&reads[RA_READ_NEAR], 1);
    if (e->negative)
        ra_count_add(&reads[RA_READ_NEGATIVE], 1);
    if (e->coalesced)
        ra_count_add(&reads[RA_READ_COALESCED], 1);
    if (e->half_units)
        ra_count_add(&c->units[SAVED], e->half_units);
    if (e->outcome == RA_READ_BYPASS)
        ra_count_add(&c->bypasses[kind][ra_reason_number(e->reason)], 1);
}

void ra_meter_read(ra_meter *m, const ra_read_event *e, int64_t now)
{
    if (!m)
        return;
    cell *c = cell_of(m, ra_tag_subject(e->tag));
    unsigned kind = ra_read_kind(ra_tag_kind(e->tag));
    if (e->observed)
        count_observed(c, kind, e);
    else
        count_read(c, kind, e);
    if (e->unit)
        ra_top_keys_note(&m->top, ra_tag_subject(e->tag), e->unit);
    tell_read(m, e, now);
}

void ra_meter_invalidation(ra_meter *m, unsigned number, enum ra_cause cause, const ra_key *unit, int64_t now)
{
    if (!m)
        return;
    ra_count_add(&cell_of(m, number)->invalidations[cause], 1);
    ra_advice_note_invalidation(m->advice, number, unit, now);
    if (cause == RA_CAUSE_STREAM || cause == RA_CAUSE_MISMATCH) /* of a write that no proxy was told of */
        ra_advice_note_bypassing(m->advice, number, now);
}

void ra_meter_fill(ra_meter *m, unsigned number, enum ra_filled result)
{
    if (m)
        ra_count_add(&cell_of(m, number)->fills[result], 1);
}

void ra_meter_write(ra_meter *m, unsigned number, enum ra_op_kind kind, unsigned items)
{
    if (m)
        ra_count_add(&cell_of(m, number)->writes[kind], items);
}

/* RA_TIMED_BY_SUBJECT: it isn't timed. */
static enum ra_timed timed_as(enum ra_request_outcome outcome)
{
    return outcome == RA_REQUEST_HIT     ? RA_TIMED_HIT
           : outcome == RA_REQUEST_MISS  ? RA_TIMED_MISS
           : outcome == RA_REQUEST_WRITE ? RA_TIMED_WRITE
                                         : RA_TIMED_BY_SUBJECT;
}

void ra_meter_request(ra_meter *m, uint32_t tag, const ra_read_event *how, enum ra_request_outcome outcome,
                      int64_t us)
{
    enum ra_timed timed = timed_as(outcome);
    if (!m)
        return;
    ra_count_add(&m->requests[ra_tag_kind(tag)][outcome], 1);
    if (timed != RA_TIMED_BY_SUBJECT)
        ra_latency_add(&cell_of(m, ra_tag_subject(tag))->timed[timed], us);
    if (!how)
        return;
    ra_count_add(&m->near, how->near);
    ra_count_add(&m->negative, how->negative);
    ra_count_add(&m->coalesced, how->coalesced);
}

void ra_meter_store(ra_meter *m, int64_t us)
{
    if (m)
        ra_latency_add(&m->store, us);
}

void ra_meter_upstream(ra_meter *m, enum ra_upstream_class class, enum ra_upstream_result result, int64_t us,
                       int64_t now)
{
    if (!m)
        return;
    bool reached = result < RA_UPSTREAM_FAILED;
    ra_count_add(&m->upstream[class][result], 1);
    ra_latency_add(&m->upstream_took, us);
    atomic_store_explicit(reached ? &m->upstream_replied : &m->upstream_failed, now, memory_order_relaxed);
}

void ra_meter_compared(ra_meter *m, unsigned number, enum ra_compared result)
{
    if (m)
        ra_count_add(&cell_of(m, number)->compared[result], 1);
}

void ra_meter_compare_read(ra_meter *m, unsigned number)
{
    if (m)
        ra_count_add(&cell_of(m, number)->compare_reads, 1);
}

void ra_meter_units(ra_meter *m, unsigned number, const ra_units *half_units)
{
    if (!m)
        return;
    cell *c = cell_of(m, number);
    ra_count_add(&c->units[SPENT], half_units->spent);
    ra_count_add(&c->units[EXTRA], half_units->extra);
    ra_count_add(&c->units[SAVED], half_units->saved);
    ra_count_add(&c->units[WRITTEN], half_units->written);
}

/* ---- reading ---- */

size_t ra_metrics_top_keys(const ra_metrics *m, ra_top_key *out, size_t most)
{
    size_t n = 0;
    for (unsigned i = 0; i < m->nmeters; i++)
        ra_top_keys_add(&m->meters[i]->top, out, &n, most);
    ra_top_keys_sort(out, n);
    return n;
}

static const cell *seen(const ra_metrics *m, unsigned meter, unsigned number)
{
    return atomic_load_explicit(&m->meters[meter]->cells[number], memory_order_acquire);
}

static void sum(uint64_t *into, const ra_count *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        into[i] += ra_count_get(&from[i]);
}

#define SUM(into, from) sum((uint64_t *)(into), (const ra_count *)(from), sizeof(from) / sizeof(ra_count))

bool ra_metrics_sum_subject(const ra_metrics *m, unsigned number, ra_subject_sums *out)
{
    bool any = false;
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < m->nmeters; i++) {
        const cell *c = seen(m, i, number);
        if (!c)
            continue;
        any = true;
        SUM(out->reads, c->reads);
        SUM(out->bypasses, c->bypasses);
        SUM(out->writes, c->writes);
        SUM(out->invalidations, c->invalidations);
        SUM(out->fills, c->fills);
        sum((uint64_t *)&out->half_units, c->units, UNIT_KINDS);
        SUM(out->observed, c->observed);
        SUM(out->compared, c->compared);
        out->compare_reads += ra_count_get(&c->compare_reads);
    }
    return any;
}

void ra_metrics_sum_units(const ra_metrics *m, ra_units *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < m->nmeters; i++)
        for (unsigned s = 0; s < ra_metrics_subjects(m); s++) {
            const cell *c = seen(m, i, s);
            if (c)
                sum((uint64_t *)out, c->units, UNIT_KINDS);
        }
}

static int64_t later(int64_t a, const _Atomic int64_t *b)
{
    int64_t other = atomic_load_explicit((_Atomic int64_t *)b, memory_order_relaxed);
    return other > a ? other : a;
}

void ra_metrics_sum_requests(const ra_metrics *m, ra_request_sums *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < m->nmeters; i++) {
        const ra_meter *one = m->meters[i];
        SUM(out->requests, one->requests);
        SUM(out->upstream, one->upstream);
        out->near += ra_count_get(&one->near);
        out->negative += ra_count_get(&one->negative);
        out->coalesced += ra_count_get(&one->coalesced);
        out->upstream_replied = later(out->upstream_replied, &one->upstream_replied);
        out->upstream_failed = later(out->upstream_failed, &one->upstream_failed);
    }
}

void ra_metrics_sum_latency(const ra_metrics *m, enum ra_timed what, unsigned number, ra_latency_copy *out)
{
    unsigned first = number == RA_SUBJECTS ? 0 : number;
    unsigned end = number == RA_SUBJECTS ? ra_metrics_subjects(m) : number + 1;
    for (unsigned i = 0; i < m->nmeters; i++) {
        if (what == RA_TIMED_STORE)
            ra_latency_sum_up(out, &m->meters[i]->store);
        if (what == RA_TIMED_UPSTREAM)
            ra_latency_sum_up(out, &m->meters[i]->upstream_took);
        for (unsigned s = first; s < end && what < RA_TIMED_BY_SUBJECT; s++) {
            const cell *c = seen(m, i, s);
            if (c)
                ra_latency_sum_up(out, &c->timed[what]);
        }
    }
}
