/* One form for all states that differ only in names. */
#ifndef RA_TESTS_MODEL_CANONICAL_H
#define RA_TESTS_MODEL_CANONICAL_H

#include "tests/model/model.h"

/* Equal writers and equal readers are sorted, generations are numbered in the order in which they are met,
 * and what nothing will read again is cleared. */
void ra_state_canonical(const ra_run *run, ra_state *s);

#endif
