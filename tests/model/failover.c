/*
 * Redis with a replica. The replica is the master as it was at some earlier moment; a failover makes it the
 * master and loses what came since. The old master may go on answering reads of those who are still connected
 * to it, but takes no writes once its replicas are gone. Each proxy notices in its own time.
 *
 * The quarantine is a span of time that is longer than any living proxy takes to notice (each sends a
 * heartbeat a second) and to BEGIN again what it has under way: so in the model it ends only when all have. A
 * proxy that is killed during a failover is outside of the model, as it is outside of the promise.
 */
#include "tests/model/steps.h"
#include "tests/model/store.h"
#include "tests/model/writer.h"

#include <string.h>

static void replicate(const ra_step *st)
{
    ra_state t = *st->from;
    t.server[1] = t.server[0];
    if (!ra_wrong(st->run, RA_MUTANT_NO_EPOCH)) {
        /* Generations of another server's epoch never hit, and the first MISS drops them. */
        memset(t.server[1].entry, 0, sizeof t.server[1].entry);
        for (unsigned k = 0; k < RA_KEYS; k++)
            t.server[1].key[k].generation = 0;
    }
    if (memcmp(&t.server[1], &st->from->server[1], sizeof t.server[1]) != 0)
        ra_take(st, &t, RA_V_REPLICATE, RA_NOBODY, RA_NO_KEY);
}

static void fail_over(const ra_step *st)
{
    ra_state t = *st->from;
    t.failed_over = 1;
    ra_take(st, &t, RA_V_FAILOVER, RA_NOBODY, RA_NO_KEY);
}

static void reconnect(const ra_step *st, unsigned proxy)
{
    ra_state t = *st->from;
    t.link[proxy] = RA_LINK_QUARANTINE;
    for (unsigned i = 0; i < st->run->scope->readers; i++) {
        ra_reader *r = &t.reader[i];
        if (st->run->scope->reader[i].proxy == proxy &&
            (r->phase == RA_R_LOOKING || r->phase == RA_R_NO_TOKEN))
            *r = (ra_reader){0}; /* its replies are lost: it reads upstream and fills nothing */
    }
    ra_take(st, &t, RA_V_RECONNECT, proxy, RA_NO_KEY);
}

/* Does this key's marker have to be set again? Those of writes under way and of unknown fate. */
static bool is_lost(const ra_step *st, unsigned w, unsigned key)
{
    const ra_writer *v = &st->from->writer[w];
    bool unknown = v->phase == RA_W_SENT && !ra_wrong(st->run, RA_MUTANT_REBEGIN_FORGETS_UNKNOWN);
    bool open = v->phase == RA_W_MARKING || unknown || v->phase == RA_W_RESULT;
    bool had = v->mark[key] == RA_M_SET || v->mark[key] == RA_M_ACKED;
    return open && had && !v->late && !(st->from->server[1].key[key].marks >> w & 1);
}

static void begin_again(const ra_step *st, unsigned w)
{
    if (st->from->link[st->run->scope->writer[w].proxy] == RA_LINK_OLD)
        return;
    for (unsigned k = 0; k < RA_KEYS; k++) {
        if (!is_lost(st, w, k) || ra_wrong(st->run, RA_MUTANT_NO_REBEGIN))
            continue;
        ra_state t = *st->from;
        ra_store_begin(st->run, &t, 1, k, w);
        ra_take(st, &t, RA_V_REBEGIN, w, k);
    }
}

/* Have the proxies that this one waits for noticed, and set their markers again? */
static bool all_clear(const ra_step *st, unsigned proxy)
{
    const ra_run *run = st->run;
    bool alone = ra_wrong(run, RA_MUTANT_NO_QUARANTINE);
    for (unsigned p = 0; p < RA_PROXIES && !alone; p++)
        if (st->from->link[p] == RA_LINK_OLD && !ra_wrong(run, RA_MUTANT_OLD_MASTER_WRITES))
            return false;
    for (unsigned w = 0; w < run->scope->writers; w++) {
        unsigned owner = run->scope->writer[w].proxy;
        if ((alone && owner != proxy) || st->from->link[owner] == RA_LINK_OLD)
            continue;
        for (unsigned k = 0; k < RA_KEYS; k++)
            if (is_lost(st, w, k) && !ra_wrong(run, RA_MUTANT_NO_REBEGIN))
                return false;
    }
    return true;
}

void ra_failover_steps(const ra_step *st)
{
    if (!st->from->failed_over) {
        replicate(st);
        fail_over(st);
        return;
    }
    for (unsigned p = 0; p < RA_PROXIES; p++) {
        if (st->from->link[p] == RA_LINK_OLD)
            reconnect(st, p);
        if (st->from->link[p] != RA_LINK_QUARANTINE || !all_clear(st, p))
            continue;
        ra_state t = *st->from;
        t.link[p] = RA_LINK_NEW;
        ra_take(st, &t, RA_V_QUARANTINE_OVER, p, RA_NO_KEY);
    }
    for (unsigned w = 0; w < st->run->scope->writers; w++)
        begin_again(st, w);
}
