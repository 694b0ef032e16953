/*
 * The parts of the JSON reader that look inside strings: decoding, and finding duplicate member names. Only
 * json*.c include it. Everything here takes strings that the parser has checked.
 */
#ifndef RA_PROXY_JSON_NAMES_H
#define RA_PROXY_JSON_NAMES_H

#include "cache/bytes.h"

#include <stdint.h>

/* A member's name: offsets of what stands between its quotes. */
typedef struct ra_json_name {
    uint32_t start;
    uint32_t end;
    uint32_t token;
    uint32_t key; /* bit 0: escaped; the others: a hash of the decoded name, once it has been sorted */
} ra_json_name;

enum ra_json_names_result { RA_JSON_NAMES_DISTINCT, RA_JSON_NAMES_DUPLICATE, RA_JSON_NAMES_NO_MEMORY };

/* Are n names distinct? May reorder them. *at is the offset of the later name of a pair that isn't. */
enum ra_json_names_result ra_json_names_distinct(const char *text, ra_json_name *v, size_t n, uint32_t *at);
/*
 * Merge sort by hash, then by decoded bytes: a worst case of O(n log n) that no choice of names can spoil,
 * and the text itself is touched only where hashes are equal. false: no memory.
 */
bool ra_json_names_sort(const char *text, ra_json_name *v, size_t n);

/* Decodes n checked bytes from between a string's quotes into out, which has room for n; the length. */
size_t ra_json_decode(const char *p, size_t n, char *out);
/* Is checked, escaped text, decoded, equal to plain bytes? */
bool ra_json_decodes_to(ra_bytes escaped, ra_bytes plain);

#endif
