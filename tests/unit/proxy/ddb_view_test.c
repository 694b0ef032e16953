#include "proxy/ddb_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

typedef struct fixture {
    char *text;
    size_t n;
    FILE *out;
    ra_ddb_view view;
    ra_json json;
} fixture;

static void begin(fixture *f, const char *items)
{
    size_t at;
    *f = (fixture){0};
    f->out = open_memstream(&f->text, &f->n);
    assert_true(ra_ddb_view_begin(&f->view, f->out, 0));
    assert_int_equal(ra_json_parse(&f->json, ra_bytes_z(items), NULL, &at), RA_JSON_OK);
}

/* false: a row that can't be shown. */
static bool show(fixture *f, bool strict)
{
    bool ok = true;
    for (uint32_t i = 1; ok && i < f->json.t[0].next; i = f->json.t[i].next)
        ok = ra_ddb_view_row(&f->view, &f->json, i, strict);
    assert_true(ra_text_table_flush(f->view.table));
    fflush(f->out);
    return ok;
}

static void end(fixture *f)
{
    ra_ddb_view_free(&f->view);
    ra_json_free(&f->json);
    fclose(f->out);
    free(f->text);
}

static void test_named_columns_then_those_that_come(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "[{\"a\":{\"S\":\"x\"},\"k\":{\"N\":\"1.50\"}},{\"b\":{\"BOOL\":true},\"k\":{\"N\":\"2\"}}]");
    assert_true(ra_ddb_view_column(&f.view, RA_BYTES("key"), RA_BYTES("k")));
    assert_true(ra_ddb_view_discover(&f.view, &f.json, 0));
    assert_true(show(&f, true));
    assert_string_equal(f.text, "key   a  b\n1.50  x  -\n2     -  true\n");
    assert_int_equal(f.view.nleft_out, 0);
    end(&f);
}

static void test_every_type(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "[{\"v\":{\"S\":\"\"}},{\"v\":{\"S\":\"\\u00fc\\n\"}},{\"v\":{\"N\":\"-1E-130\"}},{\"v\":{"
              "\"B\":\"AP8=\"}},"
              "{\"v\":{\"NULL\":true}},{\"v\":{\"SS\":[\"a\",\"b\"]}},{\"v\":{\"M\":{\"m\":{\"N\":\"1\"}}}},"
              "{\"v\":{\"L\":[]}}]");
    assert_true(ra_ddb_view_column(&f.view, RA_BYTES("v"), RA_BYTES("v")));
    assert_true(show(&f, false));
    assert_string_equal(f.text, "v\n\"\"\nü\\n\n-1E-130\nAP8=\nnull\n[\"a\",\"b\"]\n{\"m\":1}\n[]\n");
    end(&f);
}

static void test_what_has_no_column_is_noted(void **state)
{
    (void)state;
    fixture f;
    begin(&f,
          "[{\"a\":{\"S\":\"1\"},\"b\":{\"S\":\"2\"}},{\"c\":{\"S\":\"3\"},\"b\":{\"S\":\"4\"}},"
          "{\"d\":{\"S\":\"\"},\"e\":{\"S\":\"\"},\"f\":{\"S\":\"\"},\"g\":{\"S\":\"\"},\"h\":{\"S\":\"\"},"
          "\"i\":{\"S\":\"\"},\"j\":{\"S\":\"\"}}]");
    assert_true(ra_ddb_view_column(&f.view, RA_BYTES("a"), RA_BYTES("a")));
    assert_true(show(&f, true));
    assert_string_equal(f.text, "a\n1\n-\n-\n");
    assert_int_equal(f.view.nleft_out, RA_DDB_VIEW_LEFT_OUT);
    assert_true(ra_bytes_eq_z(f.view.left_out[0], "b"));
    assert_true(ra_bytes_eq_z(f.view.left_out[1], "c"));
    assert_true(f.view.more_left_out);
    end(&f);
}

static void test_more_attributes_than_columns(void **state)
{
    (void)state;
    fixture f;
    ra_buf items;
    ra_buf_init(&items, 1 << 16);
    ra_buf_add_z(&items, "[{");
    for (int i = 0; i <= RA_TEXT_TABLE_COLUMNS; i++)
        ra_buf_addf(&items, "%s\"a%d\":{\"N\":\"%d\"}", i ? "," : "", i, i);
    ra_buf_add(&items, "}]", 3);
    begin(&f, items.p);
    assert_true(ra_ddb_view_discover(&f.view, &f.json, 0));
    assert_int_equal(f.view.ncolumns, RA_TEXT_TABLE_COLUMNS);
    assert_int_equal(f.view.nleft_out, 1);
    assert_true(ra_bytes_eq_z(f.view.left_out[0], "a128"));
    assert_false(ra_ddb_view_column(&f.view, RA_BYTES("x"), RA_BYTES("x")));
    end(&f);
    ra_buf_free(&items);
}

static void test_what_is_no_item(void **state)
{
    (void)state;
    static const char *const wrong[] = {"[7]", "[{\"a\":7}]", "[{\"a\":{\"X\":true}}]", "[{\"a\":{}}]"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        fixture f;
        begin(&f, wrong[i]);
        assert_true(ra_ddb_view_column(&f.view, RA_BYTES("a"), RA_BYTES("a")));
        assert_false(show(&f, false));
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named_columns_then_those_that_come),
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_what_has_no_column_is_noted),
        cmocka_unit_test(test_more_attributes_than_columns),
        cmocka_unit_test(test_what_is_no_item),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
