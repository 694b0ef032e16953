/* From a record to what is to become of which rows. */
#include "proxy/rekey.h"

#include "config/glob.h"
#include "proxy/template_render.h"

#include <stdlib.h>

/* An item, and so what is made of one, is at most 400 KiB; as JSON a few times that. */
enum { VALUE_MAX = 4 << 20 };

/* ---- does it fit the table? ---- */

static bool sets(const ra_stream_rule *rule, const char *attribute)
{
    for (size_t i = 0; i < rule->nset; i++) {
        if (strcmp(rule->set[i].name, attribute) == 0)
            return true;
    }
    return false;
}

const char *ra_rekey_unfit(const ra_stream_rule *rule, const ra_table *t)
{
    if (!t->sort_key)
        return "the table has no sort key, so that there is nothing to move rows by";
    if (!sets(rule, t->sort_key))
        return "`set` doesn't name the table's sort key, so that no row would move";
    if (sets(rule, t->partition_key))
        return "`set` names the table's partition key, in which a row stays";
    if (!rule->rows_index)
        return NULL;
    const ra_table_index *i = ra_table_find_index(t, ra_bytes_z(rule->rows_index));
    if (!i || !i->understood)
        return "the table has no such index";
    return sets(rule, i->partition_key) ? "`set` names the index's partition key, by which the rows are found"
                                        : NULL;
}

bool ra_rekey_lags(const ra_stream_rule *rule, const ra_table *t)
{
    const ra_table_index *i = rule->rows_index ? ra_table_find_index(t, ra_bytes_z(rule->rows_index)) : NULL;
    return i && i->global;
}

/* ---- is it wanted? ---- */

static bool partition_text(const ra_stream_record *r, const ra_json *j, const ra_table *t, ra_arena *a,
                           ra_bytes *out)
{
    ra_scalar pk, sk;
    return r->keys != RA_JSON_NONE && ra_op_key(j, r->keys, t, true, a, &pk, &sk) &&
           ra_scalar_text(&pk, a, out);
}

bool ra_rekey_wants(const ra_stream_rule *rule, const ra_stream_record *r, const ra_json *j,
                    const ra_table *t, ra_arena *a)
{
    ra_bytes text;
    if (!r->understood)
        return true;
    if (!(rule->events & 1u << r->event))
        return false;
    if (!rule->partition_key || !partition_text(r, j, t, a, &text))
        return true;
    return ra_glob_match(rule->partition_key, text.p, text.n);
}

/* ---- values ---- */

typedef struct maker {
    const ra_stream_rule *rule;
    const ra_stream_record *r;
    const ra_json *j;
    const ra_table *t;
    ra_arena *a;
    const char *why;
    enum ra_rekey_result result;
} maker;

static bool fail(maker *m, enum ra_rekey_result result, const char *why)
{
    m->result = result;
    m->why = why;
    return false;
}

static bool no_memory(maker *m)
{
    return fail(m, RA_REKEY_NO_MEMORY, "out of memory");
}

/* Reading a value fails without memory too: then another allocation of at least its size fails as well, and
 * the record isn't to blame. It isn't the arena's, or a batch of such records would use that up. */
static bool poison(maker *m, const char *why)
{
    ra_arena probe;
    ra_arena_init(&probe, m->a->cap - m->a->used);
    bool memory = ra_arena_alloc(&probe, m->j->text.n + 64) != NULL;
    ra_arena_free(&probe);
    return memory ? fail(m, RA_REKEY_POISON, why) : no_memory(m);
}

/* What the one star of the rule's glob stands for; the configuration takes no other glob with {star}. */
static bool star(maker *m, ra_bytes *out)
{
    ra_bytes text;
    const char *glob = m->rule->partition_key, *at = glob ? strchr(glob, '*') : NULL;
    if (!partition_text(m->r, m->j, m->t, m->a, &text))
        return poison(m, "the record's keys aren't the table's");
    size_t before = at ? (size_t)(at - glob) : 0, after = at ? strlen(at + 1) : 0;
    if (before + after >= text.n)
        return poison(m, "what the star of the rule's partition_key stands for is empty");
    *out = (ra_bytes){text.p + before, text.n - before - after};
    return true;
}

/* The attribute's value in the new image; RA_JSON_NONE with `why`. */
static uint32_t attribute(maker *m, const char *name)
{
    uint32_t map = m->r->after;
    uint32_t value = map == RA_JSON_NONE ? RA_JSON_NONE : ra_json_member_bytes(m->j, map, ra_bytes_z(name));
    if (value == RA_JSON_NONE)
        poison(m, map == RA_JSON_NONE
                      ? "the record has no new image: the stream's view type must be NEW_IMAGE or "
                        "NEW_AND_OLD_IMAGES"
                      : "the record's new image lacks an attribute that the rule takes");
    return value;
}

/* An input's text within a longer one. */
static bool input_text(maker *m, const char *name, ra_bytes *out)
{
    ra_scalar s;
    if (!name)
        return star(m, out);
    uint32_t value = attribute(m, name);
    if (value == RA_JSON_NONE)
        return false;
    if (!ra_scalar_read(m->j, value, m->a, &s) || s.type == RA_SCALAR_B)
        return poison(m,
                      "an attribute of the record that the rule puts into a text is neither a string nor a "
                      "number");
    return ra_scalar_text(&s, m->a, out) || no_memory(m);
}

static bool copy_out(maker *m, ra_buf *b, ra_bytes *out)
{
    *out = ra_buf_ok(b) ? ra_arena_copy(m->a, ra_buf_bytes(b)) : (ra_bytes){NULL, 0};
    ra_buf_free(b);
    return out->p || no_memory(m);
}

/* A string attribute's JSON. */
static bool make_string(maker *m, const ra_template *t, ra_bytes *out)
{
    ra_bytes values[RA_TEMPLATE_SLOTS_MAX] = {{NULL, 0}};
    for (size_t i = 0; i < t->n; i++) {
        int slot = t->parts[i].slot;
        if (slot >= 0 && !values[slot].p && !input_text(m, m->rule->inputs[slot], &values[slot]))
            return false;
    }
    ra_buf b;
    ra_buf_init(&b, VALUE_MAX);
    ra_buf_add_z(&b, "{\"S\":");
    ra_template_render(t, values, &b);
    ra_buf_add_char(&b, '}');
    return copy_out(m, &b, out);
}

/* An attribute value's JSON: the attribute itself where the template is nothing else. */
static bool make_value(maker *m, const ra_template *t, ra_bytes *out)
{
    const char *name = t->n == 1 && t->parts[0].slot >= 0 ? m->rule->inputs[t->parts[0].slot] : NULL;
    if (!name)
        return make_string(m, t, out);
    uint32_t value = attribute(m, name);
    if (value == RA_JSON_NONE)
        return false;
    if (!ra_json_is(m->j, value, RA_JSON_OBJECT) || ra_json_count(m->j, value) != 1)
        return poison(m, "the record's new image holds something that isn't a value");
    *out = ra_arena_copy(m->a, ra_json_raw(m->j, value));
    return out->p || no_memory(m);
}

/* A key attribute's value read back, to be of the type that the schema says. Its bytes are those of `value`,
 * or in the arena. */
static bool read_key(maker *m, ra_bytes value, char type, ra_scalar *out)
{
    ra_json j;
    if (ra_json_parse(&j, value, NULL, &(size_t){0}) != RA_JSON_OK)
        return no_memory(m);
    bool ok = ra_scalar_read(&j, 0, m->a, out) && (type == 0 || (char)out->type == type);
    ra_json_free(&j);
    return ok || poison(m, "an attribute of the record that becomes a row's key isn't of the key's type");
}

/* ---- the target ---- */

/* Rules' names are unique; the canonical value names the partition however it is written. */
static bool make_group(maker *m, const ra_scalar *partition, ra_key *out)
{
    ra_buf parts;
    ra_buf_init(&parts, VALUE_MAX);
    ra_key_part_z(&parts, m->rule->name);
    ra_scalar_key_parts(partition, &parts);
    bool ok = ra_buf_ok(&parts) && ra_key_digest(&parts, out);
    ra_buf_free(&parts);
    return ok || no_memory(m);
}

static bool make_origin(maker *m, ra_bytes *out)
{
    ra_buf b;
    ra_buf_init(&b, VALUE_MAX);
    ra_buf_add_z(&b, "{\"SequenceNumber\":");
    ra_buf_add_json_string(&b, ra_bytes_z(m->r->sequence));
    if (m->r->keys != RA_JSON_NONE) {
        ra_buf_add_z(&b, ",\"Keys\":");
        ra_buf_add_bytes(&b, ra_json_raw(m->j, m->r->keys));
    }
    ra_buf_add_char(&b, '}');
    return copy_out(m, &b, out);
}

static char rows_key_type(const maker *m)
{
    const ra_stream_rule *r = m->rule;
    const ra_table_index *i = r->rows_index ? ra_table_find_index(m->t, ra_bytes_z(r->rows_index)) : NULL;
    if (i)
        return i->partition_key_type;
    return m->t->partition_key_type;
}

static bool make(maker *m, ra_rekey_target *out)
{
    const ra_stream_rule *r = m->rule;
    ra_scalar partition;
    if (!m->r->understood)
        return poison(m, "it isn't a stream's record");
    out->nset = r->nset;
    out->set = ra_arena_array(m->a, r->nset, sizeof *out->set);
    if (!out->set)
        return no_memory(m);
    if (!make_value(m, &r->rows_partition_key, &out->partition) ||
        !read_key(m, out->partition, rows_key_type(m), &partition) || !make_group(m, &partition, &out->group))
        return false;
    for (size_t i = 0; i < r->nset; i++) {
        if (!make_value(m, &r->set[i].value, &out->set[i]))
            return false;
        if (m->t->sort_key && strcmp(r->set[i].name, m->t->sort_key) == 0 &&
            !read_key(m, out->set[i], m->t->sort_key_type, &out->sort))
            return false;
    }
    return make_origin(m, &out->origin);
}

enum ra_rekey_result ra_rekey_target_make(const ra_stream_rule *rule, const ra_stream_record *r,
                                          const ra_json *j, const ra_table *t, ra_arena *a,
                                          ra_rekey_target *out, const char **why)
{
    maker m = {.rule = rule, .r = r, .j = j, .t = t, .a = a, .result = RA_REKEY_OK};
    *out = (ra_rekey_target){.nset = 0};
    make(&m, out);
    *why = m.why;
    return m.result;
}

/* ---- copies ---- */

static ra_bytes put(char **at, ra_bytes s)
{
    ra_bytes copy = {*at, s.n};
    memcpy(*at, s.p, s.n);
    *at += s.n;
    return copy;
}

ra_rekey_target *ra_rekey_target_copy(const ra_rekey_target *t, size_t *bytes)
{
    size_t n = sizeof *t + t->nset * sizeof *t->set + t->partition.n + t->sort.bytes.n + t->origin.n;
    for (size_t i = 0; i < t->nset; i++)
        n += t->set[i].n;
    ra_rekey_target *copy = malloc(n);
    if (!copy)
        return NULL;
    *bytes = n;
    *copy = *t;
    copy->set = (ra_bytes *)(copy + 1);
    char *at = (char *)(copy->set + t->nset);
    for (size_t i = 0; i < t->nset; i++)
        copy->set[i] = put(&at, t->set[i]);
    copy->partition = put(&at, t->partition);
    copy->sort.bytes = put(&at, t->sort.bytes);
    copy->origin = put(&at, t->origin);
    return copy;
}
