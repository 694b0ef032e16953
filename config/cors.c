#include "config/cors.h"

#include "config/units.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* RFC 9110, 5.6.2: what a header's name is made of. */
static const char token[] = LOWER UPPER DIGITS "!#$%&'*+-.^_`|~";

static bool is_ipv6(const char *host, size_t n)
{
    char literal[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (n < 2 || host[n - 1] != ']' || n - 2 >= sizeof literal)
        return false;
    memcpy(literal, host + 1, n - 2);
    literal[n - 2] = '\0';
    return inet_pton(AF_INET6, literal, &address) == 1;
}

static const char *check_port(const char *origin, const char *port)
{
    int64_t value;
    if (!ra_count_parse(port, &value) || value < 1 || value > UINT16_MAX || *port == '0')
        return "it has no valid port";
    if ((strncmp(origin, "http:", 5) == 0 && value == 80) ||
        (strncmp(origin, "https:", 6) == 0 && value == 443))
        return "it has its scheme's own port, which browsers leave out";
    return NULL;
}

/*
 * What is wrong with an origin, NULL if nothing is. Browsers send one spelling of it (RFC 6454, 6.2) and it
 * is compared as text, so that another spelling would never match.
 */
static const char *check_origin(const char *origin)
{
    size_t scheme = strspn(origin, LOWER DIGITS "+.-");
    if (strcmp(origin, "null") == 0)
        return "\"null\" is sent by pages of any origin";
    if (origin[strcspn(origin, UPPER)])
        return "it has letters in upper case";
    if (scheme == 0 || strncmp(origin + scheme, "://", 3) != 0)
        return "it has no scheme";
    const char *host = origin + scheme + 3;
    size_t n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
    if (n > strlen(host))
        n = strlen(host);
    if (*host == '[' ? !is_ipv6(host, n) : n == 0 || strspn(host, LOWER DIGITS "-._") < n)
        return "it has no valid host";
    if (host[n] == ':' && !strpbrk(host + n, "/?#"))
        return check_port(origin, host + n + 1);
    return host[n] ? "it has a path, or ends with '/'" : NULL;
}

/* What is wrong with a header's name. */
static const char *check_header(const char *name)
{
    if (strcmp(name, "*") == 0)
        return "\"*\" isn't taken here";
    if (strcasecmp(name, "X-Readaside-Secret") == 0)
        return "no page holds a back end's secret";
    return name[strspn(name, token)] ? "not a header's name" : NULL;
}

/* Calls `check` on the list's strings, those that could be read at all. */
static void check_list(ra_decoder *d, const ra_place *cors, const char *name, const ra_texts *texts,
                       const char *(*check)(const char *), const char *accepted)
{
    ra_place list;
    size_t next = 0;
    int i = 0;
    if (!ra_decode_member(d, cors, name, &list))
        return;
    for (const cJSON *c = list.node->child; c && next < texts->n; c = c->next, i++) {
        ra_place at = {.up = &list, .index = i, .node = c};
        if (ra_locator_refused(d->locator, c))
            continue;
        const char *why = check(texts->v[next++]);
        if (why)
            ra_decode_error(d, &at, "%s; accepted: %s", why, accepted);
    }
}

static const char *check_origin_or_any(const char *origin)
{
    return strcmp(origin, "*") == 0 ? NULL : check_origin(origin);
}

static void check_any(ra_decoder *d, const ra_place *cors, const ra_config_cors *c)
{
    ra_place origins, credentials;
    bool any = false;
    if (!ra_decode_member(d, cors, "allow_origins", &origins))
        return;
    for (size_t i = 0; i < c->allow_origins.n; i++)
        any |= strcmp(c->allow_origins.v[i], "*") == 0;
    if (any && c->allow_origins.n > 1)
        ra_decode_error(d, &origins, "\"*\" among others; accepted: \"*\" alone, or the origins");
    if (any && c->allow_credentials && ra_decode_member(d, cors, "allow_credentials", &credentials))
        ra_decode_error(d, &credentials,
                        "true, but every origin is allowed; accepted: false, or \"allow_origins\" by name");
}

/* Whether anything else is set although no origin is allowed. */
static void check_used(ra_decoder *d, const ra_place *cors, const ra_config_cors *c)
{
    if (c->allow_origins.n || !cors->node->child)
        return;
    for (const cJSON *child = cors->node->child; child; child = child->next) {
        if (ra_locator_refused(d->locator, child) || strcmp(child->string, "allow_origins") == 0)
            return;
    }
    ra_decode_warning(d, cors, "never used: \"allow_origins\" names no origin");
}

void ra_decode_cors(ra_decoder *d, const ra_place *root, ra_config *c)
{
    static const char headers[] = "headers' names such as \"X-Request-Id\"";
    ra_place at;
    ra_decode_presets(d, &ra_section_cors, &c->cors);
    if (!ra_decode_member(d, root, "cors", &at) || !ra_decode_object(d, &ra_section_cors, &at, &c->cors))
        return;
    check_list(d, &at, "allow_origins", &c->cors.allow_origins, check_origin_or_any,
               "\"scheme://host\" or \"scheme://host:port\" in lower case, or \"*\" alone");
    check_list(d, &at, "allow_headers", &c->cors.allow_headers, check_header, headers);
    check_list(d, &at, "expose_headers", &c->cors.expose_headers, check_header, headers);
    check_any(d, &at, &c->cors);
    check_used(d, &at, &c->cors);
}
