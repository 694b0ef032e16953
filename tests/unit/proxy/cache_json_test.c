#include "proxy/cache_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka.h wants these before it */
#include <cmocka.h>

static cJSON *written(const ra_unit_view *v)
{
    ra_buf out;
    ra_buf_init(&out, 1 << 20);
    ra_buf_add_char(&out, '{');
    assert_true(ra_cache_view_write(v, &out));
    ra_buf_add_char(&out, '}');
    cJSON *object = cJSON_ParseWithLength(out.p, out.n);
    assert_non_null(object);
    ra_buf_free(&out);
    return object;
}

static void test_there_and_back(void **state)
{
    (void)state;
    ra_unit_view v = {.state = RA_UNIT_DATA, .overtaken = 3, .named = true}, back = {0};
    memset(v.unit.b, 0xab, sizeof v.unit.b);
    for (unsigned i = 0; i < 5; i++) {
        ra_unit_entry e = {.bytes = (uint64_t)1 << (8 * i), .expires_in = -7, .keeps_in = (int64_t)1 << 40};
        e.request.b[0] = (unsigned char)i;
        assert_true(ra_unit_view_add(&v, &e));
    }
    v.name = v.entries[2].request;
    back.unit = v.unit;
    cJSON *object = written(&v);
    assert_true(ra_cache_view_read(object, &back));
    assert_true(back.state == v.state && back.overtaken == 3 && back.n == 5 && !back.unlisted);
    assert_memory_equal(back.entries, v.entries, 5 * sizeof *v.entries);
    const cJSON *entries = cJSON_GetObjectItem(object, "entries");
    for (int i = 0; i < 5; i++)
        assert_int_equal(cJSON_HasObjectItem(cJSON_GetArrayItem(entries, i), "request"), i == 2);
    cJSON_Delete(object);
    ra_unit_view_clear(&v);
    ra_unit_view_clear(&back);
}

static void test_a_marked_one(void **state)
{
    (void)state;
    ra_unit_view v = {.state = RA_UNIT_MARKED, .markers = 2, .unlisted = true}, back = {0};
    cJSON *object = written(&v);
    assert_true(ra_cache_view_read(object, &back));
    assert_true(back.state == RA_UNIT_MARKED && back.markers == 2 && back.marked_for == 0 && back.unlisted);
    cJSON_Delete(object);
    v.marked_for = 900;
    object = written(&v);
    assert_true(ra_cache_view_read(object, &back));
    assert_int_equal(back.marked_for, 900);
    cJSON_Delete(object);
}

#define HEX "0000000000000000000000000000000000000000000000000000000000000000"
#define GOOD(unit, state, markers, entries)                                                                  \
    "{\"unit\":\"" unit "\",\"state\":\"" state "\",\"markers\":" markers                                    \
    ",\"marked_for_ms\":null,\"overtaken\":0,\"listed\":true,\"entries\":" entries "}"

static void test_what_is_no_answer(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{}",
        "[]",
        GOOD("12", "data", "0", "[]"),
        GOOD("1" HEX, "data", "0", "[]"),
        GOOD(HEX, "dat", "0", "[]"),
        GOOD(HEX, "data", "-1", "[]"),
        GOOD(HEX, "data", "1e99", "[]"),
        GOOD(HEX, "data", "\"1\"", "[]"),
        GOOD(HEX, "data", "0", "{}"),
        GOOD(HEX, "data", "0", "[{}]"),
        GOOD(HEX, "data", "0",
             "[{\"entry\":\"" HEX "\",\"bytes\":-1,\"expires_in_ms\":1,\"kept_for_ms\":1}]"),
        GOOD(HEX, "data", "0",
             "[{\"entry\":\"" HEX "\",\"bytes\":1,\"expires_in_ms\":\"\",\"kept_for_ms\":1}]"),
    };
    ra_unit_view v = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cJSON *object = cJSON_Parse(bad[i]);
        assert_non_null(object);
        assert_false(ra_cache_view_read(object, &v));
        cJSON_Delete(object);
    }
    cJSON *good = cJSON_Parse(GOOD(HEX, "data", "0", "[]"));
    assert_true(ra_cache_view_read(good, &v));
    v.unit.b[0] = 1; /* it is another unit's */
    assert_false(ra_cache_view_read(good, &v));
    cJSON_Delete(good);
    ra_unit_view_clear(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_a_marked_one),
        cmocka_unit_test(test_what_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
