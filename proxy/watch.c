#include "proxy/watch.h"

#include "proxy/clock.h"
#include "proxy/log.h"
#include "proxy/money.h"

#include <event2/event.h>
#include <stdlib.h>

enum {
    WATCH_MAGIC = 0x77617463,
    GATHER_MAGIC = 0x67617468,
    SHARE_MAGIC = 0x73686172,
    SECONDS = 10 /* that are recent */
};

/* One round of questions; freed when all are answered. */
typedef struct gathering gathering;

typedef struct asked {
    uint32_t magic;
    gathering *all;
    ra_loop *loop;
    ra_letter letter;
    ra_loop_share share;
} asked;

struct gathering {
    uint32_t magic;
    ra_watch *watch;
    void (*answer)(ra_admin *a, struct evhttp_request *r); /* NULL: nobody has asked */
    struct evhttp_request *request;
    ra_letter letter;
    atomic_uint waiting;
    unsigned n;
    asked v[];
};

struct ra_watch {
    uint32_t magic;
    ra_admin *admin;
    ra_server *server;
    struct event *second;
    ra_loop_share *shares;
    unsigned n;
    /* What had been timed at the end of each of the last seconds; before the first it is nothing. */
    ra_latency_copy ended[SECONDS][RA_TIMED];
    unsigned at; /* the oldest of them */
    ra_money money;
};

static ra_watch *checked(void *p)
{
    ra_watch *w = p;
    if (w->magic != WATCH_MAGIC)
        ra_corrupt("admin: watch");
    return w;
}

/* ---- health ---- */

const char *const *ra_watch_healths(enum ra_store_kind kind)
{
    static const char *const memory[] = {"serving", NULL};
    static const char *const redis[] = {
        [RA_REDIS_DOWN] = "down",     [RA_REDIS_GREETING] = "greeting", [RA_REDIS_QUARANTINE] = "quarantine",
        [RA_REDIS_SILENT] = "silent", [RA_REDIS_BREAKER] = "breaker",   [RA_REDIS_SERVING] = "serving",
        [RA_REDIS_SERVING + 1] = NULL};
    static const char *const momento[] = {[RA_MOMENTO_MISCONFIGURED] = "misconfigured",
                                          [RA_MOMENTO_PAUSED] = "paused",
                                          [RA_MOMENTO_BREAKER] = "breaker",
                                          [RA_MOMENTO_SERVING] = "serving",
                                          [RA_MOMENTO_SERVING + 1] = NULL};
    return kind == RA_STORE_KIND_REDIS ? redis : kind == RA_STORE_KIND_MOMENTO ? momento : memory;
}

/* ---- on each loop ---- */

static void take_redis(ra_store *store, ra_loop_share *s, int64_t now)
{
    enum ra_redis_health health = ra_redis_store_health(store, now);
    ra_redis_store_get_counts(store, &s->redis);
    s->health = ra_watch_healths(RA_STORE_KIND_REDIS)[health];
    s->reachable = health == RA_REDIS_SERVING || health == RA_REDIS_QUARANTINE || health == RA_REDIS_GREETING;
}

static void take_momento(ra_store *store, ra_loop_share *s, int64_t now)
{
    enum ra_momento_health health = ra_momento_store_health(store, now);
    ra_momento_store_get_counts(store, &s->momento);
    s->health = ra_watch_healths(RA_STORE_KIND_MOMENTO)[health];
    s->reachable = health == RA_MOMENTO_SERVING || health == RA_MOMENTO_PAUSED;
}

static void take_share(ra_letter *letter, void *arg)
{
    asked *q = arg;
    (void)letter;
    if (q->magic != SHARE_MAGIC)
        ra_corrupt("admin: a loop's share");
    const ra_server *s = q->loop->server;
    ra_loop_share *share = &q->share;
    *share = (ra_loop_share){.health = "serving", .reachable = true};
    if (!s->memory || q->loop == s->loops) /* the in-process table is one for all loops */
        ra_store_get_stats(q->loop->store, &share->stats);
    if (s->redis_shared)
        take_redis(q->loop->store, share, ra_clock_monotonic());
    else if (s->momento_shared)
        take_momento(q->loop->store, share, ra_clock_monotonic());
    if (atomic_fetch_sub(&q->all->waiting, 1) == 1)
        ra_mailbox_post(ra_admin_mailbox(q->all->watch->admin), &q->all->letter);
}

/* ---- on the listener's ---- */

static void all_answered(ra_letter *letter, void *arg)
{
    gathering *g = arg;
    (void)letter;
    if (g->magic != GATHER_MAGIC)
        ra_corrupt("admin: shares");
    ra_watch *w = g->watch;
    ra_admin *admin = w->admin;
    for (unsigned i = 0; i < g->n; i++)
        w->shares[i] = g->v[i].share;
    if (g->answer)
        g->answer(admin, g->request);
    g->magic = 0;
    free(g);
    ra_admin_end(admin);
}

/* false: no memory. */
static bool ask(ra_watch *w, void (*answer)(ra_admin *a, struct evhttp_request *r), struct evhttp_request *r)
{
    gathering *g = calloc(1, sizeof *g + w->n * sizeof *g->v);
    if (!g)
        return false;
    *g = (gathering){.magic = GATHER_MAGIC, .watch = w, .answer = answer, .request = r, .n = w->n};
    g->letter = (ra_letter){.deliver = all_answered, .arg = g};
    atomic_init(&g->waiting, w->n);
    ra_admin_begin(w->admin);
    for (unsigned i = 0; i < w->n; i++) {
        asked *q = &g->v[i];
        *q = (asked){.magic = SHARE_MAGIC, .all = g, .loop = &w->server->loops[i]};
        q->letter = (ra_letter){.deliver = take_share, .arg = q};
    }
    for (unsigned i = 0; i < w->n; i++) /* the last of them may free g: it isn't looked at afterwards */
        ra_mailbox_post(w->server->loops[i].mailbox, &g->v[i].letter);
    return true;
}

void ra_watch_answer(ra_admin *a, struct evhttp_request *r,
                     void (*answer)(ra_admin *a, struct evhttp_request *r))
{
    if (!ask(ra_admin_watch(a), answer, r))
        ra_admin_error(r, 500, "out of memory");
}

const ra_loop_share *ra_watch_shares(const ra_watch *w, unsigned *n)
{
    *n = w->n;
    return w->shares;
}

void ra_watch_store(const ra_watch *w, ra_store_stats *out)
{
    uint64_t *sum = (uint64_t *)out;
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < w->n; i++) {
        const uint64_t *one = (const uint64_t *)&w->shares[i].stats;
        for (size_t k = 0; k < sizeof *out / sizeof *sum; k++)
            sum[k] += one[k];
    }
}

_Static_assert(sizeof(ra_store_stats) % sizeof(uint64_t) == 0, "it is counters alone");

/* ---- the last seconds ---- */

void ra_watch_recent(const ra_watch *w, enum ra_timed what, ra_latency_copy *out)
{
    ra_latency_copy now = {0};
    ra_metrics_sum_latency(w->server->metrics, what, RA_SUBJECTS, &now);
    ra_latency_since(&now, &w->ended[w->at][what], out);
}

const ra_money *ra_watch_money(const ra_watch *w)
{
    return &w->money;
}

static void note_units(ra_watch *w)
{
    ra_units units;
    ra_metrics_sum_units(w->server->metrics, &units);
    ra_money_note(&w->money, ra_clock_monotonic(), &units);
}

static void second_over(evutil_socket_t fd, short what, void *arg)
{
    ra_watch *w = checked(arg);
    (void)fd;
    (void)what;
    for (unsigned i = 0; i < RA_TIMED; i++) {
        ra_latency_copy *c = &w->ended[w->at][i];
        *c = (ra_latency_copy){0};
        ra_metrics_sum_latency(w->server->metrics, (enum ra_timed)i, RA_SUBJECTS, c);
    }
    w->at = (w->at + 1) % SECONDS;
    note_units(w);
    ask(w, NULL, NULL); /* without memory the shares are those of before */
}

ra_watch *ra_watch_new(ra_admin *a, struct event_base *base)
{
    const struct timeval second = {.tv_sec = 1};
    ra_watch *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->magic = WATCH_MAGIC;
    w->admin = a;
    w->server = ra_admin_server(a);
    w->n = w->server->nloops;
    note_units(w);
    w->shares = calloc(w->n, sizeof *w->shares);
    for (unsigned i = 0; w->shares && i < w->n; i++)
        w->shares[i].health = ra_watch_healths(w->server->config->cache.store)[0];
    w->second = event_new(base, -1, EV_PERSIST, second_over, w);
    if (w->shares && w->second && event_add(w->second, &second) == 0)
        return w;
    ra_watch_free(w);
    return NULL;
}

void ra_watch_stop(ra_watch *w)
{
    event_del(w->second);
}

void ra_watch_free(ra_watch *w)
{
    if (!w)
        return;
    if (w->second)
        event_free(w->second);
    free(w->shares);
    w->magic = 0;
    free(w);
}
