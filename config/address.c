#include "config/address.h"

#include "config/units.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

static enum ra_address_result judge_v4(const char *host)
{
    struct in_addr a;
    if (inet_pton(AF_INET, host, &a) != 1)
        return RA_ADDRESS_MALFORMED;
    return ntohl(a.s_addr) >> 24 == 127 ? RA_ADDRESS_OK : RA_ADDRESS_EXPOSED;
}

static enum ra_address_result judge_v6(const char *host)
{
    struct in6_addr a;
    if (inet_pton(AF_INET6, host, &a) != 1)
        return RA_ADDRESS_MALFORMED;
    return IN6_IS_ADDR_LOOPBACK(&a) ? RA_ADDRESS_OK : RA_ADDRESS_EXPOSED;
}

/* Cuts at the colon before the port; *v6 says whether the host stood in brackets. */
static bool split(const char *text, char host[RA_ADDRESS_HOST_MAX], const char **port, bool *v6)
{
    *v6 = *text == '[';
    const char *first = text + *v6;
    const char *end = strchr(first, *v6 ? ']' : ':');
    if (!end || end - first >= RA_ADDRESS_HOST_MAX)
        return false;
    memcpy(host, first, (size_t)(end - first));
    host[end - first] = '\0';
    end += *v6;
    *port = end + 1;
    return *end == ':';
}

enum ra_address_result ra_address_parse(const char *text, char host[RA_ADDRESS_HOST_MAX], uint16_t *port)
{
    char name[RA_ADDRESS_HOST_MAX];
    const char *digits;
    bool v6;
    int64_t number;
    enum ra_address_result result = RA_ADDRESS_OK;
    if (!split(text, name, &digits, &v6) || !ra_count_parse(digits, &number) || number > UINT16_MAX)
        return RA_ADDRESS_MALFORMED;
    if (v6)
        result = judge_v6(name);
    else if (strcasecmp(name, "localhost") != 0)
        result = judge_v4(name);
    if (result != RA_ADDRESS_MALFORMED) {
        memcpy(host, name, sizeof name);
        *port = (uint16_t)number;
    }
    return result;
}

bool ra_address_is_loopback(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || judge_v4(host) == RA_ADDRESS_OK ||
           judge_v6(host) == RA_ADDRESS_OK;
}
