/* What DynamoDB's replies mean to those who call it one operation after the other. */
#include "cache/random.h"
#include "config/text.h"
#include "proxy/ddb_call.h"

#include <cjson/cJSON.h>

bool ra_ddb_succeeded(const ra_http_reply *r)
{
    return r && r->result == RA_HTTP_OK && r->status == 200;
}

/* The error reply as a document, NULL if it isn't one. What it says goes into JSON, so that it must be UTF-8.
 */
static cJSON *error_document(const ra_http_reply *r)
{
    if (!r || r->result != RA_HTTP_OK || r->status == 200 || !r->body)
        return NULL;
    return ra_text_valid(r->body, r->len) == r->len ? cJSON_ParseWithLength(r->body, r->len) : NULL;
}

/* "com.amazonaws.dynamodb.v20120810#ResourceInUseException" without what is before '#'. */
static const char *error_type(const cJSON *error)
{
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "__type"));
    const char *hash = type ? strrchr(type, '#') : NULL;
    return hash ? hash + 1 : type;
}

bool ra_ddb_is_error(const ra_http_reply *r, const char *type)
{
    cJSON *error = error_document(r);
    const char *is = error ? error_type(error) : NULL;
    bool same = is && strcmp(is, type) == 0;
    cJSON_Delete(error);
    return same;
}

bool ra_ddb_may_pass(const ra_http_reply *r)
{
    static const char *const throttled[] = {"ProvisionedThroughputExceededException", "ThrottlingException",
                                            "RequestLimitExceeded", "LimitExceededException"};
    if (!r || r->result != RA_HTTP_OK)
        return r && r->result != RA_HTTP_NOT_SENT && r->result != RA_HTTP_NO_MEMORY;
    if (r->status >= 500)
        return true;
    for (size_t i = 0; i < sizeof throttled / sizeof *throttled; i++) {
        if (ra_ddb_is_error(r, throttled[i]))
            return true;
    }
    return false;
}

void ra_ddb_describe_reply(const char *whom, const ra_http_reply *r, ra_buf *out)
{
    if (!r) {
        ra_buf_add_z(out, "out of memory");
        return;
    }
    if (r->result != RA_HTTP_OK) {
        ra_buf_addf(out, r->result == RA_HTTP_NOT_SENT ? "%s can't be reached: %s" : "no reply from %s: %s",
                    whom, r->error);
        return;
    }
    cJSON *error = error_document(r);
    const char *type = error ? error_type(error) : NULL;
    const char *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "message"));
    if (!message)
        message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "Message"));
    if (type)
        ra_buf_addf(out, "%s: %s", type, message ? message : "(no message)");
    else
        ra_buf_addf(out, "%s replied with HTTP status %d and something that isn't DynamoDB's", whom,
                    r->status);
    cJSON_Delete(error);
}

int64_t ra_ddb_backoff(int64_t *pause, int64_t first, int64_t most)
{
    *pause = *pause * 2 < first ? first : *pause * 2;
    if (*pause > most)
        *pause = most;
    return *pause - *pause / 4 * (int64_t)(ra_random() % 1024) / 1024;
}
