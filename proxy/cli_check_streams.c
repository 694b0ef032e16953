/* `readaside check`: what following a table's stream means, and what the rules of `readaside stream` do. */
#include "config/units.h"
#include "proxy/cli_check.h"

/* ---- tables that are followed ---- */

static void print_lag(const ra_config *c, const ra_table_config *t, FILE *out)
{
    char lag[RA_UNIT_TEXT_MAX], allowance[RA_UNIT_TEXT_MAX];
    ra_duration_format(t->max_stream_lag, lag);
    ra_duration_format(c->streams.delivery_allowance, allowance);
    if (t->max_stream_lag)
        fprintf(
            out,
            "    while that is further behind than %s, reads bypass the cache: no read of the table itself "
            "is\n"
            "    older than that, as long as DynamoDB shows a write's record within %s "
            "(streams.delivery_allowance)\n",
            lag, allowance);
    else
        fputs("    how far behind that may be has no bound but the TTL (max_stream_lag)\n", out);
    if (t->fresh_as_of)
        fputs("    hits say X-Cache-Fresh-As-Of, before which every write has been invalidated\n", out);
}

/* The view type is only known when the stream is read. */
static void print_view(FILE *out)
{
    fputs(
        "    its stream should have the view type NEW_AND_OLD_IMAGES: then each change names the partitions "
        "of\n"
        "    global indexes that the item was in and is in. With NEW_IMAGE nobody knows where it was, and "
        "each\n"
        "    MODIFY or REMOVE voids all that is cached of every global index whose partition key isn't one "
        "of\n"
        "    the table's own keys; with OLD_IMAGE each INSERT or MODIFY does, with KEYS_ONLY every change.\n"
        "    Without new images most writes through a proxy are taken for others', and what was cached since "
        "is\n"
        "    dropped needlessly\n",
        out);
}

/* DynamoDB lets two readers at a shard without throttling them; a Lambda is one. */
static void print_readers(const ra_config *c, FILE *out)
{
    char lease[RA_UNIT_TEXT_MAX];
    ra_duration_format(c->streams.lease, lease);
    if (c->cache.store == RA_STORE_KIND_REDIS)
        fprintf(
            out,
            "    one of the proxies that share the store reads each shard; should it be gone, another one "
            "does\n"
            "    after %s. A shard has room for two readers, and a Lambda on the stream is one\n",
            lease);
    else
        fprintf(
            out,
            "    every proxy reads all of it: with the store %s they can't agree on one. A shard has room "
            "for\n"
            "    two readers: let two proxies follow the table, or one where a Lambda is on the stream\n",
            c->cache.store == RA_STORE_KIND_MEMORY ? "memory" : "momento");
}

void ra_cli_check_stream(const ra_config *c, const ra_table_config *t, FILE *out)
{
    char idle[RA_UNIT_TEXT_MAX];
    if (!t->follow)
        return;
    ra_duration_format(c->streams.idle_interval, idle);
    fprintf(
        out,
        "  stream follow: writes that go around the proxy invalidate too, when the table's stream tells of\n"
        "    them; a shard in which nothing happens is read every %s\n",
        idle);
    print_lag(c, t, out);
    print_view(out);
    print_readers(c, out);
}

/* ---- rules ---- */

static void print_template(const ra_stream_rule *r, const ra_template *t, FILE *out)
{
    for (size_t i = 0; i < t->n; i++) {
        const ra_template_part *p = &t->parts[i];
        if (p->slot < 0)
            fprintf(out, "%.*s", (int)p->len, p->text);
        else if (r->inputs[p->slot])
            fprintf(out, "{new.%s}", r->inputs[p->slot]);
        else
            fputs("{star}", out);
    }
}

static void print_events(const ra_stream_rule *r, FILE *out)
{
    static const char *const names[] = {"INSERT", "MODIFY", "REMOVE"};
    bool any = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (r->events & 1U << i) {
            fprintf(out, "%s%s", any ? " or " : "", names[i]);
            any = true;
        }
    }
}

static void print_rule(const ra_stream_rule *r, FILE *out)
{
    fprintf(out, "  %s: on ", r->name);
    print_events(r, out);
    fprintf(out, " in %s", r->table);
    if (r->partition_key)
        fprintf(out, ", partition %s", r->partition_key);
    fprintf(out, "\n    the rows of %s%s, partition ", r->rows_index ? "index " : "the table",
            r->rows_index ? r->rows_index : "");
    print_template(r, &r->rows_partition_key, out);
    if (r->row_partition_key)
        fprintf(out, ", if they are in %s", r->row_partition_key);
    fputs(",\n    move, with", out);
    for (size_t i = 0; i < r->nset; i++) {
        fprintf(out, "%s %s ", i ? "," : "", r->set[i].name);
        print_template(r, &r->set[i].value, out);
    }
    fputc('\n', out);
}

void ra_cli_check_stream_rules(const ra_config *c, FILE *out)
{
    if (c->nstream_rules == 0)
        return;
    fputs("\nstream rules, which `readaside stream` applies; a stream of one of their tables must show new\n"
          "images (NEW_IMAGE or NEW_AND_OLD_IMAGES)\n",
          out);
    for (size_t i = 0; i < c->nstream_rules; i++)
        print_rule(&c->stream_rules[i], out);
}
