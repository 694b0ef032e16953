/*
 * DynamoDB's expressions, as far as a cache must understand them: split into tokens, made canonical, and
 * three questions answered with certainty or not at all. Sources: developer guide, "Using expressions in
 * DynamoDB"; "Key condition expressions for the Query operation"; "Using update expressions".
 *
 * Names: ExpressionAttributeNames ("#n") and ExpressionAttributeValues (":v") are looked up, never
 * substituted into text (`name` is a reserved word where "#n" is not).
 *
 * DynamoDB takes expressions of 4,096 bytes. One of more than 16 KiB, brackets nested beyond 32 and more than
 * 16,384 placeholders are not understood here: the same as what doesn't parse.
 *
 * Ownership: everything lives in the arena given to ra_expr_init. Threads: none shared. Recursion is capped.
 */
#ifndef RA_PROXY_EXPRESSION_H
#define RA_PROXY_EXPRESSION_H

#include "proxy/value.h"

typedef struct ra_expr_name {
    ra_bytes placeholder; /* "#n", ":v" */
    ra_bytes name;        /* "#n": the attribute's name, decoded */
    uint32_t value;       /* ":v": the value's token */
    int order;            /* of first appearance in the expressions read so far; -1: not used yet */
} ra_expr_name;

/* The placeholders of one operation, and which of them its expressions have used. */
typedef struct ra_expr {
    const ra_json *j;
    ra_arena *arena;
    ra_expr_name *names; /* both sorted by placeholder */
    size_t nnames;
    ra_expr_name *values;
    size_t nvalues;
    int used; /* how many have appeared */
} ra_expr;

/*
 * `names` and `values` are the tokens of the two maps or RA_JSON_NONE. Fails (false) on anything malformed: a
 * placeholder that doesn't begin with # or :, a name that isn't a string, no memory. The values themselves
 * aren't looked at.
 */
bool ra_expr_init(ra_expr *e, const ra_json *j, uint32_t names, uint32_t values, ra_arena *arena);

/*
 * Appends the canonical form of one expression (decoded text): its tokens, length-prefixed, white space
 * dropped, placeholders replaced by their kind and number of first appearance, and marks them used. The order
 * in which the expressions of an operation are given must be fixed. false: a character that no expression
 * has, an undefined placeholder, no memory.
 */
bool ra_expr_canonical(ra_expr *e, ra_bytes text, ra_buf *out);
/*
 * Appends what the used placeholders stand for, in order of appearance: the names, the canonical values.
 * false: one is unused (DynamoDB refuses such a request), a value is malformed, no memory.
 */
bool ra_expr_canonical_placeholders(ra_expr *e, ra_buf *out);

/*
 * The partition key's value in a KeyConditionExpression: the one top-level AND term of the form `attr = :v`
 * or
 * `:v = attr`, with brackets anywhere; attr written plainly or as #n. false: it can't be found with certainty
 * (OR, NOT, two such terms, a term that doesn't parse, …).
 */
bool ra_key_condition_partition(ra_expr *e, ra_bytes text, ra_bytes attr, ra_scalar *out);

enum ra_effect {
    RA_EFFECT_NONE, /* the attribute is not touched */
    RA_EFFECT_SET,  /* set to the value in *value */
    RA_EFFECT_REMOVED,
    RA_EFFECT_UNCERTAIN /* touched, or perhaps touched, with a result that can't be told from the request */
};

/*
 * What an UpdateExpression does to the top-level attribute `attr`. *value is the token of the attribute value
 * when SET. Anything that doesn't parse is UNCERTAIN. A path below attr (attr.x, attr[0]) is UNCERTAIN.
 */
enum ra_effect ra_update_effect(ra_expr *e, ra_bytes text, ra_bytes attr, uint32_t *value);
/* The same for the legacy AttributeUpdates map. */
enum ra_effect ra_attribute_updates_effect(const ra_json *j, uint32_t updates, ra_bytes attr,
                                           uint32_t *value);

/* Does a ProjectionExpression name the whole top-level attribute `attr`? false also when it doesn't parse. */
bool ra_projection_has(ra_expr *e, ra_bytes text, ra_bytes attr);

/* UNKNOWN may write: DynamoDB takes "(UPDATE …)" and "FROM t WHERE … SET …" as well. */
enum ra_partiql_kind { RA_PARTIQL_READ, RA_PARTIQL_WRITE, RA_PARTIQL_UNKNOWN };
/*
 * Classifies a PartiQL statement. WRITE: INSERT INTO, UPDATE, DELETE FROM, with *table the table's name
 * (quotes removed, "" undone; empty if it can't be told: it may be any). READ: SELECT, or EXISTS(…). Comments
 * and white space before and between are skipped.
 */
enum ra_partiql_kind ra_partiql_classify(ra_bytes statement, ra_arena *a, ra_bytes *table);

#endif
