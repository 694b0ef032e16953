#include "tests/unit/cache/refusing_malloc.h"
#include "tests/unit/config/expect.h"

#include <cjson/cJSON.h>
#include <unistd.h>

enum { CONFIG_MAX = 1024 * 1024 };

static char folder[] = "/tmp/readaside-load-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/a.jsonc", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void test_a_file_and_its_folder(void **state)
{
    (void)state;
    ra_problems p;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("\xef\xbb\xbf// a comment\n{ /* and\nanother */ \"tables\": { \"abc\": {} },\n"
          "\"ddb\": { \"schema\": \"s.json\" } }\r\n",
          f);
    fclose(f);
    ra_config *c = ra_config_load(path, &p);
    ra_problems_print(&p, path, stderr);
    assert_non_null(c);
    assert_int_equal(p.n, 0);
    char expected[80];
    snprintf(expected, sizeof expected, "%s/s.json", folder);
    assert_string_equal(c->ddb.schema, expected);
    assert_string_equal(c->path, path);
    ra_problems_free(&p);
    ra_config_unref(c);
}

static void test_paths_without_a_folder_and_at_the_root(void **state)
{
    (void)state;
    static const char text[] = "{\"tables\":{\"abc\":{}},\"ddb\":{\"schema\":\"s.json\"}}";
    static const char *const cases[][2] = {
        {"a.jsonc", "s.json"}, {"/a.jsonc", "/s.json"}, {"x/y/a", "x/y/s.json"}};
    for (size_t i = 0; i < 3; i++) {
        ra_problems p;
        ra_config *c = ra_config_parse(text, strlen(text), cases[i][0], &p);
        assert_non_null(c);
        assert_string_equal(c->ddb.schema, cases[i][1]);
        ra_config_unref(c);
        ra_problems_free(&p);
    }
}

static void test_a_file_that_cannot_be_read(void **state)
{
    (void)state;
    static const char *const paths[] = {"/tmp/readaside-nowhere/a.jsonc", "/tmp"};
    for (size_t i = 0; i < 2; i++) {
        ra_problems p;
        assert_null(ra_config_load(paths[i], &p));
        assert_int_equal(p.errors, 1);
        assert_int_equal(p.v[0].line, 0);
        assert_string_equal(p.v[0].path, "");
        assert_non_null(strstr(p.v[0].message, i ? "Is a directory" : "No such file"));
        ra_problems_free(&p);
    }
}

static void test_syntax(void **state)
{
    (void)state;
    expect_error("", "", 1, "the file ends here");
    expect_error("// nothing\n", "", 2, "the file ends here");
    expect_error("{\n\"tables\": {},\n}", "", 2, "a comma before '}'");
    expect_error("{\n// x\n/* open\n", "", 3, "isn't closed");
    expect_error("{\n\"a\": \"\\u0000\"}", "", 2, "\\u0000");
    expect_error("{\"a\"// c\n\n:5s}", "", 3, "a number with a unit");
}

static void expect_refused(const char *text, size_t len, int line, const char *words)
{
    ra_problems p;
    assert_null(ra_config_parse(text, len, "a.jsonc", &p));
    if (p.errors != 1 || p.v[0].line != line || !strstr(p.v[0].message, words)) {
        ra_problems_print(&p, "a.jsonc", stderr);
        fail_msg("expected %d: %s", line, words);
    }
    ra_problems_free(&p);
}

static void test_hostile_text(void **state)
{
    (void)state;
    static char deep[20000], large[CONFIG_MAX + 1];
    memset(deep, '[', 10000);
    memset(deep + 10000, ']', 10000);
    expect_refused(deep, sizeof deep, 1, "nested more than 32 deep");
    memset(large, ' ', sizeof large);
    memcpy(large, "{}", 2);
    expect_refused(large, sizeof large, 0, "too large; accepted: at most 1MiB");
    ra_problems p;
    memcpy(large + 3, "// \xff\0", 5); /* what stands in a comment doesn't count */
    ra_config *c = ra_config_parse(large, CONFIG_MAX, "a.jsonc", &p);
    assert_non_null(c);
    ra_config_unref(c);
    ra_problems_free(&p);
    expect_refused("{}\0", 3, 1, "unexpected byte 0x00");
    expect_refused("{\n\0}", 4, 2, "unexpected byte 0x00");
    expect_refused("{\"a\":\n\"\xff\"}", 9, 2, "not valid UTF-8");
    expect_refused("{\"a\0b\":1}", 9, 1, "control character 0x00");
    expect_refused("{\"listen\":{\"threads\":1e999999}}", 31, 1, "out of bounds");
}

/* As many members as fit: neither the search for repeated names nor the messages may take their square. */
static void test_a_megabyte_of_members(void **state)
{
    (void)state;
    char *text = malloc(CONFIG_MAX + 64);
    assert_non_null(text);
    size_t n = 1, members = 0;
    text[0] = '{';
    while (n < CONFIG_MAX - 32)
        n += (size_t)sprintf(text + n, "%s\"%zx\":1", members ? "," : "", members), members++;
    text[n++] = '}';
    ra_problems p;
    assert_null(ra_config_parse(text, n, "a.jsonc", &p));
    assert_int_equal(p.errors, members);
    ra_problems_free(&p);
    n = (size_t)sprintf(text, "{\"tables\":{\"abc\":{\"patterns\":[");
    while (n < CONFIG_MAX - 64)
        n += (size_t)sprintf(text + n, "{},");
    n += (size_t)sprintf(text + n, "{}]}}}");
    expect_refused(text, n, 1, "there are too many");
    free(text);
}

static const char example[] =
    "// comment\n{ \"listen\": { \"threads\": 3, \"max_body\": \"1MiB\" }, /* x */\n"
    "\"upstream\": { \"endpoint\": \"http://127.0.0.1:8000\", \"request_timeout\": \"2s\" },\n"
    "\"consistency\": \"linearizable\", \"unknown_write_hold\": \"17m\",\n"
    "\"tables\": { \"abc\": { \"ttl\": \"30s\", \"ttl_jitter\": \"5%\", \"consistent_fill\": true,\n"
    "\"schema\": { \"partition_key\": \"pk\", \"global_secondary_indexes\": [ { \"name\": \"i-1\", "
    "\"partition_key\": "
    "\"x\" } ] },\n\"patterns\": [ { \"name\": \"p\", \"partition_key\": \"A\\u0023*\", \"ttl\": \"1s\" } ] "
    "} } }";

/* Truncated or changed anywhere: either a configuration or an error, and nothing lost or read past the end.
 */
static void test_truncated_and_changed_text(void **state)
{
    (void)state;
    size_t len = strlen(example);
    uint32_t random = 20240611;
    ra_config_unref(parse_clean(example));
    for (size_t n = 0; n < len; n++) {
        char *cut = malloc(n + 1);
        ra_problems p;
        assert_non_null(cut);
        memcpy(cut, example, n);
        assert_null(ra_config_parse(cut, n, "a.jsonc", &p));
        assert_true(p.errors > 0 && p.n > 0);
        ra_problems_free(&p);
        free(cut);
    }
    for (int round = 0; round < 20000; round++) {
        static const char bytes[] = "{}[],:\"\\/*-+.eu0159 \n\0\xc3\xff";
        char changed[sizeof example];
        ra_problems p;
        memcpy(changed, example, len);
        for (int i = 0; i < 1 + round % 3; i++) {
            random = random * 1664525u + 1013904223u;
            changed[(random >> 8) % len] = bytes[(random >> 3) % (sizeof bytes - 1)];
        }
        ra_config *c = ra_config_parse(changed, len, "a.jsonc", &p);
        assert_true((c == NULL) == (p.errors > 0));
        ra_config_unref(c);
        ra_problems_free(&p);
    }
}

static int allocations_left;

static void *failing_malloc(size_t n)
{
    return allocations_left-- > 0 ? malloc(n) : NULL;
}

static void test_no_memory_for_the_tree(void **state)
{
    (void)state;
    cJSON_Hooks hooks = {failing_malloc, free};
    bool loaded = false;
    int n = 0;
    for (; !loaded && n < 1000; n++) {
        ra_problems p;
        allocations_left = n;
        cJSON_InitHooks(&hooks);
        ra_config *c = ra_config_parse(example, strlen(example), "a.jsonc", &p);
        cJSON_InitHooks(NULL);
        loaded = c != NULL;
        assert_true(loaded == (p.errors == 0));
        ra_config_unref(c);
        ra_problems_free(&p);
    }
    assert_true(loaded && n > 50);
}

/* How much of routes there is; a snapshot that was made without memory for a part of it would have less. */
static size_t weigh(const ra_config *c)
{
    size_t weight = c->nroutes + c->cors.allow_origins.n + c->cors.expose_headers.n;
    for (size_t i = 0; i < c->nroutes; i++) {
        const ra_route *r = &c->routes[i];
        weight += r->nsegments + r->nwhen + r->ninputs + r->reply.nfields + r->request.n;
        weight += r->query ? r->query->partition_key.n + (size_t)(r->query->after_from + 1) : 0;
        for (size_t j = 0; j < r->ninputs; j++)
            weight +=
                strlen(r->inputs[j].place) + strlen(r->inputs[j].blank) + strlen(r->inputs[j].malformed);
        for (size_t j = 0; j < r->reply.nfields; j++)
            weight += strlen(r->reply.fields[j].name) + r->reply.fields[j].value.n;
    }
    for (size_t i = 0; i < c->nstream_rules; i++) {
        const ra_stream_rule *r = &c->stream_rules[i];
        weight += strlen(r->name) + strlen(r->table) + strlen(r->partition_key) + strlen(r->rows_index) +
                  strlen(r->row_partition_key) + r->rows_partition_key.n + r->ninputs + r->events;
        for (size_t j = 0; j < r->nset; j++)
            weight += strlen(r->set[j].name) + r->set[j].value.n;
    }
    return weight + c->ddb.generate->message.n + c->ddb.generate->membership.n +
           (c->ddb.get_conversation != NULL) + (c->ddb.list_conversations != NULL);
}

static void test_no_memory_for_anything(void **state)
{
    static const char shipped[] = READASIDE_SOURCE_DIR "/config/cruddur.jsonc";
    unsigned loaded = 0;
    ra_problems p;
    (void)state;
    ra_config *whole = ra_config_load(shipped, &p);
    assert_non_null(whole);
    ra_problems_free(&p);
    for (int i = 0; i < 1000; i++) {
        refuse_one_in = 300;
        ra_config *c = ra_config_load(shipped, &p);
        refuse_one_in = 0;
        assert_true((c == NULL) == (p.errors > 0));
        assert_true(!c || weigh(c) == weigh(whole));
        loaded += c != NULL;
        ra_config_unref(c);
        ra_problems_free(&p);
    }
#ifdef OWN_ALLOCATOR
    assert_int_equal(loaded, 1000);
#else
    assert_in_range(loaded, 1, 900);
#endif
    ra_config_unref(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_and_its_folder),
        cmocka_unit_test(test_paths_without_a_folder_and_at_the_root),
        cmocka_unit_test(test_a_file_that_cannot_be_read),
        cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_a_megabyte_of_members),
        cmocka_unit_test(test_truncated_and_changed_text),
        cmocka_unit_test(test_no_memory_for_the_tree),
        cmocka_unit_test(test_no_memory_for_anything),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
