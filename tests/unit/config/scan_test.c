#include "tests/unit/config/expect.h"

#include "config/scan.h"

#include <cjson/cJSON.h>

struct lines {
    int v[64];
    size_t n;
    size_t room;
};

static bool note(void *arg, int line)
{
    struct lines *l = arg;
    if (l->n == l->room)
        return false;
    l->v[l->n++] = line;
    return true;
}

static bool scan(const char *text, size_t len, struct lines *l, int *line, char error[RA_SCAN_ERROR_MAX])
{
    *l = (struct lines){.room = 64};
    *line = 0;
    /* Exactly as many bytes as there are, so that a sanitizer sees any read past them. */
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    bool ok = ra_scan(copy, len, note, l, line, error);
    free(copy);
    return ok;
}

static void test_lines_in_document_order(void **state)
{
    (void)state;
    static const char text[] = "\n{ \"a\":\n 1,\n \"b\": [\n true,\n {}, null],\n\"c\"\n:\n\"x\" }\n";
    static const int expected[] = {2, 2, 4, 5, 6, 6, 7};
    struct lines l;
    int line;
    char error[RA_SCAN_ERROR_MAX];
    assert_true(scan(text, strlen(text), &l, &line, error));
    assert_int_equal(l.n, 7);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(l.v[i], expected[i]);
}

static void test_accepted(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}",
                                        "[]",
                                        "0",
                                        "-0",
                                        "-1.5e+10",
                                        "1E9",
                                        "\"\"",
                                        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                        "\"\\u00e9\\uD83D\\uDE00\"",
                                        "\"\xf0\x9f\x98\x80\"",
                                        "true",
                                        " null ",
                                        "[[[[1]]]]",
                                        "{\"\":{}}",
                                        "\t\r\n[1 , 2]\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct lines l;
        int line;
        char error[RA_SCAN_ERROR_MAX] = "";
        if (!scan(texts[i], strlen(texts[i]), &l, &line, error))
            fail_msg("%s: %s", texts[i], error);
    }
}

static void test_refused_with_line_and_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int line;
        const char *words;
    } cases[] = {
        {"", 1, "the file ends here"},
        {"\n\n", 3, "the file ends here"},
        {"{\n", 2, "the file ends here"},
        {"{\n\"a\"", 2, "the file ends here; accepted: ':'"},
        {"{\n\"a\": 1\n", 3, "the file ends before the '}' that closes line 1"},
        {"[\n1\n", 3, "the file ends before the ']' that closes line 1"},
        {"{\"a\": 1,\n}", 1, "a comma before '}'"},
        {"[1,\n\n]", 1, "a comma before ']'"},
        {"{\"a\": 1\n\"b\": 2}", 2, "unexpected '\"'; accepted: ',' or '}'"},
        {"{\"a\" 1}", 1, "accepted: ':'"},
        {"{a: 1}", 1, "a member's name in double quotes"},
        {"{'a': 1}", 1, "double quotes, not single"},
        {"{\n# no\n}", 2, "'#' begins no comment"},
        {"{} {}", 1, "nothing after"},
        {"{\"a\": 5s}", 1, "a number with a unit must stand in double quotes"},
        {"{\"a\": 10%}", 1, "a number with a unit must stand in double quotes"},
        {"01", 1, "not a number"},
        {"1.", 1, "not a number"},
        {"-", 1, "not a number"},
        {"1e", 1, "not a number"},
        {"1-2", 1, "not a number"},
        {"+1", 1, "unexpected '+'"},
        {".5", 1, "unexpected '.'"},
        {"NaN", 1, "unexpected 'N'"},
        {"truth", 1, "unexpected 't'"},
        {"10000000000000000000000000000000000000000", 1, "more than 40"},
        {"\"a\nb\"", 1, "isn't closed"},
        {"\"a", 1, "isn't closed"},
        {"\"a\\", 1, "a backslash"},
        {"\"\\x\"", 1, "a backslash"},
        {"\"\t\"", 1, "control character 0x09"},
        {"\"\\u12\"", 1, "four hexadecimal digits"},
        {"\"\\u0000\"", 1, "\\u0000"},
        {"\"\\ud800\"", 1, "half of a surrogate pair"},
        {"\"\\ud800\\n\"", 1, "half of a surrogate pair"},
        {"\"\\ud800\\ud800\"", 1, "half of a surrogate pair"},
        {"\"\\udc00\"", 1, "half of a surrogate pair"},
        {"\n\"\xff\"", 2, "not valid UTF-8 (byte 0xff)"},
        {"\"\xc0\xaf\"", 1, "not valid UTF-8"},
        {"\"\xed\xa0\x80\"", 1, "not valid UTF-8"},
        {"\"\xc3", 1, "not valid UTF-8"},
        {"\x01", 1, "unexpected byte 0x01"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lines l;
        int line;
        char error[RA_SCAN_ERROR_MAX] = "";
        bool ok = scan(cases[i].text, strlen(cases[i].text), &l, &line, error);
        if (ok || line != cases[i].line || !strstr(error, cases[i].words))
            fail_msg("%s: %d, %d: %s", cases[i].text, ok, line, error);
    }
}

static void test_nuls(void **state)
{
    (void)state;
    struct lines l;
    int line;
    char error[RA_SCAN_ERROR_MAX];
    assert_false(scan("{\0}", 3, &l, &line, error));
    assert_non_null(strstr(error, "unexpected byte 0x00"));
    assert_false(scan("{}\n\0", 4, &l, &line, error));
    assert_int_equal(line, 2);
    assert_false(scan("\"a\0b\"", 5, &l, &line, error));
    assert_non_null(strstr(error, "control character 0x00"));
    assert_false(scan("\"\\\0\"", 4, &l, &line, error));
    assert_non_null(strstr(error, "a backslash"));
    assert_false(scan("1\0", 2, &l, &line, error));
}

static void test_depth(void **state)
{
    (void)state;
    static char deep[20001];
    struct lines l;
    int line;
    char error[RA_SCAN_ERROR_MAX];
    memset(deep, '[', RA_SCAN_DEPTH_MAX);
    memset(deep + RA_SCAN_DEPTH_MAX, ']', RA_SCAN_DEPTH_MAX);
    assert_true(scan(deep, 2 * RA_SCAN_DEPTH_MAX, &l, &line, error));
    memset(deep, '[', 10000);
    memset(deep + 10000, ']', 10000);
    assert_false(scan(deep, 20000, &l, &line, error));
    assert_non_null(strstr(error, "nested more than 32 deep"));
}

static void test_no_memory_for_a_value(void **state)
{
    (void)state;
    struct lines l = {.room = 1};
    int line;
    char error[RA_SCAN_ERROR_MAX];
    assert_false(ra_scan("[1]", 3, note, &l, &line, error));
    assert_string_equal(error, "out of memory");
}

/* Cut anywhere, a document isn't one; and whatever is accepted after a change, cJSON reads too. */
static void test_truncated_and_changed(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\": [1, -2.5e3, \"x\\u00e9\\ud83d\\ude00\", true, null, {\"b\": {}}], \"c\": \"\xc3\xa9\"}";
    size_t len = strlen(text);
    struct lines l;
    int line;
    char error[RA_SCAN_ERROR_MAX], changed[sizeof text];
    assert_true(scan(text, len, &l, &line, error));
    for (size_t n = 0; n < len; n++)
        assert_false(scan(text, n, &l, &line, error));
    for (size_t i = 0; i < len; i++) {
        for (int byte = 0; byte < 256; byte++) {
            memcpy(changed, text, len);
            changed[i] = (char)byte;
            if (!scan(changed, len, &l, &line, error))
                continue;
            cJSON *tree = cJSON_ParseWithLength(changed, len);
            assert_non_null(tree);
            cJSON_Delete(tree);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_in_document_order),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused_with_line_and_reason),
        cmocka_unit_test(test_nuls),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_no_memory_for_a_value),
        cmocka_unit_test(test_truncated_and_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
