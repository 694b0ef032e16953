/*
 * Durations, sizes and shares as a config file spells them. Pure.
 *
 *   durations  a whole number and ms, s, m, h or d: "200ms", "5s", "17m", "24h"; "0" needs no unit. In ms.
 *   sizes      a whole number, or one with KiB, MiB or GiB: "1048576", "512KiB", "64MiB". In bytes.
 *   shares     a number with up to four decimals and %: "10%", "2.5%", at most 100%. In parts per million.
 *   prices     a number with up to six decimals: "0.25". In millionths.
 *   counts     a whole number: "64".
 *
 * No signs, no spaces, no exponents, no other case. Errors: false when the text isn't one of these or doesn't
 * fit into an int64_t; *out is then untouched.
 */
#ifndef RA_CONFIG_UNITS_H
#define RA_CONFIG_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RA_UNIT_TEXT_MAX = 32 };

bool ra_duration_parse(const char *text, int64_t *out);
bool ra_size_parse(const char *text, int64_t *out);
bool ra_share_parse(const char *text, int64_t *out);
bool ra_price_parse(const char *text, int64_t *out);
/* The price that is written as this number; false: none is, with so few decimals. */
bool ra_price_of_number(double number, int64_t *out);
bool ra_count_parse(const char *text, int64_t *out);

/* The shortest spelling that the parsers read back as the same value. `value` >= 0. */
void ra_duration_format(int64_t value, char out[RA_UNIT_TEXT_MAX]);
void ra_size_format(int64_t value, char out[RA_UNIT_TEXT_MAX]);
void ra_share_format(int64_t value, char out[RA_UNIT_TEXT_MAX]);
void ra_price_format(int64_t value, char out[RA_UNIT_TEXT_MAX]);

#endif
