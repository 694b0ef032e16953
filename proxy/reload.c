/* Reading the configuration anew, and switching caching: from a file, or a word, to a snapshot in force. */
#include "config/problems.h"
#include "config/renew.h"
#include "proxy/admin.h"
#include "proxy/advice.h"
#include "proxy/invalidate.h"
#include "proxy/journal.h"
#include "proxy/log.h"
#include "proxy/metrics.h"
#include "proxy/snapshot.h"
#include "proxy/store_pact.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer than any request may take upstream, and its marks. */
enum { JOIN_LIMIT_MS = 60 * 1000 };

/* All that the snapshot needs to be in force, made before anything changes. */
typedef struct stage {
    ra_snapshot *snapshot;
    ra_loop_reload *loops;
    SSL_CTX *listen, *admin; /* NULL: as it is */
    ra_access_file *log;     /* opened anew; NULL: as it is, or there is none */
} stage;

static void stage_free(const ra_server *s, stage *st)
{
    for (unsigned i = 0; st->loops && i < s->nloops; i++) {
        ra_verifier_free(st->loops[i].verifier);
        ra_snapshot_unref(st->loops[i].snapshot);
    }
    free(st->loops);
    ra_snapshot_unref(st->snapshot);
    SSL_CTX_free(st->listen);
    SSL_CTX_free(st->admin);
    ra_access_file_close(st->log);
}

static bool wrong(ra_problems *p, const char *path, const char *member, const char *why)
{
    char *whole = NULL;
    if (asprintf(&whole, "%s%s", path, member) < 0)
        whole = NULL;
    ra_problems_add(p, false, 0, whole, "%s", why);
    return false;
}

static bool no_memory(ra_problems *p)
{
    return wrong(p, "", "", "out of memory");
}

/* With these access keys, which it takes over. */
static bool make_snapshot(ra_server *s, ra_config *c, ra_access_keys *keys_take, stage *st, ra_problems *p)
{
    ra_keys_source *jwks;
    bool ok = ra_server_auth_source(s, c, &jwks);
    st->snapshot = ok ? ra_snapshot_new(c, keys_take, jwks) : NULL;
    if (!st->snapshot)
        ra_access_keys_unref(keys_take);
    st->loops = calloc(s->nloops, sizeof *st->loops);
    ok = st->snapshot && st->loops;
    for (unsigned i = 0; ok && i < s->nloops; i++)
        ok = ra_server_auth_verifier(c, &st->loops[i].verifier);
    return ok || no_memory(p);
}

static bool make_tls(const ra_server *s, const ra_config *c, stage *st, ra_problems *p)
{
    const char *member;
    char why[RA_TLS_WHY_MAX];
    bool ok = true;
    if (s->tls && !(st->listen = ra_tls_context_new(&c->listen.tls, &member, why)))
        ok = wrong(p, "listen.tls", member, why);
    if (s->admin && ra_admin_tls(s->admin) &&
        !(st->admin = ra_tls_context_new(&c->admin.listen.tls, &member, why)))
        ok = wrong(p, "admin.tls", member, why);
    return ok;
}

static bool open_log(const ra_server *s, const ra_config *c, stage *st, ra_problems *p)
{
    char why[RA_ACCESS_WHY_MAX];
    if (!c->access_log.path)
        return true;
    if (!ra_access_log_prepare(s->access_log))
        return no_memory(p);
    st->log = ra_access_file_open(c->access_log.path, why);
    return st->log || wrong(p, "access_log", ".path", why);
}

/* What the option table can't see in one option: which patterns there are, say. */
static bool keeps_pact(const ra_server *s, const ra_config *c, ra_problems *p)
{
    char pact[RA_PACT_CHARS + 1];
    if (!s->redis_shared)
        return true;
    if (!ra_store_pact(c, pact))
        return no_memory(p);
    return strcmp(pact, s->redis_pact) == 0 ||
           wrong(p, "tables", "",
                 "with store \"redis\" all proxies must agree on tables' consistency, settle and "
                 "consistent_fill; these can't change here while they run");
}

/* From files. Every problem is found. */
static bool stage_all(ra_server *s, ra_config *c, stage *st, ra_problems *p)
{
    ra_access_keys *keys = NULL;
    char why[RA_ACCESS_KEYS_WHY_MAX];
    bool ok = keeps_pact(s, c, p);
    if (!ra_server_auth_keys(c, &keys, why))
        ok = wrong(p, "auth.sigv4.keys_file", "", why);
    ok = make_tls(s, c, st, p) && ok;
    ok = open_log(s, c, st, p) && ok;
    if (ok)
        return make_snapshot(s, c, keys, st, p);
    ra_access_keys_unref(keys);
    return false;
}

/* The same with what has been read already. */
static bool stage_again(ra_server *s, ra_config *c, stage *st, ra_problems *p)
{
    ra_snapshot *now = ra_server_snapshot(s);
    ra_access_keys *keys = now->access_keys ? ra_access_keys_ref(now->access_keys) : NULL;
    bool ok = make_snapshot(s, c, keys, st, p);
    ra_snapshot_unref(now);
    return ok;
}

static void put_in_force(ra_server *s, stage *st)
{
    ra_metrics_bind(s->metrics, st->snapshot->config);
    ra_advice_bind(s->advice, st->snapshot->config);
    if (st->listen)
        ra_tls_server_show(s->tls, st->listen);
    if (st->admin)
        ra_tls_server_show(ra_admin_tls(s->admin), st->admin);
    if (st->log)
        ra_access_log_use(s->access_log, st->log);
    st->listen = st->admin = NULL;
    st->log = NULL;
    ra_server_adopt(s, st->snapshot, st->loops);
    if (!st->snapshot->config->access_log.path) /* and no loop has anything more to say */
        ra_access_log_use(s->access_log, NULL);
}

/* ---- tables that join ---- */

/* Those of which a shared store may hold what isn't so any more, and couldn't be voided. */
typedef struct joining {
    ra_server *server;
    bool settled; /* no request is left that might write without marking */
} joining;

static bool still_joins(void *arg, const char *table)
{
    const joining *j = arg;
    const ra_invalidation whole = {.table = table};
    size_t units;
    if (!j->settled || j->server->memory || strcmp(table, "*") == 0)
        return !j->settled; /* what this process holds, it has filled while writes were marked */
    return ra_invalidate(j->server->invalidator, &whole, &units) != RA_INVALIDATED;
}

static void join(ra_server *s, ra_changes *changes)
{
    ra_snapshot *now = ra_server_snapshot(s);
    joining j = {.server = s, .settled = ra_server_settled(s, JOIN_LIMIT_MS)};
    ra_problems problems;
    stage st = {0};
    ra_config *next = ra_config_join(now->config, still_joins, &j, &problems);
    if (next && stage_again(s, next, &st, &problems))
        put_in_force(s, &st);
    const ra_config *c = st.snapshot ? next : now->config;
    for (size_t i = 0; i < c->ntables; i++)
        if (c->tables[i].standing == RA_TABLE_JOINING)
            ra_changes_keep_table(changes, c->tables[i].name);
    stage_free(s, &st);
    ra_problems_free(&problems);
    ra_config_unref(next);
    ra_snapshot_unref(now);
}

/* ---- reload ---- */

/* What is wrong with the mixture of old and new isn't at any line of the file. */
static void add_mixed(ra_problems *to, const ra_problems *mixed)
{
    for (size_t i = 0; i < mixed->n; i++)
        if (!mixed->v[i].warning)
            ra_problems_add(to, false, 0, strdup(mixed->v[i].path),
                            "with what waits for a restart as it was: %s", mixed->v[i].message);
}

static ra_config *read_file(ra_server *s, ra_reload_result *out)
{
    ra_problems mixed;
    ra_snapshot *now = ra_server_snapshot(s);
    ra_config *fresh = ra_config_load(s->config->path, &out->problems), *next = NULL;
    if (fresh) {
        next = ra_config_renew(now->config, fresh, &out->changes, &mixed);
        if (!next)
            add_mixed(&out->problems, &mixed);
        ra_problems_free(&mixed);
    }
    ra_config_unref(fresh);
    ra_snapshot_unref(now);
    return next;
}

static void say_names(const char *what, const ra_names *n)
{
    for (size_t i = 0; i < n->n; i++)
        ra_log(RA_LOG_INFO, "reload: %s %s", n->v[i], what);
    if (n->all > n->n)
        ra_log(RA_LOG_INFO, "reload: and %zu more", n->all - n->n);
}

static void say(ra_server *s, const ra_reload_result *r)
{
    const ra_problems *p = &r->problems;
    for (size_t i = 0; i < p->n; i++) {
        char line[16] = "";
        if (p->v[i].line)
            snprintf(line, sizeof line, ":%d", p->v[i].line);
        ra_log(p->v[i].warning ? RA_LOG_WARNING : RA_LOG_ERROR, "reload: %s%s: %s: %s", s->config->path, line,
               p->v[i].path, p->v[i].message);
    }
    if (!r->ok) {
        ra_log(RA_LOG_ERROR, "reload: nothing has changed");
        ra_journal_note(s->journal, RA_JOURNAL_RELOAD,
                        "the configuration was refused at a reload, and nothing has changed");
        return;
    }
    say_names("is in force", &r->changes.changed);
    say_names("waits for a restart", &r->changes.kept);
    ra_log(RA_LOG_INFO, "reload: done");
    ra_journal_note(s->journal, RA_JOURNAL_RELOAD,
                    "the configuration was reloaded: %zu changes are in force, %zu wait for a restart",
                    r->changes.changed.all, r->changes.kept.all);
}

void ra_server_reload_config(ra_server *s, ra_reload_result *out)
{
    *out = (ra_reload_result){0};
    stage st = {0};
    pthread_mutex_lock(&s->reloading.one);
    ra_config *next = read_file(s, out);
    out->ok = next && stage_all(s, next, &st, &out->problems);
    if (out->ok)
        put_in_force(s, &st);
    stage_free(s, &st);
    if (out->ok && ra_config_any_joins(next))
        join(s, &out->changes);
    ra_config_unref(next);
    ra_server_auth_reap(s);
    say(s, out);
    pthread_mutex_unlock(&s->reloading.one);
}

void ra_reload_result_fini(ra_reload_result *r)
{
    ra_problems_free(&r->problems);
    ra_changes_free(&r->changes);
}

/* ---- caching ---- */

bool ra_server_switch_caching(ra_server *s, const char *table, enum ra_caching caching, const char **why)
{
    ra_problems problems = {0};
    stage st = {0};
    pthread_mutex_lock(&s->reloading.one);
    ra_snapshot *now = ra_server_snapshot(s);
    const ra_table_config *t = table ? ra_config_table(now->config, table, strlen(table)) : NULL;
    bool named = t && strcmp(t->name, table) == 0 && t->standing != RA_TABLE_RETIRED;
    ra_config *next = named || !table ? ra_config_switch(now->config, table, caching, &problems) : NULL;
    bool ok = next && stage_again(s, next, &st, &problems);
    if (ok)
        put_in_force(s, &st);
    *why = ok ? "" : named || !table ? "out of memory" : "`tables` has no entry of that name";
    stage_free(s, &st);
    ra_config_unref(next);
    ra_snapshot_unref(now);
    ra_problems_free(&problems);
    if (ok) {
        const char *word = ra_caching_word(caching);
        ra_log(RA_LOG_INFO, "caching is %s%s%s, until the next reload or restart", word,
               table ? " for table " : "", table ? table : "");
        ra_journal_note(s->journal, RA_JOURNAL_CACHING, "caching was switched %s%s%s%s",
                        caching == RA_CACHING_OBSERVE ? "to " : "", word, table ? " for table " : "",
                        table ? table : "");
    }
    pthread_mutex_unlock(&s->reloading.one);
    return ok;
}
