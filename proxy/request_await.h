/*
 * How long a read waits for another process of the store that is filling the same entry: until that one
 * should be done by this loop's own experience, and a little longer. Pure.
 */
#ifndef RA_PROXY_REQUEST_AWAIT_H
#define RA_PROXY_REQUEST_AWAIT_H

#include <stdint.h>

/* A loop's experience: a moving average, in us, of what such reads took at DynamoDB. 0: there was none yet.
 */
double ra_await_learn(double usual_us, int64_t took_us);
/* In us; 0: not at all. The other one began `filling_for` ms ago; `timeout` is upstream.request_timeout, in
 * ms. */
int64_t ra_await_time(double usual_us, int64_t filling_for, int64_t timeout);

#endif
