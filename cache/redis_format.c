#include "cache/redis_format.h"

#include <event2/buffer.h>
#include <hiredis/hiredis.h>
#include <limits.h>
#include <stdlib.h>

enum {
    FEW = 32,                 /* arguments that need no memory of their own */
    COPIED = 4096,            /* shorter commands share the evbuffer's memory with their neighbours */
    COMMAND_MAX = INT_MAX / 2 /* hiredis 0.14 counts in int */
};

/* "*" or "$", a number, the end of the line. */
static size_t head(size_t number)
{
    size_t n = 4;
    for (; number >= 10; number /= 10)
        n++;
    return n;
}

/* How long the command will be; more than `max` if it would be longer than that. */
static size_t length(const ra_bytes *argv, unsigned argc, size_t max)
{
    size_t n = head(argc);
    for (unsigned i = 0; i < argc && n <= max; i++) {
        if (argv[i].n > max)
            return max + 1;
        n += head(argv[i].n) + argv[i].n + 2;
    }
    return n;
}

static void let_go(const void *p, size_t n, void *arg)
{
    (void)n;
    (void)arg;
    redisFreeCommand((char *)p);
}

static bool append(struct evbuffer *out, char *command, size_t n)
{
    if (n > COPIED && evbuffer_add_reference(out, command, n, let_go, NULL) == 0)
        return true;
    bool ok = n <= COPIED && evbuffer_add(out, command, n) == 0;
    redisFreeCommand(command);
    return ok;
}

static size_t format(struct evbuffer *out, const ra_bytes *argv, unsigned argc, const char **p, size_t *n)
{
    for (unsigned i = 0; i < argc; i++) {
        p[i] = argv[i].n ? argv[i].p : "";
        n[i] = argv[i].n;
    }
    char *command = NULL;
    long long len = redisFormatCommandArgv(&command, (int)argc, p, n); /* an int in 0.14 */
    if (len <= 0 || !command)
        return 0;
    return append(out, command, (size_t)len) ? (size_t)len : 0;
}

size_t ra_redis_format(struct evbuffer *out, const ra_bytes *argv, unsigned argc, size_t max)
{
    if (max > COMMAND_MAX)
        max = COMMAND_MAX;
    if (argc == 0 || length(argv, argc, max) > max)
        return 0;
    const char *few_p[FEW];
    size_t few_n[FEW];
    if (argc <= FEW)
        return format(out, argv, argc, few_p, few_n);
    const char **p = calloc(argc, sizeof *p);
    size_t *n = calloc(argc, sizeof *n);
    size_t len = p && n ? format(out, argv, argc, p, n) : 0;
    free(p);
    free(n);
    return len;
}
