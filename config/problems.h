/*
 * Collecting what is wrong with a configuration (the list itself is in config/config.h).
 *
 * Lists at most RA_PROBLEMS_MAX; a last entry counts the rest. `errors` counts all errors, also those that
 * are not listed or for which there was no memory, so that a bad file can never pass for a good one.
 */
#ifndef RA_CONFIG_PROBLEMS_H
#define RA_CONFIG_PROBLEMS_H

#include "config/config.h"

enum { RA_PROBLEMS_MAX = 1000 };

/* `path` is taken: malloc'ed by the caller (NULL: there was no memory for it), freed with the list. */
void ra_problems_add(ra_problems *p, bool warning, int line, char *path_take, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* An error of the file as a whole or of a line of it, before there are any paths. */
void ra_problems_add_file(ra_problems *p, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* To the file's order: by line, and as they came within one line. */
void ra_problems_sort(ra_problems *p);

#endif
