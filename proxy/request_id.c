#include "proxy/request_id.h"

#include "cache/random.h"

void ra_request_id(char out[RA_REQUEST_ID_CHARS])
{
    /* 32 of them, so that five bits make one. */
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    uint64_t bits = 0;
    for (unsigned i = 0; i < RA_REQUEST_ID_CHARS; i++) {
        if (i % 12 == 0)
            bits = ra_random();
        out[i] = alphabet[bits & 31];
        bits >>= 5;
    }
}

bool ra_request_id_is_sane(ra_bytes given)
{
    bool sane = given.n > 0 && given.n <= RA_REQUEST_ID_GIVEN_MAX;
    for (size_t i = 0; sane && i < given.n; i++) {
        char c = given.p[i];
        sane = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               (c && strchr("._:/+=@-", c));
    }
    return sane;
}
