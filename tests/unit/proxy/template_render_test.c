/* Rendering. Compiling is tested where it is done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/template_render.h"

/* "MSG#{0}/{1}" and its like, by hand. */
#define LITERAL(z)                                                                                           \
    {                                                                                                        \
        .slot = -1, .text = (z), .len = sizeof(z) - 1                                                        \
    }
#define SLOT(s)                                                                                              \
    {                                                                                                        \
        .slot = (s)                                                                                          \
    }
#define TEMPLATE(list) ((ra_template){(list), sizeof(list) / sizeof *(list)})

static const ra_template_part one[] = {SLOT(0)}, two[] = {LITERAL("MSG#"), SLOT(0)},
                              many[] = {SLOT(1), LITERAL("\"\\"), SLOT(0), SLOT(0), LITERAL("\n."), SLOT(2)},
                              plain[] = {LITERAL("\x01 é")};

typedef struct fixture {
    ra_arena arena;
    ra_buf out;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    ra_arena_init(&f->arena, 1 << 20);
    ra_buf_init(&f->out, 1 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ra_arena_free(&f->arena);
    ra_buf_free(&f->out);
    free(f);
    return 0;
}

static void assert_text(fixture *f, ra_template t, const ra_bytes *values, const char *expected)
{
    ra_bytes text;
    assert_true(ra_template_text(&t, values, &f->arena, &text));
    assert_non_null(text.p);
    assert_true(ra_bytes_eq_z(text, expected));
}

static void assert_json(fixture *f, ra_template t, const ra_bytes *values, const char *expected)
{
    ra_buf_clear(&f->out);
    ra_buf_add_z(&f->out, "[\"\",");
    assert_true(ra_template_render(&t, values, &f->out));
    assert_true(ra_bytes_eq_z((ra_bytes){f->out.p + 4, f->out.n - 4}, expected));
    assert_memory_equal(f->out.p, "[\"\",", 4);
}

static void renders(void **state)
{
    const ra_bytes values[] = {RA_BYTES("a\"\\\r\n\t\x1f\x7f/é👋"), RA_BYTES("x"), {NULL, 0}};
    assert_text(*state, TEMPLATE(one), values, "a\"\\\r\n\t\x1f\x7f/é👋");
    assert_text(*state, TEMPLATE(two), values, "MSG#a\"\\\r\n\t\x1f\x7f/é👋");
    assert_text(*state, TEMPLATE(plain), values, "\x01 é");
    assert_text(*state, (ra_template){NULL, 0}, values, "");
    assert_json(*state, TEMPLATE(one), values, "\"a\\\"\\\\\\r\\n\\t\\u001f\x7f/é👋\"");
    assert_json(*state, TEMPLATE(two), values, "\"MSG#a\\\"\\\\\\r\\n\\t\\u001f\x7f/é👋\"");
    assert_json(*state, TEMPLATE(plain), values, "\"\\u0001 é\"");
    assert_json(*state, (ra_template){NULL, 0}, values, "\"\"");
}

static void several_parts_are_one_string(void **state)
{
    const ra_bytes values[] = {RA_BYTES("\""), RA_BYTES(""), RA_BYTES("end\\")};
    assert_text(*state, TEMPLATE(many), values, "\"\\\"\"\n.end\\");
    assert_json(*state, TEMPLATE(many), values, "\"\\\"\\\\\\\"\\\"\\n.end\\\\\"");
}

static void absent_values_are_empty(void **state)
{
    const ra_bytes values[] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    assert_text(*state, TEMPLATE(one), values, "");
    assert_text(*state, TEMPLATE(two), values, "MSG#");
    assert_text(*state, TEMPLATE(many), values, "\"\\\n.");
    assert_json(*state, TEMPLATE(one), values, "\"\"");
    assert_json(*state, TEMPLATE(many), values, "\"\\\"\\\\\\n.\"");
}

/* One placeholder alone costs nothing: what is stored in a table may be large. */
static void alone_it_is_a_view(void **state)
{
    fixture *f = *state;
    const ra_bytes values[] = {RA_BYTES("value")};
    ra_bytes text;
    ra_template t = TEMPLATE(one);
    assert_true(ra_template_text(&t, values, &f->arena, &text));
    assert_ptr_equal(text.p, values[0].p);
    assert_int_equal(f->arena.used, 0);
}

static void documents(void **state)
{
    fixture *f = *state;
    const ra_bytes values[] = {RA_BYTES("\"}"), RA_BYTES("1")};
    const ra_document_piece pieces[] = {{.json = "{\"a\":", .len = 5},  {.string = TEMPLATE(two)},
                                        {.json = ",\"b\":[", .len = 6}, {.string = {NULL, 0}},
                                        {.json = ",", .len = 1},        {.string = TEMPLATE(one)},
                                        {.json = "]}", .len = 2}};
    ra_document d = {pieces, sizeof pieces / sizeof *pieces};
    assert_true(ra_document_render(&d, values, &f->out));
    assert_true(ra_bytes_eq_z(ra_buf_bytes(&f->out), "{\"a\":\"MSG#\\\"}\",\"b\":[\"\",\"\\\"}\"]}"));
}

static void lengths(void **state)
{
    fixture *f = *state;
    const ra_bytes values[] = {RA_BYTES("é\""), RA_BYTES("x"), {NULL, 0}};
    const ra_template all[] = {TEMPLATE(one), TEMPLATE(two), TEMPLATE(many), TEMPLATE(plain), {NULL, 0}};
    uint64_t together = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        ra_bytes text;
        assert_true(ra_template_text(&all[i], values, &f->arena, &text));
        assert_int_equal(ra_template_length(&all[i], values), text.n);
        together += text.n;
    }
    const ra_document_piece pieces[] = {{.json = "[", .len = 1}, {.string = all[0]}, {.string = all[1]},
                                        {.string = all[2]},      {.string = all[3]}, {.string = all[4]}};
    ra_document d = {pieces, sizeof pieces / sizeof *pieces};
    assert_int_equal(ra_document_length(&d, values), 1 + together);
    const ra_bytes large[] = {{"", SIZE_MAX >> 2}, {"", 0}, {"", 0}};
    assert_true(ra_template_length(&all[2], large) > SIZE_MAX >> 2);
}

static void no_memory(void **state)
{
    fixture *f = *state;
    const ra_bytes values[] = {RA_BYTES("0123456789012345678901234567890123456789"), RA_BYTES("b"),
                               RA_BYTES("c")};
    const ra_document_piece pieces[] = {{.json = "{\"a\":", .len = 5}, {.string = TEMPLATE(many)}};
    ra_document d = {pieces, 2};
    ra_template t = TEMPLATE(many);
    ra_bytes text;
    for (size_t cap = 0; cap < 80; cap++) {
        ra_buf_init(&f->out, cap);
        assert_false(ra_document_render(&d, values, &f->out));
        ra_buf_free(&f->out);
    }
    ra_arena_free(&f->arena);
    ra_arena_init(&f->arena, 32);
    assert_false(ra_template_text(&t, values, &f->arena, &text));
    const ra_bytes endless[] = {{"", SIZE_MAX - 4}, {"", SIZE_MAX - 4}, {"", 8}};
    assert_false(ra_template_text(&t, endless, &f->arena, &text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(renders, setup, teardown),
        cmocka_unit_test_setup_teardown(several_parts_are_one_string, setup, teardown),
        cmocka_unit_test_setup_teardown(absent_values_are_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(alone_it_is_a_view, setup, teardown),
        cmocka_unit_test_setup_teardown(documents, setup, teardown),
        cmocka_unit_test_setup_teardown(lengths, setup, teardown),
        cmocka_unit_test_setup_teardown(no_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
