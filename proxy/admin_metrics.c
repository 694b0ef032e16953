#include "proxy/admin_metrics.h"

#include "proxy/log.h"
#include "proxy/metrics_table.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>

enum { ASKED_MAGIC = 0x6d657472 };

typedef struct asked {
    uint32_t magic;
    ra_admin *admin;
    struct evhttp_request *request;
} asked;

static void reply(struct evhttp_request *r, const ra_buf *body)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
    bool ok = ra_buf_ok(body) && evbuffer_add(evhttp_request_get_output_buffer(r), body->p, body->n) == 0;
    evhttp_add_header(headers, "Content-Type", RA_METRICS_TEXT_TYPE);
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evhttp_send_reply(r, ok ? 200 : 500, NULL, NULL);
}

static void answer(void *arg)
{
    asked *q = arg;
    if (q->magic != ASKED_MAGIC)
        ra_corrupt("admin: metrics");
    ra_buf out;
    ra_buf_init(&out, RA_ADMIN_REPLY_MAX);
    if (ra_metrics_write(ra_admin_server(q->admin), ra_admin_watch(q->admin), &out))
        reply(q->request, &out);
    else
        ra_admin_error(q->request, 500, "out of memory");
    ra_buf_free(&out);
    q->magic = 0;
    free(q);
}

void ra_admin_metrics(ra_admin *a, struct evhttp_request *r)
{
    asked *q = malloc(sizeof *q);
    if (q)
        *q = (asked){.magic = ASKED_MAGIC, .admin = a, .request = r};
    if (q && ra_watch_ask(ra_admin_watch(a), answer, q))
        return;
    free(q);
    ra_admin_error(r, 500, "out of memory");
}
