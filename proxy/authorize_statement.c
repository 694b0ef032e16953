/*
 * What a PartiQL statement touches, where that is certain. Its first words are proxy/partiql.c's; here the
 * whole of it is split into words, since a second table may stand anywhere.
 *
 * Certain is a statement of words, numbers, punctuation, 'strings' ('' is a quote), "names" and comments,
 * with one SELECT, one FROM of the same nesting, behind it one name (and an index's, after a dot), and then
 * its end or WHERE or ORDER; or a write whose table proxy/partiql.c tells, with no other SELECT or FROM.
 * Whatever can be read in two ways is refused: a backslash in quotes, "" in a name, a backtick, a nested
 * comment, a byte outside ASCII outside quotes, anything behind a semicolon.
 */
#include "proxy/authorize_parts.h"

#include "proxy/expression.h"

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_NAME, TOKEN_STRING, TOKEN_SIGN, TOKEN_ODD };

typedef struct token {
    enum token_kind kind;
    ra_bytes text; /* without its quotes */
    int depth;     /* brackets around it */
} token;

typedef struct lexer {
    const char *p, *end;
    int depth;
} lexer;

static bool at(const lexer *x, const char *two)
{
    return x->end - x->p >= 2 && x->p[0] == two[0] && x->p[1] == two[1];
}

static bool skip_comment(lexer *x)
{
    bool line = at(x, "--");
    for (x->p += 2; x->p < x->end; x->p++) {
        if (line && *x->p == '\n')
            return true;
        if (line ? *x->p == '\r' && (x->end - x->p < 2 || x->p[1] != '\n') : at(x, "/*"))
            return false;
        if (!line && at(x, "*/")) {
            x->p += 2;
            return true;
        }
    }
    return line;
}

static bool skip_space(lexer *x)
{
    while (x->p < x->end) {
        if (*x->p == ' ' || (*x->p >= '\t' && *x->p <= '\r'))
            x->p++;
        else if (!at(x, "--") && !at(x, "/*"))
            return true;
        else if (!skip_comment(x))
            return false;
    }
    return true;
}

/* A string or a name, of which x->p is the first quote. */
static token quoted(lexer *x)
{
    char quote = *x->p;
    const char *from = ++x->p;
    for (; x->p < x->end && *x->p != '\\'; x->p++) {
        if (*x->p != quote)
            continue;
        bool doubled = x->end - x->p > 1 && x->p[1] == quote;
        if (!doubled) {
            token t = {quote == '"' ? TOKEN_NAME : TOKEN_STRING, {from, (size_t)(x->p - from)}, x->depth};
            x->p++;
            return t;
        }
        if (quote == '"')
            break;
        x->p++;
    }
    return (token){TOKEN_ODD, {NULL, 0}, x->depth};
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

static token next_token(lexer *x)
{
    if (!skip_space(x))
        return (token){TOKEN_ODD, {NULL, 0}, x->depth};
    if (x->p == x->end)
        return (token){TOKEN_END, {NULL, 0}, x->depth};
    if (*x->p == '\'' || *x->p == '"')
        return quoted(x);
    token t = {TOKEN_WORD, {x->p, 0}, x->depth};
    while (x->p < x->end && is_word_char(*x->p))
        x->p++;
    t.text.n = (size_t)(x->p - t.text.p);
    if (t.text.n)
        return t;
    char c = *x->p++;
    t.text.n = 1;
    t.kind = c > ' ' && c <= '~' && c != '`' && c != '\\' ? TOKEN_SIGN : TOKEN_ODD;
    if (c == '(' || c == '[' || c == '{')
        x->depth++;
    else if (c == ')' || c == ']' || c == '}')
        x->depth--;
    return t;
}

static bool is_word(const token *t, const char *upper_case)
{
    if (t->kind != TOKEN_WORD || t->text.n != strlen(upper_case))
        return false;
    for (size_t i = 0; i < t->text.n; i++) {
        char c = t->text.p[i];
        if ((c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) != upper_case[i])
            return false;
    }
    return true;
}

static bool is_sign(const token *t, char c)
{
    return t->kind == TOKEN_SIGN && *t->text.p == c;
}

static bool is_name(const token *t)
{
    return t->kind == TOKEN_WORD || t->kind == TOKEN_NAME;
}

/* What the words of a statement say. */
typedef struct outline {
    bool plain; /* nothing odd, and nothing behind a semicolon */
    int selects, froms;
    int select_depth;
    token first;
    ra_bytes from; /* the table behind FROM; p NULL: something else stands there */
} outline;

/* What follows FROM, up to what must end it. The lexer is a copy: the caller reads all of it once more. */
static ra_bytes table_behind(lexer x)
{
    token table = next_token(&x), t = next_token(&x);
    if (is_sign(&t, '.')) {
        t = next_token(&x);
        if (!is_name(&t))
            return (ra_bytes){NULL, 0};
        t = next_token(&x);
    }
    bool ends = t.kind == TOKEN_END || is_word(&t, "WHERE") || is_word(&t, "ORDER") || is_sign(&t, ')') ||
                is_sign(&t, ';');
    return is_name(&table) && ends ? table.text : (ra_bytes){NULL, 0};
}

static void read_outline(ra_bytes text, outline *o)
{
    lexer x = {text.p, text.p + text.n, 0};
    *o = (outline){.plain = true};
    for (token t = next_token(&x); t.kind != TOKEN_END && o->plain; t = next_token(&x)) {
        if (!o->first.text.p)
            o->first = t;
        if (is_word(&t, "SELECT")) {
            o->selects++;
            o->select_depth = t.depth;
        } else if (is_word(&t, "FROM")) {
            o->froms++;
            o->from = o->selects && t.depth != o->select_depth ? (ra_bytes){NULL, 0} : table_behind(x);
        }
        if (is_sign(&t, ';')) {
            t = next_token(&x);
            o->plain = t.kind == TOKEN_END;
        }
        o->plain &= t.kind != TOKEN_ODD;
    }
}

void ra_statement_read(ra_bytes text, ra_arena *a, ra_statement *s)
{
    outline o;
    ra_bytes written;
    *s = (ra_statement){.reads = false};
    read_outline(text, &o);
    enum ra_partiql_kind kind = ra_partiql_classify(text, a, &written);
    if (!o.plain)
        return;
    s->reads = kind == RA_PARTIQL_READ;
    if (s->reads && o.selects == 1 && o.froms == 1)
        s->table = o.from;
    if (kind == RA_PARTIQL_WRITE && written.n && o.selects == 0 && o.froms == is_word(&o.first, "DELETE"))
        s->table = written;
}

/* One statement, in an object's member. false: no memory. */
static bool read_one(const ra_op *op, uint32_t object, ra_statement *s, bool *there)
{
    ra_bytes text;
    uint32_t value = ra_json_member(&op->json, object, "Statement");
    *there = value != RA_JSON_NONE && ra_json_is(&op->json, value, RA_JSON_STRING);
    if (!*there)
        return true;
    if (!ra_json_string(&op->json, value, op->arena, &text))
        return false;
    ra_statement_read(text, op->arena, s);
    return true;
}

bool ra_statements_each(const ra_op *op, bool (*each)(const ra_statement *s, void *arg), void *arg, bool *all)
{
    const ra_json *j = &op->json;
    bool transaction = op->kind == RA_OP_EXECUTE_TRANSACTION, there;
    ra_statement s;
    *all = false;
    if (op->kind == RA_OP_EXECUTE_STATEMENT) {
        bool ok = read_one(op, 0, &s, &there);
        *all = ok && there && each(&s, arg);
        return ok;
    }
    uint32_t list = ra_json_member(j, 0, transaction ? "TransactStatements" : "Statements");
    if (list == RA_JSON_NONE || !ra_json_is(j, list, RA_JSON_ARRAY))
        return true;
    for (uint32_t i = list + 1; i < j->t[list].next; i = j->t[i].next) {
        if (!read_one(op, i, &s, &there))
            return false;
        *all = there && each(&s, arg);
        if (!*all)
            return true;
    }
    return true;
}
