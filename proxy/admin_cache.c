#include "proxy/admin_cache.h"

#include "cache/memory_view.h"
#include "proxy/cache_json.h"
#include "proxy/clock.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>

const char *ra_store_kind_name(enum ra_store_kind kind)
{
    static const char *const names[] = {"memory", "redis", "momento"};
    return names[kind];
}

static void begin_reply(ra_admin *a, ra_buf *out)
{
    ra_buf_init(out, RA_ADMIN_REPLY_MAX);
    ra_buf_addf(out, "{\"store\": \"%s\"", ra_store_kind_name(ra_admin_server(a)->config->cache.store));
}

void ra_admin_cache_ping(ra_admin *a, struct evhttp_request *r)
{
    ra_buf out;
    begin_reply(a, &out);
    ra_buf_add_z(&out, "}\n");
    ra_admin_reply(r, 200, &out);
}

/* ---- what is asked for ---- */

static cJSON *read_body(struct evhttp_request *r)
{
    struct evbuffer *in = evhttp_request_get_input_buffer(r);
    size_t n = evbuffer_get_length(in);
    const char *text = n ? (const char *)evbuffer_pullup(in, -1) : NULL;
    return text && n <= RA_ADMIN_BODY_MAX ? cJSON_ParseWithLength(text, n) : NULL;
}

/* "DIGEST", or {"unit": DIGEST, "guards": [...]}. */
static bool read_unit(const cJSON *given, ra_unit_view *v)
{
    const cJSON *guards = cJSON_GetObjectItemCaseSensitive(given, "guards"), *g;
    if (cJSON_IsString(given))
        return ra_cache_key_read(given, &v->unit);
    if (!ra_cache_key_read(cJSON_GetObjectItemCaseSensitive(given, "unit"), &v->unit) ||
        cJSON_GetArraySize(guards) > RA_GUARDS_MAX)
        return false;
    cJSON_ArrayForEach(g, guards)
    {
        if (!ra_cache_key_read(g, &v->guard[v->nguards++]))
            return false;
    }
    return true;
}

/* The units, and how many; NULL: it has been answered what is wrong. */
static ra_unit_view *read_units(ra_admin *a, struct evhttp_request *r, size_t *n)
{
    if (!ra_admin_server(a)->memory) {
        ra_admin_error(r, 400, "the store isn't in this process: `readaside cache` asks it itself");
        return NULL;
    }
    cJSON *body = read_body(r);
    const cJSON *units = cJSON_GetObjectItemCaseSensitive(body, "units"), *unit;
    int count = cJSON_IsArray(units) ? cJSON_GetArraySize(units) : 0;
    bool ok = count > 0 && count <= RA_CACHE_UNITS_MAX;
    ra_unit_view *v = ok ? calloc((size_t)count, sizeof *v) : NULL;
    *n = 0;
    cJSON_ArrayForEach(unit, units)
    {
        ok = ok && v && read_unit(unit, &v[(*n)++]);
    }
    cJSON_Delete(body);
    if (ok)
        return v;
    free(v);
    ra_admin_error(r, 400, "the body must be {\"units\": [...]}, 1 to 256 of them, as digests");
    return NULL;
}

/* ---- get and delete ---- */

static void free_units(ra_unit_view *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ra_unit_view_clear(&v[i]);
    free(v);
}

void ra_admin_cache_get(ra_admin *a, struct evhttp_request *r)
{
    size_t n;
    ra_unit_view *v = read_units(a, r, &n);
    if (!v)
        return;
    ra_buf out;
    bool ok = true;
    begin_reply(a, &out);
    ra_buf_add_z(&out, ", \"units\": [");
    for (size_t i = 0; ok && i < n; i++) {
        ok = ra_memory_view(ra_admin_server(a)->memory, ra_clock_monotonic(), &v[i]);
        ra_buf_add_z(&out, i ? ",\n{" : "\n{");
        ra_cache_view_write(&v[i], &out);
        ra_buf_add_char(&out, '}');
    }
    ra_buf_add_z(&out, "]}\n");
    free_units(v, n);
    if (ok) {
        ra_admin_reply(r, 200, &out);
        return;
    }
    ra_buf_free(&out);
    ra_admin_error(r, 500, "no memory for the list of entries");
}

/* Every loop's store in the process is this one table. */
static bool drop(ra_server *s, ra_store *store, ra_unit_view *v)
{
    int64_t now = ra_clock_monotonic();
    ra_memory_view(s->memory, now, v); /* without memory the list is short, and the state is right */
    bool had = v->state == RA_UNIT_DATA;
    ra_store_invalidate(store, now, &v->unit, 1);
    return had;
}

void ra_admin_cache_delete(ra_admin *a, struct evhttp_request *r)
{
    ra_server *s = ra_admin_server(a);
    size_t n;
    ra_unit_view *v = read_units(a, r, &n);
    if (!v)
        return;
    ra_store *store = ra_memory_store_new(s->memory);
    if (!store) {
        free_units(v, n);
        ra_admin_error(r, 500, "out of memory");
        return;
    }
    ra_buf out;
    begin_reply(a, &out);
    ra_buf_add_z(&out, ", \"units\": [");
    for (size_t i = 0; i < n; i++) {
        bool dropped = drop(s, store, &v[i]);
        ra_buf_addf(&out, "%s\n{\"dropped\": %s, ", i ? "," : "", dropped ? "true" : "false");
        ra_unit_view_clear(&v[i]);
        ra_cache_view_write(&v[i], &out);
        ra_buf_add_char(&out, '}');
    }
    ra_buf_add_z(&out, "]}\n");
    ra_store_free(store);
    free_units(v, n);
    ra_admin_reply(r, 200, &out);
}
