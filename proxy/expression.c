/* Placeholders, and the canonical form of an operation's expressions. */
#include "proxy/expression.h"
#include "cache/key.h"
#include "proxy/expr_lexer.h"

#include <stdlib.h>

/* More placeholders than all expressions of an operation have room for (4,096 bytes each). */
enum { PLACEHOLDERS_MOST = 16384 };

static int by_placeholder(const void *a, const void *b)
{
    ra_bytes x = ((const ra_expr_name *)a)->placeholder, y = ((const ra_expr_name *)b)->placeholder;
    int c = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);
    return c ? c : x.n < y.n ? -1 : x.n > y.n;
}

/* DynamoDB refuses a placeholder that its expressions couldn't hold ("#a-b", "#", "#é"). */
static bool is_placeholder(ra_bytes text, enum ra_token_type type)
{
    ra_lexer x;
    ra_lexer_init(&x, text);
    return x.type == type && x.token.n == text.n;
}

static bool read_placeholders(ra_expr *e, uint32_t map, bool names, ra_expr_name **out, size_t *n)
{
    const ra_json *j = e->j;
    if (!ra_json_is(j, map, RA_JSON_OBJECT) || j->t[map].shallow)
        return false;
    *n = ra_json_count(j, map);
    if (*n > PLACEHOLDERS_MOST || !(*out = ra_arena_array(e->arena, *n, sizeof **out)))
        return false;
    ra_expr_name *to = *out;
    for (uint32_t i = map + 1; i < j->t[map].next; i = j->t[i + 1].next, to++) {
        to->order = -1;
        to->value = names ? RA_JSON_NONE : i + 1;
        if (!ra_json_string(j, i, e->arena, &to->placeholder) ||
            !is_placeholder(to->placeholder, names ? RA_TOKEN_NAME_REF : RA_TOKEN_VALUE_REF) ||
            (names && !ra_json_string(j, i + 1, e->arena, &to->name)))
            return false;
    }
    qsort(*out, *n, sizeof **out, by_placeholder); /* for ra_lexer_placeholder's search */
    return true;
}

bool ra_expr_init(ra_expr *e, const ra_json *j, uint32_t names, uint32_t values, ra_arena *arena)
{
    *e = (ra_expr){.j = j, .arena = arena};
    return (names == RA_JSON_NONE || read_placeholders(e, names, true, &e->names, &e->nnames)) &&
           (values == RA_JSON_NONE || read_placeholders(e, values, false, &e->values, &e->nvalues));
}

/* One token: a letter for its kind, then its text or the placeholder's number. */
static bool canonical_token(ra_expr *e, const ra_lexer *x, ra_buf *out)
{
    switch (x->type) {
    case RA_TOKEN_NAME:
        return ra_buf_add_char(out, 'w') && ra_key_part(out, x->token);
    case RA_TOKEN_NUMBER:
        return ra_buf_add_char(out, '1') && ra_key_part(out, x->token);
    case RA_TOKEN_SIGN:
        return ra_buf_add_char(out, 's') && ra_key_part(out, x->token);
    case RA_TOKEN_NAME_REF:
    case RA_TOKEN_VALUE_REF: {
        ra_expr_name *n = ra_lexer_placeholder(e, x);
        if (!n)
            return false;
        if (n->order < 0)
            n->order = e->used++;
        return ra_buf_addf(out, "%c%d;", x->token.p[0], n->order);
    }
    case RA_TOKEN_END:
        return ra_buf_add_char(out, '.');
    case RA_TOKEN_BAD:
        break;
    }
    return false;
}

bool ra_expr_canonical(ra_expr *e, ra_bytes text, ra_buf *out)
{
    ra_lexer x;
    for (ra_lexer_init(&x, text);; ra_lexer_next(&x)) {
        if (!canonical_token(e, &x, out))
            return false;
        if (x.type == RA_TOKEN_END)
            return true;
    }
}

static void put_in_order(ra_expr_name *v, size_t n, const ra_expr_name **order)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].order >= 0)
            order[v[i].order] = &v[i];
}

bool ra_expr_canonical_placeholders(ra_expr *e, ra_buf *out)
{
    size_t n = e->nnames + e->nvalues;
    if ((size_t)e->used != n)
        return false;
    const ra_expr_name **order = ra_arena_array(e->arena, n, sizeof(ra_expr_name *));
    if (!order)
        return false;
    put_in_order(e->names, e->nnames, order);
    put_in_order(e->values, e->nvalues, order);
    for (size_t i = 0; i < n; i++) {
        bool ok = order[i]->value == RA_JSON_NONE
                      ? ra_buf_add_char(out, '#') && ra_key_part(out, order[i]->name)
                      : ra_buf_add_char(out, ':') && ra_value_canonical(e->j, order[i]->value, e->arena, out);
        if (!ok)
            return false;
    }
    return true;
}
