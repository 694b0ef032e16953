/*
 * The header lines of a reply, as bytes. A reply of the usual kind goes out with them as they are, which
 * takes a quarter of what evhttp takes for the same; one that isn't has evhttp write them.
 *
 * Names and values with a line break in them are left out, as evhttp does. Errors: without memory, or past
 * RA_REPLY_HEAD_MAX, ra_reply_head_ok is false.
 */
#ifndef RA_PROXY_REPLY_HEAD_H
#define RA_PROXY_REPLY_HEAD_H

#include "cache/buf.h"
#include "proxy/reply.h"

enum { RA_REPLY_HEAD_MAX = 512 * 1024 };

typedef struct ra_reply_head {
    ra_buf lines;
    size_t id_at, id_n; /* x-amzn-RequestId's value in them; n 0: there is none */
} ra_reply_head;

void ra_reply_head_init(ra_reply_head *h);
void ra_reply_head_free(ra_reply_head *h);
bool ra_reply_head_ok(const ra_reply_head *h);
void ra_reply_head_add(ra_reply_head *h, const char *name, ra_bytes value);
void ra_reply_head_add_z(ra_reply_head *h, const char *name, const char *value);
void ra_reply_head_add_number(ra_reply_head *h, const char *name, int64_t value);
/* x-amzn-RequestId: a new one, or upstream's. */
void ra_reply_head_add_request_id(ra_reply_head *h);
void ra_reply_head_add_given_id(ra_reply_head *h, const char *name, ra_bytes id);
/* A view of it, until anything is added. */
ra_bytes ra_reply_head_request_id(const ra_reply_head *h);
/* X-Cache, Age, X-Cache-Fresh-As-Of and Cache-Status (RFC 9211). */
void ra_reply_head_add_verdict(ra_reply_head *h, const ra_verdict *v);
/* All lines go to evhttp's list; here there are none any more. */
void ra_reply_head_give(ra_reply_head *h, struct evkeyvalq *headers);

#endif
