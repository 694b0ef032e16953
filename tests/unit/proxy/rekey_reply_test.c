/* What replies mean for a record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/rekey_reply.h"

static ra_http_reply *reply(int status, const char *body)
{
    ra_http_reply *r = ra_http_reply_new();
    assert_non_null(r);
    r->status = status;
    r->body = strdup(body);
    r->len = strlen(body);
    return r;
}

static enum ra_rekey_fate fate(ra_http_reply *r, char error[256])
{
    ra_buf b;
    ra_buf_init(&b, 4096);
    enum ra_rekey_fate got = ra_rekey_fate_of("the proxy", r, &b);
    snprintf(error, 256, "%.*s", (int)b.n, b.n ? b.p : "");
    ra_buf_free(&b);
    ra_http_reply_unref(r);
    return got;
}

#define ERROR(type) "{\"__type\":\"com.amazonaws.dynamodb.v20120810#" type "\",\"message\":\"m\"}"
#define REASONS(list)                                                                                        \
    "{\"__type\":\"com.amazonaws.dynamodb.v20120810#TransactionCanceledException\",\"Message\":\"m\","       \
    "\"CancellationReasons\":[" list "]}"
#define CODE(c) "{\"Code\":\"" c "\"}"

static void fates(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int status;
        enum ra_rekey_fate fate;
    } cases[] = {
        {"{}", 200, RA_REKEY_WENT},
        {ERROR("ValidationException"), 400, RA_REKEY_REFUSED},
        {ERROR("ItemCollectionSizeLimitExceededException"), 400, RA_REKEY_REFUSED},
        {"too large", 413, RA_REKEY_REFUSED},
        {ERROR("ProvisionedThroughputExceededException"), 400, RA_REKEY_LATER},
        {ERROR("ThrottlingException"), 400, RA_REKEY_LATER},
        {ERROR("AccessDeniedException"), 400, RA_REKEY_LATER},
        {ERROR("ExpiredTokenException"), 400, RA_REKEY_LATER},
        {ERROR("ResourceNotFoundException"), 400, RA_REKEY_LATER},
        {"<html>", 403, RA_REKEY_LATER},
        {"{\"__type\":\"x#ValidationException\",\"message\":\"\xff\"}", 400, RA_REKEY_LATER},
        {ERROR("InternalServerError"), 500, RA_REKEY_LATER},
        {ERROR("ServiceUnavailable"), 503, RA_REKEY_LATER},
        {"", 503, RA_REKEY_LATER},
        {ERROR("TransactionConflictException"), 400, RA_REKEY_CHANGED},
        {ERROR("TransactionInProgressException"), 400, RA_REKEY_CHANGED},
        {REASONS(CODE("ConditionalCheckFailed") "," CODE("None")), 400, RA_REKEY_CHANGED},
        {REASONS(CODE("TransactionConflict") "," CODE("None")), 400, RA_REKEY_CHANGED},
        {REASONS(CODE("None") "," CODE("TransactionConflict")), 400, RA_REKEY_CHANGED},
        {REASONS(CODE("None") "," CODE("ConditionalCheckFailed")), 400, RA_REKEY_REFUSED},
        {REASONS(CODE("ConditionalCheckFailed") "," CODE("ConditionalCheckFailed")), 400, RA_REKEY_CHANGED},
        {REASONS(CODE("None") "," CODE("ValidationError")), 400, RA_REKEY_REFUSED},
        {REASONS(CODE("None") "," CODE("ItemCollectionSizeLimitExceeded")), 400, RA_REKEY_REFUSED},
        {REASONS(CODE("ThrottlingError") "," CODE("None")), 400, RA_REKEY_LATER},
        {REASONS(CODE("ConditionalCheckFailed") "," CODE("ProvisionedThroughputExceeded")), 400,
         RA_REKEY_LATER},
        {REASONS(CODE("None") "," CODE("AccessDenied")), 400, RA_REKEY_LATER},
        {REASONS(CODE("ResourceNotFound") "," CODE("None")), 400, RA_REKEY_LATER},
        {REASONS("{}," CODE("ValidationError")), 400, RA_REKEY_REFUSED},
        {REASONS(""), 400, RA_REKEY_REFUSED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char error[256];
        enum ra_rekey_fate got = fate(reply(cases[i].status, cases[i].body), error);
        if (got != cases[i].fate || (*error == '\0') != (got == RA_REKEY_WENT))
            fail_msg("%s: %d, '%s'", cases[i].body, got, error);
    }
}

static void of_no_reply_nothing_is_known(void **state)
{
    (void)state;
    static const enum ra_http_result results[] = {RA_HTTP_NOT_SENT, RA_HTTP_TIMEOUT, RA_HTTP_CUT,
                                                  RA_HTTP_TOO_LARGE, RA_HTTP_NO_MEMORY};
    char error[256];
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        ra_http_reply *r = reply(0, "");
        r->result = results[i];
        snprintf(r->error, sizeof r->error, "what libcurl says");
        assert_int_equal(fate(r, error), RA_REKEY_LATER);
        assert_non_null(strstr(error, "the proxy"));
    }
    assert_int_equal(fate(NULL, error), RA_REKEY_LATER);
    assert_string_equal(error, "out of memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fates),
        cmocka_unit_test(of_no_reply_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
