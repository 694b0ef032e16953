/*
 * A readable table: a header, then rows whose columns stand under each other, two spaces apart. It streams:
 * rows wait until ra_text_table_flush, which takes the columns' widths from them; later rows are printed at
 * once.
 *
 * On a terminal cells are cut with an ellipsis so that a row fits. Elsewhere nothing is cut, so that grep and
 * awk find all there is: a cell that is wider than its column pushes the rest of its row to the right. A row
 * is one line whatever its cells hold (proxy/text_cell.h), and a cell is never empty: "-" is nothing, "" the
 * empty text.
 *
 * Ownership: the table copies what it is given. Threads: main's only. Errors: false without memory; those of
 * `out` stay to be seen in ferror.
 */
#ifndef RA_PROXY_TEXT_TABLE_H
#define RA_PROXY_TEXT_TABLE_H

#include "cache/bytes.h"

#include <stdio.h>

enum { RA_TEXT_TABLE_COLUMNS = 128, RA_TEXT_TABLE_WIDTH = 80 };

typedef struct ra_text_table ra_text_table;

/* `width` is the terminal's, 0: no terminal. NULL without memory. */
ra_text_table *ra_text_table_new(FILE *out, size_t width);
void ra_text_table_free(ra_text_table *t); /* NULL is allowed; rows that wait are lost */
/* The terminal's columns (RA_TEXT_TABLE_WIDTH where it doesn't say); 0: the file isn't a terminal. */
size_t ra_text_table_terminal(FILE *out);

/* Before the first cell. Numbers stand at the right. false also beyond RA_TEXT_TABLE_COLUMNS. */
bool ra_text_table_column(ra_text_table *t, ra_bytes title, bool number);
/* The row's next cell; p NULL: nothing. The last column's ends the row. */
bool ra_text_table_cell(ra_text_table *t, ra_bytes text);
/* Prints the header and what waits. */
bool ra_text_table_flush(ra_text_table *t);

#endif
