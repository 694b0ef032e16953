/*
 * Attribute values. The first character says what follows: a number's text (a), base64 (b), bytes (c), an
 * attribute value's JSON (d).
 * - A number's canonical text is its own canonical text, and so is that of its plain form; all three are the
 *   same number to strtod.
 * - Base64 that is decoded is what encoding its bytes gives, and bytes come back from it.
 * - A value in another spelling has the same canonical form.
 */
#include "proxy/value.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/respell.h"

#include <math.h>

enum { ARENA = 16 << 20, FORM = 16 << 20 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static double to_double(ra_bytes text)
{
    char *z = fuzz_text(text), *end;
    double d = strtod(z, &end);
    FUZZ_CHECK(*end == '\0');
    free(z);
    return d;
}

static void check_number(ra_bytes text)
{
    char canonical[RA_NUMBER_TEXT_MAX], again[RA_NUMBER_TEXT_MAX], plain[RA_NUMBER_PLAIN_MAX];
    size_t n, m;
    if (!ra_number_canonical(text, canonical, &n))
        return;
    FUZZ_CHECK(n > 0 && n <= sizeof canonical);
    ra_bytes form = {canonical, n};
    double d = to_double(text);
    FUZZ_CHECK(isfinite(d) && to_double(form) == d);
    FUZZ_CHECK(ra_number_canonical(form, again, &m) && ra_bytes_eq(form, (ra_bytes){again, m}));
    size_t p = ra_number_plain(form, plain);
    FUZZ_CHECK(p > 0 && p <= sizeof plain && !memchr(plain, 'e', p));
    FUZZ_CHECK(to_double((ra_bytes){plain, p}) == d);
    FUZZ_CHECK(ra_number_canonical((ra_bytes){plain, p}, again, &m));
    FUZZ_CHECK(ra_bytes_eq(form, (ra_bytes){again, m}));
}

static void check_base64(ra_bytes text, ra_arena *a)
{
    ra_bytes bytes, again;
    if (!ra_base64_decode(text, a, &bytes))
        return;
    FUZZ_CHECK(ra_base64_encode(bytes, a, &again) && ra_bytes_eq(text, again));
}

static void check_bytes(ra_bytes bytes, ra_arena *a)
{
    ra_bytes text, again;
    FUZZ_CHECK(ra_base64_encode(bytes, a, &text) && ra_base64_decode(text, a, &again));
    FUZZ_CHECK(ra_bytes_eq(bytes, again));
}

/* A scalar is one whatever the form: as text, as parts of a key, as a value. */
static void check_scalar(const ra_scalar *s, ra_arena *a)
{
    ra_bytes text;
    ra_buf parts;
    FUZZ_CHECK(ra_scalar_text(s, a, &text));
    if (s->type == RA_SCALAR_N) {
        char again[RA_NUMBER_TEXT_MAX];
        size_t n;
        FUZZ_CHECK(ra_number_canonical(text, again, &n) && ra_bytes_eq(s->bytes, (ra_bytes){again, n}));
    }
    ra_buf_init(&parts, FORM);
    FUZZ_CHECK(ra_scalar_key_parts(s, &parts) && parts.n == s->bytes.n + 9);
    ra_buf_free(&parts);
}

static bool canonical_of(const ra_json *j, ra_arena *a, bool map, ra_buf *out)
{
    ra_buf_init(out, FORM);
    bool ok = map ? ra_value_map_canonical(j, 0, a, out) : ra_value_canonical(j, 0, a, out);
    FUZZ_CHECK(!ok || ra_buf_ok(out));
    return ok;
}

static void check_value(const ra_json *j, const ra_json *other, ra_arena *a)
{
    ra_buf x, y;
    ra_scalar s, t;
    for (int map = 0; map < 2; map++) {
        bool ok = canonical_of(j, a, map, &x);
        FUZZ_CHECK(canonical_of(other, a, map, &y) == ok);
        FUZZ_CHECK(!ok || ra_bytes_eq(ra_buf_bytes(&x), ra_buf_bytes(&y)));
        ra_buf_free(&x);
        ra_buf_free(&y);
    }
    bool scalar = ra_scalar_read(j, 0, a, &s);
    FUZZ_CHECK(ra_scalar_read(other, 0, a, &t) == scalar);
    if (!scalar)
        return;
    FUZZ_CHECK(ra_scalar_eq(&s, &t));
    check_scalar(&s, a);
}

static void check_json(ra_bytes text, ra_arena *a)
{
    ra_json j, other;
    ra_buf spelled;
    size_t at;
    if (ra_json_parse(&j, text, NULL, &at) != RA_JSON_OK)
        return;
    ra_buf_init(&spelled, FORM);
    fuzz_respell(&j, 0, &spelled);
    FUZZ_CHECK(ra_json_parse(&other, ra_buf_bytes(&spelled), NULL, &at) == RA_JSON_OK);
    check_value(&j, &other, a);
    ra_json_free(&other);
    ra_json_free(&j);
    ra_buf_free(&spelled);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ra_bytes rest = {(const char *)data, size};
    ra_arena a;
    unsigned choice = fuzz_choice(&rest, 4);
    char *copy = fuzz_copy(rest);
    ra_bytes text = {copy, rest.n};
    ra_arena_init(&a, ARENA);
    if (choice == 0)
        check_number(text);
    else if (choice == 1)
        check_base64(text, &a);
    else if (choice == 2)
        check_bytes(text, &a);
    else
        check_json(text, &a);
    ra_arena_free(&a);
    free(copy);
    return 0;
}
