/*
 * What stands in Momento, and under which keys. Pure but for the nonce.
 *
 *   <prefix>ra1:<hex of the unit>                     the unit's *register*
 *   <prefix>ra1:<hex of the unit>:<hex of the request>  an entry
 *
 * A register is text: "I" and a nonce of 32 hex digits while the unit is *idle*, the same with "W" while a
 * write to it is under way. An idle register is the unit's generation. An entry carries the generations
 * under which it was filled, of its unit and of its guards: its *tags*. It is good only while the registers
 * are idle and equal to them.
 *
 * An entry's bytes: 0x01 · expires (8) · keeps (8) · number of guards (1) · each generation (33), the unit's
 * first · the sealed payload (cache/seal.h). Numbers are big endian; times are ms of the wall clock.
 */
#ifndef RA_CACHE_MOMENTO_RECORD_H
#define RA_CACHE_MOMENTO_RECORD_H

#include "cache/key_hex.h"
#include "cache/store.h"

enum {
    RA_MOMENTO_PREFIX_MOST = 160, /* bytes of a configured prefix */
    RA_MOMENTO_NAME_MAX = RA_MOMENTO_PREFIX_MOST + 4 + 2 * RA_KEY_HEX + 2,
    RA_MOMENTO_REGISTER_CHARS = 33,
    RA_MOMENTO_ENTRY_HEAD_MOST = 18 + (1 + RA_GUARDS_MAX) * RA_MOMENTO_REGISTER_CHARS
};

/* Keys. `prefix` has at most RA_MOMENTO_PREFIX_MOST bytes. */
ra_bytes ra_momento_register_name(const char *prefix, const ra_key *unit, char out[RA_MOMENTO_NAME_MAX]);
ra_bytes ra_momento_entry_name(const char *prefix, const ra_key *unit, const ra_key *request,
                               char out[RA_MOMENTO_NAME_MAX]);

enum ra_momento_register {
    RA_MOMENTO_IDLE,
    RA_MOMENTO_WRITING,
    RA_MOMENTO_FOREIGN /* not a register's text: nobody knows what it means */
};
/* *out is the generation if it is idle, else empty. */
enum ra_momento_register ra_momento_register_read(ra_bytes text, ra_generation *out);
/* A register's text with a fresh nonce, as a generation; `idle` or writing. false: there is no randomness. */
bool ra_momento_register_new(bool idle, ra_generation *out);

typedef struct ra_momento_entry {
    int64_t expires, keeps; /* the wall clock, ms */
    unsigned nguards;
    ra_token tags;
    ra_bytes sealed;
} ra_momento_entry;

/* Appends the head; the sealed payload follows it. */
bool ra_momento_entry_head(const ra_momento_entry *e, ra_buf *out);
/* false: not an entry's bytes. */
bool ra_momento_entry_read(ra_bytes value, ra_momento_entry *out);

#endif
