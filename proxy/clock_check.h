/*
 * Does our clock agree with DynamoDB's? Where consistency is linearizable a write of unknown fate is marked
 * for unknown_write_hold, after which DynamoDB would refuse it, since its signature has expired. That holds
 * only while the clock that signs is right, to within a minute: unknown_write_hold has room for so much.
 *
 * DynamoDB's clock is the Date of its replies: to the second, and of some moment between the request and the
 * reply.
 */
#ifndef RA_PROXY_CLOCK_CHECK_H
#define RA_PROXY_CLOCK_CHECK_H

#include "proxy/server.h"

/* An HTTP date ("Sun, 06 Nov 1994 08:49:37 GMT") in seconds since the epoch. false: it isn't one. Pure. */
bool ra_clock_date(const char *text, int64_t *seconds);
/* How far our clock is ahead, in ms; behind: negative; 0: not that one could tell. Pure. */
int64_t ra_clock_ahead(int64_t date, int64_t sent, int64_t now);

/*
 * Before anything listens: asks the endpoint, for 5 s at most. false, with an error logged: the clocks differ
 * by more than a minute. One who doesn't say is no reason not to start: a warning, and true.
 */
bool ra_clock_check(const ra_config *c);

/*
 * One loop's watch over the replies that it gets; of those one in 10 s is looked at. If it differs the others
 * know of it (ra_clock_agrees), and the endpoint is asked every 2 s until it does not, whether or not there
 * are requests.
 */
typedef struct ra_clock_watch ra_clock_watch;
ra_clock_watch *ra_clock_watch_new(ra_server *s, struct event_base *base); /* NULL: no memory */
void ra_clock_watch_free(ra_clock_watch *w);                               /* NULL is allowed */
/* `sent`: by our wall clock, ms. */
void ra_clock_watch_reply(ra_clock_watch *w, const ra_http_reply *reply, int64_t sent);

/* May a linearizable write be sent? Threads: any. */
bool ra_clock_agrees(const ra_server *s);

#endif
