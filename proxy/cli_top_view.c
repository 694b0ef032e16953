/* The view as text. */
#include "proxy/cli_top_view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    COLUMN = 38,   /* where the block's right half begins */
    BLOCK = 13,    /* lines of it */
    CURVE = 24,    /* bars */
    SHOWN = 10,    /* keys, events and reasons where nothing limits the height */
    PATTERNS = 100 /* patterns there */
};

typedef struct view {
    const ra_top_history *h;
    const cJSON *live;
    ra_top_page *p;
} view;

static const cJSON *member(const cJSON *of, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(of, name);
}

static const char *text(const cJSON *of, const char *name)
{
    return cJSON_GetStringValue(member(of, name));
}

/* NAN: it isn't told, or isn't known. */
static double number(const cJSON *of, const char *name)
{
    return cJSON_GetNumberValue(member(of, name));
}

static void title(view *v, const char *words)
{
    ra_top_add(v->p, RA_LOOK_TITLE "%s" RA_LOOK_PLAIN, words);
}

/* ---- the head ---- */

static void show_head(view *v, const ra_top_place *place)
{
    char s[RA_TOP_NUMBER_MAX];
    const char *caching = text(v->live, "caching");
    title(v, "readaside ");
    ra_top_add_text(v->p, text(v->live, "version"), 0);
    ra_top_add(v->p, "  store ");
    ra_top_add_text(v->p, text(v->live, "store"), 0);
    ra_top_add(v->p, "  %scaching ", caching && strcmp(caching, "on") == 0 ? "" : RA_LOOK_BAD);
    ra_top_add_text(v->p, caching, 0);
    ra_top_add(v->p, RA_LOOK_PLAIN "  up %s",
               ra_top_duration(number(v->live, "at") - number(v->live, "started"), s));
    ra_top_add(v->p, "  %s", ra_top_clock(number(v->live, "at"), s));
    ra_top_line(v->p);
    if (place->trouble) {
        ra_top_add(v->p, RA_LOOK_BAD);
        ra_top_add_text(v->p, place->where, 0);
        ra_top_add(v->p, " doesn't answer: ");
        ra_top_add_text(v->p, place->trouble, 0);
    } else {
        ra_top_add(v->p, RA_LOOK_FAINT);
        ra_top_add_text(v->p, place->where, 0);
        ra_top_add(v->p, ", %.0f threads, ", number(v->live, "threads"));
        ra_top_add(v->p, "%.0f connections, %.0f in flight", number(v->live, "connections"),
                   number(v->live, "in_flight"));
    }
    ra_top_line(v->p);
    ra_top_line(v->p);
}

/* ---- the block: requests at the left, latency and upstream at the right ---- */

static void left_count(view *v, const char *name, double rate, double all)
{
    char a[RA_TOP_NUMBER_MAX], b[RA_TOP_NUMBER_MAX];
    ra_top_add(v->p, "%-12s%10s%12s", name, ra_top_number(rate, a), ra_top_whole(all, b));
}

static void show_left(view *v, unsigned row)
{
    static const struct {
        const char *name;
        enum ra_top_count count;
    } rows[] = {{"hit", RA_TOP_HIT},       {"  near", RA_TOP_NEAR}, {"  negative", RA_TOP_NEGATIVE},
                {"stale", RA_TOP_STALE},   {"miss", RA_TOP_MISS},   {"  coalesced", RA_TOP_COALESCED},
                {"bypass", RA_TOP_BYPASS}, {"write", RA_TOP_WRITE}, {"pass", RA_TOP_PASS},
                {"error", RA_TOP_ERROR}};
    enum { ROWS = sizeof rows / sizeof *rows };
    char s[RA_TOP_NUMBER_MAX];
    if (row == 0) {
        ra_top_add(v->p, RA_LOOK_TITLE "%-12s%10s%12s" RA_LOOK_PLAIN, "Requests", "per s", "in all");
    } else if (row <= ROWS) {
        enum ra_top_count c = rows[row - 1].count;
        left_count(v, rows[row - 1].name, ra_top_rate(v->h, c), ra_top_count(v->h, c));
    } else if (row == ROWS + 1) {
        double all = 0;
        for (unsigned c = 0; c < RA_TOP_OUTCOMES; c++)
            all += ra_top_count(v->h, c);
        left_count(v, "all", ra_top_requests_rate(v->h), all);
    } else {
        ra_top_add(v->p, "%-12s%10s", "hit ratio", ra_top_percent(ra_top_ratio(v->h), s));
    }
}

static void show_band(view *v, const char *name)
{
    static const char *const parts[] = {"p50", "p90", "p99", "p999"};
    const cJSON *band = member(member(v->live, "latency"), name);
    char s[RA_TOP_NUMBER_MAX];
    double n = number(band, "count");
    ra_top_add(v->p, "%-12s", name);
    for (unsigned i = 0; i < 4; i++)
        ra_top_add(v->p, "%7s", n > 0 ? ra_top_ms(number(band, parts[i]), s) : "-");
}

static void show_upstream(view *v, unsigned row)
{
    char s[RA_TOP_NUMBER_MAX];
    double reads = ra_top_rate(v->h, RA_TOP_READS), saved = ra_top_rate(v->h, RA_TOP_READS_SAVED);
    const struct {
        const char *name;
        double rate;
    } rows[] = {{"reads", reads},
                {"  without the cache", reads + saved},
                {"writes", ra_top_rate(v->h, RA_TOP_WRITES)},
                {"units spent", ra_top_rate(v->h, RA_TOP_UNITS_SPENT)},
                {"units saved", ra_top_rate(v->h, RA_TOP_UNITS_SAVED)}};
    if (row == 0)
        ra_top_add(v->p, RA_LOOK_TITLE "%-20s%10s" RA_LOOK_PLAIN, "DynamoDB", "per s");
    else if (row <= sizeof rows / sizeof *rows)
        ra_top_add(v->p, "%-20s%10s", rows[row - 1].name, ra_top_number(rows[row - 1].rate, s));
}

static void show_right(view *v, unsigned row)
{
    static const char *const bands[] = {"hit", "miss", "write", "store", "upstream"};
    enum { BANDS = sizeof bands / sizeof *bands };
    if (row == 0)
        ra_top_add(v->p, RA_LOOK_TITLE "%-12s%7s%7s%7s%7s" RA_LOOK_PLAIN, "Latency, ms", "p50", "p90", "p99",
                   "p99.9");
    else if (row <= BANDS)
        show_band(v, bands[row - 1]);
    else if (row > BANDS + 1)
        show_upstream(v, row - BANDS - 2);
}

static void show_block(view *v)
{
    for (unsigned row = 0; row < BLOCK; row++) {
        show_left(v, row);
        ra_top_pad(v->p, COLUMN);
        show_right(v, row);
        ra_top_line(v->p);
    }
}

static void show_curves(view *v)
{
    double x[CURVE];
    if (!v->p->utf8 || ra_top_samples(v->h) < 3)
        return;
    ra_top_add(v->p, "%-12s", "requests/s");
    ra_top_add_curve(v->p, x, ra_top_requests_series(v->h, x, CURVE), 0);
    ra_top_pad(v->p, COLUMN);
    ra_top_add(v->p, "%-12s", "reads/s");
    ra_top_add_curve(v->p, x, ra_top_series(v->h, RA_TOP_READS, x, CURVE), 0);
    ra_top_line(v->p);
}

static void show_money(view *v)
{
    const cJSON *m = member(v->live, "money");
    char s[3][RA_TOP_NUMBER_MAX];
    if (!cJSON_IsObject(m))
        return;
    title(v, "Money       ");
    ra_top_add_text(v->p, text(m, "currency"), 0);
    ra_top_add(v->p, " %s an hour, saved %s an hour, %s a month", ra_top_number(number(m, "per_hour"), s[0]),
               ra_top_number(number(m, "saved_per_hour"), s[1]),
               ra_top_number(number(m, "saved_per_month"), s[2]));
    if (number(m, "would_save_per_hour") > number(m, "saved_per_hour"))
        ra_top_add(v->p, "; observed reads from the cache would make that %s a month",
                   ra_top_number(number(m, "would_save_per_month"), s[0]));
    ra_top_line(v->p);
}

/* What has been observed, and compared; of what there has been. */
static void show_compare(view *v)
{
    const cJSON *o = member(v->live, "observed"), *c = member(v->live, "compare");
    char s[2][RA_TOP_NUMBER_MAX];
    double hit = number(o, "hit"), all = hit + number(o, "miss") + number(o, "stale");
    if (all > 0) {
        title(v, "Observed    ");
        ra_top_add(v->p, "hit ratio %s of %s reads", ra_top_percent(hit / all, s[0]),
                   ra_top_whole(all, s[1]));
        ra_top_line(v->p);
    }
    if (!(number(c, "compared") > 0))
        return;
    title(v, "Compared    ");
    ra_top_add(v->p, "%s, %s%s mismatches" RA_LOOK_PLAIN, ra_top_whole(number(c, "compared"), s[0]),
               number(c, "mismatch") > 0 ? RA_LOOK_BAD : "", ra_top_whole(number(c, "mismatch"), s[1]));
    if (isfinite(number(c, "nines")))
        ra_top_add(v->p, ", %s%.0f nines", cJSON_IsTrue(member(c, "at_least")) ? "at least " : "",
                   number(c, "nines"));
    ra_top_line(v->p);
}

/* ---- memory, the store, streams, the cache's outside ---- */

static void show_held(view *v, const char *name, const cJSON *m)
{
    char s[3][RA_TOP_NUMBER_MAX];
    title(v, name);
    ra_top_add(v->p, "%s of %s, %s entries", ra_top_bytes(number(m, "bytes"), s[0]),
               ra_top_bytes(number(m, "max_bytes"), s[1]), ra_top_whole(number(m, "entries"), s[2]));
}

static void show_memory(view *v)
{
    char s[RA_TOP_NUMBER_MAX];
    const cJSON *m = member(v->live, "memory"), *near = member(v->live, "near");
    if (number(m, "max_bytes") > 0) {
        show_held(v, "Memory      ", m);
        ra_top_add(v->p, ", %s evicted/s", ra_top_number(ra_top_rate(v->h, RA_TOP_EVICTIONS), s));
        ra_top_line(v->p);
    }
    if (cJSON_IsObject(near)) {
        show_held(v, "Held near   ", near);
        ra_top_line(v->p);
    }
}

/* Each loop's store by its state: one word where they agree. */
static void show_breakers(view *v)
{
    const cJSON *all = member(v->live, "breakers"), *one;
    const char *first = cJSON_GetStringValue(cJSON_GetArrayItem(all, 0));
    bool agree = true, good = true;
    if (!first)
        return;
    cJSON_ArrayForEach(one, all)
    {
        const char *state = cJSON_IsString(one) ? one->valuestring : "";
        agree = agree && strcmp(state, first) == 0;
        good = good && (strcmp(state, "closed") == 0 || strcmp(state, "serving") == 0);
    }
    title(v, "Store       ");
    ra_top_add(v->p, "%s", good ? "" : RA_LOOK_BAD);
    cJSON_ArrayForEach(one, all)
    {
        ra_top_add_text(v->p, cJSON_GetStringValue(one), 0);
        if (agree)
            break;
        ra_top_add(v->p, one->next ? ", " : "");
    }
    ra_top_line(v->p);
}

static void show_streams(view *v)
{
    char s[RA_TOP_NUMBER_MAX];
    const cJSON *one;
    cJSON_ArrayForEach(one, member(v->live, "streams"))
    {
        double lag = number(one, "lag_ms");
        title(v, "Stream      ");
        ra_top_add_text(v->p, one->string, 0);
        ra_top_add(v->p, ": %s", cJSON_IsTrue(member(one, "in_bounds")) ? "" : RA_LOOK_BAD);
        if (isfinite(lag))
            ra_top_add(v->p, "%s behind", ra_top_duration(lag, s));
        else
            ra_top_add(v->p, "not known how far behind");
        ra_top_add(v->p, "%s", cJSON_IsTrue(member(one, "in_bounds")) ? "" : ", out of bounds");
        ra_top_line(v->p);
    }
}

/* Of an object of counts those that are more than others, the largest first. */
static void show_reasons(view *v, const char *name, const cJSON *counts)
{
    char s[RA_TOP_NUMBER_MAX];
    double under = INFINITY;
    for (unsigned shown = 0; shown < SHOWN; shown++) {
        const cJSON *one, *most = NULL;
        cJSON_ArrayForEach(one, counts)
        {
            if (one->valuedouble > 0 && one->valuedouble < under &&
                (!most || one->valuedouble > most->valuedouble))
                most = one;
        }
        if (!most)
            break;
        under = most->valuedouble;
        cJSON_ArrayForEach(one, counts)
        {
            if (!(one->valuedouble >= under && one->valuedouble <= under))
                continue;
            title(v, shown == 0 && one == most ? name : "");
            ra_top_add(v->p, shown == 0 && one == most ? "" : ", ");
            ra_top_add_text(v->p, one->string, 0);
            ra_top_add(v->p, " %s", ra_top_whole(one->valuedouble, s));
        }
    }
    if (v->p->line.n)
        ra_top_line(v->p);
}

/* ---- lists ---- */

static void show_pattern(view *v, const cJSON *one, size_t i)
{
    static const enum ra_top_pattern_count shown[] = {RA_TOP_P_HIT, RA_TOP_P_MISS, RA_TOP_P_BYPASS,
                                                      RA_TOP_P_WRITE};
    char s[RA_TOP_NUMBER_MAX], name[512];
    double x[CURVE];
    const char *pattern = text(one, "pattern"), *table = text(one, "table");
    snprintf(name, sizeof name, "%s%s%s", table ? table : "", pattern ? " " : "", pattern ? pattern : "");
    ra_top_add_text(v->p, name, 30);
    ra_top_add(v->p, "%8s", ra_top_percent(ra_top_pattern_ratio(v->h, i), s));
    for (unsigned c = 0; c < sizeof shown / sizeof *shown; c++)
        ra_top_add(v->p, "%9s", ra_top_number(ra_top_pattern_rate(v->h, i, shown[c]), s));
    ra_top_add(v->p, "  %-8s", ra_top_duration(number(one, "ttl_ms"), s));
    if (ra_top_samples(v->h) >= 3)
        ra_top_add_curve(v->p, x, ra_top_pattern_ratio_series(v->h, i, x, CURVE), 1);
    ra_top_line(v->p);
}

static void show_patterns(view *v, size_t most)
{
    const cJSON *one;
    size_t i = 0;
    ra_top_line(v->p);
    ra_top_add(v->p, RA_LOOK_TITLE "%-30s%8s%9s%9s%9s%9s  %-8s%s" RA_LOOK_PLAIN, "Pattern", "ratio", "hits/s",
               "misses/s", "bypass/s", "writes/s", "TTL", v->p->utf8 ? "hit ratio" : "");
    ra_top_line(v->p);
    cJSON_ArrayForEach(one, member(v->live, "patterns"))
    {
        if (i < most)
            show_pattern(v, one, i);
        i++;
    }
    if (i > most) {
        ra_top_add(v->p, RA_LOOK_FAINT "and %zu more", i - most);
        ra_top_line(v->p);
    }
}

static void show_keys(view *v, size_t most)
{
    char s[RA_TOP_NUMBER_MAX];
    const cJSON *one;
    size_t i = 0;
    if (!cJSON_GetArraySize(member(v->live, "top_keys")) || !most)
        return;
    ra_top_line(v->p);
    ra_top_add(v->p, RA_LOOK_TITLE "%-30s%10s  %s" RA_LOOK_PLAIN, "Hottest keys", "reads", "of");
    ra_top_line(v->p);
    cJSON_ArrayForEach(one, member(v->live, "top_keys"))
    {
        const char *key = text(one, "key"), *digest = text(one, "digest"), *pattern = text(one, "pattern");
        char first[17];
        snprintf(first, sizeof first, "%s", digest ? digest : "");
        if (i++ == most)
            break;
        ra_top_add_text(v->p, key ? key : first, 30);
        ra_top_add(v->p, "%10s  ", ra_top_whole(number(one, "reads"), s));
        ra_top_add_text(v->p, text(one, "table"), 0);
        ra_top_add(v->p, pattern ? " " : "");
        ra_top_add_text(v->p, pattern ? pattern : "", 0);
        ra_top_line(v->p);
    }
}

/* The newest first. */
static void show_events(view *v, size_t most)
{
    char s[RA_TOP_NUMBER_MAX];
    const cJSON *all = member(v->live, "events");
    int n = cJSON_GetArraySize(all);
    if (!n || !most)
        return;
    ra_top_line(v->p);
    title(v, "Events");
    ra_top_line(v->p);
    for (size_t i = 0; i < most && n-- > 0; i++) {
        const cJSON *one = cJSON_GetArrayItem(all, n);
        ra_top_add(v->p, "%s  ", ra_top_clock(number(one, "at"), s));
        ra_top_add_text(v->p, text(one, "kind"), 9);
        ra_top_add(v->p, " ");
        ra_top_add_text(v->p, text(one, "text"), 0);
        ra_top_line(v->p);
    }
}

/* How the lines that are left are shared out. */
static void show_lists(view *v)
{
    size_t left = ra_top_lines_left(v->p);
    if (left == SIZE_MAX) {
        show_patterns(v, PATTERNS);
        show_keys(v, SHOWN);
        show_events(v, SHOWN);
        return;
    }
    size_t patterns = (size_t)cJSON_GetArraySize(member(v->live, "patterns"));
    size_t room = left > 2 ? left - 2 : 0; /* a blank line and the columns' names */
    size_t half = left < 12 ? room : left / 2;
    show_patterns(v, patterns <= half ? patterns : half > 1 ? half - 1 : 0);
    left = ra_top_lines_left(v->p);
    size_t events = (size_t)cJSON_GetArraySize(member(v->live, "events"));
    size_t of_events = events < left / 2 ? events : left / 2;
    show_keys(v, left > of_events + 4 ? left - of_events - 4 : 0);
    left = ra_top_lines_left(v->p);
    show_events(v, left > 2 ? left - 2 : 0);
}

bool ra_top_view(const ra_top_history *h, const ra_top_place *place, ra_top_page *shape, ra_buf *out)
{
    view v = {.h = h, .live = ra_top_live(h), .p = shape};
    ra_top_page_begin(shape, out);
    show_head(&v, place);
    show_block(&v);
    show_curves(&v);
    show_money(&v);
    show_compare(&v);
    show_memory(&v);
    show_breakers(&v);
    show_streams(&v);
    show_reasons(&v, "Bypassed    ", member(v.live, "bypasses"));
    show_reasons(&v, "Not filled  ", member(v.live, "refused_fills"));
    show_lists(&v);
    ra_top_page_end(shape);
    return ra_buf_ok(out);
}
