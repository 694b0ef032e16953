#include "proxy/ddb_identity.h"

#include "proxy/clock.h"
#include "proxy/ddb_given.h"
#include "proxy/sigv4.h"

#include <stdlib.h>

enum { TEXT_MAX = 64 * 1024, HEADERS_MAX = 8, CALL_TIMEOUT = 30000 };

static const ra_bytes form = RA_BYTES("Action=GetCallerIdentity&Version=2011-06-15");
static const ra_bytes form_type = RA_BYTES("application/x-www-form-urlencoded; charset=utf-8");

/* ---- what comes ---- */

/* The entity that begins at p ("&amp;"): its length, and its character in *c; 0: none that is known. */
static size_t entity(const char *p, size_t n, char *c)
{
    static const struct {
        const char *name;
        char c;
    } known[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t len = strlen(known[i].name);
        if (n >= len && memcmp(p, known[i].name, len) == 0) {
            *c = known[i].c;
            return len;
        }
    }
    return 0;
}

/* The text of the only kind of element that is of use here: <NAME>text</NAME>, without attributes. */
static bool element(ra_bytes xml, const char *name, char *out, size_t size)
{
    char open[64], close[64];
    int nopen = snprintf(open, sizeof open, "<%s>", name);
    int nclose = snprintf(close, sizeof close, "</%s>", name);
    const char *begin = memmem(xml.p, xml.n, open, (size_t)nopen);
    if (!begin)
        return false;
    begin += nopen;
    const char *end = memmem(begin, xml.n - (size_t)(begin - xml.p), close, (size_t)nclose);
    if (!end || memchr(begin, '<', (size_t)(end - begin)))
        return false;
    size_t n = 0;
    while (begin < end) {
        char c = *begin;
        size_t len = c == '&' ? entity(begin, (size_t)(end - begin), &c) : 1;
        begin += len ? len : 1;
        if (n + 1 >= size)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return n > 0;
}

bool ra_ddb_identity_parse(ra_bytes xml, ra_ddb_identity *out)
{
    return xml.n && memmem(xml.p, xml.n, "GetCallerIdentityResult", strlen("GetCallerIdentityResult")) &&
           element(xml, "Account", out->account, sizeof out->account) &&
           element(xml, "Arn", out->arn, sizeof out->arn);
}

bool ra_ddb_identity_error(ra_bytes xml, char out[RA_STS_ERROR_MAX])
{
    char code[128], message[RA_STS_ERROR_MAX - 160];
    if (!xml.n || !element(xml, "Code", code, sizeof code))
        return false;
    if (!element(xml, "Message", message, sizeof message))
        snprintf(message, sizeof message, "(no message)");
    snprintf(out, RA_STS_ERROR_MAX, "%s: %s", code, message);
    return true;
}

/* ---- what goes ---- */

const char *ra_ddb_identity_endpoint(const ra_ddb_task *t, char out[RA_ENDPOINT_MAX])
{
    static const char dynamodb[] = "https://dynamodb.";
    const char *given = ra_ddb_environment("AWS_ENDPOINT_URL_STS");
    if (given)
        return ra_endpoint_normalise(given, out);
    char aws[RA_ENDPOINT_MAX];
    if (!ra_endpoint_for_region(t->region, aws) || strncmp(aws, dynamodb, sizeof dynamodb - 1) != 0)
        return "there is none for this region";
    snprintf(out, RA_ENDPOINT_MAX, "https://sts.%s", aws + sizeof dynamodb - 1);
    return NULL;
}

/* The header lines, each ended by a NUL; their number, 0: no memory. */
static size_t make_headers(const ra_ddb_task *t, const char *endpoint, ra_buf *lines)
{
    ra_signer *signer = ra_signer_new(t->region, "sts");
    ra_bytes host = ra_bytes_z(strstr(endpoint, "://") + 3);
    size_t n = 0;
    bool ok = signer && ra_signer_sign(signer, ra_ddb_credentials(t->ddb), ra_clock_wall() / 1000, host,
                                       form_type, (ra_bytes){NULL, 0}, form, lines, &n);
    ra_signer_free(signer);
    ra_buf_addf(lines, "Content-Type: %s%c", form_type.p, '\0');
    return ok && ra_buf_ok(lines) ? n + 1 : 0;
}

static ra_http_reply *ask(const ra_ddb_task *t, const char *endpoint)
{
    char url[RA_ENDPOINT_MAX + 1];
    snprintf(url, sizeof url, "%s/", endpoint);
    const char *headers[HEADERS_MAX];
    ra_buf lines;
    ra_buf_init(&lines, TEXT_MAX);
    size_t n = make_headers(t, endpoint, &lines);
    const char *line = lines.p;
    for (size_t i = 0; i < n && i < HEADERS_MAX; i++, line += strlen(line) + 1)
        headers[i] = line;
    int64_t timeout = t->timeout < CALL_TIMEOUT ? t->timeout : CALL_TIMEOUT;
    ra_http_reply *r = n ? ra_ddb_post(t->ddb, url, headers, n, form, timeout) : NULL;
    ra_buf_free(&lines);
    return r;
}

static void refuse(const ra_ddb_task *t, const char *endpoint, const ra_http_reply *r)
{
    char why[RA_STS_ERROR_MAX];
    if (!r)
        snprintf(why, sizeof why, "out of memory");
    else if (r->result != RA_HTTP_OK)
        snprintf(why, sizeof why, "%s from %s: %s",
                 r->result == RA_HTTP_NOT_SENT ? "no connection" : "no reply", endpoint, r->error);
    else if (!ra_ddb_identity_error((ra_bytes){r->body, r->len}, why))
        snprintf(why, sizeof why, "%s replied with HTTP status %d and something that isn't STS's", endpoint,
                 r->status);
    ra_ddb_task_fail(
        t, "whose account this is can't be found out (STS GetCallerIdentity), so nothing was changed: %s",
        why);
}

bool ra_ddb_identity_say(const ra_ddb_task *t)
{
    char endpoint[RA_ENDPOINT_MAX];
    const char *wrong = ra_ddb_identity_endpoint(t, endpoint);
    if (wrong) {
        ra_ddb_task_fail(t, "the endpoint of STS (AWS_ENDPOINT_URL_STS): %s", wrong);
        return false;
    }
    ra_http_reply *r = ask(t, endpoint);
    ra_ddb_identity who;
    bool ok = ra_ddb_succeeded(r) && ra_ddb_identity_parse((ra_bytes){r->body, r->len}, &who);
    if (ok)
        ra_ddb_task_say(t, "AWS account %s, region %s, as %s", who.account, t->region, who.arn);
    else
        refuse(t, endpoint, r);
    ra_http_reply_unref(r);
    return ok;
}
