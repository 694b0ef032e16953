/* Links to the next page. */
#include "route_fixture.h"

#define LIST(name, path, more)                                                                               \
    "{\"name\":\"" name "\",\"method\":\"GET\",\"path\":\"" path "\",\"query\":{\"table\":\"chat\"," more "}}"

static const char routes[] =
    LIST("newest", "/m/{id}", "\"partition_key\":\"{path.id}\",\"order\":\"newest\"") "," LIST("oldest", "/oldest", "\"partition_key\":\"x{query.who}{query.a.b}\",\"order\":\"oldest\"") "," LIST(
        "none", "/none",
        "\"partition_key\":\"x\",\"order\":\"newest\",\"before_from\":\"\"") "," LIST("no-after", "/no-after",
                                                                                      "\"partition_key\":"
                                                                                      "\"x\",\"order\":"
                                                                                      "\"oldest\","
                                                                                      "\"after_from\":"
                                                                                      "\"\"") "," LIST("n"
                                                                                                       "a"
                                                                                                       "m"
                                                                                                       "e"
                                                                                                       "d",
                                                                                                       "/"
                                                                                                       "n"
                                                                                                       "a"
                                                                                                       "m"
                                                                                                       "e"
                                                                                                       "d",
                                                                                                       "\"par"
                                                                                                       "titio"
                                                                                                       "n_"
                                                                                                       "key\""
                                                                                                       ":"
                                                                                                       "\"x\""
                                                                                                       ",\"or"
                                                                                                       "der\""
                                                                                                       ":"
                                                                                                       "\"new"
                                                                                                       "est\""
                                                                                                       ",\"be"
                                                                                                       "fore_"
                                                                                                       "f"
                                                                                                       "r"
                                                                                                       "o"
                                                                                                       "m"
                                                                                                       "\":"
                                                                                                       "\"que"
                                                                                                       "ry.$["
                                                                                                       "b]\","
                                                                                                       "\"lim"
                                                                                                       "it_"
                                                                                                       "from"
                                                                                                       "\":"
                                                                                                       "\"que"
                                                                                                       "ry."
                                                                                                       "n"
                                                                                                       "\"") "," LIST("index",
                                                                                                                      "/index",
                                                                                                                      "\"parti"
                                                                                                                      "tion_"
                                                                                                                      "key\":"
                                                                                                                      "\"{"
                                                                                                                      "query."
                                                                                                                      "k}\","
                                                                                                                      "\"index"
                                                                                                                      "\":"
                                                                                                                      "\"by-"
                                                                                                                      "n\","
                                                                                                                      "\"order"
                                                                                                                      "\":"
                                                                                                                      "\"oldes"
                                                                                                                      "t\"") "," LIST("flat",
                                                                                                                                      "/flat",
                                                                                                                                      "\"partition_key\":\"x\",\"index\":\"flat\",\"order\":\"oldest\"");

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

/* GETs the target and shows a reply that ends at this key; NULL: the reply is the last page. */
static void assert_next(route_fixture *f, const char *target, const char *key, const char *expected)
{
    char reply[4096];
    snprintf(reply, sizeof reply, "{\"Items\":[]%s%s}", key ? ",\"LastEvaluatedKey\":" : "", key ? key : "");
    route_get(f, target);
    assert_string_equal(route_shown(f, reply), "[]");
    if (!expected) {
        assert_null(f->answer.next);
        return;
    }
    assert_non_null(f->answer.next);
    assert_string_equal(f->answer.next, expected);
}

#define KEY(sk) "{\"pk\":{\"S\":\"g\"},\"sk\":" sk "}"

static void next_pages(void **state)
{
    assert_next(*state, "/m/g", NULL, NULL);
    assert_next(*state, "/m/g", KEY("{\"S\":\"2024-06-11T20:05:43.816059+00:00\"}"),
                "</m/g?before=2024-06-11T20%3A05%3A43.816059%2B00%3A00>; rel=\"next\"");
    assert_next(*state, "/m/g?limit=5", KEY("{\"S\":\"a\"}"), "</m/g?limit=5&before=a>; rel=\"next\"");
    assert_next(*state, "/m/g?before=zz&limit=5", KEY("{\"S\":\"a\"}"),
                "</m/g?limit=5&before=a>; rel=\"next\"");
    assert_next(*state, "/m/g?after=A&limit=5", KEY("{\"S\":\"a\"}"),
                "</m/g?limit=5&before=a>; rel=\"next\"");
    assert_next(*state, "/m/g?b%65fore=zz&l%69mit=5", KEY("{\"S\":\"a\"}"),
                "</m/g?l%69mit=5&before=a>; rel=\"next\"");
    assert_next(*state, "/named?n=2&%24%5bb%5d=c", KEY("{\"S\":\"b\"}"),
                "</named?n=2&%24%5Bb%5D=b>; rel=\"next\"");
}

/* All that the route takes says which page it is; what it doesn't take is left out. */
static void other_parameters(void **state)
{
    assert_next(*state, "/m/g?unknown=%20&limit=8&&=&x", KEY("{\"S\":\"a\"}"),
                "</m/g?limit=8&before=a>; rel=\"next\"");
    assert_next(*state, "/oldest?who=me+%26you&noise=1&a.b=c%20d&after=1", KEY("{\"S\":\"2\"}"),
                "</oldest?who=me+%26you&a.b=c%20d&after=2>; rel=\"next\"");
}

static void keys_of_all_types(void **state)
{
    route_fixture *f = *state;
    assert_next(f, "/index?k=1",
                "{\"n\":{\"N\":\"1\"},\"b\":{\"B\":\"+/8=\"},\"pk\":{\"S\":\"x\"},\"sk\":{\"S\":\"y\"}}",
                "</index?k=1&after=%2B%2F8%3D>; rel=\"next\"");
    ra_table_unref(f->table);
    f->table = route_table(ROUTE_TABLE("S", "N"));
    assert_next(f, "/m/g", KEY("{\"N\":\"-1.50E+2\"}"), "</m/g?before=-150>; rel=\"next\"");
    ra_table_unref(f->table);
    f->table = route_table(ROUTE_TABLE("S", "S"));
}

static void no_way_to_say_it(void **state)
{
    assert_next(*state, "/none", KEY("{\"S\":\"a\"}"), NULL);
    assert_next(*state, "/no-after", KEY("{\"S\":\"a\"}"), NULL);
    assert_next(*state, "/flat", KEY("{\"S\":\"a\"}"), NULL);
    assert_next(*state, "/m/g", KEY("{\"S\":\"\"}"), NULL); /* a blank bound is none: the first page again */
    assert_next(*state, "/m/g", KEY("{\"S\":\" \\u3000\"}"), NULL);
}

/* Without its link a page would look like the last one. */
static void keys_that_are_not_understood(void **state)
{
    route_fixture *f = *state;
    static const char *const keys[] = {
        "{\"pk\":{\"S\":\"g\"}}", "{}", "null", "[]", "5", KEY("5"), KEY("{}"), KEY("{\"L\":[]}"),
        KEY("{\"N\":\"x\"}")};
    route_get(f, "/m/g");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char reply[256];
        snprintf(reply, sizeof reply, "{\"Items\":[],\"LastEvaluatedKey\":%s}", keys[i]);
        ra_buf_clear(&f->out);
        assert_false(ra_route_answer_make(&f->call, ra_bytes_z(reply), f->table, &f->arena, &f->out,
                                          &f->answer, &f->refusal));
        assert_refusal(f, 502, "bad_reply");
    }
}

/* Nothing that a client or a table holds can end the header, the target or the string. */
static void nothing_is_injected(void **state)
{
    assert_next(
        *state, "/m/g",
        KEY("{\"S\":\"\\r\\nSet-Cookie: a=b\\r\\n\\r\\n>; rel=\\\"x\\\"\\u0000\\u007f\\ud83d\\udc4b\"}"),
        "</m/g?before=%0D%0ASet-Cookie%3A%20a%3Db%0D%0A%0D%0A%3E%3B%20rel%3D%22x%22%00%7F%F0%9F%91%8B>"
        "; rel=\"next\"");
    assert_next(*state, "/m/%3E%3B%20rel=%22x%22>;\"<\xc3\xa9 |?limit=1", KEY("{\"S\":\"a\"}"),
                "</m/%3E%3B%20rel=%22x%22%3E;%22%3C%C3%A9%20%7C?limit=1&before=a>; rel=\"next\"");
    assert_next(*state, "/oldest?who=>%0d%0aX:%20<\"\r\n\xc3\xa9&a.b={}", KEY("{\"S\":\"a\"}"),
                "</oldest?who=%3E%0d%0aX:%20%3C%22%0D%0A%C3%A9&a.b=%7B%7D&after=a>; rel=\"next\"");
}

static void long_ones(void **state)
{
    route_fixture *f = *state;
    enum { N = 1 << 20 };
    ra_buf target;
    ra_buf_init(&target, N + 64);
    ra_buf_add_z(&target, "/oldest?a.b=x&who=");
    for (int i = 0; i < N; i++)
        ra_buf_add_char(&target, '"');
    assert_true(ra_buf_add_char(&target, '\0'));
    route_get(f, target.p);
    route_shown(f, "{\"Items\":[],\"LastEvaluatedKey\":" KEY("{\"S\":\"a\"}") "}");
    assert_int_equal(strlen(f->answer.next),
                     strlen("</oldest?a.b=x&who=&after=a>; rel=\"next\"") + (size_t)3 * N);
    ra_buf_free(&target);
}

static void no_memory(void **state)
{
    route_fixture *f = *state;
    route_get(f, "/m/g?limit=1");
    size_t refused = 0;
    for (size_t cap = 0; cap < 512; cap += 16) {
        ra_arena small;
        ra_arena_init(&small, cap);
        ra_buf_clear(&f->out);
        if (ra_route_answer_make(
                &f->call, RA_BYTES("{\"Items\":[],\"LastEvaluatedKey\":" KEY("{\"S\":\"\\u0061\"}") "}"),
                f->table, &small, &f->out, &f->answer, &f->refusal)) {
            assert_string_equal(f->answer.next, "</m/g?limit=1&before=a>; rel=\"next\"");
        } else {
            refused++;
            assert_int_equal(f->answer.status, 200);
            assert_true(f->refusal.status == 503 || f->refusal.status == 502);
        }
        ra_arena_free(&small);
    }
    assert_true(refused > 1 && refused < 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_pages),
        cmocka_unit_test(other_parameters),
        cmocka_unit_test(keys_of_all_types),
        cmocka_unit_test(no_way_to_say_it),
        cmocka_unit_test(keys_that_are_not_understood),
        cmocka_unit_test(nothing_is_injected),
        cmocka_unit_test(long_ones),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
