#include "config/momento.h"

#include "config/momento_key.h"
#include "config/units.h"

#include <stdlib.h>

/* ---- who and where ---- */

/* As with AWS's variables, an empty one counts as none. */
static const char *variable(const char *name)
{
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

static bool refused(const ra_decoder *d, const ra_place *in, const char *name)
{
    ra_place at;
    return !ra_decode_member(d, in, name, &at) && at.node;
}

static void find_key(ra_decoder *d, const ra_place *momento, ra_config_momento *m)
{
    enum ra_momento_key_kind kind;
    char endpoint[RA_ENDPOINT_MAX];
    ra_place at = {.up = momento, .name = "api_key"};
    const char *key = variable("MOMENTO_API_KEY");
    const char *wrong = key ? ra_momento_key_read(key, &kind, endpoint) : NULL;
    if (!key)
        ra_decode_error(
            d, &at,
            "there is no API key; accepted: an API key of Momento's here, such as \"env:NAME\" or "
            "\"file:PATH\" holds, or in the environment variable MOMENTO_API_KEY");
    else if (wrong)
        ra_decode_error(
            d, &at,
            "the environment variable MOMENTO_API_KEY %s; accepted: an API key as Momento has given "
            "it out",
            wrong);
    else
        m->api_key = ra_decode_strdup(d, key);
}

/* The key's own comes before the environment's, which is there for keys that name none. */
static void find_endpoint(ra_decoder *d, const ra_place *momento, ra_config_momento *m)
{
    enum ra_momento_key_kind kind;
    char endpoint[RA_ENDPOINT_MAX];
    ra_place at = {.up = momento, .name = "endpoint"};
    const char *given = variable("MOMENTO_ENDPOINT"), *wrong = NULL;
    ra_momento_key_read(m->api_key, &kind, endpoint);
    if (!*endpoint && given)
        wrong = ra_momento_endpoint(given, endpoint);
    if (wrong)
        ra_decode_error(d, &at,
                        "the environment variable MOMENTO_ENDPOINT %s; accepted: a cell such as "
                        "\"cell-4-us-west-2-1.prod.a.momentohq.com\", or an address",
                        wrong);
    else if (!*endpoint)
        ra_decode_error(
            d, &at,
            "this API key names no endpoint, as those of version 2 don't; accepted: a cell such as "
            "\"cell-4-us-west-2-1.prod.a.momentohq.com\" here or in the environment variable "
            "MOMENTO_ENDPOINT");
    else
        m->endpoint = ra_decode_strdup(d, endpoint);
}

void ra_decode_momento(ra_decoder *d, const ra_place *root, ra_config_momento *m)
{
    ra_place cache, momento;
    ra_decode_member(d, root, "cache", &cache);
    if (!ra_decode_member(d, &cache, "momento", &momento))
        return; /* that is an error already */
    if (!m->api_key && !refused(d, &momento, "api_key"))
        find_key(d, &momento, m);
    if (!m->endpoint && m->api_key && !refused(d, &momento, "endpoint"))
        find_endpoint(d, &momento, m);
}

/* ---- what goes together ---- */

static void check_consistency(ra_decoder *d, const ra_place *in, enum ra_consistency c)
{
    ra_place at;
    if (c != RA_EVENTUAL && ra_decode_member(d, in, "consistency", &at))
        ra_decode_error(d, &at, "%s; accepted: \"eventual\" with \"store\": \"momento\"", RA_MOMENTO_PROMISE);
}

/* Of a table or a pattern, where it is stated. */
static void check_ttl(ra_decoder *d, const ra_place *in, const ra_policy *p)
{
    static const int64_t most = INT64_C(24) * 60 * 60 * 1000;
    ra_place at;
    if (p->ttl > most && ra_decode_member(d, in, "ttl", &at))
        ra_decode_warning(d, &at,
                          "Momento keeps nothing for longer than 24h: what would live longer isn't stored");
}

static void check_table(ra_decoder *d, const ra_place *at, const ra_table_config *t)
{
    ra_place patterns;
    check_consistency(d, at, t->consistency);
    check_ttl(d, at, &t->policy);
    if (!ra_decode_member(d, at, "patterns", &patterns))
        return;
    size_t i = 0;
    for (const cJSON *c = patterns.node->child; c && i < t->npatterns; c = c->next, i++) {
        ra_place pattern = {.up = &patterns, .index = (int)i, .node = c};
        if (cJSON_IsObject(c))
            check_ttl(d, &pattern, &t->patterns[i].policy);
    }
}

void ra_decode_check_momento(ra_decoder *d, const ra_place *root, const ra_config *c)
{
    ra_place tables;
    check_consistency(d, root, c->consistency);
    if (!ra_decode_member(d, root, "tables", &tables))
        return;
    const ra_table_config *t = c->tables;
    for (const cJSON *child = tables.node->child; child && t < c->tables + c->ntables;
         child = child->next, t++) {
        ra_place at = {.up = &tables, .name = child->string, .node = child};
        if (cJSON_IsObject(child))
            check_table(d, &at, t);
    }
}
