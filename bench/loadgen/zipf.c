#include "bench/loadgen/zipf.h"

#include <math.h>

/* (e^x - 1)/x and ln(1 + x)/x, also where x is so small that both sides of the fraction vanish. */
static double expm1_over(double x)
{
    return fabs(x) > 1e-8 ? expm1(x) / x : 1 + x / 2;
}

static double log1p_over(double x)
{
    return fabs(x) > 1e-8 ? log1p(x) / x : 1 - x / 2;
}

/* The law's continuous form x^-s, the area under it from 1 to x, and the x that has an area. */
static double height(double s, double x)
{
    return exp(-s * log(x));
}

static double area(double s, double x)
{
    double l = log(x);
    return expm1_over((1 - s) * l) * l;
}

static double at_area(double s, double a)
{
    double t = a * (1 - s);
    return exp(log1p_over(t < -1 ? -1 : t) * a); /* < -1 only by rounding */
}

void ra_zipf_init(ra_zipf *z, uint64_t n, double s)
{
    z->n = n;
    z->s = s;
    z->left = area(s, 1.5) - 1;
    z->right = area(s, (double)n + 0.5);
    z->sure = 2 - at_area(s, area(s, 2.5) - height(s, 2));
}

/*
 * A point of the area is drawn and the nearest whole x taken. Under the curve between k - 1/2 and k + 1/2
 * there is a little more than height(k); what exceeds it is rejected, about one draw in ten at worst.
 */
uint64_t ra_zipf_rank(const ra_zipf *z, ra_rng *r)
{
    for (;;) {
        double a = z->right + ra_rng_unit(r) * (z->left - z->right);
        double x = at_area(z->s, a);
        double k = floor(x + 0.5);
        if (k < 1)
            k = 1;
        else if (k > (double)z->n)
            k = (double)z->n;
        if (k - x <= z->sure || a >= area(z->s, k + 0.5) - height(z->s, k))
            return (uint64_t)k - 1;
    }
}

/*
 * Multiplying by an odd number and xoring with the upper half are one-to-one on numbers of a given number of
 * bits. What they lead out of 0..n-1 is mapped again: at most half of the numbers are outside, and since the
 * mapping is a permutation it comes back in.
 */
uint64_t ra_scramble(uint64_t rank, uint64_t n)
{
    unsigned bits = n > 1 ? 64U - (unsigned)__builtin_clzll(n - 1) : 1;
    uint64_t mask = bits == 64 ? UINT64_MAX : (1ULL << bits) - 1;
    unsigned half = bits / 2 + 1;
    uint64_t x = rank;
    do {
        for (unsigned round = 0; round < 3; round++) {
            x = (x * 0x9e3779b97f4a7c15ULL + 0x632be59bd9b4e019ULL) & mask;
            x ^= x >> half;
        }
    } while (x >= n);
    return x;
}
