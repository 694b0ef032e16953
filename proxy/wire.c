#include "proxy/wire.h"

#include "proxy/listener.h"
#include "proxy/reply.h"

#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <strings.h>

static const char *const prefix[] = {"DynamoDB_20120810.", "DynamoDBStreams_20120810."};

static bool is_ours(const char *target)
{
    for (size_t i = 0; i < sizeof prefix / sizeof prefix[0]; i++) {
        size_t n = strlen(prefix[i]);
        if (strncmp(target, prefix[i], n) == 0)
            return target[n] != '\0';
    }
    return false;
}

/* A request for another AWS service has come here because AWS_ENDPOINT_URL points all services at the proxy.
 */
static void refuse_service(ra_loop *l, struct evhttp_request *r, const char *service, const char *target)
{
    char message[512];
    snprintf(message, sizeof message,
             "readaside is a proxy for DynamoDB and got a request for %s. Point only DynamoDB at it: set "
             "AWS_ENDPOINT_URL_DYNAMODB (or the DynamoDB client's endpoint_url) instead of AWS_ENDPOINT_URL.",
             *service ? service : "another service");
    if (target)
        ra_reply_error(l, r, 400, RA_TYPE_UNKNOWN_OPERATION, message, false);
    else
        ra_reply_xml_error(l, r, 400, "UnknownOperationException", message);
}

bool ra_wire_is_root(struct evhttp_request *r)
{
    /* Also in absolute form, "http://host" and "http://host/" (RFC 9112 section 3.2.2). */
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    /* "//host/" is a path (RFC 9112 section 3.2.1), which libevent takes for a host's. */
    if (uri && evhttp_uri_get_host(uri) && !evhttp_uri_get_scheme(uri))
        return false;
    return path && (strcmp(path, "/") == 0 || (!*path && evhttp_uri_get_host(uri)));
}

static void refuse_target(ra_loop *l, struct evhttp_request *r, const char *target)
{
    char service[32];
    ra_signed_service(r, service, sizeof service);
    bool other = *service && strcmp(service, "dynamodb") != 0;
    bool post = evhttp_request_get_command(r) == EVHTTP_REQ_POST;
    if (other || (post && ra_wire_is_root(r) && target && strncmp(target, "DynamoDB", 8) != 0))
        refuse_service(l, r, service, target);
    else if (post && ra_wire_is_root(r))
        ra_reply_error(
            l, r, 400, RA_TYPE_UNKNOWN_OPERATION,
            target ? "X-Amz-Target names no operation of DynamoDB_20120810 or DynamoDBStreams_20120810. "
                     "(If this request isn't for DynamoDB, set AWS_ENDPOINT_URL_DYNAMODB instead of "
                     "AWS_ENDPOINT_URL.)"
                   : "X-Amz-Target is missing: DynamoDB's API is POST / with X-Amz-Target: "
                     "DynamoDB_20120810.<operation>. (If this request isn't for DynamoDB, set "
                     "AWS_ENDPOINT_URL_DYNAMODB instead of AWS_ENDPOINT_URL.)",
            false);
    else if (ra_wire_is_root(r))
        ra_reply_route_error(l, r, 405, "method_not_allowed", "DynamoDB's API takes POST / only", "POST");
    else
        ra_reply_route_error(l, r, 404, "not_found",
                             l->config->nroutes
                                 ? "no such path: no route has it, and DynamoDB's API is POST /"
                                 : "no such path: DynamoDB's API is POST /",
                             NULL);
}

static void refuse_head(ra_loop *l, struct evhttp_request *r, const char *problem)
{
    ra_route_refusal refusal = {
        .status = 431, .code = "headers_too_large", .message = problem, .close = true};
    if (ra_wire_is_root(r))
        ra_reply_error(l, r, 431, RA_TYPE_SERIALIZATION, problem, true);
    else
        ra_reply_refusal(l, l->config, r, &refusal);
}

ra_bytes ra_wire_accept(ra_loop *l, struct evhttp_request *r)
{
    static const ra_bytes answered = {NULL, 0};
    const char *problem = ra_framing_problem(l->connections, r);
    if (problem) {
        ra_reply_error(l, r, 400, RA_TYPE_SERIALIZATION, problem, true);
        return answered;
    }
    problem = ra_listener_limits_problem(&l->config->listen, r);
    if (problem) {
        refuse_head(l, r, problem);
        return answered;
    }
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(r);
    const char *target = evhttp_find_header(headers, "X-Amz-Target");
    unsigned targets = 0;
    for (const struct evkeyval *h = headers->tqh_first; h; h = h->next.tqe_next)
        targets += strcasecmp(h->key, "x-amz-target") == 0;
    if (targets > 1) {
        ra_reply_error(l, r, 400, RA_TYPE_SERIALIZATION, "more than one X-Amz-Target", true);
        return answered;
    }
    if (evhttp_request_get_command(r) != EVHTTP_REQ_POST || !ra_wire_is_root(r) || !target ||
        !is_ours(target)) {
        refuse_target(l, r, target);
        return answered;
    }
    return ra_bytes_z(target);
}
