/*
 * Where requests go: "http(s)://HOST[:PORT][/PATH]". The name is looked up once, before the run: what a
 * resolver costs is no part of what is measured. Immutable once made; any thread.
 */
#ifndef RA_BENCH_LOADGEN_TARGET_H
#define RA_BENCH_LOADGEN_TARGET_H

#include "config/endpoint.h"

#include <sys/socket.h>

enum { RA_TARGET_PATH_MAX = 1024, RA_TARGET_WHY_MAX = 256 };

struct ssl_ctx_st;
struct ssl_st;

typedef struct ra_target {
    bool tls;
    char origin[RA_ENDPOINT_MAX]; /* "http://127.0.0.1:8080" */
    const char *authority;        /* the Host header: a view of origin */
    char host[RA_ENDPOINT_MAX];   /* without port and brackets */
    char port[8];
    char path[RA_TARGET_PATH_MAX]; /* of the URL, without a slash at its end: "" for the root */
    struct sockaddr_storage address;
    socklen_t address_len;
    struct ssl_ctx_st *tls_context; /* NULL: no TLS */
} ra_target;

/* Only reads the text. false: `why`. */
bool ra_target_parse(ra_target *t, const char *url, char why[RA_TARGET_WHY_MAX]);
/* Looks the name up (the first address counts), and makes the TLS context: with the system's authorities or
 * those of `ca`; `insecure` takes any certificate. */
bool ra_target_open(ra_target *t, const char *ca, bool insecure, char why[RA_TARGET_WHY_MAX]);
void ra_target_close(ra_target *t);
/* A TLS session for one connection, freed with SSL_free. NULL: no memory. */
struct ssl_st *ra_target_session(const ra_target *t);

#endif
