#include "proxy/capacity.h"

#include <math.h>
#include <stdlib.h>

/* ---- what DynamoDB says ---- */

enum { NUMBER_MAX = 40 };

/* More than this in one reply is no number of units. */
static const double MOST_UNITS = 1e9;

bool ra_capacity_read(const ra_json *j, uint32_t object, uint64_t *half_units)
{
    char text[NUMBER_MAX + 1];
    uint32_t units = ra_json_member(j, object, "CapacityUnits");
    if (units == RA_JSON_NONE || !ra_json_is(j, units, RA_JSON_NUMBER))
        return false;
    ra_bytes raw = ra_json_raw(j, units);
    if (raw.n > NUMBER_MAX)
        return false;
    memcpy(text, raw.p, raw.n);
    text[raw.n] = '\0';
    double value = strtod(text, NULL);
    if (!(value >= 0 && value <= MOST_UNITS))
        return false;
    *half_units = (uint64_t)llround(value * 2);
    return true;
}

/* ---- how large an item is ---- */

enum { NESTED_MAX = 32 /* DynamoDB takes no more; what is deeper counts as its text */ };

static size_t size_of_map(const ra_json *j, uint32_t map, unsigned depth);
static size_t size_of_value(const ra_json *j, uint32_t value, unsigned depth);

static unsigned hex4(const char *p)
{
    unsigned n = 0;
    for (unsigned i = 0; i < 4; i++)
        n = n << 4 | ((unsigned)(p[i] | 32) - (p[i] > '9' ? 'a' - 10 : '0' | 32));
    return n;
}

/* Of the character whose escape begins at `p`, as UTF-8; *written: of the escape itself. The parser has seen
 * that it is whole, and that surrogates are in pairs. */
static size_t escaped_size(const char *p, size_t *written)
{
    *written = p[1] == 'u' ? 6 : 2;
    if (p[1] != 'u')
        return 1;
    unsigned code = hex4(p + 2);
    if (code >> 11 != 0xd800 >> 11)
        return code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
    *written = 12;
    return 4;
}

/* As UTF-8. */
static size_t text_size(const ra_json *j, uint32_t string)
{
    ra_bytes raw = ra_json_raw(j, string);
    const char *p = raw.p + 1, *end = raw.p + raw.n - 1, *escape;
    size_t n = 0, written;
    for (; (escape = memchr(p, '\\', (size_t)(end - p))); p = escape + written)
        n += (size_t)(escape - p) + escaped_size(escape, &written);
    return n + (size_t)(end - p);
}

/* Two digits in a byte, and one more; signs, points and zeros at either end aren't looked for. */
static size_t number_size(const ra_json *j, uint32_t string)
{
    return (text_size(j, string) + 1) / 2 + 1;
}

static size_t binary_size(const ra_json *j, uint32_t string)
{
    ra_bytes raw = ra_json_raw(j, string);
    size_t n = raw.n - 2, padding = 0;
    while (padding < n && padding < 2 && raw.p[raw.n - 2 - padding] == '=')
        padding++;
    return (n - padding) * 3 / 4;
}

static size_t scalar_size(const ra_json *j, uint32_t string, char type)
{
    if (!ra_json_is(j, string, RA_JSON_STRING))
        return 1;
    return type == 'N' ? number_size(j, string) : type == 'B' ? binary_size(j, string) : text_size(j, string);
}

static size_t size_of_set(const ra_json *j, uint32_t array, char type)
{
    size_t n = 0;
    for (uint32_t i = array + 1; i < j->t[array].next; i = j->t[i].next)
        n += scalar_size(j, i, type);
    return n;
}

static size_t size_of_list(const ra_json *j, uint32_t array, unsigned depth)
{
    size_t n = 3;
    for (uint32_t i = array + 1; i < j->t[array].next; i = j->t[i].next)
        n += 1 + size_of_value(j, i, depth);
    return n;
}

/* Of a value whose inside has no tokens. */
static size_t size_anew(ra_bytes raw, unsigned depth)
{
    ra_json j;
    size_t at;
    if (ra_json_parse(&j, raw, NULL, &at) != RA_JSON_OK)
        return raw.n;
    size_t n = size_of_value(&j, 0, depth);
    ra_json_free(&j);
    return n;
}

static bool is_shallow(const ra_json *j, uint32_t value)
{
    return j->t[value].shallow || (j->t[value].next == value + 3 && j->t[value + 2].shallow);
}

/* {"TYPE": …} */
static size_t size_of_value(const ra_json *j, uint32_t value, unsigned depth)
{
    if (depth > NESTED_MAX || !ra_json_is(j, value, RA_JSON_OBJECT))
        return ra_json_raw(j, value).n;
    if (is_shallow(j, value))
        return size_anew(ra_json_raw(j, value), depth);
    if (j->t[value].next < value + 3)
        return 0;
    ra_bytes type = ra_json_raw(j, value + 1);
    char first = '\0';
    if (type.n > 2)
        first = type.p[1];
    uint32_t inner = value + 2;
    if (ra_json_is(j, inner, RA_JSON_OBJECT))
        return 3 + size_of_map(j, inner, depth + 1);
    if (ra_json_is(j, inner, RA_JSON_ARRAY))
        return first == 'L' ? size_of_list(j, inner, depth + 1) : size_of_set(j, inner, first);
    return scalar_size(j, inner, first);
}

/* A map within an item has a byte more for each of its members. */
static size_t size_of_map(const ra_json *j, uint32_t map, unsigned depth)
{
    size_t n = 0;
    for (uint32_t i = map + 1; i < j->t[map].next; i = j->t[i + 1].next)
        n += text_size(j, i) + size_of_value(j, i + 1, depth) + (depth ? 1 : 0);
    return n;
}

size_t ra_capacity_item_size(const ra_json *j, uint32_t item)
{
    return ra_json_is(j, item, RA_JSON_OBJECT) ? size_of_map(j, item, 0) : 0;
}

size_t ra_capacity_text_size(ra_bytes text)
{
    ra_json j;
    size_t at, n = 0;
    if (ra_json_parse(&j, text, NULL, &at) != RA_JSON_OK)
        return text.n;
    if (ra_json_is(&j, 0, RA_JSON_ARRAY))
        for (uint32_t i = 1; i < j.t[0].next; i = j.t[i].next)
            n += ra_capacity_item_size(&j, i);
    else
        n = ra_capacity_item_size(&j, 0);
    ra_json_free(&j);
    return n;
}
