/* Validation as the config declares it; limits and bounds. */
#include "route_fixture.h"

#include "proxy/route_parts.h"

#define UUID "5e6a0a2e-dd70-434d-81d7-7cffb7decc0c"

static const char routes[] =
    "{\"name\":\"post\",\"method\":\"POST\",\"path\":\"/x/{kind}\",\"validate\":{"
    "\"body.text\":{\"max_chars\":4,\"blank\":\"text_blank\",\"too_long\":\"text_long\"},"
    "\"header.X-Who\":{\"format\":\"uuid\",\"status\":401,\"blank\":\"who_missing\"},"
    "\"body.group\":{\"format\":\"uuid\",\"blank\":\"text_blank\"},"
    "\"body.note\":{\"required\":false,\"max_chars\":3,\"default\":\"-\"},"
    "\"body.ref\":{\"required\":false,\"format\":\"uuid\",\"default\":\"" UUID "\"},"
    "\"body.colour\":{\"required\":false,\"status\":400,\"max_chars\":2},"
    "\"path.kind\":{\"max_chars\":5}},"
    "\"operation\":\"PutItem\",\"request\":{\"TableName\":\"chat\",\"Item\":{\"pk\":{\"S\":"
    "\"{body.text}{header.X-Who}{body.group}{body.note}{body.ref}{body.colour}{path.kind}\"},"
    "\"sk\":{\"S\":\"{now}\"},\"also\":{\"S\":\"{body.also}\"}}},\"reply\":{\"object\":{}}},"
    "{\"name\":\"pages\",\"method\":\"GET\",\"path\":\"/pages\",\"query\":{\"table\":\"chat\","
    "\"partition_key\":\"x\",\"limit\":20,\"max_limit\":100}},"
    "{\"name\":\"strict\",\"method\":\"GET\",\"path\":\"/strict\",\"validate\":{"
    "\"query.before\":{\"required\":false,\"max_chars\":3},\"query.limit\":{\"required\":false,\"default\":"
    "\"7\"},"
    "\"header.X-Who\":{\"status\":401,\"blank\":\"who_missing\"}},"
    "\"query\":{\"table\":\"chat\",\"partition_key\":\"{header.X-Who}\"}},"
    "{\"name\":\"named\",\"method\":\"GET\",\"path\":\"/named\",\"query\":{\"table\":\"chat\","
    "\"partition_key\":\"x\",\"limit_from\":\"query.n\",\"before_from\":\"query.until\",\"after_from\":\"\"}"
    "}";

static int setup(void **state)
{
    *state = route_fixture_new(routes);
    return 0;
}

static int teardown(void **state)
{
    route_fixture_free(*state);
    return 0;
}

/* POSTs a body as a known person. */
static enum ra_route_result post(route_fixture *f, const char *body)
{
    route_headers(f, "X-Who", UUID, NULL);
    return route_post(f, "/x/kind", body);
}

/* `codes` with a space between them. */
static void assert_codes(route_fixture *f, const char *body, const char *codes)
{
    ra_buf all;
    ra_buf_init(&all, 1024);
    assert_int_equal(post(f, body), RA_ROUTE_REFUSED);
    assert_int_equal(f->refusal.status, 422);
    for (size_t i = 0; i < f->refusal.ncodes; i++)
        ra_buf_addf(&all, i ? " %s" : "%s", f->refusal.codes[i]);
    assert_true(ra_buf_add_char(&all, '\0'));
    assert_string_equal(all.p, codes);
    ra_buf_free(&all);
}

static void codes(void **state)
{
    route_fixture *f = *state;
#define GOOD "\"group\":\"" UUID "\",\"also\":\"x\""
    assert_int_equal(post(f, "{\"text\":\"a\\ud83d\\udc4b\\u8a9e.\"," GOOD "}"), RA_ROUTE_OPEN);
    assert_codes(f, "{\"text\":\"12345\"," GOOD "}", "text_long");
    assert_string_equal(f->refusal.message, "body.text: it must have at most 4 characters");
    assert_codes(f, "{\"text\":\"\\u3000\\t \\u00a0\\u0085\"," GOOD "}", "text_blank"); /* not too_long */
    assert_string_equal(f->refusal.message, "body.text: it must be given and must not be blank");
    assert_codes(f, "{\"text\":\"\"," GOOD "}", "text_blank");
    assert_codes(f, "{\"text\":null," GOOD "}", "text_blank");
    assert_codes(f, "{" GOOD "}", "text_blank");
    assert_codes(f, "{\"text\":\"1\",\"group\":\"x\",\"also\":\"x\"}", "group_malformed");
    assert_string_equal(f->refusal.message, "body.group: it must be a UUID");
    assert_codes(f, "{\"text\":\"1\",\"group\":\" " UUID "\",\"also\":\"x\"}", "group_malformed");
    /* all of them, in the order of the inputs, each once */
    assert_codes(f, "{}", "text_blank");
    assert_codes(f, "{\"text\":\"12345\",\"group\":1,\"note\":\"1234\",\"ref\":\"x\"}",
                 "text_long group_malformed note_exceed_max_chars ref_malformed");
    /* what only the templates need, once all that is validated is right */
    assert_codes(f, "{\"text\":\"1\",\"group\":\"" UUID "\"}", "also_blank");
}

static void another_status_comes_first(void **state)
{
    route_fixture *f = *state;
    route_headers(f, NULL);
    assert_int_equal(route_post(f, "/x/kind", "{}"), RA_ROUTE_REFUSED);
    assert_refusal(f, 401, "who_missing");
    assert_string_equal(f->refusal.message, "header.X-Who: it must be given and must not be blank");
    route_headers(f, "X-Who", "nobody", NULL);
    assert_int_equal(route_post(f, "/x/kind", "{}"), RA_ROUTE_REFUSED);
    assert_refusal(f, 401, "x_who_malformed");
    assert_int_equal(post(f, "{\"colour\":\"red\"}"), RA_ROUTE_REFUSED);
    assert_refusal(f, 400, "colour_exceed_max_chars");
    route_headers(f, NULL);
    assert_int_equal(route_post(f, "/x/kind", "{\"colour\":\"red\"}"), RA_ROUTE_REFUSED);
    assert_refusal(f, 401, "who_missing");
}

static void paths_are_validated(void **state)
{
    route_fixture *f = *state;
    route_headers(f, "X-Who", UUID, NULL);
    assert_int_equal(route_post(f, "/x/longer", "{\"text\":\"1\"," GOOD "}"), RA_ROUTE_REFUSED);
    assert_int_equal(f->refusal.status, 422);
    assert_string_equal(f->refusal.codes[0], "kind_exceed_max_chars");
    route_headers(f, "X-Who", UUID, NULL);
    assert_int_equal(route_post(f, "/x/%20%20", "{\"text\":\"1\"," GOOD "}"), RA_ROUTE_REFUSED);
    assert_string_equal(f->refusal.codes[0], "kind_blank");
}

static void presets(void **state)
{
    route_fixture *f = *state;
    assert_int_equal(post(f, "{\"text\":\"1\"," GOOD "}"), RA_ROUTE_OPEN);
    assert_string_equal(route_value(f, "body.note"), "-");
    assert_string_equal(route_value(f, "body.ref"), UUID);
    assert_null(route_value(f, "body.colour"));
    assert_int_equal(post(f, "{\"text\":\"1\",\"note\":\" \",\"ref\":\" \",\"colour\":\"\"," GOOD "}"),
                     RA_ROUTE_OPEN);
    assert_string_equal(route_value(f, "body.note"), " "); /* given is given */
    assert_string_equal(route_value(f, "body.ref"), UUID); /* but a blank text is no UUID */
    assert_string_equal(route_value(f, "body.colour"), "");
    assert_int_equal(post(f, "{\"text\":\"1\",\"note\":null,\"colour\":null," GOOD "}"), RA_ROUTE_OPEN);
    assert_string_equal(route_value(f, "body.note"), "-");
    assert_null(route_value(f, "body.colour"));
}

static void limits(void **state)
{
    route_fixture *f = *state;
    static const struct {
        const char *query;
        unsigned limit; /* 0: refused */
    } cases[] = {
        {"", 20},
        {"?limit", 20},
        {"?limit=", 20},
        {"?limit=+", 20},
        {"?limit=1", 1},
        {"?limit=100", 100},
        {"?limit=007", 7},
        {"?limit=0", 0},
        {"?limit=00", 0},
        {"?limit=101", 0},
        {"?limit=-1", 0},
        {"?limit=%2B1", 0},
        {"?limit=1.0", 0},
        {"?limit=1e1", 0},
        {"?limit=ten", 0},
        {"?limit=5+", 0},
        {"?limit=+5", 0},
        {"?limit=0x5", 0},
        {"?limit=4294967297", 0},
        {"?limit=18446744073709551617", 0},
        {"?limit=%D9%A1", 0},
        {"?limit=1_0", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char target[64];
        snprintf(target, sizeof target, "/pages%s", cases[i].query);
        if (cases[i].limit == 0) {
            route_refused(f, RA_METHOD_GET, target, NULL, 400, "limit_out_of_range");
            assert_string_equal(f->refusal.message, "query.limit: it must be a whole number from 1 to 100");
            continue;
        }
        route_get(f, target);
        assert_int_equal(f->call.limit, cases[i].limit);
    }
}

static void bounds(void **state)
{
    route_fixture *f = *state;
    route_get(f, "/pages?before=a");
    assert_string_equal(route_value(f, "query.before"), "a");
    route_get(f, "/pages?before=a&after=+%e3%80%80");
    assert_null(route_value(f, "query.after"));
    route_get(f, "/pages?before=&after=b");
    assert_null(route_value(f, "query.before"));
    route_refused(f, RA_METHOD_GET, "/pages?before=a&after=b", NULL, 400, "before_and_after");
    /* under other names, and those of before mean nothing then */
    route_get(f, "/named?n=3&until=x&limit=9999&before=%zz&before&after=y");
    assert_int_equal(f->call.limit, 3);
    assert_string_equal(route_value(f, "query.until"), "x");
    route_refused(f, RA_METHOD_GET, "/named?n=x", NULL, 400, "limit_out_of_range");
}

/* What the config says of them holds for these inputs too. */
static void validated_pages(void **state)
{
    route_fixture *f = *state;
    route_headers(f, "X-Who", "me", NULL);
    route_get(f, "/strict");
    assert_int_equal(f->call.limit, 7);
    route_headers(f, "X-Who", "me", NULL);
    route_get(f, "/strict?before=abc&limit=9");
    assert_int_equal(f->call.limit, 9);
    route_headers(f, "X-Who", "me", NULL);
    route_refused(f, RA_METHOD_GET, "/strict?before=abcd", NULL, 422, "before_exceed_max_chars");
    route_refused(f, RA_METHOD_GET, "/strict?limit=x&before=abcd", NULL, 401, "who_missing");
    route_headers(f, "X-Who", "me", NULL);
    route_refused(f, RA_METHOD_GET, "/strict?limit=x&before=abcd", NULL, 400, "limit_out_of_range");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes),
        cmocka_unit_test(another_status_comes_first),
        cmocka_unit_test(paths_are_validated),
        cmocka_unit_test(presets),
        cmocka_unit_test(limits),
        cmocka_unit_test(bounds),
        cmocka_unit_test(validated_pages),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
