/* X-Amz-Date, and whether it is near enough to our own clock. */
#include "proxy/verifier_parts.h"

#include <stdio.h>
#include <time.h>

/* n digits at p; -1 if they aren't. */
static int digits(const char *p, int n)
{
    int value = 0;
    for (int i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        value = value * 10 + (p[i] - '0');
    }
    return value;
}

/* Days since 1970-01-01 in the Gregorian calendar; years begin in March here, so that a leap day is the last.
 */
static int64_t days(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static bool day_exists(int year, int month, int day)
{
    static const int of_month[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year >= 1 && month >= 1 && month <= 12 && day >= 1 &&
           day <= of_month[month - 1] + (month == 2 && leap);
}

static bool read_date(ra_bytes s, int64_t *seconds)
{
    if (s.n != RA_AMZ_DATE_BYTES || s.p[8] != 'T' || s.p[15] != 'Z')
        return false;
    int year = digits(s.p, 4), month = digits(s.p + 4, 2), day = digits(s.p + 6, 2);
    int hour = digits(s.p + 9, 2), minute = digits(s.p + 11, 2), second = digits(s.p + 13, 2);
    if (!day_exists(year, month, day) || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
        second > 59)
        return false;
    *seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    return true;
}

static void format_date(int64_t seconds, char out[RA_AMZ_DATE_BYTES + 1])
{
    time_t t = (time_t)seconds;
    struct tm tm;
    if (!gmtime_r(&t, &tm) ||
        strftime(out, RA_AMZ_DATE_BYTES + 1, "%Y%m%dT%H%M%SZ", &tm) != RA_AMZ_DATE_BYTES)
        out[0] = '\0';
}

static ra_sign_verdict out_of_window(ra_bytes date, int64_t now_s, int64_t skew_s, bool expired,
                                     char why[RA_VERIFIER_WHY_MAX])
{
    char now[RA_AMZ_DATE_BYTES + 1], limit[RA_AMZ_DATE_BYTES + 1];
    bool minutes = skew_s % 60 == 0;
    format_date(now_s, now);
    format_date(expired ? now_s - skew_s : now_s + skew_s, limit);
    return ra_verifier_say(RA_SIGN_WRONG, why, "Signature %s: %.*s is %s than %s (%s %c %lld %s.)",
                           expired ? "expired" : "not yet current", (int)date.n, date.p,
                           expired ? "now earlier" : "still later", limit, now, expired ? '-' : '+',
                           (long long)(minutes ? skew_s / 60 : skew_s), minutes ? "min" : "s");
}

ra_sign_verdict ra_verifier_date_check(ra_bytes date, int64_t now_s, int64_t max_skew_ms, ra_bytes *day,
                                       char why[RA_VERIFIER_WHY_MAX])
{
    int64_t then, skew_s = max_skew_ms / 1000; /* dates have whole seconds */
    if (!read_date(date, &then)) {
        char shown[RA_VERIFIER_SHOWN_MAX];
        ra_shown(date, shown, sizeof shown);
        return ra_verifier_say(RA_SIGN_INCOMPLETE, why,
                               "Date must be in ISO-8601 'basic format'. Got '%s'. See "
                               "http://en.wikipedia.org/wiki/ISO_8601",
                               shown);
    }
    *day = (ra_bytes){date.p, RA_AMZ_DAY_BYTES};
    if (then < now_s - skew_s)
        return out_of_window(date, now_s, skew_s, true, why);
    if (then > now_s + skew_s)
        return out_of_window(date, now_s, skew_s, false, why);
    return RA_SIGNED;
}
