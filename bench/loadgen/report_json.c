/* The report for programs. Latencies are in ms, rates per second. */
#include "bench/loadgen/report.h"

#include <cjson/cJSON.h>

/* Each call adds a member, or fails for lack of memory; the whole is then given up. */
typedef struct object {
    cJSON *node;
    bool ok;
} object;

static void add(object *o, const char *name, double value)
{
    o->ok = o->ok && cJSON_AddNumberToObject(o->node, name, value);
}

static void add_text(object *o, const char *name, const char *value)
{
    o->ok = o->ok &&
            (value ? cJSON_AddStringToObject(o->node, name, value) : cJSON_AddNullToObject(o->node, name));
}

static void add_bool(object *o, const char *name, bool value)
{
    o->ok = o->ok && cJSON_AddBoolToObject(o->node, name, value);
}

/* < 0 is unknown. */
static void add_known(object *o, const char *name, double value)
{
    if (value < 0)
        add_text(o, name, NULL);
    else
        add(o, name, value);
}

static object child(object *o, const char *name)
{
    object c = {.node = o->ok ? cJSON_AddObjectToObject(o->node, name) : NULL};
    c.ok = c.node != NULL;
    return c;
}

static void add_outcome(object *outcomes, const char *name, const ra_histogram *h)
{
    object o = child(outcomes, name);
    add(&o, "count", (double)h->count);
    add(&o, "p50", (double)ra_histogram_quantile(h, 0.5) / 1e6);
    add(&o, "p90", (double)ra_histogram_quantile(h, 0.9) / 1e6);
    add(&o, "p99", (double)ra_histogram_quantile(h, 0.99) / 1e6);
    add(&o, "p99_9", (double)ra_histogram_quantile(h, 0.999) / 1e6);
    add(&o, "min", (double)h->least / 1e6);
    add(&o, "max", (double)h->greatest / 1e6);
    add(&o, "over_100_s", (double)h->over);
    outcomes->ok = outcomes->ok && o.ok;
}

static void add_outcomes(object *root, const ra_stats *s)
{
    object o = child(root, "outcomes");
    for (int i = 0; i < RA_OUTCOMES; i++)
        add_outcome(&o, ra_outcome_name((enum ra_outcome)i), &s->latency[i]);
    root->ok = root->ok && o.ok;
}

/* Whole buckets, so that programs can count and plot without the quantiles' loss: [ms, requests] each. */
static void add_histogram(object *root, const ra_stats *s)
{
    static const double marks[] = {0.1, 0.2, 0.5, 1,   2,    5,    10,   20,
                                   50,  100, 200, 500, 1000, 2000, 5000, 10000};
    cJSON *list = root->ok ? cJSON_AddArrayToObject(root->node, "slower_than") : NULL;
    root->ok = list != NULL;
    for (size_t i = 0; root->ok && i < sizeof marks / sizeof *marks; i++) {
        uint64_t n = 0;
        for (int k = 0; k < RA_OUTCOMES; k++)
            n += ra_histogram_above(&s->latency[k], (uint64_t)(marks[i] * 1e6));
        object pair = {.node = cJSON_CreateObject(), .ok = true};
        pair.ok = pair.node != NULL;
        add(&pair, "ms", marks[i]);
        add(&pair, "requests", (double)n);
        root->ok = pair.ok && cJSON_AddItemToArray(list, pair.node);
        if (!root->ok)
            cJSON_Delete(pair.node);
    }
}

static void add_operations(object *root, const ra_report *r)
{
    const ra_workload *w = r->options->workload;
    cJSON *list = root->ok ? cJSON_AddArrayToObject(root->node, "operations") : NULL;
    root->ok = list != NULL;
    for (size_t i = 0; root->ok && i <= w->n; i++) {
        const ra_operation *o = i < w->n ? &w->operations[i] : w->before;
        if (!o)
            continue;
        object one = {.node = cJSON_CreateObject(), .ok = true};
        one.ok = one.node != NULL;
        add_text(&one, "name", o->name);
        size_t index = i < w->n ? i : RA_OPERATIONS_MAX;
        add(&one, "count", (double)ra_stats_count_of(&r->result->stats, index));
        add_known(&one, "hit_ratio", ra_stats_hit_ratio_of(&r->result->stats, index));
        for (int k = 0; k < RA_OUTCOMES; k++)
            add(&one, ra_outcome_name((enum ra_outcome)k), (double)r->result->stats.by_operation[index][k]);
        root->ok = one.ok && cJSON_AddItemToArray(list, one.node);
        if (!root->ok)
            cJSON_Delete(one.node);
    }
}

static void add_errors(object *root, const ra_stats *s)
{
    object o = child(root, "errors");
    object kinds = child(&o, "kinds");
    for (size_t i = 0; i < s->nerrors; i++)
        add(&kinds, s->errors[i].name, (double)s->errors[i].count);
    add(&o, "total", (double)ra_stats_errors(s));
    add(&o, "dropped", (double)s->dropped);
    add(&o, "not_made", (double)s->unmade);
    add_text(&o, "newest", s->why[0] && ra_stats_errors(s) ? s->why : NULL);
    root->ok = root->ok && o.ok && kinds.ok;
}

static void add_cpu(object *root, const ra_report *r)
{
    const ra_run_result *x = r->result;
    uint64_t n = ra_stats_count(&x->stats) - x->stats.latency[RA_OUTCOME_ERROR].count;
    object client = child(root, "client_cpu"), servers = child(root, "server_cpu_ms_per_request");
    add(&client, "us_per_request", n ? (double)x->client_cpu / 1e3 / (double)n : 0);
    add(&client, "seconds", (double)x->client_cpu / 1e9);
    add(&client, "busiest_thread", x->busiest);
    for (unsigned i = 0; i < r->options->npids; i++) {
        char pid[16];
        snprintf(pid, sizeof pid, "%d", r->options->pids[i]);
        add_known(&servers, pid, ra_report_server_cpu(x, i));
    }
    root->ok = root->ok && client.ok && servers.ok;
}

static void add_cache(object *root, const ra_stats *s)
{
    uint64_t reads = ra_stats_reads(s), saved = ra_stats_saved(s);
    bool cached = ra_stats_cached(s);
    object o = child(root, "cache");
    add_known(&o, "hit_ratio", ra_report_hit_ratio(s));
    add(&o, "reads", (double)reads);
    add_known(&o, "upstream_reads_saved", cached ? (double)saved : -1);
    add(&o, "collapsed", (double)s->collapsed);
    add_known(&o, "upstream_reads_per_round",
              cached && s->rounds ? (double)(reads - saved) / (double)s->rounds : -1);
    root->ok = root->ok && o.ok;
}

static void add_all(object *root, const ra_report *r)
{
    const ra_run_options *o = r->options;
    const ra_run_result *x = r->result;
    add_text(root, "workload", r->workload);
    add_text(root, "url", r->url);
    add_text(root, "loop", o->workload->rounds ? "rounds" : o->open_loop ? "open" : "closed");
    add(root, "connections", o->connections);
    add(root, "threads", o->threads);
    add(root, "seed", (double)o->seed);
    add_bool(root, "interrupted", x->interrupted);
    add(root, "seconds", (double)x->elapsed / 1e9);
    add(root, "requests", (double)ra_stats_count(&x->stats));
    add(root, "sent", (double)x->stats.sent);
    add(root, "rounds", (double)x->stats.rounds);
    add_known(root, "offered", o->open_loop ? ra_report_offered(o, x) : -1);
    add(root, "achieved", ra_report_achieved(x));
    add(root, "late", (double)x->stats.late);
    add(root, "connections_opened", (double)x->stats.connects);
    add(root, "bytes_in", (double)x->stats.bytes_in);
    add(root, "bytes_out", (double)x->stats.bytes_out);
    add_text(root, "generator_overloaded", ra_report_overload(o, x));
    add_cache(root, &x->stats);
    add_errors(root, &x->stats);
    add_cpu(root, r);
    add_outcomes(root, &x->stats);
    add_histogram(root, &x->stats);
    add_operations(root, r);
}

bool ra_report_json(const ra_report *r, FILE *out)
{
    object root = {.node = cJSON_CreateObject()};
    root.ok = root.node != NULL;
    add_all(&root, r);
    char *text = root.ok ? cJSON_PrintUnformatted(root.node) : NULL;
    bool ok = text && fprintf(out, "%s\n", text) > 0 && fflush(out) == 0;
    cJSON_free(text);
    cJSON_Delete(root.node);
    return ok;
}
