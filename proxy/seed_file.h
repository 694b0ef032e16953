/*
 * A file of writes, as `aws dynamodb batch-write-item --request-items` takes it ({"TABLE": [{"PutRequest":
 * {"Item":
 * {...}}}, ...], ...}), and the BatchWriteItem bodies that it is sent in. The writes are spliced into the
 * bodies byte for byte.
 *
 * Ownership: a seed views the text, which must outlive it. Threads: none shared.
 */
#ifndef RA_PROXY_SEED_FILE_H
#define RA_PROXY_SEED_FILE_H

#include "cache/buf.h"
#include "proxy/json.h"

enum {
    RA_SEED_CHUNK_WRITES = 25,      /* DynamoDB's limit */
    RA_SEED_CHUNK_BYTES = 15 << 20, /* below its 16 MiB */
    RA_SEED_BODY_MAX = 64 << 20 /* one write may be larger than a chunk should be; DynamoDB then says so */
};

typedef struct ra_seed_table {
    ra_bytes name;  /* decoded */
    uint32_t token; /* its name, in the file */
    size_t first;   /* of its writes, an index into ra_seed.writes */
    size_t nwrites;
} ra_seed_table;

typedef struct ra_seed {
    ra_json json;
    ra_arena names;
    ra_seed_table *tables;
    size_t ntables;
    uint32_t *writes; /* tokens, table by table */
    size_t nwrites;
} ra_seed;

/* NULL, or what is wrong, with its place in *at. There is nothing to free then. */
const char *ra_seed_read(ra_seed *s, ra_bytes text, size_t *at);
void ra_seed_free(ra_seed *s);

/* Appends the body for the writes from number `from` on; returns how many went in, 0 without memory. */
size_t ra_seed_chunk(const ra_seed *s, size_t from, ra_buf *body);

/*
 * What a BatchWriteItem reply left undone. *left is the number of writes, and `body`, cleared first, the next
 * request's body when there are any. false: not such a reply, or no memory.
 */
bool ra_seed_unprocessed(ra_bytes reply, size_t *left, ra_buf *body);

#endif
