/* The JSON reader: what it takes and refuses, its tokens, and that no input costs more than it should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/json.h"

typedef struct sample {
    const char *p;
    size_t n;
    enum ra_json_result result;
} sample;

#define TEXT(literal, result)                                                                                \
    {                                                                                                        \
        (literal), sizeof(literal) - 1, (result)                                                             \
    }
#define OK   RA_JSON_OK
#define BAD  RA_JSON_SYNTAX
#define UTF8 RA_JSON_UTF8
#define DUP  RA_JSON_DUPLICATE

static const sample samples[] = {
    /* values */
    TEXT("{}", OK),
    TEXT("[]", OK),
    TEXT("\"\"", OK),
    TEXT("0", OK),
    TEXT("null", OK),
    TEXT("true", OK),
    TEXT("false", OK),
    TEXT(" \t\r\n[ 1 ,\n2 ]\r ", OK),
    TEXT("{\"a\":1}", OK),
    TEXT("{ \"a\" : { \"b\" : [ ] } , \"c\" : { } }", OK),
    TEXT("[[],[[]],{}]", OK),
    TEXT("[\"a\",1,true,false,null,{},[]]", OK),
    TEXT("{\"\":0}", OK),
    TEXT("{\"a\":{\"a\":{\"a\":1}}}", OK),
    TEXT("[{\"a\":1},{\"a\":1}]", OK),
    /* numbers */
    TEXT("[-0,0.0,-0.0e-0,1E1,1e+1,1e-1,10,123.456e789]", OK),
    TEXT("[123456789012345678901234567890123456789]", OK),
    TEXT("[0e99999999]", OK),
    TEXT("[01]", BAD),
    TEXT("[-01]", BAD),
    TEXT("[+1]", BAD),
    TEXT("[.5]", BAD),
    TEXT("[1.]", BAD),
    TEXT("[1.e1]", BAD),
    TEXT("[-]", BAD),
    TEXT("[--1]", BAD),
    TEXT("[1e]", BAD),
    TEXT("[1e+]", BAD),
    TEXT("[1e1.5]", BAD),
    TEXT("[0x1]", BAD),
    TEXT("[1_0]", BAD),
    TEXT("[1 0]", BAD),
    TEXT("[1a]", BAD),
    TEXT("[NaN]", BAD),
    TEXT("[nan]", BAD),
    TEXT("[Infinity]", BAD),
    TEXT("[-Infinity]", BAD),
    TEXT("-", BAD),
    TEXT("1.", BAD),
    TEXT("1e", BAD),
    TEXT("[\xef\xbc\x91]", BAD), /* a full-width 1 */
    /* structure */
    TEXT("", BAD),
    TEXT("  ", BAD),
    TEXT("{", BAD),
    TEXT("[", BAD),
    TEXT("}", BAD),
    TEXT("]", BAD),
    TEXT("[1", BAD),
    TEXT("[1,", BAD),
    TEXT("[1,]", BAD),
    TEXT("[,1]", BAD),
    TEXT("[1,,2]", BAD),
    TEXT("[,]", BAD),
    TEXT("[1 2]", BAD),
    TEXT("[1;2]", BAD),
    TEXT("[1]]", BAD),
    TEXT("[1}", BAD),
    TEXT("{\"a\":1]", BAD),
    TEXT("{\"a\"}", BAD),
    TEXT("{\"a\":}", BAD),
    TEXT("{\"a\":1,}", BAD),
    TEXT("{,\"a\":1}", BAD),
    TEXT("{\"a\" 1}", BAD),
    TEXT("{\"a\"::1}", BAD),
    TEXT("{\"a\":1 \"b\":2}", BAD),
    TEXT("{\"a\":1,,\"b\":2}", BAD),
    TEXT("{\"a\":1:2}", BAD),
    TEXT("{a:1}", BAD),
    TEXT("{1:1}", BAD),
    TEXT("{null:1}", BAD),
    TEXT("{'a':1}", BAD),
    TEXT("{[]:1}", BAD),
    TEXT("{\"a\"", BAD),
    TEXT("{\"a\":", BAD),
    TEXT("{\"a\":1", BAD),
    TEXT("{\"a\":1,", BAD),
    TEXT("{} {}", BAD),
    TEXT("{}x", BAD),
    TEXT("1 1", BAD),
    TEXT("{}\0", BAD),
    TEXT("\0{}", BAD),
    TEXT("{}#", BAD),
    TEXT("[1]//c", BAD),
    TEXT("/*c*/[1]", BAD),
    TEXT("[1\f]", BAD),
    TEXT("[1\v]", BAD),
    TEXT("[\xc2\xa0]", BAD),
    TEXT("\xef\xbb\xbf{}", BAD), /* byte order mark */
    TEXT("\xff\xfe{\0}\0", BAD), /* UTF-16 */
    /* words */
    TEXT("[True]", BAD),
    TEXT("[TRUE]", BAD),
    TEXT("[tru]", BAD),
    TEXT("[truE]", BAD),
    TEXT("[truee]", BAD),
    TEXT("nul", BAD),
    TEXT("[fals", BAD),
    TEXT("undefined", BAD),
    TEXT("[abc]", BAD),
    /* strings */
    TEXT("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", OK),
    TEXT("[\"\\u0000\\u001f\\u00e9\\u20AC\\uFFFF\"]", OK),
    TEXT("[\"a\x7f\"]", OK),
    TEXT("[\"/\"]", OK),
    TEXT("[\"\\x41\"]", BAD),
    TEXT("[\"\\a\"]", BAD),
    TEXT("[\"\\'\"]", BAD),
    TEXT("[\"\\0\"]", BAD),
    TEXT("[\"\\\0\"]", BAD),
    TEXT("[\"\\U0041\"]", BAD),
    TEXT("[\"\\u\"]", BAD),
    TEXT("[\"\\u004\"]", BAD),
    TEXT("[\"\\u00g1\"]", BAD),
    TEXT("[\"\\u 041\"]", BAD),
    TEXT("[\"\\u-041\"]", BAD),
    TEXT("[\"\\\"]", BAD),
    TEXT("[\"\\", BAD),
    TEXT("[\"\\u12", BAD),
    TEXT("[\"a", BAD),
    TEXT("[\"a]", BAD),
    TEXT("[a\"]", BAD),
    TEXT("['a']", BAD),
    TEXT("[\"a\nb\"]", BAD),
    TEXT("[\"a\tb\"]", BAD),
    TEXT("[\"a\0b\"]", BAD),
    TEXT("[\"a\x1f\"]", BAD),
    TEXT("[\"0123456789abcdef\x01\"]", BAD),
    TEXT("[\"a\" \"b\"]", BAD),
    /* surrogates */
    TEXT("[\"\\ud83d\\ude00\"]", OK),
    TEXT("[\"\\uDBFF\\uDFFF\"]", OK),
    TEXT("[\"\\ud800\"]", UTF8),
    TEXT("[\"\\udc00\"]", UTF8),
    TEXT("[\"\\ud800x\"]", UTF8),
    TEXT("[\"\\ud800\\n\"]", UTF8),
    TEXT("[\"\\ud800\\u0041\"]", UTF8),
    TEXT("[\"\\ud800\\ud800\"]", UTF8),
    TEXT("[\"\\udc00\\ud800\"]", UTF8),
    TEXT("[\"\\ud800\\udc0\"]", UTF8),
    TEXT("{\"\\ud800\":1}", UTF8),
    /* UTF-8 */
    TEXT("[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"]", OK),
    TEXT("[\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"]", OK),
    TEXT("[\"\xed\x9f\xbf\xee\x80\x80\"]", OK),
    TEXT("[\"\x80\"]", UTF8),
    TEXT("[\"\xbf\"]", UTF8),
    TEXT("[\"\xc0\x80\"]", UTF8),
    TEXT("[\"\xc1\xbf\"]", UTF8),
    TEXT("[\"\xc3\"]", UTF8),
    TEXT("[\"\xc3(\"]", UTF8),
    TEXT("[\"\xe0\x9f\xbf\"]", UTF8),
    TEXT("[\"\xe2\x82\"]", UTF8),
    TEXT("[\"\xe2(\xac\"]", UTF8),
    TEXT("[\"\xed\xa0\x80\"]", UTF8),
    TEXT("[\"\xed\xbf\xbf\"]", UTF8),
    TEXT("[\"\xf0\x8f\xbf\xbf\"]", UTF8),
    TEXT("[\"\xf0\x9f\x98\"]", UTF8),
    TEXT("[\"\xf4\x90\x80\x80\"]", UTF8),
    TEXT("[\"\xf5\x80\x80\x80\"]", UTF8),
    TEXT("[\"\xff\"]", UTF8),
    TEXT("[\"\xf0\x9f", UTF8),
    TEXT("{\"\xff\":1}", UTF8),
    /* duplicates, compared decoded, at every depth */
    TEXT("{\"a\":1,\"a\":1}", DUP),
    TEXT("{\"a\":1,\"b\":2,\"a\":3}", DUP),
    TEXT("{\"a\":1,\"\\u0061\":2}", DUP),
    TEXT("{\"\\u0061\":1,\"\\u0061\":2}", DUP),
    TEXT("{\"\\n\":1,\"\\u000a\":2}", DUP),
    TEXT("{\"\":1,\"\":2}", DUP),
    TEXT("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", DUP),
    TEXT("{\"\\u00e9\":1,\"\xc3\xa9\":2}", DUP),
    TEXT("[[{\"x\":{\"a\":1,\"a\":1}}]]", DUP),
    TEXT("{\"a\":1,\"A\":2}", OK),
    TEXT("{\"a\":1,\"a \":2}", OK),
    TEXT("{\"a\":1,\"a\\u0000\":2}", OK),
    TEXT("{\"a\":{\"b\":1},\"b\":1}", OK),
    TEXT("{\"\\\\u0061\":1,\"a\":2}", OK),
    TEXT("{\"\xc3\xa9\":1,\"e\xcc\x81\":2}", OK), /* not the same code points */
    TEXT("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":10,\"k\":11,"
         "\"l\":12,\"m\":13,\"e\":14}",
         DUP),
    TEXT("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":10,\"k\":11,"
         "\"l\":12,\"m\":13,\"\\u0065\":14}",
         DUP),
    TEXT("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":10,\"k\":11,"
         "\"l\":12,\"m\":13,\"n\":14}",
         OK),
};

/* The text in a block of its own, so that a sanitizer sees a read past its end. */
static enum ra_json_result parse_exactly(const char *p, size_t n, const ra_json_limits *limits)
{
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    if (n)
        memcpy(copy, p, n);
    ra_json j;
    size_t at = 0;
    enum ra_json_result r = ra_json_parse(&j, (ra_bytes){copy, n}, limits, &at);
    if (r == RA_JSON_OK)
        ra_json_free(&j);
    else
        assert_null(j.t);
    assert_true(at <= n);
    free(copy);
    return r;
}

static void takes_and_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        const ra_json_limits shallow = {.token_depth = 1};
        enum ra_json_result all = parse_exactly(samples[i].p, samples[i].n, NULL);
        enum ra_json_result top = parse_exactly(samples[i].p, samples[i].n, &shallow);
        if (all != samples[i].result || top != samples[i].result)
            fail_msg("%.*s: %d and %d, not %d", (int)samples[i].n, samples[i].p, (int)all, (int)top,
                     (int)samples[i].result);
    }
}

static ra_json parsed(const char *z)
{
    ra_json j;
    size_t at;
    assert_int_equal(ra_json_parse(&j, ra_bytes_z(z), NULL, &at), RA_JSON_OK);
    return j;
}

static void says_where(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum ra_json_result result;
        size_t at;
    } cases[] = {{"[1,x]", BAD, 3},        {"{\"a\":1,\"b\":2,\"a\":3}", DUP, 13},
                 {"[\"a\xff\"]", UTF8, 3}, {"[\"\\ud800\"]", UTF8, 2},
                 {"{\"a\":1} x", BAD, 8},  {"[1", BAD, 2},
                 {"{\"a\":01}", BAD, 6},   {"{\"\\u0061\":1,\"a\":2}", DUP, 12}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_json j;
        size_t at;
        assert_int_equal(ra_json_parse(&j, ra_bytes_z(cases[i].text), NULL, &at), cases[i].result);
        assert_int_equal(at, cases[i].at);
    }
    for (int r = RA_JSON_OK; r <= RA_JSON_NO_MEMORY; r++)
        assert_true(strcmp(ra_json_result_text((enum ra_json_result)r), "unknown") != 0);
}

static void tokens(void **state)
{
    (void)state;
    ra_json j = parsed(" {\"a\": [1, \"x\\n\", {\"b\":null}], \"c\":true} ");
    static const struct {
        uint32_t start, end, next;
        enum ra_json_type type;
        bool escaped;
    } want[] = {{1, 40, 10, RA_JSON_OBJECT, false}, {2, 5, 2, RA_JSON_STRING, false},
                {7, 29, 8, RA_JSON_ARRAY, false},   {8, 9, 4, RA_JSON_NUMBER, false},
                {11, 16, 5, RA_JSON_STRING, true},  {18, 28, 8, RA_JSON_OBJECT, false},
                {19, 22, 7, RA_JSON_STRING, false}, {23, 27, 8, RA_JSON_NULL, false},
                {31, 34, 9, RA_JSON_STRING, false}, {35, 39, 10, RA_JSON_TRUE, false}};
    assert_int_equal(j.n, 10);
    for (uint32_t i = 0; i < j.n; i++) {
        assert_int_equal(j.t[i].type, want[i].type);
        assert_int_equal(j.t[i].next, want[i].next);
        assert_int_equal(j.t[i].escaped, want[i].escaped);
        assert_false(j.t[i].shallow);
        assert_int_equal(j.t[i].start, want[i].start);
        assert_int_equal(j.t[i].end, want[i].end);
    }
    assert_true(ra_bytes_eq_z(ra_json_raw(&j, 5), "{\"b\":null}"));
    assert_true(ra_bytes_eq_z(ra_json_raw(&j, 0), "{\"a\": [1, \"x\\n\", {\"b\":null}], \"c\":true}"));
    assert_int_equal(ra_json_count(&j, 0), 2);
    assert_int_equal(ra_json_count(&j, 2), 3);
    assert_int_equal(ra_json_count(&j, 3), 0);
    ra_json_free(&j);
}

static void members(void **state)
{
    (void)state;
    ra_json j = parsed("{\"a\":1,\"\\u0062b\":[2],\"c\\u0000\":{\"a\":9},\"\":4}");
    assert_true(ra_bytes_eq_z(ra_json_raw(&j, ra_json_member(&j, 0, "a")), "1"));
    uint32_t list = ra_json_member(&j, 0, "bb");
    assert_true(ra_json_is(&j, list, RA_JSON_ARRAY));
    assert_int_equal(ra_json_member(&j, 0, "b"), RA_JSON_NONE);
    assert_int_equal(ra_json_member(&j, 0, "bbb"), RA_JSON_NONE);
    assert_int_equal(ra_json_member(&j, 0, "A"), RA_JSON_NONE);
    assert_int_equal(ra_json_member(&j, 0, "c"), RA_JSON_NONE);
    uint32_t c = ra_json_member_bytes(&j, 0, RA_BYTES("c\0"));
    assert_true(ra_json_is(&j, c, RA_JSON_OBJECT));
    assert_true(ra_bytes_eq_z(ra_json_raw(&j, ra_json_member(&j, c, "a")), "9"));
    assert_true(ra_bytes_eq_z(ra_json_raw(&j, ra_json_member(&j, 0, "")), "4"));
    assert_int_equal(ra_json_member(&j, list, "a"), RA_JSON_NONE);
    assert_int_equal(ra_json_member(&j, 999, "a"), RA_JSON_NONE);
    ra_json_free(&j);
}

static void strings(void **state)
{
    (void)state;
    ra_arena a;
    ra_arena_init(&a, 4096);
    ra_json j =
        parsed("[\"plain\",\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"\\u0000\\u00e9\\u20ac\\ud83d\\ude00z\",\"\",7]");
    ra_bytes s;
    assert_true(ra_json_string(&j, 1, &a, &s));
    assert_true(ra_bytes_eq_z(s, "plain"));
    assert_ptr_equal(s.p, j.text.p + 2); /* a view */
    assert_true(ra_json_string(&j, 2, &a, &s));
    assert_true(ra_bytes_eq_z(s, "\"\\/\b\f\n\r\t"));
    assert_true(ra_json_string(&j, 3, &a, &s));
    assert_true(ra_bytes_eq(s, RA_BYTES("\0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z")));
    assert_true(ra_json_string(&j, 4, &a, &s));
    assert_int_equal(s.n, 0);
    assert_false(ra_json_string(&j, 5, &a, &s));
    assert_true(ra_json_string_is(&j, 2, "\"\\/\b\f\n\r\t"));
    assert_false(ra_json_string_is(&j, 2, "\"\\/\b\f\n\r"));
    assert_false(ra_json_string_is(&j, 5, "7"));

    ra_buf b;
    ra_buf_init(&b, 4096);
    assert_true(ra_json_string_part(&j, 1, &b) && ra_json_string_part(&j, 3, &b) &&
                ra_json_string_part(&j, 4, &b));
    assert_true(
        ra_bytes_eq(ra_buf_bytes(&b), RA_BYTES("\5\0\0\0plain\013\0\0\0\0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98"
                                               "\x80z\0\0\0\0")));
    assert_false(ra_json_string_part(&j, 5, &b));
    ra_buf_free(&b);
    ra_arena_free(&a);

    ra_arena_init(&a, 0); /* no memory */
    assert_false(ra_json_string(&j, 2, &a, &s));
    ra_json_free(&j);
}

static void canonical_of(const char *z, ra_buf *out)
{
    ra_json j = parsed(z);
    ra_buf_init(out, 1 << 20);
    assert_true(ra_json_canonical(&j, 0, out));
    ra_json_free(&j);
}

static void canonical(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {{"{\"a\":1,\"b\":[true,null]}", " { \"b\" : [ true , null ] , \"\\u0061\" : 1 } ", true},
                 {"\"\\u00e9\"", "\"\xc3\xa9\"", true},
                 {"{\"x\":{\"q\":1,\"p\":2}}", "{\"x\":{\"p\":2,\"q\":1}}", true},
                 {"[1,2]", "[2,1]", false},
                 {"1", "1.0", false},
                 {"\"1\"", "1", false},
                 {"[\"a\",\"b\"]", "[\"ab\"]", false},
                 {"[\"ab\",\"\"]", "[\"a\",\"b\"]", false},
                 {"[[],[]]", "[[[]]]", false},
                 {"{}", "[]", false},
                 {"{\"a\":1}", "{\"A\":1}", false},
                 {"true", "\"t\"", false},
                 {"null", "false", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_buf a, b;
        canonical_of(cases[i].a, &a);
        canonical_of(cases[i].b, &b);
        assert_int_equal(ra_bytes_eq(ra_buf_bytes(&a), ra_buf_bytes(&b)), cases[i].same);
        ra_buf_free(&a);
        ra_buf_free(&b);
    }
}

static void sorted_members(void **state)
{
    (void)state;
    ra_json a = parsed("{\"x\":1,\"y\":2,\"\\u007a\":3}"), b = parsed("{\"z\":1,\"\\u0078\":2,\"y\":3}");
    uint32_t n, m, *v = ra_json_members_sorted(&a, 0, &n), *w = ra_json_members_sorted(&b, 0, &m);
    assert_int_equal(n, 3);
    assert_int_equal(m, 3);
    ra_arena arena;
    ra_arena_init(&arena, 4096);
    for (uint32_t i = 0; i < n; i++) {
        ra_bytes x = {0}, y = {0};
        assert_true(ra_json_string(&a, v[i], &arena, &x) && ra_json_string(&b, w[i], &arena, &y));
        assert_true(ra_bytes_eq(x, y));
    }
    ra_arena_free(&arena);
    free(v);
    free(w);
    assert_null(ra_json_members_sorted(&a, 1, &n));
    ra_json_free(&a);
    ra_json_free(&b);
}

static void token_depth(void **state)
{
    (void)state;
    const char *z = "{\"a\":{\"b\":{\"c\":1}},\"d\":[[2]],\"e\":{},\"f\":[],\"g\":7}";
    ra_json j;
    size_t at;
    ra_json_limits l = {.token_depth = 1};
    assert_int_equal(ra_json_parse(&j, ra_bytes_z(z), &l, &at), RA_JSON_OK);
    assert_int_equal(j.n, 11);
    uint32_t a = ra_json_member(&j, 0, "a"), e = ra_json_member(&j, 0, "e");
    assert_true(ra_bytes_eq_z(ra_json_raw(&j, a), "{\"b\":{\"c\":1}}"));
    assert_true(j.t[a].shallow && j.t[ra_json_member(&j, 0, "d")].shallow);
    assert_false(j.t[0].shallow || j.t[e].shallow || j.t[ra_json_member(&j, 0, "f")].shallow);
    assert_int_equal(ra_json_count(&j, a), 0);
    assert_int_equal(ra_json_member(&j, a, "b"), RA_JSON_NONE);
    assert_true(ra_bytes_eq_z(ra_json_raw(&j, ra_json_member(&j, 0, "g")), "7"));
    ra_buf b; /* what isn't known has no canonical form */
    ra_buf_init(&b, 4096);
    assert_false(ra_json_canonical(&j, 0, &b));
    ra_buf_free(&b);
    ra_json_free(&j);

    l.token_depth = 2;
    assert_int_equal(ra_json_parse(&j, ra_bytes_z(z), &l, &at), RA_JSON_OK);
    uint32_t inner = ra_json_member(&j, ra_json_member(&j, 0, "a"), "b");
    assert_true(j.t[inner].shallow);
    ra_json_free(&j);

    l.token_depth = 1; /* what isn't kept is checked all the same */
    assert_int_equal(ra_json_parse(&j, ra_bytes_z("{\"a\":{\"b\":{\"c\":1,\"\\u0063\":2}}}"), &l, &at), DUP);
    assert_int_equal(ra_json_parse(&j, ra_bytes_z("{\"a\":{\"b\":{\"c\":01}}}"), &l, &at), BAD);
    assert_int_equal(ra_json_parse(&j, ra_bytes_z("{\"a\":{\"b\":{\"c\":\"\xff\"}}}"), &l, &at), UTF8);
}

static char *repeated(const char *head, const char *unit, size_t times, const char *tail, size_t *n)
{
    size_t h = strlen(head), u = strlen(unit), t = strlen(tail);
    *n = h + u * times + t;
    char *p = malloc(*n);
    assert_non_null(p);
    memcpy(p, head, h);
    for (size_t i = 0; i < times; i++)
        memcpy(p + h + i * u, unit, u);
    memcpy(p + h + u * times, tail, t);
    return p;
}

static enum ra_json_result nested(char open, char close, size_t depth, unsigned max_depth)
{
    char *p = malloc(depth * 2);
    assert_non_null(p);
    memset(p, open, depth);
    memset(p + depth, close, depth);
    const ra_json_limits l = {.max_depth = max_depth, .max_tokens = 1u << 20};
    enum ra_json_result r = parse_exactly(p, depth * 2, &l);
    free(p);
    return r;
}

static void limits(void **state)
{
    (void)state;
    assert_int_equal(nested('[', ']', 256, 0), RA_JSON_OK);
    assert_int_equal(nested('[', ']', 257, 0), RA_JSON_TOO_DEEP);
    assert_int_equal(nested('[', ']', 10000, 0), RA_JSON_TOO_DEEP);
    assert_int_equal(nested('[', ']', 100000, 100000), RA_JSON_OK);
    assert_int_equal(nested('[', ']', 3, 3), RA_JSON_OK);
    assert_int_equal(nested('[', ']', 4, 3), RA_JSON_TOO_DEEP);

    ra_json_limits l = {.max_tokens = 4};
    assert_int_equal(parse_exactly("[1,2,3]", 7, &l), RA_JSON_OK);
    assert_int_equal(parse_exactly("[1,2,3,4]", 9, &l), RA_JSON_TOO_MANY);
    l = (ra_json_limits){.token_depth = 1, .max_tokens = 4}; /* only what is kept counts */
    assert_int_equal(parse_exactly("[[1,2,3],{\"a\":1},[4]]", 21, &l), RA_JSON_OK);

    size_t n; /* by default as many tokens as the densest attribute values have */
    char *p = repeated("{\"L\":[{\"L\":[]}", ",{\"L\":[]}", 100000, "]}", &n);
    assert_int_equal(parse_exactly(p, n, NULL), RA_JSON_OK);
    free(p);
    p = repeated("[1", ",1", 100000, "]", &n);
    assert_int_equal(parse_exactly(p, n, NULL), RA_JSON_TOO_MANY);
    free(p);
}

/* Names that all differ, written by `format` from a number. */
static char *wide_object(const char *format, unsigned count, const char *last, size_t *n)
{
    ra_buf b;
    ra_buf_init(&b, 64u << 20);
    ra_buf_add_char(&b, '{');
    for (unsigned i = 0; i < count; i++) {
        char name[128];
        int k = snprintf(name, sizeof name, format, i);
        ra_buf_add(&b, name, (size_t)k);
        ra_buf_add_z(&b, ":1,");
    }
    ra_buf_add_z(&b, last);
    ra_buf_add_z(&b, ":1}");
    assert_true(ra_buf_ok(&b));
    return ra_buf_take(&b, n);
}

/* Bodies of megabytes that would take minutes if anything here were quadratic. */
static void large(void **state)
{
    (void)state;
    const ra_json_limits many = {.max_tokens = 8u << 20};
    size_t n;
    char *p = wide_object("\"%x\"", 400000, "\"z\"", &n);
    assert_int_equal(parse_exactly(p, n, &many), RA_JSON_OK);
    free(p);
    p = wide_object("\"%x\"", 400000, "\"1ff\"", &n);
    assert_int_equal(parse_exactly(p, n, &many), DUP);
    free(p);
    p = wide_object("\"common_prefix_of_all_names_%u\"", 100000, "\"common_prefix_of_all_names\"", &n);
    assert_int_equal(parse_exactly(p, n, &many), RA_JSON_OK);
    free(p);
    p = wide_object("\"\\u0061\\u0062%u\"", 100000, "\"ab77777\"", &n);
    assert_int_equal(parse_exactly(p, n, &many), DUP);
    free(p);
    p = repeated("[", "[],", 1600000, "[]]", &n);
    assert_int_equal(parse_exactly(p, n, &many), RA_JSON_OK);
    free(p);
    p = repeated("[", "{\"a\":{\"b\":1}},", 300000, "{}]", &n); /* names of closed objects take no memory */
    const ra_json_limits top = {.token_depth = 1, .max_tokens = 1u << 20};
    assert_int_equal(parse_exactly(p, n, &top), RA_JSON_OK);
    free(p);
}

/* ---- fuzz: seeded, so that a failure can be had again ---- */

static uint64_t seed;

static uint32_t random_below(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16) % n;
}

static void generate(ra_buf *b, unsigned depth)
{
    static const char *const scalars[] = {
        "0",           "-1.5e3",       "true",  "null",  "\"\"",     "\"\\n\"", "\"abc\"",
        "\"\\u00e9\"", "\"\xc3\xa9\"", "false", "12345", "\"\\\\\"", "\"a b\"", "\"\\ud83d\\ude00\""};
    uint32_t kind = random_below(depth > 5 ? 1 : 3);
    if (kind == 0) {
        ra_buf_add_z(b, scalars[random_below(sizeof scalars / sizeof *scalars)]);
        return;
    }
    uint32_t n = random_below(5);
    ra_buf_add_char(b, kind == 1 ? '[' : '{');
    for (uint32_t i = 0; i < n; i++) {
        ra_buf_add_z(b, i ? ", " : random_below(2) ? " " : "");
        if (kind == 2)
            ra_buf_addf(b, random_below(3) ? "\"k%u\":" : "\"\\u006b%u\" :", random_below(9));
        generate(b, depth + 1);
    }
    ra_buf_add_char(b, kind == 1 ? ']' : '}');
}

/* Tokens nest, lie within their parents and end where they say. */
static void check_tokens(const ra_json *j, uint32_t token)
{
    const ra_json_token *t = &j->t[token];
    assert_true(t->start < t->end && t->end <= j->text.n && t->next > token && t->next <= j->n);
    bool object = t->type == RA_JSON_OBJECT;
    uint32_t from = t->start;
    for (uint32_t i = token + 1; i < t->next; i = j->t[object ? i + 1 : i].next) {
        assert_true(!object || j->t[i].type == RA_JSON_STRING);
        uint32_t value = object ? i + 1 : i;
        assert_true(j->t[i].start > from && j->t[value].end < t->end);
        from = j->t[value].end - 1;
        check_tokens(j, value);
    }
}

static void check_parsed(const ra_json *j, bool shallow)
{
    check_tokens(j, 0);
    ra_arena a;
    ra_arena_init(&a, 1 << 20);
    ra_buf b;
    ra_buf_init(&b, 1 << 20);
    for (uint32_t i = 0; i < j->n; i++) {
        ra_bytes s;
        if (!ra_json_is(j, i, RA_JSON_STRING))
            continue;
        assert_true(ra_json_string(j, i, &a, &s) && s.n <= ra_json_raw(j, i).n - 2);
        ra_buf_clear(&b); /* what was decoded and is printed again decodes to the same */
        assert_true(ra_buf_add_json_string(&b, s));
        ra_json again;
        size_t at;
        assert_int_equal(ra_json_parse(&again, ra_buf_bytes(&b), NULL, &at), RA_JSON_OK);
        ra_bytes twice;
        assert_true(ra_json_string(&again, 0, &a, &twice) && ra_bytes_eq(s, twice));
        ra_json_free(&again);
    }
    ra_buf_clear(&b);
    assert_true(ra_json_canonical(j, 0, &b) || shallow);
    ra_buf_free(&b);
    ra_arena_free(&a);
}

/* The same text with and without its deeper tokens: the same verdict at the same place. */
static void fuzz_one(ra_bytes text)
{
    char *copy = malloc(text.n ? text.n : 1);
    assert_non_null(copy);
    memcpy(copy, text.p, text.n);
    ra_json j, top;
    size_t at, at_top;
    ra_json_limits l = {.token_depth = 1 + random_below(3)};
    enum ra_json_result r = ra_json_parse(&j, (ra_bytes){copy, text.n}, NULL, &at);
    enum ra_json_result s = ra_json_parse(&top, (ra_bytes){copy, text.n}, &l, &at_top);
    assert_int_equal(r, s);
    assert_int_equal(at, at_top);
    if (r == RA_JSON_OK) {
        check_parsed(&j, false);
        check_parsed(&top, true);
        ra_json_free(&j);
        ra_json_free(&top);
    }
    free(copy);
}

static void mutate(ra_buf *b)
{
    static const char bytes[] = "{}[]\",:\\u0dDeE+-. \n\x01\xc3\xa9\xed\xa0\x80\xf4ntf19";
    uint32_t n = random_below(3);
    for (uint32_t i = 0; i < n && b->n > 0; i++) {
        size_t at = random_below((uint32_t)b->n);
        switch (random_below(3)) {
        case 0:
            b->p[at] = bytes[random_below(sizeof bytes - 1)];
            break;
        case 1:
            memmove(b->p + at, b->p + at + 1, b->n - at - 1);
            b->n--;
            break;
        default:
            b->n = at;
        }
    }
}

static void fuzz(void **state)
{
    (void)state;
    ra_buf b;
    ra_buf_init(&b, 1 << 20);
    for (uint64_t i = 1; i <= 20000; i++) {
        seed = i * UINT64_C(0x9e3779b97f4a7c15);
        ra_buf_clear(&b);
        generate(&b, 0);
        mutate(&b);
        fuzz_one(ra_buf_bytes(&b));
    }
    ra_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_and_refuses),
        cmocka_unit_test(says_where),
        cmocka_unit_test(tokens),
        cmocka_unit_test(members),
        cmocka_unit_test(strings),
        cmocka_unit_test(canonical),
        cmocka_unit_test(sorted_members),
        cmocka_unit_test(token_depth),
        cmocka_unit_test(limits),
        cmocka_unit_test(large),
        cmocka_unit_test(fuzz),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
