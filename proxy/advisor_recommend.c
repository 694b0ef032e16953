/*
 * One TTL of the curve, and why.
 *
 * The curve is *flat* past a TTL when no longer one that may be had gains more than one read in a hundred.
 * The recommendation is the least such TTL. None may be had that holds more than there is room for, that is
 * longer than what has been observed, or longer than the one in force where writes were seen that nothing
 * invalidates.
 */
#include "config/units.h"
#include "proxy/advisor_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static const double flat = 0.01;
static const uint64_t least_reads = 1000;

__attribute__((format(printf, 2, 3))) static void say(ra_advisor_report *r, const char *format, ...)
{
    va_list given;
    va_start(given, format);
    vsnprintf(r->reason, sizeof r->reason, format, given);
    va_end(given);
}

static const char *time_text(int64_t ms, char out[RA_UNIT_TEXT_MAX])
{
    ra_duration_format(ms, out);
    return out;
}

/* What was observed, in round figures. */
static const char *observed_text(int64_t ms, char out[RA_UNIT_TEXT_MAX])
{
    enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
    int64_t round = ms >= INT64_C(2) * HOUR ? MINUTE : ms >= SECOND ? SECOND : 1;
    return time_text(ms - ms % round, out);
}

static const char *size_text(double bytes, char out[RA_UNIT_TEXT_MAX])
{
    if (bytes >= 10 * 1048576.0)
        snprintf(out, RA_UNIT_TEXT_MAX, "%.0f MiB", bytes / 1048576);
    else if (bytes >= 1048576)
        snprintf(out, RA_UNIT_TEXT_MAX, "%.1f MiB", bytes / 1048576);
    else
        snprintf(out, RA_UNIT_TEXT_MAX, "%.0f KiB", bytes / 1024);
    return out;
}

static bool fits(const ra_advisor_report *r, const ra_advisor_limits *limits, size_t i)
{
    return limits->max_bytes == 0 || r->points[i].bytes <= (double)limits->max_bytes;
}

/* false: too little is known, and the reason says what is missing. */
static bool knows_enough(ra_advisor_report *r)
{
    char observed[RA_UNIT_TEXT_MAX], ttl[RA_UNIT_TEXT_MAX];
    int64_t time = r->until - r->since;
    if (r->reads < least_reads) {
        say(r, "too little is known: %" PRIu64 " reads were seen, and it takes %" PRIu64, r->reads,
            least_reads);
        return false;
    }
    if (r->current < r->npoints && time < r->points[r->current].ttl) {
        say(r, "too little is known: the TTL is %s, and its reads have been observed for %s",
            time_text(r->points[r->current].ttl, ttl), observed_text(time, observed));
        return false;
    }
    if (time < r->points[0].ttl) {
        say(r, "too little is known: reads have been observed for %s", observed_text(time, observed));
        return false;
    }
    return true;
}

/* What keeps the TTL from being longer; by rising weight. */
enum bound { FLAT, UNOBSERVED, NO_ROOM, BYPASSED };

static enum bound bound_of(const ra_advisor_report *r, const ra_advisor_limits *limits, size_t i)
{
    if (limits->bypassed && r->current < r->npoints && i > r->current)
        return BYPASSED;
    if (!fits(r, limits, i))
        return NO_ROOM;
    return r->points[i].ttl > r->until - r->since ? UNOBSERVED : FLAT;
}

/* The least one past which the curve is flat; *bound says what is in the way of one that isn't. */
static size_t best_of(const ra_advisor_report *r, const ra_advisor_limits *limits, enum bound *bound)
{
    double most = -1;
    size_t best = r->npoints;
    *bound = FLAT;
    for (size_t i = 0; i < r->npoints; i++)
        if (bound_of(r, limits, i) == FLAT)
            most = fmax(most, r->points[i].hit_ratio);
    for (size_t i = 0; i < r->npoints; i++) {
        enum bound b = bound_of(r, limits, i);
        if (b == FLAT && best == r->npoints && r->points[i].hit_ratio >= most - flat)
            best = i;
        if (b > *bound && r->points[i].hit_ratio > most + flat)
            *bound = b;
    }
    return best;
}

static void bound_text(enum bound bound, const ra_advisor_limits *limits, char out[96])
{
    char room[RA_UNIT_TEXT_MAX];
    switch (bound) {
    case FLAT:
        snprintf(out, 96, "beyond that the curve is flat");
        break;
    case UNOBSERVED:
        snprintf(out, 96, "what is longer has not been observed for long enough");
        break;
    case NO_ROOM:
        snprintf(out, 96, "more would not fit into %s", size_text((double)limits->max_bytes, room));
        break;
    case BYPASSED:
        snprintf(out, 96, "a longer one would need the table's stream followed: writes bypass the proxy");
        break;
    }
}

static void change_text(ra_advisor_report *r, const char *bound)
{
    const ra_advisor_point *from = &r->points[r->current], *to = &r->points[r->recommended];
    char before[RA_UNIT_TEXT_MAX], after[RA_UNIT_TEXT_MAX], memory[RA_UNIT_TEXT_MAX], units[64];
    double saved = (from->half_units_per_s - to->half_units_per_s) / 2, more = to->bytes - from->bytes;
    snprintf(units, sizeof units, "%s %.*f read units/s", saved < 0 ? "costs" : "saves",
             fabs(saved) < 10 ? 1 : 0, fabs(saved));
    say(r, "%s -> %s: hit ratio %.2f -> %.2f, %s, memory %c%s; %s", time_text(from->ttl, before),
        time_text(to->ttl, after), from->hit_ratio, to->hit_ratio, units, more < 0 ? '-' : '+',
        size_text(fabs(more), memory), bound);
}

static void keep(ra_advisor_report *r, const char *bound)
{
    char ttl[RA_UNIT_TEXT_MAX];
    r->recommended = r->current;
    say(r, "%s is right: hit ratio %.2f; %s", time_text(r->points[r->current].ttl, ttl),
        r->points[r->current].hit_ratio, bound);
}

void ra_advisor_recommend(ra_advisor_report *r, const ra_advisor_limits *limits)
{
    enum bound bound;
    char why[96], ttl[RA_UNIT_TEXT_MAX];
    r->recommended = r->current;
    if (!knows_enough(r))
        return;
    size_t best = best_of(r, limits, &bound);
    if (best == r->npoints) {
        say(r, "no TTL of the grid fits into %s", size_text((double)limits->max_bytes, ttl));
        return;
    }
    bound_text(bound, limits, why);
    r->recommended = best;
    if (r->current == r->npoints)
        say(r, "not cached -> %s: hit ratio %.2f; %s", time_text(r->points[best].ttl, ttl),
            r->points[best].hit_ratio, why);
    else if (best == r->current || (best < r->current && fits(r, limits, r->current) &&
                                    r->points[best].ttl * 2 > r->points[r->current].ttl))
        keep(r, why);
    else
        change_text(r, why);
}
