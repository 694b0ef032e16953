#include "proxy/live_compare.h"

#include "proxy/mismatches.h"

#include <inttypes.h>

void ra_live_compare_write(const ra_subject_sums *v, unsigned n, ra_buf *out)
{
    uint64_t observed[RA_READ_BYPASS + 1] = {0}, compared[RA_COMPARED_KINDS] = {0}, saved = 0, reads = 0;
    bool at_least;
    for (unsigned i = 0; i < n; i++) {
        for (unsigned o = 0; o <= RA_READ_BYPASS; o++)
            observed[o] += v[i].observed[o];
        for (unsigned c = 0; c < RA_COMPARED_KINDS; c++)
            compared[c] += v[i].compared[c];
        saved += v[i].half_units.observed;
        reads += v[i].compare_reads;
    }
    ra_buf_add_z(out, ", \"observed\": {");
    for (unsigned o = 0; o <= RA_READ_BYPASS; o++)
        ra_buf_addf(out, "\"%s\": %" PRIu64 ", ", ra_read_outcome_name((enum ra_read_outcome)o), observed[o]);
    ra_buf_addf(out, "\"units_saved\": %.1f}, \"compare\": {\"compared\": %" PRIu64, (double)saved / 2,
                compared[RA_COMPARED_EQUAL] + compared[RA_COMPARED_MISMATCH]);
    for (unsigned c = 0; c < RA_COMPARED_KINDS; c++)
        ra_buf_addf(out, ", \"%s\": %" PRIu64, ra_compared_name((enum ra_compared)c), compared[c]);
    int nines = ra_nines(compared[RA_COMPARED_EQUAL], compared[RA_COMPARED_MISMATCH], &at_least);
    ra_buf_addf(out, ", \"reads\": %" PRIu64, reads);
    if (nines < 0)
        ra_buf_add_z(out, ", \"nines\": null");
    else
        ra_buf_addf(out, ", \"nines\": %d", nines);
    ra_buf_addf(out, ", \"at_least\": %s}", at_least ? "true" : "false");
}

void ra_live_compare_write_one(const ra_subject_sums *s, ra_buf *out)
{
    ra_buf_addf(out,
                ", \"observed_hit\": %" PRIu64 ", \"observed_miss\": %" PRIu64 ", \"compared\": %" PRIu64
                ", \"mismatch\": %" PRIu64,
                s->observed[RA_READ_HIT], s->observed[RA_READ_MISS],
                s->compared[RA_COMPARED_EQUAL] + s->compared[RA_COMPARED_MISMATCH],
                s->compared[RA_COMPARED_MISMATCH]);
}
