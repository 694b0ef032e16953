#include "proxy/advice.h"

#include "cache/memory_store.h"
#include "cache/random.h"
#include "proxy/advisor.h"
#include "proxy/clock.h"
#include "proxy/log.h"
#include "proxy/metrics.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    ADVICE_MAGIC = 0x61647663,
    PAUSE_MIN = 20,  /* ms between two looks at the rings: while something comes */
    PAUSE_MAX = 200, /* and while nothing does */
    TOLD_MAX = 8 << 20
};

/* What is known of a subject besides its traffic. */
typedef struct subject {
    ra_advisor *advisor; /* NULL: not read yet */
    int64_t ttl;         /* in force; 0: not cached, or not configured any more */
    bool consistent;     /* it is filled by consistent reads, which cost twice as much */
    bool followed;       /* its table's stream is */
    bool bypassed;       /* some write to it was seen that no proxy was told of */
    const char *table;   /* the metrics' */
} subject;

struct ra_advice {
    uint32_t magic;
    const ra_metrics *metrics;
    unsigned nrings;
    ra_advice_ring **rings;
    size_t *ends;         /* of the rings, while they are played */
    pthread_mutex_t lock; /* of what follows; rings are read under it, too */
    pthread_cond_t wake;
    bool stopping, running;
    pthread_t thread;
    size_t max_bytes; /* the cache's; 0: not known */
    uint64_t played;
    ra_buf told; /* what has been written last */
    int64_t told_at;
    subject subjects[RA_SUBJECTS];
};

/* ---- begin and end ---- */

static ra_advice_ring *ring_new(void)
{
    ra_advice_ring *r = aligned_alloc(64, sizeof *r);
    if (!r)
        return NULL;
    atomic_init(&r->end, 0);
    atomic_init(&r->begin, 0);
    atomic_init(&r->dropped, 0);
    r->begin_seen = 0;
    return r;
}

ra_advice *ra_advice_new(const ra_metrics *metrics, unsigned rings)
{
    ra_advice *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->magic = ADVICE_MAGIC;
    a->metrics = metrics;
    ra_buf_init(&a->told, TOLD_MAX);
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&a->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    a->rings = calloc(rings, sizeof(ra_advice_ring *));
    a->ends = calloc(rings, sizeof *a->ends);
    bool ok = a->rings && a->ends;
    for (; ok && a->nrings < rings; a->nrings++)
        ok = (a->rings[a->nrings] = ring_new()) != NULL;
    if (ok)
        return a;
    ra_advice_free(a);
    return NULL;
}

static void stop(ra_advice *a)
{
    pthread_mutex_lock(&a->lock);
    a->stopping = true;
    pthread_cond_signal(&a->wake);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    a->running = false;
}

void ra_advice_free(ra_advice *a)
{
    if (!a)
        return;
    if (a->running)
        stop(a);
    for (unsigned i = 0; a->rings && i < a->nrings; i++)
        free(a->rings[i]);
    for (unsigned i = 0; i < RA_SUBJECTS; i++)
        ra_advisor_free(a->subjects[i].advisor);
    ra_buf_free(&a->told);
    free(a->rings);
    free(a->ends);
    pthread_cond_destroy(&a->wake);
    pthread_mutex_destroy(&a->lock);
    a->magic = 0;
    free(a);
}

ra_advice_ring *ra_advice_get_ring(ra_advice *a, unsigned i)
{
    return a->rings[i];
}

/* ---- the configuration ---- */

static void bind_policy(ra_advice *a, const ra_table_config *t, const ra_policy *p)
{
    const char *pattern;
    if (p->subject == RA_SUBJECT_OTHERS || p->subject >= RA_SUBJECTS)
        return;
    subject *s = &a->subjects[p->subject];
    s->ttl = p->ttl;
    s->consistent = p->consistent_fill;
    s->followed = t->follow;
    s->table = ra_metrics_subject(a->metrics, p->subject, &pattern);
    if (s->advisor)
        ra_advisor_set_current(s->advisor, s->ttl);
}

void ra_advice_bind(ra_advice *a, const ra_config *c)
{
    pthread_mutex_lock(&a->lock);
    a->max_bytes = c->cache.store == RA_STORE_KIND_MEMORY ? c->cache.max_bytes : 0;
    for (unsigned i = 0; i < RA_SUBJECTS; i++)
        a->subjects[i].ttl = 0;
    for (size_t i = 0; i < c->ntables; i++) {
        bind_policy(a, &c->tables[i], &c->tables[i].policy);
        for (size_t k = 0; k < c->tables[i].npatterns; k++)
            bind_policy(a, &c->tables[i], &c->tables[i].patterns[k].policy);
    }
    pthread_mutex_unlock(&a->lock);
}

/* ---- playing, under the lock ---- */

static void play_read(subject *s, const ra_advice_record *record)
{
    enum { UNIT = 4096 }; /* bytes that a read unit reads */
    if (s->ttl <= 0)
        return;
    if (!s->advisor)
        s->advisor = ra_advisor_new(s->ttl, ra_random(), RA_ADVISOR_BYTES);
    if (!s->advisor)
        return;
    uint32_t units = record->bytes / UNIT + 1;
    ra_advisor_read r = {.unit = record->unit,
                         .entry = record->entry,
                         .bytes = record->bytes ? record->bytes + RA_MEMORY_UNIT_OVERHEAD : 0,
                         .half_units = s->consistent ? 2 * units : units,
                         .now = record->now};
    ra_advisor_note_read(s->advisor, &r);
}

static void clear_table(ra_advice *a, const char *table, int64_t now)
{
    for (unsigned i = 0; i < RA_SUBJECTS; i++) {
        subject *s = &a->subjects[i];
        if (s->advisor && table && strcmp(s->table, table) == 0)
            ra_advisor_note_invalidation_of_all(s->advisor, now);
    }
}

static void play_record(ra_advice *a, const ra_advice_record *r)
{
    subject *s = &a->subjects[r->subject % RA_SUBJECTS];
    a->played++;
    switch ((enum ra_advice_kind)r->kind) {
    case RA_ADVICE_READ:
        play_read(s, r);
        break;
    case RA_ADVICE_INVALIDATION:
        if (s->advisor)
            ra_advisor_note_invalidation(s->advisor, r->unit, r->now);
        break;
    case RA_ADVICE_INVALIDATION_OF_ALL:
        clear_table(a, s->table, r->now);
        break;
    case RA_ADVICE_BYPASSING:
        s->bypassed = true;
        break;
    }
}

/* The ring whose next record is the oldest, and until when it stays that. NULL: all are at their ends. */
static ra_advice_ring *oldest(ra_advice *a, const size_t *ends, int64_t *until, size_t *end)
{
    ra_advice_ring *first = NULL;
    int64_t least = INT64_MAX;
    *until = INT64_MAX;
    for (unsigned i = 0; i < a->nrings; i++) {
        size_t begin = atomic_load_explicit(&a->rings[i]->begin, memory_order_relaxed);
        if (begin == ends[i])
            continue;
        int64_t now = a->rings[i]->v[begin % RA_ADVICE_RING].now;
        if (now < least) {
            *until = least;
            least = now;
            first = a->rings[i];
            *end = ends[i];
        } else if (now < *until) {
            *until = now;
        }
    }
    return first;
}

/* What is far from the processor is asked for while the records before are played. */
static void expect(const ra_advice *a, const ra_advice_ring *r, size_t at, size_t end)
{
    static const size_t ahead[] = {[RA_ADVISOR_LATER] = 12, [RA_ADVISOR_SOON] = 7, [RA_ADVISOR_NEXT] = 3};
    for (int i = RA_ADVISOR_LATER; i <= RA_ADVISOR_NEXT && end - at > ahead[RA_ADVISOR_LATER]; i++) {
        const ra_advice_record *record = &r->v[(at + ahead[i]) % RA_ADVICE_RING];
        const ra_advisor *of = a->subjects[record->subject % RA_SUBJECTS].advisor;
        if (of)
            ra_advisor_expect(of, record->unit, (enum ra_advisor_soon)i);
    }
}

/* What is in the rings now; what comes meanwhile waits for the next time. */
static size_t play_all(ra_advice *a)
{
    size_t *ends = a->ends, end = 0;
    uint64_t before = a->played;
    int64_t until;
    for (unsigned i = 0; i < a->nrings; i++)
        ends[i] = atomic_load_explicit(&a->rings[i]->end, memory_order_acquire);
    for (ra_advice_ring *r; (r = oldest(a, ends, &until, &end)) != NULL;) {
        size_t at = atomic_load_explicit(&r->begin, memory_order_relaxed);
        do {
            expect(a, r, at, end);
            play_record(a, &r->v[at % RA_ADVICE_RING]);
        } while (++at != end && r->v[at % RA_ADVICE_RING].now <= until);
        atomic_store_explicit(&r->begin, at, memory_order_release);
    }
    return a->played - before;
}

void ra_advice_play(ra_advice *a)
{
    pthread_mutex_lock(&a->lock);
    play_all(a);
    pthread_mutex_unlock(&a->lock);
}

/* ---- the thread ---- */

static void *run(void *arg)
{
    ra_advice *a = arg;
    if (a->magic != ADVICE_MAGIC)
        ra_corrupt("advice");
    long pause = PAUSE_MIN;
    pthread_mutex_lock(&a->lock);
    while (!a->stopping) {
        pause = play_all(a) ? PAUSE_MIN : pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += pause * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&a->wake, &a->lock, &until);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

bool ra_advice_start(ra_advice *a)
{
    int error = pthread_create(&a->thread, NULL, run, a);
    if (error)
        ra_log(RA_LOG_ERROR, "can't start a thread: %s", strerror(error));
    a->running = error == 0;
    return a->running;
}

/* ---- what is known ---- */

static bool has_advice(const subject *s)
{
    return s->advisor && s->ttl > 0;
}

/* Of all that is cached now: a pattern may have what the others leave. */
static double cached_bytes(const ra_advice *a, ra_advisor_report *r)
{
    const ra_advisor_limits none = {0};
    double sum = 0;
    for (unsigned i = 0; i < RA_SUBJECTS && a->max_bytes; i++) {
        if (!has_advice(&a->subjects[i]))
            continue;
        ra_advisor_get_report(a->subjects[i].advisor, &none, r);
        if (r->current < r->npoints)
            sum += r->points[r->current].bytes;
    }
    return sum;
}

static ra_advisor_limits limits_of(const ra_advice *a, const subject *s, double all, double own)
{
    double left = (double)a->max_bytes - (all - own);
    return (ra_advisor_limits){.max_bytes = a->max_bytes ? (left > 1 ? (size_t)left : 1) : 0,
                               .bypassed = s->bypassed && !s->followed};
}

static void write_points(const ra_advisor_report *r, ra_buf *out)
{
    ra_buf_add_z(out, ", \"points\": [");
    for (size_t i = 0; i < r->npoints; i++) {
        const ra_advisor_point *p = &r->points[i];
        ra_buf_addf(out,
                    "%s{\"ttl_ms\": %lld, \"hit_ratio\": %.4f, \"bytes\": %.0f, \"units_per_s\": %.3f, "
                    "\"stale_age_ms\": %.0f}",
                    i ? ", " : "", (long long)p->ttl, p->hit_ratio, p->bytes, p->half_units_per_s / 2,
                    p->stale_age);
    }
    ra_buf_add_char(out, ']');
}

static void write_one(const ra_advice *a, unsigned number, double all, ra_buf *out)
{
    const subject *s = &a->subjects[number];
    const ra_advisor_limits none = {0};
    ra_advisor_report r;
    const char *pattern, *table = ra_metrics_subject(a->metrics, number, &pattern);
    ra_advisor_get_report(s->advisor, &none, &r);
    ra_advisor_limits limits = limits_of(a, s, all, r.current < r.npoints ? r.points[r.current].bytes : 0);
    ra_advisor_get_report(s->advisor, &limits, &r);
    ra_buf_add_z(out, "{\"table\": ");
    ra_buf_add_json_string(out, ra_bytes_z(table));
    ra_buf_add_z(out, ", \"pattern\": ");
    if (pattern)
        ra_buf_add_json_string(out, ra_bytes_z(pattern));
    else
        ra_buf_add_z(out, "null");
    ra_buf_addf(out, ", \"current_ms\": %lld, \"recommended_ms\": %lld, \"reason\": ", (long long)s->ttl,
                (long long)(r.recommended < r.npoints ? r.points[r.recommended].ttl : s->ttl));
    ra_buf_add_json_string(out, ra_bytes_z(r.reason));
    int64_t since = ra_clock_wall() - ra_clock_monotonic() + r.since;
    ra_buf_addf(out, ", \"reads\": %llu, \"invalidations\": %llu, \"exact\": %.4f, \"since\": %lld",
                (unsigned long long)r.reads, (unsigned long long)r.invalidations, r.exact, (long long)since);
    write_points(&r, out);
    ra_buf_add_char(out, '}');
}

static void write_all(ra_advice *a, ra_buf *out)
{
    bool any = false;
    ra_advisor_report scratch;
    ra_buf_add_char(out, '[');
    double all = cached_bytes(a, &scratch);
    for (unsigned i = 0; i < RA_SUBJECTS; i++) {
        if (!has_advice(&a->subjects[i]))
            continue;
        if (any)
            ra_buf_add_z(out, ", ");
        any = true;
        write_one(a, i, all, out);
    }
    ra_buf_add_char(out, ']');
}

void ra_advice_write(ra_advice *a, int64_t max_age, ra_buf *out)
{
    pthread_mutex_lock(&a->lock);
    int64_t now = ra_clock_monotonic();
    if (a->told.n == 0 || !ra_buf_ok(&a->told) || now - a->told_at >= max_age) {
        play_all(a);
        ra_buf_clear(&a->told);
        write_all(a, &a->told);
        a->told_at = now;
    }
    if (ra_buf_ok(&a->told))
        ra_buf_add_bytes(out, ra_buf_bytes(&a->told));
    else
        out->failed = true;
    pthread_mutex_unlock(&a->lock);
}

void ra_advice_get_stats(ra_advice *a, ra_advice_stats *out)
{
    *out = (ra_advice_stats){0};
    pthread_mutex_lock(&a->lock);
    out->played = a->played;
    for (unsigned i = 0; i < a->nrings; i++)
        out->dropped += atomic_load_explicit(&a->rings[i]->dropped, memory_order_relaxed);
    for (unsigned i = 0; i < RA_SUBJECTS; i++)
        if (a->subjects[i].advisor) {
            out->advisors++;
            out->bytes += ra_advisor_bytes(a->subjects[i].advisor);
        }
    clockid_t clock;
    struct timespec t;
    if (a->running && pthread_getcpuclockid(a->thread, &clock) == 0 && clock_gettime(clock, &t) == 0)
        out->cpu_us = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
    pthread_mutex_unlock(&a->lock);
}
