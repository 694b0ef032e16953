/* Rates of the last minute, at prices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include "proxy/money.h"

static char currency[] = "EUR";
/* a quarter and one and a quarter for a million */
static const ra_config_prices prices = {
    .given = true, .currency = currency, .read = 250000, .write = 1250000};

static void near(double is, double should_be)
{
    assert_true(is > should_be - 1e-9 && is < should_be + 1e-9);
}

static void test_rates(void **state)
{
    (void)state;
    ra_money m = {.n = 0};
    const ra_units none = {.spent = 0}, some = {.spent = 2000000,
                                                .extra = 400000,
                                                .saved = 1000000,
                                                .written = 200000,
                                                .observed = 600000};
    ra_money_rates r = ra_money_of(&m, &prices, 5, &some);
    near(r.spent, 0); /* nobody knows since when */
    ra_money_note(&m, 1000, &none);
    near(ra_money_of(&m, &prices, 1000, &some).spent, 0);
    r = ra_money_of(&m, &prices, 37000, &some); /* a hundredth of an hour */
    near(r.spent, 100 * (0.25 + 0.1 * 1.25));
    near(r.saved, 100 * 0.3 * 0.25);
    near(r.would_save, 100 * 0.6 * 0.25);
}

static void test_what_costs_more_than_it_saves(void **state)
{
    (void)state;
    ra_money m = {.n = 0};
    const ra_units none = {.spent = 0}, some = {.spent = 200, .extra = 100, .saved = 20};
    ra_money_note(&m, 0, &none);
    assert_true(ra_money_of(&m, &prices, 1000, &some).saved < 0);
}

/* What was long ago doesn't count; after a pause what came last before it does. */
static void test_the_last_minute(void **state)
{
    (void)state;
    ra_money m = {.n = 0};
    ra_units now = {.spent = 0};
    int64_t at = 0;
    for (unsigned i = 0; i < 500; i++, at += 1000) {
        ra_money_note(&m, at, &now);
        now.spent += i < 400 ? 1000 : 10;
    }
    at -= 1000;
    near(ra_money_of(&m, &prices, at, &m.v[(m.next + RA_MONEY_SAMPLES - 1) % RA_MONEY_SAMPLES].half_units)
             .spent,
         10 * 3600 / 2e6 * 0.25);
    now = m.v[(m.next + RA_MONEY_SAMPLES - 1) % RA_MONEY_SAMPLES].half_units;
    now.spent += 7200;
    near(ra_money_of(&m, &prices, at + 7200000, &now).spent, 3600 / 2e6 * 0.25);
}

static void test_text(void **state)
{
    (void)state;
    ra_money m = {.n = 0};
    const ra_units none = {.spent = 0}, some = {.spent = 2000000, .saved = 1000000};
    const ra_config_prices nothing = {.given = false};
    ra_buf out;
    ra_money_note(&m, 0, &none);
    ra_buf_init(&out, 1024);
    ra_money_write(&m, &nothing, 3600000, &some, &out);
    ra_buf_add_char(&out, ' ');
    ra_money_write(&m, &prices, 3600000, &some, &out);
    ra_buf_add_char(&out, '\0');
    assert_string_equal(out.p,
                        "null {\"currency\": \"EUR\", \"per_hour\": 0.250000, \"per_month\": 182.5000, "
                        "\"saved_per_hour\": 0.125000, \"saved_per_month\": 91.2500, "
                        "\"would_save_per_hour\": 0.125000, \"would_save_per_month\": 91.2500}");
    ra_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_what_costs_more_than_it_saves),
        cmocka_unit_test(test_the_last_minute),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
