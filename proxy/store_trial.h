/*
 * Before a proxy listens: can its shared store be used at all? One store on a loop of its own asks. Threads:
 * main's, after ra_server_store_init and before there are loops.
 */
#ifndef RA_PROXY_STORE_TRIAL_H
#define RA_PROXY_STORE_TRIAL_H

#include "proxy/server.h"

/*
 * false, with an error logged: it refuses us until somebody changes something (a password, an ACL, its
 * maxmemory-policy, the other proxies on it). A store that isn't there, or is busy with itself, is no reason
 * not to start: a warning, and true; nor is Momento, whatever it says, since nothing rests on its being
 * there. Takes cache.momento.request_timeout, or cache.redis.connect_timeout + command_timeout at most; with
 * the in-process store no time at all.
 */
bool ra_store_trial(ra_server *s);

#endif
