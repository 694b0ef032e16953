/*
 * Which of the changes that a stream tells of are writes that went through a proxy: these have been
 * invalidated when they were made, and what was refilled since mustn't be dropped again.
 *
 * A write's proxy notes, once the write has succeeded, the item's unit and its new image's name
 * (proxy/item_digest.h), with the time that the write took. Who reads the stream asks for each record whether
 * it is a noted one. It is only if that is certain:
 *
 * - A record is a noted write if item and image are equal. Any record of an item, noted or not, ends all
 * notes of the item, but those whose write was begun after the noted one had its reply. So a note that is
 * left over (a write that changed nothing makes no record; a record that was handled before its note was
 * there) can't be taken for a later write of the same image: to become that image again the item must first
 * have been another, and that record has ended the note.
 * - Notes live for RA_OWN_WRITES_LIFE_MS. What is noted after its record came, or not at all, counts as a
 * stranger's: needlessly dropped, never wrongly kept.
 *
 * In process: bounded by bytes, the oldest give way. Threads: any; a short mutex. `now` is monotonic, in ms.
 */
#ifndef RA_CACHE_OWN_WRITES_H
#define RA_CACHE_OWN_WRITES_H

#include "cache/key.h"

#include <stdbool.h>
#include <stdint.h>

enum { RA_OWN_WRITES_LIFE_MS = 60 * 1000, RA_OWN_WRITES_PER_ITEM = 16, RA_OWN_WRITES_BYTES = 16 << 20 };

typedef struct ra_own_writes ra_own_writes;

ra_own_writes *ra_own_writes_new(size_t max_bytes); /* NULL: no memory */
void ra_own_writes_free(ra_own_writes *o);          /* NULL is allowed */
/* `took`: ms from before the write was sent to its reply, which is now. Without memory it isn't noted. */
void ra_own_writes_note(ra_own_writes *o, const ra_key *item, const ra_key *image, int64_t took, int64_t now);
/* Is this record such a write? Ends notes as said above. */
bool ra_own_writes_take(ra_own_writes *o, const ra_key *item, const ra_key *image_or_null, int64_t now);

#endif
