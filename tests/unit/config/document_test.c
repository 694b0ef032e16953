#include "tests/unit/config/expect.h"
#include "tests/unit/config/route_texts.h"

#define BODY(json) ROUTES(WRITE("PutItem", "{\"TableName\":\"abc\",\"X\":\n" json "}"))
#define AT         "routes[0].request.X"
#define HEAD_OF(x) "{\"TableName\":\"abc\",\"X\":" x "}"

/* The document with {slot} for each template's placeholders, its strings in quotes. */
static void expect_document(const char *text, const char *wanted)
{
    ra_config *c = parse_clean(text);
    const ra_document *d = &c->routes[0].request;
    char shown[1024] = "";
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++) {
        const ra_document_piece *p = &d->pieces[i];
        assert_true(!p->json || p->len > 0);
        /* Literals are merged: between two there is a template. */
        assert_false(i && p->json && d->pieces[i - 1].json);
        n += (size_t)snprintf(shown + n, sizeof shown - n, p->json ? "%.*s" : "\"", (int)p->len, p->json);
        for (size_t j = 0; !p->json && j < p->string.n; j++) {
            const ra_template_part *part = &p->string.parts[j];
            n += part->slot < 0
                     ? (size_t)snprintf(shown + n, sizeof shown - n, "%.*s", (int)part->len, part->text)
                     : (size_t)snprintf(shown + n, sizeof shown - n, "<%s>",
                                        c->routes[0].inputs[part->slot].place);
        }
        n += p->json ? 0 : (size_t)snprintf(shown + n, sizeof shown - n, "\"");
    }
    assert_string_equal(shown, wanted);
    ra_config_unref(c);
}

static void test_literals_are_one_piece(void **state)
{
    (void)state;
    expect_document(BODY("{ \"a\" : [ 1 , true , false , null , \"x\" , { } , [ ] ] }"),
                    HEAD_OF("{\"a\":[1,true,false,null,\"x\",{},[]]}"));
    ra_config *c = parse_clean(BODY("{\"a\":[1,\"x\",{}]}"));
    assert_int_equal(c->routes[0].request.n, 1);
    ra_config_unref(c);
}

static void test_strings_are_templates(void **state)
{
    (void)state;
    expect_document(BODY("{\"a\":\"{body.m}\",\"b\":\"MSG#{body.m}!\",\"c\":[\"{now}\",\"{uuid.x}\"]}"),
                    HEAD_OF("{\"a\":\"<body.m>\",\"b\":\"MSG#<body.m>!\",\"c\":[\"<now>\",\"<uuid.x>\"]}"));
    expect_document(BODY("\"{{body.m}}\""), HEAD_OF("\"{body.m}\""));
}

static void test_names_are_no_templates(void **state)
{
    (void)state;
    expect_document(BODY("{\"{body.m}\":\"x\",\"{\":1}"), HEAD_OF("{\"{body.m}\":\"x\",\"{\":1}"));
}

static void test_strings_are_escaped(void **state)
{
    (void)state;
    expect_document(BODY("\"q\\\" b\\\\ n\\n t\\u0001 \\u007f \\u00e9 \\ud83d\\ude00 / \\/\""),
                    HEAD_OF("\"q\\u0022 b\\u005c n\\u000a t\\u0001 \x7f \xc3\xa9 \xf0\x9f\x98\x80 / /\""));
    expect_document(BODY("{\"a\\\"b\":\"\"}"), HEAD_OF("{\"a\\u0022b\":\"\"}"));
}

static void test_numbers(void **state)
{
    (void)state;
    expect_document(BODY("[0,-0,1e3,-12,9007199254740991,-9007199254740991,1.0]"),
                    HEAD_OF("[0,0,1000,-12,9007199254740991,-9007199254740991,1]"));
    expect_error(BODY("1.5"), AT, 3, "can't be kept exactly; accepted: whole numbers");
    expect_error(BODY("9007199254740992"), AT, 3, "can't be kept exactly");
    expect_error(BODY("[0,-1e300]"), AT "[1]", 4, "can't be kept exactly");
    expect_error(BODY("1e999"), AT, 3, "can't be kept exactly");
}

static void test_errors_stand_at_their_place(void **state)
{
    (void)state;
    expect_error(BODY("{\"a\":[\"x\",\n{\"b\":\"{boddy.m}\"}]}"), AT ".a[1].b", 5,
                 "did you mean \"body.NAME\"?");
    expect_error(BODY("\"{body.m\""), AT, 3, "a '{' isn't closed");
    expect_error(BODY("{\"a\":1,\n\"a\":2}"), AT ".a", 5, "given twice");
    expect_error(BODY("\"env:READASIDE_TEST_UNSET\""), AT, 3, "READASIDE_TEST_UNSET");
}

static void test_all_errors_are_found_at_once(void **state)
{
    ra_problems p;
    (void)state;
    assert_null(parse(BODY("[\"{\",\"}\",1.5,\"{x}\",\"ok\"]"), &p));
    assert_int_equal(p.errors, 4);
    ra_problems_free(&p);
}

/* What came from elsewhere may be a secret: it isn't shown, also not the name of a placeholder in it. */
static void test_references(void **state)
{
    (void)state;
    setenv("READASIDE_TEST_TEXT", "MSG#{body.m}", 1);
    expect_document(BODY("\"env:READASIDE_TEST_TEXT\""), HEAD_OF("\"MSG#<body.m>\""));
    setenv("READASIDE_TEST_TEXT", "{hunter2}", 1);
    ra_problems p;
    assert_null(parse(BODY("\"env:READASIDE_TEST_TEXT\""), &p));
    assert_int_equal(p.errors, 1);
    assert_string_equal(p.v[0].path, AT);
    assert_non_null(strstr(p.v[0].message, "the value of \"env:READASIDE_TEST_TEXT\" holds a placeholder"));
    assert_null(strstr(p.v[0].message, "hunter2"));
    ra_problems_free(&p);
    unsetenv("READASIDE_TEST_TEXT");
}

/* A text that goes into BODY's place, `n` times. */
static char *repeated(const char *head, const char *unit, size_t n, const char *tail)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    fputs("{\"tables\":{\"abc\":{}},\"routes\":[{\"name\":\"w\",\"method\":\"POST\",\"path\":\"/w\","
          "\"operation\":\"PutItem\",\"reply\":{\"object\":{}},\"request\":{\"TableName\":\"abc\",\"X\":",
          out);
    fputs(head, out);
    for (size_t i = 0; i < n; i++)
        fputs(unit, out);
    fprintf(out, "%s}}]}", tail);
    fclose(out);
    return text;
}

static void test_a_document_as_large_as_a_file(void **state)
{
    static const struct {
        const char *head, *unit, *tail;
        size_t pieces;
    } cases[] = {{"\"", "x", "\"", 1},
                 {"[0", ",1", "]", 1},
                 {"\"{body.m}", "y", "\"", 3},
                 {"[0", ",\"{now}\"", "]", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = repeated(cases[i].head, cases[i].unit, 1040000 / strlen(cases[i].unit), cases[i].tail);
        ra_config *c = parse_good(text);
        size_t n = c->routes[0].request.n;
        assert_true(cases[i].pieces ? n == cases[i].pieces : n > 100000);
        ra_config_unref(c);
        free(text);
    }
}

/* Printed, a control character is six times as long as "\n": more than the file itself may be. */
static void test_a_document_that_is_too_large(void **state)
{
    ra_problems p;
    char *text = repeated("\"", "\\n", 400000, "\"");
    (void)state;
    assert_null(parse(text, &p));
    assert_int_equal(p.errors, 1);
    assert_string_equal(p.v[0].path, "routes[0].request");
    assert_non_null(strstr(p.v[0].message, "too large; accepted: at most 1MiB"));
    ra_problems_free(&p);
    free(text);
}

static void test_a_deep_document(void **state)
{
    char *text = repeated("", "[", 28, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    (void)state;
    ra_config_unref(parse_good(text));
    free(text);
    ra_problems p;
    text = repeated("", "[", 500000, "");
    assert_null(parse(text, &p));
    assert_int_equal(p.errors, 1);
    ra_problems_free(&p);
    free(text);
}

static void test_escapes_that_end_strings_elsewhere(void **state)
{
    ra_problems p;
    (void)state;
    assert_null(parse(BODY("\"a\\u0000b\""), &p));
    assert_int_equal(p.errors, 1);
    ra_problems_free(&p);
    expect_document(BODY("\"\\u007b\\u007bx}}\\u2028\""), HEAD_OF("\"{x}\xe2\x80\xa8\""));
    expect_error(BODY("\"\\u007bx\""), AT, 3, "isn't closed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literals_are_one_piece),
        cmocka_unit_test(test_strings_are_templates),
        cmocka_unit_test(test_names_are_no_templates),
        cmocka_unit_test(test_strings_are_escaped),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_errors_stand_at_their_place),
        cmocka_unit_test(test_all_errors_are_found_at_once),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_a_document_as_large_as_a_file),
        cmocka_unit_test(test_a_document_that_is_too_large),
        cmocka_unit_test(test_a_deep_document),
        cmocka_unit_test(test_escapes_that_end_strings_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
