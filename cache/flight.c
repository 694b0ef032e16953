#include "cache/flight.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * A shard's lock guards its chains, and of each flight in them: the waiters' list, `orphaned`, `landed`. A
 * flight is in its chain exactly until it lands or is found abandoned. Its memory lives longer: the leader
 * and every waiter hold a reference, so that a waiter that leaves can lock the flight's shard whatever other
 * loops do. Letters are posted under the shard's lock (lock order: shard, then mailbox; a mailbox delivers
 * with no lock held): whoever holds it sees either a waiter in the list, or `landed` and its letter posted.
 */
enum { SHARDS = 64, BUCKETS = 64, MAGIC = 0x666c7974 };

typedef struct shard {
    alignas(64) pthread_mutex_t lock;
    size_t count;
    ra_flight *bucket[BUCKETS];
} shard;

struct ra_flight {
    unsigned magic;
    unsigned refs; /* leader and waiters; guarded by the shard's lock */
    ra_key name;
    shard *shard;
    ra_flight *next;
    ra_seat *leader;
    ra_seat *waiters, *last; /* in the order of joining */
    bool orphaned;           /* the leader's client has left: it wants to hear when nobody waits */
    bool landed;
};

struct ra_flights {
    shard shard[SHARDS];
};

static void check(const ra_flight *f)
{
    if (f->magic != MAGIC) {
        fprintf(stderr, "flight: corrupted\n");
        abort();
    }
}

ra_flights *ra_flights_new(void)
{
    ra_flights *f = aligned_alloc(alignof(ra_flights), sizeof *f);
    if (!f)
        return NULL;
    memset(f, 0, sizeof *f);
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_init(&f->shard[i].lock, NULL);
    return f;
}

size_t ra_flights_count(ra_flights *f)
{
    size_t n = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&f->shard[i].lock);
        n += f->shard[i].count;
        pthread_mutex_unlock(&f->shard[i].lock);
    }
    return n;
}

void ra_flights_free(ra_flights *f)
{
    if (!f)
        return;
    if (ra_flights_count(f)) {
        fprintf(stderr, "flights: freed with flights under way\n");
        abort();
    }
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_destroy(&f->shard[i].lock);
    free(f);
}

/* Names are digests: any of their bytes are as good as a hash. */
static ra_flight **chain(shard *s, const ra_key *name)
{
    return &s->bucket[name->b[1] % BUCKETS];
}

/* With the shard locked. The memory goes with the last reference. */
static void unref(ra_flight *f)
{
    if (--f->refs == 0) {
        f->magic = 0;
        free(f);
    }
}

static void unchain(ra_flight *f)
{
    ra_flight **at = chain(f->shard, &f->name);
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    f->shard->count--;
}

static void add_waiter(ra_flight *f, ra_seat *seat)
{
    seat->prev = f->last;
    seat->next = NULL;
    if (f->last)
        f->last->next = seat;
    else
        f->waiters = seat;
    f->last = seat;
    seat->flight = f;
    f->refs++;
}

static void remove_waiter(ra_flight *f, ra_seat *seat)
{
    if (seat->prev)
        seat->prev->next = seat->next;
    else
        f->waiters = seat->next;
    if (seat->next)
        seat->next->prev = seat->prev;
    else
        f->last = seat->prev;
    seat->prev = seat->next = NULL;
}

static ra_seat *seat_of(ra_letter *letter, void *arg)
{
    ra_seat *seat = arg;
    if (letter != &seat->letter || !seat->flight) {
        fprintf(stderr, "flight: a letter to no seat\n");
        abort();
    }
    check(seat->flight);
    return seat;
}

static void deliver_woken(ra_letter *letter, void *arg)
{
    ra_seat *seat = seat_of(letter, arg);
    ra_flight *f = seat->flight;
    shard *s = f->shard;
    pthread_mutex_lock(&s->lock);
    unref(f);
    pthread_mutex_unlock(&s->lock);
    ra_http_reply *reply = seat->reply;
    seat->reply = NULL;
    seat->flight = NULL;
    seat->woken(seat, reply);
}

static void deliver_idle(ra_letter *letter, void *arg)
{
    ra_seat *seat = seat_of(letter, arg);
    seat->idle(seat);
}

static ra_flight *new_flight(shard *s, const ra_key *name, ra_seat *leader)
{
    ra_flight *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->magic = MAGIC;
    f->refs = 1;
    f->name = *name;
    f->shard = s;
    f->leader = leader;
    f->next = *chain(s, name);
    *chain(s, name) = f;
    s->count++;
    return f;
}

/* With the shard locked. */
static ra_flight *find(shard *s, const ra_key *name)
{
    ra_flight *f = *chain(s, name);
    while (f && !ra_key_eq(&f->name, name))
        f = f->next;
    return f;
}

static shard *shard_of(ra_flights *flights, const ra_key *name)
{
    return &flights->shard[name->b[0] % SHARDS];
}

bool ra_flight_exists(ra_flights *flights, const ra_key *name)
{
    shard *s = shard_of(flights, name);
    pthread_mutex_lock(&s->lock);
    bool exists = find(s, name) != NULL;
    pthread_mutex_unlock(&s->lock);
    return exists;
}

enum ra_flight_role ra_flight_join(ra_flights *flights, const ra_key *name, ra_seat *seat)
{
    enum ra_flight_role role;
    shard *s = shard_of(flights, name);
    seat->flight = NULL;
    seat->reply = NULL;
    seat->prev = seat->next = NULL;
    seat->letter = (ra_letter){.arg = seat};
    pthread_mutex_lock(&s->lock);
    ra_flight *f = find(s, name);
    if (f) {
        seat->letter.deliver = deliver_woken;
        add_waiter(f, seat);
        role = RA_FLIGHT_WAIT;
    } else {
        seat->letter.deliver = deliver_idle;
        seat->flight = new_flight(s, name, seat);
        role = seat->flight ? RA_FLIGHT_LEAD : RA_FLIGHT_ALONE;
    }
    pthread_mutex_unlock(&s->lock);
    return role;
}

/* The leader's place ends: out of the chain, its reference dropped. With the shard locked. */
static void end_lead(ra_flight *f, ra_seat *leader)
{
    unchain(f);
    leader->flight = NULL;
    unref(f);
}

void ra_flight_land(ra_seat *leader, ra_http_reply *reply)
{
    ra_flight *f = leader->flight;
    if (!f)
        return; /* alone */
    check(f);
    shard *s = f->shard;
    pthread_mutex_lock(&s->lock);
    f->landed = true;
    while (f->waiters) {
        ra_seat *seat = f->waiters;
        remove_waiter(f, seat);
        seat->reply = reply ? ra_http_reply_ref(reply) : NULL;
        ra_mailbox_post(seat->mailbox, &seat->letter);
    }
    end_lead(f, leader);
    pthread_mutex_unlock(&s->lock);
    /* Out of the chain: nobody can post it any more; one that was posted before must not run. */
    ra_mailbox_withdraw(leader->mailbox, &leader->letter);
}

bool ra_flight_orphan(ra_seat *leader)
{
    ra_flight *f = leader->flight;
    if (!f)
        return true; /* alone */
    check(f);
    shard *s = f->shard;
    pthread_mutex_lock(&s->lock);
    bool gone = !f->waiters;
    if (gone)
        end_lead(f, leader);
    else
        f->orphaned = true;
    pthread_mutex_unlock(&s->lock);
    if (gone)
        ra_mailbox_withdraw(leader->mailbox, &leader->letter);
    return gone;
}

void ra_flight_leave(ra_seat *waiter)
{
    ra_flight *f = waiter->flight;
    if (!f)
        return;
    check(f);
    shard *s = f->shard;
    pthread_mutex_lock(&s->lock);
    bool landed = f->landed;
    if (!landed) {
        remove_waiter(f, waiter);
        if (f->orphaned && !f->waiters)
            ra_mailbox_post(f->leader->mailbox, &f->leader->letter);
    }
    unref(f);
    pthread_mutex_unlock(&s->lock);
    waiter->flight = NULL;
    if (landed) {
        ra_mailbox_withdraw(waiter->mailbox, &waiter->letter);
        ra_http_reply_unref(waiter->reply);
        waiter->reply = NULL;
    }
}
