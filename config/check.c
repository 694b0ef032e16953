#include "config/check.h"

#include "config/defaults.h"
#include "config/endpoint.h"
#include "config/glob.h"
#include "config/units.h"

#include <string.h>

/* One table or pattern under examination. */
typedef struct policy_place {
    const ra_place *at;
    const ra_policy *policy;
    const ra_policy *around; /* a pattern's table's; NULL for a table */
} policy_place;

static bool member(const ra_decoder *d, const ra_place *in, const char *name)
{
    ra_place ignored;
    return ra_decode_member(d, in, name, &ignored);
}

static bool refused(const ra_decoder *d, const ra_place *in, const char *name)
{
    ra_place at;
    return !ra_decode_member(d, in, name, &at) && at.node;
}

/* The mode's demands. What a pattern takes over from its table is reported there, once. */
static void check_linearizable(ra_decoder *d, const policy_place *p, bool linearizable)
{
    ra_place at;
    if (linearizable && !p->policy->consistent_fill && (!p->around || p->around->consistent_fill)) {
        ra_decode_member(d, p->at, "consistent_fill", &at);
        ra_decode_error(d, &at,
                        "false, but the table is linearizable; accepted: true, or another \"consistency\"");
    }
    if (!linearizable && p->policy->serve_consistent_reads &&
        (!p->around || !p->around->serve_consistent_reads)) {
        ra_decode_member(d, p->at, "serve_consistent_reads", &at);
        ra_decode_error(d, &at,
                        "true, but the table isn't linearizable; accepted: false, or \"consistency\": "
                        "\"linearizable\"");
    }
}

static void check_negative_ttl(ra_decoder *d, const policy_place *p)
{
    char ttl[RA_UNIT_TEXT_MAX], negative[RA_UNIT_TEXT_MAX];
    const char *names[] = {"negative_ttl", "ttl"};
    ra_place at;
    if (p->policy->negative_ttl <= p->policy->ttl)
        return;
    ra_duration_format(p->policy->ttl, ttl);
    ra_duration_format(p->policy->negative_ttl, negative);
    for (size_t i = 0; i < 2; i++) {
        if (refused(d, p->at, names[i]))
            return;
    }
    for (size_t i = 0; i < 2; i++) {
        /* Said where it arises: nothing for a pattern that states neither. */
        if (ra_decode_member(d, p->at, names[i], &at)) {
            ra_decode_warning(d, &at, "what is missing is cached for longer (%s) than what is there (%s)",
                              negative, ttl);
            return;
        }
    }
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Whether every access that `later` matches is matched by `earlier`, as far as equal globs show. */
static bool covers(const ra_pattern *earlier, const ra_pattern *later)
{
    if (earlier->index && !same(earlier->index, later->index))
        return false;
    return !earlier->partition_key || ra_glob_matches_all(earlier->partition_key) ||
           same(earlier->partition_key, later->partition_key);
}

static bool has_index(const ra_table_schema *s, const char *name)
{
    for (size_t i = 0; i < s->nindexes; i++) {
        if (same(s->indexes[i].name, name))
            return true;
    }
    return false;
}

static void check_pattern(ra_decoder *d, const ra_place *at, const ra_table_config *t, size_t i)
{
    const ra_pattern *p = &t->patterns[i];
    ra_place name, index;
    for (size_t j = 0; j < i; j++) {
        if (p->policy.name != t->name && same(p->policy.name, t->patterns[j].policy.name) &&
            ra_decode_member(d, at, "name", &name))
            ra_decode_error(d, &name,
                            "another pattern of this table has this name; accepted: each name once");
    }
    if (p->index && t->schema && !has_index(t->schema, p->index) && ra_decode_member(d, at, "index", &index))
        ra_decode_warning(d, &index, "the table's \"schema\" has no such index");
    check_negative_ttl(d, &(policy_place){at, &p->policy, &t->policy});
}

/* Whether all patterns say which accesses they match: one that was refused could seem to match everything. */
static bool all_readable(const ra_decoder *d, const ra_place *patterns)
{
    for (const cJSON *c = patterns->node->child; c; c = c->next) {
        ra_place at = {.up = patterns, .node = c};
        if (!cJSON_IsObject(c) || !member(d, &at, "name") || refused(d, &at, "partition_key") ||
            refused(d, &at, "index"))
            return false;
    }
    return true;
}

static void check_covered(ra_decoder *d, const ra_place *patterns, const ra_table_config *t)
{
    size_t i = 0;
    if (!all_readable(d, patterns))
        return;
    for (const cJSON *c = patterns->node->child; c && i < t->npatterns; c = c->next, i++) {
        ra_place at = {.up = patterns, .index = (int)i, .node = c};
        size_t j = 0;
        while (j < i && !covers(&t->patterns[j], &t->patterns[i]))
            j++;
        if (j < i)
            ra_decode_warning(d, &at,
                              "never used: all that it matches is matched by an earlier pattern, \"%s\"",
                              t->patterns[j].policy.name);
    }
}

/* Every name that a client makes up would be a table with that schema. */
static void check_schema(ra_decoder *d, const ra_place *at, const ra_table_config *t)
{
    ra_place schema;
    if (strcmp(t->name, "*") == 0 && ra_decode_member(d, at, "schema", &schema))
        ra_decode_error(d, &schema, "a schema is one table's; accepted: a table's own name instead of \"*\"");
}

static void check_table(ra_decoder *d, const ra_place *root, const ra_place *at, const ra_table_config *t)
{
    policy_place p = {at, &t->policy, NULL};
    bool mode_known =
        !refused(d, at, "consistency") && (member(d, at, "consistency") || !refused(d, root, "consistency"));
    ra_place patterns;
    if (!cJSON_IsObject(at->node))
        return;
    check_negative_ttl(d, &p);
    check_schema(d, at, t);
    if (mode_known)
        check_linearizable(d, &p, t->consistency == RA_LINEARIZABLE);
    if (!ra_decode_member(d, at, "patterns", &patterns))
        return;
    int i = 0;
    for (const cJSON *c = patterns.node->child; c && (size_t)i < t->npatterns; c = c->next, i++) {
        ra_place pattern = {.up = &patterns, .index = i, .node = c};
        if (!cJSON_IsObject(c))
            continue;
        check_pattern(d, &pattern, t, (size_t)i);
        if (mode_known)
            check_linearizable(d, &(policy_place){&pattern, &t->patterns[i].policy, &t->policy},
                               t->consistency == RA_LINEARIZABLE);
    }
    check_covered(d, &patterns, t);
}

static void check_hold(ra_decoder *d, const ra_place *root, const ra_config *c)
{
    char text[RA_UNIT_TEXT_MAX];
    ra_place upstream, hold;
    ra_decode_member(d, root, "upstream", &upstream);
    if (!ra_decode_member(d, root, "unknown_write_hold", &hold))
        return;
    if (c->unknown_write_hold <= c->upstream.request_timeout && !refused(d, &upstream, "request_timeout")) {
        ra_duration_format(c->upstream.request_timeout, text);
        ra_decode_error(d, &hold,
                        "no longer than a request upstream may take; accepted: more than "
                        "upstream.request_timeout, which is %s",
                        text);
    } else if (ra_config_any_linearizable(c) && c->unknown_write_hold < RA_HOLD_LINEARIZABLE) {
        ra_duration_format(RA_HOLD_LINEARIZABLE, text);
        ra_decode_warning(d, &hold,
                          "shorter than %s: DynamoDB may still carry out a write that is held no longer, and "
                          "reads are not linearizable then",
                          text);
    }
}

static void check_region(ra_decoder *d, const ra_place *root, const ra_config *c)
{
    char region[RA_UNIT_TEXT_MAX * 2];
    ra_place upstream, endpoint;
    ra_decode_member(d, root, "upstream", &upstream);
    if (ra_decode_member(d, &upstream, "endpoint", &endpoint) && !refused(d, &upstream, "region") &&
        ra_endpoint_region(c->upstream.endpoint, region, sizeof region) &&
        strcmp(region, c->upstream.region) != 0)
        ra_decode_warning(d, &endpoint,
                          "the endpoint is of another region than upstream.region: DynamoDB will refuse the "
                          "signatures");
}

void ra_decode_check(ra_decoder *d, const ra_place *root, const ra_config *c)
{
    ra_place tables;
    check_hold(d, root, c);
    check_region(d, root, c);
    ra_decode_check_store(d, root, c);
    ra_decode_check_streams(d, root, c);
    ra_decode_check_exposed(d, root, c);
    ra_decode_check_callers(d, root, c);
    if (c->ntables == 0 && !refused(d, root, "tables")) {
        ra_decode_member(d, root, "tables", &tables);
        ra_decode_warning(d, &tables, "no table is named, so nothing is cached; \"*\" names every table");
    }
    if (!ra_decode_member(d, root, "tables", &tables))
        return;
    const ra_table_config *t = c->tables;
    for (const cJSON *child = tables.node->child; child && t < c->tables + c->ntables;
         child = child->next, t++) {
        ra_place at = {.up = &tables, .name = child->string, .node = child};
        check_table(d, root, &at, t);
    }
}
