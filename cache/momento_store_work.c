/* A lookup or a begin under way: several requests at once, in rounds, one answer. */
#include "cache/momento_store_parts.h"

#include <stdio.h>
#include <stdlib.h>

static ra_momento_work *work_of(void *p)
{
    ra_momento_work *w = p;
    if (!w || w->magic != RA_MOMENTO_WORK_MAGIC) {
        fputs("momento store: a call is corrupted\n", stderr);
        abort();
    }
    return w;
}

static ra_momento_step *step_of(void *p)
{
    ra_momento_step *step = p;
    if (!step || step->magic != RA_MOMENTO_STEP_MAGIC) {
        fputs("momento store: a request is corrupted\n", stderr);
        abort();
    }
    return step;
}

ra_momento_work *ra_momento_work_new(ra_momento_store *s, ra_store_call *call, size_t most)
{
    ra_momento_work *w = calloc(1, sizeof *w);
    ra_momento_step *steps = calloc(most ? most : 1, sizeof *steps);
    if (!w || !steps) {
        free(w);
        free(steps);
        return NULL;
    }
    *w = (ra_momento_work){.magic = RA_MOMENTO_WORK_MAGIC,
                           .store = s,
                           .call = call,
                           .steps = steps,
                           .most = most,
                           .worst = RA_MOMENTO_DONE,
                           .begun_us = ra_momento_store_us(),
                           .next = s->works};
    if (s->works)
        s->works->prev = w;
    s->works = w;
    call->pending = w;
    return w;
}

static void abandon(ra_momento_step *step)
{
    if (step->http)
        ra_momento_cancel(step->http);
    step->http = NULL;
    ra_momento_make_leave(step);
}

void ra_momento_work_free(ra_momento_work *w)
{
    ra_momento_store *s = work_of(w)->store;
    for (size_t i = 0; i < w->nsteps; i++)
        abandon(&w->steps[i]);
    if (w->prev)
        w->prev->next = w->next;
    else
        s->works = w->next;
    if (w->next)
        w->next->prev = w->prev;
    if (w->measured)
        ra_breaker_cancelled(&s->breaker);
    if (w->drop)
        w->drop(w);
    w->call->pending = NULL;
    w->magic = 0;
    free(w->own);
    free(w->steps);
    free(w);
}

void ra_momento_work_next_round(ra_momento_work *w)
{
    w->nsteps = 0;
}

/* ---- answers ---- */

/* As slow as its last reply, as good as its worst. Before `finish`, which frees it. */
static void judge(ra_momento_work *w)
{
    if (!w->measured)
        return;
    w->measured = false;
    ra_momento_store_judge(w->store, w->worst, w->begun_us);
}

void ra_momento_work_succeeded(ra_momento_work *w)
{
    judge(w);
}

/* `finish` may send more: then there is something to wait for again. */
static void answered(ra_momento_work *w)
{
    w->waiting--;
    if (w->failed)
        judge(w);
    if (w->failed || w->waiting == 0)
        w->finish(w, w->failed);
}

static const char *reason_of(enum ra_momento_outcome o)
{
    return o == RA_MOMENTO_THROTTLED        ? "store-throttled"
           : ra_momento_is_misconfigured(o) ? "store-refused"
                                            : "store-failed";
}

static void replied(const ra_momento_result *r, void *arg)
{
    ra_momento_step *step = step_of(arg);
    ra_momento_work *w = work_of(step->work);
    step->http = NULL;
    ra_momento_store_note(w->store, r);
    if (ra_momento_is_good(r->outcome)) {
        w->take(w, step, r);
    } else {
        w->worst = r->outcome;
        w->failed = reason_of(r->outcome);
    }
    answered(w);
}

void ra_momento_step_made(ra_momento_step *step, const ra_generation *g)
{
    ra_momento_work *w = work_of(step_of(step)->work);
    step->making = NULL;
    w->take_made(w, step, g);
    if (!g->len)
        w->failed = "store-failed";
    answered(w);
}

/* ---- requests ---- */

static ra_momento_step *new_step(ra_momento_work *w, int kind, size_t index)
{
    if (w->nsteps == w->most) {
        fputs("momento store: a call has more requests than it said\n", stderr);
        abort();
    }
    ra_momento_step *step = &w->steps[w->nsteps++];
    *step = (ra_momento_step){.magic = RA_MOMENTO_STEP_MAGIC, .work = w, .kind = kind, .index = index};
    return step;
}

bool ra_momento_work_get(ra_momento_work *w, int kind, size_t index, ra_bytes name)
{
    ra_momento_step *step = new_step(w, kind, index);
    step->http = ra_momento_get(w->store->client, name, w->store->o.request_timeout, replied, step);
    w->waiting += step->http != NULL;
    return step->http != NULL;
}

bool ra_momento_work_put(ra_momento_work *w, int kind, size_t index, const ra_key *unit,
                         const ra_generation *text, int64_t ttl)
{
    ra_momento_step *step = new_step(w, kind, index);
    char name[RA_MOMENTO_NAME_MAX];
    step->http = ra_momento_put(w->store->client, ra_momento_register_name(w->store->prefix, unit, name),
                                (ra_bytes){(const char *)text->b, text->len}, ttl,
                                w->store->o.request_timeout, replied, step);
    w->waiting += step->http != NULL;
    return step->http != NULL;
}

bool ra_momento_work_make(ra_momento_work *w, int kind, size_t index, const ra_key *unit, int64_t ttl,
                          const char **why)
{
    bool ok = ra_momento_make(new_step(w, kind, index), unit, ttl, why);
    w->waiting += ok;
    return ok;
}
