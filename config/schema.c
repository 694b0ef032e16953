#include "config/schema.h"

#include "config/config.h"

#include <limits.h>
#include <string.h>

#define MS      INT64_C(1)
#define SECONDS (1000 * MS)
#define MINUTES (60 * SECONDS)
#define HOURS   (60 * MINUTES)
#define DAYS    (24 * HOURS)
#define KIB     INT64_C(1024)
#define MIB     (1024 * KIB)
#define GIB     (1024 * MIB)
#define WHOLE   INT64_C(1000000)

/* One options array and its section. */
#define SECTION(id, where, ...)                                                                              \
    const ra_section ra_section_##id = {.path = (where),                                                     \
                                        .options = id##_options,                                             \
                                        .noptions = sizeof id##_options / sizeof *id##_options,              \
                                        __VA_ARGS__}

/* In the order of the enums in config/config.h. */
static const char *const consistencies[] = {"linearizable", "read_after_write", "eventual", NULL};
static const char *const stores[] = {"memory", NULL};

static const ra_option root_options[] = {
    {.name = "listen", .type = RA_OPTION_OBJECT, .preset_doc = "{}", .doc = "Where clients reach the proxy."},
    {.name = "upstream",
     .type = RA_OPTION_OBJECT,
     .preset_doc = "{}",
     .doc = "The DynamoDB that stands behind the proxy."},
    {.name = "cache", .type = RA_OPTION_OBJECT, .preset_doc = "{}", .doc = "Where cached replies live."},
    {.name = "ddb",
     .type = RA_OPTION_OBJECT,
     .preset_doc = "{}",
     .doc = "Files that the `ddb` commands take when none is named."},
    {.name = "consistency",
     .type = RA_OPTION_CHOICE,
     .offset = offsetof(ra_config, consistency),
     .preset = "read_after_write",
     .choices = consistencies,
     .doc = "What a read may miss; a table may override it."},
    {.name = "unknown_write_hold",
     .type = RA_OPTION_DURATION,
     .offset = offsetof(ra_config, unknown_write_hold),
     .min = 1 * MS,
     .max = 24 * HOURS,
     .preset_doc = "17m if anything is linearizable, else 60s",
     .doc = "How long nothing is cached around a write whose fate is unknown; more than "
            "upstream.request_timeout."},
    {.name = "tables",
     .type = RA_OPTION_OBJECT_MAP,
     .max = 10000,
     .preset_doc = "{}",
     .reloadable = true,
     .doc = "The tables whose reads are cached, by name; \"*\" is every table not named."},
};
SECTION(root, "", .also = NULL);

static const ra_option listen_options[] = {
    {.name = "address",
     .type = RA_OPTION_ADDRESS,
     .preset = "127.0.0.1:8080",
     .doc = "Loopback address and port; port 0 takes any free one."},
    {.name = "threads",
     .type = RA_OPTION_COUNT,
     .offset = offsetof(ra_config_listen, threads),
     .min = 1,
     .max = 64,
     .preset = "2",
     .doc = "Event loops, each on a thread of its own."},
    {.name = "max_in_flight",
     .type = RA_OPTION_COUNT,
     .offset = offsetof(ra_config_listen, max_in_flight),
     .min = 1,
     .max = 1000000,
     .preset = "10000",
     .doc = "Requests at work at once; further ones get 503."},
    {.name = "max_body",
     .type = RA_OPTION_SIZE,
     .offset = offsetof(ra_config_listen, max_body),
     .min = 1 * KIB,
     .max = 64 * MIB,
     .preset = "16MiB",
     .doc = "The largest request body."},
    {.name = "idle_timeout",
     .type = RA_OPTION_DURATION,
     .offset = offsetof(ra_config_listen, idle_timeout),
     .min = 1 * SECONDS,
     .max = 1 * HOURS,
     .preset = "60s",
     .doc = "A client connection that is silent for longer is closed."},
    {.name = "drain_timeout",
     .type = RA_OPTION_DURATION,
     .offset = offsetof(ra_config_listen, drain_timeout),
     .min = 0,
     .max = 10 * MINUTES,
     .preset = "10s",
     .doc = "How long requests in flight may take to finish after SIGTERM."},
};
SECTION(listen, "listen", .also = NULL);

static const ra_option upstream_options[] = {
    {.name = "endpoint",
     .type = RA_OPTION_ENDPOINT,
     .offset = offsetof(ra_config_upstream, endpoint),
     .preset_doc = "AWS's for the region",
     .doc = "DynamoDB's own endpoint."},
    {.name = "streams_endpoint",
     .type = RA_OPTION_ENDPOINT,
     .offset = offsetof(ra_config_upstream, streams_endpoint),
     .preset_doc = "by the endpoint: AWS's for streams, or the same host",
     .doc = "Where DynamoDB Streams operations go."},
    {.name = "region",
     .type = RA_OPTION_REGION,
     .offset = offsetof(ra_config_upstream, region),
     .preset_doc = "AWS_REGION, then AWS_DEFAULT_REGION, then us-east-1",
     .doc = "The AWS region that requests are signed for."},
    {.name = "request_timeout",
     .type = RA_OPTION_DURATION,
     .offset = offsetof(ra_config_upstream, request_timeout),
     .min = 1 * MS,
     .max = 30 * SECONDS,
     .preset = "5s",
     .doc = "One request upstream in all: queueing, connecting and the whole reply."},
    {.name = "connect_timeout",
     .type = RA_OPTION_DURATION,
     .offset = offsetof(ra_config_upstream, connect_timeout),
     .min = 1 * MS,
     .max = 30 * SECONDS,
     .preset = "1s",
     .doc = "Connecting alone, TLS included."},
    {.name = "max_connections",
     .type = RA_OPTION_COUNT,
     .offset = offsetof(ra_config_upstream, max_connections),
     .min = 1,
     .max = 10000,
     .preset = "64",
     .doc = "Connections to DynamoDB, over all event loops."},
    {.name = "max_reply",
     .type = RA_OPTION_SIZE,
     .offset = offsetof(ra_config_upstream, max_reply),
     .min = 1 * MIB,
     .max = 1 * GIB,
     .preset = "64MiB",
     .doc = "The largest reply that is taken from DynamoDB."},
    {.name = "schema_refresh",
     .type = RA_OPTION_DURATION,
     .offset = offsetof(ra_config_upstream, schema_refresh),
     .min = 100 * MS,
     .max = 24 * HOURS,
     .preset = "5m",
     .doc = "How often a table's keys and indexes are learnt anew; an index made elsewhere is unknown till "
            "then."},
    {.name = "ca_file",
     .type = RA_OPTION_READABLE,
     .offset = offsetof(ra_config_upstream, ca_file),
     .preset_doc = "the system's",
     .doc = "Certificate authorities to trust, as PEM."},
};
SECTION(upstream, "upstream", .also = NULL);

static const ra_option cache_options[] = {
    {.name = "store",
     .type = RA_OPTION_CHOICE,
     .offset = offsetof(ra_config_cache, store),
     .preset = "memory",
     .choices = stores,
     .note = "this build has only the memory store",
     .doc = "Where entries live."},
    {.name = "max_bytes",
     .type = RA_OPTION_SIZE,
     .offset = offsetof(ra_config_cache, max_bytes),
     .min = 0,
     .max = 1024 * GIB,
     .preset = "64MiB",
     .doc = "Size of the in-process store, its overhead counted; 0 caches nothing."},
    {.name = "max_entry_bytes",
     .type = RA_OPTION_SIZE,
     .offset = offsetof(ra_config_cache, max_entry_bytes),
     .min = 1,
     .max = 64 * MIB,
     .preset = "1MiB",
     .doc = "Larger replies aren't cached."},
    {.name = "key_prefix",
     .type = RA_OPTION_TEXT,
     .offset = offsetof(ra_config_cache, key_prefix),
     .min = 0,
     .max = 128,
     .preset = "",
     .doc = "Goes into every cache key, so that installations that share a store never share rows."},
    {.name = "state_file",
     .type = RA_OPTION_PATH,
     .offset = offsetof(ra_config_cache, state_file),
     .preset_doc = "none",
     .doc = "Says across restarts whether the last exit was clean."},
};
SECTION(cache, "cache", .also = NULL);

static const ra_option ddb_options[] = {
    {.name = "schema",
     .type = RA_OPTION_PATH,
     .offset = offsetof(ra_config_ddb, schema),
     .preset_doc = "none",
     .doc = "A table as `aws dynamodb create-table --cli-input-json` takes it."},
    {.name = "seed",
     .type = RA_OPTION_PATH,
     .offset = offsetof(ra_config_ddb, seed),
     .preset_doc = "none",
     .doc = "Items as `aws dynamodb batch-write-item --request-items` takes them, of any number."},
};
SECTION(ddb, "ddb", .also = NULL);

static const ra_option policy_options[] = {
    {.name = "ttl",
     .type = RA_OPTION_DURATION,
     .offset = offsetof(ra_policy, ttl),
     .min = 0,
     .max = 365 * DAYS,
     .preset = "60s",
     .reloadable = true,
     .doc = "How long a reply may be served from the cache; 0 doesn't cache."},
    {.name = "ttl_jitter",
     .type = RA_OPTION_SHARE,
     .offset = offsetof(ra_policy, ttl_jitter),
     .min = 0,
     .max = WHOLE,
     .preset = "10%",
     .reloadable = true,
     .doc = "Up to this share is taken off each TTL, at random, so that entries don't expire together."},
    {.name = "negative_ttl",
     .type = RA_OPTION_DURATION,
     .offset = offsetof(ra_policy, negative_ttl),
     .min = 0,
     .max = 365 * DAYS,
     .preset = "5s",
     .reloadable = true,
     .doc = "The TTL of a missing item and of an empty result; the default is cut to a ttl that is shorter."},
    {.name = "stale_while_revalidate",
     .type = RA_OPTION_DURATION,
     .offset = offsetof(ra_policy, stale_while_revalidate),
     .min = 0,
     .max = 365 * DAYS,
     .preset = "0s",
     .reloadable = true,
     .doc = "For so long past its TTL an entry is served while it is fetched anew."},
    {.name = "stale_if_error",
     .type = RA_OPTION_DURATION,
     .offset = offsetof(ra_policy, stale_if_error),
     .min = 0,
     .max = 365 * DAYS,
     .preset = "0s",
     .reloadable = true,
     .doc = "For so long past its TTL an entry is served if DynamoDB fails."},
    {.name = "consistent_fill",
     .type = RA_OPTION_BOOL,
     .offset = offsetof(ra_policy, consistent_fill),
     .preset = "true",
     .reloadable = true,
     .doc = "Misses read with ConsistentRead; false halves their price, and staleness is bounded by the TTL "
            "alone."},
    {.name = "serve_consistent_reads",
     .type = RA_OPTION_BOOL,
     .offset = offsetof(ra_policy, serve_consistent_reads),
     .preset = "false",
     .reloadable = true,
     .doc =
         "Serve ConsistentRead from the cache too: every writer goes through the proxy (linearizable only)."},
};
SECTION(policy, "", .also = NULL);

static const ra_option table_options[] = {
    {.name = "consistency",
     .type = RA_OPTION_CHOICE,
     .offset = offsetof(ra_table_config, consistency),
     .preset_doc = "the top level's",
     .choices = consistencies,
     .reloadable = true,
     .doc = "Overrides the top level's for this table."},
    {.name = "settle",
     .type = RA_OPTION_DURATION,
     .offset = offsetof(ra_table_config, settle),
     .min = 0,
     .max = 10 * MINUTES,
     .preset = "5s",
     .reloadable = true,
     .doc = "After a write nothing is cached of the global index partitions it touched for so long."},
    {.name = "schema",
     .type = RA_OPTION_OBJECT,
     .preset_doc = "learnt from DescribeTable",
     .reloadable = true,
     .doc = "The table's keys and indexes, for where dynamodb:DescribeTable isn't allowed."},
    {.name = "patterns",
     .type = RA_OPTION_OBJECTS,
     .max = 256,
     .preset_doc = "[]",
     .reloadable = true,
     .doc = "Access patterns with options of their own; the first that matches counts."},
};
SECTION(table, "tables.NAME", .also = &ra_section_policy, .also_offset = offsetof(ra_table_config, policy));

static const ra_option pattern_options[] = {
    {.name = "name",
     .type = RA_OPTION_NAME,
     .offset = offsetof(ra_pattern, policy.name),
     .min = 1,
     .max = 64,
     .reloadable = true,
     .doc = "For messages and counters; unique within the table."},
    {.name = "partition_key",
     .type = RA_OPTION_TEXT,
     .offset = offsetof(ra_pattern, partition_key),
     .min = 1,
     .max = 512,
     .preset_doc = "any",
     .reloadable = true,
     .doc = "A glob over the partition key's value: * is any run of characters, ? is one."},
    {.name = "index",
     .type = RA_OPTION_NAME,
     .offset = offsetof(ra_pattern, index),
     .min = 3,
     .max = 255,
     .preset_doc = "the table and any index",
     .reloadable = true,
     .doc = "Only reads of this index."},
};
SECTION(pattern, "tables.NAME.patterns[]", .also = &ra_section_policy,
        .also_offset = offsetof(ra_pattern, policy), .also_inherited = true);

static const ra_option schema_options[] = {
    {.name = "partition_key",
     .type = RA_OPTION_TEXT,
     .offset = offsetof(ra_table_schema, partition_key),
     .min = 1,
     .max = 255,
     .reloadable = true,
     .doc = "The partition key attribute's name."},
    {.name = "sort_key",
     .type = RA_OPTION_TEXT,
     .offset = offsetof(ra_table_schema, sort_key),
     .min = 1,
     .max = 255,
     .preset_doc = "none",
     .reloadable = true,
     .doc = "The sort key attribute's name."},
    {.name = "global_secondary_indexes",
     .type = RA_OPTION_OBJECTS,
     .max = 100,
     .preset_doc = "[]",
     .reloadable = true,
     .doc = "All of the table's global secondary indexes."},
    {.name = "local_secondary_indexes",
     .type = RA_OPTION_OBJECTS,
     .max = 5,
     .preset_doc = "[]",
     .reloadable = true,
     .doc = "All of the table's local secondary indexes."},
};
SECTION(schema, "tables.NAME.schema", .also = NULL);

static const ra_option index_options[] = {
    {.name = "name",
     .type = RA_OPTION_NAME,
     .offset = offsetof(ra_index_schema, name),
     .min = 3,
     .max = 255,
     .reloadable = true,
     .doc = "The index's name."},
    {.name = "partition_key",
     .type = RA_OPTION_TEXT,
     .offset = offsetof(ra_index_schema, partition_key),
     .min = 1,
     .max = 255,
     .reloadable = true,
     .doc = "Its partition key attribute's name."},
    {.name = "sort_key",
     .type = RA_OPTION_TEXT,
     .offset = offsetof(ra_index_schema, sort_key),
     .min = 1,
     .max = 255,
     .preset_doc = "none",
     .reloadable = true,
     .doc = "Its sort key attribute's name."},
};
SECTION(index, "tables.NAME.schema.*_secondary_indexes[]", .also = NULL);

const ra_section *const ra_sections[] = {
    &ra_section_root,  &ra_section_listen,  &ra_section_upstream, &ra_section_cache, &ra_section_ddb,
    &ra_section_table, &ra_section_pattern, &ra_section_schema,   &ra_section_index, NULL};

const ra_option *ra_section_find(const ra_section *s, const char *name, size_t *base)
{
    for (size_t i = 0; i < s->noptions; i++) {
        if (strcmp(s->options[i].name, name) == 0) {
            *base = 0;
            return &s->options[i];
        }
    }
    const ra_option *o = s->also ? ra_section_find(s->also, name, base) : NULL;
    if (o)
        *base += s->also_offset;
    return o;
}

size_t ra_section_names(const ra_section *s, const char **names, size_t max)
{
    size_t n = 0;
    for (; s; s = s->also) {
        for (size_t i = 0; i < s->noptions && n < max; i++)
            names[n++] = s->options[i].name;
    }
    return n;
}
