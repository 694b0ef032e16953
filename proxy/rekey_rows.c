/* The query that finds a rule's rows, and the transactions that move them. */
#include "proxy/rekey.h"

#include "config/glob.h"

#include <stdlib.h>

enum {
    BODY_MAX = 8 << 20, /* a transaction is at most 4 MB to DynamoDB, and a row is in it twice */
    /* So many of a row's attributes are compared with what they were: DynamoDB takes 300 operators, and 4 KB
     * of text. A change of another one in the moment between the query and the transaction is overwritten. */
    COMPARED_MAX = 100
};

/* ---- the query ---- */

static const ra_table_index *index_of(const ra_stream_rule *rule, const ra_table *t)
{
    return rule->rows_index ? ra_table_find_index(t, ra_bytes_z(rule->rows_index)) : NULL;
}

/* "name":"text" members of ExpressionAttributeNames. */
static void add_name(ra_buf *out, const char *placeholder, const char *attribute)
{
    ra_buf_addf(out, "\"%s\":", placeholder);
    ra_buf_add_json_string(out, ra_bytes_z(attribute));
}

/* An attribute value's JSON. */
static bool add_scalar(ra_buf *out, const ra_scalar *s, ra_arena *a)
{
    ra_bytes text;
    if (!ra_scalar_text(s, a, &text))
        return false;
    ra_buf_addf(out, "{\"%c\":", (char)s->type);
    return ra_buf_add_json_string(out, text) && ra_buf_add_char(out, '}');
}

/* Where rows come sorted by the key that they move by, those that needn't move aren't even read. */
static const char *sorted_by(const ra_stream_rule *rule, const ra_table *t)
{
    const ra_table_index *i = index_of(rule, t);
    const char *by = i ? i->sort_key : t->sort_key;
    return by && strcmp(by, t->sort_key) == 0 ? by : NULL;
}

static ra_bytes new_sort_key(const ra_stream_rule *rule, const ra_rekey_target *target, const ra_table *t)
{
    for (size_t i = 0; i < rule->nset; i++) {
        if (strcmp(rule->set[i].name, t->sort_key) == 0)
            return target->set[i];
    }
    return (ra_bytes){NULL, 0};
}

bool ra_rekey_query(const ra_stream_rule *rule, const ra_rekey_target *target, const ra_table *t,
                    ra_bytes next, ra_buf *out)
{
    const ra_table_index *i = index_of(rule, t);
    const char *by = sorted_by(rule, t);
    ra_buf_add_z(out, "{\"TableName\":");
    ra_buf_add_json_string(out, ra_bytes_z(t->name));
    if (rule->rows_index) {
        ra_buf_add_z(out, ",\"IndexName\":");
        ra_buf_add_json_string(out, ra_bytes_z(rule->rows_index));
    }
    ra_buf_add_z(out, ",\"Select\":\"ALL_ATTRIBUTES\"");
    if (!i || !i->global)
        ra_buf_add_z(out, ",\"ConsistentRead\":true");
    ra_buf_addf(out, ",\"KeyConditionExpression\":\"#p = :p%s\",\"ExpressionAttributeNames\":{",
                by ? " AND #s < :s" : "");
    add_name(out, "#p", i ? i->partition_key : t->partition_key);
    if (by) {
        ra_buf_add_char(out, ',');
        add_name(out, "#s", by);
    }
    ra_buf_add_z(out, "},\"ExpressionAttributeValues\":{\":p\":");
    ra_buf_add_bytes(out, target->partition);
    if (by) {
        ra_buf_add_z(out, ",\":s\":");
        ra_buf_add_bytes(out, new_sort_key(rule, target, t));
    }
    ra_buf_add_char(out, '}');
    if (next.p) {
        ra_buf_add_z(out, ",\"ExclusiveStartKey\":");
        ra_buf_add_bytes(out, next);
    }
    return ra_buf_add_char(out, '}');
}

/* ---- one row's transaction ---- */

typedef struct row {
    const ra_stream_rule *rule;
    const ra_rekey_target *target;
    const ra_table *t;
    const ra_json *j;
    uint32_t item; /* its attribute map */
    ra_arena *a;
    ra_scalar pk, sk;
} row;

static bool is_key(const row *w, uint32_t name)
{
    return ra_json_string_is(w->j, name, w->t->partition_key) ||
           ra_json_string_is(w->j, name, w->t->sort_key);
}

/* It is there, and as it was read. The key's own attributes are what names it. */
static void add_unchanged(const row *w, ra_buf *out)
{
    unsigned n = 0;
    ra_buf_add_z(out, "\"ConditionExpression\":\"attribute_exists(#p)");
    for (uint32_t i = w->item + 1; i < w->j->t[w->item].next; i = w->j->t[i + 1].next) {
        if (!is_key(w, i) && n < COMPARED_MAX) {
            ra_buf_addf(out, " AND #%u = :%u", n, n);
            n++;
        }
    }
    ra_buf_add_z(out, "\",\"ExpressionAttributeNames\":{");
    add_name(out, "#p", w->t->partition_key);
    unsigned k = 0;
    for (uint32_t i = w->item + 1; i < w->j->t[w->item].next && k < n; i = w->j->t[i + 1].next) {
        if (is_key(w, i))
            continue;
        ra_buf_addf(out, ",\"#%u\":", k++);
        ra_buf_add_bytes(out, ra_json_raw(w->j, i));
    }
    ra_buf_add_z(out, n ? "},\"ExpressionAttributeValues\":{" : "}");
    k = 0;
    for (uint32_t i = w->item + 1; i < w->j->t[w->item].next && k < n; i = w->j->t[i + 1].next) {
        if (is_key(w, i))
            continue;
        ra_buf_addf(out, "%s\":%u\":", k ? "," : "", k);
        k++;
        ra_buf_add_bytes(out, ra_json_raw(w->j, i + 1));
    }
    ra_buf_add_z(out, n ? "}" : "");
}

static bool add_delete(const row *w, ra_buf *out)
{
    ra_buf_add_z(out, "{\"Delete\":{\"TableName\":");
    ra_buf_add_json_string(out, ra_bytes_z(w->t->name));
    ra_buf_add_z(out, ",\"Key\":{");
    ra_buf_add_json_string(out, ra_bytes_z(w->t->partition_key));
    ra_buf_add_char(out, ':');
    if (!add_scalar(out, &w->pk, w->a))
        return false;
    ra_buf_add_char(out, ',');
    ra_buf_add_json_string(out, ra_bytes_z(w->t->sort_key));
    ra_buf_add_char(out, ':');
    if (!add_scalar(out, &w->sk, w->a))
        return false;
    ra_buf_add_z(out, "},");
    add_unchanged(w, out);
    return ra_buf_add_z(out, "}}");
}

static bool is_set(const row *w, uint32_t name)
{
    for (size_t i = 0; i < w->rule->nset; i++) {
        if (ra_json_string_is(w->j, name, w->rule->set[i].name))
            return true;
    }
    return false;
}

static bool add_put(const row *w, ra_buf *out)
{
    const ra_table_index *index = index_of(w->rule, w->t);
    bool grouped = index && index->global;
    ra_buf_add_z(out, "{\"Put\":{\"TableName\":");
    ra_buf_add_json_string(out, ra_bytes_z(w->t->name));
    ra_buf_add_z(out, ",\"Item\":{");
    for (size_t i = 0; i < w->rule->nset; i++) {
        ra_buf_add_z(out, i ? "," : "");
        ra_buf_add_json_string(out, ra_bytes_z(w->rule->set[i].name));
        ra_buf_add_char(out, ':');
        ra_buf_add_bytes(out, w->target->set[i]);
    }
    for (uint32_t i = w->item + 1; i < w->j->t[w->item].next; i = w->j->t[i + 1].next) {
        if (is_set(w, i))
            continue;
        ra_buf_add_char(out, ',');
        ra_buf_add_bytes(out, ra_json_raw(w->j, i));
        ra_buf_add_char(out, ':');
        ra_buf_add_bytes(out, ra_json_raw(w->j, i + 1));
    }
    ra_buf_addf(out,
                "},\"ConditionExpression\":\"attribute_not_exists(#p)%s\",\"ExpressionAttributeNames\":{",
                grouped ? " OR #g = :g" : "");
    add_name(out, "#p", w->t->partition_key);
    if (grouped) {
        ra_buf_add_char(out, ',');
        add_name(out, "#g", index->partition_key);
        ra_buf_add_z(out, "},\"ExpressionAttributeValues\":{\":g\":");
        ra_buf_add_bytes(out, w->target->partition);
    }
    return ra_buf_add_z(out, "}}}");
}

static enum ra_rekey_result move(const row *w, ra_bytes *out, const char **why)
{
    ra_buf b;
    ra_buf_init(&b, BODY_MAX);
    ra_buf_add_z(&b, "{\"TransactItems\":[");
    bool ok = add_delete(w, &b) && ra_buf_add_char(&b, ',') && add_put(w, &b);
    ra_buf_add_z(&b, "]}");
    *out = ok && ra_buf_ok(&b) ? ra_arena_copy(w->a, ra_buf_bytes(&b)) : (ra_bytes){NULL, 0};
    ra_buf_free(&b);
    *why = "out of memory";
    return out->p ? RA_REKEY_OK : RA_REKEY_NO_MEMORY;
}

/* ---- a reply's rows ---- */

/* Is it the rule's, and is it behind? */
static enum ra_rekey_result look_at(row *w, bool *mine, bool *behind, const char **why)
{
    ra_bytes text;
    *mine = *behind = false;
    if (!ra_op_key(w->j, w->item, w->t, false, w->a, &w->pk, &w->sk)) {
        *why = "a row's keys aren't the table's";
        return RA_REKEY_POISON;
    }
    if (w->rule->row_partition_key) {
        if (!ra_scalar_text(&w->pk, w->a, &text))
            return RA_REKEY_NO_MEMORY;
        if (!ra_glob_match(w->rule->row_partition_key, text.p, text.n))
            return RA_REKEY_OK;
    }
    *mine = true;
    *behind = ra_rekey_order(&w->sk, &w->target->sort) < 0;
    return RA_REKEY_OK;
}

static enum ra_rekey_result moves_of(row *w, uint32_t items, ra_rekey_moves *out, const char **why)
{
    out->v = ra_arena_array(w->a, ra_json_count(w->j, items) + 1, sizeof *out->v);
    if (!out->v)
        return RA_REKEY_NO_MEMORY;
    for (uint32_t i = items + 1; i < w->j->t[items].next; i = w->j->t[i].next) {
        bool mine, behind;
        w->item = i;
        enum ra_rekey_result r = look_at(w, &mine, &behind, why);
        out->rows += mine;
        if (r == RA_REKEY_OK && behind)
            r = move(w, &out->v[out->n++], why);
        if (r != RA_REKEY_OK)
            return r;
    }
    return RA_REKEY_OK;
}

enum ra_rekey_result ra_rekey_moves_make(const ra_stream_rule *rule, const ra_rekey_target *target,
                                         const ra_table *t, ra_bytes reply, ra_arena *a, ra_rekey_moves *out,
                                         const char **why)
{
    ra_json j;
    *out = (ra_rekey_moves){.n = 0};
    *why = "out of memory";
    if (!ra_op_reply_parse(reply, 0, &j))
        return RA_REKEY_NOT_A_REPLY;
    uint32_t items = ra_json_member(&j, 0, "Items"), last = ra_json_member(&j, 0, "LastEvaluatedKey");
    enum ra_rekey_result r = RA_REKEY_NOT_A_REPLY;
    if (items != RA_JSON_NONE && ra_json_is(&j, items, RA_JSON_ARRAY)) {
        row w = {.rule = rule, .target = target, .t = t, .j = &j, .a = a};
        r = moves_of(&w, items, out, why);
    }
    if (r == RA_REKEY_OK && last != RA_JSON_NONE && ra_json_is(&j, last, RA_JSON_OBJECT)) {
        out->next = ra_arena_copy(a, ra_json_raw(&j, last));
        r = out->next.p ? RA_REKEY_OK : RA_REKEY_NO_MEMORY;
    }
    ra_json_free(&j);
    return r;
}
