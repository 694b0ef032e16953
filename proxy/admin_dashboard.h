/*
 * GET / on the admin address: the dashboard, a page of proxy/dashboard/ that shows what proxy/live.h says.
 * Its parts were built into the program, the library that draws its charts among them. A program that was
 * configured without them says so.
 *
 * They are open (proxy/admin.c): a browser asks for a page without a token, and they hold nothing that the
 * program doesn't. The page's own requests show the token that it asks its reader for.
 *
 * Threads: the admin listener's.
 */
#ifndef RA_PROXY_ADMIN_DASHBOARD_H
#define RA_PROXY_ADMIN_DASHBOARD_H

#include "proxy/admin.h"

/* Of all paths, those for which it is to be called: `/`, and what begins with `/dashboard/`. */
bool ra_admin_is_dashboard(const char *path);
void ra_admin_dashboard(ra_admin *a, struct evhttp_request *r);

#endif
