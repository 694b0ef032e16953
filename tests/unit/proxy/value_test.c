/* Attribute values. What counts as a number, and which texts are the same one, was taken from DynamoDB Local.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/value.h"

#define ONES_38   "11111111111111111111111111111111111111"
#define NINES_38  "99999999999999999999999999999999999999"
#define ZEROS_50  "00000000000000000000000000000000000000000000000000"
#define ZEROS_125 ZEROS_50 ZEROS_50 "0000000000000000000000000"

static const struct {
    const char *text, *canonical, *plain; /* canonical NULL: not a number for us */
} numbers[] = {
    {"1", "1e0", "1"},
    {"1.", "1e0", "1"},
    {"1.0", "1e0", "1"},
    {"01", "1e0", "1"},
    {"+1", "1e0", "1"},
    {"1e0", "1e0", "1"},
    {"1E+0", "1e0", "1"},
    {"1E-0", "1e0", "1"},
    {"10e-1", "1e0", "1"},
    {"0.1e1", "1e0", "1"},
    {"1" ZEROS_50 "e-50", "1e0", "1"},
    {"0." ZEROS_50 "1e51", "1e0", "1"},
    {"1e00000000000000000000000", "1e0", "1"},
    {ZEROS_125 "1", "1e0", "1"},
    {"-1", "-1e0", "-1"},
    {"-01.00", "-1e0", "-1"},
    {".5", "5e-1", "0.5"},
    {"+.5", "5e-1", "0.5"},
    {"-.50", "-5e-1", "-0.5"},
    {"1.50", "15e-1", "1.5"},
    {"150", "15e1", "150"},
    {"1e5", "1e5", "100000"},
    {"1E5", "1e5", "100000"},
    {"1e+05", "1e5", "100000"},
    {"1.e5", "1e5", "100000"},
    {"1e-5", "1e-5", "0.00001"},
    {"-5e-3", "-5e-3", "-0.005"},
    {"10.01", "1001e-2", "10.01"},
    {"100.5", "1005e-1", "100.5"},
    {"0", "0", "0"},
    {"-0", "0", "0"},
    {"+0", "0", "0"},
    {"00", "0", "0"},
    {"0.0", "0", "0"},
    {".0", "0", "0"},
    {"0.", "0", "0"},
    {"0e999", "0", "0"},
    {"0e-999", "0", "0"},
    {ZEROS_125, "0", "0"},
    {ONES_38, ONES_38 "e0", ONES_38},
    {ONES_38 "0", ONES_38 "e1", ONES_38 "0"},
    {ONES_38 "." ZEROS_50, ONES_38 "e0", ONES_38},
    {"1" ZEROS_125, "1e125", "1" ZEROS_125},
    {"1.0000000000000000000000000000000000001", "10000000000000000000000000000000000001e-37",
     "1.0000000000000000000000000000000000001"},
    {"9.9999999999999999999999999999999999999e125", NINES_38 "e88", NULL},
    {"1e-130", "1e-130", NULL},
    {"0.1e-129", "1e-130", NULL},
    {"1.25e-130", "125e-132", NULL},
    {"12e-131", "12e-131", NULL},
    {"-1e125", "-1e125", "-1" ZEROS_125},
    {"0.1e126", "1e125", "1" ZEROS_125},
    /* outside what can be stored */
    {"1" ONES_38, NULL, NULL},
    {NINES_38 "9", NULL, NULL},
    {"1.00000000000000000000000000000000000001", NULL, NULL},
    {"1" ZEROS_50 "1", NULL, NULL},
    {"1e126", NULL, NULL},
    {"-1e126", NULL, NULL},
    {"10e125", NULL, NULL},
    {"1e-131", NULL, NULL},
    {"9.9e-131", NULL, NULL},
    {"0.1e-130", NULL, NULL},
    {"1e99999999999", NULL, NULL},
    {"1e-99999999999999999999999999", NULL, NULL},
    {"0e99999999999", NULL, NULL},
    /* no numbers */
    {"", NULL, NULL},
    {".", NULL, NULL},
    {"+", NULL, NULL},
    {"-", NULL, NULL},
    {"e5", NULL, NULL},
    {".e5", NULL, NULL},
    {"-e5", NULL, NULL},
    {"1e", NULL, NULL},
    {"1e+", NULL, NULL},
    {"1e+-1", NULL, NULL},
    {"1e1.0", NULL, NULL},
    {"1e 5", NULL, NULL},
    {"--1", NULL, NULL},
    {"+-1", NULL, NULL},
    {"1-", NULL, NULL},
    {"1..0", NULL, NULL},
    {"1.0.0", NULL, NULL},
    {" 1", NULL, NULL},
    {"1 ", NULL, NULL},
    {"\t1", NULL, NULL},
    {"1\n", NULL, NULL},
    {"\xc2\xa0"
     "1",
     NULL, NULL},
    {"0x10", NULL, NULL},
    {"0x1p3", NULL, NULL},
    {"1_0", NULL, NULL},
    {"1,0", NULL, NULL},
    {"1d", NULL, NULL},
    {"1f", NULL, NULL},
    {"1L", NULL, NULL},
    {"NaN", NULL, NULL},
    {"Infinity", NULL, NULL},
    {"-Infinity", NULL, NULL},
    {"1/2", NULL, NULL},
    {"1:", NULL, NULL},
    /* DynamoDB Local takes these as 1, 10 and 1e1; a key that we can't read is unknown */
    {"\xef\xbc\x91", NULL, NULL},
    {"1\xd9\xa0", NULL, NULL},
    {"1e\xef\xbc\x91", NULL, NULL},
};

static void number_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char out[RA_NUMBER_TEXT_MAX], plain[RA_NUMBER_PLAIN_MAX];
        size_t n = 0;
        bool ok = ra_number_canonical(ra_bytes_z(numbers[i].text), out, &n);
        const char *want = numbers[i].canonical;
        if (ok != (want != NULL) || (ok && !ra_bytes_eq_z((ra_bytes){out, n}, want)))
            fail_msg("'%s' gave '%.*s'", numbers[i].text, ok ? (int)n : 0, out);
        if (!ok)
            continue;
        /* plain text is the same number, and where the table has it, it is that text */
        size_t m = ra_number_plain((ra_bytes){out, n}, plain);
        assert_true(m <= sizeof plain);
        char again[RA_NUMBER_TEXT_MAX];
        size_t k;
        assert_true(ra_number_canonical((ra_bytes){plain, m}, again, &k));
        assert_true(ra_bytes_eq((ra_bytes){out, n}, (ra_bytes){again, k}));
        if (numbers[i].plain)
            assert_true(ra_bytes_eq_z((ra_bytes){plain, m}, numbers[i].plain));
    }
    char out[RA_NUMBER_TEXT_MAX];
    size_t n;
    assert_false(ra_number_canonical(RA_BYTES("1\0"), out, &n));
    assert_false(ra_number_canonical((ra_bytes){NULL, 0}, out, &n));
}

static uint32_t seed = 2463534242u;

static uint32_t random_below(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % n;
}

/* The same number written in many ways: leading and trailing zeros, the point anywhere, the exponent to
 * match. */
static void same_number_written_anew(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char digits[40], text[256], out[2][RA_NUMBER_TEXT_MAX];
        size_t n[2], nd = 1 + random_below(38);
        for (size_t i = 0; i < nd; i++)
            digits[i] = (char)('0' + random_below(10));
        digits[0] = (char)('1' + random_below(9));
        digits[nd] = 0;
        int exponent = (int)random_below(160) - 80;
        bool negative = random_below(2);
        for (int way = 0; way < 2; way++) {
            size_t point = random_below((uint32_t)nd + 1), trailing = random_below(4);
            int e = exponent + (int)(nd - point);
            snprintf(text, sizeof text, "%s%.*s%.*s.%s%.*sE%s%d",
                     negative          ? "-"
                     : random_below(2) ? "+"
                                       : "",
                     (int)random_below(4), "0000", (int)point, digits, digits + point, (int)trailing, "0000",
                     e >= 0 && random_below(2) ? "+" : "", e);
            assert_true(ra_number_canonical(ra_bytes_z(text), out[way], &n[way]));
        }
        assert_true(ra_bytes_eq((ra_bytes){out[0], n[0]}, (ra_bytes){out[1], n[1]}));
        /* another last digit is another number */
        digits[nd - 1] = digits[nd - 1] == '9' ? '8' : '9';
        snprintf(text, sizeof text, "%s%se%d", negative ? "-" : "", digits, exponent);
        assert_true(ra_number_canonical(ra_bytes_z(text), out[1], &n[1]));
        assert_false(ra_bytes_eq((ra_bytes){out[0], n[0]}, (ra_bytes){out[1], n[1]}));
    }
}

static void random_number_bytes(void **state)
{
    (void)state;
    static const char bytes[] = "0123456789.-+eE00 x\xef";
    for (int round = 0; round < 50000; round++) {
        size_t n = random_below(12), k;
        char *text = malloc(n ? n : 1), out[RA_NUMBER_TEXT_MAX];
        assert_non_null(text);
        for (size_t i = 0; i < n; i++)
            text[i] = bytes[random_below(sizeof bytes - 1)];
        if (ra_number_canonical((ra_bytes){text, n}, out, &k))
            assert_true(k > 0 && k <= RA_NUMBER_TEXT_MAX);
        free(text);
    }
}

static void base64_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        ra_bytes bytes;
        bool ok;
    } cases[] = {
        {"", {"", 0}, true},
        {"QQ==", {"A", 1}, true},
        {"QUI=", {"AB", 2}, true},
        {"QUJD", {"ABC", 3}, true},
        {"QUJDRA==", {"ABCD", 4}, true},
        {"+/+/", {"\xfb\xff\xbf", 3}, true},
        {"AAAA", {"\0\0\0", 3}, true},
        {"/w==", {"\xff", 1}, true},
        /* taken by DynamoDB Local, unknown here */
        {"QR==", {NULL, 0}, false},
        {"QUJ=", {NULL, 0}, false},
        {" QUJD", {NULL, 0}, false},
        {"QUJD\n", {NULL, 0}, false},
        {"QQ==QQ==", {NULL, 0}, false},
        /* refused by it too */
        {"QQ=", {NULL, 0}, false},
        {"QQ", {NULL, 0}, false},
        {"Q", {NULL, 0}, false},
        {"Q===", {NULL, 0}, false},
        {"====", {NULL, 0}, false},
        {"==", {NULL, 0}, false},
        {"=", {NULL, 0}, false},
        {"QU JD", {NULL, 0}, false},
        {"Q=Q=", {NULL, 0}, false},
        {"QQ=A", {NULL, 0}, false},
        {"=QQQ", {NULL, 0}, false},
        {"-_-_", {NULL, 0}, false},
        {"QUJD!", {NULL, 0}, false},
        {"!!!!", {NULL, 0}, false},
        {"QUJDQ", {NULL, 0}, false},
        {"\xc3\x81QJ", {NULL, 0}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_arena a;
        ra_arena_init(&a, 4096);
        ra_bytes out;
        if (ra_base64_decode(ra_bytes_z(cases[i].text), &a, &out) != cases[i].ok)
            fail_msg("'%s'", cases[i].text);
        ra_bytes back;
        if (cases[i].ok) {
            assert_true(ra_bytes_eq(out, cases[i].bytes));
            assert_true(ra_base64_encode(out, &a, &back) && ra_bytes_eq_z(back, cases[i].text));
        }
        ra_arena_free(&a);
    }
}

static void base64_there_and_back(void **state)
{
    (void)state;
    for (int round = 0; round < 5000; round++) {
        char bytes[64];
        size_t n = random_below(sizeof bytes);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)random_below(256);
        ra_arena a;
        ra_arena_init(&a, 4096);
        ra_bytes text, back;
        assert_true(ra_base64_encode((ra_bytes){bytes, n}, &a, &text));
        assert_true(ra_base64_decode(text, &a, &back));
        assert_true(ra_bytes_eq(back, (ra_bytes){bytes, n}));
        ra_arena_free(&a);
    }
}

static ra_json parsed(const char *z)
{
    ra_json j;
    size_t at;
    assert_int_equal(ra_json_parse(&j, ra_bytes_z(z), NULL, &at), RA_JSON_OK);
    return j;
}

static void scalars(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        char type;
        ra_bytes bytes;
        const char *text;
    } cases[] = {
        {"{\"S\":\"x\"}", 'S', {"x", 1}, "x"},
        {"{\"S\":\"\"}", 'S', {"", 0}, ""},
        {"{\"\\u0053\":\"\\u00e9\"}", 'S', {"\xc3\xa9", 2}, "\xc3\xa9"},
        {"{\"N\":\"1.50e2\"}", 'N', {"15e1", 4}, "150"},
        {"{\"N\":\"\\u0031\"}", 'N', {"1e0", 3}, "1"},
        {"{\"N\":\"-0\"}", 'N', {"0", 1}, "0"},
        {"{\"B\":\"QUI=\"}", 'B', {"AB", 2}, "QUI="},
        {"{\"B\":\"QUI\\u003d\"}", 'B', {"AB", 2}, "QUI="},
        /* DynamoDB Local takes some of these; here each is unknown */
        {"{\"S\":5}", 0, {NULL, 0}, NULL},
        {"{\"S\":true}", 0, {NULL, 0}, NULL},
        {"{\"S\":null}", 0, {NULL, 0}, NULL},
        {"{\"N\":5}", 0, {NULL, 0}, NULL},
        {"{\"S\":\"x\",\"N\":null}", 0, {NULL, 0}, NULL},
        {"{\"S\":\"x\",\"Foo\":1}", 0, {NULL, 0}, NULL},
        {"{\"S\":\"x\",\"N\":\"1\"}", 0, {NULL, 0}, NULL},
        {"{\"N\":\"x\"}", 0, {NULL, 0}, NULL},
        {"{\"B\":\"QQ\"}", 0, {NULL, 0}, NULL},
        {"{\"B\":[]}", 0, {NULL, 0}, NULL},
        {"{\"s\":\"x\"}", 0, {NULL, 0}, NULL},
        {"{\"SS\":[\"x\"]}", 0, {NULL, 0}, NULL},
        {"{\"BOOL\":true}", 0, {NULL, 0}, NULL},
        {"{}", 0, {NULL, 0}, NULL},
        {"[]", 0, {NULL, 0}, NULL},
        {"\"S\"", 0, {NULL, 0}, NULL},
        {"null", 0, {NULL, 0}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_arena a;
        ra_arena_init(&a, 4096);
        ra_json j = parsed(cases[i].json);
        ra_scalar s;
        bool ok = ra_scalar_read(&j, 0, &a, &s);
        if (ok != (cases[i].type != 0))
            fail_msg("%s", cases[i].json);
        ra_bytes text;
        if (ok) {
            assert_int_equal(s.type, cases[i].type);
            assert_true(ra_bytes_eq(s.bytes, cases[i].bytes));
            assert_true(ra_scalar_text(&s, &a, &text) && ra_bytes_eq_z(text, cases[i].text));
        }
        ra_json_free(&j);
        ra_arena_free(&a);
    }
}

static void scalar_parts(void **state)
{
    (void)state;
    ra_buf b;
    ra_buf_init(&b, 256);
    assert_true(ra_scalar_key_parts(&(ra_scalar){RA_SCALAR_N, RA_BYTES("1e0")}, &b));
    assert_true(ra_bytes_eq(ra_buf_bytes(&b), RA_BYTES("\1\0\0\0N\3\0\0\0"
                                                       "1e0")));
    ra_buf_free(&b);
    ra_buf_init(&b, 4);
    assert_false(ra_scalar_key_parts(&(ra_scalar){RA_SCALAR_S, RA_BYTES("x")}, &b));
    ra_buf_free(&b);
}

static bool canonical_of(const char *z, bool map, ra_buf *out)
{
    ra_arena a;
    ra_arena_init(&a, 1 << 20);
    ra_buf_init(out, 1 << 20);
    ra_json j = parsed(z);
    bool ok = map ? ra_value_map_canonical(&j, 0, &a, out) : ra_value_canonical(&j, 0, &a, out);
    ra_json_free(&j);
    ra_arena_free(&a);
    return ok;
}

static void canonical_values(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"{\"S\":\"\\u0061\"}", "{ \"S\" : \"a\" }", true},
        {"{\"N\":\"1.0\"}", "{\"N\":\"1\"}", true},
        {"{\"N\":\"1\"}", "{\"N\":\"10\"}", false},
        {"{\"S\":\"1\"}", "{\"N\":\"1\"}", false},
        {"{\"B\":\"QQ==\"}", "{\"B\":\"\\u0051Q==\"}", true},
        {"{\"B\":\"QQ==\"}", "{\"S\":\"A\"}", false},
        {"{\"M\":{\"a\":{\"N\":\"1\"},\"b\":{\"S\":\"x\"}}}",
         "{\"M\":{\"b\":{\"S\":\"x\"},\"a\":{\"N\":\"1e0\"}}}", true},
        {"{\"M\":{\"a\":{\"S\":\"x\"}}}", "{\"M\":{\"A\":{\"S\":\"x\"}}}", false},
        {"{\"L\":[{\"N\":\"1\"},{\"NULL\":true}]}", "{\"L\":[{\"N\":\"1.\"},{\"NULL\":true}]}", true},
        {"{\"L\":[{\"N\":\"1\"},{\"N\":\"2\"}]}", "{\"L\":[{\"N\":\"2\"},{\"N\":\"1\"}]}", false},
        {"{\"L\":[]}", "{\"M\":{}}", false},
        {"{\"L\":[{\"L\":[]}]}", "{\"L\":[{\"L\":[]},{\"L\":[]}]}", false},
        {"{\"SS\":[\"a\",\"b\"]}", "{\"SS\":[\"ab\"]}", false},
        {"{\"SS\":[\"1\"]}", "{\"NS\":[\"1\"]}", false},
        {"{\"NS\":[\"1\",\"2.0\"]}", "{\"NS\":[\"1.0\",\"2\"]}", true},
        {"{\"BS\":[\"QQ==\"]}", "{\"BS\":[\"Qg==\"]}", false},
        {"{\"BOOL\":true}", "{\"BOOL\":false}", false},
        {"{\"BOOL\":true}", "{\"NULL\":true}", false},
        {"{\"S\":\"\"}", "{\"B\":\"\"}", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_buf a, b;
        assert_true(canonical_of(cases[i].a, false, &a) && canonical_of(cases[i].b, false, &b));
        assert_int_equal(ra_bytes_eq(ra_buf_bytes(&a), ra_buf_bytes(&b)), cases[i].same);
        ra_buf_free(&a);
        ra_buf_free(&b);
    }
    ra_buf a, b;
    assert_true(canonical_of("{\"pk\":{\"S\":\"x\"},\"sk\":{\"N\":\"1\"}}", true, &a));
    assert_true(canonical_of("{\"sk\":{\"N\":\"01\"},\"pk\":{\"S\":\"x\"}}", true, &b));
    assert_true(ra_bytes_eq(ra_buf_bytes(&a), ra_buf_bytes(&b)));
    ra_buf_free(&a);
    ra_buf_free(&b);
}

static void no_values(void **state)
{
    (void)state;
    static const char *const cases[] = {"{}",
                                        "[]",
                                        "1",
                                        "null",
                                        "{\"X\":1}",
                                        "{\"S\":1}",
                                        "{\"N\":\"\"}",
                                        "{\"N\":1}",
                                        "{\"B\":\"Q\"}",
                                        "{\"M\":[]}",
                                        "{\"L\":{}}",
                                        "{\"L\":[1]}",
                                        "{\"SS\":{}}",
                                        "{\"SS\":[1]}",
                                        "{\"NS\":[\"x\"]}",
                                        "{\"BS\":[\"!\"]}",
                                        "{\"BOOL\":1}",
                                        "{\"BOOL\":\"true\"}",
                                        "{\"NULL\":false}",
                                        "{\"NULL\":null}",
                                        "{\"S\":\"a\",\"N\":\"1\"}",
                                        "{\"M\":{\"a\":1}}",
                                        "{\"L\":[{\"S\":\"x\"},{}]}",
                                        "{\"\":\"\"}",
                                        "{\"XS\":[]}",
                                        "{\"S.\":\"x\"}"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_buf b;
        if (canonical_of(cases[i], false, &b))
            fail_msg("%s", cases[i]);
        ra_buf_free(&b);
    }
}

static void nesting_is_capped(void **state)
{
    (void)state;
    for (int depth = RA_VALUE_DEPTH - 2; depth <= RA_VALUE_DEPTH + 2; depth++) {
        ra_buf z, out;
        ra_buf_init(&z, 1 << 16);
        for (int i = 1; i < depth; i++)
            ra_buf_add_z(&z, "{\"L\":[");
        ra_buf_add_z(&z, "{\"S\":\"x\"}");
        for (int i = 1; i < depth; i++)
            ra_buf_add_z(&z, "]}");
        ra_buf_add_char(&z, 0);
        assert_true(ra_buf_ok(&z));
        assert_int_equal(canonical_of(z.p, false, &out), depth <= RA_VALUE_DEPTH);
        ra_buf_free(&z);
        ra_buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(number_texts),
        cmocka_unit_test(same_number_written_anew),
        cmocka_unit_test(random_number_bytes),
        cmocka_unit_test(base64_texts),
        cmocka_unit_test(base64_there_and_back),
        cmocka_unit_test(scalars),
        cmocka_unit_test(scalar_parts),
        cmocka_unit_test(canonical_values),
        cmocka_unit_test(no_values),
        cmocka_unit_test(nesting_is_capped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
