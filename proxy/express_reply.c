#include "proxy/express_reply.h"

static char *add(char *at, const char *text, size_t n)
{
    memcpy(at, text, n);
    return at + n;
}

#define ADD(at, literal) add(at, literal, sizeof(literal) - 1)

static char *add_number(char *at, uint64_t n)
{
    char digits[20];
    unsigned i = sizeof digits;
    do
        digits[--i] = (char)('0' + n % 10);
    while (n /= 10);
    return add(at, digits + i, sizeof digits - i);
}

/* Negative ones don't come: a hit isn't past its TTL, and nobody is younger than nothing. */
static uint64_t whole(int64_t n)
{
    return n < 0 ? 0 : (uint64_t)n;
}

size_t ra_express_reply(char out[RA_EXPRESS_REPLY_MAX], const ra_payload *p, const ra_verdict *v,
                        ra_http_date *date, int64_t wall, ra_express_ids *ids)
{
    const char *day = ra_http_date_text(date, wall);
    char *at = ADD(out, "HTTP/1.1 200 OK\r\nContent-Type: " RA_CONTENT_TYPE "\r\nx-amz-crc32: ");
    at = add_number(at, p->crc32);
    at = ADD(at, "\r\nx-amzn-RequestId: ");
    ra_request_id(at);
    if (ids)
        memcpy(ids->made, at, RA_REQUEST_ID_CHARS);
    at = ADD(at + RA_REQUEST_ID_CHARS, "\r\nX-Cache: HIT\r\nAge: ");
    at = add_number(at, whole(v->age));
    at = ADD(at, "\r\nCache-Status: readaside; hit; ttl=");
    at = add_number(at, whole(v->ttl));
    if (v->detail) {
        size_t n = strlen(v->detail);
        at = ADD(at, "; detail=");
        at = add(at, v->detail, n < 32 ? n : 32);
    }
    if (ids && ids->given.n) {
        at = ADD(at, "\r\nX-Request-Id: ");
        at = add(at, ids->given.p, ids->given.n);
    }
    at = ADD(at, "\r\nDate: ");
    at = add(at, day, strlen(day));
    at = ADD(at, "\r\nContent-Length: ");
    at = add_number(at, p->len);
    at = ADD(at, "\r\n\r\n");
    return (size_t)(at - out);
}
