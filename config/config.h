/*
 * The configuration: one immutable snapshot, made from a .jsonc file in one go or not at all.
 *
 * Ownership: ra_config_load gives one reference; a request holds one for as long as it lives, so a reload
 * never changes what a request sees. Threads: a snapshot may be read, ref'ed and unref'ed from any thread.
 * Units: every time is in ms, every size in bytes, ratios in parts per million.
 * Every option stands once in the table of config/schema.c with its type, default, bounds and one line of
 * doc.
 */
#ifndef RA_CONFIG_CONFIG_H
#define RA_CONFIG_CONFIG_H

#include "config/route.h"

#include <stdio.h>

enum ra_consistency { RA_LINEARIZABLE, RA_READ_AFTER_WRITE, RA_EVENTUAL };
/* OFF: reads go to DynamoDB and fill nothing. Writes are marked all the same, so that what was cached before
 * may be served again afterwards. OBSERVE: misses fill, but all reads are answered by DynamoDB; what the
 * cache would have said is compared with that. */
enum ra_caching { RA_CACHING_ON, RA_CACHING_OFF, RA_CACHING_OBSERVE };
const char *ra_caching_word(enum ra_caching c); /* as a file has it */
/* What becomes of a write that the store can't be told of. */
enum ra_writes { RA_WRITES_REFUSE, RA_WRITES_PASS };
enum ra_store_kind { RA_STORE_KIND_MEMORY, RA_STORE_KIND_REDIS, RA_STORE_KIND_MOMENTO };

/* All that can be had of a service that has no conditional write. */
#define RA_MOMENTO_PROMISE                                                                                   \
    "With Momento, a read through the proxy that made a write sees that write, and reads through other "     \
    "proxies may be stale for at most the TTL"

/* What applies to one access: a table's own, or a pattern's with the table's for what it leaves out. */
typedef struct ra_policy {
    const char *name; /* the pattern's, or the table's; for messages and counters */
    unsigned subject; /* whose counters are its: set by who counts, before the snapshot is used; else 0 */
    int64_t ttl;      /* 0: not cached */
    int64_t negative_ttl;
    uint32_t ttl_jitter; /* ppm of the TTL that may be taken off */
    int64_t stale_while_revalidate;
    int64_t stale_if_error;
    bool consistent_fill;
    bool serve_consistent_reads; /* only with consistency linearizable */
} ra_policy;

typedef struct ra_pattern {
    ra_policy policy;
    char *partition_key; /* glob: '*' any run of characters, '?' one; NULL: any */
    char *index;         /* only this index; NULL: any */
} ra_pattern;

/* A table's keys as the config gives them, for when DescribeTable is denied. */
typedef struct ra_index_schema {
    char *name;
    char *partition_key;
    char *sort_key; /* NULL: none */
    bool global;
} ra_index_schema;

typedef struct ra_table_schema {
    char *partition_key;
    char *sort_key; /* NULL: none */
    ra_index_schema *indexes;
    size_t nindexes;
} ra_table_schema;

/* Whether the file names a table, or only the files of which the process has got its configuration. */
enum ra_standing {
    RA_TABLE_NAMED,
    /* A reload has taken it out. Its reads are as if it weren't here; writes to it are marked on, so that it
     * may be put back in. */
    RA_TABLE_RETIRED,
    /* A reload is putting it in. The same, until all writes have ended that weren't marked. */
    RA_TABLE_JOINING
};

typedef struct ra_table_config {
    char *name; /* "*": every table that has no entry of its own */
    enum ra_standing standing;
    enum ra_caching caching;
    uint32_t compare; /* ppm of hits that are compared with DynamoDB afterwards */
    enum ra_consistency consistency;
    enum ra_writes writes_when_store_down;
    int64_t settle;         /* how long GSI partitions stay marked after a write */
    bool follow;            /* `stream`: its stream is followed */
    int64_t max_stream_lag; /* past it reads bypass the cache; 0: no bound. Only where it is followed */
    bool fresh_as_of;       /* hits say X-Cache-Fresh-As-Of. Only where it is followed */
    ra_policy policy;
    ra_pattern *patterns; /* in the file's order: the first match wins */
    size_t npatterns;
    ra_table_schema *schema; /* NULL: learnt from DescribeTable */
} ra_table_config;

typedef struct ra_config ra_config;

/* What a listener shows and asks for. The files are read at start and at each reload. */
typedef struct ra_config_tls {
    char *cert_file;      /* PEM: the certificate, then its chain; NULL: no TLS */
    char *key_file;       /* PEM */
    char *client_ca_file; /* PEM: clients must show a certificate of these; NULL: they needn't */
} ra_config_tls;

typedef struct ra_config_listen {
    char *host;    /* numeric IPv4 or IPv6 (or "localhost"), without brackets */
    uint16_t port; /* 0: any free one, printed at start */
    bool exposed;  /* not a loopback address: other machines may reach it */
    ra_config_tls tls;
    ra_texts hosts; /* names by which clients may call it (the Host header), besides addresses and localhost;
                       where it is not exposed or some are given, all other names are refused */
    unsigned threads;
    unsigned max_in_flight;
    unsigned max_connections;             /* over all loops */
    unsigned max_connections_per_address; /* of clients: an IPv4 address, an IPv6 /64; 0: no limit */
    size_t max_body;
    size_t max_header_bytes; /* request line and headers */
    unsigned max_headers;
    int64_t
        header_timeout;   /* from a request's first byte (or the connection's beginning) to its last header */
    int64_t body_timeout; /* from there to the body's last byte */
    int64_t idle_timeout;
    int64_t drain_timeout;
} ra_config_listen;

/* Operators' tools. */
typedef struct ra_config_admin {
    ra_config_listen listen; /* its host, port, exposed and tls alone; host NULL: no admin listener */
    char *token;             /* who calls must show it; NULL: loopback only. Never to be printed */
    bool show_keys;          /* operators may see keys and values of items */
    bool metrics;            /* loops count what they do, and tell the TTL advisors */
} ra_config_admin;

/* Who may use the wire API. */
enum ra_sigv4_mode {
    RA_SIGV4_UNSAID, /* anyone on this machine: listen.address is loopback */
    RA_SIGV4_NONE,   /* anyone who can reach it, said in so many words */
    RA_SIGV4_KEYS    /* who signs with a key of the file */
};

typedef struct ra_config_sigv4 {
    unsigned mode;   /* enum ra_sigv4_mode */
    char *keys_file; /* with KEYS; read at start and at each reload */
    int64_t max_clock_skew;
} ra_config_sigv4;

enum ra_token_use { RA_TOKEN_USE_ACCESS, RA_TOKEN_USE_ID, RA_TOKEN_USE_ANY };

/* Tokens that callers of routes may show: RS256 (RFC 7515, 7519). */
typedef struct ra_config_jwt {
    char *issuer;        /* the `iss` claim, byte for byte; NULL: tokens aren't taken */
    char *jwks_uri;      /* "https://...", or "http://" of a loopback address */
    ra_texts client_ids; /* one of them is the token's client_id; if it has none, among its aud */
    ra_texts audiences;  /* one of them is among its aud; none: any */
    unsigned token_use;  /* enum ra_token_use: Cognito's claim; ANY doesn't look at it */
    int64_t max_clock_skew;
    char *ca_file; /* for jwks_uri; NULL: the system's */
} ra_config_jwt;

/* A back end that has authenticated its user itself. */
typedef struct ra_claim_header {
    char *claim;  /* "sub" */
    char *header; /* whose value is the claim's */
} ra_claim_header;

typedef struct ra_config_backend {
    char *secret; /* it shows it in X-Readaside-Secret; NULL: none is trusted. Never to be printed */
    ra_claim_header *claims;
    size_t nclaims;
} ra_config_backend;

typedef struct ra_config_auth {
    ra_config_sigv4 sigv4;
    ra_config_jwt jwt;
    ra_config_backend backend;
} ra_config_auth;

typedef struct ra_config_upstream {
    char *endpoint;         /* "https://host[:port]", no path; default by region */
    char *streams_endpoint; /* default: derived from the endpoint */
    char *region;
    bool region_assumed;     /* neither the file nor the environment names one */
    int64_t request_timeout; /* connect, queueing and the whole reply */
    int64_t connect_timeout;
    unsigned max_connections; /* in all; each loop gets its share */
    size_t max_reply;
    int64_t schema_refresh; /* DescribeTable again after this; bounds how long an index made elsewhere is
                               unknown */
    bool ask_capacity;      /* what reads and writes consume; false: reads are reckoned by size */
    char *ca_file;          /* NULL: the system's */
} ra_config_upstream;

/* The shared store's server; with `store` RA_STORE_KIND_REDIS. What the URL says comes first. */
typedef struct ra_config_redis {
    char *host; /* a name, or an address without brackets; NULL: `socket` */
    uint16_t port;
    char *socket;   /* a unix socket's path */
    bool tls;       /* never over a unix socket */
    char *user;     /* NULL: the default user */
    char *password; /* NULL: none. Never to be printed */
    unsigned database;
    int64_t connect_timeout;
    int64_t command_timeout; /* of one lookup, of one mark */
    unsigned max_queue;      /* commands under way, over all loops; a loop gets its share, or 1000 */
    int64_t heartbeat;       /* three without a reply: the connection is lost */
    int64_t quarantine;      /* nothing is served from a server for so long after it was first seen */
    char *ca_file;           /* NULL: the system's */
    char *cert_file;         /* NULL: we show no certificate */
    char *key_file;
} ra_config_redis;

/* The serverless store; with `store` RA_STORE_KIND_MOMENTO. */
typedef struct ra_config_momento {
    char *endpoint; /* the HTTP API's, "https://api.cache.CELL"; from the API key or the environment if not
                       given */
    char *cache;
    char *api_key;                  /* as Momento has given it out. Never to be printed */
    unsigned operations_per_second; /* of the process; 0: no limit */
    int64_t request_timeout;        /* of one request: queueing, connecting and the whole reply */
    unsigned max_connections;       /* in all; each loop gets its share */
    char *ca_file;                  /* NULL: the system's */
} ra_config_momento;

/* What a process holds in its own memory of a store that it shares. */
typedef struct ra_config_near {
    size_t max_bytes; /* 0: nothing */
    int64_t max_age;  /* how old the store's word on an entry may be before it is asked again */
} ra_config_near;

enum { RA_ENCRYPTION_KEY_BYTES = 32 };

/* The first seals, all open. Never to be printed. */
typedef struct ra_encryption_keys {
    unsigned char (*v)[RA_ENCRYPTION_KEY_BYTES];
    size_t n;
} ra_encryption_keys;

typedef struct ra_config_cache {
    enum ra_store_kind store;
    ra_config_redis redis;
    ra_config_momento momento;
    ra_config_near near;
    ra_encryption_keys encryption_key;
    size_t max_bytes;
    size_t max_entry_bytes;
    char *key_prefix;
    char *state_file; /* NULL: none; says across restarts whether the last exit was clean */
} ra_config_cache;

typedef struct ra_config_ddb {
    char *schema; /* paths, already relative to the working directory; NULL: none */
    char *seed;
    /* Routes with a `query` whose partition key has exactly one input; NULL: none. */
    const ra_route *get_conversation;
    const ra_route *list_conversations;
    ra_config_generate *generate; /* NULL: none */
} ra_config_ddb;

/* Of all streams that are followed. */
typedef struct ra_config_streams {
    int64_t idle_interval;      /* between reads of a shard in which nothing was found */
    int64_t lease;              /* a proxy that is gone is replaced after it */
    int64_t delivery_allowance; /* how long after a write its record may come; see proxy/follow.h */
} ra_config_streams;

typedef struct ra_config_access_log {
    char *path;      /* NULL: there is none; "-": standard output */
    uint32_t sample; /* ppm of requests that get a line */
} ra_config_access_log;

/* What a million capacity units cost, in millionths of the currency. */
typedef struct ra_config_prices {
    bool given; /* false: nothing is said of money */
    char *currency;
    int64_t read, write;
} ra_config_prices;

/* See proxy/rekey.h. Slots of its templates: attributes of the record's new image, by name in `inputs`, and
 * what the one star of `partition_key` stands for in the record's own. */
typedef struct ra_stream_rule {
    char *name;
    char *table;
    unsigned events;     /* set of 1 << enum ra_stream_event (INSERT, MODIFY, REMOVE in this order) */
    char *partition_key; /* glob over the record's partition key; NULL: any */
    char **inputs;       /* attribute names; NULL: the star */
    size_t ninputs;
    char *rows_index; /* NULL: the table itself */
    ra_template rows_partition_key;
    char *row_partition_key; /* glob over the found rows' partition key in the table; NULL: any */
    ra_route_field
        *set; /* `name` is an attribute, `value` what it gets; the table's sort key is one of them */
    size_t nset;
} ra_stream_rule;

struct ra_config {
    /* the loader's own; use ra_config_ref and ra_config_unref */
    void *priv;
    char *path;
    ra_config_listen listen;
    ra_config_admin admin;
    ra_config_auth auth;
    ra_config_upstream upstream;
    ra_config_cache cache;
    ra_config_ddb ddb;
    enum ra_caching caching; /* the top level's; a table has its own */
    uint32_t compare;        /* the same */
    uint32_t compare_most;   /* of all tables */
    enum ra_consistency consistency;
    enum ra_writes writes_when_store_down; /* for a write that may touch any table; a table has its own */
    int64_t unknown_write_hold;
    ra_config_streams streams;
    ra_config_access_log access_log;
    ra_config_prices prices;
    ra_stream_rule *stream_rules;
    size_t nstream_rules;
    ra_table_config *tables;
    size_t ntables;
    ra_route *routes; /* in the file's order: the first that matches wins */
    size_t nroutes;
    ra_config_cors cors;
};

/* Everything that is wrong with a file, or worth a warning, in the file's order. */
typedef struct ra_problem {
    int line;      /* 1-based; 0: the file as a whole */
    char *path;    /* "tables.cruddur-messages.ttl"; "" for the file */
    char *message; /* what is wrong and what is accepted */
    bool warning;
} ra_problem;

typedef struct ra_problems {
    ra_problem *v;
    size_t n;
    size_t errors; /* of them, not warnings */
} ra_problems;

void ra_problems_free(ra_problems *p);
/* One line each: "file:line: path: message", warnings with "warning: " before the message. */
void ra_problems_print(const ra_problems *p, const char *file, FILE *out);
/* A JSON array of {"file","line","path","message","severity"}. */
void ra_problems_print_json(const ra_problems *p, const char *file, FILE *out);

/* NULL when there is an error (in problems); warnings don't stop it. `problems` is always set. */
ra_config *ra_config_load(const char *path, ra_problems *problems);
/* The same from memory; `path` is for messages and for relative paths. */
ra_config *ra_config_parse(const char *text, size_t len, const char *path, ra_problems *problems);
ra_config *ra_config_ref(ra_config *c);
void ra_config_unref(ra_config *c); /* NULL is allowed */

/* Whether the top level or any table is linearizable. */
bool ra_config_any_linearizable(const ra_config *c);
/* Whether no cached table is anything else. */
bool ra_config_all_linearizable(const ra_config *c);
/*
 * How old Redis's word may be on what a process holds of the table and serves unasked; 0: it asks. So long a
 * write through another proxy may be unknown here, and what another one has handled of the table's stream.
 * (With Momento each process handles all of it; the in-process store has nothing near.)
 */
int64_t ra_config_near_age(const ra_config *c, const ra_table_config *t);

/* The entry for a table: its own, else "*", else NULL (not cached). `name` needs no terminating zero. */
const ra_table_config *ra_config_table(const ra_config *c, const char *name, size_t len);
/*
 * The policy for an access to one partition: the first pattern that matches, else the table's. `partition` is
 * the partition key's value as text (a string's bytes, a number's canonical digits, a binary's base64);
 * `index` is NULL for the table itself.
 */
const ra_policy *ra_table_config_policy(const ra_table_config *t, const char *index, size_t index_len,
                                        const char *partition, size_t partition_len);

/* Prints the option table: name, type, default, bounds, doc. */
void ra_config_print_options(FILE *out);

#endif
