#include "config/owner.h"

#include "config/glob.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t OWNER_MAGIC = 0x72616366;

typedef struct owner {
    uint32_t magic;
    atomic_uint refs;
    ra_pool pool;
    cJSON *document;
    const ra_table_config *any; /* the table "*", NULL if there is none */
    ra_config config;
} owner;

static owner *owner_of(const ra_config *c)
{
    owner *o = c->priv;
    if (!o || o->magic != OWNER_MAGIC) {
        fputs("readaside: a configuration is corrupt\n", stderr);
        abort();
    }
    return o;
}

ra_config *ra_config_owner_new(ra_pool **pool)
{
    owner *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->magic = OWNER_MAGIC;
    atomic_init(&o->refs, 1);
    o->config.priv = o;
    *pool = &o->pool;
    return &o->config;
}

ra_config *ra_config_ref(ra_config *c)
{
    atomic_fetch_add_explicit(&owner_of(c)->refs, 1, memory_order_relaxed);
    return c;
}

void ra_config_unref(ra_config *c)
{
    if (!c)
        return;
    owner *o = owner_of(c);
    if (atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
        return;
    o->magic = 0;
    ra_config_document_free(o->document);
    ra_pool_free(&o->pool);
    free(o);
}

/* ---- the document ---- */

/* Depth first; the scanner has bounded how deep that is. */
static void wipe(cJSON *node)
{
    for (; node; node = node->next) {
        if (cJSON_IsString(node) && node->valuestring)
            explicit_bzero(node->valuestring, strlen(node->valuestring));
        wipe(node->child);
    }
}

void ra_config_document_free(cJSON *document)
{
    wipe(document);
    cJSON_Delete(document);
}

void ra_config_owner_keep(ra_config *c, cJSON *document_take)
{
    owner *o = owner_of(c);
    ra_config_document_free(o->document);
    o->document = document_take;
}

const cJSON *ra_config_owner_document(const ra_config *c)
{
    return owner_of(c)->document;
}

/* ---- tables ---- */

/* By bytes, then by length: the same order for names with and without a terminating zero. */
static int compare(const char *a, size_t na, const char *b, size_t nb)
{
    size_t n = na < nb ? na : nb;
    int order = n ? memcmp(a, b, n) : 0;
    return order ? order : (na > nb) - (na < nb);
}

static int by_name(const void *a, const void *b)
{
    const ra_table_config *x = a;
    const ra_table_config *y = b;
    return compare(x->name, strlen(x->name), y->name, strlen(y->name));
}

void ra_config_owner_seal(ra_config *c)
{
    owner *o = owner_of(c);
    if (c->ntables)
        qsort(c->tables, c->ntables, sizeof *c->tables, by_name);
    o->any = NULL;
    o->any = ra_config_table(c, "*", 1);
}

const ra_table_config *ra_config_table(const ra_config *c, const char *name, size_t len)
{
    size_t low = 0, high = c->ntables;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const ra_table_config *t = &c->tables[middle];
        int order = compare(name, len, t->name, strlen(t->name));
        if (order == 0)
            return t;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return owner_of(c)->any;
}

static bool index_matches(const ra_pattern *p, const char *index, size_t len)
{
    return !p->index || (index && strlen(p->index) == len && memcmp(p->index, index, len) == 0);
}

const ra_policy *ra_table_config_policy(const ra_table_config *t, const char *index, size_t index_len,
                                        const char *partition, size_t partition_len)
{
    for (size_t i = 0; i < t->npatterns; i++) {
        const ra_pattern *p = &t->patterns[i];
        if (index_matches(p, index, index_len) &&
            (!p->partition_key || ra_glob_match(p->partition_key, partition, partition_len)))
            return &p->policy;
    }
    return &t->policy;
}
