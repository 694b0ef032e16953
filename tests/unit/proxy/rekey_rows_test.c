/* The query that finds rows, and the transactions made of its reply. */
#include "rekey_fixture.h"

static ra_bytes query(fixture *f, const ra_stream_rule *rule, const ra_rekey_target *t, ra_bytes next)
{
    ra_buf b;
    ra_buf_init(&b, 1 << 16);
    assert_true(ra_rekey_query(rule, t, f->table, next, &b));
    ra_bytes copy = ra_arena_copy(&f->arena, ra_buf_bytes(&b));
    ra_buf_free(&b);
    return copy;
}

static void through_an_index_sorted_by_the_key_that_moves(void **state)
{
    fixture *f = *state;
    ra_rekey_target t;
    const ra_stream_rule *rule = fixture_usual(f, &t);
    assert_json(
        query(f, rule, &t, (ra_bytes){NULL, 0}),
        "{'TableName':'chat','IndexName':'by-g','Select':'ALL_ATTRIBUTES','KeyConditionExpression':'#p = :p "
        "AND #s < :s','ExpressionAttributeNames':{'#p':'g','#s':'sk'},'ExpressionAttributeValues':{':p':{"
        "'S':'7'},':s':{'S': '2024-02'}}}");
    ra_bytes second = query(f, rule, &t, RA_BYTES("{\"pk\":{\"S\":\"x\"}}"));
    ra_json j;
    assert_int_equal(ra_json_parse(&j, second, NULL, &(size_t){0}), RA_JSON_OK);
    assert_true(
        ra_bytes_eq_z(ra_json_raw(&j, ra_json_member(&j, 0, "ExclusiveStartKey")), "{\"pk\":{\"S\":\"x\"}}"));
    ra_json_free(&j);
}

static void otherwise_found(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *rows, *query;
    } cases[] = {
        {"'index': 'by-g-at', 'partition_key': '{star}'",
         "{'TableName':'chat','IndexName':'by-g-at','Select':'ALL_ATTRIBUTES','KeyConditionExpression':'#p = "
         ":p',"
         "'ExpressionAttributeNames':{'#p':'g'},'ExpressionAttributeValues':{':p':{'S':'7'}}}"},
        {"'index': 'by-at', 'partition_key': '{star}'",
         "{'TableName':'chat','IndexName':'by-at','Select':'ALL_ATTRIBUTES','ConsistentRead':true,"
         "'KeyConditionExpression':'#p = :p','ExpressionAttributeNames':{'#p':'pk'},"
         "'ExpressionAttributeValues':{':p':{'S':'7'}}}"},
        {"'partition_key': 'LIST#{star}'",
         "{'TableName':'chat','Select':'ALL_ATTRIBUTES','ConsistentRead':true,'KeyConditionExpression':'#p = "
         ":p "
         "AND "
         "#s < :s','ExpressionAttributeNames':{'#p':'pk','#s':'sk'},'ExpressionAttributeValues':{':p':{'S':"
         "'LIST#7'},':s':{'S': '2024-02'}}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char members[256];
        ra_rekey_target t;
        const char *why;
        snprintf(members, sizeof members, "'partition_key': 'MSG#*', 'rows': {%s}, 'set': {'sk': '{new.sk}'}",
                 cases[i].rows);
        const ra_stream_rule *rule = fixture_rule(f, REKEY_TABLE("S"), members);
        assert_int_equal(fixture_target(f, rule, fixture_message(f), &t, &why), RA_REKEY_OK);
        assert_json(query(f, rule, &t, (ra_bytes){NULL, 0}), cases[i].query);
    }
}

static enum ra_rekey_result moves(fixture *f, const ra_stream_rule *rule, const ra_rekey_target *t,
                                  const char *reply, ra_rekey_moves *out)
{
    const char *why;
    return ra_rekey_moves_make(rule, t, f->table, fixture_text(f, reply), &f->arena, out, &why);
}

static void a_row_moves_whole(void **state)
{
    fixture *f = *state;
    ra_rekey_target t;
    ra_rekey_moves m;
    const ra_stream_rule *rule = fixture_usual(f, &t);
    assert_int_equal(
        moves(f, rule, &t,
              "{'Items': [{'x': {'NULL': true}, 'pk': {'S': 'GRP#a'}, 'g': {'S': '7'}, 'sk': {'S': "
              "'2024-01'}, 'message': {'S': 'old'}}], 'Count': 1}",
              &m),
        RA_REKEY_OK);
    assert_int_equal(m.rows, 1);
    assert_int_equal(m.n, 1);
    assert_null(m.next.p);
    assert_json(
        m.v[0],
        "{'TransactItems':[{'Delete':{'TableName':'chat','Key':{'pk':{'S':'GRP#a'},'sk':{'S':'2024-01'}},"
        "'ConditionExpression':'attribute_exists(#p) AND #0 = :0 AND #1 = :1 AND #2 = :2',"
        "'ExpressionAttributeNames':{'#p':'pk','#0':'x','#1':'g','#2':'message'},'ExpressionAttributeValues':"
        "{"
        "':0':{'NULL': true},':1':{'S': '7'},':2':{'S': 'old'}}}},{'Put':{'TableName':'chat','Item':{"
        "'sk':{'S': '2024-02'},'message':{'S': 'hello'},'x':{'NULL': true},'pk':{'S': 'GRP#a'},'g':{'S': "
        "'7'}},"
        "'ConditionExpression':'attribute_not_exists(#p) OR #g = :g','ExpressionAttributeNames':{'#p':'pk',"
        "'#g':'g'},'ExpressionAttributeValues':{':g':{'S':'7'}}}}]}");
}

static void a_row_of_nothing_but_its_key(void **state)
{
    fixture *f = *state;
    ra_rekey_target t;
    ra_rekey_moves m;
    const char *why;
    const ra_stream_rule *rule =
        fixture_rule(f, REKEY_TABLE("S"),
                     "'partition_key': 'MSG#*', 'rows': {'partition_key': 'a'}, 'set': {'sk': '{new.sk}'}");
    assert_int_equal(fixture_target(f, rule, fixture_message(f), &t, &why), RA_REKEY_OK);
    assert_int_equal(moves(f, rule, &t, "{'Items': [{'pk': {'S': 'a'}, 'sk': {'S': '1'}}]}", &m),
                     RA_REKEY_OK);
    assert_json(
        m.v[0],
        "{'TransactItems':[{'Delete':{'TableName':'chat','Key':{'pk':{'S':'a'},'sk':{'S':'1'}},"
        "'ConditionExpression':'attribute_exists(#p)','ExpressionAttributeNames':{'#p':'pk'}}},{'Put':{"
        "'TableName':'chat','Item':{'sk':{'S': '2024-02'},'pk':{'S': 'a'}},'ConditionExpression':"
        "'attribute_not_exists(#p)','ExpressionAttributeNames':{'#p':'pk'}}}]}");
}

static void never_backwards_and_no_others_rows(void **state)
{
    fixture *f = *state;
    ra_rekey_target t;
    ra_rekey_moves m;
    const ra_stream_rule *rule = fixture_usual(f, &t);
    assert_int_equal(
        moves(f, rule, &t,
              "{'Items': [{'pk': {'S': 'GRP#a'}, 'sk': {'S': '2024-02'}}, {'pk': {'S': 'GRP#b'}, 'sk': "
              "{'S': '2024-03'}}, {'pk': {'S': 'MSG#7'}, 'sk': {'S': '2024-01'}}], 'LastEvaluatedKey': "
              "{'pk': {'S': 'GRP#b'}}}",
              &m),
        RA_REKEY_OK);
    assert_int_equal(m.rows, 2);
    assert_int_equal(m.n, 0);
    assert_json(m.next, "{'pk': {'S': 'GRP#b'}}");
}

static void numbers_are_compared_as_numbers(void **state)
{
    fixture *f = *state;
    ra_rekey_target t;
    ra_rekey_moves m;
    const char *why;
    const ra_stream_rule *rule =
        fixture_rule(f, REKEY_TABLE("N"),
                     "'partition_key': 'MSG#*', 'rows': {'partition_key': 'a'}, 'set': {'sk': '{new.n}'}");
    const ra_stream_record *r = fixture_record(f, "INSERT", "{'pk': {'S': 'MSG#7'}, 'sk': {'N': '1'}}",
                                               "{'pk': {'S': 'MSG#7'}, 'sk': {'N': '1'}, 'n': {'N': '10'}}");
    assert_int_equal(fixture_target(f, rule, r, &t, &why), RA_REKEY_OK);
    assert_int_equal(moves(f, rule, &t,
                           "{'Items': [{'pk': {'S': 'a'}, 'sk': {'N': '9'}}, {'pk': {'S': 'a'}, 'sk': {'N': "
                           "'10.0'}}, {'pk': {'S': 'a'}, 'sk': {'N': '1e2'}}]}",
                           &m),
                     RA_REKEY_OK);
    assert_int_equal(m.rows, 3);
    assert_int_equal(m.n, 1);
}

static void what_is_no_reply(void **state)
{
    fixture *f = *state;
    static const char *const bad[] = {"", "[]", "{}", "{'Items': {}}", "{'Items': [", "<html>"};
    ra_rekey_target t;
    ra_rekey_moves m;
    const ra_stream_rule *rule = fixture_usual(f, &t);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(moves(f, rule, &t, bad[i], &m), RA_REKEY_NOT_A_REPLY);
        free(f->texts[--f->ntexts]);
    }
    assert_int_equal(moves(f, rule, &t, "{'Items': [{'pk': {'S': 'GRP#a'}}]}", &m), RA_REKEY_POISON);
}

static void of_many_attributes_a_hundred_are_compared_and_all_are_kept(void **state)
{
    fixture *f = *state;
    enum { N = 120 };
    ra_rekey_target t;
    ra_rekey_moves m;
    const char *why;
    ra_buf b;
    const ra_stream_rule *rule = fixture_usual(f, &t);
    ra_buf_init(&b, 1 << 16);
    ra_buf_add_z(&b, "{\"Items\":[{\"pk\":{\"S\":\"GRP#a\"},\"sk\":{\"S\":\"1\"}");
    for (int i = 0; i < N; i++)
        ra_buf_addf(&b, ",\"a%d\":{\"N\":\"%d\"}", i, i);
    ra_buf_add_z(&b, "}]}");
    assert_int_equal(ra_rekey_moves_make(rule, &t, f->table, ra_buf_bytes(&b), &f->arena, &m, &why),
                     RA_REKEY_OK);
    ra_buf_free(&b);
    ra_json j;
    assert_int_equal(ra_json_parse(&j, m.v[0], NULL, &(size_t){0}), RA_JSON_OK);
    uint32_t list = ra_json_member(&j, 0, "TransactItems"), first = list + 1, second = j.t[first].next;
    uint32_t gone = ra_json_member(&j, first, "Delete"), put = ra_json_member(&j, second, "Put");
    assert_int_equal(ra_json_count(&j, ra_json_member(&j, gone, "ExpressionAttributeValues")), 100);
    assert_int_equal(ra_json_count(&j, ra_json_member(&j, put, "Item")), N + 3);
    ra_json_free(&j);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(through_an_index_sorted_by_the_key_that_moves),
        TEST(otherwise_found),
        TEST(a_row_moves_whole),
        TEST(a_row_of_nothing_but_its_key),
        TEST(never_backwards_and_no_others_rows),
        TEST(numbers_are_compared_as_numbers),
        TEST(what_is_no_reply),
        TEST(of_many_attributes_a_hundred_are_compared_and_all_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
