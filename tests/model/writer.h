/* What the store's and the failover's steps need to know of writers. */
#ifndef RA_TESTS_MODEL_WRITER_H
#define RA_TESTS_MODEL_WRITER_H

#include "tests/model/model.h"

/* The keys that writer w marks, those after the reply included. */
unsigned ra_writer_keys(const ra_run *run, unsigned w);

/* Are servers left with a marker of this writer (on this key)? */
bool ra_writer_marked(const ra_state *s, unsigned w);
bool ra_writer_marked_key(const ra_state *s, unsigned w, unsigned key);

/* After a push for these keys (or what counts as one): near entries are suspect, lookups under way insert
 * nothing. */
void ra_near_taint(const ra_run *run, ra_state *s);

#endif
