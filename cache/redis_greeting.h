/*
 * What is said on a new connection before anything else: AUTH, SELECT, CLIENT SETNAME, INFO; and what follows
 * from the server's answers. Pure. Sources: Redis's documentation of these commands.
 */
#ifndef RA_CACHE_REDIS_GREETING_H
#define RA_CACHE_REDIS_GREETING_H

#include "cache/redis_conn.h"

enum ra_redis_step { RA_REDIS_AUTH, RA_REDIS_SELECT, RA_REDIS_SETNAME, RA_REDIS_INFO, RA_REDIS_STEPS };

enum { RA_REDIS_WHY_MAX = 256 };

/* The arguments of a step's command (at most 3; `number` is memory for one of them), as many as it returns;
 * 0: the options don't ask for this step. */
unsigned ra_redis_greeting_command(enum ra_redis_step step, const ra_redis_options *o, ra_bytes argv[3],
                                   char number[16]);
/* true: go on. false: the connection is of no use, and `why` (RA_REDIS_WHY_MAX bytes) says why, in the
 * server's words but never with the password in them. A refusal that does no harm leaves the words there too.
 */
bool ra_redis_greeting_answer(enum ra_redis_step step, const struct redisReply *reply, const char *password,
                              char *why);
/* From INFO's text; what it doesn't say is left empty. */
void ra_redis_identity_read(ra_redis_identity *id, ra_bytes info);

#endif
