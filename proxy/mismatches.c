#include "proxy/mismatches.h"

#include "cache/key_hex.h"
#include "proxy/clock.h"
#include "proxy/log.h"
#include "proxy/log_seldom.h"
#include "proxy/snapshot.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { LOGGED = 300 /* bytes of a body in a line of the log */ };

typedef struct entry {
    ra_mismatch what;        /* its bodies are the next two; without them: not to be shown */
    char *cached, *upstream; /* NULL: isn't kept */
    int64_t at;
} entry;

struct ra_mismatches {
    pthread_mutex_t mutex;
    ra_journal *journal;
    entry v[RA_MISMATCHES];
    uint64_t noted;
    ra_seldom said;
    unsigned reads; /* under way */
    int64_t second; /* of the monotonic clock, and how many have begun in it */
    unsigned begun;
};

ra_mismatches *ra_mismatches_new(ra_journal *journal)
{
    ra_mismatches *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    pthread_mutex_init(&m->mutex, NULL);
    m->journal = journal;
    return m;
}

static void wipe(char *body, size_t n)
{
    if (body)
        OPENSSL_cleanse(body, n);
    free(body);
}

static void forget(entry *e)
{
    wipe(e->cached, e->what.cached.n);
    wipe(e->upstream, e->what.upstream.n);
    e->cached = e->upstream = NULL;
}

void ra_mismatches_free(ra_mismatches *m)
{
    if (!m)
        return;
    for (unsigned i = 0; i < RA_MISMATCHES; i++)
        forget(&m->v[i]);
    pthread_mutex_destroy(&m->mutex);
    free(m);
}

/* ---- noting ---- */

static char *keep(ra_bytes body)
{
    char *copy = body.n && body.n <= RA_MISMATCH_BODY ? malloc(body.n) : NULL;
    if (copy)
        memcpy(copy, body.p, body.n);
    return copy;
}

static int cut(ra_bytes b)
{
    return (int)(b.n < LOGGED ? b.n : LOGGED);
}

static void say(ra_mismatches *m, const ra_mismatch *w, bool show, unsigned long times)
{
    char unit[RA_KEY_HEX + 1], request[RA_KEY_HEX + 1];
    const char *of = w->pattern ? ", pattern " : "", *pattern = w->pattern ? w->pattern : "";
    ra_key_hex(&w->unit, unit);
    ra_key_hex(&w->request, request);
    ra_log(RA_LOG_WARNING,
           "mismatch: what is cached of table %s%s%s isn't what DynamoDB says (%s, digest %.16s, request "
           "%.16s; %lu since this was last said)%s%.*s%s%.*s",
           w->table, of, pattern, w->operation, unit, request, times, show ? ": cached " : "",
           show ? cut(w->cached) : 0, w->cached.p, show ? ", upstream " : "", show ? cut(w->upstream) : 0,
           w->upstream.p);
    ra_journal_note(m->journal, RA_JOURNAL_MISMATCH,
                    "table %.64s%s%.40s: what is cached isn't what DynamoDB says (%s, digest %.16s)",
                    w->table, of, pattern, w->operation, unit);
}

void ra_mismatches_note(ra_mismatches *m, const ra_mismatch *what, bool show)
{
    pthread_mutex_lock(&m->mutex);
    entry *e = &m->v[m->noted++ % RA_MISMATCHES];
    forget(e);
    *e = (entry){.what = *what, .at = ra_clock_wall()};
    if (show) {
        e->cached = keep(what->cached);
        e->upstream = keep(what->upstream);
    }
    unsigned long times = what->index ? 0 : ra_seldom_say(&m->said, ra_clock_monotonic());
    pthread_mutex_unlock(&m->mutex);
    if (times)
        say(m, what, show, times);
}

/* ---- showing ---- */

static void add_text(ra_buf *out, const char *before, const char *text)
{
    ra_buf_add_z(out, before);
    if (text)
        ra_buf_add_json_string(out, ra_bytes_z(text));
    else
        ra_buf_add_z(out, "null");
}

/* It is a reply of DynamoDB's that has been read to its end, so JSON. */
static void add_body(ra_buf *out, const char *before, const char *body, size_t n)
{
    ra_buf_add_z(out, before);
    ra_buf_add_bytes(out, body ? (ra_bytes){body, n} : (ra_bytes)RA_BYTES("null"));
}

static void write_entry(const entry *e, bool show, ra_buf *out)
{
    const ra_mismatch *w = &e->what;
    char unit[RA_KEY_HEX + 1], request[RA_KEY_HEX + 1];
    ra_key_hex(&w->unit, unit);
    ra_key_hex(&w->request, request);
    ra_buf_addf(out, "{\"at\": %" PRId64 ", \"kind\": \"%s\", \"by\": \"%s\"", e->at,
                w->index ? "index_lag" : "mismatch", w->observed ? "observe" : "compare");
    add_text(out, ", \"table\": ", w->table);
    add_text(out, ", \"pattern\": ", w->pattern);
    add_text(out, ", \"operation\": ", w->operation);
    ra_buf_addf(out, ", \"digest\": \"%s\", \"request\": \"%s\", \"filled\": %" PRId64, unit, request,
                w->filled);
    add_body(out, ", \"cached\": ", show ? e->cached : NULL, w->cached.n);
    add_body(out, ", \"upstream\": ", show ? e->upstream : NULL, w->upstream.n);
    ra_buf_add_char(out, '}');
}

void ra_mismatches_write(ra_mismatches *m, bool show, ra_buf *out)
{
    ra_buf_add_char(out, '[');
    pthread_mutex_lock(&m->mutex);
    for (uint64_t i = 0; i < RA_MISMATCHES && i < m->noted; i++) {
        ra_buf_add_z(out, i ? ", " : "");
        write_entry(&m->v[(m->noted - 1 - i) % RA_MISMATCHES], show, out);
    }
    pthread_mutex_unlock(&m->mutex);
    ra_buf_add_char(out, ']');
}

void ra_admin_mismatches(ra_admin *a, struct evhttp_request *r)
{
    ra_server *s = ra_admin_server(a);
    ra_snapshot *now = ra_server_snapshot(s);
    ra_buf body;
    ra_buf_init(&body, RA_ADMIN_REPLY_MAX);
    ra_mismatches_write(s->mismatches, now->config->admin.show_keys, &body);
    ra_buf_add_char(&body, '\n');
    ra_snapshot_unref(now);
    ra_admin_reply(r, 200, &body);
}

/* ---- how much is read ---- */

bool ra_mismatches_may_read(ra_mismatches *m, int64_t now)
{
    pthread_mutex_lock(&m->mutex);
    if (now / 1000 != m->second) {
        m->second = now / 1000;
        m->begun = 0;
    }
    bool may = m->reads < RA_COMPARE_READS_AT_ONCE && m->begun < RA_COMPARE_READS_PER_S;
    m->reads += may;
    m->begun += may;
    pthread_mutex_unlock(&m->mutex);
    return may;
}

void ra_mismatches_end_read(ra_mismatches *m)
{
    pthread_mutex_lock(&m->mutex);
    m->reads--;
    pthread_mutex_unlock(&m->mutex);
}

int ra_nines(uint64_t equal, uint64_t mismatch, bool *at_least)
{
    enum { THREE = 3, MOST = 18 };
    uint64_t n = equal + mismatch, wrong = mismatch ? mismatch : THREE;
    *at_least = mismatch == 0;
    if (mismatch == 0 && n < THREE)
        return -1;
    int nines = 0;
    /* wrong / n <= 10^-(nines + 1), in whole numbers */
    for (uint64_t share = wrong; nines < MOST && share <= n / 10; share *= 10)
        nines++;
    return nines;
}
