#include "route_fixture.h"

#include "proxy/cors.h"

static const char routes[] =
    "{\"name\":\"a\",\"method\":\"GET\",\"path\":\"/a\",\"query\":{\"table\":\"chat\",\"partition_key\":"
    "\"{header.X-User}{header.x-request-id}\"}},"
    "{\"name\":\"b\",\"method\":\"GET\",\"path\":\"/b\",\"query\":{\"table\":\"chat\",\"partition_key\":"
    "\"{header.x-USER}{header.Content-TYPE}{query.header}{header.X}\"}}";

typedef struct cors {
    route_fixture *f;
    struct evkeyvalq reply;
} cors;

static void begin(cors *c, const char *options)
{
    c->f = route_fixture_with(routes, options);
    TAILQ_INIT(&c->reply);
}

static void end(cors *c)
{
    evhttp_clear_headers(&c->reply);
    route_fixture_free(c->f);
}

/* The reply's headers as one text. */
static void assert_reply(cors *c, const char *expected)
{
    ra_buf all;
    ra_buf_init(&all, 4096);
    for (const struct evkeyval *h = c->reply.tqh_first; h; h = h->next.tqe_next)
        ra_buf_addf(&all, "%s: %s\n", h->key, h->value);
    assert_true(ra_buf_add_char(&all, '\0'));
    assert_string_equal(all.p, expected);
    ra_buf_free(&all);
    evhttp_clear_headers(&c->reply);
}

static void assert_simple(cors *c, const char *expected)
{
    ra_cors_add(c->f->config, &c->f->headers, &c->reply);
    assert_reply(c, expected);
}

static void assert_preflight(cors *c, const char *expected)
{
    ra_cors_add_preflight(c->f->config, &c->f->headers, "GET, HEAD, OPTIONS", &c->reply);
    assert_reply(c, expected);
}

#define NAMED                                                                                                \
    "\"cors\":{\"allow_origins\":[\"https://a.example\",\"http://localhost:3000\"],\"expose_headers\":"      \
    "[\"Link\",\"X-Cache\",\"link\"],\"allow_headers\":[\"X-Extra\",\"x-user\"],\"allow_credentials\":true," \
    "\"max_age\":\"90500ms\"},"
#define ANY "\"cors\":{\"allow_origins\":[\"*\"],\"expose_headers\":[],\"max_age\":\"0s\"},"

static void without_origins_there_is_nothing(void **state)
{
    (void)state;
    cors c;
    begin(&c, "");
    route_headers(c.f, "Origin", "https://a.example", "Access-Control-Request-Method", "GET", NULL);
    assert_simple(&c, "");
    assert_preflight(&c, "Allow: GET, HEAD, OPTIONS\n");
    end(&c);
}

static void origins_by_name(void **state)
{
    (void)state;
    cors c;
    begin(&c, NAMED);
#define ALLOWED(origin)                                                                                      \
    "Vary: Origin\nAccess-Control-Allow-Origin: " origin "\nAccess-Control-Allow-Credentials: true\n"
#define EXPOSED "Access-Control-Expose-Headers: Link, X-Cache\n"
    route_headers(c.f, "origin", "https://a.example", NULL);
    assert_simple(&c, ALLOWED("https://a.example") EXPOSED);
    route_headers(c.f, "Origin", "http://localhost:3000", NULL);
    assert_simple(&c, ALLOWED("http://localhost:3000") EXPOSED);
    static const char *const others[] = {"https://b.example",
                                         "http://a.example",
                                         "https://a.example:443",
                                         "https://A.example",
                                         "https://a.example.evil",
                                         "https://a.example/",
                                         "https://xa.example",
                                         "null",
                                         "*",
                                         "",
                                         "https://a.exampl"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        route_headers(c.f, "Origin", others[i], "Access-Control-Request-Method", "GET", NULL);
        assert_simple(&c, "Vary: Origin\n");
        assert_preflight(&c, "Allow: GET, HEAD, OPTIONS\nVary: Origin\n");
    }
    route_headers(c.f, NULL);
    assert_simple(&c, "Vary: Origin\n");
    /* of two origins nobody knows which one asks */
    route_headers(c.f, "Origin", "https://a.example", "origin", "https://a.example", NULL);
    assert_simple(&c, "Vary: Origin\n");
    end(&c);
}

static void any_origin(void **state)
{
    (void)state;
    cors c;
    begin(&c, ANY);
    route_headers(c.f, "Origin", "https://b.example", NULL);
    assert_simple(&c, "Access-Control-Allow-Origin: *\n");
    route_headers(c.f, NULL);
    assert_simple(&c, "Access-Control-Allow-Origin: *\n");
    route_headers(c.f, "Origin", "https://b.example", "access-control-request-method", "PUT", NULL);
    assert_preflight(&c, "Allow: GET, HEAD, OPTIONS\nAccess-Control-Allow-Origin: *\n"
                         "Access-Control-Allow-Methods: GET, HEAD, OPTIONS\n"
                         "Access-Control-Allow-Headers: Content-Type, X-User, x-request-id, X\n"
                         "Access-Control-Max-Age: 0\n");
    end(&c);
}

static void preflights(void **state)
{
    (void)state;
    cors c;
    begin(&c, NAMED);
    route_headers(c.f, "Origin", "https://a.example", "Access-Control-Request-Method", "POST",
                  "Access-Control-Request-Headers", "x-evil\x01, content-type", NULL);
    assert_preflight(&c,
                     "Allow: GET, HEAD, OPTIONS\n" ALLOWED(
                         "https://a.example") "Access-Control-Allow-Methods: GET, HEAD, OPTIONS\n"
                                              "Access-Control-Allow-Headers: Content-Type, X-Extra, x-user, "
                                              "x-request-id, X\n"
                                              "Access-Control-Max-Age: 90\n");
    /* OPTIONS that is no preflight */
    route_headers(c.f, "Origin", "https://a.example", NULL);
    assert_preflight(&c, "Allow: GET, HEAD, OPTIONS\n" ALLOWED("https://a.example"));
    route_headers(c.f, "Access-Control-Request-Method", "POST", NULL);
    assert_preflight(&c, "Allow: GET, HEAD, OPTIONS\nVary: Origin\n");
    end(&c);
}

/* A page holds a token of its user's, and never a back end's secret. */
static void proofs(void **state)
{
    (void)state;
    cors c;
    begin(&c, ANY "\"auth\":{\"jwt\":{\"issuer\":\"i\",\"jwks_uri\":\"https://i\",\"client_id\":\"c\"},"
                  "\"backend\":{\"secret\":\"0123456789abcdef\"}},");
    route_headers(c.f, "Origin", "https://b.example", "Access-Control-Request-Method", "GET",
                  "Access-Control-Request-Headers", "authorization, x-readaside-secret", NULL);
    assert_preflight(&c,
                     "Allow: GET, HEAD, OPTIONS\nAccess-Control-Allow-Origin: *\n"
                     "Access-Control-Allow-Methods: GET, HEAD, OPTIONS\n"
                     "Access-Control-Allow-Headers: Content-Type, Authorization, X-User, x-request-id, X\n"
                     "Access-Control-Max-Age: 0\n");
    end(&c);
    /* Without tokens none is asked for. */
    begin(&c, ANY "\"auth\":{\"backend\":{\"secret\":\"0123456789abcdef\"}},");
    route_headers(c.f, "Origin", "https://b.example", "Access-Control-Request-Method", "GET", NULL);
    assert_preflight(&c, "Allow: GET, HEAD, OPTIONS\nAccess-Control-Allow-Origin: *\n"
                         "Access-Control-Allow-Methods: GET, HEAD, OPTIONS\n"
                         "Access-Control-Allow-Headers: Content-Type, X-User, x-request-id, X\n"
                         "Access-Control-Max-Age: 0\n");
    end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_origins_there_is_nothing),
        cmocka_unit_test(origins_by_name),
        cmocka_unit_test(any_origin),
        cmocka_unit_test(preflights),
        cmocka_unit_test(proofs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
