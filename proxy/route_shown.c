#include "proxy/route_shown.h"

#include <stdlib.h>

/* One reply may take an eighth of the room, so that a few large ones don't push out all others. */
enum { SHARE_OF_ONE = 8, PROBES = 2 };

typedef struct slot {
    ra_payload *payload; /* NULL: the slot is free */
    const ra_route *route;
    ra_config *config; /* whose route it is */
    char *target;      /* the path, then the query string */
    size_t path_n, query_n;
    ra_shown_reply *reply;
    size_t bytes;
} slot;

struct ra_shown {
    size_t bytes, max_bytes;
    size_t hand; /* where the next one goes to make room */
    slot slots[RA_SHOWN_SLOTS];
};

/* ---- replies ---- */

ra_shown_reply *ra_shown_reply_new(ra_buf *body, const ra_route_answer *answer)
{
    size_t next_n = answer->next ? strlen(answer->next) + 1 : 0;
    ra_shown_reply *r = ra_buf_ok(body) ? malloc(sizeof *r + next_n) : NULL;
    if (!r)
        return NULL;
    bool empty = body->n == 0;
    *r = (ra_shown_reply){.refs = 1, .answer = *answer};
    if (next_n)
        r->answer.next = memcpy(r + 1, answer->next, next_n);
    r->body = ra_buf_take(body, &r->n);
    if (r->body || empty)
        return r;
    free(r);
    return NULL;
}

ra_shown_reply *ra_shown_reply_ref(ra_shown_reply *r)
{
    r->refs++;
    return r;
}

void ra_shown_reply_unref(ra_shown_reply *r)
{
    if (!r || --r->refs)
        return;
    free(r->body);
    free(r);
}

/* ---- slots ---- */

/* In the manner of FNV-1a (Fowler, Noll, Vo). It only spreads: whole keys are compared. */
static uint64_t mix(uint64_t h, uint64_t with)
{
    return (h ^ with) * UINT64_C(0x100000001b3);
}

static size_t first_slot(const ra_payload *p, const ra_route_call *call)
{
    uint64_t h = mix(UINT64_C(0xcbf29ce484222325), (uintptr_t)p >> 4);
    h = mix(h, (uintptr_t)call->route >> 4);
    for (size_t i = 0; i < call->query.n; i++)
        h = mix(h, (unsigned char)call->query.p[i]);
    return (size_t)(h >> 24) % RA_SHOWN_SLOTS;
}

static bool is_same(const slot *s, const ra_payload *p, const ra_route_call *call)
{
    return s->payload == p && s->route == call->route &&
           ra_bytes_eq((ra_bytes){s->target, s->path_n}, call->path) &&
           ra_bytes_eq((ra_bytes){s->target + s->path_n, s->query_n}, call->query);
}

static void empty_slot(ra_shown *shown, slot *s)
{
    if (!s->payload)
        return;
    shown->bytes -= s->bytes;
    ra_payload_unref(s->payload);
    ra_config_unref(s->config);
    ra_shown_reply_unref(s->reply);
    free(s->target);
    *s = (slot){0};
}

ra_shown *ra_shown_new(size_t max_bytes)
{
    ra_shown *s = calloc(1, sizeof *s);
    if (s)
        s->max_bytes = max_bytes;
    return s;
}

void ra_shown_clear(ra_shown *s)
{
    for (size_t i = 0; i < RA_SHOWN_SLOTS; i++)
        empty_slot(s, &s->slots[i]);
}

void ra_shown_free(ra_shown *s)
{
    if (s)
        ra_shown_clear(s);
    free(s);
}

ra_shown_reply *ra_shown_find(const ra_shown *s, const ra_payload *p, const ra_route_call *call)
{
    size_t first = first_slot(p, call);
    for (size_t i = 0; i < PROBES; i++) {
        const slot *at = &s->slots[(first + i) % RA_SHOWN_SLOTS];
        if (is_same(at, p, call))
            return ra_shown_reply_ref(at->reply);
    }
    return NULL;
}

/* A free one of those where it may stand, or the one that makes room. */
static slot *place_for(ra_shown *s, const ra_payload *p, const ra_route_call *call)
{
    size_t first = first_slot(p, call);
    for (size_t i = 0; i < PROBES; i++) {
        slot *at = &s->slots[(first + i) % RA_SHOWN_SLOTS];
        if (!at->payload || is_same(at, p, call))
            return at;
    }
    return &s->slots[(first + s->hand++ % PROBES) % RA_SHOWN_SLOTS];
}

void ra_shown_keep(ra_shown *s, ra_config *c, ra_payload *p, const ra_route_call *call, ra_shown_reply *reply)
{
    size_t target_n = call->path.n + call->query.n;
    size_t bytes = sizeof *p + p->len + sizeof *reply + reply->n + target_n +
                   (reply->answer.next ? strlen(reply->answer.next) : 0);
    if (bytes > s->max_bytes / SHARE_OF_ONE)
        return;
    char *target = malloc(target_n + 1);
    if (!target)
        return;
    memcpy(target, call->path.p, call->path.n);
    if (call->query.n)
        memcpy(target + call->path.n, call->query.p, call->query.n);
    slot *at = place_for(s, p, call);
    empty_slot(s, at);
    for (; s->bytes + bytes > s->max_bytes; s->hand++)
        empty_slot(s, &s->slots[s->hand % RA_SHOWN_SLOTS]);
    *at = (slot){.payload = ra_payload_ref(p),
                 .route = call->route,
                 .config = ra_config_ref(c),
                 .target = target,
                 .path_n = call->path.n,
                 .query_n = call->query.n,
                 .reply = ra_shown_reply_ref(reply),
                 .bytes = bytes};
    s->bytes += bytes;
}

size_t ra_shown_bytes(const ra_shown *s)
{
    return s->bytes;
}
