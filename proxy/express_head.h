/*
 * The head of a request for the wire API, as the SDKs send it, read in place. Made for the one case that
 * comes again and again; whatever isn't just so is left to evhttp, which knows the whole of HTTP: so there is
 * one answer here to everything that is odd, and that is "no".
 *
 * Taken is: "POST / HTTP/1.1"; header lines of a token, a colon and a value without control characters, each
 * ended by CR LF (RFC 9112 section 5); one X-Amz-Target that names an operation of DynamoDB_20120810; one
 * Content-Length of digits; no Transfer-Encoding, Content-Encoding, Expect or Upgrade; Connection, if at all,
 * keep-alive. Pure.
 */
#ifndef RA_PROXY_EXPRESS_HEAD_H
#define RA_PROXY_EXPRESS_HEAD_H

#include "proxy/http_header.h"

enum {
    RA_EXPRESS_HEAD_MAX = 8 * 1024,
    RA_EXPRESS_BODY_MAX = 8 * 1024, /* longer ones are no reads that are asked again */
    RA_EXPRESS_LINES_MAX = 64
};

typedef struct ra_express_head {
    ra_bytes target; /* "DynamoDB_20120810.Query" */
    size_t head_n;   /* up to and with the empty line */
    size_t body_n;
    ra_bytes host; /* Host's value; p NULL: there is none. Given twice it isn't for here */
    size_t nlines; /* of headers */
} ra_express_head;

/* Of what has been received. `lines`: where all header lines go, RA_EXPRESS_LINES_MAX of them; NULL: nobody
 * wants them. false: not such a head, or not all of it yet. */
bool ra_express_head_read(ra_bytes received, ra_express_head *out, ra_http_line *lines);

#endif
