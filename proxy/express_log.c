#include "proxy/express_log.h"

#include "proxy/clock.h"
#include "proxy/express_auth.h"
#include "proxy/op.h"
#include "proxy/snapshot.h"

#include <arpa/inet.h>
#include <event2/bufferevent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

enum { BODY_ARENA = 512 * 1024 /* tokens of a body of the express way */ };

/* The first of that name, as evhttp finds it; *n: how many there are. */
static ra_bytes find(ra_http_lines lines, const char *name, unsigned *n)
{
    ra_bytes found = {NULL, 0};
    *n = 0;
    for (size_t i = 0; i < lines.n; i++)
        if (ra_bytes_eq_fold_z(lines.v[i].name, name) && (*n)++ == 0)
            found = lines.v[i].value;
    return found;
}

static void copy(char *to, size_t size, ra_bytes from)
{
    size_t n = from.n < size - 1 ? from.n : size - 1;
    if (n)
        memcpy(to, from.p, n);
    to[n] = '\0';
}

/* As the body names it. */
static void read_table(const ra_express_head *head, ra_bytes body, ra_express_noted *out)
{
    ra_arena arena;
    ra_op op;
    const char *problem;
    ra_arena_init(&arena, BODY_ARENA);
    if (ra_op_open(&op, head->target, body, &arena, &problem) == RA_OP_OK) {
        if (op.ntables)
            copy(out->table, sizeof out->table, ra_table_short_name(op.tables[0].given));
        ra_op_close(&op);
    }
    ra_arena_free(&arena);
}

static void note_more(const ra_loop *l, const ra_express_head *head, ra_http_lines lines, ra_bytes body,
                      const ra_lookup *look, ra_express_noted *out)
{
    unsigned n;
    const char *pattern;
    unsigned subject = ra_tag_subject(look->tag);
    const char *table = ra_metrics_subject(l->server->metrics, subject, &pattern);
    const char *dot = memchr(head->target.p, '.', head->target.n);
    size_t prefix = dot ? (size_t)(dot + 1 - head->target.p) : 0;
    copy(out->operation, sizeof out->operation, (ra_bytes){head->target.p + prefix, head->target.n - prefix});
    *out->table = '\0';
    if (subject == RA_SUBJECT_OTHERS || strcmp(table, "*") == 0)
        read_table(head, body, out);
    else
        copy(out->table, sizeof out->table, ra_bytes_z(table));
    ra_bytes agent = find(lines, "User-Agent", &n);
    out->user_agent_n = agent.n < sizeof out->user_agent ? agent.n : sizeof out->user_agent;
    if (out->user_agent_n)
        memcpy(out->user_agent, agent.p, out->user_agent_n);
    const ra_access_key *key = l->snapshot->access_keys ? ra_express_claimed(l, lines) : NULL;
    out->access_key = key ? key->id : NULL;
    out->bytes = body.n;
}

void ra_express_note(ra_loop *l, const ra_express_head *head, ra_http_lines lines, ra_bytes body,
                     const ra_lookup *look, ra_express_noted *out)
{
    unsigned n;
    ra_bytes given = find(lines, "X-Request-Id", &n);
    out->ids.given = (ra_bytes){NULL, 0};
    if (given.p && ra_request_id_is_sane(given)) {
        memcpy(out->id, given.p, given.n);
        out->ids.given = (ra_bytes){out->id, given.n};
    }
    ra_bytes parent = find(lines, "traceparent", &n);
    out->traced = n == 1 && ra_trace_read(parent, &out->trace);
    out->sampled =
        ra_access_sampled(l->config->access_log.sample, out->traced ? &out->trace : NULL, out->ids.given);
    if (out->sampled)
        note_more(l, head, lines, body, look, out);
}

static ra_bytes client_of(struct bufferevent *connection, char out[INET6_ADDRSTRLEN])
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a = {0};
    socklen_t n = sizeof a;
    const char *text = NULL;
    if (getpeername(bufferevent_getfd(connection), &a.any, &n) == 0)
        text = a.any.sa_family == AF_INET6 ? inet_ntop(AF_INET6, &a.v6.sin6_addr, out, INET6_ADDRSTRLEN)
                                           : inet_ntop(AF_INET, &a.v4.sin_addr, out, INET6_ADDRSTRLEN);
    return ra_bytes_z(text);
}

void ra_express_log(ra_loop *l, struct bufferevent *connection, const ra_express_noted *noted,
                    const ra_lookup *look, size_t bytes, int64_t us)
{
    char client[INET6_ADDRSTRLEN], text[RA_ACCESS_LINE_MAX];
    const char *pattern = NULL;
    const ra_bytes made = {noted->ids.made, sizeof noted->ids.made};
    bool given = noted->ids.given.n > 0;
    if (!noted->sampled)
        return;
    ra_metrics_subject(l->server->metrics, ra_tag_subject(look->tag), &pattern);
    ra_access_line line = {.at = ra_clock_wall(),
                           .id = given ? noted->ids.given : made,
                           .reply_id = given ? made : (ra_bytes){NULL, 0},
                           .trace = noted->traced ? &noted->trace : NULL,
                           .client = client_of(connection, client),
                           .method = RA_BYTES("POST"),
                           .path = RA_BYTES("/"),
                           .operation = ra_bytes_z(noted->operation),
                           .tables = {ra_bytes_z(noted->table)},
                           .ntables = *noted->table != '\0',
                           .pattern = ra_bytes_z(pattern),
                           .outcome = ra_request_outcome_name(RA_REQUEST_HIT),
                           .status = 200,
                           .cache = ra_x_cache_word(RA_X_HIT),
                           .reason = look->near ? "near" : NULL,
                           .bytes_in = noted->bytes,
                           .bytes_out = bytes,
                           .us = us,
                           .access_key = ra_bytes_z(noted->access_key),
                           .user_agent = {noted->user_agent, noted->user_agent_n}};
    size_t n = ra_access_line_write(&line, text);
    ra_access_log_put(l->access_log, (unsigned)(l - l->server->loops), text, n);
}
