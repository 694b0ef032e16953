/*
 * What DynamoDB's capacity units cost, at the prices that the configuration names: by rates over the last
 * minute, taken to an hour and to a month of 730 hours, as AWS reckons it.
 *
 * Spent is all that DynamoDB says was consumed through the proxy, by reads and writes. Saved is net: what
 * hits and coalesced reads would have cost, less what the proxy's own reads cost beyond those of its clients
 * (ra_units). So it is below zero where the proxy makes reads dearer: where little is hit, and misses are
 * read consistently. spent + saved is what the same requests would have cost without the proxy. Would be
 * saved is what saved were if the reads that are only observed were answered from the cache.
 *
 * Threads: one at a time.
 */
#ifndef RA_PROXY_MONEY_H
#define RA_PROXY_MONEY_H

#include "config/config.h"
#include "proxy/metrics.h"

enum { RA_MONEY_SAMPLES = 61, RA_MONEY_WINDOW_MS = 60000, RA_MONEY_MONTH_HOURS = 730 };

typedef struct ra_money_sample {
    int64_t at; /* monotonic, ms */
    ra_units half_units;
} ra_money_sample;

/* All zero at first. */
typedef struct ra_money {
    ra_money_sample v[RA_MONEY_SAMPLES]; /* a ring */
    unsigned n, next;
} ra_money;

/* As of now so much has been counted; about once a second. */
void ra_money_note(ra_money *m, int64_t now, const ra_units *half_units);

/* In units of the currency, an hour. */
typedef struct ra_money_rates {
    double spent, saved, would_save;
} ra_money_rates;

/* Between the sample that is oldest within the window, and now. Nothing noted yet: 0. */
ra_money_rates ra_money_of(const ra_money *m, const ra_config_prices *prices, int64_t now,
                           const ra_units *half_units);
/* Appends an object as proxy/live.h has it; null where there are no prices. */
void ra_money_write(const ra_money *m, const ra_config_prices *prices, int64_t now,
                    const ra_units *half_units, ra_buf *out);

#endif
