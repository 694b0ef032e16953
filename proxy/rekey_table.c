#include "proxy/rekey_table.h"

#include "config/endpoint.h"
#include "proxy/clock.h"
#include "proxy/log.h"
#include "proxy/rekey_consumer.h"
#include "proxy/stream_api.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
    ASK_TIMEOUT = 10 * 1000,
    WRITE_TIMEOUT = 40 * 1000, /* the proxy itself gives a write up after 30 s */
    FIRST_PAUSE = 200,         /* ms: until the table is asked for again, and the longest */
    LONGEST_PAUSE = 5 * 1000,
    GRACE = 5, /* s: for the record in hand, once it is to stop */
    DESCRIBE_MAX = 1024,
    ERROR_MAX = 4096
};

struct ra_rekey_table {
    ra_rekey_table_options o;
    pthread_t thread;
    ra_stream_calls *calls;
    ra_ddb *upstream, *proxy;
    ra_table *table;
    ra_rekey_consumer *consumer;
    atomic_bool stopping, failed;
    pthread_mutex_t lock; /* of what follows, for another thread may stop it */
    ra_stream_walk *walk;
    struct timespec grace; /* until then, by the wall clock, it may finish; tv_sec 0: it isn't to stop */
};

/* ---- what the rules' runs call ---- */

static ra_http_reply *query(void *arg, ra_bytes body)
{
    const ra_rekey_table *t = arg;
    return ra_ddb_call(t->upstream, "Query", body, ASK_TIMEOUT);
}

static ra_http_reply *transact(void *arg, ra_bytes body)
{
    const ra_rekey_table *t = arg;
    return ra_ddb_call(t->proxy, "TransactWriteItems", body, WRITE_TIMEOUT);
}

static void wait_ms(void *arg, int64_t ms)
{
    const ra_rekey_table *t = arg;
    const ra_stream_api *api = ra_stream_calls_api(t->calls);
    if (!atomic_load(&t->stopping))
        api->wait(api->arg, ms);
}

static bool stopping(void *arg)
{
    const ra_rekey_table *t = arg;
    return atomic_load(&t->stopping);
}

static int64_t monotonic(void *arg)
{
    (void)arg;
    return ra_clock_monotonic();
}

/* ---- the table ---- */

static void fail(ra_rekey_table *t, const char *what, const char *why)
{
    ra_log(RA_LOG_ERROR, "table %s: %s%s%s", t->o.table, what, *what ? ": " : "", why);
    atomic_store(&t->failed, true);
}

static void unusable(void *arg, const char *why)
{
    fail(arg, "", why);
    ra_rekey_table_stop(arg);
}

/* A row that is found through an index must be found whole: it is written anew. */
static bool is_whole(const cJSON *table, const char *name)
{
    const cJSON *index, *list = cJSON_GetObjectItemCaseSensitive(table, "GlobalSecondaryIndexes");
    cJSON_ArrayForEach(index, list)
    {
        const char *is = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(index, "IndexName"));
        const cJSON *projection = cJSON_GetObjectItemCaseSensitive(index, "Projection");
        const char *type =
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(projection, "ProjectionType"));
        if (is && strcmp(is, name) == 0)
            return type && strcmp(type, "ALL") == 0;
    }
    return true;
}

static bool fits(ra_rekey_table *t, const cJSON *described)
{
    const ra_config *c = t->o.config;
    for (size_t i = 0; i < c->nstream_rules; i++) {
        const ra_stream_rule *r = &c->stream_rules[i];
        if (strcmp(r->table, t->o.table) != 0)
            continue;
        const char *why = ra_rekey_unfit(r, t->table);
        if (!why && r->rows_index && !is_whole(described, r->rows_index))
            why =
                "its index doesn't project all attributes (ProjectionType ALL), so that a row found through "
                "it can't be moved whole";
        if (why) {
            char rule[128];
            snprintf(rule, sizeof rule, "rule %.100s", r->name);
            fail(t, rule, why);
            return false;
        }
    }
    return true;
}

/* Learns the keys from a reply; *again: it isn't one, ask again. */
static bool learn(ra_rekey_table *t, const ra_http_reply *reply)
{
    ra_bytes body = {reply->body ? reply->body : "", reply->len};
    cJSON *document = cJSON_ParseWithLength(body.p, body.n);
    t->table = ra_table_from_describe(body, RA_BYTES(""), RA_BYTES(""));
    bool ok = document && t->table && fits(t, cJSON_GetObjectItemCaseSensitive(document, "Table"));
    if (!document || !t->table)
        fail(t, "", "the reply to DescribeTable can't be read");
    cJSON_Delete(document);
    return ok;
}

static void cannot_ask(ra_rekey_table *t, const ra_http_reply *reply, bool *said)
{
    ra_buf error;
    ra_buf_init(&error, ERROR_MAX);
    ra_ddb_describe_reply(t->o.config->upstream.endpoint, reply, &error);
    ra_buf_add_char(&error, '\0');
    const char *text = ra_buf_ok(&error) ? error.p : "DescribeTable failed";
    if (t->o.once)
        fail(t, "", text);
    else if (!*said)
        ra_rekey_report_trouble(t->o.report, t->o.table, text);
    *said = true;
    ra_buf_free(&error);
}

/* Until it is known, or it is to end: DynamoDB may be down, or the table not be made yet. */
static bool describe(ra_rekey_table *t)
{
    const ra_stream_api *api = ra_stream_calls_api(t->calls);
    ra_buf body;
    int64_t pause = 0;
    bool said = false, known = false;
    ra_buf_init(&body, DESCRIBE_MAX);
    ra_buf_add_z(&body, "{\"TableName\":");
    ra_buf_add_json_string(&body, ra_bytes_z(t->o.table));
    ra_buf_add_char(&body, '}');
    while (!known && !atomic_load(&t->stopping) && !atomic_load(&t->failed)) {
        ra_http_reply *reply = api->call(api->arg, "DescribeTable", ra_buf_bytes(&body), ASK_TIMEOUT);
        if (ra_ddb_succeeded(reply))
            known = learn(t, reply);
        else if (!atomic_load(&t->stopping))
            cannot_ask(t, reply, &said);
        ra_http_reply_unref(reply);
        if (!known && !atomic_load(&t->failed))
            wait_ms(t, ra_ddb_backoff(&pause, FIRST_PAUSE, LONGEST_PAUSE));
    }
    ra_buf_free(&body);
    if (known && said)
        ra_rekey_report_trouble(t->o.report, t->o.table, NULL);
    return known;
}

/* There is another stream. The table before is let go only when its successor is known, for names in reports.
 */
static const ra_table *renew(void *arg)
{
    ra_rekey_table *t = arg;
    ra_table *before = t->table;
    t->table = NULL;
    if (describe(t)) {
        ra_table_unref(before);
        return t->table;
    }
    ra_table_unref(t->table);
    t->table = before;
    ra_rekey_table_stop(t);
    return NULL;
}

/* ---- the thread ---- */

static bool make_walk(ra_rekey_table *t)
{
    const ra_config *c = t->o.config;
    ra_stream_options o = {.table = t->o.table,
                           .from_now = t->o.from_now,
                           .replay = true,
                           .idle_interval = c->streams.idle_interval,
                           .lease = c->streams.lease};
    pthread_mutex_lock(&t->lock);
    t->walk = ra_stream_walk_new(&o, ra_stream_calls_api(t->calls), ra_rekey_consumer_keeper(t->consumer),
                                 ra_rekey_consumer_handler(t->consumer));
    if (t->walk && atomic_load(&t->stopping))
        ra_stream_walk_stop(t->walk);
    pthread_mutex_unlock(&t->lock);
    return t->walk;
}

static void drop_walk(ra_rekey_table *t)
{
    pthread_mutex_lock(&t->lock);
    ra_stream_walk_free(t->walk);
    t->walk = NULL;
    pthread_mutex_unlock(&t->lock);
}

static void read_stream(ra_rekey_table *t)
{
    const ra_config *c = t->o.config;
    const ra_table_config *tc = ra_config_table(c, t->o.table, strlen(t->o.table));
    const ra_rekey_calls calls = {.query = query,
                                  .transact = transact,
                                  .query_at = c->upstream.endpoint,
                                  .transact_at = t->o.proxy,
                                  .wait = wait_ms,
                                  .stopping = stopping,
                                  .monotonic = monotonic,
                                  .arg = t};
    const ra_rekey_consumer_options o = {.table = t->table,
                                         .rules = c->stream_rules,
                                         .nrules = c->nstream_rules,
                                         .calls = &calls,
                                         .keeper = t->o.keeper,
                                         .dead = t->o.dead,
                                         .report = t->o.report,
                                         .tries = t->o.tries,
                                         .settle = tc ? tc->settle : 0,
                                         .unusable = unusable,
                                         .renew = renew,
                                         .arg = t};
    const char *why = "out of memory";
    t->consumer = ra_rekey_consumer_new(&o);
    bool ok = t->consumer && make_walk(t) && ra_stream_walk_run(t->walk, t->o.once, &why);
    if (ok && !atomic_load(&t->stopping))
        ra_rekey_consumer_finish(t->consumer);
    if (!ok && !atomic_load(&t->stopping))
        fail(t, "its stream can't be read", why);
    drop_walk(t);
    ra_rekey_consumer_free(t->consumer);
}

static void *run(void *arg)
{
    ra_rekey_table *t = arg;
    if (describe(t))
        read_stream(t);
    t->o.ended(t->o.arg);
    return NULL;
}

/* ---- begin and end ---- */

static void free_table(ra_rekey_table *t)
{
    ra_table_unref(t->table);
    ra_ddb_free(t->proxy);
    ra_ddb_free(t->upstream);
    ra_stream_calls_free(t->calls);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

ra_rekey_table *ra_rekey_table_start(const ra_rekey_table_options *o, const char **why)
{
    const ra_config_upstream *u = &o->config->upstream;
    const ra_ddb_options up = {.endpoint = u->endpoint, .region = u->region, .ca_file = u->ca_file};
    const ra_ddb_options proxy = {.endpoint = o->proxy, .region = u->region, .ca_file = o->proxy_ca_file};
    ra_rekey_table *t = calloc(1, sizeof *t);
    *why = "out of memory";
    if (!t)
        return NULL;
    t->o = *o;
    pthread_mutex_init(&t->lock, NULL);
    t->calls = ra_stream_calls_new(&up, u->streams_endpoint, o->upstream_credentials, why);
    t->upstream = t->calls ? ra_ddb_new_streams(&up, NULL, o->upstream_credentials, why) : NULL;
    t->proxy = t->upstream ? ra_ddb_new_streams(&proxy, NULL, o->proxy_credentials, why) : NULL;
    if (t->proxy && pthread_create(&t->thread, NULL, run, t) == 0)
        return t;
    if (t->proxy)
        *why = "no thread could be started";
    free_table(t);
    return NULL;
}

void ra_rekey_table_stop(ra_rekey_table *t)
{
    const ra_stream_api *api = ra_stream_calls_api(t->calls);
    atomic_store(&t->stopping, true);
    if (api->stop)
        api->stop(api->arg);
    pthread_mutex_lock(&t->lock);
    if (t->walk)
        ra_stream_walk_stop(t->walk);
    if (!t->grace.tv_sec && clock_gettime(CLOCK_REALTIME, &t->grace) == 0)
        t->grace.tv_sec += GRACE;
    pthread_mutex_unlock(&t->lock);
}

/* What is under way when that is over has an unknown fate, as after a crash: its record comes again. */
bool ra_rekey_table_join(ra_rekey_table *t)
{
    pthread_mutex_lock(&t->lock);
    struct timespec grace = t->grace;
    pthread_mutex_unlock(&t->lock);
    if (pthread_timedjoin_np(t->thread, NULL, &grace) != 0) {
        ra_ddb_stop(t->upstream);
        ra_ddb_stop(t->proxy);
        pthread_join(t->thread, NULL);
    }
    bool ok = !atomic_load(&t->failed);
    free_table(t);
    return ok;
}
