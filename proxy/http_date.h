/* The Date header's value (RFC 9110 section 6.6.1), made anew once a second. Threads: whose it is. */
#ifndef RA_PROXY_HTTP_DATE_H
#define RA_PROXY_HTTP_DATE_H

#include <stdint.h>

typedef struct ra_http_date {
    int64_t second;
    char text[32];
} ra_http_date;

/* `wall`: ms since the epoch. Good until the next call. */
const char *ra_http_date_text(ra_http_date *date, int64_t wall);

#endif
