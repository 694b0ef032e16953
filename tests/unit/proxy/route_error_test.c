/* DynamoDB's errors as a route's client sees them; refusals' bodies. */
#include "route_fixture.h"

#include "proxy/route_parts.h"

static ra_arena arena;

static int setup(void **state)
{
    (void)state;
    ra_arena_init(&arena, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ra_arena_free(&arena);
    return 0;
}

static void check(int status, const char *body, int expected, const char *code)
{
    ra_route_refusal r;
    memset(&r, 0xa5, sizeof r);
    ra_route_error(status, ra_bytes_z(body), &arena, &r);
    if (r.status != expected || strcmp(r.code, code) != 0)
        fail_msg("%d %s is %d %s", status, body, r.status, r.code);
    assert_true((r.retry_after != NULL) == (expected == 503));
    assert_null(r.codes);
    assert_null(r.allow);
    assert_false(r.close);
    assert_non_null(r.message);
    if (expected != 400) /* what DynamoDB says is the operator's business */
        assert_null(strstr(r.message, "secret"));
}

#define ERROR(type) "{\"__type\":\"com.amazonaws.dynamodb.v20120810#" type "\",\"message\":\"secret\"}"

static void errors(void **state)
{
    (void)state;
    check(400, ERROR("ValidationException"), 400, "invalid_request");
    check(400, "{\"__type\":\"com.amazon.coral.validate#ValidationException\"}", 400, "invalid_request");
    check(400, "{\"__type\":\"ValidationException\"}", 400, "invalid_request");
    check(400, ERROR("ConditionalCheckFailedException"), 409, "conflict");
    check(400, ERROR("TransactionCanceledException"), 409, "conflict");
    check(400, ERROR("TransactionConflictException"), 409, "conflict");
    check(400, ERROR("TransactionInProgressException"), 409, "conflict");
    check(400, ERROR("IdempotentParameterMismatchException"), 409, "conflict");
    check(400, ERROR("ProvisionedThroughputExceededException"), 503, "throttled");
    check(400, ERROR("ThrottlingException"), 503, "throttled");
    check(400, ERROR("RequestLimitExceeded"), 503, "throttled");
    check(503, ERROR("ThrottlingException"), 503, "throttled");
    check(503, ERROR("ServiceUnavailable"), 503, "unavailable");
    check(500, ERROR("ServiceUnavailable"), 503, "unavailable");
    check(503, ERROR("Whatever"), 503, "unavailable");
    check(503, "<html>", 503, "unavailable");
    check(500, ERROR("InternalServerError"), 503, "unavailable");
    check(502, "", 503, "unavailable");
    check(400, ERROR("ResourceNotFoundException"), 502, "upstream_error");
    check(400, ERROR("AccessDeniedException"), 502, "upstream_error");
    check(400, ERROR("UnrecognizedClientException"), 502, "upstream_error");
    check(400, ERROR("ItemCollectionSizeLimitExceededException"), 502, "upstream_error");
    check(400, "{\"__type\":\"com.amazon.coral.service#SerializationException\"}", 502, "upstream_error");
    check(400, ERROR("ValidationExceptionX"), 502, "upstream_error");
    check(400, ERROR("validationexception"), 502, "upstream_error");
}

static void bodies_that_are_none(void **state)
{
    (void)state;
    static const char *const bodies[] = {"\"ValidationException\"",
                                         "[\"ValidationException\"]",
                                         "",
                                         "x",
                                         "{",
                                         "[]",
                                         "5",
                                         "{}",
                                         "{\"__type\":5}",
                                         "{\"__type\":\"\"}",
                                         "{\"__type\":\"#\"}",
                                         "{\"__type\":\"a#\"}",
                                         "{\"message\":\"secret\"}",
                                         "{\"__type\":\"ValidationException\",\"__type\":\"x\"}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        check(400, bodies[i], 502, "upstream_error");
        check(500, bodies[i], 503, "unavailable");
        check(503, bodies[i], 503, "unavailable");
    }
}

#define CANCELLED(reasons)                                                                                   \
    "{\"__type\":\"com.amazonaws.dynamodb.v20120810#TransactionCanceledException\",\"Message\":\"why\","     \
    "\"CancellationReasons\":" reasons "}"
#define REASON(code) "{\"Code\":\"" code "\",\"Message\":\"x\",\"Item\":{\"a\":{\"S\":\"x\"}}}"

static void cancelled_transactions(void **state)
{
    (void)state;
    check(400, CANCELLED("[" REASON("None") "," REASON("ConditionalCheckFailed") "]"), 409, "conflict");
    check(400, CANCELLED("[" REASON("TransactionConflict") "," REASON("None") "]"), 409, "conflict");
    check(400, CANCELLED("[" REASON("ValidationError") "," REASON("ConditionalCheckFailed") "]"), 409,
          "conflict");
    check(400, CANCELLED("[" REASON("ThrottlingError") "," REASON("TransactionConflict") "]"), 409,
          "conflict");
    check(400, CANCELLED("[" REASON("None") "," REASON("ValidationError") "]"), 400, "invalid_request");
    check(400, CANCELLED("[" REASON("ThrottlingError") "," REASON("ValidationError") "]"), 400,
          "invalid_request");
    check(400, CANCELLED("[{\"Code\":\"None\"}," REASON("ThrottlingError") "]"), 503, "throttled");
    check(400, CANCELLED("[" REASON("ProvisionedThroughputExceeded") "]"), 503, "throttled");
    check(400, CANCELLED("[" REASON("SomethingNew") "," REASON("ThrottlingError") "]"), 409, "conflict");
    check(400, CANCELLED("[{}]"), 409, "conflict");
    check(400, CANCELLED("[5]"), 409, "conflict");
    check(400, CANCELLED("[]"), 409, "conflict");
    check(400, CANCELLED("null"), 409, "conflict");
}

static const char *message_for(const char *body)
{
    ra_route_refusal r;
    ra_route_error(400, ra_bytes_z(body), &arena, &r);
    return r.message;
}

static void validation_is_told_in_dynamodbs_words(void **state)
{
    (void)state;
    assert_string_equal(message_for(ERROR("ValidationException")), "secret");
    assert_string_equal(message_for("{\"__type\":\"x#ValidationException\",\"Message\":\"a\\n\\\"b\\\"\"}"),
                        "a\n\"b\"");
    assert_string_equal(
        message_for("{\"__type\":\"x#ValidationException\",\"message\":\"\",\"Message\":\"M\"}"), "M");
    const char *none = message_for("{\"__type\":\"x#ValidationException\"}");
    assert_true(*none);
    assert_string_equal(message_for("{\"__type\":\"x#ValidationException\",\"message\":5}"), none);
    assert_string_equal(message_for("{\"__type\":\"x#ValidationException\",\"message\":\"a\\u0000b\"}"), "a");
}

/* DynamoDB repeats what it doesn't like, and that may be long. */
static void a_long_message_is_cut_between_characters(void **state)
{
    (void)state;
    static char body[8192];
    for (size_t shift = 0; shift < 3; shift++) {
        size_t n = (size_t)snprintf(
            body, sizeof body, "{\"__type\":\"x#ValidationException\",\"message\":\"%.*s", (int)shift, "ab");
        for (size_t i = 0; i < 1000; i++)
            n += (size_t)snprintf(body + n, sizeof body - n, "€");
        snprintf(body + n, sizeof body - n, "\"}");
        const char *message = message_for(body);
        size_t length = strlen(message);
        assert_in_range(length, 1000, 1024);
        assert_int_equal((length - shift) % 3, 0);
        assert_true(ra_route_utf8(ra_bytes_z(message)));
    }
}

static void assert_body(const ra_route_refusal *r, const char *expected)
{
    ra_buf out;
    ra_buf_init(&out, 4096);
    assert_true(ra_route_refusal_body(r, &out));
    assert_true(ra_bytes_eq_z(ra_buf_bytes(&out), expected));
    size_t n = out.n;
    ra_buf_free(&out);
    for (size_t cap = 0; cap < n; cap++) {
        ra_buf_init(&out, cap);
        assert_false(ra_route_refusal_body(r, &out));
        ra_buf_free(&out);
    }
}

static void refusal_bodies(void **state)
{
    (void)state;
    static const char *const codes[] = {"message_blank", "a\"b"};
    ra_route_refusal r;
    assert_false(ra_route_refuse(&r, 404, "not_found", "no \"such\"\n"));
    assert_body(&r, "{\"code\":\"not_found\",\"message\":\"no \\\"such\\\"\\n\"}");
    r.codes = codes;
    r.ncodes = 1;
    assert_body(&r, "[\"message_blank\"]");
    r.ncodes = 2;
    assert_body(&r, "[\"message_blank\",\"a\\\"b\"]");
}

static void refusals(void **state)
{
    (void)state;
    ra_route_refusal r;
    ra_arena none;
    ra_arena_init(&none, 0);
    assert_false(ra_route_refuse_at(&r, 400, "c", "body.x", "it is wrong", &arena));
    assert_string_equal(r.message, "body.x: it is wrong");
    assert_null(r.retry_after);
    assert_false(ra_route_refuse_at(&r, 400, "c", "body.x", "it is wrong", &none));
    assert_string_equal(r.code, "c");
    assert_true(*r.message);
    assert_false(ra_route_refuse_memory(&r));
    assert_int_equal(r.status, 503);
    assert_string_equal(r.retry_after, "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors),
        cmocka_unit_test(bodies_that_are_none),
        cmocka_unit_test(cancelled_transactions),
        cmocka_unit_test(validation_is_told_in_dynamodbs_words),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
        cmocka_unit_test(refusal_bodies),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
