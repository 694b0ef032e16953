/*
 * Who AWS takes the caller for: STS GetCallerIdentity, which needs no rights. Source: AWS STS API Reference,
 * version 2011-06-15 (the Query protocol: a form goes, XML comes). Threads: main's only.
 */
#ifndef RA_PROXY_DDB_IDENTITY_H
#define RA_PROXY_DDB_IDENTITY_H

#include "proxy/ddb_task.h"

enum { RA_STS_ACCOUNT_MAX = 64, RA_STS_ARN_MAX = 2200, RA_STS_ERROR_MAX = 1024 };

typedef struct ra_ddb_identity {
    char account[RA_STS_ACCOUNT_MAX];
    char arn[RA_STS_ARN_MAX];
} ra_ddb_identity;

/* From the reply's XML. false: it isn't one. */
bool ra_ddb_identity_parse(ra_bytes xml, ra_ddb_identity *out);
/* "InvalidClientTokenId: The security token ...". false: it isn't an error of STS's. */
bool ra_ddb_identity_error(ra_bytes xml, char out[RA_STS_ERROR_MAX]);
/* The account's STS in the region of the task: AWS_ENDPOINT_URL_STS, else AWS's. NULL, or what is wrong. */
const char *ra_ddb_identity_endpoint(const ra_ddb_task *t, char out[RA_ENDPOINT_MAX]);

/* Asks, and says on stderr: account, ARN, region. false: it couldn't be found out, which has been said. */
bool ra_ddb_identity_say(const ra_ddb_task *t);

#endif
