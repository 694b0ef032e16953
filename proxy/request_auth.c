/* A request's states: who may come in. Over the wire API a signature says who, on a route a token or a back
 * end. */
#include "proxy/authorize.h"
#include "proxy/clock.h"
#include "proxy/listener.h"
#include "proxy/request_states.h"
#include "proxy/wire.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#define TYPE_DENIED "com.amazon.coral.service#AccessDeniedException"

/* ---- both ---- */

/* Views of evhttp's headers, in the request's arena. false: no memory. */
static bool header_lines(ra_request *r, ra_http_lines *out)
{
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(r->http);
    size_t n = 0;
    for (const struct evkeyval *h = headers->tqh_first; h; h = h->next.tqe_next)
        n++;
    ra_http_line *lines = ra_arena_array(&r->arena, n, sizeof *lines);
    if (!lines)
        return false;
    *out = (ra_http_lines){lines, n};
    for (const struct evkeyval *h = headers->tqh_first; h; h = h->next.tqe_next)
        *lines++ = (ra_http_line){ra_bytes_z(h->key), ra_bytes_z(h->value)};
    return true;
}

bool ra_request_host_ok(const ra_request *r)
{
    const ra_config_listen *c = &r->config->listen;
    const char *host = evhttp_find_header(evhttp_request_get_input_headers(r->http), "Host");
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r->http);
    const char *named = uri && evhttp_uri_get_scheme(uri) ? evhttp_uri_get_host(uri) : NULL;
    /* In absolute form the target's host is meant (RFC 9112 section 3.2.2). */
    return ra_listener_host_ok(c, ra_bytes_z(host)) && ra_listener_host_ok(c, ra_bytes_z(named));
}

enum ra_step ra_request_refuse_host(ra_request *r)
{
    static const char message[] = "the Host header names neither an address nor localhost; listen.hosts says "
                                  "which names are good too";
    ra_route_refusal refusal = {
        .status = 421, .code = "misdirected_request", .message = message, .close = true};
    if (!ra_wire_is_root(r->http))
        return ra_request_refuse_route(r, &refusal);
    ra_reply_error(r->loop, ra_request_take_http(r), 421, TYPE_DENIED, message, true);
    return ra_request_go(r, RA_FINISHED);
}

/* ---- the wire API ---- */

static bool refuse(ra_request *r, int status, const char *type, const char *message)
{
    ra_request_answer_error(r, status, type, message);
    return false;
}

static bool refuse_memory(ra_request *r)
{
    return refuse(r, 503, RA_TYPE_UNAVAILABLE, "readaside: out of memory");
}

bool ra_request_is_signed(ra_request *r)
{
    char why[RA_VERIFIER_WHY_MAX];
    ra_loop *l = r->loop;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r->http);
    ra_signed_request s = {.query = ra_bytes_z(evhttp_uri_get_query(uri)), .body = r->body};
    if (!r->snapshot->access_keys)
        return true;
    if (!header_lines(r, &s.headers))
        return refuse_memory(r);
    r->access_keys = ra_access_keys_ref(r->snapshot->access_keys);
    enum ra_verdict_of_signature v =
        ra_verifier_check(l->auth.verifier, r->access_keys, &s, ra_clock_wall() / 1000, &r->access_key, why);
    if (v == RA_SIGNED)
        return true;
    r->access_key = NULL;
    return v == RA_SIGN_NO_MEMORY ? refuse_memory(r) : refuse(r, 400, ra_verifier_type(v), why);
}

bool ra_request_is_authorized(ra_request *r)
{
    char why[RA_AUTHORIZE_WHY_MAX];
    if (!r->access_key)
        return true;
    switch (ra_authorize(r->access_key, &r->op, why)) {
    case RA_AUTHORIZED:
        return true;
    case RA_FORBIDDEN:
        return refuse(r, 400, TYPE_DENIED, why);
    case RA_AUTHORIZE_NO_MEMORY:
        break;
    }
    return refuse_memory(r);
}

/* ---- routes ---- */

static enum ra_step refuse_caller(ra_request *r, const char *why)
{
    ra_route_refusal refusal = {.status = 401,
                                .code = "unauthenticated",
                                .message = why,
                                .authenticate = "Bearer error=\"invalid_token\""};
    return ra_request_refuse_route(r, &refusal);
}

static enum ra_step unavailable(ra_request *r, const char *why)
{
    return ra_request_refuse_route_as(r, 503, "unavailable", why);
}

static void keys_came(ra_background_wait *wait)
{
    ra_request *r = ra_request_of(wait->arg);
    wait->arg = NULL;
    ra_request_resume(r, RA_IDENTIFYING);
}

/* The provider may have renewed its keys: once for each request they are fetched anew, if it is time. */
static enum ra_step fetch_keys(ra_request *r, bool has_keys)
{
    bool first = !r->keys_fetched;
    r->keys_fetched = true;
    r->key_wait = (ra_background_wait){.mailbox = r->loop->mailbox, .woken = keys_came, .arg = r};
    if (first && ra_jwks_source_wait(r->snapshot->jwks->source, &r->key_wait))
        return RA_SUSPENDED;
    r->key_wait.arg = NULL;
    if (has_keys)
        return refuse_caller(r, "the token is signed with a key that its issuer doesn't have");
    return unavailable(r, "readaside: the keys that tokens are signed with can't be had now");
}

static enum ra_step identify(ra_request *r)
{
    ra_http_lines headers;
    const char *why = NULL;
    ra_jwks_source *source = r->snapshot->jwks ? r->snapshot->jwks->source : NULL;
    if (!header_lines(r, &headers))
        return unavailable(r, "readaside: out of memory");
    ra_jwks *keys = source ? ra_jwks_source_get(source) : NULL;
    bool has_keys = keys != NULL;
    enum ra_identity_step step =
        ra_identity_find(&r->config->auth, keys, headers, ra_clock_wall(), &r->arena, &r->identity, &why);
    ra_jwks_unref(keys);
    switch (step) {
    case RA_IDENTITY_FOUND:
        return ra_request_open_route(r);
    case RA_IDENTITY_REFUSED:
        return refuse_caller(r, why);
    case RA_IDENTITY_UNKNOWN_KEY:
        return fetch_keys(r, has_keys);
    case RA_IDENTITY_NO_MEMORY:
        break;
    }
    return unavailable(r, "readaside: out of memory");
}

/* A preflight shows nothing (WHATWG Fetch, "CORS protocol"); without a way to prove who one is nobody has to.
 */
enum ra_step ra_request_identify(ra_request *r)
{
    const ra_config_auth *c = &r->config->auth;
    if (!r->http)
        return ra_request_go(r, RA_FINISHED); /* the client hasn't waited for the keys */
    bool none = !c->jwt.issuer && !c->backend.secret;
    if (none || evhttp_request_get_command(r->http) == EVHTTP_REQ_OPTIONS) {
        r->identity = (ra_identity){.caller = RA_CALLER_ANYONE};
        return ra_request_open_route(r);
    }
    return identify(r);
}
