#include "bench/loadgen/schedule.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

enum { RATE_MAX = 100000000 };

/* Requests that are due in the first t seconds of the ramp: the area under a straight line. */
static double ramped(const ra_schedule *s, double t)
{
    return s->start * t + (s->end - s->start) * t * t / (2 * s->ramp);
}

uint64_t ra_schedule_due(const ra_schedule *s, uint64_t i)
{
    double n = (double)i, whole = s->ramp > 0 ? ramped(s, s->ramp) : 0, t;
    if (n >= whole) {
        t = s->ramp + (n - whole) / s->end;
    } else {
        /* the greater root of the square, in the form that doesn't cancel where start and end are near */
        double slope = (s->end - s->start) / s->ramp;
        t = 2 * n / (s->start + sqrt(s->start * s->start + 2 * slope * n));
    }
    return (uint64_t)(t * 1e9);
}

double ra_schedule_period(const ra_schedule *s, uint64_t ns)
{
    double t = (double)ns / 1e9;
    double rate = t < s->ramp ? s->start + (s->end - s->start) * t / s->ramp : s->end;
    return 1e9 / rate;
}

uint64_t ra_schedule_count(const ra_schedule *s, uint64_t ns)
{
    double t = (double)ns / 1e9;
    double n = t < s->ramp ? ramped(s, t) : (s->ramp > 0 ? ramped(s, s->ramp) : 0) + (t - s->ramp) * s->end;
    uint64_t i = (uint64_t)n;
    while (i > 0 && ra_schedule_due(s, i - 1) >= ns) /* rounding, by one at most */
        i--;
    while (ra_schedule_due(s, i) < ns)
        i++;
    return i;
}

static bool read_number(const char **p, char end, double *out)
{
    char *after;
    if (!isdigit((unsigned char)**p))
        return false;
    *out = strtod(*p, &after);
    if (after == *p || *after != end || !(*out > 0) || *out > RATE_MAX)
        return false;
    *p = after + (end ? 1 : 0);
    return true;
}

bool ra_schedule_parse_ramp(const char *text, ra_schedule *out)
{
    ra_schedule s;
    if (!read_number(&text, ':', &s.start) || !read_number(&text, ':', &s.end) ||
        !read_number(&text, '\0', &s.ramp))
        return false;
    *out = s;
    return true;
}
