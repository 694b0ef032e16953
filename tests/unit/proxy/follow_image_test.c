#include "proxy/follow_image.h"

#include "op_fixture.h"

static ra_key key(unsigned char c)
{
    ra_key k;
    memset(k.b, c, sizeof k.b);
    return k;
}

static void without_a_global_index_only_the_new_image_counts(void **state)
{
    (void)state;
    ra_table *t = fixture_describe(PLAIN_TABLE("plain", "S"));
    ra_key a = key(1), b = key(2), out;
    assert_true(ra_follow_image(t, NULL, &a, &out) && ra_key_eq(&out, &a));
    assert_true(ra_follow_image(t, &b, &a, &out) && ra_key_eq(&out, &a));
    ra_table_unref(t);
}

/* A stranger's a to c and the proxy's b to c leave one item, and make different partitions stale. */
static void with_one_the_old_image_counts_too(void **state)
{
    (void)state;
    ra_table *t = fixture_describe(CHAT_TABLE);
    ra_key a = key(1), b = key(2), c = key(3), one, other;
    assert_false(ra_follow_image(t, NULL, &c, &one));
    assert_true(ra_follow_image(t, &a, &c, &one) && ra_follow_image(t, &a, &c, &other));
    assert_true(ra_key_eq(&one, &other) && !ra_key_eq(&one, &c));
    assert_true(ra_follow_image(t, &b, &c, &other) && !ra_key_eq(&one, &other));
    assert_true(ra_follow_image(t, &c, &a, &other) && !ra_key_eq(&one, &other));
    ra_table_unref(t);
}

#define INDEX(name, key)                                                                                     \
    "{\"IndexName\":\"" name "\",\"KeySchema\":[{\"AttributeName\":\"" key "\",\"KeyType\":\"HASH\"}],"      \
    "\"Projection\":{\"ProjectionType\":\"ALL\"},\"IndexStatus\":\"ACTIVE\"}"
#define INDEXED(indexes)                                                                                     \
    "{\"Table\":{\"AttributeDefinitions\":[{\"AttributeName\":\"id\",\"AttributeType\":\"S\"},"              \
    "{\"AttributeName\":\"a\",\"AttributeType\":\"S\"},{\"AttributeName\":\"b\",\"AttributeType\":\"S\"}],"  \
    "\"TableName\":\"t\",\"KeySchema\":[{\"AttributeName\":\"id\",\"KeyType\":\"HASH\"}],"                   \
    "\"TableStatus\":\"ACTIVE\",\"TableArn\":\"arn:aws:dynamodb:eu-west-1:123456789012:table/t\","           \
    "\"TableId\":\"0d4f\",\"GlobalSecondaryIndexes\":[" indexes "]}}"

static ra_key image_in(const char *described)
{
    ra_table *t = fixture_describe(described);
    ra_key a = key(1), c = key(3), out;
    assert_true(ra_follow_image(t, &a, &c, &out));
    ra_table_unref(t);
    return out;
}

/* Who knows fewer indexes than another marks less: their writes aren't known to each other. */
static void the_indexes_count_too(void **state)
{
    (void)state;
    ra_key one = image_in(INDEXED(INDEX("x", "a")));
    ra_key both = image_in(INDEXED(INDEX("x", "a") "," INDEX("y", "b")));
    ra_key turned = image_in(INDEXED(INDEX("y", "b") "," INDEX("x", "a")));
    ra_key renamed = image_in(INDEXED(INDEX("z", "a")));
    ra_key again = image_in(INDEXED(INDEX("x", "b"))); /* dropped, and made with another key */
    assert_false(ra_key_eq(&one, &both));
    assert_true(ra_key_eq(&both, &turned));
    assert_false(ra_key_eq(&one, &renamed));
    assert_false(ra_key_eq(&one, &again));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(without_a_global_index_only_the_new_image_counts),
                                       cmocka_unit_test(with_one_the_old_image_counts_too),
                                       cmocka_unit_test(the_indexes_count_too)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
