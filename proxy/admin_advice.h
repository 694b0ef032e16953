/* GET /admin/advice of the admin listener: proxy/live.h has what it says. Threads: the listener's. */
#ifndef RA_PROXY_ADMIN_ADVICE_H
#define RA_PROXY_ADMIN_ADVICE_H

#include "proxy/admin.h"

void ra_admin_advice(ra_admin *a, struct evhttp_request *r);

#endif
