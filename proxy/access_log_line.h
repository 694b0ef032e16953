/*
 * The access log's lines: which requests get one, and what it says. One JSON object, in ASCII, on one line;
 * what there is nothing to say of is left out. README.md has the members.
 *
 * What clients have sent is escaped and cut, to lengths of *escaped* characters, so that no line is longer
 * than RA_ACCESS_LINE_MAX whatever they send. Keys of items don't get here: nothing of a body, no query
 * string, and of a path only the route's template, or its first segment where no route has it. Pure.
 */
#ifndef RA_PROXY_ACCESS_LOG_LINE_H
#define RA_PROXY_ACCESS_LOG_LINE_H

#include "proxy/trace.h"

#include <stdint.h>

enum {
    RA_ACCESS_LINE_MAX = 4000, /* with its end; what is written at once is at most 4096 bytes */
    RA_ACCESS_TABLES = 4,      /* that are named */
    RA_ACCESS_NAME_MAX = 255,  /* of a table, a pattern, a route */
    RA_ACCESS_AGENT_MAX = 256,
    RA_ACCESS_PATH_MAX = 256
};

typedef struct ra_access_line {
    int64_t at;            /* when it was answered: wall clock, ms */
    ra_bytes id;           /* the request's: X-Request-Id, or the reply's x-amzn-RequestId */
    ra_bytes reply_id;     /* the latter, where it is another */
    const ra_trace *trace; /* NULL: none */
    ra_bytes client;       /* address */
    ra_bytes method, path;
    bool more_path;     /* there is more of the path than is said */
    ra_bytes operation; /* "Query" */
    ra_bytes tables[RA_ACCESS_TABLES];
    size_t ntables; /* all of them */
    ra_bytes pattern, route;
    const char *outcome;        /* as the metrics have it */
    int status;                 /* 0: nothing was sent */
    const char *cache, *reason; /* X-Cache, and the detail of Cache-Status; NULL: there is none */
    bool collapsed;
    uint64_t bytes_in, bytes_out; /* of bodies */
    int64_t us;
    unsigned upstream_calls;
    int64_t upstream_us; /* in them */
    uint64_t half_units; /* that they consumed; 0: nothing is known */
    ra_bytes access_key, user_agent;
} ra_access_line;

/* With a line end. Its length. */
size_t ra_access_line_write(const ra_access_line *line, char out[RA_ACCESS_LINE_MAX]);

/*
 * Is it one of `share` (ppm)? By the trace, so that all who log this trace the same way have the same ones;
 * else by the request's id; with neither by chance. What a caller says of sampling forces nothing: how much
 * is logged is for the operator to say.
 */
bool ra_access_sampled(uint32_t share, const ra_trace *trace, ra_bytes id);

#endif
