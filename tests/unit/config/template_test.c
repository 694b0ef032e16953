#include "tests/unit/config/expect.h"

#include "config/template.h"

/* Knows "a", "b" and "long name" as 0, 1 and 2. */
static int find(void *arg, const char *name, size_t len, char why[RA_TEMPLATE_WHY_MAX])
{
    static const char *const names[] = {"a", "b", "long name"};
    (void)arg;
    for (int i = 0; i < 3; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
            return i;
    }
    snprintf(why, RA_TEMPLATE_WHY_MAX, "no %.*s", (int)(len < 100 ? len : 100), name);
    return -1;
}

static const ra_template_names names = {.find = find};

/* As text again: literals in brackets, slots as numbers. */
static void expect(const char *text, const char *wanted)
{
    ra_pool pool = {0};
    ra_template t;
    char why[RA_TEMPLATE_WHY_MAX], shown[256] = "";
    size_t n = 0;
    if (!ra_template_compile(&pool, text, &names, &t, why))
        fail_msg("%s: %s", text, why);
    for (size_t i = 0; i < t.n; i++) {
        if (t.parts[i].slot >= 0)
            n += (size_t)snprintf(shown + n, sizeof shown - n, "%d", t.parts[i].slot);
        else
            n +=
                (size_t)snprintf(shown + n, sizeof shown - n, "[%.*s]", (int)t.parts[i].len, t.parts[i].text);
        assert_true(t.parts[i].slot >= 0 || t.parts[i].len > 0);
    }
    assert_string_equal(shown, wanted);
    ra_pool_free(&pool);
}

static void expect_refused(const char *text, const char *words)
{
    ra_pool pool = {0};
    ra_template t;
    char why[RA_TEMPLATE_WHY_MAX] = "";
    assert_false(ra_template_compile(&pool, text, &names, &t, why));
    if (!strstr(why, words))
        fail_msg("%s: %s", text, why);
    assert_int_equal(t.n, 0);
    ra_pool_free(&pool);
}

static void test_parts(void **state)
{
    (void)state;
    expect("", "");
    expect("plain", "[plain]");
    expect("{a}", "0");
    expect("{a}{b}{a}", "010");
    expect("MSG#{a}", "[MSG#]0");
    expect("x{a}y{long name}z", "[x]0[y]2[z]");
    expect("gr\xc3\xbc\xc3\x9f {b}!", "[gr\xc3\xbc\xc3\x9f ]1[!]");
}

static void test_braces(void **state)
{
    (void)state;
    expect("{{", "[{]");
    expect("}}", "[}]");
    expect("{{a}}", "[{a}]");
    expect("{{{a}}}", "[{]0[}]");
    expect("{a}}}{{", "0[}{]");
    expect("{{}}{{}}", "[{}{}]");
}

static void test_what_is_refused(void **state)
{
    (void)state;
    expect_refused("{", "isn't closed");
    expect_refused("{a", "isn't closed");
    expect_refused("{{{a", "isn't closed");
    expect_refused("{a{b}", "isn't closed");
    expect_refused("}", "closes nothing");
    expect_refused("{a}}", "closes nothing");
    expect_refused("a}b", "closes nothing");
    expect_refused("{c}", "no c");
    expect_refused("{}", "no ");
    expect_refused("{ a}", "no  a");
    expect_refused("{a}{A}", "no A");
}

static void test_slots(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        int first;
    } cases[] = {{"", 0, -1}, {"x", 0, -1}, {"x{b}", 1, 1}, {"{b}{a}", 2, 1}, {"{{a}}", 0, -1}};
    ra_pool pool = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_template t;
        char why[RA_TEMPLATE_WHY_MAX];
        int first = 99;
        assert_true(ra_template_compile(&pool, cases[i].text, &names, &t, why));
        assert_int_equal(ra_template_slots(&t, &first), cases[i].n);
        assert_int_equal(first, cases[i].first);
    }
    ra_pool_free(&pool);
}

/* As many parts as a text can have, and the most that doubled braces bring. */
static void test_a_long_text(void **state)
{
    enum { N = 100000 };
    static const char *const units[] = {"{a}x", "{{", "{a}", "x{b}"};
    (void)state;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t n = strlen(units[i]);
        ra_pool pool = {0};
        ra_template t;
        char why[RA_TEMPLATE_WHY_MAX], *text = malloc(N * n + 1);
        assert_non_null(text);
        for (size_t j = 0; j < N; j++)
            memcpy(text + j * n, units[i], n + 1);
        assert_true(ra_template_compile(&pool, text, &names, &t, why));
        assert_int_equal(t.n, i == 1 ? 1 : i == 2 ? N : 2 * N);
        assert_true(i != 1 || t.parts[0].len == N);
        free(text);
        ra_pool_free(&pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),           cmocka_unit_test(test_braces),
        cmocka_unit_test(test_what_is_refused), cmocka_unit_test(test_slots),
        cmocka_unit_test(test_a_long_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
