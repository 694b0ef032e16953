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
        int status;
        const char *body;
        enum ra_rekey_fate fate;
    } cases[] = {
        {200, "{}", RA_REKEY_WENT},
        {400, ERROR("ValidationException"), RA_REKEY_REFUSED},
        {400, ERROR("ItemCollectionSizeLimitExceededException"), RA_REKEY_REFUSED},
        {413, "too large", RA_REKEY_REFUSED},
        {400, ERROR("ProvisionedThroughputExceededException"), RA_REKEY_LATER},
        {400, ERROR("ThrottlingException"), RA_REKEY_LATER},
        {400, ERROR("AccessDeniedException"), RA_REKEY_LATER},
        {400, ERROR("ExpiredTokenException"), RA_REKEY_LATER},
        {400, ERROR("ResourceNotFoundException"), RA_REKEY_LATER},
        {403, "<html>", RA_REKEY_LATER},
        {500, ERROR("InternalServerError"), RA_REKEY_LATER},
        {503, ERROR("ServiceUnavailable"), RA_REKEY_LATER},
        {503, "", RA_REKEY_LATER},
        {400, ERROR("TransactionConflictException"), RA_REKEY_CHANGED},
        {400, ERROR("TransactionInProgressException"), RA_REKEY_CHANGED},
        {400, REASONS(CODE("ConditionalCheckFailed") "," CODE("None")), RA_REKEY_CHANGED},
        {400, REASONS(CODE("TransactionConflict") "," CODE("None")), RA_REKEY_CHANGED},
        {400, REASONS(CODE("None") "," CODE("TransactionConflict")), RA_REKEY_CHANGED},
        {400, REASONS(CODE("None") "," CODE("ConditionalCheckFailed")), RA_REKEY_REFUSED},
        {400, REASONS(CODE("ConditionalCheckFailed") "," CODE("ConditionalCheckFailed")), RA_REKEY_CHANGED},
        {400, REASONS(CODE("None") "," CODE("ValidationError")), RA_REKEY_REFUSED},
        {400, REASONS(CODE("None") "," CODE("ItemCollectionSizeLimitExceeded")), RA_REKEY_REFUSED},
        {400, REASONS(CODE("ThrottlingError") "," CODE("None")), RA_REKEY_LATER},
        {400, REASONS(CODE("ConditionalCheckFailed") "," CODE("ProvisionedThroughputExceeded")),
         RA_REKEY_LATER},
        {400, REASONS("{}," CODE("ValidationError")), RA_REKEY_REFUSED},
        {400, REASONS(""), RA_REKEY_REFUSED},
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
