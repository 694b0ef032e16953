/*
 * What a made-up message says. Pure; any thread.
 */
#ifndef RA_PROXY_DDB_GENERATE_TEXT_H
#define RA_PROXY_DDB_GENERATE_TEXT_H

#include "cache/buf.h"
#include "proxy/ddb_generate_random.h"

enum { RA_GENERATE_TEXT_CHARS = 1024, RA_GENERATE_TEXT_BYTES = 4 * RA_GENERATE_TEXT_CHARS };

enum ra_generate_mood {
    RA_MOOD_OPENING, /* the first message of a group */
    RA_MOOD_ANSWER,  /* the other one has just asked something */
    RA_MOOD_ANY
};

/*
 * Appends a text of at most RA_GENERATE_TEXT_CHARS characters (code points), not blank, in UTF-8; `to` is the
 * first name of whom it is for, up to 512 characters. false: no memory, or the buffer's cap. *asks: it ends
 * with a question.
 */
bool ra_generate_text(ra_stream *s, enum ra_generate_mood mood, ra_bytes to, ra_buf *out, bool *asks);

#endif
