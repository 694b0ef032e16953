/*
 * Attribute values. DynamoDB Local takes forms that are not read here: {"S": 5} and {"S": true} (as the texts
 * "5", "true"), {"S": "x", "N": null} and {"S": "x", "Foo": 1} (as {"S": "x"}). A key written so is unknown
 * to the cache, and an operation with such a value isn't cached.
 */
#include "proxy/value.h"
#include "cache/key.h"

#include <stdlib.h>

/* The one member of an attribute value: its name token, or RA_JSON_NONE. */
static uint32_t only_member(const ra_json *j, uint32_t value)
{
    if (!ra_json_is(j, value, RA_JSON_OBJECT) || j->t[value].shallow)
        return RA_JSON_NONE;
    uint32_t name = value + 1;
    if (name >= j->t[value].next || j->t[name + 1].next != j->t[value].next)
        return RA_JSON_NONE;
    return name;
}

static bool number_text(const ra_json *j, uint32_t token, ra_arena *a, char out[RA_NUMBER_TEXT_MAX],
                        size_t *n)
{
    ra_bytes text;
    return ra_json_string(j, token, a, &text) && ra_number_canonical(text, out, n);
}

static bool read_number(const ra_json *j, uint32_t token, ra_arena *a, ra_bytes *out)
{
    char canonical[RA_NUMBER_TEXT_MAX];
    size_t n;
    if (!number_text(j, token, a, canonical, &n))
        return false;
    *out = ra_arena_copy(a, (ra_bytes){canonical, n});
    return out->p != NULL;
}

static bool read_binary(const ra_json *j, uint32_t token, ra_arena *a, ra_bytes *out)
{
    ra_bytes text;
    return ra_json_string(j, token, a, &text) && ra_base64_decode(text, a, out);
}

bool ra_scalar_read(const ra_json *j, uint32_t value, ra_arena *a, ra_scalar *out)
{
    uint32_t name = only_member(j, value);
    if (name == RA_JSON_NONE)
        return false;
    if (ra_json_string_is(j, name, "S")) {
        out->type = RA_SCALAR_S;
        return ra_json_string(j, name + 1, a, &out->bytes);
    }
    if (ra_json_string_is(j, name, "N")) {
        out->type = RA_SCALAR_N;
        return read_number(j, name + 1, a, &out->bytes);
    }
    out->type = RA_SCALAR_B;
    return ra_json_string_is(j, name, "B") && read_binary(j, name + 1, a, &out->bytes);
}

bool ra_scalar_key_parts(const ra_scalar *s, ra_buf *parts)
{
    char type = (char)s->type;
    return ra_key_part(parts, (ra_bytes){&type, 1}) && ra_key_part(parts, s->bytes);
}

bool ra_scalar_text(const ra_scalar *s, ra_arena *a, ra_bytes *out)
{
    char plain[RA_NUMBER_PLAIN_MAX];
    switch (s->type) {
    case RA_SCALAR_S:
        *out = s->bytes;
        return true;
    case RA_SCALAR_N:
        *out = ra_arena_copy(a, (ra_bytes){plain, ra_number_plain(s->bytes, plain)});
        return out->p != NULL;
    case RA_SCALAR_B:
        return ra_base64_encode(s->bytes, a, out);
    }
    return false;
}

/* ---- any value's canonical form: two letters for the type, then what it holds ---- */

static bool add_count(ra_buf *out, uint32_t n)
{
    char b[4];
    for (unsigned i = 0; i < 4; i++)
        b[i] = (char)(n >> (8 * i) & 0xff);
    return ra_buf_add(out, b, sizeof b);
}

static bool canonical(const ra_json *j, uint32_t value, ra_arena *a, ra_buf *out, unsigned depth);

static bool canonical_map(const ra_json *j, uint32_t map, ra_arena *a, ra_buf *out, unsigned depth)
{
    uint32_t n;
    uint32_t *names = ra_json_members_sorted(j, map, &n);
    bool ok = names && add_count(out, n);
    for (uint32_t i = 0; ok && i < n; i++)
        ok = ra_json_string_part(j, names[i], out) && canonical(j, names[i] + 1, a, out, depth + 1);
    free(names);
    return ok;
}

static bool canonical_list(const ra_json *j, uint32_t list, ra_arena *a, ra_buf *out, unsigned depth)
{
    if (!ra_json_is(j, list, RA_JSON_ARRAY) || j->t[list].shallow)
        return false;
    bool ok = add_count(out, ra_json_count(j, list));
    for (uint32_t i = list + 1; ok && i < j->t[list].next; i = j->t[i].next)
        ok = canonical(j, i, a, out, depth + 1);
    return ok;
}

/* A string, number or binary: one part. */
static bool canonical_scalar(const ra_json *j, uint32_t token, char type, ra_arena *a, ra_buf *out)
{
    if (type == 'S')
        return ra_json_string_part(j, token, out);
    if (type == 'N') {
        char text[RA_NUMBER_TEXT_MAX];
        size_t n;
        return number_text(j, token, a, text, &n) && ra_key_part(out, (ra_bytes){text, n});
    }
    ra_bytes bytes;
    return read_binary(j, token, a, &bytes) && ra_key_part(out, bytes);
}

static bool canonical_set(const ra_json *j, uint32_t set, char type, ra_arena *a, ra_buf *out)
{
    if (!ra_json_is(j, set, RA_JSON_ARRAY) || j->t[set].shallow)
        return false;
    bool ok = add_count(out, ra_json_count(j, set));
    for (uint32_t i = set + 1; ok && i < j->t[set].next; i = j->t[i].next)
        ok = canonical_scalar(j, i, type, a, out);
    return ok;
}

static bool canonical(const ra_json *j, uint32_t value, ra_arena *a, ra_buf *out, unsigned depth)
{
    uint32_t name = depth < RA_VALUE_DEPTH ? only_member(j, value) : RA_JSON_NONE;
    ra_bytes type;
    if (name == RA_JSON_NONE || !ra_json_string(j, name, a, &type))
        return false;
    uint32_t held = name + 1;
    char t = '\0';
    if (type.n)
        t = type.p[0];
    if (type.n == 1 && (t == 'S' || t == 'N' || t == 'B'))
        return ra_buf_add(out, (char[]){t, '.'}, 2) && canonical_scalar(j, held, t, a, out);
    if (type.n == 2 && type.p[1] == 'S' && (t == 'S' || t == 'N' || t == 'B'))
        return ra_buf_add(out, (char[]){t, 'S'}, 2) && canonical_set(j, held, t, a, out);
    if (ra_bytes_eq_z(type, "M"))
        return ra_buf_add_z(out, "M.") && canonical_map(j, held, a, out, depth);
    if (ra_bytes_eq_z(type, "L"))
        return ra_buf_add_z(out, "L.") && canonical_list(j, held, a, out, depth);
    if (ra_bytes_eq_z(type, "BOOL") && ra_json_is(j, held, RA_JSON_TRUE))
        return ra_buf_add_z(out, "bt");
    if (ra_bytes_eq_z(type, "BOOL") && ra_json_is(j, held, RA_JSON_FALSE))
        return ra_buf_add_z(out, "bf");
    if (ra_bytes_eq_z(type, "NULL") && ra_json_is(j, held, RA_JSON_TRUE))
        return ra_buf_add_z(out, "nt");
    return false;
}

bool ra_value_canonical(const ra_json *j, uint32_t value, ra_arena *a, ra_buf *out)
{
    return canonical(j, value, a, out, 0);
}

bool ra_value_map_canonical(const ra_json *j, uint32_t map, ra_arena *a, ra_buf *out)
{
    return canonical_map(j, map, a, out, 0);
}
