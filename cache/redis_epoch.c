#include "cache/redis_epoch.h"

#include <openssl/sha.h>
#include <stdio.h>

void ra_redis_epoch(const ra_redis_identity *identity, const char *pact, char out[RA_REDIS_EPOCH_CHARS + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char text[sizeof identity->run_id + sizeof identity->master_replid + RA_REDIS_PACT_CHARS + 3];
    int n = snprintf(text, sizeof text, "%s/%s%s%.*s", identity->run_id, identity->master_replid,
                     *pact ? "/" : "", RA_REDIS_PACT_CHARS, pact);
    SHA256((const unsigned char *)text, (size_t)n, digest);
    for (unsigned i = 0; i < RA_REDIS_EPOCH_CHARS; i++)
        out[i] = digits[digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
    out[RA_REDIS_EPOCH_CHARS] = '\0';
}
