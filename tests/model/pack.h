/* States as they are kept: packed into a few words. */
#ifndef RA_TESTS_MODEL_PACK_H
#define RA_TESTS_MODEL_PACK_H

#include "tests/model/model.h"

#include <stdint.h>

enum { RA_WORDS_MAX = 8, RA_GENERATION_BITS = 4 };

/* Returns how many words states of this run take. What doesn't fit ends the program. */
unsigned ra_pack(const ra_run *run, const ra_state *s, uint64_t words[RA_WORDS_MAX]);
/* Reads RA_WORDS_MAX words, however few count. */
void ra_unpack(const ra_run *run, const uint64_t *words, ra_state *s);

/* Equal for two writers (with their markers) or two readers that nothing but their numbers tells apart. */
uint64_t ra_writer_code(const ra_run *run, const ra_state *s, unsigned i);
uint64_t ra_reader_code(const ra_run *run, const ra_reader *reader);

#endif
