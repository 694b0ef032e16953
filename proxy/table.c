#include "proxy/table.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Part of every key: raised whenever what the keys are made of changes, so that no older entry is met. */
static const char FORMAT[] = "readaside-1";

enum { MAX_KEY_PARTS = 1 << 20 };

/* ---- keys ---- */

static void begin_key(ra_buf *b, const ra_table *t, const char *what)
{
    ra_buf_init(b, MAX_KEY_PARTS);
    ra_key_part_key(b, &t->key);
    ra_key_part_z(b, what);
}

static bool end_key(ra_buf *b, ra_key *out)
{
    bool ok = ra_key_digest(b, out);
    ra_buf_free(b);
    return ok;
}

bool ra_table_item_unit(const ra_table *t, const ra_scalar *pk, const ra_scalar *sk, ra_key *out)
{
    ra_buf b;
    begin_key(&b, t, "item");
    bool ok = ra_scalar_key_parts(pk, &b) && (!sk || ra_scalar_key_parts(sk, &b));
    return end_key(&b, out) && ok;
}

bool ra_table_partition_unit(const ra_table *t, const ra_scalar *pk, ra_key *out)
{
    ra_buf b;
    begin_key(&b, t, "partition");
    bool ok = ra_scalar_key_parts(pk, &b);
    return end_key(&b, out) && ok;
}

bool ra_table_index_partition_unit(const ra_table *t, const ra_table_index *i, const ra_scalar *pk,
                                   ra_key *out)
{
    ra_buf b;
    begin_key(&b, t, "index-partition");
    bool ok = ra_key_part_z(&b, i->name) && ra_scalar_key_parts(pk, &b);
    return end_key(&b, out) && ok;
}

/* What tells this table from every other, of any upstream, name and life. */
typedef struct identity {
    ra_bytes key_prefix, endpoint;
    const char *arn, *id;
} identity;

/* Each has a name of its own, and these are added up, so that their order is nothing. */
static bool name_global_indexes(ra_table *t)
{
    ra_buf b;
    bool ok = true;
    for (size_t i = 0; ok && i < t->nindexes; i++) {
        const ra_table_index *index = &t->indexes[i];
        ra_key one;
        if (!index->global)
            continue;
        ra_buf_init(&b, MAX_KEY_PARTS);
        ra_key_part_key(&b, &index->guard);
        ra_key_part_z(&b, index->understood ? index->partition_key : "");
        ok = end_key(&b, &one);
        for (size_t k = 0; ok && k < RA_KEY_BYTES; k++)
            t->global_indexes.b[k] ^= one.b[k];
    }
    return ok;
}

static bool make_keys(ra_table *t, const identity *who)
{
    ra_buf b;
    ra_buf_init(&b, MAX_KEY_PARTS);
    ra_key_part_z(&b, FORMAT);
    ra_key_part(&b, who->key_prefix);
    ra_key_part(&b, who->endpoint);
    ra_key_part_z(&b, who->arn);
    ra_key_part_z(&b, who->id);
    bool ok = end_key(&b, &t->key);
    for (size_t i = 0; ok && i < t->nindexes; i++) {
        if (!t->indexes[i].global)
            continue;
        begin_key(&b, t, "index");
        ra_key_part_z(&b, t->indexes[i].name);
        ok = end_key(&b, &t->indexes[i].guard);
    }
    return ok && name_global_indexes(t);
}

/* ---- life ---- */

ra_table *ra_table_ref(ra_table *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void ra_table_unref(ra_table *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < t->nindexes; i++) {
        free(t->indexes[i].name);
        free(t->indexes[i].partition_key);
        free(t->indexes[i].sort_key);
    }
    free(t->indexes);
    free(t->name);
    free(t->partition_key);
    free(t->sort_key);
    free(t);
}

static ra_table *new_table(const char *name, size_t nindexes)
{
    ra_table *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    atomic_init(&t->refs, 1);
    t->name = strdup(name);
    t->indexes = calloc(nindexes ? nindexes : 1, sizeof *t->indexes);
    if (t->name && t->indexes)
        return t;
    ra_table_unref(t);
    return NULL;
}

/* Copies an optional string. false: no memory. */
static bool copy(char **to, const char *from)
{
    if (from)
        *to = strdup(from);
    return !from || *to;
}

/* ---- from the config ---- */

static bool config_index(ra_table_index *to, const ra_index_schema *from)
{
    to->global = from->global;
    to->active = true;
    to->understood = true;
    return copy(&to->name, from->name) && copy(&to->partition_key, from->partition_key) &&
           copy(&to->sort_key, from->sort_key);
}

ra_table *ra_table_from_config(const char *name, const ra_table_schema *schema, ra_bytes key_prefix,
                               ra_bytes endpoint)
{
    ra_table *t = new_table(name, schema->nindexes);
    if (!t)
        return NULL;
    t->active = true;
    bool ok = copy(&t->partition_key, schema->partition_key) && copy(&t->sort_key, schema->sort_key);
    for (size_t i = 0; ok && i < schema->nindexes; i++) {
        t->nindexes = i + 1;
        ok = config_index(&t->indexes[i], &schema->indexes[i]);
    }
    /* There is no ARN and no TableId to be had: the name stands for both, marked as what it is. */
    identity who = {key_prefix, endpoint, name, "config"};
    if (ok && make_keys(t, &who))
        return t;
    ra_table_unref(t);
    return NULL;
}

/* ---- from DescribeTable ---- */

static const char *text_member(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

/* The one HASH and at most one RANGE attribute of a KeySchema. false: another shape. */
static bool read_key_schema(const cJSON *described, const char **hash, const char **range)
{
    *hash = *range = NULL;
    const cJSON *schema = cJSON_GetObjectItemCaseSensitive(described, "KeySchema"), *element;
    if (!cJSON_IsArray(schema))
        return false;
    cJSON_ArrayForEach(element, schema)
    {
        const char *attribute = text_member(element, "AttributeName");
        const char *type = text_member(element, "KeyType");
        if (!attribute || !*attribute || !type)
            return false;
        const char **slot = strcmp(type, "HASH") == 0 ? hash : strcmp(type, "RANGE") == 0 ? range : NULL;
        if (!slot || *slot)
            return false;
        *slot = attribute;
    }
    return *hash != NULL;
}

/* 'S', 'N' or 'B'; 0 where the description doesn't say. */
static char attribute_type(const cJSON *described, const char *attribute)
{
    const cJSON *definitions = cJSON_GetObjectItemCaseSensitive(described, "AttributeDefinitions"), *element;
    cJSON_ArrayForEach(element, definitions)
    {
        const char *name = text_member(element, "AttributeName");
        const char *type = text_member(element, "AttributeType");
        if (name && type && strcmp(name, attribute) == 0 && strlen(type) == 1 && strchr("SNB", *type))
            return *type;
    }
    return 0;
}

/* `table` has the types of all key attributes. false: no memory, or an index without a name. An empty name is
 * none: DynamoDB's have at least three characters. */
static bool describe_index(ra_table *t, const cJSON *table, const cJSON *described, bool global)
{
    ra_table_index *i = &t->indexes[t->nindexes++];
    const char *hash, *range, *status = text_member(described, "IndexStatus");
    const char *name = text_member(described, "IndexName");
    i->global = global;
    i->active = !global || (status && strcmp(status, "ACTIVE") == 0);
    i->understood = read_key_schema(described, &hash, &range);
    if (!name || !*name || !copy(&i->name, name))
        return false;
    if (!i->understood)
        return true;
    i->partition_key_type = attribute_type(table, hash);
    if (range)
        i->sort_key_type = attribute_type(table, range);
    return copy(&i->partition_key, hash) && copy(&i->sort_key, range);
}

static bool describe_indexes(ra_table *t, const cJSON *described)
{
    const cJSON *element;
    cJSON_ArrayForEach(element, cJSON_GetObjectItemCaseSensitive(described, "LocalSecondaryIndexes"))
    {
        if (!describe_index(t, described, element, false))
            return false;
    }
    cJSON_ArrayForEach(element, cJSON_GetObjectItemCaseSensitive(described, "GlobalSecondaryIndexes"))
    {
        if (!describe_index(t, described, element, true))
            return false;
    }
    return true;
}

static bool describe_keys(ra_table *t, const cJSON *described)
{
    const char *hash, *range;
    if (!read_key_schema(described, &hash, &range) || !copy(&t->partition_key, hash) ||
        !copy(&t->sort_key, range))
        return false;
    t->partition_key_type = attribute_type(described, hash);
    if (range)
        t->sort_key_type = attribute_type(described, range);
    const char *status = text_member(described, "TableStatus");
    t->active = status && (strcmp(status, "ACTIVE") == 0 || strcmp(status, "UPDATING") == 0);
    return true;
}

static ra_table *from_description(const cJSON *described, ra_bytes key_prefix, ra_bytes endpoint)
{
    const char *name = text_member(described, "TableName"), *arn = text_member(described, "TableArn");
    const char *id = text_member(described, "TableId");
    const cJSON *created = cJSON_GetObjectItemCaseSensitive(described, "CreationDateTime");
    char date[64];
    if (!id && cJSON_IsNumber(created)) {
        snprintf(date, sizeof date, "created %.17g", created->valuedouble);
        id = date;
    }
    if (!name || !*name || !arn || !id)
        return NULL;
    int local = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(described, "LocalSecondaryIndexes"));
    int global = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(described, "GlobalSecondaryIndexes"));
    ra_table *t = new_table(name, (size_t)local + (size_t)global);
    identity who = {key_prefix, endpoint, arn, id};
    if (t && describe_keys(t, described) && describe_indexes(t, described) && make_keys(t, &who))
        return t;
    ra_table_unref(t);
    return NULL;
}

ra_table *ra_table_from_describe(ra_bytes body, ra_bytes key_prefix, ra_bytes endpoint)
{
    if (!body.p)
        return NULL;
    cJSON *root = cJSON_ParseWithLength(body.p, body.n);
    ra_table *t = from_description(cJSON_GetObjectItemCaseSensitive(root, "Table"), key_prefix, endpoint);
    cJSON_Delete(root);
    return t;
}

/* ---- questions ---- */

const ra_table_index *ra_table_find_index(const ra_table *t, ra_bytes name)
{
    for (size_t i = 0; i < t->nindexes; i++) {
        if (ra_bytes_eq_z(name, t->indexes[i].name))
            return &t->indexes[i];
    }
    return NULL;
}

bool ra_table_has_global_index(const ra_table *t)
{
    for (size_t i = 0; i < t->nindexes; i++) {
        if (t->indexes[i].global)
            return true;
    }
    return false;
}

ra_bytes ra_table_short_name(ra_bytes given)
{
    static const char ARN[] = "arn:", TABLE[] = ":table/";
    if (given.n < sizeof ARN - 1 || memcmp(given.p, ARN, sizeof ARN - 1) != 0)
        return given;
    const char *at = memmem(given.p, given.n, TABLE, sizeof TABLE - 1);
    if (!at)
        return given;
    at += sizeof TABLE - 1;
    size_t left = given.n - (size_t)(at - given.p);
    const char *slash = memchr(at, '/', left);
    return (ra_bytes){at, slash ? (size_t)(slash - at) : left};
}
