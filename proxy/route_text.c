/* Percent-encoding (RFC 3986, and HTML's '+' in query strings), and what characters a text is made of. */
#include "config/text.h"
#include "proxy/route_parts.h"

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Is there an escape at p? */
static bool is_escape(const char *p, const char *end)
{
    return end - p >= 3 && p[0] == '%' && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0;
}

bool ra_percent_valid(ra_bytes raw)
{
    const char *end = raw.n ? raw.p + raw.n : raw.p;
    for (const char *p = raw.p; p < end; p++) {
        p = memchr(p, '%', (size_t)(end - p));
        if (!p)
            return true;
        if (!is_escape(p, end))
            return false;
        p += 2;
    }
    return true;
}

/* The next byte, decoded. *p is moved behind it. */
static char next_byte(const char **p, const char *end, bool plus)
{
    const char *at = *p;
    if (is_escape(at, end)) {
        *p = at + 3;
        return (char)(hex_digit(at[1]) << 4 | hex_digit(at[2]));
    }
    *p = at + 1;
    return (char)(plus && *at == '+' ? ' ' : *at);
}

bool ra_percent_decode(ra_bytes raw, bool plus, ra_arena *a, ra_bytes *out)
{
    char *to = ra_arena_alloc(a, raw.n);
    if (!to)
        return false;
    const char *p = raw.p, *end = raw.n ? raw.p + raw.n : raw.p;
    size_t n = 0;
    while (p < end)
        to[n++] = next_byte(&p, end, plus);
    *out = (ra_bytes){to, n};
    return true;
}

bool ra_percent_is(ra_bytes raw, bool plus, const char *plain)
{
    const char *p = raw.p, *end = raw.n ? raw.p + raw.n : raw.p;
    for (; p < end && *plain; plain++)
        if (next_byte(&p, end, plus) != *plain)
            return false;
    return p == end && !*plain;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~", c));
}

static bool add_escape(char c, ra_buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned char u = (unsigned char)c;
    return ra_buf_add(out, (char[]){'%', digits[u >> 4], digits[u & 15]}, 3);
}

bool ra_percent_encode(ra_bytes s, ra_buf *out)
{
    for (size_t i = 0; i < s.n; i++)
        if (is_unreserved(s.p[i]) ? !ra_buf_add_char(out, s.p[i]) : !add_escape(s.p[i], out))
            return false;
    return true;
}

bool ra_percent_keep(ra_bytes raw, ra_buf *out)
{
    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.p[i];
        bool fine = is_unreserved(c) || is_escape(raw.p + i, raw.p + raw.n) ||
                    (c && strchr("!$&'()*+,;=:@/?", c)); /* RFC 3986: sub-delims and what a query may hold */
        if (fine ? !ra_buf_add_char(out, c) : !add_escape(c, out))
            return false;
    }
    return true;
}

ra_bytes ra_route_split(ra_bytes *rest, char separator)
{
    const char *at = rest->n ? memchr(rest->p, separator, rest->n) : NULL;
    ra_bytes first = {rest->p, at ? (size_t)(at - rest->p) : rest->n};
    *rest = at ? (ra_bytes){at + 1, rest->n - first.n - 1} : (ra_bytes){NULL, 0};
    return first;
}

/* ---- characters ---- */

bool ra_route_utf8(ra_bytes s)
{
    return s.n == 0 || ra_text_valid(s.p, s.n) == s.n;
}

/* The code point at s.p[*i], of valid UTF-8; *i is moved behind it. */
static uint32_t next_char(ra_bytes s, size_t *i)
{
    unsigned char first = (unsigned char)s.p[(*i)++];
    if (first < 0x80)
        return first;
    uint32_t c = first >= 0xf0 ? first & 0x07u : first >= 0xe0 ? first & 0x0fu : first & 0x1fu;
    while (*i < s.n && ((unsigned char)s.p[*i] & 0xc0) == 0x80)
        c = c << 6 | ((unsigned char)s.p[(*i)++] & 0x3fu);
    return c;
}

bool ra_route_has_control(ra_bytes s)
{
    for (size_t i = 0; i < s.n;) {
        uint32_t c = next_char(s, &i);
        if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
            return true;
    }
    return false;
}

/* Unicode's property White_Space: PropList.txt has these 25. */
static bool is_white_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
           c == 0x3000;
}

bool ra_route_blank(ra_bytes s)
{
    for (size_t i = 0; i < s.n;)
        if (!is_white_space(next_char(s, &i)))
            return false;
    return true;
}

size_t ra_route_chars(ra_bytes s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

bool ra_route_is_uuid(ra_bytes s)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (s.n != sizeof form - 1)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (form[i] == '-' ? s.p[i] != '-' : hex_digit(s.p[i]) < 0)
            return false;
    return true;
}
