/*
 * Short texts of streams' replies (ids, ARNs, iterators): visible ASCII within a bound, anything else isn't
 * one. Pure. Threads: none shared.
 */
#ifndef RA_PROXY_STREAM_TEXT_H
#define RA_PROXY_STREAM_TEXT_H

#include "proxy/json.h"

/* The string of a token, zero-terminated. false: no such string, it is empty, doesn't fit, or holds another
 * character; no memory. */
bool ra_stream_text(const ra_json *j, uint32_t token, char *out, size_t size);

#endif
