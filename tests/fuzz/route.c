/*
 * Routes: "METHOD TARGET\n", header lines, an empty line, the body, NUL, and what DynamoDB answers.
 * - What is opened has its inputs: the operation's body is strict JSON of the very shape that the
 *   configuration wrote, names the configuration's table, and is an operation that the planner understands.
 * - What is answered, refused or told of an error is strict JSON.
 * - A page's link has nothing in it that could end a header, and following it leads to the same route with
 *   the same inputs but for where the page begins.
 * - A route for a back end is opened by one that shows the secret. What must be so besides is asked of the
 *   caller's own partition, and is so if the reply has an item that says it.
 */
#include "proxy/identity.h"
#include "proxy/route_allow.h"
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
    ra_http_line lines[HEADERS_MAX];
    ra_identity caller;
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

/* Who is refused is nobody here: a request with a wrong secret doesn't get so far. */
static void identify(asked *q)
{
    size_t n = 0;
    const char *why;
    for (const struct evkeyval *h = q->headers.tqh_first; h && n < HEADERS_MAX; h = h->next.tqe_next)
        q->lines[n++] = (ra_http_line){ra_bytes_z(h->key), ra_bytes_z(h->value)};
    if (ra_identity_find(&config->auth, NULL, (ra_http_lines){q->lines, n}, NOW / 1000, &q->arena, &q->caller,
                         &why) != RA_IDENTITY_FOUND)
        q->caller = (ra_identity){.caller = RA_CALLER_ANYONE};
}

/* Target and body are copies: of the HTTP request only the body may be looked at afterwards. */
static void open_it(asked *q, unsigned method, ra_bytes target, ra_bytes body)
{
    identify(q);
    q->target = fuzz_copy(target);
    q->body = fuzz_copy(body);
    ra_bytes query = {q->target, target.n}, path = fuzz_until(&query, '?');
    q->http = (ra_route_http){.method = method,
                              .path = path,
                              .query = query,
                              .headers = &q->headers,
                              .body = {q->body, body.n},
                              .identity = &q->caller,
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
    ra_identity_free(&q->caller);
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

/* ---- what must be so besides ---- */

/* Is the attribute a string with this text, or a number that is the text's? */
static bool says(const ra_json *j, uint32_t item, const char *attribute, ra_bytes text, ra_arena *a)
{
    char x[RA_NUMBER_TEXT_MAX], y[RA_NUMBER_TEXT_MAX];
    size_t n, m;
    ra_bytes s;
    uint32_t value = ra_json_member(j, item, attribute), s_token = 0, n_token = 0;
    if (value != RA_JSON_NONE) {
        s_token = ra_json_member(j, value, "S");
        n_token = ra_json_member(j, value, "N");
    }
    if (s_token != RA_JSON_NONE && ra_json_string(j, s_token, a, &s))
        return ra_bytes_eq(s, text);
    return n_token != RA_JSON_NONE && ra_json_string(j, n_token, a, &s) && ra_number_canonical(s, x, &n) &&
           ra_number_canonical(text, y, &m) && ra_bytes_eq((ra_bytes){x, n}, (ra_bytes){y, m});
}

static bool has_member(const asked *q, ra_bytes reply, ra_arena *a)
{
    ra_json j;
    ra_bytes wanted[2];
    size_t at;
    bool found = false;
    const ra_route_allow *allow = q->call.route->allow_if;
    FUZZ_CHECK(allow->nhas == 2 && ra_json_parse(&j, reply, NULL, &at) == RA_JSON_OK);
    uint32_t items = ra_json_member(&j, 0, "Items");
    for (size_t i = 0; i < allow->nhas; i++)
        FUZZ_CHECK(ra_template_text(&allow->has[i].value, q->call.values, a, &wanted[i]));
    for (uint32_t i = items + 1; !found && i < j.t[items].next; i = j.t[i].next)
        found =
            says(&j, i, allow->has[0].name, wanted[0], a) && says(&j, i, allow->has[1].name, wanted[1], a);
    ra_json_free(&j);
    return found;
}

/* The question is strict JSON, and about the caller's own partition. */
static void check_question(asked *q, ra_bytes next)
{
    ra_buf out, key;
    ra_json j;
    ra_bytes sub;
    ra_buf_init(&out, OUT);
    ra_buf_init(&key, OUT);
    FUZZ_CHECK(ra_identity_claim(&q->caller, "sub", &q->arena, &sub) == RA_CLAIM_THERE);
    ra_buf_add_z(&key, "MEMBER#");
    ra_buf_add_bytes(&key, sub);
    FUZZ_CHECK(ra_route_allow_body(&q->call, fuzz_table_chat(), next, &q->arena, &out, &q->refusal));
    parse(&out, &j);
    uint32_t values = ra_json_member(&j, 0, "ExpressionAttributeValues");
    uint32_t value = ra_json_member(&j, ra_json_member(&j, values, ":p"), "S");
    FUZZ_CHECK(ra_json_string(&j, value, &q->arena, &sub) && ra_bytes_eq(sub, ra_buf_bytes(&key)));
    ra_json_free(&j);
    if (!next.p)
        check_planned(q->call.route->allow_if->query, ra_buf_bytes(&out), &q->arena);
    ra_buf_free(&out);
    ra_buf_free(&key);
}

static void check_allowed(asked *q, ra_bytes reply)
{
    ra_bytes next;
    check_question(q, (ra_bytes){NULL, 0});
    char *copy = fuzz_copy(reply);
    enum ra_allow_result r = ra_route_allow_find(&q->call, (ra_bytes){copy, reply.n}, &q->arena, &next);
    FUZZ_CHECK(r != RA_ALLOW_NO_MEMORY && (r == RA_ALLOW_MORE) == (next.p != NULL));
    if (next.p)
        check_question(q, next);
    FUZZ_CHECK(r != RA_ALLOW_YES || has_member(q, reply, &q->arena));
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
        FUZZ_CHECK(q.call.route && q.call.values &&
                   (q.call.route->callers & (q.caller.caller | RA_CALLER_ANYONE)));
        if (q.call.route->allow_if)
            check_allowed(&q, rest);
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
