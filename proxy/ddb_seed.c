/* `readaside ddb seed`: a file's items, or made-up ones, written in batches. */
#include "proxy/ddb_generate_write.h"
#include "proxy/ddb_seed_write.h"
#include "proxy/seed_file.h"

enum { GENERATE = 256, SEED }; /* options */

static void usage(FILE *out)
{
    fputs(
        "usage: readaside ddb seed [OPTION]... [FILE]\n"
        "       readaside ddb seed --generate users=U,groups=G,messages=M [--seed N] [OPTION]...\n"
        "\n"
        "Writes items, a file's or made-up ones. FILE is what `aws dynamodb batch-write-item\n"
        "--request-items` takes, of any length:\n"
        "  {\"TABLE\": [{\"PutRequest\": {\"Item\": {...}}}, ...]}\n"
        "\"-\" is standard input; without FILE it is ddb.seed of the configuration.\n"
        "\n"
        "With --generate the items are conversations for load tests, in the design that ddb.generate of the\n"
        "configuration declares: M messages between the two members of each of G groups, then both members'\n"
        "entries for each group, with its newest message. Some groups have many more messages than others.\n"
        "The same counts and N give the same items, so that writing them once more changes nothing.\n"
        "\n"
        "Sent in batches of 25; what DynamoDB leaves unprocessed is sent again after a pause. A proxy that\n"
        "runs sees writes that go around it when its entries' TTL ends; with --endpoint of the proxy they "
        "go\n"
        "through it and it invalidates at once.\n"
        "\n"
        "      --generate SPEC users=U (2 or more), groups=G, messages=M (at least G)\n"
        "      --seed N        with --generate: other items for each N; 1 if not given\n",
        out);
    ra_ddb_usage_options(out);
    fputs(
        "      --timeout TIME  give up after so long without progress, such as 30s or 5m; 120s if not given\n"
        "      --json          the result on stdout as {\"seeded\": {TABLE: items}}, with --generate also "
        "the\n"
        "                      counts, the seed, seconds, items_per_second and an example's ids; or "
        "{\"error\"}\n",
        out);
    ra_ddb_usage_end(out);
}

typedef struct seeding {
    ra_ddb_task task;
    ra_seed file;
    ra_generate_spec spec;
    bool generate, seed; /* options that were given */
} seeding;

static bool take_option(void *arg, int option, const char *value)
{
    seeding *s = arg;
    char why[RA_GENERATE_WHY_MAX];
    bool ok;
    if (option == GENERATE)
        s->generate = ok = ra_generate_spec_parse(value, &s->spec, why);
    else
        s->seed = ok = ra_generate_seed_parse(value, &s->spec.seed, why);
    if (!ok)
        ra_cli_misuse("ddb seed", "%s: %s", option == GENERATE ? "--generate" : "--seed", why);
    return ok;
}

static bool wants_file(void *arg)
{
    const seeding *s = arg;
    return !s->generate;
}

static bool goes_together(void *arg)
{
    const seeding *s = arg;
    if (s->seed && !s->generate)
        ra_cli_misuse("ddb seed", "--seed goes with --generate");
    return s->generate || !s->seed;
}

static int write_all(seeding *s, ra_seed_writer *w)
{
    ra_buf body;
    ra_buf_init(&body, RA_SEED_BODY_MAX);
    int status = -1;
    for (size_t from = 0; from < s->file.nwrites && status < 0;) {
        ra_buf_clear(&body);
        size_t n = ra_seed_chunk(&s->file, from, &body);
        status = n > 0 ? ra_seed_writer_write(w, &body, n)
                       : ra_ddb_task_fail_at(&s->task, s->file.json.t[s->file.writes[from]].start,
                                             "this write is too large to be sent");
        from += n;
    }
    ra_buf_free(&body);
    return status;
}

static void report(const seeding *s)
{
    if (s->task.json)
        fputs("{\"seeded\": {", stdout);
    for (size_t i = 0; i < s->file.ntables; i++) {
        const ra_seed_table *t = &s->file.tables[i];
        ra_bytes raw = ra_json_raw(&s->file.json, t->token);
        if (s->task.json)
            printf("%s%.*s: %zu", i ? ", " : "", (int)raw.n, raw.p, t->nwrites);
        else
            printf("seeded %zu items into %.*s\n", t->nwrites, (int)t->name.n, t->name.p);
    }
    if (s->task.json)
        fputs("}}\n", stdout);
}

static int seed_from_file(seeding *s)
{
    size_t at = 0;
    const char *wrong = ra_seed_read(&s->file, ra_buf_bytes(&s->task.text), &at);
    if (wrong)
        return ra_ddb_task_fail_at(&s->task, at, wrong);
    ra_seed_writer w;
    ra_seed_writer_begin(&w, &s->task, s->file.nwrites);
    int status = write_all(s, &w);
    ra_seed_writer_end(&w, status);
    if (status < 0) {
        report(s);
        status = RA_CLI_OK;
    }
    ra_seed_free(&s->file);
    return status;
}

int ra_cli_ddb_seed(int argc, char **argv)
{
    static const struct option more[] = {{"generate", required_argument, NULL, GENERATE},
                                         {"seed", required_argument, NULL, SEED},
                                         {NULL, 0, NULL, 0}};
    seeding s = {.spec.seed = 1};
    const ra_ddb_command command = {.name = "ddb seed",
                                    .usage = usage,
                                    .file = "seed",
                                    .changes = true,
                                    .more = more,
                                    .take = take_option,
                                    .arg = &s,
                                    .wants_file = wants_file,
                                    .check = goes_together};
    int status;
    if (ra_ddb_task_begin(&s.task, &command, argc, argv, &status))
        status = s.generate ? ra_ddb_generate(&s.task, &s.spec) : seed_from_file(&s);
    ra_ddb_task_free(&s.task);
    return status;
}
