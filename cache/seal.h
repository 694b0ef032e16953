/*
 * How a payload travels to a network store and back: versioned, checksummed, and, with a key, sealed with
 * AES-256-GCM (NIST SP 800-38D) bound to the unit and the request that it answers. Whoever reads the store
 * then sees no rows, and a value that was forged, truncated, swapped with another or made under a foreign key
 * doesn't open. Without a key the checksum finds accidents only.
 *
 * Sealed text: version (1 byte) · key id (4 bytes, of SHA-256 over the key; 0 without one) · nonce (12) ·
 * ciphertext of [filled_ms (8, big endian) · crc32 (4) · body] · tag (16). Plain: version · key id 0 · CRC-32
 * of all that follows (4) · filled_ms · crc32 · body.
 *
 * Nonces are random: 2^32 fillings under one key are safe (SP 800-38D section 8.3), and keys rotate.
 * Threads: keys are immutable; any.
 */
#ifndef RA_CACHE_SEAL_H
#define RA_CACHE_SEAL_H

#include "cache/buf.h"
#include "cache/key.h"
#include "cache/payload.h"

enum { RA_SEAL_KEY_BYTES = 32, RA_SEAL_OVERHEAD = 64 };

typedef struct ra_seal_keys ra_seal_keys; /* the first seals, all open */

/* Each key 32 bytes. n == 0: nothing is sealed, only checksummed. NULL: no memory, or two equal keys. */
ra_seal_keys *ra_seal_keys_new(const unsigned char (*keys)[RA_SEAL_KEY_BYTES], size_t n);
void ra_seal_keys_free(ra_seal_keys *k); /* wipes them; NULL is allowed */

/* Appends the sealed payload. false: no memory, no randomness. */
bool ra_seal(const ra_seal_keys *k, const ra_key *unit, const ra_key *request, const ra_payload *payload,
             ra_buf *out);

enum ra_open_result {
    RA_OPENED,
    RA_OPEN_FOREIGN, /* another version, or a key that isn't ours: an older or newer proxy's */
    RA_OPEN_DAMAGED, /* truncated, forged, swapped, or a checksum that doesn't fit */
    RA_OPEN_NO_MEMORY
};
/* *out has one reference, the caller's. */
enum ra_open_result ra_open(const ra_seal_keys *k, const ra_key *unit, const ra_key *request, ra_bytes sealed,
                            ra_payload **out);

#endif
