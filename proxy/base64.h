/*
 * Base64url (RFC 4648 section 5) without padding, as JOSE has it (RFC 7515 section 2). proxy/value.h has
 * DynamoDB's base64. Threads: none shared.
 */
#ifndef RA_PROXY_BASE64_H
#define RA_PROXY_BASE64_H

#include "cache/bytes.h"

/* The most that `chars` characters can hold. */
static inline size_t ra_base64url_room(size_t chars)
{
    return chars / 4 * 3 + 2;
}
/*
 * Decodes into `out`, which has ra_base64url_room(text.n) bytes; *n is how many were written. false: '=',
 * '+',
 * '/', white space or any other byte outside the alphabet, a length that no bytes have, unused bits that
 * aren't zero: each text of bytes has one spelling only.
 */
bool ra_base64url_decode(ra_bytes text, char *out, size_t *n);

#endif
