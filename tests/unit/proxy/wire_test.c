/* What isn't a DynamoDB request is answered at the door, in its sender's protocol, with what to do about it.
 */
#include "proxy/wire.h"
#include "tests/unit/proxy/exchange.h"

#include <stdio.h>

typedef struct door {
    ra_loop loop;
    char target[64]; /* of an accepted request */
} door;

static void received(struct evhttp_request *r, void *arg)
{
    door *d = arg;
    evhttp_add_header(evhttp_request_get_output_headers(r), "Connection", "close");
    ra_bytes target = ra_wire_accept(&d->loop, r);
    if (!target.n)
        return;
    snprintf(d->target, sizeof d->target, "%.*s", (int)target.n, target.p);
    evhttp_send_reply(r, 200, NULL, NULL);
}

/* Every reply closes the connection, by draining. */
static void knock(door *d, exchange *x, const char *request_line, const char *headers)
{
    char bytes[1024];
    snprintf(bytes, sizeof bytes,
             "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n%s\r\n", request_line,
             headers);
    struct event_base *base = event_base_new();
    ra_config config = {0}; /* no routes, no CORS */
    ra_server server = {.config = &config};
    *d = (door){.loop = {.magic = RA_LOOP_MAGIC, .base = base, .server = &server, .config = &config}};
    exchange_run(x, base, bytes, received, d);
    assert_int_equal(d->loop.sending, 0);
    event_base_free(base);
}

static void dynamodb_comes_in(void **state)
{
    (void)state;
    static const char *const targets[] = {"DynamoDB_20120810.GetItem", "DynamoDB_20120810.NoSuchOperation",
                                          "DynamoDBStreams_20120810.ListStreams"};
    for (size_t i = 0; i < 3; i++) {
        char header[96];
        snprintf(header, sizeof header, "X-Amz-Target: %s\r\n", targets[i]);
        door d;
        exchange x;
        knock(&d, &x, "POST /", header);
        assert_string_equal(d.target, targets[i]);
    }
}

static void others_are_told_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *headers;
        const char *status;
        const char *holds; /* in the reply */
    } cases[] = {
        {"POST /", "", "400", "UnknownOperationException"},
        {"POST /", "X-Amz-Target: AmazonSQS.SendMessage\r\n", "400", "AWS_ENDPOINT_URL_DYNAMODB"},
        {"POST /", "X-Amz-Target: DynamoDB_20120810.\r\n", "400", "AWS_ENDPOINT_URL_DYNAMODB"},
        {"POST /", "X-Amz-Target: DynamoDB_20111205.GetItem\r\n", "400", "DynamoDB_20120810"},
        {"POST /", "Authorization: AWS4-HMAC-SHA256 Credential=a/b/c/sts/aws4_request\r\n", "400",
         "<Message>readaside is a proxy for DynamoDB and got a request for sts."},
        {"GET /bucket/key", "Authorization: AWS4-HMAC-SHA256 Credential=a/b/c/s3/aws4_request\r\n", "400",
         "<Message>readaside is a proxy for DynamoDB and got a request for s3."},
        {"GET /", "", "405", "Allow: POST"},
        {"POST /elsewhere", "X-Amz-Target: DynamoDB_20120810.GetItem\r\n", "404", "\"code\":\"not_found\""},
        {"POST /", "X-Amz-Target: DynamoDB_20120810.GetItem\r\nX-Amz-Target: DynamoDB_20120810.PutItem\r\n",
         "400", "more than one X-Amz-Target"},
        {"POST /", "Content-Length: 0\r\nX-Amz-Target: DynamoDB_20120810.GetItem\r\n", "400",
         "more than one Content-Length"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        door d;
        exchange x;
        knock(&d, &x, cases[i].line, cases[i].headers);
        assert_string_equal(d.target, "");
        assert_memory_equal(x.reply + strlen("HTTP/1.1 "), cases[i].status, 3);
        if (!strstr(x.reply, cases[i].holds))
            fail_msg("case %zu: %s", i, x.reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dynamodb_comes_in),
        cmocka_unit_test(others_are_told_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
