#include "proxy/ddb_generate_write.h"

#include "proxy/ddb_generate.h"
#include "proxy/ddb_seed_write.h"
#include "proxy/seed_file.h"
#include "proxy/template_render.h"

#include <inttypes.h>

/* Appends a request's body with the next items; *n is how many, 0 at the end. DynamoDB's 400 KB for an item
 * keep them below what one request may have. */
static bool fill(ra_generate *g, const ra_config_generate *design, ra_buf *body, size_t *n)
{
    bool ok = true, no_memory = false;
    const ra_generated *item;
    ra_buf_add_z(body, "{\"RequestItems\":{");
    ra_buf_add_json_string(body, ra_bytes_z(design->table));
    ra_buf_add_z(body, ":[");
    for (*n = 0; ok && *n < RA_SEED_CHUNK_WRITES && (item = ra_generate_next(g, &no_memory)); ++*n) {
        ra_buf_add_z(body, *n ? ",{\"PutRequest\":{\"Item\":" : "{\"PutRequest\":{\"Item\":");
        ok =
            ra_document_render(item->membership ? &design->membership : &design->message, item->values, body);
        ra_buf_add_z(body, "}}");
    }
    ra_buf_add_z(body, "]}}");
    return ok && !no_memory && ra_buf_ok(body);
}

static int write_all(const ra_ddb_task *task, ra_generate *g, ra_seed_writer *w)
{
    ra_buf body;
    size_t n = 0;
    int status = -1;
    ra_buf_init(&body, RA_SEED_BODY_MAX);
    do {
        ra_buf_clear(&body);
        if (!fill(g, task->config->ddb.generate, &body, &n))
            status = ra_ddb_task_fail(task, "out of memory for a request, or it is larger than %d MiB",
                                      RA_SEED_BODY_MAX >> 20);
        else if (n > 0)
            status = ra_seed_writer_write(w, &body, n);
    } while (status < 0 && n > 0);
    ra_buf_free(&body);
    return status;
}

static int report(const ra_ddb_task *task, const ra_generate_spec *spec, const ra_seed_writer *w, int64_t ms,
                  const ra_generate_example *e)
{
    const char *table = task->config->ddb.generate->table;
    uint64_t rate = w->done * 1000 / (uint64_t)ms;
    if (!task->json) {
        printf("seeded %" PRIu64 " items into %s in %" PRId64 ".%03" PRId64 " s (%" PRIu64
               " items/s): %" PRIu64 " users, %" PRIu64 " groups, %" PRIu64 " messages, seed %" PRIu64 "\n",
               w->done, table, ms / 1000, ms % 1000, rate, spec->users, spec->groups, spec->messages,
               spec->seed);
        printf("try `ddb list-conversations %s`, `ddb get-conversation %s`\n", e->user_uuid, e->group_uuid);
        return RA_CLI_OK;
    }
    ra_buf name;
    ra_buf_init(&name, RA_DDB_FILE_MAX);
    bool ok = ra_buf_add_json_string(&name, ra_bytes_z(table));
    if (ok)
        printf("{\"seeded\": {%.*s: %" PRIu64 "}, \"users\": %" PRIu64 ", \"groups\": %" PRIu64
               ", \"messages\": %" PRIu64 ", \"seed\": %" PRIu64 ", \"seconds\": %" PRId64 ".%03" PRId64
               ", \"items_per_second\": %" PRIu64
               ", \"example\": {\"user_uuid\": \"%s\", \"group_uuid\": \"%s\"}}\n",
               (int)name.n, name.p, w->done, spec->users, spec->groups, spec->messages, spec->seed, ms / 1000,
               ms % 1000, rate, e->user_uuid, e->group_uuid);
    ra_buf_free(&name);
    return ok ? RA_CLI_OK : ra_ddb_task_fail(task, "out of memory");
}

int ra_ddb_generate(const ra_ddb_task *task, const ra_generate_spec *spec)
{
    ra_seed_writer w;
    ra_generate_example example;
    if (!task->config)
        return ra_cli_misuse(
            task->command->name,
            "--generate needs a configuration that has ddb.generate, which says what the items "
            "look like: give it with -c FILE");
    if (!task->config->ddb.generate)
        return ra_cli_misuse(task->command->name,
                             "--generate needs ddb.generate, which says what the items look like; "
                             "%s has none",
                             task->config->path);
    ra_generate *g = ra_generate_new(spec);
    if (!g)
        return ra_ddb_task_fail(task, "out of memory for %" PRIu64 " groups", spec->groups);
    ra_seed_writer_begin(&w, task, ra_generate_items(g));
    int status = write_all(task, g, &w);
    int64_t ms = ra_seed_writer_end(&w, status);
    if (status < 0) {
        ra_generate_busiest(g, &example);
        status = report(task, spec, &w, ms, &example);
    }
    ra_generate_free(g);
    return status;
}
