/*
 * Clients' signatures. The first character says which: (a) a whole request: the query, a line; header lines;
 * an empty line; the body; (b) one that is signed here: the target, a line; header lines that aren't signed;
 * an empty line; the body.
 * - A request that is taken for signed is one that somebody has signed: its target and body are those of a
 *   request that botocore has signed with the only key there is (tests/unit/proxy/verifier_golden.json), it
 *   is as old, and its x-amz-* headers (but x-amz-user-agent) are among those that are signed.
 * - What is signed here is taken, unless a header has come to it that must be signed as well; and it isn't
 *   once a bit of its body, of its target or of its signature is another one, or it is too old.
 */
#include "proxy/sigv4.h"
#include "proxy/verifier.h"
#include "tests/fuzz/fuzz.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <strings.h>

enum { NOW = 1440938160, SKEW_MS = 300000, LINES_MAX = RA_VERIFIER_HEADERS_MAX + 20, GOLDEN_MAX = 1 << 20 };

#define ID     "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define REGION "us-east-1"

static const cJSON *golden;
static ra_access_keys *keys;
static ra_verifier *verifier;
static ra_signer *signer;
static ra_credentials *credentials;
static bool has_secret; /* the input shows it itself */

static void read_golden(void)
{
    FILE *f = fopen(READASIDE_SOURCE_DIR "/tests/unit/proxy/verifier_golden.json", "rb");
    FUZZ_CHECK(f);
    char *text = fuzz_alloc(GOLDEN_MAX);
    size_t n = fread(text, 1, GOLDEN_MAX, f);
    fclose(f);
    golden = cJSON_ParseWithLength(text, n);
    free(text);
    FUZZ_CHECK(cJSON_GetArraySize(golden) > 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char text[] =
        "{\"keys\":[{\"access_key_id\":\"" ID "\",\"secret_access_key\":\"" SECRET "\"}]}";
    char why[RA_ACCESS_KEYS_WHY_MAX];
    (void)argc;
    (void)argv;
    read_golden();
    keys = ra_access_keys_parse(RA_BYTES(text), "keys", why);
    verifier = ra_verifier_new(REGION, SKEW_MS);
    signer = ra_signer_new(REGION, "dynamodb");
    credentials = ra_credentials_new(ID, SECRET, NULL, INT64_MAX, "test");
    FUZZ_CHECK(keys && verifier && signer && credentials);
    return 0;
}

typedef struct lines {
    ra_http_line v[LINES_MAX];
    size_t n;
} lines;

static bool is_named(const ra_http_line *l, const char *name)
{
    return l->name.n == strlen(name) && strncasecmp(l->name.p, name, l->name.n) == 0;
}

static void add_line(lines *to, ra_bytes line)
{
    ra_bytes value = line, name = fuzz_until(&value, ':');
    while (value.n && (*value.p == ' ' || *value.p == '\t'))
        value = (ra_bytes){value.p + 1, value.n - 1};
    while (value.n && (value.p[value.n - 1] == ' ' || value.p[value.n - 1] == '\t'))
        value.n--;
    if (to->n < LINES_MAX)
        to->v[to->n++] = (ra_http_line){name, value};
}

static void add_lines(lines *to, ra_bytes *rest)
{
    ra_bytes line;
    while ((line = fuzz_line(rest)).n)
        add_line(to, line);
}

/* DynamoDB's protocol's own, but for one that means nothing and that tools on the way put in. */
static bool is_amz(const ra_http_line *l)
{
    return l->name.n > 6 && strncasecmp(l->name.p, "x-amz-", 6) == 0 && !is_named(l, "x-amz-user-agent");
}

static enum ra_verdict_of_signature check(const lines *l, ra_bytes query, ra_bytes body, int64_t now)
{
    const ra_access_key *key = NULL;
    char why[RA_VERIFIER_WHY_MAX] = "";
    const ra_signed_request r = {{l->v, l->n}, query, body};
    enum ra_verdict_of_signature v = ra_verifier_check(verifier, keys, &r, now, &key, why);
    FUZZ_CHECK(v != RA_SIGN_NO_MEMORY && memchr(why, '\0', sizeof why));
    FUZZ_CHECK((v == RA_SIGNED) == (ra_verifier_type(v) == NULL) && (v == RA_SIGNED || *why));
    FUZZ_CHECK(v != RA_SIGNED || (key && strcmp(key->id, ID) == 0));
    FUZZ_CHECK(has_secret || !strstr(why, SECRET));
    for (const char *p = why; *p; p++)
        FUZZ_CHECK(*p == '\n' || (unsigned char)*p >= ' ');
    return v;
}

/* ---- whole requests ---- */

static ra_bytes one_value(const lines *l, const char *name)
{
    size_t found = l->n;
    for (size_t i = 0; i < l->n; i++) {
        if (!is_named(&l->v[i], name))
            continue;
        FUZZ_CHECK(found == l->n); /* more than one */
        found = i;
    }
    FUZZ_CHECK(found < l->n);
    return l->v[found].value;
}

static const char *golden_header(const cJSON *request, const char *name)
{
    const cJSON *pair;
    cJSON_ArrayForEach(pair, cJSON_GetObjectItemCaseSensitive(request, "headers"))
    {
        if (strcasecmp(cJSON_GetArrayItem(pair, 0)->valuestring, name) == 0)
            return cJSON_GetArrayItem(pair, 1)->valuestring;
    }
    return "";
}

/* White space around a value isn't signed. */
static ra_bytes trimmed(ra_bytes v)
{
    while (v.n && isspace((unsigned char)*v.p))
        v = (ra_bytes){v.p + 1, v.n - 1};
    while (v.n && isspace((unsigned char)v.p[v.n - 1]))
        v.n--;
    return v;
}

/* What botocore has signed has this target and this body. */
static bool is_golden(ra_bytes target, ra_bytes date, ra_bytes body)
{
    const cJSON *request;
    cJSON_ArrayForEach(request, golden)
    {
        const char *text = cJSON_GetObjectItemCaseSensitive(request, "body")->valuestring;
        if (ra_bytes_eq_z(body, text) && ra_bytes_eq_z(target, golden_header(request, "x-amz-target")) &&
            ra_bytes_eq_z(date, golden_header(request, "x-amz-date")))
            return true;
    }
    return false;
}

/* Is the name, in lower case, between two of ';', '=', ',' of the list? */
static bool is_in_list(ra_bytes authorization, ra_bytes name)
{
    for (size_t i = 1; i + name.n < authorization.n; i++)
        if (strncasecmp(authorization.p + i, name.p, name.n) == 0 && strchr(";= ", authorization.p[i - 1]) &&
            strchr(";, ", authorization.p[i + name.n]))
            return true;
    return false;
}

static void check_whole(ra_bytes rest)
{
    lines l = {.n = 0};
    ra_bytes query = fuzz_line(&rest);
    add_lines(&l, &rest);
    if (check(&l, query, rest, NOW) != RA_SIGNED)
        return;
    ra_bytes authorization = one_value(&l, "authorization");
    ra_bytes target = trimmed(one_value(&l, "x-amz-target")), date = trimmed(one_value(&l, "x-amz-date"));
    FUZZ_CHECK(is_golden(target, date, rest));
    for (size_t i = 0; i < l.n; i++) {
        FUZZ_CHECK(!is_named(&l.v[i], "x-amz-security-token"));
        if (is_amz(&l.v[i]))
            FUZZ_CHECK(is_in_list(authorization, l.v[i].name));
    }
    FUZZ_CHECK(check(&l, query, rest, NOW + SKEW_MS / 1000 + 1) == RA_SIGN_WRONG);
}

/* ---- requests that are signed here ---- */

/* May this come to a signed request and leave it signed? Only what nobody signs. */
static bool is_harmless(const ra_http_line *l)
{
    static const char *const signed_ones[] = {"authorization", "content-type", "host"};
    for (size_t i = 0; i < sizeof signed_ones / sizeof *signed_ones; i++)
        if (is_named(l, signed_ones[i]))
            return false;
    return !is_amz(l);
}

/* A copy of the value with one bit turned over. */
static char *spoilt(ra_bytes value, size_t place)
{
    char *copy = fuzz_copy(value);
    copy[place % value.n] = (char)(copy[place % value.n] ^ 1);
    return copy;
}

static void check_spoilt(lines *l, ra_bytes body)
{
    size_t place = body.n * 31 + l->n;
    for (size_t i = 0; i < l->n; i++) {
        ra_bytes value = l->v[i].value;
        if (is_harmless(&l->v[i]) || value.n == 0)
            continue;
        /* A blank that becomes something else, or the other way, is another value too; '!' and ' ' aren't
         * the same. Of an Authorization header it is the signature, its last 64 characters. */
        bool authorization = is_named(&l->v[i], "authorization");
        size_t at = authorization ? value.n - 1 - place % RA_SHA256_HEX : place;
        char *copy = spoilt(value, at);
        l->v[i].value.p = copy;
        FUZZ_CHECK(check(l, (ra_bytes){"", 0}, body, NOW) != RA_SIGNED);
        l->v[i].value = value;
        free(copy);
    }
    if (body.n) {
        char *copy = spoilt(body, place);
        FUZZ_CHECK(check(l, (ra_bytes){"", 0}, (ra_bytes){copy, body.n}, NOW) != RA_SIGNED);
        free(copy);
    }
    FUZZ_CHECK(check(l, RA_BYTES("a=b"), body, NOW) != RA_SIGNED);
    FUZZ_CHECK(check(l, (ra_bytes){"", 0}, body, NOW + SKEW_MS / 1000 + 1) == RA_SIGN_WRONG);
    FUZZ_CHECK(check(l, (ra_bytes){"", 0}, body, NOW - SKEW_MS / 1000 - 1) == RA_SIGN_WRONG);
}

/* Header values hold no control characters when they get here, and no blanks at their ends. */
static bool is_value(ra_bytes s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
            return false;
    return s.n > 0;
}

static void check_made(ra_bytes rest)
{
    lines l = {.n = 0};
    ra_buf out;
    size_t n;
    ra_bytes target = fuzz_line(&rest), type = RA_BYTES("application/x-amz-json-1.0");
    if (!is_value(target))
        return;
    lines extra = {.n = 0};
    add_lines(&extra, &rest);
    ra_buf_init(&out, 1 << 20);
    FUZZ_CHECK(
        ra_signer_sign(signer, credentials, NOW, RA_BYTES("localhost:8000"), type, target, rest, &out, &n));
    add_line(&l, RA_BYTES("content-type: application/x-amz-json-1.0"));
    l.v[l.n++] = (ra_http_line){RA_BYTES("x-amz-target"), target};
    ra_bytes made = ra_buf_bytes(&out);
    while (n--)
        add_line(&l, fuzz_until(&made, '\0'));
    FUZZ_CHECK(check(&l, (ra_bytes){"", 0}, rest, NOW) == RA_SIGNED);
    bool harmless = true;
    for (size_t i = 0; i < extra.n && l.n < RA_VERIFIER_HEADERS_MAX; i++) {
        l.v[l.n++] = extra.v[i];
        harmless = harmless && is_harmless(&extra.v[i]);
    }
    FUZZ_CHECK(!harmless || check(&l, (ra_bytes){"", 0}, rest, NOW) == RA_SIGNED);
    if (harmless)
        check_spoilt(&l, rest);
    ra_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ra_bytes rest = {(const char *)data, size};
    unsigned choice = fuzz_choice(&rest, 2);
    char *copy = fuzz_copy(rest);
    has_secret = memmem(copy, rest.n, SECRET, strlen(SECRET)) != NULL;
    if (choice == 0)
        check_whole((ra_bytes){copy, rest.n});
    else
        check_made((ra_bytes){copy, rest.n});
    free(copy);
    return 0;
}
