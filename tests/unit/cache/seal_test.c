/* What is sealed opens as it was; what was touched, moved or made by others doesn't. */
#include "cache/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "refusing_malloc.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CAP = 2 << 20 };
typedef unsigned char key_bytes[RA_SEAL_KEY_BYTES];

static const key_bytes key_a = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
static const key_bytes key_b = {0xff, 7};
static const ra_key unit = {{1, 2, 3}}, request = {{4, 5, 6}};

/* Without `first`: no keys. */
static ra_seal_keys *keys_of(const key_bytes first, const unsigned char *second)
{
    key_bytes both[2];
    size_t n = 0;
    if (first)
        memcpy(both[n++], first, RA_SEAL_KEY_BYTES);
    if (second)
        memcpy(both[n++], second, RA_SEAL_KEY_BYTES);
    ra_seal_keys *k = ra_seal_keys_new((const unsigned char(*)[RA_SEAL_KEY_BYTES])both, n);
    assert_non_null(k);
    return k;
}

static ra_payload *payload_of(size_t n, unsigned char first)
{
    char *body = malloc(n + 1);
    for (size_t i = 0; i < n; i++)
        body[i] = (char)(first + i * 31);
    ra_payload *p = ra_payload_new((ra_bytes){body, n}, 0xdeadbeef, 0x01020304, 1700000000123);
    free(body);
    assert_non_null(p);
    return p;
}

static void assert_same(const ra_payload *a, const ra_payload *b)
{
    assert_int_equal(a->len, b->len);
    assert_int_equal(a->crc32, b->crc32);
    assert_int_equal(a->meta, b->meta);
    assert_int_equal(a->filled_ms, b->filled_ms);
    assert_memory_equal(a->body, b->body, a->len);
}

/* Its bytes are the caller's to free. The copy is exact, so that a sanitizer sees who reads past it. */
static ra_bytes sealed_of(const ra_seal_keys *k, const ra_payload *p)
{
    ra_buf out;
    ra_buf_init(&out, CAP);
    assert_true(ra_seal(k, &unit, &request, p, &out));
    assert_true(out.n <= (size_t)p->len + RA_SEAL_OVERHEAD);
    char *exact = malloc(out.n);
    memcpy(exact, out.p, out.n);
    ra_bytes sealed = {exact, out.n};
    ra_buf_free(&out);
    return sealed;
}

static void free_bytes(ra_bytes b)
{
    free((char *)b.p);
}

static void assert_result(const ra_seal_keys *k, const ra_key *u, const ra_key *r, ra_bytes sealed,
                          enum ra_open_result expected)
{
    static ra_payload untouched;
    ra_payload *p = &untouched;
    assert_int_equal(ra_open(k, u, r, sealed, &p), expected);
    if (expected == RA_OPENED)
        assert_non_null(p);
    else
        assert_null(p);
    ra_payload_unref(p);
    assert_int_equal(ERR_peek_error(), 0); /* a TLS connection would take it for its own */
}

static void round_trip(const ra_seal_keys *k, size_t n)
{
    ra_payload *p = payload_of(n, (unsigned char)n), *back = NULL;
    ra_bytes sealed = sealed_of(k, p);
    assert_int_equal(ra_open(k, &unit, &request, sealed, &back), RA_OPENED);
    assert_same(back, p);
    assert_int_equal(atomic_load(&back->refs), 1);
    free_bytes(sealed);
    ra_payload_unref(back);
    ra_payload_unref(p);
}

static void test_every_length_there_and_back(void **state)
{
    (void)state;
    for (unsigned with_key = 0; with_key < 2; with_key++) {
        ra_seal_keys *k = keys_of(with_key ? key_a : NULL, NULL);
        for (size_t n = 0; n <= 1000; n++)
            round_trip(k, n);
        round_trip(k, 1 << 20);
        ra_seal_keys_free(k);
    }
}

static void test_extreme_heads(void **state)
{
    (void)state;
    const int64_t filled[] = {0, -1, INT64_MIN, INT64_MAX};
    for (unsigned i = 0; i < 8; i++) {
        ra_seal_keys *k = keys_of(i & 4 ? key_a : NULL, NULL);
        ra_payload *p = ra_payload_new(RA_BYTES("x"), UINT32_MAX, UINT32_MAX - i, filled[i & 3]), *back;
        ra_bytes sealed = sealed_of(k, p);
        assert_int_equal(ra_open(k, &unit, &request, sealed, &back), RA_OPENED);
        assert_same(back, p);
        free_bytes(sealed);
        ra_payload_unref(back);
        ra_payload_unref(p);
        ra_seal_keys_free(k);
    }
}

/* ---- the layout, against values made by another implementation (Python's cryptography and zlib) ---- */

static const char body_known[] = "{\"Items\":[]}";
static const char sealed_known[] = /* by key_a, nonce c0..cb */
    "01630dcd29c0c1c2c3c4c5c6c7c8c9cacb004826ecb89dfe253dc7e16f32ace8513751aa4b598f6c9810981677b28ead8306fced"
    "7f2e2a3ca1ad8bc1c9";
static const char plain_known[] = "02a61ae27d0000018bcfe5687ba51e1ccd000000077b224974656d73223a5b5d7d";

static ra_bytes bytes_of_hex(const char *hex)
{
    size_t n = strlen(hex) / 2;
    char *p = malloc(n);
    for (size_t i = 0; i < n; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], 0};
        p[i] = (char)strtoul(two, NULL, 16);
    }
    return (ra_bytes){p, n};
}

static void known_key(ra_key *u, ra_key *r)
{
    memset(u->b, 0xa1, RA_KEY_BYTES);
    memset(r->b, 0xb2, RA_KEY_BYTES);
}

static void opens_known(const ra_seal_keys *k, const char *hex)
{
    ra_key u, r;
    known_key(&u, &r);
    ra_bytes value = bytes_of_hex(hex);
    ra_payload *p = NULL;
    assert_int_equal(ra_open(k, &u, &r, value, &p), RA_OPENED);
    assert_true(ra_bytes_eq_z((ra_bytes){p->body, p->len}, body_known));
    assert_int_equal(p->filled_ms, 1700000000123);
    assert_int_equal(p->crc32, 0xa51e1ccd);
    assert_int_equal(p->meta, 7);
    ra_payload_unref(p);
    free_bytes(value);
}

static void test_known_values_open(void **state)
{
    (void)state;
    ra_seal_keys *sealing = keys_of(key_a, NULL), *none = keys_of(NULL, NULL);
    opens_known(sealing, sealed_known);
    opens_known(none, plain_known);
    ra_seal_keys_free(sealing);
    ra_seal_keys_free(none);
}

static void test_what_is_written_has_that_layout(void **state)
{
    (void)state;
    ra_seal_keys *sealing = keys_of(key_a, NULL), *none = keys_of(NULL, NULL);
    ra_bytes sealed = bytes_of_hex(sealed_known), plain = bytes_of_hex(plain_known);
    ra_key u, r;
    known_key(&u, &r);
    ra_payload *p = ra_payload_new(ra_bytes_z(body_known), 0xa51e1ccd, 7, 1700000000123);
    ra_buf out;
    ra_buf_init(&out, CAP);
    assert_true(ra_seal(none, &u, &r, p, &out));
    assert_int_equal(out.n, plain.n);
    assert_memory_equal(out.p, plain.p, plain.n);
    ra_buf_clear(&out);
    /* the nonce is random, and all that follows depends on it */
    assert_true(ra_seal(sealing, &u, &r, p, &out));
    assert_int_equal(out.n, sealed.n);
    assert_memory_equal(out.p, sealed.p, 5);
    assert_memory_not_equal(out.p + 5, sealed.p + 5, 12);
    assert_memory_not_equal(out.p + 17, sealed.p + 17, 16);
    ra_buf_free(&out);
    ra_payload_unref(p);
    free_bytes(sealed);
    free_bytes(plain);
    ra_seal_keys_free(sealing);
    ra_seal_keys_free(none);
}

static void test_sealed_twice_is_never_the_same(void **state)
{
    (void)state;
    enum { TIMES = 1000 };
    ra_seal_keys *k = keys_of(key_a, NULL);
    ra_payload *p = payload_of(40, 0);
    ra_bytes sealed[TIMES];
    for (size_t i = 0; i < TIMES; i++) {
        sealed[i] = sealed_of(k, p);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(sealed[i].p + 5, sealed[j].p + 5, 12);
        for (size_t at = 0; at + 8 <= sealed[i].n; at++) /* and shows nothing of the body */
            assert_memory_not_equal(sealed[i].p + at, p->body, 8);
    }
    for (size_t i = 0; i < TIMES; i++)
        free_bytes(sealed[i]);
    ra_payload_unref(p);
    ra_seal_keys_free(k);
}

/* ---- touched ---- */

static void test_every_flipped_bit_is_found(void **state)
{
    (void)state;
    for (unsigned with_key = 0; with_key < 2; with_key++) {
        ra_seal_keys *k = keys_of(with_key ? key_a : NULL, with_key ? key_b : NULL);
        ra_payload *p = payload_of(300, 9);
        ra_bytes sealed = sealed_of(k, p);
        char *touched = (char *)sealed.p;
        size_t says = with_key ? 5 : 1; /* the first bytes name version and key */
        for (size_t bit = 0; bit < sealed.n * 8; bit++) {
            touched[bit / 8] = (char)(touched[bit / 8] ^ 1 << bit % 8);
            assert_result(k, &unit, &request, sealed, bit / 8 < says ? RA_OPEN_FOREIGN : RA_OPEN_DAMAGED);
            touched[bit / 8] = (char)(touched[bit / 8] ^ 1 << bit % 8);
        }
        assert_result(k, &unit, &request, sealed, RA_OPENED);
        free_bytes(sealed);
        ra_payload_unref(p);
        ra_seal_keys_free(k);
    }
}

static void test_cut_or_lengthened_anywhere(void **state)
{
    (void)state;
    for (unsigned with_key = 0; with_key < 2; with_key++) {
        ra_seal_keys *k = keys_of(with_key ? key_a : NULL, NULL);
        ra_payload *p = payload_of(200, 9);
        ra_bytes sealed = sealed_of(k, p);
        for (size_t n = 0; n < sealed.n; n++) {
            char *exact = malloc(n ? n : 1); /* nothing may be read behind it */
            memcpy(exact, sealed.p, n);
            assert_result(k, &unit, &request, (ra_bytes){exact, n}, RA_OPEN_DAMAGED);
            free(exact);
        }
        for (size_t more = 1; more < 40; more++) {
            char *longer = calloc(1, sealed.n + more);
            memcpy(longer, sealed.p, sealed.n);
            assert_result(k, &unit, &request, (ra_bytes){longer, sealed.n + more}, RA_OPEN_DAMAGED);
            free(longer);
        }
        assert_result(k, &unit, &request, (ra_bytes){NULL, 0}, RA_OPEN_DAMAGED);
        free_bytes(sealed);
        ra_payload_unref(p);
        ra_seal_keys_free(k);
    }
}

static void test_random_bytes_never_open(void **state)
{
    (void)state;
    ra_seal_keys *k[] = {keys_of(key_a, NULL), keys_of(NULL, NULL)};
    const unsigned char id_of_key_a[] = {0x63, 0x0d, 0xcd, 0x29};
    uint64_t random = 3;
    for (unsigned i = 0; i < 20000; i++) {
        unsigned char noise[128];
        for (size_t j = 0; j < sizeof noise; j++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            noise[j] = (unsigned char)(random >> 56);
        }
        size_t n = random >> 32 & 127;
        noise[0] &= 3;
        if (i & 1)
            memcpy(noise + 1, id_of_key_a, sizeof id_of_key_a);
        ra_payload *p;
        assert_int_not_equal(ra_open(k[i >> 1 & 1], &unit, &request, (ra_bytes){(char *)noise, n}, &p),
                             RA_OPENED);
        assert_null(p);
    }
    ra_seal_keys_free(k[0]);
    ra_seal_keys_free(k[1]);
}

/* ---- moved ---- */

static void test_another_place_is_found(void **state)
{
    (void)state;
    for (unsigned with_key = 0; with_key < 2; with_key++) {
        ra_seal_keys *k = keys_of(with_key ? key_a : NULL, NULL);
        ra_payload *p = payload_of(50, 1);
        ra_bytes sealed = sealed_of(k, p);
        assert_result(k, &request, &unit, sealed, RA_OPEN_DAMAGED);
        assert_result(k, &unit, &unit, sealed, RA_OPEN_DAMAGED);
        assert_result(k, &request, &request, sealed, RA_OPEN_DAMAGED);
        for (size_t bit = 0; bit < (size_t)RA_KEY_BYTES * 8; bit++) {
            ra_key u = unit, r = request;
            u.b[bit / 8] = (unsigned char)(u.b[bit / 8] ^ 1u << bit % 8);
            r.b[bit / 8] = (unsigned char)(r.b[bit / 8] ^ 1u << bit % 8);
            assert_result(k, &u, &request, sealed, RA_OPEN_DAMAGED);
            assert_result(k, &unit, &r, sealed, RA_OPEN_DAMAGED);
        }
        assert_result(k, &unit, &request, sealed, RA_OPENED);
        free_bytes(sealed);
        ra_payload_unref(p);
        ra_seal_keys_free(k);
    }
}

/* ---- made by others ---- */

static void test_keys_rotate(void **state)
{
    (void)state;
    ra_seal_keys *old = keys_of(key_a, NULL), *both = keys_of(key_b, key_a), *new = keys_of(key_b, NULL);
    ra_payload *p = payload_of(50, 1);
    ra_bytes by_old = sealed_of(old, p), by_both = sealed_of(both, p);
    assert_result(both, &unit, &request, by_old, RA_OPENED);
    assert_result(both, &unit, &request, by_both, RA_OPENED);
    assert_result(new, &unit, &request, by_both, RA_OPENED); /* the first of them has sealed it */
    assert_result(new, &unit, &request, by_old, RA_OPEN_FOREIGN);
    assert_result(old, &unit, &request, by_both, RA_OPEN_FOREIGN);
    free_bytes(by_old);
    free_bytes(by_both);
    ra_payload_unref(p);
    ra_seal_keys_free(old);
    ra_seal_keys_free(both);
    ra_seal_keys_free(new);
}

static void test_plain_and_sealed_are_not_confused(void **state)
{
    (void)state;
    ra_seal_keys *sealing = keys_of(key_a, key_b), *none = keys_of(NULL, NULL);
    ra_payload *p = payload_of(50, 1);
    ra_bytes sealed = sealed_of(sealing, p), plain = sealed_of(none, p);
    assert_result(none, &unit, &request, sealed, RA_OPEN_FOREIGN);
    assert_result(sealing, &unit, &request, plain, RA_OPEN_FOREIGN);
    ((char *)sealed.p)[0] = 2;
    ((char *)plain.p)[0] = 1;
    assert_result(none, &unit, &request, sealed, RA_OPEN_DAMAGED);
    assert_result(sealing, &unit, &request, plain, RA_OPEN_FOREIGN);
    for (int version = 3; version < 256; version++) {
        ((char *)sealed.p)[0] = (char)version;
        assert_result(none, &unit, &request, sealed, RA_OPEN_FOREIGN);
        assert_result(sealing, &unit, &request, sealed, RA_OPEN_FOREIGN);
    }
    free_bytes(sealed);
    free_bytes(plain);
    ra_payload_unref(p);
    ra_seal_keys_free(sealing);
    ra_seal_keys_free(none);
}

/* Two keys whose SHA-256 begin with the same 4 bytes; found by search. */
static void test_keys_that_share_an_id(void **state)
{
    (void)state;
    const key_bytes one = {[29] = 0, 0xc4, 0x93}, two = {[29] = 0, 0xd3, 0xf4};
    ra_seal_keys *k1 = keys_of(one, NULL), *k2 = keys_of(two, NULL), *both = keys_of(one, two);
    ra_payload *p = payload_of(50, 1);
    ra_bytes by1 = sealed_of(k1, p), by2 = sealed_of(k2, p);
    assert_memory_equal(by1.p, by2.p, 5);
    assert_result(both, &unit, &request, by1, RA_OPENED);
    assert_result(both, &unit, &request, by2, RA_OPENED);
    assert_result(k1, &unit, &request, by2, RA_OPEN_DAMAGED);
    ((char *)by2.p)[20] ^= 1;
    assert_result(both, &unit, &request, by2, RA_OPEN_DAMAGED);
    free_bytes(by1);
    free_bytes(by2);
    ra_payload_unref(p);
    ra_seal_keys_free(k1);
    ra_seal_keys_free(k2);
    ra_seal_keys_free(both);
}

static void test_keys_that_are_refused(void **state)
{
    (void)state;
    key_bytes three[3] = {{1}, {2}, {1}};
    const unsigned char(*keys)[RA_SEAL_KEY_BYTES] = (const unsigned char(*)[RA_SEAL_KEY_BYTES])three;
    assert_null(ra_seal_keys_new(keys, 3));
    assert_null(ra_seal_keys_new(keys, SIZE_MAX / 36 + 1)); /* what it needs wraps to little */
    ra_seal_keys *k = ra_seal_keys_new(keys, 2);
    assert_non_null(k);
    memset(three, 0, sizeof three); /* copied */
    round_trip(k, 10);
    ra_seal_keys_free(k);
    ra_seal_keys_free(NULL);
}

/* ---- what can go wrong here ---- */

static void test_a_full_buffer_keeps_what_it_had(void **state)
{
    (void)state;
    for (unsigned with_key = 0; with_key < 2; with_key++) {
        ra_seal_keys *k = keys_of(with_key ? key_a : NULL, NULL);
        ra_payload *p = payload_of(100, 0);
        ra_bytes sealed = sealed_of(k, p);
        for (size_t cap = 3; cap <= sealed.n + 3; cap++) {
            ra_buf out;
            ra_buf_init(&out, cap);
            assert_true(ra_buf_add_z(&out, "abc"));
            assert_int_equal(ra_seal(k, &unit, &request, p, &out), cap == sealed.n + 3);
            assert_int_equal(ra_buf_ok(&out), cap == sealed.n + 3);
            assert_int_equal(out.n, cap == sealed.n + 3 ? cap : 3);
            assert_memory_equal(out.p, "abc", 3);
            if (ra_buf_ok(&out))
                assert_result(k, &unit, &request, (ra_bytes){out.p + 3, out.n - 3}, RA_OPENED);
            ra_buf_free(&out);
        }
        free_bytes(sealed);
        ra_payload_unref(p);
        ra_seal_keys_free(k);
    }
}

static void test_too_long(void **state)
{
    (void)state;
    for (unsigned with_key = 0; with_key < 2; with_key++) {
        ra_seal_keys *k = keys_of(with_key ? key_a : NULL, NULL);
        ra_payload *p = payload_of(10, 0);
        p->len = RA_SEAL_BODY_MOST + 1;
        ra_buf out;
        ra_buf_init(&out, SIZE_MAX);
        assert_false(ra_seal(k, &unit, &request, p, &out));
        assert_false(ra_buf_ok(&out));
        assert_int_equal(out.n, 0);
        assert_null(out.p);
        p->len = 10;
        ra_payload_unref(p);
        const char *few = with_key ? "\x01\x63\x0d\xcd\x29" : "\x02";
        size_t n = (size_t)RA_SEAL_BODY_MOST + RA_SEAL_OVERHEAD + 1;
        assert_result(k, &unit, &request, (ra_bytes){few, n}, RA_OPEN_DAMAGED);
        ra_buf_free(&out);
        ra_seal_keys_free(k);
    }
}

#ifndef OWN_ALLOCATOR
static void test_without_memory(void **state)
{
    (void)state;
    unsigned sealed_well = 0, opened = 0, refusals = 0;
    ra_payload *p = payload_of(3000, 0);
    for (unsigned i = 0; i < 4000; i++) {
        key_bytes both[2] = {{1}, {2}};
        refuse_one_in = 2 + i % 7;
        ra_seal_keys *k = ra_seal_keys_new((const unsigned char(*)[RA_SEAL_KEY_BYTES])both, i % 3);
        refuse_one_in = 0;
        assert_int_equal(ERR_peek_error(), 0);
        if (!k) {
            refusals++;
            continue;
        }
        ra_buf out;
        ra_buf_init(&out, CAP);
        refuse_one_in = 2 + i % 7;
        bool ok = ra_seal(k, &unit, &request, p, &out);
        refuse_one_in = 0;
        assert_int_equal(ERR_peek_error(), 0);
        sealed_well += ok;
        if (!ok) {
            assert_int_equal(out.n, 0);
            ra_buf_free(&out);
            ra_buf_init(&out, CAP);
            assert_true(ra_seal(k, &unit, &request, p, &out));
        }
        ra_payload *back;
        refuse_one_in = 2 + i % 7;
        enum ra_open_result r = ra_open(k, &unit, &request, ra_buf_bytes(&out), &back);
        refuse_one_in = 0;
        assert_int_equal(ERR_peek_error(), 0);
        opened += r == RA_OPENED;
        if (r == RA_OPENED)
            assert_same(back, p);
        else
            assert_int_equal(r, RA_OPEN_NO_MEMORY); /* memory is no reason to call a value forged */
        ra_payload_unref(back);
        ra_buf_free(&out);
        ra_seal_keys_free(k);
    }
    ra_payload_unref(p);
    assert_true(sealed_well > 100 && opened > 100 && refusals > 100);
}
#endif

enum { THREADS = 4, ROUNDS = 500 };

static void *seal_and_open(void *arg)
{
    for (size_t i = 0; i < ROUNDS; i++)
        round_trip(arg, i);
    return NULL;
}

static void test_one_set_of_keys_for_all_threads(void **state)
{
    (void)state;
    ra_seal_keys *k = keys_of(key_a, NULL);
    pthread_t thread[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, seal_and_open, k), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    ra_seal_keys_free(k);
}

/* ---- what it costs: printed, for whoever changes it ---- */

static double microseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void test_what_7_kb_cost(void **state)
{
    (void)state;
    enum { TIMES = 2000 };
    for (unsigned with_key = 0; with_key < 2; with_key++) {
        ra_seal_keys *k = keys_of(with_key ? key_a : NULL, NULL);
        ra_payload *p = payload_of(7 << 10, 0);
        ra_buf out;
        ra_buf_init(&out, CAP);
        double start = microseconds();
        for (unsigned i = 0; i < TIMES; i++) {
            ra_buf_clear(&out);
            assert_true(ra_seal(k, &unit, &request, p, &out));
        }
        double sealed = microseconds();
        for (unsigned i = 0; i < TIMES; i++) {
            ra_payload *back;
            assert_int_equal(ra_open(k, &unit, &request, ra_buf_bytes(&out), &back), RA_OPENED);
            ra_payload_unref(back);
        }
        printf("%s, 7 KB: %.2f us to seal, %.2f us to open\n", with_key ? "sealed" : "plain",
               (sealed - start) / TIMES, (microseconds() - sealed) / TIMES);
        ra_buf_free(&out);
        ra_payload_unref(p);
        ra_seal_keys_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length_there_and_back),
        cmocka_unit_test(test_extreme_heads),
        cmocka_unit_test(test_known_values_open),
        cmocka_unit_test(test_what_is_written_has_that_layout),
        cmocka_unit_test(test_sealed_twice_is_never_the_same),
        cmocka_unit_test(test_every_flipped_bit_is_found),
        cmocka_unit_test(test_cut_or_lengthened_anywhere),
        cmocka_unit_test(test_random_bytes_never_open),
        cmocka_unit_test(test_another_place_is_found),
        cmocka_unit_test(test_keys_rotate),
        cmocka_unit_test(test_plain_and_sealed_are_not_confused),
        cmocka_unit_test(test_keys_that_share_an_id),
        cmocka_unit_test(test_keys_that_are_refused),
        cmocka_unit_test(test_a_full_buffer_keeps_what_it_had),
        cmocka_unit_test(test_too_long),
#ifndef OWN_ALLOCATOR
        cmocka_unit_test(test_without_memory),
#endif
        cmocka_unit_test(test_one_set_of_keys_for_all_threads),
        cmocka_unit_test(test_what_7_kb_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
