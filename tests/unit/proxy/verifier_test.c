/*
 * Signatures against those that botocore makes (verifier_golden.py), and requests that are signed rightly
 * over what they shouldn't be.
 */
#include "tests/unit/cache/refusing_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/sigv4.h"
#include "proxy/verifier.h"

#include <cjson/cJSON.h>
#include <stdio.h>

enum { BIG = 1 << 20, NOW = 1440938160, DAY = 86400, SKEW_MS = 300000, LINES_MAX = 128 };

#define ID     "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define DATE   "20150830T123600Z"
#define REGION "us-east-1"
#define NAMES  "content-type;host;x-amz-date;x-amz-target"
#define MISMATCH                                                                                             \
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "  \
    "Access Key and signing method. Consult the service documentation for details."
#define INVALID_TOKEN "The security token included in the request is invalid."

static cJSON *golden;
static ra_access_keys *keys; /* of ID alone */

static ra_access_keys *parse_keys(const char *text)
{
    char why[RA_ACCESS_KEYS_WHY_MAX];
    ra_access_keys *k = ra_access_keys_parse(ra_bytes_z(text), "keys", why);
    if (!k)
        fail_msg("%s", why);
    return k;
}

static int set_up(void **state)
{
    (void)state;
    FILE *f = fopen(READASIDE_SOURCE_DIR "/tests/unit/proxy/verifier_golden.json", "rb");
    assert_non_null(f);
    char *text = calloc(1, BIG);
    size_t n = fread(text, 1, BIG - 1, f);
    assert_true(n > 0 && feof(f));
    fclose(f);
    golden = cJSON_ParseWithLength(text, n);
    free(text);
    assert_non_null(golden);
    keys = parse_keys("{\"keys\":[{\"access_key_id\":\"" ID "\",\"secret_access_key\":\"" SECRET "\"}]}");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cJSON_Delete(golden);
    ra_access_keys_unref(keys);
    return 0;
}

/* ---- a request that a test may spoil ---- */

typedef struct made {
    ra_http_line v[LINES_MAX];
    size_t n;
    ra_bytes query, body;
    char text[64][8192]; /* of values that were changed */
    size_t ntexts;
} made;

static char *room(made *m)
{
    assert_true(m->ntexts < 64);
    return m->text[m->ntexts++];
}

static void add(made *m, const char *name, const char *value)
{
    assert_true(m->n < LINES_MAX);
    m->v[m->n++] = (ra_http_line){ra_bytes_z(name), ra_bytes_z(value)};
}

static ra_http_line *find(made *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->v[i].name.n == strlen(name) && strncasecmp(m->v[i].name.p, name, strlen(name)) == 0)
            return &m->v[i];
    }
    fail_msg("no header %s", name);
    return NULL;
}

static void take_away(made *m, const char *name)
{
    ra_http_line *line = find(m, name);
    memmove(line, line + 1, (size_t)(&m->v[--m->n] - line) * sizeof *line);
}

static const char *member(const cJSON *c, const char *name)
{
    const char *z = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c, name));
    if (!z)
        fail_msg("the golden file lacks %s", name);
    return z;
}

static void golden_request(const cJSON *c, made *m)
{
    const cJSON *h;
    *m = (made){.query = ra_bytes_z(member(c, "query")), .body = ra_bytes_z(member(c, "body"))};
    cJSON_ArrayForEach(h, cJSON_GetObjectItemCaseSensitive(c, "headers"))
    {
        add(m, cJSON_GetStringValue(cJSON_GetArrayItem(h, 0)),
            cJSON_GetStringValue(cJSON_GetArrayItem(h, 1)));
    }
}

static enum ra_verdict_of_signature check_with(ra_verifier *v, const ra_access_keys *k, const made *m,
                                               int64_t now, char why[RA_VERIFIER_WHY_MAX])
{
    ra_signed_request r = {{m->v, m->n}, m->query, m->body};
    const ra_access_key *key = (const ra_access_key *)m; /* must be overwritten */
    enum ra_verdict_of_signature said = ra_verifier_check(v, k, &r, now, &key, why);
    assert_true((said == RA_SIGNED) == (key != NULL));
    assert_true((said == RA_SIGNED || said == RA_SIGN_NO_MEMORY) == (why[0] == '\0'));
    for (const char *p = why; *p; p++)
        assert_true(*p >= ' ' && *p <= '~');
    if (key)
        assert_ptr_equal(key, ra_access_keys_find(k, ra_bytes_z(key->id)));
    return said;
}

static void expect(const made *m, enum ra_verdict_of_signature expected, const char *text)
{
    char why[RA_VERIFIER_WHY_MAX];
    ra_verifier *v = ra_verifier_new(REGION, SKEW_MS);
    assert_non_null(v);
    enum ra_verdict_of_signature said = check_with(v, keys, m, NOW, why);
    if (said != expected)
        fail_msg("%d, not %d: %s", (int)said, (int)expected, why);
    if (text)
        assert_string_equal(why, text);
    ra_verifier_free(v);
}

/* ---- golden requests ---- */

static bool is_signed_header(const made *m, ra_bytes name)
{
    char list[1024], *save = NULL;
    ra_bytes a = find((made *)m, "authorization")->value;
    const char *from = strstr(a.p, "SignedHeaders=") + strlen("SignedHeaders=");
    snprintf(list, sizeof list, "%.*s", (int)strcspn(from, ","), from);
    for (char *one = strtok_r(list, ";", &save); one; one = strtok_r(NULL, ";", &save)) {
        if (strlen(one) == name.n && strncasecmp(one, name.p, name.n) == 0)
            return true;
    }
    return false;
}

/* Each header in turn says something else: of a signed one that is noticed, of another it isn't. */
static void spoil_headers(ra_verifier *v, const cJSON *c)
{
    made *m = calloc(1, sizeof *m);
    golden_request(c, m);
    for (size_t i = 0; i < m->n; i++) {
        char why[RA_VERIFIER_WHY_MAX], value[4096];
        ra_bytes was = m->v[i].value;
        snprintf(value, sizeof value, "%.*sx", (int)was.n, was.p);
        m->v[i].value = ra_bytes_z(value);
        bool counts = is_signed_header(m, m->v[i].name) || strcasecmp(m->v[i].name.p, "authorization") == 0;
        enum ra_verdict_of_signature said = check_with(v, keys, m, NOW, why);
        if ((said == RA_SIGNED) == counts)
            fail_msg("%s: %s changed: %s", member(c, "name"), m->v[i].name.p, why);
        m->v[i].value = was;
    }
    free(m);
}

static void spoil_body(ra_verifier *v, const cJSON *c)
{
    made *m = calloc(1, sizeof *m);
    char why[RA_VERIFIER_WHY_MAX];
    golden_request(c, m);
    size_t n = m->body.n;
    char *body = malloc(n + 1);
    memcpy(body, m->body.p, n + 1);
    const size_t places[] = {0, n / 2, n - 1};
    for (size_t i = 0; n && i < 3; i++) {
        body[places[i]] ^= (char)(1 << i);
        m->body = (ra_bytes){body, n};
        assert_int_equal(check_with(v, keys, m, NOW, why), RA_SIGN_WRONG);
        body[places[i]] ^= (char)(1 << i);
    }
    m->body = (ra_bytes){body, n + 1}; /* with its zero */
    assert_int_equal(check_with(v, keys, m, NOW, why), RA_SIGN_WRONG);
    m->body = (ra_bytes){body, n};
    assert_int_equal(check_with(v, keys, m, NOW, why), RA_SIGNED);
    m->query = RA_BYTES("a");
    assert_int_equal(check_with(v, keys, m, NOW, why), RA_SIGN_WRONG);
    free(body);
    free(m);
}

static void test_golden_requests(void **state)
{
    (void)state;
    const cJSON *c;
    assert_true(cJSON_GetArraySize(golden) > 15);
    cJSON_ArrayForEach(c, golden)
    {
        char why[RA_VERIFIER_WHY_MAX];
        made *m = calloc(1, sizeof *m);
        golden_request(c, m);
        ra_verifier *v = ra_verifier_new(member(c, "region"), SKEW_MS);
        if (check_with(v, keys, m, NOW, why) != RA_SIGNED)
            fail_msg("%s: %s", member(c, "name"), why);
        assert_int_equal(check_with(v, keys, m, NOW, why), RA_SIGNED); /* with the key that was kept */
        spoil_headers(v, c);
        spoil_body(v, c);
        ra_verifier_free(v);
        free(m);
    }
}

static void test_every_digit_of_the_signature_counts(void **state)
{
    (void)state;
    made *m = calloc(1, sizeof *m);
    golden_request(cJSON_GetArrayItem(golden, 0), m);
    ra_http_line *line = find(m, "authorization");
    char *value = room(m);
    snprintf(value, sizeof m->text[0], "%s", line->value.p);
    line->value = ra_bytes_z(value);
    expect(m, RA_SIGNED, "");
    for (size_t i = line->value.n - RA_SHA256_HEX; i < line->value.n; i++) {
        char was = value[i];
        value[i] = was == '0' ? '1' : '0';
        expect(m, RA_SIGN_WRONG, MISMATCH);
        value[i] = was;
    }
    value[--line->value.n] = '\0';
    expect(m, RA_SIGN_WRONG, MISMATCH);
    free(m);
}

/* ---- requests that the test signs itself, by the stages that sigv4_test.c compares with botocore's ---- */

typedef struct signature {
    const char *names; /* what stands in SignedHeaders; what is signed are these */
    const char *date, *scope, *id, *secret;
} signature;

static const signature RIGHT = {NAMES, DATE, "20150830/" REGION "/dynamodb/aws4_request", ID, SECRET};

static size_t chosen_headers(const made *m, const char *names, ra_signed_header *out)
{
    char list[4096], *save = NULL;
    size_t n = 0;
    snprintf(list, sizeof list, "%s", names);
    for (char *one = strtok_r(list, ";", &save); one; one = strtok_r(NULL, ";", &save)) {
        for (size_t i = 0; i < m->n; i++) {
            if (m->v[i].name.n == strlen(one) && strncasecmp(m->v[i].name.p, one, strlen(one)) == 0)
                out[n++] = (ra_signed_header){{names + (one - list), strlen(one)}, m->v[i].value};
        }
    }
    return n;
}

/* The right signature over the headers that are named. */
static void calculate(const made *m, const signature *s, char out[RA_SHA256_HEX + 1])
{
    ra_signed_header headers[LINES_MAX];
    ra_sign_request r = {.method = RA_BYTES("POST"),
                         .path = RA_BYTES("/"),
                         .query = m->query,
                         .headers = headers,
                         .nheaders = chosen_headers(m, s->names, headers),
                         .body = m->body};
    ra_buf canonical, names, to_sign;
    unsigned char key[32];
    ra_buf_init(&canonical, BIG);
    ra_buf_init(&names, BIG);
    ra_buf_init(&to_sign, BIG);
    assert_true(ra_sigv4_canonical_request(&r, &canonical, &names));
    assert_true(ra_sigv4_string_to_sign(ra_bytes_z(s->date), RA_BYTES(REGION), RA_BYTES("dynamodb"),
                                        ra_buf_bytes(&canonical), &to_sign));
    assert_true(
        ra_sigv4_signing_key(s->secret, (ra_bytes){s->date, 8}, RA_BYTES(REGION), RA_BYTES("dynamodb"), key));
    assert_true(ra_sigv4_signature(key, ra_buf_bytes(&to_sign), out));
    ra_buf_free(&canonical);
    ra_buf_free(&names);
    ra_buf_free(&to_sign);
}

static void sign(made *m, const signature *s)
{
    char hex[RA_SHA256_HEX + 1], *value = room(m);
    calculate(m, s, hex);
    snprintf(value, sizeof m->text[0], "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
             s->id, s->scope, s->names, hex);
    add(m, "Authorization", value);
}

static made *unsigned_request(void)
{
    made *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->query = RA_BYTES("");
    m->body = RA_BYTES("{}");
    add(m, "Host", "127.0.0.1:8100");
    add(m, "X-Amz-Date", DATE);
    add(m, "X-Amz-Target", "DynamoDB_20120810.GetItem");
    add(m, "Content-Type", "application/x-amz-json-1.0");
    return m;
}

static made *signed_request(void)
{
    made *m = unsigned_request();
    sign(m, &RIGHT);
    return m;
}

/* A request with one header more, signed rightly over `names`. */
static void expect_with(const char *header, const char *value, const char *names,
                        enum ra_verdict_of_signature expected, const char *text)
{
    made *m = unsigned_request();
    signature s = RIGHT;
    if (header)
        add(m, header, value);
    s.names = names;
    sign(m, &s);
    expect(m, expected, text);
    free(m);
}

/* A request without one header, signed rightly over `names`. */
static void expect_without(const char *header, const char *names, enum ra_verdict_of_signature expected,
                           const char *text)
{
    made *m = unsigned_request();
    signature s = RIGHT;
    take_away(m, header);
    s.names = names;
    sign(m, &s);
    expect(m, expected, text);
    free(m);
}

static void test_the_request_of_these_tests_is_signed(void **state)
{
    (void)state;
    made *m = signed_request();
    expect(m, RA_SIGNED, "");
    free(m);
}

static void test_without_authorization(void **state)
{
    (void)state;
    made *m = unsigned_request();
    expect(m, RA_UNSIGNED, "Request is missing Authentication Token");
    add(m, "Authorization", "");
    expect(m, RA_UNSIGNED, "Request is missing Authentication Token");
    m->n = 0;
    expect(m, RA_UNSIGNED, "Request is missing Authentication Token");
    m->query = RA_BYTES("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00");
    expect(m, RA_UNSIGNED, "Request is missing Authentication Token");
    free(m);
}

/* ---- the Authorization header ---- */

static const char *const CREDENTIAL = "Credential=" ID "/20150830/" REGION "/dynamodb/aws4_request";

/* $C, $H and $S are the header's right parts. */
static void authorize_as(made *m, const char *form)
{
    char hex[RA_SHA256_HEX + 1], *out = room(m);
    size_t n = 0, size = sizeof m->text[0];
    calculate(m, &RIGHT, hex);
    for (const char *p = form; *p; p++) {
        if (strncmp(p, "$C", 2) == 0)
            n += (size_t)snprintf(out + n, size - n, "%s", CREDENTIAL);
        else if (strncmp(p, "$H", 2) == 0)
            n += (size_t)snprintf(out + n, size - n, "SignedHeaders=%s", NAMES);
        else if (strncmp(p, "$S", 2) == 0)
            n += (size_t)snprintf(out + n, size - n, "Signature=%s", hex);
        else
            n += (size_t)snprintf(out + n, size - n, "%c", *p);
        p += *p == '$';
    }
    add(m, "Authorization", out);
}

static const struct {
    const char *form;
    enum ra_verdict_of_signature expected;
    const char *text;
} forms[] = {
    {"AWS4-HMAC-SHA256 $C, $H, $S", RA_SIGNED, ""},
    {"AWS4-HMAC-SHA256 $C,$H,$S", RA_SIGNED, ""},
    {"AWS4-HMAC-SHA256   $S ,\t$H  ,  $C", RA_SIGNED, ""},
    {"AWS4-HMAC-SHA256\t$C, $H, $S", RA_SIGNED, ""},
    {"AWS4-HMAC-SHA256", RA_SIGN_INCOMPLETE,
     "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
     "parameter. Authorization header requires 'SignedHeaders' parameter. "},
    {"AWS4-HMAC-SHA256 $C, $H", RA_SIGN_INCOMPLETE, "Authorization header requires 'Signature' parameter. "},
    {"AWS4-HMAC-SHA256 $C, $S", RA_SIGN_INCOMPLETE,
     "Authorization header requires 'SignedHeaders' parameter. "},
    {"AWS4-HMAC-SHA256 $H, $S", RA_SIGN_INCOMPLETE, "Authorization header requires 'Credential' parameter. "},
    {"AWS4-HMAC-SHA256 $C, $H, Signature=", RA_SIGN_INCOMPLETE,
     "Authorization header requires 'Signature' parameter. "},
    {"AWS4-HMAC-SHA256 $C, SignedHeaders=, $S", RA_SIGN_INCOMPLETE,
     "Authorization header requires 'SignedHeaders' parameter. "},
    {"AWS4-HMAC-SHA256 $C, $H, $S, $S", RA_SIGN_INCOMPLETE,
     "Authorization header has 'Signature' more than once."},
    {"AWS4-HMAC-SHA256 $C, $C, $H, $S", RA_SIGN_INCOMPLETE,
     "Authorization header has 'Credential' more than once."},
    {"AWS4-HMAC-SHA256 $H, $C, $H, $S", RA_SIGN_INCOMPLETE,
     "Authorization header has 'SignedHeaders' more than once."},
    {"AWS4-HMAC-SHA256 Signature=, $C, $H, $S", RA_SIGN_INCOMPLETE,
     "Authorization header has 'Signature' more than once."},
    {"AWS4-HMAC-SHA256 $C, $H, $S,", RA_SIGN_INCOMPLETE, NULL},
    {"AWS4-HMAC-SHA256 ,$C, $H, $S", RA_SIGN_INCOMPLETE, NULL},
    {"AWS4-HMAC-SHA256 $C, $H, $S, Version=1", RA_SIGN_INCOMPLETE, NULL},
    {"AWS4-HMAC-SHA256 $C, $H, signature=00", RA_SIGN_INCOMPLETE, NULL},
    {"AWS4-HMAC-SHA256 $C $H $S", RA_SIGN_INCOMPLETE, NULL},
    {"AWS4-HMAC-SHA256 $C; $H; $S", RA_SIGN_INCOMPLETE, NULL},
    {"AWS4-HMAC-SHA256$C, $H, $S", RA_SIGN_INCOMPLETE, NULL},
    {"AWS4-HMAC-SHA256x $C, $H, $S", RA_SIGN_INCOMPLETE, NULL},
    {"AWS4-HMAC-SHA25 $C, $H, $S", RA_SIGN_INCOMPLETE, NULL},
    {"AWS4-ECDSA-P256-SHA256 $C, $H, $S", RA_SIGN_INCOMPLETE,
     "Authorization header requires the algorithm 'AWS4-HMAC-SHA256'."},
    {"aws4-hmac-sha256 $C, $H, $S", RA_SIGN_INCOMPLETE, NULL},
    {"Bearer secret-token", RA_SIGN_INCOMPLETE,
     "Authorization header requires the algorithm 'AWS4-HMAC-SHA256'."},
    {"$C, $H, $S", RA_SIGN_INCOMPLETE, NULL},
    {"AWS4-HMAC-SHA256 $C, $H, $S0", RA_SIGN_WRONG, MISMATCH},
    {"AWS4-HMAC-SHA256 $C, $H, Signature=0", RA_SIGN_WRONG, MISMATCH},
    {"AWS4-HMAC-SHA256 $C, $H, Signature=\x01\xff", RA_SIGN_WRONG, MISMATCH},
    {"AWS4-HMAC-SHA256 $C/, $H, $S", RA_SIGN_INCOMPLETE, NULL},
    {"AWS4-HMAC-SHA256 Credential=" ID ", $H, $S", RA_SIGN_INCOMPLETE,
     "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term"},
    {"AWS4-HMAC-SHA256 Credential=" ID "/20150830/" REGION "/dynamodb, $H, $S", RA_SIGN_INCOMPLETE, NULL},
    {"AWS4-HMAC-SHA256 Credential=x/" ID "/20150830/" REGION "/dynamodb/aws4_request, $H, $S",
     RA_SIGN_INCOMPLETE, NULL},
    {"AWS4-HMAC-SHA256 Credential=/20150830/" REGION "/dynamodb/aws4_request, $H, $S", RA_SIGN_INCOMPLETE,
     NULL},
    {"AWS4-HMAC-SHA256 Credential=////, $H, $S", RA_SIGN_INCOMPLETE, NULL},
    {"AWS4-HMAC-SHA256 Credential=" ID "/20150831/" REGION "/dynamodb/aws4_request, $H, $S", RA_SIGN_WRONG,
     "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150831' "
     "!= '20150830', from '20150830T123600Z'."},
    {"AWS4-HMAC-SHA256 Credential=" ID "/201508300/" REGION "/dynamodb/aws4_request, $H, $S", RA_SIGN_WRONG,
     NULL},
    {"AWS4-HMAC-SHA256 Credential=" ID "/20150830/eu-west-1/dynamodb/aws4_request, $H, $S", RA_SIGN_WRONG,
     "Credential should be scoped to a valid region, not 'eu-west-1'."},
    {"AWS4-HMAC-SHA256 Credential=" ID "/20150830/\x01\xff\n<b>/dynamodb/aws4_request, $H, $S", RA_SIGN_WRONG,
     "Credential should be scoped to a valid region, not '?\?\?<b>'."},
    {"AWS4-HMAC-SHA256 Credential=" ID "/20150830/" REGION "/s3/aws4_request, $H, $S", RA_SIGN_WRONG,
     "Credential should be scoped to correct service: 'dynamodb'."},
    {"AWS4-HMAC-SHA256 Credential=" ID "/20150830/" REGION "/dynamodb/aws5_request, $H, $S", RA_SIGN_WRONG,
     "Credential should be scoped with a valid terminator: 'aws4_request'."},
    {"AWS4-HMAC-SHA256 Credential=OTHER/20150830/" REGION "/dynamodb/aws4_request, $H, $S",
     RA_SIGN_UNKNOWN_KEY, INVALID_TOKEN},
    {"AWS4-HMAC-SHA256 Credential=" ID "0/20150830/" REGION "/dynamodb/aws4_request, $H, $S",
     RA_SIGN_UNKNOWN_KEY, INVALID_TOKEN},
    {"AWS4-HMAC-SHA256 Credential=akidexample/20150830/" REGION "/dynamodb/aws4_request, $H, $S",
     RA_SIGN_UNKNOWN_KEY, INVALID_TOKEN},
};

static void test_forms_of_authorization(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        made *m = unsigned_request();
        authorize_as(m, forms[i].form);
        char why[RA_VERIFIER_WHY_MAX];
        ra_verifier *v = ra_verifier_new(REGION, SKEW_MS);
        enum ra_verdict_of_signature said = check_with(v, keys, m, NOW, why);
        if (said != forms[i].expected || (forms[i].text && strcmp(forms[i].text, why) != 0))
            fail_msg("%s: %d, %s", forms[i].form, (int)said, why);
        assert_null(strstr(why, "secret-token"));
        ra_verifier_free(v);
        free(m);
    }
}

static void test_a_long_region_is_cut(void **state)
{
    (void)state;
    made *m = unsigned_request();
    char form[1200], region[1001], why[RA_VERIFIER_WHY_MAX];
    memset(region, 'r', 1000);
    region[1000] = '\0';
    snprintf(form, sizeof form,
             "AWS4-HMAC-SHA256 Credential=" ID "/20150830/%s/dynamodb/aws4_request, $H, $S", region);
    authorize_as(m, form);
    ra_verifier *v = ra_verifier_new(REGION, SKEW_MS);
    assert_int_equal(check_with(v, keys, m, NOW, why), RA_SIGN_WRONG);
    assert_true(strlen(why) < 150 && strstr(why, "rrr...'"));
    ra_verifier_free(v);
    free(m);
}

static void expect_twice(const char *name, const char *value, const char *shown)
{
    char text[200];
    made *m = signed_request();
    add(m, name, value);
    snprintf(text, sizeof text, "The request has more than one '%s' header.", shown);
    expect(m, RA_SIGN_INCOMPLETE, text);
    free(m);
}

static void test_headers_that_come_once(void **state)
{
    (void)state;
    made *m = signed_request();
    const char *again = find(m, "authorization")->value.p;
    expect_twice("authorization", again, "authorization");
    expect_twice("Authorization", "", "Authorization");
    expect_twice("x-amz-date", DATE, "x-amz-date");
    expect_twice("HOST", "127.0.0.1:8100", "HOST");
    expect_twice("X-Amz-Target", "DynamoDB_20120810.GetItem", "X-Amz-Target");
    free(m);
}

/* ---- what is signed ---- */

static void test_signed_headers(void **state)
{
    (void)state;
    const char *sorted = "SignedHeaders must be lower-case names, sorted, each once; '%s' is not.";
    const struct {
        const char *names, *at;
    } wrong[] = {{"host;content-type;x-amz-date;x-amz-target", "content-type"},
                 {"content-type;host;x-amz-target;x-amz-date", "x-amz-date"},
                 {"content-type;host;host;x-amz-date;x-amz-target", "host"},
                 {"Content-Type;host;x-amz-date;x-amz-target", "Content-Type"},
                 {"content-type;host;X-Amz-Date;x-amz-target", "X-Amz-Date"},
                 {"content-type;;host;x-amz-date;x-amz-target", ""},
                 {";content-type;host;x-amz-date;x-amz-target", ""},
                 {"content-type;host;x-amz-date;x-amz-target;", ""},
                 {"content-type;host; x-amz-date;x-amz-target", " x-amz-date"},
                 {"content-type host;x-amz-date;x-amz-target", "content-type host"},
                 {"content-type;host:;x-amz-date;x-amz-target", "host:"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[300];
        snprintf(text, sizeof text, sorted, wrong[i].at);
        expect_with(NULL, NULL, wrong[i].names, RA_SIGN_WRONG, text);
    }
    expect_with(NULL, NULL, "accept;" NAMES, RA_SIGN_WRONG,
                "The header 'accept' is among SignedHeaders and not in the request.");
    expect_with(NULL, NULL, NAMES ";x-amz-zzz", RA_SIGN_WRONG,
                "The header 'x-amz-zzz' is among SignedHeaders and not in the request.");
}

static void test_what_must_be_signed(void **state)
{
    (void)state;
    expect_with(NULL, NULL, "content-type;x-amz-date;x-amz-target", RA_SIGN_WRONG,
                "'Host' must be a 'SignedHeader' in the AWS Authorization.");
    expect_with(NULL, NULL, "content-type;host;x-amz-date", RA_SIGN_WRONG,
                "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.");
    expect_with(NULL, NULL, "content-type;host;x-amz-target", RA_SIGN_WRONG,
                "'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization.");
    expect_with("x-AMZ-meta", "1", NAMES, RA_SIGN_WRONG,
                "'x-AMZ-meta' must be a 'SignedHeader' in the AWS Authorization.");
    expect_with("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD", NAMES, RA_SIGN_WRONG,
                "'X-Amz-Content-Sha256' must be a 'SignedHeader' in the AWS Authorization.");
    expect_with("X-Amz-User-Agent", "tool", NAMES, RA_SIGNED, "");
    expect_with("X-Amzn-Trace-Id", "1", NAMES, RA_SIGNED, "");
    expect_with("X-Forwarded-For", "1", NAMES, RA_SIGNED, "");
    expect_with(NULL, NULL, "host;x-amz-date;x-amz-target", RA_SIGNED, "");
    expect_without("host", "content-type;x-amz-date;x-amz-target", RA_SIGNED, "");
}

/* "a" twice is "one,two", and nothing else is: neither the other order, nor one of the two. */
static void test_a_header_that_comes_twice(void **state)
{
    (void)state;
    const signature s = {"a;content-type;host;x-amz-date;x-amz-target", DATE, RIGHT.scope, ID, SECRET};
    made *m = unsigned_request();
    add(m, "A", "one");
    add(m, "a", "two");
    sign(m, &s);
    expect(m, RA_SIGNED, "");
    find(m, "a")->value = RA_BYTES("two");
    expect(m, RA_SIGN_WRONG, MISMATCH);
    m->v[5].value = RA_BYTES("one");
    expect(m, RA_SIGN_WRONG, MISMATCH);
    m->v[4].value = RA_BYTES("one");
    m->v[5].value = RA_BYTES("two");
    expect(m, RA_SIGNED, "");
    take_away(m, "a");
    expect(m, RA_SIGN_WRONG, MISMATCH);
    free(m);
}

static void test_content_hash(void **state)
{
    (void)state;
    const char *names = "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target";
    const char *of_body = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    const char *other = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const char *no = "The provided 'x-amz-content-sha256' header does not match what was computed.";
    expect_with("X-Amz-Content-Sha256", of_body, names, RA_SIGNED, "");
    expect_with("X-Amz-Content-Sha256", other, names, RA_SIGN_WRONG, no);
    expect_with("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD", names, RA_SIGN_WRONG, no);
    expect_with("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", names, RA_SIGN_WRONG, no);
    expect_with("X-Amz-Content-Sha256", "", names, RA_SIGN_WRONG, no);
}

static void test_security_token(void **state)
{
    (void)state;
    const char *names = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target";
    expect_with("X-Amz-Security-Token", "FwoGZXIvYXdzE", names, RA_SIGN_UNKNOWN_KEY, INVALID_TOKEN);
    expect_with("X-Amz-Security-Token", "", names, RA_SIGN_UNKNOWN_KEY, INVALID_TOKEN);
    expect_with("X-Amz-Security-Token", "FwoGZXIvYXdzE", NAMES, RA_SIGN_UNKNOWN_KEY, INVALID_TOKEN);
}

static void test_a_query_is_signed_as_it_came(void **state)
{
    (void)state;
    made *m = unsigned_request();
    m->query = RA_BYTES("b=1&a");
    sign(m, &RIGHT);
    expect(m, RA_SIGNED, "");
    take_away(m, "authorization");
    m->query = RA_BYTES("a=\n1"); /* a line of its own in what is signed */
    sign(m, &RIGHT);
    expect(m, RA_SIGN_WRONG, MISMATCH);
    free(m);
}

static void test_many_headers(void **state)
{
    (void)state;
    made *m = signed_request();
    while (m->n < RA_VERIFIER_HEADERS_MAX)
        add(m, "X", "y");
    expect(m, RA_SIGNED, "");
    add(m, "X", "y");
    expect(m, RA_SIGN_INCOMPLETE, "The request has more than 100 headers.");
    free(m);
}

/* ---- time ---- */

static enum ra_verdict_of_signature at(int64_t now, int64_t skew_ms, char why[RA_VERIFIER_WHY_MAX])
{
    made *m = signed_request();
    ra_verifier *v = ra_verifier_new(REGION, skew_ms);
    enum ra_verdict_of_signature said = check_with(v, keys, m, now, why);
    ra_verifier_free(v);
    free(m);
    return said;
}

static void test_window(void **state)
{
    (void)state;
    char why[RA_VERIFIER_WHY_MAX];
    assert_int_equal(at(NOW + 300, SKEW_MS, why), RA_SIGNED);
    assert_int_equal(at(NOW - 300, SKEW_MS, why), RA_SIGNED);
    assert_int_equal(at(NOW + 301, SKEW_MS, why), RA_SIGN_WRONG);
    assert_string_equal(why, "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z "
                             "(20150830T124101Z - 5 min.)");
    assert_int_equal(at(NOW - 301, SKEW_MS, why), RA_SIGN_WRONG);
    assert_string_equal(why, "Signature not yet current: 20150830T123600Z is still later than "
                             "20150830T123559Z (20150830T123059Z + 5 min.)");
    assert_int_equal(at(NOW + 90, 90000, why), RA_SIGNED);
    assert_int_equal(at(NOW + 91, 90999, why), RA_SIGN_WRONG);
    assert_string_equal(why, "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z "
                             "(20150830T123731Z - 90 s.)");
    assert_int_equal(at(NOW + 365 * (int64_t)DAY, SKEW_MS, why), RA_SIGN_WRONG);
    assert_int_equal(at(0, SKEW_MS, why), RA_SIGN_WRONG);
}

static void test_dates(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "20150830",
                                        "2015-08-30T12:36:00Z",
                                        "20150830T123600",
                                        "20150830T123600z",
                                        "20150830 123600Z",
                                        "20150830T1236000",
                                        "20150830T123660Z",
                                        "20150830T126000Z",
                                        "20150830T240000Z",
                                        "20150832T123600Z",
                                        "20151330T123600Z",
                                        "20150229T123600Z",
                                        "20150830T123600Z ",
                                        "x0150830T123600Z",
                                        "20150800T123600Z",
                                        "20150030T123600Z",
                                        "00000830T123600Z",
                                        "2015083/T123600Z",
                                        "20150830T12:600Z",
                                        "20150431T123600Z",
                                        "21000229T000000Z",
                                        "20150830T123600\x01",
                                        "Sun, 30 Aug 2015 12:36:00 GMT"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        made *m = signed_request();
        find(m, "x-amz-date")->value = ra_bytes_z(wrong[i]);
        char why[RA_VERIFIER_WHY_MAX];
        ra_verifier *v = ra_verifier_new(REGION, SKEW_MS);
        if (check_with(v, keys, m, NOW, why) != RA_SIGN_INCOMPLETE || !strstr(why, "ISO-8601"))
            fail_msg("%s: %s", wrong[i], why);
        ra_verifier_free(v);
        free(m);
    }
    expect_without("x-amz-date", "content-type;host;x-amz-target", RA_SIGN_INCOMPLETE,
                   "Authorization header requires existence of a 'X-Amz-Date' header. ");
}

/* A request of a certain second, signed with a key, and when it is looked at. */
static enum ra_verdict_of_signature dated(ra_verifier *v, const ra_access_keys *k, const char *id,
                                          const char *secret, const char *date, int64_t now)
{
    char scope[100], why[RA_VERIFIER_WHY_MAX];
    made *m = unsigned_request();
    snprintf(scope, sizeof scope, "%.8s/" REGION "/dynamodb/aws4_request", date);
    find(m, "x-amz-date")->value = ra_bytes_z(date);
    sign(m, &(signature){NAMES, date, scope, id, secret});
    enum ra_verdict_of_signature said = check_with(v, k, m, now, why);
    free(m);
    return said;
}

static void test_calendar(void **state)
{
    (void)state;
    static const struct {
        const char *date;
        int64_t seconds;
    } known[] = {{"19700101T000000Z", 0},           {"20000229T235959Z", 951868799},
                 {"20240229T000000Z", 1709164800},  {"20241231T235959Z", 1735689599},
                 {"20250301T000000Z", 1740787200},  {"21000301T000000Z", 4107542400},
                 {"99991231T235959Z", 253402300799}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        ra_verifier *v = ra_verifier_new(REGION, 0);
        assert_int_equal(dated(v, keys, ID, SECRET, known[i].date, known[i].seconds), RA_SIGNED);
        assert_int_equal(dated(v, keys, ID, SECRET, known[i].date, known[i].seconds + 1), RA_SIGN_WRONG);
        assert_int_equal(dated(v, keys, ID, SECRET, known[i].date, known[i].seconds - 1), RA_SIGN_WRONG);
        ra_verifier_free(v);
    }
}

static void test_over_midnight(void **state)
{
    (void)state;
    ra_verifier *v = ra_verifier_new(REGION, SKEW_MS);
    const int64_t midnight = 1709251200;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(dated(v, keys, ID, SECRET, "20240229T235959Z", midnight - 1), RA_SIGNED);
        assert_int_equal(dated(v, keys, ID, SECRET, "20240301T000000Z", midnight), RA_SIGNED);
        assert_int_equal(dated(v, keys, ID, SECRET, "20240229T235959Z", midnight + 1), RA_SIGNED);
        assert_int_equal(dated(v, keys, ID, SECRET, "20240301T000000Z", midnight - 1), RA_SIGNED);
        assert_int_equal(dated(v, keys, ID, "another", "20240301T000000Z", midnight), RA_SIGN_WRONG);
    }
    ra_verifier_free(v);
}

/* ---- keys ---- */

enum { MANY = RA_VERIFIER_KEYS + 10 };

static void test_more_keys_than_are_kept(void **state)
{
    (void)state;
    ra_buf text;
    ra_buf_init(&text, BIG);
    for (int i = 0; i < MANY; i++)
        ra_buf_addf(&text, "%s{\"access_key_id\":\"K%d\",\"secret_access_key\":\"secret %d\"}",
                    i ? "," : "{\"keys\":[", i, i);
    ra_buf_add(&text, "]}", 3);
    ra_access_keys *many = parse_keys(text.p);
    ra_verifier *v = ra_verifier_new(REGION, SKEW_MS);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            char id[20], secret[20], others[20];
            snprintf(id, sizeof id, "K%d", i);
            snprintf(secret, sizeof secret, "secret %d", i);
            snprintf(others, sizeof others, "secret %d", (i + 1) % MANY);
            assert_int_equal(dated(v, many, id, secret, DATE, NOW), RA_SIGNED);
            assert_int_equal(dated(v, many, id, others, DATE, NOW), RA_SIGN_WRONG);
        }
    }
    ra_verifier_free(v);
    ra_access_keys_unref(many);
    ra_buf_free(&text);
}

/* The same id with another secret, as after a reload: what was kept for the old one counts no more. */
static void test_a_changed_secret(void **state)
{
    (void)state;
    ra_access_keys *after =
        parse_keys("{\"keys\":[{\"access_key_id\":\"" ID "\",\"secret_access_key\":\"new\"}]}");
    ra_verifier *v = ra_verifier_new(REGION, SKEW_MS);
    assert_int_equal(dated(v, keys, ID, SECRET, DATE, NOW), RA_SIGNED);
    assert_int_equal(dated(v, after, ID, SECRET, DATE, NOW), RA_SIGN_WRONG);
    assert_int_equal(dated(v, after, ID, "new", DATE, NOW), RA_SIGNED);
    assert_int_equal(dated(v, keys, ID, "new", DATE, NOW), RA_SIGN_WRONG);
    ra_access_keys *none = parse_keys("{\"keys\":[]}");
    assert_int_equal(dated(v, none, ID, SECRET, DATE, NOW), RA_SIGN_UNKNOWN_KEY);
    ra_access_keys_unref(none);
    ra_access_keys_unref(after);
    ra_verifier_free(v);
}

static void test_types(void **state)
{
    (void)state;
    assert_null(ra_verifier_type(RA_SIGNED));
    assert_null(ra_verifier_type(RA_SIGN_NO_MEMORY));
    assert_string_equal(ra_verifier_type(RA_UNSIGNED),
                        "com.amazon.coral.service#MissingAuthenticationTokenException");
    assert_string_equal(ra_verifier_type(RA_SIGN_INCOMPLETE),
                        "com.amazon.coral.service#IncompleteSignatureException");
    assert_string_equal(ra_verifier_type(RA_SIGN_UNKNOWN_KEY),
                        "com.amazon.coral.service#UnrecognizedClientException");
    assert_string_equal(ra_verifier_type(RA_SIGN_WRONG),
                        "com.amazon.coral.service#InvalidSignatureException");
}

#ifndef OWN_ALLOCATOR
/* Whatever is refused, a wrong signature isn't taken, and a right one is taken or there is no memory. */
static void test_without_memory(void **state)
{
    (void)state;
    made *right = signed_request(), *wrong = signed_request();
    wrong->body = RA_BYTES("{ }");
    unsigned taken = 0, lacked = 0;
    for (int i = 0; i < 3000; i++) {
        char why[RA_VERIFIER_WHY_MAX];
        refuse_one_in = 0;
        ra_verifier *v = ra_verifier_new(REGION, SKEW_MS);
        refuse_one_in = 60;
        enum ra_verdict_of_signature said = check_with(v, keys, right, NOW, why);
        enum ra_verdict_of_signature other = check_with(v, keys, wrong, NOW, why);
        refuse_one_in = 0;
        assert_true(said == RA_SIGNED || said == RA_SIGN_NO_MEMORY);
        assert_true(other == RA_SIGN_WRONG || other == RA_SIGN_NO_MEMORY);
        taken += said == RA_SIGNED;
        lacked += said == RA_SIGN_NO_MEMORY;
        assert_int_equal(check_with(v, keys, right, NOW, why), RA_SIGNED); /* when there is some again */
        ra_verifier_free(v);
    }
    assert_true(taken > 0 && lacked > 0);
    free(right);
    free(wrong);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_requests),
        cmocka_unit_test(test_every_digit_of_the_signature_counts),
        cmocka_unit_test(test_the_request_of_these_tests_is_signed),
        cmocka_unit_test(test_without_authorization),
        cmocka_unit_test(test_forms_of_authorization),
        cmocka_unit_test(test_a_long_region_is_cut),
        cmocka_unit_test(test_headers_that_come_once),
        cmocka_unit_test(test_signed_headers),
        cmocka_unit_test(test_what_must_be_signed),
        cmocka_unit_test(test_a_header_that_comes_twice),
        cmocka_unit_test(test_content_hash),
        cmocka_unit_test(test_security_token),
        cmocka_unit_test(test_a_query_is_signed_as_it_came),
        cmocka_unit_test(test_many_headers),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_calendar),
        cmocka_unit_test(test_over_midnight),
        cmocka_unit_test(test_more_keys_than_are_kept),
        cmocka_unit_test(test_a_changed_secret),
        cmocka_unit_test(test_types),
#ifndef OWN_ALLOCATOR
        cmocka_unit_test(test_without_memory),
#endif
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
