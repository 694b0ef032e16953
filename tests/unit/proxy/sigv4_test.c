/* Every stage of a signature against what botocore makes of the same request (sigv4_golden.py). */
#include "proxy/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

enum { BIG = 1 << 20, MAX_HEADERS = 16 };

static cJSON *golden;

static int read_golden(void **state)
{
    (void)state;
    FILE *f = fopen(READASIDE_SOURCE_DIR "/tests/unit/proxy/sigv4_golden.json", "rb");
    assert_non_null(f);
    char *text = calloc(1, BIG);
    size_t n = fread(text, 1, BIG - 1, f);
    assert_true(n > 0 && feof(f));
    fclose(f);
    golden = cJSON_ParseWithLength(text, n);
    free(text);
    assert_non_null(golden);
    return 0;
}

static int free_golden(void **state)
{
    (void)state;
    cJSON_Delete(golden);
    return 0;
}

static const char *member(const cJSON *c, const char *name)
{
    const char *z = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c, name));
    if (!z)
        fail_msg("the golden file lacks %s", name);
    return z;
}

static void assert_buf_is(const ra_buf *b, const cJSON *c, const char *name)
{
    assert_true(ra_buf_ok(b));
    char *z = calloc(1, b->n + 1);
    if (b->n)
        memcpy(z, b->p, b->n);
    if (strcmp(z, member(c, name)) != 0)
        print_message("case: %s\n", member(c, "name"));
    assert_string_equal(z, member(c, name));
    assert_int_equal(strlen(z), b->n);
    free(z);
}

static size_t headers_of(const cJSON *c, ra_signed_header out[MAX_HEADERS])
{
    size_t n = 0;
    const cJSON *h;
    cJSON_ArrayForEach(h, cJSON_GetObjectItemCaseSensitive(c, "headers"))
    {
        assert_true(n < MAX_HEADERS);
        out[n].name = ra_bytes_z(cJSON_GetStringValue(cJSON_GetArrayItem(h, 0)));
        out[n++].value = ra_bytes_z(cJSON_GetStringValue(cJSON_GetArrayItem(h, 1)));
    }
    return n;
}

static void check_stages(const cJSON *c)
{
    ra_signed_header headers[MAX_HEADERS];
    ra_sign_request r = {.method = ra_bytes_z(member(c, "method")),
                         .path = ra_bytes_z(member(c, "path")),
                         .query = ra_bytes_z(member(c, "query")),
                         .headers = headers,
                         .nheaders = headers_of(c, headers),
                         .body = ra_bytes_z(member(c, "body"))};
    ra_bytes date = ra_bytes_z(member(c, "date")), region = ra_bytes_z(member(c, "region"));
    ra_bytes service = ra_bytes_z(member(c, "service"));
    ra_buf canonical, names, to_sign, hex;
    ra_buf_init(&canonical, BIG);
    ra_buf_init(&names, BIG);
    ra_buf_init(&to_sign, BIG);
    ra_buf_init(&hex, BIG);
    assert_true(ra_sigv4_canonical_request(&r, &canonical, &names));
    assert_buf_is(&canonical, c, "canonical_request");
    assert_buf_is(&names, c, "signed_headers");
    assert_true(ra_sigv4_string_to_sign(date, region, service, ra_buf_bytes(&canonical), &to_sign));
    assert_buf_is(&to_sign, c, "string_to_sign");
    unsigned char key[32];
    assert_true(ra_sigv4_signing_key(member(c, "secret"), (ra_bytes){date.p, 8}, region, service, key));
    for (int i = 0; i < 32; i++)
        ra_buf_addf(&hex, "%02x", key[i]);
    assert_buf_is(&hex, c, "signing_key");
    char signature[RA_SHA256_HEX + 1];
    assert_true(ra_sigv4_signature(key, ra_buf_bytes(&to_sign), signature));
    assert_string_equal(signature, member(c, "signature"));
    ra_buf_free(&canonical);
    ra_buf_free(&names);
    ra_buf_free(&to_sign);
    ra_buf_free(&hex);
}

static void test_stages(void **state)
{
    (void)state;
    const cJSON *c, *all = cJSON_GetObjectItemCaseSensitive(golden, "stages");
    assert_true(cJSON_GetArraySize(all) > 20);
    cJSON_ArrayForEach(c, all)
    {
        check_stages(c);
    }
}

static ra_credentials *credentials_of(const cJSON *c)
{
    const cJSON *token = cJSON_GetObjectItemCaseSensitive(c, "token");
    ra_credentials *credentials = ra_credentials_new(member(c, "access_key_id"), member(c, "secret"),
                                                     cJSON_GetStringValue(token), INT64_MAX, "test");
    assert_non_null(credentials);
    return credentials;
}

static void check_lines(const cJSON *c, const ra_buf *out, size_t n)
{
    const cJSON *line, *lines = cJSON_GetObjectItemCaseSensitive(c, "lines");
    assert_int_equal(n, cJSON_GetArraySize(lines));
    size_t at = 0;
    cJSON_ArrayForEach(line, lines)
    {
        assert_true(at < out->n);
        assert_string_equal(out->p + at, cJSON_GetStringValue(line));
        at += strlen(out->p + at) + 1;
    }
    assert_int_equal(at, out->n);
}

static bool sign(ra_signer *s, ra_credentials *credentials, const cJSON *c, ra_buf *out, size_t *n)
{
    int64_t now = (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(c, "now"));
    return ra_signer_sign(s, credentials, now, ra_bytes_z(member(c, "host")),
                          ra_bytes_z(member(c, "content_type")), ra_bytes_z(member(c, "target")),
                          ra_bytes_z(member(c, "body")), out, n);
}

static void check_signed(ra_signer *s, ra_credentials *credentials, const cJSON *c)
{
    ra_buf out;
    size_t n;
    ra_buf_init(&out, BIG);
    assert_true(sign(s, credentials, c, &out, &n));
    check_lines(c, &out, n);
    ra_buf_free(&out);
}

static void test_signer(void **state)
{
    (void)state;
    const cJSON *c, *all = cJSON_GetObjectItemCaseSensitive(golden, "signed");
    assert_true(cJSON_GetArraySize(all) > 3);
    cJSON_ArrayForEach(c, all)
    {
        ra_signer *s = ra_signer_new(member(c, "region"), "dynamodb");
        ra_credentials *credentials = credentials_of(c);
        assert_non_null(s);
        check_signed(s, credentials, c);
        check_signed(s, credentials, c); /* with the key that was kept */
        ra_credentials_unref(credentials);
        ra_signer_free(s);
    }
}

static const cJSON *signed_case(const char *name)
{
    const cJSON *c;
    cJSON_ArrayForEach(c, cJSON_GetObjectItemCaseSensitive(golden, "signed"))
    {
        if (strcmp(member(c, "name"), name) == 0)
            return c;
    }
    fail_msg("the golden file lacks the case %s", name);
    return NULL;
}

/* One signer over midnight, and back, and over a change of credentials. */
static void test_kept_key_follows_day_and_credentials(void **state)
{
    (void)state;
    const cJSON *before = signed_case("last second of a day"),
                *after = signed_case("first second of the next");
    ra_signer *s = ra_signer_new("us-east-1", "dynamodb");
    ra_credentials *mine = credentials_of(before);
    ra_credentials *other =
        ra_credentials_new(member(before, "access_key_id"), "another", NULL, INT64_MAX, "test");
    ra_buf out;
    size_t n;
    ra_buf_init(&out, BIG);
    check_signed(s, mine, before);
    check_signed(s, mine, after);
    check_signed(s, mine, before);
    assert_true(sign(s, other, before, &out, &n)); /* same id, same day, another secret */
    const cJSON *lines = cJSON_GetObjectItemCaseSensitive(before, "lines");
    const char *authorization =
        cJSON_GetStringValue(cJSON_GetArrayItem(lines, cJSON_GetArraySize(lines) - 1));
    assert_null(memmem(out.p, out.n, authorization, strlen(authorization)));
    check_signed(s, mine, before);
    ra_buf_free(&out);
    ra_credentials_unref(mine);
    ra_credentials_unref(other);
    ra_signer_free(s);
}

/* Every cap on the way fails cleanly: false, and nothing leaks or crashes. */
static void test_no_room(void **state)
{
    (void)state;
    const cJSON *c = signed_case("token");
    ra_credentials *credentials = credentials_of(c);
    ra_signer *s = ra_signer_new(member(c, "region"), "dynamodb");
    ra_buf whole, out;
    size_t n;
    ra_buf_init(&whole, BIG);
    assert_true(sign(s, credentials, c, &whole, &n));
    for (size_t cap = 0; cap < whole.n; cap++) {
        ra_buf_init(&out, cap);
        assert_false(sign(s, credentials, c, &out, &n));
        ra_buf_free(&out);
    }
    ra_signed_header header = {RA_BYTES("host"), RA_BYTES("h")};
    ra_sign_request r = {.method = RA_BYTES("POST"),
                         .path = RA_BYTES("/a/../../b"),
                         .query = RA_BYTES("b&a=1"),
                         .headers = &header,
                         .nheaders = 1};
    ra_buf names;
    for (size_t cap = 0; cap < 80; cap++) {
        ra_buf_init(&out, cap);
        ra_buf_init(&names, BIG);
        assert_false(ra_sigv4_canonical_request(&r, &out, &names));
        ra_buf_free(&out);
        ra_buf_free(&names);
        ra_buf_init(&out, BIG);
        ra_buf_init(&names, cap < 3 ? cap : 3);
        assert_false(ra_sigv4_canonical_request(&r, &out, &names));
        ra_buf_free(&out);
        ra_buf_free(&names);
    }
    ra_buf_free(&whole);
    ra_signer_free(s);
    ra_credentials_unref(credentials);
}

static void test_secret_too_long(void **state)
{
    (void)state;
    char secret[2000];
    unsigned char key[32];
    memset(secret, 'x', sizeof secret);
    secret[sizeof secret - 1] = '\0';
    assert_false(ra_sigv4_signing_key(secret, RA_BYTES("20150830"), RA_BYTES("r"), RA_BYTES("s"), key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stages),
        cmocka_unit_test(test_signer),
        cmocka_unit_test(test_kept_key_follows_day_and_credentials),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_secret_too_long),
    };
    return cmocka_run_group_tests(tests, read_golden, free_golden);
}
