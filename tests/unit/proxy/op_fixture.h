/* What the tests of operations share: tables, a config, an operation planned from a body, replies. */
#ifndef RA_TESTS_OP_FIXTURE_H
#define RA_TESTS_OP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include "proxy/op.h"

/* pk S, sk S; one LSI; two GSIs, one of them on the table's sort key. As DynamoDB Local describes it. */
#define CHAT_TABLE                                                                                           \
    "{\"Table\":{\"AttributeDefinitions\":[{\"AttributeName\":\"pk\",\"AttributeType\":\"S\"},"              \
    "{\"AttributeName\":\"sk\",\"AttributeType\":\"S\"},{\"AttributeName\":\"g\",\"AttributeType\":\"S\"},"  \
    "{\"AttributeName\":\"h\",\"AttributeType\":\"S\"}],\"TableName\":\"chat\",\"KeySchema\":["              \
    "{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"},{\"AttributeName\":\"sk\",\"KeyType\":\"RANGE\"}],"     \
    "\"TableStatus\":\"ACTIVE\",\"CreationDateTime\":1795354584.767,\"TableSizeBytes\":0,\"ItemCount\":0,"   \
    "\"TableArn\":\"arn:aws:dynamodb:ddblocal:000000000000:table/chat\",\"LocalSecondaryIndexes\":["         \
    "{\"IndexName\":\"by-h\",\"KeySchema\":[{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"},"                \
    "{\"AttributeName\":\"h\",\"KeyType\":\"RANGE\"}],\"Projection\":{\"ProjectionType\":\"ALL\"}}],"        \
    "\"GlobalSecondaryIndexes\":[{\"IndexName\":\"by-g\",\"KeySchema\":[{\"AttributeName\":\"g\","           \
    "\"KeyType\":\"HASH\"},{\"AttributeName\":\"h\",\"KeyType\":\"RANGE\"}],\"Projection\":"                 \
    "{\"ProjectionType\":\"ALL\"},\"IndexStatus\":\"ACTIVE\"},{\"IndexName\":\"by-sk\",\"KeySchema\":["      \
    "{\"AttributeName\":\"sk\",\"KeyType\":\"HASH\"}],\"Projection\":{\"ProjectionType\":\"ALL\"},"          \
    "\"IndexStatus\":\"ACTIVE\"}],\"DeletionProtectionEnabled\":false}}"

/* A table with one key attribute `id` of the given type ("S", "N", "B") and no index. */
#define PLAIN_TABLE(name, type)                                                                              \
    "{\"Table\":{\"AttributeDefinitions\":[{\"AttributeName\":\"id\",\"AttributeType\":\"" type "\"}],"      \
    "\"TableName\":\"" name "\",\"KeySchema\":[{\"AttributeName\":\"id\",\"KeyType\":\"HASH\"}],"            \
    "\"TableStatus\":\"ACTIVE\",\"TableArn\":\"arn:aws:dynamodb:eu-west-1:123456789012:table/" name "\","    \
    "\"TableId\":\"0d4f\"}}"

enum { FIXTURE_SETTLE = 5000, FIXTURE_TABLES = 5 };

typedef struct fixture {
    ra_arena arena;
    ra_op op;
    ra_table_config config; /* of all tables */
    ra_table *tables[FIXTURE_TABLES];
    char *body; /* an exact copy, so that a sanitizer sees a read past its end */
} fixture;

static inline ra_table *fixture_describe(const char *text)
{
    ra_table *t = ra_table_from_describe(ra_bytes_z(text), RA_BYTES("p:"), RA_BYTES("http://ddb:8000"));
    assert_non_null(t);
    return t;
}

static inline fixture *fixture_new(void)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->config = (ra_table_config){.consistency = RA_READ_AFTER_WRITE,
                                  .settle = FIXTURE_SETTLE,
                                  .policy = {.name = "*", .ttl = 60000, .consistent_fill = true}};
    f->config.name = strdup("*");
    f->tables[0] = fixture_describe(CHAT_TABLE);
    f->tables[1] = fixture_describe(PLAIN_TABLE("users", "S"));
    f->tables[2] = fixture_describe(PLAIN_TABLE("numbers", "N"));
    f->tables[3] = fixture_describe(PLAIN_TABLE("blobs", "B"));
    f->tables[4] = fixture_describe(PLAIN_TABLE("others", "S"));
    ra_arena_init(&f->arena, 64 << 20);
    return f;
}

static inline void fixture_close(fixture *f)
{
    ra_op_close(&f->op);
    ra_arena_free(&f->arena);
    free(f->body);
    f->body = NULL;
}

static inline void fixture_free(fixture *f)
{
    fixture_close(f);
    for (size_t i = 0; i < FIXTURE_TABLES; i++)
        ra_table_unref(f->tables[i]);
    free(f->config.name);
    free(f);
}

/* The chat table, the one with everything. */
static inline const ra_table *fixture_chat(const fixture *f)
{
    return f->tables[0];
}

/* Opens an operation and gives it its tables; "hidden" is the name of a table that no config names. */
static inline enum ra_op_result fixture_open(fixture *f, const char *name, ra_bytes body)
{
    char target[128];
    const char *problem;
    fixture_close(f);
    snprintf(target, sizeof target, "DynamoDB_20120810.%s", name);
    f->body = malloc(body.n ? body.n : 1);
    assert_non_null(f->body);
    if (body.n)
        memcpy(f->body, body.p, body.n);
    enum ra_op_result r =
        ra_op_open(&f->op, ra_bytes_z(target), (ra_bytes){f->body, body.n}, &f->arena, &problem);
    assert_true((r == RA_OP_MALFORMED) == (problem != NULL));
    for (size_t i = 0; r == RA_OP_OK && i < f->op.ntables; i++) {
        ra_op_table *t = &f->op.tables[i];
        ra_bytes shortened = ra_table_short_name(t->given);
        if (!ra_bytes_eq_z(shortened, "hidden"))
            t->config = &f->config;
        for (size_t k = 0; k < FIXTURE_TABLES; k++)
            if (ra_bytes_eq_z(shortened, f->tables[k]->name))
                t->table = f->tables[k];
    }
    return r;
}

static inline ra_op *fixture_plan_bytes(fixture *f, const char *name, ra_bytes body)
{
    assert_int_equal(fixture_open(f, name, body), RA_OP_OK);
    assert_int_equal(ra_op_plan(&f->op), RA_OP_OK);
    return &f->op;
}

static inline ra_op *fixture_plan(fixture *f, const char *name, const char *body)
{
    return fixture_plan_bytes(f, name, ra_bytes_z(body));
}

/* The body for upstream, zero-terminated, the caller's to free. It must be strict JSON. */
static inline char *fixture_body(const ra_op *op)
{
    ra_buf b;
    ra_json j;
    size_t at, n;
    ra_buf_init(&b, 64 << 20);
    assert_true(ra_op_body(op, &b));
    assert_int_equal(ra_json_parse(&j, ra_buf_bytes(&b), NULL, &at), RA_JSON_OK);
    ra_json_free(&j);
    assert_true(ra_buf_add_char(&b, 0));
    return ra_buf_take(&b, &n);
}

static inline void assert_body(const ra_op *op, const char *expected)
{
    char *body = fixture_body(op);
    assert_string_equal(body, expected);
    assert_true(ra_op_body_is_original(op) == ra_bytes_eq_z(op->body, expected));
    free(body);
}

static inline void assert_bypass(fixture *f, const char *name, const char *body, const char *why)
{
    const ra_op *op = fixture_plan(f, name, body);
    if (!op->bypass)
        fail_msg("not bypassed: %s", body);
    assert_string_equal(op->bypass, why);
    assert_int_equal(op->nparts, 0);
    assert_int_equal(op->nmarks, 0);
}

static inline bool fixture_marks(const ra_mark *v, size_t n, const ra_key *unit, int64_t settle)
{
    for (size_t i = 0; i < n; i++) {
        if (ra_key_eq(&v[i].unit, unit)) {
            assert_int_equal(v[i].settle, settle);
            return true;
        }
    }
    return false;
}

static inline ra_scalar scalar_s(const char *text)
{
    return (ra_scalar){RA_SCALAR_S, ra_bytes_z(text)};
}

static inline ra_key unit_item(const ra_table *t, const char *pk, const char *sk)
{
    ra_key k;
    ra_scalar p = scalar_s(pk), s = scalar_s(sk ? sk : "");
    assert_true(ra_table_item_unit(t, &p, sk ? &s : NULL, &k));
    return k;
}

static inline ra_key unit_partition(const ra_table *t, const char *pk)
{
    ra_key k;
    ra_scalar p = scalar_s(pk);
    assert_true(ra_table_partition_unit(t, &p, &k));
    return k;
}

static inline const ra_table_index *index_of(const ra_table *t, const char *name)
{
    const ra_table_index *i = ra_table_find_index(t, ra_bytes_z(name));
    assert_non_null(i);
    return i;
}

static inline ra_key unit_index(const ra_table *t, const char *index, const char *pk)
{
    ra_key k;
    ra_scalar p = scalar_s(pk);
    assert_true(ra_table_index_partition_unit(t, index_of(t, index), &p, &k));
    return k;
}

/* ---- replies ---- */

typedef struct canned {
    ra_http_reply reply;
    ra_http_header headers[2];
    char crc[16];
} canned;

/* A reply as DynamoDB sends it, with its checksum; `body` must outlive it. */
static inline ra_http_reply *canned_reply(canned *c, int status, const char *body)
{
    static char type_name[] = "content-type", type[] = "application/x-amz-json-1.0",
                crc_name[] = "x-amz-crc32";
    union {
        const char *in;
        char *out;
    } unconst = {body};
    snprintf(c->crc, sizeof c->crc, "%u", (unsigned)ra_crc32(ra_bytes_z(body)));
    c->headers[0] = (ra_http_header){type_name, type};
    c->headers[1] = (ra_http_header){crc_name, c->crc};
    c->reply = (ra_http_reply){.result = RA_HTTP_OK,
                               .status = status,
                               .headers = c->headers,
                               .nheaders = 2,
                               .body = unconst.out,
                               .len = strlen(body)};
    return &c->reply;
}

/* The payload of the one entry that a reply yields, or NULL; the caller's reference. */
static inline ra_payload *fixture_cacheable(ra_op *op, ra_http_reply *reply, bool *negative)
{
    ra_cacheable *c;
    size_t n;
    assert_true(ra_op_read_cacheable(op, reply, 1234, &c, &n));
    if (n == 0)
        return NULL;
    assert_int_equal(n, 1);
    assert_int_equal(c[0].part, 0);
    *negative = c[0].negative;
    ra_payload *p = c[0].payload;
    assert_int_equal(p->filled_ms, 1234);
    assert_int_equal(p->crc32, ra_crc32((ra_bytes){p->body, p->len}));
    return p;
}

static inline void assert_payload(const ra_payload *p, const char *expected)
{
    assert_non_null(p);
    assert_int_equal(p->len, strlen(expected));
    assert_memory_equal(p->body, expected, p->len);
}

#endif
