/* Where the current set comes from, and the thread that fetches it. */
#include "proxy/clock.h"
#include "proxy/fetch.h"
#include "proxy/jwks.h"
#include "proxy/jwks_pace.h"
#include "proxy/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
    MAGIC = 0x6a776b73,
    CONNECT_TIMEOUT = 3000, /* requests wait for it */
    TIMEOUT = 5000,
    SAY_AGAIN = 60000,
    WHY_MAX = 320
};

struct ra_jwks_source {
    unsigned magic;
    const ra_config_jwt *c;
    ra_background *background;
    pthread_mutex_t lock; /* guards the next three */
    ra_jwks *current;
    ra_jwks_pace pace;
    bool fetching;
    /* the thread's own */
    int64_t said; /* when the log was told of a failure */
    bool failing; /* and hasn't been told that it is over */
};

/* ---- the thread ---- */

/* The process mustn't wait for a provider that hangs. */
static bool ending(void *arg)
{
    const ra_jwks_source *s = arg;
    if (s->magic != MAGIC)
        ra_corrupt("source of keys");
    return ra_background_ending(s->background);
}

static ra_jwks *fetch_set(ra_jwks_source *s, char why[WHY_MAX])
{
    static const char *const headers[] = {"Accept: application/json"};
    const ra_config_jwt *c = s->c;
    /* Plain HTTP is for this machine alone: a proxy of the environment's could put other keys there. */
    bool tls = strncasecmp(c->jwks_uri, "https:", 6) == 0;
    ra_fetch_request r = {.url = c->jwks_uri,
                          .headers = headers,
                          .nheaders = 1,
                          .connect_timeout = CONNECT_TIMEOUT,
                          .timeout = TIMEOUT,
                          .ca_file = c->ca_file,
                          .max_reply = RA_JWKS_MAX,
                          .no_proxy = !tls,
                          .stop = ending,
                          .stop_arg = s};
    ra_buf body;
    ra_buf_init(&body, RA_JWKS_MAX);
    char detail[RA_FETCH_WHY_MAX] = "", wrong[RA_JWKS_WHY_MAX] = "";
    int status = ra_fetch(&r, &body, detail);
    ra_jwks *k = status == 200 ? ra_jwks_parse(ra_buf_bytes(&body), wrong) : NULL;
    if (status == 0)
        snprintf(why, WHY_MAX, "%s", detail);
    else if (status != 200)
        snprintf(why, WHY_MAX, "the reply has the status %d", status);
    else if (!k)
        snprintf(why, WHY_MAX, "the reply is no set of keys: %s", wrong);
    ra_buf_free(&body);
    return k;
}

/* A provider that is away for long is told of now and then, and once more when it is back. */
static void say(ra_jwks_source *s, bool well, bool have, const char *why, int64_t now)
{
    if (well && s->failing)
        ra_log(RA_LOG_INFO, "auth.jwt: the keys can be had again");
    else if (!well && (!s->failing || now - s->said >= SAY_AGAIN)) {
        ra_log(RA_LOG_WARNING, "auth.jwt: the keys can't be had from jwks_uri: %s; %s", why,
               have ? "those that are known go on being used" : "until they can, no token can be checked");
        s->said = now;
    }
    s->failing = !well;
}

/* Takes the set over, NULL if the fetch has failed. In how many ms the next fetch is due. */
static int64_t conclude(ra_jwks_source *s, ra_jwks *k, const char *why)
{
    int64_t now = ra_clock_monotonic();
    ra_jwks *old = NULL;
    pthread_mutex_lock(&s->lock);
    if (k) {
        old = s->current;
        s->current = k;
    }
    s->fetching = false;
    ra_jwks_pace_ended(&s->pace, now, k != NULL);
    int64_t due = s->pace.due;
    bool have = s->current != NULL;
    pthread_mutex_unlock(&s->lock);
    ra_jwks_unref(old);
    if (k || !ra_background_ending(s->background))
        say(s, k != NULL, have, why, now);
    return due - now;
}

/*
 * Runs when a fetch is due, and when a waiter has been told that there would be one. Between that and now
 * another one may have ended: so it is here that the pace is kept, where there is but one thread.
 */
static int64_t fetch(void *arg)
{
    ra_jwks_source *s = arg;
    if (s->magic != MAGIC)
        ra_corrupt("source of keys");
    int64_t now = ra_clock_monotonic();
    pthread_mutex_lock(&s->lock);
    bool may = ra_jwks_pace_may(&s->pace, now);
    int64_t due = s->pace.due;
    if (may)
        ra_jwks_pace_began(&s->pace, now);
    s->fetching = may;
    pthread_mutex_unlock(&s->lock);
    if (!may)
        return due - now;
    char why[WHY_MAX] = "";
    ra_jwks *k = fetch_set(s, why);
    return conclude(s, k, why);
}

/* ---- from outside ---- */

ra_jwks_source *ra_jwks_source_new(const ra_config_jwt *c)
{
    ra_jwks_source *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->magic = MAGIC;
    s->c = c;
    ra_jwks_pace_init(&s->pace, ra_clock_monotonic());
    if (pthread_mutex_init(&s->lock, NULL) != 0) {
        free(s);
        return NULL;
    }
    s->background = ra_background_new("jwks", fetch, s);
    if (!s->background) {
        ra_jwks_source_free(s);
        return NULL;
    }
    ra_background_ask(s->background);
    return s;
}

void ra_jwks_source_free(ra_jwks_source *s)
{
    if (!s)
        return;
    ra_background_free(s->background);
    ra_jwks_unref(s->current);
    pthread_mutex_destroy(&s->lock);
    s->magic = 0;
    free(s);
}

ra_jwks *ra_jwks_source_get(ra_jwks_source *s)
{
    pthread_mutex_lock(&s->lock);
    ra_jwks *k = s->current ? ra_jwks_ref(s->current) : NULL;
    pthread_mutex_unlock(&s->lock);
    return k;
}

bool ra_jwks_source_wait(ra_jwks_source *s, ra_background_wait *wait)
{
    pthread_mutex_lock(&s->lock);
    bool coming = s->fetching || ra_jwks_pace_may(&s->pace, ra_clock_monotonic());
    pthread_mutex_unlock(&s->lock);
    if (coming)
        ra_background_wait_for(s->background, wait);
    return coming;
}

void ra_jwks_source_leave(ra_jwks_source *s, ra_background_wait *wait)
{
    ra_background_leave(s->background, wait);
}
