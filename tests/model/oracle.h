/* What a read must see, and whether it did. */
#ifndef RA_TESTS_MODEL_ORACLE_H
#define RA_TESTS_MODEL_ORACLE_H

#include "tests/model/steps.h"

/* The oldest version that a read may return which is invoked now. */
unsigned ra_oracle_floor(const ra_run *run, const ra_state *s);

/* A write is answered, its settle time has passed, or its push is in: reads invoked from now on must see it.
 */
void ra_oracle_promise(ra_state *s, const ra_writer *w);

/* Is this step a read that returns something too old? */
bool ra_oracle_broken(const ra_label *label);

#endif
