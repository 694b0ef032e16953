/* What a request has to do with tables whose streams are followed (proxy/follow.h). */
#include "proxy/clock.h"
#include "proxy/follow.h"
#include "proxy/follow_image.h"
#include "proxy/log.h"
#include "proxy/op_images.h"
#include "proxy/request_states.h"

static const ra_follow *follow_of(const ra_request *r, const ra_op_table *t)
{
    return t->config && t->config->follow
               ? ra_follows_find(r->loop->server->follows, ra_table_short_name(t->given))
               : NULL;
}

bool ra_request_lags(const ra_request *r)
{
    int64_t wall = r->loop->server->follows ? ra_clock_wall() : 0;
    for (size_t i = 0; i < r->op.ntables && r->loop->server->follows; i++) {
        const ra_follow *f = follow_of(r, &r->op.tables[i]);
        if (f && !ra_follow_in_bounds(f, wall))
            return true;
    }
    return false;
}

/* What is asked by ARN may be another account's table of the same name, which isn't the one that is followed.
 */
static int64_t fresh_as_of(const ra_request *r, const ra_op_table *t)
{
    const ra_follow *f = t->config && t->config->fresh_as_of ? follow_of(r, t) : NULL;
    return f && ra_bytes_eq_z(t->given, ra_follow_table(f)) ? ra_follow_fresh_as_of(f) : 0;
}

/* Of several tables the one that is furthest behind, if all are known. */
int64_t ra_request_fresh_as_of(const ra_request *r)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < r->op.ntables && least; i++) {
        int64_t one = fresh_as_of(r, &r->op.tables[i]);
        least = one < least ? one : least;
    }
    return least == INT64_MAX ? 0 : least;
}

void ra_request_note_own(ra_request *r)
{
    ra_own_image *v = NULL;
    size_t n = 0;
    if (!r->loop->server->follows || !r->marked || !r->succeeded || r->fate_unknown || r->passed_on ||
        r->untold || r->after_untold)
        return;
    if (!ra_op_write_images(&r->op, r->reply, &r->arena, &v, &n))
        return; /* its records count as strangers' */
    ra_key old, image;
    bool was = n && ra_op_write_old_image(&r->op, r->reply, &old);
    int64_t now = ra_clock_monotonic();
    for (size_t i = 0; i < n; i++) {
        const ra_op_table *t = &r->op.tables[v[i].table];
        const ra_follow *f = follow_of(r, t);
        if (f && ra_follow_image(t->table, was ? &old : NULL, &v[i].image, &image))
            ra_follow_note(f, r->loop, &v[i].item, &image, now - r->sent_at, now);
    }
}
