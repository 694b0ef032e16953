/*
 * What the files op_*.c share; nobody else includes it. One file per kind of operation, and these helpers:
 *   op_name.c    which operation a name means
 *   op_tables.c  which tables a body names
 *   op_key.c     members, keys and attributes of an image
 *   op_digest.c  a read's canonical form
 *   op_read.c    what all cacheable reads have in common
 *   op_mark.c    the list of units that a write marks
 *   op_reply.c   checking, reading and editing replies
 *   op_capacity.c what is consumed: asked for, read, taken out again
 */
#ifndef RA_PROXY_OP_PLAN_H
#define RA_PROXY_OP_PLAN_H

#include "proxy/expression.h"
#include "proxy/op.h"

enum {
    /* DynamoDB takes at most this many keys in a BatchGetItem and items in a transaction, so no more tables
     * either. What is larger will be refused; it is treated as "not understood" without looking closer, which
     * bounds the work. */
    RA_OP_MAX_KEYS = 100,
    RA_OP_MAX_TABLES = 100,
    RA_OP_MAX_EDITS = 4
};

/* ---- op_name.c ---- */

/* *known: the operation is in the list; RA_OP_OTHER and known is the control plane, which isn't looked into.
 */
enum ra_op_kind ra_op_name_kind(ra_bytes name, bool *known);

/* ---- op_tables.c ---- */

/* Sets tables (and any_table) from the parsed body. false: no memory. */
bool ra_op_find_tables(ra_op *op);
/* A member that names a table, decoded, as DynamoDB would read it; out->p is NULL where there is none. false:
 * no memory. */
bool ra_op_table_name(const ra_op *op, uint32_t object, const char *member, ra_bytes *out);
bool ra_op_find_table(const ra_op *op, ra_bytes name, size_t *index);
/* Adds a table unless it is there; too many of them: any_table. false: no memory. */
bool ra_op_add_table(ra_op *op, ra_bytes name);

/* ---- op_partiql.c ---- */

/* Classifies the statements: sets the class, the tables and any_table. false: no memory. */
bool ra_op_find_statements(ra_op *op);

/* ---- op_key.c ---- */

/*
 * tok[i] is the value of member names[i], RA_JSON_NONE where it is absent. false: a member that isn't in the
 * list, one that is null, or no object.
 */
bool ra_op_members(const ra_json *j, uint32_t object, const char *const *names, size_t n, uint32_t *tok);
/* The name token of a member; RA_JSON_NONE: absent. */
uint32_t ra_op_member_name(const ra_json *j, uint32_t object, const char *name);

/*
 * The table's key in the attribute map `map`; `exact`: the map holds nothing else. *sk is untouched where the
 * table has no sort key. false: it can't be read with certainty, or its types aren't the table's.
 */
bool ra_op_key(const ra_json *j, uint32_t map, const ra_table *t, bool exact, ra_arena *a, ra_scalar *pk,
               ra_scalar *sk);

enum ra_image_attribute {
    RA_ATTRIBUTE_ABSENT,   /* or of a type that no index takes: the item isn't in the index */
    RA_ATTRIBUTE_SCALAR,   /* *out is set */
    RA_ATTRIBUTE_UNCERTAIN /* not as the API defines a value */
};
/* One attribute of an item's image, and one attribute value by its token. */
enum ra_image_attribute ra_op_image(const ra_json *j, uint32_t map, const char *attribute, ra_arena *a,
                                    ra_scalar *out);
enum ra_image_attribute ra_op_image_value(const ra_json *j, uint32_t value, ra_arena *a, ra_scalar *out);

/* ---- op_digest.c ---- */

/* The canonical form of a read's options under way: all that can change the reply but the key itself. */
typedef struct ra_options {
    const ra_json *j;
    ra_arena *arena;
    ra_buf parts, form;
    const char *why; /* not NULL: it failed, and this is the reason of the bypass */
} ra_options;

/* An expression among an operation's members. */
typedef struct ra_option_expression {
    const char *member;
    uint32_t token;
} ra_option_expression;

void ra_options_init(ra_options *o, const ra_json *j, ra_arena *arena);
/* A member with its text; does nothing for an absent one. */
void ra_options_text(ra_options *o, const char *member, ra_bytes text);
void ra_options_json(ra_options *o, const char *member, uint32_t token);
void ra_options_key_map(ra_options *o, const char *member, uint32_t token);
/* The expressions in their fixed order, then what their placeholders stand for. `e` is set up from the two
 * maps and usable afterwards when this has not failed. */
void ra_options_expressions(ra_options *o, ra_expr *e, uint32_t names, uint32_t values,
                            const ra_option_expression *v, size_t n);
/* The digest of it all; frees what was built, whatever happened. NULL or the reason of the bypass. */
const char *ra_options_end(ra_options *o, ra_key *out);

/* The name of an entry: `what` was asked of `unit` with these options. false: no memory. */
bool ra_op_request_digest(const char *what, const ra_key *unit, const ra_key *options, ra_key *out);

/* ---- op_read.c ---- */

enum ra_consistent_read { RA_CONSISTENT_ABSENT, RA_CONSISTENT_FALSE, RA_CONSISTENT_TRUE };

/* false: neither absent nor a boolean. */
bool ra_op_consistent_read(const ra_json *j, uint32_t token, enum ra_consistent_read *out);
/* Reads ReturnConsumedCapacity into op->capacity_asked; *text is "" for NONE. false: another value. */
bool ra_op_capacity(ra_op *op, uint32_t token, ra_bytes *text);
/* May the cache answer a client's own ConsistentRead: true? */
bool ra_op_serves_consistent(const ra_op_table *t, const ra_policy *p);
/* The policy for one partition of a table (index NULL) or index. */
const ra_policy *ra_op_policy(const ra_op *op, const ra_op_table *t, const char *index, const ra_scalar *pk);
/* Why no read of this table may be cached; NULL: it may. */
const char *ra_op_table_bypass(const ra_op_table *t);
/* Why reads under this policy aren't, though they could be; they go upstream as misses do. NULL: they are. */
const char *ra_op_uncached(const ra_op_table *t, const ra_policy *p);
/* Ends a plan without parts. */
enum ra_op_result ra_op_bypass(ra_op *op, const char *why);
/* Adds an edit that sets a top-level member, one of RA_OP_MAX_EDITS at most; false: no memory. */
bool ra_op_set_member(ra_op *op, const char *member, ra_bytes value);

/*
 * Ends the plan of a read of one part, which isn't cached when there is a reason `why`. Cached or not, it is
 * read consistently where it may be (`may_splice`) and its policy says so.
 */
enum ra_op_result ra_op_end_read(ra_op *op, ra_part *part, const char *why, bool may_splice);

/* Fills one part for an item; NULL or the reason of the bypass. `consistent` is the client's own. */
const char *ra_op_item_part(ra_op *op, size_t table, const ra_scalar *pk, const ra_scalar *sk,
                            enum ra_consistent_read consistent, const ra_key *options, ra_part *part);

/* ---- op_mark.c ---- */

/* Units to mark, without duplicates once ended. Errors stick. */
typedef struct ra_marks {
    ra_mark *v;
    size_t n, room;
    ra_arena *arena;
    bool failed;
} ra_marks;

void ra_marks_init(ra_marks *m, ra_arena *arena);
void ra_marks_add(ra_marks *m, const ra_mark *mark);
void ra_marks_index(ra_marks *m, const ra_op_table *t, const ra_table_index *i);
void ra_marks_indexes(ra_marks *m, const ra_op_table *t);
/* The table as a whole: its guard and all its global indexes. */
void ra_marks_table(ra_marks *m, const ra_op_table *t);
/* One partition of a global index, or the whole index where that can't be named. */
void ra_marks_index_partition(ra_marks *m, const ra_op_table *t, const ra_table_index *i,
                              const ra_scalar *pk);
/* An item and its partition. false: they couldn't be named; the table as a whole is marked instead. */
bool ra_marks_item(ra_marks *m, const ra_op_table *t, const ra_scalar *pk, const ra_scalar *sk);
/* The index's partition where its key is one of the table's own key attributes; else NULL. */
const ra_scalar *ra_marks_key_attribute(const ra_table *t, const ra_table_index *i, const ra_scalar *pk,
                                        const ra_scalar *sk);
/* Sorted by settle, then unit, each unit once, without those of `except`. false: no memory on the way. */
bool ra_marks_end(ra_marks *m, const ra_op *except);

/* Are this table's writes marked at all? */
static inline bool ra_op_table_marked(const ra_op_table *t)
{
    return t->config && t->table;
}

/* ---- op_reply.c ---- */

/* A 200 in DynamoDB's content type, not encoded, whose checksum is right where there is one. */
bool ra_op_reply_intact(const ra_http_reply *reply);
static inline ra_bytes ra_op_reply_body(const ra_http_reply *reply)
{
    return (ra_bytes){reply->body, reply->len};
}
/* Parses a reply whose top level is an object, down to `depth`. false: it isn't such a reply (nothing to
 * free). */
bool ra_op_reply_parse(ra_bytes body, unsigned depth, ra_json *j);
/* Appends the text with every number inside top-level ConsumedCapacity replaced by 0.0. */
bool ra_op_zero_capacity(const ra_json *j, ra_arena *a, ra_buf *out);

/* ---- op_capacity.c ---- */

/* Plans to ask what the operation consumes, unless the client does or nobody is to. The body must be
 * understood to the last member. false: no memory. */
bool ra_op_ask_capacity(ra_op *op);
/* The same of a planned write, whose body is looked at first. */
bool ra_op_ask_write_capacity(ra_op *op);
/* Reads it from a reply's tokens (its top level will do). true: *cut is what must be taken out of the text.
 */
bool ra_op_measure(ra_op *op, const ra_json *j, ra_edit *cut);
/* Takes it out, and sets the checksum. false: no memory, nothing has changed. */
bool ra_op_cut_reply(ra_http_reply *reply, const ra_edit *cut);

/* ---- one file per kind ---- */

/* op_write.c: is every member of the body one that a PutItem, UpdateItem or DeleteItem may have? */
bool ra_op_write_members_known(const ra_op *op);

enum ra_op_result ra_op_plan_get_item(ra_op *op);
enum ra_op_result ra_op_plan_query(ra_op *op);
enum ra_op_result ra_op_plan_scan(ra_op *op);
enum ra_op_result ra_op_plan_batch_get(ra_op *op);
enum ra_op_result ra_op_plan_write(ra_op *op);          /* PutItem, UpdateItem, DeleteItem */
enum ra_op_result ra_op_plan_batch_write(ra_op *op);    /* BatchWriteItem */
enum ra_op_result ra_op_plan_transact_write(ra_op *op); /* TransactWriteItems */
enum ra_op_result ra_op_plan_whole_tables(ra_op *op);   /* what marks its tables as a whole */

/* What op_batch_get.c knows of each table for the body and the reply. */
typedef struct ra_batch_table {
    uint32_t name;   /* its name token in RequestItems; the value follows it */
    uint32_t keys;   /* the Keys array */
    size_t first, n; /* its parts are parts[first .. first + n) */
    size_t nkeys;
    bool splice;     /* ConsistentRead: true is put into its options */
    bool consistent; /* it is there already */
} ra_batch_table;

typedef struct ra_batch_get {
    ra_batch_table *tables; /* as op->tables */
    bool spliced;           /* any of them is */
    bool indexes_asked;     /* ReturnConsumedCapacity INDEXES */
} ra_batch_get;

/* false: bypassed as a whole, there is no ra_batch_get. */
static inline bool ra_op_is_batch_get(const ra_op *op)
{
    return op->kind == RA_OP_BATCH_GET_ITEM && op->plan;
}
bool ra_batch_get_body(const ra_op *op, ra_buf *out);
bool ra_batch_get_body_is_original(const ra_op *op);
/* Appends a table's options as the client wrote them, each followed by a comma: `"a":1,"b":2,`. */
void ra_batch_get_options(const ra_op *op, const ra_batch_table *t, bool without_consistent, ra_buf *out);

/* Responses: table: item: attribute: {"S": …}; UnprocessedKeys: table: Keys: key: attribute: {"S": …} */
enum { RA_BATCH_REPLY_DEPTH = 7 };
/* The value in one of a reply's maps by table name that belongs to a table: as it was given, else by its
 * short name; RA_JSON_NONE: there is none. */
uint32_t ra_batch_get_of_table(const ra_op *op, const ra_json *j, uint32_t map, size_t table);

bool ra_batch_get_cacheable(ra_op *op, ra_http_reply *reply, int64_t filled_ms, ra_cacheable **out,
                            size_t *n);
bool ra_batch_get_rewrites(const ra_op *op, bool coalesced);
bool ra_batch_get_reply(ra_op *op, const ra_http_reply *reply, bool coalesced, ra_buf *out);

/*
 * A payload's `meta`: where the item begins in an item entry, 0 in others; and how many blocks DynamoDB read
 * for it, 0 where that isn't known. false: it begins too far from the start.
 */
bool ra_op_meta(uint32_t item_at, uint64_t blocks, uint32_t *meta);
/* The payload of an item entry: `{"Item":…}` as GetItem answers, or `{}`. */
ra_payload *ra_op_item_payload(const ra_bytes *item_or_null, uint32_t blocks, int64_t filled_ms);
/* The item's text in an item entry; n == 0: the item is missing. */
ra_bytes ra_op_payload_item(const ra_payload *p);

#endif
