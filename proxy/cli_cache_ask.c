#include "proxy/cli_cache_ask.h"

#include "cache/key_hex.h"
#include "cache/momento_inspect.h"
#include "cache/redis_store_inspect.h"
#include "proxy/cache_json.h"
#include "proxy/cli_cache_admin.h"
#include "proxy/clock.h"
#include "proxy/redis_server.h"
#include "proxy/store_pact.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

/* Who reads this has more patience than a request has. */
enum { TIMEOUT = 10 * 1000, REQUEST_MAX = 256 * 1024 };

/* One of them is there, by the configuration's store. */
struct ra_cache_ask {
    ra_cache_admin *admin;
    ra_redis_inspect *redis;
    ra_momento_inspect *momento;
    char why[RA_CACHE_ASK_WHY_MAX];
};

/* ---- begin and end ---- */

static void open_redis(ra_cache_ask *a, const ra_config *c)
{
    const ra_config_redis *r = &c->cache.redis;
    char wrong[256], pact[RA_PACT_CHARS + 1];
    struct ssl_ctx_st *tls =
        r->tls ? ra_redis_tls_new(r->ca_file, r->cert_file, r->key_file, wrong, sizeof wrong) : NULL;
    if (r->tls && !tls) {
        snprintf(a->why, sizeof a->why, "TLS can't be set up: %s", wrong);
        return;
    }
    ra_redis_inspect_options o = {.redis = ra_redis_server_options(r),
                                  .key_prefix = c->cache.key_prefix,
                                  .pact = pact,
                                  .timeout = TIMEOUT};
    o.redis.name = "readaside-cache";
    o.redis.tls = tls;
    if (ra_store_pact(c, pact))
        a->redis = ra_redis_inspect_new(&o);
    SSL_CTX_free(tls); /* the connection has its own reference */
}

static void open_momento(ra_cache_ask *a, const ra_config *c)
{
    const ra_config_momento *m = &c->cache.momento;
    ra_momento_inspect_options o = {.client = {.endpoint = m->endpoint,
                                               .cache = m->cache,
                                               .api_key = m->api_key,
                                               .ca_file = m->ca_file,
                                               .max_connections = 1},
                                    .key_prefix = c->cache.key_prefix,
                                    .timeout = TIMEOUT,
                                    .now = ra_clock_wall()};
    a->momento = ra_momento_inspect_new(&o);
}

ra_cache_ask *ra_cache_ask_new(const ra_config *c, char why[RA_CACHE_ASK_WHY_MAX], bool *wrong)
{
    char said[RA_CACHE_ADMIN_WHY_MAX] = "out of memory";
    ra_cache_ask *a = calloc(1, sizeof *a);
    *wrong = false;
    if (a)
        snprintf(a->why, sizeof a->why, "out of memory");
    if (a && c->cache.store == RA_STORE_KIND_REDIS)
        open_redis(a, c);
    else if (a && c->cache.store == RA_STORE_KIND_MOMENTO)
        open_momento(a, c);
    else if (a) {
        a->admin = ra_cache_admin_new(c, said);
        *wrong = !a->admin && (!c->admin.listen.host || c->admin.listen.port == 0);
        snprintf(a->why, sizeof a->why, "%s%s",
                 *wrong ? "cache.store is \"memory\", so what is cached is in the proxy's own process: " : "",
                 said);
    }
    if (a && (a->admin || a->redis || a->momento))
        return a;
    snprintf(why, RA_CACHE_ASK_WHY_MAX, "%s", a ? a->why : said);
    free(a);
    return NULL;
}

void ra_cache_ask_free(ra_cache_ask *a)
{
    if (!a)
        return;
    ra_cache_admin_free(a->admin);
    ra_redis_inspect_free(a->redis);
    ra_momento_inspect_free(a->momento);
    free(a);
}

void ra_cache_ask_where(const ra_config *c, char out[RA_CACHE_ASK_WHERE_MAX])
{
    char redis[RA_REDIS_WHERE_MAX];
    if (c->cache.store == RA_STORE_KIND_REDIS) {
        ra_redis_server_where(&c->cache.redis, redis);
        snprintf(out, RA_CACHE_ASK_WHERE_MAX, "redis %s", redis);
    } else if (c->cache.store == RA_STORE_KIND_MOMENTO) {
        snprintf(out, RA_CACHE_ASK_WHERE_MAX, "momento cache '%.255s' at %.220s", c->cache.momento.cache,
                 c->cache.momento.endpoint);
    } else {
        bool v6 = c->admin.listen.host && strchr(c->admin.listen.host, ':');
        snprintf(out, RA_CACHE_ASK_WHERE_MAX, "the proxy at http://%s%s%s:%u", v6 ? "[" : "",
                 c->admin.listen.host ? c->admin.listen.host : "", v6 ? "]" : "", c->admin.listen.port);
    }
}

const char *ra_cache_ask_why(const ra_cache_ask *a)
{
    const char *why = a->redis     ? ra_redis_inspect_why(a->redis)
                      : a->momento ? ra_momento_inspect_why(a->momento)
                                   : NULL;
    return why ? why : a->why;
}

/* ---- through the admin address ---- */

static bool admin_failed(ra_cache_ask *a)
{
    snprintf(a->why, sizeof a->why, "%s", ra_cache_admin_why(a->admin));
    return false;
}

static bool unreadable(ra_cache_ask *a)
{
    snprintf(a->why, sizeof a->why, "its answer can't be read");
    return false;
}

/* One whose store is another one has been started with another configuration. */
static bool is_memory(ra_cache_ask *a, const cJSON *answer)
{
    const char *store = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "store"));
    if (store && strcmp(store, "memory") == 0)
        return true;
    snprintf(a->why, sizeof a->why, "its store is \"%.32s\", and the configuration's is \"memory\"",
             store ? store : "?");
    return false;
}

static cJSON *call(ra_cache_ask *a, const char *path, const char *body, int64_t *us)
{
    ra_buf b;
    ra_buf_init(&b, REQUEST_MAX);
    ra_buf_add_z(&b, body);
    cJSON *answer = ra_cache_admin_call(a->admin, path, &b, us);
    ra_buf_free(&b);
    if (!answer)
        admin_failed(a);
    else if (!is_memory(a, answer)) {
        cJSON_Delete(answer);
        answer = NULL;
    }
    return answer;
}

static bool admin_ping(ra_cache_ask *a, ra_cache_pong *out)
{
    cJSON *first = call(a, "/admin/cache/ping", "{}", &out->connect_us);
    cJSON *second = first ? call(a, "/admin/cache/ping", "{}", &out->ping_us) : NULL;
    bool ok = second != NULL;
    snprintf(out->detail, sizeof out->detail, "store memory");
    cJSON_Delete(first);
    cJSON_Delete(second);
    return ok;
}

static void write_units(const ra_unit_view *v, size_t n, ra_buf *out)
{
    char hex[RA_KEY_HEX + 1];
    ra_buf_add_z(out, "{\"units\": [");
    for (size_t i = 0; i < n; i++) {
        ra_key_hex(&v[i].unit, hex);
        ra_buf_addf(out, "%s{\"unit\": \"%s\", \"guards\": [", i ? ", " : "", hex);
        for (unsigned k = 0; k < v[i].nguards; k++) {
            ra_key_hex(&v[i].guard[k], hex);
            ra_buf_addf(out, "%s\"%s\"", k ? ", " : "", hex);
        }
        ra_buf_add_z(out, "]}");
    }
    ra_buf_add_z(out, "]}");
    ra_buf_add_char(out, '\0');
}

/* Answers into v[], and dropped[] if it is given. */
static bool admin_units(ra_cache_ask *a, const char *path, ra_unit_view *v, size_t n, bool *dropped)
{
    ra_buf body;
    ra_buf_init(&body, REQUEST_MAX);
    write_units(v, n, &body);
    cJSON *answer = ra_buf_ok(&body) ? call(a, path, body.p, NULL) : NULL;
    ra_buf_free(&body);
    if (!answer)
        return false;
    const cJSON *units = cJSON_GetObjectItemCaseSensitive(answer, "units");
    bool ok = cJSON_GetArraySize(units) == (int)n;
    for (size_t i = 0; ok && i < n; i++) {
        const cJSON *unit = cJSON_GetArrayItem(units, (int)i);
        ok = ra_cache_view_read(unit, &v[i]);
        if (dropped)
            dropped[i] = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(unit, "dropped"));
    }
    cJSON_Delete(answer);
    return ok || unreadable(a);
}

static bool admin_drop(ra_cache_ask *a, const ra_key *units, size_t n, bool *dropped)
{
    ra_unit_view *v = calloc(n, sizeof *v);
    if (!v) {
        snprintf(a->why, sizeof a->why, "out of memory");
        return false;
    }
    for (size_t i = 0; i < n; i++)
        v[i].unit = units[i];
    bool ok = admin_units(a, "/admin/cache/delete", v, n, dropped);
    for (size_t i = 0; i < n; i++)
        ra_unit_view_clear(&v[i]);
    free(v);
    return ok;
}

/* ---- whichever ---- */

static bool redis_ping(ra_cache_ask *a, ra_cache_pong *out)
{
    bool ok = ra_redis_inspect_ping(a->redis, &out->connect_us, &out->ping_us);
    const ra_redis_identity *who = ra_redis_inspect_identity(a->redis);
    snprintf(out->detail, sizeof out->detail, "Redis%s%s%s%s", *who->version ? " " : "", who->version,
             *who->role ? ", " : "", strcmp(who->role, "slave") == 0 ? "replica" : who->role);
    return ok;
}

bool ra_cache_ask_ping(ra_cache_ask *a, ra_cache_pong *out)
{
    *out = (ra_cache_pong){0};
    if (a->redis)
        return redis_ping(a, out);
    if (!a->momento)
        return admin_ping(a, out);
    snprintf(out->detail, sizeof out->detail, "the cache exists, the API key may read and write it");
    return ra_momento_inspect_ping(a->momento, &out->connect_us, &out->ping_us);
}

bool ra_cache_ask_units(ra_cache_ask *a, ra_unit_view *v, size_t n)
{
    if (a->redis)
        return ra_redis_inspect_units(a->redis, v, n);
    if (a->momento)
        return ra_momento_inspect_units(a->momento, v, n);
    return admin_units(a, "/admin/cache/get", v, n, NULL);
}

bool ra_cache_ask_drop(ra_cache_ask *a, const ra_key *units, size_t n, bool *dropped)
{
    if (a->redis)
        return ra_redis_inspect_drop(a->redis, units, n, dropped);
    if (a->momento)
        return ra_momento_inspect_drop(a->momento, units, n, dropped);
    return admin_drop(a, units, n, dropped);
}
