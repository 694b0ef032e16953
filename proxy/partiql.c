/*
 * What a PartiQL statement is, told by its first words.
 *
 * DynamoDB Local 1.25, found by trying: keywords are of any case, table names are not; a table's name is
 * plain or in double quotes ("" within them is one quote); white space is space, tab, LF, CR, VT and FF;
 * comments are "--" to the line's end and slash-star, which doesn't nest. It also executes what is classified
 * as UNKNOWN here: "(UPDATE …)" and "FROM t WHERE … SET …" write, "(SELECT …)" reads. So UNKNOWN must be
 * treated as a write to any table.
 *
 * Where two readings of a comment are possible (a slash-star within one, a CR alone in a "--" comment) the
 * statement is UNKNOWN.
 */
#include "proxy/expression.h"

typedef struct reader {
    const char *p;
    const char *end;
} reader;

static bool starts_with(const reader *r, const char *two)
{
    return r->end - r->p >= 2 && r->p[0] == two[0] && r->p[1] == two[1];
}

static bool skip_line_comment(reader *r)
{
    for (r->p += 2; r->p < r->end && *r->p != '\n'; r->p++)
        if (*r->p == '\r' && (r->end - r->p < 2 || r->p[1] != '\n'))
            return false;
    return true;
}

static bool skip_block_comment(reader *r)
{
    for (r->p += 2; !starts_with(r, "*/"); r->p++)
        if (r->p == r->end || starts_with(r, "/*"))
            return false;
    r->p += 2;
    return true;
}

/* White space and comments. false: a comment that can't be read with certainty. */
static bool skip_space(reader *r)
{
    while (r->p < r->end) {
        bool ok = true;
        if (*r->p == ' ' || (*r->p >= '\t' && *r->p <= '\r'))
            r->p++;
        else if (starts_with(r, "--"))
            ok = skip_line_comment(r);
        else if (starts_with(r, "/*"))
            ok = skip_block_comment(r);
        else
            break;
        if (!ok)
            return false;
    }
    return true;
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

/* The bytes of a plain word; empty if there is none. */
static ra_bytes read_word(reader *r)
{
    const char *from = r->p;
    while (r->p < r->end && is_word_char(*r->p))
        r->p++;
    return (ra_bytes){from, (size_t)(r->p - from)};
}

/* Reads a keyword and the space behind it; where it isn't there, nothing is read. */
static bool take_word(reader *r, const char *upper_case)
{
    reader before = *r;
    ra_bytes word = read_word(r);
    bool same = word.n == strlen(upper_case);
    for (size_t i = 0; same && i < word.n; i++) {
        char c = word.p[i];
        same = (c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) == upper_case[i];
    }
    if (same && skip_space(r))
        return true;
    *r = before;
    return false;
}

/* "na""me": without the quotes, "" undone. */
static bool read_quoted(reader *r, ra_arena *a, ra_bytes *out)
{
    char *to = ra_arena_alloc(a, (size_t)(r->end - r->p));
    if (!to)
        return false;
    *out = (ra_bytes){to, 0};
    for (r->p++; r->p < r->end; r->p++) {
        if (*r->p == '"') {
            if (!starts_with(r, "\"\"")) {
                r->p++;
                return true;
            }
            r->p++;
        }
        to[out->n++] = *r->p;
    }
    return false;
}

/* The table's name, if what follows is one of the words that may follow it (an alias, an index or anything
 * else leaves the name empty). */
static void read_table(reader *r, ra_arena *a, const char *const *next, size_t n, ra_bytes *table)
{
    ra_bytes name = {NULL, 0};
    if (r->p < r->end && *r->p == '"') {
        if (!read_quoted(r, a, &name))
            return;
    } else {
        name = read_word(r);
    }
    if (!skip_space(r))
        return;
    for (size_t i = 0; i < n; i++) {
        if (take_word(r, next[i])) {
            *table = name;
            return;
        }
    }
}

enum ra_partiql_kind ra_partiql_classify(ra_bytes statement, ra_arena *a, ra_bytes *table)
{
    static const char *const after_insert[] = {"VALUE"}, *const after_update[] = {"SET", "REMOVE"},
                             *const after_delete[] = {"WHERE"};
    reader r = {statement.p, statement.p + statement.n};
    *table = (ra_bytes){"", 0};
    if (!skip_space(&r))
        return RA_PARTIQL_UNKNOWN;
    if (take_word(&r, "SELECT"))
        return RA_PARTIQL_READ;
    if (take_word(&r, "EXISTS"))
        return r.p < r.end && *r.p == '(' ? RA_PARTIQL_READ : RA_PARTIQL_UNKNOWN;
    if (take_word(&r, "UPDATE"))
        read_table(&r, a, after_update, 2, table);
    else if (take_word(&r, "INSERT") && take_word(&r, "INTO"))
        read_table(&r, a, after_insert, 1, table);
    else if (take_word(&r, "DELETE") && take_word(&r, "FROM"))
        read_table(&r, a, after_delete, 1, table);
    else
        return RA_PARTIQL_UNKNOWN;
    return RA_PARTIQL_WRITE;
}
