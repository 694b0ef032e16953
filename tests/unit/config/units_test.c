#include "tests/unit/config/expect.h"

#include "config/units.h"

typedef bool (*parser)(const char *, int64_t *);
typedef void (*formatter)(int64_t, char[RA_UNIT_TEXT_MAX]);

static void expect(parser p, const char *text, int64_t value)
{
    int64_t v = -1;
    if (!p(text, &v))
        fail_msg("refused: %s", text);
    assert_true(v == value);
}

static void expect_refused(parser p, const char *const *texts)
{
    for (; *texts; texts++) {
        int64_t v = -7;
        if (p(*texts, &v))
            fail_msg("accepted: %s", *texts);
        assert_true(v == -7);
    }
}

static void test_durations(void **state)
{
    (void)state;
    expect(ra_duration_parse, "200ms", 200);
    expect(ra_duration_parse, "5s", 5000);
    expect(ra_duration_parse, "5m", 300000);
    expect(ra_duration_parse, "17m", 1020000);
    expect(ra_duration_parse, "24h", 86400000);
    expect(ra_duration_parse, "7d", 604800000);
    expect(ra_duration_parse, "0", 0);
    expect(ra_duration_parse, "0s", 0);
    expect(ra_duration_parse, "007s", 7000);
    expect(ra_duration_parse, "9223372036854775807ms", INT64_MAX);
    expect_refused(ra_duration_parse, (const char *const[]){"",
                                                            "5",
                                                            "s",
                                                            "5 s",
                                                            " 5s",
                                                            "5s ",
                                                            "-5s",
                                                            "+5s",
                                                            "1.5s",
                                                            "1e3s",
                                                            "5S",
                                                            "5sec",
                                                            "5mss",
                                                            "0x5s",
                                                            "1h30m",
                                                            "9223372036854775808ms",
                                                            "9223372036854775807s",
                                                            "99999999999999999999999999999999s",
                                                            "5\u00b5s",
                                                            NULL});
}

static void test_sizes(void **state)
{
    (void)state;
    expect(ra_size_parse, "0", 0);
    expect(ra_size_parse, "1048576", 1048576);
    expect(ra_size_parse, "512KiB", 524288);
    expect(ra_size_parse, "64MiB", 67108864);
    expect(ra_size_parse, "1GiB", 1073741824);
    expect_refused(ra_size_parse,
                   (const char *const[]){"", "64MB", "64M", "64mib", "64 MiB", "KiB", "-1", "1.5GiB", "1TiB",
                                         "8589934592GiB", "9223372036854775808", NULL});
}

static void test_shares(void **state)
{
    (void)state;
    expect(ra_share_parse, "0%", 0);
    expect(ra_share_parse, "10%", 100000);
    expect(ra_share_parse, "100%", 1000000);
    expect(ra_share_parse, "2.5%", 25000);
    expect(ra_share_parse, "0.0001%", 1);
    expect(ra_share_parse, "99.9999%", 999999);
    expect(ra_share_parse, "100.0%", 1000000);
    expect_refused(ra_share_parse,
                   (const char *const[]){"", "10", "%", "10 %", "-1%", "101%", "100.0001%", "1.%", ".5%",
                                         "1.00001%", "0.1", "1e1%", "10%%", "99999999999999999999%", NULL});
}

static void test_prices(void **state)
{
    (void)state;
    int64_t value = 7;
    expect(ra_price_parse, "0", 0);
    expect(ra_price_parse, "0.25", 250000);
    expect(ra_price_parse, "1.250000", 1250000);
    expect(ra_price_parse, "0.000001", 1);
    expect(ra_price_parse, "12", 12000000);
    expect_refused(ra_price_parse,
                   (const char *const[]){"", "0.0000001", ".5", "1.", "-1", "1e3", "0,25", "$1", "1 ",
                                         "9223372036855", "99999999999999999999", NULL});
    assert_true(ra_price_of_number(0.1, &value));
    assert_int_equal(value, 100000);
    assert_true(ra_price_of_number(1.25, &value));
    assert_int_equal(value, 1250000);
    assert_false(ra_price_of_number(0.0000001, &value));
    assert_false(ra_price_of_number(1.0 / 3, &value));
    assert_false(ra_price_of_number(-0.25, &value));
    assert_false(ra_price_of_number(1e300, &value));
    assert_int_equal(value, 1250000);
}

static void test_counts(void **state)
{
    (void)state;
    expect(ra_count_parse, "0", 0);
    expect(ra_count_parse, "64", 64);
    expect(ra_count_parse, "9223372036854775807", INT64_MAX);
    expect_refused(ra_count_parse, (const char *const[]){"", "-1", "+1", "1.0", "1e3", "64 ", "0x10",
                                                         "9223372036854775808", NULL});
}

static void expect_formatted(formatter f, parser p, int64_t value, const char *text)
{
    char out[RA_UNIT_TEXT_MAX];
    f(value, out);
    assert_string_equal(out, text);
    expect(p, out, value);
}

static void test_what_is_formatted_reads_back(void **state)
{
    (void)state;
    expect_formatted(ra_duration_format, ra_duration_parse, 0, "0s");
    expect_formatted(ra_duration_format, ra_duration_parse, 1, "1ms");
    expect_formatted(ra_duration_format, ra_duration_parse, 1500, "1500ms");
    expect_formatted(ra_duration_format, ra_duration_parse, 1020000, "17m");
    expect_formatted(ra_duration_format, ra_duration_parse, 86400000, "1d");
    expect_formatted(ra_duration_format, ra_duration_parse, INT64_MAX, "9223372036854775807ms");
    expect_formatted(ra_size_format, ra_size_parse, 0, "0");
    expect_formatted(ra_size_format, ra_size_parse, 1025, "1025");
    expect_formatted(ra_size_format, ra_size_parse, 1048576, "1MiB");
    expect_formatted(ra_size_format, ra_size_parse, INT64_C(1) << 40, "1024GiB");
    expect_formatted(ra_share_format, ra_share_parse, 0, "0%");
    expect_formatted(ra_share_format, ra_share_parse, 100000, "10%");
    expect_formatted(ra_share_format, ra_share_parse, 25000, "2.5%");
    expect_formatted(ra_share_format, ra_share_parse, 1, "0.0001%");
    expect_formatted(ra_share_format, ra_share_parse, 1000000, "100%");
    expect_formatted(ra_price_format, ra_price_parse, 0, "0");
    expect_formatted(ra_price_format, ra_price_parse, 1250000, "1.25");
    expect_formatted(ra_price_format, ra_price_parse, 1, "0.000001");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_shares),    cmocka_unit_test(test_prices),
        cmocka_unit_test(test_counts),    cmocka_unit_test(test_what_is_formatted_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
