#include "config/defaults.h"

#include "config/endpoint.h"
#include "config/momento.h"

#include <stdlib.h>

bool ra_config_any_linearizable(const ra_config *c)
{
    bool any = c->consistency == RA_LINEARIZABLE;
    for (size_t i = 0; i < c->ntables; i++)
        any |= c->tables[i].consistency == RA_LINEARIZABLE;
    return any;
}

bool ra_config_all_linearizable(const ra_config *c)
{
    bool all = true;
    for (size_t i = 0; i < c->ntables; i++)
        all &= c->tables[i].consistency == RA_LINEARIZABLE;
    return all;
}

int64_t ra_config_near_age(const ra_config *c, const ra_table_config *t)
{
    bool unasked = c->cache.store == RA_STORE_KIND_REDIS && c->cache.near.max_bytes > 0 &&
                   t->consistency != RA_LINEARIZABLE;
    return unasked ? c->cache.near.max_age : 0;
}

/* As the AWS SDKs do, an empty variable counts as none. */
static void default_region(ra_decoder *d, const ra_place *upstream, ra_config_upstream *u)
{
    static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    ra_place at = {.up = upstream, .name = "region"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *v = getenv(variables[i]);
        if (!v || !*v)
            continue;
        if (ra_region_valid(v)) {
            u->region = ra_decode_strdup(d, v);
            return;
        }
        ra_decode_error(
            d, &at,
            "the environment variable %s holds no region; accepted: lower-case letters, digits and "
            "'-', such as us-east-1",
            variables[i]);
    }
    u->region = ra_decode_strdup(d, "us-east-1");
    u->region_assumed = true;
}

static void default_endpoints(ra_decoder *d, ra_config_upstream *u)
{
    char endpoint[RA_ENDPOINT_MAX];
    if (!u->endpoint && u->region && ra_endpoint_for_region(u->region, endpoint))
        u->endpoint = ra_decode_strdup(d, endpoint);
    if (!u->streams_endpoint && u->endpoint && ra_endpoint_for_streams(u->endpoint, endpoint))
        u->streams_endpoint = ra_decode_strdup(d, endpoint);
    /* Neither can fail: the buffer holds the longest region and the longest endpoint. */
    d->no_memory |= !u->endpoint || !u->streams_endpoint;
}

/* What linearizable promises isn't given up unasked. The process's own memory is never away, and refuses a
 * write when it has no room for its marks. */
static enum ra_writes default_writes(const ra_config *c, enum ra_consistency consistency)
{
    return c->cache.store == RA_STORE_KIND_MEMORY || consistency == RA_LINEARIZABLE ? RA_WRITES_REFUSE
                                                                                    : RA_WRITES_PASS;
}

static void default_all_writes(const ra_decoder *d, const ra_place *root, ra_config *c)
{
    static const char name[] = "writes_when_store_down";
    ra_place tables, at;
    bool stated = ra_decode_member(d, root, name, &at);
    if (!stated)
        c->writes_when_store_down = default_writes(c, c->consistency);
    if (!ra_decode_member(d, root, "tables", &tables))
        return;
    ra_table_config *t = c->tables;
    for (const cJSON *child = tables.node->child; child && t < c->tables + c->ntables;
         child = child->next, t++) {
        ra_place table = {.up = &tables, .name = child->string, .node = child};
        if (!ra_decode_member(d, &table, name, &at))
            t->writes_when_store_down =
                stated ? c->writes_when_store_down : default_writes(c, t->consistency);
    }
}

void ra_decode_default_consistency(ra_decoder *d, const ra_place *root, ra_config *c)
{
    ra_place at;
    if (!ra_decode_member(d, root, "consistency", &at))
        c->consistency = c->cache.store == RA_STORE_KIND_MOMENTO ? RA_EVENTUAL : RA_READ_AFTER_WRITE;
}

void ra_decode_defaults(ra_decoder *d, const ra_place *root, ra_config *c)
{
    ra_place upstream, hold;
    ra_decode_member(d, root, "upstream", &upstream);
    if (!c->upstream.region)
        default_region(d, &upstream, &c->upstream);
    default_endpoints(d, &c->upstream);
    default_all_writes(d, root, c);
    if (c->cache.store == RA_STORE_KIND_MOMENTO)
        ra_decode_momento(d, root, &c->cache.momento);
    if (!ra_decode_member(d, root, "unknown_write_hold", &hold))
        c->unknown_write_hold = ra_config_any_linearizable(c) ? RA_HOLD_LINEARIZABLE : RA_HOLD_OTHERWISE;
}
