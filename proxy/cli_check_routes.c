#include "config/units.h"
#include "proxy/cli_check.h"
#include "proxy/route.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

enum { TABLES_MAX = 100 }; /* as many as a transaction has actions */

/* In the order of enum ra_route_method. */
static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

static void print_template(const ra_route *r, const ra_template *t, FILE *out)
{
    for (size_t i = 0; i < t->n; i++) {
        const ra_template_part *p = &t->parts[i];
        if (p->slot < 0)
            fprintf(out, "%.*s", (int)p->len, p->text);
        else
            fprintf(out, "{%s}", r->inputs[p->slot].place);
    }
}

/* What must be so besides, of who calls. */
static void print_allow(const ra_route *r, FILE *out)
{
    const ra_route_allow *a = r->allow_if;
    const ra_route_query *q = a->query->query;
    fprintf(out, "    if a Query of %s%s%s, partition ", q->table, q->index ? ", index " : "",
            q->index ? q->index : "");
    print_template(r, &q->partition_key, out);
    fputs(", finds an item with ", out);
    for (size_t i = 0; i < a->nhas; i++) {
        fprintf(out, "%s%s ", i ? " and " : "", a->has[i].name);
        print_template(r, &a->has[i].value, out);
    }
    fputc('\n', out);
}

static void print_callers(const ra_route *r, FILE *out)
{
    static const struct {
        enum ra_caller caller;
        const char *text;
    } kinds[] = {{RA_CALLER_JWT, "who shows a token"},
                 {RA_CALLER_BACKEND, "a trusted back end"},
                 {RA_CALLER_ANYONE, "anyone"}};
    size_t n = 0;
    fputs("    for ", out);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (r->callers & kinds[i].caller)
            fprintf(out, "%s%s", n++ ? " or " : "", kinds[i].text);
    }
    fputc('\n', out);
    if (r->allow_if)
        print_allow(r, out);
}

static void print_query(const ra_route *r, FILE *out)
{
    const ra_route_query *q = r->query;
    fprintf(out, "    Query of %s", q->table);
    if (q->index)
        fprintf(out, ", index %s", q->index);
    fputs(", partition ", out);
    print_template(r, &q->partition_key, out);
    fprintf(out, "\n    the %s %u", q->order == RA_ORDER_NEWEST ? "newest" : "oldest", q->limit);
    if (q->limit_from >= 0)
        fprintf(out, " (%s= up to %u)", r->inputs[q->limit_from].name, q->max_limit);
    fprintf(out, ", shown %s first", r->reply.order == RA_ORDER_NEWEST ? "newest" : "oldest");
    const int bounds[] = {q->before_from, q->after_from};
    for (size_t i = 0, n = 0; i < 2; i++) {
        if (bounds[i] >= 0)
            fprintf(out, "%s %s=", n++ ? " or" : "; paged by", r->inputs[bounds[i]].name);
    }
    fputc('\n', out);
}

/* The request as a tree, its templates as empty strings; NULL without memory. */
static cJSON *read_request(const ra_document *request)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (!out)
        return NULL;
    for (size_t i = 0; i < request->n; i++) {
        const ra_document_piece *p = &request->pieces[i];
        fwrite(p->json ? p->json : "\"\"", 1, p->json ? p->len : 2, out);
    }
    cJSON *root = fclose(out) == 0 ? cJSON_ParseWithLength(text, n) : NULL;
    free(text);
    return root;
}

static void add_table(const cJSON *in, const char **tables, size_t *n)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(in, "TableName");
    if (!cJSON_IsString(name))
        return;
    for (size_t i = 0; i < *n; i++) {
        if (strcmp(tables[i], name->valuestring) == 0)
            return;
    }
    if (*n < TABLES_MAX)
        tables[(*n)++] = name->valuestring;
}

static void print_request(const ra_route *r, FILE *out)
{
    const char *tables[TABLES_MAX];
    size_t n = 0;
    cJSON *root = read_request(&r->request);
    const cJSON *actions = cJSON_GetObjectItemCaseSensitive(root, "TransactItems"), *action;
    add_table(root, tables, &n);
    cJSON_ArrayForEach(action, actions) add_table(action->child, tables, &n);
    fprintf(out, "    %s", strchr(ra_route_target(r), '.') + 1);
    if (actions)
        fprintf(out, " of %d action%s", cJSON_GetArraySize(actions),
                cJSON_GetArraySize(actions) == 1 ? "" : "s");
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%s%s", i ? ", " : " on ", tables[i]);
    fputc('\n', out);
    cJSON_Delete(root);
}

static void print_route(const ra_route *r, FILE *out)
{
    fprintf(out, "  %s %s: %s\n", methods[r->method], r->path, r->name);
    if (r->nwhen)
        fputs("    when there is ", out);
    for (size_t i = 0; i < r->nwhen; i++)
        fprintf(out, "%s%s", i ? " and " : "", r->inputs[r->when[i]].place);
    if (r->nwhen)
        fputc('\n', out);
    print_callers(r, out);
    if (r->query)
        print_query(r, out);
    else
        print_request(r, out);
}

static void print_origins(const ra_config_cors *cors, FILE *out)
{
    char age[RA_UNIT_TEXT_MAX];
    ra_duration_format(cors->max_age, age);
    fputs("  web pages of other origins that may call them: ", out);
    if (cors->allow_origins.n == 0)
        fputs("none", out);
    for (size_t i = 0; i < cors->allow_origins.n; i++)
        fprintf(out, "%s%s", i ? ", " : "", cors->allow_origins.v[i]);
    if (cors->allow_origins.n)
        fprintf(out, "%s; preflights hold for %s", cors->allow_credentials ? " (with credentials)" : "", age);
    fputc('\n', out);
}

void ra_cli_check_routes(const ra_config *c, FILE *out)
{
    if (c->nroutes == 0)
        return;
    fputs("\nroutes, the first that matches counts\n", out);
    for (size_t i = 0; i < c->nroutes; i++)
        print_route(&c->routes[i], out);
    print_origins(&c->cors, out);
}
