/* Whether a route lets in who calls, and what it takes of him: claims. */
#include "proxy/identity.h"
#include "proxy/route_parts.h"

static enum ra_caller kind_of(const ra_identity *i)
{
    return i ? i->caller : RA_CALLER_ANYONE;
}

bool ra_route_lets_in(const ra_route *r, const ra_identity *i)
{
    return (r->callers & ((unsigned)kind_of(i) | RA_CALLER_ANYONE)) != 0;
}

bool ra_route_refuse_caller(const ra_identity *i, ra_route_refusal *refusal)
{
    if (kind_of(i) != RA_CALLER_ANYONE)
        return ra_route_refuse(refusal, 403, "forbidden", "this is not for who calls");
    ra_route_refuse(refusal, 401, "unauthenticated", "who calls must show who he is");
    refusal->authenticate = "Bearer";
    return false;
}

static bool read_claim(const ra_route_input *input, const ra_identity *i, ra_arena *a, ra_bytes *value,
                       ra_route_refusal *refusal)
{
    switch (i ? ra_identity_claim(i, input->name, a, value) : RA_CLAIM_ABSENT) {
    case RA_CLAIM_THERE:
        return true;
    case RA_CLAIM_ABSENT:
        return ra_route_refuse_at(refusal, 403, "claim_missing", input->place, "it isn't known of who calls",
                                  a);
    case RA_CLAIM_UNUSABLE:
        return ra_route_refuse_at(refusal, 403, "claim_unusable", input->place,
                                  "it must be a string or a number, once, without control characters", a);
    case RA_CLAIM_NO_MEMORY:
        break;
    }
    return ra_route_refuse_memory(refusal);
}

bool ra_route_claims_read(const ra_route *r, const ra_identity *i, ra_arena *a, ra_bytes *values,
                          ra_route_refusal *refusal)
{
    for (size_t slot = 0; slot < r->ninputs; slot++) {
        if (r->inputs[slot].source == RA_INPUT_CLAIM &&
            !read_claim(&r->inputs[slot], i, a, &values[slot], refusal))
            return false;
    }
    return true;
}
