/*
 * Registers that nobody has put yet, or that have expired. All who miss one at a time wait for the same, over
 * all loops of the process (cache/flight.h): with a register each, all but the last would fill in vain, and
 * would read upstream for nothing.
 *
 * Each waits until the put is acknowledged. So whatever is filled under it was read upstream after it had
 * landed: a write that was missed ends later, and its own register takes the place of this one for good,
 * since a put is sent once and never with the same nonce again.
 */
#include "cache/momento_store_parts.h"

#include <stdio.h>
#include <stdlib.h>

static const ra_generation none = {0};

static ra_momento_making *making_of(void *p)
{
    ra_momento_making *m = p;
    if (!m || m->magic != RA_MOMENTO_MAKING_MAGIC) {
        fputs("momento store: a register that is made is corrupted\n", stderr);
        abort();
    }
    return m;
}

static void making_free(ra_momento_making *m)
{
    if (m->prev)
        m->prev->next = m->next;
    else
        m->store->makings = m->next;
    if (m->next)
        m->next->prev = m->prev;
    if (m->step)
        m->step->making = NULL;
    m->magic = 0;
    free(m);
}

static void end(ra_momento_making *m, const ra_generation *g)
{
    ra_momento_step *step = m->step;
    making_free(m);
    if (step)
        ra_momento_step_made(step, g);
}

/* ---- who waits ---- */

static void woken(ra_seat *seat, ra_http_reply *reply_take)
{
    ra_momento_making *m = making_of(seat->arg);
    ra_generation g = none;
    if (reply_take && reply_take->len)
        ra_momento_register_read((ra_bytes){reply_take->body, reply_take->len}, &g);
    ra_http_reply_unref(reply_take);
    end(m, &g);
}

/* Only an orphan's flight calls it, and these are none: they go on whether anybody waits or not. */
static void idle(ra_seat *seat)
{
    (void)making_of(seat->arg);
}

/* ---- who makes it ---- */

/* NULL: none, or no memory. Those that wait then bypass. */
static ra_http_reply *letter_of(const ra_generation *g)
{
    ra_http_reply *r = g->len ? ra_http_reply_new() : NULL;
    if (!r)
        return NULL;
    r->body = malloc(g->len);
    r->len = r->body ? g->len : 0;
    if (r->body)
        memcpy(r->body, g->b, g->len);
    return r;
}

static void land(ra_momento_making *m, const ra_generation *g)
{
    ra_http_reply *letter = letter_of(g);
    ra_flight_land(&m->seat, letter);
    ra_http_reply_unref(letter);
}

static void made(const ra_momento_result *r, void *arg)
{
    ra_momento_making *m = making_of(arg);
    ra_momento_store *s = m->store;
    ra_generation g = r->outcome == RA_MOMENTO_DONE ? m->generation : none;
    m->http = NULL;
    ra_momento_store_note(s, r);
    /* Known before it lands: who comes between would make another. */
    if (g.len)
        ra_momento_shared_know(s->shared, &m->unit, &g, ra_momento_store_monotonic(s), m->mark);
    land(m, &g);
    end(m, &g);
}

static bool lead(ra_momento_making *m, int64_t ttl, const char **why)
{
    ra_momento_store *s = m->store;
    char name[RA_MOMENTO_NAME_MAX];
    *why = "store-rate-limited";
    if (!ra_momento_store_take(s, ra_momento_store_monotonic(s), 1, RA_MOMENTO_TO_FILL))
        return false;
    *why = "no-memory";
    m->leads = true;
    m->mark = ra_momento_shared_mark(s->shared, &m->unit);
    if (!ra_momento_register_new(true, &m->generation))
        return false;
    m->http = ra_momento_put(s->client, ra_momento_register_name(s->prefix, &m->unit, name),
                             (ra_bytes){(const char *)m->generation.b, m->generation.len}, ttl,
                             s->o.request_timeout, made, m);
    return m->http != NULL;
}

static ra_momento_making *making_new(ra_momento_step *step, const ra_key *unit)
{
    ra_momento_store *s = step->work->store;
    ra_momento_making *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    *m = (ra_momento_making){
        .magic = RA_MOMENTO_MAKING_MAGIC, .store = s, .next = s->makings, .step = step, .unit = *unit};
    m->seat = (ra_seat){.mailbox = s->mailbox, .woken = woken, .idle = idle, .arg = m};
    if (s->makings)
        s->makings->prev = m;
    s->makings = m;
    step->making = m;
    return m;
}

bool ra_momento_make(ra_momento_step *step, const ra_key *unit, int64_t ttl, const char **why)
{
    ra_momento_making *m = making_new(step, unit);
    *why = "no-memory";
    if (!m)
        return false;
    if (ra_flight_join(ra_momento_shared_makings(m->store->shared), unit, &m->seat) == RA_FLIGHT_WAIT ||
        lead(m, ttl, why))
        return true;
    land(m, &none);
    making_free(m);
    return false;
}

void ra_momento_make_leave(ra_momento_step *step)
{
    ra_momento_making *m = step->making;
    if (!m)
        return;
    m->step = NULL;
    step->making = NULL;
    if (m->leads)
        return;
    ra_flight_leave(&m->seat);
    making_free(m);
}

void ra_momento_makings_free(ra_momento_store *s)
{
    for (ra_momento_making *m = s->makings, *next; m; m = next) {
        next = m->next;
        if (m->http)
            ra_momento_cancel(m->http);
        if (m->leads)
            land(m, &none);
        else
            ra_flight_leave(&m->seat);
        making_free(m);
    }
}
