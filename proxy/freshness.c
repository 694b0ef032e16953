#include "proxy/freshness.h"

#include "proxy/op.h"

void ra_freshness_judge(ra_lookup *look, int64_t wall_ms)
{
    if (!look->payload)
        return;
    int64_t age = wall_ms - look->payload->filled_ms;
    int64_t left = (look->ttl < look->negative_ttl ? look->ttl : look->negative_ttl) - age;
    if (left >= look->expires_in)
        return; /* whichever it is */
    left = (ra_op_payload_is_negative(look->payload) ? look->negative_ttl : look->ttl) - age;
    if (left >= look->expires_in)
        return;
    look->expires_in = left;
    if (left > 0 || look->outcome != RA_LOOKUP_HIT)
        return;
    look->outcome = RA_LOOKUP_STALE;
    look->near = false;
}
