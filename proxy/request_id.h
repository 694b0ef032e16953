/* The x-amzn-RequestId of a reply that is made here: 52 capitals and digits, as DynamoDB's look. */
#ifndef RA_PROXY_REQUEST_ID_H
#define RA_PROXY_REQUEST_ID_H

enum { RA_REQUEST_ID_CHARS = 52 };

/* No NUL behind it. */
void ra_request_id(char out[RA_REQUEST_ID_CHARS]);

#endif
