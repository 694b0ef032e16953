/*
 * credential_process: a program whose standard output is JSON. Run by /bin/sh -c with the environment, in a
 * process group of its own, with no open file of ours; its standard error goes nowhere, since it might hold
 * what no log may. It is killed, with what it has started, when it takes too long, prints too much, or isn't
 * wanted any more.
 */
#include "proxy/clock.h"
#include "proxy/credentials_reply.h"
#include "proxy/credentials_source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLICE = 50 /* ms: how often it is looked whether to go on */, REAP_SLICE = 5 };

typedef struct child {
    pid_t pid;
    int out;
    int64_t until; /* monotonic ms */
} child;

/* ---- starting ---- */

static bool set_actions(posix_spawn_file_actions_t *a, int out)
{
    return posix_spawn_file_actions_adddup2(a, out, 1) == 0 &&
           posix_spawn_file_actions_addopen(a, 0, "/dev/null", O_RDONLY, 0) == 0 &&
           posix_spawn_file_actions_addopen(a, 2, "/dev/null", O_WRONLY, 0) == 0 &&
           posix_spawn_file_actions_addclosefrom_np(a, 3) == 0;
}

/* Our threads block signals, and SIGPIPE is ignored: none of that is for programs that we start. */
static bool set_attributes(posix_spawnattr_t *a)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    return posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                           POSIX_SPAWN_SETPGROUP) == 0 &&
           posix_spawnattr_setsigmask(a, &none) == 0 && posix_spawnattr_setsigdefault(a, &all) == 0 &&
           posix_spawnattr_setpgroup(a, 0) == 0;
}

static bool spawn(const char *command, int out, pid_t *pid)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return false;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return false;
    }
    bool ok = set_actions(&actions, out) && set_attributes(&attributes) &&
              posix_spawn(pid, "/bin/sh", &actions, &attributes, argv, environ) == 0;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return ok;
}

static bool start(child *c, const char *command)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    bool ok = fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 && spawn(command, ends[1], &c->pid);
    close(ends[1]);
    c->out = ends[0];
    if (!ok)
        close(ends[0]);
    return ok;
}

/* ---- watching ---- */

/* NULL, or why it may not go on. */
static const char *expired(const ra_credentials_lookup *l, const child *c)
{
    if (ra_clock_monotonic() >= c->until)
        return "took too long, and was killed";
    return ra_source_ending(l) ? "wasn't wanted any more" : NULL;
}

/* Everything that it prints. NULL, or why that can't be taken. */
static const char *read_all(const ra_credentials_lookup *l, const child *c, ra_buf *text)
{
    while (!expired(l, c)) {
        struct pollfd p = {.fd = c->out, .events = POLLIN};
        if (poll(&p, 1, SLICE) <= 0)
            continue;
        if (text->n == text->cap)
            return "printed too much, and was killed";
        ssize_t n = read(c->out, text->p + text->n, text->cap - text->n);
        if (n == 0)
            return NULL;
        if (n > 0)
            text->n += (size_t)n;
        else if (errno != EAGAIN && errno != EINTR)
            return "can't be read from";
    }
    return expired(l, c);
}

/* Its exit status as waitpid has it. NULL, or why there is none. */
static const char *await_exit(const ra_credentials_lookup *l, const child *c, int *status)
{
    while (!expired(l, c)) {
        pid_t got = waitpid(c->pid, status, WNOHANG);
        if (got == c->pid)
            return NULL;
        if (got < 0 && errno == ECHILD) { /* we were started with SIGCHLD ignored: nobody can know it */
            *status = 0;
            return NULL;
        }
        poll(NULL, 0, REAP_SLICE);
    }
    return expired(l, c);
}

/* The whole group, while its leader isn't reaped: until then nobody else has that number. */
static void end(const child *c)
{
    int status;
    kill(-c->pid, SIGKILL);
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        continue;
}

static enum ra_source_result take(ra_credentials_lookup *l, int status, const ra_buf *text,
                                  ra_credentials **out)
{
    static const ra_reply_shape shape = {.token = "SessionToken", .version = true, .source = "shared files"};
    char why[RA_REPLY_WHY_MAX];
    if (WIFSIGNALED(status))
        return ra_source_fail(l, "was ended by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return ra_source_fail(l, "failed with exit status %d", WEXITSTATUS(status));
    *out = ra_credentials_parse(ra_buf_bytes(text), &shape, ra_clock_wall(), why);
    return *out ? RA_SOURCE_FOUND : ra_source_fail(l, "printed something else than credentials: %s", why);
}

enum ra_source_result ra_credentials_from_process(ra_credentials_lookup *l, const char *command,
                                                  int64_t limit_ms, ra_credentials **out)
{
    child c = {.until = ra_clock_monotonic() + limit_ms};
    ra_buf text;
    int status = 0;
    *out = NULL;
    if (!ra_secret_buf_init(&text, RA_CREDENTIALS_REPLY_MAX))
        return ra_source_fail(l, "can't be started: out of memory");
    enum ra_source_result r = RA_SOURCE_FAILED;
    if (!start(&c, command)) {
        ra_source_say(l, "can't be started");
    } else {
        const char *why = read_all(l, &c, &text);
        if (!why)
            why = await_exit(l, &c, &status);
        if (why)
            end(&c);
        close(c.out);
        r = why ? ra_source_fail(l, "%s", why) : take(l, status, &text, out);
    }
    ra_secret_buf_free(&text);
    return r;
}
