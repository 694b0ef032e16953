#include "proxy/markers_show.h"

#include "cache/key_hex.h"

#include <inttypes.h>
#include <time.h>

enum { SHOWN_DIGITS = 16, NUMBER_MAX = 24 };

void ra_markers_in(int64_t ms, char out[RA_MARKERS_TIME_MAX])
{
    int64_t s = ms / 1000 + (ms % 1000 > 0);
    if (ms <= 0)
        snprintf(out, RA_MARKERS_TIME_MAX, "over");
    else if (s < 60)
        snprintf(out, RA_MARKERS_TIME_MAX, "in %" PRId64 "s", s);
    else if (s < 3600)
        snprintf(out, RA_MARKERS_TIME_MAX, "in %" PRId64 "m %" PRId64 "s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(out, RA_MARKERS_TIME_MAX, "in %" PRId64 "h %" PRId64 "m", s / 3600, s % 3600 / 60);
    else
        snprintf(out, RA_MARKERS_TIME_MAX, "in %" PRId64 "d %" PRId64 "h", s / 86400, s % 86400 / 3600);
}

void ra_markers_iso(int64_t ms, char out[RA_MARKERS_TIME_MAX])
{
    time_t s = (time_t)(ms / 1000);
    struct tm t = {0};
    char date[RA_MARKERS_TIME_MAX / 2];
    gmtime_r(&s, &t);
    size_t n = strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(out, RA_MARKERS_TIME_MAX, "%.*s.%03dZ", (int)n, date, (int)(ms % 1000));
}

/* ---- rows ---- */

bool ra_markers_show_begin(ra_markers_show *s, FILE *out, enum ra_markers_view view, bool json,
                           size_t terminal)
{
    static const struct {
        unsigned views; /* a bit each */
        bool number;
        const char *title;
    } columns[] = {
        {1 << RA_MARKERS_ASKED, false, "of the"},
        {1 << RA_MARKERS_HELD | 1 << RA_MARKERS_ASKED | 1 << RA_MARKERS_CLEARED, false, "unit"},
        {1 << RA_MARKERS_HELD | 1 << RA_MARKERS_ASKED, true, "markers"},
        {1 << RA_MARKERS_HELD | 1 << RA_MARKERS_ASKED, true, "expired"},
        {1 << RA_MARKERS_HELD | 1 << RA_MARKERS_ASKED, false, "the last ends"},
        {1 << RA_MARKERS_HELD | 1 << RA_MARKERS_ASKED, false, "at"},
        {1 << RA_MARKERS_CLEARED, true, "removed"},
        {1 << RA_MARKERS_CLEARED, true, "of them expired"},
    };
    *s = (ra_markers_show){.out = out, .view = view};
    if (json)
        return true;
    s->table = ra_text_table_new(out, terminal);
    bool ok = s->table != NULL;
    for (size_t i = 0; ok && i < sizeof columns / sizeof *columns; i++) {
        if (columns[i].views >> view & 1)
            ok = ra_text_table_column(s->table, ra_bytes_z(columns[i].title), columns[i].number);
    }
    return ok;
}

static bool cell(ra_markers_show *s, const char *text)
{
    return ra_text_table_cell(s->table, ra_bytes_z(text));
}

static bool number_cell(ra_markers_show *s, uint64_t n)
{
    char text[NUMBER_MAX];
    snprintf(text, sizeof text, "%" PRIu64, n);
    return cell(s, text);
}

/* When the unit is free again, unless new markers come. */
static bool deadline_cells(ra_markers_show *s, const ra_marked_unit *u)
{
    char in[RA_MARKERS_TIME_MAX], at[RA_MARKERS_TIME_MAX];
    bool known = u->latest && !u->unreadable;
    ra_markers_in(u->latest - u->now, in);
    ra_markers_iso(u->latest, at);
    return cell(s, known ? in : u->unreadable ? "never: unreadable" : NULL) && cell(s, known ? at : NULL);
}

static bool text_row(ra_markers_show *s, const char *kind, const ra_marked_unit *u)
{
    char hex[RA_KEY_HEX + 1];
    ra_key_hex(&u->unit, hex);
    if ((s->view == RA_MARKERS_ASKED && !cell(s, kind)) ||
        !ra_text_table_cell(s->table, (ra_bytes){hex, SHOWN_DIGITS}))
        return false;
    if (s->view == RA_MARKERS_CLEARED)
        return number_cell(s, u->live + u->expired) && number_cell(s, u->expired);
    return number_cell(s, u->live) && number_cell(s, u->expired) && deadline_cells(s, u);
}

static void json_row(ra_markers_show *s, const char *kind, const ra_marked_unit *u)
{
    char hex[RA_KEY_HEX + 1], at[RA_MARKERS_TIME_MAX];
    ra_key_hex(&u->unit, hex);
    fprintf(s->out, "%s\n{", s->rows ? "," : "{\"units\": [");
    if (s->view == RA_MARKERS_ASKED)
        fprintf(s->out, "\"kind\": \"%s\", \"held\": %s, ", kind, u->live ? "true" : "false");
    fprintf(s->out, "\"unit\": \"%s\", ", hex);
    if (s->view == RA_MARKERS_CLEARED) {
        fprintf(s->out, "\"removed\": %" PRIu64 ", \"expired\": %" PRIu64 "}", u->live + u->expired,
                u->expired);
        return;
    }
    fprintf(s->out, "\"markers\": %" PRIu64 ", \"unreadable\": %" PRIu64 ", \"expired\": %" PRIu64 ", ",
            u->live, u->unreadable, u->expired);
    ra_markers_iso(u->latest, at);
    if (u->latest)
        fprintf(s->out, "\"latest_deadline\": \"%s\", \"remaining_ms\": %" PRId64 "}", at,
                u->latest - u->now);
    else
        fputs("\"latest_deadline\": null, \"remaining_ms\": null}", s->out);
}

static bool belongs(const ra_markers_show *s, const ra_marked_unit *u)
{
    return s->view == RA_MARKERS_ASKED || u->live || (s->view == RA_MARKERS_CLEARED && u->expired);
}

bool ra_markers_show_unit(ra_markers_show *s, const char *kind, const ra_marked_unit *u)
{
    bool cleared = s->view == RA_MARKERS_CLEARED;
    s->units += u->live || (cleared && u->expired);
    s->markers += u->live + (cleared ? u->expired : 0);
    s->expired += u->expired;
    s->expired_units += u->expired > 0;
    if (!belongs(s, u))
        return true;
    if (s->table && !text_row(s, kind, u))
        return false;
    if (!s->table)
        json_row(s, kind, u);
    s->rows++;
    return true;
}

bool ra_markers_show_flush(ra_markers_show *s)
{
    return !s->table || s->rows == 0 || ra_text_table_flush(s->table);
}

/* ---- the end ---- */

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void text_total(const ra_markers_show *s)
{
    if (s->rows)
        fputc('\n', s->out);
    if (s->view == RA_MARKERS_CLEARED) {
        fprintf(s->out, "%" PRIu64 " marker%s removed from %" PRIu64 " unit%s\n", s->markers,
                plural(s->markers), s->units, plural(s->units));
        return;
    }
    if (s->units)
        fprintf(s->out, "%" PRIu64 " unit%s held by %" PRIu64 " marker%s", s->units,
                s->units == 1 ? " is" : "s are", s->markers, plural(s->markers));
    else
        fputs(s->view == RA_MARKERS_ASKED ? "none of them is held" : "no unit is held", s->out);
    if (s->expired)
        fprintf(s->out, "; expired: %" PRIu64 " marker%s on %" PRIu64 " unit%s", s->expired,
                plural(s->expired), s->expired_units, plural(s->expired_units));
    fputc('\n', s->out);
}

static void json_total(const ra_markers_show *s)
{
    bool cleared = s->view == RA_MARKERS_CLEARED;
    fprintf(
        s->out, "%s], \"total\": {\"units\": %" PRIu64 ", \"%s\": %" PRIu64 ", \"expired\": %" PRIu64 "}}\n",
        s->rows ? "\n" : "{\"units\": [", s->units, cleared ? "removed" : "markers", s->markers, s->expired);
}

bool ra_markers_show_end(ra_markers_show *s)
{
    if (!ra_markers_show_flush(s))
        return false;
    if (s->table)
        text_total(s);
    else
        json_total(s);
    return true;
}

void ra_markers_show_free(ra_markers_show *s)
{
    ra_text_table_free(s->table);
    s->table = NULL;
}
