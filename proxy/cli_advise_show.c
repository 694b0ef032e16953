/* The advisor's curve as a table with bars. */
#include "proxy/cli_advise.h"

#include "config/units.h"
#include "proxy/text_cell.h"
#include "proxy/text_table.h"

#include <string.h>
#include <time.h>

enum { BAR = 24 };

static double number(const cJSON *object, const char *name)
{
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(n) ? n->valuedouble : 0;
}

static const char *word(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

bool ra_cli_advice_is_of(const cJSON *advice, const char *pattern)
{
    const char *own = word(advice, "pattern"), *name = own ? own : word(advice, "table");
    return !pattern || (name && strcmp(name, pattern) == 0);
}

bool ra_cli_advice_edit(const cJSON *advice, ra_edit *out)
{
    double current = number(advice, "current_ms"), recommended = number(advice, "recommended_ms");
    bool is_time = recommended >= 1 && recommended < 0x1p53;
    *out = (ra_edit){.table = word(advice, "table"),
                     .pattern = word(advice, "pattern"),
                     .ttl = is_time ? (int64_t)recommended : 0};
    return out->table && is_time && recommended != current;
}

static bool cell(ra_text_table *t, const char *text)
{
    return ra_text_table_cell(t, ra_bytes_z(text));
}

static bool time_cell(ra_text_table *t, double ms)
{
    static const int64_t units[] = {INT64_C(24) * 3600000, 3600000, 60000, 1000};
    char text[RA_UNIT_TEXT_MAX];
    int64_t whole = ms >= 0 && ms < 0x1p53 ? (int64_t)ms : 0;
    /* An average: two figures are what it is good for. */
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (whole >= 10 * units[i]) {
            whole -= whole % units[i];
            break;
        }
    ra_duration_format(whole, text);
    return cell(t, text);
}

static bool size_cell(ra_text_table *t, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB"};
    char text[RA_UNIT_TEXT_MAX];
    size_t unit = 0;
    for (; bytes >= 1024 && unit < 3; unit++)
        bytes /= 1024;
    snprintf(text, sizeof text, "%.*f %s", bytes < 10 && unit ? 1 : 0, bytes, units[unit]);
    return cell(t, text);
}

static bool point_row(ra_text_table *t, const cJSON *p, double current, double recommended)
{
    char ttl[RA_UNIT_TEXT_MAX], ratio[16], units[RA_UNIT_TEXT_MAX], bar[BAR + 1];
    double ms = number(p, "ttl_ms"), hits = number(p, "hit_ratio");
    size_t length = hits >= 1 ? BAR : hits > 0 ? (size_t)(hits * BAR + 0.5) : 0;
    ra_duration_format(ms >= 0 && ms < 0x1p53 ? (int64_t)ms : 0, ttl);
    snprintf(ratio, sizeof ratio, "%.3f", hits);
    snprintf(units, sizeof units, "%.1f", number(p, "units_per_s"));
    memset(bar, '#', length);
    bar[length] = '\0';
    const char *mark = ms == recommended && ms != current ? "better" : ms == current ? "now" : NULL;
    return cell(t, ttl) && ra_text_table_cell(t, mark ? ra_bytes_z(mark) : (ra_bytes){" ", 1}) &&
           cell(t, ratio) && ra_text_table_cell(t, length ? (ra_bytes){bar, length} : (ra_bytes){" ", 1}) &&
           cell(t, units) && size_cell(t, number(p, "bytes")) && time_cell(t, number(p, "stale_age_ms"));
}

static bool print_curve(const cJSON *advice, FILE *out)
{
    static const struct {
        const char *title;
        bool number;
    } columns[] = {{"ttl", true},          {"mark", false},  {"hit ratio", true},  {"of all reads", false},
                   {"read units/s", true}, {"memory", true}, {"age of hits", true}};
    const cJSON *points = cJSON_GetObjectItemCaseSensitive(advice, "points"), *p;
    ra_text_table *t = ra_text_table_new(out, 0);
    bool ok = t && cJSON_IsArray(points);
    for (size_t i = 0; ok && i < sizeof columns / sizeof *columns; i++)
        ok = ra_text_table_column(t, ra_bytes_z(columns[i].title), columns[i].number);
    if (ok)
        cJSON_ArrayForEach(p, points) ok =
            ok && point_row(t, p, number(advice, "current_ms"), number(advice, "recommended_ms"));
    ok = ok && ra_text_table_flush(t);
    ra_text_table_free(t);
    return ok;
}

static void print_text(const char *text, FILE *out)
{
    ra_buf shown;
    ra_buf_init(&shown, 4096);
    if (text && ra_text_cell_add(ra_bytes_z(text), &shown))
        fwrite(shown.p, 1, shown.n, out);
    ra_buf_free(&shown);
}

bool ra_cli_advice_print(const cJSON *advice, FILE *out)
{
    const char *pattern = word(advice, "pattern"), *reason = word(advice, "reason");
    time_t since = (time_t)(number(advice, "since") / 1000);
    struct tm utc;
    char when[32] = "?";
    if (!word(advice, "table") || !reason)
        return false;
    if (gmtime_r(&since, &utc))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M UTC", &utc);
    fputs("table ", out);
    print_text(word(advice, "table"), out);
    if (pattern) {
        fputs(", pattern ", out);
        print_text(pattern, out);
    }
    fprintf(out, ": %.0f reads, %.0f invalidations since %s\n", number(advice, "reads"),
            number(advice, "invalidations"), when);
    if (!print_curve(advice, out))
        return false;
    print_text(reason, out);
    fputc('\n', out);
    return true;
}
