/*
 * A model of a table with a stream, on a clock of its own: shards that split and are followed by others,
 * records that are trimmed after a day, listings in pages, iterators that expire, empty replies before the
 * end, throttling, broken replies, a stream that is switched off and on. What the walk does with it is judged
 * here: see model_handled, model_noted, model_lost and model_watermark.
 */
#ifndef RA_TESTS_STREAM_MODEL_H
#define RA_TESTS_STREAM_MODEL_H

#include "cache/buf.h"
#include "proxy/stream_walk.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

enum {
    M_KEYS = 8,
    M_RECORDS = 40000,
    M_SHARDS = 2000,
    M_STREAMS = 40,
    M_DAY = 24 * 3600 * 1000,
    M_EXPIRES = 15 * 60 * 1000,
    M_APART = 200
};

typedef struct m_record {
    int64_t at; /* when it was written */
    int shard;  /* -1: while there was no stream */
    int key;
    bool handled, covered; /* covered: `lost` was told later */
} m_record;

typedef struct m_shard {
    int stream, parent;
    int first, end; /* keys */
    bool closed;
    int64_t closed_at, asked_at;
    int start;       /* the number that its first record would have: its sequence numbers' beginning */
    int *records, n; /* numbers of its records, in their order */
    int held_by;     /* 0: nobody, 1: the walk, 2: another, 3: one that is dead */
    int64_t held_until;
    /* what is noted */
    bool noted, finished;
    char handled[RA_SEQUENCE_MAX + 1];
    int64_t drained;
    unsigned refused; /* batches in a row, in this life of the walk */
} m_shard;

typedef struct model {
    uint64_t random;
    int64_t now;
    m_record r[M_RECORDS];
    int n;
    m_shard s[M_SHARDS];
    int nshards, nstreams;
    bool on;
    bool quiet;    /* no more writes, nothing goes wrong */
    bool gentle;   /* it is told to stop, never killed */
    bool deaf;     /* the process has been killed: what it still tells its keeper isn't heard */
    bool lazy;     /* LATEST is where the end is when the iterator is used first */
    bool others;   /* another process takes shards now and then */
    bool spoilt;   /* each reply's records are followed by one that isn't understood, without a number */
    unsigned wild; /* of 1000 steps how many are odd */
    int64_t lease;
    int64_t grain;  /* of the records' clock */
    int steps_left; /* until it is stopped; < 0: never */
    ra_stream_walk *walk;
    int64_t watermark;
    int lost, batches, replays, listings;
    uint64_t unhandled;     /* batches that came again */
    int low;                /* all records before it are handled or covered */
    int64_t called_at;      /* when the request under way was made */
    int64_t until;          /* stops the walk when the watermark is there; 0: never */
    int rounds;             /* since it was quiet */
    int away;               /* one of so many questions to the keeper isn't answered; 0: all are */
    int asked;              /* how many there were */
    int reads;              /* GetRecords */
    const char *refused;    /* the error of every request; NULL: none */
    const char *unwanted;   /* the error of every request for an iterator; NULL: none */
    int slow;               /* ms that each request takes */
    int listings_most;      /* DescribeStream a second; 0: any number */
    int64_t listings_since; /* when that second began */
    int listings_in_it;
    bool vanishes;                  /* the shard that a listing is to go on after is gone each other time */
    int64_t ahead;                  /* what the walk's wall clock is ahead of the records' */
    char said[RA_SHARD_ID_MAX * 8]; /* why the last run with `once` couldn't be done */
    char why[200];                  /* what was wrong first; "": nothing */
} model;

static int m_number(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

static uint64_t m_random(model *m, uint64_t n)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return m->random * UINT64_C(2685821657736338717) % n;
}

/* One of `in` */
static bool m_chance(model *m, uint64_t in)
{
    return m_random(m, in) == 0;
}

static bool m_odd(model *m)
{
    return !m->quiet && m_random(m, 1000) < m->wild;
}

static void m_wrong(model *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void m_wrong(model *m, const char *format, ...)
{
    va_list args;
    if (m->why[0])
        return;
    va_start(args, format);
    vsnprintf(m->why, sizeof m->why, format, args);
    va_end(args);
}

static bool m_trimmed(const model *m, int record)
{
    return m->r[record].at < m->now - M_DAY;
}

/* ---- the table and its stream ---- */

static int m_add_shard(model *m, int parent, int first, int end)
{
    assert_true(m->nshards < M_SHARDS);
    m->s[m->nshards] =
        (m_shard){.stream = m->nstreams - 1, .parent = parent, .first = first, .end = end, .start = m->n};
    return m->nshards++;
}

static void m_close(model *m, int shard)
{
    m->s[shard].closed = true;
    m->s[shard].closed_at = m->now;
}

static void m_switch(model *m, bool on)
{
    if (on == m->on)
        return;
    m->on = on;
    if (on) {
        assert_true(m->nstreams < M_STREAMS);
        m->nstreams++;
        m_add_shard(m, -1, 0, M_KEYS / 2);
        m_add_shard(m, -1, M_KEYS / 2, M_KEYS);
        return;
    }
    for (int i = 0; i < m->nshards; i++) {
        if (!m->s[i].closed)
            m_close(m, i);
    }
}

/* The open shard of a key; -1: the stream is off. */
static int m_shard_of(const model *m, int key)
{
    for (int i = m->nshards - 1; i >= 0; i--) {
        if (!m->s[i].closed && m->s[i].first <= key && key < m->s[i].end)
            return i;
    }
    return -1;
}

static void m_write_key(model *m, int key)
{
    if (m->n == M_RECORDS)
        return;
    int shard = m_shard_of(m, key);
    m->r[m->n] = (m_record){.at = m->now, .shard = shard, .key = key};
    if (shard >= 0) {
        m_shard *s = &m->s[shard];
        s->records = realloc(s->records, ((size_t)s->n + 1) * sizeof *s->records);
        assert_non_null(s->records);
        s->records[s->n++] = m->n;
    }
    m->n++;
}

static void m_write(model *m)
{
    m_write_key(m, (int)m_random(m, M_KEYS));
}

/* An open shard ends, and one or two come after it. */
static void m_split(model *m)
{
    int i = m_shard_of(m, (int)m_random(m, M_KEYS));
    if (i < 0 || m->nshards + 2 > M_SHARDS)
        return;
    m_close(m, i);
    int first = m->s[i].first, end = m->s[i].end;
    if (end - first > 1 && m_chance(m, 2)) {
        m_add_shard(m, i, first, (first + end) / 2);
        m_add_shard(m, i, (first + end) / 2, end);
    } else
        m_add_shard(m, i, first, end);
}

/* Time goes by, and things happen in it. */
static void m_pass(model *m, int64_t ms)
{
    int64_t end = m->now + ms;
    while (m->now < end) {
        int64_t step = 1 + (int64_t)m_random(m, 40);
        m->now = m->now + step > end ? end : m->now + step;
        if (m->quiet)
            continue;
        if (m_chance(m, 4))
            m_write(m);
        if (m_odd(m) && m_chance(m, 2))
            m_split(m);
        if (m_odd(m) && m_chance(m, 12))
            m_switch(m, !m->on || m->nstreams == M_STREAMS);
        else if (!m->on && m_chance(m, 60) && m->nstreams < M_STREAMS)
            m_switch(m, true);
    }
}

/* Stops the walk, after a while, as if it had been killed or told to. */
static void m_step(model *m)
{
    if (m->steps_left > 0 && --m->steps_left == 0) {
        m->deaf = !m->gentle && m_chance(m, 2);
        ra_stream_walk_stop(m->walk);
    }
}

/* ---- requests ---- */

static ra_http_reply *m_reply(int status, const char *text)
{
    ra_http_reply *r = ra_http_reply_new();
    assert_non_null(r);
    r->status = status;
    r->body = strdup(text);
    assert_non_null(r->body);
    r->len = strlen(text);
    return r;
}

static ra_http_reply *m_error(const char *type)
{
    char text[200];
    snprintf(text, sizeof text,
             "{\"__type\":\"com.amazonaws.dynamodb.v20120810#%s\",\"message\":\"as asked\"}", type);
    return m_reply(400, text);
}

/* A member's string in a request that the walk has written. */
static bool m_member(ra_bytes body, const char *name, char *out, size_t size)
{
    char text[8192], find[64];
    snprintf(text, sizeof text, "%.*s", (int)body.n, body.p);
    snprintf(find, sizeof find, "\"%s\":\"", name);
    const char *at = strstr(text, find);
    if (!at)
        return false;
    at += strlen(find);
    snprintf(out, size, "%.*s", (int)strcspn(at, "\""), at);
    return true;
}

static void m_id(char out[RA_SHARD_ID_MAX + 1], int shard)
{
    snprintf(out, RA_SHARD_ID_MAX + 1, "shardId-%020d-%08x", shard, (unsigned)shard * 2654435761u);
}

static int m_shard_named(const model *m, const char *id)
{
    int i = m_number(id + 8);
    return i >= 0 && i < m->nshards ? i : -1;
}

/* Is it still listed? Its records are gone a day after it was closed. */
static bool m_listed(const model *m, int i, int stream)
{
    const m_shard *s = &m->s[i];
    return s->stream == stream && !(s->closed && s->closed_at < m->now - M_DAY);
}

static ra_http_reply *m_describe_table(model *m)
{
    char text[400];
    snprintf(text, sizeof text, "{\"Table\":{\"TableName\":\"t\"%s,\"LatestStreamArn\":\"arn:stream/%d\"}}",
             m->on ? ",\"StreamSpecification\":{\"StreamEnabled\":true,\"StreamViewType\":\"KEYS_ONLY\"}"
                   : "",
             m->nstreams - 1);
    return m_reply(200, text);
}

/* NULL: nothing is wrong with it. */
static ra_http_reply *m_listing_fault(model *m, bool first)
{
    if (m->now - m->listings_since >= 1000) {
        m->listings_since = m->now;
        m->listings_in_it = 0;
    }
    if (m->listings_most && ++m->listings_in_it > m->listings_most)
        return m_error("LimitExceededException");
    return m->vanishes && !first && m_chance(m, 2) ? m_error("ResourceNotFoundException") : NULL;
}

static ra_http_reply *m_describe_stream(model *m, ra_bytes body)
{
    char arn[64], last[RA_SHARD_ID_MAX + 1], id[RA_SHARD_ID_MAX + 1], parent[RA_SHARD_ID_MAX + 1];
    assert_true(m_member(body, "StreamArn", arn, sizeof arn));
    int stream = m_number(arn + 11), page = 1 + (int)m_random(m, 6);
    int from = m_member(body, "ExclusiveStartShardId", last, sizeof last) ? m_shard_named(m, last) + 1 : 0;
    bool on = m->on && stream == m->nstreams - 1;
    ra_http_reply *fault = m_listing_fault(m, from == 0);
    if (fault)
        return fault;
    ra_buf b;
    m->listings++;
    ra_buf_init(&b, 1 << 20);
    ra_buf_addf(
        &b, "{\"StreamDescription\":{\"StreamStatus\":\"%s\",\"StreamViewType\":\"KEYS_ONLY\",\"Shards\":[",
        on ? "ENABLED" : "DISABLED");
    int n = 0, i = from;
    for (; i < m->nshards && n < page; i++) {
        if (!m_listed(m, i, stream))
            continue;
        const m_shard *s = &m->s[i];
        m_id(id, i);
        ra_buf_addf(&b, "%s{\"ShardId\":\"%s\"", n++ ? "," : "", id);
        if (s->parent >= 0) {
            m_id(parent, s->parent);
            ra_buf_addf(&b, ",\"ParentShardId\":\"%s\"", parent);
        }
        ra_buf_addf(&b, ",\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"%021d\"", s->start);
        if (s->closed)
            ra_buf_addf(&b, ",\"EndingSequenceNumber\":\"%021d\"", m->n);
        ra_buf_add_z(&b, "}}");
    }
    ra_buf_add_z(&b, "]");
    if (i < m->nshards && n)
        ra_buf_addf(&b, ",\"LastEvaluatedShardId\":\"%s\"", id);
    ra_buf_add_z(&b, "}}");
    ra_buf_add_char(&b, '\0');
    assert_true(ra_buf_ok(&b));
    ra_http_reply *r = m_reply(200, b.p);
    ra_buf_free(&b);
    return r;
}

/* "it|SHARD|PLACE|MADE AT|EMPTY REPLIES GIVEN": the place among the shard's records, -1: where its end is. */
static void m_iterator(char out[128], int shard, int place, int64_t at, int empties)
{
    snprintf(out, 128, "it|%d|%d|%" PRId64 "|%d", shard, place, at, empties);
}

static ra_http_reply *m_get_iterator(model *m, ra_bytes body)
{
    char id[RA_SHARD_ID_MAX + 1], type[32], sequence[64], it[128], text[200];
    if (m->unwanted)
        return m_error(m->unwanted);
    assert_true(m_member(body, "ShardId", id, sizeof id) &&
                m_member(body, "ShardIteratorType", type, sizeof type));
    int i = m_shard_named(m, id), place = 0;
    if (i < 0 || !m_listed(m, i, m->s[i].stream))
        return m_error("ResourceNotFoundException");
    const m_shard *s = &m->s[i];
    if (strcmp(type, "LATEST") == 0)
        place = m->lazy ? -1 : s->n;
    else if (strcmp(type, "TRIM_HORIZON") == 0) {
        while (place < s->n && m_trimmed(m, s->records[place]))
            place++;
    } else {
        assert_true(m_member(body, "SequenceNumber", sequence, sizeof sequence));
        int number = m_number(sequence);
        while (place < s->n && s->records[place] <= number)
            place++;
        if (m_trimmed(m, number))
            return m_error("TrimmedDataAccessException");
    }
    m_iterator(it, i, place, m->now, 0);
    snprintf(text, sizeof text, "{\"ShardIterator\":\"%s\"}", it);
    return m_reply(200, text);
}

static void m_add_record(const model *m, ra_buf *b, int record, bool first)
{
    ra_buf_addf(b,
                "%s{\"eventName\":\"MODIFY\",\"dynamodb\":{\"ApproximateCreationDateTime\":%" PRId64
                ",\"Keys\":{\"pk\":{\"S\":\"k%d\"}},\"SequenceNumber\":\"%021d\"}}",
                first ? "" : ",", m->r[record].at / m->grain * (m->grain / 1000), m->r[record].key, record);
}

static ra_http_reply *m_get_records(model *m, ra_bytes body)
{
    char it[128], next[128];
    assert_true(m_member(body, "ShardIterator", it, sizeof it));
    char *end = it + 2;
    int i = (int)strtol(end + 1, &end, 10), place = (int)strtol(end + 1, &end, 10);
    int64_t at = strtoll(end + 1, &end, 10);
    int empties = (int)strtol(end + 1, &end, 10);
    assert_int_equal(*end, '\0');
    m_shard *s = &m->s[i];
    m->reads++;
    if (m->called_at - s->asked_at < M_APART)
        m_wrong(m, "shard %d is asked twice within %d ms", i, (int)(m->called_at - s->asked_at));
    s->asked_at = m->called_at;
    if (!m_listed(m, i, s->stream))
        return m_error("ResourceNotFoundException");
    if (m->now - at > M_EXPIRES || (m_odd(m) && m_chance(m, 3)))
        return m_error("ExpiredIteratorException");
    if (place < 0)
        place = s->n;
    if (place < s->n && m_trimmed(m, s->records[place]))
        return m_error("TrimmedDataAccessException");
    const char *limit = memmem(body.p, body.n, "\"Limit\":", 8);
    assert_non_null(limit);
    int most = m_number(limit + 8), n = 0; /* a brace is behind it */
    /* Far from the end there may be places without records, and replies that aren't full. */
    bool far = place < s->n && m->r[s->records[place]].at < m->now - INT64_C(120) * 1000;
    bool gap = far && empties < 2 && m_chance(m, 3);
    if (most > 10 && far && !m->quiet)
        most = 1 + (int)m_random(m, 10);
    ra_buf b;
    ra_buf_init(&b, 4 << 20);
    ra_buf_add_z(&b, "{\"Records\":[");
    for (; !gap && place < s->n && n < most; place++)
        m_add_record(m, &b, s->records[place], n++ == 0);
    ra_buf_add_z(&b, m->spoilt && n > 0 ? ",7]" : "]");
    if (!(s->closed && place == s->n)) {
        m_iterator(next, i, place, m->now, gap ? empties + 1 : 0);
        ra_buf_addf(&b, ",\"NextShardIterator\":\"%s\"", next);
    }
    ra_buf_add_z(&b, "}");
    ra_buf_add_char(&b, '\0');
    assert_true(ra_buf_ok(&b));
    ra_http_reply *r = m_reply(200, b.p);
    ra_buf_free(&b);
    return r;
}

/* What goes wrong with any request; NULL: nothing. */
static ra_http_reply *m_fault(model *m)
{
    if (m->refused)
        return m_error(m->refused);
    if (!m_odd(m))
        return NULL;
    switch (m_random(m, 5)) {
    case 0:
        return m_error("LimitExceededException");
    case 1:
        return m_reply(500, "{\"__type\":\"InternalServerError\"}");
    case 2:
        return m_reply(200, "{\"Records\":[{\"half\":");
    case 3: { /* the connection breaks */
        ra_http_reply *r = m_reply(0, "");
        r->result = RA_HTTP_CUT;
        return r;
    }
    default:
        return NULL;
    }
}

static ra_http_reply *model_call(void *arg, const char *operation, ra_bytes body, int64_t timeout)
{
    model *m = arg;
    (void)timeout;
    m_step(m);
    m->called_at = m->now;
    m_pass(m, m->slow);
    m_pass(m, 1 + (int64_t)m_random(m, m->wild ? 30 : 2));
    ra_http_reply *r = m_fault(m);
    if (!r)
        r = strcmp(operation, "DescribeTable") == 0      ? m_describe_table(m)
            : strcmp(operation, "DescribeStream") == 0   ? m_describe_stream(m, body)
            : strcmp(operation, "GetShardIterator") == 0 ? m_get_iterator(m, body)
                                                         : m_get_records(m, body);
    m_pass(m, (int64_t)m_random(m, m->wild ? 30 : 2));
    return r;
}

static void model_wait(void *arg, int64_t ms)
{
    model *m = arg;
    m_step(m);
    if (m_odd(m) && m_chance(m, 40)) /* the machine was asleep */
        m->now += (int64_t)m_random(m, UINT64_C(30) * 3600 * 1000);
    m_pass(m, ms);
}

static int64_t model_now(void *arg)
{
    return ((model *)arg)->now;
}

static int64_t model_wall(void *arg)
{
    const model *m = arg;
    return m->now + m->ahead;
}

/* ---- who judges ---- */

static bool m_done(const model *m, int record)
{
    return m->r[record].handled || m->r[record].covered;
}

/* A record is handled: all earlier ones of its item must have been, or be known to be lost. */
static void m_handle(model *m, int record)
{
    m_record *r = &m->r[record];
    if (r->handled) {
        m->replays++;
        return;
    }
    for (int i = record - 1; i >= 0 && i > record - 2000; i--) {
        const m_record *before = &m->r[i];
        if (before->key == r->key && before->shard >= 0 &&
            m->s[before->shard].stream == m->s[r->shard].stream && !m_done(m, i) && !m_trimmed(m, i))
            m_wrong(m, "record %d of key %d comes before %d", record, r->key, i);
    }
    r->handled = true;
}

static bool m_handle_batch(model *m, ra_bytes body)
{
    m->batches++;
    m_step(m);
    m_pass(m, (int64_t)m_random(m, m->wild ? 200 : 2));
    if (m_odd(m))
        m_pass(m, (int64_t)m_random(m, 2 * (uint64_t)m->lease)); /* so that the lease may run out */
    bool ok = !(m_odd(m) && m_chance(m, 2));
    static const char sequence[] = "\"SequenceNumber\":\"";
    const char *at = body.p, *end = body.p + body.n;
    while ((at = memmem(at, (size_t)(end - at), sequence, sizeof sequence - 1))) {
        at += sizeof sequence - 1;
        if (!ok && m_chance(m, 2))
            return false; /* some of it is handled */
        m_handle(m, m_number(at));
    }
    return ok;
}

static bool model_batch(void *arg, const ra_shard *shard, ra_bytes body)
{
    model *m = arg;
    m_shard *s = &m->s[m_shard_named(m, shard->id)];
    m->unhandled += shard->refused;
    if (shard->refused == 0)
        s->refused = 0; /* it may have been forgotten and listed again */
    if (shard->refused != s->refused)
        m_wrong(m, "of %s %u batches in a row were refused, not %u", shard->id, s->refused, shard->refused);
    bool ok = m_handle_batch(m, body);
    s->refused = ok ? 0 : s->refused + 1;
    return ok;
}

static bool model_lost(void *arg, const char *why)
{
    model *m = arg;
    assert_non_null(why);
    m_step(m);
    int written = m->n; /* what comes while it is told isn't covered */
    m_pass(m, (int64_t)m_random(m, 30));
    if (m_odd(m) && m_chance(m, 2))
        return false;
    for (int i = 0; i < written; i++)
        m->r[i].covered = true;
    m->lost++;
    return true;
}

static void model_found(void *arg, const char *arn, const char *view)
{
    (void)arg;
    assert_true(!*arn == !*view);
}

static void model_watermark(void *arg, int64_t ms)
{
    model *m = arg;
    m->watermark = ms;
    if (ms > model_wall(m) + 1000)
        m_wrong(m, "the watermark is in the future");
    if (m->ahead > 0)
        return; /* by its own clock */
    while (m->low < m->n && m_done(m, m->low))
        m->low++;
    for (int i = m->low; i < m->n && m->r[i].at < ms; i++) {
        if (!m_done(m, i))
            m_wrong(m, "the watermark passes record %d of shard %d by %d ms", i, m->r[i].shard,
                    (int)(ms - m->r[i].at));
    }
    if (m->quiet && ++m->rounds > 3000)
        m_wrong(m, "the watermark stays %d s behind the last write", (int)((m->until - ms) / 1000));
    if (m->until && (ms >= m->until || m->why[0]))
        ra_stream_walk_stop(m->walk);
}

/* ---- the keeper, and another process ---- */

/* All up to `number` must have been handled; in a finished shard all. */
static void m_judge_note(model *m, int shard, const char *handled, bool finished)
{
    const m_shard *s = &m->s[shard];
    for (int i = 0; i < s->n; i++) {
        int record = s->records[i];
        if ((finished || (handled[0] && record <= m_number(handled))) && !m_done(m, record))
            m_wrong(m, "the note of shard %d skips record %d", shard, record);
    }
}

/* The other one reads the shard for a while, as it should. */
static void m_other_reads(model *m, int shard)
{
    m_shard *s = &m->s[shard];
    const m_shard *parent = s->parent >= 0 ? &m->s[s->parent] : NULL;
    if (!s->noted || s->finished || (parent && !parent->finished))
        return;
    for (int i = 0; i < s->n; i++) {
        int record = s->records[i];
        if (record <= m_number(s->handled) && s->handled[0])
            continue;
        if (m_trimmed(m, record) && !m->r[record].covered)
            return; /* the walk is to find out */
        if (m_chance(m, 10))
            return;
        m_handle(m, record);
        snprintf(s->handled, sizeof s->handled, "%021d", record);
    }
    s->finished = s->closed;
    if (!s->closed)
        s->drained = m->now;
}

static void m_tell(const m_shard *s, ra_shard *shard)
{
    if (!s->noted)
        return;
    memcpy(shard->handled, s->handled, sizeof shard->handled);
    shard->finished = s->finished;
    shard->drained_ms = s->drained;
}

static enum ra_keeper_step model_hold(void *arg, const char *stream, ra_shard *shard)
{
    model *m = arg;
    int i = m_shard_named(m, shard->id);
    assert_true(i >= 0 && m_number(stream + 11) == m->s[i].stream);
    m_step(m);
    m_pass(m, (int64_t)m_random(m, 3));
    m_shard *s = &m->s[i];
    if (m->deaf || (m_odd(m) && m_chance(m, 2)) || (m->away && ++m->asked % m->away == 0))
        return RA_KEEPER_UNKNOWN;
    if (s->held_by >= 2 && m->now >= s->held_until)
        s->held_by = 0;
    if (m->others && s->held_by == 0 && m_odd(m)) {
        s->held_by = 2;
        s->held_until = m->now + m->lease;
    }
    if (s->held_by == 1 && m->now >= s->held_until && m->others && m_chance(m, 3)) {
        s->held_by = 2; /* it ran out, and somebody else was quicker */
        s->held_until = m->now + m->lease;
    }
    if (s->held_by == 2)
        m_other_reads(m, i);
    m_tell(s, shard);
    if (s->held_by >= 2)
        return RA_KEEPER_OTHERS;
    s->held_by = 1;
    s->held_until = m->now + m->lease;
    return RA_KEEPER_HELD;
}

static bool model_note(void *arg, const char *stream, const ra_shard *shard)
{
    model *m = arg;
    int i = m_shard_named(m, shard->id);
    m_shard *s = &m->s[i];
    (void)stream;
    m_step(m);
    m_pass(m, (int64_t)m_random(m, 3));
    if (m->deaf || s->held_by != 1 || (m_odd(m) && m_chance(m, 2)))
        return false;
    if (m->now >= s->held_until && m->others && m_chance(m, 2)) {
        s->held_by = 2;
        s->held_until = m->now + m->lease;
        m_other_reads(m, i);
        return false;
    }
    m_judge_note(m, i, shard->handled, shard->finished);
    s->noted = true;
    memcpy(s->handled, shard->handled, sizeof s->handled);
    s->finished = shard->finished;
    s->drained = shard->drained_ms;
    return true;
}

static void model_release(void *arg, const char *stream, const ra_shard *shard)
{
    model *m = arg;
    m_shard *s = &m->s[m_shard_named(m, shard->id)];
    (void)stream;
    if (!m->deaf && s->held_by == 1)
        s->held_by = 0;
}

/* ---- making, running and ending one ---- */

static model *model_new(uint64_t seed)
{
    model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (int i = 0; i < 10; i++)
        m_random(m, 2);
    m->now = INT64_C(1700000000000);
    m->lease = 3000;
    m->steps_left = -1;
    m->grain = 1000;
    m->r[m->n++] = (m_record){.shard = -1, .covered = true}; /* no record has the number 0 */
    m_switch(m, true);
    return m;
}

static void model_free(model *m)
{
    for (int i = 0; i < m->nshards; i++)
        free(m->s[i].records);
    free(m);
}

static void model_stop(void *arg)
{
    (void)arg;
}

/* A process: from its start to its end, which comes after `steps` of what it asks, or with `once`. */
static bool model_run(model *m, const ra_stream_options *o, int steps, bool once)
{
    ra_stream_api api = {.call = model_call,
                         .wait = model_wait,
                         .stop = model_stop,
                         .monotonic = model_now,
                         .wall = model_wall,
                         .arg = m};
    ra_stream_keeper keeper = {.hold = model_hold, .note = model_note, .release = model_release, .arg = m};
    ra_stream_handler handler = {.batch = model_batch,
                                 .lost = model_lost,
                                 .found = model_found,
                                 .watermark = model_watermark,
                                 .arg = m};
    const char *why;
    m->watermark = 0;
    m->steps_left = steps;
    for (int i = 0; i < m->nshards; i++)
        m->s[i].refused = 0;
    m->walk = ra_stream_walk_new(o, &api, &keeper, &handler);
    assert_non_null(m->walk);
    bool ok = ra_stream_walk_run(m->walk, once, &why);
    assert_true(ok == !why);
    snprintf(m->said, sizeof m->said, "%s", why ? why : "");
    ra_stream_walk_free(m->walk);
    m->walk = NULL;
    m->now += 250; /* no process is as quick as that to come after another */
    if (m->deaf) { /* its leases run out by themselves */
        m->deaf = false;
        for (int i = 0; i < m->nshards; i++) {
            if (m->s[i].held_by == 1)
                m->s[i].held_by = 3;
        }
    }
    return ok;
}

#endif
