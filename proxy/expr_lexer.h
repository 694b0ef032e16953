/*
 * What all expression readers share: tokens, placeholders, document paths. Only expression.c and its
 * neighbours include it.
 *
 * The lexical rules are DynamoDB Local 1.25's, found by trying: white space is space, tab, LF and CR and
 * nothing else; a name is a letter and letters, digits and '_' (ASCII; everything else needs a placeholder);
 * a placeholder is '#' or ':' with at least one of letters, digits, '_' right behind it; "<=", ">=", "<>" are
 * one token each ("< =" is refused); keywords are of any case, function names of lower case only.
 */
#ifndef RA_PROXY_EXPR_LEXER_H
#define RA_PROXY_EXPR_LEXER_H

#include "proxy/expression.h"

enum ra_token_type {
    RA_TOKEN_END,
    RA_TOKEN_BAD, /* a byte that no expression has, or an expression that is too long; stays */
    RA_TOKEN_NAME,
    RA_TOKEN_NAME_REF,  /* #n */
    RA_TOKEN_VALUE_REF, /* :v */
    RA_TOKEN_NUMBER,    /* only in [0] */
    RA_TOKEN_SIGN
};

/* DynamoDB takes expressions of 4,096 bytes. */
enum { RA_EXPRESSION_MAX = 16384 };

typedef struct ra_lexer {
    ra_bytes text;
    size_t pos; /* behind the current token */
    enum ra_token_type type;
    ra_bytes token;
} ra_lexer;

void ra_lexer_init(ra_lexer *x, ra_bytes text); /* the first token is current */
void ra_lexer_next(ra_lexer *x);
bool ra_lexer_is_sign(const ra_lexer *x, const char *sign);
bool ra_lexer_is_word(const ra_lexer *x, const char *upper_case); /* a keyword, in any case */
/* Moves on if the current token is that sign (word). */
bool ra_lexer_take_sign(ra_lexer *x, const char *sign);
bool ra_lexer_take_word(ra_lexer *x, const char *upper_case);

/* What the current token, a placeholder, stands for; NULL: it isn't defined. */
ra_expr_name *ra_lexer_placeholder(const ra_expr *e, const ra_lexer *x);

/* A document path: an attribute, and perhaps something within it. */
typedef struct ra_path {
    ra_bytes attribute;
    bool whole; /* nothing follows the attribute */
} ra_path;

/* Reads a path and moves behind it. false: not a path, or an undefined placeholder in it. */
bool ra_path_read(const ra_expr *e, ra_lexer *x, ra_path *out);

#endif
