#include "proxy/edit.h"

#include <stdlib.h>

/* Where an edit goes: by place, what only inserts before what cuts, else as given. */
static int compare(const void *a, const void *b)
{
    const ra_edit *x = *(const ra_edit *const *)a, *y = *(const ra_edit *const *)b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    if ((x->cut > 0) != (y->cut > 0))
        return x->cut == 0 ? -1 : 1;
    return x < y ? -1 : x > y; /* both point into the caller's array */
}

static bool apply_in_order(ra_bytes text, const ra_edit *const *order, size_t n, ra_buf *out)
{
    size_t done = 0; /* bytes of the text that are dealt with */
    for (size_t i = 0; i < n; i++) {
        if (order[i]->at < done || order[i]->at > text.n || order[i]->cut > text.n - order[i]->at)
            return false;
        done = order[i]->at + order[i]->cut;
    }
    done = 0;
    for (size_t i = 0; i < n; i++) {
        ra_buf_add(out, text.p + done, order[i]->at - done);
        ra_buf_add_bytes(out, order[i]->insert);
        done = order[i]->at + order[i]->cut;
    }
    return n ? ra_buf_add(out, text.p + done, text.n - done) : ra_buf_add_bytes(out, text);
}

bool ra_edit_apply(ra_bytes text, const ra_edit *edits, size_t n, ra_buf *out)
{
    const ra_edit *few[16], **order = few;
    /* An array of pointers is what is meant. NOLINTNEXTLINE(bugprone-sizeof-expression) */
    if (n > sizeof few / sizeof *few && !(order = malloc(n * sizeof *order)))
        return false;
    for (size_t i = 0; i < n; i++)
        order[i] = &edits[i];
    qsort(order, n, sizeof *order, compare); /* NOLINT(bugprone-sizeof-expression) */
    bool ok = apply_in_order(text, order, n, out);
    if (order != few)
        free(order);
    return ok;
}

static bool insert_first(const ra_json *j, uint32_t object, const char *name, ra_bytes value,
                         ra_arena *scratch, ra_edit *out)
{
    ra_buf b;
    ra_buf_init(&b, SIZE_MAX / 2);
    ra_buf_add_json_string(&b, ra_bytes_z(name));
    ra_buf_add_char(&b, ':');
    ra_buf_add_bytes(&b, value);
    if (ra_json_count(j, object) > 0)
        ra_buf_add_char(&b, ',');
    ra_bytes text = ra_buf_ok(&b) ? ra_arena_copy(scratch, ra_buf_bytes(&b)) : (ra_bytes){NULL, 0};
    ra_buf_free(&b);
    *out = (ra_edit){j->t[object].start + 1, 0, text};
    return text.p != NULL;
}

bool ra_edit_set_member(const ra_json *j, uint32_t object, const char *name, ra_bytes value,
                        ra_arena *scratch, ra_edit *out)
{
    if (!ra_json_is(j, object, RA_JSON_OBJECT) || j->t[object].shallow)
        return false; /* the member may be there all the same: putting it in would make it a duplicate */
    uint32_t old = ra_json_member(j, object, name);
    if (old == RA_JSON_NONE)
        return insert_first(j, object, name, value, scratch, out);
    *out = (ra_edit){j->t[old].start, j->t[old].end - j->t[old].start, value};
    return true;
}

void ra_edit_remove_member(const ra_json *j, uint32_t object, uint32_t name_token, ra_edit *out)
{
    uint32_t next = j->t[name_token + 1].next;
    size_t from = j->t[name_token].start, to = j->t[name_token + 1].end;
    if (next < j->t[object].next) { /* the comma behind it */
        to = j->t[next].start;
    } else if (name_token != object + 1) { /* the last of several: the comma before it */
        uint32_t before = object + 1;
        while (j->t[before + 1].next < name_token)
            before = j->t[before + 1].next;
        from = j->t[before + 1].end;
    }
    *out = (ra_edit){from, to - from, {NULL, 0}};
}
