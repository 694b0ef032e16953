/* GET /metrics: proxy/metrics_table.h. Threads: the admin listener's. */
#ifndef RA_PROXY_ADMIN_METRICS_H
#define RA_PROXY_ADMIN_METRICS_H

#include "proxy/admin.h"

void ra_admin_metrics(ra_admin *a, struct evhttp_request *r);

#endif
