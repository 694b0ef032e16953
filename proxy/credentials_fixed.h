/* A provider of one set of credentials that is given to it, for good. Threads: any. */
#ifndef RA_PROXY_CREDENTIALS_FIXED_H
#define RA_PROXY_CREDENTIALS_FIXED_H

#include "proxy/credentials.h"

/* Copies. NULL: no memory. */
ra_credentials_provider *ra_credentials_fixed_new(const char *id, const char *secret,
                                                  const char *token_or_null);

#endif
