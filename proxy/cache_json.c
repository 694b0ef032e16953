#include "proxy/cache_json.h"

#include "cache/key_hex.h"

#include <inttypes.h>

static void write_entry(const ra_unit_view *v, const ra_unit_entry *e, ra_buf *out)
{
    char hex[RA_KEY_HEX + 1];
    ra_key_hex(&e->request, hex);
    ra_buf_addf(out, "{\"entry\": \"%s\", ", hex);
    if (v->named && ra_key_eq(&v->name, &e->request))
        ra_buf_add_z(out, "\"request\": \"GetItem\", ");
    ra_buf_addf(out, "\"bytes\": %" PRIu64 ", \"expires_in_ms\": %" PRId64 ", \"kept_for_ms\": %" PRId64 "}",
                e->bytes, e->expires_in, e->keeps_in);
}

bool ra_cache_view_write(const ra_unit_view *v, ra_buf *out)
{
    char hex[RA_KEY_HEX + 1];
    ra_key_hex(&v->unit, hex);
    ra_buf_addf(out, "\"unit\": \"%s\", \"state\": \"%s\", \"markers\": %" PRIu64, hex,
                ra_unit_state_name(v->state), v->markers);
    if (v->marked_for > 0)
        ra_buf_addf(out, ", \"marked_for_ms\": %" PRId64, v->marked_for);
    else
        ra_buf_add_z(out, ", \"marked_for_ms\": null");
    ra_buf_addf(out, ", \"overtaken\": %" PRIu64 ", \"listed\": %s, \"entries\": [", v->overtaken,
                v->unlisted ? "false" : "true");
    for (size_t i = 0; i < v->n; i++) {
        ra_buf_add_z(out, i ? ", " : "");
        write_entry(v, &v->entries[i], out);
    }
    return ra_buf_add_char(out, ']');
}

bool ra_cache_key_read(const cJSON *text, ra_key *out)
{
    const char *hex = cJSON_GetStringValue(text);
    return hex && ra_key_unhex(ra_bytes_z(hex), out);
}

/* A whole number as this program writes it; `missing` where it is null. */
static bool read_number(const cJSON *object, const char *name, int64_t missing, int64_t *out)
{
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(object, name);
    *out = missing;
    if (cJSON_IsNull(n))
        return true;
    if (!cJSON_IsNumber(n) || !(n->valuedouble > -1e15 && n->valuedouble < 1e15))
        return false;
    *out = (int64_t)n->valuedouble;
    return true;
}

static bool read_entry(const cJSON *object, ra_unit_view *v)
{
    ra_unit_entry e;
    int64_t bytes;
    if (!ra_cache_key_read(cJSON_GetObjectItemCaseSensitive(object, "entry"), &e.request) ||
        !read_number(object, "bytes", 0, &bytes) || bytes < 0 ||
        !read_number(object, "expires_in_ms", 0, &e.expires_in) ||
        !read_number(object, "kept_for_ms", 0, &e.keeps_in))
        return false;
    e.bytes = (uint64_t)bytes;
    return ra_unit_view_add(v, &e);
}

bool ra_cache_view_read(const cJSON *object, ra_unit_view *v)
{
    const char *state = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "state"));
    const cJSON *entries = cJSON_GetObjectItemCaseSensitive(object, "entries"), *e;
    int64_t markers, overtaken;
    ra_key unit;
    ra_unit_view_clear(v);
    if (!state || !ra_cache_key_read(cJSON_GetObjectItemCaseSensitive(object, "unit"), &unit) ||
        !ra_key_eq(&unit, &v->unit) || !read_number(object, "markers", 0, &markers) || markers < 0 ||
        !read_number(object, "marked_for_ms", 0, &v->marked_for) ||
        !read_number(object, "overtaken", 0, &overtaken) || overtaken < 0 || !cJSON_IsArray(entries))
        return false;
    v->state = ra_unit_state_of(state);
    v->markers = (uint64_t)markers;
    v->overtaken = (uint64_t)overtaken;
    v->unlisted = cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(object, "listed"));
    cJSON_ArrayForEach(e, entries)
    {
        if (!read_entry(e, v))
            return false;
    }
    return v->state != RA_UNIT_STATES;
}
