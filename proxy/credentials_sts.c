/* AWS STS: AssumeRole and AssumeRoleWithWebIdentity by the query protocol (API version 2011-06-15). */
#include "config/endpoint.h"
#include "proxy/clock.h"
#include "proxy/credentials_reply.h"
#include "proxy/credentials_source.h"
#include "proxy/credentials_xml.h"
#include "proxy/sigv4.h"

#include <stdio.h>

enum {
    FORM_MAX = 256 * 1024, /* a token of 64 KiB, every byte of it encoded, and the rest */
    HEADERS_MAX = 8,
    LINES_MAX = 64 * 1024,
    CONNECT_TIMEOUT = 5000,
    TIMEOUT = 10000,
    TRIES = 3,
    SHOWN = 200 /* of a role's name */
};

static const ra_bytes form_type = RA_BYTES("application/x-www-form-urlencoded; charset=utf-8");

/* ---- what goes ---- */

static void add_encoded(ra_buf *out, const char *z)
{
    static const char digits[] = "0123456789ABCDEF";
    for (; *z; z++) {
        unsigned char c = (unsigned char)*z;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c)) {
            ra_buf_add_char(out, *z);
            continue;
        }
        ra_buf_add_char(out, '%');
        ra_buf_add_char(out, digits[c >> 4]);
        ra_buf_add_char(out, digits[c & 15]);
    }
}

static void add_member(ra_buf *form, const char *name, const char *value)
{
    if (!value)
        return;
    ra_buf_addf(form, "&%s=", name);
    add_encoded(form, value);
}

static bool make_form(ra_buf *form, const char *action, const ra_sts_role *r, const char *token)
{
    char made_up[64];
    snprintf(made_up, sizeof made_up, "readaside-%lld", (long long)ra_clock_wall());
    ra_buf_addf(form, "Action=%s&Version=2011-06-15", action);
    add_member(form, "RoleArn", r->arn);
    add_member(form, "RoleSessionName", r->session_name ? r->session_name : made_up);
    add_member(form, "ExternalId", r->external_id);
    add_member(form, "DurationSeconds", r->duration_s);
    add_member(form, "WebIdentityToken", token);
    return ra_buf_ok(form);
}

/* STS of the region, or where AWS_ENDPOINT_URL_STS says. */
static bool find_endpoint(ra_credentials_lookup *l, char out[RA_ENDPOINT_MAX])
{
    static const char dynamodb[] = "https://dynamodb.";
    const char *given = ra_source_variable("AWS_ENDPOINT_URL_STS");
    if (given) {
        const char *wrong = ra_endpoint_normalise(given, out);
        if (wrong)
            ra_source_say(l, "AWS_ENDPOINT_URL_STS: %s", wrong);
        return !wrong;
    }
    char aws[RA_ENDPOINT_MAX];
    if (!ra_endpoint_for_region(l->region, aws) || strncmp(aws, dynamodb, sizeof dynamodb - 1) != 0) {
        ra_source_say(l, "there is no endpoint of STS for the region %s", l->region);
        return false;
    }
    int n = snprintf(out, RA_ENDPOINT_MAX, "https://sts.%s", aws + sizeof dynamodb - 1);
    return n > 0 && n < RA_ENDPOINT_MAX;
}

/* Adds the lines that a signature by `by` needs. */
static bool sign(const ra_credentials_lookup *l, const ra_credentials *by, const char *endpoint,
                 ra_bytes form, ra_buf *lines, size_t *n)
{
    ra_signer *signer = ra_signer_new(l->region, "sts");
    bool ok =
        signer && ra_signer_sign(signer, by, ra_clock_wall() / 1000, ra_bytes_z(strstr(endpoint, "://") + 3),
                                 form_type, (ra_bytes){NULL, 0}, form, lines, n);
    ra_signer_free(signer);
    return ok;
}

/* ---- what comes ---- */

static bool error_code(ra_bytes xml, char out[RA_ERROR_CODE_MAX])
{
    ra_buf text;
    ra_buf_init(&text, RA_ERROR_CODE_MAX);
    bool ok = ra_xml_text(xml, "ErrorResponse/Error/Code", &text) && ra_error_code(ra_buf_bytes(&text), out);
    ra_buf_free(&text);
    return ok;
}

/* Refusals of STS's that pass. */
static bool passes(int status, ra_bytes body)
{
    static const char *const codes[] = {"Throttling", "ThrottlingException", "RequestLimitExceeded",
                                        "IDPCommunicationError"};
    char code[RA_ERROR_CODE_MAX];
    if (status == 200 || !error_code(body, code))
        return false;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (strcmp(code, codes[i]) == 0)
            return true;
    }
    return false;
}

/* One of the four elements, zero-terminated, to be given to ra_secret_free; NULL: it isn't there. */
static char *element(ra_bytes xml, const char *action, const char *name)
{
    char path[128];
    ra_buf text;
    snprintf(path, sizeof path, "%sResponse/%sResult/Credentials/%s", action, action, name);
    if (!ra_secret_buf_init(&text, RA_CREDENTIALS_TOKEN_MAX + 1))
        return NULL;
    char *z = NULL;
    if (ra_xml_text(xml, path, &text) && !(text.n && memchr(text.p, '\0', text.n)))
        z = strndup(text.p, text.n);
    ra_secret_buf_free(&text);
    return z;
}

static ra_credentials *take_reply(ra_bytes xml, const char *action, const ra_sts_role *r,
                                  char why[RA_REPLY_WHY_MAX])
{
    char *id = element(xml, action, "AccessKeyId"), *secret = element(xml, action, "SecretAccessKey");
    char *token = element(xml, action, "SessionToken"), *expires = element(xml, action, "Expiration");
    ra_credentials *c = NULL;
    if (id && secret && token && expires)
        c = ra_credentials_make(id, secret, token, expires, ra_clock_wall(), r->source, why);
    else
        snprintf(why, RA_REPLY_WHY_MAX, "the reply isn't STS's, or lacks a part of the credentials");
    ra_secret_free(id);
    ra_secret_free(secret);
    ra_secret_free(token);
    ra_secret_free(expires);
    return c;
}

static enum ra_source_result judge(ra_credentials_lookup *l, const char *action, const ra_sts_role *r,
                                   const char *endpoint, int status, ra_bytes body, const char *no_reply,
                                   ra_credentials **out)
{
    char code[RA_ERROR_CODE_MAX], why[RA_REPLY_WHY_MAX];
    if (!status)
        return ra_source_fail(l, "%s of %.*s: no reply from %s: %s", action, SHOWN, r->arn, endpoint,
                              no_reply);
    if (status != 200 && error_code(body, code))
        return ra_source_fail(l, "%s of %.*s: %s says %s (HTTP status %d)", action, SHOWN, r->arn, endpoint,
                              code, status);
    if (status != 200)
        return ra_source_fail(l, "%s of %.*s: %s replied with HTTP status %d", action, SHOWN, r->arn,
                              endpoint, status);
    *out = take_reply(body, action, r, why);
    if (*out)
        return RA_SOURCE_FOUND;
    return ra_source_fail(l, "%s of %.*s by %s: %s", action, SHOWN, r->arn, endpoint, why);
}

/* ---- both ---- */

static enum ra_source_result send_form(ra_credentials_lookup *l, const char *action, const ra_sts_role *r,
                                       const ra_credentials *by, const char *endpoint, const ra_buf *form,
                                       ra_credentials **out)
{
    char url[RA_ENDPOINT_MAX + 1], no_reply[RA_FETCH_WHY_MAX];
    const char *headers[HEADERS_MAX];
    size_t n = 0;
    ra_buf lines, body;
    ra_buf_init(&lines, LINES_MAX);
    bool ok = ra_secret_buf_init(&body, RA_CREDENTIALS_REPLY_MAX) &&
              (!by || sign(l, by, endpoint, ra_buf_bytes(form), &lines, &n));
    ra_buf_addf(&lines, "Content-Type: %s%c", form_type.p, '\0');
    ra_buf_addf(&lines, "Accept: application/xml%c", '\0');
    n += 2;
    enum ra_source_result result = RA_SOURCE_FAILED;
    if (ok && ra_buf_ok(&lines) && n <= HEADERS_MAX) {
        const char *line = lines.p;
        for (size_t i = 0; i < n; i++, line += strlen(line) + 1)
            headers[i] = line;
        snprintf(url, sizeof url, "%s/", endpoint);
        ra_fetch_request q = {.method = "POST",
                              .url = url,
                              .headers = headers,
                              .nheaders = n,
                              .body = ra_buf_bytes(form),
                              .connect_timeout = CONNECT_TIMEOUT,
                              .timeout = TIMEOUT,
                              .ca_file = ra_source_ca_file(),
                              .max_reply = RA_CREDENTIALS_REPLY_MAX};
        int status = ra_source_fetch(l, &q, TRIES, passes, &body, no_reply);
        result = judge(l, action, r, endpoint, status, ra_buf_bytes(&body), no_reply, out);
    } else {
        ra_source_say(l, "out of memory");
    }
    ra_secret_buf_free(&body);
    ra_buf_free(&lines);
    return result;
}

static enum ra_source_result ask(ra_credentials_lookup *l, const char *action, const ra_sts_role *r,
                                 const ra_credentials *by, const char *token, ra_credentials **out)
{
    char endpoint[RA_ENDPOINT_MAX];
    ra_buf form;
    *out = NULL;
    if (!find_endpoint(l, endpoint))
        return RA_SOURCE_FAILED;
    enum ra_source_result result;
    if (ra_secret_buf_init(&form, FORM_MAX) && make_form(&form, action, r, token))
        result = send_form(l, action, r, by, endpoint, &form, out);
    else
        result = ra_source_fail(l, "%s: out of memory, or what is to be sent is too long", action);
    ra_secret_buf_free(&form);
    return result;
}

enum ra_source_result ra_sts_assume_role(ra_credentials_lookup *l, const ra_sts_role *r,
                                         const ra_credentials *by, ra_credentials **out)
{
    return ask(l, "AssumeRole", r, by, NULL, out);
}

/* Unsigned: the token is what proves who asks. Read anew each time, since it is replaced under the same name.
 */
enum ra_source_result ra_sts_assume_role_with_web_identity(ra_credentials_lookup *l, const ra_sts_role *r,
                                                           const char *token_file, ra_credentials **out)
{
    *out = NULL;
    char *token = ra_source_token_file(l, "the web identity token", token_file);
    if (!token)
        return RA_SOURCE_FAILED;
    enum ra_source_result result = ask(l, "AssumeRoleWithWebIdentity", r, NULL, token, out);
    ra_secret_free(token);
    return result;
}
