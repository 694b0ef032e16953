/* Attribute values as plain JSON. */
#include "proxy/route_reply.h"

/* ---- numbers ---- */

static size_t skip_digits(ra_bytes s, size_t i)
{
    while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
        i++;
    return i;
}

/* -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?  (RFC 8259 section 6) */
static bool is_json_number(ra_bytes s)
{
    size_t i = s.n && s.p[0] == '-', from = i;
    i = skip_digits(s, i);
    if (i == from || (s.p[from] == '0' && i - from > 1))
        return false;
    if (i < s.n && s.p[i] == '.') {
        from = i + 1;
        i = skip_digits(s, from);
        if (i == from)
            return false;
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
            i++;
        from = i;
        i = skip_digits(s, from);
        if (i == from)
            return false;
    }
    return i == s.n;
}

/* What stands between a string's quotes; an escape in a number or a base64 text isn't DynamoDB's. */
static bool plain_inner(const ra_json *j, uint32_t token, ra_bytes *out)
{
    if (!ra_json_is(j, token, RA_JSON_STRING) || j->t[token].escaped)
        return false;
    ra_bytes raw = ra_json_raw(j, token);
    *out = (ra_bytes){raw.p + 1, raw.n - 2};
    return true;
}

/* DynamoDB's own text, digit for digit, if JSON has that form too. */
static bool add_number(const ra_json *j, uint32_t token, ra_buf *out)
{
    ra_bytes text;
    char canonical[RA_NUMBER_TEXT_MAX], plain[RA_NUMBER_PLAIN_MAX];
    size_t n;
    if (!plain_inner(j, token, &text))
        return false;
    if (is_json_number(text))
        return ra_buf_add_bytes(out, text);
    return ra_number_canonical(text, canonical, &n) &&
           ra_buf_add(out, plain, ra_number_plain((ra_bytes){canonical, n}, plain));
}

/* ---- values ---- */

static bool add_string(const ra_json *j, uint32_t token, ra_buf *out)
{
    /* The text as DynamoDB wrote it, escapes and all: it is a JSON string here as well. */
    return ra_json_is(j, token, RA_JSON_STRING) && ra_buf_add_bytes(out, ra_json_raw(j, token));
}

static bool add_bool(const ra_json *j, uint32_t token, ra_buf *out)
{
    if (ra_json_is(j, token, RA_JSON_TRUE))
        return ra_buf_add_z(out, "true");
    return ra_json_is(j, token, RA_JSON_FALSE) && ra_buf_add_z(out, "false");
}

static bool add_null(const ra_json *j, uint32_t token, ra_buf *out)
{
    return ra_json_is(j, token, RA_JSON_TRUE) && ra_buf_add_z(out, "null");
}

static bool add_set(const ra_json *j, uint32_t set, bool numbers, ra_buf *out)
{
    if (!ra_json_is(j, set, RA_JSON_ARRAY) || j->t[set].shallow)
        return false;
    ra_buf_add_char(out, '[');
    for (uint32_t i = set + 1; i < j->t[set].next; i = j->t[i].next) {
        if (i > set + 1)
            ra_buf_add_char(out, ',');
        if (numbers ? !add_number(j, i, out) : !add_string(j, i, out))
            return false;
    }
    return ra_buf_add_char(out, ']');
}

static bool add_value(const ra_json *j, uint32_t value, ra_buf *out, unsigned depth);

static bool add_list(const ra_json *j, uint32_t list, ra_buf *out, unsigned depth)
{
    if (!ra_json_is(j, list, RA_JSON_ARRAY) || j->t[list].shallow)
        return false;
    ra_buf_add_char(out, '[');
    for (uint32_t i = list + 1; i < j->t[list].next; i = j->t[i].next) {
        if (i > list + 1)
            ra_buf_add_char(out, ',');
        if (!add_value(j, i, out, depth + 1))
            return false;
    }
    return ra_buf_add_char(out, ']');
}

static bool add_map(const ra_json *j, uint32_t map, ra_buf *out, unsigned depth)
{
    if (!ra_json_is(j, map, RA_JSON_OBJECT) || j->t[map].shallow)
        return false;
    ra_buf_add_char(out, '{');
    for (uint32_t i = map + 1; i < j->t[map].next; i = j->t[i + 1].next) {
        if (i > map + 1)
            ra_buf_add_char(out, ',');
        ra_buf_add_bytes(out, ra_json_raw(j, i));
        ra_buf_add_char(out, ':');
        if (!add_value(j, i + 1, out, depth + 1))
            return false;
    }
    return ra_buf_add_char(out, '}');
}

/* `name` is the type's token, its value the one behind it. */
static bool add_typed(const ra_json *j, uint32_t name, ra_buf *out, unsigned depth)
{
    uint32_t held = name + 1;
    if (ra_json_string_is(j, name, "S"))
        return add_string(j, held, out);
    if (ra_json_string_is(j, name, "N"))
        return add_number(j, held, out);
    if (ra_json_string_is(j, name, "BOOL"))
        return add_bool(j, held, out);
    if (ra_json_string_is(j, name, "NULL"))
        return add_null(j, held, out);
    if (ra_json_string_is(j, name, "M"))
        return add_map(j, held, out, depth);
    if (ra_json_string_is(j, name, "L"))
        return add_list(j, held, out, depth);
    if (ra_json_string_is(j, name, "B"))
        return add_string(j, held, out);
    if (ra_json_string_is(j, name, "SS") || ra_json_string_is(j, name, "BS"))
        return add_set(j, held, false, out);
    return ra_json_string_is(j, name, "NS") && add_set(j, held, true, out);
}

static bool add_value(const ra_json *j, uint32_t value, ra_buf *out, unsigned depth)
{
    if (depth >= RA_VALUE_DEPTH || !ra_json_is(j, value, RA_JSON_OBJECT) || j->t[value].shallow)
        return false;
    uint32_t name = value + 1;
    bool one = name < j->t[value].next && j->t[name + 1].next == j->t[value].next;
    return one && add_typed(j, name, out, depth);
}

bool ra_plain_value(const ra_json *j, uint32_t value, ra_buf *out)
{
    return add_value(j, value, out, 0) && ra_buf_ok(out);
}

bool ra_plain_map(const ra_json *j, uint32_t map, ra_buf *out)
{
    return add_map(j, map, out, 0) && ra_buf_ok(out);
}
