#include "config/momento_key.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- where ---- */

static bool begins(const char *text, const char *with)
{
    return strncasecmp(text, with, strlen(with)) == 0;
}

const char *ra_momento_endpoint(const char *given, char out[RA_ENDPOINT_MAX])
{
    char whole[2 * RA_ENDPOINT_MAX];
    const char *before = "https://api.cache.";
    if (strlen(given) > RA_ENDPOINT_MAX)
        return "is too long";
    if (strstr(given, "://"))
        return ra_endpoint_normalise(given, out);
    if (begins(given, "api.cache."))
        before = "https://";
    else if (begins(given, "cache."))
        before = "https://api.";
    snprintf(whole, sizeof whole, "%s%s", before, given);
    return *given ? ra_endpoint_normalise(whole, out) : "is empty";
}

/* ---- who ---- */

static int digit(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+' || c == '-' ? 62
           : c == '/' || c == '_' ? 63
                                  : -1;
}

/* Base64 in either alphabet, padded or not. NULL: it isn't, or there is no memory. */
static char *decode(const char *text, size_t n, size_t *out_n)
{
    char *out = malloc(n + 1);
    unsigned held = 0, nheld = 0;
    size_t done = 0;
    while (n && text[n - 1] == '=')
        n--;
    for (size_t i = 0; out && i < n; i++) {
        int d = digit(text[i]);
        if (d < 0) {
            free(out);
            return NULL;
        }
        held = (held << 6 | (unsigned)d) & 0xffff;
        nheld += 6;
        if (nheld >= 8) {
            nheld -= 8;
            out[done++] = (char)(held >> nheld & 0xff);
        }
    }
    *out_n = done;
    return out;
}

/* NULL: not the base64 of a JSON object. */
static cJSON *decode_object(const char *text, size_t n)
{
    size_t len = 0;
    char *json = decode(text, n, &len);
    cJSON *o = json ? cJSON_ParseWithLength(json, len) : NULL;
    free(json);
    if (cJSON_IsObject(o))
        return o;
    cJSON_Delete(o);
    return NULL;
}

/* NULL: none, or an empty one. */
static const char *member(const cJSON *o, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
    return text && *text ? text : NULL;
}

static const char *read_v1(const cJSON *o, char endpoint[RA_ENDPOINT_MAX])
{
    const char *where = member(o, "endpoint");
    if (!where || !member(o, "api_key"))
        return "isn't an API key of Momento's: it decodes, but lacks \"api_key\" or \"endpoint\"";
    return ra_momento_endpoint(where, endpoint) ? "names an endpoint that is none" : NULL;
}

static const char not_one[] =
    "isn't an API key of Momento's, which is base64, or three parts with dots between them";

/* A JWT: header, claims, signature. */
static const char *read_jwt(const char *key, enum ra_momento_key_kind *kind, char endpoint[RA_ENDPOINT_MAX])
{
    const char *claims = strchr(key, '.'), *end = claims ? strchr(claims + 1, '.') : NULL, *wrong = NULL;
    cJSON *o = end && !strchr(end + 1, '.') ? decode_object(claims + 1, (size_t)(end - claims) - 1) : NULL;
    if (!o)
        return not_one;
    const char *type = member(o, "t"), *where = member(o, "c");
    *kind = type && strcmp(type, "g") == 0 ? RA_MOMENTO_KEY_V2 : RA_MOMENTO_KEY_LEGACY;
    if (*kind == RA_MOMENTO_KEY_LEGACY && where && ra_momento_endpoint(where, endpoint))
        wrong = "names an endpoint that is none";
    cJSON_Delete(o);
    return wrong;
}

const char *ra_momento_key_read(const char *key, enum ra_momento_key_kind *kind,
                                char endpoint[RA_ENDPOINT_MAX])
{
    size_t n = strlen(key);
    endpoint[0] = '\0';
    *kind = RA_MOMENTO_KEY_V1;
    if (n == 0 || n > RA_MOMENTO_KEY_MOST)
        return n ? "is too long" : "is empty";
    /* It goes into a header as it is. */
    for (size_t i = 0; i < n; i++)
        if (key[i] <= ' ' || key[i] > '~')
            return "holds white space, or other characters that no API key has";
    if (strchr(key, '.'))
        return read_jwt(key, kind, endpoint);
    cJSON *o = decode_object(key, n);
    const char *wrong = o ? read_v1(o, endpoint) : not_one;
    cJSON_Delete(o);
    return wrong;
}
