/* A route's `reply`. */
#include "config/document.h"
#include "config/option.h"
#include "config/route_build.h"

#include <string.h>

/* In the order of enum ra_route_shape. */
static const char *const shapes[] = {"each", "item", "object"};

static enum ra_route_shape shape_of(const ra_route *r)
{
    if (r->operation == RA_ROUTE_QUERY)
        return RA_REPLY_EACH;
    return r->operation == RA_ROUTE_GET_ITEM ? RA_REPLY_ITEM : RA_REPLY_OBJECT;
}

static void decode_field(ra_route_build *b, const ra_place *at, bool object, ra_route_field *f)
{
    static const ra_option attribute = {
        .type = RA_OPTION_TEXT, .offset = offsetof(ra_route_field, attribute), .min = 1, .max = 255};
    ra_template_names names = ra_route_names(b);
    f->name = ra_decode_strdup(b->d, at->name);
    if (object)
        ra_decode_template(b->d, at, &names, &f->value);
    else
        ra_option_set(b->d, &attribute, at, f);
}

static void decode_fields(ra_route_build *b, const ra_place *at, ra_route_reply *r)
{
    r->fields = ra_decode_array(b->d, (size_t)cJSON_GetArraySize(at->node), sizeof *r->fields);
    ra_decode_repeated(b->d, at);
    for (const cJSON *c = at->node->child; c && r->fields; c = c->next) {
        ra_place member = {.up = at, .name = c->string, .node = c};
        decode_field(b, &member, r->shape == RA_REPLY_OBJECT, &r->fields[r->nfields++]);
    }
}

/* Only the one of each, item and object that fits the operation. */
static void decode_shape(ra_route_build *b, const ra_place *reply, ra_route_reply *r)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        ra_place at;
        bool readable = ra_decode_member(b->d, reply, shapes[i], &at);
        if (i == r->shape && readable)
            decode_fields(b, &at, r);
        else if (i != r->shape && readable)
            ra_decode_error(b->d, &at, "it doesn't fit the route's operation; accepted: \"%s\"",
                            shapes[r->shape]);
        else if (i == r->shape && !at.node && i == RA_REPLY_OBJECT)
            ra_decode_error(b->d, &at,
                            "it must be given, since a write's reply says nothing; accepted: an object of "
                            "strings with placeholders, {} for an empty one");
    }
}

static void check_rest(ra_route_build *b, const ra_place *reply, const ra_route_reply *r)
{
    ra_place at;
    if (!b->given.route.query && ra_decode_member(b->d, reply, "order", &at))
        ra_decode_error(b->d, &at,
                        "only a page that `query` has read is sorted; accepted: no \"order\" here");
    bool no_body = r->status == 204 || r->status == 205;
    if (no_body && (r->shape != RA_REPLY_OBJECT || r->nfields) &&
        ra_decode_member(b->d, reply, "status", &at))
        ra_decode_error(b->d, &at,
                        "a reply of this status has no body; accepted: another one, or \"object\": {}");
}

void ra_route_answer_decode(ra_route_build *b)
{
    ra_route_reply *r = &b->given.route.reply;
    ra_place at;
    bool given = ra_decode_member(b->d, b->at, "reply", &at);
    if (at.node && !given)
        return;
    r->shape = shape_of(&b->given.route);
    ra_decode_presets(b->d, &ra_section_reply, r);
    r->order = b->query.query.order;
    if (given)
        ra_decode_object(b->d, &ra_section_reply, &at, r);
    if (!b->operation_known)
        return;
    decode_shape(b, &at, r);
    check_rest(b, &at, r);
}
