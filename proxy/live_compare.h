/* What proxy/live.h says of observing and comparing. Threads: the admin listener's. */
#ifndef RA_PROXY_LIVE_COMPARE_H
#define RA_PROXY_LIVE_COMPARE_H

#include "cache/buf.h"
#include "proxy/metrics.h"

/* Appends the members `observed` and `compare` of the whole, each after a comma. */
void ra_live_compare_write(const ra_subject_sums *v, unsigned n, ra_buf *out);
/* The same of one pattern, in short. */
void ra_live_compare_write_one(const ra_subject_sums *s, ra_buf *out);

#endif
