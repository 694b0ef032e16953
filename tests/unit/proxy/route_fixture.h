/* What the tests of routes share: a config with some routes, requests on them, and what comes of these. */
#ifndef RA_TESTS_ROUTE_FIXTURE_H
#define RA_TESTS_ROUTE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include "proxy/route_reply.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <sys/queue.h>

/* A table as DynamoDB Local describes it; `pk` and `sk` are the types of its keys, by-n is a global index. */
#define ROUTE_TABLE(pk, sk)                                                                                  \
    "{\"Table\":{\"AttributeDefinitions\":[{\"AttributeName\":\"pk\",\"AttributeType\":\"" pk "\"},"         \
    "{\"AttributeName\":\"sk\",\"AttributeType\":\"" sk "\"},{\"AttributeName\":\"n\",\"AttributeType\":"    \
    "\"N\"},{\"AttributeName\":\"b\",\"AttributeType\":\"B\"}],\"TableName\":\"chat\",\"KeySchema\":["       \
    "{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"},{\"AttributeName\":\"sk\",\"KeyType\":\"RANGE\"}],"     \
    "\"TableStatus\":\"ACTIVE\",\"TableArn\":\"arn:aws:dynamodb:ddblocal:000000000000:table/chat\","         \
    "\"TableId\":\"1\",\"GlobalSecondaryIndexes\":[{\"IndexName\":\"by-n\",\"KeySchema\":["                  \
    "{\"AttributeName\":\"n\",\"KeyType\":\"HASH\"},{\"AttributeName\":\"b\",\"KeyType\":\"RANGE\"}],"       \
    "\"IndexStatus\":\"ACTIVE\"},{\"IndexName\":\"flat\",\"KeySchema\":[{\"AttributeName\":\"pk\","          \
    "\"KeyType\":\"HASH\"}],\"IndexStatus\":\"ACTIVE\"},{\"IndexName\":\"odd\",\"KeySchema\":["              \
    "{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"},{\"AttributeName\":\"n\",\"KeyType\":\"HASH\"}],"       \
    "\"IndexStatus\":\"ACTIVE\"}]}}"

enum { ROUTE_ARENA = 64 << 20, ROUTE_OUT = 64 << 20 };

/* 2024-06-11T20:05:43.816059+00:00 */
#define ROUTE_NOW INT64_C(1718136343816059)

typedef struct route_fixture {
    ra_config *config;
    ra_table *table;
    ra_arena arena;
    struct evkeyvalq headers;
    const struct ra_identity *identity; /* NULL: nobody known */
    char *path, *query, *body;          /* exact copies, so that a sanitizer sees a read past their ends */
    ra_route_call call;
    ra_route_refusal refusal;
    ra_buf out;
    ra_route_answer answer;
} route_fixture;

static inline ra_table *route_table(const char *text)
{
    ra_table *t = ra_table_from_describe(ra_bytes_z(text), RA_BYTES("p:"), RA_BYTES("http://ddb:8000"));
    assert_non_null(t);
    return t;
}

/* `routes` is what stands between the brackets; `more` other members of the config, each with its comma. */
static inline route_fixture *route_fixture_with(const char *routes, const char *more)
{
    route_fixture *f = calloc(1, sizeof *f);
    size_t size = strlen(routes) + strlen(more) + 256;
    char *text = malloc(size);
    assert_true(f && text);
    int n = snprintf(text, size,
                     "{\"upstream\":{\"endpoint\":\"http://127.0.0.1:8000\",\"region\":\"eu-west-1\"},"
                     "\"tables\":{\"*\":{}},%s\"routes\":[%s]}",
                     more, routes);
    ra_problems problems;
    f->config = ra_config_parse(text, (size_t)n, "test.jsonc", &problems);
    ra_problems_print(&problems, "test.jsonc", stderr);
    ra_problems_free(&problems);
    free(text);
    assert_non_null(f->config);
    f->table = route_table(ROUTE_TABLE("S", "S"));
    ra_arena_init(&f->arena, ROUTE_ARENA);
    ra_buf_init(&f->out, ROUTE_OUT);
    TAILQ_INIT(&f->headers);
    return f;
}

static inline route_fixture *route_fixture_new(const char *routes)
{
    return route_fixture_with(routes, "");
}

static inline void route_fixture_close(route_fixture *f)
{
    free(f->path);
    free(f->query);
    free(f->body);
    f->path = f->query = f->body = NULL;
    ra_arena_free(&f->arena);
    ra_buf_free(&f->out);
    memset(&f->call, 0xa5, sizeof f->call);
    memset(&f->refusal, 0xa5, sizeof f->refusal);
    memset(&f->answer, 0xa5, sizeof f->answer);
}

static inline void route_fixture_free(route_fixture *f)
{
    route_fixture_close(f);
    evhttp_clear_headers(&f->headers);
    ra_table_unref(f->table);
    ra_config_unref(f->config);
    free(f);
}

/* Replaces the headers; names and values in turn, NULL ends them. */
static inline void route_headers(route_fixture *f, ...)
{
    va_list list;
    const char *name;
    evhttp_clear_headers(&f->headers);
    va_start(list, f);
    while ((name = va_arg(list, const char *)) != NULL)
        assert_int_equal(evhttp_add_header(&f->headers, name, va_arg(list, const char *)), 0);
    va_end(list);
}

static inline char *route_copy(const char *p, size_t n)
{
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    if (n)
        memcpy(copy, p, n);
    return copy;
}

/* `body` NULL: none. */
static inline enum ra_route_result route_open_bytes(route_fixture *f, int method, ra_bytes target,
                                                    ra_bytes body)
{
    const char *mark = memchr(target.p, '?', target.n);
    size_t n = mark ? (size_t)(mark - target.p) : target.n;
    ra_bytes query = mark ? (ra_bytes){mark + 1, target.n - n - 1} : (ra_bytes){NULL, 0};
    route_fixture_close(f);
    f->path = route_copy(target.p, n);
    f->query = route_copy(query.p, query.n);
    f->body = route_copy(body.p, body.n);
    ra_route_http h = {.method = (unsigned)method,
                       .path = {f->path, n},
                       .query = {query.p ? f->query : NULL, query.n},
                       .headers = &f->headers,
                       .body = {f->body, body.n},
                       .identity = f->identity,
                       .now_us = ROUTE_NOW};
    enum ra_route_result r = ra_route_open(f->config, &h, &f->arena, &f->call, &f->refusal);
    /* Of the HTTP request only the body may be looked at from here on. */
    memset(f->path, '#', n);
    memset(f->query, '#', query.n);
    evhttp_clear_headers(&f->headers);
    return r;
}

static inline enum ra_route_result route_open(route_fixture *f, int method, const char *target,
                                              const char *body)
{
    return route_open_bytes(f, method, ra_bytes_z(target), ra_bytes_z(body));
}

static inline void route_get(route_fixture *f, const char *target)
{
    enum ra_route_result r = route_open(f, RA_METHOD_GET, target, NULL);
    if (r != RA_ROUTE_OPEN)
        print_error("GET %s: %d %s %s\n", target, f->refusal.status, f->refusal.code, f->refusal.message);
    assert_int_equal(r, RA_ROUTE_OPEN);
}

static inline void assert_refusal(const route_fixture *f, int status, const char *code)
{
    assert_int_equal(f->refusal.status, status);
    assert_string_equal(f->refusal.code, code);
    assert_non_null(f->refusal.message);
    assert_true((f->refusal.ncodes > 0) == (status == 422));
    assert_true((f->refusal.retry_after != NULL) == (status == 503));
}

static inline void route_refused(route_fixture *f, int method, const char *target, const char *body,
                                 int status, const char *code)
{
    enum ra_route_result r = route_open(f, method, target, body);
    if (r != RA_ROUTE_REFUSED)
        print_error("%s isn't refused\n", target);
    assert_int_equal(r, RA_ROUTE_REFUSED);
    assert_refusal(f, status, code);
}

/* JSON POSTed with the headers that are set. */
static inline enum ra_route_result route_post(route_fixture *f, const char *target, const char *body)
{
    evhttp_add_header(&f->headers, "Content-Type", "application/json");
    return route_open(f, RA_METHOD_POST, target, body);
}

/* The value of the input with this place, "body.message"; NULL: absent. */
static inline const char *route_value(route_fixture *f, const char *place)
{
    for (size_t i = 0; i < f->call.route->ninputs; i++)
        if (strcmp(f->call.route->inputs[i].place, place) == 0)
            return f->call.values[i].p ? ra_arena_strdup(&f->arena, f->call.values[i]) : NULL;
    fail_msg("%s has no input %s", f->call.route->name, place);
    return NULL;
}

static inline const char *route_out(route_fixture *f)
{
    assert_true(ra_buf_ok(&f->out));
    assert_true(ra_buf_add_char(&f->out, '\0'));
    f->out.n--;
    return f->out.p;
}

/* The operation's body. */
static inline const char *route_body(route_fixture *f)
{
    const ra_table *table = ra_route_needs_table(&f->call) ? f->table : NULL;
    ra_buf_clear(&f->out);
    assert_true(ra_route_body(&f->call, table, &f->arena, &f->out, &f->refusal));
    return route_out(f);
}

static inline void route_body_refused(route_fixture *f, int status, const char *code)
{
    ra_buf_clear(&f->out);
    assert_false(ra_route_body(&f->call, f->table, &f->arena, &f->out, &f->refusal));
    assert_refusal(f, status, code);
}

/* What is shown of a reply. */
static inline const char *route_shown(route_fixture *f, const char *reply)
{
    const ra_table *table = ra_route_needs_table(&f->call) ? f->table : NULL;
    ra_buf_clear(&f->out);
    assert_true(ra_route_answer_make(&f->call, ra_bytes_z(reply), table, &f->arena, &f->out, &f->answer,
                                     &f->refusal));
    return route_out(f);
}

#endif
