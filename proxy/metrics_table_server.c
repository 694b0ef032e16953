/* Metrics of the process: requests, the store, DynamoDB, streams, connections. */
#include "proxy/advice.h"
#include "proxy/clock.h"
#include "proxy/follow.h"
#include "proxy/metrics_table.h"

#include <math.h>

static void write_requests(const ra_exposition *x, const char *name)
{
    for (unsigned k = 0; k < RA_OP_KINDS; k++)
        for (unsigned o = 0; o < RA_REQUEST_OUTCOMES; o++) {
            const ra_label v[] = {{"operation", ra_op_kind_name((enum ra_op_kind)k)},
                                  {"outcome", ra_request_outcome_name((enum ra_request_outcome)o)}};
            if (x->requests.requests[k][o])
                ra_metrics_text_count(x->out, name, v, 2, x->requests.requests[k][o]);
        }
}

/* ---- DynamoDB and the store ---- */

static void write_upstream(const ra_exposition *x, const char *name)
{
    for (unsigned c = 0; c < RA_UPSTREAM_CLASSES; c++)
        for (unsigned r = 0; r < RA_UPSTREAM_RESULTS; r++) {
            const ra_label v[] = {{"class", ra_upstream_class_name((enum ra_upstream_class)c)},
                                  {"result", ra_upstream_result_name((enum ra_upstream_result)r)}};
            ra_metrics_text_count(x->out, name, v, 2, x->requests.upstream[c][r]);
        }
}

static void write_timed(const ra_exposition *x, const char *name, enum ra_timed what)
{
    ra_latency_copy h = {0};
    ra_metrics_sum_latency(x->server->metrics, what, RA_SUBJECTS, &h);
    ra_metrics_text_latency(x->out, name, NULL, 0, &h);
}

static void write_upstream_time(const ra_exposition *x, const char *name)
{
    write_timed(x, name, RA_TIMED_UPSTREAM);
}

static void write_store_time(const ra_exposition *x, const char *name)
{
    write_timed(x, name, RA_TIMED_STORE);
}

static void write_health(const ra_exposition *x, const char *name)
{
    unsigned n;
    const ra_loop_share *shares = ra_watch_shares(x->watch, &n);
    const char *const *words = ra_watch_healths(x->server->config->cache.store);
    for (unsigned i = 0; i < n; i++)
        for (unsigned w = 0; words[w]; w++) {
            char loop[16];
            snprintf(loop, sizeof loop, "%u", i);
            const ra_label v[] = {{"loop", loop}, {"state", words[w]}};
            ra_metrics_text_count(x->out, name, v, 2, strcmp(shares[i].health, words[w]) == 0);
        }
}

/* ---- what is held ---- */

static void one(const ra_exposition *x, const char *name, const char *label, const char *value, uint64_t n)
{
    const ra_label v = {label, value};
    ra_metrics_text_count(x->out, name, &v, 1, n);
}

static void write_store_refused(const ra_exposition *x, const char *name)
{
    one(x, name, "reason", ra_filled_name(RA_FILL_BY_WRITE), x->store.fills_overtaken);
    one(x, name, "reason", ra_filled_name(RA_FILL_LARGE), x->store.fills_too_large);
    one(x, name, "reason", ra_filled_name(RA_FILL_NO_ROOM), x->store.fills_full);
}

/* What others hold a network store knows nothing of. */
static void write_evictions(const ra_exposition *x, const char *name)
{
    if (!x->server->memory)
        return;
    one(x, name, "cause", "size", x->store.evictions);
    one(x, name, "cause", "expiry", x->store.expirations);
}

static void write_store_bytes(const ra_exposition *x, const char *name)
{
    if (x->server->memory)
        ra_metrics_text_count(x->out, name, NULL, 0, x->store.bytes);
}

static void write_store_max(const ra_exposition *x, const char *name)
{
    if (x->server->memory)
        ra_metrics_text_count(x->out, name, NULL, 0, x->store.max_bytes);
}

static void write_markers(const ra_exposition *x, const char *name)
{
    ra_metrics_text_count(x->out, name, NULL, 0, x->store.markers);
}

static ra_near_stats near_of(const ra_exposition *x)
{
    ra_near_stats n = {0};
    if (x->server->near)
        ra_near_get_stats(x->server->near, &n);
    return n;
}

static void write_near_entries(const ra_exposition *x, const char *name)
{
    if (x->server->near)
        ra_metrics_text_count(x->out, name, NULL, 0, near_of(x).entries);
}

static void write_near_bytes(const ra_exposition *x, const char *name)
{
    if (x->server->near)
        ra_metrics_text_count(x->out, name, NULL, 0, near_of(x).bytes);
}

static void write_near_max(const ra_exposition *x, const char *name)
{
    if (x->server->near)
        ra_metrics_text_count(x->out, name, NULL, 0, near_of(x).max_bytes);
}

static void write_near_evictions(const ra_exposition *x, const char *name)
{
    if (x->server->near)
        ra_metrics_text_count(x->out, name, NULL, 0, near_of(x).evictions);
}

/* ---- followed streams ---- */

static void of_stream(const ra_exposition *x, const char *name,
                      double (*value)(const ra_follow *f, const ra_follow_stats *s))
{
    for (size_t i = 0; i < ra_follows_count(x->server->follows); i++) {
        const ra_follow *f = ra_follows_at(x->server->follows, i);
        ra_follow_stats s;
        ra_follow_get_stats(f, &s);
        const ra_label v = {"table", ra_follow_table(f)};
        ra_metrics_text_value(x->out, name, &v, 1, value(f, &s));
    }
}

static double lag(const ra_follow *f, const ra_follow_stats *s)
{
    (void)f;
    return s->lag_ms < 0 ? NAN : (double)s->lag_ms / 1e3;
}

static double in_bounds(const ra_follow *f, const ra_follow_stats *s)
{
    (void)s;
    return ra_follow_in_bounds(f, ra_clock_wall());
}

static double records(const ra_follow *f, const ra_follow_stats *s)
{
    (void)f;
    return (double)s->records;
}

static double own(const ra_follow *f, const ra_follow_stats *s)
{
    (void)f;
    return (double)s->own;
}

static double lost(const ra_follow *f, const ra_follow_stats *s)
{
    (void)f;
    return (double)s->lost;
}

static void write_lag(const ra_exposition *x, const char *name)
{
    of_stream(x, name, lag);
}

static void write_in_bounds(const ra_exposition *x, const char *name)
{
    of_stream(x, name, in_bounds);
}

static void write_records(const ra_exposition *x, const char *name)
{
    of_stream(x, name, records);
}

static void write_own(const ra_exposition *x, const char *name)
{
    of_stream(x, name, own);
}

static void write_lost(const ra_exposition *x, const char *name)
{
    of_stream(x, name, lost);
}

/* ---- the process ---- */

static void write_connections(const ra_exposition *x, const char *name)
{
    ra_metrics_text_count(x->out, name, NULL, 0, ra_connection_limits_count(x->server->limits));
}

static void write_in_flight(const ra_exposition *x, const char *name)
{
    ra_metrics_text_count(x->out, name, NULL, 0, atomic_load(&x->server->in_flight));
}

static void write_threads(const ra_exposition *x, const char *name)
{
    ra_metrics_text_count(x->out, name, NULL, 0, x->server->nloops);
}

static ra_access_stats access_log_of(const ra_exposition *x)
{
    ra_access_stats s;
    ra_access_log_get_stats(x->server->access_log, &s);
    return s;
}

static void write_logged(const ra_exposition *x, const char *name)
{
    ra_metrics_text_count(x->out, name, NULL, 0, access_log_of(x).written);
}

static void write_log_dropped(const ra_exposition *x, const char *name)
{
    ra_access_stats s = access_log_of(x);
    one(x, name, "reason", "full", s.full);
    one(x, name, "reason", "failed", s.failed);
}

static void write_advised(const ra_exposition *x, const char *name)
{
    ra_advice_stats s;
    ra_advice_get_stats(x->server->advice, &s);
    one(x, name, "result", "played", s.played);
    one(x, name, "result", "dropped", s.dropped);
}

static void write_started(const ra_exposition *x, const char *name)
{
    ra_metrics_text_value(x->out, name, NULL, 0, (double)x->server->started / 1e3);
}

static void write_build(const ra_exposition *x, const char *name)
{
    one(x, name, "version", READASIDE_VERSION, 1);
}

/* clang-format off */
const ra_metric ra_metrics_of_server[] = {
    {"readaside_requests_total", "counter", "operation, outcome",
     "Requests of clients, once each, by how the cache took part in the answer.", write_requests},
    {"readaside_upstream_requests_total", "counter", "class, result",
     "Operations sent to DynamoDB for requests, by what came back.", write_upstream},
    {"readaside_upstream_duration_seconds", "histogram", "",
     "Time from sending an operation to DynamoDB to its reply.", write_upstream_time},
    {"readaside_store_duration_seconds", "histogram", "",
     "Time that requests waited for a network store's answer: lookups and marks.", write_store_time},
    {"readaside_store_health", "gauge", "loop, state",
     "1 for the state that an event loop's store is in, 0 for the others; breaker: it isn't asked for now.", write_health},
    {"readaside_store_fills_refused_total", "counter", "reason",
     "Fills that the store itself refused.", write_store_refused},
    {"readaside_evictions_total", "counter", "cause",
     "Entries that store memory dropped to make room, or because they were past their time.", write_evictions},
    {"readaside_store_bytes", "gauge", "", "Bytes that store memory takes, overhead included.", write_store_bytes},
    {"readaside_store_max_bytes", "gauge", "", "Bytes that it may take: cache.max_bytes.", write_store_max},
    {"readaside_store_markers", "gauge", "", "Units marked by this process's writes just now.", write_markers},
    {"readaside_near_entries", "gauge", "", "Entries held in front of a network store.", write_near_entries},
    {"readaside_near_bytes", "gauge", "", "Bytes that they take, overhead included.", write_near_bytes},
    {"readaside_near_max_bytes", "gauge", "", "Bytes that they may take: cache.near.max_bytes.", write_near_max},
    {"readaside_near_evictions_total", "counter", "", "Entries among them that made room.", write_near_evictions},
    {"readaside_stream_lag_seconds", "gauge", "table",
     "How far back everything written is known to have been invalidated; NaN: not known.", write_lag},
    {"readaside_stream_in_bounds", "gauge", "table",
     "1 while that is within max_stream_lag, 0 while reads bypass the cache.", write_in_bounds},
    {"readaside_stream_records_total", "counter", "table", "Records read from the table's stream.", write_records},
    {"readaside_stream_own_records_total", "counter", "table",
     "Records among them that are writes through a proxy.", write_own},
    {"readaside_stream_lost_total", "counter", "table",
     "Times that it wasn't known what was written, so that all that was cached of the table was dropped.", write_lost},
    {"readaside_connections", "gauge", "", "Clients' connections.", write_connections},
    {"readaside_requests_in_flight", "gauge", "", "Requests that are being worked on.", write_in_flight},
    {"readaside_threads", "gauge", "", "Event loops.", write_threads},
    {"readaside_access_log_lines_total", "counter", "", "Lines of the access log that have been written.", write_logged},
    {"readaside_access_log_dropped_total", "counter", "reason",
     "Lines that haven't: they came faster than they could be written, or writing failed.", write_log_dropped},
    {"readaside_advisor_records_total", "counter", "result",
     "Reads and invalidations that the TTL advisors were told of: played to them, or dropped since a loop's ring was full.",
     write_advised},
    {"readaside_start_time_seconds", "gauge", "", "When the process started, in seconds since 1970.", write_started},
    {"readaside_build_info", "gauge", "version", "Always 1; its label is the version.", write_build},
    {.name = NULL}};
/* clang-format on */
