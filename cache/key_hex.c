#include "cache/key_hex.h"

static const char digits[] = "0123456789abcdef";

void ra_key_hex(const ra_key *k, char out[RA_KEY_HEX + 1])
{
    for (size_t i = 0; i < RA_KEY_BYTES; i++) {
        out[2 * i] = digits[k->b[i] >> 4];
        out[2 * i + 1] = digits[k->b[i] & 15];
    }
    out[RA_KEY_HEX] = '\0';
}

bool ra_key_unhex(ra_bytes hex, ra_key *out)
{
    if (hex.n != RA_KEY_HEX)
        return false;
    for (size_t i = 0; i < RA_KEY_HEX; i++) {
        const char *digit = hex.p[i] ? strchr(digits, hex.p[i]) : NULL;
        if (!digit)
            return false;
        unsigned value = (unsigned)(digit - digits);
        out->b[i / 2] = (unsigned char)(i % 2 ? out->b[i / 2] | value : value << 4);
    }
    return true;
}
