/* Replies of GetRecords: what is read of them, and what each record makes stale. */
#include "op_fixture.h"

#include "proxy/stream_record.h"

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

/* ---- reading ---- */

#define DATA(more)          "\"dynamodb\":{" more "}"
#define SEQUENCE            "\"SequenceNumber\":\"000000000000000000030\""
#define KEYS                "\"Keys\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"}}"
#define RECORD(event, more) "{\"eventName\":\"" event "\"," DATA(SEQUENCE "," KEYS more) "}"
#define RECORDS(list)       "{\"Records\":[" list "]}"

/* Reads an exact copy, so that a sanitizer sees a read past its end. */
static bool read_copy(const char *text, ra_stream_records *out, char **copy)
{
    size_t n = strlen(text);
    *copy = malloc(n ? n : 1);
    assert_non_null(*copy);
    memcpy(*copy, text, n);
    return ra_stream_records_read((ra_bytes){*copy, n}, &f->arena, out);
}

static void test_a_reply_as_it_comes(void **state)
{
    (void)state;
    ra_stream_records r;
    char *copy;
    assert_true(read_copy(
        "{\"NextShardIterator\":\"000|arn:aws\\u003a\",\"Records\":["
        "{\"eventID\":\"a171257a\",\"eventName\":\"INSERT\",\"eventVersion\":\"1.1\",\"eventSource\":"
        "\"aws:dynamodb\",\"awsRegion\":\"ddblocal\",\"dynamodb\":{\"ApproximateCreationDateTime\":"
        "1.79540472E9,\"Keys\":{\"pk\":{\"S\":\"37\"}},\"NewImage\":{\"a\":{\"N\":\"1\"},\"pk\":{\"S\":"
        "\"37\"}},\"SequenceNumber\":\"000000000000000000030\",\"SizeBytes\":11,\"StreamViewType\":"
        "\"NEW_AND_OLD_IMAGES\"}},"
        "{\"eventName\":\"REMOVE\",\"userIdentity\":{\"type\":\"Service\",\"principalId\":"
        "\"dynamodb.amazonaws.com\"},\"dynamodb\":{\"ApproximateCreationDateTime\":1795404720.999,\"Keys\":"
        "{\"pk\":{\"S\":\"37\"}},\"OldImage\":{\"pk\":{\"S\":\"37\"}},\"SequenceNumber\":\"31\"}}]}",
        &r, &copy));
    assert_int_equal(r.n, 2);
    assert_true(ra_bytes_eq_z(r.next, "000|arn:aws:"));
    assert_string_equal(r.v[0].sequence, "000000000000000000030");
    assert_int_equal(r.v[0].created_s, 1795404720);
    assert_int_equal(r.v[0].event, RA_STREAM_INSERT);
    assert_int_equal(r.v[0].before, RA_JSON_NONE);
    assert_int_equal(r.v[0].identity, RA_JSON_NONE);
    assert_int_equal(ra_json_count(&r.json, r.v[0].keys), 1);
    assert_int_equal(ra_json_count(&r.json, r.v[0].after), 2);
    assert_string_equal(r.v[1].sequence, "31");
    assert_int_equal(r.v[1].created_s, 1795404720);
    assert_int_equal(r.v[1].event, RA_STREAM_REMOVE);
    assert_int_equal(r.v[1].after, RA_JSON_NONE);
    assert_int_not_equal(r.v[1].before, RA_JSON_NONE);
    assert_true(ra_json_string_is(&r.json, ra_json_member(&r.json, r.v[1].identity, "type"), "Service"));
    ra_stream_records_free(&r);
    free(copy);
}

/* A shard that is closed and read to its end has no next iterator. */
static void test_the_end_of_a_shard(void **state)
{
    static const char *const ends[] = {RECORDS(""), "{\"Records\":[],\"NextShardIterator\":null}"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        ra_stream_records r;
        char *copy;
        assert_true(read_copy(ends[i], &r, &copy));
        assert_int_equal(r.n, 0);
        assert_null(r.next.p);
        ra_stream_records_free(&r);
        free(copy);
    }
}

static void test_times(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds; /* -1: refused */
    } cases[] = {{"0", 0},    {"0.5", 0}, {"1.5e0", 1}, {"179540472e1", 1795404720}, {"\"1\"", -1},
                 {"null", 0}, {"-1", -1}, {"1e15", -1}, {"1e14", 100000000000000},   {"1e400", -1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512], *copy;
        ra_stream_records r;
        snprintf(text, sizeof text, RECORDS(RECORD("INSERT", ",\"ApproximateCreationDateTime\":%s")),
                 cases[i].text);
        assert_true(read_copy(text, &r, &copy));
        assert_int_equal(r.v[0].understood, cases[i].seconds >= 0);
        if (r.v[0].understood)
            assert_int_equal(r.v[0].created_s, cases[i].seconds);
        ra_stream_records_free(&r);
        free(copy);
    }
}

static void test_what_is_no_list_of_records_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "[]",
        "{}",
        "{\"Records\":{}}",
        "{\"Records\":null}",
        "{\"Records\":[],\"NextShardIterator\":7}",
        RECORDS(RECORD("INSERT", ",\"NewImage\":{},\"NewImage\":{}")),
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_stream_records r;
        char *copy;
        if (read_copy(cases[i], &r, &copy))
            fail_msg("read: %s", cases[i]);
        free(copy);
    }
}

/* Between two that are: these are given as they are, and of the other one its number, if it has one. */
static void test_a_record_that_is_not_understood(void **state)
{
    static const struct {
        const char *record, *sequence;
    } cases[] = {
        {"7", ""},
        {"[]", ""},
        {"null", ""},
        {"{}", ""},
        {"{\"eventName\":\"INSERT\"}", ""},
        {"{\"eventName\":\"INSERT\",\"dynamodb\":[]}", ""},
        {"{" DATA(SEQUENCE "," KEYS) "}", "000000000000000000030"},
        {RECORD("UPSERT", ""), "000000000000000000030"},
        {RECORD("insert", ""), "000000000000000000030"},
        {"{\"eventName\":\"INSERT\"," DATA(KEYS) "}", ""},
        {"{\"eventName\":\"INSERT\"," DATA(SEQUENCE) "}", "000000000000000000030"},
        {"{\"eventName\":\"INSERT\"," DATA(SEQUENCE ",\"Keys\":[]") "}", "000000000000000000030"},
        {"{\"eventName\":\"INSERT\"," DATA("\"SequenceNumber\":30," KEYS) "}", ""},
        {"{\"eventName\":\"INSERT\"," DATA("\"SequenceNumber\":\"\"," KEYS) "}", ""},
        {"{\"eventName\":\"INSERT\"," DATA("\"SequenceNumber\":\"3\\\"\"," KEYS) "}", ""},
        {"{\"eventName\":\"INSERT\"," DATA(
             "\"SequenceNumber\":\"1234567890123456789012345678901234567890123456789\"," KEYS) "}",
         ""},
        {RECORD("INSERT", ",\"NewImage\":7"), "000000000000000000030"},
        {RECORD("MODIFY", ",\"OldImage\":[]"), "000000000000000000030"},
        {RECORD("INSERT", ",\"ApproximateCreationDateTime\":-1"), "000000000000000000030"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[2048], *copy;
        ra_stream_records r;
        snprintf(text, sizeof text,
                 "{\"SequenceNumber\":\"5\"," /* the reply's own is nobody's */
                 "\"Records\":[" RECORD("INSERT", "") ",%s," RECORD("REMOVE", "") "]}",
                 cases[i].record);
        assert_true(read_copy(text, &r, &copy));
        assert_int_equal(r.n, 3);
        assert_true(r.v[0].understood && r.v[2].understood);
        assert_int_equal(r.v[2].event, RA_STREAM_REMOVE);
        if (r.v[1].understood || strcmp(r.v[1].sequence, cases[i].sequence) != 0)
            fail_msg("understood, or number '%s': %s", r.v[1].sequence, cases[i].record);
        assert_int_equal(r.v[1].keys, RA_JSON_NONE);
        assert_int_equal(r.v[1].before, RA_JSON_NONE);
        assert_int_equal(r.v[1].after, RA_JSON_NONE);
        assert_true(ra_bytes_eq_z(ra_json_raw(&r.json, r.v[1].token), cases[i].record));
        ra_stream_records_free(&r);
        free(copy);
    }
}

/* ---- marks ---- */

/* Names of units of the chat table. */
enum {
    ITEM = 1,   /* a/b and its partition */
    BY_SK = 2,  /* the partition "b" of the index on the sort key */
    OLD = 4,    /* by-g's partition "old" */
    NEW = 8,    /* by-g's partition "new" */
    BY_G = 16,  /* by-g as a whole */
    SK = 32,    /* by-sk as a whole */
    TABLE = 64, /* the table's guard, and BY_G and SK */
    USUAL = ITEM | BY_SK
};

static unsigned found_marks(const ra_marks *m)
{
    const ra_table *t = fixture_chat(f);
    const ra_key item = unit_item(t, "a", "b"), partition = unit_partition(t, "a"),
                 sk = unit_index(t, "by-sk", "b"), old = unit_index(t, "by-g", "old"),
                 new = unit_index(t, "by-g", "new");
    const struct {
        const ra_key *unit;
        int64_t settle;
        unsigned name;
    } units[] = {{&item, 0, ITEM},
                 {&sk, FIXTURE_SETTLE, BY_SK},
                 {&old, FIXTURE_SETTLE, OLD},
                 {&new, FIXTURE_SETTLE, NEW},
                 {&index_of(t, "by-g")->guard, FIXTURE_SETTLE, BY_G},
                 {&index_of(t, "by-sk")->guard, FIXTURE_SETTLE, SK},
                 {&t->key, 0, TABLE}};
    unsigned found = 0;
    size_t count = 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (fixture_marks(m->v, m->n, units[i].unit, units[i].settle)) {
            found |= units[i].name;
            count++;
        }
    }
    if (found & ITEM) {
        assert_true(fixture_marks(m->v, m->n, &partition, 0));
        count++;
    }
    assert_int_equal(count, m->n); /* and nothing else */
    return found;
}

static unsigned marks_of(const char *record, const ra_table *table)
{
    char text[2048], *copy;
    ra_stream_records r;
    ra_marks m;
    ra_op_table t = {.config = &f->config};
    for (size_t i = 0; i < FIXTURE_TABLES; i++) {
        if (f->tables[i] == table)
            t.table = f->tables[i];
    }
    snprintf(text, sizeof text, RECORDS("%s"), record);
    assert_true(read_copy(text, &r, &copy));
    ra_marks_init(&m, &f->arena);
    ra_stream_record_marks(&r.v[0], &r.json, &t, &f->arena, &m);
    assert_true(ra_marks_end(&m, NULL));
    unsigned found = found_marks(&m);
    ra_stream_records_free(&r);
    free(copy);
    return found;
}

static void expect_marks(const char *record, unsigned expected)
{
    unsigned found = marks_of(record, fixture_chat(f));
    if (found != expected)
        fail_msg("marks %u, expected %u: %s", found, expected, record);
}

#define IMAGE(name, g) ",\"" name "\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"}" g "}"
#define G(value)       ",\"g\":{\"S\":\"" value "\"}"

/* What each view type shows of each event, and what follows: of an index on another attribute the partitions
 * that are known, or all of it; the item, and the index on the sort key, always. */
static void test_views_and_events(void **state)
{
    static const struct {
        const char *record;
        unsigned more;
    } cases[] = {
        /* KEYS_ONLY */
        {RECORD("INSERT", ""), BY_G},
        {RECORD("MODIFY", ""), BY_G},
        {RECORD("REMOVE", ""), BY_G},
        /* NEW_IMAGE */
        {RECORD("INSERT", IMAGE("NewImage", G("new"))), NEW},
        {RECORD("MODIFY", IMAGE("NewImage", G("new"))), BY_G},
        /* OLD_IMAGE */
        {RECORD("MODIFY", IMAGE("OldImage", G("old"))), BY_G},
        {RECORD("REMOVE", IMAGE("OldImage", G("old"))), OLD},
        /* NEW_AND_OLD_IMAGES: as above, and */
        {RECORD("MODIFY", IMAGE("OldImage", G("old")) IMAGE("NewImage", G("new"))), OLD | NEW},
        {RECORD("MODIFY", IMAGE("OldImage", G("old")) IMAGE("NewImage", G("old"))), OLD},
        /* An item without the index's key isn't in the index. */
        {RECORD("INSERT", IMAGE("NewImage", "")), 0},
        {RECORD("REMOVE", IMAGE("OldImage", "")), 0},
        {RECORD("MODIFY", IMAGE("OldImage", "") IMAGE("NewImage", G("new"))), NEW},
        {RECORD("MODIFY", IMAGE("OldImage", G("old")) IMAGE("NewImage", "")), OLD},
        {RECORD("MODIFY", IMAGE("OldImage", "") IMAGE("NewImage", "")), 0},
        {RECORD("INSERT", IMAGE("NewImage", ",\"g\":{\"BOOL\":true}")), 0},
        /* What no stream says: not as the API defines a value, an image that can't be. */
        {RECORD("INSERT", IMAGE("NewImage", ",\"g\":7")), BY_G},
        {RECORD("MODIFY", IMAGE("OldImage", ",\"g\":{}") IMAGE("NewImage", G("new"))), BY_G},
        {RECORD("MODIFY", IMAGE("OldImage", G("old")) IMAGE("NewImage", ",\"g\":{\"X\":1}")), OLD | BY_G},
        {RECORD("INSERT", IMAGE("OldImage", G("old")) IMAGE("NewImage", G("new"))), OLD | NEW},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_marks(cases[i].record, USUAL | cases[i].more);
}

static void test_an_index_that_is_not_understood(void **state)
{
    (void)state;
    f->tables[0]->indexes[1].understood = false;
    assert_string_equal(f->tables[0]->indexes[1].name, "by-g");
    expect_marks(RECORD("INSERT", IMAGE("NewImage", G("new"))), USUAL | BY_G);
    f->tables[0]->indexes[2].understood = false;
    expect_marks(RECORD("INSERT", IMAGE("NewImage", G("new"))), ITEM | BY_G | SK);
}

#define KEYED(keys) "{\"eventName\":\"INSERT\"," DATA(SEQUENCE ",\"Keys\":" keys IMAGE("NewImage", "")) "}"

static void test_keys_that_are_not_the_tables(void **state)
{
    static const char *const cases[] = {
        KEYED("{}"), KEYED("{\"pk\":{\"S\":\"a\"}}"), KEYED("{\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"}}"),
        KEYED("{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"},\"x\":{\"S\":\"c\"}}"),
        KEYED("{\"pk\":{\"S\":\"a\"},\"xx\":{\"S\":\"b\"}}")};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_marks(cases[i], TABLE | BY_G | SK);
}

static void test_a_record_that_is_not_understood_marks_the_table(void **state)
{
    (void)state;
    expect_marks(RECORD("UPSERT", ""), TABLE | BY_G | SK);
    expect_marks("7", TABLE | BY_G | SK);
}

static void test_a_table_without_a_sort_key(void **state)
{
    ra_stream_records r;
    ra_marks m;
    char *copy;
    (void)state;
    ra_op_table t = {.config = &f->config, .table = f->tables[2]};
    assert_true(read_copy(
        RECORDS("{\"eventName\":\"MODIFY\"," DATA(SEQUENCE ",\"Keys\":{\"id\":{\"N\":\"1.0\"}}") "}"), &r,
        &copy));
    ra_marks_init(&m, &f->arena);
    ra_stream_record_marks(&r.v[0], &r.json, &t, &f->arena, &m);
    assert_true(ra_marks_end(&m, NULL));
    ra_scalar one = {RA_SCALAR_N, RA_BYTES("1e0")};
    ra_key item, partition;
    assert_true(ra_table_item_unit(t.table, &one, NULL, &item) &&
                ra_table_partition_unit(t.table, &one, &partition));
    assert_int_equal(m.n, 2);
    assert_true(fixture_marks(m.v, m.n, &item, 0) && fixture_marks(m.v, m.n, &partition, 0));
    ra_stream_records_free(&r);
    free(copy);
}

/* What a write through the proxy marks for the same change is what its record marks. */
static void test_as_the_same_write_through_the_proxy(void **state)
{
    (void)state;
    ra_op *op = fixture_plan(f, "PutItem",
                             "{\"TableName\":\"chat\",\"Item\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"},"
                             "\"g\":{\"S\":\"new\"}}}");
    ra_marks before = {.v = op->marks, .n = op->nmarks}, after = {0};
    canned c;
    ra_http_reply *reply = canned_reply(
        &c, 200, "{\"Attributes\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"},\"g\":{\"S\":\"old\"}}}");
    assert_true(ra_op_write_after(op, reply, &after.v, &after.n));
    unsigned written = found_marks(&before) | found_marks(&after);
    expect_marks(RECORD("MODIFY", IMAGE("OldImage", G("old")) IMAGE("NewImage", G("new"))), written);
}

static void test_without_memory(void **state)
{
    ra_stream_records r;
    ra_arena small;
    (void)state;
    /* an escape, so that the number has to be copied */
    ra_bytes body =
        RA_BYTES(RECORDS("{\"eventName\":\"INSERT\"," DATA("\"SequenceNumber\":\"3\\u0030\"," KEYS) "}"));
    bool read = false;
    for (size_t cap = 0; !read; cap++) {
        ra_arena_init(&small, cap);
        read = ra_stream_records_read(body, &small, &r);
        if (read) {
            assert_true(r.v[0].understood);
            assert_string_equal(r.v[0].sequence, "30");
            ra_stream_records_free(&r);
        }
        ra_arena_free(&small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_reply_as_it_comes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_end_of_a_shard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_times, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_list_of_records_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_record_that_is_not_understood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_views_and_events, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_index_that_is_not_understood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys_that_are_not_the_tables, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_record_that_is_not_understood_marks_the_table, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_table_without_a_sort_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_as_the_same_write_through_the_proxy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
