/* What the advisor knows, as a curve: the head as it was counted, and the tail as its sample says. */
#include "proxy/advisor_parts.h"

#include <math.h>
#include <string.h>

/* Of the whole sample, each read weighted by how many it stood for at its time. */
static ra_advisor_weighted whole_sample(const ra_advisor *a)
{
    ra_advisor_weighted w = a->before;
    double weight = ra_advisor_weight(a);
    w.reads += weight * (double)a->sample.reads;
    w.cost += weight * (double)a->sample.cost;
    for (size_t t = 0; t < RA_ADVISOR_TTLS; t++) {
        w.hits[t] += weight * (double)a->sample.hits[t];
        w.spared[t] += weight * (double)a->sample.spared[t];
        w.age[t] += weight * (double)a->sample.age[t];
    }
    return w;
}

/* The tail's total is known exactly, so the sample only says how it divides. Without one it is as the head.
 */
static double estimate(uint64_t head, uint64_t head_of, uint64_t tail_of, double sample, double sample_of)
{
    double share = sample_of > 0 ? sample / sample_of : head_of > 0 ? (double)head / (double)head_of : 0;
    return (double)head + (double)tail_of * share;
}

/* What each cache would hold now. Of a unit in the head everything is known, others stand for many. */
static void add_bytes(const ra_advisor *a, const ra_advisor_unit *u, double bytes[RA_ADVISOR_TTLS])
{
    uint32_t now = (uint32_t)a->until;
    double weight = u->promotion ? 1 : ra_advisor_weight(a);
    if (u->cleared != a->cleared)
        return;
    for (uint32_t i = u->first; i != RA_ADVISOR_NONE; i = a->entries[i].next_of_unit) {
        const ra_advisor_entry *e = &a->entries[i];
        for (size_t t = 0; e->epoch == u->epoch && t < RA_ADVISOR_TTLS; t++)
            if (now - e->fill[t] < a->ttl[t])
                bytes[t] += weight * e->bytes;
    }
}

static ra_advisor_point point_of(const ra_advisor *a, const ra_advisor_weighted *w, size_t t, double bytes)
{
    const ra_advisor_counts *h = &a->head;
    double seconds = (double)(a->until - a->since) / 1000;
    double hits = estimate(h->hits[t], h->reads, a->tail_reads, w->hits[t], w->reads);
    double spared = estimate(h->spared[t], h->cost, a->tail_cost, w->spared[t], w->cost);
    double age = estimate(h->age[t], h->reads, a->tail_reads, w->age[t], w->reads);
    double cost = (double)(h->cost + a->tail_cost);
    return (ra_advisor_point){.ttl = t == RA_ADVISOR_CURRENT ? a->current : (int64_t)ra_advisor_grid[t],
                              .hit_ratio = a->reads ? fmin(hits / (double)a->reads, 1) : 0,
                              .bytes = bytes,
                              .half_units_per_s = seconds > 0 ? fmax(cost - spared, 0) / seconds : 0,
                              .stale_age = hits > 0 ? age / hits : 0};
}

/* In their order; the one in force takes the place of its equal. */
static void place_points(const ra_advisor *a, const ra_advisor_point *of, ra_advisor_report *out)
{
    const bool in_force = a->current > 0;
    out->current = RA_ADVISOR_TTLS;
    for (size_t t = 0; t < RA_ADVISOR_GRID; t++) {
        if (in_force && out->current == RA_ADVISOR_TTLS && a->current <= of[t].ttl) {
            out->current = out->npoints;
            out->points[out->npoints++] = of[RA_ADVISOR_CURRENT];
            if (a->current == of[t].ttl)
                continue;
        }
        out->points[out->npoints++] = of[t];
    }
    if (in_force && out->current == RA_ADVISOR_TTLS) {
        out->current = out->npoints;
        out->points[out->npoints++] = of[RA_ADVISOR_CURRENT];
    }
    if (!in_force)
        out->current = out->npoints;
}

void ra_advisor_get_report(const ra_advisor *a, const ra_advisor_limits *limits, ra_advisor_report *out)
{
    double bytes[RA_ADVISOR_TTLS] = {0};
    ra_advisor_point points[RA_ADVISOR_TTLS];
    ra_advisor_weighted w = whole_sample(a);
    *out = (ra_advisor_report){.reads = a->reads,
                               .invalidations = a->invalidations,
                               .since = a->since,
                               .until = a->until,
                               .exact = a->reads ? (double)a->head.reads / (double)a->reads : 1,
                               .sampled = a->sampled_before + a->sample.reads};
    for (uint32_t b = 0; b < a->unit_buckets; b++)
        for (uint32_t i = a->unit_bucket[b]; i != RA_ADVISOR_NONE; i = a->units[i].next_in_bucket)
            add_bytes(a, &a->units[i], bytes);
    for (size_t t = 0; t < RA_ADVISOR_TTLS; t++)
        points[t] = point_of(a, &w, t, bytes[t]);
    place_points(a, points, out);
    ra_advisor_recommend(out, limits);
}
