#include "config/locator.h"

#include <stdint.h>
#include <stdlib.h>

static bool note(void *arg, int line)
{
    ra_locator *l = arg;
    if (l->n == l->size) {
        size_t size = l->size ? l->size * 2 : 64;
        ra_located *v = realloc(l->v, size * sizeof *v);
        if (!v)
            return false;
        l->v = v;
        l->size = size;
    }
    l->v[l->n++] = (ra_located){.line = line};
    return true;
}

bool ra_locator_read(ra_locator *l, const char *text, size_t len, int *line, char error[RA_SCAN_ERROR_MAX])
{
    *l = (ra_locator){0};
    return ra_scan(text, len, note, l, line, error);
}

/* Document order is preorder; the depth is bounded by the scan. */
static bool bind_from(ra_locator *l, const cJSON *node, size_t *next)
{
    if (*next == l->n)
        return false;
    l->v[(*next)++].node = node;
    for (const cJSON *child = node->child; child; child = child->next) {
        if (!bind_from(l, child, next))
            return false;
    }
    return true;
}

static int by_node(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)((const ra_located *)a)->node;
    uintptr_t y = (uintptr_t)((const ra_located *)b)->node;
    return (x > y) - (x < y);
}

bool ra_locator_bind(ra_locator *l, const cJSON *root)
{
    size_t next = 0;
    if (!bind_from(l, root, &next) || next != l->n)
        return false;
    qsort(l->v, l->n, sizeof *l->v, by_node);
    return true;
}

void ra_locator_free(ra_locator *l)
{
    free(l->v);
    *l = (ra_locator){0};
}

static ra_located *find(const ra_locator *l, const cJSON *node)
{
    ra_located key = {.node = node};
    return l->n && node ? bsearch(&key, l->v, l->n, sizeof *l->v, by_node) : NULL;
}

int ra_locator_line(const ra_locator *l, const cJSON *node)
{
    const ra_located *v = find(l, node);
    return v ? v->line : 0;
}

void ra_locator_refuse(ra_locator *l, const cJSON *node)
{
    ra_located *v = find(l, node);
    if (v)
        v->refused = true;
}

bool ra_locator_refused(const ra_locator *l, const cJSON *node)
{
    const ra_located *v = find(l, node);
    return v && v->refused;
}
