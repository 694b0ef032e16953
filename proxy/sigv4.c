/* Stages 2 to 4 of a signature: string to sign, signing key, signature. */
#include "proxy/sigv4.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHA256_BYTES = 32, DATE_BYTES = 8, SECRET_MAX = 1024 };

static void to_hex(const unsigned char in[SHA256_BYTES], char out[RA_SHA256_HEX + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    out[RA_SHA256_HEX] = '\0';
}

/* Found once: a look through OpenSSL's providers for each digest costs as much as a short digest itself. */
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256_found;

static void find_sha256(void)
{
    sha256_found = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static const EVP_MD *sha256(void)
{
    pthread_once(&sha256_once, find_sha256);
    return sha256_found ? sha256_found : EVP_sha256();
}

bool ra_sigv4_hash(ra_bytes s, char out[RA_SHA256_HEX + 1])
{
    unsigned char digest[SHA256_BYTES];
    unsigned n = 0;
    if (EVP_Digest(s.n ? s.p : "", s.n, digest, &n, sha256(), NULL) != 1 || n != sizeof digest)
        return false;
    to_hex(digest, out);
    return true;
}

static bool hmac(const void *key, size_t key_len, ra_bytes s, unsigned char out[SHA256_BYTES])
{
    unsigned n = 0;
    return HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)(s.n ? s.p : ""), s.n, out, &n) &&
           n == SHA256_BYTES;
}

bool ra_sigv4_scope(ra_bytes date8, ra_bytes region, ra_bytes service, ra_buf *out)
{
    ra_buf_add_bytes(out, date8);
    ra_buf_add_char(out, '/');
    ra_buf_add_bytes(out, region);
    ra_buf_add_char(out, '/');
    ra_buf_add_bytes(out, service);
    return ra_buf_add_z(out, "/aws4_request");
}

bool ra_sigv4_string_to_sign(ra_bytes amz_date, ra_bytes region, ra_bytes service, ra_bytes canonical_request,
                             ra_buf *out)
{
    char hash[RA_SHA256_HEX + 1];
    if (amz_date.n < DATE_BYTES || !ra_sigv4_hash(canonical_request, hash))
        return false;
    ra_buf_add_z(out, "AWS4-HMAC-SHA256\n");
    ra_buf_add_bytes(out, amz_date);
    ra_buf_add_char(out, '\n');
    ra_sigv4_scope((ra_bytes){amz_date.p, DATE_BYTES}, region, service, out);
    ra_buf_add_char(out, '\n');
    return ra_buf_add(out, hash, RA_SHA256_HEX);
}

bool ra_sigv4_signing_key(const char *secret, ra_bytes date8, ra_bytes region, ra_bytes service,
                          unsigned char out[SHA256_BYTES])
{
    char prefixed[SECRET_MAX];
    int n = snprintf(prefixed, sizeof prefixed, "AWS4%s", secret);
    if (n < 0 || n >= SECRET_MAX)
        return false;
    unsigned char a[SHA256_BYTES], b[SHA256_BYTES];
    bool ok = hmac(prefixed, (size_t)n, date8, a) && hmac(a, sizeof a, region, b) &&
              hmac(b, sizeof b, service, a) && hmac(a, sizeof a, RA_BYTES("aws4_request"), out);
    OPENSSL_cleanse(prefixed, sizeof prefixed);
    OPENSSL_cleanse(a, sizeof a);
    OPENSSL_cleanse(b, sizeof b);
    return ok;
}

struct ra_sigv4_key {
    EVP_MAC_CTX *keyed;
};

ra_sigv4_key *ra_sigv4_key_new(const unsigned char key[SHA256_BYTES])
{
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
                                 OSSL_PARAM_construct_end()};
    ra_sigv4_key *k = calloc(1, sizeof *k);
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (k && mac)
        k->keyed = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    if (k && k->keyed && EVP_MAC_init(k->keyed, key, SHA256_BYTES, params) == 1)
        return k;
    ra_sigv4_key_free(k);
    return NULL;
}

void ra_sigv4_key_free(ra_sigv4_key *k)
{
    if (!k)
        return;
    EVP_MAC_CTX_free(k->keyed);
    free(k);
}

bool ra_sigv4_key_sign(ra_sigv4_key *k, ra_bytes string_to_sign, char out[RA_SHA256_HEX + 1])
{
    unsigned char mac[SHA256_BYTES];
    size_t n = 0;
    /* Without a key: the one that it has (EVP_MAC(3)). */
    if (EVP_MAC_init(k->keyed, NULL, 0, NULL) != 1 ||
        EVP_MAC_update(k->keyed, (const unsigned char *)string_to_sign.p, string_to_sign.n) != 1 ||
        EVP_MAC_final(k->keyed, mac, &n, sizeof mac) != 1 || n != sizeof mac)
        return false;
    to_hex(mac, out);
    return true;
}

bool ra_sigv4_signature(const unsigned char key[SHA256_BYTES], ra_bytes string_to_sign,
                        char out[RA_SHA256_HEX + 1])
{
    unsigned char mac[SHA256_BYTES];
    if (!hmac(key, SHA256_BYTES, string_to_sign, mac))
        return false;
    to_hex(mac, out);
    return true;
}
