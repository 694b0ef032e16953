/*
 * The stores of a server: what its loops share of one, and each loop's own. Which one it is, the
 * configuration says. A message is logged for whatever goes wrong. Threads: main's, before the loops run and
 * after they have ended, unless it says otherwise.
 */
#ifndef RA_PROXY_SERVER_STORE_H
#define RA_PROXY_SERVER_STORE_H

#include "proxy/server.h"

/* The shared parts. `quiet_until` is the in-process store's. false: they can't be had. */
bool ra_server_store_init(ra_server *s, int64_t quiet_until);
/* After the loops' own have gone. */
void ra_server_store_free(ra_server *s);

/* One that isn't any loop's, with Redis. NULL: no memory. */
ra_store *ra_server_redis_store_new(ra_server *s, struct event_base *base,
                                    void (*heard)(const char *text, bool warning, void *arg), void *arg);

/* The loop's own: l->store is NULL without memory. Only the first loop's says what happens to Redis, since it
 * happens to all; and it hears for all of them what changes there. */
void ra_loop_store_open(ra_loop *l, bool first);
void ra_loop_store_close(ra_loop *l);
/* On the loop's thread: are markers being ended in Redis, or registers put into Momento? A loop that doesn't
 * wait for that leaves them there until their deadline. */
bool ra_loop_store_busy(const ra_loop *l);

/* On the loop's thread: see ra_redis_store_go_on and ra_momento_store_go_on. false: also with a store that is
 * never away. */
bool ra_loop_store_go_on(ra_loop *l, int64_t now, const ra_write_id *id, const ra_key *units, size_t n,
                         int64_t hold);
/* Has the end of markers taken effect for everybody when ra_store_end returns? */
bool ra_loop_store_ends_at_once(const ra_loop *l);

/* Do markers go with this process that writes of unknown fate still need? Those in Redis stay. */
bool ra_server_store_forgets(const ra_server *s);

#endif
