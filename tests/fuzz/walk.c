/*
 * A walk over a stream whose replies are the input's lines, one each, on a clock of its own. The first line
 * says how ('n' from now on, 'r' replaying, 'o' once). A reply is "{…" with status 200, "5…" with status 500,
 * "x" a connection that breaks, else the type of an error. What happens before a reply comes:
 *   "~N" N seconds go by        "#X" shards are held ('h'), others' ('o'), or nobody can tell ('u')
 *   "!"  the next batch isn't handled, "?" nor told that records are lost
 * - What is asked is JSON; of a shard only while it is held.
 * - Between records that were trimmed, and that being told, nothing is handled, noted, or said to be fresh.
 * - What is noted of a shard has been handled, or was noted before; it is never of a time yet to come.
 */
#include "cache/random.h"
#include "proxy/log.h"
#include "proxy/stream_record.h"
#include "proxy/stream_walk.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

enum { NOTES = 64, WAITS_MAX = 3000, LEASE = 3000, ARENA = 64 << 20 };
static const int64_t BEGAN = INT64_C(1700000000000);

/* In the place of the library's: the same each time, and quiet. */
uint64_t ra_random(void)
{
    return 512;
}

void ra_log(enum ra_log_level level, const char *format, ...)
{
    (void)level;
    FUZZ_CHECK(format);
}

void ra_corrupt(const char *what)
{
    fprintf(stderr, "corrupt: %s\n", what);
    abort();
}

typedef struct note {
    char id[RA_SHARD_ID_MAX + 1], handled[RA_SEQUENCE_MAX + 1];
    char accepted[RA_SEQUENCE_MAX + 1]; /* the last one in a batch that was handled */
    bool finished, held;
    int64_t drained;
} note;

typedef struct world {
    ra_bytes rest;
    int64_t now;
    ra_stream_walk *walk;
    char holds;
    bool refuse_batch, refuse_lost, trimmed;
    unsigned waits, lost;
    note notes[NOTES];
    size_t n;
} world;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

/* NULL: it isn't remembered. */
static note *note_of(world *w, const char *id)
{
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->notes[i].id, id) == 0)
            return &w->notes[i];
    if (w->n == NOTES)
        return NULL;
    note *n = &w->notes[w->n++];
    snprintf(n->id, sizeof n->id, "%s", id);
    return n;
}

/* ---- requests ---- */

static bool is_event(ra_bytes rest)
{
    return rest.n && strchr("~#!?", *rest.p) && *rest.p;
}

/* Takes what happens before the next reply. */
static void happen(world *w)
{
    while (is_event(w->rest)) {
        ra_bytes line = fuzz_line(&w->rest);
        char what = *line.p, more[3] = "";
        memcpy(more, line.p + 1, line.n > 2 ? 2 : line.n - 1);
        if (what == '~')
            w->now += 1000 * (int64_t)(strtol(more, NULL, 16) & 0xff);
        else if (what == '#')
            w->holds = more[0];
        else if (what == '!')
            w->refuse_batch = true;
        else
            w->refuse_lost = true;
    }
}

static ra_http_reply *reply_of(enum ra_http_result result, int status, ra_bytes body)
{
    ra_http_reply *r = ra_http_reply_new();
    if (!r)
        exit(1);
    r->result = result;
    r->status = status;
    r->body = fuzz_text(body);
    r->len = body.n;
    return r;
}

static ra_http_reply *error_of(world *w, ra_bytes type)
{
    ra_buf b;
    ra_buf_init(&b, 1 << 20);
    ra_buf_add_z(&b, "{\"__type\":");
    ra_buf_add_json_string(&b, type);
    ra_buf_add_z(&b, "}");
    ra_http_reply *r = reply_of(RA_HTTP_OK, 400, ra_buf_bytes(&b));
    ra_buf_free(&b);
    w->trimmed |= ra_bytes_eq_z(type, "TrimmedDataAccessException");
    return r;
}

static void check_request(world *w, const char *operation, ra_bytes body)
{
    ra_json j;
    size_t at;
    FUZZ_CHECK(ra_json_parse(&j, body, NULL, &at) == RA_JSON_OK && ra_json_is(&j, 0, RA_JSON_OBJECT));
    uint32_t shard = ra_json_member(&j, 0, "ShardId");
    FUZZ_CHECK((shard != RA_JSON_NONE) == (strcmp(operation, "GetShardIterator") == 0));
    for (size_t i = 0; shard && i < w->n; i++)
        FUZZ_CHECK(!ra_json_string_is(&j, shard, w->notes[i].id) || w->notes[i].held);
    ra_json_free(&j);
}

static ra_http_reply *call(void *arg, const char *operation, ra_bytes body, int64_t timeout)
{
    world *w = arg;
    FUZZ_CHECK(timeout > 0);
    check_request(w, operation, body);
    happen(w);
    w->now += 10;
    if (w->rest.n == 0) {
        ra_stream_walk_stop(w->walk);
        return reply_of(RA_HTTP_NOT_SENT, 0, (ra_bytes){"", 0});
    }
    ra_bytes line = fuzz_line(&w->rest);
    bool reads = strcmp(operation, "GetRecords") == 0 || strcmp(operation, "GetShardIterator") == 0;
    if (line.n && *line.p == '{')
        return reply_of(RA_HTTP_OK, 200, line);
    if (line.n && *line.p == '5')
        return reply_of(RA_HTTP_OK, 500, (ra_bytes){line.p + 1, line.n - 1});
    if (ra_bytes_eq_z(line, "x"))
        return reply_of(RA_HTTP_CUT, 0, (ra_bytes){"", 0});
    return error_of(reads ? w : &(world){0}, line);
}

static void wait_for(void *arg, int64_t ms)
{
    world *w = arg;
    FUZZ_CHECK(ms > 0);
    w->now += ms;
    if (++w->waits == WAITS_MAX)
        ra_stream_walk_stop(w->walk);
}

static int64_t monotonic(void *arg)
{
    return ((world *)arg)->now;
}

static int64_t wall(void *arg)
{
    return BEGAN + ((world *)arg)->now;
}

/* ---- the keeper ---- */

static enum ra_keeper_step hold(void *arg, const char *stream, ra_shard *shard)
{
    world *w = arg;
    note *n = note_of(w, shard->id);
    FUZZ_CHECK(*stream && *shard->id);
    if (w->holds == 'u' || !n) {
        if (n)
            n->held = false;
        return RA_KEEPER_UNKNOWN;
    }
    if (n->handled[0] || n->finished || n->drained) {
        memcpy(shard->handled, n->handled, sizeof shard->handled);
        shard->finished = n->finished;
        shard->drained_ms = n->drained;
    }
    n->held = w->holds != 'o';
    return n->held ? RA_KEEPER_HELD : RA_KEEPER_OTHERS;
}

static bool leave_note(void *arg, const char *stream, const ra_shard *shard)
{
    world *w = arg;
    note *n = note_of(w, shard->id);
    FUZZ_CHECK(*stream && n && n->held && !w->trimmed);
    FUZZ_CHECK(strcmp(shard->handled, n->accepted) == 0 || strcmp(shard->handled, n->handled) == 0 ||
               (!shard->handled[0] && w->lost));
    FUZZ_CHECK(shard->drained_ms >= 0 && shard->drained_ms <= wall(w));
    if (w->holds != 'h')
        return n->held = false;
    memcpy(n->handled, shard->handled, sizeof n->handled);
    n->finished = shard->finished;
    n->drained = shard->drained_ms;
    return true;
}

static void release(void *arg, const char *stream, const ra_shard *shard)
{
    note *n = note_of(arg, shard->id);
    FUZZ_CHECK(*stream && n && n->held);
    n->held = false;
}

/* ---- what is found ---- */

static bool batch(void *arg, const ra_shard *shard, ra_bytes body)
{
    world *w = arg;
    note *n = note_of(w, shard->id);
    ra_arena a;
    ra_stream_records all;
    ra_arena_init(&a, ARENA);
    FUZZ_CHECK(n && n->held && !w->trimmed && !shard->finished);
    FUZZ_CHECK(ra_stream_records_read(body, &a, &all) && all.n > 0);
    bool ok = !w->refuse_batch;
    for (size_t i = 0; i < all.n && ok; i++)
        if (all.v[i].sequence[0])
            memcpy(n->accepted, all.v[i].sequence, sizeof n->accepted);
    w->refuse_batch = false;
    ra_stream_records_free(&all);
    ra_arena_free(&a);
    return ok;
}

static bool lost(void *arg, const char *why)
{
    world *w = arg;
    bool ok = !w->refuse_lost;
    FUZZ_CHECK(*why);
    w->refuse_lost = false;
    if (ok) {
        w->trimmed = false;
        w->lost++;
    }
    return ok;
}

static void found(void *arg, const char *arn, const char *view)
{
    (void)arg;
    FUZZ_CHECK(!*arn == !*view);
    for (const char *p = arn; *p; p++)
        FUZZ_CHECK(*p > ' ' && *p <= '~');
}

static void watermark(void *arg, int64_t ms)
{
    world *w = arg;
    FUZZ_CHECK(ms >= 0 && ms <= wall(w) && (ms == 0 || !w->trimmed));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static world w;
    w = (world){.rest = {(const char *)data, size}, .holds = 'h'};
    ra_bytes how = fuzz_line(&w.rest);
    const char *why = NULL;
    bool once = how.n && memchr(how.p, 'o', how.n);
    const ra_stream_options o = {.table = "chat",
                                 .from_now = how.n && memchr(how.p, 'n', how.n),
                                 .replay = how.n && memchr(how.p, 'r', how.n),
                                 .idle_interval = 500,
                                 .lease = LEASE};
    const ra_stream_api api = {
        .call = call, .wait = wait_for, .monotonic = monotonic, .wall = wall, .arg = &w};
    const ra_stream_keeper keeper = {.hold = hold, .note = leave_note, .release = release, .arg = &w};
    const ra_stream_handler handler = {
        .batch = batch, .lost = lost, .found = found, .watermark = watermark, .arg = &w};
    w.walk = ra_stream_walk_new(&o, &api, &keeper, &handler);
    if (!w.walk)
        exit(1);
    FUZZ_CHECK(ra_stream_walk_run(w.walk, once, &why) == !why);
    FUZZ_CHECK(once || !why);
    ra_stream_walk_free(w.walk);
    for (size_t i = 0; i < w.n; i++)
        FUZZ_CHECK(!w.notes[i].held);
    return 0;
}
