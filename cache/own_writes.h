/*
 * Which of the changes that a stream tells of are writes that went through a proxy: these have been
 * invalidated when they were made, and what was refilled since mustn't be dropped again.
 *
 * A write's proxy notes, once the write has succeeded, the item's unit and what it has become
 * (proxy/item_digest.h), with the time that the write took. Who reads the stream asks for each record, in the
 * stream's order, whether it is a noted one, and says so again if the record comes again.
 *
 * For each item there is an upper bound L of the time at which the newest record that was asked about was
 * committed. A note counts only if its write was begun after L, whichever of both is there first. A record
 * is a noted write if item and image are those of a note that counts: L is then the time by which that write
 * had its reply, at the earliest of several such notes. Else it is a stranger's, and L is now.
 * cache/README.md
 * ("Writes that are known again") says why such a record needs no invalidation.
 *
 * L is kept for RA_OWN_WRITES_LATE_MS: a note that comes later than that after its write was begun isn't
 * taken. Notes count for RA_OWN_WRITES_LIFE_MS after that time. What isn't noted, or too late, counts as a
 * stranger's: needlessly dropped, never wrongly kept. Of an item no more than RA_OWN_WRITES_PER_ITEM notes
 * are kept, the first.
 *
 * Times are cut to ms: what is later by that is later.
 *
 * In process: bounded by bytes. The items give way that were touched longest ago; nothing that was begun
 * before the latest L that was forgotten is noted any more. The same rules as Lua are in
 * cache/redis_script.c.
 *
 * Threads: any; a short mutex. `now` is monotonic, in ms.
 */
#ifndef RA_CACHE_OWN_WRITES_H
#define RA_CACHE_OWN_WRITES_H

#include "cache/key.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    RA_OWN_WRITES_LIFE_MS = 60 * 1000,
    RA_OWN_WRITES_LATE_MS = 5 * 1000,
    RA_OWN_WRITES_PER_ITEM = 16,
    RA_OWN_WRITES_BYTES = 16 << 20
};

typedef struct ra_own_writes ra_own_writes;

ra_own_writes *ra_own_writes_new(size_t max_bytes); /* NULL: no memory */
void ra_own_writes_free(ra_own_writes *o);          /* NULL is allowed */
/*
 * A write has succeeded. `now` isn't before its reply came, and `now - took` isn't after it was sent. Not for
 * one whose begin has failed: its units weren't marked all the time. Where an item's image alone doesn't tell
 * what is stale (index partitions), `image` names both the old one and the new one. Without memory it isn't
 * noted.
 */
void ra_own_writes_note(ra_own_writes *o, const ra_key *item, const ra_key *image, int64_t took, int64_t now);
/* Is this record such a write? NULL: a stranger's, for all one knows. `now` isn't before the record was read.
 * `since` isn't before the commit of any record that was passed over without being asked about; INT64_MIN:
 * none was. What is own is told once. */
bool ra_own_writes_take(ra_own_writes *o, const ra_key *item, const ra_key *image_or_null, int64_t since,
                        int64_t now);
size_t ra_own_writes_bytes(ra_own_writes *o); /* what it takes; at most max_bytes */

#endif
