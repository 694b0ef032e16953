#include "proxy/trace.h"

#include "cache/random.h"

/* version-traceid-parentid-flags, all in lower-case hexadecimal. */
enum { TRACE = 3, SPAN = TRACE + RA_TRACE_ID_CHARS + 1, FLAGS = SPAN + RA_SPAN_ID_CHARS + 1 };

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_hex(const char *p, size_t n)
{
    bool all = true;
    for (size_t i = 0; i < n; i++)
        all &= hex(p[i]) >= 0;
    return all;
}

static bool is_zero(const char *p, size_t n)
{
    bool all = true;
    for (size_t i = 0; i < n; i++)
        all &= p[i] == '0';
    return all;
}

static bool is_valid(ra_bytes s)
{
    if (s.n < RA_TRACEPARENT_CHARS || s.p[TRACE - 1] != '-' || s.p[SPAN - 1] != '-' || s.p[FLAGS - 1] != '-')
        return false;
    if (!is_hex(s.p, 2) || !is_hex(s.p + TRACE, RA_TRACE_ID_CHARS) || !is_hex(s.p + SPAN, RA_SPAN_ID_CHARS) ||
        !is_hex(s.p + FLAGS, 2) || memcmp(s.p, "ff", 2) == 0)
        return false;
    /* A later version may go on, after another '-'. */
    bool ends =
        s.n == RA_TRACEPARENT_CHARS || (memcmp(s.p, "00", 2) != 0 && s.p[RA_TRACEPARENT_CHARS] == '-');
    return ends && !is_zero(s.p + TRACE, RA_TRACE_ID_CHARS) && !is_zero(s.p + SPAN, RA_SPAN_ID_CHARS);
}

/* Not all zero, and not the caller's own. */
static void make_span(const ra_trace *t, char out[RA_SPAN_ID_CHARS])
{
    static const char digits[] = "0123456789abcdef";
    do {
        uint64_t bits = ra_random();
        for (size_t i = 0; i < RA_SPAN_ID_CHARS; i++, bits >>= 4)
            out[i] = digits[bits & 15];
    } while (is_zero(out, RA_SPAN_ID_CHARS) || memcmp(out, t->caller, RA_SPAN_ID_CHARS) == 0);
}

bool ra_trace_read(ra_bytes traceparent, ra_trace *out)
{
    if (!is_valid(traceparent))
        return false;
    bool sampled = hex(traceparent.p[FLAGS + 1]) & 1;
    memcpy(out->parent, traceparent.p, RA_TRACEPARENT_CHARS);
    memcpy(out->parent, "00", 2);
    memcpy(out->caller, traceparent.p + SPAN, RA_SPAN_ID_CHARS);
    make_span(out, out->parent + SPAN);
    memcpy(out->parent + FLAGS, sampled ? "01" : "00", 2); /* what other flags mean isn't known here */
    out->state = (ra_bytes){NULL, 0};
    return true;
}

bool ra_trace_state_ok(ra_bytes s)
{
    if (s.n > RA_TRACESTATE_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((s.p[i] < ' ' || s.p[i] > '~') && s.p[i] != '\t')
            return false;
    return true;
}
