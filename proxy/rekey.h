/*
 * A rule of `readaside stream`: when an item is put into a table, rows elsewhere in it that stand for it are
 * moved to a new sort key and get new values (a chat's list rows, which sort by their newest message). Pure:
 * from a stream's record to the query that finds the rows, from its reply to the transactions that move them.
 * Declared in the config:
 *
 *   "stream_rules": [ { "name": "newest-message", "table": "T", "on": ["INSERT"], "partition_key": "MSG#*",
 *     "rows": { "index": "message-group-sk-index", "partition_key": "{star}", "row_partition_key": "GRP#*" },
 *     "set": { "sk": "{new.sk}", "message": "{new.message}" } } ]
 *
 * A template that is one placeholder alone gives the attribute as it is, whatever its type; any other gives a
 * string, made of strings and numbers. An input whose name is NULL ({star}) is what the star of
 * `partition_key` stands for in the record's own.
 *
 * A row moves by one TransactWriteItems: Delete of the old key, conditional on its still being there
 * unchanged; Put of the new one, conditional on there being none but this rule's row of the same group, which
 * it then replaces (so that a row that is there twice becomes one). It never moves backwards: a row whose
 * sort key is the new one or later stays as it is, so that a record that comes twice, or late, changes
 * nothing.
 *
 * Ownership: what is made is in the arena. Threads: none shared.
 */
#ifndef RA_PROXY_REKEY_H
#define RA_PROXY_REKEY_H

#include "proxy/stream_record.h"

/* Can the rule be applied to this table at all? It has a sort key, which the rule sets; the rule leaves its
 * partition key, and the index's, alone; the index is there. NULL, or a static text that says what is wrong.
 */
const char *ra_rekey_unfit(const ra_stream_rule *rule, const ra_table *t);
/* Are its rows found by reading a global index, which follows the table with a delay? */
bool ra_rekey_lags(const ra_stream_rule *rule, const ra_table *t);

/* Does the rule want this record? One that isn't understood, or whose keys can't be read, is wanted: it will
 * be found to be poison. */
bool ra_rekey_wants(const ra_stream_rule *rule, const ra_stream_record *r, const ra_json *j,
                    const ra_table *t, ra_arena *a);

enum ra_rekey_result {
    RA_REKEY_OK,
    RA_REKEY_POISON, /* the record, or a row, lacks what the rule takes, or has it in another type: `why` is
                        static */
    RA_REKEY_NOT_A_REPLY, /* that isn't DynamoDB's */
    RA_REKEY_NO_MEMORY
};

/* What the rule makes of one record: which rows, and what becomes of them. */
typedef struct ra_rekey_target {
    ra_key group;       /* of the rule and the partition: whose records meet in the same rows */
    ra_bytes partition; /* where the rows are, as an attribute value's JSON */
    ra_scalar sort;     /* the new sort key */
    ra_bytes *set;      /* the rule's `set`, each as an attribute value's JSON */
    size_t nset;
    ra_bytes origin; /* the record's name for a person, as JSON: sequence number and keys */
} ra_rekey_target;

enum ra_rekey_result ra_rekey_target_make(const ra_stream_rule *rule, const ra_stream_record *r,
                                          const ra_json *j, const ra_table *t, ra_arena *a,
                                          ra_rekey_target *out, const char **why);
/* A copy that lives by itself, and how many bytes it takes; free() it. NULL: no memory. */
ra_rekey_target *ra_rekey_target_copy(const ra_rekey_target *t, size_t *bytes);

/* DynamoDB's order of sort keys of one type: < 0, 0, > 0. */
int ra_rekey_order(const ra_scalar *a, const ra_scalar *b);

/* Appends the Query that finds the rows that may have to move, whole; `next` is the page's ExclusiveStartKey
 * as JSON, p NULL for the first. It is consistent but through a global index. false: no memory. */
bool ra_rekey_query(const ra_stream_rule *rule, const ra_rekey_target *target, const ra_table *t,
                    ra_bytes next, ra_buf *out);

typedef struct ra_rekey_moves {
    ra_bytes *v; /* one TransactWriteItems body each */
    size_t n;
    size_t rows;   /* of the rule in the reply */
    ra_bytes next; /* LastEvaluatedKey as JSON; p NULL: this was the last page */
} ra_rekey_moves;

/* Of a reply to that Query. */
enum ra_rekey_result ra_rekey_moves_make(const ra_stream_rule *rule, const ra_rekey_target *target,
                                         const ra_table *t, ra_bytes reply, ra_arena *a, ra_rekey_moves *out,
                                         const char **why);

#endif
