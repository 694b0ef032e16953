/*
 * What a thread has a loop do for it, as it is the loop's to do: ask for a table's schema, mark units and
 * unmark them, which voids what is cached of them and whatever is being filled just now.
 *
 * Threads: the one whose errand it is; it waits. See proxy/follow_errand.h.
 */
#ifndef RA_PROXY_MARK_ERRAND_H
#define RA_PROXY_MARK_ERRAND_H

#include "proxy/follow_errand.h"
#include "proxy/metrics.h"
#include "proxy/op.h"
#include "proxy/server.h"

/* The schema of the table of that name, a reference; NULL: it can't be had now. `c` is its entry in the
 * configuration. */
ra_table *ra_errand_learn(ra_errand *e, ra_loop *l, const char *name, const ra_table_config *c);
/* Each mark once, sorted as ra_marks_end does. It begins at *done, and moves it as it goes on. false: not all
 * of it can be done, for now. */
bool ra_errand_mark(ra_errand *e, ra_loop *l, const ra_mark *marks, size_t n, enum ra_cause cause,
                    size_t *done);

#endif
