#include "proxy/markers_key.h"

#include "config/text.h"

#include <stdarg.h>
#include <stdio.h>

const char *ra_markers_value(const char *text, ra_arena *a, ra_scalar *out)
{
    ra_bytes given = ra_bytes_z(text);
    ra_json j;
    size_t at;
    *out = (ra_scalar){RA_SCALAR_S, given};
    if (ra_text_valid(given.p, given.n) != given.n)
        return "isn't UTF-8";
    if (*text == '{') {
        static const char wrong[] =
            "begins with '{', but isn't a value such as {\"N\":\"1\"}, {\"B\":\"AA==\"} "
            "or {\"S\":\"{\"}";
        if (ra_json_parse(&j, given, NULL, &at) != RA_JSON_OK)
            return wrong;
        bool scalar = ra_scalar_read(&j, 0, a, out);
        /* what it read may be the text itself, and never the tokens */
        ra_json_free(&j);
        if (!scalar)
            return wrong;
    }
    return out->bytes.n ? NULL : "is empty, which no key is";
}

static const char *type_name(char type)
{
    return type == 'N' ? "a number" : type == 'B' ? "a binary" : "a string";
}

static const char *example(char type)
{
    return type == 'N' ? "{\"N\":\"1\"}" : type == 'B' ? "{\"B\":\"AA==\"}" : "{\"S\":\"text\"}";
}

/* Where the units are collected, and what they are made of. */
typedef struct collected {
    const ra_table *t;
    const ra_markers_key *k;
    ra_arena *a;
    ra_markers_unit *out;
    size_t n;
    char *why;
} collected;

__attribute__((format(printf, 2, 3))) static bool refuse(collected *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(c->why, RA_MARKERS_KEY_WHY_MAX, format, args);
    va_end(args);
    return false;
}

/* `type`: what the attribute is; 0 where nobody knows. */
static bool read_value(collected *c, const char *option, const char *text, const char *attribute, char type,
                       ra_scalar *out)
{
    const char *wrong = ra_markers_value(text, c->a, out);
    if (wrong)
        return refuse(c, "%s: the value %s", option, wrong);
    if (type && type != (char)out->type)
        return refuse(c, "%s: '%.255s' is %s, and the value is %s; give it as '%s'", option, attribute,
                      type_name(type), type_name((char)out->type), example(type));
    return true;
}

static bool add(collected *c, const char *kind, bool made, const ra_key *unit)
{
    if (!made)
        return refuse(c, "out of memory");
    c->out[c->n++] = (ra_markers_unit){kind, *unit};
    return true;
}

static bool add_item(collected *c, const ra_scalar *pk)
{
    const ra_table *t = c->t;
    ra_scalar sk;
    ra_key unit;
    if (c->k->sort_key && !t->sort_key)
        return refuse(c, "table '%.255s' has no sort key", t->name);
    if (t->sort_key && !c->k->sort_key)
        return true;
    if (t->sort_key && !read_value(c, "--sort-key", c->k->sort_key, t->sort_key, t->sort_key_type, &sk))
        return false;
    return add(c, "item", ra_table_item_unit(t, pk, t->sort_key ? &sk : NULL, &unit), &unit);
}

static bool collect_table(collected *c, bool items)
{
    ra_scalar pk;
    ra_key unit;
    return read_value(c, "--partition-key", c->k->partition_key, c->t->partition_key,
                      c->t->partition_key_type, &pk) &&
           (!items || add_item(c, &pk)) &&
           add(c, "partition", ra_table_partition_unit(c->t, &pk, &unit), &unit);
}

static bool collect_global(collected *c, const ra_table_index *i)
{
    ra_scalar pk;
    ra_key unit;
    if (!i->understood)
        return refuse(c, "the keys of index '%.255s' aren't understood: its reads aren't cached", i->name);
    return read_value(c, "--partition-key", c->k->partition_key, i->partition_key, i->partition_key_type,
                      &pk) &&
           add(c, "index partition", ra_table_index_partition_unit(c->t, i, &pk, &unit), &unit) &&
           add(c, "index", true, &i->guard);
}

static bool collect(collected *c)
{
    if (!c->k->index)
        return collect_table(c, true);
    const ra_table_index *i = ra_table_find_index(c->t, ra_bytes_z(c->k->index));
    if (!i)
        return refuse(c, "table '%.255s' has no index '%.255s'", c->t->name, c->k->index);
    if (c->k->sort_key)
        return refuse(c, "--sort-key: what a read of an index caches is of a whole partition");
    return i->global ? collect_global(c, i) : collect_table(c, false);
}

size_t ra_markers_units(const ra_table *t, const ra_markers_key *k, ra_arena *a,
                        ra_markers_unit out[RA_MARKERS_UNITS], char why[RA_MARKERS_KEY_WHY_MAX])
{
    collected c = {t, k, a, out, 0, why};
    return collect(&c) && add(&c, "table", true, &t->key) ? c.n : 0;
}
