/*
 * How long a read waits for another process of the store that is filling the same entry: until that one
 * should be done by this loop's own experience. Pure.
 *
 * Should be: what fills usually take, from the miss on, and four times by how much they usually differ from
 * that, as TCP waits for an acknowledgement (RFC 6298), at least a quarter more and at most twice as long.
 * Waiting longer than it takes isn't free: the client waits, and what was filled may be void again by then.
 */
#ifndef RA_PROXY_REQUEST_AWAIT_H
#define RA_PROXY_REQUEST_AWAIT_H

#include <stdint.h>

/* All 0: there was no fill yet. */
typedef struct ra_await_experience {
    double usual_us;  /* moving average of how long they took */
    double spread_us; /* and of the distance from it */
} ra_await_experience;

void ra_await_learn(ra_await_experience *e, int64_t took_us);
/* In us; 0: not at all. The other one began `filling_for` ms ago; `timeout` is upstream.request_timeout, in
 * ms. */
int64_t ra_await_time(const ra_await_experience *e, int64_t filling_for, int64_t timeout);

#endif
