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

#define ONE(s) "{\"Statement\":\"" s "\"}"

static const ra_op *plan(const char *name, const char *body, enum ra_op_class class, size_t tables,
                         size_t marks)
{
    const ra_op *op = fixture_plan(f, name, body);
    if (op->class != class || op->ntables != tables || op->nmarks != marks)
        fail_msg("%s: class %d, %zu tables, %zu marks", body, (int)op->class, op->ntables, op->nmarks);
    assert_body(op, body);
    return op;
}

static void single_statements(void **state)
{
    (void)state;
    const ra_table *t = fixture_chat(f);
    plan("ExecuteStatement", ONE("SELECT * FROM chat WHERE pk='a'"), RA_CLASS_PASS, 0, 0);
    plan("ExecuteStatement", ONE("select * from \\\"chat\\\".\\\"by-g\\\""), RA_CLASS_PASS, 0, 0);
    const ra_op *op = plan("ExecuteStatement", ONE("INSERT INTO \\\"chat\\\" VALUE {'pk':'a','sk':'b'}"),
                           RA_CLASS_WRITE, 1, 3);
    assert_false(op->any_table);
    assert_true(fixture_marks(op->marks, op->nmarks, &t->key, 0));
    assert_true(fixture_marks(op->marks, op->nmarks, &index_of(t, "by-g")->guard, FIXTURE_SETTLE));
    assert_true(fixture_marks(op->marks, op->nmarks, &index_of(t, "by-sk")->guard, FIXTURE_SETTLE));
    plan("ExecuteStatement", ONE("UPDATE chat SET x=1 WHERE pk='a' AND sk='b'"), RA_CLASS_WRITE, 1, 3);
    plan("ExecuteStatement", ONE(" /* x */ delete from users where id='a'"), RA_CLASS_WRITE, 1, 1);
    plan("ExecuteStatement", ONE("DELETE FROM hidden WHERE id='a'"), RA_CLASS_WRITE, 1, 0);
}

static void statements_that_are_not_clear(void **state)
{
    (void)state;
    static const char *const v[] = {ONE("MERGE INTO chat"), ONE(""),
                                    ONE("DELETE FROM"),     "{}",
                                    "{\"Statement\":5}",    "{\"Statement\":null}",
                                    "{\"Statement\":[]}"};
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        const ra_op *op = plan("ExecuteStatement", v[i], RA_CLASS_WRITE, 0, 0);
        assert_true(op->any_table);
    }
}

static void several_statements(void **state)
{
    (void)state;
    plan("BatchExecuteStatement",
         "{\"Statements\":[" ONE("SELECT * FROM chat") "," ONE("SELECT * FROM users") "]}", RA_CLASS_PASS, 0,
         0);
    const ra_op *op =
        plan("BatchExecuteStatement",
             "{\"Statements\":[" ONE("UPDATE users SET x=1 WHERE id='a'") "," ONE(
                 "DELETE FROM chat WHERE pk='a' "
                 "AND sk='b'") "," ONE("UPDATE \\\"users\\\" SET x=1 WHERE id='b'") "," ONE("SELECT * FROM "
                                                                                            "users") "]}",
             RA_CLASS_WRITE, 2, 4);
    assert_false(op->any_table);
    plan("ExecuteTransaction",
         "{\"TransactStatements\":[" ONE("EXISTS(SELECT * FROM users WHERE id='a')") "," ONE(
             "DELETE FROM users WHERE id='a'") "]}",
         RA_CLASS_WRITE, 1, 1);
    op = plan("ExecuteTransaction", "{\"TransactStatements\":[" ONE("DELETE FROM users WHERE id='a'") ",5]}",
              RA_CLASS_WRITE, 1, 1);
    assert_true(op->any_table);
    plan("ExecuteTransaction", "{\"TransactStatements\":5}", RA_CLASS_PASS, 0, 0);
    plan("ExecuteTransaction", "{\"Statements\":[" ONE("DELETE FROM users") "]}", RA_CLASS_PASS, 0, 0);
}

static void statements_without_end(void **state)
{
    (void)state;
    ra_buf b;
    ra_buf_init(&b, 1 << 20);
    ra_buf_add_z(&b, "{\"Statements\":[");
    for (int i = 0; i < 200; i++)
        ra_buf_addf(&b, "%s{\"Statement\":\"DELETE FROM t%d WHERE id='a'\"}", i ? "," : "", i);
    ra_buf_add_z(&b, "]}");
    assert_true(fixture_plan_bytes(f, "BatchExecuteStatement", ra_buf_bytes(&b))->any_table);
    ra_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_statements),
        cmocka_unit_test(statements_that_are_not_clear),
        cmocka_unit_test(several_statements),
        cmocka_unit_test(statements_without_end),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
