/* The same JSON value in another spelling, for what must not depend on the spelling. */
#ifndef RA_TESTS_FUZZ_RESPELL_H
#define RA_TESTS_FUZZ_RESPELL_H

#include "proxy/json.h"

/*
 * Appends the value with its members in another order, other white space, and other escapes in its strings.
 * Numbers stay as they are written. It is never denser than ra_json_limits allows.
 */
void fuzz_respell(const ra_json *j, uint32_t token, ra_buf *out);

/* Do the two values mean the same, by ra_json_canonical? */
bool fuzz_same_json(const ra_json *a, uint32_t in_a, const ra_json *b, uint32_t in_b);

#endif
