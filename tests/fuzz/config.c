/*
 * Configurations, and the small texts in them. The first character says what follows: (a) a configuration;
 * (b) a duration, size, share or count; (c) Redis's URL; (d) an endpoint; (e) Momento's API key; (f) an
 * encryption key; (g) an address; (h) a glob, a line, and a text.
 * - There is a configuration or an error, never both nor neither; problems are printed as strict JSON; in
 *   another spelling there are as many of them.
 * - What the loader's scanner takes is JSON to the strict reader.
 * - A quantity that is printed reads as the same one; an endpoint's one spelling is its own.
 * - A glob matches what it matches by trying every way.
 */
#include "config/address.h"
#include "config/glob.h"
#include "config/momento_key.h"
#include "config/redis_url.h"
#include "config/scan.h"
#include "config/secret_key.h"
#include "config/units.h"
#include "proxy/route_parts.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/respell.h"

enum { OUT = 8 << 20, GLOB_MAX = 24, TEXT_MAX = 40 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    clearenv(); /* defaults come from there */
    return 0;
}

/* ---- configurations ---- */

static void check_problems(const ra_problems *p)
{
    char *text = NULL;
    size_t n = 0, at;
    ra_json j;
    FILE *out = open_memstream(&text, &n);
    FUZZ_CHECK(out);
    ra_problems_print(p, "fuzz.jsonc", out);
    fflush(out);
    for (size_t i = 0; i < n; i++)
        FUZZ_CHECK((unsigned char)text[i] >= ' ' || text[i] == '\n');
    fclose(out);
    free(text);
    text = NULL;
    out = open_memstream(&text, &n);
    FUZZ_CHECK(out);
    ra_problems_print_json(p, "fuzz.jsonc", out);
    fclose(out);
    FUZZ_CHECK(ra_json_parse(&j, (ra_bytes){text, n}, NULL, &at) == RA_JSON_OK);
    FUZZ_CHECK(ra_json_is(&j, 0, RA_JSON_ARRAY) && ra_json_count(&j, 0) == p->n);
    ra_json_free(&j);
    free(text);
}

static size_t load(ra_bytes text)
{
    ra_problems p;
    ra_config *c = ra_config_parse(text.p, text.n, "fuzz.jsonc", &p);
    FUZZ_CHECK((c == NULL) == (p.errors > 0) && p.errors <= p.n);
    check_problems(&p);
    size_t errors = p.errors;
    ra_problems_free(&p);
    ra_config_unref(c);
    return errors;
}

static bool nothing(void *arg, int line)
{
    (void)arg;
    return line > 0;
}

static void check_config(ra_bytes text)
{
    char error[RA_SCAN_ERROR_MAX];
    int line;
    size_t at;
    ra_json j;
    ra_buf other;
    size_t errors = load(text);
    enum ra_json_result r = ra_json_parse(&j, text, NULL, &at);
    bool scanned = ra_scan(text.p, text.n, nothing, NULL, &line, error);
    FUZZ_CHECK(!scanned || r == RA_JSON_OK || r == RA_JSON_DUPLICATE || r == RA_JSON_TOO_MANY);
    if (r != RA_JSON_OK)
        return;
    ra_buf_init(&other, OUT);
    fuzz_respell(&j, 0, &other);
    FUZZ_CHECK(ra_buf_ok(&other) && load(ra_buf_bytes(&other)) == errors);
    ra_buf_free(&other);
    ra_json_free(&j);
}

/* ---- small texts ---- */

static void check_quantity(const char *text)
{
    static const struct {
        bool (*parse)(const char *, int64_t *);
        void (*format)(int64_t, char[RA_UNIT_TEXT_MAX]);
    } kinds[] = {{ra_duration_parse, ra_duration_format},
                 {ra_size_parse, ra_size_format},
                 {ra_share_parse, ra_share_format}};
    int64_t v, w;
    char out[RA_UNIT_TEXT_MAX];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!kinds[i].parse(text, &v))
            continue;
        kinds[i].format(v, out);
        FUZZ_CHECK(v >= 0 && kinds[i].parse(out, &w) && v == w);
    }
    if (ra_count_parse(text, &v))
        FUZZ_CHECK(v == strtoll(text, NULL, 10));
}

static void check_redis_url(const char *text)
{
    ra_pool pool = {0};
    ra_config_redis r = {0};
    const char *why = ra_redis_url_parse(text, &pool, &r);
    if (!why)
        FUZZ_CHECK(!r.host == (r.socket != NULL) && (!r.socket || !r.tls) &&
                   r.database <= RA_REDIS_DATABASE_MOST);
    else
        FUZZ_CHECK(*why && !r.host && !r.socket && !r.password);
    ra_pool_free(&pool);
}

static void check_endpoint(const char *text)
{
    char out[RA_ENDPOINT_MAX], again[RA_ENDPOINT_MAX], region[64];
    if (!ra_endpoint_normalise(text, out)) {
        FUZZ_CHECK(!ra_endpoint_normalise(out, again) && strcmp(out, again) == 0);
        if (ra_endpoint_for_streams(out, again))
            FUZZ_CHECK(!ra_endpoint_normalise(again, out) && strcmp(out, again) == 0);
        if (ra_endpoint_region(out, region, sizeof region))
            FUZZ_CHECK(strlen(region) < sizeof region);
    }
    if (!ra_momento_endpoint(text, out))
        FUZZ_CHECK(!ra_momento_endpoint(out, again) && strcmp(out, again) == 0);
}

static void check_momento_key(const char *text)
{
    char endpoint[RA_ENDPOINT_MAX] = "", again[RA_ENDPOINT_MAX];
    enum ra_momento_key_kind kind;
    if (ra_momento_key_read(text, &kind, endpoint))
        return;
    FUZZ_CHECK(kind != RA_MOMENTO_KEY_V1 || *endpoint);
    FUZZ_CHECK(!*endpoint || (!ra_endpoint_normalise(endpoint, again) && strcmp(endpoint, again) == 0));
}

static void check_secret_key(const char *text)
{
    unsigned char key[RA_ENCRYPTION_KEY_BYTES];
    if (ra_secret_key_parse(text, key))
        FUZZ_CHECK(strlen(text) == 64 || strlen(text) == 44 || strlen(text) == 43);
}

static void check_address(const char *text)
{
    char host[RA_ADDRESS_HOST_MAX];
    uint16_t port;
    enum ra_address_result r = ra_address_parse(text, host, &port);
    if (r != RA_ADDRESS_MALFORMED)
        FUZZ_CHECK(*host && ra_address_is_loopback(host) == (r == RA_ADDRESS_OK));
}

static size_t character(const char *text)
{
    size_t n = 1;
    while (((unsigned char)text[n] & 0xc0) == 0x80)
        n++;
    return n;
}

static bool matches(const char *glob, const char *text)
{
    if (!*glob)
        return !*text;
    if (*glob == '*')
        return matches(glob + 1, text) || (*text && matches(glob, text + character(text)));
    if (!*text)
        return false;
    if (*glob == '?')
        return matches(glob + 1, text + character(text));
    return *glob == *text && matches(glob + 1, text + 1);
}

static void check_glob(const char *both)
{
    ra_bytes text = ra_bytes_z(both), glob = fuzz_line(&text);
    if (glob.n > GLOB_MAX || text.n > TEXT_MAX || !ra_route_utf8(glob) || !ra_route_utf8(text))
        return;
    size_t stars = 0;
    for (size_t i = 0; i < glob.n; i++)
        stars += glob.p[i] == '*';
    if (stars > 4) /* every way would take too long */
        return;
    char *g = fuzz_text(glob), *t = fuzz_text(text), *exact = fuzz_copy(text);
    FUZZ_CHECK(ra_glob_match(g, exact, text.n) == matches(g, t));
    FUZZ_CHECK(!ra_glob_matches_all(g) || matches(g, t));
    free(g);
    free(t);
    free(exact);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static void (*const checks[])(const char *) = {check_quantity,    check_redis_url,  check_endpoint,
                                                   check_momento_key, check_secret_key, check_address,
                                                   check_glob};
    enum { CHECKS = sizeof checks / sizeof *checks };
    ra_bytes rest = {(const char *)data, size};
    unsigned choice = fuzz_choice(&rest, CHECKS + 1);
    char *copy = choice == 0 ? fuzz_copy(rest) : fuzz_text(rest);
    if (choice == 0)
        check_config((ra_bytes){copy, rest.n});
    else
        checks[choice - 1](copy);
    free(copy);
    return 0;
}
