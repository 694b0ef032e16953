/*
 * DescribeStream's listings: a page a line. A line of '=' ends a listing, one of '+' finishes the shards that
 * may be read then.
 * - Shards are sorted, each there once, and not more than there may be.
 * - No shard waits for itself: above each that waits is one that may be read, or whose parent may yet come.
 * - The watermark isn't past what has been handled of any shard that isn't finished.
 */
#include "proxy/stream_shards.h"
#include "tests/fuzz/fuzz.h"

static size_t forgotten;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static void forget(ra_shard *shard)
{
    FUZZ_CHECK(shard->id[0]);
    forgotten++;
}

/* The one that it waits for in the end; itself, if for none. */
static const ra_shard *first_of(ra_shards *s, const ra_shard *shard)
{
    for (size_t steps = 0; steps <= ra_shards_count(s); steps++) {
        const ra_shard *parent = shard->parent[0] ? ra_shards_find(s, shard->parent) : NULL;
        if (!parent || parent->finished)
            return shard;
        shard = parent;
    }
    return NULL;
}

static void check(ra_shards *s)
{
    int64_t watermark = ra_shards_watermark(s);
    size_t n = ra_shards_count(s);
    FUZZ_CHECK(n <= RA_SHARDS_MAX && watermark >= 0);
    for (size_t i = 0; i < n; i++) {
        const ra_shard *shard = ra_shards_at(s, i);
        FUZZ_CHECK(i == 0 || strcmp(ra_shards_at(s, i - 1)->id, shard->id) < 0);
        FUZZ_CHECK(ra_shards_find(s, shard->id) == shard && strcmp(shard->id, shard->parent) != 0);
        if (shard->finished)
            continue;
        const ra_shard *first = first_of(s, shard);
        FUZZ_CHECK(first && (ra_shards_ready(s, first) || ra_shards_stale(s)));
        FUZZ_CHECK(watermark <= ra_shards_drained(s, first));
        FUZZ_CHECK(first == shard || !ra_shards_ready(s, shard));
    }
}

/* Of a round: what it finishes makes others ready only for the next one. */
static void finish_ready(ra_shards *s, int64_t now)
{
    for (size_t i = 0; i < ra_shards_count(s); i++) {
        ra_shard *shard = ra_shards_at(s, i);
        if (ra_shards_ready(s, shard) && shard->drained_ms != now)
            shard->drained_ms = -now;
    }
    for (size_t i = 0; i < ra_shards_count(s); i++) {
        ra_shard *shard = ra_shards_at(s, i);
        if (shard->drained_ms < 0) {
            shard->drained_ms = now;
            shard->finished = true;
        }
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ra_bytes rest = {(const char *)data, size};
    char last[RA_SHARD_ID_MAX + 1], status[16], view[24];
    bool lost, good = true;
    int64_t now = 1000;
    ra_shards *s = ra_shards_new(forget);
    FUZZ_CHECK(s);
    ra_shards_list_begin(s, fuzz_byte(&rest) == 'n');
    while (rest.n) {
        ra_bytes line = fuzz_line(&rest);
        if (ra_bytes_eq_z(line, "+")) {
            finish_ready(s, now++);
            check(s);
        } else if (ra_bytes_eq_z(line, "=")) {
            if (good)
                FUZZ_CHECK(ra_shards_list_end(s, &lost));
            check(s);
            ra_shards_list_begin(s, false);
            good = true;
        } else {
            char *page = fuzz_copy(line);
            bool described = ra_stream_described((ra_bytes){page, line.n}, status, view);
            FUZZ_CHECK(!described ||
                       (*status && strlen(status) < sizeof status && strlen(view) < sizeof view));
            good = good && ra_shards_list_page(s, (ra_bytes){page, line.n}, last);
            free(page);
        }
    }
    size_t n = ra_shards_count(s);
    forgotten = 0;
    ra_shards_free(s);
    FUZZ_CHECK(forgotten == n);
    return 0;
}
