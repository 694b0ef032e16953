#include "tests/model/search.h"

#include "tests/model/canonical.h"
#include "tests/model/oracle.h"
#include "tests/model/pack.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* All states stand one after the other in the order in which they were found, which is also the order in
 * which they are expanded: the array is the queue. The hash set holds their numbers + 1, each under half of
 * its state's hash, so that hardly ever a state is looked at that isn't the one. */
typedef struct search {
    ra_sink sink;
    const ra_run *run;
    ra_result *result;
    unsigned width; /* words of a state */
    uint64_t *words;
    uint32_t *parent;
    uint64_t n, room, max_states;
    uint64_t *set;
    uint64_t set_size;
    uint64_t expanding;
    bool out_of_room;
    bool broken;
    ra_label last;
} search;

/* ---- the set ---- */

static uint64_t hash(const uint64_t *words, unsigned n)
{
    uint64_t h = 0x9e3779b97f4a7c15;
    for (unsigned i = 0; i < n; i++) {
        h = (h ^ words[i]) * 0xff51afd7ed558ccd;
        h ^= h >> 32;
    }
    h *= 0xc4ceb9fe1a85ec53;
    return h ^ h >> 29;
}

static uint64_t *state_at(const search *s, uint64_t i)
{
    return s->words + i * s->width;
}

/* Where this state's number stands, or would. */
static uint64_t *place(const search *s, const uint64_t *words, uint64_t h)
{
    uint64_t mask = s->set_size - 1;
    uint64_t i = h & mask;
    for (; s->set[i]; i = (i + 1) & mask)
        if (s->set[i] >> 32 == h >> 32 &&
            memcmp(state_at(s, (uint32_t)s->set[i] - 1), words, s->width * sizeof *words) == 0)
            break;
    return &s->set[i];
}

static uint64_t set_entry(uint64_t h, uint64_t number)
{
    return (h >> 32 << 32) | (number + 1);
}

static bool grow_set(search *s)
{
    uint64_t size = s->set_size ? s->set_size * 2 : 1U << 16;
    uint64_t *set = calloc(size, sizeof *set);
    if (!set)
        return false;
    free(s->set);
    s->set = set;
    s->set_size = size;
    for (uint64_t i = 0; i < s->n; i++) {
        uint64_t h = hash(state_at(s, i), s->width);
        *place(s, state_at(s, i), h) = set_entry(h, i);
    }
    return true;
}

static bool grow(search *s)
{
    if (s->n == s->room) {
        uint64_t room = s->room ? s->room + s->room / 2 : 1U << 16;
        uint64_t *words = realloc(s->words, (room * s->width + RA_WORDS_MAX) * sizeof *words);
        if (!words)
            return false;
        s->words = words;
        uint32_t *parent = realloc(s->parent, room * sizeof *parent);
        if (!parent)
            return false;
        s->parent = parent;
        s->room = room;
    }
    return (s->n + 1) * 3 < s->set_size * 2 || grow_set(s);
}

static void add(search *s, const uint64_t *words)
{
    if (s->n >= s->max_states || s->n >= UINT32_MAX - 1 || !grow(s)) {
        s->out_of_room = true;
        return;
    }
    uint64_t h = hash(words, s->width);
    uint64_t *at = place(s, words, h);
    if (*at)
        return;
    memcpy(state_at(s, s->n), words, s->width * sizeof *words);
    s->parent[s->n] = (uint32_t)s->expanding;
    *at = set_entry(h, s->n++);
}

/* ---- the search ---- */

static void take(ra_sink *sink, const ra_state *next, const ra_label *label)
{
    search *s = (search *)sink;
    s->result->transitions++;
    s->result->seen[label->verb]++;
    if (label->verb == RA_V_COMMIT)
        s->result->committed |= 1U << label->who;
    if (s->broken || s->out_of_room)
        return;
    if (ra_oracle_broken(label)) {
        s->broken = true;
        s->last = *label;
        return;
    }
    ra_state t = *next;
    uint64_t words[RA_WORDS_MAX];
    ra_state_canonical(s->run, &t);
    ra_pack(s->run, &t, words);
    add(s, words);
}

static bool start(search *s)
{
    ra_state first = {0};
    uint64_t words[RA_WORDS_MAX];
    ra_state_canonical(s->run, &first);
    s->width = ra_pack(s->run, &first, words);
    add(s, words);
    return !s->out_of_room;
}

/* ---- the trace ---- */

/* The states on the way are canonical, so their names jump. The trace is walked again from the beginning with
 * names kept: of all steps from the state as it is, the one whose canonical form is the next on the way.
 * Where two readers could be told apart by nothing but generations without a name, the form may differ; the
 * walk then goes on from the state that was found. */
typedef struct walk {
    ra_sink sink;
    const ra_run *run;
    const uint64_t *wanted; /* NULL: the step that breaks the promise */
    unsigned width;
    ra_trace_step *out;
    bool found;
} walk;

static void follow(ra_sink *sink, const ra_state *next, const ra_label *label)
{
    walk *w = (walk *)sink;
    if (w->found)
        return;
    if (w->wanted) {
        ra_state t = *next;
        uint64_t words[RA_WORDS_MAX];
        ra_state_canonical(w->run, &t);
        ra_pack(w->run, &t, words);
        if (ra_oracle_broken(label) || memcmp(words, w->wanted, w->width * sizeof *words) != 0)
            return;
    } else if (!ra_oracle_broken(label)) {
        return;
    }
    *w->out = (ra_trace_step){.label = *label, .after = *next};
    w->found = true;
}

static void make_trace(const search *s, ra_result *out)
{
    unsigned length = 1;
    for (uint64_t i = s->expanding; i; i = s->parent[i])
        length++;
    uint64_t *way = calloc(length, sizeof *way);
    out->trace = calloc(length, sizeof *out->trace);
    if (!way || !out->trace) {
        free(way);
        return;
    }
    uint64_t at = s->expanding;
    for (unsigned i = length - 1; i-- > 0; at = s->parent[at])
        way[i] = at;
    ra_state now = {0};
    walk w = {.sink.take = follow, .run = s->run, .width = s->width};
    for (unsigned i = 0; i < length; i++) {
        w.wanted = i + 1 < length ? state_at(s, way[i]) : NULL;
        w.out = &out->trace[i];
        w.found = false;
        ra_steps(s->run, &now, &w.sink);
        if (!w.found && i > 0) {
            ra_unpack(s->run, state_at(s, way[i - 1]), &now);
            ra_steps(s->run, &now, &w.sink);
        }
        now = w.out->after;
    }
    out->ntrace = length;
    free(way);
}

/* ---- */

static double seconds_since(const struct timespec *t)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - t->tv_sec) + (double)(now.tv_nsec - t->tv_nsec) / 1e9;
}

void ra_search(const ra_run *run, uint64_t max_states, ra_result *out)
{
    struct timespec began;
    clock_gettime(CLOCK_MONOTONIC, &began);
    *out = (ra_result){.verdict = RA_UNFINISHED};
    search s = {.sink.take = take, .run = run, .result = out, .max_states = max_states};
    bool ok = start(&s);
    for (uint64_t i = 0; ok && i < s.n && !s.broken && !s.out_of_room; i++) {
        ra_state from;
        s.expanding = i;
        ra_unpack(run, state_at(&s, i), &from);
        ra_steps(run, &from, &s.sink);
    }
    if (s.broken) {
        out->verdict = RA_BROKEN;
        make_trace(&s, out);
    } else if (!s.out_of_room) {
        out->verdict = RA_HOLDS;
    }
    out->states = s.n;
    out->seconds = seconds_since(&began);
    free(s.words);
    free(s.parent);
    free(s.set);
}

void ra_result_free(ra_result *r)
{
    free(r->trace);
    *r = (ra_result){0};
}
