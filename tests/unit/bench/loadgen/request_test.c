/* The bytes of requests. */
#include "bench/loadgen/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct fixture {
    ra_workload *w;
    ra_target target;
    ra_generator g;
    ra_request_maker m;
} fixture;

static void start(fixture *f, const char *text, const char *url, ra_credentials *c)
{
    ra_problems problems;
    char why[RA_TARGET_WHY_MAX];
    const ra_workload_changes unchanged = {.zipf = -1};
    f->w = ra_workload_read(text, strlen(text), "", &unchanged, &problems);
    ra_problems_print(&problems, "text", stdout);
    ra_problems_free(&problems);
    assert_non_null(f->w);
    assert_true(ra_target_parse(&f->target, url, why));
    assert_true(ra_generator_init(&f->g, f->w, 1, 0, 1));
    assert_true(ra_request_maker_init(&f->m, &f->target, "eu-west-1", c));
}

static void end(fixture *f)
{
    ra_request_maker_free(&f->m);
    ra_generator_free(&f->g);
    ra_workload_free(f->w);
}

static void expect(fixture *f, const char *wanted)
{
    ra_bytes b = ra_request_make(&f->m, &f->g, &f->w->operations[0], 1700000000000000);
    assert_non_null(b.p);
    if (!ra_bytes_eq_z(b, wanted))
        fail_msg("got\n%.*s\nnot\n%s", (int)b.n, b.p, wanted);
}

static void test_plain_http(void **state)
{
    fixture f;
    (void)state;
    start(&f, "{\"operations\":[{}]}", "http://127.0.0.1:81", NULL);
    expect(&f, "GET / HTTP/1.1\r\nHost: 127.0.0.1:81\r\n\r\n");
    end(&f);
    start(&f, "{\"operations\":[{}]}", "http://Example.org:80/a/b?c=d", NULL);
    expect(&f, "GET /a/b?c=d HTTP/1.1\r\nHost: example.org\r\n\r\n");
    end(&f);
    start(&f, "{\"keys\":9,\"operations\":[{\"path\":\"/x/{seq}\",\"headers\":{\"X-A\":\"b{seq:3}\"}}]}",
          "http://h/p", NULL);
    expect(&f, "GET /p/x/0 HTTP/1.1\r\nHost: h\r\nX-A: b000\r\n\r\n");
    expect(&f, "GET /p/x/1 HTTP/1.1\r\nHost: h\r\nX-A: b001\r\n\r\n");
    end(&f);
    start(&f, "{\"operations\":[{\"method\":\"POST\",\"body\":{\"a\":\"q\\\"{seq}\"}}]}", "http://h", NULL);
    expect(&f, "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n"
               "{\"a\":\"q\\\"0\"}");
    end(&f);
    start(&f,
          "{\"operations\":[{\"method\":\"PUT\",\"text\":\"{{\\n{seq}\",\"headers\":{\"content-type\":\"t/"
          "p\"}}]}",
          "http://h", NULL);
    expect(&f, "PUT / HTTP/1.1\r\nHost: h\r\ncontent-type: t/p\r\nContent-Length: 3\r\n\r\n{\n0");
    end(&f);
    start(&f, "{\"operations\":[{\"method\":\"DELETE\"}]}", "http://h", NULL);
    expect(&f, "DELETE / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    end(&f);
}

#define GET "{\"operations\":[{\"operation\":\"GetItem\",\"request\":{\"K\":\"{seq}\"}}]}"

static void test_unsigned_wire(void **state)
{
    fixture f;
    (void)state;
    start(&f, GET, "http://h:8000", NULL);
    expect(&f,
           "POST / HTTP/1.1\r\nContent-Type: application/x-amz-json-1.0\r\n"
           "X-Amz-Target: DynamoDB_20120810.GetItem\r\nHost: h:8000\r\n"
           "Authorization: AWS4-HMAC-SHA256 Credential=readaside/20260101/eu-west-1/dynamodb/aws4_request, "
           "SignedHeaders=host;x-amz-target, Signature=0000\r\nContent-Length: 9\r\n\r\n{\"K\":\"0\"}");
    end(&f);
}

/* The signature itself is compared with golden values in the tests of what makes it; here, that it is of this
 * request: what the signer says of the same body and second. */
static void test_signed_wire(void **state)
{
    fixture f;
    ra_buf lines;
    size_t n;
    (void)state;
    ra_credentials *c = ra_credentials_new("id", "secret", "token", INT64_MAX, "test");
    assert_non_null(c);
    start(&f, GET, "http://h:8000", c);
    ra_bytes b = ra_request_make(&f.m, &f.g, &f.w->operations[0], 1700000000000000);
    ra_buf_init(&lines, 100000);
    assert_true(ra_signer_sign(f.m.signer, c, 1700000000, RA_BYTES("h:8000"),
                               RA_BYTES("application/x-amz-json-1.0"), RA_BYTES("DynamoDB_20120810.GetItem"),
                               RA_BYTES("{\"K\":\"0\"}"), &lines, &n));
    assert_int_equal(n, 4);
    const char *line = lines.p;
    for (size_t i = 0; i < n; i++, line += strlen(line) + 1)
        assert_non_null(memmem(b.p, b.n, line, strlen(line)));
    ra_buf_free(&lines);
    end(&f);
    ra_credentials_unref(c);
}

static void test_what_never_changes_is_made_once_a_second(void **state)
{
    fixture f;
    (void)state;
    ra_credentials *c = ra_credentials_new("id", "secret", NULL, INT64_MAX, "test");
    assert_non_null(c);
    start(&f,
          "{\"table\":\"t\",\"operations\":[{\"operation\":\"GetItem\",\"request\":{\"T\":\"{table}\"}}]}",
          "http://h", c);
    const ra_operation *o = &f.w->operations[0];
    char *first = NULL;
    ra_bytes b = ra_request_make(&f.m, &f.g, o, 1700000000000000);
    size_t n = b.n;
    first = malloc(n);
    assert_non_null(first);
    memcpy(first, b.p, n);
    b = ra_request_make(&f.m, &f.g, o, 1700000000999999);
    assert_true(b.n == n && memcmp(b.p, first, n) == 0);
    b = ra_request_make(&f.m, &f.g, o, 1700000001000000);
    assert_true(b.n == n && memcmp(b.p, first, n) != 0); /* its date, and so its signature */
    free(first);
    end(&f);
    ra_credentials_unref(c);
}

static void test_too_large(void **state)
{
    fixture f;
    char text[4096];
    size_t n = (size_t)snprintf(text, sizeof text, "{\"operations\":[{\"method\":\"POST\",\"text\":\"");
    (void)state;
    for (int i = 0; i < 11; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "{random.%d:400000}", i);
    snprintf(text + n, sizeof text - n, "\"}]}");
    start(&f, text, "http://h", NULL);
    assert_null(ra_request_make(&f.m, &f.g, &f.w->operations[0], 1).p);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_http),  cmocka_unit_test(test_unsigned_wire),
        cmocka_unit_test(test_signed_wire), cmocka_unit_test(test_what_never_changes_is_made_once_a_second),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
