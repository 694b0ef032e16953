/*
 * A rule of `readaside stream`: when an item is put into a table, rows elsewhere in it that stand for it are
 * moved to a new sort key and get new values (a chat's list rows, which sort by their newest message). Pure:
 * from a stream's record to the query that finds the rows, from its reply to the transactions that move them.
 * Declared in the config:
 *
 *   "stream_rules": [ { "name": "newest-message", "table": "T", "on": ["INSERT"], "partition_key": "MSG#*",
 *     "rows": { "index": "message-group-sk-index", "partition_key": "{new.message_group_uuid}",
 *               "row_partition_key": "GRP#*" },
 *     "set": { "sk": "{new.sk}", "message": "{new.message}" } } ]
 *
 * A row moves by one TransactWriteItems: Delete of the old key, conditional on its still being there
 * unchanged; Put of the new one. It never moves backwards: a row whose sort key is the new one or later stays
 * as it is, so that a record that comes twice, or late, changes nothing.
 */
#ifndef RA_PROXY_REKEY_H
#define RA_PROXY_REKEY_H

#include "proxy/stream_record.h"

/* Does the rule want this record? */
bool ra_rekey_wants(const ra_stream_rule *rule, const ra_stream_record *r, const ra_json *j,
                    const ra_table *t, ra_arena *a);

enum ra_rekey_result {
    RA_REKEY_OK,
    RA_REKEY_POISON, /* the record lacks what the rule takes, or has it in another type: `why` is static */
    RA_REKEY_NO_MEMORY
};

/* Appends the Query that finds the rows; `next` is the page's ExclusiveStartKey as JSON, p NULL for the
 * first. */
enum ra_rekey_result ra_rekey_query(const ra_stream_rule *rule, const ra_stream_record *r, const ra_json *j,
                                    const ra_table *t, ra_bytes next, ra_arena *a, ra_buf *out,
                                    const char **why);

/* The rows of a reply that must move: one TransactWriteItems body each, in the arena. *next:
 * LastEvaluatedKey. */
enum ra_rekey_result ra_rekey_moves(const ra_stream_rule *rule, const ra_stream_record *r, const ra_json *j,
                                    const ra_table *t, ra_bytes reply, ra_arena *a, ra_bytes **moves,
                                    size_t *n, ra_bytes *next, const char **why);

#endif
