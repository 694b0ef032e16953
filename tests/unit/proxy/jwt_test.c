/* Tokens with real signatures: the one kind that is good, and every way that is not. */
#include "proxy/jwt.h"

#include "jwt_fixture.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define ISSUER "https://issuer.example/pool"
#define HEADER "{\"alg\":\"RS256\",\"kid\":\"one\"}"
#define CLAIMS                                                                                               \
    "{\"iss\":\"" ISSUER "\",\"exp\":1000,\"client_id\":\"app\",\"token_use\":\"access\",\"sub\":\"ann\"}"

enum { NOW = 900000, SKEW = 60000, ARENA = 1 << 20 };

static EVP_PKEY *key, *other;
static ra_jwks *keys;
static char *ids[] = {(char *)"app", (char *)"second"};
static ra_config_jwt config = {.issuer = (char *)ISSUER,
                               .client_ids = {ids, 2},
                               .token_use = RA_TOKEN_USE_ACCESS,
                               .max_clock_skew = SKEW};

static int make(void **state)
{
    (void)state;
    key = jwt_key(2048);
    other = jwt_key(2048);
    keys = jwt_set(key, "one");
    return 0;
}

static int drop(void **state)
{
    (void)state;
    ra_jwks_unref(keys);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    return 0;
}

/* What becomes of a token at a time; a refusal says why, in words that fit a quoted-string (RFC 6750). */
static enum ra_jwt_result check_at(ra_bytes token, const ra_jwks *set, int64_t now, const char **why)
{
    ra_arena a;
    ra_json claims = {0};
    ra_arena_init(&a, ARENA);
    enum ra_jwt_result r = ra_jwt_check(token, &config, set, now, &a, &claims, why);
    if (r == RA_JWT_OK) {
        assert_true(ra_json_is(&claims, 0, RA_JSON_OBJECT));
        ra_json_free(&claims);
    } else {
        assert_null(claims.t); /* or it would leak */
        assert_non_null(*why);
        assert_null(strpbrk(*why, "\"\\\r\n"));
    }
    ra_arena_free(&a);
    assert_int_equal(ERR_peek_error(), 0); /* nothing is left for this thread's TLS connections */
    return r;
}

static enum ra_jwt_result check_z(const char *token, const char **why)
{
    return check_at(ra_bytes_z(token), keys, NOW, why);
}

/* Takes the token. `why` may be a part of the reason; NULL: any. */
static void assert_refused(char *token, const char *why)
{
    const char *said = NULL;
    enum ra_jwt_result r = check_z(token, &said);
    if (r != RA_JWT_REFUSED)
        fail_msg("%d, not refused: %s", (int)r, token);
    if (why && !strstr(said, why))
        fail_msg("refused because '%s', not '%s'", said, why);
    free(token);
}

static void assert_good(char *token)
{
    const char *why = NULL;
    if (check_z(token, &why) != RA_JWT_OK)
        fail_msg("refused because '%s': %s", why, token);
    free(token);
}

static void good(void **state)
{
    (void)state;
    char *token = jwt_sign(key, HEADER, CLAIMS);
    ra_arena a;
    ra_json claims;
    ra_bytes sub;
    const char *why;
    ra_arena_init(&a, ARENA);
    assert_int_equal(ra_jwt_check(ra_bytes_z(token), &config, keys, NOW, &a, &claims, &why), RA_JWT_OK);
    free(token); /* the claims don't need it any more */
    assert_true(ra_json_string(&claims, ra_json_member(&claims, 0, "sub"), &a, &sub));
    assert_true(ra_bytes_eq_z(sub, "ann"));
    ra_json_free(&claims);
    ra_arena_free(&a);
    /* hints that nobody follows, JSON with white space, in any order */
    assert_good(jwt_sign(
        key, " { \"typ\":\"JWT\",\n\"kid\":\"one\",\"jku\":\"http://x\",\"alg\":\"RS256\"}\n", CLAIMS));
    assert_good(jwt_sign(key, "{\"alg\":\"RS\\u003256\",\"k\\u0069d\":\"\\u006fne\"}", CLAIMS));
}

/* ---- algorithms ---- */

static void algorithms(void **state)
{
    (void)state;
    static const char *const names[] = {
        "\"none\"",  "\"NONE\"",  "\"None\"",  "\"HS256\"",   "\"RS384\"",  "\"RS512\"",
        "\"PS256\"", "\"ES256\"", "\"EdDSA\"", "\"rs256\"",   "\"RS256 \"", "\"RS256\\u0000\"",
        "\"\"",      "null",      "1",         "[\"RS256\"]", "{}",         "true"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *header = jwt_printf("{\"alg\":%s,\"kid\":\"one\"}", names[i]);
        assert_refused(jwt_sign(key, header, CLAIMS), "RS256"); /* signed well, and refused all the same */
        assert_refused(jwt_attach(jwt_unsigned(ra_bytes_z(header), ra_bytes_z(CLAIMS)), "x", 1), "RS256");
        char *bare = jwt_unsigned(ra_bytes_z(header), ra_bytes_z(CLAIMS));
        assert_refused(jwt_printf("%s.", bare), "three parts");
        assert_refused(bare, "three parts");
        free(header);
    }
    assert_refused(jwt_sign(key, "{\"kid\":\"one\"}", CLAIMS), "RS256");
}

/* Whoever lets the token choose takes the public key for an HMAC's secret. */
static void hmac_by_the_public_key(void **state)
{
    (void)state;
    static const char *const headers[] = {"{\"alg\":\"HS256\",\"kid\":\"one\"}", HEADER};
    BIO *pem = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PUBKEY(pem, key), 1);
    char *text;
    long size = BIO_get_mem_data(pem, &text);
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(key, &der);
    assert_true(size > 0 && n > 0);
    for (size_t i = 0; i < 2; i++) {
        assert_refused(jwt_hmac((ra_bytes){text, (size_t)size}, headers[i], CLAIMS), NULL);
        assert_refused(jwt_hmac((ra_bytes){text, (size_t)size - 1}, headers[i], CLAIMS),
                       NULL); /* no last line end */
        assert_refused(jwt_hmac((ra_bytes){(char *)der, (size_t)n}, headers[i], CLAIMS), NULL);
        assert_refused(jwt_hmac(RA_BYTES(""), headers[i], CLAIMS), NULL);
    }
    OPENSSL_free(der);
    BIO_free(pem);
}

/* RS256 is what the header says; the signature is another one by the same key. */
static void other_signatures(void **state)
{
    (void)state;
    ra_bytes header = RA_BYTES(HEADER), claims = RA_BYTES(CLAIMS);
    assert_good(jwt_sign_as(key, "SHA256", RSA_PKCS1_PADDING, header, claims));
    assert_refused(jwt_sign_as(key, "SHA384", RSA_PKCS1_PADDING, header, claims), "signature");
    assert_refused(jwt_sign_as(key, "SHA512", RSA_PKCS1_PADDING, header, claims), "signature");
    assert_refused(jwt_sign_as(key, "SHA1", RSA_PKCS1_PADDING, header, claims), "signature");
    assert_refused(jwt_sign_as(key, "SHA256", RSA_PKCS1_PSS_PADDING, header, claims), "signature");
    assert_refused(jwt_sign_as(other, "SHA256", RSA_PKCS1_PADDING, header, claims), "signature");
    char zeros[257] = {0};
    for (size_t n = 1; n <= sizeof zeros; n += 128)
        assert_refused(jwt_attach(jwt_unsigned(header, claims), zeros, n), "signature");
}

/* ---- the header ---- */

static void headers(void **state)
{
    (void)state;
    static const struct {
        const char *header, *why;
    } cases[] = {
        {"{\"alg\":\"RS256\",\"kid\":\"one\",\"crit\":[\"exp\"]}", "critical"},
        {"{\"alg\":\"RS256\",\"kid\":\"one\",\"crit\":[]}", "critical"},
        {"{\"alg\":\"RS256\",\"kid\":\"one\",\"crit\":null}", "critical"},
        {"{\"alg\":\"RS256\",\"kid\":\"one\",\"cr\\u0069t\":[\"b64\"],\"b64\":false}", "critical"},
        {"{\"alg\":\"RS256\"}", "no key"},
        {"{\"alg\":\"RS256\",\"kid\":\"\"}", "no key"},
        {"{\"alg\":\"RS256\",\"kid\":null}", "no key"},
        {"{\"alg\":\"RS256\",\"kid\":1}", "no key"},
        {"{\"alg\":\"RS256\",\"kid\":[\"one\"]}", "no key"},
        {"{\"alg\":\"RS256\",\"kid\":\"one\",\"kid\":\"one\"}", "twice"},
        {"{\"alg\":\"RS256\",\"kid\":\"two\",\"k\\u0069d\":\"one\"}", "twice"},
        {"{\"alg\":\"none\",\"kid\":\"one\",\"alg\":\"RS256\"}", "twice"},
        {"{\"alg\":\"RS256\",\"kid\":\"one\"", "JSON"},
        {"{\"alg\":\"RS256\",\"kid\":\"one\"}{}", "JSON"},
        {"{\"alg\":\"RS256\",\"kid\":\"one\",}", "JSON"},
        {"\xef\xbb\xbf" HEADER, "JSON"},
        {"{\"alg\":\"RS256\",\"kid\":\"one\xff\"}", "JSON"},
        {"[\"RS256\"]", "object"},
        {"\"RS256\"", "object"},
        {"null", "object"},
        {"{\"alg\":\"RS256\",\"kid\":\"one\",\"x\":[[[[[[[[[[1]]]]]]]]]]}", "JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(jwt_sign(key, cases[i].header, CLAIMS), cases[i].why);
}

static void unknown_keys(void **state)
{
    (void)state;
    static const char *const kids[] = {"two", "One", "one ", "on", "one\\u0000", "../one", "one\\u0000x"};
    const char *why;
    for (size_t i = 0; i < sizeof kids / sizeof *kids; i++) {
        char *header = jwt_printf("{\"alg\":\"RS256\",\"kid\":\"%s\"}", kids[i]);
        char *token = jwt_sign(key, header, CLAIMS);
        assert_int_equal(check_z(token, &why), RA_JWT_UNKNOWN_KEY);
        free(token);
        free(header);
    }
    char *token = jwt_sign(key, HEADER, CLAIMS);
    assert_int_equal(check_at(ra_bytes_z(token), NULL, NOW, &why), RA_JWT_UNKNOWN_KEY); /* never had any */
    free(token);
    /* what no key could make good isn't worth a look for new keys */
    token = jwt_sign(key, "{\"alg\":\"none\",\"kid\":\"two\"}", CLAIMS);
    assert_int_equal(check_at(ra_bytes_z(token), NULL, NOW, &why), RA_JWT_REFUSED);
    free(token);
}

/* ---- the claims ---- */

#define REST "\"iss\":\"" ISSUER "\",\"client_id\":\"app\",\"token_use\":\"access\""

static enum ra_jwt_result at(const char *times, int64_t now, const char **why)
{
    char *claims = jwt_printf("{" REST "%s}", times);
    char *token = jwt_sign(key, HEADER, claims);
    enum ra_jwt_result r = check_at(ra_bytes_z(token), keys, now, why);
    free(token);
    free(claims);
    return r;
}

static void at_the_second(void **state)
{
    (void)state;
    const char *why;
    /* exp: good before it, as far as the clocks may differ */
    assert_int_equal(at(",\"exp\":1000", 1000000 + SKEW - 1, &why), RA_JWT_OK);
    assert_int_equal(at(",\"exp\":1000", 1000000 + SKEW, &why), RA_JWT_REFUSED);
    assert_string_equal(why, "the token has expired");
    assert_int_equal(at(",\"exp\":1000.5", 1000500 + SKEW - 1, &why), RA_JWT_OK);
    assert_int_equal(at(",\"exp\":1000.5", 1000500 + SKEW, &why), RA_JWT_REFUSED);
    assert_int_equal(at(",\"exp\":1e3", 1000000 + SKEW - 1, &why), RA_JWT_OK);
    assert_int_equal(at(",\"exp\":0.1E+4", 1000000 + SKEW, &why), RA_JWT_REFUSED);
    /* nbf and iat: good from them on */
    assert_int_equal(at(",\"exp\":2000,\"nbf\":1000", 1000000 - SKEW, &why), RA_JWT_OK);
    assert_int_equal(at(",\"exp\":2000,\"nbf\":1000", 1000000 - SKEW - 1, &why), RA_JWT_REFUSED);
    assert_string_equal(why, "the token isn't valid yet");
    assert_int_equal(at(",\"exp\":2000,\"nbf\":1000.25", 1000250 - SKEW, &why), RA_JWT_OK);
    assert_int_equal(at(",\"exp\":2000,\"nbf\":1000.25", 1000250 - SKEW - 1, &why), RA_JWT_REFUSED);
    assert_int_equal(at(",\"exp\":2000,\"iat\":1000", 1000000 - SKEW, &why), RA_JWT_OK);
    assert_int_equal(at(",\"exp\":2000,\"iat\":1000", 1000000 - SKEW - 1, &why), RA_JWT_REFUSED);
    assert_string_equal(why, "the token's iat isn't a time that has come");
    assert_int_equal(at(",\"exp\":2000,\"nbf\":0,\"iat\":-5", NOW, &why), RA_JWT_OK);
    assert_int_equal(at(",\"exp\":99999999999", NOW, &why), RA_JWT_OK); /* the year 5138 */
}

static void what_is_no_time(void **state)
{
    (void)state;
    static const char *const bad[] = {"\"1000\"",
                                      "null",
                                      "true",
                                      "[2000]",
                                      "{}",
                                      "1e400",
                                      "-1e400",
                                      "1e126",
                                      "1e13",
                                      "99999999999999999999",
                                      "123456789012345678901234567890123456789012",
                                      "\"\"",
                                      "9223372036854775807",
                                      "1e99999999999999999999"};
    const char *why;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char times[3][96];
        snprintf(times[0], sizeof times[0], ",\"exp\":%s", bad[i]);
        snprintf(times[1], sizeof times[1], ",\"exp\":2000,\"nbf\":%s", bad[i]);
        snprintf(times[2], sizeof times[2], ",\"exp\":2000,\"iat\":%s", bad[i]);
        for (size_t k = 0; k < 3; k++)
            if (at(times[k], NOW, &why) != RA_JWT_REFUSED)
                fail_msg("not refused: %s", times[k]);
    }
    assert_int_equal(at("", NOW, &why), RA_JWT_REFUSED);
    assert_string_equal(why, "the token has no time of expiry");
    assert_int_equal(at(",\"exp\":-1", NOW, &why), RA_JWT_REFUSED);
    assert_string_equal(why, "the token has expired");
    assert_int_equal(at(",\"exp\":0", NOW, &why), RA_JWT_REFUSED);
    assert_int_equal(at(",\"exp\":1e-130", NOW, &why), RA_JWT_REFUSED);
    assert_int_equal(at(",\"exp\":2000,\"exp\":2000", NOW, &why), RA_JWT_REFUSED);
}

#define EXP "\"exp\":1000"
#define ISS "\"iss\":\"" ISSUER "\""
#define USE "\"token_use\":\"access\""

static void claims(void **state)
{
    (void)state;
    static const struct {
        const char *claims, *why;
    } cases[] = {
        {"{" EXP "," USE ",\"client_id\":\"app\"}", "issuer"},
        {"{" EXP "," USE ",\"client_id\":\"app\",\"iss\":\"https://issuer.example/pool/\"}", "issuer"},
        {"{" EXP "," USE ",\"client_id\":\"app\",\"iss\":\"https://issuer.example\"}", "issuer"},
        {"{" EXP "," USE ",\"client_id\":\"app\",\"iss\":\"HTTPS://issuer.example/pool\"}", "issuer"},
        {"{" EXP "," USE ",\"client_id\":\"app\",\"iss\":\"" ISSUER "\\u0000\"}", "issuer"},
        {"{" EXP "," USE ",\"client_id\":\"app\",\"iss\":[\"" ISSUER "\"]}", "issuer"},
        {"{" EXP "," USE ",\"client_id\":\"app\",\"iss\":null}", "issuer"},
        {"{" EXP "," ISS "," USE "}", "client"},
        {"{" EXP "," ISS "," USE ",\"client_id\":\"App\"}", "client"},
        {"{" EXP "," ISS "," USE ",\"client_id\":\"app\\u0000\"}", "client"},
        {"{" EXP "," ISS "," USE ",\"client_id\":\"\"}", "client"},
        {"{" EXP "," ISS "," USE ",\"client_id\":[\"app\"]}", "client"},
        {"{" EXP "," ISS "," USE ",\"aud\":[]}", "client"},
        {"{" EXP "," ISS "," USE ",\"aud\":[\"ap\",\"appp\",1,null]}", "client"},
        {"{" EXP "," ISS "," USE ",\"aud\":[[\"app\"]]}", "client"},
        {"{" EXP "," ISS "," USE ",\"aud\":{\"app\":\"app\"}}", "client"},
        {"{" EXP "," ISS "," USE ",\"aud\":null,\"azp\":\"app\"}", "client"},
        {"{" EXP "," ISS ",\"client_id\":\"app\"}", "access token"},
        {"{" EXP "," ISS ",\"client_id\":\"app\",\"token_use\":\"id\"}", "access token"},
        {"{" EXP "," ISS ",\"client_id\":\"app\",\"token_use\":\"ACCESS\"}", "access token"},
        {"{" EXP "," ISS ",\"client_id\":\"app\",\"token_use\":[\"access\"]}", "access token"},
        {"{" EXP "," ISS "," USE ",\"client_id\":\"app\",\"sub\":\"a\",\"s\\u0075b\":\"b\"}", "twice"},
        {"{" EXP "," ISS "," USE ",\"client_id\":\"app\",\"deep\":{\"a\":1,\"a\":1}}", "twice"},
        {"{" EXP "," ISS "," USE ",\"client_id\":\"app\",\"x\":\"\\ud800\"}", "JSON"},
        {"{" EXP "," ISS "," USE ",\"client_id\":\"app\",\"x\":\"\xc0\x80\"}", "JSON"},
        {"{" EXP "," ISS "," USE ",\"client_id\":\"app\"} x", "JSON"},
        {"[]", "object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(jwt_sign(key, HEADER, cases[i].claims), cases[i].why);
    assert_good(jwt_sign(key, HEADER, "{" EXP "," ISS "," USE ",\"client_id\":\"second\"}"));
    assert_good(jwt_sign(key, HEADER, "{" EXP "," ISS "," USE ",\"aud\":\"app\"}"));
    assert_good(jwt_sign(key, HEADER, "{" EXP "," ISS "," USE ",\"aud\":[\"x\",\"second\"]}"));
    assert_refused(jwt_sign(key, HEADER, "{" EXP "," ISS "," USE ",\"aud\":\"app\",\"client_id\":\"x\"}"),
                   "client");
    assert_good(jwt_sign(key, HEADER, "{" EXP "," ISS "," USE ",\"aud\":\"x\",\"client_id\":\"app\"}"));
}

static void bytes_in_claims(void **state)
{
    (void)state;
    static const char nul[] = "{" EXP "," ISS "," USE ",\"client_id\":\"app\",\"x\":\"\0\"}";
    assert_refused(
        jwt_sign_as(key, "SHA256", RSA_PKCS1_PADDING, RA_BYTES(HEADER), (ra_bytes){nul, sizeof nul - 1}),
        "JSON");
    static const char after[] = CLAIMS "\0";
    assert_refused(
        jwt_sign_as(key, "SHA256", RSA_PKCS1_PADDING, RA_BYTES(HEADER), (ra_bytes){after, sizeof after - 1}),
        "JSON");
    assert_good(jwt_sign(key, HEADER, "{" EXP "," ISS "," USE ",\"client_id\":\"app\",\"x\":\"\\u0000\"}"));
}

static void token_uses(void **state)
{
    (void)state;
    static const char *const with[] = {"", ",\"token_use\":\"access\"", ",\"token_use\":\"id\"",
                                       ",\"token_use\":7"};
    static const bool taken[3][4] = {[RA_TOKEN_USE_ACCESS] = {false, true, false, false},
                                     [RA_TOKEN_USE_ID] = {false, false, true, false},
                                     [RA_TOKEN_USE_ANY] = {true, true, true, true}};
    for (unsigned use = 0; use < 3; use++) {
        config.token_use = use;
        for (size_t i = 0; i < 4; i++) {
            char *text = jwt_printf("{" EXP "," ISS ",\"aud\":\"app\"%s}", with[i]);
            char *token = jwt_sign(key, HEADER, text);
            if (taken[use][i])
                assert_good(token);
            else
                assert_refused(token, use == RA_TOKEN_USE_ID ? "an id token" : "an access token");
            free(text);
        }
    }
    config.token_use = RA_TOKEN_USE_ACCESS;
}

/* ---- as bytes ---- */

/* Each byte of a token, changed in each of two ways: never is it still good. */
static void tampered(void **state)
{
    (void)state;
    char *token = jwt_sign(key, HEADER, CLAIMS);
    const char *why;
    for (size_t i = 0; token[i]; i++) {
        char before = token[i];
        token[i] = before == 'A' ? 'B' : 'A';
        assert_int_not_equal(check_z(token, &why), RA_JWT_OK);
        token[i] = (char)(before ^ 0x20);
        assert_int_not_equal(check_z(token, &why), RA_JWT_OK);
        token[i] = before;
    }
    assert_good(token);
}

/* The claims that one wants, with a signature over others. */
static void swapped(void **state)
{
    (void)state;
    char *one = jwt_sign(key, HEADER, CLAIMS);
    char *wanted = jwt_unsigned(RA_BYTES(HEADER), RA_BYTES("{" EXP "," REST ",\"sub\":\"eve\"}"));
    assert_refused(jwt_printf("%s.%s", wanted, strrchr(one, '.') + 1), "signature");
    free(wanted);
    free(one);
}

static void shapes(void **state)
{
    (void)state;
    char *token = jwt_sign(key, HEADER, CLAIMS);
    char *first = strchr(token, '.'), *second = strrchr(token, '.');
    int header = (int)(first - token), payload = (int)(second - first) - 1;
    assert_refused(jwt_printf("%s=", token), "base64url");
    assert_refused(jwt_printf("%s==", token), "base64url");
    assert_refused(jwt_printf("%s\n", token), "base64url");
    assert_refused(jwt_printf("%s ", token), "base64url");
    assert_refused(jwt_printf(" %s", token), "base64url");
    assert_refused(jwt_printf("%.*s=%s", header, token, first), "base64url");
    assert_refused(jwt_printf("%.*s =%s", header, token, first), "base64url");
    assert_refused(jwt_printf("%s.", token), "three parts");
    assert_refused(jwt_printf(".%s", token), "three parts");
    assert_refused(jwt_printf("%s.x", token), "three parts");
    assert_refused(jwt_printf("%s.%s", token, token), "three parts");
    assert_refused(jwt_printf("%.*s..%s", header, token, second + 1), "three parts");
    assert_refused(jwt_printf(".%.*s.%s", payload, first + 1, second + 1), "three parts");
    assert_refused(jwt_printf("%.*s", (int)(second - token), token), "three parts");
    assert_refused(jwt_printf("%.*s.", (int)(second - token), token), "three parts");
    assert_refused(jwt_printf("%s", ""), "three parts");
    assert_refused(jwt_printf("."), "three parts");
    assert_refused(jwt_printf(".."), "three parts");
    assert_refused(jwt_printf("..."), "three parts");
    free(token);
}

/* The other alphabet, in a part that has characters in which they differ. */
static void other_alphabet(void **state)
{
    (void)state;
    char *token = jwt_sign(key, "{\"alg\":\"RS256\",\"kid\":\"one\",\"x\":\"~~~>>>?\"}", CLAIMS);
    size_t found = strcspn(token, "-_");
    assert_true(found < (size_t)(strchr(token, '.') - token));
    assert_good(strdup(token));
    token[found] = token[found] == '-' ? '+' : '/';
    assert_refused(token, "base64url");
}

static void sizes(void **state)
{
    (void)state;
    /* As large as may be, for some filling: good. One byte more than may be: refused before anything is read.
     */
    size_t fill = RA_JWT_MAX / 4 * 3 - 700;
    char *x = calloc(1, fill + 1);
    memset(x, 'x', fill);
    char *text = jwt_printf("{" EXP "," REST ",\"x\":\"%s\"}", x);
    char *token = jwt_sign(key, HEADER, text);
    assert_true(strlen(token) <= RA_JWT_MAX && strlen(token) > RA_JWT_MAX - 1024);
    char *padded = calloc(1, RA_JWT_MAX + 2);
    memset(padded, 'x', RA_JWT_MAX + 1);
    memcpy(padded, token, strlen(token));
    assert_good(token);
    assert_refused(padded, "too large");
    free(text);
    free(x);
}

static void deep(void **state)
{
    (void)state;
    static char nested[6000];
    for (int brackets = 20; brackets <= 5000; brackets *= 5) {
        memset(nested, '[', (size_t)brackets / 2);
        memset(nested + brackets / 2, ']', (size_t)brackets / 2);
        nested[brackets] = '\0';
        char *text = jwt_printf("{" EXP "," REST ",\"x\":%s}", nested);
        char *token = jwt_sign(key, HEADER, text);
        if (brackets == 20)
            assert_good(token);
        else
            assert_refused(token, "JSON");
        free(text);
    }
    /* many values: the densest array that fits a token */
    for (int i = 0; i < 5997; i++)
        nested[i] = i % 2 ? ',' : '1';
    nested[5997] = '\0';
    char *text = jwt_printf("{" EXP "," REST ",\"x\":[%s]}", nested);
    assert_good(jwt_sign(key, HEADER, text));
    free(text);
}

/* An arena without room is no reason to call a token bad. */
static void no_memory(void **state)
{
    (void)state;
    char *token = jwt_sign(key, HEADER, CLAIMS);
    bool refused = false, taken = false;
    for (size_t cap = 0; cap < 1024; cap += 16) {
        ra_arena a;
        ra_json parsed = {0};
        const char *why;
        ra_arena_init(&a, cap);
        enum ra_jwt_result r = ra_jwt_check(ra_bytes_z(token), &config, keys, NOW, &a, &parsed, &why);
        assert_true(r == RA_JWT_OK || r == RA_JWT_NO_MEMORY);
        refused = refused || r == RA_JWT_NO_MEMORY;
        taken = taken || r == RA_JWT_OK;
        ra_json_free(&parsed);
        ra_arena_free(&a);
    }
    assert_true(refused && taken);
    free(token);
}

/* What a token is for, where the config asks (RFC 9068 section 4). */
static void the_audience_counts_if_asked_for(void **state)
{
    (void)state;
    static char *services[] = {(char *)"chat", (char *)"chat-2"};
    config.audiences = (ra_texts){services, 2};
    assert_good(jwt_sign(key, HEADER, "{" EXP "," ISS "," USE ",\"client_id\":\"app\",\"aud\":\"chat\"}"));
    assert_good(
        jwt_sign(key, HEADER, "{" EXP "," ISS "," USE ",\"client_id\":\"app\",\"aud\":[\"x\",\"chat-2\"]}"));
    assert_good(jwt_sign(key, HEADER, "{" EXP "," ISS "," USE ",\"aud\":[\"app\",\"chat-2\"]}"));
    assert_refused(jwt_sign(key, HEADER, "{" EXP "," ISS "," USE ",\"client_id\":\"app\"}"), "service");
    assert_refused(jwt_sign(key, HEADER, "{" EXP "," ISS "," USE ",\"client_id\":\"app\",\"aud\":\"mail\"}"),
                   "service");
    assert_refused(jwt_sign(key, HEADER, "{" EXP "," ISS "," USE ",\"client_id\":\"x\",\"aud\":\"chat\"}"),
                   "client");
    config.audiences = (ra_texts){NULL, 0};
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),
        cmocka_unit_test(algorithms),
        cmocka_unit_test(hmac_by_the_public_key),
        cmocka_unit_test(other_signatures),
        cmocka_unit_test(headers),
        cmocka_unit_test(unknown_keys),
        cmocka_unit_test(at_the_second),
        cmocka_unit_test(what_is_no_time),
        cmocka_unit_test(claims),
        cmocka_unit_test(bytes_in_claims),
        cmocka_unit_test(token_uses),
        cmocka_unit_test(tampered),
        cmocka_unit_test(swapped),
        cmocka_unit_test(shapes),
        cmocka_unit_test(other_alphabet),
        cmocka_unit_test(sizes),
        cmocka_unit_test(deep),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(the_audience_counts_if_asked_for),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
