#include "bench/loadgen/report.h"

#include <inttypes.h>
#include <string.h>

/* A thread that has run for so much of the time had no time to be early. */
#define BUSY_SHARE 0.95
#define LATE_SHARE 0.01

const char *ra_report_overload(const ra_run_options *o, const ra_run_result *r)
{
    if (r->busiest >= BUSY_SHARE)
        return "one of the generator's threads had no rest: give it more --threads, or cores";
    if (o->open_loop && (double)r->stats.late > LATE_SHARE * (double)r->scheduled)
        return "the generator was late in its own schedule: give it more --threads, or cores";
    return NULL;
}

double ra_report_offered(const ra_run_options *o, const ra_run_result *r)
{
    return o->open_loop && r->schedule ? (double)r->scheduled * 1e9 / (double)r->schedule : 0;
}

static uint64_t answered(const ra_run_result *r)
{
    return ra_stats_count(&r->stats) - r->stats.latency[RA_OUTCOME_ERROR].count;
}

double ra_report_achieved(const ra_run_result *r)
{
    return r->elapsed ? (double)answered(r) * 1e9 / (double)r->elapsed : 0;
}

double ra_report_hit_ratio(const ra_stats *s)
{
    uint64_t from = s->latency[RA_OUTCOME_HIT].count + s->latency[RA_OUTCOME_STALE].count;
    uint64_t all = ra_stats_reads(s) - s->latency[RA_OUTCOME_READ].count;
    return all ? (double)from / (double)all : -1;
}

double ra_report_server_cpu(const ra_run_result *r, unsigned pid)
{
    return r->server_cpu[pid] < 0 || !answered(r) ? -1 : r->server_cpu[pid] * 1e3 / (double)answered(r);
}

static void print_ms(FILE *out, uint64_t ns)
{
    double ms = (double)ns / 1e6;
    fprintf(out, ms < 10 ? " %9.3f" : ms < 1000 ? " %9.1f" : " %9.0f", ms);
}

static void print_outcomes(const ra_stats *s, FILE *out)
{
    static const double quantiles[] = {0.5, 0.9, 0.99, 0.999};
    fprintf(out, "\n%-8s %12s %9s %9s %9s %9s %9s  latency, ms\n", "outcome", "requests", "p50", "p90", "p99",
            "p99.9", "max");
    for (int o = 0; o < RA_OUTCOMES; o++) {
        const ra_histogram *h = &s->latency[o];
        if (h->count == 0)
            continue;
        fprintf(out, "%-8s %12" PRIu64, ra_outcome_name((enum ra_outcome)o), h->count);
        for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
            print_ms(out, ra_histogram_quantile(h, quantiles[i]));
        print_ms(out, h->greatest);
        fputc('\n', out);
    }
}

static void print_operation(const ra_stats *s, const char *name, size_t index, FILE *out)
{
    double ratio = ra_stats_hit_ratio_of(s, index);
    fprintf(out, "%-24s %12" PRIu64, name, ra_stats_count_of(s, index));
    if (ratio < 0)
        fprintf(out, " %9s", "-");
    else
        fprintf(out, " %9.4f", ratio);
    fprintf(out, " %9" PRIu64 "\n", s->by_operation[index][RA_OUTCOME_ERROR]);
}

static void print_operations(const ra_report *r, FILE *out)
{
    const ra_workload *w = r->options->workload;
    const ra_stats *s = &r->result->stats;
    fprintf(out, "\n%-24s %12s %9s %9s\n", "operation", "requests", "hit ratio", "errors");
    for (size_t i = 0; i < w->n; i++)
        print_operation(s, w->operations[i].name, i, out);
    if (w->before)
        print_operation(s, w->before->name, RA_OPERATIONS_MAX, out);
}

static void print_cache(const ra_run_result *r, FILE *out)
{
    const ra_stats *s = &r->stats;
    uint64_t reads = ra_stats_reads(s), saved = ra_stats_saved(s);
    if (!ra_stats_cached(s))
        return;
    fprintf(out, "hit ratio              %.4f\n", ra_report_hit_ratio(s));
    fprintf(out, "upstream reads saved   %" PRIu64 " of %" PRIu64 " reads, of them %" PRIu64 " collapsed\n",
            saved, reads, s->collapsed);
    if (s->rounds)
        fprintf(out, "upstream reads/round   %.3f in %" PRIu64 " rounds\n",
                (double)(reads - saved) / (double)s->rounds, s->rounds);
}

/* What a first run is most likely to have forgotten. */
static bool lacks_tables(const ra_workload *w, const ra_stats *s)
{
    for (size_t i = 0; w->ntables && i < s->nerrors; i++) {
        if (strcmp(s->errors[i].name, "400 ResourceNotFoundException") == 0)
            return true;
    }
    return false;
}

static void print_errors(const ra_workload *w, const ra_stats *s, FILE *out)
{
    fprintf(out, "errors                 %" PRIu64 "\n", ra_stats_errors(s));
    for (size_t i = 0; i < s->nerrors; i++)
        fprintf(out, "  %-36s %" PRIu64 "\n", s->errors[i].name, s->errors[i].count);
    if (s->dropped)
        fprintf(out, "  %-36s %" PRIu64 "\n", "dropped, the queue being full", s->dropped);
    if (s->unmade)
        fprintf(out, "  %-36s %" PRIu64 "\n", "a request couldn't be made", s->unmade);
    if (s->why[0] && ra_stats_errors(s))
        fprintf(out, "  the newest: %s\n", s->why);
    if (lacks_tables(w, s))
        fputs("  A table isn't there: --prepare makes those of the workload, and fills them.\n", out);
}

static void print_cpu(const ra_report *r, FILE *out)
{
    const ra_run_result *x = r->result;
    uint64_t n = answered(x);
    fprintf(out, "client CPU             %.1f us per request, busiest thread %.0f %%\n",
            n ? (double)x->client_cpu / 1e3 / (double)n : 0, x->busiest * 100);
    for (unsigned i = 0; i < r->options->npids; i++) {
        double ms = ra_report_server_cpu(x, i);
        if (ms < 0)
            fprintf(out, "server CPU, pid %-6d unknown: it has ended\n", r->options->pids[i]);
        else
            fprintf(out, "server CPU, pid %-6d %.4f ms per request\n", r->options->pids[i], ms);
    }
}

void ra_report_table(const ra_report *r, FILE *out)
{
    const ra_run_options *o = r->options;
    const ra_run_result *x = r->result;
    fprintf(out, "%s on %s, %s, %u connection%s, %u thread%s, seed %" PRIu64 "\n", r->workload, r->url,
            o->workload->rounds ? "in rounds"
            : o->open_loop      ? "open loop"
                                : "closed loop",
            o->connections, o->connections == 1 ? "" : "s", o->threads, o->threads == 1 ? "" : "s", o->seed);
    if (x->interrupted)
        fputs("interrupted: what follows is of the time until then\n", out);
    if (o->open_loop)
        fprintf(out, "offered                %.1f requests/s\n", ra_report_offered(o, x));
    fprintf(out, "achieved               %.1f requests/s in %.3f s\n", ra_report_achieved(x),
            (double)x->elapsed / 1e9);
    print_cache(x, out);
    print_errors(o->workload, &x->stats, out);
    fprintf(out, "connections            %" PRIu64 " opened, %" PRIu64 " bytes out, %" PRIu64 " in\n",
            x->stats.connects, x->stats.bytes_out, x->stats.bytes_in);
    print_cpu(r, out);
    print_outcomes(&x->stats, out);
    print_operations(r, out);
    const char *why = ra_report_overload(o, x);
    if (why)
        fprintf(out, "\nThese figures are the generator's, not the server's: %s.\n", why);
}
