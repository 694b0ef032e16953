#include "proxy/compare.h"

#include "cache/arena.h"
#include "cache/buf.h"
#include "proxy/item_digest.h"
#include "proxy/value.h"

#include <string.h>

enum { SPREAD = 16 /* what tokens and canonical forms take of a body, at most */, LEAST = 1024 * 1024 };

typedef struct form {
    ra_json j;
    ra_arena arena;
    ra_buf out;
} form;

static void form_init(form *f, size_t n)
{
    size_t most = n < SIZE_MAX / SPREAD / 2 ? n * SPREAD + LEAST : n;
    ra_arena_init(&f->arena, most);
    ra_buf_init(&f->out, most);
}

static void form_free(form *f)
{
    ra_buf_free(&f->out);
    ra_arena_free(&f->arena);
}

static bool add_item(form *f, uint32_t item)
{
    ra_key digest;
    return ra_item_digest(&f->j, item, &f->arena, &digest) && ra_key_part_key(&f->out, &digest);
}

static bool add_items(form *f, uint32_t items)
{
    if (!ra_json_is(&f->j, items, RA_JSON_ARRAY))
        return false;
    for (uint32_t i = items + 1; i < f->j.t[items].next; i = f->j.t[i].next)
        if (!add_item(f, i))
            return false;
    return true;
}

/* Those that a reply may have, in an order of their own. */
enum member { ITEM, ITEMS, COUNT, SCANNED, LAST, MEMBERS };
static const char *const names[MEMBERS] = {"Item", "Items", "Count", "ScannedCount", "LastEvaluatedKey"};

static bool add_member(form *f, enum member m, uint32_t value)
{
    if (!ra_key_part_z(&f->out, names[m]))
        return false;
    if (m == ITEMS)
        return add_items(f, value);
    if (m == COUNT || m == SCANNED)
        return ra_json_is(&f->j, value, RA_JSON_NUMBER) && ra_key_part(&f->out, ra_json_raw(&f->j, value));
    return add_item(f, value);
}

/* false: it has a member that nobody knows. */
static bool find_members(const ra_json *j, uint32_t tok[MEMBERS])
{
    memset(tok, 0, MEMBERS * sizeof *tok);
    for (uint32_t i = 1; i < j->t[0].next; i = j->t[i + 1].next) {
        unsigned m = 0;
        while (m < MEMBERS && !ra_json_string_is(j, i, names[m]))
            m++;
        if (m < MEMBERS)
            tok[m] = i + 1;
        else if (!ra_json_string_is(j, i, "ConsumedCapacity"))
            return false;
    }
    return true;
}

static bool add_body(form *f)
{
    uint32_t tok[MEMBERS];
    if (!ra_json_is(&f->j, 0, RA_JSON_OBJECT) || !find_members(&f->j, tok))
        return false;
    for (unsigned m = 0; m < MEMBERS; m++)
        if (tok[m] != RA_JSON_NONE && !add_member(f, (enum member)m, tok[m]))
            return false;
    return ra_buf_ok(&f->out);
}

/* The canonical form of a body, in f->out. */
static bool read_body(form *f, ra_bytes body)
{
    size_t at;
    form_init(f, body.n);
    if (ra_json_parse(&f->j, body, NULL, &at) != RA_JSON_OK)
        return false;
    bool ok = add_body(f);
    ra_json_free(&f->j);
    return ok;
}

enum ra_sameness ra_compare_bodies(ra_bytes a, ra_bytes b)
{
    form x, y;
    if (ra_bytes_eq(a, b))
        return RA_SAME;
    bool clear = read_body(&x, a);
    clear = read_body(&y, b) && clear;
    bool same = clear && ra_bytes_eq(ra_buf_bytes(&x.out), ra_buf_bytes(&y.out));
    form_free(&x);
    form_free(&y);
    return same ? RA_SAME : clear ? RA_DIFFERENT : RA_UNCLEAR;
}
