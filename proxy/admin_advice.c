#include "proxy/admin_advice.h"

#include "proxy/advice.h"

void ra_admin_advice(ra_admin *a, struct evhttp_request *r)
{
    ra_buf body;
    ra_buf_init(&body, RA_ADMIN_REPLY_MAX);
    ra_advice_write(ra_admin_server(a)->advice, 0, &body);
    ra_buf_add_char(&body, '\n');
    ra_admin_reply(r, 200, &body);
}
