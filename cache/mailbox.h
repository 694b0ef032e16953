/*
 * One mailbox per event loop: how another thread hands a loop work. Posts are collected under a mutex and the
 * loop is woken once per batch (an eventfd write when the box was empty).
 *
 * Ownership: the letter is embedded in the sender's or the receiver's object and must live until it is
 * delivered. A letter that is posted already isn't posted twice (post returns false).
 * Threads: post from any thread; delivery on the loop's thread, never inside ra_mailbox_post, in the order of
 * posting.
 */
#ifndef RA_CACHE_MAILBOX_H
#define RA_CACHE_MAILBOX_H

#include <stdbool.h>

struct event_base;

typedef struct ra_letter ra_letter;
struct ra_letter {
    void (*deliver)(ra_letter *letter, void *arg);
    void *arg;
    ra_letter *next;
    bool posted; /* guarded by the mailbox's mutex */
};

typedef struct ra_mailbox ra_mailbox;

ra_mailbox *ra_mailbox_new(struct event_base *base);
void ra_mailbox_free(ra_mailbox *m); /* on the loop's thread; what is still posted isn't delivered */
bool ra_mailbox_post(ra_mailbox *m, ra_letter *letter);
/* Takes a letter back: true if it was posted and won't be delivered. On the loop's thread only. */
bool ra_mailbox_withdraw(ra_mailbox *m, ra_letter *letter);

#endif
