/* Whether a route takes what was read: validation as the config declares it, limits and bounds. */
#include "proxy/route_parts.h"

#include <stdio.h>

bool ra_route_check_fault(const ra_route_input *input, enum ra_route_fault fault, ra_arena *a,
                          ra_route_refusal *refusal)
{
    if (fault == RA_FAULT_NONE)
        return true;
    if (fault == RA_FAULT_REPEATED)
        return ra_route_refuse_at(refusal, 400, "repeated_input", input->place, "it must be given only once",
                                  a);
    return ra_route_refuse_at(refusal, 400, "malformed_input", input->place,
                              input->source == RA_INPUT_BODY
                                  ? "it must be a string or a number, without U+0000"
                                  : "it must be UTF-8 without U+0000, percent-encoded in a query string",
                              a);
}

/* ---- validation ---- */

enum { WHAT_MAX = 96 };

/* The code of what is wrong with a value, NULL if nothing is; `what` says it in words. */
static const char *wrong(const ra_route_input *input, ra_bytes value, char what[WHAT_MAX])
{
    bool blank = ra_route_blank(value);
    if (blank && input->required) {
        snprintf(what, WHAT_MAX, "it must be given and must not be blank");
        return input->blank;
    }
    if (input->max_chars && ra_route_chars(value) > input->max_chars) {
        snprintf(what, WHAT_MAX, "it must have at most %u characters", input->max_chars);
        return input->too_long;
    }
    if (input->format == RA_FORMAT_UUID && !blank && !ra_route_is_uuid(value)) {
        snprintf(what, WHAT_MAX, "it must be a UUID");
        return input->malformed;
    }
    return NULL;
}

/* What the proxy makes itself needs no validation, and claims have been judged when they were read. */
static bool is_validated(const ra_route_input *input)
{
    return input->source != RA_INPUT_NOW && input->source != RA_INPUT_UUID && input->source != RA_INPUT_CLAIM;
}

static void add_code(ra_route_refusal *refusal, const char **codes, const char *code)
{
    for (size_t i = 0; i < refusal->ncodes; i++)
        if (strcmp(codes[i], code) == 0)
            return;
    codes[refusal->ncodes++] = code;
}

/* The first refusal of a status that isn't 422. */
static bool check_first(const ra_route_call *call, ra_arena *a, ra_route_refusal *refusal)
{
    char what[WHAT_MAX];
    for (size_t i = 0; i < call->route->ninputs; i++) {
        const ra_route_input *input = &call->route->inputs[i];
        if (input->status == 422 || !is_validated(input))
            continue;
        const char *code = wrong(input, call->values[i], what);
        if (code)
            return ra_route_refuse_at(refusal, (int)input->status, code, input->place, what, a);
    }
    return true;
}

/* Of the inputs from `i` to `end` all refusals of status 422 at once: whoever fills in a form wants to know
 * of all its fields. */
static bool check_together(const ra_route_call *call, size_t i, size_t end, ra_arena *a,
                           ra_route_refusal *refusal)
{
    char what[WHAT_MAX];
    const char **codes = NULL;
    for (; i < end; i++) {
        const ra_route_input *input = &call->route->inputs[i];
        if (input->status != 422 || !is_validated(input))
            continue;
        const char *code = wrong(input, call->values[i], what);
        if (!code)
            continue;
        if (!codes) {
            codes = ra_arena_array(a, call->route->ninputs, sizeof *codes);
            if (!codes)
                return ra_route_refuse_memory(refusal);
            ra_route_refuse_at(refusal, 422, code, input->place, what, a);
            refusal->codes = codes;
        }
        add_code(refusal, codes, code);
    }
    return codes == NULL;
}

/* First what the config validates, which a person has entered. What only its templates need, a program has
 * left out: it is told alone. */
static bool check_rest(const ra_route_call *call, ra_arena *a, ra_route_refusal *refusal)
{
    const ra_route *r = call->route;
    return check_together(call, 0, r->nvalidated, a, refusal) &&
           check_together(call, r->nvalidated, r->ninputs, a, refusal);
}

/* ---- limits and bounds ---- */

/* The number that a text of digits stands for, at most `most`; 0: it stands for none. */
static unsigned number_upto(ra_bytes text, unsigned most)
{
    uint64_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return 0;
        n = n * 10 + (unsigned)(text.p[i] - '0');
        if (n > most)
            return 0;
    }
    return (unsigned)n;
}

static bool check_limit(ra_route_call *call, ra_arena *a, ra_route_refusal *refusal)
{
    const ra_route_query *q = call->route->query;
    call->limit = q->limit;
    if (q->limit_from < 0 || ra_route_blank(call->values[q->limit_from]))
        return true;
    call->limit = number_upto(call->values[q->limit_from], q->max_limit);
    if (call->limit)
        return true;
    char what[WHAT_MAX];
    snprintf(what, sizeof what, "it must be a whole number from 1 to %u", q->max_limit);
    return ra_route_refuse_at(refusal, 400, "limit_out_of_range", call->route->inputs[q->limit_from].place,
                              what, a);
}

/* A blank bound is none. */
static bool take_bound(ra_route_call *call, int slot)
{
    if (slot < 0)
        return false;
    if (ra_route_blank(call->values[slot]))
        call->values[slot] = (ra_bytes){NULL, 0};
    return call->values[slot].p != NULL;
}

static bool check_page(ra_route_call *call, ra_arena *a, ra_route_refusal *refusal)
{
    const ra_route_query *q = call->route->query;
    if (!q)
        return true;
    if (!check_limit(call, a, refusal))
        return false;
    bool before = take_bound(call, q->before_from), after = take_bound(call, q->after_from);
    if (before && after)
        return ra_route_refuse_at(refusal, 400, "before_and_after", call->route->inputs[q->before_from].place,
                                  "a page begins before one item or after one, not both", a);
    return true;
}

/* What wasn't given gets its preset. Where a format is asked for, a blank text isn't of it and so is none. */
static void put_presets(ra_route_call *call)
{
    for (size_t i = 0; i < call->route->ninputs; i++) {
        const ra_route_input *input = &call->route->inputs[i];
        ra_bytes *value = &call->values[i];
        if (input->format != RA_FORMAT_ANY && ra_route_blank(*value))
            *value = (ra_bytes){NULL, 0};
        if (!value->p && !input->required)
            *value = ra_bytes_z(input->preset);
    }
}

bool ra_route_check(ra_route_call *call, ra_arena *a, ra_route_refusal *refusal)
{
    put_presets(call);
    return check_first(call, a, refusal) && check_page(call, a, refusal) && check_rest(call, a, refusal);
}
