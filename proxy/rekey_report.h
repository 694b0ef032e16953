/*
 * What `readaside stream` tells of its work: a person on stderr, and a program, if it asks for it, by a JSON
 * line on stdout for each event. Threads: any.
 */
#ifndef RA_PROXY_REKEY_REPORT_H
#define RA_PROXY_REKEY_REPORT_H

#include "cache/bytes.h"

#include <stdint.h>

typedef struct ra_rekey_totals {
    uint64_t records;      /* read and handled */
    uint64_t matched;      /* of them, those that a rule wanted */
    uint64_t moved;        /* rows */
    uint64_t dead_letters; /* written */
} ra_rekey_totals;

typedef struct ra_rekey_report ra_rekey_report;

ra_rekey_report *ra_rekey_report_new(bool json); /* NULL: no memory */
void ra_rekey_report_free(ra_rekey_report *r);   /* NULL is allowed */

/* The stream is read; `view` "": there is none. */
void ra_rekey_report_stream(ra_rekey_report *r, const char *table, const char *arn, const char *view);
/* So much has been done since the last time; a person is told every ten seconds at most. */
void ra_rekey_report_done(ra_rekey_report *r, const char *table, const ra_rekey_totals *more);
/* A record has become a dead letter. */
void ra_rekey_report_dead(ra_rekey_report *r, const char *table, const char *rule, unsigned tries,
                          ra_bytes error);
/* Nothing goes on, and why; NULL: it does again. */
void ra_rekey_report_trouble(ra_rekey_report *r, const char *table, const char *what_or_null);
/* Records are gone unread. */
void ra_rekey_report_lost(ra_rekey_report *r, const char *table, const char *why);
/* All is over: the sum of what has been done. */
void ra_rekey_report_end(ra_rekey_report *r);

#endif
