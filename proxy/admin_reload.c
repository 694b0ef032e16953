#include "proxy/admin_reload.h"

#include "proxy/admin_cache.h"
#include "proxy/admin_work.h"
#include "proxy/invalidate.h"
#include "proxy/json.h"
#include "proxy/log.h"
#include "proxy/snapshot.h"

#include <cjson/cJSON.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TASK_MAGIC = 0x61647461, WHAT_MAX = 256 };

/* One call, while it waits for its turn, and is answered. */
typedef struct task {
    uint32_t magic;
    ra_admin_job job;
    ra_admin *admin;
    struct evhttp_request *request;
    int status;
    ra_buf answer;
    /* what is asked */
    cJSON *body;
    const char *table; /* these are the body's */
    enum ra_caching caching;
    bool all;
    ra_buf partition_key, sort_key; /* JSON */
} task;

static task *task_of(ra_admin_job *j)
{
    task *t = (task *)((char *)j - offsetof(task, job));
    if (t->magic != TASK_MAGIC)
        ra_corrupt("an admin call");
    return t;
}

static void task_free(task *t)
{
    cJSON_Delete(t->body);
    ra_buf_free(&t->answer);
    ra_buf_free(&t->partition_key);
    ra_buf_free(&t->sort_key);
    t->magic = 0;
    free(t);
}

static void done(ra_admin_job *j)
{
    task *t = task_of(j);
    ra_admin *a = t->admin;
    ra_admin_reply(t->request, t->status, &t->answer);
    task_free(t);
    ra_admin_end(a);
}

/* ---- answers ---- */

static void answer_error(task *t, int status, const char *text)
{
    t->status = status;
    ra_buf_add_z(&t->answer, "{\"error\": ");
    ra_buf_add_json_string(&t->answer, ra_bytes_z(text));
    ra_buf_add_z(&t->answer, "}\n");
}

static void add_names(ra_buf *out, const char *member, const ra_names *n)
{
    ra_buf_addf(out, ", \"%s\": [", member);
    for (size_t i = 0; i < n->n; i++) {
        ra_buf_add_z(out, i ? ", " : "");
        ra_buf_add_json_string(out, ra_bytes_z(n->v[i]));
    }
    ra_buf_add_z(out, "]");
    if (n->all > n->n)
        ra_buf_addf(out, ", \"more_%s\": %zu", member, n->all - n->n);
}

static void add_problems(ra_buf *out, const ra_problems *p, const char *file)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (f)
        ra_problems_print_json(p, file, f);
    bool ok = f && fclose(f) == 0;
    ra_buf_add_z(out, ", \"problems\": ");
    ra_buf_add_z(out, ok ? text : "[]");
    free(text);
}

/* ---- on the thread ---- */

static void reload(ra_admin_job *j)
{
    task *t = task_of(j);
    ra_server *s = ra_admin_server(t->admin);
    ra_reload_result r;
    ra_server_reload_config(s, &r);
    t->status = r.ok ? 200 : 422;
    ra_buf_addf(&t->answer, "{\"reloaded\": %s", r.ok ? "true" : "false");
    if (!r.ok)
        ra_buf_add_z(&t->answer, ", \"error\": \"the configuration is refused, and nothing has changed\"");
    if (r.ok)
        add_names(&t->answer, "changed", &r.changes.changed);
    if (r.ok)
        add_names(&t->answer, "kept", &r.changes.kept);
    add_problems(&t->answer, &r.problems, s->config->path);
    ra_buf_add_z(&t->answer, "}\n");
    ra_reload_result_fini(&r);
}

static void caching(ra_admin_job *j)
{
    task *t = task_of(j);
    const char *why;
    if (!ra_server_switch_caching(ra_admin_server(t->admin), t->table, t->caching, &why)) {
        answer_error(t, 404, why);
        return;
    }
    ra_buf_addf(&t->answer, "{\"caching\": \"%s\", \"table\": ", ra_caching_word(t->caching));
    if (t->table)
        ra_buf_add_json_string(&t->answer, ra_bytes_z(t->table));
    else
        ra_buf_add_z(&t->answer, "null");
    ra_buf_add_z(&t->answer, ", \"until\": \"the next reload or restart\"}\n");
}

static int status_of(enum ra_invalidated r)
{
    switch (r) {
    case RA_INVALIDATED:
        return 200;
    case RA_INVALIDATED_NOT_CONFIGURED:
    case RA_INVALIDATED_INDEX:
        return 404;
    case RA_INVALIDATED_KEY:
        return 400;
    default:
        return 503;
    }
}

static void invalidate(ra_admin_job *j)
{
    task *t = task_of(j);
    ra_invalidator *v = ra_admin_server(t->admin)->invalidator;
    const cJSON *index = cJSON_GetObjectItemCaseSensitive(t->body, "index");
    const ra_invalidation what = {.table = t->table,
                                  .partition_key = ra_buf_bytes(&t->partition_key),
                                  .sort_key = ra_buf_bytes(&t->sort_key),
                                  .index = cJSON_GetStringValue(index)};
    size_t units;
    enum ra_invalidated r = t->all ? ra_invalidate_all(v, &units) : ra_invalidate(v, &what, &units);
    if (r != RA_INVALIDATED) {
        answer_error(t, status_of(r), ra_invalidated_text(r));
        return;
    }
    ra_log(RA_LOG_INFO, "invalidated by an operator: %s%s, %zu units", t->all ? "all" : "table ",
           t->all ? "" : t->table, units);
    ra_buf_addf(&t->answer, "{\"marked\": %zu}\n", units);
}

/* ---- what is asked ---- */

static bool is_known(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

/* What is wrong with the body; NULL: it is an object of these members, at most, where `table` is a name. */
static const char *read_body(task *t, const char *const *names)
{
    struct evbuffer *in = evhttp_request_get_input_buffer(t->request);
    size_t n = evbuffer_get_length(in);
    const char *text = n ? (const char *)evbuffer_pullup(in, -1) : NULL;
    t->body = text && n <= RA_ADMIN_BODY_MAX ? cJSON_ParseWithLength(text, n) : NULL;
    if (!t->body || !cJSON_IsObject(t->body))
        return "the body must be a JSON object";
    for (const cJSON *c = t->body->child; c; c = c->next)
        if (!is_known(c->string, names))
            return "the body has a member that isn't known";
    const cJSON *table = cJSON_GetObjectItemCaseSensitive(t->body, "table");
    t->table = cJSON_GetStringValue(table);
    return table && !(t->table && *t->table) ? "`table` must be a table's name" : NULL;
}

static const char *read_caching(task *t)
{
    static const char *const names[] = {"caching", "table", NULL};
    const char *why = read_body(t, names);
    const char *word =
        why ? NULL : cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(t->body, "caching"));
    if (why)
        return why;
    for (unsigned c = RA_CACHING_ON; word && c <= RA_CACHING_OBSERVE; c++)
        if (strcmp(word, ra_caching_word((enum ra_caching)c)) == 0) {
            t->caching = (enum ra_caching)c;
            return NULL;
        }
    return "`caching` must be \"on\", \"observe\" or \"off\"";
}

/* A member's value as JSON text; empty where there is none. */
static void take_json(const ra_json *body, const char *name, ra_buf *out)
{
    uint32_t value = ra_json_member(body, 0, name);
    if (value != RA_JSON_NONE)
        ra_buf_add_bytes(out, ra_json_raw(body, value));
}

/* Is a name what cJSON has made of it? It ends texts at a NUL. */
static bool is_whole(const ra_json *body, const char *name, const char *text)
{
    return !text || ra_json_string_is(body, ra_json_member(body, 0, name), text);
}

/* As item data is read: a key may hold a NUL, where cJSON would end it, and be another. */
static const char *take_keys(task *t, const char *index)
{
    struct evbuffer *in = evhttp_request_get_input_buffer(t->request);
    const size_t n = evbuffer_get_length(in);
    ra_json body;
    size_t at;
    enum ra_json_result r =
        ra_json_parse(&body, (ra_bytes){(const char *)evbuffer_pullup(in, -1), n}, NULL, &at);
    if (r != RA_JSON_OK)
        return ra_json_result_text(r);
    take_json(&body, "partition_key", &t->partition_key);
    take_json(&body, "sort_key", &t->sort_key);
    bool names = is_whole(&body, "table", t->table) && is_whole(&body, "index", index);
    ra_json_free(&body);
    if (!names)
        return "a name holds a NUL";
    return ra_buf_ok(&t->partition_key) && ra_buf_ok(&t->sort_key) ? NULL : "out of memory";
}

static bool is_key(const task *t, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(t->body, name);
    return !v || cJSON_IsString(v) || cJSON_IsObject(v);
}

static const char *read_invalidate(task *t)
{
    static const char *const names[] = {"all", "table", "partition_key", "sort_key", "index", NULL};
    const char *why = read_body(t, names);
    if (why)
        return why;
    const cJSON *all = cJSON_GetObjectItemCaseSensitive(t->body, "all");
    const cJSON *index = cJSON_GetObjectItemCaseSensitive(t->body, "index");
    t->all = cJSON_IsTrue(all);
    if (all && (!t->all || t->body->child->next))
        return "`all` must be true, and alone";
    if (!t->all && !t->table)
        return "the body must have `table`, or `all`";
    if (!is_key(t, "partition_key") || !is_key(t, "sort_key") || (index && !cJSON_IsString(index)))
        return "keys must be strings or attribute values, and `index` a name";
    if ((why = take_keys(t, cJSON_GetStringValue(index))))
        return why;
    if (!t->partition_key.n && (t->sort_key.n || index))
        return "`sort_key` and `index` go with `partition_key`";
    return index && t->sort_key.n ? "`index` names a partition: without `sort_key`" : NULL;
}

static const char *read_reload(task *t)
{
    static const char *const names[] = {NULL};
    return read_body(t, names);
}

static void begin(ra_admin *a, struct evhttp_request *r, const char *(*read)(task *t),
                  void (*run)(ra_admin_job *j))
{
    task *t = calloc(1, sizeof *t);
    if (!t) {
        ra_admin_error(r, 500, "out of memory");
        return;
    }
    *t = (task){
        .magic = TASK_MAGIC, .job = {.run = run, .done = done}, .admin = a, .request = r, .status = 200};
    ra_buf_init(&t->answer, RA_ADMIN_REPLY_MAX);
    ra_buf_init(&t->partition_key, RA_ADMIN_BODY_MAX);
    ra_buf_init(&t->sort_key, RA_ADMIN_BODY_MAX);
    const char *why = read(t);
    bool refused = why != NULL;
    if (!refused && ra_admin_work_post(ra_admin_get_work(a), &t->job)) {
        ra_admin_begin(a);
        return;
    }
    ra_admin_error(r, refused ? 400 : 503, refused ? why : "there is too much to do already");
    task_free(t);
}

void ra_admin_reload(ra_admin *a, struct evhttp_request *r)
{
    begin(a, r, read_reload, reload);
}

void ra_admin_caching(ra_admin *a, struct evhttp_request *r)
{
    begin(a, r, read_caching, caching);
}

void ra_admin_invalidate(ra_admin *a, struct evhttp_request *r)
{
    begin(a, r, read_invalidate, invalidate);
}
