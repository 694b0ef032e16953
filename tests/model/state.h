/* States as they are kept: in canonical form, packed into a few words. */
#ifndef RA_TESTS_MODEL_STATE_H
#define RA_TESTS_MODEL_STATE_H

#include "tests/model/model.h"

#include <stdint.h>

enum { RA_WORDS_MAX = 8 };

/*
 * Brings a state into canonical form, so that states that differ only in names are one: equal writers and
 * equal readers are sorted, generations are numbered in the order in which they are met, and what nothing will
 * read again is cleared.
 */
void ra_state_canonical(const ra_run *run, ra_state *s);

/* Words that states of this scope take; ra_pack returns the same. */
unsigned ra_pack(const ra_run *run, const ra_state *s, uint64_t words[RA_WORDS_MAX]);
void ra_unpack(const ra_run *run, const uint64_t *words, ra_state *s);

#endif
