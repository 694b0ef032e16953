/*
 * DynamoDB and its streams as a walk asks them (proxy/stream_walk.h): blocking calls, each on an event loop
 * of its own that runs until the reply is there.
 *
 * Threads: one, the walk's; `stop` of the api, any.
 */
#ifndef RA_PROXY_STREAM_API_H
#define RA_PROXY_STREAM_API_H

#include "proxy/ddb_call.h"
#include "proxy/stream_walk.h"

typedef struct ra_stream_calls ra_stream_calls;

/* Of the configuration's upstream: its endpoint, streams_endpoint, region and ca_file, which are copied.
 * `credentials` is asked before each call and must outlive it; NULL: AWS's chain is looked through at once,
 * which may block. NULL: *why says why, until the next call. */
ra_stream_calls *ra_stream_calls_new(const ra_ddb_options *o, const char *streams_endpoint,
                                     ra_credentials_provider *credentials, const char **why);
void ra_stream_calls_free(ra_stream_calls *c); /* NULL is allowed */
/* As long as the calls live. */
const ra_stream_api *ra_stream_calls_api(const ra_stream_calls *c);

#endif
