/* A route's `validate` and `when`. */
#include "config/route_build.h"
#include "config/text.h"

#include <string.h>

static bool stated(const ra_place *at, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(at->node, name) != NULL;
}

static bool is_uuid(const char *text)
{
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (!text[i] || !strchr(dash ? "-" : "0123456789abcdefABCDEF", text[i]))
            return false;
    }
    return text[36] == '\0';
}

static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* A default that the route's own rules would refuse would only be found when a request leaves it out. */
static void check_preset(ra_decoder *d, const ra_place *at, const ra_route_input *input)
{
    ra_place preset;
    if (!ra_decode_member(d, at, "default", &preset) || !input->preset)
        return;
    if (input->required)
        ra_decode_error(d, &preset,
                        "never used: the input is required; accepted: together with \"required\": false");
    else if (input->max_chars && characters(input->preset) > input->max_chars)
        ra_decode_error(d, &preset, "it is longer than max_chars; accepted: at most %u characters",
                        input->max_chars);
    else if (input->format == RA_FORMAT_UUID && !is_uuid(input->preset))
        ra_decode_error(d, &preset, "it isn't of the input's format; accepted: a UUID");
}

/* Codes of refusals that can't happen. */
static void check_codes(ra_decoder *d, const ra_place *at, const ra_route_input *input)
{
    ra_place code;
    if (!input->required && ra_decode_member(d, at, "blank", &code))
        ra_decode_warning(d, &code, "never used: the input isn't required");
    if (!stated(at, "max_chars") && ra_decode_member(d, at, "too_long", &code))
        ra_decode_warning(d, &code, "never used: there is no \"max_chars\"");
    if (!stated(at, "format") && ra_decode_member(d, at, "malformed", &code))
        ra_decode_warning(d, &code, "never used: there is no \"format\"");
}

static void validate_input(ra_route_build *b, const ra_place *at)
{
    char why[RA_TEMPLATE_WHY_MAX];
    size_t before = b->ninputs;
    int slot = ra_route_input_take(b, at->name, strlen(at->name), RA_FROM_REQUEST, why);
    ra_route_input unknown = {0}, *input = slot < 0 ? &unknown : &b->inputs[slot];
    if (slot < 0 && why[0])
        ra_decode_error(b->d, at, "%s", why);
    /* The same name twice is found where repeated names are; a header in two spellings is found here. */
    if (slot >= 0 && b->ninputs == before && strcmp(input->place, at->name) != 0)
        ra_decode_error(b->d, at, "the same input as \"%s\"; accepted: each input once", input->place);
    ra_decode_presets(b->d, &ra_section_validate, input);
    if (!ra_decode_object(b->d, &ra_section_validate, at, input))
        return;
    check_preset(b->d, at, input);
    check_codes(b->d, at, input);
}

void ra_route_validate(ra_route_build *b)
{
    ra_place validate;
    if (!ra_decode_member(b->d, b->at, "validate", &validate))
        return;
    ra_decode_repeated(b->d, &validate);
    for (const cJSON *c = validate.node->child; c; c = c->next) {
        ra_place at = {.up = &validate, .name = c->string, .node = c};
        validate_input(b, &at);
    }
}

/* Parameters of the path aren't accepted: they are never blank. */
void ra_route_when(ra_route_build *b)
{
    const unsigned from = 1U << RA_INPUT_QUERY | 1U << RA_INPUT_HEADER | 1U << RA_INPUT_BODY;
    ra_route *r = &b->given.route;
    const ra_texts *given = &b->given.when;
    char why[RA_TEMPLATE_WHY_MAX];
    ra_place when;
    size_t next = 0;
    if (!ra_decode_member(b->d, b->at, "when", &when))
        return;
    r->when = ra_decode_array(b->d, given->n, sizeof *r->when);
    int i = 0;
    for (const cJSON *c = when.node->child; c && r->when; c = c->next, i++) {
        ra_place at = {.up = &when, .index = i, .node = c};
        if (ra_locator_refused(b->d->locator, c) || next == given->n)
            continue;
        const char *name = given->v[next++];
        int slot = ra_route_input_take(b, name, strlen(name), from, why);
        if (slot >= 0)
            r->when[r->nwhen++] = slot;
        else if (why[0])
            ra_decode_error(b->d, &at, "%s", why);
    }
}
