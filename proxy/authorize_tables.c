/*
 * Which tables an operation touches. Everything that names one is looked at: a table that nobody looks at is
 * one that anybody may have.
 */
#include "proxy/authorize_parts.h"

enum { NAME_MAX_BYTES = 255, MEMBERS_MAX = 3, DEPTH = 3 };

/* The operations that say their tables in members of their own. All that are there count; there must be one.
 */
static const struct {
    const char *operation;
    bool streams;
    const char *inside; /* the members are this object's */
    const char *members[MEMBERS_MAX];
} NAMED[] = {
    {"GetItem", false, NULL, {"TableName"}},
    {"Query", false, NULL, {"TableName"}},
    {"Scan", false, NULL, {"TableName"}},
    {"PutItem", false, NULL, {"TableName"}},
    {"UpdateItem", false, NULL, {"TableName"}},
    {"DeleteItem", false, NULL, {"TableName"}},
    {"CreateBackup", false, NULL, {"TableName"}},
    {"CreateGlobalTable", false, NULL, {"GlobalTableName"}},
    {"CreateTable", false, NULL, {"TableName", "GlobalTableSourceArn"}},
    {"DeleteBackup", false, NULL, {"BackupArn"}},
    {"DeleteResourcePolicy", false, NULL, {"ResourceArn"}},
    {"DeleteTable", false, NULL, {"TableName"}},
    {"DescribeBackup", false, NULL, {"BackupArn"}},
    {"DescribeContinuousBackups", false, NULL, {"TableName"}},
    {"DescribeContributorInsights", false, NULL, {"TableName"}},
    {"DescribeExport", false, NULL, {"ExportArn"}},
    {"DescribeGlobalTable", false, NULL, {"GlobalTableName"}},
    {"DescribeGlobalTableSettings", false, NULL, {"GlobalTableName"}},
    {"DescribeImport", false, NULL, {"ImportArn"}},
    {"DescribeKinesisStreamingDestination", false, NULL, {"TableName"}},
    {"DescribeTable", false, NULL, {"TableName"}},
    {"DescribeTableReplicaAutoScaling", false, NULL, {"TableName"}},
    {"DescribeTimeToLive", false, NULL, {"TableName"}},
    {"DisableKinesisStreamingDestination", false, NULL, {"TableName"}},
    {"EnableKinesisStreamingDestination", false, NULL, {"TableName"}},
    {"ExportTableToPointInTime", false, NULL, {"TableArn"}},
    {"GetResourcePolicy", false, NULL, {"ResourceArn"}},
    {"ImportTable", false, "TableCreationParameters", {"TableName"}},
    {"ListBackups", false, NULL, {"TableName"}},
    {"ListContributorInsights", false, NULL, {"TableName"}},
    {"ListExports", false, NULL, {"TableArn"}},
    {"ListImports", false, NULL, {"TableArn"}},
    {"ListTagsOfResource", false, NULL, {"ResourceArn"}},
    {"PutResourcePolicy", false, NULL, {"ResourceArn"}},
    {"RestoreTableFromBackup", false, NULL, {"TargetTableName", "BackupArn"}},
    {"RestoreTableToPointInTime", false, NULL, {"TargetTableName", "SourceTableName", "SourceTableArn"}},
    {"TagResource", false, NULL, {"ResourceArn"}},
    {"UntagResource", false, NULL, {"ResourceArn"}},
    {"UpdateContinuousBackups", false, NULL, {"TableName"}},
    {"UpdateContributorInsights", false, NULL, {"TableName"}},
    {"UpdateGlobalTable", false, NULL, {"GlobalTableName"}},
    {"UpdateGlobalTableSettings", false, NULL, {"GlobalTableName"}},
    {"UpdateKinesisStreamingDestination", false, NULL, {"TableName"}},
    {"UpdateTable", false, NULL, {"TableName"}},
    {"UpdateTableReplicaAutoScaling", false, NULL, {"TableName"}},
    {"UpdateTimeToLive", false, NULL, {"TableName"}},
    {"ListStreams", true, NULL, {"TableName"}},
    {"DescribeStream", true, NULL, {"StreamArn"}},
    {"GetShardIterator", true, NULL, {"StreamArn"}},
};

typedef struct looker {
    const ra_globs *allowed;
    const ra_op *op;
    const ra_json *json;
    ra_bytes foreign;
    enum ra_tables_result result; /* of those that were looked at */
    size_t found;
} looker;

/* ---- a table's name ---- */

static bool is_table_name(ra_bytes s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
              c == '-' || c == '.'))
            return false;
    }
    return s.n > 0 && s.n <= NAME_MAX_BYTES;
}

/* Up to `separator`, which goes too. false: there is none. */
static bool take(ra_bytes *s, char separator, ra_bytes *part)
{
    const char *at = s->n ? memchr(s->p, separator, s->n) : NULL;
    if (!at)
        return false;
    *part = (ra_bytes){s->p, (size_t)(at - s->p)};
    *s = (ra_bytes){at + 1, s->n - part->n - 1};
    return true;
}

/* What may follow a table in an ARN: "index/NAME", "stream/LABEL" and so on. */
static bool is_of_a_table(ra_bytes rest)
{
    static const char *const kinds[] = {"index", "stream", "backup", "export", "import"};
    ra_bytes kind;
    if (!take(&rest, '/', &kind) || rest.n == 0 || memchr(rest.p, '/', rest.n))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (ra_bytes_eq_z(kind, kinds[i]))
            return true;
    }
    return false;
}

/*
 * The short name of what is a table's name or an ARN of something that is a table's. false: it is neither, to
 * the last character: what DynamoDB would make of it isn't guessed.
 */
static bool short_name(ra_bytes given, ra_bytes *name)
{
    ra_bytes arn, partition, service, region, account, kind, left = given;
    *name = given;
    if (is_table_name(given))
        return true;
    if (!take(&left, ':', &arn) || !ra_bytes_eq_z(arn, "arn") || !take(&left, ':', &partition) ||
        !take(&left, ':', &service) || !ra_bytes_eq_z(service, "dynamodb") || !take(&left, ':', &region) ||
        !take(&left, ':', &account) || !take(&left, '/', &kind) || !ra_bytes_eq_z(kind, "table"))
        return false;
    *name = left;
    if (take(&left, '/', name) && !is_of_a_table(left))
        return false;
    return is_table_name(*name);
}

/* ---- looking at names ---- */

/* Foreign ones are told of rather than what can't be told, whichever comes first. */
static void untold(looker *l)
{
    if (l->result == RA_TABLES_HAD)
        l->result = RA_TABLES_UNTOLD;
}

static void look_at_name(looker *l, ra_bytes given)
{
    ra_bytes name;
    l->found++;
    if (!short_name(given, &name)) {
        untold(l);
    } else if (l->result != RA_TABLES_FOREIGN && !ra_authorize_globs_have(l->allowed, name)) {
        l->result = RA_TABLES_FOREIGN;
        l->foreign = name;
    }
}

static void look_at_string(looker *l, uint32_t token)
{
    ra_bytes given;
    if (ra_json_string(l->json, token, l->op->arena, &given))
        look_at_name(l, given);
    else
        l->result = RA_TABLES_NO_MEMORY;
}

/*
 * A member that names a table, if it is there. A number or a boolean may be read as its text, and then is a
 * legal name.
 */
static void look_at_member(looker *l, uint32_t object, const char *member)
{
    uint32_t token = ra_json_member(l->json, object, member);
    if (token == RA_JSON_NONE || ra_json_is(l->json, token, RA_JSON_NULL))
        return;
    if (ra_json_is(l->json, token, RA_JSON_STRING))
        look_at_string(l, token);
    else if (ra_json_is(l->json, token, RA_JSON_OBJECT) || ra_json_is(l->json, token, RA_JSON_ARRAY))
        untold(l);
    else
        look_at_name(l, ra_json_raw(l->json, token));
}

static bool goes_on(const looker *l)
{
    return l->result == RA_TABLES_HAD || l->result == RA_TABLES_UNTOLD;
}

/* ---- where operations have them ---- */

static void look_at_named(looker *l)
{
    const ra_op *op = l->op;
    for (size_t i = 0; i < sizeof NAMED / sizeof *NAMED; i++) {
        if (op->streams != NAMED[i].streams || strcmp(op->name, NAMED[i].operation) != 0)
            continue;
        uint32_t object = NAMED[i].inside ? ra_json_member(l->json, 0, NAMED[i].inside) : 0;
        if (NAMED[i].inside && object == RA_JSON_NONE)
            return;
        for (size_t m = 0; m < MEMBERS_MAX && NAMED[i].members[m] && goes_on(l); m++)
            look_at_member(l, object, NAMED[i].members[m]);
        return;
    }
}

/* RequestItems: a map by table name. */
static void look_at_request_items(looker *l)
{
    const ra_json *j = l->json;
    uint32_t map = ra_json_member(j, 0, "RequestItems");
    if (map == RA_JSON_NONE || !ra_json_is(j, map, RA_JSON_OBJECT))
        return;
    for (uint32_t i = map + 1; i < j->t[map].next && goes_on(l); i = j->t[i + 1].next)
        look_at_string(l, i);
}

/* {"Put": {"TableName": …}}, also of a ConditionCheck: it tells something of what it looks at. */
static void look_at_element(looker *l, uint32_t element)
{
    const ra_json *j = l->json;
    size_t found = l->found;
    if (ra_json_is(j, element, RA_JSON_OBJECT)) {
        for (uint32_t i = element + 1; i < j->t[element].next && goes_on(l); i = j->t[i + 1].next) {
            size_t had = l->found;
            if (ra_json_is(j, i + 1, RA_JSON_NULL))
                continue;
            look_at_member(l, i + 1, "TableName");
            if (l->found == had)
                untold(l);
        }
    }
    if (l->found == found)
        untold(l);
}

static void look_at_transaction(looker *l)
{
    const ra_json *j = l->json;
    uint32_t list = ra_json_member(j, 0, "TransactItems");
    if (list == RA_JSON_NONE || !ra_json_is(j, list, RA_JSON_ARRAY))
        return;
    for (uint32_t i = list + 1; i < j->t[list].next && goes_on(l); i = j->t[i].next)
        look_at_element(l, i);
}

static bool look_at_statement(const ra_statement *s, void *arg)
{
    looker *l = arg;
    if (s->table.p)
        look_at_name(l, s->table);
    else
        untold(l);
    return goes_on(l);
}

static void look_at_statements(looker *l)
{
    bool all;
    if (!ra_statements_each(l->op, look_at_statement, l, &all))
        l->result = RA_TABLES_NO_MEMORY;
    else if (!all)
        untold(l);
}

static void look(looker *l)
{
    if (!ra_json_is(l->json, 0, RA_JSON_OBJECT))
        return;
    switch (l->op->kind) {
    case RA_OP_BATCH_GET_ITEM:
    case RA_OP_BATCH_WRITE_ITEM:
        look_at_request_items(l);
        break;
    case RA_OP_TRANSACT_GET_ITEMS:
    case RA_OP_TRANSACT_WRITE_ITEMS:
        look_at_transaction(l);
        break;
    case RA_OP_EXECUTE_STATEMENT:
    case RA_OP_BATCH_EXECUTE_STATEMENT:
    case RA_OP_EXECUTE_TRANSACTION:
        look_at_statements(l);
        break;
    default:
        look_at_named(l);
    }
}

enum ra_tables_result ra_authorize_tables(const ra_globs *allowed, const ra_op *op, ra_bytes *name)
{
    looker l = {.allowed = allowed, .op = op, .json = &op->json, .result = RA_TABLES_HAD};
    const ra_json_limits limits = {.token_depth = DEPTH};
    ra_json own = {.n = 0};
    size_t at;
    if (!op->json.n) { /* an operation that only passes through isn't looked into elsewhere */
        enum ra_json_result parsed = ra_json_parse(&own, op->body, &limits, &at);
        if (parsed != RA_JSON_OK)
            return parsed == RA_JSON_NO_MEMORY ? RA_TABLES_NO_MEMORY : RA_TABLES_UNTOLD;
        l.json = &own;
    }
    look(&l);
    if (l.found == 0)
        untold(&l);
    *name = l.foreign; /* a view of the body, or in the arena */
    if (own.n)
        ra_json_free(&own);
    return l.result;
}
