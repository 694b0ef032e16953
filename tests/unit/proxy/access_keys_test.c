/* The file of access keys: what is taken, and what is told of one that isn't. */
#include "tests/unit/cache/refusing_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/buf.h"
#include "proxy/access_keys.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define ONE "{\"access_key_id\":\"AKID1\",\"secret_access_key\":\"SECRET-OF-ONE\"}"

static ra_access_keys *parse(const char *text)
{
    char why[RA_ACCESS_KEYS_WHY_MAX];
    ra_access_keys *k = ra_access_keys_parse(ra_bytes_z(text), "keys.jsonc", why);
    if (!k)
        fail_msg("%s: %s", text, why);
    assert_string_equal(why, "");
    return k;
}

static const ra_access_key *find(const ra_access_keys *k, const char *id)
{
    return ra_access_keys_find(k, ra_bytes_z(id));
}

static void test_a_whole_file(void **state)
{
    (void)state;
    ra_access_keys *k = parse(
        "\xef\xbb\xbf// clients\n{ \"keys\": [ /* the\nfirst */\n"
        " { \"access_key_id\": \"Zed_1\", \"secret_access_key\": \"a/b+c=\\u0041//\", \"read_only\": true,\n"
        "   \"tables\": [\"orders\", \"users-*\"], \"operations\": [\"GetItem\", \"Batch*\"] },\n"
        " { \"secret_access_key\": \"2\", \"access_key_id\": \"A\", \"read_only\": false, \"tables\": [] }\n"
        "] }\r\n");
    assert_int_equal(ra_access_keys_count(k), 2);
    const ra_access_key *z = find(k, "Zed_1"), *a = find(k, "A");
    assert_string_equal(z->id, "Zed_1");
    assert_string_equal(z->secret, "a/b+c=A//");
    assert_true(z->read_only);
    assert_int_equal(z->tables->n, 2);
    assert_string_equal(z->tables->v[0], "orders");
    assert_string_equal(z->tables->v[1], "users-*");
    assert_int_equal(z->operations->n, 2);
    assert_string_equal(z->operations->v[1], "Batch*");
    assert_string_equal(a->secret, "2");
    assert_false(a->read_only);
    assert_int_equal(a->tables->n, 0); /* none, which isn't all */
    assert_null(a->operations);
    ra_access_keys_unref(k);
    ra_access_keys_unref(NULL);
}

static void test_finding(void **state)
{
    (void)state;
    ra_buf text;
    ra_buf_init(&text, 4 << 20);
    for (int i = 0; i < RA_ACCESS_KEYS_MAX; i++)
        ra_buf_addf(&text, "%s{\"access_key_id\":\"K%d\",\"secret_access_key\":\"s%d\"}",
                    i ? "," : "{\"keys\":[", (i * 7919) % RA_ACCESS_KEYS_MAX, i);
    ra_buf_add(&text, "]}", 3);
    ra_access_keys *k = parse(text.p);
    assert_int_equal(ra_access_keys_count(k), RA_ACCESS_KEYS_MAX);
    for (int i = 0; i < RA_ACCESS_KEYS_MAX; i++) {
        char id[20], secret[20];
        snprintf(id, sizeof id, "K%d", (i * 7919) % RA_ACCESS_KEYS_MAX);
        snprintf(secret, sizeof secret, "s%d", i);
        assert_string_equal(find(k, id)->secret, secret);
    }
    static const char *const not_there[] = {"", "K", "K10000", "k1", "K1 ", "K01", "J", "L", "K1\n"};
    for (size_t i = 0; i < sizeof not_there / sizeof *not_there; i++)
        assert_null(find(k, not_there[i]));
    assert_null(ra_access_keys_find(k, (ra_bytes){"K1\0", 3}));
    assert_non_null(ra_access_keys_find(k, (ra_bytes){"K12345678", 2}));
    ra_access_keys_unref(k);
    ra_buf_free(&text);
}

static void test_an_empty_set(void **state)
{
    (void)state;
    ra_access_keys *k = parse("{\"keys\":[]}");
    assert_int_equal(ra_access_keys_count(k), 0);
    assert_null(find(k, "A"));
    assert_null(find(k, ""));
    ra_access_keys_unref(k);
}

static void test_serials_are_never_given_twice(void **state)
{
    (void)state;
    static const char text[] = "{\"keys\":[" ONE ",{\"access_key_id\":\"A\",\"secret_access_key\":\"b\"}]}";
    ra_access_keys *first = parse(text), *second = parse(text);
    const uint64_t serials[] = {find(first, "A")->serial, find(first, "AKID1")->serial,
                                find(second, "A")->serial, find(second, "AKID1")->serial};
    for (size_t i = 0; i < 4; i++) {
        assert_true(serials[i] > 0);
        for (size_t j = 0; j < i; j++)
            assert_true(serials[i] != serials[j]);
    }
    ra_access_keys_unref(first);
    ra_access_keys_unref(second);
}

static void test_references(void **state)
{
    (void)state;
    ra_access_keys *k = parse("{\"keys\":[" ONE "]}");
    assert_ptr_equal(ra_access_keys_ref(k), k);
    ra_access_keys_unref(k);
    assert_string_equal(find(k, "AKID1")->secret, "SECRET-OF-ONE");
    ra_access_keys_unref(k);
}

/* ---- what isn't taken ---- */

#define KEY(members)  "{\"keys\":[{" members "}]}"
#define MORE(member)  KEY("\"access_key_id\":\"A\",\"secret_access_key\":\"SECRET\"," member)
#define MEMBERS       "access_key_id, secret_access_key, read_only, tables, operations"
#define ID_CHARACTERS "1 to 128 characters of ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

static const struct {
    const char *text, *why; /* what it begins with */
} wrong[] = {
    {"", "keys.jsonc:1: not valid JSON"},
    {"\n\n[", "keys.jsonc:3: not valid JSON"},
    {"{\"keys\":[]}x", "keys.jsonc:1: not valid JSON"},
    {"{\"keys\":[],}", "keys.jsonc:1: not valid JSON"},
    {"{\n/* {\"keys\":[]}\n", "keys.jsonc:2: the comment that begins here isn't closed"},
    {"[]", "keys.jsonc:1: the file is an object: {\"keys\": [ ... ]}"},
    {"{}", "keys.jsonc:1: keys; accepted: an array of objects"},
    {"{\"keys\":\n{}}", "keys.jsonc:2: keys; accepted: an array of objects"},
    {"{\"keys\":null}", "keys.jsonc:1: keys; accepted: an array of objects"},
    {"{\"keys\":[],\n\"more\":1}", "keys.jsonc:2: unknown member \"more\"; accepted: keys"},
    {"{\"Keys\":[]}", "keys.jsonc:1: unknown member \"Keys\"; accepted: keys"},
    {"{\"keys\":[],\n\"keys\":[]}", "keys.jsonc:2: a member name occurs twice in one object"},
    {"{\"keys\":[\n1]}", "keys.jsonc:2: a key is an object"},
    {"{\"keys\":[\n[]]}", "keys.jsonc:2: a key is an object"},
    {"{\"keys\":[{}]}", "keys.jsonc:1: this key lacks its access_key_id"},
    {"{\"keys\":[" ONE ",\n{\"secret_access_key\":\"x\"}]}",
     "keys.jsonc:2: this key lacks its access_key_id"},
    {KEY("\"access_key_id\":\"A\""), "keys.jsonc:1: this key lacks its secret_access_key"},
    {MORE("\n\"Tables\":[]"), "keys.jsonc:2: unknown member \"Tables\"; accepted: " MEMBERS},
    {MORE("\n\"a\\u0000b\":[]"), "keys.jsonc:2: unknown member \"a\"; accepted: " MEMBERS},
    {MORE("\"read_only\":true,\n\"read_only\":false"),
     "keys.jsonc:2: a member name occurs twice in one object"},
    {MORE("\n\"read_only\":null"), "keys.jsonc:2: read_only; accepted: true or false"},
    {MORE("\"read_only\":\"true\""), "keys.jsonc:1: read_only; accepted: true or false"},
    {MORE("\"tables\":null"), "keys.jsonc:1: tables: not an array of strings"},
    {MORE("\"tables\":\"*\""), "keys.jsonc:1: tables: not an array of strings"},
    {MORE("\"tables\":[\"a\",\n1]"), "keys.jsonc:2: tables: not a string"},
    {MORE("\"tables\":[\"\"]"), "keys.jsonc:1: tables; accepted: 1 to 255 characters of "},
    {MORE("\"tables\":[\"arn:aws:dynamodb:eu-west-1:1:table/t\"]"),
     "keys.jsonc:1: tables; accepted: 1 to 255 "},
    {MORE("\"tables\":[\"a b\"]"), "keys.jsonc:1: tables; accepted: 1 to 255 "},
    {MORE("\"tables\":[\"a\\u0000*\"]"), "keys.jsonc:1: tables; accepted: 1 to 255 "},
    {MORE("\"operations\":[\"dynamodb:GetItem\"]"), "keys.jsonc:1: operations; accepted: 1 to 255 "},
    {MORE("\"operations\":{}"), "keys.jsonc:1: operations: not an array of strings"},
    {KEY("\"access_key_id\":\"\",\"secret_access_key\":\"x\""),
     "keys.jsonc:1: access_key_id; accepted: " ID_CHARACTERS},
    {KEY("\"access_key_id\":\"SECRET/\",\"secret_access_key\":\"x\""),
     "keys.jsonc:1: access_key_id; accepted: "},
    {KEY("\"access_key_id\":\"A\\u0000B\",\"secret_access_key\":\"x\""),
     "keys.jsonc:1: access_key_id; accepted: "},
    {KEY("\"access_key_id\":1,\"secret_access_key\":\"x\""), "keys.jsonc:1: access_key_id: not a string"},
    {KEY("\"access_key_id\":\"A\",\n\"secret_access_key\":\"\""),
     "keys.jsonc:2: secret_access_key; accepted: 1 to 512 bytes without control characters"},
    {KEY("\"access_key_id\":\"A\",\"secret_access_key\":\"SECRET\\n\""),
     "keys.jsonc:1: secret_access_key; accepted: "},
    {KEY("\"access_key_id\":\"A\",\"secret_access_key\":\"SECRET\\u0000\""),
     "keys.jsonc:1: secret_access_key; accepted: "},
    {KEY("\"access_key_id\":\"A\",\"secret_access_key\":null"),
     "keys.jsonc:1: secret_access_key: not a string"},
    {"{\"keys\":[{\"access_key_id\":\"SAME\",\"secret_access_key\":\"1\"}," ONE
     ",\n{\"access_key_id\":\"SAME\",\"secret_access_key\":\"2\"}]}",
     "keys.jsonc:2: another key of this file has the same access_key_id"},
    {"{\"keys\":[" ONE ",\n" ONE "]}", "keys.jsonc:2: another key of this file has the same access_key_id"},
    {"{\"keys\":[\"\xff\"]}", "keys.jsonc:1: not valid UTF-8, or a lone surrogate"},
};

static void expect_refusal(ra_bytes text, const char *begins)
{
    char why[RA_ACCESS_KEYS_WHY_MAX];
    memset(why, 'x', sizeof why);
    if (ra_access_keys_parse(text, "keys.jsonc", why))
        fail_msg("taken: %.*s", (int)text.n, text.p);
    if (strncmp(why, begins, strlen(begins)) != 0)
        fail_msg("%s, not %s", why, begins);
    assert_null(strstr(why, "SECRET"));
    assert_null(strstr(why, "SAME"));
}

static void test_what_is_wrong_is_told_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t n = strlen(wrong[i].text);
        char *exact = malloc(n ? n : 1); /* so that a sanitizer sees a read past the end */
        memcpy(exact, wrong[i].text, n);
        expect_refusal((ra_bytes){exact, n}, wrong[i].why);
        free(exact);
    }
}

/* `n` times `one` between `first` and `last`. */
static char *repeated(const char *first, const char *one, size_t n, const char *last)
{
    ra_buf text;
    size_t len;
    ra_buf_init(&text, 2 * (size_t)RA_ACCESS_KEYS_FILE_MAX);
    ra_buf_add_z(&text, first);
    for (size_t i = 0; i < n; i++)
        ra_buf_add_z(&text, one);
    ra_buf_add(&text, last, strlen(last) + 1);
    assert_true(ra_buf_ok(&text));
    return ra_buf_take(&text, &len);
}

static void expect_size(const char *first, const char *one, size_t most, const char *last, const char *why)
{
    char *fits = repeated(first, one, most, last), *more = repeated(first, one, most + 1, last);
    ra_access_keys_unref(parse(fits));
    expect_refusal(ra_bytes_z(more), why);
    free(fits);
    free(more);
}

static void test_limits(void **state)
{
    (void)state;
    expect_size("{\"keys\":[{\"access_key_id\":\"", "A", 128, "\",\"secret_access_key\":\"x\"}]}",
                "keys.jsonc:1: access_key_id; accepted: ");
    expect_size("{\"keys\":[{\"access_key_id\":\"A\",\"secret_access_key\":\"", "s", 512, "\"}]}",
                "keys.jsonc:1: secret_access_key; accepted: ");
    expect_size("{\"keys\":[{\"access_key_id\":\"A\",\"secret_access_key\":\"x\",\"tables\":[\"", "t", 255,
                "\"]}]}", "keys.jsonc:1: tables; accepted: ");
    expect_size("{\"keys\":[{\"access_key_id\":\"A\",\"secret_access_key\":\"x\",\"tables\":[", "\"t\",", 999,
                "\"t\"]}]}", "keys.jsonc:1: tables: too many; accepted: at most 1000");
    expect_size("{\"keys\":[]}", " ", RA_ACCESS_KEYS_FILE_MAX - 11, "", "keys.jsonc: the file is too large");
    char *many = repeated("{\"keys\":[", "{},", RA_ACCESS_KEYS_MAX, "{}]}");
    expect_refusal(ra_bytes_z(many), "keys.jsonc:1: too many keys; accepted: at most 10000");
    free(many);
    char *deep = repeated("{\"keys\":[{\"tables\":", "[", 100000, "");
    expect_refusal(ra_bytes_z(deep), "keys.jsonc:1: nested too deeply");
    free(deep);
}

/* ---- the file ---- */

static char path[] = "/tmp/readaside-keys-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    static const char text[] = "{\"keys\":[\n" ONE "]}";
    bool ok = fd >= 0 && write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1;
    return ok && close(fd) == 0 ? 0 : -1;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

/* What is written to stderr meanwhile. */
static ra_access_keys *load(char why[RA_ACCESS_KEYS_WHY_MAX], char said[1024])
{
    int ends[2], before = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    fflush(stderr);
    dup2(ends[1], STDERR_FILENO);
    ra_access_keys *k = ra_access_keys_load(path, why);
    dup2(before, STDERR_FILENO);
    close(before);
    close(ends[1]);
    ssize_t n = read(ends[0], said, 1023);
    close(ends[0]);
    said[n > 0 ? n : 0] = '\0';
    return k;
}

static void test_a_file(void **state)
{
    (void)state;
    char why[RA_ACCESS_KEYS_WHY_MAX], said[1024];
    static const mode_t quiet[] = {0400, 0600, 0640, 0660};
    for (size_t i = 0; i < sizeof quiet / sizeof *quiet; i++) {
        assert_int_equal(chmod(path, quiet[i]), 0);
        ra_access_keys *k = load(why, said);
        assert_non_null(k);
        assert_string_equal(said, "");
        assert_string_equal(find(k, "AKID1")->secret, "SECRET-OF-ONE");
        ra_access_keys_unref(k);
    }
    assert_int_equal(chmod(path, 0644), 0);
    ra_access_keys *k = load(why, said);
    assert_non_null(k);
    assert_non_null(strstr(said, "warning"));
    assert_non_null(strstr(said, path));
    assert_null(strstr(said, "SECRET"));
    ra_access_keys_unref(k);
}

static void test_a_file_that_is_not_there(void **state)
{
    (void)state;
    char why[RA_ACCESS_KEYS_WHY_MAX];
    assert_null(ra_access_keys_load("/nowhere/keys.jsonc", why));
    assert_string_equal(why, "/nowhere/keys.jsonc: No such file or directory");
    assert_null(ra_access_keys_load("/tmp", why));
    assert_string_equal(why, "/tmp: it isn't a regular file");
}

#ifndef OWN_ALLOCATOR
static void test_without_memory(void **state)
{
    (void)state;
    static const char text[] =
        "{\"keys\":[" ONE ",{\"access_key_id\":\"B\",\"secret_access_key\":\"\\u0041\","
        "\"tables\":[\"a\",\"\\u0062\"],\"operations\":[\"*\"]}]}";
    unsigned taken = 0, lacked = 0;
    for (int i = 0; i < 2000; i++) {
        char why[RA_ACCESS_KEYS_WHY_MAX];
        refuse_one_in = 20;
        ra_access_keys *k = ra_access_keys_parse(ra_bytes_z(text), "f", why);
        refuse_one_in = 0;
        if (k)
            assert_int_equal(ra_access_keys_count(k), 2);
        else
            assert_non_null(strstr(why, "out of memory"));
        taken += k != NULL;
        lacked += k == NULL;
        ra_access_keys_unref(k);
    }
    assert_true(taken > 0 && lacked > 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_file),
        cmocka_unit_test(test_finding),
        cmocka_unit_test(test_an_empty_set),
        cmocka_unit_test(test_serials_are_never_given_twice),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_what_is_wrong_is_told_with_its_line),
        cmocka_unit_test(test_limits),
        cmocka_unit_test_setup_teardown(test_a_file, make_file, remove_file),
        cmocka_unit_test(test_a_file_that_is_not_there),
#ifndef OWN_ALLOCATOR
        cmocka_unit_test(test_without_memory),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
