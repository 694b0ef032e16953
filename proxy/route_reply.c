/* DynamoDB's reply as a route shows it: an array of its items, one item, or an object made from templates. */
#include "proxy/route_reply.h"
#include "proxy/route_parts.h"
#include "proxy/template_render.h"

/* Of a member's name as JSON: a configuration isn't longer than 1 MiB, and a character becomes six at most.
 */
enum { OPENING_MAX = 6 << 20 };

/* A field of the reply's objects, made ready for many items. */
typedef struct column {
    ra_bytes attribute;
    ra_bytes opening; /* {"NAME": of the first, ,"NAME": of the others */
    uint32_t found;   /* the attribute's value in the item at hand */
} column;

/* What is shown. */
typedef struct showing {
    const ra_route_call *call;
    const ra_json *json;
    ra_arena *arena;
    ra_buf *out;
    column *columns;
    size_t ncolumns;
} showing;

static bool render_openings(const ra_route_reply *reply, ra_arena *a, column *columns)
{
    ra_buf b;
    ra_buf_init(&b, OPENING_MAX);
    bool ok = true;
    for (size_t i = 0; ok && i < reply->nfields; i++) {
        ra_buf_clear(&b);
        ra_buf_add_char(&b, i ? ',' : '{');
        ra_buf_add_json_string(&b, ra_bytes_z(reply->fields[i].name));
        ok = ra_buf_add_char(&b, ':');
        if (ok)
            columns[i].opening = ra_arena_copy(a, ra_buf_bytes(&b));
        ok = ok && columns[i].opening.p;
    }
    ra_buf_free(&b);
    return ok;
}

/* false: no memory. */
static bool make_columns(showing *s)
{
    const ra_route_reply *reply = &s->call->route->reply;
    s->ncolumns = reply->nfields;
    s->columns = ra_arena_array(s->arena, reply->nfields, sizeof *s->columns);
    if (!s->columns)
        return false;
    for (size_t i = 0; i < reply->nfields; i++)
        s->columns[i].attribute = ra_bytes_z(reply->fields[i].attribute);
    return render_openings(reply, s->arena, s->columns);
}

/* ---- items ---- */

static bool is_name(const ra_json *j, uint32_t token, ra_bytes name)
{
    ra_bytes raw = ra_json_raw(j, token);
    if (!j->t[token].escaped)
        return raw.n - 2 == name.n && memcmp(raw.p + 1, name.p, name.n) == 0;
    return ra_json_string_is(j, token, name.p); /* the configuration's text: it ends with a zero */
}

/* One pass over the item's members; several columns may show one attribute. */
static void find_columns(showing *s, uint32_t item)
{
    const ra_json *j = s->json;
    for (size_t i = 0; i < s->ncolumns; i++)
        s->columns[i].found = RA_JSON_NONE;
    for (uint32_t m = item + 1; m < j->t[item].next; m = j->t[m + 1].next)
        for (size_t i = 0; i < s->ncolumns; i++)
            if (is_name(j, m, s->columns[i].attribute))
                s->columns[i].found = m + 1;
}

/* Appends one item. false: it isn't one, or no memory. */
static bool show_item(showing *s, uint32_t item)
{
    const ra_json *j = s->json;
    if (s->ncolumns == 0)
        return ra_plain_map(j, item, s->out);
    if (!ra_json_is(j, item, RA_JSON_OBJECT) || j->t[item].shallow)
        return false;
    find_columns(s, item);
    for (size_t i = 0; i < s->ncolumns; i++) {
        const column *c = &s->columns[i];
        ra_buf_add_bytes(s->out, c->opening);
        if (c->found == RA_JSON_NONE ? !ra_buf_add_z(s->out, "null") : !ra_plain_value(j, c->found, s->out))
            return false;
    }
    return ra_buf_add_char(s->out, '}');
}

static bool show_in_order(showing *s, uint32_t items)
{
    const ra_json *j = s->json;
    for (uint32_t i = items + 1; i < j->t[items].next; i = j->t[i].next) {
        if (i > items + 1)
            ra_buf_add_char(s->out, ',');
        if (!show_item(s, i))
            return false;
    }
    return true;
}

/* Tokens lead forwards only, so they are noted once. */
static bool show_reversed(showing *s, uint32_t items)
{
    const ra_json *j = s->json;
    uint32_t n = 0, *tokens = ra_arena_array(s->arena, ra_json_count(j, items), sizeof *tokens);
    if (!tokens) {
        s->out->failed = true;
        return false;
    }
    for (uint32_t i = items + 1; i < j->t[items].next; i = j->t[i].next)
        tokens[n++] = i;
    for (uint32_t left = n; left > 0; left--) {
        if (left < n)
            ra_buf_add_char(s->out, ',');
        if (!show_item(s, tokens[left - 1]))
            return false;
    }
    return true;
}

/* ---- the shapes ---- */

static bool bad_reply(const ra_buf *out, ra_route_refusal *refusal)
{
    if (!ra_buf_ok(out))
        return ra_route_refuse_memory(refusal);
    return ra_route_refuse(refusal, 502, "bad_reply", "DynamoDB's reply isn't understood");
}

/*
 * Items come in the query's order. The items of a Query that is written as a request come as its own
 * ScanIndexForward says, which isn't looked at: what came is what reply.order calls it, and stays so.
 */
static bool show_each(showing *s, const ra_table *table, ra_route_answer *answer, ra_route_refusal *refusal)
{
    const ra_route *r = s->call->route;
    uint32_t items = ra_json_member(s->json, 0, "Items");
    if (items == RA_JSON_NONE || !ra_json_is(s->json, items, RA_JSON_ARRAY))
        return bad_reply(s->out, refusal);
    bool reversed = r->query && r->query->order != r->reply.order;
    ra_buf_add_char(s->out, '[');
    if (!(reversed ? show_reversed(s, items) : show_in_order(s, items)) || !ra_buf_add_char(s->out, ']'))
        return bad_reply(s->out, refusal);
    uint32_t last = ra_json_member(s->json, 0, "LastEvaluatedKey");
    return ra_route_link(s->call, s->json, last, table, s->arena, &answer->next) ||
           bad_reply(s->out, refusal);
}

static bool show_one(showing *s, ra_route_refusal *refusal)
{
    uint32_t item = ra_json_member(s->json, 0, "Item");
    if (item == RA_JSON_NONE && ra_json_is(s->json, 0, RA_JSON_OBJECT))
        return ra_route_refuse(refusal, 404, "not_found", "there is no such item");
    return (ra_json_is(s->json, item, RA_JSON_OBJECT) && show_item(s, item)) || bad_reply(s->out, refusal);
}

/* From templates: DynamoDB's reply says nothing that they need. */
static bool show_object(const ra_route_call *call, ra_buf *out, ra_route_refusal *refusal)
{
    const ra_route_reply *reply = &call->route->reply;
    if (reply->status == 204 || reply->status == 205)
        return true; /* RFC 9110: these have no body */
    ra_buf_add_char(out, '{');
    for (size_t i = 0; i < reply->nfields; i++) {
        if (i)
            ra_buf_add_char(out, ',');
        ra_buf_add_json_string(out, ra_bytes_z(reply->fields[i].name));
        ra_buf_add_char(out, ':');
        ra_template_render(&reply->fields[i].value, call->values, out);
    }
    return ra_buf_add_char(out, '}') || ra_route_refuse_memory(refusal);
}

static bool show_items(const ra_route_call *call, ra_bytes reply, const ra_table *table, ra_arena *a,
                       ra_buf *out, ra_route_answer *answer, ra_route_refusal *refusal)
{
    ra_json j;
    size_t at;
    showing s = {.call = call, .json = &j, .arena = a, .out = out};
    if (!make_columns(&s))
        return ra_route_refuse_memory(refusal);
    enum ra_json_result parsed = ra_json_parse(&j, reply, NULL, &at);
    if (parsed == RA_JSON_NO_MEMORY)
        return ra_route_refuse_memory(refusal);
    if (parsed != RA_JSON_OK)
        return bad_reply(out, refusal);
    if (!ra_json_is(&j, 0, RA_JSON_OBJECT)) { /* from here on RA_JSON_NONE, which is the root, is no array */
        ra_json_free(&j);
        return bad_reply(out, refusal);
    }
    bool ok = call->route->reply.shape == RA_REPLY_EACH ? show_each(&s, table, answer, refusal)
                                                        : show_one(&s, refusal);
    ra_json_free(&j);
    return ok;
}

bool ra_route_answer_make(const ra_route_call *call, ra_bytes reply, const ra_table *table, ra_arena *a,
                          ra_buf *out, ra_route_answer *answer, ra_route_refusal *refusal)
{
    size_t from = out->n;
    *answer = (ra_route_answer){.status = (int)call->route->reply.status};
    *refusal = (ra_route_refusal){0};
    bool ok = call->route->reply.shape == RA_REPLY_OBJECT
                  ? show_object(call, out, refusal)
                  : show_items(call, reply, table, a, out, answer, refusal);
    if (!ok)
        out->n = from; /* half an answer is none */
    return ok;
}
