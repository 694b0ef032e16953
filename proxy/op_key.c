/* Members of an operation, a table's key in an attribute map, attributes of an item's image. */
#include "proxy/op_plan.h"

bool ra_op_members(const ra_json *j, uint32_t object, const char *const *names, size_t n, uint32_t *tok)
{
    memset(tok, 0, n * sizeof *tok);
    if (!ra_json_is(j, object, RA_JSON_OBJECT))
        return false;
    for (uint32_t i = object + 1; i < j->t[object].next; i = j->t[i + 1].next) {
        size_t k = 0;
        while (k < n && !ra_json_string_is(j, i, names[k]))
            k++;
        if (k == n || ra_json_is(j, i + 1, RA_JSON_NULL))
            return false;
        tok[k] = i + 1;
    }
    return true;
}

uint32_t ra_op_member_name(const ra_json *j, uint32_t object, const char *name)
{
    uint32_t value = ra_json_member(j, object, name);
    return value == RA_JSON_NONE ? RA_JSON_NONE : value - 1; /* a name is one token, just before its value */
}

/* One key attribute. A type that isn't the table's is refused by DynamoDB: nothing is certain then. */
static bool key_attribute(const ra_json *j, uint32_t map, const char *name, char type, ra_arena *a,
                          ra_scalar *out)
{
    uint32_t value = ra_json_member_bytes(j, map, ra_bytes_z(name));
    return value != RA_JSON_NONE && ra_scalar_read(j, value, a, out) &&
           (type == 0 || type == (char)out->type);
}

bool ra_op_key(const ra_json *j, uint32_t map, const ra_table *t, bool exact, ra_arena *a, ra_scalar *pk,
               ra_scalar *sk)
{
    if (map == RA_JSON_NONE || !ra_json_is(j, map, RA_JSON_OBJECT))
        return false;
    if (exact && ra_json_count(j, map) != (t->sort_key ? 2u : 1u))
        return false;
    return key_attribute(j, map, t->partition_key, t->partition_key_type, a, pk) &&
           (!t->sort_key || key_attribute(j, map, t->sort_key, t->sort_key_type, a, sk));
}

enum ra_image_attribute ra_op_image_value(const ra_json *j, uint32_t value, ra_arena *a, ra_scalar *out)
{
    static const char *const NEVER_A_KEY[] = {"BOOL", "NULL", "M", "L", "SS", "NS", "BS"};
    if (ra_scalar_read(j, value, a, out))
        return RA_ATTRIBUTE_SCALAR;
    if (!ra_json_is(j, value, RA_JSON_OBJECT) || ra_json_count(j, value) != 1)
        return RA_ATTRIBUTE_UNCERTAIN;
    for (size_t i = 0; i < sizeof NEVER_A_KEY / sizeof *NEVER_A_KEY; i++) {
        if (ra_json_string_is(j, value + 1, NEVER_A_KEY[i]))
            return RA_ATTRIBUTE_ABSENT;
    }
    return RA_ATTRIBUTE_UNCERTAIN;
}

enum ra_image_attribute ra_op_image(const ra_json *j, uint32_t map, const char *attribute, ra_arena *a,
                                    ra_scalar *out)
{
    uint32_t value = ra_json_member_bytes(j, map, ra_bytes_z(attribute));
    return value == RA_JSON_NONE ? RA_ATTRIBUTE_ABSENT : ra_op_image_value(j, value, a, out);
}
