/*
 * The metadata service of an EC2 instance, version 2 alone: a session token first, by PUT. Version 1, which
 * whoever can make the process fetch a URL could use, isn't asked.
 */
#include "config/endpoint.h"
#include "proxy/clock.h"
#include "proxy/credentials_reply.h"
#include "proxy/credentials_source.h"

#include <stdio.h>
#include <strings.h>

enum { CONNECT_TIMEOUT = 1000, TIMEOUT = 1000, TRIES = 3, SMALL_MAX = 4096, URL_MAX = 1024, ROLE_MAX = 128 };

static const char role_path[] = "/latest/meta-data/iam/security-credentials/";

typedef struct imds {
    ra_credentials_lookup *l;
    char endpoint[RA_ENDPOINT_MAX];
    char token[sizeof "X-aws-ec2-metadata-token: " + SMALL_MAX]; /* the header; wiped */
} imds;

static bool find_endpoint(imds *m)
{
    const char *given = ra_source_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = ra_source_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    bool six = mode && strcasecmp(mode, "IPv6") == 0;
    if (given) {
        const char *wrong = ra_endpoint_normalise(given, m->endpoint);
        if (wrong)
            ra_source_say(m->l, "AWS_EC2_METADATA_SERVICE_ENDPOINT: %s", wrong);
        return !wrong;
    }
    if (mode && !six && strcasecmp(mode, "IPv4") != 0) {
        ra_source_say(m->l, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is neither IPv4 nor IPv6");
        return false;
    }
    snprintf(m->endpoint, sizeof m->endpoint, "http://%s", six ? "[fd00:ec2::254]" : "169.254.169.254");
    return true;
}

/* The status; 0 with `why`. */
static int ask(imds *m, const char *method, const char *path, const char *header, unsigned tries,
               ra_buf *body, char why[RA_FETCH_WHY_MAX])
{
    char url[URL_MAX];
    int n = snprintf(url, sizeof url, "%s%s", m->endpoint, path);
    if (n < 0 || (size_t)n >= sizeof url) {
        snprintf(why, RA_FETCH_WHY_MAX, "its address is too long");
        return 0;
    }
    ra_fetch_request r = {.method = method,
                          .url = url,
                          .headers = &header,
                          .nheaders = 1,
                          .connect_timeout = CONNECT_TIMEOUT,
                          .timeout = TIMEOUT,
                          .max_reply = body->cap,
                          .no_proxy = true};
    return ra_source_fetch(m->l, &r, tries, NULL, body, why);
}

/* The reply, if it is one line of graphic ASCII of at most `most` bytes; else nothing. */
static ra_bytes one_word(const ra_buf *b, size_t most)
{
    ra_bytes s = ra_buf_bytes(b);
    while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
        s.n--;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] > '~')
            s.n = 0;
    }
    return s.n <= most ? s : (ra_bytes){NULL, 0};
}

/* FOUND: the token is there. ABSENT: nobody answers, so this is no instance. */
static enum ra_source_result take_token(imds *m, ra_buf *body)
{
    char why[RA_FETCH_WHY_MAX];
    int status =
        ask(m, "PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 21600", TRIES, body, why);
    ra_bytes token = one_word(body, SMALL_MAX - 1);
    if (!status)
        return ra_source_absent(m->l,
                                "no reply from %s: %s (within a container the instance's hop limit for "
                                "metadata must be 2)",
                                m->endpoint, why);
    if (status != 200)
        return ra_source_fail(m->l, "%s gives no session token: HTTP status %d%s", m->endpoint, status,
                              status == 403 ? " (the service is turned off)" : "");
    if (!token.n)
        return ra_source_fail(m->l, "%s gives no session token that can be sent", m->endpoint);
    snprintf(m->token, sizeof m->token, "X-aws-ec2-metadata-token: %.*s", (int)token.n, token.p);
    return RA_SOURCE_FOUND;
}

/* A role's name becomes part of a path. */
static bool role_good(ra_bytes s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              strchr("+=,.@_-", c)))
            return false;
    }
    return s.n && !ra_bytes_eq(s, RA_BYTES(".")) && !ra_bytes_eq(s, RA_BYTES(".."));
}

static enum ra_source_result take_role(imds *m, ra_buf *body, char path[URL_MAX])
{
    char why[RA_FETCH_WHY_MAX];
    int status = ask(m, NULL, role_path, m->token, TRIES, body, why);
    ra_bytes role = one_word(body, ROLE_MAX);
    if (!status)
        return ra_source_fail(m->l, "no reply from %s: %s", m->endpoint, why);
    if (status == 404)
        return ra_source_absent(m->l, "%s: the instance has no role", m->endpoint);
    if (status != 200)
        return ra_source_fail(m->l, "%s doesn't tell the instance's role: HTTP status %d", m->endpoint,
                              status);
    if (!role_good(role))
        return ra_source_fail(m->l, "%s: the role's name isn't one", m->endpoint);
    snprintf(path, URL_MAX, "%s%.*s", role_path, (int)role.n, role.p);
    return RA_SOURCE_FOUND;
}

static enum ra_source_result take_credentials(imds *m, ra_buf *body, const char *path, ra_credentials **out)
{
    static const ra_reply_shape shape = {
        .token = "Token", .temporary = true, .code = true, .source = "instance metadata"};
    char why[RA_FETCH_WHY_MAX];
    int status = ask(m, NULL, path, m->token, TRIES, body, why);
    const char *role = path + sizeof role_path - 1;
    if (!status)
        return ra_source_fail(m->l, "no reply from %s: %s", m->endpoint, why);
    if (status != 200)
        return ra_source_fail(m->l, "%s gives no credentials of the role %s: HTTP status %d", m->endpoint,
                              role, status);
    *out = ra_credentials_parse(ra_buf_bytes(body), &shape, ra_clock_wall(), why);
    if (!*out)
        return ra_source_fail(m->l, "%s: credentials of the role %s: %s", m->endpoint, role, why);
    ra_source_say(m->l, "role %s", role);
    return RA_SOURCE_FOUND;
}

enum ra_source_result ra_credentials_from_imds(ra_credentials_lookup *l, ra_credentials **out)
{
    const char *disabled = ra_source_variable("AWS_EC2_METADATA_DISABLED");
    imds m = {.l = l};
    char path[URL_MAX];
    ra_buf small, body;
    *out = NULL;
    if (disabled && strcasecmp(disabled, "true") == 0)
        return ra_source_absent(l, "AWS_EC2_METADATA_DISABLED is true");
    if (!find_endpoint(&m))
        return RA_SOURCE_FAILED;
    enum ra_source_result r = RA_SOURCE_FAILED;
    ra_source_say(l, "out of memory");
    bool memory = ra_secret_buf_init(&small, SMALL_MAX);
    memory = ra_secret_buf_init(&body, RA_CREDENTIALS_REPLY_MAX) && memory;
    if (memory)
        r = take_token(&m, &small);
    if (r == RA_SOURCE_FOUND)
        r = take_role(&m, &small, path);
    if (r == RA_SOURCE_FOUND)
        r = take_credentials(&m, &body, path, out);
    ra_secret_buf_free(&small);
    ra_secret_buf_free(&body);
    ra_secret_wipe(&m, sizeof m);
    return r;
}
