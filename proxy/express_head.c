#include "proxy/express_head.h"

#include <stdint.h>

/* Header lines whose value says something of the message; all others are passed over. */
typedef struct reading {
    ra_express_head *out;
    ra_http_line *lines; /* NULL: they aren't wanted */
    bool has_length;
} reading;

static bool is_token_char(unsigned char c)
{
    /* RFC 9110 section 5.6.2: letters, digits and !#$%&'*+-.^_`|~ as bits of the code. */
    static const unsigned char token[32] = {0,    0,    0,    0,    0xfa, 0x6c, 0xff, 0x03,
                                            0xfe, 0xff, 0xff, 0xc7, 0xff, 0xff, 0xff, 0x57};
    return token[c >> 3] >> (c & 7) & 1;
}

static bool read_length(ra_bytes value, size_t *out)
{
    *out = 0;
    if (value.n == 0 || value.n > 6)
        return false;
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] < '0' || value.p[i] > '9')
            return false;
        *out = *out * 10 + (size_t)(value.p[i] - '0');
    }
    return *out <= RA_EXPRESS_BODY_MAX;
}

static bool is_target(ra_bytes value)
{
    static const char prefix[] = "DynamoDB_20120810.";
    return value.n > sizeof prefix - 1 && memcmp(value.p, prefix, sizeof prefix - 1) == 0;
}

/* false: what this header says is not for the express way. */
static bool take(reading *r, ra_bytes name, ra_bytes value)
{
    switch (name.p[0] | 0x20) {
    case 'x':
        if (!ra_bytes_eq_fold_z(name, "x-amz-target"))
            return true;
        if (r->out->target.n || !is_target(value))
            return false;
        r->out->target = value;
        return true;
    case 'c':
        if (ra_bytes_eq_fold_z(name, "connection"))
            return ra_bytes_eq_fold_z(value, "keep-alive");
        if (ra_bytes_eq_fold_z(name, "content-length")) {
            bool again = r->has_length;
            r->has_length = true;
            return !again && read_length(value, &r->out->body_n);
        }
        return !ra_bytes_eq_fold_z(name, "content-encoding");
    case 'h':
        if (!ra_bytes_eq_fold_z(name, "host"))
            return true;
        if (r->out->host.p)
            return false;
        r->out->host = value;
        return true;
    case 't':
        return !ra_bytes_eq_fold_z(name, "transfer-encoding");
    case 'e':
        return !ra_bytes_eq_fold_z(name, "expect");
    case 'u':
        return !ra_bytes_eq_fold_z(name, "upgrade");
    default:
        return true;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_control(unsigned char c)
{
    return (c < ' ' && c != '\t') || c == 0x7f;
}

/* Might one of these eight be below ' ' or 0x7f? Says yes for tabs, and may for what stands beside such. */
static bool may_have_control(const char *p)
{
    const uint64_t ones = 0x0101010101010101u, tops = ones << 7;
    uint64_t v;
    memcpy(&v, p, sizeof v);
    uint64_t del = v ^ ones * 0x7f;
    return (((v - ones * ' ') & ~v) | ((del - ones) & ~del)) & tops;
}

static bool has_control(ra_bytes s)
{
    size_t i = 0;
    bool control = false;
    for (; i + 8 <= s.n && !may_have_control(s.p + i); i += 8)
        ;
    for (; i < s.n; i++)
        control |= is_control((unsigned char)s.p[i]);
    return control;
}

/* false: there are too many. */
static bool keep(reading *r, ra_bytes name, ra_bytes value)
{
    size_t n = r->out->nlines++;
    if (!r->lines)
        return true;
    if (n == RA_EXPRESS_LINES_MAX)
        return false;
    r->lines[n] = (ra_http_line){name, value};
    return true;
}

/* One line without its end. */
static bool read_line(reading *r, ra_bytes line)
{
    size_t n = 0;
    while (n < line.n && is_token_char((unsigned char)line.p[n]))
        n++;
    if (n == 0 || n == line.n || line.p[n] != ':')
        return false;
    ra_bytes value = {line.p + n + 1, line.n - n - 1};
    if (has_control(value))
        return false;
    /* A tab in front evhttp leaves in the value, and what it then comes to is refused here too. */
    while (value.n && value.p[0] == ' ')
        value = (ra_bytes){value.p + 1, value.n - 1};
    while (value.n && is_blank(value.p[value.n - 1]))
        value.n--;
    return keep(r, (ra_bytes){line.p, n}, value) && take(r, (ra_bytes){line.p, n}, value);
}

bool ra_express_head_read(ra_bytes received, ra_express_head *out, ra_http_line *lines)
{
    static const char first[] = "POST / HTTP/1.1\r\n";
    reading r = {.out = out, .lines = lines};
    *out = (ra_express_head){0};
    if (received.n < sizeof first - 1 || memcmp(received.p, first, sizeof first - 1) != 0)
        return false;
    size_t most = received.n < RA_EXPRESS_HEAD_MAX ? received.n : RA_EXPRESS_HEAD_MAX;
    for (size_t at = sizeof first - 1; at < most;) {
        const char *line = received.p + at;
        const char *end = memchr(line, '\n', most - at);
        if (!end || end == line || end[-1] != '\r')
            return false;
        at = (size_t)(end + 1 - received.p);
        if (end - line == 1) {
            out->head_n = at;
            return r.has_length && out->target.n;
        }
        if (!read_line(&r, (ra_bytes){line, (size_t)(end - 1 - line)}))
            return false;
    }
    return false;
}
