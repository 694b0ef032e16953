/* The admin listener of a running proxy, as a command asks it. Threads: main's only. */
#ifndef RA_PROXY_CLI_CACHE_ADMIN_H
#define RA_PROXY_CLI_CACHE_ADMIN_H

#include "cache/buf.h"
#include "config/config.h"

#include <cjson/cJSON.h>

enum { RA_CACHE_ADMIN_WHY_MAX = 512, RA_CACHE_ADMIN_WHERE_MAX = 128 };

typedef struct ra_cache_admin ra_cache_admin;

/* NULL: no memory, or admin.address isn't one that can be asked; `why` says so. */
ra_cache_admin *ra_cache_admin_new(const ra_config *c, char why[RA_CACHE_ADMIN_WHY_MAX]);
void ra_cache_admin_free(ra_cache_admin *a); /* NULL is allowed */
/* What went wrong with the newest call. */
const char *ra_cache_admin_why(const ra_cache_admin *a);
/* "the proxy at http://127.0.0.1:8081" */
const char *ra_cache_admin_where(const ra_cache_admin *a);

/* From now on a call ends early, as one that failed, once `fd` is readable; -1: never. */
void ra_cache_admin_heed(ra_cache_admin *a, int fd);
/* Has the newest call ended so? */
bool ra_cache_admin_interrupted(const ra_cache_admin *a);

/*
 * One request: POST of `body`, or GET where that is NULL. Connecting and all within 10 s; *us, if it is
 * asked for, is how long it took. The answer is an object or an array, to be deleted by the caller. NULL: see
 * _why.
 */
cJSON *ra_cache_admin_call(ra_cache_admin *a, const char *path, const ra_buf *body, int64_t *us);
/* The same of what may take long, within `limit` ms: also where it is refused, and *status says so. */
cJSON *ra_cache_admin_do(ra_cache_admin *a, const char *path, const ra_buf *body, int64_t limit, int *status);

#endif
