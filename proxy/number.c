/*
 * DynamoDB's numbers, by their text. What DynamoDB Local 1.25 takes was found by trying: it takes "1.", ".5",
 * "+1", "01", "-0", "1E+05" and any number of zeros that don't count ("0…0" a thousand times, "1e000005",
 * "10…0e-400"); it refuses "", ".", "1e", white space anywhere, "0x10", "1_0", "1,0", "1d", "NaN". The value
 * counts, not the text: 1 followed by 38 zeros has one significant digit and is taken; 39 that count are
 * refused, as is a magnitude below 1e-130 or of 1e126 and more. 1.25e-130 is taken: the bound is on the
 * first digit, not on the last.
 *
 * It also takes digits of other scripts ("１", "١") for what they mean. Those are not read here: the caller
 * then treats the key as unknown, which is safe.
 */
#include "proxy/value.h"

#include <stdio.h>

enum { DIGITS_MOST = 38, ADJUSTED_LEAST = -130, ADJUSTED_MOST = 125 };

/* Beyond this an exponent isn't followed: no number that DynamoDB takes needs it, but for zeros (it takes
 * "0e2147483647"). */
enum { EXPONENT_MOST = 1000000000 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A mantissa as it is read: `digits` hold the significant ones up to the last that isn't zero. */
typedef struct mantissa {
    char digits[DIGITS_MOST];
    size_t n;
    size_t zeros; /* read since, which count only if another digit follows */
    bool any;
    bool too_long;
} mantissa;

static void mantissa_digit(mantissa *m, char c)
{
    m->any = true;
    if (c == '0') {
        m->zeros += m->n > 0;
        return;
    }
    if (m->too_long || m->zeros >= DIGITS_MOST - m->n) {
        m->too_long = true;
        return;
    }
    for (; m->zeros > 0; m->zeros--)
        m->digits[m->n++] = '0';
    m->digits[m->n++] = c;
}

/* [+-] digits, to the end of the text. */
static bool read_exponent(ra_bytes text, size_t i, int64_t *out)
{
    bool negative = i < text.n && text.p[i] == '-';
    if (i < text.n && (text.p[i] == '-' || text.p[i] == '+'))
        i++;
    if (i == text.n)
        return false;
    int64_t e = 0;
    for (; i < text.n; i++) {
        if (!is_digit(text.p[i]))
            return false;
        e = e * 10 + (text.p[i] - '0');
        if (e > EXPONENT_MOST)
            return false;
    }
    *out = negative ? -e : e;
    return true;
}

/* Reads the text into a mantissa and the exponent of its last digit. */
static bool read_number(ra_bytes text, mantissa *m, int64_t *exponent)
{
    size_t i = 0;
    if (text.n && (text.p[0] == '-' || text.p[0] == '+'))
        i++;
    int64_t fraction = 0;
    for (; i < text.n && is_digit(text.p[i]); i++)
        mantissa_digit(m, text.p[i]);
    if (i < text.n && text.p[i] == '.')
        for (i++; i < text.n && is_digit(text.p[i]); i++, fraction++)
            mantissa_digit(m, text.p[i]);
    int64_t e = 0;
    if (i < text.n && ((text.p[i] != 'e' && text.p[i] != 'E') || !read_exponent(text, i + 1, &e)))
        return false;
    *exponent = e - fraction + (int64_t)m->zeros;
    return m->any && !m->too_long;
}

bool ra_number_canonical(ra_bytes text, char out[RA_NUMBER_TEXT_MAX], size_t *n)
{
    mantissa m = {.n = 0};
    int64_t exponent;
    if (!read_number(text, &m, &exponent))
        return false;
    if (m.n == 0) {
        out[0] = '0'; /* "-0" too */
        *n = 1;
        return true;
    }
    int64_t adjusted = exponent + (int64_t)m.n - 1; /* of the first digit */
    if (adjusted < ADJUSTED_LEAST || adjusted > ADJUSTED_MOST)
        return false;
    size_t at = 0;
    if (text.p[0] == '-')
        out[at++] = '-';
    memcpy(out + at, m.digits, m.n);
    at += m.n;
    at += (size_t)snprintf(out + at, RA_NUMBER_TEXT_MAX - at, "e%d", (int)exponent);
    *n = at;
    return true;
}

size_t ra_number_plain(ra_bytes canonical, char out[RA_NUMBER_PLAIN_MAX])
{
    const char *p = canonical.p, *e = memchr(p, 'e', canonical.n);
    size_t at = 0;
    if (!e) {
        out[0] = '0';
        return 1;
    }
    if (*p == '-')
        out[at++] = *p++;
    size_t digits = (size_t)(e - p);
    int64_t exponent = 0;
    read_exponent(canonical, (size_t)(e + 1 - canonical.p), &exponent);
    int64_t whole = (int64_t)digits + exponent; /* digits before the point; <= 0: zeros behind it first */
    if (whole <= 0) {
        out[at++] = '0';
        out[at++] = '.';
    }
    for (int64_t i = whole; i < 0; i++)
        out[at++] = '0';
    for (size_t i = 0; i < digits; i++) {
        if (whole > 0 && (int64_t)i == whole)
            out[at++] = '.';
        out[at++] = p[i];
    }
    for (int64_t i = (int64_t)digits; i < whole; i++)
        out[at++] = '0';
    return at;
}
