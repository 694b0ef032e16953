/*
 * The access keys that clients of the wire API sign with: a file, loaded whole or not at all.
 *
 *   { "keys": [ { "access_key_id": "...", "secret_access_key": "...", "read_only": false,
 *                 "tables": ["orders", "users-*"], "operations": ["GetItem", "Batch*"] } ] }
 *
 * Comments are allowed, as in the configuration; `tables` and `operations` are globs ('*' any run, '?' one
 * character), absent: all; an empty list: none. A file that anybody but its owner (and group) may read is
 * warned of. Unknown or repeated members, two keys of one id, an empty secret, an id with other characters
 * than [A-Za-z0-9_], at most 128, are errors.
 *
 * Ownership: immutable and reference-counted; a key lives as long as its set. Threads: any. Secrets are never
 * logged, and wiped when the set goes.
 */
#ifndef RA_PROXY_ACCESS_KEYS_H
#define RA_PROXY_ACCESS_KEYS_H

#include "cache/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { RA_ACCESS_KEYS_MAX = 10000, RA_ACCESS_KEYS_FILE_MAX = 8 << 20, RA_ACCESS_KEYS_WHY_MAX = 512 };

typedef struct ra_globs {
    char **v;
    size_t n;
} ra_globs;

typedef struct ra_access_key {
    uint64_t serial; /* unique in this process, and so for one content of the file: 1 and up */
    char *id;
    char *secret;
    bool read_only;
    ra_globs *tables;     /* NULL: all */
    ra_globs *operations; /* NULL: all */
} ra_access_key;

typedef struct ra_access_keys ra_access_keys;

/* NULL with *why ("FILE:LINE: ..."), which holds no secret. */
ra_access_keys *ra_access_keys_load(const char *path, char why[RA_ACCESS_KEYS_WHY_MAX]);
/* The same from memory; `path` is for messages. */
ra_access_keys *ra_access_keys_parse(ra_bytes text, const char *path, char why[RA_ACCESS_KEYS_WHY_MAX]);
ra_access_keys *ra_access_keys_ref(ra_access_keys *k);
void ra_access_keys_unref(ra_access_keys *k); /* NULL is allowed */

size_t ra_access_keys_count(const ra_access_keys *k);
/* The key of that id, or NULL. */
const ra_access_key *ra_access_keys_find(const ra_access_keys *k, ra_bytes id);

#endif
