#include "cache/payload.h"

#include "cache/memory_pool.h"

ra_payload *ra_payload_new(ra_bytes body, uint32_t crc32, uint32_t meta, int64_t filled_ms)
{
    if (body.n >= UINT32_MAX)
        return NULL;
    ra_payload *p = ra_pool_take(sizeof *p + body.n);
    if (!p)
        return NULL;
    atomic_init(&p->refs, 1);
    p->crc32 = crc32;
    p->meta = meta;
    p->len = (uint32_t)body.n;
    p->filled_ms = filled_ms;
    if (body.n)
        memcpy(p->body, body.p, body.n);
    return p;
}

ra_payload *ra_payload_ref(ra_payload *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void ra_payload_unref(ra_payload *p)
{
    if (p && atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1)
        ra_pool_give(p, sizeof *p + p->len);
}
