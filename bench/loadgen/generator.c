#include "bench/loadgen/generator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SHORT_MAX = 40 /* a number, a UUID or a time */ };

static size_t room_of(const ra_placeholders *p, unsigned item_size)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        enum ra_placeholder_kind kind = p->v[i].kind;
        n += kind == RA_PLACE_RANDOM ? p->v[i].length : kind == RA_PLACE_TEXT ? item_size : SHORT_MAX;
        n += 16; /* random text is written ten bytes at a time */
    }
    return n;
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

bool ra_generator_init(ra_generator *g, const ra_workload *w, uint64_t seed, unsigned thread,
                       unsigned threads)
{
    *g = (ra_generator){.workload = w, .thread = thread, .threads = threads, .second = -1};
    g->rng = ra_rng_stream(seed, thread);
    for (size_t i = 0; i < w->n; i++)
        g->size = most(g->size, room_of(&w->operations[i].places, w->item_size));
    for (size_t i = 0; i < w->nitems; i++)
        g->size = most(g->size, room_of(&w->items[i].places, w->item_size));
    if (w->before)
        g->size = most(g->size, room_of(&w->before->places, w->item_size));
    ra_zipf_init(&g->newest, w->keys, w->zipf);
    g->text = malloc(g->size + 1);
    return g->text != NULL;
}

void ra_generator_free(ra_generator *g)
{
    free(g->text);
    g->text = NULL;
}

const ra_operation *ra_generator_pick(ra_generator *g)
{
    const ra_workload *w = g->workload;
    size_t i = 0;
    uint64_t at = w->n > 1 ? ra_rng_below(&g->rng, w->weights) : 0;
    while (i + 1 < w->n && at >= w->operations[i].weight)
        at -= w->operations[i++].weight;
    return &w->operations[i];
}

/* Keys that this thread has inserted are the newest; before them come the prepared ones, the last first. */
static uint64_t latest(ra_generator *g, const ra_operation *o)
{
    uint64_t all = g->workload->keys;
    if (g->newest.n != all + g->inserts || g->newest.s != o->zipf)
        ra_zipf_init(&g->newest, all + g->inserts, o->zipf);
    uint64_t rank = ra_zipf_rank(&g->newest, &g->rng);
    if (rank < g->inserts)
        return all + (g->inserts - 1 - rank) * g->threads + g->thread;
    return all - 1 - (rank - g->inserts);
}

static uint64_t draw_key(ra_generator *g, const ra_operation *o, enum ra_placeholder_kind kind)
{
    switch (kind == RA_PLACE_KEY ? o->distribution : kind) {
    case RA_PLACE_UNIFORM:
        return o->from + ra_rng_below(&g->rng, o->keys);
    case RA_PLACE_LATEST:
        return latest(g, o);
    case RA_PLACE_SEQ: {
        uint64_t *at = &g->seq[o == g->workload->before ? RA_OPERATIONS_MAX : o - g->workload->operations];
        return o->from + (g->thread + (*at)++ * g->threads) % o->keys;
    }
    case RA_PLACE_INSERT:
        return g->workload->keys + g->inserts++ * g->threads + g->thread;
    default:
        return o->from + ra_scramble(ra_zipf_rank(&o->law, &g->rng), o->keys);
    }
}

/* The lowest `digits` hexadecimal digits. */
static char *put_hex(char *out, uint64_t value, unsigned digits)
{
    for (unsigned i = digits; i-- > 0; value >>= 4)
        out[i] = "0123456789abcdef"[value & 15];
    return out + digits;
}

static size_t put_uuid(char *out, uint64_t a, uint64_t b)
{
    char *p = out;
    a = (a & ~0xf000ULL) | 0x4000;          /* version 4 */
    b = (b & ~(3ULL << 62)) | (1ULL << 63); /* variant 1 */
    p = put_hex(p, a >> 32, 8);
    *p++ = '-';
    p = put_hex(p, a >> 16, 4);
    *p++ = '-';
    p = put_hex(p, a, 4);
    *p++ = '-';
    p = put_hex(p, b >> 48, 4);
    *p++ = '-';
    p = put_hex(p, b, 12);
    return (size_t)(p - out);
}

static size_t put_number(char *out, const ra_placeholder *p, uint64_t value)
{
    char digits[24];
    size_t n = 0, width = p->length ? p->length : 1;
    if (p->uuid)
        return put_uuid(out, ra_rng_mix(value + 1), ra_rng_mix(~value));
    for (; value || n < width; value /= 10)
        digits[n++] = (char)('0' + value % 10);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    return n;
}

/* Ten characters of one random number: six bits each. */
static size_t put_random(ra_generator *g, char *out, size_t n)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < n; i += 10) {
        uint64_t bits = ra_rng_next(&g->rng);
        for (size_t k = 0; k < 10; k++, bits >>= 6)
            out[i + k] = letters[bits & 63];
    }
    return n;
}

static size_t put_now(ra_generator *g, char *out, int64_t now_us)
{
    int64_t second = now_us / 1000000;
    if (second != g->second) {
        time_t t = (time_t)second;
        struct tm tm;
        gmtime_r(&t, &tm);
        strftime(g->stamp, sizeof g->stamp, "%Y-%m-%dT%H:%M:%S", &tm);
        g->second = second;
    }
    return (size_t)snprintf(out, SHORT_MAX, "%s.%06dZ", g->stamp, (int)(now_us % 1000000));
}

/* Without an operation it is an item of a table that is being filled: there is but one key. */
static uint64_t number_of(ra_generator *g, const ra_operation *o, const ra_placeholder *p)
{
    if (p->same >= 0)
        return g->numbers[p->same];
    if (p->kind == RA_PLACE_N)
        return g->forced_n;
    return o ? draw_key(g, o, p->kind) : g->forced_key;
}

static size_t put_text(ra_generator *g, const ra_placeholder *p, char *out, int64_t now_us)
{
    switch (p->kind) {
    case RA_PLACE_NOW:
        return put_now(g, out, now_us);
    case RA_PLACE_UUID: {
        uint64_t a = ra_rng_next(&g->rng);
        return put_uuid(out, a, ra_rng_next(&g->rng));
    }
    case RA_PLACE_RANDOM:
        return put_random(g, out, p->length);
    default: /* TEXT */
        return put_random(g, out, g->workload->item_size);
    }
}

static void draw(ra_generator *g, const ra_operation *o, const ra_placeholders *places, int64_t now_us)
{
    char *at = g->text;
    for (size_t i = 0; i < places->n; i++) {
        const ra_placeholder *p = &places->v[i];
        size_t n;
        if (p->kind == RA_PLACE_TABLE) {
            g->values[i] = ra_bytes_z(g->workload->table);
            continue;
        }
        if (RA_PLACE_NUMBERS & RA_PLACE_BIT(p->kind)) {
            g->numbers[i] = number_of(g, o, p);
            n = put_number(at, p, g->numbers[i]);
        } else {
            n = put_text(g, p, at, now_us);
        }
        g->values[i] = (ra_bytes){at, n};
        at += n;
    }
}

void ra_generator_draw(ra_generator *g, const ra_operation *o, int64_t now_us)
{
    draw(g, o, &o->places, now_us);
}

void ra_generator_item(ra_generator *g, const ra_prepared_items *items, uint64_t key, uint64_t n,
                       int64_t now_us)
{
    g->forced_key = key;
    g->forced_n = n;
    draw(g, NULL, &items->places, now_us);
}
