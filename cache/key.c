#include "cache/key.h"

#include <openssl/evp.h>
#include <pthread.h>

/* Fetched once: an implicit fetch per digest costs more than hashing a short key does. */
static EVP_MD *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

bool ra_key_part(ra_buf *parts, ra_bytes part)
{
    if (part.n > UINT32_MAX) {
        parts->failed = true;
        return false;
    }
    unsigned char len[4];
    for (unsigned i = 0; i < 4; i++)
        len[i] = (unsigned char)(part.n >> (8 * i) & 0xff);
    return ra_buf_add(parts, len, sizeof len) && ra_buf_add_bytes(parts, part);
}

bool ra_key_part_z(ra_buf *parts, const char *part)
{
    return ra_key_part(parts, ra_bytes_z(part));
}

bool ra_key_part_key(ra_buf *parts, const ra_key *part)
{
    return ra_key_part(parts, (ra_bytes){(const char *)part->b, RA_KEY_BYTES});
}

bool ra_key_digest(const ra_buf *parts, ra_key *out)
{
    unsigned n = 0;
    pthread_once(&once, fetch);
    if (ra_buf_ok(parts) && sha256 && EVP_Digest(parts->p, parts->n, out->b, &n, sha256, NULL) == 1 &&
        n == RA_KEY_BYTES)
        return true;
    memset(out, 0, sizeof *out);
    return false;
}
