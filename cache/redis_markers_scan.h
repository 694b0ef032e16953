/*
 * The markers that stand in Redis, listed or cleared: what an operator's tool needs, never a proxy at work.
 * Calls run an event loop of their own until Redis has answered.
 *
 * A marker is a field "w<write id>" of a unit that has no field "!" (cache/redis_script.h). Units that have
 * one hold data: they are told by HEXISTS, and their payloads aren't read. A unit's markers are read page by
 * page, in a script that sees to it that the unit hasn't become data meanwhile. Deadlines and the time that
 * they are compared with are Redis's.
 *
 * Memory: a page of SCAN (512 keys, or what Redis makes of that, of at most 2^18), 512 units at a time, of
 * each a page of about 512 markers; and the names of the first 2^17 units that were met, 8 MiB, so that none
 * comes twice although SCAN may name it twice.
 *
 * Besides what the store needs an ACL must allow SCAN and HSCAN. Redis 7.0 or later. The process ignores
 * SIGPIPE. Threads: one per scan.
 */
#ifndef RA_CACHE_REDIS_MARKERS_SCAN_H
#define RA_CACHE_REDIS_MARKERS_SCAN_H

#include "cache/key.h"
#include "cache/redis_conn.h"

enum { RA_MARKER_SCAN_WHY_MAX = 512, RA_MARKER_SCAN_UNITS_SEEN = 1 << 17 };

typedef struct ra_marker_scan ra_marker_scan;

typedef struct ra_marker_scan_options {
    ra_redis_options redis; /* who and where; loop, callbacks, back-off and queue are the scan's own */
    const char *key_prefix; /* as the store's */
    int64_t timeout;        /* ms, > 0: of each command */
} ra_marker_scan_options;

/* NULL: no memory. Otherwise to be asked for what went wrong, if anything did. */
ra_marker_scan *ra_marker_scan_new(const ra_marker_scan_options *o);
void ra_marker_scan_free(ra_marker_scan *s); /* NULL is allowed */
/* What went wrong, for a person; may quote the server. NULL: nothing has so far. Then everything fails. */
const char *ra_marker_scan_why(const ra_marker_scan *s);

/* What stands on one unit; where markers are cleared: what was removed from it. */
typedef struct ra_marked_unit {
    ra_key unit;
    uint64_t live;
    uint64_t unreadable; /* of them: their deadline can't be read, and so never comes */
    uint64_t expired;
    int64_t latest; /* the newest deadline that can be read of those that live; 0: none */
    int64_t now;    /* when the unit was looked at; 0: it holds data, or is no unit */
} ra_marked_unit;

typedef struct ra_marker_visitor {
    bool clear; /* removes markers, of all units that are wanted */
    /* Before anything of it is read; NULL: all are. */
    bool (*wanted)(const ra_key *unit, void *arg);
    /* false: stop. */
    bool (*unit)(const ra_marked_unit *u, void *arg);
    /* A page of keys has been gone through: so many in all. NULL: nobody cares. false: stop. */
    bool (*page)(uint64_t keys, void *arg);
    void *arg;
} ra_marker_visitor;

/*
 * Visits every unit that has markers, expired ones included, in no order. Those that are marked only while it
 * runs may be missing. false: it failed, or the visitor has stopped it (then there is no `why`).
 */
bool ra_marker_scan_all(ra_marker_scan *s, const ra_marker_visitor *v);
/* Visits just these, in their order, also those that have no markers. `wanted` and `page` aren't asked. */
bool ra_marker_scan_units(ra_marker_scan *s, const ra_key *units, size_t n, const ra_marker_visitor *v);

#endif
