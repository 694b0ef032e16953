#include "config/edit.h"

#include "config/comments.h"
#include "config/units.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* The text, and the same with comments blanked: every offset is as in the text. */
typedef struct document {
    const char *text;
    char *blank;
    size_t n;
} document;

/* From its first byte to the one behind its last. */
typedef struct span {
    size_t from, to;
} span;

__attribute__((format(printf, 2, 3))) static bool fail(char error[RA_EDIT_ERROR], const char *format, ...)
{
    va_list given;
    va_start(given, format);
    vsnprintf(error, RA_EDIT_ERROR, format, given);
    va_end(given);
    return false;
}

/* ---- walking through sound JSON ---- */

static size_t skip_space(const document *d, size_t at)
{
    while (at < d->n && strchr(" \t\r\n", d->blank[at]))
        at++;
    return at;
}

static size_t skip_string(const document *d, size_t at)
{
    for (at++; at < d->n && d->blank[at] != '"'; at++)
        if (d->blank[at] == '\\')
            at++;
    return at + 1;
}

/* Behind the value that begins here. */
static size_t skip_value(const document *d, size_t at)
{
    unsigned depth = 0;
    do {
        char c = d->blank[at];
        if (c == '"') {
            at = skip_string(d, at);
            continue;
        }
        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (depth == 0) {
            while (at < d->n && !strchr(",]} \t\r\n", d->blank[at]))
                at++;
            return at;
        }
        at++;
    } while (at < d->n && depth > 0);
    return at;
}

static bool is_string(const document *d, span s, const char *wanted)
{
    cJSON *parsed = cJSON_ParseWithLength(d->blank + s.from, s.to - s.from);
    const char *given = cJSON_GetStringValue(parsed);
    bool same = given && strcmp(given, wanted) == 0;
    cJSON_Delete(parsed);
    return same;
}

/* The next member from `at`, which is behind '{' or behind a member; false: there is none. */
static bool next_member(const document *d, size_t at, span *name, span *value)
{
    *name = *value = (span){0};
    at = skip_space(d, at);
    if (at < d->n && d->blank[at] == ',')
        at = skip_space(d, at + 1);
    if (at >= d->n || d->blank[at] != '"')
        return false;
    name->from = at;
    name->to = skip_string(d, at);
    at = skip_space(d, name->to) + 1; /* the colon */
    value->from = skip_space(d, at);
    if (value->from >= d->n)
        return false;
    value->to = skip_value(d, value->from);
    return value->to <= d->n;
}

static bool find_member(const document *d, span object, const char *wanted, span *value)
{
    span name;
    *value = (span){0};
    if (d->blank[object.from] != '{')
        return false;
    for (size_t at = object.from + 1; next_member(d, at, &name, value); at = value->to)
        if (is_string(d, name, wanted))
            return true;
    return false;
}

/* The array's object whose "name" is this one. */
static bool find_named(const document *d, span array, const char *wanted, span *object)
{
    span name;
    *object = (span){0};
    for (size_t at = array.from + 1; at < array.to; at = object->to) {
        at = skip_space(d, at);
        if (d->blank[at] == ',')
            at = skip_space(d, at + 1);
        if (at >= array.to || d->blank[at] != '{')
            return false;
        *object = (span){at, skip_value(d, at)};
        if (find_member(d, *object, "name", &name) && is_string(d, name, wanted))
            return true;
    }
    return false;
}

/* Whose TTL it is: the table's object, or the pattern's. */
static bool find_owner(const document *d, const ra_edit *e, span *owner, char error[RA_EDIT_ERROR])
{
    size_t begin = skip_space(d, 0);
    span root = {begin, d->n}, tables = {0}, patterns = {0};
    if (begin >= d->n || !find_member(d, root, "tables", &tables) ||
        !find_member(d, tables, e->table, owner) || d->blank[owner->from] != '{')
        return fail(error, "the file has no table \"%.100s\"", e->table);
    if (!e->pattern)
        return true;
    span table = *owner;
    if (find_member(d, table, "patterns", &patterns) && find_named(d, patterns, e->pattern, owner))
        return true;
    return fail(error, "table \"%.100s\" has no pattern \"%.100s\"", e->table, e->pattern);
}

/* ---- putting something in ---- */

/* Replaces what is from..to of the text, which grows or shrinks. */
static bool splice(char **text, size_t *n, span at, const char *in, size_t in_n)
{
    char *grown = malloc(*n - (at.to - at.from) + in_n + 1);
    if (!grown)
        return false;
    memcpy(grown, *text, at.from);
    memcpy(grown + at.from, in, in_n);
    memcpy(grown + at.from + in_n, *text + at.to, *n - at.to);
    *n = *n - (at.to - at.from) + in_n;
    grown[*n] = '\0';
    free(*text);
    *text = grown;
    return true;
}

static size_t line_begin(const document *d, size_t at)
{
    while (at > 0 && d->text[at - 1] != '\n')
        at--;
    return at;
}

static bool is_in_comment(const document *d, size_t at)
{
    char *before = malloc(at + 1);
    if (!before)
        return true;
    memcpy(before, d->text, at);
    bool open = ra_comments_blank(before, at) != 0;
    free(before);
    return open;
}

/*
 * Does the member have its line for itself, but for a comma and comments? *end is then where the next one
 * begins. A comment that goes on there is no end.
 */
static bool has_own_line(const document *d, span name, span value, size_t *end)
{
    for (size_t i = line_begin(d, name.from); i < name.from; i++)
        if (!strchr(" \t", d->text[i]))
            return false;
    size_t at = value.to;
    while (at < d->n && strchr(" \t\r,", d->blank[at]))
        at++;
    *end = at + 1;
    size_t comma = skip_space(d, value.to);
    if (comma < d->n && d->blank[comma] == ',' && comma > at)
        return false;
    return at < d->n && d->blank[at] == '\n' && !is_in_comment(d, *end);
}

/* A line of its own behind the member's. Comments stay with what they are about. */
static bool insert_line(document *d, char **text, size_t *n, span name, span value, size_t end,
                        const char *member)
{
    size_t begin = line_begin(d, name.from), indent = name.from - begin;
    size_t comma = skip_space(d, value.to);
    bool last = comma >= d->n || d->blank[comma] != ',';
    const char *line_end = d->text[end - 2] == '\r' ? "\r\n" : "\n";
    size_t room = indent + strlen(member) + 8;
    char *line = malloc(room);
    if (!line)
        return false;
    int line_n =
        snprintf(line, room, "%.*s%s%s%s", (int)indent, d->text + begin, member, last ? "" : ",", line_end);
    bool ok = splice(text, n, (span){end, end}, line, (size_t)line_n) &&
              (!last || splice(text, n, (span){value.to, value.to}, ",", 1));
    free(line);
    return ok;
}

static bool insert(document *d, char **text, size_t *n, span owner, const char *member)
{
    span name = {0}, value = {0};
    size_t end;
    char text_in[RA_UNIT_TEXT_MAX + 32];
    if (!next_member(d, owner.from + 1, &name, &value)) {
        bool tight = d->text[owner.from + 1] == '}';
        snprintf(text_in, sizeof text_in, " %s%s", member, tight ? " " : "");
        return splice(text, n, (span){owner.from + 1, owner.from + 1}, text_in, strlen(text_in));
    }
    if (has_own_line(d, name, value, &end))
        return insert_line(d, text, n, name, value, end, member);
    snprintf(text_in, sizeof text_in, ", %s", member);
    return splice(text, n, (span){value.to, value.to}, text_in, strlen(text_in));
}

static bool edit_one(document *d, char **text, size_t *n, const ra_edit *e, char error[RA_EDIT_ERROR])
{
    span owner = {0}, value = {0};
    char ttl[RA_UNIT_TEXT_MAX], member[RA_UNIT_TEXT_MAX + 16];
    ra_duration_format(e->ttl, ttl);
    snprintf(member, sizeof member, "\"ttl\": \"%s\"", ttl);
    if (!find_owner(d, e, &owner, error))
        return false;
    const char *quoted = member + strlen("\"ttl\": ");
    bool stated = find_member(d, owner, "ttl", &value);
    if (stated && e->unless_stated)
        return true;
    bool ok = stated ? splice(text, n, value, quoted, strlen(quoted)) : insert(d, text, n, owner, member);
    return ok || fail(error, "out of memory");
}

/* One edit, of a text that is replaced. */
static bool edit_next(char **text, size_t *n, const ra_edit *e, char error[RA_EDIT_ERROR])
{
    document d = {.text = *text, .blank = malloc(*n + 1), .n = *n};
    char *before = malloc(*n + 1); /* what the document is, while *text changes */
    bool ok = d.blank && before;
    if (ok) {
        memcpy(d.blank, *text, *n + 1);
        memcpy(before, *text, *n + 1);
        d.text = before;
        ok = ra_comments_blank(d.blank, d.n) == 0 ? edit_one(&d, text, n, e, error)
                                                  : fail(error, "a comment isn't closed");
    } else {
        fail(error, "out of memory");
    }
    free(before);
    free(d.blank);
    return ok;
}

char *ra_edit_text(const char *text, size_t n, const ra_edit *edits, size_t nedits, size_t *out_n,
                   char error[RA_EDIT_ERROR])
{
    char *out = malloc(n + 1);
    if (!out) {
        fail(error, "out of memory");
        return NULL;
    }
    memcpy(out, text, n);
    out[n] = '\0';
    *out_n = n;
    for (size_t i = 0; i < nedits; i++) {
        if (!edit_next(&out, out_n, &edits[i], error)) {
            free(out);
            return NULL;
        }
    }
    return out;
}
