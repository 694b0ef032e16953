/* `readaside check`: everything that is wrong with a configuration, and what a sound one promises. */
#include "proxy/cli_check.h"
#include "config/config.h"
#include "config/units.h"
#include "proxy/cli.h"
#include "proxy/cli_files.h"

#include <string.h>

static void usage(FILE *out)
{
    fputs("usage: readaside check -c FILE [--json]\n"
          "\n"
          "Checks a configuration. All problems are shown at once, as \"file:line: path: what is wrong, and "
          "what\n"
          "is accepted\", on stderr. A sound one gives \"FILE: ok\" and, for each table, its TTLs, what its "
          "reads\n"
          "promise and what that costs, for each route what it takes and what it becomes, and what stream "
          "rules do.\n"
          "\n"
          "  -c, --config FILE   the configuration\n"
          "      --json          the problems as a JSON array on stdout, [] for none, and nothing else:\n"
          "                      [{\"file\", \"line\", \"path\", \"message\", \"severity\": \"error\" or "
          "\"warning\"}]\n"
          "  -h, --help          this text\n"
          "\n"
          "Exit status: 0 if there is no error (warnings don't count), 2 if there is one.\n",
          out);
}

static void print_ms(const char *name, int64_t ms, const char *separator)
{
    char text[RA_UNIT_TEXT_MAX];
    ra_duration_format(ms, text);
    printf("%s%s %s", separator, name, text);
}

static void print_policy(const ra_policy *p)
{
    if (p->ttl == 0) {
        printf("not cached");
        return;
    }
    print_ms("ttl", p->ttl, "");
    if (p->ttl_jitter) {
        char share[RA_UNIT_TEXT_MAX];
        ra_share_format(p->ttl_jitter, share);
        printf(" (up to %s shorter)", share);
    }
    print_ms("negative_ttl", p->negative_ttl, ", ");
    if (p->stale_while_revalidate)
        print_ms("stale_while_revalidate", p->stale_while_revalidate, ", ");
    if (p->stale_if_error)
        print_ms("stale_if_error", p->stale_if_error, ", ");
    if (!p->consistent_fill)
        printf(", consistent_fill false");
    if (p->serve_consistent_reads)
        printf(", serve_consistent_reads true");
}

static void print_pattern(const ra_pattern *p)
{
    printf("    %s: ", p->policy.name);
    if (p->partition_key)
        printf("partition_key %s, ", p->partition_key);
    if (p->index)
        printf("index %s, ", p->index);
    print_policy(&p->policy);
    putchar('\n');
}

/* What the design promises for each mode. `memory` is one process's: other writers are seen by TTL only. */
static const char *promise_alone(enum ra_consistency c)
{
    switch (c) {
    case RA_LINEARIZABLE:
        return "linearizable: reads and writes through this proxy are linearizable per partition, as long "
               "as\n"
               "    every writer goes through it";
    case RA_READ_AFTER_WRITE:
        return "read_after_write: no read through this proxy is older than the newest write through it that\n"
               "    was acknowledged before the read began; a write that goes around it is seen within the "
               "TTL";
    default:
        return "eventual: a read may be as old as the TTL; writes through this proxy are seen by its own "
               "reads";
    }
}

/* Redis is shared by all proxies of one Redis, database, prefix and upstream. */
static const char *promise_shared(enum ra_consistency c)
{
    switch (c) {
    case RA_LINEARIZABLE:
        return "linearizable: reads and writes through the proxies that share the store are linearizable\n"
               "    per partition, as long as every writer goes through one of them";
    case RA_READ_AFTER_WRITE:
        return "read_after_write: no read through a proxy that shares the store is older than the newest\n"
               "    write through any of them that was acknowledged before the read began; a write that "
               "goes\n"
               "    around them is seen within the TTL";
    default:
        return "eventual: a read may be as old as the TTL; writes through the proxies that share the store\n"
               "    are seen by their reads";
    }
}

/* How many of the table's own policy and its patterns fill consistently. */
static void count_fills(const ra_table_config *t, size_t *consistent, size_t *all)
{
    *consistent = 0;
    *all = 0;
    for (size_t i = 0; i <= t->npatterns; i++) {
        const ra_policy *p = i ? &t->patterns[i - 1].policy : &t->policy;
        if (p->ttl == 0)
            continue;
        ++*all;
        *consistent += p->consistent_fill;
    }
}

static void print_costs(const ra_table_config *t)
{
    size_t consistent, all;
    count_fills(t, &consistent, &all);
    if (consistent)
        printf("  consistent_fill true: a miss is read with ConsistentRead, which costs twice the read units "
               "of\n"
               "    an eventually consistent one\n");
    if (consistent < all)
        printf(
            "  consistent_fill false%s: a miss costs half as many read units, and a read may be as old as\n"
            "    the TTL: an eventually consistent read may be cached that a write has overtaken\n",
            consistent ? ", where it is set" : "");
    char settle[RA_UNIT_TEXT_MAX];
    ra_duration_format(t->settle, settle);
    printf("  global indexes: eventually consistent, as in DynamoDB itself; after a write the partitions it\n"
           "    touches aren't cached for %s, and should an index lag by more, a read may be as old as the "
           "TTL\n",
           settle);
}

/* What passing on costs others; what refusing costs is plain. */
static void print_writes(const ra_table_config *t, enum ra_store_kind store)
{
    const char *name = store == RA_STORE_KIND_REDIS ? "Redis" : "Momento";
    if (t->writes_when_store_down == RA_WRITES_REFUSE) {
        printf("  writes_when_store_down refuse: a write that %s can't be told of first gets 503, and isn't "
               "sent\n",
               name);
        return;
    }
    printf("  writes_when_store_down pass: a write that %s can't be told of is sent all the same. Other "
           "proxies\n"
           "    may serve what it has overwritten, at most up to the TTL, until ",
           name);
    if (store == RA_STORE_KIND_REDIS)
        printf("they have lost Redis too or this\n    one has told it%s\n",
               t->consistency == RA_LINEARIZABLE ? ": for so long nothing is linearizable" : "");
    else
        printf("this one has told it\n");
}

static void print_promise(enum ra_consistency c, enum ra_store_kind store)
{
    if (store == RA_STORE_KIND_MOMENTO)
        printf("  consistency eventual: %s\n", RA_MOMENTO_PROMISE);
    else
        printf("  consistency %s\n", store == RA_STORE_KIND_MEMORY ? promise_alone(c) : promise_shared(c));
}

static void print_table(const ra_config *c, const ra_table_config *t)
{
    enum ra_store_kind store = c->cache.store;
    printf("\ntable %s%s\n  ", t->name,
           strcmp(t->name, "*") == 0 ? " (every table without an entry of its own)" : "");
    print_policy(&t->policy);
    putchar('\n');
    if (t->npatterns)
        printf("  patterns, the first that matches counts:\n");
    for (size_t i = 0; i < t->npatterns; i++)
        print_pattern(&t->patterns[i]);
    print_promise(t->consistency, store);
    if (store != RA_STORE_KIND_MEMORY)
        print_writes(t, store);
    ra_cli_check_stream(c, t, stdout);
    print_costs(t);
}

/* Who has lost a Redis believes it for three heartbeats more, and takes no late reply for a new one. */
static void print_quarantine(const ra_config_redis *r)
{
    char text[RA_UNIT_TEXT_MAX];
    int64_t believed = 3 * r->heartbeat + r->command_timeout;
    print_ms("    a Redis that is new counts as away for", r->quarantine, "");
    if (r->quarantine < believed) {
        ra_duration_format(believed, text);
        printf(":\n    shorter than three heartbeats and command_timeout, %s. For so long a proxy may serve\n"
               "    from a Redis that it has lost what others have overwritten on a new one: nothing is\n"
               "    promised over a failover",
               text);
    }
    putchar('\n');
}

static void print_seal(const ra_config_cache *c, const char *store)
{
    if (c->encryption_key.n)
        printf("    what is cached is sealed with AES-256-GCM: %zu key%s, the first of which seals\n",
               c->encryption_key.n, c->encryption_key.n == 1 ? "" : "s");
    else
        printf("    what is cached isn't encrypted: whoever reads %s sees rows, and whoever writes to it "
               "forges\n"
               "    them (cache.encryption_key)\n",
               store);
}

/* Never the API key. */
static void print_momento(const ra_config_cache *c)
{
    const ra_config_momento *m = &c->momento;
    printf("  store momento, cache %s at %s\n", m->cache, m->endpoint);
    printf("    shared by all proxies with this cache, upstream and cache.key_prefix%s%s\n",
           *c->key_prefix ? " " : "", c->key_prefix);
    print_seal(c, "Momento");
    if (m->operations_per_second)
        printf("    at most %u operations a second, of which a read takes two; over that, and while Momento "
               "says\n"
               "    that it is too much, reads go to DynamoDB\n",
               m->operations_per_second);
    else
        printf("    as many operations as it takes, two for a read (cache.momento.operations_per_second); "
               "while\n"
               "    Momento says that it is too much, reads go to DynamoDB\n");
    printf("    what is over 5 MB or lives for more than 24h isn't stored\n");
    printf("    while it is away reads go to DynamoDB; for writes each table says writes_when_store_down\n");
}

/* Never the user or the password. */
static void print_redis(const ra_config_cache *c)
{
    const ra_config_redis *r = &c->redis;
    bool v6 = r->host && strchr(r->host, ':');
    if (r->socket)
        printf("  store redis at the unix socket %s", r->socket);
    else
        printf("  store redis at %s%s%s:%u%s", v6 ? "[" : "", r->host, v6 ? "]" : "", r->port,
               r->tls ? " over TLS" : "");
    printf(", database %u\n", r->database);
    printf("    shared by all proxies with this Redis, database, upstream and cache.key_prefix%s%s\n",
           *c->key_prefix ? " " : "", c->key_prefix);
    print_seal(c, "Redis");
    printf("    while it is away reads go to DynamoDB; for writes each table says writes_when_store_down\n");
    print_quarantine(r);
}

static void print_store(const ra_config_cache *c)
{
    char size[RA_UNIT_TEXT_MAX];
    if (c->store == RA_STORE_KIND_REDIS) {
        print_redis(c);
        return;
    }
    if (c->store == RA_STORE_KIND_MOMENTO) {
        print_momento(c);
        return;
    }
    ra_size_format((int64_t)c->max_bytes, size);
    printf("  store memory, at most %s\n", size);
}

/* Who may use the wire API. */
static void print_callers(const ra_config *c)
{
    static const char *const text[] = {
        [RA_SIGV4_UNSAID] = "whoever is on this machine",
        [RA_SIGV4_NONE] = "whoever can reach it",
        [RA_SIGV4_KEYS] = "who signs with a key of auth.sigv4.keys_file",
    };
    printf("  for DynamoDB's API: %s\n", text[c->auth.sigv4.mode]);
}

static void print_summary(const ra_config *c, const char *file)
{
    bool v6 = strchr(c->listen.host, ':') != NULL;
    printf("%s: ok\n", file);
    printf("  listens on http%s://%s%s%s:%u, %u thread%s\n", c->listen.tls.cert_file ? "s" : "",
           v6 ? "[" : "", c->listen.host, v6 ? "]" : "", c->listen.port, c->listen.threads,
           c->listen.threads == 1 ? "" : "s");
    print_callers(c);
    printf("  upstream %s, region %s\n", c->upstream.endpoint, c->upstream.region);
    print_store(&c->cache);
    if (c->ntables == 0)
        printf("\nno table is named, so nothing is cached: every request is passed on\n");
    for (size_t i = 0; i < c->ntables; i++)
        print_table(c, &c->tables[i]);
    ra_cli_check_routes(c, stdout);
    ra_cli_check_stream_rules(c, stdout);
}

/* NULL: there is an error, in the file or in one that it names. */
static ra_config *load(const char *file, ra_problems *problems)
{
    ra_config *c = ra_config_load(file, problems);
    if (!c || ra_cli_files_check(c, problems))
        return c;
    ra_config_unref(c);
    return NULL;
}

static int check(const char *file, bool json)
{
    ra_problems problems = {0};
    ra_config *c = load(file, &problems);
    if (json) {
        ra_problems_print_json(&problems, file, stdout);
    } else {
        ra_problems_print(&problems, file, stderr);
        if (c)
            print_summary(c, file);
        else
            fprintf(stderr, "%s: %zu error%s\n", file, problems.errors, problems.errors == 1 ? "" : "s");
    }
    int status = c ? RA_CLI_OK : RA_CLI_USAGE;
    ra_problems_free(&problems);
    ra_config_unref(c);
    return status;
}

int ra_cli_check(int argc, char **argv)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    const char *file = NULL;
    bool json = false, first = true;
    for (int c; (c = ra_cli_option(argc, argv, "check", ":c:h", known, &first)) != -1;) {
        if (c == 'h') {
            usage(stdout);
            return RA_CLI_OK;
        }
        if (c == '?')
            return RA_CLI_USAGE;
        if (c == 'j')
            json = true;
        if (c == 'c')
            file = optarg;
    }
    if (optind < argc)
        return ra_cli_misuse("check", "unknown argument '%s'%s", argv[optind],
                             file ? "" : "; the file is given with -c FILE");
    if (!file)
        return ra_cli_misuse("check", "-c FILE is missing");
    return check(file, json);
}
