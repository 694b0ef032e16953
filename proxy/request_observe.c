/*
 * A request's states: a read of a table that is observed. It is looked up as ever, and then always answered
 * by DynamoDB, by a read of its own. Where the cache has everything, or may fill nothing, that is the
 * client's read as it is, but that DynamoDB is asked what it consumes. Where something is missing it is the
 * read that a miss makes, and fills it. So each read costs one, however often it was asked; only a difference
 * is read again (proxy/request_compare.c).
 */
#include "proxy/clock.h"
#include "proxy/freshness.h"
#include "proxy/request_states.h"

bool ra_request_is_observed(const ra_request *r)
{
    for (size_t i = 0; i < r->op.nparts; i++)
        if (r->op.tables[r->op.parts[i].table].config->caching == RA_CACHING_OBSERVE)
            return true;
    return false;
}

enum ra_step ra_request_observe(ra_request *r)
{
    int64_t now = ra_clock_wall();
    r->as_asked = true;
    for (size_t i = 0; i < r->op.nparts; i++) {
        ra_part *part = &r->op.parts[i];
        ra_lookup *look = &part->look;
        if (r->lookups)
            *look = r->lookups[i];
        ra_freshness_judge(look, now);
        if (look->outcome == RA_LOOKUP_STALE)
            r->stale_observed = r->op.nparts == 1 && r->op.kind != RA_OP_BATCH_GET_ITEM &&
                                -look->expires_in < part->policy->stale_while_revalidate;
        if (look->outcome != RA_LOOKUP_HIT) {
            ra_payload_unref(look->payload);
            look->payload = NULL;
        }
        part->upstream = true;
        r->as_asked &= look->outcome == RA_LOOKUP_HIT || look->outcome == RA_LOOKUP_BYPASS;
    }
    r->lookups = NULL;
    r->detail = "caching-observe";
    return ra_request_go(r, RA_FETCHING);
}
