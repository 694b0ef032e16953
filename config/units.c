#include "config/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* Ascending: formatting takes the last that divides the value. */
static const struct unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
static const struct unit sizes[] = {{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};

enum { NDURATIONS = sizeof durations / sizeof *durations, NSIZES = sizeof sizes / sizeof *sizes };
enum { SHARE_DECIMALS = 4, SHARE_WHOLE = 1000000, PRICE_DECIMALS = 6 };

/* Reads digits; returns what follows them, NULL if there are none or the number doesn't fit. */
static const char *read_digits(const char *s, int64_t *out)
{
    int64_t n = 0;
    if (*s < '0' || *s > '9')
        return NULL;
    for (; *s >= '0' && *s <= '9'; s++) {
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *s - '0', &n))
            return NULL;
    }
    *out = n;
    return s;
}

static bool parse(const char *text, const struct unit *units, size_t nunits, int64_t *out)
{
    int64_t n;
    const char *rest = read_digits(text, &n);
    for (size_t i = 0; rest && i < nunits; i++) {
        if (strcmp(rest, units[i].name) == 0)
            return !__builtin_mul_overflow(n, units[i].factor, out);
    }
    return false;
}

bool ra_duration_parse(const char *text, int64_t *out)
{
    int64_t value;
    if (strcmp(text, "0") == 0) {
        *out = 0;
        return true;
    }
    if (!parse(text, durations, NDURATIONS, &value))
        return false;
    *out = value;
    return true;
}

bool ra_size_parse(const char *text, int64_t *out)
{
    int64_t value;
    if (!parse(text, sizes, NSIZES, &value))
        return false;
    *out = value;
    return true;
}

bool ra_count_parse(const char *text, int64_t *out)
{
    int64_t value;
    const char *rest = read_digits(text, &value);
    if (!rest || *rest)
        return false;
    *out = value;
    return true;
}

/* A number with at most `most` decimals, as so many times 10^-most; what follows it. NULL: none. */
static const char *read_decimal(const char *text, unsigned most, int64_t *out)
{
    int64_t value, decimals = 0;
    unsigned n = 0;
    const char *rest = read_digits(text, &value);
    if (rest && *rest == '.') {
        const char *first = rest + 1;
        rest = read_digits(first, &decimals);
        n = rest && rest - first <= (int)most ? (unsigned)(rest - first) : most + 1;
    }
    if (!rest || n > most)
        return NULL;
    for (unsigned i = 0; i < most; i++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            (i >= n && __builtin_mul_overflow(decimals, 10, &decimals)))
            return NULL;
    }
    return __builtin_add_overflow(value, decimals, out) ? NULL : rest;
}

bool ra_share_parse(const char *text, int64_t *out)
{
    int64_t value;
    const char *rest = read_decimal(text, SHARE_DECIMALS, &value);
    if (!rest || strcmp(rest, "%") != 0 || value > SHARE_WHOLE)
        return false;
    *out = value;
    return true;
}

bool ra_price_parse(const char *text, int64_t *out)
{
    int64_t value;
    const char *rest = read_decimal(text, PRICE_DECIMALS, &value);
    if (!rest || *rest)
        return false;
    *out = value;
    return true;
}

bool ra_price_of_number(double number, int64_t *out)
{
    char text[RA_UNIT_TEXT_MAX];
    if (!(number >= 0 && number < 1e12))
        return false;
    snprintf(text, sizeof text, "%.*f", PRICE_DECIMALS, number);
    return strtod(text, NULL) == number && ra_price_parse(text, out);
}

static void format(int64_t value, const struct unit *units, size_t nunits, char out[RA_UNIT_TEXT_MAX])
{
    size_t best = 0;
    for (size_t i = 1; value != 0 && i < nunits; i++) {
        if (value % units[i].factor == 0)
            best = i;
    }
    snprintf(out, RA_UNIT_TEXT_MAX, "%" PRId64 "%s", value / units[best].factor, units[best].name);
}

void ra_duration_format(int64_t value, char out[RA_UNIT_TEXT_MAX])
{
    if (value == 0)
        snprintf(out, RA_UNIT_TEXT_MAX, "0s");
    else
        format(value, durations, NDURATIONS, out);
}

void ra_size_format(int64_t value, char out[RA_UNIT_TEXT_MAX])
{
    format(value, sizes, NSIZES, out);
}

/* Without the zeros at the end. */
static void format_decimal(int64_t value, unsigned decimals, const char *unit, char out[RA_UNIT_TEXT_MAX])
{
    int64_t one = 1;
    for (unsigned i = 0; i < decimals; i++)
        one *= 10;
    int n = snprintf(out, RA_UNIT_TEXT_MAX, "%" PRId64, value / one);
    if (value % one) {
        n += snprintf(out + n, RA_UNIT_TEXT_MAX - (size_t)n, ".%0*" PRId64, (int)decimals, value % one);
        while (out[n - 1] == '0')
            n--;
    }
    snprintf(out + n, RA_UNIT_TEXT_MAX - (size_t)n, "%s", unit);
}

void ra_share_format(int64_t value, char out[RA_UNIT_TEXT_MAX])
{
    format_decimal(value, SHARE_DECIMALS, "%", out);
}

void ra_price_format(int64_t value, char out[RA_UNIT_TEXT_MAX])
{
    format_decimal(value, PRICE_DECIMALS, "", out);
}
