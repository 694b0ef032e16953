/* What a reload changes, keeps and retires; through config/renew.h, which makes the snapshot of it. */
#include "tests/unit/config/expect.h"

#include "config/renew.h"

#include <unistd.h>

/* "a, b": the names in order. */
static char *joined(const ra_names *n)
{
    static char text[2048];
    *text = '\0';
    for (size_t i = 0; i < n->n; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? ", " : "", n->v[i]);
    return text;
}

/* The snapshot after `now` has been reloaded as `text`; the lists are as said. */
static ra_config *renew(const ra_config *now, const char *text, const char *changed, const char *kept)
{
    ra_changes c;
    ra_problems p;
    ra_config *fresh = parse_good(text), *next = ra_config_renew(now, fresh, &c, &p);
    if (!next)
        ra_problems_print(&p, "test.jsonc", stderr);
    ra_problems_free(&p);
    assert_non_null(next);
    assert_string_equal(joined(&c.changed), changed);
    assert_string_equal(joined(&c.kept), kept);
    ra_changes_free(&c);
    ra_config_unref(fresh);
    return next;
}

static ra_config *renewed(const char *before, const char *after, const char *changed, const char *kept)
{
    ra_config *now = parse_good(before), *next = renew(now, after, changed, kept);
    ra_config_unref(now);
    return next;
}

static void expect(const char *before, const char *after, const char *changed, const char *kept)
{
    ra_config_unref(renewed(before, after, changed, kept));
}

static void test_meaning_counts_not_spelling(void **state)
{
    (void)state;
    expect("{}", "{}", "", "");
    expect("{\"tables\": {\"one\": {\"ttl\": \"5m\"}}}", "{\"tables\": {\"one\": {\"ttl\": \"300s\"}}}", "",
           "");
    expect("{\"listen\": {\"threads\": 2}}", "{}", "", "");
    expect("{}", "{\"listen\": {\"max_body\": \"16MiB\", \"hosts\": []}, \"tables\": {}, \"routes\": []}", "",
           "");
    expect("{}", "{\"cors\": {\"expose_headers\": [\"Age\", \"Cache-Status\", \"Link\", \"X-Cache\"]}}", "",
           "");
    expect("{}", "{\"cors\": {\"expose_headers\": [\"Age\", \"Cache-Status\", \"Link\"]}}",
           "cors.expose_headers", "");
}

static void test_values_change_or_wait(void **state)
{
    (void)state;
    ra_config *c = renewed("{\"listen\": {\"threads\": 2, \"max_in_flight\": 10}}",
                           "{\"listen\": {\"threads\": 4, \"max_in_flight\": 20}}", "listen.max_in_flight",
                           "listen.threads");
    assert_int_equal(c->listen.threads, 2);
    assert_int_equal(c->listen.max_in_flight, 20);
    ra_config_unref(c);
    c = renewed("{\"cache\": {\"max_bytes\": \"1MiB\"}}", "{}", "", "cache.max_bytes");
    assert_int_equal(c->cache.max_bytes, 1 << 20);
    ra_config_unref(c);
    c = renewed("{}", "{\"cache\": {\"store\": \"redis\", \"redis\": {\"url\": \"redis://h\"}}}", "",
                "cache.store, cache.redis");
    assert_int_equal(c->cache.store, RA_STORE_KIND_MEMORY);
    ra_config_unref(c);
}

/* What waits is told of at each reload until it has been put back or the process has been started anew. */
static void test_what_waits_is_told_again(void **state)
{
    (void)state;
    ra_config *now = parse_good("{}");
    ra_config *next = renew(now, "{\"listen\": {\"threads\": 4}}", "", "listen.threads");
    ra_config *again = renew(next, "{\"listen\": {\"threads\": 4}, \"cors\": {\"max_age\": \"1m\"}}",
                             "cors.max_age", "listen.threads");
    ra_config *back = renew(again, "{\"cors\": {\"max_age\": \"1m\"}}", "", "");
    ra_config_unref(now);
    ra_config_unref(next);
    ra_config_unref(again);
    ra_config_unref(back);
}

#define TABLE_OF(inside) "{\"tables\": {\"one\": {" inside "}}}"

static void test_tables(void **state)
{
    (void)state;
    expect(TABLE_OF(""), TABLE_OF("\"ttl\": \"5s\", \"stale_if_error\": \"1m\", \"settle\": \"1s\""),
           "tables.one.settle, tables.one.ttl, tables.one.stale_if_error", "");
    expect(TABLE_OF(""), TABLE_OF("\"consistency\": \"eventual\""), "", "tables.one.consistency");
    expect(TABLE_OF(""), TABLE_OF("\"stream\": \"follow\""), "", "tables.one.stream");
    expect(TABLE_OF("\"patterns\": [{\"name\": \"a\", \"ttl\": \"1s\"}, {\"name\": \"b\"}]"),
           TABLE_OF("\"patterns\": [{\"name\": \"a\", \"ttl\": \"2s\"}, {\"name\": \"b\", \"index\": "
                    "\"index\"}]"),
           "tables.one.patterns[0].ttl, tables.one.patterns[1].index", "");
    expect(TABLE_OF("\"patterns\": [{\"name\": \"a\"}, {\"name\": \"b\"}]"),
           TABLE_OF("\"patterns\": [{\"name\": \"b\"}, {\"name\": \"a\"}]"), "tables.one.patterns", "");
    expect(TABLE_OF("\"schema\": {\"partition_key\": \"pk\"}"),
           TABLE_OF("\"schema\": {\"partition_key\": \"pk\", \"global_secondary_indexes\": [{\"name\": "
                    "\"gsi\", \"partition_key\": \"x\"}]}"),
           "", "tables.one.schema.global_secondary_indexes");
}

static enum ra_standing standing_of(const ra_config *c, const char *name)
{
    const ra_table_config *t = ra_config_table(c, name, strlen(name));
    assert_non_null(t);
    assert_string_equal(t->name, name);
    return t->standing;
}

static bool none_still(void *arg, const char *table)
{
    (void)arg;
    (void)table;
    return false;
}

static void test_a_table_that_goes_is_retired_and_may_come_back(void **state)
{
    (void)state;
    ra_problems p;
    ra_config *now = parse_good("{\"tables\": {\"one\": {\"settle\": \"1s\"}, \"two\": {}}}");
    ra_config *without = renew(now, "{\"tables\": {\"two\": {}}}", "tables.one", "");
    assert_int_equal(standing_of(without, "one"), RA_TABLE_RETIRED);
    assert_int_equal(standing_of(without, "two"), RA_TABLE_NAMED);
    ra_config *still = renew(without, "{\"tables\": {\"two\": {}}}", "", "");
    assert_int_equal(standing_of(still, "one"), RA_TABLE_RETIRED);
    ra_config *back = renew(still, "{\"tables\": {\"one\": {}, \"two\": {}}}", "tables.one", "");
    assert_int_equal(standing_of(back, "one"), RA_TABLE_NAMED);
    assert_int_equal(ra_config_table(back, "one", 3)->settle, 5000);
    ra_config *more = renew(back, "{\"tables\": {\"one\": {}, \"two\": {}, \"new\": {}}}", "tables.new", "");
    assert_int_equal(standing_of(more, "new"), RA_TABLE_JOINING);
    assert_true(ra_config_any_joins(more));
    ra_config *joined_one = ra_config_join(more, none_still, NULL, &p);
    ra_problems_free(&p);
    assert_int_equal(standing_of(joined_one, "new"), RA_TABLE_NAMED);
    ra_config *const all[] = {now, without, still, back, more, joined_one, NULL};
    for (size_t i = 0; all[i]; i++)
        ra_config_unref(all[i]);
}

/* Writes to whatever "*" stands for have been marked. */
static void test_the_star_stands_for_tables(void **state)
{
    (void)state;
    ra_config *c =
        renewed("{\"tables\": {\"*\": {}}}", "{\"tables\": {\"*\": {}, \"one\": {}}}", "tables.one", "");
    assert_int_equal(standing_of(c, "one"), RA_TABLE_NAMED);
    ra_config_unref(c);
    c = renewed("{\"tables\": {\"*\": {}, \"one\": {}}}", "{\"tables\": {\"*\": {}}}", "tables.one", "");
    assert_int_equal(c->ntables, 1);
    ra_config_unref(c);
    c = renewed("{\"tables\": {\"*\": {}}}", "{}", "tables[\"*\"]", "");
    assert_int_equal(standing_of(c, "*"), RA_TABLE_RETIRED);
    ra_config_unref(c);
    /* A table's consistency stays, whichever entry it is by. */
    expect("{\"tables\": {\"*\": {}}}", "{\"tables\": {\"*\": {}, \"one\": {\"consistency\": \"eventual\"}}}",
           "", "tables.one");
    expect("{\"tables\": {\"*\": {}, \"one\": {\"consistency\": \"eventual\"}}}", "{\"tables\": {\"*\": {}}}",
           "", "tables.one");
    expect("{\"tables\": {\"*\": {}}}",
           "{\"tables\": {\"*\": {}, \"one\": {\"schema\": {\"partition_key\": \"p\"}}}}", "", "tables.one");
    expect("{}", TABLE_OF("\"schema\": {\"partition_key\": \"p\"}"), "tables.one", "");
    expect("{}", TABLE_OF("\"consistency\": \"linearizable\""), "", "tables.one");
}

/* What isn't waited for yet isn't forgotten where the file's "*" can't stand for it. */
static void test_a_table_that_joins_goes_on_joining(void **state)
{
    (void)state;
    static const char one[] = TABLE_OF("\"consistency\": \"eventual\"");
    ra_config *none = parse_good("{}"), *joins = renew(none, one, "tables.one", "");
    assert_int_equal(standing_of(joins, "one"), RA_TABLE_JOINING);
    static const char *const after[] = {one, "{}", "{\"tables\": {\"*\": {}}}"};
    static const char *const changed[] = {"tables.one", "", "tables[\"*\"]"}, *const kept[] = {"", "",
                                                                                               "tables.one"};
    for (size_t i = 0; i < 3; i++) {
        ra_config *next = renew(joins, after[i], changed[i], kept[i]);
        assert_int_equal(standing_of(next, "one"), RA_TABLE_JOINING);
        ra_config_unref(next);
    }
    ra_config_unref(none);
    ra_config_unref(joins);
}

#define REDIS(rest) "{\"cache\": {\"store\": \"redis\", \"redis\": {\"url\": \"redis://h\"}}, " rest "}"

static void test_what_proxies_have_agreed_on_waits(void **state)
{
    (void)state;
    expect(REDIS("\"tables\": {\"one\": {}}"), REDIS("\"tables\": {\"one\": {\"ttl\": \"1s\"}}"),
           "tables.one.ttl", "");
    expect(REDIS("\"tables\": {\"one\": {}}"),
           REDIS("\"tables\": {\"one\": {\"settle\": \"1s\", \"consistent_fill\": false}}"), "",
           "tables.one.settle, tables.one.consistent_fill");
    expect(REDIS("\"tables\": {}"), REDIS("\"tables\": {\"one\": {}}"), "", "tables.one");
    expect(REDIS("\"tables\": {\"one\": {}}"), REDIS("\"tables\": {}"), "", "tables.one");
    expect(REDIS("\"tables\": {\"*\": {}}"), REDIS("\"tables\": {\"*\": {}, \"one\": {}}"), "tables.one", "");
    expect(REDIS("\"tables\": {\"*\": {}}"), REDIS("\"tables\": {\"*\": {}, \"one\": {\"settle\": \"1s\"}}"),
           "", "tables.one");
}

static void test_routes_and_auth(void **state)
{
    (void)state;
    static const char *const route =
        "{\"tables\": {\"one\": {}}, \"routes\": [{\"name\": \"r\", \"method\": \"GET\", \"path\": \"/%s\", "
        "\"query\": {\"table\": \"one\", \"partition_key\": \"P\", \"limit\": %d}}]}";
    char a[512], b[512];
    snprintf(a, sizeof a, route, "a", 1);
    snprintf(b, sizeof b, route, "b", 2);
    expect(a, b, "routes[0].path, routes[0].query.limit", "");
    expect(a, "{\"tables\": {\"one\": {}}}", "routes", "");
    expect("{\"auth\": {\"sigv4\": \"none\"}}", "{}", "auth.sigv4", "");
    expect("{\"auth\": {\"backend\": {\"secret\": \"0123456789abcdef\"}}}",
           "{\"auth\": {\"backend\": {\"secret\": \"fedcba9876543210\"}}}", "auth.backend.secret", "");
}

/* What the mixture of old and new must not be is refused. */
static void test_the_mixture_is_checked(void **state)
{
    (void)state;
    ra_changes c;
    ra_problems p;
    ra_config *now =
        parse_good("{\"listen\": {\"address\": \"0.0.0.0:80\"}, \"auth\": {\"sigv4\": \"none\"}}");
    ra_config *fresh = parse_good("{\"listen\": {\"address\": \"127.0.0.1:80\"}}");
    assert_null(ra_config_renew(now, fresh, &c, &p));
    assert_true(p.errors > 0);
    assert_string_equal(joined(&c.kept), "listen.address");
    ra_changes_free(&c);
    ra_problems_free(&p);
    ra_config_unref(fresh);
    ra_config_unref(now);
}

/* A reference's new value counts, and a value that looks like a reference is none the second time. */
static void test_references_are_compared_by_value(void **state)
{
    (void)state;
    static const char text[] = "{\"auth\": {\"backend\": {\"secret\": \"env:RA_TEST_SECRET\"}}}";
    setenv("RA_TEST_SECRET", "env:RA_NO_SUCH_VARIABLE", 1);
    ra_config *now = parse_good(text), *same = renew(now, text, "", "");
    assert_string_equal(same->auth.backend.secret, "env:RA_NO_SUCH_VARIABLE");
    setenv("RA_TEST_SECRET", "0123456789abcdefghi", 1);
    ra_config *other = renew(same, text, "auth.backend.secret", "");
    assert_string_equal(other->auth.backend.secret, "0123456789abcdefghi");
    unsetenv("RA_TEST_SECRET");
    ra_config_unref(now);
    ra_config_unref(same);
    ra_config_unref(other);
}

static void test_caching_is_switched(void **state)
{
    (void)state;
    ra_problems p;
    ra_config *now = parse_good("{\"tables\": {\"one\": {\"caching\": \"off\"}, \"two\": {}}}");
    assert_int_equal(ra_config_table(now, "one", 3)->caching, RA_CACHING_OFF);
    assert_int_equal(ra_config_table(now, "two", 3)->caching, RA_CACHING_ON);
    ra_config *two = ra_config_switch(now, "two", RA_CACHING_OFF, &p);
    ra_problems_free(&p);
    assert_int_equal(ra_config_table(two, "two", 3)->caching, RA_CACHING_OFF);
    ra_config *all = ra_config_switch(two, NULL, RA_CACHING_ON, &p);
    ra_problems_free(&p);
    assert_int_equal(ra_config_table(all, "one", 3)->caching, RA_CACHING_ON);
    assert_int_equal(ra_config_table(all, "two", 3)->caching, RA_CACHING_ON);
    ra_config *reloaded =
        renew(two, "{\"tables\": {\"one\": {\"caching\": \"off\"}, \"two\": {}}}", "tables.two.caching", "");
    assert_int_equal(ra_config_table(reloaded, "two", 3)->caching, RA_CACHING_ON);
    ra_config_unref(now);
    ra_config_unref(two);
    ra_config_unref(all);
    ra_config_unref(reloaded);
    expect_error("{\"caching\": \"observed\"}", "caching", 1, "isn't accepted");
}

/* An operator who is in trouble can switch, even where it is a file that is missing. */
static void test_a_file_that_has_gone_hinders_a_reload_alone(void **state)
{
    (void)state;
    ra_changes c;
    ra_problems p;
    char keys[] = "/tmp/readaside-keys-XXXXXX", text[256];
    int fd = mkstemp(keys);
    assert_true(fd >= 0);
    close(fd);
    snprintf(text, sizeof text, "{\"auth\": {\"sigv4\": {\"keys_file\": \"%s\"}}, \"tables\": {\"one\": {}}}",
             keys);
    ra_config *now = parse_good(text);
    assert_int_equal(unlink(keys), 0);
    ra_config *off = ra_config_switch(now, NULL, RA_CACHING_OFF, &p);
    ra_problems_free(&p);
    assert_non_null(off);
    assert_int_equal(ra_config_table(off, "one", 3)->caching, RA_CACHING_OFF);
    ra_config *without = parse_good("{\"tables\": {\"one\": {}}}");
    ra_config *next = ra_config_renew(off, without, &c, &p);
    ra_problems_free(&p);
    assert_non_null(next);
    assert_string_equal(joined(&c.changed), "auth.sigv4, caching");
    ra_changes_free(&c);
    expect_error(text, "auth.sigv4.keys_file", 1, "can't be read");
    ra_config_unref(now);
    ra_config_unref(off);
    ra_config_unref(without);
    ra_config_unref(next);
}

static void test_the_access_log_comes_moves_and_goes(void **state)
{
    (void)state;
    static const char none[] = "{}", some[] = "{\"access_log\": {\"path\": \"log\"}}";
    ra_config *c = renewed(none, some, "access_log", "");
    assert_string_equal(c->access_log.path, "folder/log");
    assert_int_equal(c->access_log.sample, 1000000);
    ra_config_unref(c);
    c = renewed(some, "{\"access_log\": {\"path\": \"-\", \"sample\": \"0.5%\"}}",
                "access_log.path, access_log.sample", "");
    assert_string_equal(c->access_log.path, "-");
    assert_int_equal(c->access_log.sample, 5000);
    ra_config_unref(c);
    c = renewed(some, none, "access_log", "");
    assert_null(c->access_log.path);
    ra_config_unref(c);
    expect(some, "{\"access_log\": {\"path\": \"log\", \"sample\": \"100%\"}}", "", "");
    expect_error("{\"access_log\": {\"sample\": \"1%\"}}", "access_log.path", 1, "it must be given");
    expect_error("{\"access_log\": {\"path\": \"\"}}", "access_log.path", 1, "for standard output");
    expect_error("{\"access_log\": {\"path\": \"-\", \"sample\": \"101%\"}}", "access_log.sample", 1, "100%");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meaning_counts_not_spelling),
        cmocka_unit_test(test_values_change_or_wait),
        cmocka_unit_test(test_what_waits_is_told_again),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_a_table_that_goes_is_retired_and_may_come_back),
        cmocka_unit_test(test_the_star_stands_for_tables),
        cmocka_unit_test(test_a_table_that_joins_goes_on_joining),
        cmocka_unit_test(test_what_proxies_have_agreed_on_waits),
        cmocka_unit_test(test_routes_and_auth),
        cmocka_unit_test(test_the_mixture_is_checked),
        cmocka_unit_test(test_references_are_compared_by_value),
        cmocka_unit_test(test_caching_is_switched),
        cmocka_unit_test(test_a_file_that_has_gone_hinders_a_reload_alone),
        cmocka_unit_test(test_the_access_log_comes_moves_and_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
