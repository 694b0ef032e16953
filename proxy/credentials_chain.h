/*
 * AWS's chain of sources, in the order that the SDKs have: the environment, web identity, the shared files,
 * the container's endpoint, the instance's metadata. The first that is configured counts, also if it doesn't
 * work. Once one has given credentials, they are renewed from that one alone.
 *
 * Where SDKs differ: keys in the environment win over AWS_PROFILE (boto3, Go, C++, Java), and so does web
 * identity in the environment (Go, Java; boto3 puts a profile with a role before it).
 */
#ifndef RA_PROXY_CREDENTIALS_CHAIN_H
#define RA_PROXY_CREDENTIALS_CHAIN_H

#include "proxy/credentials_source.h"

enum { RA_CREDENTIALS_SOURCES = 5, RA_CHAIN_WHY_MAX = RA_CREDENTIALS_WHY_MAX + 64 };

typedef struct ra_credentials_look {
    const char *source;
    enum ra_source_result result;
    char why[RA_CREDENTIALS_WHY_MAX]; /* FOUND: more of where they are from; may be empty */
} ra_credentials_look;

typedef struct ra_credentials_chain {
    const char *region;              /* of STS; the caller's */
    const ra_background *background; /* see ra_credentials_lookup */
    size_t chosen;                   /* the source that has given some, RA_CREDENTIALS_SOURCES: none yet */
    ra_credentials_look looks[RA_CREDENTIALS_SOURCES]; /* the last time, in order */
    size_t nlooks;
} ra_credentials_chain;

void ra_credentials_chain_init(ra_credentials_chain *c, const char *region);
/* Blocks. One reference; NULL: `looks` say why. */
ra_credentials *ra_credentials_chain_look(ra_credentials_chain *c);
/* Why there are none, in one line. */
void ra_credentials_chain_why(const ra_credentials_chain *c, char why[RA_CHAIN_WHY_MAX]);

/* A provider of the chain's credentials. Blocks until the first are there. NULL: why says why. */
ra_credentials_provider *ra_credentials_chain_provider(const char *region, char why[RA_CHAIN_WHY_MAX]);

#endif
