/* What requests are called: the x-amzn-RequestId of a reply that is made here, 52 capitals and digits as
 * DynamoDB's look; and a client's own X-Request-Id. */
#ifndef RA_PROXY_REQUEST_ID_H
#define RA_PROXY_REQUEST_ID_H

#include "cache/bytes.h"

enum { RA_REQUEST_ID_CHARS = 52, RA_REQUEST_ID_GIVEN_MAX = 128 };

/* No NUL behind it. */
void ra_request_id(char out[RA_REQUEST_ID_CHARS]);
/* May a client's be repeated in headers and logs? Letters, digits and "._:/+=@-", at most
 * RA_REQUEST_ID_GIVEN_MAX of them. */
bool ra_request_id_is_sane(ra_bytes given);

#endif
