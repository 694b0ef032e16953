#include "proxy/access_log_line.h"

#include "cache/random.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { WHOLE = 1000000, ESCAPED_MAX = 12 /* two \uXXXX */ };

/* Members end with a comma, the last one's becomes the end of the object. `n` never passes
 * RA_ACCESS_LINE_MAX: add() cuts, though all that can come has room. */
typedef struct line {
    char *p;
    size_t n;
} line;

static void add(line *l, const char *p, size_t n)
{
    size_t room = RA_ACCESS_LINE_MAX - l->n;
    n = n < room ? n : room;
    memcpy(l->p + l->n, p, n);
    l->n += n;
}

static void add_z(line *l, const char *z)
{
    add(l, z, strlen(z));
}

__attribute__((format(printf, 2, 3))) static void addf(line *l, const char *format, ...)
{
    char text[128];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof text)
        add(l, text, (size_t)n);
}

/* ---- texts ---- */

/* The character at s->p, which is taken off; U+FFFD for a byte that begins none. */
static uint32_t next_character(ra_bytes *s)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)*s->p;
    size_t n = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
    uint32_t c = n < 2 ? first : first & (0x7fU >> n);
    bool ok = n > 0 && n <= s->n;
    for (size_t i = 1; ok && i < n; i++) {
        ok = ((unsigned char)s->p[i] & 0xc0) == 0x80;
        c = c << 6 | ((unsigned char)s->p[i] & 0x3f);
    }
    ok = ok && c >= least[n] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
    size_t taken = ok ? n : 1;
    *s = (ra_bytes){s->p + taken, s->n - taken};
    return ok ? c : 0xfffd;
}

/* All that isn't visible ASCII becomes \u: what a terminal would obey, or show as something else, too. */
static size_t escaped(uint32_t c, char out[ESCAPED_MAX + 1])
{
    if (c == '"' || c == '\\')
        return (size_t)snprintf(out, ESCAPED_MAX + 1, "\\%c", (char)c);
    if (c >= ' ' && c < 0x7f)
        return (size_t)snprintf(out, ESCAPED_MAX + 1, "%c", (char)c);
    if (c < 0x10000)
        return (size_t)snprintf(out, ESCAPED_MAX + 1, "\\u%04x", (unsigned)c);
    c -= 0x10000;
    return (size_t)snprintf(out, ESCAPED_MAX + 1, "\\u%04x\\u%04x", (unsigned)(0xd800 | c >> 10),
                            (unsigned)(0xdc00 | (c & 0x3ff)));
}

static bool is_plain(char c)
{
    return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

/* A string of at most `most` characters between its quotes. */
static void add_string(line *l, ra_bytes s, size_t most)
{
    add(l, "\"", 1);
    size_t end = l->n + most;
    while (s.n) {
        size_t plain = 0, room = end - l->n;
        while (plain < s.n && plain < room && is_plain(s.p[plain]))
            plain++;
        add(l, s.p, plain);
        s = (ra_bytes){s.p + plain, s.n - plain};
        if (!s.n || plain == room)
            break;
        char text[ESCAPED_MAX + 1];
        size_t n = escaped(next_character(&s), text);
        if (n > end - l->n)
            break;
        add(l, text, n);
    }
    add(l, "\"", 1);
}

static void add_name(line *l, const char *name)
{
    add(l, "\"", 1);
    add_z(l, name);
    add(l, "\":", 2);
}

static void text(line *l, const char *name, ra_bytes value, size_t most)
{
    if (value.n == 0)
        return;
    add_name(l, name);
    add_string(l, value, most);
    add(l, ",", 1);
}

static void word(line *l, const char *name, const char *value)
{
    text(l, name, ra_bytes_z(value), RA_ACCESS_NAME_MAX);
}

static void number(line *l, const char *name, int64_t value)
{
    char digits[24];
    size_t i = sizeof digits;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    digits[--i] = ',';
    do
        digits[--i] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        digits[--i] = '-';
    add_name(l, name);
    add(l, digits + i, sizeof digits - i);
}

/* 1.5, but 2 as it is. */
static void units(line *l, uint64_t half)
{
    number(l, "units", (int64_t)(half / 2));
    if (half % 2) {
        l->n--; /* the comma */
        add(l, ".5,", 3);
    }
}

/* ---- members ---- */

static void add_time(line *l, int64_t at)
{
    time_t seconds = (time_t)(at / 1000);
    struct tm t;
    char date[40];
    if (gmtime_r(&seconds, &t) && strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &t))
        addf(l, "\"time\":\"%s.%03dZ\",", date, (int)(at % 1000));
}

static void add_trace(line *l, const ra_trace *t)
{
    text(l, "trace_id", ra_trace_id(t), RA_TRACE_ID_CHARS);
    text(l, "span_id", ra_trace_span(t), RA_SPAN_ID_CHARS);
    text(l, "parent_id", (ra_bytes){t->caller, RA_SPAN_ID_CHARS}, RA_SPAN_ID_CHARS);
}

static void add_tables(line *l, const ra_access_line *a)
{
    size_t named = a->ntables < RA_ACCESS_TABLES ? a->ntables : RA_ACCESS_TABLES;
    if (named)
        add_z(l, "\"tables\":[");
    for (size_t i = 0; i < named; i++) {
        add_z(l, i ? "," : "");
        add_string(l, a->tables[i], RA_ACCESS_NAME_MAX);
    }
    if (named)
        add_z(l, "],");
    if (a->ntables > named)
        number(l, "more_tables", (int64_t)(a->ntables - named));
}

static void add_request(line *l, const ra_access_line *a)
{
    static const char more[] = {'/', '.', '.', '.'};
    char path[RA_ACCESS_PATH_MAX + sizeof more];
    size_t n = a->path.n < RA_ACCESS_PATH_MAX ? a->path.n : RA_ACCESS_PATH_MAX;
    if (n)
        memcpy(path, a->path.p, n);
    if (a->more_path || n < a->path.n) {
        memcpy(path + n, more, sizeof more);
        n += sizeof more;
    }
    text(l, "client", a->client, 64);
    text(l, "method", a->method, 16);
    text(l, "path", (ra_bytes){path, n}, sizeof path);
    text(l, "route", a->route, RA_ACCESS_NAME_MAX);
    text(l, "operation", a->operation, 64);
    add_tables(l, a);
    text(l, "pattern", a->pattern, RA_ACCESS_NAME_MAX);
}

static void add_outcome(line *l, const ra_access_line *a)
{
    if (a->status)
        number(l, "status", a->status);
    word(l, "outcome", a->outcome);
    word(l, "cache", a->cache);
    word(l, "reason", a->reason);
    if (a->collapsed)
        add_z(l, "\"collapsed\":true,");
    number(l, "bytes_in", (int64_t)a->bytes_in);
    number(l, "bytes_out", (int64_t)a->bytes_out);
    number(l, "duration_us", a->us);
    if (a->upstream_calls) {
        number(l, "upstream_us", a->upstream_us);
        number(l, "upstream_calls", a->upstream_calls);
    }
    if (a->half_units)
        units(l, a->half_units);
}

size_t ra_access_line_write(const ra_access_line *a, char out[RA_ACCESS_LINE_MAX])
{
    line l = {.p = out};
    add(&l, "{", 1);
    add_time(&l, a->at);
    text(&l, "id", a->id, 128);
    text(&l, "amzn_request_id", a->reply_id, 128);
    if (a->trace)
        add_trace(&l, a->trace);
    add_request(&l, a);
    add_outcome(&l, a);
    text(&l, "access_key_id", a->access_key, 128);
    text(&l, "user_agent", a->user_agent, RA_ACCESS_AGENT_MAX);
    l.n--; /* the last comma: duration_us is always there */
    add(&l, "}\n", 2);
    return l.n;
}

/* ---- sampling ---- */

/* FNV-1a, then the finish of MurmurHash3, which spreads what the last bytes have changed over all bits. */
static uint64_t hash(ra_bytes s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
    h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
    return h ^ h >> 33;
}

bool ra_access_sampled(uint32_t share, const ra_trace *trace, ra_bytes id)
{
    if (share == 0 || share >= WHOLE)
        return share != 0;
    uint64_t h = trace ? hash(ra_trace_id(trace)) : id.n ? hash(id) : ra_random();
    return (h >> 32) * WHOLE >> 32 < share;
}
