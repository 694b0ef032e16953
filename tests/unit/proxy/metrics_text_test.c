/* Prometheus' text format, to the letter. */
#include "proxy/metrics_text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static ra_buf out;

static int begin(void **state)
{
    (void)state;
    ra_buf_init(&out, 1 << 20);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ra_buf_free(&out);
    return 0;
}

static const char *text(void)
{
    ra_buf_add_char(&out, '\0');
    assert_true(ra_buf_ok(&out));
    return out.p;
}

static void a_family_is_declared(void **state)
{
    (void)state;
    ra_metrics_text_family(&out, "a_total", "counter", "What it is.");
    assert_string_equal(text(), "# HELP a_total What it is.\n# TYPE a_total counter\n");
}

static void samples_have_labels_or_none(void **state)
{
    (void)state;
    const ra_label v[] = {{"table", "chat"}, {"pattern", NULL}};
    ra_metrics_text_count(&out, "a_total", v, 2, UINT64_MAX);
    ra_metrics_text_count(&out, "b", NULL, 0, 0);
    ra_metrics_text_value(&out, "c", v, 1, 1.5);
    ra_metrics_text_value(&out, "d", NULL, 0, NAN);
    ra_metrics_text_value(&out, "e", NULL, 0, 1795414826.125);
    assert_string_equal(text(), "a_total{table=\"chat\",pattern=\"\"} 18446744073709551615\nb 0\n"
                                "c{table=\"chat\"} 1.5\nd NaN\ne 1795414826.125\n");
}

static void what_would_end_a_label_is_escaped(void **state)
{
    (void)state;
    const ra_label v = {"name", "a\"b\\c\nd}é,e=\"\\n"};
    ra_metrics_text_count(&out, "x", &v, 1, 1);
    assert_string_equal(text(), "x{name=\"a\\\"b\\\\c\\nd}é,e=\\\"\\\\n\"} 1\n");
}

static unsigned long value_of(const char *all, const char *series)
{
    const char *at = strstr(all, series);
    assert_non_null(at);
    return strtoul(at + strlen(series), NULL, 10);
}

static void histograms_are_cumulative(void **state)
{
    (void)state;
    ra_latency h = {0};
    ra_latency_copy c = {0};
    const ra_label v = {"outcome", "hit"};
    ra_latency_add(&h, 3);
    ra_latency_add(&h, 16);
    ra_latency_add(&h, 17);
    ra_latency_add(&h, 60 * 1000 * 1000);
    ra_latency_sum_up(&c, &h);
    ra_metrics_text_latency(&out, "t", &v, 1, &c);
    const char *all = text();
    assert_int_equal(value_of(all, "t_bucket{outcome=\"hit\",le=\"1.6e-05\"} "), 2);
    assert_int_equal(value_of(all, "t_bucket{outcome=\"hit\",le=\"3.2e-05\"} "), 3);
    assert_int_equal(value_of(all, "t_bucket{outcome=\"hit\",le=\"33.554432\"} "), 3);
    assert_int_equal(value_of(all, "t_bucket{outcome=\"hit\",le=\"+Inf\"} "), 4);
    assert_int_equal(value_of(all, "t_count{outcome=\"hit\"} "), 4);
    assert_non_null(strstr(all, "t_sum{outcome=\"hit\"} 60.000036\n"));
}

static void a_histogram_needs_no_labels(void **state)
{
    (void)state;
    const ra_latency_copy none = {0};
    ra_metrics_text_latency(&out, "t", NULL, 0, &none);
    const char *all = text();
    assert_non_null(strstr(all, "t_bucket{le=\"+Inf\"} 0\n"));
    assert_non_null(strstr(all, "t_sum 0.000000\nt_count 0\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_family_is_declared, begin, end),
        cmocka_unit_test_setup_teardown(samples_have_labels_or_none, begin, end),
        cmocka_unit_test_setup_teardown(what_would_end_a_label_is_escaped, begin, end),
        cmocka_unit_test_setup_teardown(histograms_are_cumulative, begin, end),
        cmocka_unit_test_setup_teardown(a_histogram_needs_no_labels, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
