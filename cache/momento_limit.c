#include "cache/momento_limit.h"

enum { HOLDS_LEAST = 8 };

void ra_momento_limit_init(ra_momento_limit *l, unsigned operations_per_second)
{
    double most = operations_per_second > HOLDS_LEAST ? operations_per_second : HOLDS_LEAST;
    *l = (ra_momento_limit){.rate = operations_per_second, .most = most, .held = most};
    pthread_mutex_init(&l->lock, NULL);
}

void ra_momento_limit_fini(ra_momento_limit *l)
{
    pthread_mutex_destroy(&l->lock);
}

/* Loops read their clocks a moment apart: time that goes back adds nothing. */
static void refill(ra_momento_limit *l, int64_t now)
{
    if (l->begun && now > l->at)
        l->held += l->rate * (double)(now - l->at) / 1000;
    if (l->held > l->most)
        l->held = l->most;
    if (!l->begun || now > l->at)
        l->at = now;
    l->begun = true;
}

bool ra_momento_limit_take(ra_momento_limit *l, int64_t now, unsigned n, enum ra_momento_purpose why)
{
    if (l->rate <= 0) /* set once */
        return true;
    static const double share[] = {
        [RA_MOMENTO_TO_READ] = 0, [RA_MOMENTO_TO_FILL] = 0.5, [RA_MOMENTO_TO_WRITE] = 1};
    pthread_mutex_lock(&l->lock);
    refill(l, now);
    /* What is more than it holds goes when it is full, and is owed: else it would never go. */
    bool ok = l->held + share[why] * l->most >= n || (n > l->most && l->held >= l->most);
    if (ok)
        l->held -= n;
    pthread_mutex_unlock(&l->lock);
    return ok;
}

void ra_momento_limit_pause(ra_momento_limit *l, int64_t now, int64_t ms)
{
    if (ms < 0)
        ms = RA_MOMENTO_PAUSE;
    if (ms > RA_MOMENTO_PAUSE_MOST)
        ms = RA_MOMENTO_PAUSE_MOST;
    pthread_mutex_lock(&l->lock);
    if (l->paused_until < now + ms)
        l->paused_until = now + ms;
    pthread_mutex_unlock(&l->lock);
}

bool ra_momento_limit_is_paused(ra_momento_limit *l, int64_t now)
{
    pthread_mutex_lock(&l->lock);
    bool is = now < l->paused_until;
    pthread_mutex_unlock(&l->lock);
    return is;
}
