/* Names, classes, tables, bodies that aren't what they should be. */
#include "op_fixture.h"

static fixture *f;

static int set_up(void **state)
{
    (void)state;
    f = fixture_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_free(f);
    return 0;
}

static void open_as(const char *name, const char *body, enum ra_op_kind kind, enum ra_op_class class)
{
    assert_int_equal(fixture_open(f, name, ra_bytes_z(body)), RA_OP_OK);
    assert_string_equal(f->op.name, name);
    assert_int_equal(f->op.kind, kind);
    assert_int_equal(f->op.class, class);
}

static void given_is(size_t i, const char *name)
{
    assert_true(f->op.ntables > i);
    assert_true(ra_bytes_eq_z(f->op.tables[i].given, name));
}

static void names_and_classes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum ra_op_kind kind;
        enum ra_op_class class;
    } v[] = {
        {"GetItem", RA_OP_GET_ITEM, RA_CLASS_READ},
        {"Query", RA_OP_QUERY, RA_CLASS_READ},
        {"Scan", RA_OP_SCAN, RA_CLASS_READ},
        {"PutItem", RA_OP_PUT_ITEM, RA_CLASS_WRITE},
        {"UpdateItem", RA_OP_UPDATE_ITEM, RA_CLASS_WRITE},
        {"DeleteItem", RA_OP_DELETE_ITEM, RA_CLASS_WRITE},
        {"CreateTable", RA_OP_TABLE_CHANGE, RA_CLASS_WRITE},
        {"UpdateTimeToLive", RA_OP_TABLE_CHANGE, RA_CLASS_WRITE},
        {"getItem", RA_OP_OTHER, RA_CLASS_WRITE},
        {"GetItems", RA_OP_OTHER, RA_CLASS_WRITE},
        {"Describe", RA_OP_OTHER, RA_CLASS_WRITE},
        {"TruncateTable", RA_OP_OTHER, RA_CLASS_WRITE},
    };
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        open_as(v[i].name, "{\"TableName\":\"chat\"}", v[i].kind, v[i].class);
        given_is(0, "chat");
        assert_true(ra_op_needs_tables(&f->op));
        assert_true(f->op.changes_table == (v[i].kind == RA_OP_TABLE_CHANGE));
    }
}

static void control_plane_is_not_looked_into(void **state)
{
    (void)state;
    static const char *const v[] = {"ListTables",
                                    "DescribeTable",
                                    "DescribeLimits",
                                    "DescribeTimeToLive",
                                    "TagResource",
                                    "UntagResource",
                                    "ListTagsOfResource",
                                    "CreateBackup",
                                    "UpdateContinuousBackups",
                                    "PutResourcePolicy",
                                    "EnableKinesisStreamingDestination",
                                    "ExportTableToPointInTime"};
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        open_as(v[i], "{\"TableName\":\"chat\", this isn't JSON", RA_OP_OTHER, RA_CLASS_PASS);
        assert_int_equal(f->op.json.n, 0);
        assert_false(ra_op_needs_tables(&f->op));
        assert_int_equal(ra_op_plan(&f->op), RA_OP_OK);
        assert_true(ra_op_body_is_original(&f->op));
    }
}

static void streams(void **state)
{
    (void)state;
    const char *problem;
    assert_int_equal(ra_op_open(&f->op, RA_BYTES("DynamoDBStreams_20120810.GetRecords"), RA_BYTES("{"),
                                &f->arena, &problem),
                     RA_OP_OK);
    assert_true(f->op.streams && f->op.class == RA_CLASS_PASS);
    assert_string_equal(f->op.name, "GetRecords");
}

static void long_names_are_cut(void **state)
{
    (void)state;
    char name[100];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    assert_int_equal(fixture_open(f, name, RA_BYTES("{}")), RA_OP_OK);
    assert_int_equal(strlen(f->op.name), 63);
    assert_int_equal(f->op.class, RA_CLASS_PASS);
}

static void malformed_bodies(void **state)
{
    (void)state;
    static const char *const operations[] = {"GetItem",
                                             "Query",
                                             "Scan",
                                             "BatchGetItem",
                                             "TransactGetItems",
                                             "PutItem",
                                             "UpdateItem",
                                             "DeleteItem",
                                             "BatchWriteItem",
                                             "TransactWriteItems",
                                             "ExecuteStatement",
                                             "BatchExecuteStatement",
                                             "ExecuteTransaction"};
    static const char *const bodies[] = {"",
                                         "{",
                                         "{\"TableName\":\"chat\",\"TableName\":\"chat\"}",
                                         "{\"TableName\":\"\xff\"}",
                                         "{} x",
                                         "{\"a\":\"\\ud800\"}"};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        for (size_t k = 0; k < sizeof bodies / sizeof *bodies; k++)
            assert_int_equal(fixture_open(f, operations[i], ra_bytes_z(bodies[k])), RA_OP_MALFORMED);
    /* Nobody knows what these do: they aren't refused, and marks stay on the safe side. */
    open_as("NewThing", "{\"TableName\":", RA_OP_OTHER, RA_CLASS_PASS);
    assert_int_equal(ra_op_plan(&f->op), RA_OP_OK);
    open_as("DeleteTable", "{\"TableName\":", RA_OP_TABLE_CHANGE, RA_CLASS_WRITE);
    assert_true(f->op.any_table);
    assert_int_equal(ra_op_plan(&f->op), RA_OP_OK);
}

/* DynamoDB answers such a body with an error; it goes there as it is. */
static void bodies_that_are_no_objects(void **state)
{
    (void)state;
    static const char *const bodies[] = {"[]", "null", "5", "\"x\"", "[{\"TableName\":\"chat\"}]"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        assert_bypass(f, "GetItem", bodies[i], "not-understood");
        assert_bypass(f, "Query", bodies[i], "not-understood");
        assert_bypass(f, "BatchGetItem", bodies[i], "not-understood");
        static const char *const writes[] = {"PutItem",        "UpdateItem",         "DeleteItem",
                                             "BatchWriteItem", "TransactWriteItems", "ExecuteTransaction",
                                             "CreateTable"};
        for (size_t k = 0; k < sizeof writes / sizeof *writes; k++) {
            const ra_op *op = fixture_plan(f, writes[k], bodies[i]);
            assert_int_equal(op->nmarks, 0);
            assert_false(ra_op_needs_tables(op));
            assert_body(op, bodies[i]);
        }
    }
}

static void table_names(void **state)
{
    (void)state;
    open_as("PutItem", "{\"TableName\":\"ch\\u0061t\"}", RA_OP_PUT_ITEM, RA_CLASS_WRITE);
    given_is(0, "chat");
    open_as("PutItem", "{\"TableName\":123}", RA_OP_PUT_ITEM, RA_CLASS_WRITE);
    given_is(0, "123");
    open_as("PutItem", "{\"TableName\":true}", RA_OP_PUT_ITEM, RA_CLASS_WRITE);
    given_is(0, "true");
    open_as("PutItem", "{\"TableName\":null}", RA_OP_PUT_ITEM, RA_CLASS_WRITE);
    assert_int_equal(f->op.ntables, 0);
    open_as("PutItem", "{\"tablename\":\"chat\"}", RA_OP_PUT_ITEM, RA_CLASS_WRITE);
    assert_int_equal(f->op.ntables, 0);
    open_as("PutItem", "{\"TableName\":\"arn:aws:dynamodb:us-east-1:1:table/chat\"}", RA_OP_PUT_ITEM,
            RA_CLASS_WRITE);
    given_is(0, "arn:aws:dynamodb:us-east-1:1:table/chat");
    open_as("NewThing", "{\"Table\":\"chat\"}", RA_OP_OTHER, RA_CLASS_PASS);
    assert_int_equal(f->op.ntables, 0);
}

static void changed_tables(void **state)
{
    (void)state;
    open_as("RestoreTableFromBackup", "{\"TargetTableName\":\"chat\",\"BackupArn\":\"x\"}",
            RA_OP_TABLE_CHANGE, RA_CLASS_WRITE);
    given_is(0, "chat");
    open_as("UpdateGlobalTable", "{\"GlobalTableName\":\"chat\"}", RA_OP_TABLE_CHANGE, RA_CLASS_WRITE);
    given_is(0, "chat");
    open_as("ImportTable", "{\"TableCreationParameters\":{\"TableName\":\"chat\"}}", RA_OP_TABLE_CHANGE,
            RA_CLASS_WRITE);
    given_is(0, "chat");
    const ra_op *op = fixture_plan(f, "UpdateTable", "{\"TableName\":\"chat\"}");
    const ra_table *t = fixture_chat(f);
    assert_int_equal(op->nmarks, 3);
    assert_true(fixture_marks(op->marks, op->nmarks, &t->key, 0));
    assert_true(fixture_marks(op->marks, op->nmarks, &index_of(t, "by-g")->guard, FIXTURE_SETTLE));
    assert_true(fixture_marks(op->marks, op->nmarks, &index_of(t, "by-sk")->guard, FIXTURE_SETTLE));
    assert_true(op->marks[0].settle == 0 && op->marks[2].settle == FIXTURE_SETTLE);
    op = fixture_plan(f, "FlushTable", "{\"TableName\":\"chat\"}");
    assert_int_equal(op->nmarks, 3);
    assert_false(op->changes_table);
    assert_int_equal(fixture_plan(f, "UpdateTable", "{\"TableName\":\"hidden\"}")->nmarks, 0);
    assert_int_equal(fixture_plan(f, "UpdateTable", "{\"TableName\":\"nosuch\"}")->nmarks, 0);
}

static void transactions_of_reads_pass_by(void **state)
{
    (void)state;
    assert_bypass(f, "TransactGetItems",
                  "{\"TransactItems\":[{\"Get\":{\"TableName\":\"chat\",\"Key\":{}}}]}", "transaction");
    assert_false(ra_op_needs_tables(&f->op));
}

/* Whatever the arena refuses, the answer is "no memory" or a plan: never a crash, never a write without
 * marks. */
static void small_arenas(void **state)
{
    (void)state;
    static const char *const bodies[][2] = {
        {"PutItem",
         "{\"TableName\":\"ch\\u0061t\",\"Item\":{\"pk\":{\"S\":\"\\u0061\"},\"sk\":{\"S\":\"\\u0062\"},"
         "\"g\":{\"S\":\"\\u0063\"}}}"},
        {"BatchWriteItem",
         "{\"RequestItems\":{\"ch\\u0061t\":[{\"DeleteRequest\":{\"Key\":{\"pk\":{\"S\":\"\\u0061\"},"
         "\"sk\":{\"S\":\"b\"}}}}]}}"},
        {"TransactWriteItems",
         "{\"TransactItems\":[{\"Delete\":{\"TableName\":\"ch\\u0061t\",\"Key\":{\"pk\":"
         "{\"S\":\"\\u0061\"},\"sk\":{\"S\":\"b\"}}}}]}"},
        {"ExecuteStatement", "{\"Statement\":\"DELETE FROM \\\"chat\\\" WHERE pk='a' AND sk='b'\"}"},
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        bool refused = false, planned = false;
        for (size_t cap = 0; cap < 16384; cap += 16) {
            fixture_close(f);
            ra_arena_init(&f->arena, cap);
            enum ra_op_result r = fixture_open(f, bodies[i][0], ra_bytes_z(bodies[i][1]));
            if (r == RA_OP_OK)
                r = ra_op_plan(&f->op);
            if (r == RA_OP_NO_MEMORY)
                refused = true;
            else
                planned = true;
            assert_true(r == RA_OP_NO_MEMORY || f->op.nmarks > 0 || f->op.any_table);
        }
        assert_true(refused && planned);
    }
    fixture_close(f);
    ra_arena_init(&f->arena, 64 << 20);
}

/* A read that has no room is refused or goes upstream uncached. */
static void small_arenas_of_reads(void **state)
{
    (void)state;
    static const char *const bodies[][2] = {
        {"GetItem",
         "{\"TableName\":\"ch\\u0061t\",\"Key\":{\"pk\":{\"S\":\"\\u0061\"},\"sk\":{\"S\":\"\\u0062\"}},"
         "\"ProjectionExpression\":\"#\\u0061\",\"ExpressionAttributeNames\":{\"#a\":\"\\u0062\"}}"},
        {"Query",
         "{\"TableName\":\"chat\",\"KeyConditionExpression\":\"pk = :\\u0070\",\"ExpressionAttributeValues\":"
         "{\":p\":{\"S\":\"\\u0061\"}}}"},
        {"BatchGetItem", "{\"RequestItems\":{\"ch\\u0061t\":{\"Keys\":[{\"pk\":{\"S\":\"\\u0061\"},\"sk\":{"
                         "\"S\":\"b\"}}]}}}"},
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        bool refused = false, planned = false;
        for (size_t cap = 0; cap < 65536; cap += 48) {
            fixture_close(f);
            ra_arena_init(&f->arena, cap);
            enum ra_op_result r = fixture_open(f, bodies[i][0], ra_bytes_z(bodies[i][1]));
            if (r == RA_OP_OK)
                r = ra_op_plan(&f->op);
            refused |= r == RA_OP_NO_MEMORY;
            planned |= r == RA_OP_OK && f->op.nparts == 1;
            assert_true(r == RA_OP_NO_MEMORY || (f->op.nparts == 1) == (f->op.bypass == NULL));
        }
        assert_true(refused && planned);
    }
    fixture_close(f);
    ra_arena_init(&f->arena, 64 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_classes),
        cmocka_unit_test(control_plane_is_not_looked_into),
        cmocka_unit_test(streams),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(malformed_bodies),
        cmocka_unit_test(bodies_that_are_no_objects),
        cmocka_unit_test(table_names),
        cmocka_unit_test(changed_tables),
        cmocka_unit_test(transactions_of_reads_pass_by),
        cmocka_unit_test(small_arenas),
        cmocka_unit_test(small_arenas_of_reads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
