/* Who calls: by a token, by a back end's word, or nobody known; and what their claims are worth. */
#include "proxy/identity.h"

#include "jwt_fixture.h"

#include <strings.h>

#define ISSUER        "https://issuer.example"
#define HEADER        "{\"alg\":\"RS256\",\"kid\":\"one\"}"
#define CLAIMS        "{\"iss\":\"" ISSUER "\",\"exp\":1000,\"client_id\":\"app\",\"sub\":\"ann\"}"
#define SECRET        "correct horse battery staple"
#define SECRET_HEADER RA_BACKEND_SECRET_HEADER

enum { NOW = 900000, ARENA = 1 << 20, LINES = 8 };

static EVP_PKEY *key;
static ra_jwks *keys;
static char *good, *bearer;
static char *ids[] = {(char *)"app"};
static ra_claim_header claim_headers[] = {{(char *)"sub", (char *)"X-User-Sub"},
                                          {(char *)"name", (char *)"X-User-Name"}};

#define JWT                                                                                                  \
    {                                                                                                        \
        .issuer = (char *)ISSUER, .client_ids = {ids, 1}, .token_use = RA_TOKEN_USE_ANY                      \
    }
#define BACKEND                                                                                              \
    {                                                                                                        \
        .secret = (char *)SECRET, .claims = claim_headers, .nclaims = 2                                      \
    }
static ra_config_auth both = {.jwt = JWT, .backend = BACKEND};
static ra_config_auth only_jwt = {.jwt = JWT};
static ra_config_auth only_backend = {.backend = BACKEND};
static ra_config_auth neither;

static int make(void **state)
{
    (void)state;
    key = jwt_key(2048);
    keys = jwt_set(key, "one");
    good = jwt_sign(key, HEADER, CLAIMS);
    bearer = jwt_printf("Bearer %s", good);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    free(bearer);
    free(good);
    ra_jwks_unref(keys);
    EVP_PKEY_free(key);
    return 0;
}

/* One request: its headers, and what was found. */
typedef struct request {
    ra_http_line lines[LINES];
    size_t n;
    ra_arena arena;
    ra_identity identity;
    const char *why;
} request;

static void begin(request *r)
{
    *r = (request){.n = 0};
    ra_arena_init(&r->arena, ARENA);
}

static void add(request *r, const char *name, const char *value)
{
    assert_true(r->n < LINES);
    r->lines[r->n++] = (ra_http_line){ra_bytes_z(name), ra_bytes_z(value)};
}

static enum ra_identity_step find(request *r, const ra_config_auth *c)
{
    return ra_identity_find(c, keys, (ra_http_lines){r->lines, r->n}, NOW, &r->arena, &r->identity, &r->why);
}

static void end(request *r)
{
    ra_identity_free(&r->identity);
    assert_int_equal(r->identity.caller, RA_CALLER_ANYONE);
    ra_arena_free(&r->arena);
}

/* With up to two headers (a name may be NULL): who it is, or 0 if that is refused. */
static unsigned who(const ra_config_auth *c, const char *name, const char *value, const char *name2,
                    const char *value2)
{
    request r;
    begin(&r);
    add(&r, "Host", "example");
    if (name)
        add(&r, name, value);
    if (name2)
        add(&r, name2, value2);
    enum ra_identity_step step = find(&r, c);
    assert_true(step == RA_IDENTITY_FOUND || step == RA_IDENTITY_REFUSED);
    assert_true(step == RA_IDENTITY_FOUND || (r.why && r.identity.caller == RA_CALLER_ANYONE));
    unsigned caller = step == RA_IDENTITY_FOUND ? r.identity.caller : 0;
    end(&r);
    return caller;
}

static unsigned by(const ra_config_auth *c, const char *name, const char *value)
{
    return who(c, name, value, NULL, NULL);
}

static void nobody(void **state)
{
    (void)state;
    const ra_config_auth *all[] = {&both, &only_jwt, &only_backend, &neither};
    static const char *const other[] = {"Basic dXNlcjpwYXNz",
                                        "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=b",
                                        "",
                                        "Digest x",
                                        "Bear er",
                                        "BearerX y",
                                        "XBearer y",
                                        "\"Bearer\" x",
                                        ",Bearer x"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_int_equal(by(all[i], NULL, NULL), RA_CALLER_ANYONE);
        for (size_t k = 0; k < sizeof other / sizeof *other; k++)
            assert_int_equal(by(all[i], "Authorization", other[k]), RA_CALLER_ANYONE);
        /* a name without a secret is no back end's */
        assert_int_equal(by(all[i], "X-User-Sub", "ann"), RA_CALLER_ANYONE);
        assert_int_equal(by(all[i], "X-Authorization", bearer), RA_CALLER_ANYONE);
        assert_int_equal(by(all[i], "Authorization2", bearer), RA_CALLER_ANYONE);
    }
}

static void tokens(void **state)
{
    (void)state;
    char *lower = jwt_printf("bearer %s", good), *upper = jwt_printf("BEARER %s", good);
    char *wide = jwt_printf("Bearer   %s", good);
    assert_int_equal(by(&both, "Authorization", bearer), RA_CALLER_JWT);
    assert_int_equal(by(&only_jwt, "aUTHORIZATION", bearer), RA_CALLER_JWT);
    assert_int_equal(by(&both, "Authorization", lower), RA_CALLER_JWT);
    assert_int_equal(by(&both, "Authorization", upper), RA_CALLER_JWT);
    assert_int_equal(by(&both, "Authorization", wide), RA_CALLER_JWT);
    free(wide);
    free(upper);
    free(lower);
}

/* Where none are taken there are no keys either, and the reason isn't that one is unknown. */
static void tokens_where_none_are_taken(void **state)
{
    (void)state;
    const ra_config_auth *all[] = {&only_backend, &neither};
    for (size_t i = 0; i < 2; i++) {
        request r;
        begin(&r);
        add(&r, "Authorization", bearer);
        assert_int_equal(
            ra_identity_find(all[i], NULL, (ra_http_lines){r.lines, r.n}, NOW, &r.arena, &r.identity, &r.why),
            RA_IDENTITY_REFUSED);
        assert_string_equal(r.why, "tokens aren't taken here");
        end(&r);
    }
}

static void tokens_that_are_wrong(void **state)
{
    (void)state;
    static const char *const formats[] = {"Bearer\t%s",  "Bearer,%s",        "Bearer=%s",  "Bearer %s,x",
                                          "Bearer %s x", "Bearer \"%s\"",    "Bearer %s=", "Bearer x%s",
                                          "Bearer %sx",  "Bearer Bearer %s", "Bearer .%s", "Bearer:%s"};
    assert_int_equal(by(&both, "Authorization", "Bearer"), 0);
    assert_int_equal(by(&both, "Authorization", "bearer "), 0);
    assert_int_equal(by(&both, "Authorization", "Bearer ."), 0);
    assert_int_equal(by(&both, "Authorization", "Bearer .."), 0);
    assert_int_equal(by(&neither, "Authorization", "Bearer"), 0);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const char *hole = strstr(formats[i], "%s");
        char *value = jwt_printf("%.*s%s%s", (int)(hole - formats[i]), formats[i], good, hole + 2);
        if (by(&both, "Authorization", value) != 0)
            fail_msg("taken: %s", formats[i]);
        free(value);
    }
}

static void twice_and_both(void **state)
{
    (void)state;
    assert_int_equal(who(&both, "Authorization", bearer, "Authorization", bearer), 0);
    assert_int_equal(who(&both, "Authorization", bearer, "authorization", "Basic x"), 0);
    assert_int_equal(who(&both, "Authorization", "Basic x", "authorization", bearer), 0);
    assert_int_equal(who(&both, SECRET_HEADER, SECRET, SECRET_HEADER, SECRET), 0);
    assert_int_equal(who(&both, SECRET_HEADER, SECRET, "x-readaside-secret", "x"), 0);
    assert_int_equal(who(&both, SECRET_HEADER, "x", "x-readaside-secret", SECRET), 0);
    assert_int_equal(who(&both, SECRET_HEADER, SECRET, "Authorization", bearer), 0);
    assert_int_equal(who(&both, SECRET_HEADER, "wrong", "Authorization", bearer), 0);
    assert_int_equal(who(&both, SECRET_HEADER, SECRET, "Authorization", "Bearer x"), 0);
    assert_int_equal(who(&both, SECRET_HEADER, SECRET, "Authorization", "Basic x"), RA_CALLER_BACKEND);
}

static void secrets(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "c",
                                        "correct horse battery stapl",
                                        SECRET "s",
                                        SECRET " ",
                                        "Correct horse battery staple",
                                        "correct horse battery staplf",
                                        SECRET SECRET};
    assert_int_equal(by(&both, SECRET_HEADER, SECRET), RA_CALLER_BACKEND);
    assert_int_equal(by(&only_backend, "x-readaside-SECRET", SECRET), RA_CALLER_BACKEND);
    assert_int_equal(by(&only_jwt, SECRET_HEADER, SECRET), 0);
    assert_int_equal(by(&neither, SECRET_HEADER, SECRET), 0);
    assert_int_equal(by(&neither, SECRET_HEADER, ""), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(by(&both, SECRET_HEADER, wrong[i]), 0);
    request r;
    begin(&r);
    r.lines[r.n++] = (ra_http_line){RA_BYTES(SECRET_HEADER), RA_BYTES(SECRET "\0")};
    assert_int_equal(find(&r, &both), RA_IDENTITY_REFUSED);
    end(&r);
}

static void keys_that_are_unknown(void **state)
{
    (void)state;
    request r;
    begin(&r);
    char *token = jwt_sign(key, "{\"alg\":\"RS256\",\"kid\":\"two\"}", CLAIMS),
         *value = jwt_printf("Bearer %s", token);
    add(&r, "Authorization", value);
    assert_int_equal(find(&r, &both), RA_IDENTITY_UNKNOWN_KEY);
    assert_int_equal(r.identity.caller, RA_CALLER_ANYONE);
    ra_identity_free(&r.identity);
    r.lines[0].value = ra_bytes_z(bearer);
    assert_int_equal(
        ra_identity_find(&both, NULL, (ra_http_lines){r.lines, 1}, NOW, &r.arena, &r.identity, &r.why),
        RA_IDENTITY_UNKNOWN_KEY);
    end(&r);
    free(value);
    free(token);
}

static void no_memory(void **state)
{
    (void)state;
    for (int backend = 0; backend < 2; backend++) {
        bool refused = false, found = false;
        for (size_t cap = 0; cap < 2048; cap += 16) {
            request r;
            begin(&r);
            ra_arena_init(&r.arena, cap);
            add(&r, backend ? SECRET_HEADER : "Authorization", backend ? SECRET : bearer);
            add(&r, "X-User-Sub", "ann");
            enum ra_identity_step step = find(&r, &both);
            assert_true(step == RA_IDENTITY_FOUND || step == RA_IDENTITY_NO_MEMORY);
            assert_true(step == RA_IDENTITY_FOUND || r.identity.caller == RA_CALLER_ANYONE);
            refused = refused || step == RA_IDENTITY_NO_MEMORY;
            found = found || step == RA_IDENTITY_FOUND;
            end(&r);
        }
        assert_true(refused && found);
    }
}

/* ---- claims ---- */

#define ABSENT   "(absent)"
#define UNUSABLE "(unusable)"

static void assert_claim(request *r, const char *name, const char *expected)
{
    ra_bytes value;
    enum ra_claim_result got = ra_identity_claim(&r->identity, name, &r->arena, &value);
    enum ra_claim_result wanted = strcmp(expected, ABSENT) == 0     ? RA_CLAIM_ABSENT
                                  : strcmp(expected, UNUSABLE) == 0 ? RA_CLAIM_UNUSABLE
                                                                    : RA_CLAIM_THERE;
    if (got != wanted || (wanted == RA_CLAIM_THERE && !ra_bytes_eq_z(value, expected)))
        fail_msg("claim %s: %d, '%.*s', expected %s", name, (int)got, (int)value.n, value.p ? value.p : "",
                 expected);
    assert_true(wanted == RA_CLAIM_THERE || !value.p);
}

static void claims_of_a_token(void **state)
{
    (void)state;
    static const struct {
        const char *json, *expected;
    } cases[] = {
        {"\"ann\"", "ann"},
        {"\" ann \"", " ann "},
        {"\"\\u0061\\ud83d\\ude00\"", "a\xf0\x9f\x98\x80"},
        {"\"{path.x}\"", "{path.x}"},
        {"\"a#b|c\"", "a#b|c"},
        {"7", "7"},
        {"-0.50e3", "-0.50e3"},
        {"12345678901234567890123456789012345678901234567890",
         "12345678901234567890123456789012345678901234567890"},
        {"null", ABSENT},
        {"\"\"", ABSENT},
        {"\" \\t\\n\"", ABSENT},
        {"\"\\u3000\\u00a0\"", ABSENT},
        {"true", UNUSABLE},
        {"false", UNUSABLE},
        {"[\"ann\"]", UNUSABLE},
        {"[]", UNUSABLE},
        {"{\"ann\":1}", UNUSABLE},
        {"{}", UNUSABLE},
        {"\"an\\u0000n\"", UNUSABLE},
        {"\"\\u0000\"", UNUSABLE},
        {"\"an\\nn\"", UNUSABLE},
        {"\"ann\\r\"", UNUSABLE},
        {"\"an\\u007fn\"", UNUSABLE},
        {"\"an\\u0085n\"", UNUSABLE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        request r;
        begin(&r);
        char *text =
            jwt_printf("{\"iss\":\"" ISSUER "\",\"exp\":1000,\"aud\":\"app\",\"x:y-1\":%s}", cases[i].json);
        char *token = jwt_sign(key, HEADER, text), *value = jwt_printf("Bearer %s", token);
        add(&r, "Authorization", value);
        add(&r, "X-User-Sub", "eve"); /* a back end's header, which this caller isn't */
        assert_int_equal(find(&r, &both), RA_IDENTITY_FOUND);
        memset(value, 'x', strlen(value)); /* what is found outlives the request's bytes */
        assert_claim(&r, "x:y-1", cases[i].expected);
        assert_claim(&r, "X:Y-1", ABSENT);
        assert_claim(&r, "sub", ABSENT);
        assert_claim(&r, "iss", ISSUER);
        end(&r);
        free(value);
        free(token);
        free(text);
    }
}

static void claims_of_a_back_end(void **state)
{
    (void)state;
    static const struct {
        const char *value, *expected;
    } cases[] = {
        {"ann", "ann"},
        {"a\xc3\xa9", "a\xc3\xa9"},
        {"7", "7"},
        {"[\"ann\"]", "[\"ann\"]"},
        {"null", "null"},
        {"", ABSENT},
        {"\xc2\xa0", ABSENT},
        {"a\xe9", UNUSABLE},
        {"a\xc0\x80", UNUSABLE},
        {"\xff", UNUSABLE},
        {"\xe0\x81\xa1", UNUSABLE},     /* "a", at too great length */
        {"\xed\xa0\x80", UNUSABLE},     /* a surrogate */
        {"\xf4\x90\x80\x80", UNUSABLE}, /* behind the last character */
        {"a\tb", UNUSABLE},
        {"a\x7f", UNUSABLE},
        {"a\xc2\x85z", UNUSABLE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        request r;
        begin(&r);
        char *value = strdup(cases[i].value);
        add(&r, SECRET_HEADER, SECRET);
        add(&r, "x-user-SUB", value);
        add(&r, "X-Other", "x");
        assert_int_equal(find(&r, &both), RA_IDENTITY_FOUND);
        memset(value, 'x', strlen(value));
        free(value);
        assert_claim(&r, "sub", cases[i].expected);
        assert_claim(&r, "name", ABSENT);
        assert_claim(&r, "Sub", ABSENT);
        assert_claim(&r, "X-User-Sub", ABSENT);
        assert_claim(&r, "X-Other", ABSENT);
        assert_int_equal(r.identity.headers.n, 1); /* neither what no claim is in, nor the secret */
        end(&r);
    }
}

static void claims_given_twice(void **state)
{
    (void)state;
    request r;
    begin(&r);
    add(&r, SECRET_HEADER, SECRET);
    add(&r, "X-User-Sub", "ann");
    add(&r, "x-user-sub", "ann");
    add(&r, "X-User-Name", "Ann");
    assert_int_equal(find(&r, &both), RA_IDENTITY_FOUND);
    assert_claim(&r, "sub", UNUSABLE);
    assert_claim(&r, "name", "Ann");
    end(&r);
}

static void claims_of_nobody(void **state)
{
    (void)state;
    request r;
    begin(&r);
    add(&r, "X-User-Sub", "ann");
    assert_int_equal(find(&r, &both), RA_IDENTITY_FOUND);
    assert_claim(&r, "sub", ABSENT);
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody),
        cmocka_unit_test(tokens),
        cmocka_unit_test(tokens_where_none_are_taken),
        cmocka_unit_test(tokens_that_are_wrong),
        cmocka_unit_test(twice_and_both),
        cmocka_unit_test(secrets),
        cmocka_unit_test(keys_that_are_unknown),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(claims_of_a_token),
        cmocka_unit_test(claims_of_a_back_end),
        cmocka_unit_test(claims_given_twice),
        cmocka_unit_test(claims_of_nobody),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
