/*
 * Records that can't be handled, kept for a person: a file of JSON lines, which is only ever added to.
 *
 *   {"at": "2024-06-11T18:42:28Z", "rule": "newest-message", "table": "T", "tries": 5,
 *    "error": "ValidationException: …", "record": {"eventName": "INSERT", "dynamodb": {…}}}
 *
 * A line is on the disk when ra_dead_letters_add returns: only then the record may count as handled. A file
 * that has been moved away or deleted is begun anew, so that logs' rotation can't hide lines. Items' data is
 * in it, so the file is its owner's alone (0600). Threads: any.
 */
#ifndef RA_PROXY_DEAD_LETTERS_H
#define RA_PROXY_DEAD_LETTERS_H

#include "cache/bytes.h"

#include <stdint.h>

enum { RA_DEAD_LETTER_MAX = 16 << 20 };

typedef struct ra_dead_letters ra_dead_letters;

typedef struct ra_dead_letter {
    const char *rule, *table;
    unsigned tries;
    ra_bytes error;
    ra_bytes record; /* JSON */
} ra_dead_letter;

/* A line that was cut short (the machine went down) is ended. NULL: *why, a static text or strerror's. */
ra_dead_letters *ra_dead_letters_open(const char *path, const char **why);
void ra_dead_letters_close(ra_dead_letters *d); /* NULL is allowed */
/* `wall`: ms since the epoch. false: it isn't on the disk, *why says why. */
bool ra_dead_letters_add(ra_dead_letters *d, const ra_dead_letter *letter, int64_t wall, const char **why);

#endif
