#include "cache/momento_record.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

enum { VERSION = 1, NONCE_BYTES = 16 };

_Static_assert((int)RA_MOMENTO_REGISTER_CHARS == 1 + 2 * (int)NONCE_BYTES,
               "a register is a letter and a nonce");
_Static_assert((int)RA_MOMENTO_REGISTER_CHARS <= (int)RA_GENERATION_MAX, "a register is a generation");

/* ---- keys ---- */

ra_bytes ra_momento_register_name(const char *prefix, const ra_key *unit, char out[RA_MOMENTO_NAME_MAX])
{
    char hex[RA_KEY_HEX + 1];
    ra_key_hex(unit, hex);
    int n = snprintf(out, RA_MOMENTO_NAME_MAX, "%.*sra1:%s", RA_MOMENTO_PREFIX_MOST, prefix, hex);
    return (ra_bytes){out, n > 0 ? (size_t)n : 0};
}

ra_bytes ra_momento_entry_name(const char *prefix, const ra_key *unit, const ra_key *request,
                               char out[RA_MOMENTO_NAME_MAX])
{
    ra_bytes name = ra_momento_register_name(prefix, unit, out);
    out[name.n] = ':';
    ra_key_hex(request, out + name.n + 1);
    return (ra_bytes){out, name.n + 1 + RA_KEY_HEX};
}

/* ---- registers ---- */

enum ra_momento_register ra_momento_register_read(ra_bytes text, ra_generation *out)
{
    out->len = 0;
    if (text.n != RA_MOMENTO_REGISTER_CHARS || (text.p[0] != 'I' && text.p[0] != 'W'))
        return RA_MOMENTO_FOREIGN;
    for (size_t i = 1; i < text.n; i++)
        if (!((text.p[i] >= '0' && text.p[i] <= '9') || (text.p[i] >= 'a' && text.p[i] <= 'f')))
            return RA_MOMENTO_FOREIGN;
    if (text.p[0] == 'W')
        return RA_MOMENTO_WRITING;
    out->len = RA_MOMENTO_REGISTER_CHARS;
    memcpy(out->b, text.p, text.n);
    return RA_MOMENTO_IDLE;
}

bool ra_momento_register_new(bool idle, ra_generation *out)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char nonce[NONCE_BYTES];
    ssize_t n;
    do
        n = getrandom(nonce, sizeof nonce, 0);
    while (n < 0 && errno == EINTR);
    out->len = 0;
    if (n != (ssize_t)sizeof nonce)
        return false;
    out->b[out->len++] = idle ? 'I' : 'W';
    for (size_t i = 0; i < sizeof nonce; i++) {
        out->b[out->len++] = (unsigned char)digits[nonce[i] >> 4];
        out->b[out->len++] = (unsigned char)digits[nonce[i] & 15];
    }
    return true;
}

/* ---- entries ---- */

static void add_number(ra_buf *out, int64_t v)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        ra_buf_add_char(out, (char)((uint64_t)v >> shift & 0xff));
}

/* The caller has seen to it that there are eight. */
static int64_t take_number(ra_bytes *rest)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | (unsigned char)rest->p[i];
    *rest = (ra_bytes){rest->p + 8, rest->n - 8};
    return (int64_t)v;
}

bool ra_momento_entry_head(const ra_momento_entry *e, ra_buf *out)
{
    bool whole = e->tags.unit.len == RA_MOMENTO_REGISTER_CHARS && e->nguards <= RA_GUARDS_MAX;
    ra_buf_add_char(out, VERSION);
    add_number(out, e->expires);
    add_number(out, e->keeps);
    ra_buf_add_char(out, (char)e->nguards);
    ra_buf_add(out, e->tags.unit.b, e->tags.unit.len);
    for (unsigned i = 0; whole && i < e->nguards; i++) {
        whole = e->tags.guard[i].len == RA_MOMENTO_REGISTER_CHARS;
        ra_buf_add(out, e->tags.guard[i].b, e->tags.guard[i].len);
    }
    return whole && ra_buf_ok(out);
}

static bool take_tag(ra_bytes *rest, ra_generation *out)
{
    ra_bytes text = {rest->p, RA_MOMENTO_REGISTER_CHARS};
    if (rest->n < text.n || ra_momento_register_read(text, out) != RA_MOMENTO_IDLE)
        return false;
    *rest = (ra_bytes){rest->p + text.n, rest->n - text.n};
    return true;
}

bool ra_momento_entry_read(ra_bytes value, ra_momento_entry *out)
{
    ra_bytes rest = value;
    *out = (ra_momento_entry){0};
    if (rest.n < 18 || rest.p[0] != VERSION)
        return false;
    rest = (ra_bytes){rest.p + 1, rest.n - 1};
    out->expires = take_number(&rest);
    out->keeps = take_number(&rest);
    out->nguards = (unsigned char)rest.p[0];
    rest = (ra_bytes){rest.p + 1, rest.n - 1};
    if (out->nguards > RA_GUARDS_MAX || out->expires < 0 || out->keeps < out->expires ||
        !take_tag(&rest, &out->tags.unit))
        return false;
    for (unsigned i = 0; i < out->nguards; i++)
        if (!take_tag(&rest, &out->tags.guard[i]))
            return false;
    out->sealed = rest;
    return true;
}
