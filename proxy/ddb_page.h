/*
 * Query and Scan, page after page. Ownership: a page owns its reply and its tokens. Threads: main's only.
 */
#ifndef RA_PROXY_DDB_PAGE_H
#define RA_PROXY_DDB_PAGE_H

#include "proxy/ddb_task.h"
#include "proxy/json.h"

enum { RA_DDB_KEY_MAX = 64 * 1024, RA_DDB_PAGE_BODY_MAX = 1 << 20 };

typedef struct ra_ddb_page {
    ra_http_reply *reply;
    ra_json json;
    uint32_t items; /* the array's token */
    uint64_t count; /* its elements */
    uint64_t scanned;
    double capacity; /* CapacityUnits, 0 where it wasn't asked for */
} ra_ddb_page;

/*
 * Sends `body`, an object, from `from` on (the ExclusiveStartKey's text, empty: from the beginning), and
 * leaves in `from` where the next page begins: empty when this was the last. `what` is for messages. false:
 * it has been said why, and there is nothing to free.
 */
bool ra_ddb_page_read(const ra_ddb_task *t, const char *operation, ra_bytes body, const char *what,
                      ra_buf *from, ra_ddb_page *out);
void ra_ddb_page_free(ra_ddb_page *p);

#endif
