/* Which operation a name in X-Amz-Target means. */
#include "proxy/op_plan.h"

typedef struct name_kind {
    const char *name;
    enum ra_op_kind kind;
} name_kind;

static const name_kind NAMES[] = {
    {"GetItem", RA_OP_GET_ITEM},
    {"Query", RA_OP_QUERY},
    {"BatchGetItem", RA_OP_BATCH_GET_ITEM},
    {"PutItem", RA_OP_PUT_ITEM},
    {"UpdateItem", RA_OP_UPDATE_ITEM},
    {"DeleteItem", RA_OP_DELETE_ITEM},
    {"BatchWriteItem", RA_OP_BATCH_WRITE_ITEM},
    {"TransactWriteItems", RA_OP_TRANSACT_WRITE_ITEMS},
    {"TransactGetItems", RA_OP_TRANSACT_GET_ITEMS},
    {"Scan", RA_OP_SCAN},
    {"ExecuteStatement", RA_OP_EXECUTE_STATEMENT},
    {"BatchExecuteStatement", RA_OP_BATCH_EXECUTE_STATEMENT},
    {"ExecuteTransaction", RA_OP_EXECUTE_TRANSACTION},
    {"CreateTable", RA_OP_TABLE_CHANGE},
    {"DeleteTable", RA_OP_TABLE_CHANGE},
    {"UpdateTable", RA_OP_TABLE_CHANGE},
    {"RestoreTableFromBackup", RA_OP_TABLE_CHANGE},
    {"RestoreTableToPointInTime", RA_OP_TABLE_CHANGE},
    {"ImportTable", RA_OP_TABLE_CHANGE},
    {"CreateGlobalTable", RA_OP_TABLE_CHANGE},
    {"UpdateGlobalTable", RA_OP_TABLE_CHANGE},
    {"UpdateTimeToLive", RA_OP_TABLE_CHANGE},
};

/* The control plane that changes no item and no schema. */
static const char *const CONTROL[] = {
    "CreateBackup",
    "DeleteBackup",
    "DeleteResourcePolicy",
    "DisableKinesisStreamingDestination",
    "EnableKinesisStreamingDestination",
    "ExportTableToPointInTime",
    "GetResourcePolicy",
    "PutResourcePolicy",
    "TagResource",
    "UntagResource",
    "UpdateContinuousBackups",
    "UpdateContributorInsights",
    "UpdateGlobalTableSettings",
    "UpdateKinesisStreamingDestination",
    "UpdateTableReplicaAutoScaling",
};

static bool begins(ra_bytes name, ra_bytes with)
{
    return name.n > with.n && memcmp(name.p, with.p, with.n) == 0;
}

enum ra_op_kind ra_op_name_kind(ra_bytes name, bool *known)
{
    *known = true;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (ra_bytes_eq_z(name, NAMES[i].name))
            return NAMES[i].kind;
    }
    if (begins(name, RA_BYTES("Describe")) || begins(name, RA_BYTES("List")))
        return RA_OP_OTHER;
    for (size_t i = 0; i < sizeof CONTROL / sizeof *CONTROL; i++) {
        if (ra_bytes_eq_z(name, CONTROL[i]))
            return RA_OP_OTHER;
    }
    *known = false;
    return RA_OP_OTHER;
}
