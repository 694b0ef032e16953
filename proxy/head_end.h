/*
 * Where a request's head ends, as evhttp sees it: at the first empty line, lines ending with LF or CR LF; and
 * what evhttp doesn't show of it afterwards. A NUL cuts a header off, or ends the head where it begins a
 * line; a line that begins with a blank is taken for more of the one before (RFC 9112 section 5.2 lets a
 * server refuse that); a CR that no LF follows ends a line for some (section 2.2: not to be taken as it is).
 * Another party may read such a head differently, so it is called odd. Its bytes may come in any pieces.
 * Pure.
 */
#ifndef RA_PROXY_HEAD_END_H
#define RA_PROXY_HEAD_END_H

#include "cache/bytes.h"

#include <stdbool.h>

typedef struct ra_head {
    enum {
        RA_HEAD_IN_LINE,
        RA_HEAD_LINE_BEGINS,
        RA_HEAD_LINE_HAS_CR
    } place; /* IN_LINE where the request begins */
    bool cr; /* IN_LINE: the last byte was one */
    bool odd;
} ra_head;

/* A part of a line, which `ends` with LF or goes on in the next piece. */
static inline void ra_head_line(ra_head *h, const char *p, const char *stop, bool ends)
{
    size_t n = (size_t)(stop - p);
    const char *cr = memchr(p, '\r', n);
    h->odd |= (h->cr && n) || memchr(p, '\0', n) || (cr && cr + 1 < stop);
    h->cr = cr && !ends;
}

/* true: the head ends in this piece. */
static inline bool ra_head_ends(ra_head *h, ra_bytes piece)
{
    if (piece.n == 0)
        return false;
    const char *p = piece.p, *end = piece.p + piece.n;
    while (p < end) {
        if (h->place == RA_HEAD_IN_LINE) {
            const char *lf = memchr(p, '\n', (size_t)(end - p));
            const char *stop = lf ? lf : end;
            ra_head_line(h, p, stop, lf != NULL);
            if (!lf)
                return false;
            h->place = RA_HEAD_LINE_BEGINS;
            p = lf + 1;
        } else if (*p == '\n') {
            return true;
        } else {
            bool begins = h->place == RA_HEAD_LINE_BEGINS;
            h->odd |= !*p || !begins || *p == ' ' || *p == '\t';
            h->place = *p == '\r' && begins ? RA_HEAD_LINE_HAS_CR : RA_HEAD_IN_LINE;
            p++;
        }
    }
    return false;
}

#endif
