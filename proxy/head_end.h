/* Where a request's head ends, as evhttp sees it: at the first empty line, lines ending with LF or CR LF. Its
 * bytes may come in any pieces. Pure. */
#ifndef RA_PROXY_HEAD_END_H
#define RA_PROXY_HEAD_END_H

#include "cache/bytes.h"

#include <stdbool.h>

typedef enum ra_head_place { RA_HEAD_IN_LINE, RA_HEAD_LINE_BEGINS, RA_HEAD_LINE_HAS_CR } ra_head_place;

/* `place` is RA_HEAD_IN_LINE where the request begins. true: the head ends in this piece. */
static inline bool ra_head_ends(ra_head_place *place, ra_bytes piece)
{
    const char *p = piece.p, *end = piece.p + piece.n;
    while (p < end) {
        if (*place == RA_HEAD_IN_LINE) {
            const char *lf = memchr(p, '\n', (size_t)(end - p));
            if (!lf)
                return false;
            *place = RA_HEAD_LINE_BEGINS;
            p = lf + 1;
        } else if (*p == '\n') {
            return true;
        } else {
            *place = *p == '\r' && *place == RA_HEAD_LINE_BEGINS ? RA_HEAD_LINE_HAS_CR : RA_HEAD_IN_LINE;
            p++;
        }
    }
    return false;
}

#endif
