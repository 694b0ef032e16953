/*
 * Do two bodies of one read say the same? By what DynamoDB takes for the same, not by their bytes: neither
 * the order of attributes and of set members, nor how numbers are written, nor what was consumed counts; the
 * order of a Query's items does. Pure.
 */
#ifndef RA_PROXY_COMPARE_H
#define RA_PROXY_COMPARE_H

#include "cache/bytes.h"

#include <stdint.h>

enum ra_sameness {
    RA_SAME,
    RA_DIFFERENT,
    RA_UNCLEAR /* one of them has a form that isn't understood to the last member, or there is no memory */
};

/* Bodies of entries (ra_payload): a GetItem's reply, or a Query's. */
enum ra_sameness ra_compare_bodies(ra_bytes a, ra_bytes b);

#endif
