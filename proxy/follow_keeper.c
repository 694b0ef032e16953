/*
 * Whose shard it is: a post of the store for each (cache/store.h). Where the store can't arbitrate every
 * process reads all shards for itself, and how far it has come ends with it.
 */
#include "proxy/clock.h"
#include "proxy/follow_note.h"
#include "proxy/follow_parts.h"
#include "proxy/journal.h"
#include "proxy/log.h"

/* Records live for a day: what a note says is of no use to anybody later. */
enum { NOTE_LIFE_MS = 25 * 60 * 60 * 1000 };

static bool is_shared(const ra_follow *f)
{
    return ra_store_arbitrates(f->loop->store);
}

static void hear(ra_follow *f, const ra_key *post, enum ra_reader reader, bool news)
{
    ra_known_shards_hear(&f->shards, post, reader, news, ra_clock_monotonic());
    atomic_store(&f->shards_held, f->shards.ours);
    atomic_store(&f->shards_of_others, f->shards.others);
}

/* Once when it begins, once when it is over. */
static void say_keeper(ra_follow *f, bool down)
{
    if (down != f->keeper_down && !atomic_load(&f->stopping))
        ra_log(down ? RA_LOG_WARNING : RA_LOG_INFO,
               down ? "table %s: its stream isn't read while the store can't say who reads it"
                    : "table %s: the store says again who reads its stream",
               f->name);
    f->keeper_down = down;
}

static bool post_of(const ra_follow *f, const char *stream, const ra_shard *shard, ra_post *p)
{
    const ra_config *c = f->loop->server->config;
    *p = (ra_post){
        .holder = f->holder, .lease = c->streams.lease, .note_life = NOTE_LIFE_MS, .since = f->since_here};
    return ra_follow_post_name(c->upstream.endpoint, c->cache.key_prefix, stream, shard->id, &p->name);
}

static bool ask(ra_follow *f, ra_post *p)
{
    bool told = ra_follow_post(f, p);
    say_keeper(f, !told);
    if (told && p->found_since > f->since)
        f->since = p->found_since;
    return told;
}

/* What isn't known here somebody else has read: also where the shard is finished by now, or is ours again
 * after its lease had run out. */
static bool is_news(const ra_shard *noted, const ra_shard *before)
{
    return ra_sequence_compare(noted->handled, before->handled) > 0 ||
           noted->drained_ms > before->drained_ms || noted->finished > before->finished;
}

static enum ra_keeper_step hold(void *arg, const char *stream, ra_shard *shard)
{
    ra_follow *f = ra_follow_of(arg);
    ra_post p;
    if (!post_of(f, stream, shard, &p))
        return RA_KEEPER_UNKNOWN;
    if (!is_shared(f)) {
        hear(f, &p.name, shard->finished ? RA_READER_NONE : RA_READER_US, false);
        return RA_KEEPER_HELD;
    }
    if (atomic_load(&f->stopping) || !ask(f, &p))
        return RA_KEEPER_UNKNOWN;
    const ra_shard before = *shard;
    bool noted = p.found_n && ra_follow_note_read((ra_bytes){p.found, p.found_n}, shard);
    if (p.held && p.taken_over) {
        atomic_fetch_add(&f->takeovers, 1);
        ra_log(RA_LOG_INFO, "table %s: shard %s of its stream is read here now; who read it is gone", f->name,
               shard->id);
        ra_journal_note(f->loop->server->journal, RA_JOURNAL_TAKEOVER,
                        "table %s: shard %s of its stream is read here now", f->name, shard->id);
    }
    hear(f, &p.name,
         shard->finished ? RA_READER_NONE
         : p.held        ? RA_READER_US
                         : RA_READER_OTHERS,
         noted && is_news(shard, &before));
    return p.held ? RA_KEEPER_HELD : RA_KEEPER_OTHERS;
}

static bool note(void *arg, const char *stream, const ra_shard *shard)
{
    ra_follow *f = ra_follow_of(arg);
    char text[RA_POST_NOTE_MAX];
    ra_post p;
    if (!post_of(f, stream, shard, &p))
        return false;
    if (!is_shared(f)) {
        hear(f, &p.name, shard->finished ? RA_READER_NONE : RA_READER_US, false);
        return true;
    }
    p.renew = true;
    p.note = text;
    p.note_n = ra_follow_note_write(shard, text);
    bool told = ask(f, &p);
    if (told)
        hear(f, &p.name, shard->finished ? RA_READER_NONE : p.held ? RA_READER_US : RA_READER_OTHERS, false);
    return told && p.held;
}

/* When the process ends the first one that can't be given up is the last one that is tried. */
static void release(void *arg, const char *stream, const ra_shard *shard)
{
    ra_follow *f = ra_follow_of(arg);
    ra_post p;
    if (!post_of(f, stream, shard, &p))
        return;
    hear(f, &p.name, RA_READER_NONE, false);
    if (!is_shared(f) || (atomic_load(&f->stopping) && f->keeper_down))
        return;
    p.leave = true;
    ask(f, &p);
}

ra_stream_keeper ra_follow_keeper(ra_follow *f)
{
    return (ra_stream_keeper){.hold = hold, .note = note, .release = release, .arg = f};
}
