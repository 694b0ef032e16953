#include "config/redis_url.h"

#include "config/endpoint.h"
#include "config/units.h"

#include <string.h>
#include <strings.h>

/* A run of the URL's bytes. */
typedef struct span {
    const char *p;
    size_t n;
} span;

typedef struct parts {
    bool tls, socket;
    bool has_user, has_password;
    span user, password;
    span at;    /* host and port, or nothing */
    span path;  /* from the '/' on */
    span query; /* after the '?' */
} parts;

static const char NO_MEMORY[] = "can't be kept: there is no memory";

static bool take_scheme(const char **text, parts *out)
{
    static const char *const schemes[] = {"redis://", "rediss://", "unix://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t n = strlen(schemes[i]);
        if (strncasecmp(*text, schemes[i], n) != 0)
            continue;
        *text += n;
        out->tls = i == 1;
        out->socket = i == 2;
        return true;
    }
    return false;
}

static span until(const char *p, const char *end, const char *stops)
{
    size_t n = 0;
    while (p + n < end && !strchr(stops, p[n]))
        n++;
    return (span){p, n};
}

/* "user", "user:password", ":password": all before the last '@'. */
static void take_user(span *authority, parts *out)
{
    const char *at = memrchr(authority->p, '@', authority->n);
    if (!at)
        return;
    span info = {authority->p, (size_t)(at - authority->p)};
    out->user = until(info.p, info.p + info.n, ":");
    out->has_user = out->user.n > 0;
    out->has_password = out->user.n < info.n;
    if (out->has_password)
        out->password = (span){info.p + out->user.n + 1, info.n - out->user.n - 1};
    *authority = (span){at + 1, authority->n - info.n - 1};
}

static const char *take_apart(const char *text, parts *out)
{
    *out = (parts){0};
    if (!take_scheme(&text, out))
        return "doesn't begin with redis://, rediss:// or unix://";
    const char *end = text + strlen(text);
    span authority = until(text, end, "/?#");
    const char *rest = authority.p + authority.n;
    take_user(&authority, out);
    out->at = authority;
    out->path = until(rest, end, "?#");
    rest += out->path.n;
    if (*rest == '?')
        out->query = (span){rest + 1, (size_t)(end - rest - 1)};
    if (*rest == '#' || memchr(out->query.p ? out->query.p : "", '#', out->query.n))
        return "holds a fragment; a '#' in a password is written %23";
    if (out->has_user && !out->has_password)
        return "holds a user without a password; a password alone is written redis://:PASSWORD@HOST";
    if (out->has_password && !out->has_user && out->password.n == 0)
        return "holds an empty password";
    return NULL;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Percent-encoding undone. */
static const char *decode(span s, ra_pool *pool, char **out)
{
    char *to = *out = ra_pool_strndup(pool, s.p, s.n);
    if (!to)
        return NO_MEMORY;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '%') {
            *to++ = s.p[i];
            continue;
        }
        int high = s.n - i > 2 ? hex(s.p[i + 1]) : -1;
        int low = s.n - i > 2 ? hex(s.p[i + 2]) : -1;
        if (high < 0 || low < 0)
            return "holds a '%' without two hexadecimal digits; a '%' itself is written %25";
        if (high == 0 && low == 0)
            return "holds %00";
        *to++ = (char)(high << 4 | low);
        i += 2;
    }
    *to = '\0';
    return NULL;
}

static bool number(span s, int64_t most, int64_t *out)
{
    char digits[8] = "";
    if (s.n >= sizeof digits)
        return false;
    memcpy(digits, s.p, s.n);
    return ra_count_parse(digits, out) && *out <= most;
}

static const char *read_host(const parts *p, ra_pool *pool, ra_config_redis *out)
{
    bool v6 = p->at.n && p->at.p[0] == '[';
    const char *end = p->at.p + p->at.n;
    const char *after = v6 ? memchr(p->at.p, ']', p->at.n) : p->at.p;
    const char *colon = after ? memchr(after, ':', (size_t)(end - after)) : NULL;
    size_t n = colon ? (size_t)(colon - p->at.p) : p->at.n;
    int64_t port = RA_REDIS_PORT;
    if (!ra_endpoint_host_valid(p->at.p, n))
        return "holds no valid host name";
    if (colon && (!number((span){colon + 1, (size_t)(end - colon - 1)}, UINT16_MAX, &port) || port == 0))
        return "holds no valid port";
    out->host = ra_pool_strndup(pool, p->at.p + v6, n - (v6 ? 2 : 0));
    out->port = (uint16_t)port;
    return out->host ? NULL : NO_MEMORY;
}

static const char *read_socket(const parts *p, ra_pool *pool, ra_config_redis *out)
{
    if (p->at.n || p->path.n < 2)
        return "holds no absolute path: three slashes, as in unix:///run/redis.sock";
    const char *why = decode(p->path, pool, &out->socket);
    if (!why && strlen(out->socket) > RA_REDIS_SOCKET_MOST)
        return "holds a path that is too long for a socket";
    return why;
}

/* "/2" behind a host, "db=2" behind a socket's path. */
static const char *read_database(const parts *p, ra_config_redis *out)
{
    static const char query[] = "db=";
    span digits = {p->path.p + 1, p->path.n > 1 ? p->path.n - 1 : 0};
    int64_t database = 0;
    if (!p->socket && p->query.p)
        return "holds a query";
    if (p->socket) {
        if (!p->query.p)
            return NULL;
        if (p->query.n < strlen(query) || memcmp(p->query.p, query, strlen(query)) != 0)
            return "holds a query that isn't db=NUMBER";
        digits = (span){p->query.p + strlen(query), p->query.n - strlen(query)};
    }
    if (!p->socket && digits.n == 0)
        return NULL;
    if (!number(digits, RA_REDIS_DATABASE_MOST, &database))
        return "holds no valid database number";
    out->database = (unsigned)database;
    return NULL;
}

const char *ra_redis_url_parse(const char *text, ra_pool *pool, ra_config_redis *out)
{
    parts p;
    ra_config_redis found = *out;
    found.host = found.socket = found.user = found.password = NULL;
    found.database = 0;
    found.port = 0;
    const char *why = take_apart(text, &p);
    if (!why)
        why = p.socket ? read_socket(&p, pool, &found) : read_host(&p, pool, &found);
    if (!why)
        why = read_database(&p, &found);
    if (!why && p.has_user)
        why = decode(p.user, pool, &found.user);
    if (!why && p.has_password)
        why = decode(p.password, pool, &found.password);
    found.tls = p.tls;
    if (!why)
        *out = found;
    return why;
}
