/*
 * The partition key in a KeyConditionExpression.
 *
 * What DynamoDB Local 1.25 takes was found by trying: one or two conditions joined by AND (any case, any
 * order), brackets round a condition, round both, and round an operand ("(pk) = (:v)"), but not twice round
 * the same; ":v = pk"; begins_with in lower case only, BETWEEN in any. It refuses OR, NOT, IN, <>, size(),
 * two conditions on one attribute, paths into an attribute, an attribute on both sides.
 *
 * Read here is the whole grammar of AND, comparisons, BETWEEN and begins_with with brackets anywhere. What it
 * refuses beyond DynamoDB, and what DynamoDB refuses beyond it, does no harm: the first is not cached, the
 * second gets no reply that could be. Grammar, without backtracking, since what a bracket holds is known when
 * it closes:
 *   all       := term (AND term)*
 *   term      := primary [comparator primary | BETWEEN primary AND primary]
 *   primary   := '(' all ')' | begins_with '(' primary ',' primary ')' | :v | path
 */
#include "proxy/expr_lexer.h"

enum { DEPTH_MOST = 32 };

enum kind { CONDITION, ATTRIBUTE, VALUE };

/* What has been read: a condition, or an operand. */
typedef struct piece {
    enum kind kind;
    bool whole;     /* ATTRIBUTE: not a path into it */
    ra_bytes name;  /* ATTRIBUTE */
    uint32_t value; /* VALUE */
} piece;

typedef struct reader {
    const ra_expr *e;
    ra_lexer x;
    ra_bytes attr;
    unsigned mentions; /* of attr, however it is used */
    unsigned found;    /* terms attr = :v; whole attribute only */
    uint32_t value;    /* of the last one found */
} reader;

static bool read_all(reader *r, piece *out, unsigned depth);

static bool read_operand(reader *r, piece *out, unsigned depth);

static bool read_begins_with(reader *r, piece *out, unsigned depth)
{
    piece a, b;
    if (!ra_lexer_take_sign(&r->x, "(") || !read_operand(r, &a, depth) || !ra_lexer_take_sign(&r->x, ",") ||
        !read_operand(r, &b, depth) || !ra_lexer_take_sign(&r->x, ")"))
        return false;
    *out = (piece){.kind = CONDITION};
    return true;
}

static bool read_path(reader *r, piece *out, unsigned depth)
{
    ra_lexer ahead = r->x; /* begins_with is a function only before a bracket */
    ra_path path;
    if (r->x.type == RA_TOKEN_NAME && ra_bytes_eq_z(r->x.token, "begins_with")) {
        ra_lexer_next(&ahead);
        if (ra_lexer_is_sign(&ahead, "(")) {
            r->x = ahead;
            return read_begins_with(r, out, depth);
        }
    }
    if (!ra_path_read(r->e, &r->x, &path))
        return false;
    *out = (piece){.kind = ATTRIBUTE, .whole = path.whole, .name = path.attribute};
    r->mentions += ra_bytes_eq(path.attribute, r->attr);
    return true;
}

static bool read_primary(reader *r, piece *out, unsigned depth)
{
    if (depth > DEPTH_MOST)
        return false;
    if (ra_lexer_take_sign(&r->x, "("))
        return read_all(r, out, depth + 1) && ra_lexer_take_sign(&r->x, ")");
    if (r->x.type != RA_TOKEN_VALUE_REF)
        return read_path(r, out, depth + 1);
    const ra_expr_name *v = ra_lexer_placeholder(r->e, &r->x);
    if (!v)
        return false;
    *out = (piece){.kind = VALUE, .value = v->value};
    ra_lexer_next(&r->x);
    return true;
}

static bool read_operand(reader *r, piece *out, unsigned depth)
{
    return read_primary(r, out, depth) && out->kind != CONDITION;
}

static void note_equality(reader *r, const piece *a, const piece *b)
{
    if (a->kind == VALUE) {
        const piece *swap = a;
        a = b;
        b = swap;
    }
    if (a->kind != ATTRIBUTE || b->kind != VALUE || !a->whole || !ra_bytes_eq(a->name, r->attr))
        return;
    r->found++;
    r->value = b->value;
}

static bool take_comparator(ra_lexer *x, bool *equality)
{
    *equality = ra_lexer_take_sign(x, "=");
    return *equality || ra_lexer_take_sign(x, "<") || ra_lexer_take_sign(x, "<=") ||
           ra_lexer_take_sign(x, ">") || ra_lexer_take_sign(x, ">=");
}

static bool read_term(reader *r, piece *out, unsigned depth)
{
    piece a, b, c;
    bool equality;
    if (!read_primary(r, &a, depth))
        return false;
    *out = a;
    if (a.kind == CONDITION)
        return true;
    if (take_comparator(&r->x, &equality)) {
        if (!read_operand(r, &b, depth))
            return false;
        if (equality)
            note_equality(r, &a, &b);
    } else if (ra_lexer_take_word(&r->x, "BETWEEN")) {
        if (!read_operand(r, &b, depth) || !ra_lexer_take_word(&r->x, "AND") || !read_operand(r, &c, depth))
            return false;
    } else {
        return true; /* an operand, in brackets perhaps */
    }
    *out = (piece){.kind = CONDITION};
    return true;
}

static bool read_all(reader *r, piece *out, unsigned depth)
{
    if (!read_term(r, out, depth))
        return false;
    if (out->kind != CONDITION)
        return true; /* the caller knows whether an operand may stand here */
    while (ra_lexer_take_word(&r->x, "AND")) {
        piece next;
        if (!read_term(r, &next, depth) || next.kind != CONDITION)
            return false;
    }
    return true;
}

bool ra_key_condition_partition(ra_expr *e, ra_bytes text, ra_bytes attr, ra_scalar *out)
{
    reader r = {.e = e, .attr = attr};
    piece all;
    ra_lexer_init(&r.x, text);
    if (!read_all(&r, &all, 0) || all.kind != CONDITION || r.x.type != RA_TOKEN_END)
        return false;
    return r.found == 1 && r.mentions == 1 && ra_scalar_read(e->j, r.value, e->arena, out);
}
