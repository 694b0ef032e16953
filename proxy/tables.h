/*
 * The registry of tables: each one's schema, learnt from DescribeTable once, shared by all loops, renewed in
 * the background when it is older than `upstream.schema_refresh` (a second, while the table or an index isn't
 * ACTIVE) and forgotten when the table is changed.
 *
 * A fetch belongs to the loop that started it; readers of the same name wait for it and are woken through
 * their mailboxes. A fetch that a change has overtaken is made again, never delivered.
 *
 * Threads: the registry is shared (one mutex, held for a look-up); an ra_tables_wait belongs to its loop.
 */
#ifndef RA_PROXY_TABLES_H
#define RA_PROXY_TABLES_H

#include "cache/mailbox.h"
#include "proxy/table.h"
#include "proxy/upstream.h"

typedef struct ra_tables ra_tables;

ra_tables *ra_tables_new(ra_config *config); /* NULL without memory */
void ra_tables_free(ra_tables *t);           /* every loop's upstream must be gone */

enum ra_tables_step {
    RA_TABLES_KNOWN, /* *table is set: one reference for the caller */
    RA_TABLES_NONE, /* no such table, or DescribeTable is denied: pass through, nothing cached. *table is what
                       was known of it before, if anything was: a write goes on marking that. One reference */
    RA_TABLES_PENDING, /* wait->woken runs later on the loop */
    RA_TABLES_FAILED   /* the schema can't be had now; nothing may be cached, no write sent */
};

typedef struct ra_tables_wait ra_tables_wait;
struct ra_tables_wait {
    /* in */
    ra_mailbox *mailbox;
    void (*woken)(ra_tables_wait *wait); /* the outcome is in step, table, reply */
    void *arg;
    /* out */
    enum ra_tables_step step;
    ra_table *table; /* KNOWN: one reference, the receiver's */
    ra_http_reply
        *reply; /* FAILED: DynamoDB's answer to DescribeTable, one reference, the receiver's; may be NULL */
    /* the registry's own */
    ra_tables_wait *prev, *next;
    void *slot;
    ra_letter letter;
};

/*
 * With a schema in the config all ARNs of a name are one table: the caller must not cache what was asked by
 * ARN.
 *
 * The schema of the table that a client calls `given` (name or ARN). `table_config` is its entry in the
 * config. With KNOWN, NONE or FAILED the outcome is there at once (in wait->step, ->table, ->reply too).
 */
enum ra_tables_step ra_tables_get(ra_tables *t, ra_upstream *upstream, ra_bytes given,
                                  const ra_table_config *table_config, ra_tables_wait *wait);
/* The waiter leaves; `woken` won't run. Harmless when it isn't waiting. */
void ra_tables_leave(ra_tables *t, ra_tables_wait *wait);

/* The table was changed, or a reply shows that it is another: what is known of `name` (a short name) is
 * learnt anew. */
void ra_tables_forget(ra_tables *t, ra_bytes name);
/* The same for a mere suspicion: at most once a second per table. */
void ra_tables_doubt(ra_tables *t, ra_bytes name);

/* Another configuration. Any thread. */
void ra_tables_renew(ra_tables *t, ra_config *config);

/*
 * Counts what has been learnt. A write that finds another number after its reply than before it was planned
 * looks at ra_tables_all again: a table may have been made meanwhile, or made anew, or have got an index.
 */
uint64_t ra_tables_version(ra_tables *t);
/* References to all tables that are known, or were known lately: *n of them in a malloc'ed array (NULL when
 * none, or no memory with *n > 0).
 */
ra_table **ra_tables_all(ra_tables *t, size_t *n);

#endif
