/* The list of units that a write marks. */
#include "proxy/op_plan.h"

#include <stdlib.h>

void ra_marks_init(ra_marks *m, ra_arena *arena)
{
    *m = (ra_marks){.arena = arena};
}

/* Doubles the room. The arena keeps the old array too, so the sum stays below twice the last. */
static bool grow(ra_marks *m)
{
    size_t room = m->room ? m->room * 2 : 16;
    ra_mark *v = ra_arena_array(m->arena, room, sizeof *v);
    if (!v) {
        m->failed = true;
        return false;
    }
    if (m->n)
        memcpy(v, m->v, m->n * sizeof *v);
    m->v = v;
    m->room = room;
    return true;
}

void ra_marks_add(ra_marks *m, const ra_mark *mark)
{
    if (!m->failed && (m->n < m->room || grow(m)))
        m->v[m->n++] = *mark;
}

/* Whose reads those of a partition are; where that can't be told, the table's own. */
static unsigned subject_of(const ra_marks *m, const ra_op_table *t, const char *index, const ra_scalar *pk)
{
    ra_bytes text;
    if (t->config->npatterns == 0 || !ra_scalar_text(pk, m->arena, &text))
        return t->config->policy.subject;
    return ra_table_config_policy(t->config, index, index ? strlen(index) : 0, text.p, text.n)->subject;
}

void ra_marks_index(ra_marks *m, const ra_op_table *t, const ra_table_index *i)
{
    const ra_mark mark = {
        .unit = i->guard, .settle = t->config->settle, .subject = t->config->policy.subject, .all = true};
    ra_marks_add(m, &mark);
}

void ra_marks_indexes(ra_marks *m, const ra_op_table *t)
{
    for (size_t i = 0; i < t->table->nindexes; i++) {
        if (t->table->indexes[i].global)
            ra_marks_index(m, t, &t->table->indexes[i]);
    }
}

void ra_marks_table(ra_marks *m, const ra_op_table *t)
{
    const ra_mark mark = {.unit = t->table->key, .subject = t->config->policy.subject, .all = true};
    ra_marks_add(m, &mark);
    ra_marks_indexes(m, t);
}

void ra_marks_index_partition(ra_marks *m, const ra_op_table *t, const ra_table_index *i, const ra_scalar *pk)
{
    ra_mark mark = {.settle = t->config->settle};
    if (!ra_table_index_partition_unit(t->table, i, pk, &mark.unit)) {
        ra_marks_index(m, t, i);
        return;
    }
    mark.subject = subject_of(m, t, i->name, pk);
    ra_marks_add(m, &mark);
}

bool ra_marks_item(ra_marks *m, const ra_op_table *t, const ra_scalar *pk, const ra_scalar *sk)
{
    ra_mark item = {.item = true}, partition = {0};
    if (!ra_table_item_unit(t->table, pk, t->table->sort_key ? sk : NULL, &item.unit) ||
        !ra_table_partition_unit(t->table, pk, &partition.unit)) {
        ra_marks_table(m, t);
        return false;
    }
    item.subject = partition.subject = subject_of(m, t, NULL, pk);
    ra_marks_add(m, &item);
    ra_marks_add(m, &partition);
    return true;
}

const ra_scalar *ra_marks_key_attribute(const ra_table *t, const ra_table_index *i, const ra_scalar *pk,
                                        const ra_scalar *sk)
{
    if (strcmp(i->partition_key, t->partition_key) == 0)
        return pk;
    return t->sort_key && strcmp(i->partition_key, t->sort_key) == 0 ? sk : NULL;
}

static int compare(const void *a, const void *b)
{
    const ra_mark *x = a, *y = b;
    if (x->settle != y->settle)
        return x->settle < y->settle ? -1 : 1;
    return memcmp(x->unit.b, y->unit.b, RA_KEY_BYTES);
}

static bool is_in(const ra_op *op, const ra_mark *mark)
{
    return op && op->nmarks && bsearch(mark, op->marks, op->nmarks, sizeof *mark, compare);
}

/* A kind of unit always has the same settle, so the same unit twice means equal neighbours. */
bool ra_marks_end(ra_marks *m, const ra_op *except)
{
    if (m->failed)
        return false;
    if (m->n)
        qsort(m->v, m->n, sizeof *m->v, compare);
    size_t kept = 0;
    for (size_t i = 0; i < m->n; i++) {
        if ((kept && compare(&m->v[kept - 1], &m->v[i]) == 0) || is_in(except, &m->v[i]))
            continue;
        m->v[kept++] = m->v[i];
    }
    m->n = kept;
    return true;
}
