/*
 * What stands on units, as a table or as JSON, row by row as it comes; what it came to, at the end.
 * Threads: main's only. Errors: false without memory; those of `out` stay to be seen in ferror.
 */
#ifndef RA_PROXY_MARKERS_SHOW_H
#define RA_PROXY_MARKERS_SHOW_H

#include "cache/redis_markers_scan.h"
#include "proxy/text_table.h"

enum { RA_MARKERS_TIME_MAX = 64 };

/* "in 14m 3s", rounded up to the next second; "over" if there is nothing left. */
void ra_markers_in(int64_t ms, char out[RA_MARKERS_TIME_MAX]);
/* ISO 8601 in UTC: "2026-07-01T12:00:00.000Z". `ms` since the epoch, at least 0. */
void ra_markers_iso(int64_t ms, char out[RA_MARKERS_TIME_MAX]);

enum ra_markers_view {
    RA_MARKERS_HELD,  /* units that are held: those that live markers stand on */
    RA_MARKERS_ASKED, /* units that were asked for, held or not */
    RA_MARKERS_CLEARED
};

typedef struct ra_markers_show {
    FILE *out;
    enum ra_markers_view view;
    ra_text_table *table;            /* NULL: JSON */
    uint64_t rows, units;            /* rows shown; units that are held, or cleared */
    uint64_t markers;                /* that live, or were removed */
    uint64_t expired, expired_units; /* cleared ones are counted as markers, too */
} ra_markers_show;

/* `terminal`: its width, 0: none. Nothing is written yet. To be freed in any case. */
bool ra_markers_show_begin(ra_markers_show *s, FILE *out, enum ra_markers_view view, bool json,
                           size_t terminal);
/* `kind` is for RA_MARKERS_ASKED. A unit that isn't the view's is only counted. */
bool ra_markers_show_unit(ra_markers_show *s, const char *kind, const ra_marked_unit *u);
/* Writes out what waits. */
bool ra_markers_show_flush(ra_markers_show *s);
bool ra_markers_show_end(ra_markers_show *s);
void ra_markers_show_free(ra_markers_show *s);

#endif
