#include "proxy/invalidate.h"

#include "proxy/log.h"
#include "proxy/mark_errand.h"
#include "proxy/op_plan.h"
#include "proxy/snapshot.h"

#include <stdlib.h>

enum { MAGIC = 0x696e7661, ARENA_MAX = 16 << 20, VALUE_DEPTH = 2 };

struct ra_invalidator {
    uint32_t magic;
    ra_server *server;
    ra_errand errand; /* on the first loop */
    pthread_mutex_t one;
};

ra_invalidator *ra_invalidator_new(ra_server *s)
{
    ra_invalidator *v = calloc(1, sizeof *v);
    ra_loop *first = &s->loops[0];
    if (!v)
        return NULL;
    v->magic = MAGIC;
    v->server = s;
    pthread_mutex_init(&v->one, NULL);
    if (ra_errand_init(&v->errand, first->base, first->mailbox))
        return v;
    ra_invalidator_free(v);
    return NULL;
}

void ra_invalidator_free(ra_invalidator *v)
{
    if (!v)
        return;
    ra_errand_fini(&v->errand);
    pthread_mutex_destroy(&v->one);
    v->magic = 0;
    free(v);
}

void ra_invalidator_hurry(ra_invalidator *v)
{
    if (v->magic != MAGIC)
        ra_corrupt("invalidator");
    ra_errand_hurry(&v->errand);
}

const char *ra_invalidated_text(enum ra_invalidated r)
{
    static const char *const texts[] = {
        [RA_INVALIDATED] = "",
        [RA_INVALIDATED_NOT_CONFIGURED] = "no entry of `tables` stands for this table",
        [RA_INVALIDATED_UNKNOWN] = "the table's schema can't be had now, or there is no such table",
        [RA_INVALIDATED_KEY] = "not a value of the table's key; accepted: a string, or {\"S\": \"...\"}",
        [RA_INVALIDATED_INDEX] = "the table has no such global index",
        [RA_INVALIDATED_STORE] = "the store can't be told of all of it now",
        [RA_INVALIDATED_NO_MEMORY] = "out of memory"};
    return texts[r];
}

/* ---- which units ---- */

/* A key's value as an operator gives it; what it is made of is the arena's. */
static bool read_key(ra_bytes text, char type, ra_arena *a, ra_scalar *out)
{
    static const ra_json_limits limits = {.max_depth = VALUE_DEPTH};
    const char form[] = "{\"S\":";
    const size_t head = sizeof form - 1;
    ra_json j;
    size_t at;
    char *typed = ra_arena_alloc(a, head + text.n + 1);
    if (!typed)
        return false;
    memcpy(typed, form, head);
    if (type)
        typed[2] = type;
    memcpy(typed + head, text.p, text.n);
    typed[head + text.n] = '}';
    bool plain = text.p[0] == '"';
    const ra_bytes value = {plain ? typed : typed + head, plain ? head + text.n + 1 : text.n};
    if (ra_json_parse(&j, value, &limits, &at) != RA_JSON_OK)
        return false;
    bool ok = ra_scalar_read(&j, 0, a, out) && (!type || (char)out->type == type);
    ra_json_free(&j);
    return ok;
}

static const ra_table_index *index_of(const ra_table *t, const char *name)
{
    const ra_table_index *i = ra_table_find_index(t, ra_bytes_z(name));
    return i && i->global && i->understood ? i : NULL;
}

static enum ra_invalidated add_partition(const ra_invalidation *what, const ra_op_table *t, ra_marks *m)
{
    const ra_table *table = t->table;
    ra_scalar pk, sk;
    if (what->index) {
        const ra_table_index *i = index_of(table, what->index);
        if (!i)
            return RA_INVALIDATED_INDEX;
        if (!read_key(what->partition_key, i->partition_key_type, m->arena, &pk))
            return RA_INVALIDATED_KEY;
        ra_marks_index_partition(m, t, i, &pk);
        return RA_INVALIDATED;
    }
    bool item = what->sort_key.n || !table->sort_key;
    if (!read_key(what->partition_key, table->partition_key_type, m->arena, &pk) ||
        (what->sort_key.n &&
         (!table->sort_key || !read_key(what->sort_key, table->sort_key_type, m->arena, &sk))))
        return RA_INVALIDATED_KEY;
    if (item) {
        ra_marks_item(m, t, &pk, &sk);
        return RA_INVALIDATED;
    }
    ra_mark partition = {.subject = t->config->policy.subject};
    if (!ra_table_partition_unit(table, &pk, &partition.unit))
        return RA_INVALIDATED_NO_MEMORY;
    ra_marks_add(m, &partition);
    return RA_INVALIDATED;
}

/* ---- marking them ---- */

static enum ra_invalidated mark_table(ra_invalidator *v, const ra_invalidation *what, const ra_op_table *t,
                                      size_t *units)
{
    ra_arena a;
    ra_marks m;
    ra_arena_init(&a, ARENA_MAX);
    ra_marks_init(&m, &a);
    enum ra_invalidated r = RA_INVALIDATED;
    size_t done = 0;
    if (what && what->partition_key.n)
        r = add_partition(what, t, &m);
    else
        ra_marks_table(&m, t);
    if (r == RA_INVALIDATED && !ra_marks_end(&m, NULL))
        r = RA_INVALIDATED_NO_MEMORY;
    if (r == RA_INVALIDATED &&
        !ra_errand_mark(&v->errand, &v->server->loops[0], m.v, m.n, RA_CAUSE_OPERATOR, &done))
        r = RA_INVALIDATED_STORE;
    *units += done;
    ra_arena_free(&a);
    return r;
}

/* Those that this process has learnt, or has forgotten lately: of one name there may be several (by ARN).
 * No name: all of them. */
static enum ra_invalidated mark_known(ra_invalidator *v, const ra_config *c, ra_bytes name, size_t *units)
{
    size_t n = 0;
    enum ra_invalidated r = RA_INVALIDATED;
    ra_table **all = ra_tables_all(v->server->tables, &n);
    if (n && !all)
        return RA_INVALIDATED_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        const ra_op_table t = {.given = ra_bytes_z(all[i]->name),
                               .config = ra_config_table(c, all[i]->name, strlen(all[i]->name)),
                               .table = all[i]};
        if (r == RA_INVALIDATED && t.config && (!name.n || ra_bytes_eq_z(name, all[i]->name)))
            r = mark_table(v, NULL, &t, units);
        ra_table_unref(all[i]);
    }
    free(all);
    return r;
}

static enum ra_invalidated invalidate(ra_invalidator *v, const ra_config *c, const ra_invalidation *what,
                                      size_t *units)
{
    const ra_bytes name = ra_table_short_name(ra_bytes_z(what->table));
    ra_op_table t = {.given = ra_bytes_z(what->table), .config = ra_config_table(c, name.p, name.n)};
    if (!t.config || !name.n || ra_bytes_eq_z(name, "*"))
        return RA_INVALIDATED_NOT_CONFIGURED;
    t.table = ra_errand_learn(&v->errand, &v->server->loops[0], what->table, t.config);
    if (!t.table)
        return RA_INVALIDATED_UNKNOWN;
    enum ra_invalidated r =
        what->partition_key.n ? mark_table(v, what, &t, units) : mark_known(v, c, name, units);
    ra_table_unref(t.table);
    return r;
}

static ra_snapshot *begin(ra_invalidator *v, size_t *units)
{
    if (v->magic != MAGIC)
        ra_corrupt("invalidator");
    *units = 0;
    pthread_mutex_lock(&v->one);
    return ra_server_snapshot(v->server);
}

static void end(ra_invalidator *v, ra_snapshot *now)
{
    ra_snapshot_unref(now);
    pthread_mutex_unlock(&v->one);
}

enum ra_invalidated ra_invalidate(ra_invalidator *v, const ra_invalidation *what, size_t *units)
{
    ra_snapshot *now = begin(v, units);
    enum ra_invalidated r = invalidate(v, now->config, what, units);
    end(v, now);
    return r;
}

/* Of a table that can't be described nothing has been cached here, and it may not even exist. */
enum ra_invalidated ra_invalidate_all(ra_invalidator *v, size_t *units)
{
    ra_snapshot *now = begin(v, units);
    const ra_config *c = now->config;
    enum ra_invalidated r = RA_INVALIDATED;
    for (size_t i = 0; i < c->ntables; i++)
        if (strcmp(c->tables[i].name, "*") != 0)
            ra_table_unref(
                ra_errand_learn(&v->errand, &v->server->loops[0], c->tables[i].name, &c->tables[i]));
    r = mark_known(v, c, (ra_bytes){NULL, 0}, units);
    end(v, now);
    return r;
}
