#include "proxy/stream_text.h"

enum { ARENA_MAX = 64 * 1024 };

static bool copy(ra_bytes s, char *out, size_t size)
{
    if (s.n == 0 || s.n >= size)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    }
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return true;
}

bool ra_stream_text(const ra_json *j, uint32_t token, char *out, size_t size)
{
    ra_arena a;
    ra_bytes s;
    ra_arena_init(&a, ARENA_MAX);
    bool ok = token != RA_JSON_NONE && ra_json_string(j, token, &a, &s) && copy(s, out, size);
    ra_arena_free(&a);
    return ok;
}
