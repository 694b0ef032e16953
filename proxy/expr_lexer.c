#include "proxy/expr_lexer.h"

#include <stdlib.h>

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_char(char c)
{
    return is_letter(c) || is_digit(c) || c == '_';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void ra_lexer_init(ra_lexer *x, ra_bytes text)
{
    *x = (ra_lexer){.text = text, .type = RA_TOKEN_NAME};
    if (text.n > RA_EXPRESSION_MAX)
        x->type = RA_TOKEN_BAD;
    else
        ra_lexer_next(x);
}

/* Length of the sign at p, 0 if there is none. */
static size_t sign_length(const char *p, size_t n)
{
    if (n >= 2 && ((p[0] == '<' && (p[1] == '=' || p[1] == '>')) || (p[0] == '>' && p[1] == '=')))
        return 2;
    return p[0] && strchr("()[],.=<>+-", p[0]) ? 1 : 0;
}

/* The type of the token at p (n > 0 bytes are left) and its length. */
static enum ra_token_type read_token(const char *p, size_t n, size_t *length)
{
    bool placeholder = *p == '#' || *p == ':';
    size_t i = 1;
    if (placeholder || is_letter(*p)) {
        while (i < n && is_word_char(p[i]))
            i++;
        *length = i;
        if (!placeholder)
            return RA_TOKEN_NAME;
        return i == 1 ? RA_TOKEN_BAD : *p == '#' ? RA_TOKEN_NAME_REF : RA_TOKEN_VALUE_REF;
    }
    if (is_digit(*p)) {
        while (i < n && is_digit(p[i]))
            i++;
        *length = i;
        return RA_TOKEN_NUMBER;
    }
    *length = sign_length(p, n);
    return *length ? RA_TOKEN_SIGN : RA_TOKEN_BAD;
}

void ra_lexer_next(ra_lexer *x)
{
    if (x->type == RA_TOKEN_BAD || x->type == RA_TOKEN_END)
        return;
    while (x->pos < x->text.n && is_space(x->text.p[x->pos]))
        x->pos++;
    const char *p = x->text.p + x->pos;
    size_t n = 0;
    x->type = x->pos == x->text.n ? RA_TOKEN_END : read_token(p, x->text.n - x->pos, &n);
    x->token = (ra_bytes){p, n};
    x->pos += n;
}

bool ra_lexer_is_sign(const ra_lexer *x, const char *sign)
{
    return x->type == RA_TOKEN_SIGN && ra_bytes_eq_z(x->token, sign);
}

bool ra_lexer_is_word(const ra_lexer *x, const char *upper_case)
{
    if (x->type != RA_TOKEN_NAME || x->token.n != strlen(upper_case))
        return false;
    for (size_t i = 0; i < x->token.n; i++) {
        char c = x->token.p[i];
        if ((c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) != upper_case[i])
            return false;
    }
    return true;
}

bool ra_lexer_take_sign(ra_lexer *x, const char *sign)
{
    if (!ra_lexer_is_sign(x, sign))
        return false;
    ra_lexer_next(x);
    return true;
}

bool ra_lexer_take_word(ra_lexer *x, const char *upper_case)
{
    if (!ra_lexer_is_word(x, upper_case))
        return false;
    ra_lexer_next(x);
    return true;
}

static int compare_placeholder(const void *key, const void *element)
{
    const ra_bytes *k = key;
    ra_bytes p = ((const ra_expr_name *)element)->placeholder;
    int c = memcmp(k->p, p.p, k->n < p.n ? k->n : p.n);
    return c ? c : k->n < p.n ? -1 : k->n > p.n;
}

ra_expr_name *ra_lexer_placeholder(const ra_expr *e, const ra_lexer *x)
{
    bool name = x->type == RA_TOKEN_NAME_REF;
    ra_expr_name *v = name ? e->names : e->values;
    size_t n = name ? e->nnames : e->nvalues;
    return n ? bsearch(&x->token, v, n, sizeof *v, compare_placeholder) : NULL;
}

/* Words that DynamoDB doesn't take for a name where one may stand (they are all reserved). */
static bool is_keyword(const ra_lexer *x)
{
    static const char *const words[] = {"AND", "OR",     "NOT", "BETWEEN", "IN",
                                        "SET", "REMOVE", "ADD", "DELETE"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (ra_lexer_is_word(x, words[i]))
            return true;
    return false;
}

/* One name of a path, plain or by its placeholder. */
static bool read_segment(const ra_expr *e, ra_lexer *x, ra_bytes *out)
{
    if (x->type == RA_TOKEN_NAME && !is_keyword(x)) {
        *out = x->token;
    } else if (x->type == RA_TOKEN_NAME_REF) {
        const ra_expr_name *n = ra_lexer_placeholder(e, x);
        if (!n)
            return false;
        *out = n->name;
    } else {
        return false;
    }
    ra_lexer_next(x);
    return true;
}

/* The rest of "[12]"; DynamoDB refuses "[01]". */
static bool read_index(ra_lexer *x)
{
    if (x->type != RA_TOKEN_NUMBER || (x->token.n > 1 && x->token.p[0] == '0'))
        return false;
    ra_lexer_next(x);
    return ra_lexer_take_sign(x, "]");
}

bool ra_path_read(const ra_expr *e, ra_lexer *x, ra_path *out)
{
    ra_bytes inner;
    if (!read_segment(e, x, &out->attribute))
        return false;
    out->whole = true;
    for (;;) {
        bool dot = ra_lexer_take_sign(x, ".");
        if (!dot && !ra_lexer_take_sign(x, "["))
            return true;
        out->whole = false;
        if (!(dot ? read_segment(e, x, &inner) : read_index(x)))
            return false;
    }
}
