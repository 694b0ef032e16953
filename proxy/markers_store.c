#include "proxy/markers_store.h"

#include "proxy/redis_server.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

/* A page of keys may take a busy server a while; who reads this has more patience than a request has. */
enum { COMMAND_TIMEOUT = 10 * 1000 };

void ra_markers_where(const ra_config_redis *c, char out[RA_MARKERS_WHERE_MAX])
{
    char where[RA_REDIS_WHERE_MAX];
    ra_redis_server_where(c, where);
    snprintf(out, RA_MARKERS_WHERE_MAX, "redis %s", where);
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
    ra_marker_scan_options o = {
        .redis = ra_redis_server_options(r), .key_prefix = c->cache.key_prefix, .timeout = COMMAND_TIMEOUT};
    o.redis.name = "readaside-markers";
    o.redis.tls = tls;
    ra_marker_scan *s = ra_marker_scan_new(&o);
    SSL_CTX_free(tls); /* the connection has its own reference */
    if (!s)
        snprintf(why, RA_MARKER_SCAN_WHY_MAX, "out of memory");
    return s;
}
