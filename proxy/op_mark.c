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

void ra_marks_add(ra_marks *m, const ra_key *unit, int64_t settle)
{
    if (m->failed || (m->n == m->room && !grow(m)))
        return;
    m->v[m->n++] = (ra_mark){*unit, settle};
}

void ra_marks_index(ra_marks *m, const ra_op_table *t, const ra_table_index *i)
{
    ra_marks_add(m, &i->guard, t->config->settle);
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
    ra_marks_add(m, &t->table->key, 0);
    ra_marks_indexes(m, t);
}

void ra_marks_index_partition(ra_marks *m, const ra_op_table *t, const ra_table_index *i, const ra_scalar *pk)
{
    ra_key unit;
    if (ra_table_index_partition_unit(t->table, i, pk, &unit))
        ra_marks_add(m, &unit, t->config->settle);
    else
        ra_marks_index(m, t, i);
}

bool ra_marks_item(ra_marks *m, const ra_op_table *t, const ra_scalar *pk, const ra_scalar *sk)
{
    ra_key item, partition;
    if (!ra_table_item_unit(t->table, pk, t->table->sort_key ? sk : NULL, &item) ||
        !ra_table_partition_unit(t->table, pk, &partition)) {
        ra_marks_table(m, t);
        return false;
    }
    ra_marks_add(m, &item, 0);
    ra_marks_add(m, &partition, 0);
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
