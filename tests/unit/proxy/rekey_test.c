/* From a record to its target: which records a rule wants, what it makes of their attributes, what it can't.
 */
#include "rekey_fixture.h"

static void unfit(void **state)
{
    fixture *f = *state;
    static const char plain[] =
        "{\"Table\":{\"AttributeDefinitions\":[{\"AttributeName\":\"pk\",\"AttributeType\":\"S\"}],"
        "\"TableName\":"
        "\"chat\",\"KeySchema\":[{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"}],\"TableStatus\":\"ACTIVE\","
        "\"TableArn\":\"arn:aws:dynamodb:eu-west-1:1:table/chat\",\"TableId\":\"1\"}}";
    static const struct {
        const char *table, *members, *says;
    } cases[] = {
        {REKEY_TABLE("S"), REKEY_RULE, NULL},
        {plain, "'rows': {'partition_key': 'a'}, 'set': {'sk': '{new.sk}'}", "no sort key"},
        {REKEY_TABLE("S"), "'rows': {'partition_key': 'a'}, 'set': {'x': '{new.sk}'}", "no row would move"},
        {REKEY_TABLE("S"), "'rows': {'partition_key': 'a'}, 'set': {'sk': 'x', 'pk': 'y'}", "partition key"},
        {REKEY_TABLE("S"), "'rows': {'index': 'none', 'partition_key': 'a'}, 'set': {'sk': 'x'}", "index"},
        {REKEY_TABLE("S"), "'rows': {'index': 'by-g', 'partition_key': 'a'}, 'set': {'sk': 'x', 'g': 'y'}",
         "the index's partition key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const ra_stream_rule *rule = fixture_rule(f, cases[i].table, cases[i].members);
        const char *why = ra_rekey_unfit(rule, f->table);
        if (cases[i].says)
            assert_non_null(strstr(why, cases[i].says));
        else
            assert_null(why);
    }
}

static bool lagging(fixture *f, const char *members)
{
    const ra_stream_rule *rule = fixture_rule(f, REKEY_TABLE("S"), members);
    return ra_rekey_lags(rule, f->table);
}

static void lags(void **state)
{
    fixture *f = *state;
    assert_true(lagging(f, REKEY_RULE));
    assert_false(lagging(f, "'rows': {'index': 'by-at', 'partition_key': 'a'}, 'set': {'sk': 'x'}"));
    assert_false(lagging(f, "'rows': {'partition_key': 'a'}, 'set': {'sk': 'x'}"));
}

static bool wants(fixture *f, const ra_stream_rule *rule, const char *event, const char *pk)
{
    char keys[128];
    snprintf(keys, sizeof keys, "{'pk': %s, 'sk': {'S': '1'}}", pk);
    return ra_rekey_wants(rule, fixture_record(f, event, keys, NULL), &f->records.json, f->table, &f->arena);
}

static void which_records(void **state)
{
    fixture *f = *state;
    const ra_stream_rule *rule = fixture_rule(f, REKEY_TABLE("S"), REKEY_RULE);
    assert_true(wants(f, rule, "INSERT", "{'S': 'MSG#7'}"));
    assert_false(wants(f, rule, "INSERT", "{'S': 'GRP#7'}"));
    assert_false(wants(f, rule, "MODIFY", "{'S': 'MSG#7'}"));
    assert_false(wants(f, rule, "REMOVE", "{'S': 'MSG#7'}"));
    rule = fixture_rule(f, REKEY_TABLE("S"),
                        "'on': ['INSERT', 'MODIFY'], 'rows': {'partition_key': 'a'}, 'set': "
                        "{'sk': 'x'}");
    assert_true(wants(f, rule, "MODIFY", "{'S': 'anything'}"));
    assert_false(wants(f, rule, "REMOVE", "{'S': 'anything'}"));
}

static void one_whose_keys_cannot_be_read_is_wanted_and_poison(void **state)
{
    fixture *f = *state;
    ra_rekey_target t;
    const char *why;
    const ra_stream_rule *rule = fixture_rule(f, REKEY_TABLE("S"), REKEY_RULE);
    assert_true(wants(f, rule, "INSERT", "{'N': '7'}"));
    assert_int_equal(fixture_target(f, rule, &f->records.v[0], &t, &why), RA_REKEY_POISON);
    assert_non_null(strstr(why, "keys"));
}

static void the_usual(void **state)
{
    fixture *f = *state;
    ra_rekey_target t;
    const ra_stream_rule *rule = fixture_usual(f, &t);
    assert_json(t.partition, "{'S':'7'}");
    assert_int_equal(t.nset, 2);
    for (size_t i = 0; i < t.nset; i++)
        assert_json(t.set[i], strcmp(rule->set[i].name, "sk") == 0 ? "{'S': '2024-02'}" : "{'S': 'hello'}");
    assert_int_equal(t.sort.type, RA_SCALAR_S);
    assert_true(ra_bytes_eq_z(t.sort.bytes, "2024-02"));
    assert_json(t.origin, "{'SequenceNumber':'17','Keys':{'pk': {'S': 'MSG#7'}, 'sk': {'S': '2024-02'}}}");
}

static void values(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *template, *gives;
    } cases[] = {
        {"{new.l}", "{'L': [{'S': 'x'}]}"},
        {"{new.n}", "{'N': '4.50'}"},
        {"<{new.n}>", "{'S':'<4.5>'}"},
        {"{new.message}, {new.message}", "{'S':'hello, hello'}"},
        {"{star}", "{'S':'7'}"},
        {"GRP#{star}/{new.n}", "{'S':'GRP#7/4.5'}"},
        {"fixed", "{'S':'fixed'}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char members[512];
        ra_rekey_target t;
        const char *why;
        snprintf(
            members, sizeof members,
            "'partition_key': 'MSG#*', 'rows': {'partition_key': 'a'}, 'set': {'v': '%s', 'sk': '{new.sk}'}",
            cases[i].template);
        const ra_stream_rule *rule = fixture_rule(f, REKEY_TABLE("S"), members);
        assert_int_equal(fixture_target(f, rule, fixture_message(f), &t, &why), RA_REKEY_OK);
        assert_json(t.set[strcmp(rule->set[0].name, "v") != 0], cases[i].gives);
    }
}

static void poison(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *set, *says;
    } cases[] = {
        {"'sk': '{new.none}'", "lacks"},
        {"'sk': 'x', 'v': 'a {new.none}'", "lacks"},
        {"'sk': 'x', 'v': 'a {new.l}'", "neither a string nor a number"},
        {"'sk': '{new.n}'", "key's type"},
        {"'sk': '{new.l}'", "key's type"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char members[256];
        ra_rekey_target t;
        const char *why;
        snprintf(members, sizeof members, "'rows': {'partition_key': 'a'}, 'set': {%s}", cases[i].set);
        const ra_stream_rule *rule = fixture_rule(f, REKEY_TABLE("S"), members);
        assert_int_equal(fixture_target(f, rule, fixture_message(f), &t, &why), RA_REKEY_POISON);
        assert_non_null(strstr(why, cases[i].says));
    }
}

/* However many there are in a batch. */
static void poison_takes_no_memory_of_the_batch(void **state)
{
    fixture *f = *state;
    ra_rekey_target t;
    const char *why;
    const ra_stream_rule *rule = fixture_rule(f, REKEY_TABLE("S"), REKEY_RULE);
    const ra_stream_record *r = fixture_record(f, "INSERT", "{'pk': {'S': 'MSG#7'}, 'sk': {'S': '1'}}",
                                               "{'sk': {'S': '1'}, 'other': {'S': 'no message'}}");
    size_t before = f->arena.used, each = 0;
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(fixture_target(f, rule, r, &t, &why), RA_REKEY_POISON);
        each = f->arena.used - before;
        before = f->arena.used;
    }
    assert_true(each < f->records.json.text.n);
}

static void one_that_is_not_understood_is_wanted_and_poison(void **state)
{
    fixture *f = *state;
    ra_rekey_target t;
    const char *why;
    const ra_stream_rule *rule = fixture_rule(f, REKEY_TABLE("S"), REKEY_RULE);
    const ra_stream_record *r = fixture_record(f, "UPSERT", "{'pk': {'S': 'no message'}}", NULL);
    assert_false(r->understood);
    assert_true(ra_rekey_wants(rule, r, &f->records.json, f->table, &f->arena));
    assert_int_equal(fixture_target(f, rule, r, &t, &why), RA_REKEY_POISON);
    assert_non_null(strstr(why, "isn't a stream's record"));
}

static void without_a_new_image_it_is_poison(void **state)
{
    fixture *f = *state;
    ra_rekey_target t;
    const char *why;
    const ra_stream_rule *rule = fixture_rule(f, REKEY_TABLE("S"), REKEY_RULE);
    const ra_stream_record *r = fixture_record(f, "INSERT", "{'pk': {'S': 'MSG#7'}, 'sk': {'S': '1'}}", NULL);
    assert_int_equal(fixture_target(f, rule, r, &t, &why), RA_REKEY_POISON);
    assert_non_null(strstr(why, "NEW_IMAGE"));
}

static void an_empty_star_is_poison(void **state)
{
    fixture *f = *state;
    ra_rekey_target t;
    const char *why;
    const ra_stream_rule *rule = fixture_rule(f, REKEY_TABLE("S"), REKEY_RULE);
    const ra_stream_record *r =
        fixture_record(f, "INSERT", "{'pk': {'S': 'MSG#'}, 'sk': {'S': '1'}}", "{'sk': {'S': '1'}}");
    assert_int_equal(fixture_target(f, rule, r, &t, &why), RA_REKEY_POISON);
    assert_non_null(strstr(why, "star"));
}

static void groups(void **state)
{
    fixture *f = *state;
    ra_rekey_target a, b, c;
    const char *why;
    const ra_stream_rule *rule = fixture_usual(f, &a);
    const ra_stream_record *r = fixture_record(f, "INSERT", "{'pk': {'S': 'MSG\\u00237'}, 'sk': {'S': '9'}}",
                                               "{'sk': {'S': '9'}, 'message': {'S': 'x'}}");
    assert_int_equal(fixture_target(f, rule, r, &b, &why), RA_REKEY_OK);
    assert_true(ra_key_eq(&a.group, &b.group));
    r = fixture_record(f, "INSERT", "{'pk': {'S': 'MSG#8'}, 'sk': {'S': '9'}}",
                       "{'sk': {'S': '9'}, 'message': {'S': 'x'}}");
    assert_int_equal(fixture_target(f, rule, r, &c, &why), RA_REKEY_OK);
    assert_false(ra_key_eq(&a.group, &c.group));
}

static void a_copy_lives_by_itself(void **state)
{
    fixture *f = *state;
    ra_rekey_target t;
    size_t bytes;
    fixture_usual(f, &t);
    ra_rekey_target *copy = ra_rekey_target_copy(&t, &bytes);
    assert_non_null(copy);
    assert_true(bytes > sizeof t);
    ra_arena_free(&f->arena);
    fixture_forget(f);
    assert_json(copy->partition, "{'S':'7'}");
    assert_true(ra_bytes_eq_z(copy->sort.bytes, "2024-02"));
    assert_int_equal(copy->nset, 2);
    free(copy);
}

static void no_memory(void **state)
{
    fixture *f = *state;
    ra_rekey_target t;
    const char *why;
    const ra_stream_rule *rule = fixture_rule(f, REKEY_TABLE("S"), REKEY_RULE);
    const ra_stream_record *r = fixture_message(f);
    unsigned failed = 0;
    for (size_t cap = 16; cap < 4096; cap += 16) {
        ra_arena small;
        ra_arena_init(&small, cap);
        enum ra_rekey_result got =
            ra_rekey_target_make(rule, r, &f->records.json, f->table, &small, &t, &why);
        assert_true(got == RA_REKEY_OK || got == RA_REKEY_NO_MEMORY);
        failed += got != RA_REKEY_OK;
        ra_arena_free(&small);
    }
    assert_true(failed > 0 && failed < 255);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(unfit),
        TEST(lags),
        TEST(which_records),
        TEST(one_whose_keys_cannot_be_read_is_wanted_and_poison),
        TEST(the_usual),
        TEST(values),
        TEST(poison),
        TEST(poison_takes_no_memory_of_the_batch),
        TEST(one_that_is_not_understood_is_wanted_and_poison),
        TEST(without_a_new_image_it_is_poison),
        TEST(an_empty_star_is_poison),
        TEST(groups),
        TEST(a_copy_lives_by_itself),
        TEST(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
