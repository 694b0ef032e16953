/* A route's `request`: a document, and what must be literal in it. */
#include "config/document.h"
#include "config/reference.h"
#include "config/route_build.h"

#include <string.h>

enum { TRANSACT_MAX = 100 };

/*
 * The text of a string without placeholders; NULL if it has one, or was refused as part of the document.
 * *has: whether it has one.
 */
static const char *literal(ra_route_build *b, const ra_place *at, bool *has)
{
    char error[RA_REFERENCE_ERROR_MAX], why[RA_TEMPLATE_WHY_MAX];
    const char *text, *source;
    ra_template_names names = ra_route_names(b);
    ra_template t;
    int first;
    *has = false;
    if (!cJSON_IsString(at->node))
        return NULL;
    if (!ra_decode_reference(b->d, at, &text, &source, error) ||
        !ra_template_compile(b->d->pool, text, &names, &t, why)) {
        /* The document holds the same string: either it was refused there, or there is no memory now. */
        b->d->no_memory |= b->given.route.request.n > 0;
        return NULL;
    }
    *has = ra_template_slots(&t, &first) > 0;
    return *has ? NULL : t.n ? t.parts[0].text : "";
}

/* A request must not choose a table: the tables whose entries are marked are those of the config. */
static void check_table_name(ra_route_build *b, const ra_place *in)
{
    ra_place at;
    bool has;
    ra_decode_member(b->d, in, "TableName", &at);
    if (!cJSON_IsString(at.node)) {
        ra_decode_error(b->d, &at, "%s; accepted: a table's name",
                        at.node ? "not a string" : "it must be given");
        return;
    }
    const char *name = literal(b, &at, &has);
    if (has)
        ra_decode_error(b->d, &at, "a table's name holds a placeholder; accepted: the name itself");
    else if (name && strncmp(name, "arn:", 4) == 0)
        ra_decode_error(b->d, &at, "an ARN; accepted: the table's short name");
    else if (name)
        ra_route_check_table(b, &at, name);
}

/* Text from a request within an expression would be part of its meaning. */
static void check_expressions(ra_route_build *b, const ra_place *in)
{
    static const char end[] = "Expression";
    for (const cJSON *c = in->node->child; c; c = c->next) {
        ra_place at = {.up = in, .name = c->string, .node = c};
        size_t n = strlen(c->string);
        bool has = false;
        if (n >= sizeof end - 1 && strcmp(c->string + n - (sizeof end - 1), end) == 0)
            literal(b, &at, &has);
        if (has)
            ra_decode_error(
                b->d, &at,
                "an expression holds a placeholder, so that a request could rewrite it; accepted: "
                "\":name\" here, and the placeholder in ExpressionAttributeValues");
    }
}

static void check_action(ra_route_build *b, const ra_place *at)
{
    static const char *const actions[] = {"Put", "Update", "Delete", "ConditionCheck"};
    const cJSON *c = cJSON_IsObject(at->node) ? at->node->child : NULL;
    bool known = false;
    for (size_t i = 0; c && i < sizeof actions / sizeof *actions; i++)
        known |= strcmp(c->string, actions[i]) == 0;
    if (!known || c->next || !cJSON_IsObject(c)) {
        ra_decode_error(b->d, at,
                        "not an action; accepted: an object with one of \"Put\", \"Update\", \"Delete\" and "
                        "\"ConditionCheck\": { \"TableName\": ... }");
        return;
    }
    ra_place action = {.up = at, .name = c->string, .node = c};
    check_table_name(b, &action);
    check_expressions(b, &action);
}

static void check_transaction(ra_route_build *b, const ra_place *request)
{
    ra_place items;
    ra_decode_member(b->d, request, "TransactItems", &items);
    int n = cJSON_IsArray(items.node) ? cJSON_GetArraySize(items.node) : 0, i = 0;
    if (n < 1 || n > TRANSACT_MAX) {
        ra_decode_error(b->d, &items, "%s; accepted: an array of 1 to %d actions",
                        !items.node ? "it must be given"
                        : n         ? "there are too many"
                                    : "no actions",
                        TRANSACT_MAX);
        return;
    }
    for (const cJSON *c = items.node->child; c; c = c->next, i++) {
        ra_place at = {.up = &items, .index = i, .node = c};
        check_action(b, &at);
    }
}

void ra_route_request_decode(ra_route_build *b, const ra_place *at)
{
    ra_route *r = &b->given.route;
    ra_template_names names = ra_route_names(b);
    ra_decode_document(b->d, at, &names, &r->request);
    check_expressions(b, at);
    if (r->operation == RA_ROUTE_TRANSACT_WRITE_ITEMS)
        check_transaction(b, at);
    else
        check_table_name(b, at);
}
