/* "Did you mean": the nearest of some names to a misspelt one. Pure. */
#ifndef RA_CONFIG_SUGGEST_H
#define RA_CONFIG_SUGGEST_H

#include <stddef.h>

/*
 * The number of single-byte insertions, deletions, replacements and swaps of neighbours between a and b,
 * ignoring ASCII case; `limit` + 1 if there are more than `limit`. Names longer than 64 bytes are never near.
 */
size_t ra_suggest_distance(const char *a, const char *b, size_t limit);
/* The nearest name, NULL if none is near: at most a third of the word's letters (but one at least) differ. */
const char *ra_suggest(const char *word, const char *const *names, size_t n);

#endif
