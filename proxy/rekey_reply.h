/*
 * What a reply to a rule's query or transaction means for its record. Source: DynamoDB API reference,
 * TransactWriteItems, "TransactionCanceledException"; Query, "Errors". Pure.
 */
#ifndef RA_PROXY_REKEY_REPLY_H
#define RA_PROXY_REKEY_REPLY_H

#include "cache/buf.h"
#include "cache/http_client.h"

/* In the order of what counts for a record some of whose rows had one fate and some another: what may still
 * be done comes before what can't. */
enum ra_rekey_fate {
    RA_REKEY_WENT,    /* done */
    RA_REKEY_REFUSED, /* it will be refused as often as it is tried, as far as can be told */
    RA_REKEY_CHANGED, /* the row isn't any more what it was when it was read, or is being written to: look
                         again */
    RA_REKEY_LATER    /* nothing is wrong with the record: throttled, an outage, no right to; or nobody knows
                         whether it was done, which looking again will tell */
};

/* Appends to `error` what is wrong, unless it went. `whom`: who has replied. */
enum ra_rekey_fate ra_rekey_fate_of(const char *whom, const ra_http_reply *reply_or_null, ra_buf *error);

#endif
