#include "proxy/cli_cache_show.h"

#include "cache/key_hex.h"
#include "proxy/markers_show.h"
#include "proxy/text_table.h"

#include <inttypes.h>
#include <stdlib.h>

enum { SHOWN_DIGITS = 16, NUMBER_MAX = 24, JSON_MAX = 64 << 20 };

static ra_text_table *table_new(FILE *out, const char *const *titles, const bool *numbers, size_t n)
{
    ra_text_table *t = ra_text_table_new(out, ra_text_table_terminal(out));
    bool ok = t != NULL;
    for (size_t i = 0; ok && i < n; i++)
        ok = ra_text_table_column(t, ra_bytes_z(titles[i]), numbers[i]);
    if (ok)
        return t;
    ra_text_table_free(t);
    return NULL;
}

static bool cell(ra_text_table *t, const char *text)
{
    return ra_text_table_cell(t, ra_bytes_z(text));
}

static bool number_cell(ra_text_table *t, uint64_t n)
{
    char text[NUMBER_MAX];
    snprintf(text, sizeof text, "%" PRIu64, n);
    return cell(t, text);
}

static bool key_cell(ra_text_table *t, const ra_key *k)
{
    char hex[RA_KEY_HEX + 1];
    ra_key_hex(k, hex);
    return ra_text_table_cell(t, (ra_bytes){hex, SHOWN_DIGITS});
}

/* ---- units ---- */

static bool state_cell(ra_text_table *t, const ra_unit_view *v)
{
    char in[RA_MARKERS_TIME_MAX], text[RA_MARKERS_TIME_MAX + 32];
    ra_markers_in(v->marked_for, in);
    snprintf(text, sizeof text, "held, the last ends %s", in);
    if (v->state == RA_UNIT_MARKED)
        return cell(t, v->marked_for > 0 ? text : "held by a write");
    return cell(t, v->n ? "cached" : v->state == RA_UNIT_DATA ? "ready" : "empty");
}

static bool unit_rows(FILE *out, const ra_markers_unit *asked, const ra_unit_view *v, size_t n)
{
    static const char *const titles[] = {"of the", "unit", "state", "entries", "bytes"};
    static const bool numbers[] = {false, false, false, true, true};
    ra_text_table *t = table_new(out, titles, numbers, 5);
    bool ok = t != NULL;
    for (size_t i = 0; ok && i < n; i++)
        ok = cell(t, asked[i].kind) && key_cell(t, &v[i].unit) && state_cell(t, &v[i]) &&
             number_cell(t, v[i].n) && number_cell(t, ra_unit_view_bytes(&v[i]));
    ok = ok && ra_text_table_flush(t);
    ra_text_table_free(t);
    return ok;
}

static bool entry_row(ra_text_table *t, const char *kind, const ra_unit_view *v, const ra_unit_entry *e)
{
    char expires[RA_MARKERS_TIME_MAX], keeps[RA_MARKERS_TIME_MAX];
    bool item = v->named && ra_key_eq(&v->name, &e->request);
    ra_markers_in(e->expires_in, expires);
    ra_markers_in(e->keeps_in, keeps);
    return cell(t, kind) && key_cell(t, &e->request) && cell(t, item ? "GetItem" : NULL) &&
           number_cell(t, e->bytes) && cell(t, expires) && cell(t, keeps);
}

static bool entry_rows(FILE *out, const ra_markers_unit *asked, const ra_unit_view *v, size_t n)
{
    static const char *const titles[] = {"in the", "entry", "request", "bytes", "expires", "goes"};
    static const bool numbers[] = {false, false, false, true, false, false};
    ra_text_table *t = table_new(out, titles, numbers, 6);
    bool ok = t != NULL;
    for (size_t i = 0; ok && i < n; i++)
        for (size_t k = 0; ok && k < v[i].n; k++)
            ok = entry_row(t, asked[i].kind, &v[i], &v[i].entries[k]);
    ok = ok && ra_text_table_flush(t);
    ra_text_table_free(t);
    return ok;
}

static void say_rest(FILE *out, const ra_unit_view *v, size_t n)
{
    uint64_t entries = 0, overtaken = 0;
    bool unlisted = false;
    for (size_t i = 0; i < n; i++) {
        entries += v[i].n;
        overtaken += v[i].overtaken;
        unlisted = unlisted || v[i].unlisted;
    }
    fprintf(out, "\n%" PRIu64 " entr%s", entries, entries == 1 ? "y" : "ies");
    if (overtaken)
        fprintf(out, "; %" PRIu64 " more %s no longer served", overtaken, overtaken == 1 ? "is" : "are");
    fputc('\n', out);
    if (unlisted)
        fputs("Momento can't list what it holds: of the entries only the item itself is looked for.\n", out);
}

static bool json_units(FILE *out, const char *store, const ra_markers_unit *asked, const ra_unit_view *v,
                       size_t n)
{
    ra_buf b;
    uint64_t entries = 0, bytes = 0;
    ra_buf_init(&b, JSON_MAX);
    ra_buf_addf(&b, "{\"store\": \"%s\", \"units\": [", store);
    for (size_t i = 0; i < n; i++) {
        ra_buf_addf(&b, "%s\n{\"kind\": \"%s\", ", i ? "," : "", asked[i].kind);
        ra_cache_view_write(&v[i], &b);
        ra_buf_add_char(&b, '}');
        entries += v[i].n;
        bytes += ra_unit_view_bytes(&v[i]);
    }
    ra_buf_addf(&b, "\n], \"total\": {\"entries\": %" PRIu64 ", \"bytes\": %" PRIu64 "}}\n", entries, bytes);
    bool ok = ra_buf_ok(&b);
    if (ok)
        fwrite(b.p, 1, b.n, out);
    ra_buf_free(&b);
    return ok;
}

bool ra_cache_show_units(FILE *out, const char *store, const ra_markers_unit *asked, const ra_unit_view *v,
                         size_t n, bool json)
{
    bool any = false;
    if (json)
        return json_units(out, store, asked, v, n);
    for (size_t i = 0; i < n; i++)
        any = any || v[i].n;
    if (!unit_rows(out, asked, v, n))
        return false;
    if (any)
        fputc('\n', out);
    if (any && !entry_rows(out, asked, v, n))
        return false;
    say_rest(out, v, n);
    return true;
}

/* ---- what was dropped ---- */

static void json_dropped(FILE *out, const char *store, const ra_markers_unit *asked, const bool *dropped,
                         size_t n)
{
    fprintf(out, "{\"store\": \"%s\", \"units\": [", store);
    for (size_t i = 0; i < n; i++) {
        char hex[RA_KEY_HEX + 1];
        ra_key_hex(&asked[i].unit, hex);
        fprintf(out, "%s\n{\"kind\": \"%s\", \"unit\": \"%s\", \"dropped\": %s}", i ? "," : "", asked[i].kind,
                hex, dropped[i] ? "true" : "false");
    }
    fputs("\n]}\n", out);
}

bool ra_cache_show_dropped(FILE *out, const char *store, const ra_markers_unit *asked, const bool *dropped,
                           size_t n, bool json)
{
    static const char *const titles[] = {"of the", "unit", "what was done"};
    static const bool numbers[] = {false, false, false};
    if (json) {
        json_dropped(out, store, asked, dropped, n);
        return true;
    }
    ra_text_table *t = table_new(out, titles, numbers, 3);
    bool ok = t != NULL;
    for (size_t i = 0; ok && i < n; i++)
        ok = cell(t, asked[i].kind) && key_cell(t, &asked[i].unit) &&
             cell(t, dropped[i] ? "dropped" : "nothing was cached");
    ok = ok && ra_text_table_flush(t);
    ra_text_table_free(t);
    return ok;
}

/* ---- counters ---- */

/* "near.entries" for what stands in an object. */
static bool stats_rows(ra_text_table *t, const char *before, const cJSON *object)
{
    const cJSON *one;
    bool ok = true;
    cJSON_ArrayForEach(one, object)
    {
        char name[96];
        snprintf(name, sizeof name, "%s%s", before, one->string ? one->string : "");
        char *text = cJSON_IsString(one) ? NULL : cJSON_PrintUnformatted(one);
        if (cJSON_IsObject(one)) {
            char inner[100];
            snprintf(inner, sizeof inner, "%s.", name);
            ok = ok && stats_rows(t, inner, one);
        } else {
            ok = ok && cell(t, name) && cell(t, cJSON_IsString(one) ? one->valuestring : text);
        }
        cJSON_free(text);
    }
    return ok;
}

bool ra_cache_show_stats(FILE *out, const cJSON *stats, bool json)
{
    static const char *const titles[] = {"counter", "value"};
    static const bool numbers[] = {false, true};
    if (json) {
        char *text = cJSON_PrintUnformatted(stats);
        if (text)
            fprintf(out, "%s\n", text);
        cJSON_free(text);
        return text != NULL;
    }
    ra_text_table *t = table_new(out, titles, numbers, 2);
    bool ok = t && stats_rows(t, "", stats) && ra_text_table_flush(t);
    ra_text_table_free(t);
    return ok;
}
