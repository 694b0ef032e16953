#include "proxy/http_date.h"

#include <event2/util.h>
#include <time.h>

const char *ra_http_date_text(ra_http_date *date, int64_t wall)
{
    int64_t second = wall / 1000;
    if (date->second != second || !date->text[0]) {
        time_t t = (time_t)second;
        struct tm tm;
        gmtime_r(&t, &tm);
        date->second = second;
        evutil_date_rfc1123(date->text, sizeof date->text, &tm);
    }
    return date->text;
}
