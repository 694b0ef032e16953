/* Addresses that other machines may reach: who may come in there must have been said. */
#include "config/check.h"

#include "config/endpoint.h"

#include <string.h>

static bool refused(const ra_decoder *d, const ra_place *in, const char *name)
{
    ra_place at;
    return !ra_decode_member(d, in, name, &at) && at.node;
}

/* Clients of the wire API act with the proxy's own rights. */
static void check_wire(ra_decoder *d, const ra_place *root, const ra_place *address, const ra_config *c)
{
    ra_place auth;
    ra_decode_member(d, root, "auth", &auth);
    if (c->auth.sigv4.mode == RA_SIGV4_UNSAID && !refused(d, root, "auth") && !refused(d, &auth, "sigv4"))
        ra_decode_error(
            d, address,
            "other machines may reach it, and who of them may use the DynamoDB API isn't said; "
            "accepted: a loopback address, or with \"auth\": { \"sigv4\": { \"keys_file\": ... } }, "
            "or with \"sigv4\": \"none\" there for anyone who can reach it");
}

static void check_routes(ra_decoder *d, const ra_place *root, const ra_config *c)
{
    ra_place routes, auth;
    size_t i = 0;
    if (!ra_decode_member(d, root, "routes", &routes) || refused(d, root, "auth"))
        return;
    for (const cJSON *child = routes.node->child; child && i < c->nroutes; child = child->next, i++) {
        ra_place at = {.up = &routes, .index = (int)i, .node = child};
        ra_decode_member(d, &at, "auth", &auth);
        if (cJSON_IsObject(child) && !auth.node && c->routes[i].callers & RA_CALLER_ANYONE)
            ra_decode_error(
                d, &auth,
                "other machines may reach listen.address, and anyone there may call this route; "
                "accepted: \"auth\": [\"anyone\"] to say so, or \"jwt\" or \"backend\" there and in "
                "the top level's \"auth\"");
    }
}

/* What routes ask a proof for can be had without one, by the DynamoDB API at the same address. */
static void check_around(ra_decoder *d, const ra_place *root, const ra_config *c)
{
    ra_place auth, sigv4;
    size_t i = 0;
    ra_decode_member(d, root, "auth", &auth);
    if (c->listen.tls.client_ca_file) /* who shows a certificate isn't anybody */
        return;
    while (i < c->nroutes && (c->routes[i].callers == 0 || c->routes[i].callers & RA_CALLER_ANYONE))
        i++;
    if (i < c->nroutes && c->auth.sigv4.mode == RA_SIGV4_NONE && ra_decode_member(d, &auth, "sigv4", &sigv4))
        ra_decode_warning(
            d, &sigv4,
            "whoever can reach listen.address may use the DynamoDB API there, and needs no route, "
            "token or secret; a \"keys_file\" that holds { \"keys\": [] } lets nobody use it");
}

static void check_listen(ra_decoder *d, const ra_place *root, const ra_config *c)
{
    ra_place listen, address;
    ra_decode_member(d, root, "listen", &listen);
    if (!c->listen.exposed || !ra_decode_member(d, &listen, "address", &address))
        return;
    check_wire(d, root, &address, c);
    check_routes(d, root, c);
    check_around(d, root, c);
    bool proofs = c->auth.jwt.issuer || c->auth.backend.secret;
    if (proofs && !c->listen.tls.cert_file && !refused(d, &listen, "tls"))
        ra_decode_warning(d, &address,
                          "callers' tokens and secrets cross the network in the clear: there is no "
                          "\"tls\" here");
}

static void check_admin(ra_decoder *d, const ra_place *root, const ra_config *c)
{
    static const char *const options[] = {"token", "tls"};
    ra_place admin, address, at;
    if (!ra_decode_member(d, root, "admin", &admin))
        return;
    if (!ra_decode_member(d, &admin, "address", &address)) {
        for (size_t i = 0; i < 2 && !address.node; i++) {
            if (ra_decode_member(d, &admin, options[i], &at))
                ra_decode_warning(d, &at, "never used: there is no \"address\"");
        }
        return;
    }
    if (!c->admin.listen.exposed)
        return;
    if (!c->admin.token && !refused(d, &admin, "token"))
        ra_decode_error(d, &address,
                        "other machines may reach it; accepted: a loopback address, or with a \"token\" that "
                        "who calls must show");
    else if (!c->admin.listen.tls.cert_file && !refused(d, &admin, "tls"))
        ra_decode_warning(d, &address,
                          "the token crosses the network in the clear: there is no \"tls\" here");
}

static void check_hosts(ra_decoder *d, const ra_place *root, const ra_texts *hosts)
{
    ra_place listen, list;
    size_t next = 0;
    int i = 0;
    ra_decode_member(d, root, "listen", &listen);
    if (!ra_decode_member(d, &listen, "hosts", &list))
        return;
    for (const cJSON *c = list.node->child; c && next < hosts->n; c = c->next, i++) {
        ra_place at = {.up = &list, .index = i, .node = c};
        if (ra_locator_refused(d->locator, c))
            continue;
        const char *host = hosts->v[next++];
        if (!ra_endpoint_host_valid(host, strlen(host)))
            ra_decode_error(d, &at,
                            "not a host's name; accepted: a name such as \"cache.example.com\", "
                            "without a port");
    }
}

void ra_decode_check_exposed(ra_decoder *d, const ra_place *root, const ra_config *c)
{
    check_hosts(d, root, &c->listen.hosts);
    check_listen(d, root, c);
    check_admin(d, root, c);
}
