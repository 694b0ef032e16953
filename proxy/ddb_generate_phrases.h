/*
 * What people write to each other, with slots: '%' and the slot's character. Data; any thread.
 *
 * A phrase ends as a sentence does (but for emoji) and may be put before and after others.
 */
#ifndef RA_PROXY_DDB_GENERATE_PHRASES_H
#define RA_PROXY_DDB_GENERATE_PHRASES_H

#include <stddef.h>

enum { RA_PHRASE_MAX = 320 }; /* characters, slots filled */

typedef struct ra_phrases {
    char slot; /* of a list of slot fillers: its character */
    const char *const *v;
    size_t n;
} ra_phrases;

extern const ra_phrases ra_greetings; /* of somebody who hasn't written before */
extern const ra_phrases ra_questions;
extern const ra_phrases ra_answers; /* to any question */
extern const ra_phrases ra_statements;
extern const ra_phrases ra_reactions; /* a whole message each */
extern const ra_phrases ra_emoji;

/* What goes into the slots. "%n" is the other's first name and "%#" a number; they have no list. */
extern const ra_phrases ra_slot_fillers[];
extern const size_t ra_nslot_fillers;

#endif
