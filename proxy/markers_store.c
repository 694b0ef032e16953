#include "proxy/markers_store.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

/* A page of keys may take a busy server a while; who reads this has more patience than a request has. */
enum { COMMAND_TIMEOUT = 10 * 1000 };

void ra_markers_where(const ra_config_redis *c, char out[RA_MARKERS_WHERE_MAX])
{
    bool v6 = c->host && strchr(c->host, ':');
    if (c->socket)
        snprintf(out, RA_MARKERS_WHERE_MAX, "redis %.300s", c->socket);
    else
        snprintf(out, RA_MARKERS_WHERE_MAX, "redis %s%.300s%s:%u", v6 ? "[" : "", c->host, v6 ? "]" : "",
                 c->port);
}

ra_marker_scan *ra_markers_store_new(const ra_config *c, char why[RA_MARKER_SCAN_WHY_MAX])
{
    const ra_config_redis *r = &c->cache.redis;
    char wrong[256];
    SSL_CTX *tls =
        r->tls ? ra_redis_tls_new(r->ca_file, r->cert_file, r->key_file, wrong, sizeof wrong) : NULL;
    if (r->tls && !tls) {
        snprintf(why, RA_MARKER_SCAN_WHY_MAX, "TLS can't be set up: %s", wrong);
        return NULL;
    }
    ra_marker_scan_options o = {.redis = {.host = r->host,
                                          .port = r->port,
                                          .socket = r->socket,
                                          .user = r->user,
                                          .password = r->password,
                                          .database = r->database,
                                          .name = "readaside-markers",
                                          .tls = tls,
                                          .connect_timeout = r->connect_timeout},
                                .key_prefix = c->cache.key_prefix,
                                .timeout = COMMAND_TIMEOUT};
    ra_marker_scan *s = ra_marker_scan_new(&o);
    SSL_CTX_free(tls); /* the connection has its own reference */
    if (!s)
        snprintf(why, RA_MARKER_SCAN_WHY_MAX, "out of memory");
    return s;
}
