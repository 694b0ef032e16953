/* What is counted, in words: labels of the metrics, and names in JSON. */
#include "proxy/metrics.h"

#include <string.h>

/* clang-format off */
static const char *const kinds[RA_OP_KINDS] = {
    [RA_OP_OTHER] = "Other",
    [RA_OP_GET_ITEM] = "GetItem",
    [RA_OP_BATCH_GET_ITEM] = "BatchGetItem",
    [RA_OP_QUERY] = "Query",
    [RA_OP_SCAN] = "Scan",
    [RA_OP_TRANSACT_GET_ITEMS] = "TransactGetItems",
    [RA_OP_PUT_ITEM] = "PutItem",
    [RA_OP_UPDATE_ITEM] = "UpdateItem",
    [RA_OP_DELETE_ITEM] = "DeleteItem",
    [RA_OP_BATCH_WRITE_ITEM] = "BatchWriteItem",
    [RA_OP_TRANSACT_WRITE_ITEMS] = "TransactWriteItems",
    [RA_OP_EXECUTE_STATEMENT] = "ExecuteStatement",
    [RA_OP_BATCH_EXECUTE_STATEMENT] = "BatchExecuteStatement",
    [RA_OP_EXECUTE_TRANSACTION] = "ExecuteTransaction",
    [RA_OP_TABLE_CHANGE] = "TableChange"};
/* clang-format on */

static const enum ra_op_kind reads[RA_READ_KINDS] = {RA_OP_GET_ITEM, RA_OP_QUERY, RA_OP_BATCH_GET_ITEM,
                                                     RA_OP_SCAN, RA_OP_TRANSACT_GET_ITEMS};

/* Every reason that a read's plan, a state or a store gives; in no order. */
static const char *const reasons[] = {"caching-off",
                                      "caching-observe",
                                      "consistent-read",
                                      "duplicate-keys",
                                      "index-not-active",
                                      "index-not-understood",
                                      "index-unknown",
                                      "key",
                                      "no-memory",
                                      "not-understood",
                                      "partition",
                                      "placeholder",
                                      "projection-without-key",
                                      "scan",
                                      "schema-unavailable",
                                      "schema-unknown",
                                      "store-breaker-open",
                                      "store-failed",
                                      "store-full",
                                      "store-quarantine",
                                      "store-queue-full",
                                      "store-rate-limited",
                                      "store-refused",
                                      "store-silent",
                                      "store-throttled",
                                      "store-unavailable",
                                      "stream-lag",
                                      "table-not-active",
                                      "table-not-configured",
                                      "transaction",
                                      "ttl-0",
                                      "unclean-start",
                                      "write-in-progress"};

enum { NREASONS = sizeof reasons / sizeof *reasons, OTHER_REASON = RA_REASONS - 1 };
_Static_assert((int)NREASONS < (int)RA_REASONS, "there is a number for each reason, and one for others");

const char *ra_op_kind_name(enum ra_op_kind kind)
{
    return kinds[kind];
}

unsigned ra_read_kind(enum ra_op_kind kind)
{
    switch (kind) {
    case RA_OP_QUERY:
        return 1;
    case RA_OP_BATCH_GET_ITEM:
        return 2;
    case RA_OP_SCAN:
        return 3;
    case RA_OP_TRANSACT_GET_ITEMS:
        return 4;
    default:
        return 0;
    }
}

enum ra_op_kind ra_read_kind_op(unsigned read_kind)
{
    return reads[read_kind];
}

unsigned ra_reason_number(const char *reason)
{
    for (unsigned i = 0; reason && i < NREASONS; i++)
        if (strcmp(reason, reasons[i]) == 0)
            return i;
    return OTHER_REASON;
}

const char *ra_reason_name(unsigned number)
{
    return number < NREASONS ? reasons[number] : number == OTHER_REASON ? "other" : NULL;
}

const char *ra_request_outcome_name(enum ra_request_outcome outcome)
{
    static const char *const names[RA_REQUEST_OUTCOMES] = {"hit",   "miss", "stale", "bypass",
                                                           "write", "pass", "error", "left"};
    return names[outcome];
}

const char *ra_read_outcome_name(enum ra_read_outcome outcome)
{
    static const char *const names[RA_READ_NEAR] = {"hit", "miss", "stale", "bypass"};
    return names[outcome];
}

const char *ra_cause_name(enum ra_cause cause)
{
    static const char *const names[RA_CAUSES] = {"write", "stream", "operator", "table-change", "mismatch"};
    return names[cause];
}

const char *ra_compared_name(enum ra_compared result)
{
    static const char *const names[RA_COMPARED_KINDS] = {"equal",     "mismatch", "raced",  "index_equal",
                                                         "index_lag", "failed",   "skipped"};
    return names[result];
}

const char *ra_filled_name(enum ra_filled result)
{
    static const char *const names[RA_FILLED_KINDS] = {"stored",    "overdue",   "reply",
                                                       "overtaken", "too-large", "full"};
    return names[result];
}

const char *ra_timed_name(enum ra_timed what)
{
    static const char *const names[RA_TIMED] = {"hit", "miss", "write", "store", "upstream"};
    return names[what];
}

const char *ra_upstream_class_name(enum ra_upstream_class class)
{
    static const char *const names[RA_UPSTREAM_CLASSES] = {"read", "write", "other"};
    return names[class];
}

const char *ra_upstream_result_name(enum ra_upstream_result result)
{
    static const char *const names[RA_UPSTREAM_RESULTS] = {"ok",     "refused",  "throttled",
                                                           "failed", "not-sent", "broken"};
    return names[result];
}
