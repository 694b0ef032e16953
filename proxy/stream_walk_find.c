/* The table's stream, its shards, and what is known of them when a stream is begun. */
#include "proxy/ddb_call.h"
#include "proxy/stream_text.h"
#include "proxy/stream_walk_parts.h"

#include <stdio.h>

enum {
    NO_STREAM_AGAIN = 5000,
    PAGE = 100,
    PAGES_MAX = RA_SHARDS_MAX,
    PAGE_TRIES = 6, /* DynamoDB answers ten DescribeStream a second, whoever asks */
    PAGE_FIRST_PAUSE = 100,
    PAGE_LONGEST_PAUSE = 1000
};

static const char NEVER_READ[] =
    "nobody has read this stream before: what has been written until now isn't known";
static const char BROKEN[] = "shards are gone that hadn't been read to their end";
static const char GONE[] = "the stream is gone before it has been read to its end";
static const char SWITCHED[] = "a stream was switched on: what was written before that isn't known";

/* ---- the stream ---- */

static void leave_stream(ra_stream_walk *w)
{
    for (size_t i = 0; i < ra_shards_count(w->shards); i++)
        ra_walk_release(w, ra_shards_at(w->shards, i));
    ra_shards_free(w->shards);
    w->shards = NULL;
    w->arn[0] = w->view[0] = '\0';
    w->listed = w->opened = w->ending = false;
    w->first = false;
    w->next_look = ra_walk_now(w);
}

static void no_stream(ra_stream_walk *w, const char *why)
{
    ra_walk_unable(w, why, true);
    w->first = false;
    w->next_look = ra_walk_now(w) + NO_STREAM_AGAIN;
    if (!w->none_told)
        w->handler->found(w->handler->arg, "", "");
    w->none_told = true;
}

enum found { FOUND, FOUND_NONE, FOUND_NONSENSE };

/* What a DescribeTable reply says. */
static enum found read_table(ra_bytes body, char arn[RA_STREAM_ARN_MAX + 1])
{
    ra_json j;
    size_t at;
    if (ra_json_parse(&j, body, NULL, &at) != RA_JSON_OK)
        return FOUND_NONSENSE;
    uint32_t table = ra_json_member(&j, 0, "Table");
    uint32_t spec = table ? ra_json_member(&j, table, "StreamSpecification") : RA_JSON_NONE;
    uint32_t on = spec ? ra_json_member(&j, spec, "StreamEnabled") : RA_JSON_NONE;
    enum found found = table ? FOUND_NONE : FOUND_NONSENSE;
    if (on && ra_json_is(&j, on, RA_JSON_TRUE))
        found = ra_stream_text(&j, ra_json_member(&j, table, "LatestStreamArn"), arn, RA_STREAM_ARN_MAX + 1)
                    ? FOUND
                    : FOUND_NONSENSE;
    ra_json_free(&j);
    return found;
}

static ra_http_reply *describe_table(ra_stream_walk *w)
{
    ra_buf body;
    ra_buf_init(&body, RA_WALK_BODY_MAX);
    ra_buf_add_z(&body, "{\"TableName\":");
    ra_buf_add_json_string(&body, ra_bytes_z(w->o.table));
    ra_buf_add_z(&body, "}");
    ra_http_reply *reply = ra_walk_call(w, "DescribeTable", &body);
    ra_buf_free(&body);
    return reply;
}

static void try_again(ra_stream_walk *w)
{
    w->next_look = ra_walk_now(w) + ra_ddb_backoff(&w->pause, RA_WALK_FIRST_PAUSE, RA_WALK_LONGEST_PAUSE);
}

static void find(ra_stream_walk *w)
{
    ra_http_reply *reply = describe_table(w);
    enum found found = FOUND_NONSENSE;
    if (ra_ddb_succeeded(reply))
        found = read_table((ra_bytes){reply->body, reply->len}, w->arn);
    if (found == FOUND && !(w->shards = ra_shards_new(ra_walk_forget_reader)))
        found = FOUND_NONSENSE;
    if (found == FOUND_NONSENSE)
        w->arn[0] = '\0';
    if (ra_ddb_is_error(reply, "ResourceNotFoundException"))
        no_stream(w, "there is no such table");
    else if (found == FOUND_NONSENSE) {
        ra_walk_failed(w, &w->failing, "DescribeTable", reply);
        try_again(w);
    } else {
        w->pause = 0;
        ra_walk_well(w, &w->failing);
        if (found == FOUND_NONE)
            no_stream(w, "the table has no stream");
    }
    ra_http_reply_unref(reply);
}

/* ---- its shards ---- */

static ra_http_reply *describe_stream(ra_stream_walk *w, const char *last)
{
    ra_buf body;
    ra_buf_init(&body, RA_WALK_BODY_MAX);
    ra_buf_add_z(&body, "{\"StreamArn\":");
    ra_buf_add_json_string(&body, ra_bytes_z(w->arn));
    ra_buf_addf(&body, ",\"Limit\":%d", PAGE);
    if (last[0]) {
        ra_buf_add_z(&body, ",\"ExclusiveStartShardId\":");
        ra_buf_add_json_string(&body, ra_bytes_z(last));
    }
    ra_buf_add_z(&body, "}");
    ra_http_reply *reply = ra_walk_call(w, "DescribeStream", &body);
    ra_buf_free(&body);
    return reply;
}

/* The last page's status is the newest. false: the listing is to be given up. */
static bool list_page(ra_stream_walk *w, const ra_http_reply *reply, char last[RA_SHARD_ID_MAX + 1],
                      char status[16])
{
    ra_bytes body = {reply->body, reply->len};
    char before[RA_SHARD_ID_MAX + 1];
    memcpy(before, last, sizeof before);
    return ra_stream_described(body, status, w->view) && ra_shards_list_page(w->shards, body, last) &&
           (!last[0] || strcmp(last, before) != 0);
}

/* After the first page what may pass is waited out: a long listing is throttled in its middle, and would be
 * each time, were it begun anew. */
static ra_http_reply *get_page(ra_stream_walk *w, const char *last)
{
    int64_t pause = 0;
    ra_http_reply *reply = describe_stream(w, last);
    for (int tries = 1; last[0] && tries < PAGE_TRIES && ra_ddb_may_pass(reply) && !ra_walk_stopped(w);
         tries++) {
        ra_http_reply_unref(reply);
        w->api->wait(w->api->arg, ra_ddb_backoff(&pause, PAGE_FIRST_PAUSE, PAGE_LONGEST_PAUSE));
        reply = describe_stream(w, last);
    }
    return reply;
}

enum listed { LISTED, LISTED_NOT, LISTED_GONE };

/* Of a page in the middle ResourceNotFoundException says that the shard before it is gone meanwhile. */
static enum listed list_pages(ra_stream_walk *w, char status[16])
{
    char last[RA_SHARD_ID_MAX + 1] = "";
    enum listed listed = LISTED;
    ra_shards_list_begin(w->shards, w->first && w->o.from_now);
    for (int pages = 0; listed == LISTED && (pages == 0 || last[0]); pages++) {
        ra_http_reply *reply = get_page(w, last);
        if (pages == 0 && ra_ddb_is_error(reply, "ResourceNotFoundException"))
            listed = LISTED_GONE;
        else if (pages == PAGES_MAX || !ra_ddb_succeeded(reply) || !list_page(w, reply, last, status)) {
            ra_walk_failed(w, &w->failing, "DescribeStream", reply);
            listed = LISTED_NOT;
        }
        ra_http_reply_unref(reply);
    }
    return listed;
}

static void stream_gone(ra_stream_walk *w)
{
    ra_walk_unable(w, "the stream is gone", true);
    if (w->opened)
        ra_walk_owe(w, GONE);
    leave_stream(w);
    w->next_look = ra_walk_now(w) + RA_WALK_AGAIN;
}

static void note_listing(ra_stream_walk *w, const char *status, bool lost)
{
    if (w->opened && lost)
        ra_walk_owe(w, BROKEN);
    if (!w->listed) {
        w->none_told = false;
        w->handler->found(w->handler->arg, w->arn, w->view);
    }
    w->listed = true;
    w->ending = strcmp(status, "ENABLED") != 0;
}

static void list(ra_stream_walk *w)
{
    char status[16] = "";
    bool lost = false;
    enum listed listed = list_pages(w, status);
    w->listed_at = ra_walk_now(w);
    if (listed == LISTED_GONE) {
        stream_gone(w);
        return;
    }
    if (listed == LISTED && strcmp(status, "ENABLING") == 0 && !w->opened) {
        w->next_look = w->listed_at + RA_WALK_AGAIN; /* not all that is written now is in it */
        return;
    }
    if (listed == LISTED_NOT || !ra_shards_list_end(w->shards, &lost)) {
        try_again(w);
        return;
    }
    w->pause = 0;
    ra_walk_well(w, &w->failing);
    w->next_look = w->listed_at + w->o.rescan;
    note_listing(w, status, lost);
}

/* ---- what is known of a stream that is begun ---- */

typedef struct opening {
    bool known;  /* somebody has noted something of it */
    bool failed; /* the keeper can't tell now */
} opening;

/* Asks for what is noted of a shard; it is taken only to be told. */
static void ask(ra_stream_walk *w, opening *o, ra_shard *s)
{
    enum ra_keeper_step step = w->keeper->hold(w->keeper->arg, w->arn, s);
    if (step == RA_KEEPER_HELD)
        w->keeper->release(w->keeper->arg, w->arn, s);
    o->failed |= step == RA_KEEPER_UNKNOWN;
    o->known |= ra_walk_noted(s);
}

/* All that is listed may have come after what was noted: then it is one's parent that tells that the stream
 * is known. (What was trimmed in between is found when such a shard is begun.) */
static void ask_of_parent(ra_stream_walk *w, opening *o, const ra_shard *s)
{
    ra_shard parent = {0};
    if (o->known || !s->parent[0] || ra_shards_find(w->shards, s->parent))
        return;
    memcpy(parent.id, s->parent, sizeof parent.id);
    ask(w, o, &parent);
}

/* From where a shard is read that was listed when the stream was begun. false: no memory. */
static bool start_shard(ra_stream_walk *w, const opening *o, ra_shard *s, int64_t wall)
{
    bool from_now = w->o.from_now && w->first;
    ra_stream_reader *r = ra_walk_reader(s);
    if (!r)
        return false;
    r->wanted = w->once;
    r->next_hold = 0;
    if (s->handled[0])
        s->start = RA_SHARD_AFTER;
    else if (o->known)
        s->start =
            ra_walk_noted(s) && w->o.from_now && !w->o.replay ? RA_SHARD_FROM_NOW : RA_SHARD_FROM_OLDEST;
    else if (!from_now)
        s->start = RA_SHARD_FROM_OLDEST;
    else if (s->closed) { /* all that is in it was written before `lost` is told */
        s->finished = r->unnoted = true;
        s->drained_ms = wall;
    }
    return true;
}

static void open_stream(ra_stream_walk *w)
{
    opening o = {0};
    int64_t wall = ra_walk_wall(w);
    size_t n = ra_shards_count(w->shards);
    for (size_t i = 0; i < n && !o.failed && !ra_walk_stopped(w); i++)
        ask(w, &o, ra_shards_at(w->shards, i));
    for (size_t i = 0; i < n && !o.failed && !ra_walk_stopped(w); i++)
        ask_of_parent(w, &o, ra_shards_at(w->shards, i));
    if (o.failed)
        ra_walk_unable(w, "whose the shards are can't be told", false);
    for (size_t i = 0; i < n && !o.failed; i++)
        o.failed = !start_shard(w, &o, ra_shards_at(w->shards, i), wall);
    if (o.failed) {
        w->next_look = ra_walk_now(w) + RA_WALK_AGAIN;
        return;
    }
    if (!w->first)
        ra_walk_owe(w, SWITCHED);
    else if (!o.known)
        ra_walk_owe(w, NEVER_READ);
    w->opened = true;
}

/* ---- what is due ---- */

/* Switched off, and read to its end? */
static bool is_over(const ra_stream_walk *w)
{
    if (!w->opened || !w->ending || w->owed || ra_shards_stale(w->shards))
        return false;
    for (size_t i = 0; i < ra_shards_count(w->shards); i++) {
        const ra_stream_reader *r = ra_shards_at(w->shards, i)->arg;
        if (!ra_shards_at(w->shards, i)->finished || (r && r->unnoted))
            return false;
    }
    return true;
}

int64_t ra_walk_look_due(const ra_stream_walk *w)
{
    int64_t again = w->listed_at + RA_WALK_AGAIN;
    bool stale = w->opened && (ra_shards_stale(w->shards) || is_over(w));
    return stale && again < w->next_look ? again : w->next_look;
}

void ra_walk_look(ra_stream_walk *w)
{
    if (ra_walk_now(w) < ra_walk_look_due(w))
        return;
    if (is_over(w))
        leave_stream(w);
    if (!w->arn[0])
        find(w);
    if (!w->arn[0] || ra_walk_stopped(w))
        return;
    if (!w->listed || w->opened)
        list(w);
    if (w->listed && !w->opened && !ra_walk_stopped(w))
        open_stream(w);
}
