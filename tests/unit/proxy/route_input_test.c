/* What is read of a request, and what can't be. */
#include "route_fixture.h"

#include "proxy/route_parts.h"

/* A route with an input of every kind; none but the path's has to be there. */
static const char routes[] =
    "{\"name\":\"get\",\"method\":\"GET\",\"path\":\"/{id}/x/{other}\",\"validate\":{"
    "\"query.q\":{\"required\":false,\"default\":\"preset\"},\"query.r[]\":{\"required\":false},"
    "\"header.X-Who\":{\"required\":false}},"
    "\"query\":{\"table\":\"chat\",\"partition_key\":\"{path.id}{query.q}{query.r[]}{header.x-who}\"}},"
    "{\"name\":\"post\",\"method\":\"POST\",\"path\":\"/x\",\"validate\":{"
    "\"body.a\":{\"required\":false},\"body.b\":{\"required\":false},\"query.q\":{\"required\":false}},"
    "\"operation\":\"PutItem\",\"request\":{\"TableName\":\"chat\",\"Item\":{\"pk\":{\"S\":"
    "\"{body.a}{body.b}{query.q}\"},\"sk\":{\"S\":\"{now}\"},\"m\":{\"S\":\"{uuid.m}\"},\"n\":{\"S\":\"{uuid."
    "n}\"},"
    "\"m2\":{\"S\":\"{uuid.m}\"}}},\"reply\":{\"object\":{\"id\":\"{uuid.m}\"}}}";

static int setup(void **state)
{
    *state = route_fixture_new(routes);
    return 0;
}

static int teardown(void **state)
{
    route_fixture_free(*state);
    return 0;
}

static void assert_value(route_fixture *f, const char *place, const char *expected)
{
    const char *value = route_value(f, place);
    if (!expected) {
        assert_null(value);
        return;
    }
    assert_non_null(value);
    assert_string_equal(value, expected);
}

static void paths(void **state)
{
    route_get(*state, "/a%2Fb+c%20d%C3%A9/x/%e2%82%ac");
    assert_value(*state, "path.id", "a/b+c dé");
}

static void query_strings(void **state)
{
    static const struct {
        const char *query, *q, *r;
    } cases[] = {
        {"q=1&r[]=2", "1", "2"},
        {"q=a%20b+c%2Bd", "a b c+d", NULL},
        {"q", "", NULL},
        {"q=", "", NULL},
        {"", "preset", NULL},
        {"&&&", "preset", NULL},
        {"=q", "preset", NULL},
        {"q=a=b==", "a=b==", NULL},
        {"%71=x&%72%5b%5D=y", "x", "y"},
        {"Q=x&qq=y&q%20=z", "preset", NULL},
        {"unknown=%zz&other=%ff&q=1", "1", NULL},
        {"q=1;r[]=2", "1;r[]=2", NULL},
        {"q=?/:@", "?/:@", NULL},
        {"q=%0d%0a%01", "\r\n\x01", NULL},
        {"q=%F0%9F%91%8B", "👋", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char target[128];
        snprintf(target, sizeof target, "/a/x/b?%s", cases[i].query);
        route_get(*state, target);
        assert_value(*state, "query.q", cases[i].q);
        assert_value(*state, "query.r[]", cases[i].r);
    }
    route_get(*state, "/a/x/b");
    assert_value(*state, "query.q", "preset");
}

static void refused_query_strings(void **state)
{
    route_fixture *f = *state;
    static const struct {
        const char *query, *code;
    } cases[] = {
        {"q=%", "malformed_input"},         {"q=%4", "malformed_input"},
        {"q=%zz", "malformed_input"},       {"q=%ff", "malformed_input"},
        {"q=%ed%a0%80", "malformed_input"}, {"q=%c0%80", "malformed_input"},
        {"q=%00", "malformed_input"},       {"q=a%00b", "malformed_input"},
        {"q=\xff", "malformed_input"},      {"q%=1", "malformed_input"},
        {"%zz", "malformed_input"},         {"q=1&q=2", "repeated_input"},
        {"q=1&q=1", "repeated_input"},      {"q&q", "repeated_input"},
        {"q=&q=", "repeated_input"},        {"q=1&%71=2", "repeated_input"},
        {"q=%zz&q=1", "repeated_input"},    {"q=1&x=2&r[]=3&r[]=4", "repeated_input"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char target[128];
        snprintf(target, sizeof target, "/a/x/b?%s", cases[i].query);
        route_refused(f, RA_METHOD_GET, target, NULL, 400, cases[i].code);
    }
    assert_string_equal(f->refusal.message, "query.r[]: it must be given only once");
}

static void headers(void **state)
{
    route_fixture *f = *state;
    route_headers(f, "Other", "1", "x-WHO", " \tMara Okafor\t ", "X-Who-Else", "2", NULL);
    route_get(f, "/a/x/b");
    assert_value(f, "header.X-Who", "Mara Okafor");
    route_headers(f, "X-Who", "", NULL);
    route_get(f, "/a/x/b");
    assert_value(f, "header.X-Who", "");
    route_headers(f, "X-Who", "Éva 👋", NULL);
    route_get(f, "/a/x/b");
    assert_value(f, "header.X-Who", "Éva 👋");
    route_headers(f, "X-Who", "a", "x-who", "a", NULL);
    route_refused(f, RA_METHOD_GET, "/a/x/b", NULL, 400, "repeated_input");
    assert_string_equal(f->refusal.message, "header.X-Who: it must be given only once");
    route_headers(f, "X-Who", "", "x-who", "", NULL);
    route_refused(f, RA_METHOD_GET, "/a/x/b", NULL, 400, "repeated_input");
    route_headers(f, "X-Who", "\xc9va", NULL);
    route_refused(f, RA_METHOD_GET, "/a/x/b", NULL, 400, "malformed_input");
    route_headers(f, "Other", "\xff", "Other", "2", NULL);
    route_get(f, "/a/x/b");
    assert_value(f, "header.X-Who", NULL);
}

static void bodies(void **state)
{
    static const struct {
        const char *body, *a, *b;
    } cases[] = {
        {"{}", NULL, NULL},
        {" { \"a\" : \"x\" , \"b\" : \"y\" } \n", "x", "y"},
        {"{\"a\":null,\"b\":\"\"}", NULL, ""},
        {"{\"\\u0061\":\"\\ud83d\\udc4b\\n\\\"\\\\\\/\",\"A\":\"no\"}", "👋\n\"\\/", NULL},
        {"{\"a\":0,\"b\":-1.50E+400}", "0", "-1.50E+400"},
        {"{\"a\":123456789012345678901234567890123456789012345678901234567890}",
         "123456789012345678901234567890123456789012345678901234567890", NULL},
        {"{\"x\":{\"a\":\"deep\"},\"y\":[[[]]],\"z\":true}", NULL, NULL},
        {"{\"a\":\"\\u0001\\u007f\"}", "\x01\x7f", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(route_post(*state, "/x", cases[i].body), RA_ROUTE_OPEN);
        assert_value(*state, "body.a", cases[i].a);
        assert_value(*state, "body.b", cases[i].b);
    }
}

static void assert_post_refused(route_fixture *f, const char *body, const char *code)
{
    if (route_post(f, "/x", body) != RA_ROUTE_REFUSED)
        fail_msg("taken: %.60s", body);
    assert_refusal(f, 400, code);
}

static void refused_bodies(void **state)
{
    static const char *const malformed[] = {"",
                                            " ",
                                            "{",
                                            "nope",
                                            "[]",
                                            "null",
                                            "\"text\"",
                                            "5",
                                            "true",
                                            "{\"a\":\"x\"} x",
                                            "{\"a\":1,}",
                                            "{\"a\":\"1\",\"a\":\"2\"}",
                                            "{\"a\":\"1\",\"\\u0061\":\"2\"}",
                                            "{\"a\":\"\xff\"}",
                                            "{\"a\":\"\\ud800\"}",
                                            "{\"a\":\"\\udc00x\"}",
                                            "{\"a\":\"\xed\xa0\x80\"}",
                                            "{'a':1}",
                                            "{a:1}",
                                            "{\"a\":01}",
                                            "{\"a\":\"\n\"}",
                                            "\xef\xbb\xbf{}",
                                            "{\"x\":{\"y\":1,\"y\":2}}",
                                            "{\"a\":NaN}",
                                            "{} /* */"};
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        assert_post_refused(*state, malformed[i], "malformed_json");
    static const char *const inputs[] = {
        "{\"a\":true}",    "{\"a\":false}",         "{\"a\":{}}",          "{\"a\":[]}",
        "{\"a\":[\"x\"]}", "{\"a\":{\"S\":\"x\"}}", "{\"a\":\"\\u0000\"}", "{\"a\":\"x\\u0000y\"}"};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        assert_post_refused(*state, inputs[i], "malformed_input");
    assert_string_equal(((route_fixture *)*state)->refusal.message,
                        "body.a: it must be a string or a number, without U+0000");
}

static void content_types(void **state)
{
    route_fixture *f = *state;
    static const char *const right[] = {"application/json",
                                        "Application/JSON",
                                        "application/json;charset=utf-8",
                                        "application/json ; charset=x; y",
                                        "application/vnd.api+json",
                                        "APPLICATION/merge-patch+JSON; v=1"};
    static const char *const wrong[] = {"text/plain",
                                        "",
                                        "json",
                                        "application/jsonx",
                                        "application/json-patch",
                                        "application/+json",
                                        "application/",
                                        "text/x+json",
                                        "text/plain; application/json",
                                        "application/x-www-form-urlencoded",
                                        "multipart/form-data; boundary=application/json",
                                        "application/json, text/plain",
                                        "text/plain, application/json",
                                        "application/x, application/y+json",
                                        "application/x application/y+json",
                                        "application/json+xml"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        route_headers(f, "content-TYPE", right[i], NULL);
        assert_int_equal(route_open(f, RA_METHOD_POST, "/x", "{}"), RA_ROUTE_OPEN);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        route_headers(f, "Content-Type", wrong[i], NULL);
        route_refused(f, RA_METHOD_POST, "/x", "{}", 415, "unsupported_media_type");
    }
    route_headers(f, NULL);
    route_refused(f, RA_METHOD_POST, "/x", "{}", 415, "unsupported_media_type");
    route_headers(f, "Content-Type", "application/json", "content-type", "application/json", NULL);
    route_refused(f, RA_METHOD_POST, "/x", "{}", 415, "unsupported_media_type");
}

static void what_is_made(void **state)
{
    route_fixture *f = *state;
    assert_int_equal(route_post(f, "/x", "{\"a\":\"k\"}"), RA_ROUTE_OPEN);
    assert_value(f, "now", "2024-06-11T20:05:43.816059+00:00");
    const char *m = route_value(f, "uuid.m"), *n = route_value(f, "uuid.n");
    assert_true(ra_route_is_uuid(ra_bytes_z(m)) && ra_route_is_uuid(ra_bytes_z(n)));
    assert_string_not_equal(m, n);
    char expected[512];
    snprintf(expected, sizeof expected,
             "{\"TableName\":\"chat\",\"Item\":{\"pk\":{\"S\":\"k\"},\"sk\":{\"S\":"
             "\"2024-06-11T20:05:43.816059+00:00\"},\"m\":{\"S\":\"%s\"},\"n\":{\"S\":\"%s\"},\"m2\":{\"S\":"
             "\"%s\"}}}",
             m, n, m);
    assert_string_equal(route_body(f), expected);
    assert_int_equal(route_post(f, "/x", "{\"a\":\"k\"}"), RA_ROUTE_OPEN);
    assert_null(strstr(expected, route_value(f, "uuid.m")));
}

/* `repeated` over and over, `size` bytes of it, between two texts. */
static char *long_text(const char *before, const char *repeated, size_t size, const char *after)
{
    ra_buf b;
    size_t n;
    ra_buf_init(&b, size + 4096);
    ra_buf_add_z(&b, before);
    for (size_t i = 0; i < size / strlen(repeated); i++)
        ra_buf_add_z(&b, repeated);
    ra_buf_add_z(&b, after);
    assert_true(ra_buf_add_char(&b, '\0'));
    return ra_buf_take(&b, &n);
}

/* A mebibyte each: all of it is read, and only what the route takes is kept. */
static void long_query_strings(void **state)
{
    route_fixture *f = *state;
    static const char *const noise[] = {"&", "=", "a&", "x=1&", "%71%71=%zz&", "q%20=++++&", "r=%00&"};
    for (size_t i = 0; i < sizeof noise / sizeof *noise; i++) {
        char *target = long_text("/a/x/b?z&", noise[i], 1 << 20, "&q=last");
        route_get(f, target);
        assert_value(f, "query.q", "last");
        free(target);
    }
    char *target = long_text("/a/x/b?q=", "%e2%82%ac", 1 << 20, "");
    route_get(f, target);
    assert_int_equal(strlen(route_value(f, "query.q")), (1 << 20) / 9 * 3);
    free(target);
    target = long_text("/a/x/b?", "q&", 1 << 20, "");
    route_refused(f, RA_METHOD_GET, target, NULL, 400, "repeated_input");
    free(target);
}

static void long_bodies(void **state)
{
    route_fixture *f = *state;
    char *body = long_text("{\"x\":", "[", 1 << 20, "}");
    assert_post_refused(f, body, "malformed_json");
    free(body);
    body = long_text("{\"x\":[", "[],", 1 << 20, "[]],\"a\":\"here\"}");
    assert_int_equal(route_post(f, "/x", body), RA_ROUTE_OPEN);
    assert_value(f, "body.a", "here");
    free(body);
    body = long_text("{\"a\":\"", "\\u0041", 1 << 20, "\"}");
    assert_int_equal(route_post(f, "/x", body), RA_ROUTE_OPEN);
    assert_int_equal(strlen(route_value(f, "body.a")), (1 << 20) / 6);
    free(body);
    ra_buf many;
    ra_buf_init(&many, 4 << 20);
    for (int i = 0; i < 50000; i++)
        ra_buf_addf(&many, "%c\"m%d\":%d", i ? ',' : '{', i, i);
    ra_buf_add(&many, ",\"a\":\"here\"}", sizeof ",\"a\":\"here\"}"); /* with its zero */
    assert_int_equal(route_post(f, "/x", many.p), RA_ROUTE_OPEN);
    assert_value(f, "body.a", "here");
    ra_buf_free(&many);
}

/* Without memory a request is refused, at whichever allocation that is. */
static void no_memory(void **state)
{
    route_fixture *f = *state;
    char *target = long_text("/", "a", 700, "/x/b?q=%41%42&r[]=1");
    size_t refused = 0;
    for (size_t cap = 0; cap < 3000; cap += 8) {
        ra_arena_free(&f->arena);
        ra_arena_init(&f->arena, cap);
        route_headers(f, "X-Who", "me", NULL);
        enum ra_route_result r = route_open(f, RA_METHOD_GET, target, NULL);
        refused += r == RA_ROUTE_REFUSED;
        if (r == RA_ROUTE_REFUSED)
            assert_refusal(f, 503, "unavailable");
        else
            assert_int_equal(r, RA_ROUTE_OPEN);
    }
    assert_true(refused > 100 && refused < 3000 / 8);
    free(target);
    ra_arena_free(&f->arena);
    ra_arena_init(&f->arena, ROUTE_ARENA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),
        cmocka_unit_test(query_strings),
        cmocka_unit_test(refused_query_strings),
        cmocka_unit_test(headers),
        cmocka_unit_test(bodies),
        cmocka_unit_test(refused_bodies),
        cmocka_unit_test(content_types),
        cmocka_unit_test(what_is_made),
        cmocka_unit_test(long_query_strings),
        cmocka_unit_test(long_bodies),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
