/*
 * Base64, DynamoDB's and JOSE's. DynamoDB Local 1.25 takes more than is taken here: white space at the ends,
 * unused bits that aren't zero ("QR==" is "QQ=="), padding in the middle ("QQ==QQ==" is "QUE="). It refuses
 * what is unpadded, in the URL alphabet, or has white space inside. A form of which one can't be sure is
 * refused here: the caller then treats the key as unknown.
 */
#include "proxy/base64.h"
#include "proxy/value.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* A digit's value, or -1. */
static int32_t digit(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* The last group: one or two paddings, and the bits that they leave unused are zero. */
static bool decode_padded(const char *p, char *out, size_t padding)
{
    int32_t a = digit(p[0]), b = digit(p[1]), c = padding == 2 ? 0 : digit(p[2]);
    if (a < 0 || b < 0 || c < 0 || (padding == 2 ? b & 15 : c & 3))
        return false;
    out[0] = (char)(a << 2 | b >> 4);
    if (padding == 1)
        out[1] = (char)((b << 4 | c >> 2) & 0xff);
    return true;
}

bool ra_base64_decode(ra_bytes text, ra_arena *a, ra_bytes *out)
{
    if (text.n % 4)
        return false;
    size_t padding = 0;
    while (padding < 2 && padding < text.n && text.p[text.n - 1 - padding] == '=')
        padding++;
    size_t n = text.n / 4 * 3 - padding;
    char *to = ra_arena_alloc(a, n);
    if (!to)
        return false;
    *out = (ra_bytes){to, n};
    const char *p = text.p, *end = text.p + text.n - (padding ? 4 : 0);
    for (; p < end; p += 4) {
        int32_t w = digit(p[0]), x = digit(p[1]), y = digit(p[2]), z = digit(p[3]);
        if ((w | x | y | z) < 0)
            return false;
        *to++ = (char)(w << 2 | x >> 4);
        *to++ = (char)((x << 4 | y >> 2) & 0xff);
        *to++ = (char)((y << 6 | z) & 0xff);
    }
    return !padding || decode_padded(p, to, padding);
}

bool ra_base64_encode(ra_bytes bytes, ra_arena *a, ra_bytes *out)
{
    if (bytes.n > SIZE_MAX / 2)
        return false;
    size_t n = (bytes.n + 2) / 3 * 4;
    char *to = ra_arena_alloc(a, n);
    if (!to)
        return false;
    *out = (ra_bytes){to, n};
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t left = bytes.n - i;
        uint32_t v = (uint32_t)(unsigned char)bytes.p[i] << 16;
        if (left > 1)
            v |= (uint32_t)(unsigned char)bytes.p[i + 1] << 8;
        if (left > 2)
            v |= (unsigned char)bytes.p[i + 2];
        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63];
        *to++ = (char)(left > 1 ? alphabet[v >> 6 & 63] : '=');
        *to++ = (char)(left > 2 ? alphabet[v & 63] : '=');
    }
    return true;
}

/* ---- base64url ---- */

static int32_t url_digit(char c)
{
    return c == '-' ? 62 : c == '_' ? 63 : c == '+' || c == '/' ? -1 : digit(c);
}

/* The two or three characters behind the last whole group; the bits that they leave unused are zero. */
static bool decode_tail(const char *p, size_t chars, char *out)
{
    int32_t a = url_digit(p[0]), b = url_digit(p[1]), c = chars == 3 ? url_digit(p[2]) : 0;
    if ((a | b | c) < 0 || (chars == 3 ? c & 3 : b & 15))
        return false;
    out[0] = (char)(a << 2 | b >> 4);
    if (chars == 3)
        out[1] = (char)((b << 4 | c >> 2) & 0xff);
    return true;
}

bool ra_base64url_decode(ra_bytes text, char *out, size_t *n)
{
    size_t tail = text.n % 4;
    *n = text.n / 4 * 3 + (tail ? tail - 1 : 0);
    if (tail == 1)
        return false;
    const char *p = text.p, *end = text.n ? text.p + (text.n - tail) : text.p;
    for (; p < end; p += 4) {
        int32_t w = url_digit(p[0]), x = url_digit(p[1]), y = url_digit(p[2]), z = url_digit(p[3]);
        if ((w | x | y | z) < 0)
            return false;
        *out++ = (char)(w << 2 | x >> 4);
        *out++ = (char)((x << 4 | y >> 2) & 0xff);
        *out++ = (char)((y << 6 | z) & 0xff);
    }
    return !tail || decode_tail(p, tail, out);
}
