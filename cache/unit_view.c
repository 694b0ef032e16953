#include "cache/unit_view.h"

#include <stdlib.h>

static const char *const names[RA_UNIT_STATES] = {"empty", "data", "marked"};

bool ra_unit_view_add(ra_unit_view *v, const ra_unit_entry *e)
{
    bool grows = (v->n & (v->n - 1)) == 0; /* 0, and the powers of two */
    if (v->n == RA_UNIT_VIEW_ENTRIES)
        return false;
    if (grows) {
        ra_unit_entry *larger = realloc(v->entries, (v->n ? 2 * v->n : 1) * sizeof *larger);
        if (!larger)
            return false;
        v->entries = larger;
    }
    v->entries[v->n++] = *e;
    return true;
}

void ra_unit_view_clear(ra_unit_view *v)
{
    free(v->entries);
    v->state = RA_UNIT_EMPTY;
    v->markers = v->overtaken = 0;
    v->marked_for = 0;
    v->unlisted = false;
    v->entries = NULL;
    v->n = 0;
}

uint64_t ra_unit_view_bytes(const ra_unit_view *v)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < v->n; i++)
        sum += v->entries[i].bytes;
    return sum;
}

const char *ra_unit_state_name(enum ra_unit_state s)
{
    return s < RA_UNIT_STATES ? names[s] : "unknown";
}

enum ra_unit_state ra_unit_state_of(const char *name)
{
    enum ra_unit_state s = RA_UNIT_EMPTY;
    while (s < RA_UNIT_STATES && strcmp(names[s], name) != 0)
        s++;
    return s;
}
