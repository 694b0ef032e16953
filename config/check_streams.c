/* Streams that are followed: of which tables, and how closely that can be. */
#include "config/check.h"

#include "config/units.h"

#include <string.h>

static bool refused(const ra_decoder *d, const ra_place *in, const char *name)
{
    ra_place at;
    return !ra_decode_member(d, in, name, &at) && at.node;
}

/* Options that do something only where the stream is followed. */
static void check_unused(ra_decoder *d, const ra_place *table, const ra_table_config *t)
{
    ra_place at;
    if (t->max_stream_lag > 0 && ra_decode_member(d, table, "max_stream_lag", &at))
        ra_decode_error(d, &at,
                        "nothing is followed that could lag; accepted: with \"stream\": \"follow\" only");
    if (t->fresh_as_of && ra_decode_member(d, table, "fresh_as_of", &at))
        ra_decode_error(
            d, &at,
            "unless its stream is followed nobody knows it; accepted: with \"stream\": \"follow\" only");
}

/* A proxy notes for the others how far it is, and looks at their notes, about once a second each. */
enum { NOTES_MS = 2000 };

/* What another proxy has read is known here by its notes, and counts once nothing older is held near. */
static void check_lag_of_others(ra_decoder *d, const ra_place *root, const ra_place *at, const ra_config *c,
                                const ra_table_config *t)
{
    char text[RA_UNIT_TEXT_MAX];
    ra_place cache, near;
    ra_decode_member(d, root, "cache", &cache);
    ra_decode_member(d, &cache, "near", &near);
    if (refused(d, &cache, "store") || refused(d, &cache, "near") || refused(d, &near, "max_age"))
        return;
    int64_t age = ra_config_near_age(c, t);
    int64_t usual = c->streams.delivery_allowance + c->streams.idle_interval + NOTES_MS + age + age / 4;
    ra_duration_format(age, text);
    if (age && t->max_stream_lag <= age) {
        ra_decode_error(d, at,
                        "it is always further behind, so that nothing would be cached; accepted: more than "
                        "cache.near.max_age, which is %s",
                        text);
        return;
    }
    ra_duration_format(usual, text);
    if (c->cache.store == RA_STORE_KIND_REDIS && t->max_stream_lag <= usual)
        ra_decode_warning(d, at,
                          "where another proxy reads the stream it is further behind time and again, and "
                          "reads bypass the cache then; enough is more than %s",
                          text);
}

/* What is told of has been delivered that much late at most, so that it is never fresher than this. */
static void check_lag(ra_decoder *d, const ra_place *root, const ra_place *table, const ra_config *c,
                      const ra_table_config *t)
{
    const ra_config_streams *s = &c->streams;
    char text[RA_UNIT_TEXT_MAX];
    ra_place at, streams;
    ra_decode_member(d, root, "streams", &streams);
    if (t->max_stream_lag == 0 || !ra_decode_member(d, table, "max_stream_lag", &at) ||
        refused(d, &streams, "delivery_allowance") || refused(d, &streams, "idle_interval"))
        return;
    ra_duration_format(s->delivery_allowance + s->idle_interval, text);
    if (t->max_stream_lag <= s->delivery_allowance)
        ra_decode_error(d, &at,
                        "it is always further behind, so that nothing would be cached; accepted: more than "
                        "streams.delivery_allowance and idle_interval together, which are %s",
                        text);
    else if (t->max_stream_lag <= s->delivery_allowance + s->idle_interval)
        ra_decode_warning(d, &at,
                          "it is further behind time and again, and reads bypass the cache then: "
                          "streams.delivery_allowance and idle_interval together are %s",
                          text);
    else
        check_lag_of_others(d, root, &at, c, t);
}

static void check_followed(ra_decoder *d, const ra_place *root, const ra_place *table, const ra_config *c,
                           const ra_table_config *t)
{
    ra_place at;
    ra_decode_member(d, table, "stream", &at);
    if (strcmp(t->name, "*") == 0)
        ra_decode_error(
            d, &at, "a stream is one table's; accepted: \"follow\" of a table's own name instead of \"*\"");
    check_lag(d, root, table, c, t);
}

static void check_lease(ra_decoder *d, const ra_place *root, const ra_config *c)
{
    char text[RA_UNIT_TEXT_MAX];
    ra_place streams, lease, idle;
    if (!ra_decode_member(d, root, "streams", &streams) || refused(d, &streams, "lease") ||
        refused(d, &streams, "idle_interval") || c->streams.lease > c->streams.idle_interval)
        return;
    bool leased = ra_decode_member(d, &streams, "lease", &lease);
    ra_decode_member(d, &streams, "idle_interval", &idle);
    ra_duration_format(leased ? c->streams.idle_interval : c->streams.lease, text);
    if (leased)
        ra_decode_error(d, &lease,
                        "it ends before the shard is read again; accepted: more than idle_interval, which is "
                        "%s",
                        text);
    else
        ra_decode_error(d, &idle,
                        "the lease of a shard ends before it is read again; accepted: less than lease, which "
                        "is %s",
                        text);
}

void ra_decode_check_streams(ra_decoder *d, const ra_place *root, const ra_config *c)
{
    ra_place tables;
    check_lease(d, root, c);
    if (refused(d, root, "streams") || !ra_decode_member(d, root, "tables", &tables))
        return;
    const ra_table_config *t = c->tables;
    for (const cJSON *child = tables.node->child; child && t < c->tables + c->ntables;
         child = child->next, t++) {
        ra_place at = {.up = &tables, .name = child->string, .node = child};
        if (!cJSON_IsObject(child) || refused(d, &at, "stream"))
            continue;
        if (t->follow)
            check_followed(d, root, &at, c, t);
        else
            check_unused(d, &at, t);
    }
}
