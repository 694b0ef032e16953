/* What a request holds of a route's inputs. */
#include "proxy/route_parts.h"

#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <strings.h>

static const struct evkeyval *first_header(const ra_route_http *h)
{
    return h->headers ? h->headers->tqh_first : NULL;
}

/* Optional white space (RFC 9110 section 5.6.3) at both ends. */
static ra_bytes trimmed(ra_bytes s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = (ra_bytes){s.p + 1, s.n - 1};
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* ---- the body ---- */

/* application/json or application/ANYTHING+json, whatever its parameters. */
static bool is_json_type(ra_bytes value)
{
    static const char prefix[] = "application/", suffix[] = "+json";
    ra_bytes type = trimmed(ra_route_split(&value, ';'));
    if (ra_bytes_eq_fold_z(type, "application/json"))
        return true;
    size_t least = sizeof prefix - 1 + sizeof suffix - 1;
    return type.n > least && strncasecmp(type.p, prefix, sizeof prefix - 1) == 0 &&
           strncasecmp(type.p + type.n - (sizeof suffix - 1), suffix, sizeof suffix - 1) == 0 &&
           !memchr(type.p, ' ', type.n) && !memchr(type.p, ',', type.n);
}

/* One Content-Type, and a right one: of two, another party might believe the other. */
static bool has_json_type(const ra_route_http *h)
{
    unsigned all = 0, right = 0;
    for (const struct evkeyval *e = first_header(h); e; e = e->next.tqe_next) {
        if (strcasecmp(e->key, "Content-Type") != 0)
            continue;
        all++;
        right += is_json_type(ra_bytes_z(e->value));
    }
    return all == 1 && right == 1;
}

bool ra_route_type_check(const ra_route_http *h, ra_route_refusal *refusal)
{
    return has_json_type(h) ||
           ra_route_refuse(refusal, 415, "unsupported_media_type",
                           "the body must be a JSON object, sent with Content-Type: application/json");
}

bool ra_route_body_read(const ra_route_http *h, ra_arena *a, ra_json *body, ra_route_refusal *refusal)
{
    *body = (ra_json){0};
    if (!ra_route_type_check(h, refusal))
        return false;
    size_t at;
    ra_json_limits members = {.token_depth = 1};
    enum ra_json_result r = ra_json_parse(body, h->body, &members, &at);
    if (r == RA_JSON_NO_MEMORY)
        return ra_route_refuse_memory(refusal);
    if (r != RA_JSON_OK) {
        char what[128];
        snprintf(what, sizeof what, "byte %zu: %s", at, ra_json_result_text(r));
        return ra_route_refuse_at(refusal, 400, "malformed_json", "the body", what, a);
    }
    if (ra_json_is(body, 0, RA_JSON_OBJECT))
        return true;
    ra_json_free(body);
    return ra_route_refuse(refusal, 400, "malformed_json", "the body must be a JSON object");
}

/* false: no memory. */
static bool read_member(const ra_json *j, const char *name, ra_arena *a, ra_bytes *value,
                        enum ra_route_fault *fault)
{
    uint32_t token = ra_json_member(j, 0, name);
    if (token == RA_JSON_NONE || ra_json_is(j, token, RA_JSON_NULL))
        return true;
    if (ra_json_is(j, token, RA_JSON_NUMBER))
        *value = ra_json_raw(j, token);
    else if (!ra_json_is(j, token, RA_JSON_STRING))
        *fault = RA_FAULT_MALFORMED;
    else
        return ra_json_string(j, token, a, value);
    return true;
}

/* ---- headers ---- */

static bool read_header(const ra_route_http *h, const char *name, ra_arena *a, ra_bytes *value,
                        enum ra_route_fault *fault)
{
    for (const struct evkeyval *e = first_header(h); e; e = e->next.tqe_next) {
        if (strcasecmp(e->key, name) != 0)
            continue;
        if (value->p) {
            *fault = RA_FAULT_REPEATED;
            return true;
        }
        *value = ra_arena_copy(a, trimmed(ra_bytes_z(e->value)));
        if (!value->p)
            return false;
    }
    if (value->p && !ra_route_utf8(*value))
        *fault = RA_FAULT_MALFORMED;
    return true;
}

/* ---- the query string ---- */

/* The slot of the parameter with this name, encoded; -1: the route takes none of that name. */
static int parameter_slot(const ra_route *r, ra_bytes name)
{
    for (size_t i = 0; i < r->ninputs; i++)
        if (r->inputs[i].source == RA_INPUT_QUERY && ra_percent_is(name, true, r->inputs[i].name))
            return (int)i;
    return -1;
}

static bool takes_query(const ra_route *r)
{
    for (size_t i = 0; i < r->ninputs; i++)
        if (r->inputs[i].source == RA_INPUT_QUERY)
            return true;
    return false;
}

/* One pass, which allocates only what the route takes: a query string may be long and mostly noise. */
static enum ra_route_reading read_query(const ra_route *r, ra_bytes query, ra_arena *a, ra_route_found *out)
{
    while (query.n) {
        ra_bytes value = ra_route_split(&query, '&');
        ra_bytes name = ra_route_split(&value, '=');
        if (!ra_percent_valid(name))
            return RA_READING_BAD_QUERY; /* who knows what it was meant to be */
        int slot = parameter_slot(r, name);
        if (slot < 0)
            continue;
        ra_bytes *to = &out->values[slot];
        enum ra_route_fault *fault = &out->faults[slot];
        if (to->p || *fault != RA_FAULT_NONE) {
            *fault = RA_FAULT_REPEATED;
            continue;
        }
        bool valid = ra_percent_valid(value);
        if (valid && !ra_percent_decode(value, true, a, to))
            return RA_READING_NO_MEMORY;
        if (!valid || !ra_route_utf8(*to))
            *fault = RA_FAULT_MALFORMED;
    }
    return RA_READING_DONE;
}

/* ---- all of them ---- */

static bool read_path(const ra_route *r, const ra_route_path *path, size_t slot, ra_bytes *value)
{
    for (size_t i = 0; i < r->nsegments; i++)
        if (!r->segments[i].text && r->segments[i].slot == (int)slot)
            *value = path->segments[i];
    return true;
}

/* What isn't in the query string. false: no memory. */
static bool read_input(const ra_route *r, size_t slot, const ra_route_source *from, ra_arena *a,
                       ra_route_found *out)
{
    const ra_route_input *input = &r->inputs[slot];
    switch (input->source) {
    case RA_INPUT_PATH:
        return read_path(r, from->path, slot, &out->values[slot]);
    case RA_INPUT_HEADER:
        return read_header(from->http, input->name, a, &out->values[slot], &out->faults[slot]);
    case RA_INPUT_BODY:
        return read_member(from->body, input->name, a, &out->values[slot], &out->faults[slot]);
    case RA_INPUT_QUERY:
    case RA_INPUT_NOW:
    case RA_INPUT_UUID:
    case RA_INPUT_CLAIM:
        break;
    }
    return true;
}

enum ra_route_reading ra_route_inputs_read(const ra_route *r, const ra_route_source *from, ra_arena *a,
                                           ra_route_found *out)
{
    out->values = ra_arena_array(a, r->ninputs, sizeof *out->values);
    out->faults = ra_arena_array(a, r->ninputs, sizeof *out->faults);
    if (!out->values || !out->faults)
        return RA_READING_NO_MEMORY;
    if (takes_query(r)) {
        enum ra_route_reading reading = read_query(r, from->http->query, a, out);
        if (reading != RA_READING_DONE)
            return reading;
    }
    for (size_t i = 0; i < r->ninputs; i++) {
        ra_bytes *value = &out->values[i];
        if (!read_input(r, i, from, a, out))
            return RA_READING_NO_MEMORY;
        /* A C string ends at U+0000, wherever the value goes next. */
        if (out->faults[i] == RA_FAULT_NONE && value->n && memchr(value->p, '\0', value->n))
            out->faults[i] = RA_FAULT_MALFORMED;
        if (out->faults[i] != RA_FAULT_NONE)
            *value = (ra_bytes){NULL, 0};
    }
    return RA_READING_DONE;
}

/* false: no memory, no randomness. */
static bool make_text(const ra_route_input *input, int64_t now_us, ra_arena *a, ra_bytes *value)
{
    char text[RA_UUID_TEXT > RA_NOW_TEXT ? RA_UUID_TEXT : RA_NOW_TEXT];
    if (input->source == RA_INPUT_NOW)
        ra_now_text(now_us, text);
    else if (!ra_uuid_text(text))
        return false;
    *value = ra_arena_copy(a, ra_bytes_z(text));
    return value->p != NULL;
}

bool ra_route_inputs_make(const ra_route *r, int64_t now_us, ra_arena *a, ra_bytes *values)
{
    for (size_t i = 0; i < r->ninputs; i++) {
        enum ra_input_source source = r->inputs[i].source;
        if ((source == RA_INPUT_NOW || source == RA_INPUT_UUID) &&
            !make_text(&r->inputs[i], now_us, a, &values[i]))
            return false;
    }
    return true;
}
