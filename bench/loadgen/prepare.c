#include "bench/loadgen/prepare.h"

#include "bench/loadgen/generator.h"
#include "bench/loadgen/request.h"
#include "proxy/template_render.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    BATCH_ITEMS = 25, /* DynamoDB's limit */
    BATCH_BYTES = 1024 * 1024,
    REPLY_MAX = 32 * 1024 * 1024,
    ATTEMPTS = 10,
    ACTIVE_ATTEMPTS = 600,
    PAUSE_MS = 50,
    ACTIVE_PAUSE_MS = 100
};

typedef struct preparation {
    const ra_prepare_options *o;
    CURL *curl;
    ra_signer *signer;
    ra_buf body, reply, lines;
    long status;
    char *why;
} preparation;

static bool fail(preparation *p, const char *what, const char *detail)
{
    snprintf(p->why, RA_PREPARE_WHY_MAX, "%s: %.300s", what, detail);
    return false;
}

static void pause_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* ---- one call ---- */

static size_t take_reply(char *data, size_t size, size_t n, void *arg)
{
    preparation *p = arg;
    return ra_buf_add(&p->reply, data, size * n) ? n : 0;
}

/* A list that couldn't be made longer is as it was: the request then fails and says so. */
static void add_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    *list = longer ? longer : *list;
}

static bool add_signature(preparation *p, const char *target, struct curl_slist **list)
{
    size_t n = 0;
    ra_buf_clear(&p->lines);
    if (!p->signer) {
        bool ok = ra_request_unsigned_line(p->o->region, &p->lines);
        p->lines.n -= 2; /* libcurl ends its lines itself */
        ok = ok && ra_buf_add_char(&p->lines, '\0');
        if (ok)
            add_line(list, p->lines.p);
        return ok;
    }
    if (!ra_signer_sign(p->signer, p->o->credentials, (int64_t)time(NULL),
                        ra_bytes_z(p->o->endpoint->authority), RA_BYTES("application/x-amz-json-1.0"),
                        ra_bytes_z(target), ra_buf_bytes(&p->body), &p->lines, &n))
        return false;
    const char *line = p->lines.p;
    for (size_t i = 0; i < n; i++, line += strlen(line) + 1)
        add_line(list, line);
    return true;
}

/* One attempt. false: there was no reply. */
static bool post(preparation *p, const char *operation, char error[CURL_ERROR_SIZE])
{
    char target[96], header[128];
    struct curl_slist *list = NULL;
    snprintf(target, sizeof target, "DynamoDB_20120810.%s", operation);
    snprintf(header, sizeof header, "X-Amz-Target: %s", target);
    add_line(&list, "Content-Type: application/x-amz-json-1.0");
    add_line(&list, header);
    add_line(&list, "Expect:");
    ra_buf_clear(&p->reply);
    p->status = 0;
    error[0] = '\0';
    if (!add_signature(p, target, &list)) {
        curl_slist_free_all(list);
        snprintf(error, CURL_ERROR_SIZE, "it can't be signed");
        return false;
    }
    curl_easy_setopt(p->curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(p->curl, CURLOPT_POSTFIELDS, p->body.p);
    curl_easy_setopt(p->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)p->body.n);
    curl_easy_setopt(p->curl, CURLOPT_ERRORBUFFER, error);
    CURLcode code = curl_easy_perform(p->curl);
    curl_easy_setopt(p->curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(p->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_slist_free_all(list);
    if (code != CURLE_OK && !error[0])
        snprintf(error, CURL_ERROR_SIZE, "%s", curl_easy_strerror(code));
    curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &p->status);
    return code == CURLE_OK;
}

static bool says(const preparation *p, const char *word)
{
    return p->reply.n && memmem(p->reply.p, p->reply.n, word, strlen(word)) != NULL;
}

static bool is_passing(const preparation *p)
{
    return p->status >= 500 || p->status == 429 || says(p, "Throttling") ||
           says(p, "ProvisionedThroughputExceeded") || says(p, "LimitExceededException");
}

/* With its body in p->body; errors that pass are waited out. true: status and reply are there. */
static bool call(preparation *p, const char *operation)
{
    char error[CURL_ERROR_SIZE];
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (attempt)
            pause_ms((long)PAUSE_MS << (attempt < 6 ? attempt : 6));
        if (!post(p, operation, error))
            return fail(p, operation, error);
        if (!is_passing(p))
            return true;
    }
    return fail(p, operation, "DynamoDB goes on refusing it");
}

static bool refused(preparation *p, const char *operation)
{
    char text[256];
    size_t n = p->reply.n < 200 ? p->reply.n : 200;
    snprintf(text, sizeof text, "status %ld: %.*s", p->status, (int)n, p->reply.n ? p->reply.p : "");
    for (char *c = text; *c; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    return fail(p, operation, text);
}

/* ---- tables ---- */

/* The table's name in a CreateTable request; malloc'ed. */
static char *name_of(const ra_buf *body)
{
    cJSON *request = cJSON_ParseWithLength(body->p, body->n);
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(request, "TableName");
    char *copy = cJSON_IsString(name) ? strdup(name->valuestring) : NULL;
    cJSON_Delete(request);
    return copy;
}

static bool await_table(preparation *p, const char *name)
{
    for (int i = 0; i < ACTIVE_ATTEMPTS; i++) {
        ra_buf_clear(&p->body);
        ra_buf_add_z(&p->body, "{\"TableName\":");
        ra_buf_add_json_string(&p->body, ra_bytes_z(name));
        ra_buf_add_char(&p->body, '}');
        if (!call(p, "DescribeTable"))
            return false;
        if (p->status != 200)
            return refused(p, "DescribeTable");
        cJSON *reply = cJSON_ParseWithLength(p->reply.p, p->reply.n);
        const cJSON *table = cJSON_GetObjectItemCaseSensitive(reply, "Table");
        const cJSON *status = cJSON_GetObjectItemCaseSensitive(table, "TableStatus");
        bool active = cJSON_IsString(status) && strcmp(status->valuestring, "ACTIVE") == 0;
        cJSON_Delete(reply);
        if (active)
            return true;
        pause_ms(ACTIVE_PAUSE_MS);
    }
    return fail(p, name, "the table doesn't become active");
}

static bool make_table(preparation *p, const ra_document *request, ra_prepared *out)
{
    ra_bytes values[RA_TEMPLATE_SLOTS_MAX];
    for (size_t i = 0; i < RA_TEMPLATE_SLOTS_MAX; i++)
        values[i] = ra_bytes_z(p->o->workload->table); /* the one placeholder that there can be */
    ra_buf_clear(&p->body);
    if (!ra_document_render(request, values, &p->body))
        return fail(p, "CreateTable", "out of memory");
    char *name = name_of(&p->body);
    if (!name)
        return fail(p, "CreateTable", "the workload's table has no TableName");
    bool ok = call(p, "CreateTable");
    bool there = ok && p->status == 400 && says(p, "ResourceInUseException");
    if (ok && p->status != 200 && !there)
        ok = refused(p, "CreateTable");
    out->tables += ok && !there;
    ok = ok && await_table(p, name);
    free(name);
    return ok;
}

/* ---- items ---- */

/* Puts what DynamoDB hasn't written into the body again. *left: there is something. */
static bool take_unprocessed(preparation *p, bool *left)
{
    cJSON *reply = cJSON_ParseWithLength(p->reply.p, p->reply.n);
    const cJSON *rest = cJSON_GetObjectItemCaseSensitive(reply, "UnprocessedItems");
    *left = rest && rest->child;
    char *text = *left ? cJSON_PrintUnformatted(rest) : NULL;
    if (text) {
        ra_buf_clear(&p->body);
        ra_buf_add_z(&p->body, "{\"RequestItems\":");
        ra_buf_add_z(&p->body, text);
        ra_buf_add_char(&p->body, '}');
    }
    bool ok = reply && (!*left || (text && ra_buf_ok(&p->body)));
    cJSON_free(text);
    cJSON_Delete(reply);
    return ok;
}

static bool write_batch(preparation *p)
{
    bool left = true;
    if (!ra_buf_add_z(&p->body, "]}}"))
        return fail(p, "BatchWriteItem", "an item is too large, or there is no memory");
    for (int attempt = 0; left; attempt++) {
        if (attempt == ATTEMPTS)
            return fail(p, "BatchWriteItem", "DynamoDB goes on leaving items out");
        if (attempt)
            pause_ms((long)PAUSE_MS << (attempt < 6 ? attempt : 6));
        if (!call(p, "BatchWriteItem"))
            return false;
        if (p->status != 200)
            return refused(p, "BatchWriteItem");
        if (!take_unprocessed(p, &left))
            return fail(p, "BatchWriteItem", "its reply can't be read");
    }
    return true;
}

static void begin_batch(preparation *p)
{
    ra_buf_clear(&p->body);
    ra_buf_add_z(&p->body, "{\"RequestItems\":{");
    ra_buf_add_json_string(&p->body, ra_bytes_z(p->o->workload->table));
    ra_buf_add_z(&p->body, ":[");
}

static bool write_items(preparation *p, ra_generator *g, const ra_prepared_items *items, ra_prepared *out)
{
    uint64_t all = items->keys * items->per_key;
    unsigned n = 0;
    for (uint64_t i = 0; i < all; i++) {
        if (n == 0)
            begin_batch(p);
        ra_generator_item(g, items, i / items->per_key, i % items->per_key, (int64_t)time(NULL) * 1000000);
        ra_buf_add_z(&p->body, n ? ",{\"PutRequest\":{\"Item\":" : "{\"PutRequest\":{\"Item\":");
        ra_document_render(&items->item, g->values, &p->body);
        ra_buf_add_z(&p->body, "}}");
        n++;
        if (n < BATCH_ITEMS && p->body.n < BATCH_BYTES && i + 1 < all)
            continue;
        if (!write_batch(p))
            return false;
        out->items += n;
        n = 0;
    }
    return true;
}

/* ---- all of it ---- */

static bool fill(preparation *p, ra_prepared *out)
{
    const ra_workload *w = p->o->workload;
    ra_generator g;
    for (size_t i = 0; i < w->ntables; i++) {
        if (!make_table(p, &w->tables[i], out))
            return false;
    }
    /* a stream of its own, so that no thread's first requests write what the table holds */
    bool ok = ra_generator_init(&g, w, ~p->o->seed, 0, 1) || fail(p, "prepare", "out of memory");
    for (size_t i = 0; ok && i < w->nitems; i++)
        ok = write_items(p, &g, &w->items[i], out);
    ra_generator_free(&g);
    return ok;
}

static bool begin(preparation *p)
{
    char url[RA_ENDPOINT_MAX + RA_TARGET_PATH_MAX + 1];
    ra_buf_init(&p->body, RA_REQUEST_MAX);
    ra_buf_init(&p->reply, REPLY_MAX);
    ra_buf_init(&p->lines, RA_REQUEST_MAX);
    p->curl = curl_easy_init();
    p->signer = p->o->credentials ? ra_signer_new(p->o->region, "dynamodb") : NULL;
    if (!p->curl || (p->o->credentials && !p->signer))
        return fail(p, "prepare", "out of memory");
    snprintf(url, sizeof url, "%s%s", p->o->endpoint->origin, p->o->endpoint->path);
    curl_easy_setopt(p->curl, CURLOPT_URL, url);
    curl_easy_setopt(p->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(p->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(p->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(p->curl, CURLOPT_TIMEOUT_MS, (long)p->o->timeout_ms);
    curl_easy_setopt(p->curl, CURLOPT_WRITEFUNCTION, take_reply);
    curl_easy_setopt(p->curl, CURLOPT_WRITEDATA, p);
    if (p->o->ca)
        curl_easy_setopt(p->curl, CURLOPT_CAINFO, p->o->ca);
    if (p->o->insecure) {
        curl_easy_setopt(p->curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(p->curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    return true;
}

bool ra_prepare(const ra_prepare_options *o, ra_prepared *out, char why[RA_PREPARE_WHY_MAX])
{
    preparation p = {.o = o, .why = why};
    *out = (ra_prepared){0};
    bool ok = begin(&p) && fill(&p, out);
    curl_easy_cleanup(p.curl);
    ra_signer_free(p.signer);
    ra_buf_free(&p.body);
    ra_buf_free(&p.reply);
    ra_buf_free(&p.lines);
    return ok;
}
