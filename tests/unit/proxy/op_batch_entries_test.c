/* BatchGetItem's replies: the entries taken from them. */
#include "op_batch_fixture.h"

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

/* `stored[i]` is the i-th part's body, NULL where nothing may be stored. */
static void stores(ra_op *op, const char *reply, const char *const *stored)
{
    canned c;
    ra_cacheable *v;
    size_t n, expected = 0;
    assert_true(ra_op_read_cacheable(op, canned_reply(&c, 200, reply), 99, &v, &n));
    for (size_t i = 0; i < op->nparts; i++)
        expected += stored[i] != NULL;
    if (n != expected)
        fail_msg("%s: %zu entries", reply, n);
    for (size_t i = 0; i < n; i++) {
        const char *body = stored[v[i].part];
        assert_payload(v[i].payload, body);
        assert_true(v[i].negative == (strcmp(body, "{}") == 0));
        assert_int_equal(v[i].payload->crc32, ra_crc32(ra_bytes_z(body)));
        assert_int_equal(v[i].payload->meta, v[i].negative ? 0 : 8);
        assert_int_equal(v[i].payload->filled_ms, 99);
        ra_payload_unref(v[i].payload);
    }
}

#define STORED(id) "{\"Item\":" ITEM(id) "}"

static void entries(void **state)
{
    (void)state;
    static const char body[] = BATCH("\"users\":{\"Keys\":[" U("a") "," U("b") "," U("c") "]}");
    const char *all[] = {STORED("a"), "{}", STORED("c")}, *some[] = {STORED("a"), NULL, NULL};
    const char *none[] = {NULL, NULL, NULL}, *rest[] = {"{}", NULL, STORED("c")},
               *last[] = {NULL, NULL, STORED("c")};
    ra_op *op = looked_up(f, body, "111", NULL);
    stores(op, REPLY("\"users\":[" ITEM("c") " , " ITEM("a") "]", ""), all);
    stores(op, REPLY("\"arn:aws:dynamodb:eu-west-1:1:table/users\":[" ITEM("c") "," ITEM("a") "]", ""), all);
    stores(op, REPLY("\"users\":[" ITEM("c") "]", "\"users\":{\"Keys\":[" U("b") "]}"), rest);
    stores(op, REPLY("\"users\":[" ITEM("a") "]", "\"users\":{\"Keys\":[" U("b") "," U("c") "]}"), some);
    stores(op, REPLY("", ""), none); /* a table that isn't answered isn't empty */
    stores(op, REPLY("\"others\":[]", ""), none);
    stores(op, REPLY("\"users\":[{\"x\":{\"N\":\"1\"}}]", ""), none); /* whose item is it? */
    stores(op, REPLY("\"users\":[" ITEM("a") "]", "\"users\":{\"Keys\":[{}]}"), none);
    stores(op, REPLY("\"users\":[" ITEM("a") "]", "\"users\":{}"), none);
    stores(op, REPLY("\"users\":{}", ""), none);
    stores(op, "{}", none);
    stores(op, "[]", none);
    stores(op, "{\"Responses\":", none);
    op = looked_up(f, body, "--1", NULL);
    stores(op, REPLY("\"users\":[" ITEM("c") "]", ""), last);
    drop(op);
}

static void numbers_come_back_in_another_form(void **state)
{
    (void)state;
    const char *stored[] = {"{\"Item\":{\"id\":{\"N\":\"1\"}}}", "{\"Item\":{\"id\":{\"N\":\"1000\"}}}"};
    ra_op *op = looked_up(
        f, BATCH("\"numbers\":{\"Keys\":[{\"id\":{\"N\":\"1.0\"}},{\"id\":{\"N\":\"1e3\"}}]}"), "11", NULL);
    stores(op, REPLY("\"numbers\":[{\"id\":{\"N\":\"1000\"}},{\"id\":{\"N\":\"1\"}}]", ""), stored);
}

static void sort_keys_tell_items_apart(void **state)
{
    (void)state;
    const char *stored[] = {"{}", "{\"Item\":" C("a", "c") "}", "{\"Item\":" C("b", "a") "}"};
    ra_op *op = looked_up(f, BATCH("\"chat\":{\"Keys\":[" C("a", "b") "," C("a", "c") "," C("b", "a") "]}"),
                          "111", NULL);
    stores(op, REPLY("\"chat\":[" C("b", "a") "," C("a", "c") "]", ""), stored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries),
        cmocka_unit_test(numbers_come_back_in_another_form),
        cmocka_unit_test(sort_keys_tell_items_apart),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
