/*
 * Operations: one DynamoDB API call, decoded into what the cache must do for it. Pure: no I/O, no clock, no
 * globals. A route of the config makes the same structure, so the request states after `decoded` don't know
 * the difference.
 *
 *   ra_op_open    reads the target and the body, finds the tables it names
 *   (the caller sets tables[i].config, and tables[i].table where the config names the table)
 *   ra_op_plan    says what to look up (reads) or what to mark (writes), and how the body that goes upstream
 * differs ra_op_body    makes that body ra_op_read_* / ra_op_write_*   what an upstream reply means for the
 * cache and for the client
 *
 * Rules of thumb: never guess. A read that isn't understood bypasses the cache (op->bypass says why, a static
 * word); a write whose units are uncertain marks its table and all its global indexes; an operation that
 * isn't known passes through, and marks the table that it names, if it names one in TableName.
 *
 * Ownership: everything is in the arena given to ra_op_open; the body must outlive the op; ra_op_close frees
 * the tokens. Threads: none shared.
 */
#ifndef RA_PROXY_OP_H
#define RA_PROXY_OP_H

#include "cache/http_client.h"
#include "cache/store.h"
#include "proxy/edit.h"
#include "proxy/table.h"

enum ra_op_kind {
    RA_OP_OTHER, /* control plane, streams, unknown: bytes pass through untouched */
    RA_OP_GET_ITEM,
    RA_OP_BATCH_GET_ITEM,
    RA_OP_QUERY,
    RA_OP_SCAN,
    RA_OP_TRANSACT_GET_ITEMS,
    RA_OP_PUT_ITEM,
    RA_OP_UPDATE_ITEM,
    RA_OP_DELETE_ITEM,
    RA_OP_BATCH_WRITE_ITEM,
    RA_OP_TRANSACT_WRITE_ITEMS,
    RA_OP_EXECUTE_STATEMENT,
    RA_OP_BATCH_EXECUTE_STATEMENT,
    RA_OP_EXECUTE_TRANSACTION,
    RA_OP_TABLE_CHANGE /* CreateTable, DeleteTable, UpdateTable, RestoreTable…, ImportTable and the like */
};

enum ra_op_class {
    RA_CLASS_PASS, /* nothing to look up, nothing to mark */
    RA_CLASS_READ, /* cacheable: parts, or bypass */
    RA_CLASS_WRITE /* marks */
};

typedef struct ra_op_table {
    ra_bytes given;                /* decoded TableName or ARN as the client wrote it */
    const ra_table_config *config; /* set by the caller; NULL: not cached */
    ra_table *table;               /* set by the caller; NULL: not cached, or its schema can't be had */
    uint32_t token;                /* BatchGetItem: its value in RequestItems */
    uint64_t half_units;           /* what a batch's reply says was consumed of it, in half capacity units */
} ra_op_table;

/* One entry that a read asks for: GetItem and Query have one, BatchGetItem one per key that may be cached. */
typedef struct ra_part {
    ra_lookup look; /* unit, request, guards are set; the store sets the rest */
    const ra_policy *policy;
    size_t table;       /* index into op->tables */
    uint32_t bytes;     /* set by the caller: of what upstream said that it is; 0: not known */
    bool told;          /* and that it did */
    bool none;          /* it said that there is nothing: what is cached has negative_ttl */
    uint32_t blocks;    /* and how much DynamoDB read for it (proxy/capacity.h); 0: not known */
    bool consistent;    /* the client asks for a consistent read */
    uint32_t key_token; /* BatchGetItem: the key's object */
    ra_scalar pk, sk;   /* BatchGetItem: to match the reply's items */
    bool upstream;      /* set by the caller before ra_op_body: this part is read upstream */
} ra_part;

/* A key of a BatchGetItem that isn't looked up. */
typedef struct ra_uncached {
    const ra_policy *policy; /* NULL: its table isn't known */
    const char *why;
} ra_uncached;

/* A unit to mark, and how long past the reply its marker stays (0 but for global indexes). */
typedef struct ra_mark {
    ra_key unit;
    int64_t settle;
    unsigned subject; /* the policy's that reads of it have (ra_policy) */
    bool item;        /* it is one item's */
    bool all;         /* it is a guard's: all of a table, or of an index */
} ra_mark;

typedef struct ra_op {
    enum ra_op_kind kind;
    enum ra_op_class class;
    char name[64]; /* "GetItem" */
    bool streams;  /* DynamoDBStreams_20120810 */
    ra_arena *arena;
    ra_bytes body;
    ra_json json; /* n == 0 when the body isn't looked into */

    ra_op_table *tables;
    size_t ntables;
    /* A write whose table can't be told (PartiQL): mark every table that this process knows. */
    bool any_table;
    /* The operation changes, makes or drops its tables: what is known of them must be learnt anew afterwards.
     */
    bool changes_table;

    /* reads, after ra_op_plan */
    ra_part *parts;
    size_t nparts;
    const char *bypass;        /* not NULL: don't look up (nparts is 0) */
    const ra_policy *bypassed; /* whose that read is, where it is known; else NULL */
    size_t nuncached;      /* BatchGetItem, set by ra_op_plan: how many of its keys have no part and always go
                              upstream */
    ra_uncached *uncached; /* why each; NULL: it is bypassed as a whole before that is known */
    bool capacity_asked;   /* ReturnConsumedCapacity TOTAL or INDEXES */

    /* What it consumes. Set by the caller, before ra_op_plan: DynamoDB may be asked, so that the reply is to
     * be given to ra_op_read_cacheable or ra_op_take_capacity before anybody else sees it. */
    bool ask_capacity;
    bool estimate_capacity; /* or else it is reckoned from what reads return, unless the client asks */
    bool capacity_added;    /* the proxy asks, the client doesn't */
    size_t capacity_edit;   /* and which of the edits that is; BatchGetItem has none */
    bool consistent;        /* a read of one part: the client asks for a consistent one */
    bool sent_consistent;   /* and what goes upstream is one */
    bool as_asked;          /* set by the caller: the client's own read goes upstream, and but for what it
                               consumes nothing else is asked */
    uint64_t half_units;    /* what the reply says was consumed, in all; 0: nothing is said */

    /* writes, after ra_op_plan: mark these before sending */
    ra_mark *marks; /* sorted by settle, here and wherever marks are given */
    size_t nmarks;

    /* how the body that goes upstream differs from the client's */
    ra_edit *edits;
    size_t nedits;
    void *plan; /* the kind's own */
} ra_op;

/* Was a read of one part sent as a consistent one? */
static inline bool ra_op_went_consistent(const ra_op *op)
{
    return op->as_asked ? op->consistent : op->sent_consistent;
}
/* Is what it consumes reckoned from what comes? */
static inline bool ra_op_estimates(const ra_op *op)
{
    return op->estimate_capacity && !op->capacity_asked;
}

enum ra_op_result {
    RA_OP_OK,
    RA_OP_MALFORMED, /* the body isn't strict JSON: 400 SerializationException; see `problem` */
    RA_OP_NO_MEMORY
};

/*
 * `target` is the X-Amz-Target header's value, "DynamoDB_20120810.GetItem"; the caller has made sure of the
 * prefix. On MALFORMED *problem is a static text. Bodies of RA_OP_OTHER whose operation is in the list of
 * known control-plane operations aren't looked into.
 */
enum ra_op_result ra_op_open(ra_op *op, ra_bytes target, ra_bytes body, ra_arena *arena,
                             const char **problem);
void ra_op_close(ra_op *op);

/* Does this operation need its tables' schemas (tables[i].table)? Asked after ra_op_open. */
bool ra_op_needs_tables(const ra_op *op);

enum ra_op_result ra_op_plan(ra_op *op);

/* Appends the body for upstream. For BatchGetItem: only the keys whose part has `upstream` set, and those
 * that have no part. */
bool ra_op_body(const ra_op *op, ra_buf *out);
/* The same from now on as a consistent read, of tables and local indexes; global ones have none. false: no
 * memory. */
bool ra_op_read_consistently(ra_op *op);
/* Is that body the client's, byte for byte (so that it needn't be copied)? */
bool ra_op_body_is_original(const ra_op *op);

/* ---- reads ---- */

/* What to store for one part of a successful upstream reply. */
typedef struct ra_cacheable {
    size_t part;         /* index into op->parts */
    bool negative;       /* missing item, or Count 0 without LastEvaluatedKey */
    ra_payload *payload; /* one reference, the caller's */
    uint32_t blocks;     /* that DynamoDB has read for it; 0: not known */
} ra_cacheable;

/*
 * From a 200 reply: one ra_cacheable for each part with `upstream` set whose answer is in it (in the arena;
 * *n of them). The body to store has its consumed capacity set to 0 where the client asked for it: a hit
 * costs nothing. Nothing is cacheable in a reply that isn't understood, whose x-amz-crc32 is wrong, whose
 * content type isn't application/x-amz-json-1.0. What only the proxy has asked for is read, and taken out of
 * the reply.
 */
bool ra_op_read_cacheable(ra_op *op, ra_http_reply *reply, int64_t filled_ms, ra_cacheable **out, size_t *n);

/* How many blocks DynamoDB would read for what a cached reply says; 0: not known. */
uint32_t ra_op_payload_blocks(const ra_payload *p);
/* Does a cached reply say that there is nothing: no item, none in the partition? */
bool ra_op_payload_is_negative(const ra_payload *p);

/* Of a BatchGetItem's table: is what goes upstream a consistent read? *asked: does the client ask for one? */
bool ra_op_batch_is_consistent(const ra_op *op, size_t table, bool *asked);

/* Is the client's reply something else than upstream's bytes (BatchGetItem with hits; a coalesced reader that
 * asked for capacity)? */
bool ra_op_read_rewrites(const ra_op *op, bool coalesced);
/*
 * Appends the client's reply. For BatchGetItem: the cached items (parts not `upstream`, whose look.payload is
 * set) and what `reply` has (NULL: nothing went upstream), UnprocessedKeys as the client wrote its options.
 * `coalesced`: another request paid, so capacity is 0. false: no memory, or the reply isn't understood.
 */
bool ra_op_read_reply(ra_op *op, const ra_http_reply *reply, bool coalesced, ra_buf *out);

/* ---- writes ---- */

/*
 * After a definite result: what must be marked now, before the client is answered, since it is known only
 * from the reply (the old image's GSI partitions; the whole index where the old image can't be had). *marks
 * is in the arena.
 */
bool ra_op_write_after(ra_op *op, const ra_http_reply *reply, ra_mark **marks, size_t *n);
/* What must be marked when the write's fate is unknown: every global index of its tables. */
bool ra_op_write_unknown(ra_op *op, ra_mark **marks, size_t *n);
/* The name (proxy/item_digest.h) of what the one item of a successful write was, or of none, where the reply
 * tells. */
bool ra_op_write_old_image(const ra_op *op, const ra_http_reply *reply, ra_key *out);
/* Does the reply carry something that only the proxy asked for? */
bool ra_op_write_rewrites(const ra_op *op, const ra_http_reply *reply);
/* Appends the reply without it. */
bool ra_op_write_reply(ra_op *op, const ra_http_reply *reply, ra_buf *out);

/* Of a reply to anything else than a read: what it consumed is read, and taken out where only the proxy has
 * asked for it. */
void ra_op_take_capacity(ra_op *op, ra_http_reply *reply);

/* CRC-32 (IEEE 802.3) as x-amz-crc32 has it. */
uint32_t ra_crc32(ra_bytes body);

#endif
