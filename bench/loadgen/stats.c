#include "bench/loadgen/stats.h"

#include <stdio.h>

const char *ra_outcome_name(enum ra_outcome o)
{
    static const char *const names[RA_OUTCOMES] = {"hit",  "miss",  "stale", "bypass",
                                                   "read", "write", "error"};
    return names[o];
}

/* The last place is for all kinds that found none of their own. */
static void count_error(ra_stats *s, const char *name, uint64_t n)
{
    size_t i = 0;
    while (i < s->nerrors && strcmp(s->errors[i].name, name) != 0)
        i++;
    if (i >= RA_ERROR_KINDS - 1) {
        i = RA_ERROR_KINDS - 1;
        name = "other";
    }
    if (i >= s->nerrors) {
        snprintf(s->errors[i].name, sizeof s->errors[i].name, "%s", name);
        s->nerrors = i + 1;
    }
    s->errors[i].count += n;
}

static enum ra_outcome of_read(const ra_response *reply)
{
    static const enum ra_outcome outcomes[] = {[RA_CACHE_UNSAID] = RA_OUTCOME_READ,
                                               [RA_CACHE_HIT] = RA_OUTCOME_HIT,
                                               [RA_CACHE_MISS] = RA_OUTCOME_MISS,
                                               [RA_CACHE_STALE] = RA_OUTCOME_STALE,
                                               [RA_CACHE_BYPASS] = RA_OUTCOME_BYPASS};
    return outcomes[reply->cache];
}

/* The type is the server's text: only what can't spoil a terminal or a report is taken over. */
static void name_error(const ra_response *reply, char out[RA_ERROR_NAME_MAX])
{
    ra_bytes type = ra_response_error_type(reply);
    int n = snprintf(out, RA_ERROR_NAME_MAX, "%d%s", reply->status, type.n ? " " : "");
    size_t at = (size_t)n;
    for (size_t i = 0; i < type.n && at + 1 < RA_ERROR_NAME_MAX; i++) {
        char c = type.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
        out[at] = '?';
        if (plain)
            out[at] = c;
        at++;
    }
    out[at] = '\0';
}

void ra_stats_add(ra_stats *s, size_t operation, bool write, enum ra_conn_result result,
                  const ra_response *reply, uint64_t latency)
{
    char name[RA_ERROR_NAME_MAX];
    enum ra_outcome o = RA_OUTCOME_ERROR;
    if (result != RA_CONN_OK) {
        count_error(s, ra_conn_result_name(result), 1);
    } else if (reply->status >= 400) {
        name_error(reply, name);
        count_error(s, name, 1);
    } else {
        o = write ? RA_OUTCOME_WRITE : of_read(reply);
        s->collapsed += reply->collapsed && (o == RA_OUTCOME_MISS || o == RA_OUTCOME_BYPASS);
    }
    s->by_operation[operation][o]++;
    ra_histogram_add(&s->latency[o], latency);
}

void ra_stats_merge(ra_stats *into, const ra_stats *from)
{
    for (size_t i = 0; i < RA_OUTCOMES; i++)
        ra_histogram_merge(&into->latency[i], &from->latency[i]);
    for (size_t i = 0; i <= RA_OPERATIONS_MAX; i++) {
        for (size_t o = 0; o < RA_OUTCOMES; o++)
            into->by_operation[i][o] += from->by_operation[i][o];
    }
    for (size_t i = 0; i < from->nerrors; i++)
        count_error(into, from->errors[i].name, from->errors[i].count);
    into->collapsed += from->collapsed;
    into->sent += from->sent;
    into->dropped += from->dropped;
    into->unmade += from->unmade;
    into->late += from->late;
    into->rounds += from->rounds;
    into->connects += from->connects;
    into->bytes_in += from->bytes_in;
    into->bytes_out += from->bytes_out;
    if (from->why[0])
        snprintf(into->why, sizeof into->why, "%s", from->why);
}

uint64_t ra_stats_count(const ra_stats *s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < RA_OUTCOMES; i++)
        n += s->latency[i].count;
    return n;
}

uint64_t ra_stats_count_of(const ra_stats *s, size_t operation)
{
    uint64_t n = 0;
    for (size_t o = 0; o < RA_OUTCOMES; o++)
        n += s->by_operation[operation][o];
    return n;
}

double ra_stats_hit_ratio_of(const ra_stats *s, size_t operation)
{
    const uint64_t *n = s->by_operation[operation];
    uint64_t from = n[RA_OUTCOME_HIT] + n[RA_OUTCOME_STALE];
    uint64_t all = from + n[RA_OUTCOME_MISS] + n[RA_OUTCOME_BYPASS];
    return all ? (double)from / (double)all : -1;
}

uint64_t ra_stats_errors(const ra_stats *s)
{
    return s->latency[RA_OUTCOME_ERROR].count + s->dropped + s->unmade;
}

uint64_t ra_stats_reads(const ra_stats *s)
{
    uint64_t n = 0;
    for (size_t i = RA_OUTCOME_HIT; i <= RA_OUTCOME_READ; i++)
        n += s->latency[i].count;
    return n;
}

uint64_t ra_stats_saved(const ra_stats *s)
{
    return s->latency[RA_OUTCOME_HIT].count + s->latency[RA_OUTCOME_STALE].count + s->collapsed;
}

bool ra_stats_cached(const ra_stats *s)
{
    return ra_stats_reads(s) > s->latency[RA_OUTCOME_READ].count;
}
