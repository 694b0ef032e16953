/*
 * AWS Signature Version 4, in stages that are each compared with a golden value in the tests (oracle:
 * botocore). Source: AWS General Reference, "Signature Version 4 signing process". Signs what the proxy
 * sends; the stages serve verification of what clients send as well.
 *
 * The day's signing key is derived once per credentials, date, region and service and kept by the signer.
 * Threads: an ra_signer belongs to one loop; the stages are pure. Errors: false on no memory or when OpenSSL
 * fails.
 */
#ifndef RA_PROXY_SIGV4_H
#define RA_PROXY_SIGV4_H

#include "cache/buf.h"
#include "proxy/credentials.h"

enum { RA_SHA256_HEX = 64 };

typedef struct ra_signed_header {
    ra_bytes name;  /* lower case */
    ra_bytes value; /* trimmed, runs of spaces folded by the canonical stage */
} ra_signed_header;

typedef struct ra_sign_request {
    ra_bytes method;
    ra_bytes path;  /* absolute, as sent, already URI-encoded once; canonical form encodes it again for all
                       services but S3 */
    ra_bytes query; /* without '?', as sent */
    const ra_signed_header *headers; /* those to sign, any order */
    size_t nheaders;
    ra_bytes body;
} ra_sign_request;

/* SHA-256 in lower-case hex. */
bool ra_sigv4_hash(ra_bytes s, char out[RA_SHA256_HEX + 1]);

/* Stage 1: the canonical request (with the body's hash), and the signed-headers list. */
bool ra_sigv4_canonical_request(const ra_sign_request *r, ra_buf *out, ra_buf *signed_headers);
/* Stage 2: the string to sign. `amz_date` is "20150830T123600Z". */
bool ra_sigv4_string_to_sign(ra_bytes amz_date, ra_bytes region, ra_bytes service, ra_bytes canonical_request,
                             ra_buf *out);
/* The scope that stage 2 and the Authorization header name: "20150830/us-east-1/dynamodb/aws4_request". */
bool ra_sigv4_scope(ra_bytes date8, ra_bytes region, ra_bytes service, ra_buf *out);
/* Stage 3: the day's signing key. */
bool ra_sigv4_signing_key(const char *secret, ra_bytes date8, ra_bytes region, ra_bytes service,
                          unsigned char out[32]);
/* Stage 4: the signature, in lower-case hex. With a key that is used once. */
bool ra_sigv4_signature(const unsigned char key[32], ra_bytes string_to_sign, char out[RA_SHA256_HEX + 1]);
/* A signing key ready for many signatures: what HMAC makes of a key is made once. Threads: one at a time. */
typedef struct ra_sigv4_key ra_sigv4_key;
ra_sigv4_key *ra_sigv4_key_new(const unsigned char key[32]); /* NULL: no memory */
void ra_sigv4_key_free(ra_sigv4_key *k);                     /* NULL is allowed */
bool ra_sigv4_key_sign(ra_sigv4_key *k, ra_bytes string_to_sign, char out[RA_SHA256_HEX + 1]);

typedef struct ra_signer ra_signer;
ra_signer *ra_signer_new(const char *region, const char *service);
void ra_signer_free(ra_signer *s);

/*
 * Signs a POST to `host` (as it stands in the Host header) with path "/". Appends header lines, each "Name:
 * value" ended by a NUL, to `out`: Host, X-Amz-Date, X-Amz-Security-Token (if there is one), Authorization;
 * *n says how many. Signed: content-type, host, x-amz-date, x-amz-target (unless `target` is empty: other
 * services have none), x-amz-security-token. `now_s` is the wall clock in seconds.
 */
bool ra_signer_sign(ra_signer *s, const ra_credentials *c, int64_t now_s, ra_bytes host,
                    ra_bytes content_type, ra_bytes target, ra_bytes body, ra_buf *out, size_t *n);

#endif
