#include "bench/loadgen/target.h"

#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static bool copy(char *out, size_t size, const char *p, size_t n)
{
    if (n >= size)
        return false;
    memcpy(out, p, n);
    out[n] = '\0';
    return true;
}

/* "host", "host:port", "[::1]:port" of a normalised origin. */
static bool split_authority(ra_target *t)
{
    const char *a = t->authority;
    const char *end = *a == '[' ? strchr(a, ']') : NULL;
    const char *colon = strrchr(end ? end : a, ':');
    if (end ? !copy(t->host, sizeof t->host, a + 1, (size_t)(end - a - 1))
            : !copy(t->host, sizeof t->host, a, colon ? (size_t)(colon - a) : strlen(a)))
        return false;
    const char *port = colon ? colon + 1 : t->tls ? "443" : "80";
    return copy(t->port, sizeof t->port, port, strlen(port));
}

static bool path_fits(const char *path)
{
    for (; *path; path++) {
        if (*path <= ' ' || *path > '~' || *path == '#')
            return false;
    }
    return true;
}

bool ra_target_parse(ra_target *t, const char *url, char why[RA_TARGET_WHY_MAX])
{
    char origin[RA_ENDPOINT_MAX];
    *t = (ra_target){0};
    const char *host = strstr(url, "://");
    const char *path = host ? host + 3 + strcspn(host + 3, "/?#") : "";
    if (!host || !copy(origin, sizeof origin, url, (size_t)(path - url))) {
        snprintf(why, RA_TARGET_WHY_MAX, "accepted: http(s)://HOST[:PORT][/PATH]");
        return false;
    }
    const char *wrong = ra_endpoint_normalise(origin, t->origin);
    if (wrong) {
        snprintf(why, RA_TARGET_WHY_MAX, "%s", wrong);
        return false;
    }
    size_t n = strcmp(path, "/") == 0 ? 0 : strlen(path);
    if (!path_fits(path) || *path == '?' || !copy(t->path, sizeof t->path, path, n)) {
        snprintf(why, RA_TARGET_WHY_MAX, "accepted: a path of at most %d bytes, percent-encoded, without '#'",
                 RA_TARGET_PATH_MAX - 1);
        return false;
    }
    t->tls = strncmp(t->origin, "https", 5) == 0;
    t->authority = strstr(t->origin, "://") + 3;
    if (!split_authority(t)) {
        snprintf(why, RA_TARGET_WHY_MAX, "accepted: http(s)://HOST[:PORT][/PATH]");
        return false;
    }
    return true;
}

static bool resolve(ra_target *t, char why[RA_TARGET_WHY_MAX])
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int error = getaddrinfo(t->host, t->port, &hints, &found);
    if (error) {
        snprintf(why, RA_TARGET_WHY_MAX, "%.120s: %s", t->host, gai_strerror(error));
        return false;
    }
    memcpy(&t->address, found->ai_addr, found->ai_addrlen);
    t->address_len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static const char *configure(SSL_CTX *c, const char *ca, bool insecure)
{
    SSL_CTX_set_verify(c, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1)
        return "TLS 1.2 can't be had";
    if (insecure)
        return NULL;
    bool loaded = (ca ? SSL_CTX_load_verify_file(c, ca) : SSL_CTX_set_default_verify_paths(c)) == 1;
    return loaded ? NULL : "the authorities can't be loaded";
}

bool ra_target_open(ra_target *t, const char *ca, bool insecure, char why[RA_TARGET_WHY_MAX])
{
    if (!resolve(t, why))
        return false;
    if (!t->tls)
        return true;
    ERR_clear_error();
    t->tls_context = SSL_CTX_new(TLS_client_method());
    const char *wrong = t->tls_context ? configure(t->tls_context, ca, insecure) : "no memory";
    if (!wrong)
        return true;
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    snprintf(why, RA_TARGET_WHY_MAX, "%s%s%s%s%s", ca ? ca : "TLS", ": ", wrong, reason ? ": " : "",
             reason ? reason : "");
    ERR_clear_error();
    ra_target_close(t);
    return false;
}

void ra_target_close(ra_target *t)
{
    SSL_CTX_free(t->tls_context);
    t->tls_context = NULL;
}

/* A server's certificate names it by address or by name; SNI is for names only (RFC 6066 section 3). */
SSL *ra_target_session(const ra_target *t)
{
    SSL *s = SSL_new(t->tls_context);
    if (!s)
        return NULL;
    X509_VERIFY_PARAM *param = SSL_get0_param(s);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, t->host) == 1)
        return s;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    bool named =
        X509_VERIFY_PARAM_set1_host(param, t->host, 0) == 1 && SSL_set_tlsext_host_name(s, t->host) == 1;
    ERR_clear_error();
    if (named)
        return s;
    SSL_free(s);
    return NULL;
}
