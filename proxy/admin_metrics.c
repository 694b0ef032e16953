#include "proxy/admin_metrics.h"

#include "proxy/metrics_table.h"

#include <event2/buffer.h>
#include <event2/http.h>

static void reply(struct evhttp_request *r, const ra_buf *body)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
    bool ok = ra_buf_ok(body) && evbuffer_add(evhttp_request_get_output_buffer(r), body->p, body->n) == 0;
    evhttp_add_header(headers, "Content-Type", RA_METRICS_TEXT_TYPE);
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evhttp_send_reply(r, ok ? 200 : 500, NULL, NULL);
}

static void answer(ra_admin *a, struct evhttp_request *r)
{
    ra_buf out;
    ra_buf_init(&out, RA_ADMIN_REPLY_MAX);
    if (ra_metrics_write(ra_admin_server(a), ra_admin_watch(a), &out))
        reply(r, &out);
    else
        ra_admin_error(r, 500, "out of memory");
    ra_buf_free(&out);
}

void ra_admin_metrics(ra_admin *a, struct evhttp_request *r)
{
    ra_watch_answer(a, r, answer);
}
