/*
 * libcurl's multi interface driven by an event loop: one event per socket that curl watches, one timer.
 *
 * Ownership: the loop owns the multi handle; easy handles stay the caller's. Threads: everything on the
 * event base's thread. `progress` runs on that thread after curl has acted, never inside a function of this
 * header or a callback of curl's; it reads what is done with curl_multi_info_read and may free the loop.
 */
#ifndef RA_CACHE_CURL_LOOP_H
#define RA_CACHE_CURL_LOOP_H

#include <curl/curl.h>

struct event_base;

typedef struct ra_curl_loop ra_curl_loop;

/* Initializes libcurl, once for the process. NULL without memory. */
ra_curl_loop *ra_curl_loop_new(struct event_base *base, long max_connections, void (*progress)(void *arg),
                               void *arg);
/* Closes all connections. No easy handle may be left in it. NULL is allowed. */
void ra_curl_loop_free(ra_curl_loop *l);
/* Before it is first added to the loop's multi handle: its connections are the loop's, which must outlive
 * them. */
void ra_curl_loop_use(ra_curl_loop *l, CURL *easy);
CURLM *ra_curl_loop_multi(ra_curl_loop *l);

#endif
