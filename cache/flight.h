/*
 * Flights: one upstream read in progress that other identical reads wait for.
 *
 * A flight is named by a digest that covers the request AND the tokens of its leader: a read may join a
 * flight only if its token equals the flight's (joining any flight in progress would serve what a write has
 * made stale).
 *
 * Roles. The first to join LEADs: it makes the upstream call, then lands the flight with the reply. Later
 * ones WAIT: their `woken` runs on their own loop, through its mailbox, with a reference to the reply that
 * they own. If the leader's client leaves, the leader calls ra_flight_orphan: true says that nobody waits and
 * the flight is gone (cancel the upstream call); false says that the leader must carry on for the others, and
 * `idle` will run on the leader's loop should the last waiter leave before the landing. After `idle` the
 * leader calls ra_flight_orphan again, which then tells.
 *
 * Ownership: an ra_seat is embedded in the request that joins; it must outlive its place in the flight: until
 * `woken` has run or ra_flight_leave has returned (waiter), until ra_flight_land or a true ra_flight_orphan
 * (leader). Threads: the table is shared, sharded, a short mutex each; a seat belongs to its loop. Callbacks
 * run with no lock held and never inside a call of this header.
 */
#ifndef RA_CACHE_FLIGHT_H
#define RA_CACHE_FLIGHT_H

#include "cache/http_client.h"
#include "cache/key.h"
#include "cache/mailbox.h"

typedef struct ra_flights ra_flights; /* the table */
typedef struct ra_flight ra_flight;

typedef struct ra_seat ra_seat;
struct ra_seat {
    /* in, before joining */
    ra_mailbox *mailbox;
    void (*woken)(ra_seat *seat, ra_http_reply *reply_take); /* waiter: the reply, whose reference it owns */
    void (*idle)(ra_seat *seat);                             /* leader: the last waiter left */
    void *arg;
    /* the flight's own */
    ra_flight *flight;
    ra_http_reply *reply;
    ra_seat *prev, *next;
    ra_letter letter;
};

enum ra_flight_role {
    RA_FLIGHT_LEAD,
    RA_FLIGHT_WAIT,
    RA_FLIGHT_ALONE /* no memory for a flight: fetch for yourself, nobody can join */
};

ra_flights *ra_flights_new(void);    /* NULL without memory */
void ra_flights_free(ra_flights *f); /* no flight may be left */
size_t ra_flights_count(ra_flights *f);

/* Is there one of this name? By the time that this returns it may have landed, or begun. */
bool ra_flight_exists(ra_flights *f, const ra_key *name);
enum ra_flight_role ra_flight_join(ra_flights *f, const ra_key *name, ra_seat *seat);
/* Leader: ends the flight and wakes all waiters, together. The reply's references for them are taken here. */
void ra_flight_land(ra_seat *leader, ra_http_reply *reply);
/* Leader whose client has left; see above. */
bool ra_flight_orphan(ra_seat *leader);
/* Waiter: leaves; `woken` won't run (a reply that was on its way to it is unref'ed). */
void ra_flight_leave(ra_seat *waiter);

#endif
