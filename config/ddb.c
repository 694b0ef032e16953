#include "config/ddb.h"

#include "config/document.h"
#include "config/given.h"
#include "config/suggest.h"

#include <string.h>

const char *const ra_generate_slot_names[RA_GENERATE_SLOTS] = {
    "group.uuid",        "message.uuid", "message.text", "message.created_at", "user.uuid",
    "user.display_name", "user.handle",  "other.uuid",   "other.display_name", "other.handle"};

static int find_slot(void *arg, const char *name, size_t len, char why[RA_TEMPLATE_WHY_MAX])
{
    char text[32] = "";
    const char *nearest;
    (void)arg;
    for (int i = 0; i < RA_GENERATE_SLOTS; i++) {
        if (strlen(ra_generate_slot_names[i]) == len && memcmp(ra_generate_slot_names[i], name, len) == 0)
            return i;
    }
    if (len < sizeof text)
        memcpy(text, name, len);
    nearest = ra_suggest(text, ra_generate_slot_names, RA_GENERATE_SLOTS);
    int n = snprintf(why, RA_TEMPLATE_WHY_MAX, "there is no such placeholder");
    if (nearest)
        n += snprintf(why + n, RA_TEMPLATE_WHY_MAX - (size_t)n, " (did you mean {%s}?)", nearest);
    for (int i = 0; i < RA_GENERATE_SLOTS; i++)
        n += snprintf(why + n, RA_TEMPLATE_WHY_MAX - (size_t)n, "%s{%s}",
                      i ? ", " : "; accepted: ", ra_generate_slot_names[i]);
    return -1;
}

static bool is_attribute_value(const cJSON *node)
{
    static const char *const types[] = {"S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"};
    const cJSON *c = cJSON_IsObject(node) ? node->child : NULL;
    for (size_t i = 0; c && !c->next && i < sizeof types / sizeof *types; i++) {
        if (strcmp(c->string, types[i]) == 0)
            return true;
    }
    return false;
}

static void decode_item(ra_decoder *d, const ra_place *generate, const char *name, ra_document *out)
{
    const ra_template_names names = {.find = find_slot};
    ra_place at;
    if (!ra_decode_member(d, generate, name, &at))
        return;
    ra_decode_document(d, &at, &names, out);
    if (!at.node->child)
        ra_decode_error(d, &at, "it has no attribute; accepted: { \"NAME\": { \"S\": \"...\" } }");
    for (const cJSON *c = at.node->child; c; c = c->next) {
        ra_place attribute = {.up = &at, .name = c->string, .node = c};
        if (!is_attribute_value(c))
            ra_decode_error(
                d, &attribute,
                "not an attribute value; accepted: { \"S\": \"...\" }, { \"N\": \"1\" } and so on");
    }
}

static void decode_generate(ra_decoder *d, const ra_place *ddb, ra_config_ddb *out)
{
    ra_place at;
    if (!ra_decode_member(d, ddb, "generate", &at))
        return;
    out->generate = ra_decode_array(d, 1, sizeof *out->generate);
    if (!out->generate || !ra_decode_object(d, &ra_section_generate, &at, out->generate))
        return;
    decode_item(d, &at, "message", &out->generate->message);
    decode_item(d, &at, "membership", &out->generate->membership);
}

/* What the command is told is the one thing that the route's partition key takes from a request. */
static bool takes_one_input(const ra_route *r)
{
    int slot;
    if (!r->query || ra_template_slots(&r->query->partition_key, &slot) != 1 || (size_t)slot >= r->ninputs)
        return false;
    enum ra_input_source source = r->inputs[slot].source;
    return source != RA_INPUT_NOW && source != RA_INPUT_UUID;
}

static const ra_route *find_route(ra_decoder *d, const ra_place *ddb, const char *option, const char *name,
                                  const ra_config *c)
{
    ra_place at;
    const char *names[256];
    size_t n = 0;
    char hint[96] = "";
    if (!ra_decode_member(d, ddb, option, &at) || !name)
        return NULL;
    for (size_t i = 0; i < c->nroutes; i++) {
        const ra_route *r = &c->routes[i];
        if (!r->name)
            continue;
        if (strcmp(r->name, name) != 0) {
            if (n < sizeof names / sizeof *names)
                names[n++] = r->name;
        } else if (takes_one_input(r)) {
            return r;
        } else {
            ra_decode_error(d, &at,
                            "the route doesn't fit; accepted: one with a \"query\" whose partition_key has "
                            "exactly one placeholder, from the request");
            return NULL;
        }
    }
    const char *nearest = ra_suggest(name, names, n);
    if (nearest)
        snprintf(hint, sizeof hint, " (did you mean \"%s\"?)", nearest);
    ra_decode_error(d, &at, "there is no such route%s; accepted: the name of one of `routes`", hint);
    return NULL;
}

void ra_decode_ddb(ra_decoder *d, const ra_place *root, ra_config *c)
{
    ra_ddb_given given = {0};
    ra_place at;
    if (!ra_decode_member(d, root, "ddb", &at))
        return;
    ra_decode_object(d, &ra_section_ddb, &at, &given);
    decode_generate(d, &at, &given.ddb);
    given.ddb.get_conversation = find_route(d, &at, "get_conversation", given.get_conversation, c);
    given.ddb.list_conversations = find_route(d, &at, "list_conversations", given.list_conversations, c);
    c->ddb = given.ddb;
}
