#include "proxy/rekey_report.h"

#include "cache/buf.h"
#include "proxy/clock.h"
#include "proxy/log.h"
#include "proxy/log_seldom.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE_MAX_BYTES = 1 << 20, SHOWN_MAX = 700 };

struct ra_rekey_report {
    bool json;
    pthread_mutex_t lock;
    ra_rekey_totals totals;
    ra_seldom progress;
};

ra_rekey_report *ra_rekey_report_new(bool json)
{
    ra_rekey_report *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->json = json;
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void ra_rekey_report_free(ra_rekey_report *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* ---- lines of JSON ---- */

static void begin(ra_buf *b, const char *event)
{
    ra_buf_init(b, LINE_MAX_BYTES);
    ra_buf_addf(b, "{\"event\": \"%s\"", event);
}

static void member(ra_buf *b, const char *name, ra_bytes text)
{
    ra_buf_addf(b, ", \"%s\": ", name);
    ra_buf_add_json_string(b, text);
}

static void counts(ra_buf *b, const ra_rekey_totals *t)
{
    ra_buf_addf(b, ", \"records\": %llu, \"matched\": %llu, \"moved\": %llu, \"dead_letters\": %llu",
                (unsigned long long)t->records, (unsigned long long)t->matched, (unsigned long long)t->moved,
                (unsigned long long)t->dead_letters);
}

/* One write per line, at once: who reads them waits for each. */
static void end(ra_rekey_report *r, ra_buf *b)
{
    ra_buf_add_z(b, "}\n");
    if (r->json && ra_buf_ok(b)) {
        pthread_mutex_lock(&r->lock);
        fwrite(b->p, 1, b->n, stdout);
        fflush(stdout);
        pthread_mutex_unlock(&r->lock);
    }
    ra_buf_free(b);
}

/* ---- the events ---- */

void ra_rekey_report_stream(ra_rekey_report *r, const char *table, const char *arn, const char *view)
{
    ra_buf b;
    if (*view)
        ra_log(RA_LOG_INFO, "table %s: reading its stream %s (%s)", table, arn, view);
    else
        ra_log(RA_LOG_WARNING, "table %s: it has no stream; waiting for one", table);
    begin(&b, "stream");
    member(&b, "table", ra_bytes_z(table));
    member(&b, "arn", ra_bytes_z(arn ? arn : ""));
    member(&b, "view", ra_bytes_z(view));
    end(r, &b);
}

static void say_totals(const ra_rekey_totals *t, const char *when)
{
    ra_log(RA_LOG_INFO, "%s %llu records, %llu of them for a rule: %llu rows moved, %llu dead letters", when,
           (unsigned long long)t->records, (unsigned long long)t->matched, (unsigned long long)t->moved,
           (unsigned long long)t->dead_letters);
}

void ra_rekey_report_done(ra_rekey_report *r, const char *table, const ra_rekey_totals *more)
{
    ra_buf b;
    pthread_mutex_lock(&r->lock);
    r->totals.records += more->records;
    r->totals.matched += more->matched;
    r->totals.moved += more->moved;
    r->totals.dead_letters += more->dead_letters;
    ra_rekey_totals all = r->totals;
    bool say = (more->moved || more->matched) && ra_seldom_say(&r->progress, ra_clock_monotonic());
    pthread_mutex_unlock(&r->lock);
    if (say)
        say_totals(&all, "so far");
    begin(&b, "done");
    member(&b, "table", ra_bytes_z(table));
    counts(&b, more);
    end(r, &b);
}

void ra_rekey_report_dead(ra_rekey_report *r, const char *table, const char *rule, unsigned tries,
                          ra_bytes error)
{
    ra_buf b;
    int shown = error.n < SHOWN_MAX ? (int)error.n : SHOWN_MAX;
    ra_log(RA_LOG_WARNING, "rule %s: a record has become a dead letter after %u %s: %.*s", rule, tries,
           tries == 1 ? "try" : "tries", shown, error.p);
    begin(&b, "dead_letter");
    member(&b, "table", ra_bytes_z(table));
    member(&b, "rule", ra_bytes_z(rule));
    ra_buf_addf(&b, ", \"tries\": %u", tries);
    member(&b, "error", error);
    end(r, &b);
}

void ra_rekey_report_trouble(ra_rekey_report *r, const char *table, const char *what_or_null)
{
    ra_buf b;
    if (what_or_null)
        ra_log(RA_LOG_WARNING, "table %s: waiting, and trying again: %.700s", table, what_or_null);
    else
        ra_log(RA_LOG_INFO, "table %s: it goes on", table);
    begin(&b, what_or_null ? "waiting" : "going_on");
    member(&b, "table", ra_bytes_z(table));
    if (what_or_null)
        member(&b, "error", ra_bytes_z(what_or_null));
    end(r, &b);
}

void ra_rekey_report_lost(ra_rekey_report *r, const char *table, const char *why)
{
    ra_buf b;
    ra_log(RA_LOG_WARNING, "table %s: records may be gone that nobody has handled: %s", table, why);
    begin(&b, "lost");
    member(&b, "table", ra_bytes_z(table));
    member(&b, "error", ra_bytes_z(why));
    end(r, &b);
}

void ra_rekey_report_end(ra_rekey_report *r)
{
    ra_buf b;
    say_totals(&r->totals, "ended after");
    begin(&b, "end");
    counts(&b, &r->totals);
    end(r, &b);
}
