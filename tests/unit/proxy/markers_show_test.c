#include "proxy/markers_show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#define NOW INT64_C(1782907200000) /* 2026-07-01T12:00:00Z */

static void durations(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{-5, "over"},
                 {0, "over"},
                 {1, "in 1s"},
                 {1000, "in 1s"},
                 {59000, "in 59s"},
                 {59001, "in 1m 0s"},
                 {843000, "in 14m 3s"},
                 {3599001, "in 1h 0m"},
                 {7500000, "in 2h 5m"},
                 {86400000, "in 1d 0h"},
                 {INT64_C(999999999999999), "in 11574074d 1h"}};
    char text[RA_MARKERS_TIME_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_markers_in(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void times(void **state)
{
    (void)state;
    char text[RA_MARKERS_TIME_MAX];
    ra_markers_iso(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    ra_markers_iso(NOW + 42, text);
    assert_string_equal(text, "2026-07-01T12:00:00.042Z");
    ra_markers_iso(INT64_C(999999999999999), text);
    assert_string_equal(text, "33658-09-27T01:46:39.999Z");
}

static ra_marked_unit unit(unsigned char first, uint64_t live, uint64_t expired, int64_t latest)
{
    ra_marked_unit u = {.live = live, .expired = expired, .latest = latest, .now = NOW};
    memset(u.unit.b, first, sizeof u.unit.b);
    return u;
}

typedef struct shown {
    char *text;
    size_t n;
    FILE *out;
    ra_markers_show show;
} shown;

static void begin(shown *s, enum ra_markers_view view, bool json)
{
    *s = (shown){.text = NULL};
    s->out = open_memstream(&s->text, &s->n);
    assert_true(ra_markers_show_begin(&s->show, s->out, view, json, 0));
}

static void add(shown *s, const char *kind, ra_marked_unit u)
{
    assert_true(ra_markers_show_unit(&s->show, kind, &u));
}

static void ends_as(shown *s, const char *text)
{
    assert_true(ra_markers_show_end(&s->show));
    fclose(s->out);
    assert_string_equal(s->text, text);
    free(s->text);
    ra_markers_show_free(&s->show);
}

static void units_that_are_held(void **state)
{
    (void)state;
    shown s;
    begin(&s, RA_MARKERS_HELD, false);
    add(&s, NULL, unit(0x11, 2, 1, NOW + 843000));
    add(&s, NULL, unit(0x22, 0, 4, 0));
    ra_marked_unit odd = unit(0x33, 1, 0, 0);
    odd.unreadable = 1;
    add(&s, NULL, odd);
    assert_true(ra_markers_show_flush(&s.show));
    add(&s, NULL, unit(0x44, 1, 0, NOW + 1));
    ends_as(&s, "unit              markers  expired  the last ends      at\n"
                "1111111111111111        2        1  in 14m 3s          2026-07-01T12:14:03.000Z\n"
                "3333333333333333        1        0  never: unreadable  -\n"
                "4444444444444444        1        0  in 1s              2026-07-01T12:00:00.001Z\n"
                "\n"
                "3 units are held by 4 markers; expired: 5 markers on 2 units\n");
    begin(&s, RA_MARKERS_HELD, false);
    add(&s, NULL, unit(0x11, 1, 0, NOW + 1000));
    ends_as(&s, "unit              markers  expired  the last ends  at\n"
                "1111111111111111        1        0  in 1s          2026-07-01T12:00:01.000Z\n"
                "\n"
                "1 unit is held by 1 marker\n");
}

static void nothing(void **state)
{
    (void)state;
    shown s;
    begin(&s, RA_MARKERS_HELD, false);
    assert_true(ra_markers_show_flush(&s.show));
    ends_as(&s, "no unit is held\n");
    begin(&s, RA_MARKERS_HELD, false);
    add(&s, NULL, unit(0x11, 0, 1, 0));
    ends_as(&s, "no unit is held; expired: 1 marker on 1 unit\n");
    begin(&s, RA_MARKERS_CLEARED, false);
    ends_as(&s, "0 markers removed from 0 units\n");
    begin(&s, RA_MARKERS_HELD, true);
    ends_as(&s, "{\"units\": [], \"total\": {\"units\": 0, \"markers\": 0, \"expired\": 0}}\n");
}

static void units_that_were_asked_for(void **state)
{
    (void)state;
    shown s;
    begin(&s, RA_MARKERS_ASKED, false);
    add(&s, "item", unit(0x11, 1, 0, NOW + 5000));
    add(&s, "table", unit(0x22, 0, 0, 0));
    ends_as(&s, "of the  unit              markers  expired  the last ends  at\n"
                "item    1111111111111111        1        0  in 5s          2026-07-01T12:00:05.000Z\n"
                "table   2222222222222222        0        0  -              -\n"
                "\n"
                "1 unit is held by 1 marker\n");
    begin(&s, RA_MARKERS_ASKED, false);
    add(&s, "table", unit(0x22, 0, 0, 0));
    ends_as(&s, "of the  unit              markers  expired  the last ends  at\n"
                "table   2222222222222222        0        0  -              -\n"
                "\n"
                "none of them is held\n");
}

static void units_that_were_cleared(void **state)
{
    (void)state;
    shown s;
    begin(&s, RA_MARKERS_CLEARED, false);
    add(&s, NULL, unit(0x11, 2, 1, NOW + 843000));
    add(&s, NULL, unit(0x22, 0, 4, 0));
    add(&s, NULL, unit(0x33, 0, 0, 0));
    ends_as(&s, "unit              removed  of them expired\n"
                "1111111111111111        3                1\n"
                "2222222222222222        4                4\n"
                "\n"
                "7 markers removed from 2 units\n");
}

#define HEX(two)  two two two two two two two two
#define FULL(two) HEX(two) HEX(two) HEX(two) HEX(two)

static void as_json(void **state)
{
    (void)state;
    shown s;
    begin(&s, RA_MARKERS_HELD, true);
    add(&s, NULL, unit(0x11, 2, 1, NOW + 843000));
    add(&s, NULL, unit(0x22, 0, 1, 0));
    ra_marked_unit odd = unit(0x33, 1, 0, 0);
    odd.unreadable = 1;
    add(&s, NULL, odd);
    ends_as(&s, "{\"units\": [\n"
                "{\"unit\": \"" FULL(
                    "11") "\", \"markers\": 2, \"unreadable\": 0, \"expired\": 1, "
                          "\"latest_deadline\": \"2026-07-01T12:14:03.000Z\", \"remaining_ms\": 843000},\n"
                          "{\"unit\": \"" FULL(
                              "33") "\", \"markers\": 1, \"unreadable\": 1, \"expired\": 0, "
                                    "\"latest_deadline\": null, \"remaining_ms\": null}\n"
                                    "], \"total\": {\"units\": 2, \"markers\": 3, \"expired\": 2}}\n");
    begin(&s, RA_MARKERS_ASKED, true);
    add(&s, "item", unit(0x22, 0, 0, 0));
    ends_as(
        &s,
        "{\"units\": [\n"
        "{\"kind\": \"item\", \"held\": false, \"unit\": \"" FULL(
            "22") "\", \"markers\": 0, "
                  "\"unreadable\": 0, \"expired\": 0, \"latest_deadline\": null, \"remaining_ms\": null}\n"
                  "], \"total\": {\"units\": 0, \"markers\": 0, \"expired\": 0}}\n");
    begin(&s, RA_MARKERS_CLEARED, true);
    add(&s, NULL, unit(0x22, 1, 4, 0));
    ends_as(&s, "{\"units\": [\n{\"unit\": \"" FULL(
                    "22") "\", \"removed\": 5, \"expired\": 4}\n"
                          "], \"total\": {\"units\": 1, \"removed\": 5, \"expired\": 4}}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(times),
        cmocka_unit_test(units_that_are_held),
        cmocka_unit_test(nothing),
        cmocka_unit_test(units_that_were_asked_for),
        cmocka_unit_test(units_that_were_cleared),
        cmocka_unit_test(as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
