/*
 * A strict reader of JSON (RFC 8259) that keeps nothing: it says whether the text is JSON, in words for a
 * person if it isn't, and on which line each value stands. Pure.
 */
#ifndef RA_CONFIG_SCAN_H
#define RA_CONFIG_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum { RA_SCAN_DEPTH_MAX = 32, RA_SCAN_ERROR_MAX = 160 };

/*
 * Calls `value` for every value in document order with its line (a member's: its name's); false from it means
 * that there is no memory. false: *line and error say where and what.
 */
bool ra_scan(const char *text, size_t len, bool (*value)(void *arg, int line), void *arg, int *line,
             char error[RA_SCAN_ERROR_MAX]);

#endif
