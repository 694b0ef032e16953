#include "proxy/credentials_renewed.h"

#include "cache/random.h"
#include "proxy/clock.h"
#include "proxy/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

enum {
    RENEWED_MAGIC = 0x72656e65,
    WAIT_MAGIC = 0x63777469,
    AHEAD = 10 * 60 * 1000,
    LEAST = 1000,  /* between two renewals */
    MARGIN = 1000, /* a request takes a moment to arrive */
    FIRST_PAUSE = 1000,
    MOST_PAUSE = 60 * 1000,
    MOST_PAUSE_EXPIRED = 5 * 1000
};

static const char EXPIRED[] = "the AWS credentials have expired and can't be renewed; the log says why";

typedef struct renewed {
    ra_credentials_provider provider; /* first, so that one pointer serves as both */
    uint32_t magic;
    ra_credentials_renewed_options o;
    ra_background *b; /* NULL: the credentials never expire */
    pthread_mutex_t lock;
    /* guarded by lock */
    ra_credentials *current; /* never NULL; they may have expired */
    int64_t due;             /* wall clock: not fetched before */
    int64_t pause;           /* 0: the last fetch went well */
    bool told_expired;       /* in this outage */
} renewed;

static renewed *checked(void *p)
{
    renewed *r = p;
    if (!r || r->magic != RENEWED_MAGIC)
        ra_corrupt("credentials provider");
    return r;
}

/* ---- when ---- */

int64_t ra_credentials_renewal_due(int64_t now, int64_t expires)
{
    if (expires == INT64_MAX)
        return INT64_MAX;
    int64_t left = expires - now;
    int64_t wait = left - AHEAD > left / 2 ? left - AHEAD : left / 2;
    return now + (wait > LEAST ? wait : LEAST);
}

int64_t ra_credentials_renewal_pause(int64_t pause, bool expired, uint64_t random)
{
    int64_t most = expired ? MOST_PAUSE_EXPIRED : MOST_PAUSE;
    int64_t next = pause ? pause * 2 : FIRST_PAUSE;
    if (next > most)
        next = most;
    return next - next / 4 * (int64_t)(random % 1024) / 1024;
}

static bool alive(const ra_credentials *c, int64_t now)
{
    return c->expires_ms == INT64_MAX || now < c->expires_ms - MARGIN;
}

/* ---- on the background's thread ---- */

/* What is to be said once the lock is given up: writing may block. */
enum news { NO_NEWS, DOWN, DOWN_AND_EXPIRED, UP };

/* Under the lock. */
static enum news failed(renewed *r, int64_t now)
{
    bool expired = !alive(r->current, now);
    enum news news = expired && !r->told_expired ? DOWN_AND_EXPIRED : !r->pause ? DOWN : NO_NEWS;
    r->told_expired = r->told_expired || expired;
    r->pause = ra_credentials_renewal_pause(r->pause, expired, ra_random());
    r->due = now + r->pause;
    if (!expired && r->due > r->current->expires_ms - MARGIN)
        r->due = r->current->expires_ms - MARGIN;
    return news;
}

/* Under the lock. *old: the caller's to unref. */
static enum news succeeded(renewed *r, int64_t now, ra_credentials *take, ra_credentials **old)
{
    enum news news = r->pause ? UP : NO_NEWS;
    *old = r->current;
    r->current = take;
    r->due = ra_credentials_renewal_due(now, take->expires_ms);
    r->pause = 0;
    r->told_expired = false;
    return news;
}

static void tell(enum news news, int64_t left, const char *why)
{
    if (news == DOWN)
        ra_log(RA_LOG_WARNING,
               "the AWS credentials can't be renewed: %s; those at hand expire in %" PRId64 " s", why,
               left / 1000);
    else if (news == DOWN_AND_EXPIRED)
        ra_log(RA_LOG_ERROR, "the AWS credentials have expired and can't be renewed, so requests fail: %s",
               why);
    else if (news == UP)
        ra_log(RA_LOG_INFO, "the AWS credentials could be renewed again");
}

static int64_t until_due(const renewed *r, int64_t now)
{
    return r->due == INT64_MAX ? INT64_MAX : r->due - now;
}

/* Who asks may be late: what has been renewed meanwhile isn't again. */
static int64_t fetch(void *arg)
{
    renewed *r = checked(arg);
    char why[RA_CHAIN_WHY_MAX] = "";
    pthread_mutex_lock(&r->lock);
    int64_t left = until_due(r, r->o.wall());
    pthread_mutex_unlock(&r->lock);
    if (left > 0)
        return left;
    ra_credentials *c = r->o.look(r->o.arg, r->b, why), *old = NULL;
    enum news news = NO_NEWS;
    pthread_mutex_lock(&r->lock);
    int64_t now = r->o.wall(), expires = r->current->expires_ms;
    if (c)
        news = succeeded(r, now, c, &old);
    else if (!ra_background_ending(r->b))
        news = failed(r, now);
    left = until_due(r, now);
    pthread_mutex_unlock(&r->lock);
    tell(news, expires - now, why);
    ra_credentials_unref(old);
    return left;
}

/* ---- on the loops ---- */

static ra_credentials_wait *checked_wait(void *p)
{
    ra_credentials_wait *w = p;
    if (!w || w->magic != WAIT_MAGIC)
        ra_corrupt("credentials wait");
    return w;
}

static void woken(ra_background_wait *wait)
{
    ra_credentials_wait *w = checked_wait(wait->arg);
    renewed *r = checked(w->provider);
    w->magic = 0;
    pthread_mutex_lock(&r->lock);
    ra_credentials *c = alive(r->current, r->o.wall()) ? ra_credentials_ref(r->current) : NULL;
    pthread_mutex_unlock(&r->lock);
    w->done(c, c ? NULL : EXPIRED, w->arg);
}

/* They have expired. A fetch that has failed a moment ago isn't made again for each that asks. */
static enum ra_credentials_step wait_for(renewed *r, bool may_fetch, const char **why, ra_mailbox *mailbox,
                                         ra_credentials_wait *w)
{
    *why = EXPIRED;
    if (!may_fetch || !mailbox || !w)
        return RA_CREDENTIALS_NONE;
    w->magic = WAIT_MAGIC;
    w->provider = &r->provider;
    w->wait = (ra_background_wait){.mailbox = mailbox, .woken = woken, .arg = w};
    ra_background_wait_for(r->b, &w->wait);
    return RA_CREDENTIALS_PENDING;
}

static enum ra_credentials_step get(ra_credentials_provider *p, ra_credentials **out, const char **why,
                                    ra_mailbox *mailbox, ra_credentials_wait *wait)
{
    renewed *r = checked(p);
    pthread_mutex_lock(&r->lock);
    int64_t now = r->o.wall();
    bool due = now >= r->due;
    *out = alive(r->current, now) ? ra_credentials_ref(r->current) : NULL;
    pthread_mutex_unlock(&r->lock);
    if (!*out)
        return wait_for(r, due, why, mailbox, wait);
    if (due && r->b) /* the background's own timer stands still while the machine sleeps */
        ra_background_ask(r->b);
    return RA_CREDENTIALS_READY;
}

static void leave(ra_credentials_provider *p, ra_credentials_wait *wait)
{
    ra_background_leave(checked(p)->b, &checked_wait(wait)->wait);
    wait->magic = 0;
}

/* ---- life ---- */

static void drop(const ra_credentials_renewed_options *o)
{
    if (o->free_arg)
        o->free_arg(o->arg);
}

static void destroy(ra_credentials_provider *p)
{
    renewed *r = checked(p);
    ra_background_free(r->b);
    ra_credentials_unref(r->current);
    drop(&r->o);
    pthread_mutex_destroy(&r->lock);
    r->magic = 0;
    free(r);
}

ra_credentials_provider *ra_credentials_renewed_new(const ra_credentials_renewed_options *o)
{
    renewed *r = calloc(1, sizeof *r);
    if (!r || pthread_mutex_init(&r->lock, NULL) != 0) {
        ra_credentials_unref(o->first);
        drop(o);
        free(r);
        return NULL;
    }
    r->provider = (ra_credentials_provider){.get = get, .leave = leave, .free = destroy};
    r->magic = RENEWED_MAGIC;
    r->o = *o;
    if (!r->o.wall)
        r->o.wall = ra_clock_wall;
    r->current = o->first;
    r->due = ra_credentials_renewal_due(r->o.wall(), o->first->expires_ms);
    if (o->first->expires_ms == INT64_MAX)
        return &r->provider;
    r->b = ra_background_new("credentials", fetch, r);
    if (r->b) {
        ra_background_ask(r->b); /* too early: that sets its timer */
        return &r->provider;
    }
    destroy(&r->provider);
    return NULL;
}
