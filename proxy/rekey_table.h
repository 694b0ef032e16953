/*
 * One table's part of `readaside stream`: a thread that learns the table's keys, then reads its stream and
 * applies its rules. What it reads (the stream, the rows) it reads upstream; what it writes goes through the
 * proxy, whose cache is invalidated by that as by any write.
 *
 * Why the rows aren't read through the proxy: its cache may hold an index's reply for as long as the table's
 * TTL, and a row that isn't in it would be missed.
 */
#ifndef RA_PROXY_REKEY_TABLE_H
#define RA_PROXY_REKEY_TABLE_H

#include "config/config.h"
#include "proxy/credentials.h"
#include "proxy/dead_letters.h"
#include "proxy/rekey_report.h"
#include "proxy/stream_keeper.h"

typedef struct ra_rekey_table_options {
    const ra_config *config;
    const char *table;
    const char *proxy;         /* the proxy's normalised endpoint */
    const char *proxy_ca_file; /* NULL: the system's */
    ra_credentials_provider *upstream_credentials, *proxy_credentials;
    const ra_stream_keeper *keeper;
    ra_dead_letters *dead;
    ra_rekey_report *report;
    unsigned tries;
    bool from_now, once;
    void (*ended)(void *arg); /* on its thread, the last thing it does */
    void *arg;
} ra_rekey_table_options;

typedef struct ra_rekey_table ra_rekey_table;

/* Starts the thread. Strings and all else are the caller's and must outlive it. NULL with *why, which is
 * static. */
ra_rekey_table *ra_rekey_table_start(const ra_rekey_table_options *o, const char **why);
/* It ends soon: the record in hand is finished if it can be within 5 s. Any thread. */
void ra_rekey_table_stop(ra_rekey_table *t);
/* After that: waits for its end, and frees it. false: it has failed, which has been said. */
bool ra_rekey_table_join(ra_rekey_table *t);

#endif
