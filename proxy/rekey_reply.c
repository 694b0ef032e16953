#include "proxy/rekey_reply.h"

#include "proxy/ddb_call.h"
#include "proxy/op_plan.h"

enum { REASONS_DEPTH = 4 };

static bool is_one_of(const ra_json *j, uint32_t token, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (ra_json_string_is(j, token, list[i]))
            return true;
    }
    return false;
}

/* One part of a transaction; the Delete is the first. The Put's own condition fails where the new sort key is
 * another row's. */
static enum ra_rekey_fate reason(const ra_json *j, uint32_t code, bool first)
{
    static const char *const passing[] = {"ThrottlingError",      "ProvisionedThroughputExceeded",
                                          "RequestLimitExceeded", "InternalServerError",
                                          "AccessDenied",         "ResourceNotFound"};
    if (code == RA_JSON_NONE || ra_json_string_is(j, code, "None"))
        return RA_REKEY_WENT;
    if (is_one_of(j, code, passing, sizeof passing / sizeof *passing))
        return RA_REKEY_LATER;
    if (ra_json_string_is(j, code, "TransactionConflict") || ra_json_string_is(j, code, "DuplicateItem") ||
        (first && ra_json_string_is(j, code, "ConditionalCheckFailed")))
        return RA_REKEY_CHANGED;
    return RA_REKEY_REFUSED;
}

/*
 * Why a transaction was cancelled. A row that has changed is no ground to refuse the Put that was to replace
 * it, for the next look makes another one: so CHANGED comes before REFUSED here.
 */
static enum ra_rekey_fate cancelled(const ra_http_reply *r)
{
    ra_json j;
    bool seen[RA_REKEY_LATER + 1] = {false};
    if (!ra_op_reply_parse((ra_bytes){r->body, r->len}, REASONS_DEPTH, &j))
        return RA_REKEY_LATER;
    uint32_t list = ra_json_member(&j, 0, "CancellationReasons");
    if (list != RA_JSON_NONE && ra_json_is(&j, list, RA_JSON_ARRAY)) {
        for (uint32_t i = list + 1; i < j.t[list].next; i = j.t[i].next)
            seen[reason(&j, ra_json_member(&j, i, "Code"), i == list + 1)] = true;
    }
    ra_json_free(&j);
    return seen[RA_REKEY_LATER]     ? RA_REKEY_LATER
           : seen[RA_REKEY_CHANGED] ? RA_REKEY_CHANGED
                                    : RA_REKEY_REFUSED;
}

static bool is_error_of(const ra_http_reply *r, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (ra_ddb_is_error(r, list[i]))
            return true;
    }
    return false;
}

enum ra_rekey_fate ra_rekey_fate_of(const char *whom, const ra_http_reply *reply_or_null, ra_buf *error)
{
    /* The request itself is what is wrong; all other errors are of the time, the place or the caller. */
    static const char *const refusals[] = {"ValidationException", "ItemCollectionSizeLimitExceededException",
                                           "SerializationException"};
    static const char *const conflicts[] = {"TransactionConflictException", "TransactionInProgressException"};
    const ra_http_reply *r = reply_or_null;
    if (ra_ddb_succeeded(r))
        return RA_REKEY_WENT;
    ra_ddb_describe_reply(whom, r, error);
    if (!r || r->result != RA_HTTP_OK || r->status >= 500)
        return RA_REKEY_LATER;
    if (ra_ddb_is_error(r, "TransactionCanceledException"))
        return cancelled(r);
    if (is_error_of(r, conflicts, sizeof conflicts / sizeof *conflicts))
        return RA_REKEY_CHANGED;
    if (r->status == 413 || is_error_of(r, refusals, sizeof refusals / sizeof *refusals))
        return RA_REKEY_REFUSED;
    return RA_REKEY_LATER;
}
