/*
 * When may it be said that everything before a time has been invalidated? What another process of the store
 * has handled this one knows by its notes; but what is held near here may be served unasked until the store's
 * word of the change has come, or for as long as such entries may be old. So what is learnt from others
 * counts only that much later. Pure; threads: one.
 */
#ifndef RA_PROXY_FOLLOW_FRESH_H
#define RA_PROXY_FOLLOW_FRESH_H

#include <stdbool.h>
#include <stdint.h>

enum { RA_FRESH_WAITING = 8 };

typedef struct ra_fresh {
    struct {
        int64_t mark, since;
    } waiting[RA_FRESH_WAITING]; /* in the order of time */
    unsigned n;
    int64_t counts; /* the youngest that does; 0: none */
} ra_fresh;

/* `mark` has been learnt at `now` (monotonic, ms), and counts `delay` ms later. The youngest mark that counts
 * by now, never an older one than before; 0: none does. */
int64_t ra_fresh_offer(ra_fresh *f, int64_t mark, int64_t now, int64_t delay);
/* May a mark be believed at `wall` (ms), and is it no older than `most`? One of a time yet to come is of a
 * clock that was put back since, and says nothing. */
bool ra_fresh_within(int64_t mark, int64_t wall, int64_t most);
/* Forgets everything if the clock has been put back since. */
void ra_fresh_doubt(ra_fresh *f, int64_t wall);
/* Nothing is known any more. */
void ra_fresh_forget(ra_fresh *f);

#endif
