/* A set of access keys: whose it is, and finding one. */
#include "proxy/access_keys_parts.h"

#include "config/file.h"
#include "proxy/log.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

ra_access_keys *ra_access_keys_new(size_t n)
{
    ra_access_keys *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    atomic_init(&k->refs, 1);
    k->v = calloc(n ? n : 1, sizeof *k->v);
    if (k->v)
        return k;
    free(k);
    return NULL;
}

static void free_globs(ra_globs *g)
{
    for (size_t i = 0; g && i < g->n; i++)
        free(g->v[i]);
    if (g)
        free(g->v);
    free(g);
}

static void free_key(ra_access_key *key)
{
    if (key->secret)
        OPENSSL_cleanse(key->secret, strlen(key->secret));
    free(key->secret);
    free(key->id);
    free_globs(key->tables);
    free_globs(key->operations);
}

ra_access_keys *ra_access_keys_ref(ra_access_keys *k)
{
    atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
    return k;
}

void ra_access_keys_unref(ra_access_keys *k)
{
    if (!k || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < k->n; i++)
        free_key(&k->v[i]);
    free(k->v);
    free(k);
}

size_t ra_access_keys_count(const ra_access_keys *k)
{
    return k->n;
}

int ra_access_keys_compare(ra_bytes a, ra_bytes b)
{
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

const ra_access_key *ra_access_keys_find(const ra_access_keys *k, ra_bytes id)
{
    size_t low = 0, high = id.n ? k->n : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = ra_access_keys_compare(id, ra_bytes_z(k->v[middle].id));
        if (c == 0)
            return &k->v[middle];
        if (c < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* Only said: in a container every file may be readable to all who are in there. */
static void warn_of_readers(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & S_IROTH))
        ra_log(RA_LOG_WARNING, "%s holds secrets, and every user of this machine may read it: chmod o-r",
               path);
}

ra_access_keys *ra_access_keys_load(const char *path, char why[RA_ACCESS_KEYS_WHY_MAX])
{
    const char *error = NULL;
    size_t n = 0;
    char *text = ra_file_read(path, RA_ACCESS_KEYS_FILE_MAX, true, &n, &error);
    if (!text) {
        snprintf(why, RA_ACCESS_KEYS_WHY_MAX, "%s: %s", path, error);
        return NULL;
    }
    ra_access_keys *k = ra_access_keys_parse((ra_bytes){text, n}, path, why);
    OPENSSL_cleanse(text, n);
    free(text);
    if (k)
        warn_of_readers(path);
    return k;
}
