#include "proxy/redis_server.h"

#include <stdio.h>
#include <string.h>

ra_redis_options ra_redis_server_options(const ra_config_redis *c)
{
    return (ra_redis_options){.host = c->host,
                              .port = c->port,
                              .socket = c->socket,
                              .user = c->user,
                              .password = c->password,
                              .database = c->database,
                              .connect_timeout = c->connect_timeout};
}

void ra_redis_server_where(const ra_config_redis *c, char out[RA_REDIS_WHERE_MAX])
{
    bool v6 = c->host && strchr(c->host, ':');
    if (c->socket)
        snprintf(out, RA_REDIS_WHERE_MAX, "%.300s", c->socket);
    else
        snprintf(out, RA_REDIS_WHERE_MAX, "%s%.300s%s:%u", v6 ? "[" : "", c->host, v6 ? "]" : "", c->port);
}
