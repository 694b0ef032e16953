/*
 * DynamoDB's attribute values ({"S": …}, {"N": …}, …) in canonical form: two that DynamoDB takes for the same
 * value have the same canonical bytes. Source: the API reference's AttributeValue and "Supported data types".
 * Threads: none shared. Errors: as each function says; nothing here guesses.
 */
#ifndef RA_PROXY_VALUE_H
#define RA_PROXY_VALUE_H

#include "proxy/json.h"

enum { RA_NUMBER_TEXT_MAX = 64, RA_NUMBER_PLAIN_MAX = 192 };

/*
 * A number's canonical text: sign, up to 38 significant digits without leading or trailing zeros, 'e',
 * exponent ("1", "1.0", "1e0", "+1", "01" are all "1e0", "150" is "15e1"; every zero is "0"). Never through a
 * double. false: not a number in the forms that DynamoDB is known to take ([+-] digits [. digits] [e|E [+-]
 * digits], at least one digit in the mantissa), more than 38 significant digits, or a magnitude outside
 * 1e-130 … 9.9999999999999999999999999999999999999e+125. *n is the length; no terminating zero.
 */
bool ra_number_canonical(ra_bytes text, char out[RA_NUMBER_TEXT_MAX], size_t *n);
/*
 * From canonical text to the form in which DynamoDB prints numbers: "1e0" to "1", "15e1" to "150", "-5e-3" to
 * "-0.005". The length; no terminating zero. `canonical` must come from ra_number_canonical.
 */
size_t ra_number_plain(ra_bytes canonical, char out[RA_NUMBER_PLAIN_MAX]);

/*
 * Strict base64 (RFC 4648 section 4: padded, no line ends, unused bits zero). false: malformed (or no
 * memory).
 */
bool ra_base64_decode(ra_bytes text, ra_arena *a, ra_bytes *out);
bool ra_base64_encode(ra_bytes bytes, ra_arena *a, ra_bytes *out); /* false: no memory */

enum ra_scalar_type { RA_SCALAR_S = 'S', RA_SCALAR_N = 'N', RA_SCALAR_B = 'B' };

/* A key attribute's value: S decoded, N canonical, B decoded from base64. */
typedef struct ra_scalar {
    enum ra_scalar_type type;
    ra_bytes bytes;
} ra_scalar;

/*
 * Reads token `value` (an AttributeValue object with exactly one member) as a scalar. false: another type,
 * malformed, or no memory: the caller must treat the key as unknown.
 */
bool ra_scalar_read(const ra_json *j, uint32_t value, ra_arena *a, ra_scalar *out);
/* Appends type and bytes as two key parts (cache/key.h). */
bool ra_scalar_key_parts(const ra_scalar *s, ra_buf *parts);
/* As text for pattern matching: S as it is, N in plain decimals ("150", not "15e1"), B as base64. */
bool ra_scalar_text(const ra_scalar *s, ra_arena *a, ra_bytes *out);
static inline bool ra_scalar_eq(const ra_scalar *a, const ra_scalar *b)
{
    return a->type == b->type && ra_bytes_eq(a->bytes, b->bytes);
}

enum { RA_VALUE_DEPTH = 64 }; /* DynamoDB itself takes 32 levels */

/*
 * Appends any attribute value's canonical form, length-prefixed throughout: S, N, B, BOOL, NULL, M (members
 * sorted), L, SS, NS, BS (members in the order given). false: not an attribute value as the API defines it
 * (exactly one member, of the type's JSON type), nesting beyond RA_VALUE_DEPTH, or no memory.
 */
bool ra_value_canonical(const ra_json *j, uint32_t value, ra_arena *a, ra_buf *out);
/* Appends an attribute map's ({"pk": {"S": "x"}, …}) canonical form, members sorted by name. */
bool ra_value_map_canonical(const ra_json *j, uint32_t map, ra_arena *a, ra_buf *out);

#endif
