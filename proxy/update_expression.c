/*
 * What an update does to one top-level attribute.
 *
 * UpdateExpression, as DynamoDB Local 1.25 takes it (found by trying): the clauses SET, REMOVE, ADD, DELETE
 * in any order and case, each at most once; a SET value is an operand, or two with one '+' or '-' between;
 * brackets round an operand and round the whole value, never round what is set; if_not_exists and list_append
 * in lower case, nested as one likes; the operand of ADD and DELETE is a placeholder, without brackets. Two
 * paths that overlap are refused. An attribute that only stands on a right-hand side is not touched.
 *   value   := operand [('+' | '-') operand]
 *   operand := '(' value ')' | :v | function '(' value ',' value ')' | path
 */
#include "proxy/expr_lexer.h"

enum { DEPTH_MOST = 32 };

enum { CLAUSE_SET = 1, CLAUSE_REMOVE = 2, CLAUSE_ADD = 4, CLAUSE_DELETE = 8 };

typedef struct reader {
    const ra_expr *e;
    ra_lexer x;
    ra_bytes attr;
    unsigned clauses; /* seen so far */
    unsigned touched; /* how often attr is a target, or the beginning of one */
    enum ra_effect effect;
    uint32_t value;
} reader;

/* Is this token, a placeholder, defined? Moves behind it. */
static bool take_value(reader *r, uint32_t *value)
{
    const ra_expr_name *v = r->x.type == RA_TOKEN_VALUE_REF ? ra_lexer_placeholder(r->e, &r->x) : NULL;
    if (!v)
        return false;
    *value = v->value;
    ra_lexer_next(&r->x);
    return true;
}

/* The right-hand side of SET. *plain: it is just a placeholder, whose value is in *value. */
static bool read_value(reader *r, bool *plain, uint32_t *value, unsigned depth);

static bool read_arguments(reader *r, unsigned depth)
{
    bool plain;
    uint32_t value;
    return ra_lexer_take_sign(&r->x, "(") && read_value(r, &plain, &value, depth) &&
           ra_lexer_take_sign(&r->x, ",") && read_value(r, &plain, &value, depth) &&
           ra_lexer_take_sign(&r->x, ")");
}

static bool is_function(const ra_lexer *x)
{
    if (x->type != RA_TOKEN_NAME ||
        (!ra_bytes_eq_z(x->token, "if_not_exists") && !ra_bytes_eq_z(x->token, "list_append")))
        return false;
    ra_lexer ahead = *x;
    ra_lexer_next(&ahead);
    return ra_lexer_is_sign(&ahead, "(");
}

static bool read_operand(reader *r, bool *plain, uint32_t *value, unsigned depth)
{
    ra_path path;
    if (depth > DEPTH_MOST)
        return false;
    *plain = r->x.type == RA_TOKEN_VALUE_REF;
    if (*plain)
        return take_value(r, value);
    if (ra_lexer_take_sign(&r->x, "("))
        return read_value(r, plain, value, depth + 1) && ra_lexer_take_sign(&r->x, ")");
    if (is_function(&r->x)) {
        ra_lexer_next(&r->x);
        return read_arguments(r, depth + 1);
    }
    return ra_path_read(r->e, &r->x, &path);
}

static bool read_value(reader *r, bool *plain, uint32_t *value, unsigned depth)
{
    bool other;
    uint32_t ignored;
    if (!read_operand(r, plain, value, depth))
        return false;
    if (!ra_lexer_take_sign(&r->x, "+") && !ra_lexer_take_sign(&r->x, "-"))
        return true;
    *plain = false;
    return read_operand(r, &other, &ignored, depth);
}

/* Notes an effect on a path, if it is attr or within it. */
static void note(reader *r, const ra_path *target, enum ra_effect effect, uint32_t value)
{
    if (!ra_bytes_eq(target->attribute, r->attr))
        return;
    r->touched++;
    r->effect = target->whole ? effect : RA_EFFECT_UNCERTAIN;
    r->value = value;
}

/* One action of a clause: "path = value", "path" or "path :v". */
static bool read_action(reader *r, unsigned clause)
{
    ra_path target;
    uint32_t value = RA_JSON_NONE;
    bool plain = false;
    if (!ra_path_read(r->e, &r->x, &target))
        return false;
    switch (clause) {
    case CLAUSE_SET:
        if (!ra_lexer_take_sign(&r->x, "=") || !read_value(r, &plain, &value, 0))
            return false;
        note(r, &target, plain ? RA_EFFECT_SET : RA_EFFECT_UNCERTAIN, value);
        return true;
    case CLAUSE_REMOVE:
        note(r, &target, RA_EFFECT_REMOVED, RA_JSON_NONE);
        return true;
    default: /* a sum or a set's change: the result depends on what is stored */
        note(r, &target, RA_EFFECT_UNCERTAIN, RA_JSON_NONE);
        return take_value(r, &value);
    }
}

static bool read_clause(reader *r)
{
    unsigned clause = ra_lexer_take_word(&r->x, "SET")      ? CLAUSE_SET
                      : ra_lexer_take_word(&r->x, "REMOVE") ? CLAUSE_REMOVE
                      : ra_lexer_take_word(&r->x, "ADD")    ? CLAUSE_ADD
                      : ra_lexer_take_word(&r->x, "DELETE") ? CLAUSE_DELETE
                                                            : 0;
    if (clause == 0 || (r->clauses & clause))
        return false;
    r->clauses |= clause;
    do
        if (!read_action(r, clause))
            return false;
    while (ra_lexer_take_sign(&r->x, ","));
    return true;
}

enum ra_effect ra_update_effect(ra_expr *e, ra_bytes text, ra_bytes attr, uint32_t *value)
{
    reader r = {.e = e, .attr = attr, .effect = RA_EFFECT_NONE};
    ra_lexer_init(&r.x, text);
    do
        if (!read_clause(&r))
            return RA_EFFECT_UNCERTAIN;
    while (r.x.type != RA_TOKEN_END);
    if (r.touched > 1)
        return RA_EFFECT_UNCERTAIN;
    if (r.effect == RA_EFFECT_SET)
        *value = r.value;
    return r.effect;
}

/* Reads one update of AttributeUpdates. A member that is null counts as absent, as in DynamoDB Local; one
 * that isn't known makes the whole uncertain. */
static bool read_attribute_update(const ra_json *j, uint32_t update, uint32_t *action, uint32_t *value)
{
    if (!ra_json_is(j, update, RA_JSON_OBJECT) || j->t[update].shallow)
        return false;
    *action = *value = RA_JSON_NONE;
    for (uint32_t i = update + 1; i < j->t[update].next; i = j->t[i + 1].next) {
        uint32_t held = ra_json_is(j, i + 1, RA_JSON_NULL) ? RA_JSON_NONE : i + 1;
        if (ra_json_string_is(j, i, "Action"))
            *action = held;
        else if (ra_json_string_is(j, i, "Value"))
            *value = held;
        else
            return false;
    }
    return true;
}

enum ra_effect ra_attribute_updates_effect(const ra_json *j, uint32_t updates, ra_bytes attr, uint32_t *value)
{
    uint32_t action, held;
    if (!ra_json_is(j, updates, RA_JSON_OBJECT) || j->t[updates].shallow)
        return RA_EFFECT_UNCERTAIN;
    uint32_t update = ra_json_member_bytes(j, updates, attr);
    if (update == RA_JSON_NONE)
        return RA_EFFECT_NONE;
    if (!read_attribute_update(j, update, &action, &held))
        return RA_EFFECT_UNCERTAIN;
    if (action != RA_JSON_NONE && ra_json_string_is(j, action, "DELETE") && held == RA_JSON_NONE)
        return RA_EFFECT_REMOVED;
    bool put = action == RA_JSON_NONE || ra_json_string_is(j, action, "PUT"); /* PUT is the default */
    if (!put || held == RA_JSON_NONE)
        return RA_EFFECT_UNCERTAIN;
    *value = held;
    return RA_EFFECT_SET;
}
