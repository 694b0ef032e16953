/*
 * The express way where clients must sign: whose request it is, first by its word, which finds what it asked
 * before, then by its signature, before anything is asked of the store or answered. A request that isn't
 * signed rightly is not refused here but left to the whole way, which says why. Threads: the loop's.
 */
#ifndef RA_PROXY_EXPRESS_AUTH_H
#define RA_PROXY_EXPRESS_AUTH_H

#include "proxy/http_header.h"
#include "proxy/server.h"

/* The access key that the request says it is signed with; NULL: none that is known. */
const ra_access_key *ra_express_claimed(const ra_loop *l, ra_http_lines headers);
/* Is it signed with the key of that serial? */
bool ra_express_signed(ra_loop *l, ra_http_lines headers, ra_bytes body, uint64_t principal);

#endif
