#include "cache/seal.h"

#include <libdeflate.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

enum { SEALED = 1, PLAIN = 2 };
enum { ID = 4, NONCE = 12, TAG = 16, HEAD = 16, CRC = 4 };
enum { BEFORE_SEALED = 1 + ID + NONCE, BEFORE_PLAIN = 1 + CRC };
enum { BOUND = 1 + ID + 2 * RA_KEY_BYTES };

_Static_assert(BEFORE_SEALED + HEAD + TAG <= RA_SEAL_OVERHEAD, "the overhead that is promised");
_Static_assert(BEFORE_PLAIN + HEAD <= RA_SEAL_OVERHEAD, "the overhead that is promised");

typedef struct seal_key {
    unsigned char id[ID];
    unsigned char bytes[RA_SEAL_KEY_BYTES];
} seal_key;

struct ra_seal_keys {
    EVP_CIPHER *cipher; /* fetched once: that costs as much as sealing a payload does. NULL without keys */
    size_t n;
    seal_key key[];
};

static void put_be(unsigned char *p, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (unsigned char)(v >> (8 * (n - 1 - i)) & 0xff);
}

static uint64_t get_be(const unsigned char *p, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static void put_head(unsigned char head[HEAD], const ra_payload *p)
{
    put_be(head, (uint64_t)p->filled_ms, 8);
    put_be(head + 8, p->crc32, 4);
    put_be(head + 12, p->meta, 4);
}

static void get_head(const unsigned char head[HEAD], ra_payload *p)
{
    p->filled_ms = (int64_t)get_be(head, 8);
    p->crc32 = (uint32_t)get_be(head + 8, 4);
    p->meta = (uint32_t)get_be(head + 12, 4);
}

/*
 * What is public here ends with an empty error queue, also when all went well: OpenSSL notes a failure that
 * it has got over, and a TLS connection on the same thread would take it for its own.
 */

/* ---- keys ---- */

static bool key_set(seal_key *key, const unsigned char bytes[RA_SEAL_KEY_BYTES])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (EVP_Digest(bytes, RA_SEAL_KEY_BYTES, digest, &n, EVP_sha256(), NULL) != 1)
        return false;
    memcpy(key->id, digest, ID);
    memcpy(key->bytes, bytes, RA_SEAL_KEY_BYTES);
    return true;
}

static bool keys_set(ra_seal_keys *k, const unsigned char (*keys)[RA_SEAL_KEY_BYTES], size_t n)
{
    if (n && !(k->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL)))
        return false;
    for (; k->n < n; k->n++) {
        for (size_t i = 0; i < k->n; i++)
            if (memcmp(keys[i], keys[k->n], RA_SEAL_KEY_BYTES) == 0)
                return false;
        if (!key_set(&k->key[k->n], keys[k->n]))
            return false;
    }
    return true;
}

ra_seal_keys *ra_seal_keys_new(const unsigned char (*keys)[RA_SEAL_KEY_BYTES], size_t n)
{
    if (n > (SIZE_MAX - sizeof(ra_seal_keys)) / sizeof(seal_key))
        return NULL;
    ra_seal_keys *k = calloc(1, sizeof *k + n * sizeof(seal_key));
    bool ok = k && keys_set(k, keys, n);
    ERR_clear_error();
    if (!ok) {
        ra_seal_keys_free(k);
        return NULL;
    }
    return k;
}

void ra_seal_keys_free(ra_seal_keys *k)
{
    if (!k)
        return;
    EVP_CIPHER_free(k->cipher);
    OPENSSL_cleanse(k->key, k->n * sizeof(seal_key));
    free(k);
}

/* ---- sealed ---- */

/*
 * A GCM context that knows key, nonce and what the value is bound to; `before` is the value's first bytes.
 * NULL: no memory. One per value: keeping them per thread saves a tenth of the time for a payload of 7 KB,
 * and would keep keys in memory that nobody wipes.
 */
static EVP_CIPHER_CTX *gcm(const ra_seal_keys *k, const seal_key *key, const unsigned char *before,
                           const ra_key *unit, const ra_key *request, bool encrypt)
{
    unsigned char bound[BOUND];
    memcpy(bound, before, 1 + ID);
    memcpy(bound + 1 + ID, unit->b, RA_KEY_BYTES);
    memcpy(bound + 1 + ID + RA_KEY_BYTES, request->b, RA_KEY_BYTES);
    int n;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx && EVP_CipherInit_ex2(ctx, k->cipher, key->bytes, before + 1 + ID, encrypt, NULL) == 1 &&
        EVP_CipherUpdate(ctx, NULL, &n, bound, BOUND) == 1)
        return ctx;
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

/* Encrypts n bytes at `text` where they are; the tag goes behind them. */
static bool encrypt_in_place(EVP_CIPHER_CTX *ctx, unsigned char *text, size_t n)
{
    int done, rest;
    return EVP_CipherUpdate(ctx, text, &done, text, (int)n) == 1 && (size_t)done == n &&
           EVP_CipherFinal_ex(ctx, text + n, &rest) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, text + n) == 1;
}

static bool add_sealed(const ra_seal_keys *k, const ra_key *unit, const ra_key *request, const ra_payload *p,
                       ra_buf *out)
{
    unsigned char before[BEFORE_SEALED] = {SEALED}, head[HEAD], tag[TAG] = {0};
    size_t at = out->n + BEFORE_SEALED;
    memcpy(before + 1, k->key[0].id, ID);
    put_head(head, p);
    if (RAND_bytes(before + 1 + ID, NONCE) != 1 || !ra_buf_add(out, before, sizeof before) ||
        !ra_buf_add(out, head, sizeof head) || !ra_buf_add(out, p->body, p->len) ||
        !ra_buf_add(out, tag, sizeof tag))
        return false;
    EVP_CIPHER_CTX *ctx = gcm(k, &k->key[0], before, unit, request, true);
    bool ok = ctx && encrypt_in_place(ctx, (unsigned char *)out->p + at, HEAD + (size_t)p->len);
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

/* p->body holds the body's ciphertext, and `head` that of the head. Nothing of it counts before the tag does.
 */
static enum ra_open_result decrypt_in_place(EVP_CIPHER_CTX *ctx, const unsigned char *head, ra_payload *p,
                                            const unsigned char *tag)
{
    unsigned char open_head[HEAD], expected[TAG], none[1];
    unsigned char *body = (unsigned char *)p->body;
    int n;
    memcpy(expected, tag, TAG);
    if (EVP_CipherUpdate(ctx, open_head, &n, head, HEAD) != 1 ||
        (p->len && EVP_CipherUpdate(ctx, body, &n, body, (int)p->len) != 1) ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, expected) != 1)
        return RA_OPEN_NO_MEMORY;
    if (EVP_CipherFinal_ex(ctx, none, &n) != 1)
        return RA_OPEN_DAMAGED;
    get_head(open_head, p);
    return RA_OPENED;
}

static enum ra_open_result open_with(const ra_seal_keys *k, const seal_key *key, const ra_key *unit,
                                     const ra_key *request, ra_bytes sealed, ra_payload **out)
{
    const unsigned char *s = (const unsigned char *)sealed.p;
    ra_bytes body = {sealed.p + BEFORE_SEALED + HEAD, sealed.n - BEFORE_SEALED - HEAD - TAG};
    ra_payload *p = ra_payload_new(body, 0, 0, 0);
    EVP_CIPHER_CTX *ctx = p ? gcm(k, key, s, unit, request, false) : NULL;
    enum ra_open_result r = RA_OPEN_NO_MEMORY;
    if (ctx)
        r = decrypt_in_place(ctx, s + BEFORE_SEALED, p, s + sealed.n - TAG);
    EVP_CIPHER_CTX_free(ctx);
    if (r == RA_OPENED)
        *out = p;
    else
        ra_payload_unref(p);
    return r;
}

static enum ra_open_result open_sealed(const ra_seal_keys *k, const ra_key *unit, const ra_key *request,
                                       ra_bytes sealed, ra_payload **out)
{
    if (sealed.n < 1 + ID)
        return RA_OPEN_DAMAGED;
    enum ra_open_result r = RA_OPEN_FOREIGN;
    for (size_t i = 0; i < k->n; i++) { /* two keys may have one id */
        if (memcmp(k->key[i].id, sealed.p + 1, ID) != 0)
            continue;
        if (sealed.n < BEFORE_SEALED + HEAD + TAG)
            return RA_OPEN_DAMAGED;
        r = open_with(k, &k->key[i], unit, request, sealed, out);
        if (r != RA_OPEN_DAMAGED)
            break;
    }
    return r;
}

/* ---- plain ---- */

/* `rest` is head and body. */
static uint32_t checksum(const ra_key *unit, const ra_key *request, const unsigned char *rest, size_t n)
{
    const unsigned char form = PLAIN;
    uint32_t crc = libdeflate_crc32(0, &form, 1);
    crc = libdeflate_crc32(crc, unit->b, RA_KEY_BYTES);
    crc = libdeflate_crc32(crc, request->b, RA_KEY_BYTES);
    return libdeflate_crc32(crc, rest, n);
}

static bool add_plain(const ra_key *unit, const ra_key *request, const ra_payload *p, ra_buf *out)
{
    unsigned char before[BEFORE_PLAIN] = {PLAIN}, head[HEAD];
    size_t at = out->n;
    put_head(head, p);
    if (!ra_buf_add(out, before, sizeof before) || !ra_buf_add(out, head, sizeof head) ||
        !ra_buf_add(out, p->body, p->len))
        return false;
    unsigned char *start = (unsigned char *)out->p + at;
    put_be(start + 1, checksum(unit, request, start + BEFORE_PLAIN, HEAD + (size_t)p->len), CRC);
    return true;
}

static enum ra_open_result open_plain(const ra_key *unit, const ra_key *request, ra_bytes plain,
                                      ra_payload **out)
{
    const unsigned char *s = (const unsigned char *)plain.p;
    if (plain.n < BEFORE_PLAIN + HEAD ||
        get_be(s + 1, CRC) != checksum(unit, request, s + BEFORE_PLAIN, plain.n - BEFORE_PLAIN))
        return RA_OPEN_DAMAGED;
    size_t body = BEFORE_PLAIN + HEAD;
    ra_payload *p = ra_payload_new((ra_bytes){plain.p + body, plain.n - body}, 0, 0, 0);
    if (!p)
        return RA_OPEN_NO_MEMORY;
    get_head(s + BEFORE_PLAIN, p);
    *out = p;
    return RA_OPENED;
}

/* ---- both ---- */

bool ra_seal(const ra_seal_keys *k, const ra_key *unit, const ra_key *request, const ra_payload *payload,
             ra_buf *out)
{
    size_t before = out->n;
    bool ok = payload->len <= RA_SEAL_BODY_MOST &&
              (k->n ? add_sealed(k, unit, request, payload, out) : add_plain(unit, request, payload, out));
    if (!ok) { /* half a value mustn't leave */
        out->n = before;
        out->failed = true;
    }
    ERR_clear_error();
    return ok;
}

enum ra_open_result ra_open(const ra_seal_keys *k, const ra_key *unit, const ra_key *request, ra_bytes sealed,
                            ra_payload **out)
{
    *out = NULL;
    if (sealed.n == 0 || sealed.n > (size_t)RA_SEAL_BODY_MOST + RA_SEAL_OVERHEAD)
        return RA_OPEN_DAMAGED;
    enum ra_open_result r = RA_OPEN_FOREIGN;
    if (sealed.p[0] == SEALED)
        r = open_sealed(k, unit, request, sealed, out);
    else if (sealed.p[0] == PLAIN && k->n == 0)
        r = open_plain(unit, request, sealed, out);
    ERR_clear_error();
    return r;
}
