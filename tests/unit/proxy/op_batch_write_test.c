/* BatchWriteItem, TransactWriteItems. */
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

static bool marked(const ra_key *unit, int64_t settle)
{
    return fixture_marks(f->op.marks, f->op.nmarks, unit, settle);
}

static bool item_marked(const ra_table *t, const char *pk, const char *sk)
{
    ra_key item = unit_item(t, pk, sk), partition = unit_partition(t, pk);
    assert_true(marked(&item, 0) == marked(&partition, 0));
    return marked(&item, 0);
}

static bool table_marked(const ra_table *t)
{
    for (size_t i = 0; i < t->nindexes; i++)
        if (t->indexes[i].global && !marked(&t->indexes[i].guard, FIXTURE_SETTLE))
            return false;
    return marked(&t->key, 0);
}

static void plan(const char *name, const char *body, size_t marks)
{
    ra_mark *v;
    size_t n;
    canned c;
    ra_op *op = fixture_plan(f, name, body);
    assert_body(op, body);
    if (op->nmarks != marks)
        fail_msg("%s: %zu marks", body, op->nmarks);
    assert_true(ra_op_write_after(op, canned_reply(&c, 200, "{\"UnprocessedItems\":{}}"), &v, &n));
    assert_int_equal(n, 0);
    assert_false(ra_op_write_rewrites(op, &c.reply));
}

#define CHAT_KEY(a, b) "{\"pk\":{\"S\":\"" a "\"},\"sk\":{\"S\":\"" b "\"}}"
#define BATCH(x)       "{\"RequestItems\":{" x "}}"

static void batches(void **state)
{
    (void)state;
    const ra_table *chat = fixture_chat(f), *users = f->tables[1];
    plan("BatchWriteItem",
         BATCH("\"chat\":[{\"PutRequest\":{\"Item\":" CHAT_KEY(
             "a", "b") "}},{\"DeleteRequest\":{\"Key\":" CHAT_KEY("a",
                                                                  "c") "}}],\"users\":[{\"PutRequest\":{"
                                                                       "\"Item\":{\"id\":{\"S\":\"u\"},\"x\":"
                                                                       "{\"N\":\"1\"}}}}],"
                                                                       "\"hidden\":[{\"DeleteRequest\":{}}]"),
         3 + 2 + 1 + 2); /* two items in one partition, two of by-sk's partitions, by-g; one user */
    assert_true(item_marked(chat, "a", "b") && item_marked(chat, "a", "c") && item_marked(users, "u", NULL));
    ra_key b = unit_index(chat, "by-sk", "b"), c = unit_index(chat, "by-sk", "c");
    assert_true(marked(&b, FIXTURE_SETTLE) && marked(&c, FIXTURE_SETTLE));
    assert_true(marked(&index_of(chat, "by-g")->guard, FIXTURE_SETTLE));
    assert_false(marked(&chat->key, 0) || marked(&users->key, 0));
}

static void batch_elements_that_are_not_clear(void **state)
{
    (void)state;
    static const char *const elements[] = {
        "{}",
        "[]",
        "null",
        "5",
        "{\"PutRequest\":null}",
        "{\"PutRequest\":{}}",
        "{\"PutRequest\":{\"Key\":{}}}",
        "{\"PutRequest\":{\"Item\":{}}}",
        "{\"DeleteRequest\":{\"Key\":{\"pk\":{\"S\":\"a\"}}}}",
        "{\"PutRequest\":{\"Item\":" CHAT_KEY("a", "b") "},\"DeleteRequest\":{\"Key\":" CHAT_KEY("a",
                                                                                                 "b") "}}",
        "{\"PutRequest\":{\"Item\":" CHAT_KEY("a", "b") ",\"X\":1}}",
        "{\"UpdateRequest\":{\"Key\":" CHAT_KEY("a", "b") "}}",
    };
    char body[1024];
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
        snprintf(body, sizeof body, BATCH("\"chat\":[%s]"), elements[i]);
        plan("BatchWriteItem", body, 3);
        assert_true(table_marked(fixture_chat(f)));
    }
    plan("BatchWriteItem", BATCH("\"chat\":{\"PutRequest\":{}}"), 3);
    assert_true(table_marked(fixture_chat(f)));
    plan("BatchWriteItem", "{\"RequestItems\":[]}", 0);
    plan("BatchWriteItem", "{}", 0);
}

/* More than DynamoDB takes: nobody looks closer, and nothing is left unmarked. */
static void batches_without_end(void **state)
{
    (void)state;
    ra_buf b;
    ra_buf_init(&b, 1 << 20);
    ra_buf_add_z(&b, "{\"RequestItems\":{\"chat\":[");
    for (int i = 0; i < 200; i++)
        ra_buf_addf(&b, "%s{\"DeleteRequest\":{\"Key\":{\"pk\":{\"S\":\"%d\"},\"sk\":{\"S\":\"b\"}}}}",
                    i ? "," : "", i);
    ra_buf_add_z(&b, "]}}");
    assert_int_equal(fixture_plan_bytes(f, "BatchWriteItem", ra_buf_bytes(&b))->nmarks, 3);
    assert_true(table_marked(fixture_chat(f)));
    ra_buf_clear(&b);
    ra_buf_add_z(&b, "{\"RequestItems\":{");
    for (int i = 0; i < 200; i++)
        ra_buf_addf(&b, "%s\"t%d\":[]", i ? "," : "", i);
    ra_buf_add_z(&b, "}}");
    assert_true(fixture_plan_bytes(f, "BatchWriteItem", ra_buf_bytes(&b))->any_table);
    ra_buf_free(&b);
}

#define TRANSACT(x) "{\"TransactItems\":[" x "]}"

static void transactions(void **state)
{
    (void)state;
    const ra_table *chat = fixture_chat(f), *users = f->tables[1], *others = f->tables[4];
    plan("TransactWriteItems",
         TRANSACT("{\"Put\":{\"TableName\":\"chat\",\"Item\":" CHAT_KEY(
             "a",
             "b") "}},"
                  "{\"Delete\":{\"TableName\":\"chat\",\"Key\":" CHAT_KEY(
                      "c",
                      "b") "}},"
                           "{\"Update\":{\"TableName\":\"arn:aws:dynamodb:eu-west-1:1:table/"
                           "users\",\"UpdateExpression\":\"SET a = :a\",\"Key\":{\"id\":{\"S\":\"u\"}}}},"
                           "{\"ConditionCheck\":{\"TableName\":\"others\",\"Key\":{\"id\":{\"S\":\"u\"}}}}"),
         4 + 1 + 1 + 2);
    assert_int_equal(f->op.ntables, 2); /* a check changes nothing and needs no table */
    assert_true(item_marked(chat, "a", "b") && item_marked(chat, "c", "b") && item_marked(users, "u", NULL));
    assert_false(item_marked(others, "u", NULL));
    assert_true(marked(&index_of(chat, "by-g")->guard, FIXTURE_SETTLE));
}

static void transactions_that_are_not_clear(void **state)
{
    (void)state;
    static const char *const elements[] = {
        "{\"Put\":{\"TableName\":\"chat\"}}",
        "{\"Put\":{\"TableName\":\"chat\",\"Item\":{\"pk\":{\"S\":\"a\"}}}}",
        "{\"Put\":{\"TableName\":\"chat\",\"Key\":" CHAT_KEY("a", "b") "}}",
        "{\"Delete\":{\"TableName\":\"chat\",\"Key\":[]}}",
        "{\"Merge\":{\"TableName\":\"chat\",\"Key\":" CHAT_KEY("a", "b") "}}",
        "{\"Put\":{\"TableName\":\"chat\",\"Item\":" CHAT_KEY("a", "b") "},\"X\":{}}",
    };
    char body[1024];
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
        snprintf(body, sizeof body, TRANSACT("%s"), elements[i]);
        plan("TransactWriteItems", body, 3);
        assert_true(table_marked(fixture_chat(f)));
    }
    plan("TransactWriteItems", TRANSACT("5,[],{},null,{\"Put\":5},{\"Put\":{}}"), 0);
    plan("TransactWriteItems", "{\"TransactItems\":{}}", 0);
    plan("TransactWriteItems", TRANSACT("{\"Put\":{\"TableName\":\"hidden\",\"Item\":{}}}"), 0);
}

static void transactions_without_end(void **state)
{
    (void)state;
    ra_buf b;
    ra_buf_init(&b, 1 << 20);
    for (int many = 0; many < 2; many++) {
        ra_buf_clear(&b);
        ra_buf_add_z(&b, "{\"TransactItems\":[");
        for (int i = 0; i < 200; i++)
            ra_buf_addf(&b, "%s{\"Delete\":{\"TableName\":\"%s%d\",\"Key\":" CHAT_KEY("a", "b") "}}",
                        i ? "," : "", many ? "t" : "chat\",\"x\":\"", i);
        ra_buf_add_z(&b, "]}");
        const ra_op *op = fixture_plan_bytes(f, "TransactWriteItems", ra_buf_bytes(&b));
        assert_true(op->any_table == (many == 1));
        assert_true(many || table_marked(fixture_chat(f)));
    }
    ra_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches),
        cmocka_unit_test(batch_elements_that_are_not_clear),
        cmocka_unit_test(batches_without_end),
        cmocka_unit_test(transactions),
        cmocka_unit_test(transactions_that_are_not_clear),
        cmocka_unit_test(transactions_without_end),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
