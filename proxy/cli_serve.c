/* `readaside serve`: the proxy itself, until SIGTERM or SIGINT. */
#include "proxy/admin.h"
#include "proxy/cli.h"
#include "proxy/cli_files.h"
#include "proxy/clock.h"
#include "proxy/clock_check.h"
#include "proxy/credentials_chain.h"
#include "proxy/log.h"
#include "proxy/server.h"
#include "proxy/snapshot.h"
#include "proxy/state_file.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void usage(FILE *out)
{
    fputs("usage: readaside serve -c FILE\n"
          "\n"
          "Runs the proxy until SIGTERM or SIGINT, then finishes what is in flight (listen.drain_timeout).\n"
          "Prints \"readaside: listening on http://HOST:PORT\" (https with listen.tls) once it takes "
          "requests.\n"
          "SIGHUP makes it read its configuration anew, as `readaside reload` does.\n"
          "\n"
          "  -c, --config FILE   the configuration; `readaside check -c FILE` checks it,\n"
          "                      `readaside help config` lists its options\n"
          "  -h, --help          this text\n"
          "\n"
          "AWS credentials come from AWS's usual places; `readaside credentials` tells which.\n"
          "Exit status: 0 after a clean stop, 1 if it can't run, 2 for a wrong call or configuration.\n",
          out);
}

/* The config's path, or NULL with *status set. */
static const char *options(int argc, char **argv, int *status)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    const char *path = NULL;
    bool first = true;
    for (int c = 0; (c = ra_cli_option(argc, argv, "serve", ":c:h", known, &first)) != -1;) {
        if (c == 'c') {
            path = optarg;
            continue;
        }
        if (c == 'h')
            usage(stdout);
        *status = c == 'h' ? RA_CLI_OK : RA_CLI_USAGE;
        return NULL;
    }
    if (path && optind == argc)
        return path;
    *status =
        path ? ra_cli_misuse("serve", "too many arguments") : ra_cli_misuse("serve", "-c FILE is missing");
    return NULL;
}

/* See proxy/state_file.h. Returns until when the cache is quiet; 0: not at all. A shared store keeps its
 * markers itself. */
static int64_t quiet_until(const ra_config *c)
{
    if (c->cache.store != RA_STORE_KIND_MEMORY)
        return 0;
    bool clean = c->cache.state_file && ra_state_file_open(c->cache.state_file);
    if (clean || !ra_config_any_linearizable(c))
        return 0;
    ra_log(RA_LOG_WARNING,
           "consistency linearizable: %s, so reads bypass the cache for %lld s (unknown_write_hold)",
           c->cache.state_file ? "cache.state_file doesn't say that the last exit was clean"
                               : "no cache.state_file tells that the last exit was clean",
           (long long)(c->unknown_write_hold / 1000));
    return ra_clock_monotonic() + c->unknown_write_hold;
}

/* Signals are taken in sigwait, by this thread and SIGHUP's; all threads inherit the mask. */
static void block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* As many connections as the system allows; the soft limit is often 1024 for the sake of select(). */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void announce_one(const char *what, const ra_config_listen *c, uint16_t port)
{
    bool v6 = strchr(c->host, ':') != NULL;
    printf("readaside: %s on http%s://%s%s%s:%u\n", what, c->tls.cert_file ? "s" : "", v6 ? "[" : "", c->host,
           v6 ? "]" : "", port);
}

/* Who waits for the first line may use the other at once. */
static void announce(const ra_server *s)
{
    if (s->admin)
        announce_one("admin", &s->config->admin.listen, ra_admin_port(s->admin));
    announce_one("listening", &s->config->listen, s->port);
    fflush(stdout);
}

/* SIGHUP's own thread: a reload may wait for requests, and SIGTERM doesn't wait for that. */
typedef struct reloader {
    uint32_t magic; /* RELOADER_MAGIC */
    ra_server *server;
    atomic_bool ending;
    pthread_t thread;
} reloader;

enum { RELOADER_MAGIC = 0x72656c64 };

static void reload(ra_server *s)
{
    ra_reload_result result;
    ra_server_reload_config(s, &result);
    ra_log(result.ok ? RA_LOG_INFO : RA_LOG_ERROR,
           result.ok ? "SIGHUP: the configuration was read anew"
                     : "SIGHUP: the configuration couldn't be used: nothing has changed");
    ra_reload_result_fini(&result);
}

static void *run_reloader(void *arg)
{
    reloader *r = arg;
    sigset_t hang_up;
    if (r->magic != RELOADER_MAGIC)
        ra_corrupt("the thread of reloads");
    sigemptyset(&hang_up);
    sigaddset(&hang_up, SIGHUP);
    for (int got = 0; sigwait(&hang_up, &got) == 0 && !atomic_load(&r->ending);)
        reload(r->server);
    return NULL;
}

static bool reloader_start(reloader *r, ra_server *s)
{
    *r = (reloader){.magic = RELOADER_MAGIC, .server = s};
    int error = pthread_create(&r->thread, NULL, run_reloader, r);
    if (error)
        ra_log(RA_LOG_ERROR, "can't start a thread: %s", strerror(error));
    return error == 0;
}

/* A reload that is under way is carried to its end, but waits for nobody. */
static void reloader_end(reloader *r)
{
    atomic_store(&r->ending, true);
    ra_server_hurry_reloads(r->server);
    pthread_kill(r->thread, SIGHUP);
    pthread_join(r->thread, NULL);
}

static int wait_for_end(void)
{
    sigset_t ends;
    int got = 0;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    while (sigwait(&ends, &got) != 0)
        ;
    return got;
}

/* Until a signal ends it; SIGHUP doesn't. false: it can't. */
static bool serve_until_told(ra_server *s)
{
    reloader r;
    if (!reloader_start(&r, s))
        return false;
    announce(s);
    int got = wait_for_end();
    ra_log(RA_LOG_INFO, "%s: finishing what is in flight", got == SIGTERM ? "SIGTERM" : "SIGINT");
    reloader_end(&r);
    return true;
}

static int serve(ra_config *config, ra_credentials_provider *provider)
{
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    if (ra_config_any_linearizable(config) && !ra_clock_check(config))
        return RA_CLI_FAILED;
    ra_server *s = ra_server_new(config, provider, quiet_until(config));
    if (!s)
        return RA_CLI_FAILED;
    block_signals(); /* not before: until here a signal ends what waits for others */
    if (!ra_server_start(s)) {
        ra_server_free(s);
        return RA_CLI_FAILED;
    }
    bool served = serve_until_told(s);
    ra_server_drain(s);
    bool clean = ra_server_join(s);
    if (clean && config->cache.state_file)
        ra_state_file_close(config->cache.state_file);
    ra_server_free(s);
    if (!served)
        return RA_CLI_FAILED;
    ra_log(RA_LOG_INFO, "stopped");
    return RA_CLI_OK;
}

/* Without credentials nothing can be signed: better said now than with every request. */
static ra_credentials_provider *find_credentials(const ra_config *config)
{
    char why[RA_CHAIN_WHY_MAX];
    ra_credentials_provider *p = ra_credentials_chain_provider(config->upstream.region, why);
    if (!p)
        ra_log(RA_LOG_ERROR, "no AWS credentials: %s", why);
    return p;
}

int ra_cli_serve(int argc, char **argv)
{
    int status = 0;
    const char *path = options(argc, argv, &status);
    if (!path)
        return status;
    ra_problems problems = {0};
    ra_config *config = ra_config_load(path, &problems);
    if (config && !ra_cli_files_check(config, &problems)) {
        ra_config_unref(config);
        config = NULL;
    }
    ra_problems_print(&problems, path, stderr);
    ra_problems_free(&problems);
    if (!config)
        return RA_CLI_USAGE;
    ra_credentials_provider *provider = find_credentials(config);
    status = provider ? serve(config, provider) : RA_CLI_FAILED;
    ra_credentials_provider_free(provider);
    ra_config_unref(config);
    return status;
}
