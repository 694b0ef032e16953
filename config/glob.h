/*
 * Globs over a partition key's text: '*' is any run of characters (also none), '?' exactly one UTF-8
 * character. There is no escape. Pure.
 */
#ifndef RA_CONFIG_GLOB_H
#define RA_CONFIG_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the whole text matches. Takes at most (length of the text) × (length of the glob) steps: after a
 * mismatch only the last star is tried again, so for a given glob the time is linear in the text.
 */
bool ra_glob_match(const char *glob, const char *text, size_t len);
/* Whether the glob matches every text: it is nothing but stars. */
bool ra_glob_matches_all(const char *glob);

#endif
