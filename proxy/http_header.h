/*
 * A request's headers as whoever checks them sees them: views, in the order in which they came, names as they
 * came (any case), values without white space at their ends. Ownership: the connection's, or evhttp's.
 */
#ifndef RA_PROXY_HTTP_HEADER_H
#define RA_PROXY_HTTP_HEADER_H

#include "cache/bytes.h"

typedef struct ra_http_line {
    ra_bytes name, value;
} ra_http_line;

typedef struct ra_http_lines {
    const ra_http_line *v;
    size_t n;
} ra_http_lines;

#endif
