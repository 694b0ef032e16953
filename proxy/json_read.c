/* Reading the tokens that the parser has made: members, strings, canonical forms. */
#include "cache/key.h"
#include "proxy/json.h"
#include "proxy/json_names.h"

#include <stdlib.h>

/* A value's nesting in canonical form; the parser's own cap is lower unless its caller raised it. */
enum { CANONICAL_DEPTH = 1024 };

/* What stands between a string's quotes. */
static ra_bytes inner(const ra_json *j, uint32_t token)
{
    ra_bytes raw = ra_json_raw(j, token);
    return (ra_bytes){raw.p + 1, raw.n - 2};
}

static bool string_is(const ra_json *j, uint32_t token, ra_bytes plain)
{
    ra_bytes s = inner(j, token);
    return j->t[token].escaped ? ra_json_decodes_to(s, plain) : ra_bytes_eq(s, plain);
}

uint32_t ra_json_member_bytes(const ra_json *j, uint32_t object, ra_bytes name)
{
    if (!ra_json_is(j, object, RA_JSON_OBJECT))
        return RA_JSON_NONE;
    for (uint32_t i = object + 1; i < j->t[object].next; i = j->t[i + 1].next)
        if (string_is(j, i, name))
            return i + 1;
    return RA_JSON_NONE;
}

uint32_t ra_json_member(const ra_json *j, uint32_t object, const char *name)
{
    return ra_json_member_bytes(j, object, ra_bytes_z(name));
}

uint32_t ra_json_count(const ra_json *j, uint32_t parent)
{
    if (parent >= j->n)
        return 0;
    bool object = j->t[parent].type == RA_JSON_OBJECT;
    uint32_t n = 0;
    for (uint32_t i = parent + 1; i < j->t[parent].next; i = j->t[object ? i + 1 : i].next)
        n++;
    return n;
}

bool ra_json_string_is(const ra_json *j, uint32_t token, const char *z)
{
    return ra_json_is(j, token, RA_JSON_STRING) && string_is(j, token, ra_bytes_z(z));
}

bool ra_json_string(const ra_json *j, uint32_t token, ra_arena *a, ra_bytes *out)
{
    if (!ra_json_is(j, token, RA_JSON_STRING))
        return false;
    ra_bytes s = inner(j, token);
    if (!j->t[token].escaped) {
        *out = s;
        return true;
    }
    char *p = ra_arena_alloc(a, s.n);
    if (!p)
        return false;
    *out = (ra_bytes){p, ra_json_decode(s.p, s.n, p)};
    return true;
}

/* Appends an escaped string decoded; its length is known only afterwards and is put in then. */
static bool escaped_part(ra_bytes s, ra_buf *out)
{
    size_t at = out->n;
    if (!ra_key_part(out, s)) /* makes the room; decoded it is never longer */
        return false;
    size_t n = ra_json_decode(s.p, s.n, out->p + at + 4);
    for (unsigned i = 0; i < 4; i++)
        out->p[at + i] = (char)(n >> (8 * i) & 0xff);
    out->n = at + 4 + n;
    return true;
}

bool ra_json_string_part(const ra_json *j, uint32_t token, ra_buf *out)
{
    if (!ra_json_is(j, token, RA_JSON_STRING))
        return false;
    ra_bytes s = inner(j, token);
    return j->t[token].escaped ? escaped_part(s, out) : ra_key_part(out, s);
}

uint32_t *ra_json_members_sorted(const ra_json *j, uint32_t object, uint32_t *n)
{
    if (!ra_json_is(j, object, RA_JSON_OBJECT) || j->t[object].shallow)
        return NULL;
    *n = ra_json_count(j, object);
    ra_json_name *names = malloc((*n + (size_t)1) * sizeof *names);
    uint32_t *tokens = malloc((*n + (size_t)1) * sizeof *tokens);
    bool ok = names && tokens;
    if (ok) {
        ra_json_name *to = names;
        for (uint32_t i = object + 1; i < j->t[object].next; i = j->t[i + 1].next)
            *to++ = (ra_json_name){j->t[i].start + 1, j->t[i].end - 1, i, j->t[i].escaped};
        ok = ra_json_names_sort(j->text.p, names, *n);
    }
    if (ok)
        for (uint32_t i = 0; i < *n; i++)
            tokens[i] = names[i].token;
    free(names);
    if (ok)
        return tokens;
    free(tokens);
    return NULL;
}

static bool add_kind(ra_buf *out, char kind, uint32_t count)
{
    char b[5] = {kind};
    for (unsigned i = 0; i < 4; i++)
        b[i + 1] = (char)(count >> (8 * i) & 0xff);
    return ra_buf_add(out, b, sizeof b);
}

static bool canonical(const ra_json *j, uint32_t token, ra_buf *out, unsigned depth);

static bool canonical_object(const ra_json *j, uint32_t token, ra_buf *out, unsigned depth)
{
    uint32_t n;
    uint32_t *names = ra_json_members_sorted(j, token, &n);
    bool ok = names && add_kind(out, '{', n);
    for (uint32_t i = 0; ok && i < n; i++)
        ok = ra_json_string_part(j, names[i], out) && canonical(j, names[i] + 1, out, depth + 1);
    free(names);
    return ok;
}

static bool canonical_array(const ra_json *j, uint32_t token, ra_buf *out, unsigned depth)
{
    bool ok = !j->t[token].shallow && add_kind(out, '[', ra_json_count(j, token));
    for (uint32_t i = token + 1; ok && i < j->t[token].next; i = j->t[i].next)
        ok = canonical(j, i, out, depth + 1);
    return ok;
}

static bool canonical(const ra_json *j, uint32_t token, ra_buf *out, unsigned depth)
{
    if (depth > CANONICAL_DEPTH)
        return false;
    switch ((enum ra_json_type)j->t[token].type) {
    case RA_JSON_OBJECT:
        return canonical_object(j, token, out, depth);
    case RA_JSON_ARRAY:
        return canonical_array(j, token, out, depth);
    case RA_JSON_STRING:
        return ra_buf_add_char(out, '"') && ra_json_string_part(j, token, out);
    case RA_JSON_NUMBER:
        return ra_buf_add_char(out, '1') && ra_key_part(out, ra_json_raw(j, token));
    case RA_JSON_TRUE:
        return ra_buf_add_char(out, 't');
    case RA_JSON_FALSE:
        return ra_buf_add_char(out, 'f');
    case RA_JSON_NULL:
        return ra_buf_add_char(out, 'n');
    }
    return false;
}

bool ra_json_canonical(const ra_json *j, uint32_t token, ra_buf *out)
{
    return token < j->n && canonical(j, token, out, 0);
}
