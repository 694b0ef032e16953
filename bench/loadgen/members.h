/*
 * Reading the members of a workload's objects, each with its bounds; what is wrong is reported in the
 * decoder's words. A missing member leaves the default. Threads: none.
 */
#ifndef RA_BENCH_LOADGEN_MEMBERS_H
#define RA_BENCH_LOADGEN_MEMBERS_H

#include "config/decode.h"

/* An object with none but these members (names ended by NULL), each at most once. */
bool ra_members_check(ra_decoder *d, const ra_place *at, const char *const *names);
/* A copy of the text, not empty and without control characters; `preset` (may be NULL) if it isn't there. */
const char *ra_members_text(ra_decoder *d, const ra_place *in, const char *name, const char *preset);
uint64_t ra_members_whole(ra_decoder *d, const ra_place *in, const char *name, uint64_t least, uint64_t most,
                          uint64_t preset);
double ra_members_number(ra_decoder *d, const ra_place *in, const char *name, double most, double preset);
bool ra_members_bool(ra_decoder *d, const ra_place *in, const char *name, bool preset);
/* A whole number up to `all`, or a share of it ("10%"). */
uint64_t ra_members_part(ra_decoder *d, const ra_place *in, const char *name, uint64_t all, uint64_t preset);
/* The index of the text among the choices (ended by NULL). */
int ra_members_choice(ra_decoder *d, const ra_place *in, const char *name, const char *const *choices,
                      int preset);
/* An array of at most `most` elements: how many; 0 if it isn't there. `at` is its place. */
size_t ra_members_array(ra_decoder *d, const ra_place *in, const char *name, size_t most, ra_place *at);

#endif
