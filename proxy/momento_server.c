#include "proxy/momento_server.h"

#include "cache/momento_record.h"
#include "proxy/clock.h"
#include "proxy/journal.h"
#include "proxy/log.h"

#include <event2/event.h>
#include <stdio.h>

enum { VOICE_MAGIC = 0x6d6f6d76, TRIAL_MAGIC = 0x6d6f6d78, REGISTER_LEAST_MS = 60 * 60 * 1000 };

ra_momento_client_options ra_momento_server_options(const ra_config_momento *c, unsigned nloops)
{
    unsigned share = c->max_connections / nloops;
    return (ra_momento_client_options){.endpoint = c->endpoint,
                                       .cache = c->cache,
                                       .api_key = c->api_key,
                                       .ca_file = c->ca_file,
                                       .max_connections = share ? share : 1};
}

static int64_t longest_life(const ra_policy *p)
{
    int64_t keep =
        p->stale_while_revalidate > p->stale_if_error ? p->stale_while_revalidate : p->stale_if_error;
    return (p->ttl > p->negative_ttl ? p->ttl : p->negative_ttl) + keep;
}

int64_t ra_momento_server_register_ttl(const ra_config *c)
{
    static const int64_t most = INT64_C(1000) * RA_MOMENTO_TTL_MOST;
    int64_t longest = 0;
    for (size_t i = 0; i < c->ntables; i++) {
        const ra_table_config *t = &c->tables[i];
        for (size_t k = 0; k <= t->npatterns; k++) {
            int64_t life = longest_life(k ? &t->patterns[k - 1].policy : &t->policy);
            longest = life > longest ? life : longest;
        }
    }
    longest += c->unknown_write_hold;
    if (longest < REGISTER_LEAST_MS)
        longest = REGISTER_LEAST_MS;
    return longest < most ? longest : most;
}

/* ---- what is said ---- */

void ra_momento_voice_init(ra_momento_voice *v, const ra_config_momento *c)
{
    v->magic = VOICE_MAGIC;
    v->journal = NULL;
    snprintf(v->where, sizeof v->where, "cache %.256s at %.320s", c->cache, c->endpoint);
}

void ra_momento_voice_say(const char *text, bool warning, void *voice)
{
    const ra_momento_voice *v = voice;
    if (v->magic != VOICE_MAGIC)
        ra_corrupt("momento's voice");
    ra_log(warning ? RA_LOG_WARNING : RA_LOG_INFO, "momento %s: %s", v->where, text);
    ra_journal_note(v->journal, RA_JOURNAL_BREAKER, "momento %s: %s", v->where, text);
}

/* ---- the trial ---- */

typedef struct trial {
    uint32_t magic;
    bool done;
    ra_momento_shared *shared;
    ra_momento_voice *voice;
} trial;

static void tried(const ra_momento_result *r, void *arg)
{
    trial *t = arg;
    char text[2 * RA_MOMENTO_TEXT_MAX];
    if (t->magic != TRIAL_MAGIC)
        ra_corrupt("momento's trial");
    t->done = true;
    ra_momento_shared_heard(t->shared, ra_clock_monotonic(), r);
    if (ra_momento_is_good(r->outcome) || ra_momento_is_misconfigured(r->outcome))
        return;
    snprintf(text, sizeof text,
             "%s%s%s: starting all the same, reads are answered by DynamoDB until it answers",
             ra_momento_outcome_text(r->outcome), *r->text ? ": " : "", r->text);
    ra_momento_voice_say(text, true, t->voice);
}

void ra_momento_server_trial(const ra_config *c, ra_momento_shared *shared, ra_momento_voice *voice)
{
    /* Nobody's unit, so that it isn't there; what Momento says instead is what there is to know. */
    static const ra_key nobody;
    char name[RA_MOMENTO_NAME_MAX];
    trial t = {.magic = TRIAL_MAGIC, .shared = shared, .voice = voice};
    ra_momento_client_options o = ra_momento_server_options(&c->cache.momento, 1);
    struct event_base *base = event_base_new();
    ra_momento_client *client = base ? ra_momento_client_new(base, &o) : NULL;
    bool asked =
        client && ra_momento_get(client, ra_momento_register_name(c->cache.key_prefix, &nobody, name),
                                 c->cache.momento.request_timeout, tried, &t);
    while (asked && !t.done && event_base_loop(base, EVLOOP_ONCE) == 0) {
    }
    if (!asked)
        ra_momento_voice_say("out of memory: starting without having tried it", true, voice);
    ra_momento_client_free(client);
    if (base) {
        event_base_loop(base, EVLOOP_NONBLOCK); /* what a look-up of its name has left goes now */
        event_base_free(base);
    }
}
