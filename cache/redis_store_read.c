/* What every kind of lookup in Redis does: asks for fields of a unit, and reads what they hold. */
#include "cache/redis_store_parts.h"

ra_redis_command *ra_redis_store_get(ra_redis_store *s, const ra_key *unit, const ra_bytes *fields,
                                     ra_redis_done done, void *arg)
{
    char key[RA_REDIS_KEY_MAX];
    ra_bytes argv[2 + RA_REDIS_FIELDS_MAX] = {RA_BYTES("HGET"), ra_redis_store_key(s, unit, key)};
    unsigned argc = 2;
    for (; fields->n; fields++)
        argv[argc++] = *fields;
    if (argc > 3)
        argv[0] = RA_BYTES("HMGET");
    return ra_redis_send(s->conn, argv, argc, s->o.command_timeout, done, arg);
}

bool ra_redis_store_take_generation(const ra_redis_store *s, const redisReply *r, ra_generation *out)
{
    out->len = 0;
    if (r->type != REDIS_REPLY_STRING || r->len > RA_GENERATION_MAX)
        return false;
    out->len = (uint8_t)r->len;
    memcpy(out->b, r->str, r->len);
    if (!ra_redis_store_is_current(s, out))
        out->len = 0;
    return out->len != 0;
}

bool ra_redis_generation_eq(const ra_generation *a, const ra_generation *b)
{
    return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

bool ra_redis_store_open(ra_redis_store *s, const ra_redis_entry *e, ra_lookup *v)
{
    enum ra_open_result r = ra_open(s->o.seal, &v->unit, &v->request, e->sealed, &v->payload);
    s->counts.foreign += r == RA_OPEN_FOREIGN;
    s->counts.damaged += r == RA_OPEN_DAMAGED;
    return r == RA_OPENED;
}
