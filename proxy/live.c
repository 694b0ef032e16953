#include "proxy/live.h"

#include "cache/key_hex.h"
#include "proxy/admin_cache.h"
#include "proxy/advice.h"
#include "proxy/clock.h"
#include "proxy/follow.h"
#include "proxy/journal.h"
#include "proxy/live_compare.h"
#include "proxy/log.h"
#include "proxy/money.h"
#include "proxy/snapshot.h"
#include "proxy/watch.h"

#include <event2/http.h>
#include <inttypes.h>
#include <stdlib.h>

enum { TOP_KEYS = 20, ADVICE_MAX_AGE_MS = 5000 };

/* What is told, summed up. */
typedef struct live {
    const ra_server *server;
    ra_snapshot *snapshot;
    const ra_watch *watch;
    unsigned nsubjects;
    ra_subject_sums *subjects;
    ra_request_sums requests;
    uint64_t outcomes[RA_REQUEST_OUTCOMES];
    ra_store_stats store;
    ra_units half_units;
} live;

static void add_name(ra_buf *out, const char *before, const char *text)
{
    ra_buf_add_z(out, before);
    if (text)
        ra_buf_add_json_string(out, ra_bytes_z(text));
    else
        ra_buf_add_z(out, "null");
}

static void add_count(ra_buf *out, const char *before, const char *name, uint64_t n)
{
    ra_buf_addf(out, "%s\"%s\": %" PRIu64, before, name, n);
}

/* Of a subject's reads, whatever the operation. */
static uint64_t reads(const ra_subject_sums *s, enum ra_read_outcome outcome)
{
    uint64_t n = 0;
    for (unsigned k = 0; k < RA_READ_KINDS; k++)
        n += s->reads[k][outcome];
    return n;
}

static uint64_t total(const uint64_t *v, size_t n)
{
    uint64_t all = 0;
    for (size_t i = 0; i < n; i++)
        all += v[i];
    return all;
}

/* ---- summing up ---- */

static bool sum_up(live *l)
{
    const ra_metrics *m = l->server->metrics;
    l->nsubjects = ra_metrics_subjects(m);
    l->subjects = calloc(l->nsubjects, sizeof *l->subjects);
    for (unsigned i = 0; l->subjects && i < l->nsubjects; i++) {
        ra_metrics_sum_subject(m, i, &l->subjects[i]);
    }
    ra_metrics_sum_units(m, &l->half_units);
    ra_metrics_sum_requests(m, &l->requests);
    for (unsigned k = 0; k < RA_OP_KINDS; k++)
        for (unsigned o = 0; o < RA_REQUEST_OUTCOMES; o++)
            l->outcomes[o] += l->requests.requests[k][o];
    ra_watch_store(l->watch, &l->store);
    return l->subjects != NULL;
}

/* ---- requests and patterns ---- */

static void write_process(const live *l, ra_buf *out)
{
    const ra_server *s = l->server;
    ra_buf_addf(out,
                "{\"at\": %" PRId64 ", \"started\": %" PRId64 ", \"version\": \"%s\", \"store\": \"%s\", "
                "\"caching\": \"%s\", \"threads\": %u",
                ra_clock_wall(), s->started, READASIDE_VERSION, ra_store_kind_name(s->config->cache.store),
                ra_caching_word(l->snapshot->config->caching), s->nloops);
}

/* Who left before he was answered counts with the errors here. */
static void write_requests(const live *l, ra_buf *out)
{
    const uint64_t *n = l->outcomes;
    ra_buf_add_z(out, ", \"requests\": {");
    add_count(out, "", "hit", n[RA_REQUEST_HIT]);
    add_count(out, ", ", "near", l->requests.near);
    add_count(out, ", ", "miss", n[RA_REQUEST_MISS]);
    add_count(out, ", ", "stale", n[RA_REQUEST_STALE]);
    add_count(out, ", ", "bypass", n[RA_REQUEST_BYPASS]);
    add_count(out, ", ", "coalesced", l->requests.coalesced);
    add_count(out, ", ", "negative", l->requests.negative);
    add_count(out, ", ", "write", n[RA_REQUEST_WRITE]);
    add_count(out, ", ", "pass", n[RA_REQUEST_PASS]);
    add_count(out, ", ", "error", n[RA_REQUEST_ERROR] + n[RA_REQUEST_LEFT]);
    ra_buf_add_char(out, '}');
}

/* The policy that counts under a subject; NULL: none does any more. */
static const ra_policy *policy_of(const ra_config *c, unsigned subject)
{
    for (size_t i = 0; i < c->ntables; i++) {
        const ra_table_config *t = &c->tables[i];
        if (t->policy.subject == subject)
            return &t->policy;
        for (size_t k = 0; k < t->npatterns; k++)
            if (t->patterns[k].policy.subject == subject)
                return &t->patterns[k].policy;
    }
    return NULL;
}

static void write_units(const ra_units *half, ra_buf *out)
{
    ra_buf_addf(out,
                ", \"units_spent\": %.1f, \"units_extra\": %.1f, \"units_saved\": %.1f, "
                "\"write_units\": %.1f",
                (double)half->spent / 2, (double)half->extra / 2, (double)half->saved / 2,
                (double)half->written / 2);
}

static void write_pattern(const live *l, unsigned subject, const char *before, ra_buf *out)
{
    const ra_subject_sums *s = &l->subjects[subject];
    const ra_policy *policy = subject ? policy_of(l->snapshot->config, subject) : NULL;
    const char *pattern, *table = ra_metrics_subject(l->server->metrics, subject, &pattern);
    ra_buf_add_z(out, before);
    add_name(out, "{\"table\": ", table);
    add_name(out, ", \"pattern\": ", pattern);
    ra_buf_addf(out, ", \"ttl_ms\": %" PRId64, policy ? policy->ttl : 0);
    add_count(out, ", ", "hit", reads(s, RA_READ_HIT));
    add_count(out, ", ", "miss", reads(s, RA_READ_MISS));
    add_count(out, ", ", "stale", reads(s, RA_READ_STALE));
    add_count(out, ", ", "bypass", reads(s, RA_READ_BYPASS));
    add_count(out, ", ", "coalesced", reads(s, RA_READ_COALESCED));
    add_count(out, ", ", "negative", reads(s, RA_READ_NEGATIVE));
    add_count(out, ", ", "write", total(s->writes, RA_OP_KINDS));
    add_count(out, ", ", "invalidations", total(s->invalidations, RA_CAUSES));
    ra_live_compare_write_one(s, out);
    write_units(&s->half_units, out);
    ra_buf_add_char(out, '}');
}

/* Those that are configured, and others of which something has been counted. */
static void write_patterns(const live *l, ra_buf *out)
{
    static const ra_subject_sums none;
    const char *comma = "";
    ra_buf_add_z(out, ", \"patterns\": [");
    for (unsigned i = 0; i < l->nsubjects; i++) {
        bool configured = i && policy_of(l->snapshot->config, i);
        if (!configured && memcmp(&l->subjects[i], &none, sizeof none) == 0)
            continue;
        write_pattern(l, i, comma, out);
        comma = ", ";
    }
    ra_buf_add_char(out, ']');
}

static void write_reasons(const live *l, ra_buf *out)
{
    const char *comma = "";
    ra_buf_add_z(out, ", \"bypasses\": {");
    for (unsigned r = 0; r < RA_REASONS; r++) {
        uint64_t n = 0;
        for (unsigned i = 0; i < l->nsubjects; i++)
            for (unsigned k = 0; k < RA_READ_KINDS; k++)
                n += l->subjects[i].bypasses[k][r];
        if (!n)
            continue;
        add_count(out, comma, ra_reason_name(r), n);
        comma = ", ";
    }
    ra_buf_add_z(out, "}, \"refused_fills\": {");
    for (unsigned f = RA_FILLED + 1; f < RA_FILLED_KINDS; f++) {
        uint64_t n = 0;
        for (unsigned i = 0; i < l->nsubjects; i++)
            n += l->subjects[i].fills[f];
        add_count(out, f > RA_FILLED + 1 ? ", " : "", ra_filled_name((enum ra_filled)f), n);
    }
    ra_buf_add_char(out, '}');
}

/* ---- latency and DynamoDB ---- */

static void write_latency(const live *l, ra_buf *out)
{
    for (unsigned i = 0; i < RA_TIMED; i++) {
        ra_latency_copy h = {0};
        ra_watch_recent(l->watch, (enum ra_timed)i, &h);
        ra_buf_addf(out,
                    "%s\"%s\": {\"count\": %" PRIu64 ", \"p50\": %" PRIu64 ", \"p90\": %" PRIu64
                    ", \"p99\": %" PRIu64 ", \"p999\": %" PRIu64 "}",
                    i ? ", " : ", \"latency\": {", ra_timed_name((enum ra_timed)i), h.count,
                    ra_latency_quantile(&h, 0.5), ra_latency_quantile(&h, 0.9), ra_latency_quantile(&h, 0.99),
                    ra_latency_quantile(&h, 0.999));
    }
    ra_buf_add_char(out, '}');
}

static void write_upstream(const live *l, ra_buf *out)
{
    const uint64_t(*n)[RA_UPSTREAM_RESULTS] = l->requests.upstream;
    ra_buf_add_z(out, ", \"upstream\": {");
    add_count(out, "", "reads", total(n[RA_UPSTREAM_READ], RA_UPSTREAM_RESULTS));
    add_count(out, ", ", "writes", total(n[RA_UPSTREAM_WRITE], RA_UPSTREAM_RESULTS));
    add_count(out, ", ", "reads_saved", l->outcomes[RA_REQUEST_HIT] + l->requests.coalesced);
    write_units(&l->half_units, out);
    ra_buf_add_z(out, "}, \"money\": ");
    ra_money_write(ra_watch_money(l->watch), &l->snapshot->config->prices, ra_clock_monotonic(),
                   &l->half_units, out);
}

static void write_streams(const ra_follows *f, ra_buf *out)
{
    ra_buf_add_z(out, ", \"streams\": {");
    for (size_t i = 0; i < ra_follows_count(f); i++) {
        ra_follow_stats s;
        ra_follow_get_stats(ra_follows_at(f, i), &s);
        add_name(out, i ? ", " : "", ra_follow_table(ra_follows_at(f, i)));
        if (s.fresh_as_of)
            ra_buf_addf(out, ": {\"lag_ms\": %" PRId64 ", \"fresh_as_of\": %" PRId64, s.lag_ms,
                        s.fresh_as_of);
        else
            ra_buf_add_z(out, ": {\"lag_ms\": null, \"fresh_as_of\": null");
        ra_buf_addf(out, ", \"in_bounds\": %s, \"records\": %" PRIu64 "}",
                    ra_follow_in_bounds(ra_follows_at(f, i), ra_clock_wall()) ? "true" : "false", s.records);
    }
    ra_buf_add_char(out, '}');
}

/* ---- memory, connections, keys ---- */

static void write_memory(const live *l, ra_buf *out)
{
    ra_buf_add_z(out, ", \"memory\": {");
    add_count(out, "", "bytes", l->store.bytes);
    add_count(out, ", ", "max_bytes", l->store.max_bytes);
    add_count(out, ", ", "entries", l->store.entries);
    add_count(out, ", ", "evictions", l->store.evictions);
    if (!l->server->near) {
        ra_buf_add_z(out, "}, \"near\": null");
        return;
    }
    ra_near_stats n;
    ra_near_get_stats(l->server->near, &n);
    ra_buf_add_z(out, "}, \"near\": {");
    add_count(out, "", "bytes", n.bytes);
    add_count(out, ", ", "max_bytes", n.max_bytes);
    add_count(out, ", ", "entries", n.entries);
    ra_buf_add_char(out, '}');
}

static void write_connections(const live *l, ra_buf *out)
{
    const ra_server *s = l->server;
    unsigned n;
    const ra_loop_share *shares = ra_watch_shares(l->watch, &n);
    add_count(out, ", ", "connections", ra_connection_limits_count(s->limits));
    add_count(out, ", ", "in_flight", atomic_load(&s->in_flight));
    ra_buf_add_z(out, ", \"breakers\": [");
    for (unsigned i = 0; i < n && !s->memory; i++)
        ra_buf_addf(out, "%s\"%s\"", i ? ", " : "", shares[i].health);
    ra_buf_add_char(out, ']');
}

/* Which unit it is, the digest alone tells: what a key is made of isn't kept. */
static void write_top_keys(const live *l, ra_buf *out)
{
    ra_top_key v[2 * RA_TOP_KEYS];
    size_t n = ra_metrics_top_keys(l->server->metrics, v, sizeof v / sizeof *v);
    ra_buf_add_z(out, ", \"top_keys\": [");
    for (size_t i = 0; i < n && i < TOP_KEYS; i++) {
        char hex[RA_KEY_HEX + 1];
        const char *pattern, *table = ra_metrics_subject(l->server->metrics, v[i].subject, &pattern);
        ra_key_hex(&v[i].unit, hex);
        add_name(out, i ? ", {\"table\": " : "{\"table\": ", table);
        add_name(out, ", \"pattern\": ", pattern);
        ra_buf_addf(out, ", \"digest\": \"%s\", \"key\": null, \"reads\": %" PRIu64 "}", hex, v[i].reads);
    }
    ra_buf_add_char(out, ']');
}

bool ra_live_write(ra_server *s, ra_buf *out)
{
    live l = {.server = s, .watch = ra_admin_watch(s->admin)};
    if (!sum_up(&l))
        return false;
    l.snapshot = ra_server_snapshot(s);
    write_process(&l, out);
    write_requests(&l, out);
    write_patterns(&l, out);
    write_reasons(&l, out);
    write_latency(&l, out);
    write_upstream(&l, out);
    ra_live_compare_write(l.subjects, l.nsubjects, out);
    write_streams(s->follows, out);
    write_memory(&l, out);
    write_connections(&l, out);
    write_top_keys(&l, out);
    ra_buf_add_z(out, ", \"events\": ");
    ra_journal_write(s->journal, out);
    ra_buf_add_z(out, ", \"advice\": ");
    ra_advice_write(s->advice, ADVICE_MAX_AGE_MS, out);
    ra_buf_add_char(out, '}');
    free(l.subjects);
    ra_snapshot_unref(l.snapshot);
    return ra_buf_ok(out);
}

/* ---- GET /admin/live ---- */

static void answer(ra_admin *a, struct evhttp_request *r)
{
    ra_buf out;
    ra_buf_init(&out, RA_ADMIN_REPLY_MAX);
    bool ok = ra_live_write(ra_admin_server(a), &out);
    ra_buf_add_char(&out, '\n');
    if (ok) {
        ra_admin_reply(r, 200, &out);
    } else {
        ra_buf_free(&out);
        ra_admin_error(r, 500, "out of memory");
    }
}

void ra_admin_live(ra_admin *a, struct evhttp_request *r)
{
    ra_watch_answer(a, r, answer);
}
