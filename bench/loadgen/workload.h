/*
 * A workload: which requests are made, of which keys, and what a table must hold for them. It is data, in
 * JSON (README.md describes the format); those that have a name are built in from workloads/.
 *
 * Ownership: all of it is the workload's pool. Immutable once read; any thread.
 */
#ifndef RA_BENCH_LOADGEN_WORKLOAD_H
#define RA_BENCH_LOADGEN_WORKLOAD_H

#include "bench/loadgen/placeholder.h"
#include "bench/loadgen/zipf.h"
#include "config/config.h"

enum { RA_WORKLOAD_MAX = 1024 * 1024, RA_OPERATIONS_MAX = 32, RA_WORKLOAD_KEYS_MAX = 1000000000 };

/* A header that a request has besides its own. The value's placeholders make nothing that breaks a line. */
typedef struct ra_extra_header {
    const char *name;
    ra_template value;
} ra_extra_header;

typedef struct ra_operation {
    const char *name;
    unsigned weight;
    bool write;         /* counted as one; everything else by what X-Cache says */
    const char *method; /* "POST" for DynamoDB's wire API */
    const char *target; /* "DynamoDB_20120810.Query"; NULL: plain HTTP */
    ra_template path;   /* of plain HTTP, behind the target URL's own */
    const ra_extra_header *headers;
    size_t nheaders;
    ra_document body; /* JSON; n == 0: none */
    ra_template text; /* of plain HTTP, instead of it: as it stands */
    ra_placeholders places;
    /* the keys that it asks for: from .. from + keys - 1 */
    enum ra_placeholder_kind distribution; /* what {key} means: ZIPF, UNIFORM, LATEST or SEQ */
    uint64_t from, keys;
    double zipf;
    ra_zipf law;
} ra_operation;

/* Items that must be there: `per_key` of each of the keys. */
typedef struct ra_prepared_items {
    ra_document item;
    ra_placeholders places;
    uint64_t keys;
    unsigned per_key;
} ra_prepared_items;

typedef struct ra_workload {
    ra_pool pool;
    const char *table; /* "": it names none */
    uint64_t keys;
    double zipf;
    unsigned item_size;
    ra_operation *operations;
    size_t n;
    unsigned weights;     /* the sum of all */
    bool rounds;          /* all connections ask at once, then wait for each other */
    ra_operation *before; /* sent alone before each round; may be NULL */
    ra_document *tables;  /* requests for CreateTable */
    ra_placeholders *table_places;
    size_t ntables;
    ra_prepared_items *items;
    size_t nitems;
    unsigned used; /* kinds of placeholders, by RA_PLACE_BIT */
} ra_workload;

/* What the command line says otherwise than the file. */
typedef struct ra_workload_changes {
    const char *table;  /* NULL: as it is */
    uint64_t keys;      /* 0: as it is */
    double zipf;        /* < 0: as it is */
    unsigned item_size; /* 0: as it is */
} ra_workload_changes;

/*
 * Reads a workload from JSON with comments. NULL: `problems` says why, with lines. `folder` is where relative
 * paths of "file:PATH" begin.
 */
ra_workload *ra_workload_read(const char *text, size_t len, const char *folder,
                              const ra_workload_changes *changes, ra_problems *problems);
void ra_workload_free(ra_workload *w);

/* The text of a built-in one; NULL: there is none of that name. */
const char *ra_workload_builtin(const char *name, size_t *len);
/* The names of all, ended by NULL. */
const char *const *ra_workload_names(void);

#endif
