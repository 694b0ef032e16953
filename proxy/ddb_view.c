#include "proxy/ddb_view.h"

#include "proxy/route_reply.h"

bool ra_ddb_view_begin(ra_ddb_view *v, FILE *out, size_t width)
{
    *v = (ra_ddb_view){.table = ra_text_table_new(out, width)};
    ra_arena_init(&v->names, RA_DDB_VIEW_NAMES_MAX);
    return v->table != NULL;
}

void ra_ddb_view_free(ra_ddb_view *v)
{
    ra_text_table_free(v->table);
    ra_arena_free(&v->names);
}

bool ra_ddb_view_column(ra_ddb_view *v, ra_bytes title, ra_bytes attribute)
{
    ra_bytes name = v->ncolumns < RA_TEXT_TABLE_COLUMNS ? ra_arena_copy(&v->names, attribute) : (ra_bytes){0};
    if (!name.p || !ra_text_table_column(v->table, title, false))
        return false;
    v->attributes[v->ncolumns++] = name;
    return true;
}

static bool listed(const ra_bytes *names, size_t n, ra_bytes name)
{
    for (size_t i = 0; i < n; i++) {
        if (ra_bytes_eq(names[i], name))
            return true;
    }
    return false;
}

static bool leave_out(ra_ddb_view *v, ra_bytes name)
{
    if (listed(v->left_out, v->nleft_out, name))
        return true;
    if (v->nleft_out == RA_DDB_VIEW_LEFT_OUT) {
        v->more_left_out = true;
        return true;
    }
    ra_bytes copy = ra_arena_copy(&v->names, name);
    if (!copy.p)
        return false;
    v->left_out[v->nleft_out++] = copy;
    return true;
}

/* Each attribute without a column gets one, or is noted. */
static bool look_for_others(ra_ddb_view *v, const ra_json *j, uint32_t item, bool add)
{
    bool ok = true;
    for (uint32_t i = item + 1; ok && i < j->t[item].next; i = j->t[i + 1].next) {
        ra_arena scratch;
        ra_bytes name;
        ra_arena_init(&scratch, RA_DDB_VIEW_NAMES_MAX);
        ok = ra_json_string(j, i, &scratch, &name);
        if (ok && !listed(v->attributes, v->ncolumns, name)) {
            if (add && v->ncolumns < RA_TEXT_TABLE_COLUMNS)
                ok = ra_ddb_view_column(v, name, name);
            else
                ok = leave_out(v, name);
        }
        ra_arena_free(&scratch);
    }
    return ok;
}

bool ra_ddb_view_discover(ra_ddb_view *v, const ra_json *j, uint32_t items)
{
    bool ok = true;
    for (uint32_t i = items + 1; ok && i < j->t[items].next; i = j->t[i].next)
        ok = ra_json_is(j, i, RA_JSON_OBJECT) && look_for_others(v, j, i, true);
    return ok;
}

/* What is one string or number (S, N, B) stands as it is, anything else as JSON. */
static bool add_cell(ra_ddb_view *v, const ra_json *j, uint32_t value)
{
    if (value == RA_JSON_NONE)
        return ra_text_table_cell(v->table, (ra_bytes){0});
    if (ra_json_is(j, value, RA_JSON_OBJECT) && ra_json_count(j, value) == 1 &&
        ra_json_is(j, value + 2, RA_JSON_STRING)) {
        ra_arena arena;
        ra_bytes text;
        ra_arena_init(&arena, RA_DDB_VIEW_CELL_MAX);
        bool ok = ra_json_string(j, value + 2, &arena, &text) &&
                  ra_text_table_cell(v->table, text.p ? text : (ra_bytes){"", 0});
        ra_arena_free(&arena);
        return ok;
    }
    ra_buf plain;
    ra_buf_init(&plain, RA_DDB_VIEW_CELL_MAX);
    bool ok = ra_plain_value(j, value, &plain) && ra_text_table_cell(v->table, ra_buf_bytes(&plain));
    ra_buf_free(&plain);
    return ok;
}

bool ra_ddb_view_row(ra_ddb_view *v, const ra_json *j, uint32_t item, bool strict)
{
    if (!ra_json_is(j, item, RA_JSON_OBJECT))
        return false;
    bool ok = !strict || look_for_others(v, j, item, false);
    for (size_t i = 0; ok && i < v->ncolumns; i++)
        ok = add_cell(v, j, ra_json_member_bytes(j, item, v->attributes[i]));
    return ok;
}
