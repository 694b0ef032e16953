#include "proxy/admin_markers.h"

#include "cache/key_hex.h"
#include "cache/memory_markers.h"
#include "proxy/cache_json.h"
#include "proxy/clock.h"
#include "proxy/journal.h"
#include "proxy/log.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* An answer while it is made. */
typedef struct listing {
    ra_memory *memory;
    int64_t now;
    bool clear;
    ra_buf out;
    uint64_t units, markers, more;
    ra_key *found; /* what is to be cleared, with `all`: it is collected first */
} listing;

/* false: it has been answered that the store is another process's. */
static bool is_here(ra_admin *a, struct evhttp_request *r)
{
    if (ra_admin_server(a)->memory)
        return true;
    ra_admin_error(r, 400, "the store isn't in this process: `readaside markers` asks it itself");
    return false;
}

static cJSON *read_body(struct evhttp_request *r)
{
    struct evbuffer *in = evhttp_request_get_input_buffer(r);
    size_t n = evbuffer_get_length(in);
    const char *text = n && n <= RA_ADMIN_BODY_MAX ? (const char *)evbuffer_pullup(in, -1) : NULL;
    return text ? cJSON_ParseWithLength(text, n) : NULL;
}

static void begin(listing *l, ra_admin *a)
{
    *l = (listing){.memory = ra_admin_server(a)->memory, .now = ra_clock_monotonic()};
    ra_buf_init(&l->out, RA_ADMIN_REPLY_MAX);
    ra_buf_addf(&l->out, "{\"store\": \"memory\", \"now\": %" PRId64 ", \"units\": [", ra_clock_wall());
}

static bool add(const ra_memory_marked *u, void *arg)
{
    listing *l = arg;
    char hex[RA_KEY_HEX + 1];
    l->markers += u->live + u->expired;
    if (l->units == RA_MARKED_MOST) {
        l->more++;
        return true;
    }
    ra_key_hex(&u->unit, hex);
    ra_buf_addf(&l->out,
                "%s\n{\"unit\": \"%s\", \"markers\": %" PRIu64 ", \"expired\": %" PRIu64
                ", \"remaining_ms\": %" PRId64 "}",
                l->units ? "," : "", hex, u->live, u->expired, u->left);
    l->units++;
    return true;
}

static void end(listing *l, struct evhttp_request *r)
{
    ra_buf_addf(&l->out, "], \"more\": %" PRIu64 "}\n", l->more);
    ra_admin_reply(r, 200, &l->out);
}

void ra_admin_markers(ra_admin *a, struct evhttp_request *r)
{
    listing l;
    if (!is_here(a, r))
        return;
    begin(&l, a);
    ra_memory_markers_visit(l.memory, l.now, add, &l);
    end(&l, r);
}

/* ---- clearing ---- */

static void note(ra_admin *a, double markers, double units)
{
    const char *some = markers > 1 || markers < 1 ? "s" : "", *several = units > 1 || units < 1 ? "s" : "";
    ra_log(RA_LOG_WARNING, "an operator has removed %.0f marker%s from %.0f unit%s", markers, some, units,
           several);
    ra_journal_note(ra_admin_server(a)->journal, RA_JOURNAL_MARKERS,
                    "an operator has removed %.0f marker%s from %.0f unit%s", markers, some, units, several);
}

static void clear(listing *l, const ra_key *unit)
{
    ra_memory_marked was;
    ra_memory_markers_clear(l->memory, l->now, unit, &was);
    if (was.live || was.expired)
        add(&was, l);
}

static bool collect(const ra_memory_marked *u, void *arg)
{
    listing *l = arg;
    l->found[l->units++] = u->unit;
    return l->units < RA_MARKED_MOST;
}

/* Round after round, so that the list is bounded. What is marked meanwhile may stay. */
static bool clear_all(listing *l)
{
    l->found = calloc(RA_MARKED_MOST, sizeof *l->found);
    uint64_t told = 0, got = RA_MARKED_MOST;
    while (l->found && got == RA_MARKED_MOST) {
        told = l->units;
        l->units = 0;
        ra_memory_markers_visit(l->memory, l->now, collect, l);
        got = l->units;
        l->units = told;
        for (uint64_t i = 0; i < got; i++)
            clear(l, &l->found[i]);
    }
    bool ok = l->found != NULL;
    free(l->found);
    return ok;
}

/* What is to be cleared. false: it isn't such a list. */
static bool read_units(const cJSON *units, ra_key out[RA_CACHE_UNITS_MAX], size_t *n)
{
    const cJSON *one;
    bool ok = cJSON_IsArray(units) && cJSON_GetArraySize(units) <= RA_CACHE_UNITS_MAX;
    *n = 0;
    cJSON_ArrayForEach(one, units)
    {
        ok = ok && ra_cache_key_read(one, &out[(*n)++]);
    }
    return ok && *n > 0;
}

void ra_admin_markers_clear(ra_admin *a, struct evhttp_request *r)
{
    ra_key units[RA_CACHE_UNITS_MAX];
    listing l;
    size_t n = 0;
    if (!is_here(a, r))
        return;
    cJSON *body = read_body(r);
    bool all = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(body, "all"));
    bool some = read_units(cJSON_GetObjectItemCaseSensitive(body, "units"), units, &n);
    cJSON_Delete(body);
    if (all == some) {
        ra_admin_error(r, 400,
                       "the body must be {\"all\": true} or {\"units\": [...]}, 1 to 256, as digests");
        return;
    }
    begin(&l, a);
    for (size_t i = 0; !all && i < n; i++)
        clear(&l, &units[i]);
    if (all && !clear_all(&l)) {
        ra_buf_free(&l.out);
        ra_admin_error(r, 500, "out of memory");
        return;
    }
    if (l.markers)
        note(a, (double)l.markers, (double)(l.units + l.more));
    end(&l, r);
}

void ra_admin_markers_cleared(ra_admin *a, struct evhttp_request *r)
{
    ra_buf out;
    cJSON *body = read_body(r);
    double markers = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(body, "markers"));
    double units = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(body, "units"));
    cJSON_Delete(body);
    if (!(markers >= 1 && markers < 1e15 && units >= 1 && units < 1e15)) {
        ra_admin_error(r, 400, "the body must be {\"units\": N, \"markers\": N}");
        return;
    }
    note(a, markers, units);
    ra_buf_init(&out, 16);
    ra_buf_add_z(&out, "{}\n");
    ra_admin_reply(r, 200, &out);
}
