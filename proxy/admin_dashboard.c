#include "proxy/admin_dashboard.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <string.h>

typedef struct asset {
    const char *path, *type, *etag;
    const unsigned char *p;
    size_t n;
} asset;

#include "proxy/dashboard_assets.inc" /* assets[]; the last one's path is NULL */

#define FOLDER "/dashboard/"

bool ra_admin_is_dashboard(const char *path)
{
    return strcmp(path, "/") == 0 || strncmp(path, FOLDER, sizeof FOLDER - 1) == 0;
}

/* Everything comes from here and goes nowhere else, and no text can become a script. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

static const asset *asset_of(const char *path)
{
    const asset *a = assets;
    while (a->path && strcmp(a->path, path) != 0)
        a++;
    return a->path ? a : NULL;
}

/* If-None-Match compares weakly: W/ before a tag doesn't matter, nor do other tags in the list. */
static bool is_known(struct evhttp_request *r, const asset *a)
{
    const char *given = evhttp_find_header(evhttp_request_get_input_headers(r), "If-None-Match");
    return given && (strcmp(given, "*") == 0 || strstr(given, a->etag));
}

static void send_asset(struct evhttp_request *r, const asset *a)
{
    char length[24];
    struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
    bool known = is_known(r, a), body = !known && evhttp_request_get_command(r) == EVHTTP_REQ_GET;
    snprintf(length, sizeof length, "%zu", a->n);
    evhttp_add_header(headers, "ETag", a->etag);
    evhttp_add_header(headers, "Cache-Control", "no-cache"); /* may be kept, but is asked for each time */
    evhttp_add_header(headers, "Content-Security-Policy", policy);
    evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
    evhttp_add_header(headers, "Referrer-Policy", "no-referrer");
    evhttp_add_header(headers, "Cross-Origin-Opener-Policy", "same-origin");
    evhttp_add_header(headers, "Cross-Origin-Resource-Policy", "same-origin");
    if (!known) {
        evhttp_add_header(headers, "Content-Type", a->type);
        evhttp_add_header(headers, "Content-Length", length);
    }
    struct evbuffer *out = evhttp_request_get_output_buffer(r);
    if (body && evbuffer_add_reference(out, a->p, a->n, NULL, NULL) != 0) {
        evhttp_remove_header(headers, "Content-Length");
        ra_admin_error(r, 500, "out of memory");
        return;
    }
    evhttp_send_reply(r, known ? 304 : 200, NULL, NULL);
}

void ra_admin_dashboard(ra_admin *admin, struct evhttp_request *r)
{
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(r));
    const asset *a = asset_of(path);
    (void)admin;
    if (a)
        send_asset(r, a);
    else
        ra_admin_error(r, 404,
                       assets[0].path ? "no such path"
                                      : "this program was built without its dashboard "
                                        "(READASIDE_DASHBOARD=OFF)");
}
