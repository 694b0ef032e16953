#include "cache/breaker.h"

enum { MS_MOST = 24 * 3600 * 1000, US_MOST = 1000000000 }; /* so that no sum of times overflows */

/*
 * What is usual: the mean of the first LEARN calls, from then on each new one moves it by that share of the
 * way to its own latency. With fewer than KNOWN nobody knows. A slow probe moves it up by a share of itself.
 */
enum { KNOWN = 16, LEARN = 32 };
#define SLOW_PROBE (1.0 / 16)

static int64_t within(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

static unsigned given(unsigned v, unsigned otherwise)
{
    return v ? v : otherwise;
}

static int64_t given_time(int64_t v, int64_t otherwise, int64_t most)
{
    return v > 0 ? within(v, 1, most) : otherwise;
}

void ra_breaker_init(ra_breaker *b, const ra_breaker_options *o)
{
    static const ra_breaker_options none;
    if (!o)
        o = &none;
    *b = (ra_breaker){.options = {.window = given(o->window, 64),
                                  .slow_factor = given(o->slow_factor, 20),
                                  .slow_floor_us = given_time(o->slow_floor_us, 5000, US_MOST),
                                  .pause_ms = given_time(o->pause_ms, 200, MS_MOST),
                                  .pause_most_ms = given_time(o->pause_most_ms, 10000, MS_MOST),
                                  .probes = given(o->probes, 3)}};
    ra_breaker_options *set = &b->options;
    if (set->window > RA_BREAKER_WINDOW_MOST)
        set->window = RA_BREAKER_WINDOW_MOST;
    set->failures = given(o->failures, (set->window + 1) / 2);
    if (set->failures > set->window)
        set->failures = set->window;
    if (set->pause_most_ms < set->pause_ms)
        set->pause_most_ms = set->pause_ms;
}

/* ---- the window ---- */

static void window_clear(ra_breaker *b)
{
    b->bad[0] = b->bad[1] = 0;
    b->at = b->seen = b->nbad = 0;
    b->suspect = false;
}

static void window_add(ra_breaker *b, bool bad)
{
    uint64_t *word = &b->bad[b->at / 64], bit = UINT64_C(1) << b->at % 64;
    if (*word & bit)
        b->nbad--;
    *word &= ~bit;
    if (bad) {
        *word |= bit;
        b->nbad++;
    }
    b->at = (b->at + 1) % b->options.window;
    if (b->seen < b->options.window)
        b->seen++;
}

/* The window has changed: since when does the store look ill? */
static void suspect(ra_breaker *b, int64_t now)
{
    bool is = b->nbad >= (b->options.failures + 1) / 2;
    if (is && !b->suspect)
        b->suspected = now;
    b->suspect = is;
}

/* A bad call that ended now: is it one too many? Where one is, there was no half. */
static bool too_many(const ra_breaker *b, int64_t now, int64_t latency_us)
{
    bool began_later = now - latency_us / 1000 >= b->suspected;
    return b->nbad >= b->options.failures && (began_later || b->options.failures == 1);
}

/* ---- opening and closing ---- */

/* After `pause`, less up to a quarter: many proxies don't probe as one. */
static void open_for(ra_breaker *b, int64_t now, int64_t pause, uint32_t spread)
{
    b->pause = pause < b->options.pause_most_ms ? pause : b->options.pause_most_ms;
    b->reopens = now + b->pause - (int64_t)((uint64_t)b->pause * spread >> 34);
    b->state = RA_BREAKER_OPEN;
    b->good = 0;
}

/* Out of closed. If that was but lately closed it hadn't recovered, and the pauses go on from where they
 * were. */
static void open_out_of_closed(ra_breaker *b, int64_t now, uint32_t spread)
{
    bool again = b->pause > 0 && now - b->closed < b->options.pause_most_ms;
    b->opened++;
    open_for(b, now, again ? b->pause * 2 : b->options.pause_ms, spread);
}

static void close_it(ra_breaker *b, int64_t now)
{
    b->state = RA_BREAKER_CLOSED;
    b->closed = now;
    window_clear(b);
}

/* ---- judging ---- */

static bool slow(const ra_breaker *b, int64_t latency_us)
{
    return b->learnt >= KNOWN && latency_us > b->options.slow_floor_us &&
           (double)latency_us > b->usual_us * b->options.slow_factor;
}

/* Of a call that didn't fail and wasn't slow. */
static void learn(ra_breaker *b, int64_t latency_us)
{
    if (b->learnt < LEARN)
        b->learnt++;
    b->usual_us += ((double)latency_us - b->usual_us) / b->learnt;
}

static void probed(ra_breaker *b, int64_t now, bool bad, uint32_t spread)
{
    b->probing = false;
    if (bad)
        open_for(b, now, b->pause * 2, spread);
    else if (++b->good >= b->options.probes)
        close_it(b, now);
}

bool ra_breaker_allow(ra_breaker *b, int64_t now)
{
    if (b->state == RA_BREAKER_CLOSED) {
        b->under_way++;
        return true;
    }
    /*
     * A probe goes alone, so that what ends next is the probe and no call of before: nothing else tells them
     * apart. A call that is never said to have ended can't keep it open for good.
     */
    if (now < b->reopens || (b->under_way && now - b->reopens < b->options.pause_most_ms))
        return false;
    b->state = RA_BREAKER_HALF_OPEN;
    b->probing = true;
    b->reopens = now;
    b->under_way = 1;
    return true;
}

void ra_breaker_done(ra_breaker *b, int64_t now, bool ok, int64_t latency_us, uint32_t spread)
{
    if (b->under_way)
        b->under_way--;
    if (b->state == RA_BREAKER_OPEN || (b->state == RA_BREAKER_HALF_OPEN && !b->probing))
        return; /* a call of before: it says nothing new */
    latency_us = within(latency_us, 0, US_MOST);
    bool late = ok && slow(b, latency_us), bad = !ok || late;
    if (!bad)
        learn(b, latency_us);
    if (b->state == RA_BREAKER_HALF_OPEN) {
        if (late)
            b->usual_us += b->usual_us * SLOW_PROBE;
        probed(b, now, bad, spread);
        return;
    }
    window_add(b, bad);
    suspect(b, now);
    if (bad && too_many(b, now, latency_us))
        open_out_of_closed(b, now, spread);
}

void ra_breaker_cancelled(ra_breaker *b)
{
    if (b->under_way)
        b->under_way--;
    if (b->under_way == 0)
        b->probing = false;
}

void ra_breaker_trip(ra_breaker *b, int64_t now, uint32_t spread)
{
    b->under_way = 0;
    b->probing = false;
    if (b->state == RA_BREAKER_CLOSED) {
        if (b->seen || b->learnt)
            open_out_of_closed(b, now, spread);
        return;
    }
    b->reopens = now;
    b->good = 0;
}
