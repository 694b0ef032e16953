#include "config/endpoint.h"

#include "config/units.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* How AWS spells the host: "<service>.<region>.<domain>". Source: the endpoint rules of the AWS SDKs. */
struct domain {
    const char *suffix;
    const char *region_prefix; /* regions whose default domain this is; "" the rest, NULL none (dual-stack) */
    const char *streams;       /* goes before the service's label */
};

static const struct domain domains[] = {
    {".amazonaws.com.cn", "cn-", "streams."},
    {".api.amazonwebservices.com.cn", NULL, "streams."},
    {".api.aws", NULL, "streams-"},
    {".amazonaws.eu", "eusc-", "streams."},
    {".c2s.ic.gov", "us-iso-", "streams."},
    {".sc2s.sgov.gov", "us-isob-", "streams."},
    {".cloud.adc-e.uk", "eu-isoe-", "streams."},
    {".csp.hci.ic.gov", "us-isof-", "streams."},
    {".amazonaws.com", "", "streams."}, /* last: takes the regions that no other takes */
};

static const char services[][16] = {"dynamodb.", "dynamodb-fips."};

enum { NDOMAINS = sizeof domains / sizeof *domains, NSERVICES = sizeof services / sizeof *services };

static bool scheme_of(const char *text, const char **host, bool *tls)
{
    *tls = strncasecmp(text, "https://", 8) == 0;
    if (!*tls && strncasecmp(text, "http://", 7) != 0)
        return false;
    *host = text + (*tls ? 8 : 7);
    return true;
}

bool ra_endpoint_host_valid(const char *host, size_t n)
{
    char literal[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (n >= 2 && host[0] == '[') {
        if (host[n - 1] != ']' || n - 2 >= sizeof literal)
            return false;
        memcpy(literal, host + 1, n - 2);
        literal[n - 2] = '\0';
        return inet_pton(AF_INET6, literal, &address) == 1;
    }
    for (size_t i = 0; i < n; i++) {
        char c = host[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
              c == '_' || (c == '.' && i > 0 && host[i - 1] != '.')))
            return false;
    }
    return n > 0 && n <= 253;
}

const char *ra_endpoint_normalise(const char *text, char out[RA_ENDPOINT_MAX])
{
    const char *host;
    bool tls;
    int64_t port = 0;
    if (!scheme_of(text, &host, &tls))
        return "doesn't begin with http:// or https://";
    size_t n = strlen(host);
    if (strchr(host, '@'))
        return "holds a user or a password";
    if (strpbrk(host, "?#"))
        return "holds a query or a fragment";
    if (n && host[n - 1] == '/')
        n--;
    if (memchr(host, '/', n))
        return "holds a path";
    const char *after = host[0] == '[' ? memchr(host, ']', n) : host;
    const char *colon = after ? memchr(after, ':', n - (size_t)(after - host)) : NULL;
    size_t host_n = colon ? (size_t)(colon - host) : n;
    if (!ra_endpoint_host_valid(host, host_n))
        return "holds no valid host name";
    if (colon) {
        char digits[8] = "";
        size_t ndigits = n - host_n - 1;
        if (ndigits < sizeof digits)
            memcpy(digits, colon + 1, ndigits);
        if (!ra_count_parse(digits, &port) || port == 0 || port > UINT16_MAX)
            return "holds no valid port";
    }
    int written = snprintf(out, RA_ENDPOINT_MAX, "%s://%.*s", tls ? "https" : "http", (int)host_n, host);
    for (char *c = out; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + ('a' - 'A') : *c);
    if (port && port != (tls ? 443 : 80))
        snprintf(out + written, RA_ENDPOINT_MAX - (size_t)written, ":%d", (int)port);
    return NULL;
}

bool ra_region_valid(const char *region)
{
    size_t n = strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return region[n] == '\0' && n >= 1 && n <= 64;
}

bool ra_endpoint_for_region(const char *region, char out[RA_ENDPOINT_MAX])
{
    for (size_t i = 0; i < NDOMAINS; i++) {
        const struct domain *d = &domains[i];
        if (d->region_prefix && strncmp(region, d->region_prefix, strlen(d->region_prefix)) == 0) {
            int n = snprintf(out, RA_ENDPOINT_MAX, "https://dynamodb.%s%s", region, d->suffix);
            return n > 0 && n < RA_ENDPOINT_MAX;
        }
    }
    return false;
}

/* Takes an AWS endpoint apart: its domain, and where in the text its region begins and ends. */
static const struct domain *take_apart(const char *endpoint, const char **host, size_t *region,
                                       size_t *region_end)
{
    bool tls;
    if (!scheme_of(endpoint, host, &tls))
        return NULL;
    size_t n = strcspn(*host, ":"), service = 0;
    for (size_t i = 0; i < NSERVICES; i++) {
        if (strncmp(*host, services[i], strlen(services[i])) == 0)
            service = strlen(services[i]);
    }
    for (size_t i = 0; service && i < NDOMAINS; i++) {
        size_t suffix = strlen(domains[i].suffix);
        if (n <= service + suffix || memcmp(*host + n - suffix, domains[i].suffix, suffix) != 0)
            continue;
        *region = service;
        *region_end = n - suffix;
        return memchr(*host + service, '.', *region_end - service) ? NULL : &domains[i];
    }
    return NULL;
}

bool ra_endpoint_for_streams(const char *endpoint, char out[RA_ENDPOINT_MAX])
{
    const char *host = endpoint;
    size_t region, region_end;
    const struct domain *d = take_apart(endpoint, &host, &region, &region_end);
    int n;
    if (d)
        n = snprintf(out, RA_ENDPOINT_MAX, "%.*s%s%s", (int)(host - endpoint), endpoint, d->streams, host);
    else
        n = snprintf(out, RA_ENDPOINT_MAX, "%s", endpoint);
    return n > 0 && n < RA_ENDPOINT_MAX;
}

bool ra_endpoint_region(const char *endpoint, char *out, size_t size)
{
    const char *host;
    size_t region, region_end;
    if (!take_apart(endpoint, &host, &region, &region_end) || region_end - region >= size)
        return false;
    memcpy(out, host + region, region_end - region);
    out[region_end - region] = '\0';
    return true;
}
