#include "cache/store.h"

#include <errno.h>
#include <sys/random.h>

bool ra_write_id_new(ra_write_id *id)
{
    ssize_t n;
    do
        n = getrandom(id->b, sizeof id->b, 0);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof id->b; /* up to 256 bytes come whole or not at all */
}

void ra_lookup_bypass(ra_lookup *v, const char *reason)
{
    ra_payload_unref(v->payload);
    v->payload = NULL;
    v->outcome = RA_LOOKUP_BYPASS;
    v->near = false;
    v->reason = reason;
    v->token = (ra_token){0};
}

bool ra_store_peek(ra_store *s, int64_t now, ra_lookup *v)
{
    v->payload = NULL;
    v->near = false;
    v->reason = NULL;
    v->filling_for = -1;
    return s->ops->peek && s->ops->peek(s, now, v);
}

enum ra_store_step ra_store_ask(ra_store *s, int64_t now, ra_lookup *v, ra_store_call *call)
{
    call->pending = NULL;
    call->ok = false;
    v->payload = NULL;
    v->near = false;
    v->reason = NULL;
    v->filling_for = -1;
    return s->ops->ask ? s->ops->ask(s, now, v, call) : RA_STORE_DONE;
}

enum ra_store_step ra_store_lookup(ra_store *s, int64_t now, ra_lookup *v, size_t n, ra_store_call *call)
{
    call->pending = NULL;
    for (size_t i = 0; i < n; i++)
        v[i].filling_for = -1; /* a store that only one process has leaves it so */
    return n ? s->ops->lookup(s, now, v, n, call) : RA_STORE_DONE;
}

enum ra_fill_result ra_store_fill(ra_store *s, int64_t now, const ra_fill *f)
{
    return s->ops->fill(s, now, f);
}

enum ra_store_step ra_store_begin(ra_store *s, int64_t now, const ra_write_id *id, const ra_key *units,
                                  size_t n, int64_t hold, ra_store_call *call)
{
    call->pending = NULL;
    call->ok = true;
#ifdef READASIDE_MUTANT_NAIVE
    return RA_STORE_DONE;
#endif
    return n ? s->ops->begin(s, now, id, units, n, hold, call) : RA_STORE_DONE;
}

void ra_store_end(ra_store *s, int64_t now, const ra_write_id *id, const ra_key *units, size_t n,
                  int64_t settle)
{
#ifdef READASIDE_MUTANT_NAIVE
    ra_store_invalidate(s, now, units, n);
    return;
#endif
    if (n)
        s->ops->end(s, now, id, units, n, settle);
}

void ra_store_invalidate(ra_store *s, int64_t now, const ra_key *units, size_t n)
{
    if (n)
        s->ops->invalidate(s, now, units, n);
}

void ra_store_cancel(ra_store *s, ra_store_call *call)
{
    if (call->pending)
        s->ops->cancel(s, call);
}

/* Who can't be kept from it holds it. */
static void hold_unasked(ra_post *p, ra_store_call *call)
{
    p->held = p->lease > 0 && !p->leave;
    call->ok = true;
}

enum ra_store_step ra_store_post(ra_store *s, int64_t now, ra_post *p, ra_store_call *call)
{
    call->pending = NULL;
    call->ok = false;
    p->held = p->taken_over = false;
    p->found_n = 0;
    p->found_since = RA_SINCE_EVER;
    if (s->ops->post)
        return s->ops->post(s, now, p, call);
    hold_unasked(p, call);
    return RA_STORE_DONE;
}

bool ra_store_arbitrates(const ra_store *s)
{
    return s->ops->post != NULL;
}

void ra_store_note_own(ra_store *s, int64_t now, const ra_key *item, const ra_key *image, int64_t took)
{
    if (s->ops->note_own)
        s->ops->note_own(s, now, item, image, took);
}

enum ra_store_step ra_store_take_own(ra_store *s, int64_t now, int64_t since, ra_own_change *v, size_t n,
                                     ra_store_call *call)
{
    call->pending = NULL;
    call->ok = true;
    if (!s->ops->take_own || n == 0)
        return RA_STORE_DONE;
    for (size_t i = 0; i < n; i++)
        v[i].own = false;
    call->ok = false;
    return s->ops->take_own(s, now, since, v, n, call);
}

bool ra_store_notes_own(const ra_store *s)
{
    return s->ops->take_own != NULL;
}

void ra_store_get_stats(ra_store *s, ra_store_stats *out)
{
    *out = (ra_store_stats){0};
    s->ops->stats(s, out);
}

void ra_store_free(ra_store *s)
{
    if (s)
        s->ops->free(s);
}
