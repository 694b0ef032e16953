#include "proxy/seed_file.h"

#include <stdlib.h>

void ra_seed_free(ra_seed *s)
{
    ra_json_free(&s->json);
    ra_arena_free(&s->names);
    free(s->tables);
    free(s->writes);
}

/* The writes of one table; the list has room for them. */
static const char *read_writes(ra_seed *s, uint32_t array, size_t *at)
{
    const ra_json *j = &s->json;
    for (uint32_t i = array + 1; i < j->t[array].next; i = j->t[i].next) {
        *at = j->t[i].start;
        if (!ra_json_is(j, i, RA_JSON_OBJECT))
            return "a write is an object: {\"PutRequest\": {\"Item\": {...}}}";
        s->writes[s->nwrites++] = i;
    }
    return NULL;
}

/* Tables and writes are counted before anything is kept of them. */
static bool make_room(ra_seed *s)
{
    const ra_json *j = &s->json;
    size_t tables = ra_json_count(j, 0), writes = 0;
    for (uint32_t i = 1; i < j->t[0].next; i = j->t[i + 1].next)
        writes += ra_json_count(j, i + 1);
    s->tables = calloc(tables + 1, sizeof *s->tables);
    s->writes = calloc(writes + 1, sizeof *s->writes);
    return s->tables && s->writes;
}

static const char *read_tables(ra_seed *s, size_t *at)
{
    const ra_json *j = &s->json;
    *at = 0;
    if (!ra_json_is(j, 0, RA_JSON_OBJECT))
        return "the file is an object: {\"TABLE\": [{\"PutRequest\": {\"Item\": {...}}}, ...]}";
    if (!make_room(s))
        return "out of memory";
    for (uint32_t i = 1; i < j->t[0].next; i = j->t[i + 1].next) {
        ra_seed_table t = {.token = i, .first = s->nwrites};
        *at = j->t[i].start;
        if (!ra_json_is(j, i + 1, RA_JSON_ARRAY))
            return "a table's writes are an array: {\"TABLE\": [{\"PutRequest\": {\"Item\": {...}}}, ...]}";
        if (!ra_json_string(j, i, &s->names, &t.name))
            return "out of memory";
        const char *wrong = read_writes(s, i + 1, at);
        if (wrong)
            return wrong;
        t.nwrites = s->nwrites - t.first;
        s->tables[s->ntables++] = t;
    }
    return NULL;
}

const char *ra_seed_read(ra_seed *s, ra_bytes text, size_t *at)
{
    *s = (ra_seed){0};
    *at = 0;
    enum ra_json_result parsed = ra_json_parse(&s->json, text, NULL, at);
    if (parsed != RA_JSON_OK)
        return ra_json_result_text(parsed);
    ra_arena_init(&s->names, text.n + 4096);
    const char *wrong = read_tables(s, at);
    if (wrong)
        ra_seed_free(s);
    return wrong;
}

static const ra_seed_table *table_of(const ra_seed *s, size_t write)
{
    size_t i = 0;
    while (write >= s->tables[i].first + s->tables[i].nwrites)
        i++;
    return &s->tables[i];
}

size_t ra_seed_chunk(const ra_seed *s, size_t from, ra_buf *body)
{
    const ra_seed_table *open = NULL;
    size_t n = 0;
    ra_buf_add_z(body, "{\"RequestItems\":{");
    for (; n < RA_SEED_CHUNK_WRITES && from + n < s->nwrites; n++) {
        const ra_seed_table *t = table_of(s, from + n);
        ra_bytes write = ra_json_raw(&s->json, s->writes[from + n]);
        if (n > 0 && body->n + write.n + t->name.n > RA_SEED_CHUNK_BYTES)
            break;
        if (t == open) {
            ra_buf_add_char(body, ',');
        } else {
            ra_buf_add_z(body, open ? "]," : "");
            ra_buf_add_bytes(body, ra_json_raw(&s->json, t->token));
            ra_buf_add_z(body, ":[");
            open = t;
        }
        ra_buf_add_bytes(body, write);
    }
    ra_buf_add_z(body, open ? "]}}" : "}}");
    return ra_buf_ok(body) ? n : 0;
}

bool ra_seed_unprocessed(ra_bytes reply, size_t *left, ra_buf *body)
{
    ra_json j;
    size_t at;
    *left = 0;
    ra_buf_clear(body);
    if (ra_json_parse(&j, reply, NULL, &at) != RA_JSON_OK)
        return false;
    bool ok = ra_json_is(&j, 0, RA_JSON_OBJECT);
    uint32_t items = ra_json_member(&j, 0, "UnprocessedItems");
    if (ok && items != RA_JSON_NONE) {
        ok = ra_json_is(&j, items, RA_JSON_OBJECT);
        for (uint32_t i = items + 1; ok && i < j.t[items].next; i = j.t[i + 1].next)
            *left += ra_json_count(&j, i + 1);
        ra_buf_add_z(body, "{\"RequestItems\":");
        ra_buf_add_bytes(body, ra_json_raw(&j, items));
        ra_buf_add_char(body, '}');
    }
    ra_json_free(&j);
    return ok && ra_buf_ok(body);
}
