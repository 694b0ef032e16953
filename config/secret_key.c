#include "config/secret_key.h"

#include <string.h>

enum { HEX_CHARS = 2 * RA_ENCRYPTION_KEY_BYTES, BASE64_CHARS = (8 * RA_ENCRYPTION_KEY_BYTES + 5) / 6 };

/* Each of `n` characters stands for `bits` bits, by its place in `alphabet`. What is left over must be zero:
 * otherwise a character was mistyped. */
static bool read_bits(const char *text, size_t n, const char *alphabet, unsigned bits,
                      unsigned char out[RA_ENCRYPTION_KEY_BYTES])
{
    unsigned held = 0, nheld = 0;
    size_t done = 0;
    for (size_t i = 0; i < n; i++) {
        const char *at = strchr(alphabet, text[i]);
        if (!at)
            return false;
        held = held << bits | (unsigned)(at - alphabet);
        nheld += bits;
        if (nheld < 8)
            continue;
        nheld -= 8;
        out[done++] = (unsigned char)(held >> nheld);
        held &= (1u << nheld) - 1;
    }
    return done == RA_ENCRYPTION_KEY_BYTES && held == 0;
}

static bool read_hex(const char *text, unsigned char out[RA_ENCRYPTION_KEY_BYTES])
{
    char lower[HEX_CHARS];
    for (size_t i = 0; i < HEX_CHARS; i++)
        lower[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] + ('a' - 'A') : text[i]);
    return read_bits(lower, HEX_CHARS, "0123456789abcdef", 4, out);
}

bool ra_secret_key_parse(const char *text, unsigned char out[RA_ENCRYPTION_KEY_BYTES])
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = strlen(text);
    if (n == HEX_CHARS)
        return read_hex(text, out);
    if (n == BASE64_CHARS + 1 && text[n - 1] == '=')
        n--;
    return n == BASE64_CHARS && read_bits(text, n, base64, 6, out);
}
