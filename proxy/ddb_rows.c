#include "proxy/ddb_rows.h"

#include "config/units.h"
#include "proxy/ddb_read.h"
#include "proxy/route_reply.h"

#include <stdlib.h>

enum { ITEM_MAX = 64 << 20 };

bool ra_ddb_rows_limit(const char *command, const char *value, uint32_t *limit)
{
    int64_t n;
    if (!ra_count_parse(value, &n) || n < 1 || n > INT32_MAX) {
        ra_cli_misuse(command, "--limit '%s' isn't a number from 1 to %d", value, INT32_MAX);
        return false;
    }
    *limit = (uint32_t)n;
    return true;
}

bool ra_ddb_rows_begin(ra_ddb_rows *r, ra_ddb_task *t)
{
    r->task = t;
    if (t->json || ra_ddb_view_begin(&r->view, stdout, ra_text_table_terminal(stdout)))
        return true;
    ra_ddb_task_fail(t, "out of memory");
    return false;
}

void ra_ddb_rows_free(ra_ddb_rows *r)
{
    ra_ddb_view_free(&r->view);
}

/* The item as the route's clients get it. */
static bool render(const ra_route_reply *reply, const ra_json *j, uint32_t item, ra_buf *out)
{
    if (reply->nfields == 0)
        return ra_plain_map(j, item, out);
    for (size_t i = 0; i < reply->nfields; i++) {
        const ra_route_field *f = &reply->fields[i];
        ra_buf_add_z(out, i ? ", " : "{");
        ra_buf_add_json_string(out, ra_bytes_z(f->name));
        ra_buf_add_z(out, ": ");
        uint32_t value = ra_json_member(j, item, f->attribute);
        if (!(value == RA_JSON_NONE ? ra_buf_add_z(out, "null") : ra_plain_value(j, value, out)))
            return false;
    }
    return ra_buf_add_char(out, '}');
}

static bool print_json(ra_ddb_rows *r, const ra_json *j, uint32_t item)
{
    fputs(r->shown ? ",\n" : r->open, stdout);
    ra_bytes raw = ra_json_raw(j, item);
    if (!r->route)
        return fwrite(raw.p, 1, raw.n, stdout) == raw.n || ferror(stdout);
    ra_buf text;
    ra_buf_init(&text, ITEM_MAX);
    bool ok = render(&r->route->reply, j, item, &text);
    if (ok)
        fwrite(text.p, 1, text.n, stdout);
    ra_buf_free(&text);
    return ok;
}

static bool show(ra_ddb_rows *r, const ra_json *j, uint32_t item, bool json)
{
    if (!ra_json_is(j, item, RA_JSON_OBJECT) ||
        !(json ? print_json(r, j, item) : ra_ddb_view_row(&r->view, j, item, r->discover)))
        return false;
    r->shown++;
    return true;
}

static bool show_all(ra_ddb_rows *r, const ra_ddb_page *p, bool reverse, bool json)
{
    const ra_json *j = &p->json;
    uint32_t n = 0, *items = calloc(p->count ? (size_t)p->count : 1, sizeof *items);
    if (!items)
        return false;
    for (uint32_t i = p->items + 1; i < j->t[p->items].next; i = j->t[i].next)
        items[n++] = i;
    bool ok = true;
    for (uint32_t i = 0; ok && i < n; i++)
        ok = show(r, j, items[reverse ? n - 1 - i : i], json);
    free(items);
    return ok;
}

int ra_ddb_rows_page(ra_ddb_rows *r, const ra_ddb_page *p, bool reverse)
{
    bool json = r->view.table == NULL, ok = true;
    if (!json && !r->begun && r->discover)
        ok = ra_ddb_view_discover(&r->view, &p->json, p->items);
    ok = ok && show_all(r, p, reverse, json);
    r->begun = r->begun || r->shown > 0;
    if (json && r->shown > 0)
        r->task->json = false; /* what has begun on stdout can't become {"error"} */
    if (ok && !json && r->begun)
        ok = ra_text_table_flush(r->view.table);
    if (!ok)
        return ra_ddb_task_fail(r->task, "an item that isn't understood, or no memory for it");
    return ra_ddb_unwritten(r->task);
}

/* What a reader of the table should know of what it doesn't show. */
static void tell_left_out(const ra_ddb_rows *r)
{
    const ra_ddb_view *v = &r->view;
    if (v->nleft_out == 0)
        return;
    ra_buf names;
    ra_buf_init(&names, RA_DDB_VIEW_NAMES_MAX);
    for (size_t i = 0; i < v->nleft_out; i++) {
        ra_buf_add_z(&names, i ? ", " : "");
        ra_buf_add_bytes(&names, v->left_out[i]);
    }
    ra_ddb_task_say(r->task, "some items have attributes without a column (--json shows them): %.*s%s",
                    (int)names.n, names.n ? names.p : "", v->more_left_out ? ", …" : "");
    ra_buf_free(&names);
}

int ra_ddb_rows_end(ra_ddb_rows *r)
{
    if (!r->view.table) {
        fprintf(stdout, "%s%s]", r->shown ? "" : r->open, r->shown ? "\n" : "");
        return -1;
    }
    if (!ra_text_table_flush(r->view.table))
        return ra_ddb_task_fail(r->task, "out of memory");
    tell_left_out(r);
    return ra_ddb_unwritten(r->task);
}
