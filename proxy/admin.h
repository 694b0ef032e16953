/*
 * The admin listener: JSON over HTTP on admin.address, for an operator's tools, and a page. It has a thread
 * and a loop of its own, so that it answers while the others are busy.
 *
 *   POST /admin/cache/ping                       {"store": "memory"}
 *   POST /admin/cache/get     {"units": [{"unit": DIGEST, "guards": [DIGEST, ...]}, ...]}
 *                             {"store": ..., "units": [...]}, each as proxy/cache_json.h has it
 *   POST /admin/cache/delete  {"units": [DIGEST, ...]}
 *                             {"store": ..., "units": [{"unit": DIGEST, "dropped": BOOL}, ...]}
 *   GET  /metrics             Prometheus' text format: proxy/metrics_table.h
 *   GET  /admin/live          the same at a glance, as JSON: proxy/live.h
 *   GET  /admin/events        the same once a second, and what happens as it does: proxy/live.h
 *   GET  /healthz, /readyz    is it alive, is it ready: proxy/admin_health.h
 *   POST /admin/reload, /admin/caching, /admin/invalidate: see proxy/admin_reload.h
 *   GET  /admin/cache/stats   {"store": ..., counters, "streams": {TABLE: counters}}; times in ms
 *   GET  /admin/markers, POST /admin/markers/clear, /admin/markers/cleared: see proxy/admin_markers.h
 *   GET  /admin/mismatches    what was found to differ between the cache and DynamoDB: proxy/mismatches.h
 *   GET  /admin/advice        what other TTLs would have done, as proxy/live.h has it
 *   GET  /                    the dashboard; its parts are below /dashboard/ (proxy/admin_dashboard.h)
 *
 * What fails is {"error": TEXT} with a status of 4xx or 5xx. With admin.token a request must show it (as
 * "Authorization: Bearer TOKEN"; else 401), but for the calls that admin.c marks as open: they show nothing
 * of this proxy that isn't known to whoever has its program. Without a token it is on loopback only, and Host
 * must name that, which a name that a web page has been loaded by doesn't. So that no page in a browser on
 * this machine can use it but the one that it serves itself, an Origin must be its own (scheme and Host),
 * Sec-Fetch-Site, where a browser sends it, must not be another's, and a POST must be application/json, which
 * a page may not send to another origin unasked. With admin.tls it is HTTPS.
 *
 * Threads: new, start, stop and free are main's. It ends before the loops do, since it asks them.
 */
#ifndef RA_PROXY_ADMIN_H
#define RA_PROXY_ADMIN_H

#include "cache/buf.h"
#include "proxy/server.h"

struct evhttp_request;

typedef struct ra_admin ra_admin;

/* Binds; nobody is answered yet. Before the loops run: a port that is taken is found before anybody is
 * served. NULL with a message logged. */
ra_admin *ra_admin_new(ra_server *s);
/* Starts the thread; the loops are running. false with a message logged. */
bool ra_admin_start(ra_admin *a);
uint16_t ra_admin_port(const ra_admin *a);
/* Answers what it has been asked, takes nothing more, and ends. NULL is allowed. */
void ra_admin_stop(ra_admin *a);
/* After the loops have ended too: one may still be waking it. NULL is allowed. */
void ra_admin_free(ra_admin *a);
/* NULL: plain HTTP. */
ra_tls_server *ra_admin_tls(ra_admin *a);

/* ---- for the files admin*.c alone, on its thread ---- */

enum { RA_ADMIN_BODY_MAX = 64 * 1024, RA_ADMIN_REPLY_MAX = 64 << 20 };

/* Sends `body`, which it takes over, or 500 if that has failed. */
void ra_admin_reply(struct evhttp_request *r, int status, ra_buf *body_take);
void ra_admin_error(struct evhttp_request *r, int status, const char *text);

/* A request whose answer comes later; the listener doesn't end before each has. */
void ra_admin_begin(ra_admin *a);
void ra_admin_end(ra_admin *a);
ra_server *ra_admin_server(ra_admin *a);
struct ra_admin_work *ra_admin_get_work(ra_admin *a);
ra_mailbox *ra_admin_mailbox(ra_admin *a);
struct ra_admin_viewers *ra_admin_get_viewers(ra_admin *a); /* proxy/admin_events.h */
struct ra_watch *ra_admin_watch(ra_admin *a);               /* proxy/watch.h */
struct ra_health *ra_admin_health(ra_admin *a);             /* proxy/admin_health.h */

#endif
