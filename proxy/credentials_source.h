/*
 * Where credentials may come from. Each source is looked at by a function that blocks: on a background
 * thread, at start, or in a command. A source that isn't configured is ABSENT, and the chain looks further;
 * one that is configured and doesn't work is FAILED, and the chain ends there: what it would find further on
 * are other rights than those that were meant.
 *
 * Whatever is said of a failure holds no secret: no body, no header, no value of a variable or a file but
 * names of profiles, roles, hosts and paths. Threads: one lookup at a time per ra_credentials_lookup.
 */
#ifndef RA_PROXY_CREDENTIALS_SOURCE_H
#define RA_PROXY_CREDENTIALS_SOURCE_H

#include "cache/buf.h"
#include "proxy/background.h"
#include "proxy/credentials.h"
#include "proxy/fetch.h"

enum { RA_CREDENTIALS_WHY_MAX = 512, RA_CREDENTIALS_REPLY_MAX = 64 * 1024 };

enum ra_source_result { RA_SOURCE_FOUND, RA_SOURCE_ABSENT, RA_SOURCE_FAILED };

typedef struct ra_credentials_lookup {
    const char *region; /* of STS */
    /* Ends a lookup that is no longer wanted; NULL: nothing does. */
    const ra_background *background;
    char
        why[RA_CREDENTIALS_WHY_MAX]; /* why there are none; FOUND: where they are from, "" if that is clear */
} ra_credentials_lookup;

/* The sources. FOUND: *out is one reference. */
enum ra_source_result ra_credentials_from_environment(ra_credentials_lookup *l, ra_credentials **out);
enum ra_source_result ra_credentials_from_web_identity(ra_credentials_lookup *l, ra_credentials **out);
enum ra_source_result ra_credentials_from_profile(ra_credentials_lookup *l, ra_credentials **out);
enum ra_source_result ra_credentials_from_container(ra_credentials_lookup *l, ra_credentials **out);
enum ra_source_result ra_credentials_from_imds(ra_credentials_lookup *l, ra_credentials **out);

/* ---- parts of them ---- */

/* A variable that is set and isn't empty; else NULL. */
const char *ra_source_variable(const char *name);
/* Says why; what isn't printable ASCII becomes '?'. The second one returns FAILED, the third ABSENT. */
void ra_source_say(ra_credentials_lookup *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
enum ra_source_result ra_source_fail(ra_credentials_lookup *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
enum ra_source_result ra_source_absent(ra_credentials_lookup *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Does nobody want the outcome any more? */
bool ra_source_ending(const ra_credentials_lookup *l);
/* Sleeps, unless it ends. */
void ra_source_pause(const ra_credentials_lookup *l, int64_t ms);

/* A buffer for what is secret: all of its memory is had at once, so that no copy is left behind. */
bool ra_secret_buf_init(ra_buf *b, size_t cap);
void ra_secret_buf_free(ra_buf *b); /* wiped */
/* Wiped; NULL is allowed. */
void ra_secret_free(char *z);
void ra_secret_wipe(void *p, size_t n);
/* A token from a file, without white space at its end; NULL with the reason said. `what` names it. */
char *ra_source_token_file(ra_credentials_lookup *l, const char *what, const char *path);

/*
 * ra_fetch, up to `tries` times: without a reply, with a 5xx or a 429, or where `again` says so of what came,
 * with pauses in between. The status; 0 with the reason in `why`. `body` is emptied before each.
 */
int ra_source_fetch(const ra_credentials_lookup *l, ra_fetch_request *r, unsigned tries,
                    bool (*again)(int status, ra_bytes body), ra_buf *body, char why[RA_FETCH_WHY_MAX]);
/* NULL: the system's certificates; else AWS_CA_BUNDLE's. */
const char *ra_source_ca_file(void);

/* One AssumeRole, or AssumeRoleWithWebIdentity; NULL: not given. */
typedef struct ra_sts_role {
    const char *arn;
    const char *session_name;
    const char *external_id;
    const char *duration_s;
    const char *source; /* static text: what the credentials' source is called */
} ra_sts_role;

enum ra_source_result ra_sts_assume_role(ra_credentials_lookup *l, const ra_sts_role *r,
                                         const ra_credentials *by, ra_credentials **out);
enum ra_source_result ra_sts_assume_role_with_web_identity(ra_credentials_lookup *l, const ra_sts_role *r,
                                                           const char *token_file, ra_credentials **out);

/* What a program prints, run by /bin/sh -c; at most `limit_ms`. */
enum ra_source_result ra_credentials_from_process(ra_credentials_lookup *l, const char *command,
                                                  int64_t limit_ms, ra_credentials **out);

enum { RA_CONTAINER_URL_MAX = 2048 };
/* Where the container's endpoint is, from AWS_CONTAINER_CREDENTIALS_RELATIVE_URI (or NULL) and _FULL_URI (or
 * NULL). false: why is said. */
bool ra_container_url(ra_credentials_lookup *l, const char *relative, const char *full,
                      char out[RA_CONTAINER_URL_MAX], bool *tls);

#endif
