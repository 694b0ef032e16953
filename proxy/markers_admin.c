#include "proxy/markers_admin.h"

#include "cache/key_hex.h"
#include "proxy/cache_json.h"

#include <inttypes.h>
#include <stdio.h>

enum { BODY_MAX = 64 * 1024 };

static double number(const cJSON *of, const char *name)
{
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(of, name);
    return cJSON_IsNumber(n) && n->valuedouble >= 0 && n->valuedouble < 1e15 ? n->valuedouble : 0;
}

/* false: it isn't a unit as the proxy writes it. */
static bool read_unit(const cJSON *from, int64_t now, ra_marked_unit *u)
{
    *u = (ra_marked_unit){
        .live = (uint64_t)number(from, "markers"), .expired = (uint64_t)number(from, "expired"), .now = now};
    int64_t left = (int64_t)number(from, "remaining_ms");
    u->latest = left > 0 ? now + left : 0;
    return ra_cache_key_read(cJSON_GetObjectItemCaseSensitive(from, "unit"), &u->unit);
}

/* An answer with units; NULL: *why says why. */
static cJSON *call(ra_cache_admin *a, const char *path, const ra_buf *body,
                   char why[RA_MARKERS_ADMIN_WHY_MAX])
{
    cJSON *answer = ra_cache_admin_call(a, path, body, NULL);
    bool ok = cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(answer, "units"));
    if (!ok)
        snprintf(why, RA_MARKERS_ADMIN_WHY_MAX, "%s",
                 answer ? "it answers otherwise than a proxy does" : ra_cache_admin_why(a));
    if (!ok)
        cJSON_Delete(answer);
    return ok ? answer : NULL;
}

static bool visit_units(const cJSON *answer, const ra_marker_visitor *v, char why[RA_MARKERS_ADMIN_WHY_MAX])
{
    const cJSON *one;
    int64_t now = (int64_t)number(answer, "now");
    const cJSON *units = cJSON_GetObjectItemCaseSensitive(answer, "units");
    cJSON_ArrayForEach(one, units)
    {
        ra_marked_unit u;
        if (!read_unit(one, now, &u)) {
            snprintf(why, RA_MARKERS_ADMIN_WHY_MAX, "its answer can't be read");
            return false;
        }
        if (!v->unit(&u, v->arg))
            return false;
    }
    return !v->page || v->page((uint64_t)cJSON_GetArraySize(units), v->arg);
}

/* A unit that was asked for, also where the answer hasn't it. */
static bool visit_one(const cJSON *answer, const ra_key *unit, const ra_marker_visitor *v)
{
    const cJSON *one;
    int64_t now = (int64_t)number(answer, "now");
    ra_marked_unit found = {.unit = *unit, .now = now};
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(answer, "units"))
    {
        ra_marked_unit u;
        if (read_unit(one, now, &u) && memcmp(&u.unit, unit, sizeof *unit) == 0)
            found = u;
    }
    return v->unit(&found, v->arg);
}

/* The units that are wanted of those in an answer: a clear call's body. false: there is none left after
 * `*from`, which is where it goes on. */
static bool add_wanted(const cJSON *answer, const ra_marker_visitor *v, const cJSON **from, ra_buf *body)
{
    size_t n = 0;
    ra_buf_clear(body);
    ra_buf_add_z(body, "{\"units\": [");
    for (; *from && n < RA_CACHE_UNITS_MAX; *from = (*from)->next) {
        ra_marked_unit u;
        char hex[RA_KEY_HEX + 1];
        if (!read_unit(*from, (int64_t)number(answer, "now"), &u) ||
            (v->wanted && !v->wanted(&u.unit, v->arg)))
            continue;
        ra_key_hex(&u.unit, hex);
        ra_buf_addf(body, "%s\"%s\"", n++ ? ", " : "", hex);
    }
    ra_buf_add_z(body, "]}");
    return n > 0;
}

static bool clear(ra_cache_admin *a, const ra_buf *body, const ra_marker_visitor *v,
                  char why[RA_MARKERS_ADMIN_WHY_MAX])
{
    cJSON *answer = call(a, "/admin/markers/clear", body, why);
    bool ok = answer && visit_units(answer, v, why);
    cJSON_Delete(answer);
    return ok;
}

static bool clear_wanted(ra_cache_admin *a, const cJSON *answer, const ra_marker_visitor *v,
                         char why[RA_MARKERS_ADMIN_WHY_MAX])
{
    const cJSON *from = cJSON_GetObjectItemCaseSensitive(answer, "units")->child;
    ra_buf body;
    bool ok = true;
    ra_buf_init(&body, BODY_MAX);
    while (ok && from && add_wanted(answer, v, &from, &body))
        ok = clear(a, &body, v, why);
    ra_buf_free(&body);
    return ok;
}

static bool clear_all(ra_cache_admin *a, const ra_marker_visitor *v, char why[RA_MARKERS_ADMIN_WHY_MAX])
{
    ra_buf body;
    ra_buf_init(&body, BODY_MAX);
    ra_buf_add_z(&body, "{\"all\": true}");
    bool ok = clear(a, &body, v, why);
    ra_buf_free(&body);
    return ok;
}

bool ra_markers_admin_visit(ra_cache_admin *a, const ra_key *units, size_t n, const ra_marker_visitor *v,
                            char why[RA_MARKERS_ADMIN_WHY_MAX])
{
    *why = '\0';
    if (v->clear && !v->wanted)
        return clear_all(a, v, why);
    cJSON *answer = call(a, "/admin/markers", NULL, why);
    bool ok = answer != NULL;
    if (ok && v->clear)
        ok = clear_wanted(a, answer, v, why);
    else if (ok && !n)
        ok = visit_units(answer, v, why);
    for (size_t i = 0; ok && !v->clear && i < n; i++)
        ok = visit_one(answer, &units[i], v);
    double more = number(answer, "more");
    if (ok && more > 0) {
        snprintf(why, RA_MARKERS_ADMIN_WHY_MAX, "%.0f more units are marked than it lists", more);
        ok = false;
    }
    cJSON_Delete(answer);
    return ok;
}

bool ra_markers_admin_tell(ra_cache_admin *a, uint64_t units, uint64_t markers)
{
    ra_buf body;
    ra_buf_init(&body, BODY_MAX);
    ra_buf_addf(&body, "{\"units\": %" PRIu64 ", \"markers\": %" PRIu64 "}", units, markers);
    cJSON *answer = ra_cache_admin_call(a, "/admin/markers/cleared", &body, NULL);
    bool ok = answer != NULL;
    ra_buf_free(&body);
    cJSON_Delete(answer);
    return ok;
}
