/* GET /admin/cache/stats: the stores' counters, gathered from all loops (proxy/watch.h). */
#include "proxy/admin_cache.h"

#include "proxy/clock.h"
#include "proxy/follow.h"
#include "proxy/log.h"
#include "proxy/watch.h"

#include <event2/http.h>
#include <inttypes.h>
#include <stdlib.h>

/* The loops' shares. */
typedef struct gathered {
    const ra_loop_share *shares;
    unsigned n;
} gathered;

typedef struct counter {
    const char *name;
    size_t offset;
} counter;

/* clang-format off */
#define OF_STORE(member) {#member, offsetof(ra_store_stats, member)}
#define OF_REDIS(member) {#member, offsetof(ra_redis_store_counts, member)}
#define OF_MOMENTO(member) {#member, offsetof(ra_momento_store_counts, member)}
/* clang-format on */

static const counter every_store[] = {
    OF_STORE(hits),       OF_STORE(stale),           OF_STORE(misses),
    OF_STORE(bypasses),   OF_STORE(fills),           OF_STORE(fills_overtaken),
    OF_STORE(fills_full), OF_STORE(fills_too_large), OF_STORE(begins),
    OF_STORE(ends),       OF_STORE(invalidations),   OF_STORE(markers)};
/* What others hold a network store knows nothing of. */
static const counter memory_only[] = {OF_STORE(entries),   OF_STORE(units),     OF_STORE(bytes),
                                      OF_STORE(max_bytes), OF_STORE(evictions), OF_STORE(expirations)};
static const counter redis_only[] = {OF_REDIS(connections), OF_REDIS(foreign), OF_REDIS(damaged),
                                     OF_REDIS(scripts_resent), OF_REDIS(markers_refused)};

/* Sums the counters of all shares, whose structs begin `base` bytes into them. */
static void write_counters(const gathered *g, const counter *v, size_t n, size_t base, ra_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t sum = 0;
        for (unsigned k = 0; k < g->n; k++) {
            uint64_t one;
            memcpy(&one, (const char *)&g->shares[k] + base + v[i].offset, sizeof one);
            sum += one;
        }
        ra_buf_addf(out, ", \"%s\": %" PRIu64, v[i].name, sum);
    }
}

static const counter momento_only[] = {
    OF_MOMENTO(operations), OF_MOMENTO(throttled),      OF_MOMENTO(bypassed_429), OF_MOMENTO(rate_limited),
    OF_MOMENTO(refused),    OF_MOMENTO(failed),         OF_MOMENTO(too_large),    OF_MOMENTO(too_long),
    OF_MOMENTO(too_short),  OF_MOMENTO(foreign),        OF_MOMENTO(damaged),      OF_MOMENTO(ahead),
    OF_MOMENTO(untold),     OF_MOMENTO(markers_refused)};

/* Of each loop. */
static void write_health(const gathered *g, ra_buf *out)
{
    ra_buf_add_z(out, ", \"health\": [");
    for (unsigned i = 0; i < g->n; i++)
        ra_buf_addf(out, "%s\"%s\"", i ? ", " : "", g->shares[i].health);
    ra_buf_add_char(out, ']');
}

static void write_redis(const gathered *g, ra_buf *out)
{
    write_counters(g, redis_only, sizeof redis_only / sizeof *redis_only, offsetof(ra_loop_share, redis),
                   out);
    write_health(g, out);
}

static void write_momento(const gathered *g, ra_buf *out)
{
    write_counters(g, momento_only, sizeof momento_only / sizeof *momento_only,
                   offsetof(ra_loop_share, momento), out);
    write_health(g, out);
}

static void write_near(ra_near *near, ra_buf *out)
{
    ra_near_stats n;
    ra_near_get_stats(near, &n);
    ra_buf_addf(out,
                ", \"near\": {\"entries\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"max_bytes\": %" PRIu64
                ", \"fresh\": %" PRIu64 ", \"checked\": %" PRIu64 ", \"none\": %" PRIu64
                ", \"puts\": %" PRIu64 ", \"evictions\": %" PRIu64 ", \"too_large\": %" PRIu64
                ", \"touches\": %" PRIu64 ", \"touches_of_all\": %" PRIu64 "}",
                n.entries, n.bytes, n.max_bytes, n.fresh, n.checked, n.none, n.puts, n.evictions, n.too_large,
                n.touches, n.touches_of_all);
}

static void write_stream(const ra_follow *f, ra_buf *out)
{
    ra_follow_stats s;
    ra_follow_get_stats(f, &s);
    ra_buf_add_json_string(out, ra_bytes_z(ra_follow_table(f)));
    ra_buf_addf(out,
                ": {\"records\": %" PRIu64 ", \"own\": %" PRIu64
                ", \"own_share\": %.4f, \"batches\": %" PRIu64 ", \"invalidated\": %" PRIu64
                ", \"lost\": %" PRIu64 ", \"shards_held\": %" PRIu64 ", \"shards_of_others\": %" PRIu64
                ", \"takeovers\": %" PRIu64,
                s.records, s.own, s.records ? (double)s.own / (double)s.records : 0.0, s.batches,
                s.invalidated, s.lost, s.shards_held, s.shards_of_others, s.takeovers);
    if (s.fresh_as_of)
        ra_buf_addf(out, ", \"fresh_as_of\": %" PRId64 ", \"lag_ms\": %" PRId64, s.fresh_as_of, s.lag_ms);
    else
        ra_buf_add_z(out, ", \"fresh_as_of\": null, \"lag_ms\": null");
    ra_buf_add_z(out, ", \"view\": ");
    ra_buf_add_json_string(out, ra_bytes_z(s.view));
    ra_buf_add_char(out, '}');
}

static void write_streams(const ra_follows *f, ra_buf *out)
{
    ra_buf_add_z(out, ", \"streams\": {");
    for (size_t i = 0; i < ra_follows_count(f); i++) {
        ra_buf_add_z(out, i ? ", " : "");
        write_stream(ra_follows_at(f, i), out);
    }
    ra_buf_add_char(out, '}');
}

static void answer(ra_admin *a, struct evhttp_request *r)
{
    const ra_server *s = ra_admin_server(a);
    enum ra_store_kind kind = s->config->cache.store;
    ra_buf out;
    gathered g;
    g.shares = ra_watch_shares(ra_admin_watch(a), &g.n);
    ra_buf_init(&out, RA_ADMIN_REPLY_MAX);
    ra_buf_addf(&out, "{\"store\": \"%s\", \"threads\": %u", ra_store_kind_name(kind), s->nloops);
    write_counters(&g, every_store, sizeof every_store / sizeof *every_store, offsetof(ra_loop_share, stats),
                   &out);
    if (kind == RA_STORE_KIND_MEMORY)
        write_counters(&g, memory_only, sizeof memory_only / sizeof *memory_only,
                       offsetof(ra_loop_share, stats), &out);
    if (kind == RA_STORE_KIND_REDIS)
        write_redis(&g, &out);
    if (kind == RA_STORE_KIND_MOMENTO)
        write_momento(&g, &out);
    if (s->near)
        write_near(s->near, &out);
    if (s->follows)
        write_streams(s->follows, &out);
    ra_buf_add_z(&out, "}\n");
    ra_admin_reply(r, 200, &out);
}

void ra_admin_cache_stats(ra_admin *a, struct evhttp_request *r)
{
    ra_watch_answer(a, r, answer);
}
