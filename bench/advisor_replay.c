/*
 * readaside-advisor-replay: what the TTL advisor says of a workload, beside what happens when the same
 * workload is replayed at each TTL, one after the other, through the in-process store. The clock is passed
 * in.
 *
 *   readaside-advisor-replay ZIPF WRITES OPERATIONS KEYS MS_BETWEEN SEED
 *
 * prints {"points": [{"ttl_ms", "real", "estimated"}], "mean_error", "ns_per_event", "bytes", "exact",
 * "reads"}.
 */
#include "bench/loadgen/zipf.h"
#include "cache/memory_store.h"
#include "proxy/advisor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BODY = 200, HALF_UNITS = 2, CURRENT = 5 * 60 * 1000, BEGIN = 1000 };

typedef struct event {
    int64_t now;
    uint32_t key;
    bool write;
} event;

typedef struct trace {
    event *v;
    size_t n, keys;
} trace;

static _Noreturn void die(const char *why)
{
    fprintf(stderr, "readaside-advisor-replay: %s\n", why);
    exit(1);
}

static trace trace_make(double zipf, double writes, size_t n, size_t keys, double pause, uint64_t seed)
{
    trace t = {.v = malloc(n * sizeof *t.v), .n = n, .keys = keys};
    ra_rng r = ra_rng_stream(seed, 0);
    ra_zipf z;
    double now = BEGIN;
    if (!t.v)
        die("out of memory");
    ra_zipf_init(&z, keys, zipf);
    for (size_t i = 0; i < n; i++) {
        now += -log(1 - ra_rng_unit(&r)) * pause;
        t.v[i] = (event){.now = (int64_t)now,
                         .key = (uint32_t)ra_scramble(ra_zipf_rank(&z, &r), keys),
                         .write = ra_rng_unit(&r) < writes};
    }
    return t;
}

/* ---- for real ---- */

static ra_key key_of(const char *what, uint32_t n)
{
    ra_key k = {{0}};
    ra_buf parts;
    ra_buf_init(&parts, 64);
    bool ok = ra_key_part_z(&parts, what) && ra_key_part(&parts, (ra_bytes){(const char *)&n, sizeof n}) &&
              ra_key_digest(&parts, &k);
    ra_buf_free(&parts);
    if (!ok)
        die("out of memory");
    return k;
}

static bool read_one(ra_store *s, ra_key unit, ra_key request, int64_t now, int64_t ttl, ra_payload *payload)
{
    ra_lookup look = {.unit = unit, .request = request};
    ra_store_call call = {0};
    if (ra_store_lookup(s, now, &look, 1, &call) != RA_STORE_DONE)
        die("the in-process store makes one wait");
    if (look.outcome == RA_LOOKUP_HIT) {
        ra_payload_unref(look.payload);
        return true;
    }
    const ra_fill fill = {
        .unit = unit, .request = request, .token = look.token, .payload = payload, .ttl = ttl};
    if (look.outcome != RA_LOOKUP_MISS || ra_store_fill(s, now, &fill) != RA_FILL_STORED)
        die("a miss couldn't be filled");
    return false;
}

static void write_one(ra_store *s, ra_key unit, int64_t now)
{
    ra_write_id id;
    ra_store_call call = {0};
    if (!ra_write_id_new(&id) || ra_store_begin(s, now, &id, &unit, 1, 60000, &call) != RA_STORE_DONE ||
        !call.ok)
        die("a write couldn't be marked");
    ra_store_end(s, now, &id, &unit, 1, 0);
}

/* The hit ratio that the trace really has with this TTL. */
static double replay(const trace *t, const ra_key *units, const ra_key *requests, int64_t ttl,
                     ra_payload *payload)
{
    const ra_memory_options o = {.max_bytes = (size_t)4 << 30, .max_entry_bytes = 1 << 20};
    ra_memory *memory = ra_memory_new(&o);
    ra_store *s = memory ? ra_memory_store_new(memory) : NULL;
    size_t hits = 0, reads = 0;
    if (!s)
        die("out of memory");
    for (size_t i = 0; i < t->n; i++) {
        const event *e = &t->v[i];
        if (e->write) {
            write_one(s, units[e->key], e->now);
            continue;
        }
        reads++;
        hits += read_one(s, units[e->key], requests[e->key], e->now, ttl, payload);
    }
    ra_store_stats stats;
    ra_store_get_stats(s, &stats);
    if (stats.evictions)
        die("the store was too small: something was evicted");
    ra_store_free(s);
    ra_memory_unref(memory);
    return reads ? (double)hits / (double)reads : 0;
}

/* ---- as the advisor has it ---- */

static uint64_t name_of(const ra_key *k)
{
    uint64_t name;
    memcpy(&name, k->b, sizeof name);
    return name;
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The CPU time that it took, ns for each event. */
static double advise(const trace *t, const ra_key *units, const ra_key *requests, ra_advisor *a)
{
    double before = cpu_seconds();
    for (size_t i = 0; i < t->n; i++) {
        const event *e = &t->v[i];
        uint64_t unit = name_of(&units[e->key]);
        ra_advisor_read r = {.unit = unit,
                             .entry = name_of(&requests[e->key]),
                             .bytes = BODY + RA_MEMORY_UNIT_OVERHEAD,
                             .half_units = HALF_UNITS,
                             .now = e->now};
        if (e->write)
            ra_advisor_note_invalidation(a, unit, e->now);
        else
            ra_advisor_note_read(a, &r);
    }
    return (cpu_seconds() - before) * 1e9 / (double)t->n;
}

static void compare(const trace *t, uint64_t seed)
{
    char body[BODY] = "";
    ra_payload *payload = ra_payload_new((ra_bytes){body, sizeof body}, 0, 0, 0);
    ra_key *units = malloc(t->keys * sizeof *units), *requests = malloc(t->keys * sizeof *requests);
    ra_advisor *a = ra_advisor_new(CURRENT, seed, RA_ADVISOR_BYTES);
    const ra_advisor_limits unlimited = {0};
    ra_advisor_report r;
    if (!payload || !units || !requests || !a)
        die("out of memory");
    for (uint32_t i = 0; i < t->keys; i++) {
        units[i] = key_of("unit", i);
        requests[i] = key_of("request", i);
    }
    double ns = advise(t, units, requests, a), sum = 0;
    ra_advisor_get_report(a, &unlimited, &r);
    printf("{\"points\": [");
    for (size_t i = 0; i < r.npoints; i++) {
        const ra_advisor_point *p = &r.points[i];
        double real = replay(t, units, requests, p->ttl, payload);
        sum += fabs(p->hit_ratio - real);
        printf("%s{\"ttl_ms\": %lld, \"real\": %.6f, \"estimated\": %.6f}", i ? ", " : "", (long long)p->ttl,
               real, p->hit_ratio);
    }
    printf("], \"mean_error\": %.6f, \"ns_per_event\": %.1f, \"bytes\": %zu, \"exact\": %.4f, \"reads\": "
           "%llu}\n",
           sum / (double)r.npoints, ns, ra_advisor_bytes(a), r.exact, (unsigned long long)r.reads);
    ra_advisor_free(a);
    ra_payload_unref(payload);
    free(units);
    free(requests);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fputs("usage: readaside-advisor-replay ZIPF WRITES OPERATIONS KEYS MS_BETWEEN SEED\n", stderr);
        return 2;
    }
    double zipf = strtod(argv[1], NULL), writes = strtod(argv[2], NULL), pause = strtod(argv[5], NULL);
    size_t n = strtoull(argv[3], NULL, 10), keys = strtoull(argv[4], NULL, 10);
    uint64_t seed = strtoull(argv[6], NULL, 10);
    if (n == 0 || keys == 0 || keys > 1 << 30 || !(zipf >= 0 && zipf <= 10) || !(pause > 0))
        die("these are no numbers of a workload");
    trace t = trace_make(zipf, writes, n, keys, pause, seed);
    compare(&t, seed);
    free(t.v);
    return 0;
}
