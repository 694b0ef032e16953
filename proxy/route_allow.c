#include "proxy/route_allow.h"

#include "proxy/route_parts.h"
#include "proxy/template_render.h"
#include "proxy/value.h"

/* The reply's object, "Items", an item, an attribute, its value. */
enum { VALUE_DEPTH = 4 };

/* ---- the question ---- */

bool ra_route_allow_body(const ra_route_call *call, const ra_table *table, ra_bytes next, ra_arena *a,
                         ra_buf *out, ra_route_refusal *refusal)
{
    const ra_route_query *q = call->route->allow_if->query->query;
    *refusal = (ra_route_refusal){0};
    if (!ra_route_query_begin(q, call->values, table, "", (ra_bytes){NULL, 0}, a, out, refusal))
        return false;
    if (next.p) {
        ra_buf_add_z(out, ",\"ExclusiveStartKey\":");
        ra_buf_add_bytes(out, next);
    }
    return ra_buf_add_char(out, '}') || ra_route_refuse_memory(refusal);
}

/* ---- the answer ---- */

/* What one attribute must be. */
typedef struct expected {
    const char *name;
    ra_bytes text;
    char number[RA_NUMBER_TEXT_MAX]; /* the text as a number; n == 0: it is none, or oddly spelt */
    size_t n;
} expected;

/* An answer under examination. */
typedef struct reading {
    const ra_json *j;
    ra_arena *arena;
    const expected *wanted;
    size_t n;
} reading;

/* Only in the spelling that DynamoDB has itself: "07" is the number 7, and names another partition than "7".
 */
static void read_number(expected *e)
{
    char plain[RA_NUMBER_PLAIN_MAX];
    bool number = ra_number_canonical(e->text, e->number, &e->n);
    size_t n = number ? ra_number_plain((ra_bytes){e->number, e->n}, plain) : 0;
    if (!number || !ra_bytes_eq((ra_bytes){plain, n}, e->text))
        e->n = 0;
}

static bool make_expected(const ra_route_call *call, ra_arena *a, reading *r)
{
    const ra_route_allow *allow = call->route->allow_if;
    expected *all = ra_arena_array(a, allow->nhas, sizeof *all);
    for (size_t i = 0; all && i < allow->nhas; i++) {
        all[i].name = allow->has[i].name;
        if (!ra_template_text(&allow->has[i].value, call->values, a, &all[i].text))
            return false;
        read_number(&all[i]);
    }
    r->wanted = all;
    r->n = allow->nhas;
    return all != NULL;
}

static enum ra_allow_result equal_string(const reading *r, uint32_t token, const expected *e)
{
    ra_bytes text;
    /* No escape makes a text longer, so that most need not be decoded at all. */
    if (!ra_json_is(r->j, token, RA_JSON_STRING))
        return RA_ALLOW_UNKNOWN;
    if (ra_json_raw(r->j, token).n < e->text.n + 2)
        return RA_ALLOW_NO;
    if (!ra_json_string(r->j, token, r->arena, &text))
        return RA_ALLOW_NO_MEMORY;
    return ra_bytes_eq(text, e->text) ? RA_ALLOW_YES : RA_ALLOW_NO;
}

static enum ra_allow_result equal_number(const reading *r, uint32_t token, const expected *e)
{
    ra_bytes text;
    char canonical[RA_NUMBER_TEXT_MAX];
    size_t n;
    if (!ra_json_is(r->j, token, RA_JSON_STRING))
        return RA_ALLOW_UNKNOWN;
    if (!ra_json_string(r->j, token, r->arena, &text))
        return RA_ALLOW_NO_MEMORY;
    if (!ra_number_canonical(text, canonical, &n))
        return RA_ALLOW_UNKNOWN;
    return e->n && ra_bytes_eq((ra_bytes){canonical, n}, (ra_bytes){e->number, e->n}) ? RA_ALLOW_YES
                                                                                      : RA_ALLOW_NO;
}

/* An attribute value has one member, its type's. One of another type is equal to no text. */
static enum ra_allow_result equal_attribute(const reading *r, uint32_t item, const expected *e)
{
    uint32_t value = ra_json_member(r->j, item, e->name), name = value + 1;
    if (value == RA_JSON_NONE)
        return RA_ALLOW_NO;
    if (ra_json_count(r->j, value) != 1 || !ra_json_is(r->j, value, RA_JSON_OBJECT))
        return RA_ALLOW_UNKNOWN;
    if (ra_json_string_is(r->j, name, "S"))
        return equal_string(r, name + 1, e);
    return ra_json_string_is(r->j, name, "N") ? equal_number(r, name + 1, e) : RA_ALLOW_NO;
}

static enum ra_allow_result has_all(const reading *r, uint32_t item)
{
    if (!ra_json_is(r->j, item, RA_JSON_OBJECT))
        return RA_ALLOW_UNKNOWN;
    for (size_t i = 0; i < r->n; i++) {
        enum ra_allow_result one = equal_attribute(r, item, &r->wanted[i]);
        if (one != RA_ALLOW_YES)
            return one;
    }
    return RA_ALLOW_YES;
}

static enum ra_allow_result find_item(const reading *r)
{
    uint32_t items = ra_json_member(r->j, 0, "Items");
    if (!ra_json_is(r->j, items, RA_JSON_ARRAY) || items == RA_JSON_NONE)
        return RA_ALLOW_UNKNOWN;
    for (uint32_t i = items + 1; i < r->j->t[items].next; i = r->j->t[i].next) {
        enum ra_allow_result one = has_all(r, i);
        if (one != RA_ALLOW_NO)
            return one;
    }
    return RA_ALLOW_NO;
}

static enum ra_allow_result find_page(const reading *r, ra_bytes *next)
{
    enum ra_allow_result found = find_item(r);
    uint32_t key = ra_json_member(r->j, 0, "LastEvaluatedKey");
    if (found != RA_ALLOW_NO || key == RA_JSON_NONE)
        return found;
    if (!ra_json_is(r->j, key, RA_JSON_OBJECT))
        return RA_ALLOW_UNKNOWN;
    *next = ra_json_raw(r->j, key);
    return RA_ALLOW_MORE;
}

enum ra_allow_result ra_route_allow_find(const ra_route_call *call, ra_bytes reply, ra_arena *a,
                                         ra_bytes *next)
{
    ra_json j = {0};
    size_t at;
    ra_json_limits values = {.token_depth = VALUE_DEPTH};
    reading r = {.j = &j, .arena = a};
    *next = (ra_bytes){NULL, 0};
    enum ra_json_result parsed = ra_json_parse(&j, reply, &values, &at);
    if (parsed == RA_JSON_NO_MEMORY)
        return RA_ALLOW_NO_MEMORY;
    if (parsed != RA_JSON_OK)
        return RA_ALLOW_UNKNOWN;
    enum ra_allow_result result = make_expected(call, a, &r) ? find_page(&r, next) : RA_ALLOW_NO_MEMORY;
    ra_json_free(&j);
    return result;
}
