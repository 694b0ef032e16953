/* The files under config/ that are shipped: each is what it says it is. */
#include "tests/unit/config/expect.h"

#include "config/file.h"

#include <cjson/cJSON.h>
#include <dirent.h>

#define FOLDER READASIDE_SOURCE_DIR "/config/"

static char *read_shipped(const char *name)
{
    char path[1024];
    size_t n;
    const char *error = NULL;
    snprintf(path, sizeof path, "%s%s", FOLDER, name);
    char *text = ra_file_read(path, 1 << 20, true, &n, &error);
    if (!text)
        fail_msg("%s: %s", path, error);
    return text;
}

static cJSON *parse_shipped(const char *name)
{
    char *text = read_shipped(name);
    cJSON *root = cJSON_ParseWithOpts(text, NULL, true);
    if (!root)
        fail_msg("%s isn't JSON", name);
    free(text);
    return root;
}

static const cJSON *get(const cJSON *in, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(in, name);
    if (!v)
        fail_msg("there is no %s", name);
    return v;
}

static const char *string(const cJSON *in, const char *name)
{
    const cJSON *v = get(in, name);
    assert_true(cJSON_IsString(v));
    return v->valuestring;
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n > m && strcmp(name + n - m, end) == 0;
}

static void load(const char *name)
{
    char path[1024];
    ra_problems p;
    snprintf(path, sizeof path, "%s%s", FOLDER, name);
    ra_config *c = ra_config_load(path, &p);
    ra_problems_print(&p, path, stderr);
    assert_non_null(c);
    assert_int_equal(p.n, 0);
    ra_config_unref(c);
    ra_problems_free(&p);
}

/* What cruddur-auth.jsonc leaves to its installation. */
static void set_auth_environment(void)
{
    setenv("COGNITO_REGION", "eu-west-1", 1);
    setenv("COGNITO_USER_POOL_ID", "eu-west-1_AbCdEf123", 1);
    setenv("COGNITO_CLIENT_ID", "client", 1);
    setenv("READASIDE_SECRET", "0123456789abcdef", 1);
}

static void test_every_json_file_parses(void **state)
{
    (void)state;
    /* What redis.jsonc and momento.jsonc leave to each proxy; the key is base64 of {"api_key":"a",
     * "endpoint":"cell.example"}. */
    setenv("REDIS_URL", "redis://127.0.0.1", 1);
    setenv("MOMENTO_API_KEY", "eyJhcGlfa2V5IjoiYSIsImVuZHBvaW50IjoiY2VsbC5leGFtcGxlIn0=", 1);
    setenv("READASIDE_LISTEN", "127.0.0.1:8091", 1);
    set_auth_environment();
    DIR *d = opendir(FOLDER);
    int json = 0, jsonc = 0;
    assert_non_null(d);
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        if (ends_with(e->d_name, ".json")) {
            cJSON_Delete(parse_shipped(e->d_name));
            json++;
        } else if (ends_with(e->d_name, ".jsonc")) {
            load(e->d_name);
            jsonc++;
        }
    }
    closedir(d);
    assert_true(json >= 2 && jsonc >= 1);
}

static void test_the_example(void **state)
{
    (void)state;
    ra_problems p;
    ra_config *c = ra_config_load(FOLDER "cruddur.jsonc", &p);
    assert_non_null(c);
    assert_string_equal(c->upstream.endpoint, "http://127.0.0.1:8000");
    assert_string_equal(c->ddb.schema, FOLDER "cruddur-messages.schema.json");
    assert_string_equal(c->ddb.seed, FOLDER "cruddur-messages.seed.json");
    const ra_table_config *t = ra_config_table(c, "cruddur-messages", 16);
    assert_non_null(t);
    const ra_policy *messages = ra_table_config_policy(t, NULL, 0, "MSG#1", 5);
    const ra_policy *groups = ra_table_config_policy(t, NULL, 0, "GRP#1", 5);
    const ra_policy *index = ra_table_config_policy(t, "message-group-sk-index", 22, "1", 1);
    assert_string_equal(messages->name, "messages");
    assert_int_equal(messages->ttl, 300000);
    assert_string_equal(groups->name, "message_groups");
    assert_int_equal(groups->ttl, 30000);
    assert_in_range(index->ttl, 1, 10000);
    ra_config_unref(c);
    ra_problems_free(&p);
}

/* The rule of `readaside stream` fits the table that is shipped. */
static void test_the_rule(void **state)
{
    (void)state;
    ra_problems p;
    ra_config *c = ra_config_load(FOLDER "cruddur.jsonc", &p);
    cJSON *table = parse_shipped("cruddur-messages.schema.json");
    assert_non_null(c);
    assert_int_equal(c->nstream_rules, 1);
    const ra_stream_rule *r = c->stream_rules;
    assert_string_equal(r->table, cJSON_GetStringValue(cJSON_GetObjectItem(table, "TableName")));
    const cJSON *index = cJSON_GetArrayItem(cJSON_GetObjectItem(table, "GlobalSecondaryIndexes"), 0);
    assert_string_equal(r->rows_index, cJSON_GetStringValue(cJSON_GetObjectItem(index, "IndexName")));
    const cJSON *keys = cJSON_GetObjectItem(table, "KeySchema"), *sort = cJSON_GetArrayItem(keys, 1);
    assert_string_equal(r->set[0].name, cJSON_GetStringValue(cJSON_GetObjectItem(sort, "AttributeName")));
    const cJSON *stream = cJSON_GetObjectItem(table, "StreamSpecification");
    const char *view = cJSON_GetStringValue(cJSON_GetObjectItem(stream, "StreamViewType"));
    assert_true(view && strncmp(view, "NEW_", 4) == 0); /* what it takes is of the new image */
    cJSON_Delete(table);
    ra_config_unref(c);
    ra_problems_free(&p);
}

static const ra_route *route(const ra_config *c, size_t i, const char *name, unsigned method,
                             const char *path)
{
    assert_true(i < c->nroutes);
    assert_string_equal(c->routes[i].name, name);
    assert_int_equal(c->routes[i].method, method);
    assert_string_equal(c->routes[i].path, path);
    return &c->routes[i];
}

static const ra_route_input *input(const ra_route *r, const char *place)
{
    for (size_t i = 0; i < r->ninputs; i++) {
        if (strcmp(r->inputs[i].place, place) == 0)
            return &r->inputs[i];
    }
    fail_msg("%s takes no %s", r->name, place);
    return NULL;
}

/* Which members the reply has, in the order of the application's own back end. */
static void expect_members(const ra_route *r, const char *names)
{
    char shown[256] = "";
    for (size_t i = 0; i < r->reply.nfields; i++) {
        size_t n = strlen(shown);
        snprintf(shown + n, sizeof shown - n, "%s%s", i ? " " : "", r->reply.fields[i].name);
    }
    assert_string_equal(shown, names);
}

static void expect_user(const ra_route *r)
{
    const ra_route_input *user = input(r, "header.X-User-Uuid");
    assert_int_equal(user->format, RA_FORMAT_UUID);
    assert_int_equal(user->status, 401);
    assert_string_equal(user->blank, "user_missing");
}

static ra_config *load_example(void)
{
    ra_problems p;
    ra_config *c = ra_config_load(FOLDER "cruddur.jsonc", &p);
    ra_problems_free(&p);
    assert_non_null(c);
    return c;
}

static void test_the_reading_routes(void **state)
{
    (void)state;
    ra_config *c = load_example();
    const ra_route *r = route(c, 0, "list-messages", RA_ROUTE_GET, "/api/messages/{message_group_uuid}");
    assert_int_equal(r->query->limit, 20);
    assert_int_equal(r->query->order, RA_ORDER_NEWEST);
    assert_int_equal(r->reply.order, RA_ORDER_OLDEST);
    assert_string_equal(r->query->partition_key.parts[0].text, "MSG#");
    assert_true(r->query->limit_from >= 0 && r->query->before_from >= 0);
    expect_members(r, "uuid display_name handle message created_at");
    assert_ptr_equal(c->ddb.get_conversation, r);
    r = route(c, 1, "list-message-groups", RA_ROUTE_GET, "/api/message_groups");
    expect_user(r);
    assert_int_equal(r->reply.order, RA_ORDER_NEWEST);
    assert_string_equal(r->query->partition_key.parts[0].text, "GRP#");
    expect_members(r, "uuid display_name handle message created_at");
    assert_ptr_equal(c->ddb.list_conversations, r);
    ra_config_unref(c);
}

static void test_the_writing_routes(void **state)
{
    (void)state;
    ra_config *c = load_example();
    assert_int_equal(c->nroutes, 4);
    for (size_t i = 2; i < 4; i++) {
        const ra_route *r = &c->routes[i];
        const ra_route_input *message = input(r, "body.message");
        expect_user(r);
        assert_int_equal(message->max_chars, 1024);
        assert_string_equal(message->blank, "message_blank");
        assert_string_equal(message->too_long, "message_exceed_max_chars");
        assert_int_equal(message->status, 422);
    }
    const ra_route *r = route(c, 2, "create-message", RA_ROUTE_POST, "/api/messages");
    assert_int_equal(r->operation, RA_ROUTE_PUT_ITEM);
    assert_int_equal(r->nwhen, 1);
    assert_string_equal(r->inputs[r->when[0]].place, "body.message_group_uuid");
    expect_members(r, "message_group_uuid uuid display_name handle message created_at");
    r = route(c, 3, "create-message-group", RA_ROUTE_POST, "/api/messages");
    assert_int_equal(r->operation, RA_ROUTE_TRANSACT_WRITE_ITEMS);
    assert_int_equal(r->nwhen, 0);
    assert_int_equal(input(r, "body.other_user_uuid")->format, RA_FORMAT_UUID);
    expect_members(r, "message_group_uuid");
    ra_config_unref(c);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* "GRP#{claim.custom:user_uuid}" of a compiled template. */
static void expect_template(const ra_route *r, const ra_template *t, const char *text)
{
    char shown[256];
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        n += (size_t)snprintf(shown + n, sizeof shown - n, "%s%s%s", t->parts[i].slot < 0 ? "" : "{",
                              t->parts[i].slot < 0 ? t->parts[i].text : r->inputs[t->parts[i].slot].place,
                              t->parts[i].slot < 0 ? "" : "}");
    assert_string_equal(shown, text);
}

static void expect_membership(const ra_route *r, const char *group)
{
    const ra_route_allow *allow = r->allow_if;
    assert_non_null(allow);
    assert_string_equal(allow->query->query->table, "cruddur-messages");
    assert_null(allow->query->query->index); /* which would follow the table with a delay */
    expect_template(allow->query, &allow->query->query->partition_key, "GRP#{claim.custom:user_uuid}");
    assert_int_equal(allow->nhas, 1);
    assert_string_equal(allow->has[0].name, "message_group_uuid");
    expect_template(r, &allow->has[0].value, group);
}

static void expect_no_input(const ra_route *r, enum ra_input_source source, const char *name)
{
    for (size_t i = 0; i < r->ninputs; i++)
        assert_false(r->inputs[i].source == source && (!name || same_text(r->inputs[i].name, name)));
}

/* The same routes as in cruddur.jsonc, but for who the user is. */
static void test_the_routes_with_claims(void **state)
{
    (void)state;
    ra_problems p;
    set_auth_environment();
    ra_config *plain = load_example(), *c = ra_config_load(FOLDER "cruddur-auth.jsonc", &p);
    ra_problems_free(&p);
    assert_non_null(c);
    assert_int_equal(c->nroutes, plain->nroutes);
    for (size_t i = 0; i < c->nroutes; i++) {
        const ra_route *r =
            route(c, i, plain->routes[i].name, plain->routes[i].method, plain->routes[i].path);
        assert_int_equal(r->operation, plain->routes[i].operation);
        assert_int_equal(r->reply.nfields, plain->routes[i].reply.nfields);
        expect_no_input(r, RA_INPUT_HEADER, NULL);
        expect_no_input(r, RA_INPUT_BODY, "user_uuid");
        expect_no_input(r, RA_INPUT_BODY, "user_handle");
        expect_no_input(r, RA_INPUT_BODY, "user_display_name");
    }
    expect_membership(&c->routes[0], "{path.message_group_uuid}");
    expect_template(&c->routes[1], &c->routes[1].query->partition_key, "GRP#{claim.custom:user_uuid}");
    assert_null(c->routes[1].allow_if);
    expect_membership(&c->routes[2], "{body.message_group_uuid}");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(c->routes[i].callers, RA_CALLER_JWT | RA_CALLER_BACKEND);
    assert_int_equal(c->routes[3].callers, RA_CALLER_BACKEND);
    assert_int_equal(c->auth.jwt.token_use, RA_TOKEN_USE_ID);
    assert_int_equal(c->auth.backend.nclaims, 3);
    ra_config_unref(plain);
    ra_config_unref(c);
}

static void expect_arns(const cJSON *policy, const char *end, const char *action)
{
    const cJSON *s, *one;
    cJSON_ArrayForEach(s, get(policy, "Statement"))
    {
        const cJSON *actions = get(s, "Action");
        assert_string_equal(string(s, "Effect"), "Allow");
        if (!ends_with(string(s, "Resource"), end))
            continue;
        if (cJSON_IsString(actions) && strcmp(actions->valuestring, action) == 0)
            return;
        cJSON_ArrayForEach(one, actions)
        {
            if (cJSON_IsArray(actions) && strcmp(one->valuestring, action) == 0)
                return;
        }
    }
    fail_msg("%s isn't allowed on %s", action, end);
}

/* No wildcard: each right is on the table or its index, by name. But a stream's own name is when it was made.
 */
static void test_the_policy_is_for_this_table(void **state)
{
    static const char *const actions[] = {"DescribeTable", "GetItem",    "BatchGetItem", "Query",
                                          "PutItem",       "UpdateItem", "DeleteItem",   "BatchWriteItem"};
    static const char *const stream[] = {"DescribeStream", "GetShardIterator", "GetRecords"};
    static const char any_stream[] = "/stream/*\"";
    (void)state;
    char *text = read_shipped("iam-policy.json");
    cJSON *policy = parse_shipped("iam-policy.json");
    for (const char *star = strchr(text, '*'); star; star = strchr(star + 1, '*'))
        assert_memory_equal(star - (sizeof any_stream - 3), any_stream, sizeof any_stream - 1);
    for (size_t i = 0; i < sizeof stream / sizeof *stream; i++) {
        char action[64];
        snprintf(action, sizeof action, "dynamodb:%s", stream[i]);
        expect_arns(policy, ":table/cruddur-messages/stream/*", action);
    }
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        char action[64];
        snprintf(action, sizeof action, "dynamodb:%s", actions[i]);
        expect_arns(policy, ":table/cruddur-messages", action);
    }
    expect_arns(policy, ":table/cruddur-messages/index/message-group-sk-index", "dynamodb:Query");
    cJSON_Delete(policy);
    free(text);
}

/* A made-up item as JSON, the name of each slot as its value. */
static cJSON *render(const ra_document *d)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    for (size_t i = 0; i < d->n; i++) {
        const ra_document_piece *p = &d->pieces[i];
        if (p->json)
            fprintf(out, "%.*s", (int)p->len, p->json);
        else
            fputc('"', out);
        for (size_t j = 0; !p->json && j < p->string.n; j++) {
            const ra_template_part *part = &p->string.parts[j];
            if (part->slot < 0)
                fprintf(out, "%.*s", (int)part->len, part->text);
            else
                fputs(ra_generate_slot_names[part->slot], out);
        }
        if (!p->json)
            fputc('"', out);
    }
    fclose(out);
    cJSON *item = cJSON_Parse(text);
    assert_non_null(item);
    free(text);
    return item;
}

static const cJSON *seed_item(const cJSON *seed, const char *begins)
{
    const cJSON *request;
    cJSON_ArrayForEach(request, get(seed, "cruddur-messages"))
    {
        const cJSON *item = get(get(request, "PutRequest"), "Item");
        if (strncmp(string(get(item, "pk"), "S"), begins, strlen(begins)) == 0)
            return item;
    }
    fail_msg("the seed has no %s", begins);
    return NULL;
}

/* The attributes of the seed's items that begin so, no more and no fewer; these of them hold these slots. */
static void expect_like_seed(const ra_document *d, const char *begins, const char *const (*slots)[2],
                             size_t n)
{
    cJSON *seed = parse_shipped("cruddur-messages.seed.json"), *item = render(d);
    const cJSON *like = seed_item(seed, begins), *attribute;
    assert_int_equal(cJSON_GetArraySize(item), cJSON_GetArraySize(like));
    cJSON_ArrayForEach(attribute, like)
    {
        string(get(item, attribute->string), "S");
    }
    for (size_t i = 0; i < n; i++)
        assert_string_equal(string(get(item, slots[i][0]), "S"), slots[i][1]);
    cJSON_Delete(item);
    cJSON_Delete(seed);
}

static void test_made_up_items_are_like_the_seeds(void **state)
{
    static const char *const message[][2] = {{"pk", "MSG#group.uuid"},
                                             {"sk", "message.created_at"},
                                             {"message_uuid", "message.uuid"},
                                             {"user_uuid", "user.uuid"}};
    static const char *const row[][2] = {{"pk", "GRP#user.uuid"},
                                         {"sk", "message.created_at"},
                                         {"message_group_uuid", "group.uuid"},
                                         {"message", "message.text"},
                                         {"user_uuid", "other.uuid"},
                                         {"user_display_name", "other.display_name"},
                                         {"user_handle", "other.handle"}};
    (void)state;
    ra_config *c = load_example();
    assert_string_equal(c->ddb.generate->table, "cruddur-messages");
    expect_like_seed(&c->ddb.generate->message, "MSG#", message, sizeof message / sizeof *message);
    expect_like_seed(&c->ddb.generate->membership, "GRP#", row, sizeof row / sizeof *row);
    ra_config_unref(c);
}

static void test_the_schema_is_create_tables_input(void **state)
{
    (void)state;
    cJSON *root = parse_shipped("cruddur-messages.schema.json");
    assert_string_equal(string(root, "TableName"), "cruddur-messages");
    assert_int_equal(cJSON_GetArraySize(get(root, "AttributeDefinitions")), 3);
    const cJSON *keys = get(root, "KeySchema");
    assert_string_equal(string(cJSON_GetArrayItem(keys, 0), "AttributeName"), "pk");
    assert_string_equal(string(cJSON_GetArrayItem(keys, 0), "KeyType"), "HASH");
    assert_string_equal(string(cJSON_GetArrayItem(keys, 1), "AttributeName"), "sk");
    const cJSON *index = cJSON_GetArrayItem(get(root, "GlobalSecondaryIndexes"), 0);
    assert_string_equal(string(index, "IndexName"), "message-group-sk-index");
    assert_string_equal(string(get(index, "Projection"), "ProjectionType"), "ALL");
    assert_string_equal(string(cJSON_GetArrayItem(get(index, "KeySchema"), 0), "AttributeName"),
                        "message_group_uuid");
    cJSON_Delete(root);
}

static const char *attribute(const cJSON *item, const char *name)
{
    return string(get(item, name), "S");
}

static void check_common(const cJSON *item)
{
    static const char *const names[] = {"message", "user_uuid", "user_display_name", "user_handle"};
    const char *sk = attribute(item, "sk");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(attribute(item, names[i])[0] != '\0');
    assert_true(strlen(sk) > 25 && sk[10] == 'T' && ends_with(sk, "+00:00"));
}

/* Messages in one partition, in order, no two at the same time; one group row for each of the two people. */
static void test_the_seed_is_a_conversation_of_two(void **state)
{
    (void)state;
    cJSON *root = parse_shipped("cruddur-messages.seed.json");
    const cJSON *requests = get(root, "cruddur-messages"), *request;
    const char *pk = NULL, *last = "", *text = "", *owners[2] = {"", ""}, *others[2] = {"", ""};
    int messages = 0, groups = 0;
    cJSON_ArrayForEach(request, requests)
    {
        const cJSON *item = get(get(request, "PutRequest"), "Item");
        check_common(item);
        if (strncmp(attribute(item, "pk"), "MSG#", 4) == 0) {
            assert_true(!pk || strcmp(pk, attribute(item, "pk")) == 0);
            assert_true(strcmp(attribute(item, "sk"), last) > 0);
            assert_int_equal(strlen(attribute(item, "message_uuid")), 36);
            assert_null(cJSON_GetObjectItem(item, "message_group_uuid"));
            pk = attribute(item, "pk");
            last = attribute(item, "sk");
            text = attribute(item, "message");
            messages++;
        } else {
            assert_true(groups < 2 && strncmp(attribute(item, "pk"), "GRP#", 4) == 0);
            assert_string_equal(attribute(item, "message_group_uuid"), pk + 4);
            assert_string_equal(attribute(item, "sk"), last);
            assert_string_equal(attribute(item, "message"), text);
            owners[groups] = attribute(item, "pk") + 4;
            others[groups++] = attribute(item, "user_uuid");
        }
    }
    assert_true(messages >= 32);
    assert_int_equal(groups, 2);
    assert_string_equal(owners[0], others[1]);
    assert_string_equal(owners[1], others[0]);
    assert_string_not_equal(owners[0], owners[1]);
    cJSON_Delete(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_json_file_parses),
        cmocka_unit_test(test_the_example),
        cmocka_unit_test(test_the_rule),
        cmocka_unit_test(test_the_reading_routes),
        cmocka_unit_test(test_the_writing_routes),
        cmocka_unit_test(test_the_routes_with_claims),
        cmocka_unit_test(test_the_policy_is_for_this_table),
        cmocka_unit_test(test_made_up_items_are_like_the_seeds),
        cmocka_unit_test(test_the_schema_is_create_tables_input),
        cmocka_unit_test(test_the_seed_is_a_conversation_of_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
