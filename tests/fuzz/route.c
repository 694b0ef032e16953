/*
 * Routes: "METHOD TARGET\n", header lines, an empty line, the body, NUL, and what DynamoDB answers.
 * - What is opened has its inputs: the operation's body is strict JSON of the very shape that the
 *   configuration wrote, names the configuration's table, and is an operation that the planner understands.
 * - What is answered, refused or told of an error is strict JSON.
 * - A page's link has nothing in it that could end a header, and following it leads to the same route with
 *   the same inputs but for where the page begins.
 */
#include "proxy/identity.h"
#include "proxy/route_parts.h"
#include "proxy/route_reply.h"
#include "proxy/template_render.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tables.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <sys/queue.h>

enum { ARENA = 64 << 20, OUT = 64 << 20, HEADERS_MAX = 32 };
#define NOW INT64_C(1718136343816059)

static ra_config *config;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char path[] = READASIDE_SOURCE_DIR "/tests/fuzz/routes.jsonc";
    ra_problems problems;
    (void)argc;
    (void)argv;
    fuzz_tables_start();
    config = ra_config_load(path, &problems);
    ra_problems_print(&problems, path, stderr);
    ra_problems_free(&problems);
    FUZZ_CHECK(config);
    return 0;
}

/* One request and all that it stands on. */
typedef struct asked {
    ra_arena arena;
    struct evkeyvalq headers;
    char *target, *body;
    ra_route_http http;
    ra_identity nobody;
    ra_route_call call;
    ra_route_refusal refusal;
    enum ra_route_result result;
} asked;

static unsigned method_of(ra_bytes name)
{
    static const char *const names[] = {
        [RA_METHOD_GET] = "GET",        [RA_METHOD_HEAD] = "HEAD",   [RA_METHOD_POST] = "POST",
        [RA_METHOD_PUT] = "PUT",        [RA_METHOD_PATCH] = "PATCH", [RA_METHOD_DELETE] = "DELETE",
        [RA_METHOD_OPTIONS] = "OPTIONS"};
    unsigned i = 0;
    while (i < RA_METHOD_OPTIONS && !ra_bytes_eq_z(name, names[i]))
        i++;
    return i;
}

static void add_header(asked *q, ra_bytes line)
{
    ra_bytes value = line, name = fuzz_until(&value, ':');
    while (value.n && *value.p == ' ')
        value = (ra_bytes){value.p + 1, value.n - 1};
    char *n = fuzz_text(name), *v = fuzz_text(value);
    evhttp_add_header(&q->headers, n, v); /* refuses line breaks */
    free(n);
    free(v);
}

/* Target and body are copies: of the HTTP request only the body may be looked at afterwards. */
static void open_it(asked *q, unsigned method, ra_bytes target, ra_bytes body)
{
    q->nobody.caller = RA_CALLER_ANYONE;
    q->target = fuzz_copy(target);
    q->body = fuzz_copy(body);
    ra_bytes query = {q->target, target.n}, path = fuzz_until(&query, '?');
    q->http = (ra_route_http){.method = method,
                              .path = path,
                              .query = query,
                              .headers = &q->headers,
                              .body = {q->body, body.n},
                              .identity = &q->nobody,
                              .now_us = NOW};
    q->result = ra_route_open(config, &q->http, &q->arena, &q->call, &q->refusal);
    memset(q->target, '#', target.n);
}

static void init(asked *q)
{
    memset(q, 0, sizeof *q);
    ra_arena_init(&q->arena, ARENA);
    TAILQ_INIT(&q->headers);
}

static void drop(asked *q)
{
    evhttp_clear_headers(&q->headers);
    ra_arena_free(&q->arena);
    free(q->target);
    free(q->body);
}

static void parse(const ra_buf *text, ra_json *j)
{
    size_t at;
    FUZZ_CHECK(ra_buf_ok(text) && ra_json_parse(j, ra_buf_bytes(text), NULL, &at) == RA_JSON_OK);
}

static void check_refusal(const ra_route_refusal *r)
{
    ra_buf out;
    ra_json j;
    FUZZ_CHECK(r->status >= 400 && r->status < 600 && r->code && r->message);
    FUZZ_CHECK((r->status == 405) == (r->allow != NULL));
    ra_buf_init(&out, OUT);
    FUZZ_CHECK(ra_route_refusal_body(r, &out));
    parse(&out, &j);
    ra_json_free(&j);
    ra_buf_free(&out);
}

/* ---- the operation's body ---- */

/* The document with other values in it has the same tokens, but for what is between the quotes. */
static void check_shape(const ra_route *r, const ra_json *j)
{
    ra_bytes values[RA_TEMPLATE_SLOTS_MAX];
    ra_buf plain;
    ra_json other;
    for (size_t i = 0; i < RA_TEMPLATE_SLOTS_MAX; i++)
        values[i] = RA_BYTES("x");
    ra_buf_init(&plain, OUT);
    FUZZ_CHECK(ra_document_render(&r->request, values, &plain));
    parse(&plain, &other);
    FUZZ_CHECK(j->n == other.n);
    for (uint32_t i = 0; i < j->n; i++)
        FUZZ_CHECK(j->t[i].type == other.t[i].type && j->t[i].next == other.t[i].next);
    ra_json_free(&other);
    ra_buf_free(&plain);
}

static void check_planned(const ra_route *r, ra_bytes body, ra_arena *a)
{
    ra_op op;
    const char *problem;
    FUZZ_CHECK(ra_op_open(&op, ra_bytes_z(ra_route_target(r)), body, a, &problem) == RA_OP_OK);
    FUZZ_CHECK(op.ntables == 1 && !op.any_table && ra_bytes_eq_z(op.tables[0].given, "chat"));
    fuzz_tables_set(&op);
    FUZZ_CHECK(ra_op_plan(&op) == RA_OP_OK);
    FUZZ_CHECK(op.class == RA_CLASS_READ ? op.nparts == 1 : op.nmarks > 0);
    ra_op_close(&op);
}

static void check_body(asked *q)
{
    const ra_route *r = q->call.route;
    const ra_table *table = ra_route_needs_table(&q->call) ? fuzz_table_chat() : NULL;
    ra_buf out;
    ra_json j;
    ra_buf_init(&out, OUT);
    if (ra_route_body(&q->call, table, &q->arena, &out, &q->refusal)) {
        parse(&out, &j);
        FUZZ_CHECK(r->query || out.n >= ra_document_length(&r->request, q->call.values));
        if (!r->query)
            check_shape(r, &j);
        check_planned(r, ra_buf_bytes(&out), &q->arena);
        ra_json_free(&j);
    } else {
        check_refusal(&q->refusal);
    }
    ra_buf_free(&out);
}

/* ---- the answer ---- */

static void add_same_headers(asked *to, const asked *from)
{
    for (const struct evkeyval *h = from->headers.tqh_first; h; h = h->next.tqe_next)
        evhttp_add_header(&to->headers, h->key, h->value);
}

static void check_link(const asked *q, const char *link)
{
    asked next;
    const ra_route_query *query = q->call.route->query;
    ra_bytes rest = ra_bytes_z(link), target;
    for (const char *p = link; *p; p++)
        FUZZ_CHECK(*p > ' ' ? *p < 0x7f : *p == ' ');
    FUZZ_CHECK(query && *link == '<');
    fuzz_byte(&rest);
    target = fuzz_until(&rest, '>');
    FUZZ_CHECK(ra_bytes_eq_z(rest, "; rel=\"next\""));
    init(&next);
    add_same_headers(&next, q);
    open_it(&next, RA_METHOD_GET, target, (ra_bytes){"", 0});
    if (next.result == RA_ROUTE_OPEN) {
        FUZZ_CHECK(next.call.route == q->call.route && next.call.limit == q->call.limit);
        for (size_t i = 0; i < q->call.route->ninputs; i++)
            if ((int)i != query->before_from && (int)i != query->after_from)
                FUZZ_CHECK(ra_bytes_eq(next.call.values[i], q->call.values[i]));
    } else { /* a key that a URL can't hold */
        FUZZ_CHECK(next.result == RA_ROUTE_REFUSED && next.refusal.status == 400);
    }
    drop(&next);
}

static void check_answer(asked *q, ra_bytes reply)
{
    const ra_table *table = ra_route_needs_table(&q->call) ? fuzz_table_chat() : NULL;
    char *copy = fuzz_copy(reply);
    ra_bytes text = {copy, reply.n};
    ra_route_answer answer = {0};
    ra_buf out;
    ra_json j;
    ra_buf_init(&out, OUT);
    if (ra_route_answer_make(&q->call, text, table, &q->arena, &out, &answer, &q->refusal)) {
        FUZZ_CHECK(answer.status >= 200 && answer.status < 300);
        FUZZ_CHECK((out.n == 0) == (answer.status == 204));
        if (out.n) {
            parse(&out, &j);
            ra_json_free(&j);
        }
        if (answer.next)
            check_link(q, answer.next);
    } else {
        check_refusal(&q->refusal);
        FUZZ_CHECK(out.n == 0);
    }
    ra_buf_free(&out);
    memset(&q->refusal, 0, sizeof q->refusal);
    ra_route_error(reply.n % 2 ? 400 : 500, text, &q->arena, &q->refusal);
    check_refusal(&q->refusal);
    free(copy);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ra_bytes rest = {(const char *)data, size}, line = fuzz_line(&rest);
    ra_bytes target = line, method = fuzz_until(&target, ' ');
    asked q;
    init(&q);
    for (int i = 0; i < HEADERS_MAX && (line = fuzz_line(&rest)).n; i++)
        add_header(&q, line);
    ra_bytes body = fuzz_until(&rest, '\0');
    open_it(&q, method_of(method), target, body);
    if (q.result == RA_ROUTE_OPEN) {
        FUZZ_CHECK(q.call.route && q.call.values);
        check_body(&q);
        check_answer(&q, rest);
    } else if (q.result == RA_ROUTE_REFUSED) {
        check_refusal(&q.refusal);
    } else if (q.result == RA_ROUTE_OPTIONS) {
        FUZZ_CHECK(q.refusal.allow);
    }
    drop(&q);
    return 0;
}
