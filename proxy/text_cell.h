/*
 * Text from outside as one cell of a table: shown harmlessly, and measured in columns of a terminal. Threads:
 * main's only (a locale is made once).
 */
#ifndef RA_PROXY_TEXT_CELL_H
#define RA_PROXY_TEXT_CELL_H

#include "cache/buf.h"

#include <stdint.h>

/*
 * Appends `text` with all that a terminal would act on, or that would break a line, spelt out: \n, \t, \r,
 * \x1b, \u202e; a byte that isn't UTF-8 is \xff. false: no memory.
 */
bool ra_text_cell_add(ra_bytes text, ra_buf *out);
/* The columns that a cell takes. `cell` comes from ra_text_cell_add. */
size_t ra_text_cell_width(ra_bytes cell);
/* The bytes of the longest beginning that takes at most `most` columns; *width is what it takes. A combining
 * mark stays with what it is on. */
size_t ra_text_cell_fit(ra_bytes cell, size_t most, size_t *width);

/* 0, 1 or 2 columns; -1 for what isn't printable. The second is for where the C library can't say. */
int ra_text_char_width(uint32_t c);
int ra_text_char_width_plain(uint32_t c);

#endif
