/*
 * Handles one table's stream for `readaside stream`: each record by the rules that want it, and the looks
 * that they owe.
 *
 * Of the records of one batch that meet in the same rows only the newest is run, for it leaves the rows as
 * all of them would, one after the other; if it is given up, the next older one is. Errors: a record that
 * can't be handled goes to the dead letters; while they can't be written, or anything else fails that may
 * pass, the batch isn't handled. Threads: one, that of the walk.
 */
#ifndef RA_PROXY_REKEY_CONSUMER_H
#define RA_PROXY_REKEY_CONSUMER_H

#include "proxy/dead_letters.h"
#include "proxy/rekey_keeper.h"
#include "proxy/rekey_report.h"
#include "proxy/rekey_run.h"
#include "proxy/stream_walk.h"

typedef struct ra_rekey_consumer_options {
    const ra_table *table;
    const ra_stream_rule *rules; /* those of other tables are passed over */
    size_t nrules;
    const ra_rekey_calls *calls;
    const ra_stream_keeper *keeper; /* who remembers positions in the end */
    ra_dead_letters *dead;
    ra_rekey_report *report;
    unsigned tries;
    int64_t settle; /* ms; of the table */
    /* The stream's view has no new image: no rule can be applied. It is to stop. */
    void (*unusable)(void *arg, const char *why);
    /* The stream is another one than before, so the table may be, too: its keys, learnt anew, in the place of
     * `table`, which isn't used any more. NULL: it is to stop. */
    const ra_table *(*renew)(void *arg);
    void *arg;
} ra_rekey_consumer_options;

typedef struct ra_rekey_consumer ra_rekey_consumer;

ra_rekey_consumer *ra_rekey_consumer_new(const ra_rekey_consumer_options *o); /* NULL: no memory */
void ra_rekey_consumer_free(ra_rekey_consumer *c);                            /* NULL is allowed */
/* For the walk; as long as the consumer lives. */
const ra_stream_handler *ra_rekey_consumer_handler(const ra_rekey_consumer *c);
const ra_stream_keeper *ra_rekey_consumer_keeper(const ra_rekey_consumer *c);
/* Makes all looks that are owed, each when it is due, and has the positions kept. false: it was to stop. */
bool ra_rekey_consumer_finish(ra_rekey_consumer *c);

#endif
