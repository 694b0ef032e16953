/*
 * GET /admin/events: what GET /admin/live says, once a second, and what is noted in the journal as it is, to
 * at most RA_ADMIN_VIEWERS at a time; see proxy/live.h and proxy/event_stream.h. However many look, the JSON
 * is made once; while nobody does, it isn't.
 *
 * Threads: the admin listener's; new and free are main's, while that doesn't run.
 */
#ifndef RA_PROXY_ADMIN_EVENTS_H
#define RA_PROXY_ADMIN_EVENTS_H

#include "proxy/admin.h"
#include "proxy/connections.h"

struct event_base;

enum { RA_ADMIN_VIEWERS = 32 };

typedef struct ra_admin_viewers ra_admin_viewers;

ra_admin_viewers *ra_admin_viewers_new(ra_server *s, struct event_base *base, ra_mailbox *mailbox,
                                       ra_connections *connections); /* NULL: no memory */
/* Closes the viewers' connections and listens to the journal no more. */
void ra_admin_viewers_end(ra_admin_viewers *v);
/* After its end, and after evhttp, which may still tell of connections. NULL is allowed. */
void ra_admin_viewers_free(ra_admin_viewers *v);

#endif
