/*
 * Real Redis servers for tests, each in a folder of its own under /tmp, and certificates made by the openssl
 * command. A server listens on a unix socket, on a free port of 127.0.0.1, or on one with TLS. Nobody waits
 * for it to be ready: clients try until it is.
 */
#ifndef RA_TESTS_REDIS_SERVER_H
#define RA_TESTS_REDIS_SERVER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct redis_server {
    pid_t pid;
    char socket[64];
    uint16_t port;
} redis_server;

static char redis_folder[32];

__attribute__((unused)) static const char *redis_path(const char *name)
{
    static char paths[8][96];
    static unsigned next;
    char *p = paths[next++ % 8];
    snprintf(p, sizeof paths[0], "%s/%s", redis_folder, name);
    return p;
}

__attribute__((unused)) static void redis_folder_make(void)
{
    snprintf(redis_folder, sizeof redis_folder, "/tmp/readaside-XXXXXX");
    if (!mkdtemp(redis_folder))
        abort();
}

static int redis_folder_remove_one(const char *path, const struct stat *s, int kind, struct FTW *where)
{
    (void)s;
    (void)kind;
    (void)where;
    return remove(path);
}

__attribute__((unused)) static void redis_folder_remove(void)
{
    nftw(redis_folder, redis_folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

__attribute__((unused)) static uint16_t redis_free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) != 0 || getsockname(fd, (struct sockaddr *)&a, &n) != 0)
        abort();
    close(fd);
    return ntohs(a.sin_port);
}

/* `more`: further arguments of redis-server, up to NULL. */
__attribute__((unused)) static void redis_server_start(redis_server *s, const char *const *more)
{
    const char *argv[48] = {"redis-server", "--save",       "",        "--appendonly", "no",       "--dir",
                            redis_folder,   "--unixsocket", s->socket, "--bind",       "127.0.0.1"};
    unsigned n = 11;
    while (more && *more && n < 47)
        argv[n++] = *more++;
    s->pid = fork();
    if (s->pid == 0) {
        int quiet = open("/dev/null", O_RDWR);
        dup2(quiet, 0);
        dup2(quiet, 1);
        dup2(quiet, 2);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execvp("redis-server", (char **)(uintptr_t)argv);
        _exit(127);
    }
    if (s->pid < 0)
        abort();
}

__attribute__((unused)) static void redis_server_stop(redis_server *s)
{
    if (s->pid <= 0)
        return;
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
    unlink(s->socket);
}

/* An authority (NAME.crt, NAME.key); then whom it certifies: for a server `san` is like "DNS:redis.test". */
__attribute__((unused)) static void redis_authority(const char *name)
{
    char command[512];
    snprintf(command, sizeof command,
             "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
             "-keyout %s.key -out %s.crt -subj /CN=%s >/dev/null 2>&1",
             redis_folder, name, name, name);
    if (system(command) != 0)
        abort();
}

__attribute__((unused)) static void redis_certificate(const char *authority, const char *name,
                                                      const char *san)
{
    char command[1024];
    snprintf(
        command, sizeof command,
        "cd %s && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout %s.key -out %s.csr "
        "-subj /CN=%s >/dev/null 2>&1 && printf 'subjectAltName=%s' >%s.ext && openssl x509 -req -in %s.csr "
        "-CA %s.crt -CAkey %s.key -CAcreateserial -days 2 -extfile %s.ext -out %s.crt >/dev/null 2>&1",
        redis_folder, name, name, name, san, name, name, authority, authority, name, name);
    if (system(command) != 0)
        abort();
}

#endif
