/*
 * The canonical form: scalars as proxy/value.h has them; sets have no order, so their members are sorted (a
 * member can't be there twice, DynamoDB refuses that); maps and lists of these. What DynamoDB shows of an
 * item that was put is compared with what was put in tests/integration/test_item_digest.py.
 */
#include "proxy/item_digest.h"

#include "proxy/value.h"

#include <stdlib.h>

/* Raised whenever the form changes: processes of several versions may share a store's notes. */
static const char FORMAT[] = "image-1";

typedef struct form {
    const ra_json *j;
    ra_arena *arena;
    ra_buf out;
} form;

static bool add_value(form *f, uint32_t value, unsigned depth);

static bool add_map(form *f, uint32_t map, unsigned depth)
{
    uint32_t n;
    uint32_t *names = ra_json_members_sorted(f->j, map, &n);
    bool ok = names && ra_buf_addf(&f->out, "M%u:", n);
    for (uint32_t i = 0; ok && i < n; i++)
        ok = ra_json_string_part(f->j, names[i], &f->out) && add_value(f, names[i] + 1, depth + 1);
    free(names);
    return ok;
}

static bool add_list(form *f, uint32_t list, unsigned depth)
{
    const ra_json *j = f->j;
    bool ok = ra_json_is(j, list, RA_JSON_ARRAY) && !j->t[list].shallow &&
              ra_buf_addf(&f->out, "L%u:", ra_json_count(j, list));
    for (uint32_t i = list + 1; ok && i < j->t[list].next; i = j->t[i].next)
        ok = add_value(f, i, depth + 1);
    return ok;
}

/* One member of a set of strings, numbers or binaries. */
static bool read_member(const form *f, uint32_t token, char type, ra_bytes *out)
{
    char number[RA_NUMBER_TEXT_MAX];
    size_t n;
    if (!ra_json_string(f->j, token, f->arena, out))
        return false;
    if (type == 'B')
        return ra_base64_decode(*out, f->arena, out);
    if (type == 'S')
        return true;
    if (!ra_number_canonical(*out, number, &n))
        return false;
    *out = ra_arena_copy(f->arena, (ra_bytes){number, n});
    return out->p != NULL;
}

static int compare(const void *a, const void *b)
{
    const ra_bytes *x = a, *y = b;
    size_t n = x->n < y->n ? x->n : y->n;
    int order = n ? memcmp(x->p, y->p, n) : 0;
    return order ? order : (x->n > y->n) - (x->n < y->n);
}

static bool add_set(form *f, uint32_t set, char type)
{
    const ra_json *j = f->j;
    if (!ra_json_is(j, set, RA_JSON_ARRAY) || j->t[set].shallow)
        return false;
    uint32_t count = ra_json_count(j, set);
    size_t n = 0;
    ra_bytes *v = ra_arena_array(f->arena, (size_t)count + 1, sizeof *v);
    bool ok = v != NULL;
    for (uint32_t i = set + 1; ok && i < j->t[set].next; i = j->t[i].next)
        ok = read_member(f, i, type, &v[n++]);
    if (!ok)
        return false;
    qsort(v, n, sizeof *v, compare);
    ok = ra_buf_addf(&f->out, "%cS%u:", type, count);
    for (size_t i = 0; ok && i < n; i++)
        ok = ra_key_part(&f->out, v[i]);
    return ok;
}

/* The one member of an attribute value: its name token; RA_JSON_NONE: it isn't one. */
static uint32_t only_member(const ra_json *j, uint32_t value)
{
    if (!ra_json_is(j, value, RA_JSON_OBJECT) || j->t[value].shallow || ra_json_count(j, value) != 1)
        return RA_JSON_NONE;
    return value + 1;
}

static bool add_value(form *f, uint32_t value, unsigned depth)
{
    static const struct {
        const char *name;
        char type;
    } sets[] = {{"SS", 'S'}, {"NS", 'N'}, {"BS", 'B'}};
    const ra_json *j = f->j;
    uint32_t name = depth < RA_VALUE_DEPTH ? only_member(j, value) : RA_JSON_NONE;
    if (name == RA_JSON_NONE)
        return false;
    if (ra_json_string_is(j, name, "M"))
        return add_map(f, name + 1, depth);
    if (ra_json_string_is(j, name, "L"))
        return add_list(f, name + 1, depth);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        if (ra_json_string_is(j, name, sets[i].name))
            return add_set(f, name + 1, sets[i].type);
    }
    return ra_value_canonical(j, value, f->arena, &f->out);
}

bool ra_item_digest(const ra_json *j, uint32_t map, ra_arena *a, ra_key *out)
{
    if (!ra_json_is(j, map, RA_JSON_OBJECT))
        return false;
    /* Length prefixes and counts: the smallest values grow most, by less than eightfold. */
    size_t len = ra_json_raw(j, map).n;
    form f = {.j = j, .arena = a};
    ra_buf_init(&f.out, len < SIZE_MAX / 16 ? len * 8 + 1024 : len);
    bool ok = ra_key_part_z(&f.out, FORMAT) && add_map(&f, map, 0) && ra_key_digest(&f.out, out);
    ra_buf_free(&f.out);
    return ok;
}

void ra_item_digest_removed(ra_key *out)
{
    ra_buf parts;
    ra_buf_init(&parts, 64);
    ra_key_part_z(&parts, FORMAT);
    ra_key_part_z(&parts, "removed");
    ra_key_digest(&parts, out);
    ra_buf_free(&parts);
}
