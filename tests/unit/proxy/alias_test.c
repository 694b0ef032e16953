/* What a request's bytes mean: found byte for byte or not at all, for a second, within bounds. */
#include "proxy/alias.h"
#include "tests/unit/cache/refusing_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

enum { LARGE = 1 << 20, SETS = RA_ALIAS_SETS };

#define GET   RA_BYTES("DynamoDB_20120810.GetItem")
#define QUERY RA_BYTES("DynamoDB_20120810.Query")
#define BODY  RA_BYTES("{\"TableName\":\"t\"}")

static ra_config *config, *other;

static ra_config *parse(void)
{
    static const char text[] =
        "{\"upstream\": {\"endpoint\": \"http://127.0.0.1:1\", \"region\": \"us-east-1\"}}";
    ra_problems problems;
    ra_config *c = ra_config_parse(text, sizeof text - 1, "here", &problems);
    ra_problems_free(&problems);
    return c;
}

static int load(void **state)
{
    (void)state;
    config = parse();
    other = parse();
    return config && other ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    ra_config_unref(config);
    ra_config_unref(other);
    return 0;
}

static ra_alias_basis basis(int64_t now)
{
    return (ra_alias_basis){.config = config, .tables_version = 7, .now = now};
}

static ra_key key_of(unsigned n)
{
    ra_key k;
    memset(&k, 0xa5, sizeof k);
    memcpy(k.b, &n, sizeof n);
    return k;
}

static ra_lookup meaning(unsigned n)
{
    ra_lookup v = {.unit = key_of(n),
                   .request = key_of(n + 1),
                   .nguards = n % 3,
                   .exact = n % 2,
                   .ttl = 10 + n,
                   .negative_ttl = 20 + n};
    for (unsigned i = 0; i < v.nguards; i++)
        v.guard[i] = key_of(n + 2 + i);
    return v;
}

static ra_aliases *aliases_new(size_t max_bytes)
{
    ra_aliases *a = ra_aliases_new(max_bytes);
    assert_non_null(a);
    return a;
}

static void learn(ra_aliases *a, ra_bytes target, ra_bytes body, int64_t now, unsigned n)
{
    ra_alias_basis b = basis(now);
    ra_lookup v = meaning(n);
    ra_aliases_learn(a, &(ra_alias_asked){.target = target, .body = body}, &b, &v);
}

/* Found, and with this meaning; or not found at all. */
static bool finds(ra_aliases *a, ra_bytes target, ra_bytes body, int64_t now, unsigned n)
{
    ra_alias_basis b = basis(now);
    ra_lookup got, want = meaning(n);
    memset(&got, 0xff, sizeof got);
    if (!ra_aliases_find(a, &(ra_alias_asked){.target = target, .body = body}, &b, &got))
        return false;
    assert_true(ra_key_eq(&got.unit, &want.unit) && ra_key_eq(&got.request, &want.request));
    assert_int_equal(got.nguards, want.nguards);
    for (unsigned i = 0; i < want.nguards; i++)
        assert_true(ra_key_eq(&got.guard[i], &want.guard[i]));
    assert_int_equal(got.exact, want.exact);
    assert_int_equal(got.ttl, want.ttl);
    assert_int_equal(got.negative_ttl, want.negative_ttl);
    assert_null(got.payload);
    assert_false(got.awaits || got.near);
    assert_int_equal(got.token.unit.len + got.token.guard[0].len + got.token.guard[1].len, 0);
    return true;
}

static void found_as_it_was_learnt(void **state)
{
    (void)state;
    ra_aliases *a = aliases_new(LARGE);
    assert_false(finds(a, GET, BODY, 0, 0));
    for (unsigned n = 0; n < 6; n++) {
        char body[32];
        snprintf(body, sizeof body, "body %u", n);
        learn(a, n % 2 ? GET : QUERY, ra_bytes_z(body), 0, n);
    }
    for (unsigned n = 0; n < 6; n++) {
        char body[32];
        snprintf(body, sizeof body, "body %u", n);
        assert_true(finds(a, n % 2 ? GET : QUERY, ra_bytes_z(body), 0, n));
        assert_false(finds(a, n % 2 ? QUERY : GET, ra_bytes_z(body), 0, n));
    }
    learn(a, GET, RA_BYTES(""), 0, 1); /* which is bytes too */
    assert_true(finds(a, GET, RA_BYTES(""), 0, 1));
    ra_aliases_free(a);
    ra_aliases_free(NULL);
}

/* What one may have is not another's: the same bytes, by whom they are asked. */
static void each_asker_has_its_own(void **state)
{
    (void)state;
    ra_aliases *a = aliases_new(LARGE);
    ra_alias_basis b = basis(0);
    for (uint64_t who = 0; who < 200; who += 50) {
        ra_lookup v = meaning((unsigned)who), got;
        ra_alias_asked asked = {.principal = who, .target = GET, .body = BODY};
        assert_false(ra_aliases_find(a, &asked, &b, &got));
        ra_aliases_learn(a, &asked, &b, &v);
    }
    for (uint64_t who = 0; who < 200; who++) {
        ra_lookup got, want = meaning((unsigned)who);
        ra_alias_asked asked = {.principal = who, .target = GET, .body = BODY};
        assert_int_equal(ra_aliases_find(a, &asked, &b, &got), who % 50 == 0);
        if (who % 50 == 0)
            assert_true(ra_key_eq(&got.unit, &want.unit));
    }
    ra_aliases_forget(a, &(ra_alias_asked){.principal = 50, .target = GET, .body = BODY});
    ra_lookup got;
    assert_false(
        ra_aliases_find(a, &(ra_alias_asked){.principal = 50, .target = GET, .body = BODY}, &b, &got));
    assert_true(
        ra_aliases_find(a, &(ra_alias_asked){.principal = 100, .target = GET, .body = BODY}, &b, &got));
    ra_aliases_free(a);
}

/* One other byte anywhere, or one more or less, is another request. */
static void every_byte_counts(void **state)
{
    (void)state;
    static const char all[] =
        "DynamoDB_20120810.Query{\"TableName\":\"chat\",\"Key\":{\"pk\":{\"S\":\"room\"}}}..";
    enum { TARGET_N = 23, N = sizeof all - 3 }; /* the two at the end aren't in it */
    ra_aliases *a = aliases_new(LARGE);
    learn(a, (ra_bytes){all, TARGET_N}, (ra_bytes){all + TARGET_N, N - TARGET_N}, 0, 1);
    assert_true(finds(a, (ra_bytes){all, TARGET_N}, (ra_bytes){all + TARGET_N, N - TARGET_N}, 0, 1));
    for (size_t i = 0; i < N; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            char text[sizeof all];
            memcpy(text, all, sizeof all);
            text[i] = (char)((unsigned char)text[i] ^ 1U << bit);
            assert_false(
                finds(a, (ra_bytes){text, TARGET_N}, (ra_bytes){text + TARGET_N, N - TARGET_N}, 0, 1));
        }
    for (size_t n = 0; n < N + 2 - TARGET_N; n++)
        assert_int_equal(finds(a, (ra_bytes){all, TARGET_N}, (ra_bytes){all + TARGET_N, n}, 0, 1),
                         n == N - TARGET_N);
    /* the same bytes, with the border between the two elsewhere */
    for (size_t n = 0; n <= N; n++)
        assert_int_equal(finds(a, (ra_bytes){all, n}, (ra_bytes){all + n, N - n}, 0, 1), n == TARGET_N);
    ra_aliases_free(a);
}

static void border_of_target_and_body(void **state)
{
    (void)state;
    ra_aliases *a = aliases_new(LARGE);
    learn(a, RA_BYTES("ab"), RA_BYTES("c"), 0, 1);
    assert_false(finds(a, RA_BYTES("a"), RA_BYTES("bc"), 0, 1));
    learn(a, RA_BYTES("a"), RA_BYTES("bc"), 0, 2);
    learn(a, RA_BYTES("abc"), RA_BYTES(""), 0, 3);
    assert_true(finds(a, RA_BYTES("ab"), RA_BYTES("c"), 0, 1));
    assert_true(finds(a, RA_BYTES("a"), RA_BYTES("bc"), 0, 2));
    assert_true(finds(a, RA_BYTES("abc"), RA_BYTES(""), 0, 3));
    ra_aliases_free(a);
}

static void what_it_rests_on(void **state)
{
    (void)state;
    ra_aliases *a = aliases_new(LARGE);
    ra_lookup v;
    learn(a, GET, BODY, 1000, 1);
    assert_true(finds(a, GET, BODY, 1000, 1));
    ra_alias_basis b = basis(1000);
    b.config = other;
    assert_false(ra_aliases_find(a, &(ra_alias_asked){.target = GET, .body = BODY}, &b, &v));
    for (uint64_t version = 6; version <= 8; version++) {
        b = basis(1000);
        b.tables_version = version;
        assert_int_equal(ra_aliases_find(a, &(ra_alias_asked){.target = GET, .body = BODY}, &b, &v),
                         version == 7);
    }
    assert_true(finds(a, GET, BODY, 1000 + RA_ALIAS_LIFE_MS - 1, 1));
    assert_false(finds(a, GET, BODY, 1000 + RA_ALIAS_LIFE_MS, 1));
    assert_false(finds(a, GET, BODY, INT64_MAX, 1));
    ra_aliases_free(a);
}

/* Said again while it is good it stays as old as it is; said again afterwards it is new, and means what is
 * said now. */
static void learnt_again(void **state)
{
    (void)state;
    ra_aliases *a = aliases_new(LARGE);
    learn(a, GET, BODY, 0, 1);
    learn(a, GET, BODY, RA_ALIAS_LIFE_MS - 1, 1);
    size_t bytes = ra_aliases_bytes(a);
    assert_int_equal(bytes, GET.n + BODY.n);
    assert_false(finds(a, GET, BODY, RA_ALIAS_LIFE_MS, 1));
    learn(a, GET, BODY, RA_ALIAS_LIFE_MS, 2);
    assert_true(finds(a, GET, BODY, RA_ALIAS_LIFE_MS, 2));
    assert_int_equal(ra_aliases_bytes(a), bytes);
    ra_lookup v = meaning(5);
    ra_alias_basis b = basis(RA_ALIAS_LIFE_MS);
    b.tables_version++;
    ra_aliases_learn(a, &(ra_alias_asked){.target = GET, .body = BODY}, &b, &v);
    assert_false(finds(a, GET, BODY, RA_ALIAS_LIFE_MS, 5));
    assert_true(ra_aliases_find(a, &(ra_alias_asked){.target = GET, .body = BODY}, &b, &v));
    ra_lookup newest = meaning(5);
    assert_true(ra_key_eq(&v.unit, &newest.unit));
    assert_int_equal(ra_aliases_bytes(a), bytes);
    ra_aliases_free(a);
}

/* Learns `n` of them, one a millisecond. */
__attribute__((unused)) static void learn_many(ra_aliases *a, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char body[32];
        learn(a, GET, (ra_bytes){body, (size_t)snprintf(body, sizeof body, "%u", i)}, i, i);
    }
}

static unsigned count_found(ra_aliases *a, unsigned from, unsigned to, int64_t now)
{
    unsigned found = 0;
    for (unsigned i = from; i < to; i++) {
        char body[32];
        found += finds(a, GET, (ra_bytes){body, (size_t)snprintf(body, sizeof body, "%u", i)}, now, i);
    }
    return found;
}

/*
 * A set is of two: the older one goes. So of the newest as many as there are sets most are there, and the one
 * that was learnt last always is, whatever was learnt before.
 */
/* That one alone; and it can be learnt again at once. */
static void forgotten(void **state)
{
    (void)state;
    ra_aliases *a = ra_aliases_new(LARGE);
    learn(a, GET, BODY, 0, 1);
    size_t one = ra_aliases_bytes(a);
    learn(a, QUERY, BODY, 0, 2);
    ra_aliases_forget(a, &(ra_alias_asked){.target = GET, .body = RA_BYTES("{\"TableName\":\"u\"}")});
    assert_true(finds(a, GET, BODY, 0, 1));
    ra_aliases_forget(a, &(ra_alias_asked){.target = GET, .body = BODY});
    assert_false(finds(a, GET, BODY, 0, 1));
    assert_true(finds(a, QUERY, BODY, 0, 2));
    ra_aliases_forget(a, &(ra_alias_asked){.target = GET, .body = BODY});
    learn(a, GET, BODY, 0, 3);
    assert_true(finds(a, GET, BODY, 0, 3));
    ra_aliases_forget(a, &(ra_alias_asked){.target = QUERY, .body = BODY});
    assert_int_equal(ra_aliases_bytes(a), one);
    ra_aliases_forget(a, &(ra_alias_asked){.target = GET, .body = BODY});
    assert_int_equal(ra_aliases_bytes(a), 0);
    ra_aliases_free(a);
}

static void older_ones_give_way(void **state)
{
    (void)state;
    enum { MANY = 20 * SETS };
    ra_aliases *a = aliases_new(LARGE);
    for (unsigned i = 0; i < MANY; i++) {
        char body[32];
        ra_bytes b = {body, (size_t)snprintf(body, sizeof body, "%u", i)};
        learn(a, GET, b, i / 1000, i);
        assert_true(finds(a, GET, b, i / 1000, i));
    }
    unsigned newest = count_found(a, MANY - SETS / 4, MANY, MANY / 1000);
    unsigned all = count_found(a, 0, MANY, MANY / 1000);
    assert_true(newest > SETS / 4 * 9 / 10); /* few sets have got more than two of these */
    assert_true(all <= 2 * SETS && all > SETS);
    assert_true(ra_aliases_bytes(a) <= 2 * SETS * (GET.n + 6));
    ra_aliases_free(a);
}

static void bytes_are_bounded(void **state)
{
    (void)state;
    enum { CAP = 1000 };
    ra_aliases *a = aliases_new(CAP);
    static char large[CAP + 1];
    memset(large, 'x', sizeof large);
    for (unsigned i = 0; i < 1000; i++) {
        ra_bytes body = {large, 1 + i % (CAP - GET.n)};
        learn(a, GET, body, i, i);
        assert_true(finds(a, GET, body, i, i)); /* what is new is there */
        assert_true(ra_aliases_bytes(a) <= CAP);
    }
    ra_bytes all = {large, CAP - GET.n};
    learn(a, GET, all, 2000, 1);
    assert_true(finds(a, GET, all, 2000, 1));
    assert_int_equal(ra_aliases_bytes(a), CAP);
    learn(a, GET, (ra_bytes){large, CAP - GET.n + 1}, 2000, 2); /* more than there may be: the others stay */
    assert_true(finds(a, GET, all, 2000, 1));
    assert_false(finds(a, GET, (ra_bytes){large, CAP - GET.n + 1}, 2000, 2));
    ra_aliases_free(a);

    a = aliases_new(0);
    learn(a, GET, BODY, 0, 1);
    assert_false(finds(a, GET, BODY, 0, 1));
    assert_int_equal(ra_aliases_bytes(a), 0);
    ra_aliases_free(a);
}

/* The copies are its own. */
static void what_was_given_may_go(void **state)
{
    (void)state;
    ra_aliases *a = aliases_new(LARGE);
    char target[] = "DynamoDB_20120810.GetItem", body[] = "{\"a\":1}";
    learn(a, ra_bytes_z(target), ra_bytes_z(body), 0, 1);
    memset(target, '?', sizeof target - 1);
    memset(body, '?', sizeof body - 1);
    assert_true(finds(a, GET, RA_BYTES("{\"a\":1}"), 0, 1));
    assert_false(finds(a, ra_bytes_z(target), ra_bytes_z(body), 0, 1));
    ra_aliases_free(a);
}

/* Without memory nothing is learnt, what is known stays right, and no byte is lost count of. */
static void without_memory(void **state)
{
    (void)state;
#ifdef OWN_ALLOCATOR
    skip();
#else
    refuse_one_in = 1;
    assert_null(ra_aliases_new(LARGE));
    refuse_one_in = 0;
    ra_aliases *a = aliases_new(LARGE);
    refuse_one_in = 1;
    learn(a, GET, BODY, 0, 1);
    refuse_one_in = 0;
    assert_false(finds(a, GET, BODY, 0, 1));
    assert_int_equal(ra_aliases_bytes(a), 0);
    refuse_one_in = 3;
    learn_many(a, 500);
    refuse_one_in = 0;
    unsigned found = count_found(a, 0, 500, 500);
    assert_true(found > 200 && found < 500);
    learn_many(a, 500);
    assert_true(count_found(a, 0, 500, 500) > found);
    ra_aliases_free(a);
#endif
}

static void all_of_them_go(void **state)
{
    (void)state;
    ra_aliases *a = aliases_new(LARGE);
    const ra_alias_basis b = basis(0);
    const ra_alias_asked asked = {.target = GET, .body = BODY};
    const ra_lookup want = meaning(1);
    ra_lookup got;
    ra_aliases_learn(a, &asked, &b, &want);
    assert_true(ra_aliases_find(a, &asked, &b, &got));
    ra_aliases_clear(a);
    assert_false(ra_aliases_find(a, &asked, &b, &got));
    assert_int_equal(ra_aliases_bytes(a), 0);
    ra_aliases_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_them_go),
        cmocka_unit_test(found_as_it_was_learnt),
        cmocka_unit_test(each_asker_has_its_own),
        cmocka_unit_test(every_byte_counts),
        cmocka_unit_test(border_of_target_and_body),
        cmocka_unit_test(what_it_rests_on),
        cmocka_unit_test(learnt_again),
        cmocka_unit_test(forgotten),
        cmocka_unit_test(older_ones_give_way),
        cmocka_unit_test(bytes_are_bounded),
        cmocka_unit_test(what_was_given_may_go),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
