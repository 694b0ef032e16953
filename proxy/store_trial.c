#include "proxy/store_trial.h"

#include "proxy/clock.h"
#include "proxy/log.h"
#include "proxy/server_store.h"

#include <event2/event.h>
#include <stdio.h>

enum { TRIAL_MAGIC = 0x74726961 };

typedef struct trial {
    uint32_t magic;
    bool too_late;
    char why[320]; /* what was said last; "": nothing */
} trial;

static trial *trial_of(void *arg)
{
    trial *t = arg;
    if (t->magic != TRIAL_MAGIC)
        ra_corrupt("store trial");
    return t;
}

static void heard(const char *text, bool warning, void *arg)
{
    trial *t = trial_of(arg);
    if (warning)
        snprintf(t->why, sizeof t->why, "%s", text);
}

static void too_late(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    trial_of(arg)->too_late = true;
}

static bool in_use(ra_store *store)
{
    return ra_redis_store_health(store, ra_clock_monotonic()) >= RA_REDIS_QUARANTINE;
}

/* Until it is used, refused, or somebody has said why it isn't. */
static bool judge(ra_server *s, ra_store *store, struct event_base *base, trial *t)
{
    const char *refusal = NULL;
    while (!t->too_late && !*t->why && !in_use(store) && !refusal) {
        if (event_base_loop(base, EVLOOP_ONCE) != 0)
            break;
        refusal = ra_redis_store_refusal(store);
    }
    if (refusal) {
        ra_log(RA_LOG_ERROR, "redis %s: %s", s->redis_where, refusal);
        return false;
    }
    if (!in_use(store))
        ra_log(RA_LOG_WARNING,
               "redis %s: %s: starting all the same, reads are answered by DynamoDB until it can be used",
               s->redis_where, *t->why ? t->why : "it hasn't answered in time");
    return true;
}

static bool try_on(ra_server *s, struct event_base *base, trial *t)
{
    const ra_config_redis *c = &s->config->cache.redis;
    int64_t most = c->connect_timeout + c->command_timeout;
    struct timeval at = {.tv_sec = most / 1000, .tv_usec = most % 1000 * 1000};
    ra_store *store = ra_server_redis_store_new(s, base, heard, t);
    struct event *timer = store ? evtimer_new(base, too_late, t) : NULL;
    bool ready = timer && evtimer_add(timer, &at) == 0;
    bool good = ready && judge(s, store, base, t);
    if (!ready)
        ra_log(RA_LOG_ERROR, "out of memory");
    if (timer)
        event_free(timer);
    if (store)
        ra_store_free(store);
    event_base_loop(base, EVLOOP_NONBLOCK); /* what a look-up of its name has left goes now */
    return good;
}

bool ra_store_trial(ra_server *s)
{
    trial t = {.magic = TRIAL_MAGIC};
    if (s->memory)
        return true;
    if (s->momento_shared) { /* whatever it says: reads go to DynamoDB until it says something else */
        ra_momento_server_trial(s->config, s->momento_shared, &s->momento_voice);
        return true;
    }
    struct event_base *base = event_base_new();
    if (!base) {
        ra_log(RA_LOG_ERROR, "out of memory");
        return false;
    }
    bool good = try_on(s, base, &t);
    event_base_free(base);
    return good;
}
