/*
 * What has happened lately that an operator wants to know of: the newest RA_JOURNAL_MOST entries, for
 * `events` of proxy/live.h. Nothing that happens often belongs here, and no secret; texts may name tables.
 *
 * Threads: any; a short mutex. It outlives everybody who notes or listens.
 */
#ifndef RA_PROXY_JOURNAL_H
#define RA_PROXY_JOURNAL_H

#include "cache/buf.h"
#include "cache/mailbox.h"

enum { RA_JOURNAL_MOST = 100, RA_JOURNAL_TEXT = 256 };

enum ra_journal_kind {
    RA_JOURNAL_START,
    RA_JOURNAL_BREAKER,
    RA_JOURNAL_RELOAD,
    RA_JOURNAL_TAKEOVER,
    RA_JOURNAL_STREAM,
    RA_JOURNAL_CACHING,
    RA_JOURNAL_MARKERS,
    RA_JOURNAL_MISMATCH,
    RA_JOURNAL_KINDS
};

typedef struct ra_journal ra_journal;

ra_journal *ra_journal_new(void);    /* NULL: no memory */
void ra_journal_free(ra_journal *j); /* NULL is allowed */

/* One sentence, valid UTF-8, without a full stop; cut to RA_JOURNAL_TEXT bytes, at a character's end. It is
 * logged by who notes it, if it should be. A journal that is NULL takes nothing. */
void ra_journal_note(ra_journal *j, enum ra_journal_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* All entries as a JSON array on one line, oldest first. */
void ra_journal_write(ra_journal *j, ra_buf *out);
/* The first entry after the `after`th of the process's life that is still there, as one JSON object on one
 * line; its number, or 0 and nothing written where there is none. */
uint64_t ra_journal_next(ra_journal *j, uint64_t after, ra_buf *out);
uint64_t ra_journal_count(ra_journal *j); /* the newest one's number */

/* `letter` is posted to `mailbox` after each note, once for several. NULL mailbox: nobody listens any more;
 * a letter that is still posted then is the mailbox's to withdraw. */
void ra_journal_listen(ra_journal *j, ra_mailbox *mailbox, ra_letter *letter);

#endif
