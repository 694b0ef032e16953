/*
 * Which errors of a server stand until somebody changes something, there or in our configuration; the others
 * pass by themselves: it loads its data, is a replica, has too many clients. Pure. Source: the error prefixes
 * in Redis's documentation of its commands and of its protocol.
 */
#ifndef RA_CACHE_REDIS_REFUSAL_H
#define RA_CACHE_REDIS_REFUSAL_H

#include <stdbool.h>

/* `error`: an error reply's text. What isn't known is taken for what passes. */
bool ra_redis_error_lasts(const char *error);
/* The same of why a connection didn't come about, as ra_redis's `down` is told: only what the server has
 * answered to a command of the greeting can last. */
bool ra_redis_greeting_lasts(const char *why);

#endif
