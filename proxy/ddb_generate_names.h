/*
 * Names from many languages, as people there write them, and in ASCII for handles. Data; any thread.
 *
 * A list is RA_NAMES_EACH names with a space between two; a name that isn't ASCII is followed by '|' and how
 * it is spelled in ASCII, with the letters a to z only.
 */
#ifndef RA_PROXY_DDB_GENERATE_NAMES_H
#define RA_PROXY_DDB_GENERATE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

enum { RA_NAMES_EACH = 12 };

/* First and family names that go together. No two languages share a first and a family name in ASCII. */
typedef struct ra_language {
    const char *first;
    const char *family;
    bool family_first;
    bool joined; /* no space between the two */
} ra_language;

extern const ra_language ra_languages[];
extern const size_t ra_nlanguages;

#endif
