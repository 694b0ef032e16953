#include "tests/unit/config/expect.h"

#include "config/decode.h"
#include "config/given.h"
#include "config/option.h"
#include "config/schema.h"
#include "config/units.h"

static bool is_scalar(const ra_option *o)
{
    return o->type < RA_OPTION_TEMPLATE;
}

/* Every option of every section with its section, as a file may hold them. */
static void each(void (*visit)(const ra_section *s, const ra_option *o))
{
    for (const ra_section *const *s = ra_sections; *s; s++) {
        for (const ra_section *part = *s; part; part = part->also) {
            for (size_t i = 0; i < part->noptions; i++)
                visit(*s, &part->options[i]);
        }
    }
}

static void check_documented(const ra_section *s, const ra_option *o)
{
    size_t n = o->doc ? strlen(o->doc) : 0;
    (void)s;
    if (n < 10 || n > 105 || o->doc[n - 1] != '.' || strchr(o->doc, '\n'))
        fail_msg("%s.%s has no line of documentation", s->path, o->name);
    assert_true(o->name[strspn(o->name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0');
    assert_false(o->preset && o->preset_doc);
}

static void test_every_option_is_documented(void **state)
{
    (void)state;
    each(check_documented);
}

/* A preset must be what a file could say, within the option's own bounds. */
static void check_preset(const ra_section *s, const ra_option *o)
{
    union {
        ra_config config;
        ra_table_given table;
        ra_pattern pattern;
        ra_route_given route;
        ra_query_given query;
        ra_ddb_given ddb;
        unsigned char bytes[4096]; /* all of them: the structs have padding */
    } target, untouched;
    ra_pool pool = {0};
    ra_problems problems = {0};
    ra_locator locator = {0};
    ra_decoder d = {.pool = &pool, .problems = &problems, .locator = &locator, .folder = ""};
    if (!o->preset)
        return;
    assert_true(is_scalar(o));
    assert_int_equal(sizeof target, sizeof target.bytes);
    memset(&target, 0xa5, sizeof target);
    memset(&untouched, 0xa5, sizeof untouched);
    ra_option_set_preset(&d, o, &target);
    if (memcmp(target.bytes, untouched.bytes, sizeof target.bytes) == 0)
        fail_msg("%s.%s has a preset that it refuses: %s", s->path, o->name, o->preset);
    assert_int_equal(problems.n, 0);
    ra_pool_free(&pool);
}

static void test_every_preset_is_accepted(void **state)
{
    (void)state;
    each(check_preset);
}

static void check_bounds(const ra_section *s, const ra_option *o)
{
    static const struct {
        enum ra_option_type type;
        int64_t max;
    } widths[] = {
        {RA_OPTION_SHARE, 1000000}, {RA_OPTION_COUNT, UINT32_MAX}, {RA_OPTION_SIZE, INT64_C(1) << 53}};
    bool bounded = o->type <= RA_OPTION_COUNT || o->type == RA_OPTION_TEXT || o->type == RA_OPTION_NAME ||
                   o->type == RA_OPTION_SECRET || o->type == RA_OPTION_TEXT_OR_TEXTS ||
                   o->type == RA_OPTION_TEXTS || o->type == RA_OPTION_KEYS || o->type == RA_OPTION_TEXT_MAP ||
                   o->type == RA_OPTION_OBJECTS || o->type == RA_OPTION_OBJECT_MAP;
    if (bounded && !(o->min >= 0 && o->min < o->max))
        fail_msg("%s.%s has no bounds", s->path, o->name);
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        assert_false(o->type == widths[i].type && o->max > widths[i].max);
    bool chosen =
        o->type == RA_OPTION_CHOICE || o->type == RA_OPTION_CHOICES || o->type == RA_OPTION_CHOICE_OR_OBJECT;
    assert_true(chosen == (o->choices != NULL));
}

static void test_bounds_fit_their_members(void **state)
{
    (void)state;
    each(check_bounds);
}

static void check_unique(const ra_section *s, const ra_option *o)
{
    const char *names[RA_SECTION_NAMES_MAX + 1];
    size_t n = ra_section_names(s, names, RA_SECTION_NAMES_MAX + 1), found = 0, base;
    assert_in_range(n, 1, RA_SECTION_NAMES_MAX);
    for (size_t i = 0; i < n; i++)
        found += strcmp(names[i], o->name) == 0;
    assert_int_equal(found, 1);
    assert_ptr_equal(ra_section_find(s, o->name, &base), o);
}

static void test_names_are_unique_and_found(void **state)
{
    size_t base = 99;
    (void)state;
    each(check_unique);
    assert_null(ra_section_find(&ra_section_root, "ttl", &base));
    assert_null(ra_section_find(&ra_section_table, "", &base));
    assert_non_null(ra_section_find(&ra_section_table, "ttl", &base));
    assert_int_equal(base, offsetof(ra_table_config, policy));
}

static void test_what_a_running_proxy_can_change(void **state)
{
    size_t base;
    (void)state;
    assert_true(ra_section_find(&ra_section_root, "tables", &base)->reloadable);
    assert_true(ra_section_find(&ra_section_table, "ttl", &base)->reloadable);
    assert_true(ra_section_find(&ra_section_pattern, "partition_key", &base)->reloadable);
    assert_true(ra_section_find(&ra_section_root, "routes", &base)->reloadable);
    assert_true(ra_section_find(&ra_section_root, "auth", &base)->reloadable);
    assert_true(ra_section_find(&ra_section_sigv4, "keys_file", &base)->reloadable);
    assert_true(ra_section_find(&ra_section_backend, "secret", &base)->reloadable);
    assert_true(ra_section_find(&ra_section_listen_tls, "cert_file", &base)->reloadable);
    assert_true(ra_section_find(&ra_section_admin_tls, "key_file", &base)->reloadable);
    assert_false(ra_section_find(&ra_section_listen, "tls", &base)->reloadable);
    assert_false(ra_section_find(&ra_section_listen, "address", &base)->reloadable);
    assert_false(ra_section_find(&ra_section_upstream, "endpoint", &base)->reloadable);
    assert_false(ra_section_find(&ra_section_cache, "store", &base)->reloadable);
    assert_false(ra_section_find(&ra_section_table, "stream", &base)->reloadable);
    assert_false(ra_section_find(&ra_section_streams, "lease", &base)->reloadable);
    assert_false(ra_section_find(&ra_section_near, "max_bytes", &base)->reloadable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_option_is_documented),
        cmocka_unit_test(test_every_preset_is_accepted),
        cmocka_unit_test(test_bounds_fit_their_members),
        cmocka_unit_test(test_names_are_unique_and_found),
        cmocka_unit_test(test_what_a_running_proxy_can_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
