#include "proxy/cli_top_history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct pattern {
    char *table, *name; /* name NULL: the table's own policy */
    double v[RA_TOP_P_COUNTS];
} pattern;

typedef struct sample {
    double at, started; /* ms */
    double v[RA_TOP_COUNTS];
    pattern *patterns;
    size_t n;
} sample;

struct ra_top_history {
    sample s[RA_TOP_SAMPLES]; /* oldest first */
    size_t n;
    cJSON *live; /* the newest sample's */
};

/* Where a counter stands: the member of the live view that it is in, and its name there. */
static const struct {
    const char *in, *name;
} counts[RA_TOP_COUNTS] = {[RA_TOP_HIT] = {"requests", "hit"},
                           [RA_TOP_STALE] = {"requests", "stale"},
                           [RA_TOP_MISS] = {"requests", "miss"},
                           [RA_TOP_BYPASS] = {"requests", "bypass"},
                           [RA_TOP_WRITE] = {"requests", "write"},
                           [RA_TOP_PASS] = {"requests", "pass"},
                           [RA_TOP_ERROR] = {"requests", "error"},
                           [RA_TOP_NEAR] = {"requests", "near"},
                           [RA_TOP_NEGATIVE] = {"requests", "negative"},
                           [RA_TOP_COALESCED] = {"requests", "coalesced"},
                           [RA_TOP_READS] = {"upstream", "reads"},
                           [RA_TOP_WRITES] = {"upstream", "writes"},
                           [RA_TOP_READS_SAVED] = {"upstream", "reads_saved"},
                           [RA_TOP_UNITS_SPENT] = {"upstream", "units_spent"},
                           [RA_TOP_UNITS_SAVED] = {"upstream", "units_saved"},
                           [RA_TOP_EVICTIONS] = {"memory", "evictions"}};

static const char *const pattern_counts[RA_TOP_P_COUNTS] = {
    "hit",      "stale", "miss",          "bypass",      "coalesced",
    "negative", "write", "invalidations", "units_spent", "units_saved"};

const char *ra_top_count_name(enum ra_top_count c)
{
    return counts[c].name;
}

const char *ra_top_pattern_count_name(enum ra_top_pattern_count c)
{
    return pattern_counts[c];
}

ra_top_history *ra_top_history_new(void)
{
    return calloc(1, sizeof(ra_top_history));
}

static void clear(sample *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->patterns[i].table);
        free(s->patterns[i].name);
    }
    free(s->patterns);
    *s = (sample){0};
}

void ra_top_history_free(ra_top_history *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < h->n; i++)
        clear(&h->s[i]);
    cJSON_Delete(h->live);
    free(h);
}

/* ---- taking one ---- */

/* What isn't told counts as nothing: an older proxy tells less. */
static double number(const cJSON *object, const char *name)
{
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(n) && isfinite(n->valuedouble) ? n->valuedouble : 0;
}

static bool take_pattern(const cJSON *from, pattern *p)
{
    const char *table = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(from, "table"));
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(from, "pattern"));
    p->table = strdup(table ? table : "");
    p->name = name ? strdup(name) : NULL;
    for (unsigned c = 0; c < RA_TOP_P_COUNTS; c++)
        p->v[c] = number(from, pattern_counts[c]);
    return p->table && (p->name || !name);
}

static bool take(const cJSON *live, sample *s)
{
    const cJSON *patterns = cJSON_GetObjectItemCaseSensitive(live, "patterns"), *one;
    int n = cJSON_GetArraySize(patterns);
    *s = (sample){.at = number(live, "at"), .started = number(live, "started")};
    for (unsigned c = 0; c < RA_TOP_COUNTS; c++)
        s->v[c] = number(cJSON_GetObjectItemCaseSensitive(live, counts[c].in), counts[c].name);
    s->patterns = calloc((size_t)n + 1, sizeof *s->patterns);
    bool ok = s->patterns && s->at > 0 && cJSON_IsArray(patterns);
    cJSON_ArrayForEach(one, patterns)
    {
        ok = ok && take_pattern(one, &s->patterns[s->n++]);
    }
    return ok;
}

bool ra_top_history_add(ra_top_history *h, cJSON *live_take)
{
    sample s;
    if (!take(live_take, &s)) {
        clear(&s);
        cJSON_Delete(live_take);
        return false;
    }
    const sample *last = h->n ? &h->s[h->n - 1] : NULL;
    bool anew =
        last && (s.started != last->started || s.at <= last->at); /* also where a clock was set back */
    size_t gone = anew ? h->n : h->n == RA_TOP_SAMPLES ? 1 : 0;
    for (size_t i = 0; i < gone; i++)
        clear(&h->s[i]);
    h->n -= gone;
    memmove(h->s, h->s + gone, h->n * sizeof *h->s);
    h->s[h->n++] = s;
    cJSON_Delete(h->live);
    h->live = live_take;
    return true;
}

const cJSON *ra_top_live(const ra_top_history *h)
{
    return h->live;
}

size_t ra_top_samples(const ra_top_history *h)
{
    return h->n;
}

/* ---- rates ---- */

/* The sample that the newest one's rates count from; NULL: there is none before it. */
static const sample *before(const ra_top_history *h)
{
    if (h->n < 2)
        return NULL;
    size_t i = h->n - 2;
    while (i > 0 && h->s[i - 1].at >= h->s[h->n - 1].at - RA_TOP_WINDOW)
        i--;
    return &h->s[i];
}

static const sample *newest(const ra_top_history *h)
{
    return h->n ? &h->s[h->n - 1] : NULL;
}

static double per_second(double from, double to, double ms)
{
    return to > from ? (to - from) * 1000 / ms : 0;
}

static double rate_of(const sample *from, const sample *to, enum ra_top_count c)
{
    return per_second(from->v[c], to->v[c], to->at - from->at);
}

static double requests_of(const sample *from, const sample *to)
{
    double sum = 0;
    for (unsigned c = 0; c < RA_TOP_OUTCOMES; c++)
        sum += rate_of(from, to, c);
    return sum;
}

/* The same pattern in another sample: most often it stands at the same place. NULL: it wasn't there. */
static const pattern *same(const sample *s, const pattern *p, size_t i)
{
    for (size_t k = 0; k < s->n; k++) {
        const pattern *q = &s->patterns[(i + k) % s->n];
        if (strcmp(p->table, q->table) == 0 && !p->name == !q->name &&
            (!p->name || strcmp(p->name, q->name) == 0))
            return q;
    }
    return NULL;
}

static double ratio(double hit, double stale, double miss)
{
    double all = hit + stale + miss;
    return all > 0 ? (hit + stale) / all : NAN;
}

static double pattern_ratio(const pattern *from, const pattern *to)
{
    static const pattern none;
    const double *a = (from ? from : &none)->v, *b = to->v;
    return ratio(b[RA_TOP_P_HIT] - a[RA_TOP_P_HIT], b[RA_TOP_P_STALE] - a[RA_TOP_P_STALE],
                 b[RA_TOP_P_MISS] - a[RA_TOP_P_MISS]);
}

double ra_top_count(const ra_top_history *h, enum ra_top_count c)
{
    return h->n ? newest(h)->v[c] : 0;
}

double ra_top_rate(const ra_top_history *h, enum ra_top_count c)
{
    const sample *from = before(h);
    return from ? rate_of(from, newest(h), c) : NAN;
}

double ra_top_requests_rate(const ra_top_history *h)
{
    const sample *from = before(h);
    return from ? requests_of(from, newest(h)) : NAN;
}

double ra_top_pattern_rate(const ra_top_history *h, size_t i, enum ra_top_pattern_count c)
{
    const sample *from = before(h), *to = newest(h);
    if (!from || i >= to->n)
        return NAN;
    const pattern *was = same(from, &to->patterns[i], i);
    return per_second(was ? was->v[c] : 0, to->patterns[i].v[c], to->at - from->at);
}

double ra_top_ratio(const ra_top_history *h)
{
    const sample *from = before(h), *to = newest(h);
    return from ? ratio(to->v[RA_TOP_HIT] - from->v[RA_TOP_HIT], to->v[RA_TOP_STALE] - from->v[RA_TOP_STALE],
                        to->v[RA_TOP_MISS] - from->v[RA_TOP_MISS])
                : NAN;
}

double ra_top_pattern_ratio(const ra_top_history *h, size_t i)
{
    const sample *from = before(h), *to = newest(h);
    return from && i < to->n ? pattern_ratio(same(from, &to->patterns[i], i), &to->patterns[i]) : NAN;
}

/* ---- series ---- */

/* The first of the samples whose differences to the one before are the newest `most`. */
static size_t first_of(const ra_top_history *h, size_t most)
{
    return h->n > most + 1 ? h->n - most : 1;
}

size_t ra_top_requests_series(const ra_top_history *h, double *out, size_t most)
{
    size_t n = 0;
    for (size_t i = first_of(h, most); i < h->n; i++)
        out[n++] = requests_of(&h->s[i - 1], &h->s[i]);
    return n;
}

size_t ra_top_series(const ra_top_history *h, enum ra_top_count c, double *out, size_t most)
{
    size_t n = 0;
    for (size_t i = first_of(h, most); i < h->n; i++)
        out[n++] = rate_of(&h->s[i - 1], &h->s[i], c);
    return n;
}

size_t ra_top_pattern_ratio_series(const ra_top_history *h, size_t i, double *out, size_t most)
{
    size_t n = 0;
    const pattern *p = h->n && i < newest(h)->n ? &newest(h)->patterns[i] : NULL;
    for (size_t k = first_of(h, most); p && k < h->n; k++) {
        const pattern *to = same(&h->s[k], p, i);
        out[n++] = to ? pattern_ratio(same(&h->s[k - 1], p, i), to) : NAN;
    }
    return n;
}
