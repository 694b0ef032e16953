#include "proxy/follow_fresh.h"

#include "proxy/clock.h"

#include <string.h>

/* Marks that are close to each other share a place: the younger one waits for its own time. */
static void wait_for(ra_fresh *f, int64_t mark, int64_t now, int64_t delay)
{
    unsigned last = f->n ? f->n - 1 : 0;
    bool close = f->n && now - f->waiting[last].since < delay / (RA_FRESH_WAITING / 2);
    if (f->n == RA_FRESH_WAITING || close)
        return; /* it comes again, and then there is room */
    f->waiting[f->n].mark = mark;
    f->waiting[f->n++].since = now;
}

static void drop_first(ra_fresh *f, unsigned n)
{
    f->n -= n;
    memmove(f->waiting, f->waiting + n, f->n * sizeof *f->waiting);
}

int64_t ra_fresh_offer(ra_fresh *f, int64_t mark, int64_t now, int64_t delay)
{
    unsigned ripe = 0;
    while (ripe < f->n && now - f->waiting[ripe].since >= delay)
        ripe++;
    for (unsigned i = 0; i < ripe; i++)
        if (f->waiting[i].mark > f->counts)
            f->counts = f->waiting[i].mark;
    drop_first(f, ripe);
    if (delay <= 0 && mark > f->counts)
        f->counts = mark;
    else if (mark > f->counts)
        wait_for(f, mark, now, delay);
    return f->counts;
}

static bool is_future(int64_t mark, int64_t wall)
{
    return mark > wall + RA_CLOCKS_APART;
}

bool ra_fresh_within(int64_t mark, int64_t wall, int64_t most)
{
    return mark && !is_future(mark, wall) && wall - mark <= most;
}

void ra_fresh_doubt(ra_fresh *f, int64_t wall)
{
    bool put_back = is_future(f->counts, wall);
    for (unsigned i = 0; i < f->n; i++)
        put_back |= is_future(f->waiting[i].mark, wall);
    if (put_back)
        ra_fresh_forget(f);
}

void ra_fresh_forget(ra_fresh *f)
{
    *f = (ra_fresh){.n = 0};
}
