/*
 * What an access key may do, decided from the operation alone, before a hit is served and before anything is
 * marked. Pure.
 *
 * A key with `operations` may only do those, by the name in X-Amz-Target (a transaction is TransactWriteItems
 * whatever is in it, a statement ExecuteStatement). A `read_only` key may only
 * read: GetItem, BatchGetItem, TransactGetItems, Query, Scan, Describe*, List*, GetRecords, GetShardIterator,
 * and PartiQL that is SELECT throughout. A key with `tables` may only touch these, by the table's short name:
 * those that the operation names (TableName, RequestItems, TransactItems, ARNs of tables, indexes, streams,
 * backups, exports, imports; BackupName and the like name none), each one of them; an operation whose tables
 * can't be told with certainty (PartiQL that isn't understood, GetRecords, ListTables, an operation that
 * isn't known) is refused to it. Whoever may touch a table may touch its indexes and its stream.
 */
#ifndef RA_PROXY_AUTHORIZE_H
#define RA_PROXY_AUTHORIZE_H

#include "proxy/access_keys.h"
#include "proxy/op.h"

enum { RA_AUTHORIZE_WHY_MAX = 512 };

enum ra_authorize_result { RA_AUTHORIZED, RA_FORBIDDEN, RA_AUTHORIZE_NO_MEMORY };

/* The op is open (ra_op_open), and needn't be planned. FORBIDDEN: `why` is AccessDeniedException's message.
 */
enum ra_authorize_result ra_authorize(const ra_access_key *key, const ra_op *op,
                                      char why[RA_AUTHORIZE_WHY_MAX]);

#endif
