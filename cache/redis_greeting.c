#include "cache/redis_greeting.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const names[] = {
    [RA_REDIS_AUTH] = "AUTH",
    [RA_REDIS_SELECT] = "SELECT",
    [RA_REDIS_SETNAME] = "CLIENT SETNAME",
    [RA_REDIS_INFO] = "INFO",
};

unsigned ra_redis_greeting_command(enum ra_redis_step step, const ra_redis_options *o, ra_bytes argv[3],
                                   char number[16])
{
    unsigned n = 0;
    switch (step) {
    case RA_REDIS_AUTH:
        if (!o->password)
            return 0;
        argv[n++] = RA_BYTES("AUTH");
        if (o->user)
            argv[n++] = ra_bytes_z(o->user);
        argv[n++] = ra_bytes_z(o->password);
        return n;
    case RA_REDIS_SELECT:
        if (!o->database)
            return 0;
        snprintf(number, 16, "%u", o->database);
        argv[n++] = RA_BYTES("SELECT");
        argv[n++] = ra_bytes_z(number);
        return n;
    case RA_REDIS_SETNAME:
        if (!o->name)
            return 0;
        argv[n++] = RA_BYTES("CLIENT");
        argv[n++] = RA_BYTES("SETNAME");
        argv[n++] = ra_bytes_z(o->name);
        return n;
    case RA_REDIS_INFO: /* without sections: several of them in one command came with Redis 7 */
        argv[n++] = RA_BYTES("INFO");
        return n;
    case RA_REDIS_STEPS:
        break;
    }
    return 0;
}

/* Servers repeat a command that they don't know with its arguments, cut to some length: so the beginning of
 * the password tells, not the whole of it. */
static bool shows(const char *text, const char *password)
{
    char beginning[5];
    if (!password || !*password)
        return false;
    snprintf(beginning, sizeof beginning, "%s", password);
    return strstr(text, beginning) != NULL;
}

/* Text from outside, fit for a line of a log. */
static void words(char *why, enum ra_redis_step step, const char *text, const char *password)
{
    int n;
    if (shows(text, password)) {
        size_t code = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"); /* the kind of error, as Redis writes it */
        char kind[32];
        snprintf(kind, sizeof kind, "%.*s", code < sizeof kind ? (int)code : 0, text);
        n = snprintf(why, RA_REDIS_WHY_MAX, "%s: %s (the rest might show the password)", names[step],
                     *kind && !shows(kind, password) ? kind : "refused");
    } else {
        n = snprintf(why, RA_REDIS_WHY_MAX, "%s: %s", names[step], text);
    }
    for (int i = 0; i < n && why[i]; i++) {
        if (why[i] < ' ' || why[i] > '~')
            why[i] = '?';
    }
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* What a server says of the connection as a whole, or of itself for now, in reply to whatever came first. */
static bool about_all(const char *text)
{
    return begins(text, "NOAUTH") || begins(text, "DENIED") || begins(text, "ERR max number of clients") ||
           begins(text, "BUSY") || begins(text, "LOADING");
}

bool ra_redis_greeting_answer(enum ra_redis_step step, const struct redisReply *reply, const char *password,
                              char *why)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        words(why, step, reply->str, password);
        return (step == RA_REDIS_SETNAME || step == RA_REDIS_INFO) && !about_all(reply->str);
    }
    int wanted = step == RA_REDIS_INFO ? REDIS_REPLY_STRING : REDIS_REPLY_STATUS;
    if (reply->type == wanted)
        return true;
    snprintf(why, RA_REDIS_WHY_MAX, "%s: what came isn't the reply of a Redis server", names[step]);
    return false;
}

static bool field(char *to, size_t size, ra_bytes line, const char *name)
{
    size_t n = strlen(name);
    if (line.n <= n || line.p[n] != ':' || memcmp(line.p, name, n) != 0)
        return false;
    /* one that doesn't fit isn't what it should be; half of it would be worse than none */
    size_t value = line.n - n - 1;
    if (value < size) {
        memcpy(to, line.p + n + 1, value);
        to[value] = '\0';
    }
    return true;
}

static void read_line(ra_redis_identity *id, ra_bytes line)
{
    char number[16] = "";
    if (field(id->version, sizeof id->version, line, "redis_version") ||
        field(id->run_id, sizeof id->run_id, line, "run_id") ||
        field(id->master_replid, sizeof id->master_replid, line, "master_replid") ||
        field(id->role, sizeof id->role, line, "role") ||
        field(id->maxmemory_policy, sizeof id->maxmemory_policy, line, "maxmemory_policy"))
        return;
    if (field(number, sizeof number, line, "connected_slaves"))
        id->connected_replicas = (unsigned)strtoul(number, NULL, 10);
    else if (field(number, sizeof number, line, "min_slaves_good_slaves"))
        id->waits_for_replicas = true; /* the line is there only if min-replicas-to-write is over 0 */
}

void ra_redis_identity_read(ra_redis_identity *id, ra_bytes info)
{
    *id = (ra_redis_identity){0};
    while (info.n) {
        const char *end = memchr(info.p, '\n', info.n);
        size_t n = end ? (size_t)(end - info.p) : info.n;
        ra_bytes line = {info.p, n};
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        read_line(id, line);
        info.p += end ? n + 1 : n;
        info.n -= end ? n + 1 : n;
    }
}
