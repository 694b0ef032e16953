/* DynamoDB's order of sort keys: strings and binaries by their bytes, numbers by their value. */
#include "proxy/rekey.h"

#include <stdlib.h>

static int order_bytes(ra_bytes a, ra_bytes b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : a.n < b.n ? -1 : a.n > b.n;
}

/* A number in its canonical form (proxy/value.h), which has no zero at either end of its digits. */
typedef struct number {
    int sign; /* 0: zero */
    ra_bytes digits;
    long magnitude; /* it is 0.DIGITS × 10^magnitude */
} number;

static number read(ra_bytes canonical)
{
    number n = {.sign = 1};
    const char *p = canonical.p, *end = p + canonical.n;
    char exponent[8] = "";
    if (canonical.n == 1 && *p == '0')
        return (number){.sign = 0};
    if (p < end && *p == '-') {
        n.sign = -1;
        p++;
    }
    const char *e = memchr(p, 'e', (size_t)(end - p));
    if (!e)
        e = end;
    n.digits = (ra_bytes){p, (size_t)(e - p)};
    for (size_t i = 0; e + 1 + i < end && i + 1 < sizeof exponent; i++)
        exponent[i] = e[1 + i];
    n.magnitude = (long)n.digits.n + strtol(exponent, NULL, 10);
    return n;
}

static int order_numbers(ra_bytes a, ra_bytes b)
{
    number x = read(a), y = read(b);
    if (x.sign != y.sign)
        return x.sign < y.sign ? -1 : 1;
    if (x.sign == 0)
        return 0;
    int c =
        x.magnitude != y.magnitude ? (x.magnitude < y.magnitude ? -1 : 1) : order_bytes(x.digits, y.digits);
    return x.sign < 0 ? -c : c;
}

int ra_rekey_order(const ra_scalar *a, const ra_scalar *b)
{
    return a->type == RA_SCALAR_N && b->type == RA_SCALAR_N ? order_numbers(a->bytes, b->bytes)
                                                            : order_bytes(a->bytes, b->bytes);
}
