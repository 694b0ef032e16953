/* A route's `query`. */
#include "config/document.h"
#include "config/route_build.h"

#include <string.h>

void ra_route_check_table(ra_route_build *b, const ra_place *at, const char *table)
{
    const ra_config *c = b->config;
    for (size_t i = 0; i < c->ntables; i++) {
        if (c->tables[i].name &&
            (strcmp(c->tables[i].name, table) == 0 || strcmp(c->tables[i].name, "*") == 0))
            return;
    }
    if (b->tables_known)
        ra_decode_error(
            b->d, at,
            "no entry of `tables` is this table's; accepted: a table with an entry there, or with "
            "\"*\" there; one with \"ttl\": \"0s\" isn't cached");
}

/* Where the config itself says the table's indexes, a query of another can only fail. */
static void check_index(ra_route_build *b, const ra_place *at, const ra_route_query *q)
{
    ra_place index;
    const ra_table_schema *s = NULL;
    for (size_t i = 0; i < b->config->ntables; i++) {
        const ra_table_config *t = &b->config->tables[i];
        if (q->table && t->name && strcmp(t->name, q->table) == 0)
            s = t->schema;
    }
    if (!s || !ra_decode_member(b->d, at, "index", &index) || !q->index)
        return;
    for (size_t i = 0; i < s->nindexes; i++) {
        if (s->indexes[i].name && strcmp(s->indexes[i].name, q->index) == 0)
            return;
    }
    ra_decode_error(b->d, &index, "the table's \"schema\" has no such index; accepted: one that it names");
}

static void check_limits(ra_route_build *b, const ra_place *at, const ra_route_query *q)
{
    ra_place limit, max_limit;
    bool has_limit = ra_decode_member(b->d, at, "limit", &limit);
    bool has_max = ra_decode_member(b->d, at, "max_limit", &max_limit);
    if (q->max_limit >= q->limit || (limit.node && !has_limit) || (max_limit.node && !has_max))
        return;
    if (has_max)
        ra_decode_error(b->d, &max_limit, "less than `limit`; accepted: at least that, which is %u%s",
                        q->limit, has_limit ? "" : " by default");
    else
        ra_decode_error(b->d, &limit, "more than `max_limit`; accepted: at most that, which is %u by default",
                        q->max_limit);
}

void ra_route_partition_decode(ra_route_build *b, const ra_place *at, const ra_template_names *names,
                               ra_route_query *q)
{
    ra_place key, table;
    if (ra_decode_member(b->d, at, "partition_key", &key) &&
        ra_decode_template(b->d, &key, names, &q->partition_key) && q->partition_key.n == 0)
        ra_decode_error(b->d, &key, "it is empty; accepted: a string with placeholders, of a byte at least");
    if (ra_decode_member(b->d, at, "table", &table) && q->table)
        ra_route_check_table(b, &table, q->table);
    check_index(b, at, q);
}

void ra_route_query_decode(ra_route_build *b, const ra_place *at)
{
    ra_template_names names = ra_route_names(b);
    ra_route_query *q = &b->query.query;
    *q = (ra_route_query){.limit_from = -1, .before_from = -1, .after_from = -1};
    ra_decode_presets(b->d, &ra_section_query, &b->query);
    ra_decode_object(b->d, &ra_section_query, at, &b->query);
    ra_route_partition_decode(b, at, &names, q);
    check_limits(b, at, q);
}

/* The slot of a parameter that pages, -1 for none. Unless it serves another purpose too it may be left out.
 */
static int paging_slot(ra_route_build *b, const ra_place *at, const char *name)
{
    char why[RA_TEMPLATE_WHY_MAX];
    size_t before = b->ninputs;
    if (!name || !*name)
        return -1;
    int slot = ra_route_input_take(b, name, strlen(name), 1U << RA_INPUT_QUERY, why);
    if (slot < 0 && why[0])
        ra_decode_error(b->d, at, "%s, or \"\" for none", why);
    if (b->ninputs > before)
        b->inputs[slot].required = false;
    return slot;
}

void ra_route_query_paging(ra_route_build *b, const ra_place *at)
{
    ra_route_query *q = &b->query.query;
    const struct {
        const char *name;
        const char *value;
        int *slot;
    } from[] = {{"limit_from", b->query.limit_from, &q->limit_from},
                {"before_from", b->query.before_from, &q->before_from},
                {"after_from", b->query.after_from, &q->after_from}};
    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        ra_place place;
        ra_decode_member(b->d, at, from[i].name, &place);
        *from[i].slot = paging_slot(b, &place, from[i].value);
        for (size_t j = 0; j < i; j++) {
            if (*from[i].slot >= 0 && *from[i].slot == *from[j].slot)
                ra_decode_error(b->d, &place,
                                "the same parameter as %s; accepted: another one, or \"\" for none",
                                from[j].name);
        }
    }
}
