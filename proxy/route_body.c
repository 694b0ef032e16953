/* The body of the operation that a request becomes. */
#include "proxy/route_parts.h"
#include "proxy/template_render.h"

/* A key attribute: its name and type in the schema. */
typedef struct key_attribute {
    const char *name; /* NULL: there is none */
    char type;        /* 'S', 'N', 'B'; 0 where the schema doesn't say */
} key_attribute;

/* The keys of the table, or of the index that the query names. */
static bool find_keys(const ra_route_query *q, const ra_table *t, key_attribute *pk, key_attribute *sk,
                      ra_route_refusal *refusal)
{
    if (!q->index) {
        *pk = (key_attribute){t->partition_key, t->partition_key_type};
        *sk = (key_attribute){t->sort_key, t->sort_key_type};
        return true;
    }
    const ra_table_index *i = ra_table_find_index(t, ra_bytes_z(q->index));
    if (!i || !i->understood)
        return ra_route_refuse(refusal, 500, "no_such_index",
                               "the table has no such index as the route's configuration names");
    *pk = (key_attribute){i->partition_key, i->partition_key_type};
    *sk = (key_attribute){i->sort_key, i->sort_key_type};
    return true;
}

/* {"S":"..."}; what isn't of the key's type is refused, and so is what no key can be: empty. */
static bool add_value(char type, ra_bytes text, ra_arena *a, ra_buf *out, ra_route_refusal *refusal)
{
    static const char code[] = "malformed_input";
    char canonical[RA_NUMBER_TEXT_MAX], plain[RA_NUMBER_PLAIN_MAX];
    size_t n;
    if (type == '\0')
        type = 'S'; /* what most keys are */
    if (text.n == 0)
        return ra_route_refuse(refusal, 400, code, "a key must not be empty");
    if (type == RA_SCALAR_N) {
        if (!ra_number_canonical(text, canonical, &n))
            return ra_route_refuse(refusal, 400, code, "the key must be a number of at most 38 digits");
        text = (ra_bytes){plain, ra_number_plain((ra_bytes){canonical, n}, plain)};
    } else if (type == RA_SCALAR_B) {
        ra_bytes decoded;
        if (!ra_base64_decode(text, a, &decoded))
            return ra_route_refuse(refusal, 400, code, "the key must be base64");
    }
    ra_buf_add(out, (char[]){'{', '"', type, '"', ':'}, 5);
    ra_buf_add_json_string(out, text);
    return ra_buf_add_char(out, '}') || ra_route_refuse_memory(refusal);
}

/* The page's bound; p is NULL when there is none. `compare` is how the sort key compares to it. */
static ra_bytes find_bound(const ra_route_call *call, const char **compare)
{
    const ra_route_query *q = call->route->query;
    *compare = "<";
    if (q->before_from >= 0 && call->values[q->before_from].p)
        return call->values[q->before_from];
    *compare = ">";
    return q->after_from >= 0 ? call->values[q->after_from] : (ra_bytes){NULL, 0};
}

static void add_member(ra_buf *out, const char *between, const char *text)
{
    ra_buf_add_z(out, between);
    ra_buf_add_json_string(out, ra_bytes_z(text));
}

bool ra_route_query_begin(const ra_route_query *q, const ra_bytes *values, const ra_table *table,
                          const char *compare, ra_bytes bound, ra_arena *a, ra_buf *out,
                          ra_route_refusal *refusal)
{
    key_attribute pk = {0}, sk = {0};
    ra_bytes partition;
    if (!find_keys(q, table, &pk, &sk, refusal))
        return false;
    if (bound.p && !sk.name)
        return ra_route_refuse(refusal, 500, "no_sort_key", "what the route queries has no sort key");
    if (!ra_template_text(&q->partition_key, values, a, &partition))
        return ra_route_refuse_memory(refusal);
    add_member(out, "{\"TableName\":", q->table);
    if (q->index)
        add_member(out, ",\"IndexName\":", q->index);
    ra_buf_addf(out, ",\"KeyConditionExpression\":\"#p = :p%s%s%s\"", bound.p ? " AND #s " : "",
                bound.p ? compare : "", bound.p ? " :s" : "");
    add_member(out, ",\"ExpressionAttributeNames\":{\"#p\":", pk.name);
    if (bound.p)
        add_member(out, ",\"#s\":", sk.name);
    ra_buf_add_z(out, "},\"ExpressionAttributeValues\":{\":p\":");
    if (!add_value(pk.type, partition, a, out, refusal))
        return false;
    if (bound.p && !(ra_buf_add_z(out, ",\":s\":") && add_value(sk.type, bound, a, out, refusal)))
        return ra_buf_ok(out) ? false : ra_route_refuse_memory(refusal);
    return ra_buf_add_char(out, '}') || ra_route_refuse_memory(refusal);
}

static bool add_query(const ra_route_call *call, const ra_table *table, ra_arena *a, ra_buf *out,
                      ra_route_refusal *refusal)
{
    const ra_route_query *q = call->route->query;
    const char *compare;
    ra_bytes bound = find_bound(call, &compare);
    if (!ra_route_query_begin(q, call->values, table, compare, bound, a, out, refusal))
        return false;
    return ra_buf_addf(out, ",\"ScanIndexForward\":%s,\"Limit\":%u}",
                       q->order == RA_ORDER_NEWEST ? "false" : "true", call->limit) ||
           ra_route_refuse_memory(refusal);
}

uint64_t ra_route_length(const ra_route_call *call)
{
    const ra_route *r = call->route;
    uint64_t request = ra_document_length(&r->request, call->values), answer = 0;
    if (r->query)
        request = ra_template_length(&r->query->partition_key, call->values);
    for (size_t i = 0; i < r->reply.nfields; i++)
        answer += ra_template_length(&r->reply.fields[i].value, call->values);
    return request > answer ? request : answer;
}

bool ra_route_body(const ra_route_call *call, const ra_table *table, ra_arena *a, ra_buf *out,
                   ra_route_refusal *refusal)
{
    *refusal = (ra_route_refusal){0};
    if (call->route->query)
        return add_query(call, table, a, out, refusal);
    return ra_document_render(&call->route->request, call->values, out) || ra_route_refuse_memory(refusal);
}
