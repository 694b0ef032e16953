/* One shard: its iterator, and its records batch by batch. */
#include "proxy/ddb_call.h"
#include "proxy/log.h"
#include "proxy/stream_record.h"
#include "proxy/stream_text.h"
#include "proxy/stream_walk_parts.h"

#include <stdlib.h>

enum {
    ITERATOR_MAX = 4096,
    ARENA_MAX = 32 << 20,
    EMPTIES = 3,          /* so many empty replies in a row, and a shard's end has been reached */
    NEAR_NOW = 10 * 1000, /* and so it has by a record that is no older */
    RETENTION = 23 * 3600 * 1000 + 30 * 60 * 1000, /* 24 h, less what a read and two clocks may take */
    LONG_AGO = 60 * 1000,                          /* after it a reader has to catch up anew */
    SECOND = 1000,
    MINUTE = 60 * SECOND,
    MB = 1 << 20
};

static const char FROM_NOW[] =
    "a shard is read from now on: what has been written to it until now isn't known";
static const char TRIMMED[] = "records were trimmed before they had been read";

/* ---- iterators ---- */

static const char *type_of(const ra_shard *s)
{
    if (s->handled[0])
        return "AFTER_SEQUENCE_NUMBER";
    return s->start == RA_SHARD_FROM_NOW ? "LATEST" : "TRIM_HORIZON";
}

static ra_http_reply *get_iterator(ra_stream_walk *w, const ra_shard *s)
{
    ra_buf body;
    ra_buf_init(&body, RA_WALK_BODY_MAX);
    ra_buf_add_z(&body, "{\"StreamArn\":");
    ra_buf_add_json_string(&body, ra_bytes_z(w->arn));
    ra_buf_add_z(&body, ",\"ShardId\":");
    ra_buf_add_json_string(&body, ra_bytes_z(s->id));
    ra_buf_addf(&body, ",\"ShardIteratorType\":\"%s\"", type_of(s));
    if (s->handled[0]) {
        ra_buf_add_z(&body, ",\"SequenceNumber\":");
        ra_buf_add_json_string(&body, ra_bytes_z(s->handled));
    }
    ra_buf_add_z(&body, "}");
    ra_http_reply *reply = ra_walk_call(w, "GetShardIterator", &body);
    ra_buf_free(&body);
    return reply;
}

/* NULL: not such a reply, or no memory. */
static char *read_iterator(const ra_http_reply *reply)
{
    ra_json j;
    size_t at;
    char text[ITERATOR_MAX];
    if (!ra_ddb_succeeded(reply) ||
        ra_json_parse(&j, (ra_bytes){reply->body, reply->len}, NULL, &at) != RA_JSON_OK)
        return NULL;
    bool ok = ra_stream_text(&j, ra_json_member(&j, 0, "ShardIterator"), text, sizeof text);
    ra_json_free(&j);
    return ok ? strdup(text) : NULL;
}

static ra_http_reply *get_records(ra_stream_walk *w, const ra_stream_reader *r, unsigned limit)
{
    ra_buf body;
    ra_buf_init(&body, RA_WALK_BODY_MAX);
    ra_buf_add_z(&body, "{\"ShardIterator\":");
    ra_buf_add_json_string(&body, ra_bytes_z(r->iterator));
    ra_buf_addf(&body, ",\"Limit\":%u}", limit);
    ra_http_reply *reply = ra_walk_call(w, "GetRecords", &body);
    ra_buf_free(&body);
    return reply;
}

/* ---- what goes wrong ---- */

static void pause_reader(ra_stream_walk *w, ra_stream_reader *r)
{
    r->next_read = ra_walk_now(w) + ra_ddb_backoff(&r->pause, RA_WALK_FIRST_PAUSE, RA_WALK_LONGEST_PAUSE);
}

/* What comes next is the oldest record that there is, and some were lost before it. */
static void trimmed(ra_stream_walk *w, ra_shard *s)
{
    s->handled[0] = '\0';
    s->start = RA_SHARD_FROM_OLDEST;
    ((ra_stream_reader *)s->arg)->reset = true;
    ra_walk_owe(w, TRIMMED);
}

/* Shards go, and iterators expire; but then it isn't the same again and again. */
static bool is_usual(ra_stream_reader *r, const ra_http_reply *reply, bool gone)
{
    return (gone || ra_ddb_is_error(reply, "ExpiredIteratorException")) && ++r->refusals < RA_WALK_TRIES;
}

static void trouble(ra_stream_walk *w, ra_shard *s, const char *operation, const ra_http_reply *reply)
{
    ra_stream_reader *r = s->arg;
    bool gone = ra_ddb_is_error(reply, "ResourceNotFoundException"); /* the shard, or the whole stream */
    int64_t again = w->listed_at + RA_WALK_AGAIN;
    if (reply && reply->result == RA_HTTP_OK && !ra_ddb_may_pass(reply))
        ra_walk_drop_iterator(r);
    if (gone && again < w->next_look)
        w->next_look = again;
    if (ra_ddb_is_error(reply, "TrimmedDataAccessException"))
        trimmed(w, s);
    else if (!is_usual(r, reply, gone))
        ra_walk_failed(w, &r->failing, operation, reply);
    pause_reader(w, r);
}

/* ---- records ---- */

/* What a reply says. */
typedef struct batch {
    size_t n;
    bool full;
    char last[RA_SEQUENCE_MAX + 1]; /* sequence number that could be read; "": none */
    int64_t created_ms; /* of the last one, rounded down to a second, or (DynamoDB Local) to a minute; 0: not
                           said */
    int64_t grain;      /* which of the two; where it may be either, a minute */
    char *next;         /* the iterator; NULL: this is the shard's end */
} batch;

static void last_sequence(const ra_stream_records *records, char out[RA_SEQUENCE_MAX + 1])
{
    for (size_t i = records->n; records->v && i > 0 && !*out; i--)
        memcpy(out, records->v[i - 1].sequence, RA_SEQUENCE_MAX + 1);
}

static bool read_batch(const ra_stream_walk *w, const ra_http_reply *reply, batch *b)
{
    ra_arena a;
    ra_stream_records records;
    *b = (batch){0};
    ra_arena_init(&a, ARENA_MAX);
    bool ok = ra_stream_records_read((ra_bytes){reply->body, reply->len}, &a, &records);
    if (ok) {
        const ra_stream_record *last = records.n ? &records.v[records.n - 1] : NULL;
        b->n = records.n;
        b->full = b->n >= w->o.batch || reply->len >= MB;
        b->created_ms = last ? last->created_s * 1000 : 0;
        b->grain = last && last->created_s % 60 == 0 ? MINUTE : SECOND;
        last_sequence(&records, b->last);
        if (records.next.p)
            ok = (b->next = strndup(records.next.p, records.next.n)) != NULL;
        ra_stream_records_free(&records);
    }
    ra_arena_free(&a);
    return ok;
}

/* Is this reply, or will an empty one after it be, of where the shard ends? */
static void judge_caught_up(ra_stream_reader *r, const batch *b, int64_t wall)
{
    r->empties = b->n ? 0 : r->empties + 1;
    if (b->full || (b->n && b->created_ms + b->grain < wall - NEAR_NOW))
        r->caught_up = false;
    else if (b->n || r->empties >= EMPTIES)
        r->caught_up = true;
}

/*
 * How far it is after a reply that was asked for at `wall`. Records are in the order of their writing, so all
 * that was written before the last one's time has been handled; that is all that is certain while the reader
 * is behind, where an empty reply may come from a place where there just aren't any records. One that has
 * caught up and whose reply isn't full has got all that was there when it was asked for, provided that the
 * shard was still open: else newer ones are in its children. After a reply with records that is said of the
 * one before it only, and of no more than the records' own clock allows.
 */
static void note_time(ra_shard *s, const batch *b, int64_t wall)
{
    ra_stream_reader *r = s->arg;
    int64_t reached = b->created_ms < wall ? b->created_ms : wall;
    bool open = b->next && !s->closed;
    judge_caught_up(r, b, wall);
    if (!b->n && r->caught_up) {
        r->at_end = true;
        reached = open ? wall : 0;
    } else if (b->n && r->caught_up && open && r->whole_at > reached)
        reached = r->whole_at < b->created_ms + b->grain ? r->whole_at : b->created_ms + b->grain;
    r->whole_at = r->caught_up ? wall : 0;
    if (reached > s->drained_ms)
        s->drained_ms = reached;
}

/* Takes over what has been handled, and notes it. Of an end that can't be noted nothing is kept: whoever
 * holds the shard next finds it again. */
static void advance(ra_stream_walk *w, ra_shard *s, batch *b, int64_t wall)
{
    ra_stream_reader *r = s->arg;
    note_time(s, b, wall);
    if (b->last[0]) {
        memcpy(s->handled, b->last, sizeof s->handled);
        s->start = RA_SHARD_AFTER;
    } else if (s->start == RA_SHARD_FROM_NOW && w->o.replay)
        s->start = RA_SHARD_FROM_OLDEST;
    if (b->next) {
        free(r->iterator);
        r->iterator = b->next;
        b->next = NULL;
        if (b->n || ra_walk_now(w) >= r->next_note)
            ra_walk_note(w, s);
        return;
    }
    s->finished = true;
    s->finished = ra_walk_note(w, s);
}

/* `started`: when it was asked for, monotonic; `wall`: by the wall clock. false: it isn't handled, and comes
 * again. */
static bool take_reply(ra_stream_walk *w, ra_shard *s, const ra_http_reply *reply, int64_t started,
                       int64_t wall)
{
    ra_stream_reader *r = s->arg;
    batch b;
    if (!read_batch(w, reply, &b)) {
        ra_walk_failed(w, &r->failing, "GetRecords", reply);
        pause_reader(w, r);
        return false;
    }
    ra_walk_well(w, &r->failing);
    r->refusals = 0;
    if (b.n && !w->handler->batch(w->handler->arg, s, (ra_bytes){reply->body, reply->len})) {
        free(b.next);
        s->refused++;
        pause_reader(w, r);
        if (!ra_walk_stopped(w))
            ra_walk_unable(w, "what was found couldn't be handled", false);
        return false;
    }
    r->pause = 0;
    s->refused = 0;
    advance(w, s, &b, wall);
    free(b.next);
    bool idle = b.n == 0 && r->caught_up && w->o.idle_interval > RA_WALK_APART;
    r->next_read = started + (idle ? w->o.idle_interval : RA_WALK_APART);
    return true;
}

/* ---- what is done when ---- */

static bool may_read(const ra_stream_walk *w, const ra_shard *s)
{
    const ra_stream_reader *r = s->arg;
    int64_t now = ra_walk_now(w);
    return r && r->held && now < r->held_until && now >= r->next_read && !s->finished && !ra_walk_stopped(w);
}

static bool from_now(const ra_shard *s)
{
    return s->start == RA_SHARD_FROM_NOW && !s->handled[0];
}

static bool have_iterator(ra_stream_walk *w, ra_shard *s)
{
    ra_stream_reader *r = s->arg;
    if (r->iterator)
        return true;
    ra_http_reply *reply = get_iterator(w, s);
    r->iterator = read_iterator(reply);
    r->caught_up = r->iterator && from_now(s);
    r->empties = 0;
    r->last_read = ra_walk_now(w);
    if (!r->iterator)
        trouble(w, s, "GetShardIterator", reply);
    ra_http_reply_unref(reply);
    return r->iterator != NULL;
}

void ra_walk_pin(ra_stream_walk *w, ra_shard *s)
{
    ra_stream_reader *r = s->arg;
    if (!may_read(w, s) || !from_now(s) || r->iterator || !have_iterator(w, s))
        return;
    int64_t wall = ra_walk_wall(w);
    r->last_read = ra_walk_now(w);
    ra_http_reply *reply = get_records(w, r, 1); /* so that what is kept is small */
    batch b = {0};
    if (ra_ddb_succeeded(reply) && read_batch(w, reply, &b)) {
        free(b.next);
        r->first = reply;
        r->first_at = wall;
        ra_walk_owe(w, FROM_NOW);
        return;
    }
    trouble(w, s, "GetRecords", reply);
    ra_walk_drop_iterator(r); /* it may mean "from now on" only when it is used first */
    ra_http_reply_unref(reply);
}

/* Where the oldest record is asked for, or one after a position: may older ones have been trimmed, in
 * silence? They are if nobody has looked for as long as they are kept. */
static bool may_be_trimmed(const ra_stream_walk *w, const ra_shard *s)
{
    int64_t known = ra_shards_drained(w->shards, s);
    if (s->handled[0] && !known)
        return false; /* DynamoDB says so itself */
    if (known < w->lost_at)
        known = w->lost_at;
    return ra_walk_wall(w) - known > RETENTION;
}

/* What was had when the shard was pinned. */
static void take_first(ra_stream_walk *w, ra_shard *s)
{
    ra_stream_reader *r = s->arg;
    ra_http_reply *first = r->first;
    r->first = NULL;
    if (take_reply(w, s, first, ra_walk_now(w), r->first_at))
        ra_http_reply_unref(first);
    else
        r->first = first; /* the iterator that it came by isn't one of this place any more */
}

void ra_walk_read(ra_stream_walk *w, ra_shard *s)
{
    ra_stream_reader *r = s->arg;
    if (!may_read(w, s) || w->owed || !ra_shards_ready(w->shards, s))
        return;
    if (r->first) {
        take_first(w, s);
        return;
    }
    if (!r->iterator && from_now(s))
        return; /* to be pinned first */
    if (!r->iterator && may_be_trimmed(w, s)) {
        ra_walk_owe(w, TRIMMED);
        return;
    }
    if (!have_iterator(w, s))
        return;
    int64_t started = ra_walk_now(w), wall = ra_walk_wall(w);
    if (started - r->last_read > LONG_AGO) {
        r->caught_up = false;
        r->whole_at = 0;
    }
    r->last_read = started;
    ra_http_reply *reply = get_records(w, r, w->o.batch);
    if (ra_ddb_succeeded(reply))
        take_reply(w, s, reply, started, wall);
    else
        trouble(w, s, "GetRecords", reply);
    ra_http_reply_unref(reply);
}
