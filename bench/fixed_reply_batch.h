/* What a table in which every key has an item answers to BatchGetItem. */
#ifndef RA_BENCH_FIXED_REPLY_BATCH_H
#define RA_BENCH_FIXED_REPLY_BATCH_H

#include <stddef.h>

/* The reply to `body` (terminated), whose keys have one string attribute each, "id": each item is as long as
 * GetItem's reply for it is to be `item_bytes`. The caller frees it. NULL: it isn't such a request, or there
 * is no memory. */
char *ra_fixed_batch(const char *body, size_t item_bytes);

#endif
