/*
 * One request on its way through libcurl: what it sends, what comes back, and what became of it. Inner part
 * of cache/http_client.h.
 *
 * Ownership: a transfer owns its copies and its reply; the body stays the caller's. Threads: the client's
 * loop.
 */
#ifndef RA_CACHE_HTTP_TRANSFER_H
#define RA_CACHE_HTTP_TRANSFER_H

#include "cache/http_client.h"

#include <curl/curl.h>

typedef struct ra_http_transfer {
    uint32_t magic;
    void *owner; /* what CURLINFO_PRIVATE gives for the easy handle */
    CURL *easy;  /* while attached */
    char *url;
    char *method;
    struct curl_slist *headers;
    ra_bytes body;
    bool once;
    bool maybe_sent; /* a connection was there and curl was about to write to it */
    bool reading_trailer;
    enum ra_http_result stopped; /* why one of our callbacks stopped the transfer; OK: none did */
    size_t max_reply;
    size_t body_size; /* allocated for reply->body */
    ra_http_reply *reply;
    char curl_error[CURL_ERROR_SIZE];
} ra_http_transfer;

/* Copies what the request doesn't promise to keep. false: no memory; clear it all the same. */
bool ra_http_transfer_init(ra_http_transfer *t, const ra_http_request *r, void *owner);
void ra_http_transfer_clear(ra_http_transfer *t);

/* An easy handle with all that is the same for every request. NULL without memory. */
CURL *ra_http_easy_new(const ra_http_options *o);
/* Sets all that isn't, without exception, so that nothing of an earlier request is left. false: no memory. */
bool ra_http_transfer_attach(ra_http_transfer *t, CURL *easy, const ra_http_options *o);
/* Its connection isn't to be used again: the peer doesn't answer on it. One that other calls share, over
 * HTTP/2, would outlive a call that is given up, for as long as the network takes to notice. */
void ra_http_transfer_distrust(ra_http_transfer *t);
/* Leaves nothing in the easy handle that points to the transfer. */
void ra_http_transfer_detach(ra_http_transfer *t);

/* Reads the outcome when curl says that the transfer is done: status and error text go into the reply. */
enum ra_http_result ra_http_transfer_outcome(ra_http_transfer *t, CURLcode code);
/* Sets the reply's error text. */
void ra_http_transfer_say(ra_http_transfer *t, const char *text);

#endif
