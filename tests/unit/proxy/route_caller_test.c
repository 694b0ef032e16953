/* Who is let in by a route, what he is told who isn't, and what a route takes of him. */
#include "route_fixture.h"

#include "proxy/identity.h"

#define JWT "\"jwt\":{\"issuer\":\"i\",\"jwks_uri\":\"https://i\",\"client_id\":\"c\"}"
#define BACKEND                                                                                              \
    "\"backend\":{\"secret\":\"0123456789abcdef\",\"claims\":{\"sub\":\"X-User\",\"name\":\"X-Name\"}}"
#define AUTH "\"auth\":{" JWT "," BACKEND "},"

/* Each of the kinds by itself, a path that two kinds share, and one with much to be told of. */
static const char routes[] =
    "{\"name\":\"both\",\"method\":\"GET\",\"path\":\"/both\",\"query\":{\"table\":\"chat\","
    "\"partition_key\":\"P#{claim.sub}\"}},"
    "{\"name\":\"anyone\",\"method\":\"GET\",\"path\":\"/anyone\",\"auth\":[\"anyone\"],"
    "\"query\":{\"table\":\"chat\",\"partition_key\":\"all\"}},"
    "{\"name\":\"token\",\"method\":\"GET\",\"path\":\"/token\",\"auth\":[\"jwt\"],\"query\":{"
    "\"table\":\"chat\",\"partition_key\":\"P#{claim.sub}#{claim.name}\"}},"
    "{\"name\":\"back\",\"method\":\"GET\",\"path\":\"/back\",\"auth\":[\"backend\"],"
    "\"query\":{\"table\":\"chat\",\"partition_key\":\"all\"}},"
    "{\"name\":\"first\",\"method\":\"POST\",\"path\":\"/two\",\"auth\":[\"jwt\"],\"when\":[\"body.a\"],"
    "\"operation\":\"DeleteItem\",\"request\":{\"TableName\":\"chat\",\"Key\":{\"pk\":{\"S\":\"{claim.sub}\"}"
    "}},"
    "\"reply\":{\"object\":{}}},"
    "{\"name\":\"second\",\"method\":\"POST\",\"path\":\"/two\",\"auth\":[\"backend\"],"
    "\"validate\":{\"body.b\":{\"max_chars\":3,\"status\":401,\"blank\":\"user_missing\"}},"
    "\"operation\":\"DeleteItem\",\"request\":{\"TableName\":\"chat\",\"Key\":{\"pk\":{\"S\":\"{claim.sub}{"
    "body.b}\"}}},"
    "\"reply\":{\"object\":{}}}";

typedef struct callers {
    route_fixture *f;
    ra_json claims;
    ra_identity token, backend;
    ra_http_line lines[3];
} callers;

static int setup(void **state)
{
    static const char payload[] = "{\"sub\":\"u\\u0031\",\"n\":7,\"list\":[],\"blank\":\" \"}";
    callers *c = calloc(1, sizeof *c);
    size_t at;
    assert_non_null(c);
    c->f = route_fixture_with(routes, AUTH);
    assert_int_equal(ra_json_parse(&c->claims, RA_BYTES(payload), NULL, &at), RA_JSON_OK);
    c->token = (ra_identity){.caller = RA_CALLER_JWT, .claims = c->claims};
    c->lines[0] = (ra_http_line){RA_BYTES("x-user"), RA_BYTES("b2")};
    c->backend = (ra_identity){
        .caller = RA_CALLER_BACKEND, .backend = &c->f->config->auth.backend, .headers = {c->lines, 1}};
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    callers *c = *state;
    ra_json_free(&c->claims);
    route_fixture_free(c->f);
    free(c);
    return 0;
}

static void expect_stranger(callers *c, int method, const char *target, const char *body)
{
    c->f->identity = NULL;
    route_refused(c->f, method, target, body, 401, "unauthenticated");
    assert_string_equal(c->f->refusal.authenticate, "Bearer");
    const ra_identity nobody = {.caller = RA_CALLER_ANYONE};
    c->f->identity = &nobody;
    route_refused(c->f, method, target, body, 401, "unauthenticated");
    assert_string_equal(c->f->refusal.authenticate, "Bearer");
    c->f->identity = NULL;
}

static void expect_forbidden(callers *c, const ra_identity *i, int method, const char *target,
                             const char *body)
{
    c->f->identity = i;
    route_refused(c->f, method, target, body, 403, "forbidden");
    assert_null(c->f->refusal.authenticate);
}

static void test_kinds(void **state)
{
    callers *c = *state;
    expect_stranger(c, RA_METHOD_GET, "/both", NULL);
    expect_stranger(c, RA_METHOD_HEAD, "/both", NULL);
    expect_stranger(c, RA_METHOD_GET, "/token", NULL);
    expect_stranger(c, RA_METHOD_GET, "/back", NULL);
    route_get(c->f, "/anyone");
    expect_forbidden(c, &c->token, RA_METHOD_GET, "/back", NULL);
    route_get(c->f, "/both");
    route_get(c->f, "/anyone");
    expect_forbidden(c, &c->backend, RA_METHOD_GET, "/token", NULL);
    route_get(c->f, "/both");
    route_get(c->f, "/back");
    route_get(c->f, "/anyone");
}

static void test_claims(void **state)
{
    callers *c = *state;
    c->f->identity = &c->token;
    route_get(c->f, "/both");
    assert_string_equal(route_value(c->f, "claim.sub"), "u1"); /* decoded */
    assert_non_null(strstr(route_body(c->f), "{\"S\":\"P#u1\"}"));
    route_refused(c->f, RA_METHOD_GET, "/token", NULL, 403, "claim_missing");
    assert_string_equal(c->f->refusal.message, "claim.name: it isn't known of who calls");
    c->f->identity = &c->backend;
    route_get(c->f, "/both");
    assert_string_equal(route_value(c->f, "claim.sub"), "b2");
}

/* A request's own text never becomes a claim. */
static void test_claims_are_not_the_requests(void **state)
{
    callers *c = *state;
    c->f->identity = &c->token;
    route_headers(c->f, "X-User", "other", "sub", "other", "claim.sub", "other", NULL);
    assert_int_equal(route_open(c->f, RA_METHOD_GET, "/both?sub=other&claim.sub=other", NULL), RA_ROUTE_OPEN);
    assert_string_equal(route_value(c->f, "claim.sub"), "u1");
}

static void test_claims_of_a_wrong_kind(void **state)
{
    static const struct {
        const char *name, *code;
    } cases[] = {{"list", "claim_unusable"}, {"blank", "claim_missing"}, {"none", "claim_missing"}};
    callers *c = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "{\"name\":\"r\",\"method\":\"GET\",\"path\":\"/r\",\"auth\":[\"jwt\"],\"query\":{"
                 "\"table\":\"chat\",\"partition_key\":\"{claim.%s}\"}}",
                 cases[i].name);
        route_fixture *f = route_fixture_with(text, AUTH);
        f->identity = &c->token;
        route_refused(f, RA_METHOD_GET, "/r", NULL, 403, cases[i].code);
        assert_non_null(strstr(f->refusal.message, cases[i].name));
        route_fixture_free(f);
    }
}

static void test_two_routes_of_a_path(void **state)
{
    callers *c = *state;
    /* The token's route is chosen by what its `when` wants; the other one isn't his. */
    c->f->identity = &c->token;
    assert_int_equal(route_post(c->f, "/two", "{\"a\":\"1\"}"), RA_ROUTE_OPEN);
    assert_string_equal(c->f->call.route->name, "first");
    assert_int_equal(route_post(c->f, "/two", "{\"b\":\"1\"}"), RA_ROUTE_REFUSED);
    assert_refusal(c->f, 403, "forbidden");
    c->f->identity = &c->backend;
    assert_int_equal(route_post(c->f, "/two", "{\"b\":\"1\"}"), RA_ROUTE_OPEN);
    assert_string_equal(c->f->call.route->name, "second");
    assert_int_equal(route_post(c->f, "/two", "{\"a\":\"1\",\"b\":\"1\"}"), RA_ROUTE_REFUSED);
    assert_refusal(c->f, 403, "forbidden");
}

/* What is wrong with a request is told to those only who may make it. */
static void test_who_is_not_let_in_learns_nothing(void **state)
{
    static const char *const bodies[] = {
        "", "{", "[]", "{\"a\":[]}", "{\"b\":\"\"}", "{\"b\":[]}", "{\"b\":\"long\"}", "{}", NULL};
    callers *c = *state;
    for (size_t i = 0; bodies[i]; i++) {
        expect_stranger(c, RA_METHOD_POST, "/two", bodies[i]); /* nor that a type is wanted */
        c->f->identity = NULL;
        assert_int_equal(route_post(c->f, "/two", bodies[i]), RA_ROUTE_REFUSED);
        assert_refusal(c->f, 401, "unauthenticated");
    }
    c->f->identity = &c->token;
    assert_int_equal(route_post(c->f, "/two", "{\"b\":\"much too long\"}"), RA_ROUTE_REFUSED);
    assert_refusal(c->f, 403, "forbidden");
    /* A fault of what his own route's `when` wants is told; of another's it isn't. */
    assert_int_equal(route_post(c->f, "/two", "{\"a\":[]}"), RA_ROUTE_REFUSED);
    assert_refusal(c->f, 400, "malformed_input");
    c->f->identity = &c->backend;
    assert_int_equal(route_post(c->f, "/two", "{\"a\":[]}"), RA_ROUTE_REFUSED);
    assert_refusal(c->f, 403, "forbidden");
    assert_int_equal(route_post(c->f, "/two", "{\"b\":\"much too long\"}"), RA_ROUTE_REFUSED);
    assert_refusal(c->f, 401, "b_exceed_max_chars");
    assert_int_equal(route_post(c->f, "/two", "{}"), RA_ROUTE_REFUSED);
    assert_refusal(c->f, 401, "user_missing");
    /* A missing claim comes before what is wrong with the rest. */
    const ra_identity unnamed = {.caller = RA_CALLER_BACKEND, .backend = &c->f->config->auth.backend};
    c->f->identity = &unnamed;
    assert_int_equal(route_post(c->f, "/two", "{\"b\":\"much too long\"}"), RA_ROUTE_REFUSED);
    assert_refusal(c->f, 403, "claim_missing");
}

/* A preflight has no proof, and says nothing but the methods. */
static void test_options_are_for_anyone(void **state)
{
    callers *c = *state;
    assert_int_equal(route_open(c->f, RA_METHOD_OPTIONS, "/two", NULL), RA_ROUTE_OPTIONS);
    assert_string_equal(c->f->refusal.allow, "POST, OPTIONS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_claims, setup, teardown),
        cmocka_unit_test_setup_teardown(test_claims_are_not_the_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_claims_of_a_wrong_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_routes_of_a_path, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_is_not_let_in_learns_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_options_are_for_anyone, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
