#include "proxy/cli_cache_item.h"

#include "tests/unit/proxy/op_fixture.h"

/* What a client's GetItem looks up. */
static ra_lookup clients(fixture *f, const char *body)
{
    fixture_plan(f, "GetItem", body);
    assert_int_equal(f->op.nparts, 1);
    ra_lookup look = f->op.parts[0].look;
    fixture_close(f);
    ra_arena_init(&f->arena, 64 << 20);
    return look;
}

static void expect_same(fixture *f, ra_table *t, const ra_markers_key *k, const char *body)
{
    ra_key name;
    assert_true(ra_cache_item_name(&f->config, t, k, &name));
    ra_lookup look = clients(f, body);
    assert_true(ra_key_eq(&name, &look.request));
}

static void test_it_is_the_entry_of_a_plain_get(void **state)
{
    (void)state;
    fixture *f = fixture_new();
    expect_same(f, f->tables[0], &(ra_markers_key){"chat", "ro\"om", "1", NULL},
                "{\"Key\":{\"sk\":{\"S\":\"1\"},\"pk\":{\"S\":\"ro\\\"om\"}},\"TableName\":\"chat\"}");
    expect_same(f, f->tables[1], &(ra_markers_key){"users", "{\"S\":\"{x\"}", NULL, NULL},
                "{\"TableName\":\"users\",\"Key\":{\"id\":{\"S\":\"{x\"}}}");
    expect_same(f, f->tables[2], &(ra_markers_key){"numbers", "{\"N\":\"1\"}", NULL, NULL},
                "{\"TableName\":\"numbers\",\"Key\":{\"id\":{\"N\":\"1.0\"}}}");
    expect_same(f, f->tables[3], &(ra_markers_key){"blobs", "{\"B\":\"AA==\"}", NULL, NULL},
                "{\"TableName\":\"blobs\",\"Key\":{\"id\":{\"B\":\"AA==\"}}}");
    fixture_free(f);
}

static void test_what_isnt_cached_has_none(void **state)
{
    (void)state;
    fixture *f = fixture_new();
    ra_key name;
    f->config.policy.ttl = 0;
    f->config.policy.negative_ttl = 0;
    assert_false(
        ra_cache_item_name(&f->config, f->tables[1], &(ra_markers_key){"users", "x", NULL, NULL}, &name));
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_the_entry_of_a_plain_get),
        cmocka_unit_test(test_what_isnt_cached_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
