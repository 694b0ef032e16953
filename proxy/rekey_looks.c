#include "proxy/rekey_looks.h"

#include <search.h>
#include <stdlib.h>

/* A group that owes a look. The first member is the tree's key. */
typedef struct owed {
    ra_key group;
    struct owed *before, *after; /* in the order of `due` */
    const ra_stream_rule *rule;
    ra_rekey_target *target;
    size_t bytes;
    int64_t due;
    uint64_t number;       /* of the first that owed it */
    int64_t later_due;     /* for what came since then */
    uint64_t later_number; /* of the first of these; 0: none */
} owed;

struct ra_rekey_looks {
    void *tree;
    owed *first, *last;
    size_t bytes;
    uint64_t number; /* of the last that was owed */
};

static int compare(const void *a, const void *b)
{
    return memcmp(((const ra_key *)a)->b, ((const ra_key *)b)->b, RA_KEY_BYTES);
}

ra_rekey_looks *ra_rekey_looks_new(void)
{
    return calloc(1, sizeof(ra_rekey_looks));
}

static void forget(owed *o)
{
    free(o->target);
    free(o);
}

void ra_rekey_looks_free(ra_rekey_looks *l)
{
    if (!l)
        return;
    for (owed *o = l->first, *after; o; o = after) {
        after = o->after;
        tdelete(&o->group, &l->tree, compare);
        forget(o);
    }
    free(l);
}

static owed *find(const ra_rekey_looks *l, const ra_key *group)
{
    owed *const *node = tfind(group, &l->tree, compare);
    return node ? *node : NULL;
}

const ra_rekey_target *ra_rekey_looks_newest(const ra_rekey_looks *l, const ra_key *group)
{
    const owed *o = find(l, group);
    return o ? o->target : NULL;
}

/* ---- the list ---- */

static void unlink_owed(ra_rekey_looks *l, owed *o)
{
    *(o->before ? &o->before->after : &l->first) = o->after;
    *(o->after ? &o->after->before : &l->last) = o->before;
    o->before = o->after = NULL;
}

/* Most are due after all that are there. */
static void link_owed(ra_rekey_looks *l, owed *o)
{
    owed *before = l->last;
    while (before && before->due > o->due)
        before = before->before;
    o->before = before;
    o->after = before ? before->after : l->first;
    *(o->before ? &o->before->after : &l->first) = o;
    *(o->after ? &o->after->before : &l->last) = o;
}

/* ---- owing, and making ---- */

static bool add_owed(ra_rekey_looks *l, const ra_stream_rule *rule, const ra_rekey_target *target,
                     int64_t due)
{
    owed *o = calloc(1, sizeof *o);
    if (!o)
        return false;
    o->group = target->group;
    o->rule = rule;
    o->due = due;
    o->target = ra_rekey_target_copy(target, &o->bytes);
    if (!o->target || !tsearch(o, &l->tree, compare)) {
        forget(o);
        return false;
    }
    o->number = ++l->number;
    l->bytes += o->bytes;
    link_owed(l, o);
    return true;
}

static bool renew(ra_rekey_looks *l, owed *o, const ra_rekey_target *target)
{
    size_t bytes;
    if (ra_rekey_order(&target->sort, &o->target->sort) <= 0)
        return true;
    ra_rekey_target *copy = ra_rekey_target_copy(target, &bytes);
    if (!copy)
        return false;
    free(o->target);
    o->target = copy;
    l->bytes = l->bytes - o->bytes + bytes;
    o->bytes = bytes;
    return true;
}

bool ra_rekey_looks_owe(ra_rekey_looks *l, const ra_stream_rule *rule, const ra_rekey_target *target,
                        int64_t due)
{
    owed *o = find(l, &target->group);
    if (!o)
        return add_owed(l, rule, target, due);
    if (!renew(l, o, target))
        return false;
    l->number++;
    if (!o->later_number)
        o->later_number = l->number;
    o->later_due = due;
    return true;
}

bool ra_rekey_looks_first(const ra_rekey_looks *l, const ra_stream_rule **rule,
                          const ra_rekey_target **target, int64_t *due)
{
    if (!l->first)
        return false;
    *rule = l->first->rule;
    *target = l->first->target;
    *due = l->first->due;
    return true;
}

void ra_rekey_looks_made(ra_rekey_looks *l)
{
    owed *o = l->first;
    if (!o)
        return;
    unlink_owed(l, o);
    if (o->later_number) {
        o->number = o->later_number;
        o->due = o->later_due;
        o->later_number = 0;
        link_owed(l, o);
        return;
    }
    tdelete(&o->group, &l->tree, compare);
    l->bytes -= o->bytes;
    forget(o);
}

size_t ra_rekey_looks_bytes(const ra_rekey_looks *l)
{
    return l->bytes;
}

uint64_t ra_rekey_looks_now(const ra_rekey_looks *l)
{
    return l->number;
}

bool ra_rekey_looks_paid(const ra_rekey_looks *l, uint64_t then)
{
    for (const owed *o = l->first; o; o = o->after) {
        if (o->number <= then)
            return false;
    }
    return true;
}
