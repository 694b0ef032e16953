/* What the proxy makes for a request: its time and its ids. */
#include "proxy/route.h"

#include <stdatomic.h>
#include <sys/random.h>
#include <time.h>

int64_t ra_route_clock(void)
{
    static _Atomic int64_t last;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    int64_t now = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    int64_t seen = atomic_load(&last), next;
    do
        next = now > seen ? now : seen + 1;
    while (!atomic_compare_exchange_weak(&last, &seen, next));
    return next;
}

/* Writes `digits` decimal digits. */
static char *put(char *to, int64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        to[i] = (char)('0' + value % 10);
    return to + digits;
}

static char *put_char(char *to, char c)
{
    *to = c;
    return to + 1;
}

void ra_now_text(int64_t us, char out[RA_NOW_TEXT])
{
    /* The years 1970 to 9999: there the text's order is the time's. */
    static const int64_t most = INT64_C(253402300800) * 1000000 - 1;
    us = us < 0 ? 0 : us > most ? most : us;
    time_t seconds = (time_t)(us / 1000000);
    struct tm t;
    gmtime_r(&seconds, &t);
    char *p = put(out, t.tm_year + 1900, 4);
    p = put(put_char(p, '-'), t.tm_mon + 1, 2);
    p = put(put_char(p, '-'), t.tm_mday, 2);
    p = put(put_char(p, 'T'), t.tm_hour, 2);
    p = put(put_char(p, ':'), t.tm_min, 2);
    p = put(put_char(p, ':'), t.tm_sec, 2);
    p = put(put_char(p, '.'), us % 1000000, 6);
    memcpy(p, "+00:00", sizeof "+00:00");
}

bool ra_uuid_text(char out[RA_UUID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char b[16];
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        return false;
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* version 4 */
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80); /* the variant */
    for (size_t i = 0; i < sizeof b; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[b[i] >> 4];
        *out++ = digits[b[i] & 15];
    }
    *out = '\0';
    return true;
}
