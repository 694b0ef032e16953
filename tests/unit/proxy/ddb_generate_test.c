#include "proxy/ddb_generate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGEST_TEXT = 65 };

static const ra_generated *next(ra_generate *g)
{
    bool no_memory = true;
    const ra_generated *item = ra_generate_next(g, &no_memory);
    assert_false(no_memory);
    return item;
}

static const char *text(const ra_generated *item, enum ra_generate_slot slot)
{
    assert_int_equal(strlen(item->values[slot].p),
                     item->values[slot].n); /* but for the message, all end with 0 */
    return item->values[slot].p;
}

/* SHA-256 of all that is generated, in order. */
static void digest(const ra_generate_spec *spec, char out[DIGEST_TEXT])
{
    unsigned char sum[32];
    unsigned len = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    ra_generate *g = ra_generate_new(spec);
    assert_true(md && g && EVP_DigestInit_ex(md, EVP_sha256(), NULL));
    uint64_t n = 0;
    for (const ra_generated *item; (item = next(g)); n++) {
        EVP_DigestUpdate(md, item->membership ? "list" : "said", 4);
        for (size_t i = 0; i < RA_GENERATE_SLOTS; i++) {
            EVP_DigestUpdate(md, item->values[i].p, item->values[i].n);
            EVP_DigestUpdate(md, "", 1);
        }
    }
    assert_true(n == ra_generate_items(g) && n == spec->messages + 2 * spec->groups);
    assert_null(next(g));
    EVP_DigestFinal_ex(md, sum, &len);
    EVP_MD_CTX_free(md);
    ra_generate_free(g);
    for (size_t i = 0; i < len; i++)
        snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

/* The items are pinned: another machine, compiler or version that makes others fails here. */
static void test_the_same_everywhere(void **state)
{
    (void)state;
    char one[DIGEST_TEXT], two[DIGEST_TEXT];
    ra_generate_spec spec = {200, 50, 2000, 1};
    digest(&spec, one);
    digest(&spec, two);
    assert_string_equal(one, two);
    assert_string_equal(one, "4a98f5401dfb29f31124363e5add65af3342c13b6a57b1d34b806c7f8d3ab981");
}

/* Not only the order: nothing of one set is in another. */
static void test_other_specs_share_nothing(void **state)
{
    (void)state;
    const ra_generate_spec specs[] = {
        {20, 5, 20, 1}, {20, 5, 20, 2}, {21, 5, 20, 1}, {20, 6, 20, 1}, {20, 5, 21, 1}};
    enum { N = sizeof specs / sizeof *specs };
    char ids[N][3][37];
    for (size_t i = 0; i < N; i++) {
        ra_generate *g = ra_generate_new(&specs[i]);
        assert_non_null(g);
        const ra_generated *item = next(g);
        snprintf(ids[i][0], 37, "%s", text(item, RA_GENERATE_GROUP_UUID));
        snprintf(ids[i][1], 37, "%s", text(item, RA_GENERATE_MESSAGE_UUID));
        snprintf(ids[i][2], 37, "%s", text(item, RA_GENERATE_USER_UUID));
        ra_generate_free(g);
        for (size_t k = 0; k < i; k++) {
            for (size_t id = 0; id < 3; id++)
                assert_string_not_equal(ids[i][id], ids[k][id]);
        }
    }
}

static int order(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void assert_distinct(char *texts, size_t n, size_t each)
{
    qsort(texts, n, each, order);
    for (size_t i = 1; i < n; i++)
        assert_string_not_equal(texts + i * each, texts + (i - 1) * each);
}

/* In any design that keys a message by its group or by nobody and its time, and a membership by its user and
 * its time, no two items have the same key. */
static void test_keys_are_unique(void **state)
{
    (void)state;
    enum { GROUPS = 3000, MEMBERS = 2 * GROUPS, MESSAGES = 100000, EACH = 72 };
    const ra_generate_spec spec = {500, GROUPS, MESSAGES, 1};
    char *messages = calloc(MESSAGES, EACH), *members = calloc(MEMBERS, EACH);
    size_t nmessages = 0, nmembers = 0;
    char last[RA_GENERATED_TIME] = "2024";
    ra_generate *g = ra_generate_new(&spec);
    assert_true(messages && members && g);
    for (const ra_generated *item; (item = next(g));) {
        const char *at = text(item, RA_GENERATE_MESSAGE_CREATED_AT);
        if (item->membership) {
            snprintf(members + nmembers++ * EACH, EACH, "%s %s", text(item, RA_GENERATE_USER_UUID), at);
            continue;
        }
        assert_int_equal(nmembers, 0);
        assert_true(strcmp(at, last) > 0); /* the format sorts as time does */
        snprintf(last, sizeof last, "%s", at);
        snprintf(messages + nmessages++ * EACH, EACH, "%s", text(item, RA_GENERATE_MESSAGE_UUID));
    }
    assert_int_equal(nmessages, MESSAGES);
    assert_int_equal(nmembers, MEMBERS);
    assert_distinct(messages, MESSAGES, EACH);
    assert_distinct(members, MEMBERS, EACH);
    ra_generate_free(g);
    free(messages);
    free(members);
}

static void test_times(void **state)
{
    (void)state;
    const ra_generate_spec spec = {10, 3, 300, 1};
    ra_generate *g = ra_generate_new(&spec);
    assert_non_null(g);
    for (const ra_generated *item; (item = next(g));) {
        const char *at = text(item, RA_GENERATE_MESSAGE_CREATED_AT),
                   *like = "2024-dd-ddTdd:dd:dd.dddddd+00:00";
        assert_int_equal(strlen(at), RA_GENERATED_TIME - 1);
        for (size_t i = 0; like[i]; i++)
            assert_true(like[i] == 'd' ? at[i] >= '0' && at[i] <= '9' : at[i] == like[i]);
    }
    ra_generate_free(g);
}

/* What a test remembers of a group. */
typedef struct seen {
    unsigned messages, by_first, turns, memberships;
    char at[RA_GENERATED_TIME], uuid[37], message[37], sender[37], members[2][37], handles[2][64];
    char said[4 * 1024 + 1];
} seen;

static seen *find(seen *all, size_t *n, const char *uuid)
{
    for (size_t i = 0; i < *n; i++) {
        if (strcmp(all[i].uuid, uuid) == 0)
            return &all[i];
    }
    snprintf(all[*n].uuid, sizeof all[*n].uuid, "%s", uuid);
    return &all[(*n)++];
}

static void remember(seen *s, const ra_generated *item)
{
    const char *user = text(item, RA_GENERATE_USER_UUID), *other = text(item, RA_GENERATE_OTHER_UUID);
    assert_string_not_equal(user, other);
    if (s->messages == 0) {
        snprintf(s->members[0], 37, "%s", user);
        snprintf(s->members[1], 37, "%s", other);
        snprintf(s->handles[0], 64, "%s", text(item, RA_GENERATE_USER_HANDLE));
        snprintf(s->handles[1], 64, "%s", text(item, RA_GENERATE_OTHER_HANDLE));
    }
    bool first = strcmp(user, s->members[0]) == 0;
    assert_string_equal(user, s->members[!first]);
    assert_string_equal(other, s->members[first]);
    assert_string_equal(text(item, RA_GENERATE_USER_HANDLE), s->handles[!first]);
    assert_string_equal(text(item, RA_GENERATE_OTHER_HANDLE), s->handles[first]);
    s->messages++;
    s->by_first += first;
    s->turns += strcmp(s->sender, user) != 0;
    snprintf(s->sender, 37, "%s", user);
    snprintf(s->message, 37, "%s", text(item, RA_GENERATE_MESSAGE_UUID));
    snprintf(s->at, sizeof s->at, "%s", text(item, RA_GENERATE_MESSAGE_CREATED_AT));
    ra_bytes said = item->values[RA_GENERATE_MESSAGE_TEXT];
    snprintf(s->said, sizeof s->said, "%.*s", (int)said.n, said.p);
}

/* Both members' lists show the group's newest message and the other one. */
static void compare(seen *s, const ra_generated *item)
{
    unsigned side = s->memberships++;
    assert_in_range(side, 0, 1);
    assert_string_equal(text(item, RA_GENERATE_USER_UUID), s->members[side]);
    assert_string_equal(text(item, RA_GENERATE_USER_HANDLE), s->handles[side]);
    assert_string_equal(text(item, RA_GENERATE_OTHER_UUID), s->members[1 - side]);
    assert_string_equal(text(item, RA_GENERATE_OTHER_HANDLE), s->handles[1 - side]);
    assert_string_equal(text(item, RA_GENERATE_MESSAGE_UUID), s->message);
    assert_string_equal(text(item, RA_GENERATE_MESSAGE_CREATED_AT), s->at);
    assert_true(ra_bytes_eq_z(item->values[RA_GENERATE_MESSAGE_TEXT], s->said));
}

static void test_conversations(void **state)
{
    (void)state;
    enum { GROUPS = 200, MESSAGES = 20000 };
    const ra_generate_spec spec = {100, GROUPS, MESSAGES, 7};
    static seen all[GROUPS];
    size_t n = 0, alone = 0, even = 0;
    unsigned most = 0;
    const char *busiest = "";
    ra_generate *g = ra_generate_new(&spec);
    assert_non_null(g);
    for (const ra_generated *item; (item = next(g));) {
        seen *s = find(all, &n, text(item, RA_GENERATE_GROUP_UUID));
        assert_in_range(n, 1, GROUPS);
        item->membership ? compare(s, item) : remember(s, item);
    }
    assert_int_equal(n, GROUPS);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(all[i].memberships, 2);
        assert_true(all[i].messages > 0);
        alone += all[i].messages > 50 && (all[i].by_first == 0 || all[i].by_first == all[i].messages);
        even += all[i].messages > 50 && all[i].turns == all[i].messages;
        if (all[i].messages > most) {
            most = all[i].messages;
            busiest = all[i].uuid;
        }
    }
    assert_int_equal(alone, 0); /* both write, and not strictly in turn */
    assert_int_equal(even, 0);
    assert_in_range(most, MESSAGES / 20, MESSAGES / 2); /* the mean is 1/200 of them */
    ra_generate_example e;
    ra_generate_busiest(g, &e);
    assert_string_equal(e.group_uuid, busiest);
    assert_string_equal(e.user_uuid, find(all, &n, busiest)->members[0]);
    ra_generate_free(g);
}

/* The least, and as many groups as messages. */
static void test_small_ones(void **state)
{
    (void)state;
    const ra_generate_spec specs[] = {{2, 1, 1, 1}, {2, 40, 40, 1}, {3, 40, 41, 1}, {1000, 1, 100, 0}};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        static seen all[40];
        memset(all, 0, sizeof all);
        size_t n = 0;
        ra_generate *g = ra_generate_new(&specs[i]);
        assert_non_null(g);
        for (const ra_generated *item; (item = next(g));) {
            seen *s = find(all, &n, text(item, RA_GENERATE_GROUP_UUID));
            item->membership ? compare(s, item) : remember(s, item);
        }
        assert_int_equal(n, specs[i].groups);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(all[k].memberships, 2);
        ra_generate_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_everywhere), cmocka_unit_test(test_other_specs_share_nothing),
        cmocka_unit_test(test_keys_are_unique),     cmocka_unit_test(test_times),
        cmocka_unit_test(test_conversations),       cmocka_unit_test(test_small_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
