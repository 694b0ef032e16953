/* The endpoint that ECS, EKS and other hosts of containers give their containers. */
#include "proxy/clock.h"
#include "proxy/credentials_reply.h"
#include "proxy/credentials_source.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { CONNECT_TIMEOUT = 1000, TIMEOUT = 2000, TRIES = 3, SHOWN = 200 };

/* ---- where ---- */

static bool loopback_or_given_4(const char *host)
{
    struct in_addr a;
    return inet_pton(AF_INET, host, &a) == 1 &&
           (ntohl(a.s_addr) >> 24 == 127 || strcmp(host, "169.254.170.2") == 0 ||
            strcmp(host, "169.254.170.23") == 0);
}

/* `host` has brackets, as it has in a URL. */
static bool loopback_or_given_6(const char *host)
{
    struct in6_addr a, given;
    size_t n = strlen(host);
    char bare[INET6_ADDRSTRLEN];
    if (n < 4 || n - 2 >= sizeof bare || host[0] != '[' || host[n - 1] != ']')
        return false;
    memcpy(bare, host + 1, n - 2);
    bare[n - 2] = '\0';
    return inet_pton(AF_INET6, bare, &a) == 1 &&
           (IN6_IS_ADDR_LOOPBACK(&a) ||
            (inet_pton(AF_INET6, "fd00:ec2::23", &given) == 1 && memcmp(&a, &given, sizeof a) == 0));
}

/* Without TLS anyone on the way can read the credentials, so there may be no way: an address, since a name
 * might come to mean another; "localhost" is loopback to libcurl whatever a name server says. */
static bool plain_allowed(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || loopback_or_given_4(host) || loopback_or_given_6(host);
}

static bool graphic(const char *z)
{
    while (*z > ' ' && *z <= '~')
        z++;
    return !*z;
}

/* NULL, or what is wrong with it. By libcurl's own reading of URLs, which is the one that counts. */
static const char *check_url(const char *url, bool *tls)
{
    CURLU *u = curl_url();
    char *scheme = NULL, *host = NULL, *user = NULL;
    const char *wrong = NULL;
    if (!u)
        return "out of memory";
    if (!graphic(url) || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        wrong = "it is no URL";
    else if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK)
        wrong = "it holds a user's name";
    else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
        wrong = "it is neither http nor https";
    else if (strcmp(scheme, "http") == 0 && !plain_allowed(host))
        wrong = "plain http is for loopback addresses, 169.254.170.2, 169.254.170.23 and fd00:ec2::23 alone";
    *tls = !wrong && strcmp(scheme, "https") == 0;
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_url_cleanup(u);
    return wrong;
}

bool ra_container_url(ra_credentials_lookup *l, const char *relative, const char *full,
                      char out[RA_CONTAINER_URL_MAX], bool *tls)
{
    const char *name =
        relative ? "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" : "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    int n = relative ? snprintf(out, RA_CONTAINER_URL_MAX, "http://169.254.170.2%s", relative)
                     : snprintf(out, RA_CONTAINER_URL_MAX, "%s", full);
    const char *wrong = relative && relative[0] != '/'       ? "it doesn't begin with '/'"
                        : n < 0 || n >= RA_CONTAINER_URL_MAX ? "it is too long"
                                                             : check_url(out, tls);
    if (wrong)
        ra_source_say(l, "%s: %s", name, wrong);
    return !wrong;
}

/* ---- the token ---- */

/* "Authorization: TOKEN", to be given to ra_secret_free; NULL without one, *ok says whether that is well. */
static char *authorization(ra_credentials_lookup *l, bool *ok)
{
    const char *file = ra_source_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *given = ra_source_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    char *line = NULL, *token = NULL;
    *ok = true;
    if (!file && !given)
        return NULL;
    if (file)
        token = ra_source_token_file(l, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file);
    else if (!(token = strdup(given)))
        ra_source_say(l, "out of memory");
    if (token && strpbrk(token, "\r\n")) { /* it would become a header of its own */
        ra_source_say(l, "AWS_CONTAINER_AUTHORIZATION_TOKEN holds a line break");
        ra_secret_free(token);
        token = NULL;
    }
    if (token && asprintf(&line, "Authorization: %s", token) < 0) {
        line = NULL;
        ra_source_say(l, "out of memory");
    }
    ra_secret_free(token);
    *ok = line != NULL;
    return line;
}

/* ---- asking ---- */

static enum ra_source_result ask(ra_credentials_lookup *l, const char *url, bool tls, const char *token,
                                 ra_credentials **out)
{
    static const ra_reply_shape shape = {
        .token = "Token", .temporary = true, .code = true, .source = "container"};
    const char *headers[2] = {"Accept: application/json", token};
    char why[RA_FETCH_WHY_MAX];
    ra_buf body;
    ra_fetch_request r = {.url = url,
                          .headers = headers,
                          .nheaders = token ? 2 : 1,
                          .connect_timeout = CONNECT_TIMEOUT,
                          .timeout = TIMEOUT,
                          .ca_file = ra_source_ca_file(),
                          .max_reply = RA_CREDENTIALS_REPLY_MAX,
                          .no_proxy = !tls};
    if (!ra_secret_buf_init(&body, RA_CREDENTIALS_REPLY_MAX))
        return ra_source_fail(l, "out of memory");
    int status = ra_source_fetch(l, &r, TRIES, NULL, &body, why);
    if (!status)
        ra_source_say(l, "no reply from %.*s: %s", SHOWN, url, why);
    else if (status != 200)
        ra_source_say(l, "%.*s replied with HTTP status %d", SHOWN, url, status);
    else if (!(*out = ra_credentials_parse(ra_buf_bytes(&body), &shape, ra_clock_wall(), why)))
        ra_source_say(l, "%.*s: %s", SHOWN, url, why);
    else
        ra_source_say(l, "%.*s", SHOWN, url);
    ra_secret_buf_free(&body);
    return *out ? RA_SOURCE_FOUND : RA_SOURCE_FAILED;
}

enum ra_source_result ra_credentials_from_container(ra_credentials_lookup *l, ra_credentials **out)
{
    const char *relative = ra_source_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = ra_source_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    char url[RA_CONTAINER_URL_MAX];
    bool tls = false, ok = false;
    *out = NULL;
    if (!relative && !full)
        return ra_source_absent(l, "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor "
                                   "AWS_CONTAINER_CREDENTIALS_FULL_URI is set in the environment");
    if (!ra_container_url(l, relative, full, url, &tls))
        return RA_SOURCE_FAILED;
    char *token = authorization(l, &ok);
    enum ra_source_result r = ok ? ask(l, url, tls, token, out) : RA_SOURCE_FAILED;
    ra_secret_free(token);
    return r;
}
