#include "config/keys_url.h"

#include "config/address.h"
#include "config/endpoint.h"

#include <string.h>
#include <strings.h>

/* The host of a normalised endpoint, as ra_address_is_loopback takes it. false: too long for one. */
static bool host_of(const char *endpoint, char host[RA_ADDRESS_HOST_MAX])
{
    const char *from = strstr(endpoint, "://") + 3;
    bool v6 = *from == '[';
    size_t n = strcspn(from += v6, v6 ? "]" : ":");
    if (n >= RA_ADDRESS_HOST_MAX)
        return false;
    memcpy(host, from, n);
    host[n] = '\0';
    return true;
}

const char *ra_keys_url_check(const char *text)
{
    char endpoint[RA_ENDPOINT_MAX], host[RA_ADDRESS_HOST_MAX];
    for (const char *c = text; *c; c++) {
        if (*c <= ' ' || *c > '~' || strchr("\"<>\\^`{|}", *c))
            return "holds a character that no URL holds";
    }
    if (strchr(text, '#'))
        return "has a fragment, which is never sent";
    const char *scheme = strstr(text, "://");
    size_t n = scheme ? (size_t)(scheme - text) + 3 : 0;
    n += strcspn(text + n, "/?");
    if (n >= sizeof endpoint)
        return "has a host that is too long";
    memcpy(endpoint, text, n);
    endpoint[n] = '\0';
    char normal[RA_ENDPOINT_MAX];
    const char *why = ra_endpoint_normalise(endpoint, normal);
    if (why)
        return why;
    if (strncmp(normal, "https:", 6) != 0 && !(host_of(normal, host) && ra_address_is_loopback(host)))
        return "is plain HTTP to another machine";
    return NULL;
}
