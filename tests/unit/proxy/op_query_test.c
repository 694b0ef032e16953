#include "op_fixture.h"

static fixture *f;

static int set_up(void **state)
{
    (void)state;
    f = fixture_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_free(f);
    return 0;
}

#define T      "{\"TableName\":\"chat\","
#define KCE    T "\"KeyConditionExpression\":\"pk = :p\","
#define VALUES "\"ExpressionAttributeValues\":{\":p\":{\"S\":\"a\"}}"
#define QUERY  KCE VALUES
#define G_QUERY                                                                                              \
    T "\"IndexName\":\"by-g\",\"KeyConditionExpression\":\"g = :p\","                                        \
      "\"ExpressionAttributeValues\":{\":p\":{\"S\":\"a\"}}"

static const ra_part *part_of(const char *body)
{
    const ra_op *op = fixture_plan(f, "Query", body);
    if (op->bypass)
        fail_msg("bypassed (%s): %s", op->bypass, body);
    assert_int_equal(op->nparts, 1);
    return &op->parts[0];
}

static void plans(void **state)
{
    (void)state;
    const ra_table *t = fixture_chat(f);
    ra_key partition = unit_partition(t, "a"), index = unit_index(t, "by-g", "a");
    const ra_part *p = part_of(QUERY "}");
    assert_true(ra_key_eq(&p->look.unit, &partition));
    assert_int_equal(p->look.nguards, 1);
    assert_true(ra_key_eq(&p->look.guard[0], &t->key));
    assert_body(
        &f->op,
        "{\"ConsistentRead\":true,\"TableName\":\"chat\",\"KeyConditionExpression\":\"pk = :p\"," VALUES "}");
    p = part_of(T "\"IndexName\":\"by-h\",\"KeyConditionExpression\":\"pk = :p\"," VALUES "}");
    assert_true(ra_key_eq(&p->look.unit, &partition));
    assert_int_equal(p->look.nguards, 1);
    assert_false(ra_op_body_is_original(&f->op));
    p = part_of(G_QUERY "}");
    assert_true(ra_key_eq(&p->look.unit, &index));
    assert_int_equal(p->look.nguards, 2);
    assert_true(ra_key_eq(&p->look.guard[0], &t->key));
    assert_true(ra_key_eq(&p->look.guard[1], &index_of(t, "by-g")->guard));
    assert_body(&f->op, G_QUERY "}");
    assert_body(fixture_plan(f, "Query", G_QUERY ",\"ConsistentRead\":false}"),
                G_QUERY ",\"ConsistentRead\":false}");
}

static void same(const char *a, const char *b)
{
    ra_lookup x = part_of(a)->look, y = part_of(b)->look;
    if (!ra_key_eq(&x.request, &y.request) || !ra_key_eq(&x.unit, &y.unit))
        fail_msg("%s\n%s\nshould share an entry", a, b);
}

static void what_shares(void **state)
{
    (void)state;
    same(QUERY "}", "{" VALUES ", \"KeyConditionExpression\":\"pk=:p\" ,\"TableName\":\"chat\"}");
    same(QUERY "}",
         QUERY ",\"ScanIndexForward\":true,\"ConsistentRead\":false,\"ReturnConsumedCapacity\":\"NONE\","
               "\"Select\":\"ALL_ATTRIBUTES\"}");
    same(QUERY "}", KCE "\"ExpressionAttributeValues\":{\":p\":{\"S\":\"\\u0061\"}}}");
    same(QUERY "}", T "\"KeyConditionExpression\":\"pk = "
                      ":longer\",\"ExpressionAttributeValues\":{\":longer\":{\"S\":\"a\"}}}");
    same(G_QUERY "}", G_QUERY ",\"Select\":\"ALL_PROJECTED_ATTRIBUTES\"}");
    same(T
         "\"KeyConditionExpression\":\"#p = :p AND #s > :s\",\"FilterExpression\":\"#n > "
         ":n\",\"ProjectionExpression\":\"#p,#s\","
         "\"ExpressionAttributeNames\":{\"#p\":\"pk\",\"#s\":\"sk\",\"#n\":\"n\"},"
         "\"ExpressionAttributeValues\":{\":p\":{\"S\":\"a\"},\":s\":{\"S\":\"b\"},\":n\":{\"N\":\"1.0\"}}}",
         T "\"ExpressionAttributeValues\":{\":3\":{\"N\":\"1\"},\":2\":{\"S\":\"b\"},\":1\":{\"S\":\"a\"}},"
           "\"ExpressionAttributeNames\":{\"#3\":\"n\",\"#2\":\"sk\",\"#1\":\"pk\"},"
           "\"ProjectionExpression\":\"#1, #2\",\"FilterExpression\":\"#3>:3\","
           "\"KeyConditionExpression\":\"#1 = :1 AND #2 > :2\"}");
    same(QUERY ",\"ExclusiveStartKey\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"}}}",
         QUERY ",\"ExclusiveStartKey\":{\"sk\":{\"S\":\"\\u0062\"},\"pk\":{\"S\":\"a\"}}}");
    same(T
         "\"KeyConditions\":{\"pk\":{\"ComparisonOperator\":\"EQ\",\"AttributeValueList\":[{\"S\":\"a\"}]}}}",
         T "\"KeyConditions\":{\"pk\":{\"AttributeValueList\":[ {\"S\":\"a\"} "
           "],\"ComparisonOperator\":\"EQ\"}}}");
}

static void what_separates(void **state)
{
    (void)state;
    static const char *const v[] = {
        QUERY "}",
        KCE "\"ExpressionAttributeValues\":{\":p\":{\"S\":\"b\"}}}",
        T "\"IndexName\":\"by-h\",\"KeyConditionExpression\":\"pk = :p\"," VALUES "}",
        G_QUERY "}",
        T "\"KeyConditionExpression\":\"#p = :p\",\"ExpressionAttributeNames\":{\"#p\":\"pk\"}," VALUES "}",
        T "\"KeyConditionExpression\":\":p = pk\"," VALUES "}",
        T "\"KeyConditionExpression\":\"(pk = :p)\"," VALUES "}",
        QUERY ",\"ScanIndexForward\":false}",
        QUERY ",\"Limit\":1}",
        QUERY ",\"Limit\":10}",
        QUERY ",\"Select\":\"COUNT\"}",
        QUERY ",\"Select\":\"ALL_PROJECTED_ATTRIBUTES\"}",
        QUERY ",\"ReturnConsumedCapacity\":\"TOTAL\"}",
        QUERY ",\"ReturnConsumedCapacity\":\"INDEXES\"}",
        QUERY ",\"ProjectionExpression\":\"sk\"}",
        QUERY ",\"ProjectionExpression\":\"h\"}",
        QUERY ",\"ProjectionExpression\":\"h\",\"Select\":\"SPECIFIC_ATTRIBUTES\"}",
        QUERY ",\"FilterExpression\":\"attribute_exists(h)\"}",
        QUERY ",\"FilterExpression\":\"attribute_not_exists(h)\"}",
        QUERY ",\"AttributesToGet\":[\"h\"]}",
        QUERY ",\"ConditionalOperator\":\"OR\"}",
        QUERY ",\"QueryFilter\":{\"h\":{\"ComparisonOperator\":\"NULL\"}}}",
        QUERY ",\"ExclusiveStartKey\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"}}}",
        QUERY ",\"ExclusiveStartKey\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"c\"}}}",
        T "\"KeyConditionExpression\":\"pk = :p AND sk > "
          ":s\",\"ExpressionAttributeValues\":{\":p\":{\"S\":\"a\"},\":s\":{\"S\":\"b\"}}}",
        T "\"KeyConditionExpression\":\"pk = :p AND sk >= "
          ":s\",\"ExpressionAttributeValues\":{\":p\":{\"S\":\"a\"},\":s\":{\"S\":\"b\"}}}",
        T "\"KeyConditionExpression\":\"pk = :p AND sk > "
          ":s\",\"ExpressionAttributeValues\":{\":p\":{\"S\":\"a\"},\":s\":{\"S\":\"c\"}}}",
        T "\"KeyConditionExpression\":\"pk = :p AND begins_with(sk, "
          ":s)\",\"ExpressionAttributeValues\":{\":p\":{\"S\":\"a\"},\":s\":{\"S\":\"b\"}}}",
        T "\"KeyConditionExpression\":\"pk = :p AND sk BETWEEN :p AND "
          ":s\",\"ExpressionAttributeValues\":{\":p\":{\"S\":\"a\"},\":s\":{\"S\":\"b\"}}}",
        T "\"KeyConditionExpression\":\"pk = :p AND sk BETWEEN :s AND "
          ":p\",\"ExpressionAttributeValues\":{\":p\":{\"S\":\"a\"},\":s\":{\"S\":\"b\"}}}",
        T
        "\"KeyConditions\":{\"pk\":{\"ComparisonOperator\":\"EQ\",\"AttributeValueList\":[{\"S\":\"a\"}]}}}",
    };
    enum { N = sizeof v / sizeof *v };
    ra_key k[N];
    for (size_t i = 0; i < N; i++)
        k[i] = part_of(v[i])->look.request;
    for (size_t i = 0; i < N; i++)
        for (size_t m = i + 1; m < N; m++)
            if (ra_key_eq(&k[i], &k[m]))
                fail_msg("%s\n%s\nmust not share an entry", v[i], v[m]);
}

static void bypasses(void **state)
{
    (void)state;
    static const char *const v[][2] = {
        {T VALUES "}", "not-understood"},
        {QUERY ",\"Foo\":1}", "not-understood"},
        {QUERY ",\"Limit\":null}", "not-understood"},
        {QUERY ",\"Limit\":\"5\"}", "not-understood"},
        {QUERY ",\"ScanIndexForward\":\"false\"}", "not-understood"},
        {QUERY ",\"ScanIndexForward\":null}", "not-understood"},
        {QUERY ",\"Select\":5}", "not-understood"},
        {QUERY ",\"ExclusiveStartKey\":[]}", "not-understood"},
        {QUERY ",\"KeyConditions\":{}}", "not-understood"},
        {QUERY ",\"IndexName\":\"nosuch\"}", "index-unknown"},
        {QUERY ",\"IndexName\":5}", "not-understood"},
        {QUERY ",\"ConsistentRead\":true}", "consistent-read"},
        {G_QUERY ",\"ConsistentRead\":true}", "consistent-read"},
        {QUERY ",\"ExpressionAttributeNames\":{\"#x\":\"y\"}}", "placeholder"},
        {QUERY ",\"ExpressionAttributeNames\":{}}", "placeholder"},
        {T "\"KeyConditionExpression\":\"pk = :p\"}", "placeholder"},
        {T "\"KeyConditionExpression\":\"#p = :p\"," VALUES "}", "placeholder"},
        {KCE "\"ExpressionAttributeValues\":{\":p\":{\"S\":\"a\"},\":q\":{\"S\":\"b\"}}}", "placeholder"},
        {T "\"KeyConditionExpression\":\"sk = :p\"," VALUES "}", "partition"},
        {T "\"KeyConditionExpression\":\"pk > :p\"," VALUES "}", "partition"},
        {T "\"KeyConditionExpression\":\"pk = :p OR pk = :p\"," VALUES "}", "partition"},
        {T "\"KeyConditionExpression\":\"NOT pk = :p\"," VALUES "}", "partition"},
        {T "\"KeyConditionExpression\":\"pk = :p AND pk = :p\"," VALUES "}", "partition"},
        {T "\"KeyConditionExpression\":\"pk = :p)\"," VALUES "}", "partition"},
        {KCE "\"ExpressionAttributeValues\":{\":p\":{\"N\":\"1\"}}}", "partition"},
        {QUERY ",\"ExclusiveStartKey\":{\"pk\":5}}", "key"},
        {T
         "\"KeyConditions\":{\"sk\":{\"ComparisonOperator\":\"EQ\",\"AttributeValueList\":[{\"S\":\"a\"}]}}}",
         "partition"},
        {T
         "\"KeyConditions\":{\"pk\":{\"ComparisonOperator\":\"GT\",\"AttributeValueList\":[{\"S\":\"a\"}]}}}",
         "partition"},
        {T "\"KeyConditions\":{\"pk\":{\"ComparisonOperator\":\"EQ\",\"AttributeValueList\":[]}}}",
         "partition"},
        {T "\"KeyConditions\":{\"pk\":{\"ComparisonOperator\":\"EQ\",\"AttributeValueList\":[{\"S\":\"a\"},{"
           "\"S\":\"b\"}]}}}",
         "partition"},
        {T "\"KeyConditions\":{\"pk\":{\"ComparisonOperator\":\"EQ\",\"AttributeValueList\":[{\"S\":\"a\"}],"
           "\"X\":1}}}",
         "partition"},
        {T "\"KeyConditions\":[]}", "partition"},
        {"{\"TableName\":\"hidden\",\"KeyConditionExpression\":\"pk = :p\"," VALUES "}",
         "table-not-configured"},
    };
    for (size_t i = 0; i < sizeof v / sizeof *v; i++)
        assert_bypass(f, "Query", v[i][0], v[i][1]);
}

static void indexes_that_are_not_ready(void **state)
{
    (void)state;
    ra_table_index *g = &f->tables[0]->indexes[1];
    assert_string_equal(g->name, "by-g");
    g->active = false;
    assert_bypass(f, "Query", G_QUERY "}", "index-not-active");
    assert_true(ra_op_body_is_original(&f->op));
    g->active = true;
    g->understood = false;
    assert_bypass(f, "Query", G_QUERY "}", "index-not-understood");
    assert_true(ra_op_body_is_original(&f->op));
    g->understood = true;
    part_of(G_QUERY "}");
}

static void consistent_reads_that_are_served(void **state)
{
    (void)state;
    f->config.policy.serve_consistent_reads = true;
    f->config.consistency = RA_LINEARIZABLE;
    same(QUERY ",\"ConsistentRead\":true}", QUERY "}");
    assert_bypass(f, "Query", G_QUERY ",\"ConsistentRead\":true}", "consistent-read");
    f->config.policy.serve_consistent_reads = false;
    f->config.consistency = RA_READ_AFTER_WRITE;
}

static void policies(void **state)
{
    (void)state;
    char a[] = "a*", index[] = "by-g";
    ra_pattern patterns[] = {{.policy = {.name = "x", .ttl = 7}, .partition_key = a, .index = index}};
    f->config.patterns = patterns;
    f->config.npatterns = 1;
    assert_ptr_equal(part_of(G_QUERY "}")->policy, &patterns[0].policy);
    assert_ptr_equal(part_of(QUERY "}")->policy, &f->config.policy);
    patterns[0].policy.ttl = 0;
    assert_bypass(f, "Query", G_QUERY "}", "ttl-0");
    f->config.npatterns = 0;
    f->config.patterns = NULL;
}

/* A partition that is read is the one that a write of its items marks, table and index alike. */
static void writes_mark_what_queries_read(void **state)
{
    (void)state;
    ra_key table = part_of(QUERY "}")->look.unit, index = part_of(G_QUERY "}")->look.unit;
    ra_key sk =
        part_of(T "\"IndexName\":\"by-sk\",\"KeyConditionExpression\":\"sk = :p\"," VALUES "}")->look.unit;
    const ra_op *op = fixture_plan(
        f, "PutItem", T "\"Item\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"a\"},\"g\":{\"S\":\"\\u0061\"}}}");
    assert_true(fixture_marks(op->marks, op->nmarks, &table, 0));
    assert_true(fixture_marks(op->marks, op->nmarks, &index, FIXTURE_SETTLE));
    assert_true(fixture_marks(op->marks, op->nmarks, &sk, FIXTURE_SETTLE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans),
        cmocka_unit_test(what_shares),
        cmocka_unit_test(what_separates),
        cmocka_unit_test(bypasses),
        cmocka_unit_test(indexes_that_are_not_ready),
        cmocka_unit_test(consistent_reads_that_are_served),
        cmocka_unit_test(policies),
        cmocka_unit_test(writes_mark_what_queries_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
