/*
 * What was found to differ between the cache and DynamoDB: the newest RA_MISMATCHES, for GET
 * /admin/mismatches, a line in the log and an entry in the journal; and how much may be read of DynamoDB to
 * find such.
 *
 *   GET /admin/mismatches   [{"at": MS, "kind": "mismatch" | "index_lag", "by": "observe" | "compare",
 *                             "table": TEXT, "pattern": TEXT or null, "operation": TEXT, "digest": HEX of the
 *                             unit, "request": HEX, "filled": MS, "cached": BODY, "upstream": BODY}], newest
 *                           first. The last two are null unless admin.show_keys is true and was when it was
 *                           found, or where they are longer than RA_MISMATCH_BODY
 *
 * Threads: any; a short mutex. It outlives everybody who notes.
 */
#ifndef RA_PROXY_MISMATCHES_H
#define RA_PROXY_MISMATCHES_H

#include "cache/buf.h"
#include "cache/key.h"
#include "proxy/admin.h"
#include "proxy/journal.h"

enum {
    RA_MISMATCHES = 32,
    RA_MISMATCH_BODY = 16 * 1024,
    RA_COMPARE_READS_AT_ONCE = 16, /* over all loops, as the next one */
    RA_COMPARE_READS_PER_S = 100
};

typedef struct ra_mismatches ra_mismatches;

typedef struct ra_mismatch {
    const char *table,
        *pattern;          /* as ra_metrics_subject has them, which stay; pattern NULL: the table's own */
    const char *operation; /* static */
    bool index, observed;
    ra_key unit, request;
    int64_t filled; /* wall clock, ms */
    ra_bytes cached, upstream;
} ra_mismatch;

ra_mismatches *ra_mismatches_new(ra_journal *journal); /* NULL: no memory */
void ra_mismatches_free(ra_mismatches *m);             /* NULL is allowed; wipes what was shown */

/* `show`: the two bodies may be. A difference of a global index isn't logged. */
void ra_mismatches_note(ra_mismatches *m, const ra_mismatch *what, bool show);
void ra_mismatches_write(ra_mismatches *m, bool show, ra_buf *out);

/* May one more read be made for comparing? Then it is to be ended. `now`: monotonic, ms. */
bool ra_mismatches_may_read(ra_mismatches *m, int64_t now);
void ra_mismatches_end_read(ra_mismatches *m);

/* How many nines of `equal` among equal + mismatch, 0 to 18. *at_least: there was no mismatch, so that it is
 * a bound at 95 % (three in n: "rule of three"). -1: too few to say. */
int ra_nines(uint64_t equal, uint64_t mismatch, bool *at_least);

void ra_admin_mismatches(ra_admin *a, struct evhttp_request *r);

#endif
