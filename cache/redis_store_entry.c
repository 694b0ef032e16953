/*
 * What a field of a unit holds. The script writes "expires:keeps:" before the value that it is given, both in
 * ms of Redis's clock. The value: how many guards (1 byte), each one's generation (1 byte of length, the
 * bytes), the sealed payload.
 *
 * Times and generations aren't sealed. The times are the script's, which has no key. Binding the generations
 * would keep nobody out: who may write to Redis can bring an old value back together with its times and the
 * generations of its unit and guards, and those live in fields of their own that nothing can seal. So a seal
 * says that some proxy once made this value for this request; that it isn't too old rests on who may write.
 * Damage by accident in what isn't sealed makes a generation that fits nothing, or another lifetime.
 */
#include "cache/redis_store_parts.h"

bool ra_redis_entry_write(const ra_redis_store *s, const ra_fill *f, ra_buf *out)
{
    ra_buf_add_char(out, (char)f->nguards);
    for (unsigned i = 0; i < f->nguards; i++) {
        const ra_generation *g = &f->token.guard[i];
        ra_buf_add_char(out, (char)g->len);
        ra_buf_add(out, g->b, g->len);
    }
    return ra_seal(s->o.seal, &f->unit, &f->request, f->payload, out);
}

/* Digits up to a ':'. */
static bool read_number(ra_bytes *rest, int64_t *out)
{
    size_t i = 0;
    *out = 0;
    for (; i < rest->n && i < 18 && rest->p[i] >= '0' && rest->p[i] <= '9'; i++)
        *out = *out * 10 + (rest->p[i] - '0');
    if (i == 0 || i == rest->n || rest->p[i] != ':')
        return false;
    *rest = (ra_bytes){rest->p + i + 1, rest->n - i - 1};
    return true;
}

static bool read_byte(ra_bytes *rest, unsigned most, unsigned *out)
{
    if (rest->n == 0)
        return false;
    *out = (unsigned char)rest->p[0];
    *rest = (ra_bytes){rest->p + 1, rest->n - 1};
    return *out <= most;
}

bool ra_redis_entry_read(ra_bytes field, ra_redis_entry *out)
{
    ra_bytes rest = field;
    if (!read_number(&rest, &out->expires) || !read_number(&rest, &out->keeps) ||
        !read_byte(&rest, RA_GUARDS_MAX, &out->nguards))
        return false;
    for (unsigned i = 0; i < out->nguards; i++) {
        unsigned len;
        if (!read_byte(&rest, RA_GENERATION_MAX, &len) || rest.n < len)
            return false;
        out->guard[i].len = (uint8_t)len;
        memcpy(out->guard[i].b, rest.p, len);
        rest = (ra_bytes){rest.p + len, rest.n - len};
    }
    out->sealed = rest;
    return true;
}
