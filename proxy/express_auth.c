#include "proxy/express_auth.h"

#include "proxy/clock.h"
#include "proxy/snapshot.h"

/* What stands in Credential= up to the first '/', as far as that can be seen at a glance. */
static ra_bytes claimed_id(ra_bytes authorization)
{
    static const char before[] = "Credential=";
    const char *at = memmem(authorization.p, authorization.n, before, sizeof before - 1);
    if (!at)
        return (ra_bytes){NULL, 0};
    at += sizeof before - 1;
    size_t left = authorization.n - (size_t)(at - authorization.p);
    const char *end = memchr(at, '/', left);
    return (ra_bytes){at, end ? (size_t)(end - at) : 0};
}

const ra_access_key *ra_express_claimed(const ra_loop *l, ra_http_lines headers)
{
    for (size_t i = 0; i < headers.n; i++)
        if (ra_bytes_eq_fold_z(headers.v[i].name, "authorization"))
            return ra_access_keys_find(l->snapshot->access_keys, claimed_id(headers.v[i].value));
    return NULL;
}

bool ra_express_signed(ra_loop *l, ra_http_lines headers, ra_bytes body, uint64_t principal)
{
    char why[RA_VERIFIER_WHY_MAX];
    const ra_access_key *key = NULL;
    const ra_signed_request r = {.headers = headers, .body = body};
    return ra_verifier_check(l->auth.verifier, l->snapshot->access_keys, &r, ra_clock_wall() / 1000, &key,
                             why) == RA_SIGNED &&
           key->serial == principal;
}
