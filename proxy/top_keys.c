#include "proxy/top_keys.h"

#include "cache/random.h"

#include <stdlib.h>

void ra_top_keys_init(ra_top_keys *t)
{
    memset(t, 0, sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
}

void ra_top_keys_fini(ra_top_keys *t)
{
    pthread_mutex_destroy(&t->lock);
}

static void fade(ra_top_keys *t)
{
    for (size_t i = 0; i < t->n; i++)
        t->v[i].reads /= 2;
    t->sampled = 0;
}

/* Its place, or that of the one that is read least, whose count it takes over. */
static ra_top_key *place_of(ra_top_keys *t, unsigned subject, const ra_key *unit)
{
    ra_top_key *least = t->v;
    for (size_t i = 0; i < t->n; i++) {
        if (ra_key_eq(&t->v[i].unit, unit))
            return &t->v[i];
        if (t->v[i].reads < least->reads)
            least = &t->v[i];
    }
    ra_top_key *k = t->n < RA_TOP_KEYS ? &t->v[t->n++] : least;
    k->unit = *unit;
    k->subject = subject;
    return k;
}

void ra_top_keys_take(ra_top_keys *t, unsigned subject, const ra_key *unit)
{
    t->left =
        (unsigned)(ra_random() % (2 * RA_TOP_KEYS_ONE_IN - 1)); /* that many aren't, this many on average */
    pthread_mutex_lock(&t->lock);
    place_of(t, subject, unit)->reads++;
    if (++t->sampled == RA_TOP_KEYS_FADE)
        fade(t);
    pthread_mutex_unlock(&t->lock);
}

static ra_top_key *find(ra_top_key *v, size_t n, const ra_key *unit)
{
    for (size_t i = 0; i < n; i++)
        if (ra_key_eq(&v[i].unit, unit))
            return &v[i];
    return NULL;
}

void ra_top_keys_add(ra_top_keys *t, ra_top_key *out, size_t *n, size_t most)
{
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->n; i++) {
        ra_top_key *k = find(out, *n, &t->v[i].unit);
        uint64_t reads = t->v[i].reads * RA_TOP_KEYS_ONE_IN;
        if (k) {
            k->reads += reads;
        } else if (*n < most) {
            out[*n] = t->v[i];
            out[(*n)++].reads = reads;
        }
    }
    pthread_mutex_unlock(&t->lock);
}

static int more_reads(const void *a, const void *b)
{
    const ra_top_key *x = a, *y = b;
    return (x->reads < y->reads) - (x->reads > y->reads);
}

void ra_top_keys_sort(ra_top_key *v, size_t n)
{
    if (n)
        qsort(v, n, sizeof *v, more_reads);
}
