#include "proxy/tables.h"

#include "cache/buf.h"
#include "proxy/clock.h"
#include "proxy/log.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    SLOT_MAGIC = 0x7461626c,
    FETCH_MAGIC = 0x74616266,
    NAME_MAX_BYTES = 2048, /* an ARN's limit; longer ones are DynamoDB's to refuse */
    UNSETTLED_REFRESH = 1000,
    FAILED_RETRY = 1000,
    DENIED_RETRY = 60000,
    DOUBT_INTERVAL = 1000,
    DENIED_MOST = 1024,
    DENIED_LOGGED_MOST = 20,
    BUCKETS = 256 /* only names of tables that exist stay in them */
};

/*
 * One name that clients use. Slots that hold nothing are freed at once, so that names that don't exist cost
 * nothing; those of tables that once were there stay when they were doubted, for the sake of the interval,
 * and as long as entries of the table may be left.
 */
typedef struct slot {
    uint32_t magic;
    struct slot *next;
    char *given;
    ra_table *table;  /* NULL: not known */
    ra_table *former; /* what was known before it was forgotten: its entries may still be there, so writes
                         mark it */
    int64_t forgotten_at;
    int64_t fetched_at; /* monotonic; when `table` was last asked for with success */
    int64_t retry_at;   /* no background fetch before, since the last one failed */
    int64_t denied_at;  /* monotonic; 0: not denied */
    int64_t doubted_at;
    struct fetch *fetch; /* under way, or NULL */
    uint64_t change;     /* counts forgettings: a fetch that began before the last one is made again */
    ra_tables_wait *waiters;
} slot;

struct ra_tables {
    ra_config *config;
    pthread_mutex_t mutex;
    slot *slots[BUCKETS];
    int64_t entry_life; /* how long an entry of any table may be there */
    size_t denied;      /* slots with denied_at */
    unsigned denied_logged;
    atomic_uint_least64_t version; /* counts what was learnt, so that a write can tell that something was */
};

/* One DescribeTable under way, on one loop. */
typedef struct fetch {
    uint32_t magic;
    ra_tables *tables;
    ra_upstream *upstream;
    slot *slot;
    uint64_t change; /* the slot's when it began */
    int64_t began_at;
    ra_buf body;
} fetch;

static int64_t life(const ra_policy *p)
{
    int64_t stale =
        p->stale_while_revalidate > p->stale_if_error ? p->stale_while_revalidate : p->stale_if_error;
    return (p->ttl > p->negative_ttl ? p->ttl : p->negative_ttl) + stale;
}

static int64_t longest_life(const ra_config *config)
{
    int64_t longest = 0;
    for (size_t i = 0; i < config->ntables; i++) {
        const ra_table_config *t = &config->tables[i];
        longest = life(&t->policy) > longest ? life(&t->policy) : longest;
        for (size_t k = 0; k < t->npatterns; k++)
            longest = life(&t->patterns[k].policy) > longest ? life(&t->patterns[k].policy) : longest;
    }
    return longest;
}

ra_tables *ra_tables_new(ra_config *config)
{
    ra_tables *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    pthread_mutex_init(&t->mutex, NULL);
    t->config = ra_config_ref(config);
    t->entry_life = longest_life(config);
    return t;
}

static void fetch_free(fetch *f)
{
    ra_buf_free(&f->body);
    f->magic = 0;
    free(f);
}

static void slot_free(slot *s)
{
    ra_table_unref(s->table);
    ra_table_unref(s->former);
    free(s->given);
    s->magic = 0;
    free(s);
}

void ra_tables_free(ra_tables *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        for (slot *s = t->slots[i], *next; s; s = next) {
            next = s->next;
            if (s->fetch) /* its upstream was freed under it */
                fetch_free(s->fetch);
            slot_free(s);
        }
    pthread_mutex_destroy(&t->mutex);
    ra_config_unref(t->config);
    free(t);
}

/* FNV-1a. */
static slot **bucket(ra_tables *t, ra_bytes given)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < given.n; i++)
        h = (h ^ (unsigned char)given.p[i]) * 16777619u;
    return &t->slots[h % BUCKETS];
}

static slot *slot_find(ra_tables *t, ra_bytes given)
{
    for (slot *s = *bucket(t, given); s; s = s->next)
        if (ra_bytes_eq_z(given, s->given))
            return s;
    return NULL;
}

static slot *slot_new(ra_tables *t, ra_bytes given)
{
    slot *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->magic = SLOT_MAGIC;
    s->given = strndup(given.p, given.n);
    if (!s->given) {
        free(s);
        return NULL;
    }
    slot **head = bucket(t, given);
    s->next = *head;
    *head = s;
    return s;
}

/* Frees a slot that holds nothing worth keeping. */
static void slot_drop_if_idle(ra_tables *t, slot *s)
{
    if (s->table || s->former || s->fetch || s->waiters || s->denied_at || s->doubted_at)
        return;
    for (slot **p = bucket(t, ra_bytes_z(s->given)); *p; p = &(*p)->next)
        if (*p == s) {
            *p = s->next;
            slot_free(s);
            return;
        }
}

/* Under the mutex, as all that follow. */
static void permit(ra_tables *t, slot *s)
{
    t->denied -= s->denied_at != 0;
    s->denied_at = 0;
}

/* Drops denials that are over, so that names which a client makes up don't gather, and what was known of
 * tables long enough ago that none of their entries can be left. */
static void drop_what_is_over(ra_tables *t, int64_t now)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (slot *s = t->slots[i], *next; s; s = next) {
            next = s->next;
            if (s->denied_at && now - s->denied_at >= DENIED_RETRY)
                permit(t, s);
            if (s->former && now - s->forgotten_at >= t->entry_life) {
                ra_table_unref(s->former);
                s->former = NULL;
            }
            slot_drop_if_idle(t, s);
        }
}

/* At most DENIED_MOST are remembered; a further name is asked for each time. */
static void remember_denial(ra_tables *t, slot *s, int64_t now)
{
    if (!s->denied_at && t->denied >= DENIED_MOST)
        drop_what_is_over(t, now);
    if (!s->denied_at && t->denied >= DENIED_MOST)
        return;
    t->denied += s->denied_at == 0;
    s->denied_at = now;
}

/* What is known of the table, or was. */
static ra_table *latest(const slot *s)
{
    return s->table ? s->table : s->former;
}

/*
 * The table isn't known any more. If it is learnt anew under the same key its entries count again, so writes
 * in between must go on marking it.
 */
static void retire(slot *s)
{
    if (!s->table)
        return;
    ra_table_unref(s->former);
    s->former = s->table;
    s->forgotten_at = ra_clock_monotonic();
    s->table = NULL;
}

static void forget(ra_tables *t, slot *s)
{
    s->change++;
    permit(t, s);
    retire(s);
    slot_drop_if_idle(t, s);
}

static void wait_unlink(slot *s, ra_tables_wait *w)
{
    if (w->prev)
        w->prev->next = w->next;
    else
        s->waiters = w->next;
    if (w->next)
        w->next->prev = w->prev;
    w->prev = w->next = NULL;
    w->slot = NULL;
}

static void deliver(ra_letter *letter, void *arg)
{
    (void)letter;
    ra_tables_wait *w = arg;
    w->woken(w);
}

/* Under the mutex: gives every waiter the outcome. */
static void wake_all(slot *s, enum ra_tables_step step, ra_http_reply *reply)
{
    while (s->waiters) {
        ra_tables_wait *w = s->waiters;
        wait_unlink(s, w);
        w->step = step;
        w->table = NULL;
        if (step == RA_TABLES_KNOWN)
            w->table = ra_table_ref(s->table);
        else if (step == RA_TABLES_NONE && s->former)
            w->table = ra_table_ref(s->former);
        w->reply = step == RA_TABLES_FAILED && reply ? ra_http_reply_ref(reply) : NULL;
        w->letter.deliver = deliver;
        w->letter.arg = w;
        ra_mailbox_post(w->mailbox, &w->letter);
    }
}

static void fetched(ra_http_reply *reply, void *arg);

static bool fetch_send(fetch *f)
{
    ra_upstream_request r = {.target = RA_BYTES("DynamoDB_20120810.DescribeTable"),
                             .content_type = RA_BYTES("application/x-amz-json-1.0"),
                             .body = ra_buf_bytes(&f->body),
                             .deadline = f->tables->config->upstream.request_timeout};
    const char *why = NULL;
    return ra_upstream_send(f->upstream, &r, fetched, f, &why) != NULL;
}

/* Under the mutex. */
static bool fetch_start(ra_tables *t, ra_upstream *upstream, slot *s)
{
    fetch *f = calloc(1, sizeof *f);
    if (!f)
        return false;
    *f = (fetch){.magic = FETCH_MAGIC,
                 .tables = t,
                 .upstream = upstream,
                 .slot = s,
                 .change = s->change,
                 .began_at = ra_clock_monotonic()};
    ra_buf_init(&f->body, (size_t)8 * NAME_MAX_BYTES);
    ra_buf_add_z(&f->body, "{\"TableName\":");
    ra_buf_add_json_string(&f->body, ra_bytes_z(s->given));
    ra_buf_add_char(&f->body, '}');
    if (!ra_buf_ok(&f->body) || !fetch_send(f)) {
        fetch_free(f);
        return false;
    }
    s->fetch = f;
    return true;
}

static bool error_is(const ra_http_reply *r, const char *type)
{
    return r->body && memmem(r->body, r->len < 512 ? r->len : 512, type, strlen(type)) != NULL;
}

/*
 * Under the mutex. Other slots are other names of the same table (its ARN), or of a namesake: what is learnt
 * of the table is learnt under all its names; a table that was dropped and made again is doubted under the
 * others.
 */
static void replace(ra_tables *t, slot *s, ra_table *table, int64_t began_at)
{
    const ra_table *before = latest(s);
    bool another = !before || !ra_key_eq(&before->key, &table->key);
    for (size_t i = 0; i < BUCKETS; i++)
        for (slot *o = t->slots[i], *next; o; o = next) {
            next = o->next;
            if (o == s || !o->table)
                continue;
            bool same = ra_key_eq(&o->table->key, &table->key);
            if (same && o->fetched_at < began_at) {
                ra_table_unref(o->table);
                o->table = ra_table_ref(table);
                o->fetched_at = began_at;
            } else if (!same && another && strcmp(o->table->name, table->name) == 0) {
                forget(t, o);
            }
        }
    ra_table_unref(s->table);
    ra_table_unref(s->former); /* of another table its entries can't be found any more */
    s->former = NULL;
    s->table = table;
    s->fetched_at = began_at;
    permit(t, s);
    atomic_fetch_add(&t->version, 1);
    wake_all(s, RA_TABLES_KNOWN, NULL);
}

/* Under the mutex. */
static void log_denial(ra_tables *t, const slot *s)
{
    if (t->denied_logged >= DENIED_LOGGED_MOST || s->denied_at)
        return;
    ra_log(RA_LOG_WARNING,
           "table %s isn't cached: dynamodb:DescribeTable is denied to the proxy's credentials "
           "(allow it, or give the table's keys as tables.%s.schema in the config)",
           s->given, s->given);
    if (++t->denied_logged == DENIED_LOGGED_MOST)
        ra_log(RA_LOG_WARNING, "further tables that can't be described won't be named");
}

/* Under the mutex: a new schema, or the news that there is none. What remains true stays. */
static void learn(ra_tables *t, slot *s, ra_http_reply *reply, int64_t began_at)
{
    int64_t now = ra_clock_monotonic();
    bool answered = reply && reply->result == RA_HTTP_OK;
    bool refused = answered && reply->status == 400;
    bool denied = refused && error_is(reply, "AccessDenied");
    ra_table *table = NULL;
    if (answered && reply->status == 200)
        table = ra_table_from_describe((ra_bytes){reply->body, reply->len},
                                       ra_bytes_z(t->config->cache.key_prefix),
                                       ra_bytes_z(t->config->upstream.endpoint));
    if (table) {
        replace(t, s, table, began_at);
    } else if (refused &&
               (error_is(reply, "ResourceNotFoundException") || error_is(reply, "ValidationException"))) {
        /* It doesn't exist, or no table can have this name. */
        retire(s);
        wake_all(s, RA_TABLES_NONE, NULL);
    } else if (denied || (answered && reply->status == 200)) { /* or a key schema that isn't understood */
        if (denied)
            log_denial(t, s);
        remember_denial(t, s, now);
        wake_all(s, s->table ? RA_TABLES_KNOWN : RA_TABLES_NONE, NULL);
    } else { /* DynamoDB is out of reach or refuses for now: what was known goes on being used */
        s->retry_at = now + FAILED_RETRY;
        wake_all(s, s->table ? RA_TABLES_KNOWN : RA_TABLES_FAILED, reply);
    }
}

static void fetched(ra_http_reply *reply, void *arg)
{
    fetch *f = arg;
    if (f->magic != FETCH_MAGIC || f->slot->magic != SLOT_MAGIC)
        ra_corrupt("DescribeTable");
    ra_tables *t = f->tables;
    slot *s = f->slot;
    pthread_mutex_lock(&t->mutex);
    bool overtaken = f->change != s->change;
    f->change = s->change;
    int64_t began_at = f->began_at;
    f->began_at = ra_clock_monotonic();
    if (overtaken && s->waiters && fetch_send(f)) {
        pthread_mutex_unlock(&t->mutex);
        return;
    }
    if (overtaken)
        wake_all(s, RA_TABLES_FAILED, NULL); /* only where sending again failed */
    else
        learn(t, s, reply, began_at);
    s->fetch = NULL; /* until now it has kept the slot */
    slot_drop_if_idle(t, s);
    pthread_mutex_unlock(&t->mutex);
    fetch_free(f);
}

static bool settled(const ra_table *t)
{
    bool all = t->active;
    for (size_t i = 0; i < t->nindexes; i++)
        all = all && t->indexes[i].active;
    return all;
}

/* Under the mutex. */
static enum ra_tables_step get(ra_tables *t, ra_upstream *upstream, ra_bytes given, ra_tables_wait *w)
{
    int64_t now = ra_clock_monotonic();
    slot *s = slot_find(t, given);
    if (!s)
        s = slot_new(t, given);
    if (!s)
        return RA_TABLES_FAILED;
    bool denied = s->denied_at && now - s->denied_at < DENIED_RETRY;
    if (s->table) {
        int64_t refresh = settled(s->table) ? t->config->upstream.schema_refresh : UNSETTLED_REFRESH;
        if (now - s->fetched_at >= refresh && now >= s->retry_at && !s->fetch && !denied)
            fetch_start(t, upstream, s); /* in the background; failing that, the next reader tries */
        w->table = ra_table_ref(s->table);
        return RA_TABLES_KNOWN;
    }
    if (denied) {
        w->table = s->former ? ra_table_ref(s->former) : NULL;
        return RA_TABLES_NONE;
    }
    if (!s->fetch && !fetch_start(t, upstream, s)) {
        slot_drop_if_idle(t, s);
        return RA_TABLES_FAILED;
    }
    w->slot = s;
    w->prev = NULL;
    w->next = s->waiters;
    if (s->waiters)
        s->waiters->prev = w;
    s->waiters = w;
    return RA_TABLES_PENDING;
}

/* A schema that the config gives needs no DescribeTable; it is made once and never goes out of date. */
static enum ra_tables_step get_configured(ra_tables *t, ra_bytes given, const ra_table_schema *schema,
                                          ra_tables_wait *w)
{
    ra_bytes name = ra_table_short_name(given); /* one slot for all spellings of an ARN */
    slot *s = slot_find(t, name);
    if (!s)
        s = slot_new(t, name);
    if (!s)
        return RA_TABLES_FAILED;
    if (!s->table) {
        s->table = ra_table_from_config(s->given, schema, ra_bytes_z(t->config->cache.key_prefix),
                                        ra_bytes_z(t->config->upstream.endpoint));
        atomic_fetch_add(&t->version, 1);
    }
    if (!s->table) {
        slot_drop_if_idle(t, s);
        return RA_TABLES_FAILED;
    }
    w->table = ra_table_ref(s->table);
    return RA_TABLES_KNOWN;
}

enum ra_tables_step ra_tables_get(ra_tables *t, ra_upstream *upstream, ra_bytes given,
                                  const ra_table_config *table_config, ra_tables_wait *w)
{
    w->table = NULL;
    w->reply = NULL;
    w->slot = NULL;
    if (given.n == 0 || given.n > NAME_MAX_BYTES || memchr(given.p, 0, given.n))
        return w->step = RA_TABLES_NONE;
    pthread_mutex_lock(&t->mutex);
    enum ra_tables_step step =
        table_config->schema ? get_configured(t, given, table_config->schema, w) : get(t, upstream, given, w);
    if (step != RA_TABLES_PENDING)
        w->step = step; /* a waiter's fields are another loop's to write, once the mutex is free */
    pthread_mutex_unlock(&t->mutex);
    return step;
}

void ra_tables_leave(ra_tables *t, ra_tables_wait *w)
{
    pthread_mutex_lock(&t->mutex);
    slot *s = w->slot;
    if (s) {
        wait_unlink(s, w);
        slot_drop_if_idle(t, s);
    }
    pthread_mutex_unlock(&t->mutex);
    if (!s && ra_mailbox_withdraw(w->mailbox, &w->letter)) {
        ra_table_unref(w->table);
        ra_http_reply_unref(w->reply);
    }
    w->table = NULL;
    w->reply = NULL;
}

static bool is_named(const slot *s, ra_bytes name)
{
    return ra_bytes_eq(ra_table_short_name(ra_bytes_z(s->given)), name);
}

/* Slots of this short name; those that were doubted less than `interval` ago are left as they are. */
static void forget_named(ra_tables *t, ra_bytes name, int64_t now, int64_t interval)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (slot *s = t->slots[i], *next; s; s = next) {
            next = s->next;
            if (!is_named(s, name) || now - s->doubted_at < interval)
                continue;
            if (interval)
                s->doubted_at = now; /* which also keeps the slot */
            forget(t, s);
        }
}

void ra_tables_forget(ra_tables *t, ra_bytes name)
{
    int64_t now = ra_clock_monotonic();
    pthread_mutex_lock(&t->mutex);
    drop_what_is_over(t, now);
    forget_named(t, name, now, 0);
    pthread_mutex_unlock(&t->mutex);
}

void ra_tables_doubt(ra_tables *t, ra_bytes name)
{
    int64_t now = ra_clock_monotonic();
    pthread_mutex_lock(&t->mutex);
    drop_what_is_over(t, now);
    forget_named(t, name, now, DOUBT_INTERVAL);
    pthread_mutex_unlock(&t->mutex);
}

void ra_tables_renew(ra_tables *t, ra_config *config)
{
    int64_t life = longest_life(config);
    pthread_mutex_lock(&t->mutex);
    ra_config *before = t->config;
    t->config = ra_config_ref(config);
    if (t->entry_life < life) /* what was cached before lives as long as before */
        t->entry_life = life;
    pthread_mutex_unlock(&t->mutex);
    ra_config_unref(before);
}

uint64_t ra_tables_version(ra_tables *t)
{
    return atomic_load(&t->version);
}

ra_table **ra_tables_all(ra_tables *t, size_t *n)
{
    *n = 0;
    pthread_mutex_lock(&t->mutex);
    for (size_t i = 0; i < BUCKETS; i++)
        for (slot *s = t->slots[i]; s; s = s->next)
            *n += latest(s) != NULL;
    ra_table **all = *n ? calloc(*n, sizeof(ra_table *)) : NULL;
    size_t filled = 0;
    for (size_t i = 0; i < BUCKETS && all; i++)
        for (slot *s = t->slots[i]; s; s = s->next)
            if (latest(s))
                all[filled++] = ra_table_ref(latest(s));
    pthread_mutex_unlock(&t->mutex);
    return all;
}
