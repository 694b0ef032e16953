/*
 * How a payload travels to a network store and back: versioned, checksummed, and, with a key, sealed with
 * AES-256-GCM (NIST SP 800-38D) bound to the unit and the request that it answers. Whoever reads the store
 * then sees no rows, and a value that was forged, truncated, swapped with another or made under a foreign key
 * doesn't open. Without a key the checksum finds accidents only.
 *
 * The first byte says form and version in one. Numbers are big endian.
 *
 *   sealed  0x01 · key id (4) · nonce (12) · ciphertext of [head · body] · tag (16)
 *   plain   0x02 · CRC-32 (4) · head · body
 *   head    filled_ms (8) · crc32 of the body (4) · meta (4)
 *
 * The key id is the first 4 bytes of SHA-256 over the key. The tag also covers, in this order, the first
 * byte, the key id, the unit and the request; the CRC-32 covers the first byte, the unit, the request, head
 * and body.
 *
 * Who has a key opens nothing plain: else whoever writes to the store could forge. Who has none opens nothing
 * sealed. Nonces are random: 2^32 fillings under one key are safe (SP 800-38D section 8.3), and keys rotate.
 * What may be replayed is the same unit's and request's own older value; that such a one isn't served is the
 * protocol's work, not the seal's.
 *
 * Threads: keys are immutable; any.
 */
#ifndef RA_CACHE_SEAL_H
#define RA_CACHE_SEAL_H

#include "cache/buf.h"
#include "cache/key.h"
#include "cache/payload.h"

enum {
    RA_SEAL_KEY_BYTES = 32,
    RA_SEAL_OVERHEAD = 64 /* a sealed payload is never longer than its body by more */
};
#define RA_SEAL_BODY_MOST 0x7fff0000u /* a longer body isn't sealed, a longer value doesn't open */

typedef struct ra_seal_keys ra_seal_keys; /* the first seals, all open */

/* Each key 32 bytes. n == 0: nothing is sealed, only checksummed. NULL: no memory, or two equal keys. */
ra_seal_keys *ra_seal_keys_new(const unsigned char (*keys)[RA_SEAL_KEY_BYTES], size_t n);
void ra_seal_keys_free(ra_seal_keys *k); /* wipes them; NULL is allowed */

/* Appends the sealed payload. false: no memory, over the buffer's cap, no randomness, or too long a body; the
 * buffer has then failed and its content is what it was. */
bool ra_seal(const ra_seal_keys *k, const ra_key *unit, const ra_key *request, const ra_payload *payload,
             ra_buf *out);

enum ra_open_result {
    RA_OPENED,
    RA_OPEN_FOREIGN, /* another version, or a key that isn't ours: an older or newer proxy's */
    RA_OPEN_DAMAGED, /* truncated, forged, swapped, or a checksum that doesn't fit */
    RA_OPEN_NO_MEMORY
};
/* *out has one reference, the caller's; NULL unless RA_OPENED. */
enum ra_open_result ra_open(const ra_seal_keys *k, const ra_key *unit, const ra_key *request, ra_bytes sealed,
                            ra_payload **out);

#endif
