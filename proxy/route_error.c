/* All that goes wrong on a route: refusals, their bodies, and DynamoDB's errors as a route's client sees
 * them. */
#include "config/text.h"
#include "proxy/route_parts.h"
#include "proxy/route_reply.h"

#include <stdio.h>

enum { MESSAGE_MAX = 1024 };

bool ra_route_refuse(ra_route_refusal *refusal, int status, const char *code, const char *message)
{
    *refusal = (ra_route_refusal){.status = status, .code = code, .message = message};
    if (status == 503)
        refusal->retry_after = "1";
    return false;
}

bool ra_route_refuse_at(ra_route_refusal *refusal, int status, const char *code, const char *place,
                        const char *what, ra_arena *a)
{
    size_t size = strlen(place) + sizeof ": " + strlen(what);
    char *text = ra_arena_alloc(a, size);
    if (text)
        snprintf(text, size, "%s: %s", place, what);
    return ra_route_refuse(refusal, status, code, text ? text : "not as the route wants it");
}

bool ra_route_refuse_memory(ra_route_refusal *refusal)
{
    return ra_route_refuse(refusal, 503, "unavailable", "readaside: out of memory");
}

bool ra_route_refusal_body(const ra_route_refusal *refusal, ra_buf *out)
{
    if (refusal->ncodes) {
        for (size_t i = 0; i < refusal->ncodes; i++) {
            ra_buf_add_char(out, i ? ',' : '[');
            ra_buf_add_json_string(out, ra_bytes_z(refusal->codes[i]));
        }
        return ra_buf_add_char(out, ']');
    }
    ra_buf_add_z(out, "{\"code\":");
    ra_buf_add_json_string(out, ra_bytes_z(refusal->code));
    ra_buf_add_z(out, ",\"message\":");
    ra_buf_add_json_string(out, ra_bytes_z(refusal->message));
    return ra_buf_add_char(out, '}');
}

/* ---- DynamoDB's errors ---- */

enum error_class { INVALID, CONFLICT, THROTTLED, UNAVAILABLE, OPERATORS };

/* What follows the '#' of "com.amazonaws.dynamodb.v20120810#ValidationException". */
static ra_bytes short_type(ra_bytes type)
{
    ra_bytes rest = type;
    ra_route_split(&rest, '#');
    return rest.n ? rest : type;
}

static enum error_class classify(ra_bytes type)
{
    static const struct {
        const char *type;
        enum error_class what;
    } known[] = {
        {"ValidationException", INVALID},
        {"ConditionalCheckFailedException", CONFLICT},
        {"TransactionCanceledException", CONFLICT},
        {"TransactionConflictException", CONFLICT},
        {"TransactionInProgressException", CONFLICT},
        {"IdempotentParameterMismatchException", CONFLICT},
        {"ProvisionedThroughputExceededException", THROTTLED},
        {"RequestLimitExceeded", THROTTLED},
        {"ThrottlingException", THROTTLED},
        {"Throttling", THROTTLED},
        {"ServiceUnavailable", UNAVAILABLE},
        {"ServiceUnavailableException", UNAVAILABLE},
    };
    ra_bytes name = short_type(type);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (ra_bytes_eq_z(name, known[i].type))
            return known[i].what;
    return OPERATORS;
}

static bool is_one_of(const ra_json *j, uint32_t token, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ra_json_string_is(j, token, names[i]))
            return true;
    return false;
}

/* A transaction is cancelled for many reasons; trying again helps with a conflict, not with what is invalid.
 */
static enum error_class classify_cancelled(const ra_json *j)
{
    static const char *const throttled[] = {"ThrottlingError", "ProvisionedThroughputExceeded",
                                            "RequestLimitExceeded"};
    static const char *const none[] = {"None", "ValidationError"};
    bool invalid = false, busy = false;
    uint32_t reasons = ra_json_member(j, 0, "CancellationReasons");
    if (!ra_json_is(j, reasons, RA_JSON_ARRAY))
        return CONFLICT;
    for (uint32_t i = reasons + 1; i < j->t[reasons].next; i = j->t[i].next) {
        uint32_t code = ra_json_member(j, i, "Code");
        invalid |= ra_json_string_is(j, code, "ValidationError");
        bool is_busy = is_one_of(j, code, throttled, sizeof throttled / sizeof *throttled);
        if (!is_busy && !is_one_of(j, code, none, sizeof none / sizeof *none))
            return CONFLICT;
        busy |= is_busy;
    }
    return invalid ? INVALID : busy ? THROTTLED : CONFLICT;
}

static ra_bytes text_member(const ra_json *j, const char *name, ra_arena *a)
{
    ra_bytes text;
    return ra_json_string(j, ra_json_member(j, 0, name), a, &text) ? text : RA_BYTES("");
}

/* The message in the arena; control characters and all, for it will be a JSON string. NUL ends it. It may
 * repeat what the client has sent, which may be long: a reply's body has room for what is left of it. */
static const char *message_of(const ra_json *j, ra_arena *a)
{
    ra_bytes text = text_member(j, "message", a);
    if (text.n == 0)
        text = text_member(j, "Message", a);
    if (text.n > MESSAGE_MAX)
        text.n = ra_text_valid(text.p, MESSAGE_MAX);
    const char *copy = text.n ? ra_arena_strdup(a, text) : NULL;
    return copy ? copy : "DynamoDB takes the request for invalid";
}

void ra_route_error(int status, ra_bytes body, ra_arena *a, ra_route_refusal *refusal)
{
    ra_json j = {0};
    size_t at;
    ra_json_limits reasons = {.token_depth = 3}; /* the codes of a cancelled transaction's */
    /* Whatever DynamoDB calls a failure of its own, another try may succeed. */
    enum error_class what = status >= 500 ? UNAVAILABLE : OPERATORS;
    bool read = ra_json_parse(&j, body, &reasons, &at) == RA_JSON_OK && ra_json_is(&j, 0, RA_JSON_OBJECT);
    ra_bytes type = read ? text_member(&j, "__type", a) : RA_BYTES("");
    if (type.n && (status < 500 || classify(type) != OPERATORS))
        what = classify(type);
    if (read && ra_bytes_eq_z(short_type(type), "TransactionCanceledException"))
        what = classify_cancelled(&j);
    switch (what) {
    case INVALID:
        ra_route_refuse(refusal, 400, "invalid_request", message_of(&j, a));
        break;
    case CONFLICT:
        ra_route_refuse(refusal, 409, "conflict", "something else has changed what the request is about");
        break;
    case THROTTLED:
        ra_route_refuse(refusal, 503, "throttled", "DynamoDB takes no more requests at the moment");
        break;
    case UNAVAILABLE:
        ra_route_refuse(refusal, 503, "unavailable", "the table can't be reached at the moment");
        break;
    case OPERATORS:
        ra_route_refuse(refusal, 502, "upstream_error", "DynamoDB has refused what the route asked of it");
        break;
    }
    ra_json_free(&j);
}
