#include "tests/unit/config/expect.h"

#include "config/schema.h"

static char *printed(void)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    ra_config_print_options(out);
    fclose(out);
    return text;
}

static void test_every_option_is_printed_with_its_doc(void **state)
{
    (void)state;
    char *text = printed(), line[256], accepted[RA_OPTION_ACCEPTED_MAX];
    for (const ra_section *const *s = ra_sections; *s; s++) {
        for (size_t i = 0; i < (*s)->noptions; i++) {
            const ra_option *o = &(*s)->options[i];
            snprintf(line, sizeof line, "\n%s%s%s\n    %s\n", (*s)->path, (*s)->path[0] ? "." : "", o->name,
                     o->doc);
            if (!strstr(text, line))
                fail_msg("not printed: %s", line);
            ra_option_accepted(o, accepted);
            assert_true(strlen(accepted) > 5 && strlen(accepted) < RA_OPTION_ACCEPTED_MAX - 1);
        }
    }
    for (size_t i = 0; i < ra_section_policy.noptions; i++) {
        snprintf(line, sizeof line, "\ntables.NAME.%s\n", ra_section_policy.options[i].name);
        assert_non_null(strstr(text, line));
    }
    free(text);
}

static void test_how_an_option_looks(void **state)
{
    (void)state;
    char *text = printed();
    assert_non_null(
        strstr(text, "listen.threads\n    Event loops, each on a thread of its own.\n    default: 2\n    "
                     "accepted: a whole number from 1 to 64\n    reload: waits for a restart\n"));
    assert_non_null(strstr(text,
                           "    default: \"16MiB\"\n    accepted: a size in bytes, KiB, MiB or GiB such as "
                           "\"64MiB\", from 1KiB to 64MiB\n"));
    assert_non_null(strstr(text, "    default: none, it must be given\n"));
    assert_non_null(strstr(text, "    accepted: \"linearizable\", \"read_after_write\", \"eventual\"\n"));
    assert_non_null(strstr(
        text, "    default: [\"Age\", \"Cache-Status\", \"Link\", \"X-Cache\"]\n    accepted: an array of "
              "0 to 64 strings\n"));
    assert_non_null(strstr(text, "    default: []\n    accepted: an array of 0 to 64 strings\n"));
    assert_non_null(strstr(text, "    accepted: an object with 1 to 100 members, { \"NAME\": \"...\" }\n"));
    assert_non_null(
        strstr(text, "    default: none, it must be given\n    accepted: a string with placeholders\n"));
    assert_non_null(strstr(text, "\n    reload: takes effect\n"));
    assert_non_null(strstr(text, "\n    reload: as each of its options says\n"));
    assert_non_null(strstr(text, "takes effect, but with store \"redis\", where it waits for a restart\n"));
    assert_non_null(strstr(text, "tables.NAME.patterns[].ttl, ttl_jitter, negative_ttl, "));
    free(text);
}

/* All placeholders, those of made-up items too, and how braces are written. */
static void test_placeholders_are_explained(void **state)
{
    static const char *const words[] = {"{path.NAME}", "{query.NAME}", "{header.NAME}", "{body.NAME}",
                                        "{now}",       "{uuid.NAME}",  "{claim.NAME}",  "{{ and }}"};
    (void)state;
    char *text = printed(), placeholder[64];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_non_null(strstr(text, words[i]));
    for (size_t i = 0; i < RA_GENERATE_SLOTS; i++) {
        snprintf(placeholder, sizeof placeholder, "{%s}", ra_generate_slot_names[i]);
        assert_non_null(strstr(text, placeholder));
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_option_is_printed_with_its_doc),
        cmocka_unit_test(test_how_an_option_looks),
        cmocka_unit_test(test_placeholders_are_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
