#include "proxy/store_pact.h"

#include "cache/buf.h"

#include <inttypes.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 4 << 20 }; /* a file has at most 1 MiB, and a table more bytes there than here */

static bool fills_are_consistent(const ra_table_config *t)
{
    bool all = t->policy.consistent_fill;
    for (size_t i = 0; i < t->npatterns; i++)
        all &= t->patterns[i].policy.consistent_fill;
    return all;
}

static bool same(const ra_table_config *a, const ra_table_config *b)
{
    return a->consistency == b->consistency && a->settle == b->settle &&
           fills_are_consistent(a) == fills_are_consistent(b);
}

static const ra_table_config *any_table(const ra_config *c)
{
    for (size_t i = 0; i < c->ntables; i++)
        if (strcmp(c->tables[i].name, "*") == 0)
            return &c->tables[i];
    return NULL;
}

typedef struct entry {
    const ra_table_config *table;
} entry;

static int by_name(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return strcmp(x->table->name, y->table->name);
}

/* Those that say something that "*" doesn't say of them, by name: their order in the file means nothing. */
static size_t tables_that_count(const ra_config *c, entry *out)
{
    const ra_table_config *any = any_table(c);
    size_t n = 0;
    for (size_t i = 0; i < c->ntables; i++)
        if (!any || any == &c->tables[i] || !same(any, &c->tables[i]))
            out[n++].table = &c->tables[i];
    qsort(out, n, sizeof *out, by_name);
    return n;
}

static void add_text(const ra_config *c, const entry *entries, size_t n, ra_buf *out)
{
    ra_buf_addf(out, "1 %d %" PRId64 " %" PRId64 " %" PRId64 " %d\n", (int)c->consistency,
                c->unknown_write_hold, c->cache.redis.quarantine, c->cache.redis.heartbeat,
                c->cache.encryption_key.n > 0);
    for (size_t i = 0; i < n; i++) {
        const ra_table_config *t = entries[i].table;
        ra_buf_addf(out, "%zu %s %d %" PRId64 " %d\n", strlen(t->name), t->name, (int)t->consistency,
                    t->settle, fills_are_consistent(t));
    }
}

bool ra_store_pact(const ra_config *c, char out[RA_PACT_CHARS + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[SHA256_DIGEST_LENGTH];
    entry *tables = calloc(c->ntables ? c->ntables : 1, sizeof *tables);
    ra_buf text;
    ra_buf_init(&text, TEXT_MAX);
    if (tables)
        add_text(c, tables, tables_that_count(c, tables), &text);
    bool ok = tables && ra_buf_ok(&text);
    if (ok)
        SHA256((const unsigned char *)text.p, text.n, digest);
    for (size_t i = 0; ok && i < RA_PACT_CHARS; i++)
        out[i] = digits[digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
    out[RA_PACT_CHARS] = '\0';
    free(tables);
    ra_buf_free(&text);
    return ok;
}
