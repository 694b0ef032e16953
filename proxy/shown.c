#include "proxy/shown.h"

void ra_shown(ra_bytes text, char *out, size_t size)
{
    size_t most = size - 4, n = text.n < most ? text.n : most;
    for (size_t i = 0; i < n; i++) {
        char c = text.p[i];
        out[i] = '?';
        if (c >= ' ' && c <= '~')
            out[i] = c;
    }
    out[n] = '\0';
    if (text.n > most)
        memcpy(out + n, "...", 4);
}
