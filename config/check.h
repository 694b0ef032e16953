/* What no single option can see: values that don't go together. */
#ifndef RA_CONFIG_CHECK_H
#define RA_CONFIG_CHECK_H

#include "config/decode.h"

/* The tables of `c` must still be in the file's order. Values that were refused are not held against others.
 */
void ra_decode_check(ra_decoder *d, const ra_place *root, const ra_config *c);
/* Of them: the store, and the options that belong to one store only (check_store.c). */
void ra_decode_check_store(ra_decoder *d, const ra_place *root, const ra_config *c);
/* Of them: which streams are followed, and how closely (check_streams.c). */
void ra_decode_check_streams(ra_decoder *d, const ra_place *root, const ra_config *c);
/* The same of listeners' addresses and of routes' callers; by ra_decode_check. */
void ra_decode_check_exposed(ra_decoder *d, const ra_place *root, const ra_config *c);
void ra_decode_check_callers(ra_decoder *d, const ra_place *root, const ra_config *c);

#endif
