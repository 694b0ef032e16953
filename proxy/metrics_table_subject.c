/* Metrics of tables and patterns. */
#include "proxy/metrics_table.h"

enum { COMMON = 2 /* labels of each: table and pattern */ };

/* What each series of a subject begins with; `labels` has room for more. */
static void name_subject(const ra_exposition *x, unsigned subject, ra_label *labels)
{
    const char *pattern;
    labels[0] = (ra_label){"table", ra_metrics_subject(x->server->metrics, subject, &pattern)};
    labels[1] = (ra_label){"pattern", pattern};
}

/* One series of it, told apart by one label more. */
static void write_one(const ra_exposition *x, const char *name, unsigned subject, const char *label,
                      const char *value, uint64_t n)
{
    ra_label v[COMMON + 1];
    name_subject(x, subject, v);
    v[COMMON] = (ra_label){label, value};
    ra_metrics_text_count(x->out, name, v, COMMON + 1, n);
}

static uint64_t reads_of(const ra_subject_sums *s, unsigned kind)
{
    uint64_t n = 0;
    for (unsigned i = 0; i <= RA_READ_BYPASS; i++)
        n += s->reads[kind][i];
    return n;
}

/* ---- reads; of operations that there have been ---- */

static void write_reads(const ra_exposition *x, const char *name)
{
    ra_label v[COMMON + 2];
    for (unsigned i = 0; i < x->nsubjects; i++) {
        name_subject(x, i, v);
        for (unsigned k = 0; k < RA_READ_KINDS; k++) {
            if (!reads_of(&x->subjects[i], k))
                continue;
            v[2] = (ra_label){"operation", ra_op_kind_name(ra_read_kind_op(k))};
            for (unsigned o = 0; o <= RA_READ_BYPASS; o++) {
                v[3] = (ra_label){"outcome", ra_read_outcome_name((enum ra_read_outcome)o)};
                ra_metrics_text_count(x->out, name, v, 4, x->subjects[i].reads[k][o]);
            }
        }
    }
}

static void write_part(const ra_exposition *x, const char *name, enum ra_read_outcome part)
{
    for (unsigned i = 0; i < x->nsubjects; i++)
        for (unsigned k = 0; k < RA_READ_KINDS; k++)
            if (reads_of(&x->subjects[i], k))
                write_one(x, name, i, "operation", ra_op_kind_name(ra_read_kind_op(k)),
                          x->subjects[i].reads[k][part]);
}

static void write_near(const ra_exposition *x, const char *name)
{
    write_part(x, name, RA_READ_NEAR);
}

static void write_negative(const ra_exposition *x, const char *name)
{
    write_part(x, name, RA_READ_NEGATIVE);
}

static void write_coalesced(const ra_exposition *x, const char *name)
{
    write_part(x, name, RA_READ_COALESCED);
}

static void write_bypasses_of(const ra_exposition *x, const char *name, unsigned subject, unsigned kind)
{
    ra_label v[COMMON + 2];
    name_subject(x, subject, v);
    v[2] = (ra_label){"operation", ra_op_kind_name(ra_read_kind_op(kind))};
    for (unsigned r = 0; r < RA_REASONS; r++) {
        uint64_t n = x->subjects[subject].bypasses[kind][r];
        v[3] = (ra_label){"reason", ra_reason_name(r)};
        if (n)
            ra_metrics_text_count(x->out, name, v, 4, n);
    }
}

static void write_bypasses(const ra_exposition *x, const char *name)
{
    for (unsigned i = 0; i < x->nsubjects; i++)
        for (unsigned k = 0; k < RA_READ_KINDS; k++)
            write_bypasses_of(x, name, i, k);
}

/* ---- writes, marks, fills ---- */

static void write_writes(const ra_exposition *x, const char *name)
{
    for (unsigned i = 0; i < x->nsubjects; i++)
        for (unsigned k = 0; k < RA_OP_KINDS; k++)
            if (x->subjects[i].writes[k])
                write_one(x, name, i, "operation", ra_op_kind_name((enum ra_op_kind)k),
                          x->subjects[i].writes[k]);
}

static void write_invalidations(const ra_exposition *x, const char *name)
{
    for (unsigned i = 0; i < x->nsubjects; i++)
        for (unsigned c = 0; c < RA_CAUSES; c++)
            write_one(x, name, i, "cause", ra_cause_name((enum ra_cause)c), x->subjects[i].invalidations[c]);
}

static void write_fills(const ra_exposition *x, const char *name)
{
    ra_label v[COMMON];
    for (unsigned i = 0; i < x->nsubjects; i++) {
        name_subject(x, i, v);
        ra_metrics_text_count(x->out, name, v, COMMON, x->subjects[i].fills[RA_FILLED]);
    }
}

static void write_refused(const ra_exposition *x, const char *name)
{
    for (unsigned i = 0; i < x->nsubjects; i++)
        for (unsigned f = RA_FILLED + 1; f < RA_FILLED_KINDS; f++)
            write_one(x, name, i, "reason", ra_filled_name((enum ra_filled)f), x->subjects[i].fills[f]);
}

/* ---- units, entries ---- */

static void write_units(const ra_exposition *x, const char *name, size_t which)
{
    ra_label v[COMMON];
    for (unsigned i = 0; i < x->nsubjects; i++) {
        uint64_t half_units;
        memcpy(&half_units, (const char *)&x->subjects[i].half_units + which, sizeof half_units);
        name_subject(x, i, v);
        ra_metrics_text_value(x->out, name, v, COMMON, (double)half_units / 2);
    }
}

static void write_spent(const ra_exposition *x, const char *name)
{
    write_units(x, name, offsetof(ra_units, spent));
}

static void write_extra(const ra_exposition *x, const char *name)
{
    write_units(x, name, offsetof(ra_units, extra));
}

static void write_saved(const ra_exposition *x, const char *name)
{
    write_units(x, name, offsetof(ra_units, saved));
}

static void write_written(const ra_exposition *x, const char *name)
{
    write_units(x, name, offsetof(ra_units, written));
}

/* ---- observed and compared; of what there has been ---- */

static void write_observed(const ra_exposition *x, const char *name)
{
    for (unsigned i = 0; i < x->nsubjects; i++)
        for (unsigned o = 0; o <= RA_READ_BYPASS; o++)
            if (x->subjects[i].observed[o])
                write_one(x, name, i, "outcome", ra_read_outcome_name((enum ra_read_outcome)o),
                          x->subjects[i].observed[o]);
}

static void write_observed_units(const ra_exposition *x, const char *name)
{
    write_units(x, name, offsetof(ra_units, observed));
}

static void write_compared(const ra_exposition *x, const char *name)
{
    for (unsigned i = 0; i < x->nsubjects; i++)
        for (unsigned c = 0; c < RA_COMPARED_KINDS; c++)
            if (x->subjects[i].compared[c])
                write_one(x, name, i, "result", ra_compared_name((enum ra_compared)c),
                          x->subjects[i].compared[c]);
}

static void write_compare_reads(const ra_exposition *x, const char *name)
{
    ra_label v[COMMON];
    for (unsigned i = 0; i < x->nsubjects; i++) {
        name_subject(x, i, v);
        if (x->subjects[i].compare_reads)
            ra_metrics_text_count(x->out, name, v, COMMON, x->subjects[i].compare_reads);
    }
}

static void write_held(const ra_exposition *x, const char *name, bool bytes)
{
    ra_label v[COMMON];
    for (unsigned i = 0; x->server->memory && i < x->nsubjects; i++) {
        size_t n = 0, of_bytes = 0;
        ra_memory_get_group(x->server->memory, i, &n, &of_bytes);
        name_subject(x, i, v);
        ra_metrics_text_count(x->out, name, v, COMMON, bytes ? of_bytes : n);
    }
}

static void write_entries(const ra_exposition *x, const char *name)
{
    write_held(x, name, false);
}

static void write_bytes(const ra_exposition *x, const char *name)
{
    write_held(x, name, true);
}

/* ---- latency; of what there has been ---- */

static void write_latency(const ra_exposition *x, const char *name)
{
    ra_label v[COMMON + 1];
    for (unsigned i = 0; i < x->nsubjects; i++) {
        name_subject(x, i, v);
        for (unsigned t = 0; t < RA_TIMED_BY_SUBJECT; t++) {
            ra_latency_copy h = {0};
            ra_metrics_sum_latency(x->server->metrics, (enum ra_timed)t, i, &h);
            v[2] = (ra_label){"outcome", ra_timed_name((enum ra_timed)t)};
            if (h.count)
                ra_metrics_text_latency(x->out, name, v, 3, &h);
        }
    }
}

/* clang-format off */
#define SUBJECT "table, pattern"
const ra_metric ra_metrics_by_subject[] = {
    {"readaside_reads_total", "counter", SUBJECT ", operation, outcome",
     "Entries looked up, by what the cache had: one for a GetItem or a Query, one for each key of a BatchGetItem.",
     write_reads},
    {"readaside_near_hits_total", "counter", SUBJECT ", operation",
     "Hits among them that this process held in its own memory, in front of a network store.", write_near},
    {"readaside_negative_hits_total", "counter", SUBJECT ", operation",
     "Hits among them that say that there is nothing: no item, none in the partition.", write_negative},
    {"readaside_coalesced_reads_total", "counter", SUBJECT ", operation",
     "Misses among them that another request's upstream read answered.", write_coalesced},
    {"readaside_bypasses_total", "counter", SUBJECT ", operation, reason",
     "Bypasses among them, by the reason that Cache-Status tells.", write_bypasses},
    {"readaside_writes_total", "counter", SUBJECT ", operation",
     "Items written through the proxy; where these can't be told from the operation, operations.", write_writes},
    {"readaside_invalidations_total", "counter", SUBJECT ", cause",
     "Units marked, and what was cached of them dropped: a write marks its item, its partition, and partitions of global "
     "indexes.", write_invalidations},
    {"readaside_fills_total", "counter", SUBJECT,
     "Entries stored, or sent to a network store.", write_fills},
    {"readaside_fills_refused_total", "counter", SUBJECT ", reason",
     "Entries that a miss could have filled and didn't; with a network store those that were sent are in "
     "readaside_store_fills_refused_total.", write_refused},
    {"readaside_capacity_units_spent_total", "counter", SUBJECT,
     "Read units that DynamoDB says were consumed by reads.", write_spent},
    {"readaside_capacity_units_extra_total", "counter", SUBJECT,
     "Those among them that the clients' own reads wouldn't have consumed: misses are read consistently, and stale "
     "entries are refreshed.", write_extra},
    {"readaside_capacity_units_saved_total", "counter", SUBJECT,
     "Read units that hits and coalesced reads would have consumed, as consistent as their clients asked.", write_saved},
    {"readaside_write_capacity_units_total", "counter", SUBJECT,
     "Write units that DynamoDB says were consumed.", write_written},
    {"readaside_observed_reads_total", "counter", SUBJECT ", outcome",
     "Entries looked up with caching \"observe\", by what they would have been; DynamoDB answered all of them.",
     write_observed},
    {"readaside_observed_units_saved_total", "counter", SUBJECT,
     "Read units that the hits among them would have saved, as consistent as their clients asked.",
     write_observed_units},
    {"readaside_compared_total", "counter", SUBJECT ", result",
     "Entries compared with what DynamoDB says: observed ones, and a sample of the hits.", write_compared},
    {"readaside_compare_reads_total", "counter", SUBJECT,
     "Reads sent to DynamoDB for comparing alone.", write_compare_reads},
    {"readaside_entries", "gauge", SUBJECT, "Entries held, with store memory.", write_entries},
    {"readaside_entry_bytes", "gauge", SUBJECT, "Bytes of those entries, with what each costs beyond its body.",
     write_bytes},
    {"readaside_request_duration_seconds", "histogram", SUBJECT ", outcome",
     "Time from when a request was there to its reply; one that names several tables or patterns counts under the first.",
     write_latency},
    {.name = NULL}};
/* clang-format on */
