#include "config/tables.h"

#include "config/given.h"

#include <string.h>

static bool stated(const ra_place *in, const char *name)
{
    return in->node && cJSON_GetObjectItemCaseSensitive(in->node, name);
}

static void check_table_name(ra_decoder *d, const ra_place *at)
{
    size_t n = strlen(at->name);
    size_t good = strspn(at->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");
    if (strcmp(at->name, "*") == 0 || (good == n && n >= 3 && n <= 255))
        return;
    if (strncmp(at->name, "arn:", 4) == 0)
        ra_decode_error(d, at, "an ARN; accepted: the table's short name, which stands for its ARN too");
    else
        ra_decode_error(d, at,
                        "not a table's name; accepted: 3 to 255 letters, digits, '_', '.' and '-', or "
                        "\"*\" for every table not named");
}

/* Appends the indexes of one of the two lists to the schema's. */
static void decode_indexes(ra_decoder *d, const ra_place *schema, const char *list, bool global,
                           ra_table_schema *s)
{
    ra_place indexes;
    if (!ra_decode_member(d, schema, list, &indexes))
        return;
    size_t more = (size_t)cJSON_GetArraySize(indexes.node);
    ra_index_schema *v = ra_decode_array(d, s->nindexes + more, sizeof *v);
    if (!v)
        return;
    if (s->nindexes)
        memcpy(v, s->indexes, s->nindexes * sizeof *v);
    int i = 0;
    for (const cJSON *c = indexes.node->child; c; c = c->next, i++) {
        ra_index_schema *index = &v[s->nindexes + (size_t)i];
        ra_place at = {.up = &indexes, .index = i, .node = c};
        ra_place name = {.up = &at, .name = "name", .node = c};
        index->global = global;
        if (!ra_decode_object(d, &ra_section_index, &at, index))
            continue;
        for (size_t j = 0; index->name && j < s->nindexes + (size_t)i; j++) {
            if (v[j].name && strcmp(v[j].name, index->name) == 0)
                ra_decode_error(d, &name, "another index has this name; accepted: each index once");
        }
        if (!global && !stated(&at, "sort_key"))
            ra_decode_error(d, &at,
                            "a local secondary index has a sort key; accepted: one with \"sort_key\"");
        if (!global && index->partition_key && s->partition_key &&
            strcmp(index->partition_key, s->partition_key) != 0)
            ra_decode_error(d, &at,
                            "a local secondary index has the table's partition key; accepted: the same "
                            "\"partition_key\" as the schema's");
    }
    s->indexes = v;
    s->nindexes += more;
}

static void decode_schema(ra_decoder *d, const ra_place *table, ra_table_config *t)
{
    ra_place at;
    if (!ra_decode_member(d, table, "schema", &at))
        return;
    t->schema = ra_decode_array(d, 1, sizeof *t->schema);
    if (!t->schema || !ra_decode_object(d, &ra_section_schema, &at, t->schema))
        return;
    decode_indexes(d, &at, "global_secondary_indexes", true, t->schema);
    decode_indexes(d, &at, "local_secondary_indexes", false, t->schema);
}

/* A TTL of negatives that nobody stated never outlives the TTL of what is there. */
static void cut_negative_ttl(ra_policy *p, bool is_stated)
{
    if (!is_stated && p->negative_ttl > p->ttl)
        p->negative_ttl = p->ttl;
}

/* `policy` is the table's as stated, its defaults not yet cut. */
static void decode_patterns(ra_decoder *d, const ra_place *table, ra_table_config *t, const ra_policy *policy)
{
    ra_place patterns;
    if (!ra_decode_member(d, table, "patterns", &patterns))
        return;
    size_t n = (size_t)cJSON_GetArraySize(patterns.node);
    t->patterns = ra_decode_array(d, n, sizeof *t->patterns);
    if (!t->patterns)
        return;
    t->npatterns = n;
    int i = 0;
    for (const cJSON *c = patterns.node->child; c; c = c->next, i++) {
        ra_pattern *p = &t->patterns[i];
        ra_place at = {.up = &patterns, .index = i, .node = c};
        p->policy = *policy;
        if (!ra_decode_object(d, &ra_section_pattern, &at, p))
            continue;
        cut_negative_ttl(&p->policy, stated(&at, "negative_ttl") || stated(table, "negative_ttl"));
    }
}

/* `c`: whose values stand where the table gives none of its own. */
static void decode_table(ra_decoder *d, const ra_place *at, const ra_config *c, ra_table_config *t)
{
    ra_table_given given = {.table = {.name = ra_decode_strdup(d, at->name),
                                      .caching = c->caching,
                                      .compare = c->compare,
                                      .consistency = c->consistency}};
    check_table_name(d, at);
    given.table.policy.name = given.table.name;
    ra_decode_presets(d, &ra_section_table, &given);
    ra_decode_presets(d, &ra_section_policy, &given.table.policy);
    bool readable = ra_decode_object(d, &ra_section_table, at, &given);
    *t = given.table;
    t->follow = given.stream == RA_STREAM_FOLLOW;
    if (!readable)
        return;
    ra_policy uncut = t->policy;
    cut_negative_ttl(&t->policy, stated(at, "negative_ttl"));
    decode_schema(d, at, t);
    decode_patterns(d, at, t, &uncut);
}

void ra_decode_tables(ra_decoder *d, const ra_place *root, ra_config *c)
{
    ra_place tables;
    if (!ra_decode_member(d, root, "tables", &tables))
        return;
    size_t n = (size_t)cJSON_GetArraySize(tables.node);
    c->tables = ra_decode_array(d, n, sizeof *c->tables);
    if (!c->tables)
        return;
    c->ntables = n;
    ra_table_config *t = c->tables;
    for (const cJSON *child = tables.node->child; child; child = child->next) {
        ra_place at = {.up = &tables, .name = child->string, .node = child};
        decode_table(d, &at, c, t);
        if (t->compare > c->compare_most)
            c->compare_most = t->compare;
        t++;
    }
    ra_decode_repeated(d, &tables);
}
