#include "proxy/stream_api.h"

#include "proxy/log.h"

#include <stdlib.h>

enum { MAGIC = 0x73617069 };

struct ra_stream_calls {
    unsigned magic;
    ra_ddb *ddb;
    ra_stream_api api;
};

static ra_stream_calls *checked(void *p)
{
    ra_stream_calls *c = p;
    if (!c || c->magic != MAGIC)
        ra_corrupt("stream calls");
    return c;
}

static ra_http_reply *call(void *arg, const char *operation, ra_bytes body, int64_t timeout)
{
    return ra_ddb_call(checked(arg)->ddb, operation, body, timeout);
}

static void wait_for(void *arg, int64_t ms)
{
    ra_ddb_wait(checked(arg)->ddb, ms);
}

static void stop(void *arg)
{
    ra_ddb_stop(checked(arg)->ddb);
}

ra_stream_calls *ra_stream_calls_new(const ra_ddb_options *o, const char *streams_endpoint,
                                     ra_credentials_provider *credentials, const char **why)
{
    *why = "out of memory";
    ra_stream_calls *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->magic = MAGIC;
    c->ddb = ra_ddb_new_streams(o, streams_endpoint, credentials, why);
    if (!c->ddb) {
        ra_stream_calls_free(c);
        return NULL;
    }
    c->api = (ra_stream_api){.call = call, .wait = wait_for, .stop = stop, .arg = c};
    return c;
}

void ra_stream_calls_free(ra_stream_calls *c)
{
    if (!c)
        return;
    ra_ddb_free(c->ddb);
    c->magic = 0;
    free(c);
}

const ra_stream_api *ra_stream_calls_api(const ra_stream_calls *c)
{
    return &c->api;
}
