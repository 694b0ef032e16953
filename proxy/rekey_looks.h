/*
 * Whose rows are to be looked at once more. A global index follows its table with a delay, so that a row that
 * has just been made or moved may be missed by the look that a record is handled with. Each record of a rule
 * that reads such an index therefore owes another look, at least `settle` after the first; until then its
 * shard's position isn't kept (proxy/rekey_keeper.h).
 *
 * That look is made with the newest target of the group, and finds every row: one that nobody has moved since
 * the first look is in the index by then, and one that this process has moved since was moved to the newest
 * target known, which isn't older than the record's. Records of one group share looks, so that a busy group
 * owes two at most: the one that is due, and one for what came since that was arranged.
 *
 * Threads: one. Time is monotonic, in ms.
 */
#ifndef RA_PROXY_REKEY_LOOKS_H
#define RA_PROXY_REKEY_LOOKS_H

#include "proxy/rekey.h"

typedef struct ra_rekey_looks ra_rekey_looks;

ra_rekey_looks *ra_rekey_looks_new(void); /* NULL: no memory */
void ra_rekey_looks_free(ra_rekey_looks *l);

/* The newest target of a group that owes a look; NULL: it owes none. Until the next call of any function. */
const ra_rekey_target *ra_rekey_looks_newest(const ra_rekey_looks *l, const ra_key *group);
/* The target's group owes a look at `due`. The target is copied; the rule isn't. false: no memory, nothing
 * has changed. */
bool ra_rekey_looks_owe(ra_rekey_looks *l, const ra_stream_rule *rule, const ra_rekey_target *target,
                        int64_t due);

/* The look that is due first: false: none is owed. Good until the next call of any function. */
bool ra_rekey_looks_first(const ra_rekey_looks *l, const ra_stream_rule **rule,
                          const ra_rekey_target **target, int64_t *due);
/* It has been made. */
void ra_rekey_looks_made(ra_rekey_looks *l);

/* What the targets hold, in bytes. */
size_t ra_rekey_looks_bytes(const ra_rekey_looks *l);
/* A number for all that is owed by now, and whether all of that has been made. */
uint64_t ra_rekey_looks_now(const ra_rekey_looks *l);
bool ra_rekey_looks_paid(const ra_rekey_looks *l, uint64_t then);

#endif
