/* Signs what the proxy sends: the four stages in a row, with the day's key kept. */
#include "proxy/sigv4.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <time.h>

enum { AMZ_DATE_BYTES = 16, DATE_BYTES = 8, CANONICAL_MAX = 128 * 1024 };

struct ra_signer {
    ra_bytes region, service; /* own copies */
    /* the key below is for these */
    uint64_t serial;
    char date[DATE_BYTES];
    ra_sigv4_key *key; /* NULL: none yet */
};

static bool copy(ra_bytes *out, const char *z)
{
    char *p = strdup(z);
    *out = ra_bytes_z(p);
    return p != NULL;
}

ra_signer *ra_signer_new(const char *region, const char *service)
{
    ra_signer *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    if (copy(&s->region, region) && copy(&s->service, service))
        return s;
    ra_signer_free(s);
    return NULL;
}

void ra_signer_free(ra_signer *s)
{
    if (!s)
        return;
    ra_sigv4_key_free(s->key);
    free((char *)s->region.p);
    free((char *)s->service.p);
    free(s);
}

static bool renew_key(ra_signer *s, const ra_credentials *c, const char date[DATE_BYTES])
{
    unsigned char key[32];
    if (s->key && s->serial == c->serial && memcmp(s->date, date, DATE_BYTES) == 0)
        return true;
    ra_sigv4_key_free(s->key);
    s->key = NULL;
    if (ra_sigv4_signing_key(c->secret_access_key, (ra_bytes){date, DATE_BYTES}, s->region, s->service, key))
        s->key = ra_sigv4_key_new(key);
    OPENSSL_cleanse(key, sizeof key);
    s->serial = c->serial;
    memcpy(s->date, date, DATE_BYTES);
    return s->key != NULL;
}

static bool format_date(int64_t now_s, char out[AMZ_DATE_BYTES + 1])
{
    time_t t = (time_t)now_s;
    struct tm tm;
    return gmtime_r(&t, &tm) && strftime(out, AMZ_DATE_BYTES + 1, "%Y%m%dT%H%M%SZ", &tm) == AMZ_DATE_BYTES;
}

static void add_line(ra_buf *out, const char *name, ra_bytes value, size_t *n)
{
    ra_buf_add_z(out, name);
    ra_buf_add_z(out, ": ");
    ra_buf_add_bytes(out, value);
    ra_buf_add_char(out, '\0');
    ++*n;
}

static bool add_authorization(const ra_signer *s, const ra_credentials *c, ra_bytes names,
                              const char *signature, ra_buf *out)
{
    ra_buf_add_z(out, "Authorization: AWS4-HMAC-SHA256 Credential=");
    ra_buf_add_z(out, c->access_key_id);
    ra_buf_add_char(out, '/');
    ra_sigv4_scope((ra_bytes){s->date, DATE_BYTES}, s->region, s->service, out);
    ra_buf_add_z(out, ", SignedHeaders=");
    ra_buf_add_bytes(out, names);
    ra_buf_add_z(out, ", Signature=");
    ra_buf_add_z(out, signature);
    return ra_buf_add_char(out, '\0');
}

/* All stages; the signed headers' names and the signature come out. */
static bool sign(ra_signer *s, const ra_sign_request *r, ra_bytes date, ra_buf *names,
                 char signature[RA_SHA256_HEX + 1])
{
    ra_buf canonical, to_sign;
    ra_buf_init(&canonical, CANONICAL_MAX);
    ra_buf_init(&to_sign, CANONICAL_MAX);
    bool ok = ra_sigv4_canonical_request(r, &canonical, names) &&
              ra_sigv4_string_to_sign(date, s->region, s->service, ra_buf_bytes(&canonical), &to_sign) &&
              ra_sigv4_key_sign(s->key, ra_buf_bytes(&to_sign), signature);
    ra_buf_free(&canonical);
    ra_buf_free(&to_sign);
    return ok;
}

bool ra_signer_sign(ra_signer *s, const ra_credentials *c, int64_t now_s, ra_bytes host,
                    ra_bytes content_type, ra_bytes target, ra_bytes body, ra_buf *out, size_t *n)
{
    char date[AMZ_DATE_BYTES + 1], signature[RA_SHA256_HEX + 1];
    *n = 0;
    if (!format_date(now_s, date) || !renew_key(s, c, date))
        return false;
    ra_bytes date_bytes = {date, AMZ_DATE_BYTES}, token = ra_bytes_z(c->session_token);
    ra_signed_header headers[5] = {{RA_BYTES("content-type"), content_type},
                                   {RA_BYTES("host"), host},
                                   {RA_BYTES("x-amz-date"), date_bytes}};
    size_t count = 3;
    if (target.n)
        headers[count++] = (ra_signed_header){RA_BYTES("x-amz-target"), target};
    if (c->session_token)
        headers[count++] = (ra_signed_header){RA_BYTES("x-amz-security-token"), token};
    ra_sign_request r = {.method = RA_BYTES("POST"),
                         .path = RA_BYTES("/"),
                         .headers = headers,
                         .nheaders = count,
                         .body = body};
    ra_buf names;
    ra_buf_init(&names, CANONICAL_MAX);
    bool ok = sign(s, &r, date_bytes, &names, signature);
    if (ok) {
        add_line(out, "Host", host, n);
        add_line(out, "X-Amz-Date", date_bytes, n);
        if (c->session_token)
            add_line(out, "X-Amz-Security-Token", token, n);
        ok = add_authorization(s, c, ra_buf_bytes(&names), signature, out);
        ++*n;
    }
    ra_buf_free(&names);
    return ok;
}
