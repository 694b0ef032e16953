/*
 * Items as rows of a readable table, page after page. Columns are those that are named first, then, where
 * asked for, the other attributes of the first page. Ownership: a view copies names. Threads: main's only.
 */
#ifndef RA_PROXY_DDB_VIEW_H
#define RA_PROXY_DDB_VIEW_H

#include "proxy/json.h"
#include "proxy/text_table.h"

enum { RA_DDB_VIEW_NAMES_MAX = 1 << 20, RA_DDB_VIEW_CELL_MAX = 64 << 20, RA_DDB_VIEW_LEFT_OUT = 8 };

typedef struct ra_ddb_view {
    ra_text_table *table;
    ra_arena names;
    ra_bytes attributes[RA_TEXT_TABLE_COLUMNS]; /* of each column */
    size_t ncolumns;
    ra_bytes left_out[RA_DDB_VIEW_LEFT_OUT]; /* attributes that have no column, the first few that came */
    size_t nleft_out;
    bool more_left_out;
} ra_ddb_view;

/* false: no memory; it is to be freed all the same. */
bool ra_ddb_view_begin(ra_ddb_view *v, FILE *out, size_t width);
void ra_ddb_view_free(ra_ddb_view *v);
/* false: no memory, or too many. */
bool ra_ddb_view_column(ra_ddb_view *v, ra_bytes title, ra_bytes attribute);
/* A column for each attribute of these items that has none yet, in the order in which they come. */
bool ra_ddb_view_discover(ra_ddb_view *v, const ra_json *j, uint32_t items);
/* One row. `strict`: what has no column is noted in left_out. false: no item, no memory. */
bool ra_ddb_view_row(ra_ddb_view *v, const ra_json *j, uint32_t item, bool strict);

#endif
