/*
 * Snapshots out of snapshots: what is in force after a reload, after a table has joined, and after an
 * operator has switched caching.
 *
 * Each is made from the whole document anew, with all checks. Threads: none shared. NULL: *problems says why,
 * which is always set.
 */
#ifndef RA_CONFIG_RENEW_H
#define RA_CONFIG_RENEW_H

#include "config/changes.h"

/* `fresh`, with what can't change taken from `now`; and what has changed. */
ra_config *ra_config_renew(const ra_config *now, const ra_config *fresh, ra_changes *changes,
                           ra_problems *problems);
/* Tables that join count as named from now on, but for those that `still` says. */
ra_config *ra_config_join(const ra_config *now, bool (*still)(void *arg, const char *table), void *arg,
                          ra_problems *problems);
/* Of one table that has an entry of its own, or ("*") that entry; NULL: of all, whatever they said before. */
ra_config *ra_config_switch(const ra_config *now, const char *table, enum ra_caching caching,
                            ra_problems *problems);
/* Does any table join? */
bool ra_config_any_joins(const ra_config *c);

#endif
