/* What an access key may do. Every operation that DynamoDB has is here, with a body that names the table
 * "mine". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/authorize.h"

#define DATA    "DynamoDB_20120810."
#define STREAMS "DynamoDBStreams_20120810."
#define ARN     "arn:aws:dynamodb:eu-west-1:123456789012:table/"

enum { NEVER = -1 };

/* One key, as the file has it. */
static ra_access_keys *with_key(const char *members)
{
    char text[2000], why[RA_ACCESS_KEYS_WHY_MAX];
    snprintf(text, sizeof text, "{\"keys\":[{\"access_key_id\":\"AKID\",\"secret_access_key\":\"s\"%s%s}]}",
             *members ? "," : "", members);
    ra_access_keys *k = ra_access_keys_parse(ra_bytes_z(text), "keys", why);
    if (!k)
        fail_msg("%s", why);
    return k;
}

static enum ra_authorize_result ask(const char *key, const char *target, const char *body,
                                    char why[RA_AUTHORIZE_WHY_MAX])
{
    ra_access_keys *k = with_key(key);
    ra_arena a;
    ra_op op;
    const char *problem;
    size_t n = strlen(body);
    char *exact = malloc(n ? n : 1);
    memcpy(exact, body, n);
    ra_arena_init(&a, 1 << 20);
    enum ra_op_result opened = ra_op_open(&op, ra_bytes_z(target), (ra_bytes){exact, n}, &a, &problem);
    if (opened != RA_OP_OK)
        fail_msg("%s: %s", body, problem);
    enum ra_authorize_result said = ra_authorize(ra_access_keys_find(k, RA_BYTES("AKID")), &op, why);
    assert_true((said == RA_FORBIDDEN) == (why[0] != '\0'));
    ra_op_close(&op);
    ra_arena_free(&a);
    ra_access_keys_unref(k);
    free(exact);
    return said;
}

static void expect(const char *key, const char *target, const char *body, bool may)
{
    char why[RA_AUTHORIZE_WHY_MAX];
    enum ra_authorize_result said = ask(key, target, body, why);
    if (said != (may ? RA_AUTHORIZED : RA_FORBIDDEN))
        fail_msg("{%s} %s %s: %d %s", key, target, body, (int)said, why);
}

static void expect_why(const char *key, const char *target, const char *body, const char *text)
{
    char why[RA_AUTHORIZE_WHY_MAX];
    assert_int_equal(ask(key, target, body, why), RA_FORBIDDEN);
    assert_string_equal(why, text);
}

/* ---- every operation ---- */

/* `body` has "$" where the table's name is: all of them. NULL: none can be told. */
static const struct {
    const char *target;
    bool reads;
    const char *body;
} operations[] = {
    {DATA "BatchExecuteStatement", false,
     "{\"Statements\":[{\"Statement\":\"DELETE FROM \\\"$\\\" WHERE pk='p'\"}]}"},
    {DATA "BatchGetItem", true, "{\"RequestItems\":{\"$\":{\"Keys\":[]}}}"},
    {DATA "BatchWriteItem", false, "{\"RequestItems\":{\"$\":[]}}"},
    {DATA "CreateBackup", false, "{\"TableName\":\"$\",\"BackupName\":\"theirs\"}"},
    {DATA "CreateGlobalTable", false, "{\"GlobalTableName\":\"$\"}"},
    {DATA "CreateTable", false, "{\"TableName\":\"$\"}"},
    {DATA "DeleteBackup", false, "{\"BackupArn\":\"" ARN "$/backup/01489602797149-73d8d5bc\"}"},
    {DATA "DeleteItem", false, "{\"TableName\":\"$\"}"},
    {DATA "DeleteResourcePolicy", false, "{\"ResourceArn\":\"" ARN "$\"}"},
    {DATA "DeleteTable", false, "{\"TableName\":\"$\"}"},
    {DATA "DescribeBackup", true, "{\"BackupArn\":\"" ARN "$/backup/01489602797149-73d8d5bc\"}"},
    {DATA "DescribeContinuousBackups", true, "{\"TableName\":\"$\"}"},
    {DATA "DescribeContributorInsights", true, "{\"TableName\":\"$\",\"IndexName\":\"i\"}"},
    {DATA "DescribeEndpoints", true, NULL},
    {DATA "DescribeExport", true, "{\"ExportArn\":\"" ARN "$/export/01695353076000-a1e20c2f\"}"},
    {DATA "DescribeGlobalTable", true, "{\"GlobalTableName\":\"$\"}"},
    {DATA "DescribeGlobalTableSettings", true, "{\"GlobalTableName\":\"$\"}"},
    {DATA "DescribeImport", true, "{\"ImportArn\":\"" ARN "$/import/01658528578619-c4d4e311\"}"},
    {DATA "DescribeKinesisStreamingDestination", true, "{\"TableName\":\"$\"}"},
    {DATA "DescribeLimits", true, NULL},
    {DATA "DescribeTable", true, "{\"TableName\":\"$\"}"},
    {DATA "DescribeTableReplicaAutoScaling", true, "{\"TableName\":\"$\"}"},
    {DATA "DescribeTimeToLive", true, "{\"TableName\":\"$\"}"},
    {DATA "DisableKinesisStreamingDestination", false,
     "{\"TableName\":\"$\",\"StreamArn\":\"arn:aws:kinesis:eu-west-1:1:stream/theirs\"}"},
    {DATA "EnableKinesisStreamingDestination", false,
     "{\"TableName\":\"$\",\"StreamArn\":\"arn:aws:kinesis:eu-west-1:1:stream/theirs\"}"},
    {DATA "ExecuteStatement", false, "{\"Statement\":\"UPDATE \\\"$\\\" SET a='b' WHERE pk='p'\"}"},
    {DATA "ExecuteTransaction", false,
     "{\"TransactStatements\":[{\"Statement\":\"INSERT INTO \\\"$\\\" VALUE {'pk':'p'}\"}]}"},
    {DATA "ExportTableToPointInTime", false, "{\"TableArn\":\"" ARN "$\",\"S3Bucket\":\"theirs\"}"},
    {DATA "GetItem", true, "{\"TableName\":\"$\"}"},
    {DATA "GetResourcePolicy", false, "{\"ResourceArn\":\"" ARN "$\"}"},
    {DATA "ImportTable", false,
     "{\"S3BucketSource\":{\"S3Bucket\":\"theirs\"},\"TableCreationParameters\":{\"TableName\":\"$\"}}"},
    {DATA "ListBackups", true, "{\"TableName\":\"$\"}"},
    {DATA "ListContributorInsights", true, "{\"TableName\":\"$\"}"},
    {DATA "ListExports", true, "{\"TableArn\":\"" ARN "$\"}"},
    {DATA "ListGlobalTables", true, NULL},
    {DATA "ListImports", true, "{\"TableArn\":\"" ARN "$\"}"},
    {DATA "ListTables", true, NULL},
    {DATA "ListTagsOfResource", true, "{\"ResourceArn\":\"" ARN "$\"}"},
    {DATA "PutItem", false, "{\"TableName\":\"$\",\"Item\":{\"TableName\":{\"S\":\"theirs\"}}}"},
    {DATA "PutResourcePolicy", false, "{\"ResourceArn\":\"" ARN "$/stream/2015-05-11T21:21:33.291\"}"},
    {DATA "Query", true, "{\"TableName\":\"$\",\"IndexName\":\"theirs\"}"},
    {DATA "RestoreTableFromBackup", false,
     "{\"TargetTableName\":\"$\",\"BackupArn\":\"" ARN "$/backup/01489602797149-73d8d5bc\"}"},
    {DATA "RestoreTableToPointInTime", false,
     "{\"TargetTableName\":\"$\",\"SourceTableName\":\"$\",\"SourceTableArn\":\"" ARN "$\"}"},
    {DATA "Scan", true, "{\"TableName\":\"$\"}"},
    {DATA "TagResource", false, "{\"ResourceArn\":\"" ARN "$\"}"},
    {DATA "TransactGetItems", true, "{\"TransactItems\":[{\"Get\":{\"TableName\":\"$\"}}]}"},
    {DATA "TransactWriteItems", false,
     "{\"TransactItems\":[{\"Put\":{\"TableName\":\"$\"}},{\"ConditionCheck\":{\"TableName\":\"$\"}}]}"},
    {DATA "UntagResource", false, "{\"ResourceArn\":\"" ARN "$\"}"},
    {DATA "UpdateContinuousBackups", false, "{\"TableName\":\"$\"}"},
    {DATA "UpdateContributorInsights", false, "{\"TableName\":\"$\"}"},
    {DATA "UpdateGlobalTable", false, "{\"GlobalTableName\":\"$\"}"},
    {DATA "UpdateGlobalTableSettings", false, "{\"GlobalTableName\":\"$\"}"},
    {DATA "UpdateItem", false, "{\"TableName\":\"$\"}"},
    {DATA "UpdateKinesisStreamingDestination", false, "{\"TableName\":\"$\"}"},
    {DATA "UpdateTable", false, "{\"TableName\":\"$\"}"},
    {DATA "UpdateTableReplicaAutoScaling", false, "{\"TableName\":\"$\"}"},
    {DATA "UpdateTimeToLive", false, "{\"TableName\":\"$\"}"},
    {STREAMS "DescribeStream", true, "{\"StreamArn\":\"" ARN "$/stream/2015-05-11T21:21:33.291\"}"},
    {STREAMS "GetRecords", true, NULL},
    {STREAMS "GetShardIterator", true, "{\"StreamArn\":\"" ARN "$/stream/2015-05-11T21:21:33.291\"}"},
    {STREAMS "ListStreams", true, "{\"TableName\":\"$\"}"},
    /* operations of neither */
    {DATA "GetRecords", false, NULL},
    {DATA "GetItems", false, NULL},
    {DATA "getitem", false, NULL},
    {DATA "List", false, NULL},
    {DATA "Describe", false, NULL},
    {STREAMS "GetItem", false, NULL},
    {STREAMS "PutItem", false, NULL},
    {STREAMS "ExecuteStatement", false, NULL},
};

/* `text` with "$" replaced by `name`, but for the `skip`th, which stays "mine". How many there were. */
static int fill_in(const char *text, const char *name, int other, const char *others_name, char out[2000])
{
    size_t n = 0;
    int seen = 0;
    for (const char *p = text; *p; p++) {
        if (*p == '$')
            n += (size_t)snprintf(out + n, 2000 - n, "%s", seen++ == other ? others_name : name);
        else
            out[n++] = *p;
    }
    out[n] = '\0';
    return seen;
}

static const char *const untold_body = "{\"TableName\":\"mine\"}";

static void test_tables_of_every_operation(void **state)
{
    (void)state;
    const char *mine = "\"tables\":[\"mine\"]";
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        const char *form = operations[i].body, *target = operations[i].target;
        char body[2000];
        if (!form) {
            expect(mine, target, untold_body, false);
            expect(mine, target, "{}", false);
            continue;
        }
        int names = fill_in(form, "mine", NEVER, "", body);
        expect(mine, target, body, true);
        for (int other = 0; other < names; other++) {
            fill_in(form, "mine", other, "theirs", body);
            expect(mine, target, body, false);
            fill_in(form, "mine", other, "", body);
            expect(mine, target, body, false);
            fill_in(form, "mine", other, "mine ", body);
            expect(mine, target, body, false);
            fill_in(form, "mine", other, "Mine", body);
            expect(mine, target, body, false);
        }
        expect(mine, target, "{}", false);
        expect(mine, target, "[]", false);
        expect("\"tables\":[]", target, body, false);
        fill_in(form, "mine", NEVER, "", body);
        expect("\"tables\":[]", target, body, false);
        expect("\"tables\":[\"x\",\"m?n*\"]", target, body, true);
        expect("\"tables\":[\"*\"]", target, body, true);
        expect("", target, body, true);
    }
}

static void test_read_only_of_every_operation(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        char body[2000];
        fill_in(operations[i].body ? operations[i].body : untold_body, "mine", NEVER, "", body);
        expect("\"read_only\":true", operations[i].target, body, operations[i].reads);
        expect("\"read_only\":false", operations[i].target, body, true);
    }
}

static void test_operations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        char body[2000], own[200], but_the_last[200];
        const char *target = operations[i].target, *name = strchr(target, '.') + 1;
        fill_in(operations[i].body ? operations[i].body : untold_body, "mine", NEVER, "", body);
        snprintf(own, sizeof own, "\"operations\":[\"Nothing\",\"%s\"]", name);
        snprintf(but_the_last, sizeof but_the_last, "\"operations\":[\"%.*s\"]", (int)strlen(name) - 1, name);
        expect(own, target, body, true);
        expect(but_the_last, target, body, false);
        expect("\"operations\":[]", target, body, false);
        expect("\"operations\":[\"*\"]", target, body, true);
        expect("\"operations\":[\"*Item\"]", target, body, strcmp(name + strlen(name) - 4, "Item") == 0);
    }
    expect("\"operations\":[\"Batch*\"]", DATA "BatchGetItem", "{}", true);
    expect("\"operations\":[\"GetItem\"]", DATA "BatchGetItem", "{}", false);
    expect("\"operations\":[\"?etItem\"]", DATA "GetItem", "{}", true);
}

static void test_all_limits_together(void **state)
{
    (void)state;
    const char *key = "\"operations\":[\"*Item\"],\"read_only\":true,\"tables\":[\"mine\"]";
    expect(key, DATA "GetItem", "{\"TableName\":\"mine\"}", true);
    expect(key, DATA "GetItem", "{\"TableName\":\"theirs\"}", false);
    expect(key, DATA "PutItem", "{\"TableName\":\"mine\"}", false);
    expect(key, DATA "Query", "{\"TableName\":\"mine\"}", false);
}

/* ---- names ---- */

static const struct {
    const char *name; /* as JSON */
    bool mine;
} names[] = {
    {"\"mine\"", true},
    {"\"\\u006dine\"", true},
    {"\"" ARN "mine\"", true},
    {"\"" ARN "mine/index/i\"", true},
    {"\"" ARN "mine/stream/2015-05-11T21:21:33.291\"", true},
    {"\"arn:aws-cn:dynamodb:cn-north-1:1:table/mine\"", true},
    {"\"arn:aws:dynamodb:ddblocal:000000000000:table/mine\"", true},
    {"\"arn:aws:dynamodb:::table/mine\"", true},
    {"\"" ARN "theirs\"", false},
    {"\"" ARN "theirs/index/mine\"", false},
    {"\"" ARN "mine/\"", false},
    {"\"" ARN "mine/index/\"", false},
    {"\"" ARN "mine/index\"", false},
    {"\"" ARN "mine/index/i/j\"", false},
    {"\"" ARN "mine/other/i\"", false},
    {"\"" ARN "mine/../theirs\"", false},
    {"\"" ARN "/mine\"", false},
    {"\"" ARN "\"", false},
    {"\"" ARN "mine:table/theirs\"", false},
    {"\"" ARN "theirs:table/mine\"", false},
    {"\"arn:aws:dynamodb:eu-west-1:1:global-table/mine\"", false},
    {"\"arn:aws:s3:eu-west-1:1:table/mine\"", false},
    {"\"arn:aws:dynamodb:eu-west-1:table/mine\"", false},
    {"\"arn:aws:dynamodb:eu-west-1:1:x:table/mine\"", false},
    {"\"ARN:aws:dynamodb:eu-west-1:1:table/mine\"", false},
    {"\"x" ARN "mine\"", false},
    {"\"table/mine\"", false},
    {"\"mine\\u0000\"", false},
    {"\"mine\\n\"", false},
    {"\"\"", false},
    {"null", false},
    {"[\"mine\"]", false},
    {"{\"S\":\"mine\"}", false},
    {"1", false},
    {"true", false},
};

static void test_names_of_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char body[500];
        snprintf(body, sizeof body, "{\"TableName\":%s}", names[i].name);
        expect("\"tables\":[\"mine\"]", DATA "GetItem", body, names[i].mine);
        expect("\"tables\":[\"mine\"]", DATA "DescribeTable", body, names[i].mine);
        expect("\"tables\":[\"mine\"]", STREAMS "ListStreams", body, names[i].mine);
        if (names[i].name[0] == '"') {
            snprintf(body, sizeof body, "{\"RequestItems\":{%s:{}}}", names[i].name);
            expect("\"tables\":[\"mine\"]", DATA "BatchGetItem", body, names[i].mine);
        }
    }
    /* read as its text by some, and then a table's name */
    expect("\"tables\":[\"1\"]", DATA "GetItem", "{\"TableName\":1}", true);
    expect("\"tables\":[\"true\"]", DATA "PutItem", "{\"TableName\":true}", true);
    expect("\"tables\":[\"*\"]", DATA "GetItem", "{\"TableName\":\"a/b\"}", false);
}

static void test_a_name_that_is_too_long(void **state)
{
    (void)state;
    char body[400], name[257];
    for (size_t n = 255; n <= 256; n++) {
        memset(name, 'n', n);
        name[n] = '\0';
        snprintf(body, sizeof body, "{\"TableName\":\"%s\"}", name);
        expect("\"tables\":[\"n*\"]", DATA "GetItem", body, n == 255);
    }
}

/* ---- several tables ---- */

static void test_one_foreign_table_among_others(void **state)
{
    (void)state;
    static const struct {
        const char *target, *body;
        bool may;
    } cases[] = {
        {DATA "BatchGetItem", "{\"RequestItems\":{\"mine\":{},\"mine2\":{}}}", true},
        {DATA "BatchGetItem", "{\"RequestItems\":{\"mine\":{},\"theirs\":{},\"mine2\":{}}}", false},
        {DATA "BatchGetItem", "{\"RequestItems\":{\"mine\":{},\"" ARN "theirs\":{}}}", false},
        {DATA "BatchWriteItem", "{\"RequestItems\":{\"mine\":[],\"theirs\":[]}}", false},
        {DATA "BatchWriteItem", "{\"RequestItems\":{}}", false},
        {DATA "BatchWriteItem", "{\"RequestItems\":[\"mine\"]}", false},
        {DATA "BatchWriteItem", "{\"RequestItems\":[],\"TableName\":\"mine\"}", false},
        {DATA "TransactGetItems",
         "{\"TransactItems\":[{\"Get\":{\"TableName\":\"mine\"}},{\"Get\":{\"TableName\":\"theirs\"}}]}",
         false},
        {DATA "TransactGetItems", "{\"TransactItems\":[{\"Get\":{\"TableName\":\"mine\"}},{}]}", false},
        {DATA "TransactGetItems", "{\"TransactItems\":[{\"Get\":{\"TableName\":\"mine\"}},1]}", false},
        {DATA "TransactGetItems", "{\"TransactItems\":[]}", false},
        {DATA "TransactGetItems", "{\"TransactItems\":{\"Get\":{\"TableName\":\"mine\"}}}", false},
        {DATA "TransactWriteItems",
         "{\"TransactItems\":[{\"Put\":{\"TableName\":\"mine\"},\"Delete\":{\"TableName\":\"theirs\"}}]}",
         false},
        {DATA "TransactWriteItems", "{\"TransactItems\":[{\"Put\":{\"TableName\":\"mine\"},\"Delete\":{}}]}",
         false},
        {DATA "TransactWriteItems",
         "{\"TransactItems\":[{\"Put\":{\"TableName\":\"mine\"},\"Delete\":null}]}", true},
        {DATA "TransactWriteItems", "{\"TransactItems\":[{\"Put\":null}]}", false},
        {DATA "TransactWriteItems", "{\"TransactItems\":[{\"ConditionCheck\":{\"TableName\":\"theirs\"}}]}",
         false},
        {DATA "TransactWriteItems", "{\"TransactItems\":[{\"Put\":\"mine\"}]}", false},
        {DATA "CreateTable", "{\"TableName\":\"mine\",\"GlobalTableSourceArn\":\"" ARN "theirs\"}", false},
        {DATA "CreateTable", "{\"TableName\":\"mine\",\"GlobalTableSourceArn\":null}", true},
        {DATA "ImportTable", "{\"TableName\":\"mine\"}", false},
        {DATA "ImportTable", "{\"TableCreationParameters\":\"mine\"}", false},
        {DATA "DescribeTable", "{\"TableName\":\"mine\",\"TableName\":\"mine\"}", false},
        {DATA "DescribeTable", "{\"TableName\":\"mine\"", false},
        {DATA "UpdateTable", "{\"TableName\":\"mine\"", false},
        {DATA "DescribeTable", "", false},
        {DATA "SomethingNew", "{\"TableName\":\"mine\"}", false},
        {DATA "ListTables", "{\"ExclusiveStartTableName\":\"mine\"}", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect("\"tables\":[\"mine*\"]", cases[i].target, cases[i].body, cases[i].may);
}

static void test_statements(void **state)
{
    (void)state;
    const char *mine = "\"tables\":[\"mine\"]", *reader = "\"read_only\":true",
               *one = DATA "ExecuteStatement", *batch = DATA "BatchExecuteStatement",
               *transaction = DATA "ExecuteTransaction";
    expect(mine, one, "{\"Statement\":\"SELECT * FROM mine\"}", true);
    expect(mine, one, "{\"Statement\":\"SELECT * FROM \\\"" ARN "mine\\\"\"}", true);
    expect(mine, one, "{\"Statement\":\"SELECT * FROM mine.i\"}", true);
    expect(mine, one, "{\"Statement\":\"SELECT * FROM theirs.mine\"}", false);
    expect(mine, one, "{\"Statement\":\"SELECT * FROM mine, theirs\"}", false);
    expect(mine, one, "{\"Statement\":\"SELECT * FROM mine x\"}", false);
    expect(mine, one, "{\"Statement\":1}", false);
    expect(mine, one, "{\"Statements\":\"SELECT * FROM mine\"}", false);
    expect(reader, one, "{\"Statement\":\"SELECT * FROM mine x\"}", true);
    expect(reader, one, "{\"Statement\":\"UPDATE mine SET a='b' WHERE pk='p'\"}", false);
    expect(reader, one, "{\"Statement\":\"(SELECT * FROM mine)\"}", false);
    expect(reader, one, "{\"Statement\":\"SELECT * FROM mine; DELETE FROM mine WHERE pk='p'\"}", false);
    expect(reader, one, "{}", false);
    expect(mine, batch,
           "{\"Statements\":[{\"Statement\":\"SELECT * FROM mine\"},{\"Statement\":\"SELECT * FROM "
           "theirs\"}]}",
           false);
    expect(mine, batch,
           "{\"Statements\":[{\"Statement\":\"SELECT * FROM mine\"},{\"Statement\":\"DELETE FROM mine "
           "WHERE pk='p'\"}]}",
           true);
    expect(reader, batch,
           "{\"Statements\":[{\"Statement\":\"SELECT * FROM mine\"},{\"Statement\":\"DELETE FROM mine "
           "WHERE pk='p'\"}]}",
           false);
    expect(reader, batch, "{\"Statements\":[{\"Statement\":\"SELECT * FROM mine\"}]}", true);
    expect(reader, batch, "{\"Statements\":[]}", false);
    expect(mine, batch, "{\"Statements\":[{\"Statement\":\"SELECT * FROM mine\"},{}]}", false);
    expect(mine, batch, "{\"Statements\":[\"SELECT * FROM mine\"]}", false);
    expect(reader, transaction,
           "{\"TransactStatements\":[{\"Statement\":\"EXISTS(SELECT * FROM mine WHERE "
           "pk='p')\"}]}",
           true);
    expect(mine, transaction,
           "{\"TransactStatements\":[{\"Statement\":\"EXISTS(SELECT * FROM mine WHERE "
           "pk='p')\"}]}",
           true);
    expect(mine, transaction, "{\"Statements\":[{\"Statement\":\"SELECT * FROM mine\"}]}", false);
}

/* ---- what is told ---- */

static void test_messages(void **state)
{
    (void)state;
    const char *mine = "\"tables\":[\"mine\"]";
    expect_why(
        mine, DATA "GetItem", "{\"TableName\":\"theirs\"}",
        "User: AKID is not authorized to perform: dynamodb:GetItem on resource: table/theirs because the "
        "access key's `tables` don't have it");
    expect_why(
        mine, DATA "BatchGetItem", "{\"RequestItems\":{\"mine\":{},\"" ARN "theirs\":{}}}",
        "User: AKID is not authorized to perform: dynamodb:BatchGetItem on resource: table/theirs because "
        "the access key's `tables` don't have it");
    expect_why(
        mine, DATA "BatchGetItem", "{\"RequestItems\":{\"a/b\":{},\"theirs\":{}}}",
        "User: AKID is not authorized to perform: dynamodb:BatchGetItem on resource: table/theirs because "
        "the access key's `tables` don't have it");
    expect_why(
        mine, DATA "ListTables", "{}",
        "User: AKID is not authorized to perform: dynamodb:ListTables because the access key is limited to "
        "its `tables`, and which tables this request touches can't be told");
    expect_why(
        "\"read_only\":true", DATA "PutItem", "{\"TableName\":\"mine\"}",
        "User: AKID is not authorized to perform: dynamodb:PutItem because the access key is `read_only`");
    expect_why(
        "\"operations\":[\"GetItem\"]", DATA "PutItem", "{\"TableName\":\"mine\"}",
        "User: AKID is not authorized to perform: dynamodb:PutItem because the access key's `operations` "
        "don't have it");
    expect_why(
        "\"operations\":[]", DATA "\x1b[31m\xff%s", "{}",
        "User: AKID is not authorized to perform: dynamodb:?[31m?%s because the access key's `operations` "
        "don't have it");
}

static void test_a_message_is_cut(void **state)
{
    (void)state;
    char key[500], id[129], body[300], name[256], why[RA_AUTHORIZE_WHY_MAX], text[1000],
        keys_why[RA_ACCESS_KEYS_WHY_MAX];
    memset(id, 'A', 128);
    id[128] = '\0';
    memset(name, 'n', 255);
    name[255] = '\0';
    snprintf(key, sizeof key,
             "{\"keys\":[{\"access_key_id\":\"%s\",\"secret_access_key\":\"s\",\"tables\":[]}]}", id);
    snprintf(body, sizeof body, "{\"TableName\":\"%s\"}", name);
    ra_access_keys *k = ra_access_keys_parse(ra_bytes_z(key), "keys", keys_why);
    ra_arena a;
    ra_op op;
    const char *problem;
    ra_arena_init(&a, 1 << 20);
    assert_int_equal(
        ra_op_open(&op, RA_BYTES(DATA "DescribeKinesisStreamingDestination"), ra_bytes_z(body), &a, &problem),
        RA_OP_OK);
    assert_int_equal(ra_authorize(ra_access_keys_find(k, ra_bytes_z(id)), &op, why), RA_FORBIDDEN);
    snprintf(
        text, sizeof text,
        "User: %s is not authorized to perform: dynamodb:DescribeKinesisStreamingDestination on resource: "
        "table/%.128s... because the access key's `tables` don't have it",
        id, name);
    assert_string_equal(why, text);
    ra_op_close(&op);
    ra_arena_free(&a);
    ra_access_keys_unref(k);
}

/* An arena that has no room: nobody is let in for that. */
static void test_without_memory(void **state)
{
    (void)state;
    static const char body[] = "{\"TableName\":\"\\u006dine\"}";
    ra_access_keys *k = with_key("\"tables\":[\"mine\"]");
    const ra_access_key *key = ra_access_keys_find(k, RA_BYTES("AKID"));
    char why[RA_AUTHORIZE_WHY_MAX];
    const char *problem;
    ra_arena a;
    ra_op op;
    ra_arena_init(&a, 0);
    assert_int_equal(ra_op_open(&op, RA_BYTES(DATA "DescribeTable"), RA_BYTES(body), &a, &problem), RA_OP_OK);
    assert_int_equal(ra_authorize(key, &op, why), RA_AUTHORIZE_NO_MEMORY);
    a.cap = 1 << 20;
    assert_int_equal(ra_authorize(key, &op, why), RA_AUTHORIZED);
    ra_op_close(&op);
    ra_arena_free(&a);
    ra_access_keys_unref(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_of_every_operation),
        cmocka_unit_test(test_read_only_of_every_operation),
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_all_limits_together),
        cmocka_unit_test(test_names_of_tables),
        cmocka_unit_test(test_a_name_that_is_too_long),
        cmocka_unit_test(test_one_foreign_table_among_others),
        cmocka_unit_test(test_statements),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_a_message_is_cut),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
