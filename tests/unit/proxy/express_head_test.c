/*
 * The head of a request as the express way reads it: what the SDKs send is taken, anything else isn't,
 * nothing is read past what has been received, and whatever is taken evhttp and the wire's doorstep take too,
 * as the same operation with the same body.
 */
#include "proxy/express_head.h"
#include "proxy/wire.h"
#include "tests/unit/proxy/exchange.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ROOM = 64 * 1024, TEXT_MAX = 16 * 1024 };

#define TARGET "X-Amz-Target: DynamoDB_20120810.GetItem\r\n"

/* ---- what is read ends where memory does ---- */

static char *edge; /* the first byte that can't be read */

static int map_edge(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *p = mmap(NULL, ROOM + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);
    assert_int_equal(mprotect(p + ROOM, page, PROT_NONE), 0);
    edge = p + ROOM;
    return 0;
}

static bool read_head(const char *text, size_t n, ra_express_head *out)
{
    assert_true(n <= ROOM);
    memcpy(edge - n, text, n);
    return ra_express_head_read((ra_bytes){edge - n, n}, out, NULL);
}

static bool is_text(ra_bytes b, const char *text)
{
    return b.n == strlen(text) && memcmp(b.p, text, b.n) == 0;
}

/* ---- what the SDKs send ---- */

static const struct {
    const char *name, *head, *target;
    size_t body_n;
} sdks[] = {
    {"boto3",
     "POST / HTTP/1.1\r\n"
     "Host: 127.0.0.1:8080\r\n"
     "X-Amz-Target: DynamoDB_20120810.GetItem\r\n"
     "Content-Type: application/x-amz-json-1.0\r\n"
     "User-Agent: Boto3/1.34.46 md/Botocore#1.34.46 ua/2.0 os/linux#6.1.0 md/arch#x86_64 lang/python#3.11.2 "
     "md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.34.46\r\n"
     "X-Amz-Date: 20260101T000000Z\r\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=readaside/20260101/us-east-1/dynamodb/aws4_request, "
     "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
     "Signature=9a1c0d7f0d0a2c7c1b9f2f9be4ad9c2f9e6e4d0f4b7fdb6ab7aa40b6dd3f1f0f\r\n"
     "amz-sdk-invocation-id: 5a4f0e0e-5f3b-4a59-8a4e-1d0e6ad2a3c9\r\n"
     "amz-sdk-request: attempt=1\r\n"
     "Content-Length: 66\r\n"
     "Accept-Encoding: identity\r\n"
     "\r\n",
     "DynamoDB_20120810.GetItem", 66},
    {"AWS CLI v2",
     "POST / HTTP/1.1\r\n"
     "Host: 127.0.0.1:8080\r\n"
     "Accept-Encoding: identity\r\n"
     "X-Amz-Target: DynamoDB_20120810.Query\r\n"
     "Content-Type: application/x-amz-json-1.0\r\n"
     "User-Agent: aws-cli/2.15.30 Python/3.11.8 Linux/6.1.0 exe/x86_64.debian.12 prompt/off "
     "command/dynamodb.query\r\n"
     "X-Amz-Date: 20260101T000000Z\r\n"
     "X-Amz-Security-Token: IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEUCIQD+Pz5u/7s=\r\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/dynamodb/aws4_request, "
     "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=00\r\n"
     "Content-Length: 158\r\n"
     "\r\n",
     "DynamoDB_20120810.Query", 158},
    {"SDK for JavaScript v3",
     "POST / HTTP/1.1\r\n"
     "content-type: application/x-amz-json-1.0\r\n"
     "x-amz-target: DynamoDB_20120810.Query\r\n"
     "x-amz-user-agent: aws-sdk-js/3.564.0\r\n"
     "user-agent: aws-sdk-js/3.564.0 ua/2.0 os/linux#6.1.0 lang/js md/nodejs#20.12.2 api/dynamodb#3.564.0\r\n"
     "host: 127.0.0.1:8080\r\n"
     "amz-sdk-invocation-id: 6a3f1cd9-0b52-4f2e-b2a7-9a2a3b0d1e55\r\n"
     "amz-sdk-request: attempt=1; max=3\r\n"
     "x-amz-date: 20260101T000000Z\r\n"
     "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n"
     "authorization: AWS4-HMAC-SHA256 Credential=readaside/20260101/us-east-1/dynamodb/aws4_request, "
     "SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;"
     "x-amz-content-sha256;x-amz-date;x-amz-target;x-amz-user-agent, Signature=00\r\n"
     "Connection: keep-alive\r\n"
     "content-length: 2\r\n"
     "\r\n",
     "DynamoDB_20120810.Query", 2},
    {"SDK for Go v2",
     "POST / HTTP/1.1\r\n"
     "Host: 127.0.0.1:8080\r\n"
     "User-Agent: aws-sdk-go-v2/1.26.1 os/linux lang/go#1.22.2 md/GOOS#linux md/GOARCH#amd64 "
     "api/dynamodb#1.31.1\r\n"
     "Content-Length: 1024\r\n"
     "Accept-Encoding: identity\r\n"
     "Amz-Sdk-Invocation-Id: 0f0e0f6b-8e3e-45f6-97df-1a2b3c4d5e6f\r\n"
     "Amz-Sdk-Request: attempt=1; max=3\r\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=readaside/20260101/us-east-1/dynamodb/aws4_request, "
     "SignedHeaders=accept-encoding;amz-sdk-invocation-id;content-length;content-type;host;x-amz-date;"
     "x-amz-target, Signature=00\r\n"
     "Content-Type: application/x-amz-json-1.0\r\n"
     "X-Amz-Date: 20260101T000000Z\r\n"
     "X-Amz-Target: DynamoDB_20120810.BatchGetItem\r\n"
     "\r\n",
     "DynamoDB_20120810.BatchGetItem", 1024},
    {"SDK for Java v2",
     "POST / HTTP/1.1\r\n"
     "amz-sdk-invocation-id: 3b241101-e2bb-4255-8caf-4136c566a962\r\n"
     "amz-sdk-request: attempt=1; max=9\r\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=readaside/20260101/us-east-1/dynamodb/aws4_request, "
     "SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;x-amz-date;"
     "x-amz-target, Signature=00\r\n"
     "Content-Type: application/x-amz-json-1.0\r\n"
     "User-Agent: aws-sdk-java/2.25.40 Linux/6.1.0 OpenJDK_64-Bit_Server_VM/17.0.10 Java/17.0.10 "
     "vendor/Debian io/sync http/Apache cfg/retry-mode/legacy\r\n"
     "X-Amz-Date: 20260101T000000Z\r\n"
     "X-Amz-Target: DynamoDB_20120810.GetItem\r\n"
     "Content-Length: 8192\r\n"
     "Host: 127.0.0.1:8080\r\n"
     "Connection: Keep-Alive\r\n"
     "\r\n",
     "DynamoDB_20120810.GetItem", RA_EXPRESS_BODY_MAX},
};

static void the_sdks_are_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sdks / sizeof sdks[0]; i++) {
        ra_express_head h;
        size_t n = strlen(sdks[i].head);
        if (!read_head(sdks[i].head, n, &h))
            fail_msg("%s is refused", sdks[i].name);
        assert_true(is_text(h.target, sdks[i].target));
        assert_int_equal(h.head_n, n);
        assert_int_equal(h.body_n, sdks[i].body_n);
    }
}

/* Cut anywhere: never taken before the head is whole, then always, and whatever comes behind it is the same
 * to it. */
static void a_head_in_pieces(void **state)
{
    (void)state;
    static const char body[] = "\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 1\r\n" TARGET "\r\n{";
    for (size_t i = 0; i < sizeof sdks / sizeof sdks[0]; i++) {
        char whole[4096];
        size_t head_n = strlen(sdks[i].head);
        size_t n = (size_t)snprintf(whole, sizeof whole, "%s%s", sdks[i].head, body);
        for (size_t cut = 0; cut <= n; cut++) {
            ra_express_head h;
            bool taken = read_head(whole, cut, &h);
            assert_int_equal(taken, cut >= head_n);
            if (!taken)
                continue;
            assert_true(is_text(h.target, sdks[i].target));
            assert_int_equal(h.head_n, head_n);
            assert_int_equal(h.body_n, sdks[i].body_n);
        }
    }
}

/* ---- what isn't just so ---- */

#define OK_LENGTH "Content-Length: 5\r\n"

static const struct {
    const char *text;
    bool taken;
} rules[] = {
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "\r\n", true}, /* what all the others change */
    {"POST / HTTP/1.1\r\n" TARGET OK_LENGTH "\r\n", true},
    /* the first line */
    {"", false},
    {"\r\n", false},
    {"\r\nPOST / HTTP/1.1\r\n" OK_LENGTH TARGET "\r\n", false},
    {"post / HTTP/1.1\r\n" OK_LENGTH TARGET "\r\n", false},
    {"POST / http/1.1\r\n" OK_LENGTH TARGET "\r\n", false},
    {"POST / HTTP/1.0\r\n" OK_LENGTH TARGET "\r\n", false},
    {"POST / HTTP/1.2\r\n" OK_LENGTH TARGET "\r\n", false},
    {"POST / HTTP/2.0\r\n" OK_LENGTH TARGET "\r\n", false},
    {"POST /\r\n" OK_LENGTH TARGET "\r\n", false},
    {"POST  / HTTP/1.1\r\n" OK_LENGTH TARGET "\r\n", false},
    {"POST / HTTP/1.1 \r\n" OK_LENGTH TARGET "\r\n", false},
    {"POST / HTTP/1.1\n" OK_LENGTH TARGET "\r\n", false},
    {"POST /x HTTP/1.1\r\n" OK_LENGTH TARGET "\r\n", false},
    {"POST /? HTTP/1.1\r\n" OK_LENGTH TARGET "\r\n", false},
    {"POST // HTTP/1.1\r\n" OK_LENGTH TARGET "\r\n", false},
    {"POST * HTTP/1.1\r\n" OK_LENGTH TARGET "\r\n", false},
    {"POST http://127.0.0.1/ HTTP/1.1\r\n" OK_LENGTH TARGET "\r\n", false},
    {"PUT / HTTP/1.1\r\n" OK_LENGTH TARGET "\r\n", false},
    {"GET / HTTP/1.1\r\n" OK_LENGTH TARGET "\r\n", false},
    {"HEAD / HTTP/1.1\r\n" OK_LENGTH TARGET "\r\n", false},
    {" POST / HTTP/1.1\r\n" OK_LENGTH TARGET "\r\n", false},
    /* line ends */
    {"POST / HTTP/1.1\r\nContent-Length: 5\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "\r\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length: 5\r\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length: 5\rX-Y: z\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length: 5\r" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\n\r\n" OK_LENGTH TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\n\n" OK_LENGTH TARGET "\r\n", false},
    /* names */
    {"POST / HTTP/1.1\r\nContent-Length : 5\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH "X-Amz-Target : DynamoDB_20120810.GetItem\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET ": x\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "X\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "X Y: z\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "X\tY: z\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "X(Y): z\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "X\xc3\xa4: z\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "X:\r\n\r\n", true},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "X:y\r\nX: :y:\r\n\r\n", true},
    /* lines that go on */
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET " x\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "\tx: y\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n Content-Length: 5\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH "X-Amz-Target:\r\n DynamoDB_20120810.GetItem\r\n\r\n", false},
    /* values */
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "X: \x01\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "X: y\x1f\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "X: \x7f\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "X: y\x0bz\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "X: y\tz\r\n\r\n", true},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "X: \xc3\xa4\r\n\r\n", true},
    {"POST / HTTP/1.1\r\nContent-Length:   5 \t \r\n" TARGET "\r\n", true},
    /* what evhttp leaves in a value, the doorstep refuses */
    {"POST / HTTP/1.1\r\nContent-Length:\t5\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length: \t 5\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH "X-Amz-Target:\tDynamoDB_20120810.GetItem\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "Connection:\tkeep-alive\r\n\r\n", false},
    /* the length */
    {"POST / HTTP/1.1\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH OK_LENGTH TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH "content-length: 6\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length: +5\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length: -5\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length: 0x5\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length: 5x\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length: 5 5\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length: 5.0\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length: 5e0\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length: \"5\"\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length:\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length:   \r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length: 0\r\n" TARGET "\r\n", true},
    {"POST / HTTP/1.1\r\nContent-Length: 005\r\n" TARGET "\r\n", true},
    {"POST / HTTP/1.1\r\nContent-Length: 8192\r\n" TARGET "\r\n", true},
    {"POST / HTTP/1.1\r\nContent-Length: 8193\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length: 0000005\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length: 18446744073709551621\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\nContent-Length: 4294967301\r\n" TARGET "\r\n", false},
    /* other framing, other ways to go on */
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "Transfer-Encoding: chunked\r\n\r\n", false},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "transfer-encoding: identity\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "TRANSFER-ENCODING:\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "Content-Encoding: gzip\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "Content-Encoding: identity\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "Expect: 100-continue\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "expect:\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "Upgrade: h2c\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "Connection: close\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "Connection: Upgrade\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "Connection: keep-alive, TE\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "Connection:\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "Connection: keep-alive\r\nConnection: close\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "Connection: Keep-Alive\r\n\r\n", true},
    /* the operation */
    {"POST / HTTP/1.1\r\n" OK_LENGTH "\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH TARGET "x-amz-target: DynamoDB_20120810.Query\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH "X-Amz-Target:\r\n" TARGET "\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH "X-Amz-Target: DynamoDB_20120810.\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH "X-Amz-Target: DynamoDB_20111205.GetItem\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH "X-Amz-Target: dynamodb_20120810.GetItem\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH "X-Amz-Target: GetItem\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH "X-Amz-Target: DynamoDBStreams_20120810.GetRecords\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH "X-Amz-Target: AmazonSQS.SendMessage\r\n\r\n", false},
    {"POST / HTTP/1.1\r\n" OK_LENGTH "X-Amz-Targets: DynamoDB_20120810.GetItem\r\n\r\n", false},
};

static void each_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        ra_express_head h;
        char text[512];
        int n = snprintf(text, sizeof text, "%sabcde", rules[i].text);
        if (read_head(text, (size_t)n, &h) != rules[i].taken)
            fail_msg("case %zu, %s: %s", i, rules[i].taken ? "refused" : "taken", rules[i].text);
        if (rules[i].taken)
            assert_true(is_text(h.target, "DynamoDB_20120810.GetItem"));
    }
}

/* Each byte that there is, in a name and in a value. */
static void each_byte(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        char text[256];
        ra_express_head h;
        int n = snprintf(text, sizeof text, "POST / HTTP/1.1\r\n" OK_LENGTH TARGET "XaY: b\r\n\r\n");
        char *name = memmem(text, (size_t)n, "XaY", 3);
        assert_non_null(name);
        name[1] = (char)c;
        bool colon = c == ':'; /* a shorter name, and "Y: b" for a value */
        bool token = c < 128 && c &&
                     (strchr("!#$%&'*+-.^_`|~", (int)c) || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                      (c >= 'A' && c <= 'Z'));
        if (read_head(text, (size_t)n, &h) != (token || colon))
            fail_msg("byte 0x%02x in a name", c);
        name[1] = 'a';
        name[5] = (char)c;
        if (read_head(text, (size_t)n, &h) != ((c >= ' ' && c != 0x7f) || c == '\t'))
            fail_msg("byte 0x%02x in a value", c);
    }
}

/* A head of n bytes. */
static size_t head_of(char *out, size_t n)
{
    size_t at = (size_t)sprintf(out, "POST / HTTP/1.1\r\n" OK_LENGTH TARGET "X-Pad: ");
    memset(out + at, 'x', n - at);
    memcpy(out + n - 4, "\r\n\r\n", 4);
    return n;
}

static void the_longest_head(void **state)
{
    (void)state;
    static char text[TEXT_MAX];
    ra_express_head h;
    memset(text, 'x', sizeof text);
    assert_true(read_head(text, head_of(text, RA_EXPRESS_HEAD_MAX), &h));
    assert_int_equal(h.head_n, RA_EXPRESS_HEAD_MAX);
    assert_true(read_head(text, sizeof text, &h)); /* whatever follows */
    assert_int_equal(h.head_n, RA_EXPRESS_HEAD_MAX);
    for (size_t more = 1; more <= 5; more++)
        assert_false(read_head(text, head_of(text, RA_EXPRESS_HEAD_MAX + more), &h));
    assert_false(read_head(text, sizeof text, &h));
}

/* ---- beside evhttp ---- */

static const char second[] = "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: DynamoDB_20120810.Second\r\n"
                             "Content-Length: 0\r\nConnection: close\r\n\r\n";

typedef struct peer {
    ra_loop loop;
    const ra_express_head *expected;
    const char *body;
    unsigned requests; /* the first as expected, then the second */
} peer;

static void as_expected(peer *p, struct evhttp_request *r, ra_bytes target)
{
    struct evbuffer *in = evhttp_request_get_input_buffer(r);
    size_t n = evbuffer_get_length(in);
    assert_true(ra_bytes_eq(target, p->expected->target));
    assert_int_equal(n, p->expected->body_n);
    if (n)
        assert_memory_equal(evbuffer_pullup(in, -1), p->body, n);
}

static void received(struct evhttp_request *r, void *arg)
{
    peer *p = arg;
    assert_null(ra_framing_problem(NULL, r));
    ra_bytes target = ra_wire_accept(&p->loop, r);
    assert_true(target.n > 0);
    if (p->requests == 0)
        as_expected(p, r, target);
    else
        assert_true(ra_bytes_eq(target, RA_BYTES("DynamoDB_20120810.Second")));
    p->requests++;
    evhttp_send_reply(r, 200, NULL, NULL);
}

static struct bufferevent *call(struct event_base *base, uint16_t port, exchange *x)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct bufferevent *b = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(b, NULL, NULL, exchange_event, x);
    bufferevent_enable(b, EV_READ | EV_WRITE);
    assert_int_equal(bufferevent_socket_connect(b, (struct sockaddr *)&a, sizeof a), 0);
    return b;
}

/* Head, body, and another request right behind them: evhttp must see two. */
static void send_both(struct event_base *base, uint16_t port, peer *p, ra_bytes first)
{
    exchange x = {.base = base};
    struct bufferevent *b = call(base, port, &x);
    p->requests = 0;
    bufferevent_write(b, first.p, first.n);
    bufferevent_write(b, second, sizeof second - 1);
    while (!x.over)
        event_base_loop(base, EVLOOP_ONCE);
    bufferevent_free(b);
    if (p->requests != 2)
        fail_msg("evhttp sees %u requests in: %.*s\n--- and replies: %s", p->requests, (int)first.n, first.p,
                 x.reply);
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static unsigned roll(uint64_t *random, size_t n)
{
    return (unsigned)(next_random(random) % n);
}

/* One of them, the first most often. */
static const char *pick(uint64_t *random, const char *const *from, size_t n)
{
    return from[roll(random, 4) ? 0 : roll(random, n)];
}

#define PICK(random, ...)                                                                                    \
    pick(random, (const char *const[]){__VA_ARGS__},                                                         \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static size_t add_header(char *out, uint64_t *random, const char *name, const char *value)
{
    size_t at =
        (size_t)sprintf(out, "%s%s%s%s%s", name, PICK(random, ":", ": ", ":  ", ":\t", " :"),
                        PICK(random, " ", "", "  ", " \t"), value, PICK(random, "", " ", "\t", " \t "));
    for (size_t i = 0; i < strlen(name); i++)
        if (roll(random, 12) == 0)
            out[i] ^= 0x20; /* mostly the other case */
    return at + (size_t)sprintf(out + at, "%s", PICK(random, "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\n "));
}

static size_t add_any_header(char *out, uint64_t *random, size_t body_n)
{
    char length[32];
    snprintf(length, sizeof length, "%s%zu", PICK(random, "", "0", "+", "0x", "-"), body_n);
    switch (roll(random, 10)) {
    case 0:
        return add_header(out, random, "Connection",
                          PICK(random, "keep-alive", "Keep-Alive", "close", "keep-alive, close", ""));
    case 1:
        return roll(random, 4) ? 0 : add_header(out, random, "Transfer-Encoding", "chunked");
    case 2:
        return roll(random, 4) ? 0 : add_header(out, random, "Content-Encoding", "identity");
    case 3:
        return roll(random, 4) ? 0 : add_header(out, random, "Expect", "100-continue");
    case 4:
        return roll(random, 4) ? 0 : add_header(out, random, "Content-Length", length);
    case 5:
        return add_header(out, random, "TE", "trailers");
    case 6:
        return add_header(out, random, "Proxy-Connection", PICK(random, "keep-alive", "close"));
    case 7:
        return add_header(out, random, "Content-Type", "application/x-amz-json-1.0");
    default:
        return add_header(out, random, "X-Anything", PICK(random, "a b", "", "a:b", "\xc3\xa4", "a\tb"));
    }
}

/* A request, its body at out + the head's length; often with a byte or two that don't belong there. */
static size_t make_request(char *out, uint64_t *random)
{
    char length[32];
    size_t body_n = roll(random, 60);
    snprintf(length, sizeof length, "%s%zu", PICK(random, "", "0", "000000", "+"), body_n);
    size_t at = (size_t)sprintf(out, "%s", PICK(random, "POST / HTTP/1.1\r\n", "POST / HTTP/1.0\r\n"));
    for (unsigned i = roll(random, 4); i > 0; i--)
        at += add_any_header(out + at, random, body_n);
    at += add_header(out + at, random, "X-Amz-Target",
                     PICK(random, "DynamoDB_20120810.GetItem", "DynamoDB_20120810.",
                          "DynamoDB_20120810.Get Item", "DynamoDBStreams_20120810.X",
                          "DynamoDB_20120810.\xc3\xa4"));
    for (unsigned i = roll(random, 3); i > 0; i--)
        at += add_any_header(out + at, random, body_n);
    at += add_header(out + at, random, "Content-Length", length);
    at += (size_t)sprintf(out + at, "\r\n");
    static const char odd[] = "\0\r\n\t :;,\x7f\x80\xff\x01"
                              "0Z";
    for (unsigned i = roll(random, 4) ? 0 : 1 + roll(random, 2); i > 0; i--)
        out[roll(random, at)] = odd[roll(random, sizeof odd)];
    for (size_t i = 0; i < body_n; i++)
        out[at++] = roll(random, 8) ? (char)roll(random, 256) : "\r\n: "[roll(random, 4)];
    return at;
}

static uint64_t environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t n = text ? strtoull(text, NULL, 10) : 0;
    return n ? n : otherwise;
}

static void what_is_taken_evhttp_takes_too(void **state)
{
    (void)state;
    static char host[] = "127.0.0.1";
    const ra_config_listen any_port = {.host = host, .max_body = 1024, .idle_timeout = 60000};
    struct event_base *base = event_base_new();
    ra_config config = {0};
    ra_server server = {.config = &config};
    peer p = {.loop = {.magic = RA_LOOP_MAGIC, .base = base, .server = &server, .config = &config}};
    uint16_t port = 0;
    int fd = ra_listen_first(&any_port, &port);
    struct evhttp_bound_socket *socket = NULL;
    struct evhttp *http = ra_listener_new(base, &any_port, fd, received, &p, &socket);
    assert_non_null(http);
    uint64_t seed = environment("READASIDE_SEED", (uint64_t)getpid()), random = seed;
    unsigned steps = (unsigned)environment("READASIDE_STEPS", 40000), taken = 0;
    print_message("READASIDE_SEED=%" PRIu64 "\n", seed);
    for (unsigned i = 0; i < steps; i++) {
        static char text[TEXT_MAX];
        size_t n = make_request(text, &random);
        ra_express_head h;
        if (!read_head(text, n, &h) || n - h.head_n < h.body_n)
            continue;
        taken++;
        p.expected = &h;
        p.body = text + h.head_n;
        send_both(base, port, &p, (ra_bytes){text, h.head_n + h.body_n});
    }
    print_message("%u of %u taken\n", taken, steps);
    assert_true(taken > steps / 50 && taken < steps - steps / 50);
    evhttp_free(http);
    event_base_free(base);
}

/* ---- the lines, for whoever checks signatures ---- */

static bool read_lines(const char *text, ra_express_head *out, ra_http_line *lines)
{
    size_t n = strlen(text);
    memcpy(edge - n, text, n);
    return ra_express_head_read((ra_bytes){edge - n, n}, out, lines);
}

static void the_lines_are_told(void **state)
{
    (void)state;
    ra_http_line lines[RA_EXPRESS_LINES_MAX];
    ra_express_head h;
    assert_true(read_lines("POST / HTTP/1.1\r\nHOST:  db.example:8080 \t\r\nX-Empty:\r\n"
                           "x-amz-target: DynamoDB_20120810.Query\r\nContent-Length: 2\r\n\r\n{}",
                           &h, lines));
    assert_true(is_text(h.host, "db.example:8080"));
    assert_int_equal(h.nlines, 4);
    assert_true(is_text(lines[0].name, "HOST") && is_text(lines[0].value, "db.example:8080"));
    assert_true(is_text(lines[1].name, "X-Empty") && is_text(lines[1].value, ""));
    assert_true(is_text(lines[2].name, "x-amz-target") && is_text(lines[2].value, "DynamoDB_20120810.Query"));
    assert_true(is_text(lines[3].name, "Content-Length") && is_text(lines[3].value, "2"));
}

static void one_host_at_most(void **state)
{
    (void)state;
    static const char begin[] = "POST / HTTP/1.1\r\nX-Amz-Target: DynamoDB_20120810.Query\r\n";
    static const char end[] = "Content-Length: 0\r\n\r\n";
    char text[256];
    ra_express_head h;
    snprintf(text, sizeof text, "%s%s", begin, end);
    assert_true(read_lines(text, &h, NULL));
    assert_null(h.host.p);
    assert_int_equal(h.nlines, 2);
    snprintf(text, sizeof text, "%sHost: a\r\nhost: a\r\n%s", begin, end);
    assert_false(read_lines(text, &h, NULL));
    snprintf(text, sizeof text, "%sHost:\r\nhost: a\r\n%s", begin, end);
    assert_false(read_lines(text, &h, NULL));
}

/* As many lines as there is room for; where nobody wants them there may be more. */
static void lines_are_bounded(void **state)
{
    (void)state;
    ra_http_line lines[RA_EXPRESS_LINES_MAX];
    ra_express_head h;
    for (size_t extra = RA_EXPRESS_LINES_MAX - 3; extra < RA_EXPRESS_LINES_MAX; extra++) {
        char text[2048];
        int n = snprintf(text, sizeof text,
                         "POST / HTTP/1.1\r\nX-Amz-Target: DynamoDB_20120810.Query\r\nContent-Length: 0\r\n");
        for (size_t i = 0; i < extra; i++)
            n += snprintf(text + n, sizeof text - (size_t)n, "X-%zu: %zu\r\n", i, i);
        snprintf(text + n, sizeof text - (size_t)n, "\r\n");
        assert_int_equal(read_lines(text, &h, lines), extra + 2 <= RA_EXPRESS_LINES_MAX);
        assert_true(read_lines(text, &h, NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sdks_are_taken), cmocka_unit_test(a_head_in_pieces),
        cmocka_unit_test(each_rule),          cmocka_unit_test(each_byte),
        cmocka_unit_test(the_longest_head),   cmocka_unit_test(what_is_taken_evhttp_takes_too),
        cmocka_unit_test(the_lines_are_told), cmocka_unit_test(one_host_at_most),
        cmocka_unit_test(lines_are_bounded),
    };
    return cmocka_run_group_tests(tests, map_edge, NULL);
}
