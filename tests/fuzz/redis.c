/*
 * A Redis server's bytes. The first character says how they are cut into pieces (a digit; 0: not at all) and
 * are then read as replies, of which each is taken for everything that we ever ask.
 * - The same bytes are the same replies, however they are cut; a broken reader stays broken and says why.
 * - A greeting's error never shows the password, nor anything that isn't fit for a line of a log.
 */
#include "cache/redis_greeting.h"
#include "cache/redis_reader.h"
#include "cache/redis_refusal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/redis_results.h"

#include <hiredis/hiredis.h>

enum { OUT = 64 << 20, DEPTH_MAX = 16 };

static const char password[] = "sesame-open";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_redis_results_start();
    return 0;
}

/* ---- what each reply may be taken for ---- */

static void as_greeting(const redisReply *r)
{
    for (int step = RA_REDIS_AUTH; step < RA_REDIS_STEPS; step++) {
        char why[RA_REDIS_WHY_MAX] = "";
        bool ok = ra_redis_greeting_answer((enum ra_redis_step)step, r, password, why);
        FUZZ_CHECK(memchr(why, '\0', sizeof why) && (ok || *why));
        FUZZ_CHECK(!strstr(why, "sesa"));
        for (const char *p = why; *p; p++)
            FUZZ_CHECK(*p >= ' ' && *p <= '~');
        ra_redis_greeting_lasts(why);
    }
}

static void as_identity(const redisReply *r)
{
    ra_redis_identity id;
    ra_redis_identity_read(&id, (ra_bytes){r->str, r->len});
    FUZZ_CHECK(memchr(id.version, 0, sizeof id.version) && memchr(id.run_id, 0, sizeof id.run_id));
    FUZZ_CHECK(memchr(id.role, 0, sizeof id.role) && memchr(id.master_replid, 0, sizeof id.master_replid));
    FUZZ_CHECK(memchr(id.maxmemory_policy, 0, sizeof id.maxmemory_policy));
}

static void take_for_all(const redisReply *r, unsigned depth)
{
    fuzz_redis_result(r);
    as_greeting(r);
    if (r->type == REDIS_REPLY_STRING)
        as_identity(r);
    if (r->type == REDIS_REPLY_ERROR)
        ra_redis_error_lasts(r->str);
    for (size_t i = 0; depth < DEPTH_MAX && i < r->elements; i++)
        if (r->element[i])
            take_for_all(r->element[i], depth + 1);
}

/* ---- replies ---- */

static void print(const redisReply *r, ra_buf *out)
{
    FUZZ_CHECK(r);
    ra_buf_addf(out, "%d,%lld,%zu,%zu:", r->type, r->integer, r->len, r->elements);
    if (r->str)
        ra_buf_add(out, r->str, r->len + 1); /* there is a terminating zero */
    for (size_t i = 0; i < r->elements; i++)
        print(r->element[i], out);
}

/* All that can be read; false: broken, which it stays. */
static bool drain(ra_redis_reader *r, ra_buf *out, bool look)
{
    redisReply *reply;
    enum ra_redis_read got;
    while ((got = ra_redis_reader_next(r, &reply)) == RA_REDIS_READ_REPLY) {
        print(reply, out);
        if (look)
            take_for_all(reply, 0);
        ra_redis_reply_free(reply);
    }
    if (got == RA_REDIS_READ_MORE)
        return true;
    FUZZ_CHECK(*ra_redis_reader_why(r) && !ra_redis_reader_feed(r, RA_BYTES("+OK\r\n")));
    FUZZ_CHECK(ra_redis_reader_next(r, &reply) == RA_REDIS_READ_BROKEN);
    return false;
}

/* In pieces of `size` bytes; 0: whole. What came before it broke, and whether it did. */
static bool read_all(ra_bytes bytes, size_t size, bool look, ra_buf *out)
{
    ra_redis_reader *r = ra_redis_reader_new();
    bool ok = true;
    FUZZ_CHECK(r);
    ra_buf_init(out, OUT);
    while (ok && bytes.n) {
        size_t n = size && size < bytes.n ? size : bytes.n;
        char *piece = fuzz_copy((ra_bytes){bytes.p, n});
        ok = ra_redis_reader_feed(r, (ra_bytes){piece, n});
        free(piece);
        ok = drain(r, out, look) && ok;
        bytes = (ra_bytes){bytes.p + n, bytes.n - n};
    }
    ra_redis_reader_free(r);
    return ok;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ra_bytes rest = {(const char *)data, size};
    ra_buf whole, pieces;
    size_t piece = fuzz_byte(&rest) % 16;
    bool ok = read_all(rest, 0, true, &whole);
    bool cut = read_all(rest, piece ? piece : 1, false, &pieces);
    FUZZ_CHECK(ok == cut);
    FUZZ_CHECK(ra_bytes_eq(ra_buf_bytes(&whole), ra_buf_bytes(&pieces)));
    ra_buf_free(&whole);
    ra_buf_free(&pieces);
    return 0;
}
