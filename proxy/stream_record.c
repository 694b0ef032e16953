/* What isn't a list of records is refused whole, for another reply may be one; a record that isn't understood
 * is given as that, for it would be the same in every reply, and block its shard. Numbers never go through a
 * double. */
#include "proxy/stream_record.h"

enum { SECONDS_DIGITS_MOST = 15 };

/* ---- reading ---- */

/* A member's value; RA_JSON_NONE where it is absent or null. */
static uint32_t member(const ra_json *j, uint32_t object, const char *name)
{
    uint32_t token = ra_json_member(j, object, name);
    return token != RA_JSON_NONE && ra_json_is(j, token, RA_JSON_NULL) ? RA_JSON_NONE : token;
}

/* A number of seconds since 1970, of which the whole ones count. false: it isn't one. */
static bool read_seconds(const ra_json *j, uint32_t token, int64_t *out)
{
    char canonical[RA_NUMBER_TEXT_MAX], plain[RA_NUMBER_PLAIN_MAX];
    size_t n;
    *out = 0;
    if (token == RA_JSON_NONE)
        return true;
    if (!ra_json_is(j, token, RA_JSON_NUMBER) || !ra_number_canonical(ra_json_raw(j, token), canonical, &n))
        return false;
    n = ra_number_plain((ra_bytes){canonical, n}, plain);
    int64_t seconds = 0;
    for (size_t i = 0; i < n && plain[i] != '.'; i++) {
        if (i == SECONDS_DIGITS_MOST || plain[i] < '0' || plain[i] > '9')
            return false; /* before 1970, or absurdly late */
        seconds = seconds * 10 + (plain[i] - '0');
    }
    *out = seconds;
    return true;
}

/* It goes into requests and into notes as it is. "": it isn't one. false: no memory. */
static bool read_sequence(const ra_json *j, uint32_t token, ra_arena *a, char out[RA_SEQUENCE_MAX + 1])
{
    ra_bytes text;
    if (token == RA_JSON_NONE || !ra_json_is(j, token, RA_JSON_STRING))
        return true;
    if (!ra_json_string(j, token, a, &text))
        return false;
    if (text.n > RA_SEQUENCE_MAX)
        return true;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return true;
    }
    memcpy(out, text.p, text.n);
    out[text.n] = '\0';
    return true;
}

static bool read_event(const ra_json *j, uint32_t token, enum ra_stream_event *out)
{
    static const char *const names[] = {
        [RA_STREAM_INSERT] = "INSERT", [RA_STREAM_MODIFY] = "MODIFY", [RA_STREAM_REMOVE] = "REMOVE"};
    for (size_t i = 0; token != RA_JSON_NONE && i < sizeof names / sizeof *names; i++) {
        if (ra_json_string_is(j, token, names[i])) {
            *out = (enum ra_stream_event)i;
            return true;
        }
    }
    return false;
}

/* An attribute map, or none. false: something else. */
static bool read_map(const ra_json *j, uint32_t object, const char *name, uint32_t *out)
{
    *out = member(j, object, name);
    return *out == RA_JSON_NONE || ra_json_is(j, *out, RA_JSON_OBJECT);
}

/* All but the sequence number. false: it isn't a record. */
static bool read_rest(const ra_json *j, uint32_t token, uint32_t data, ra_stream_record *r)
{
    r->identity = member(j, token, "userIdentity");
    return r->sequence[0] && read_event(j, member(j, token, "eventName"), &r->event) &&
           read_seconds(j, member(j, data, "ApproximateCreationDateTime"), &r->created_s) &&
           read_map(j, data, "Keys", &r->keys) && read_map(j, data, "OldImage", &r->before) &&
           read_map(j, data, "NewImage", &r->after) && r->keys != RA_JSON_NONE;
}

/* false: no memory. */
static bool read_record(const ra_json *j, uint32_t token, ra_arena *a, ra_stream_record *out)
{
    uint32_t data = member(j, token, "dynamodb");
    *out = (ra_stream_record){.token = token};
    if (data == RA_JSON_NONE)
        return true;
    if (!read_sequence(j, member(j, data, "SequenceNumber"), a, out->sequence))
        return false;
    ra_stream_record r = *out;
    r.understood = read_rest(j, token, data, &r);
    if (r.understood)
        *out = r;
    return true;
}

static bool read_records(ra_arena *a, ra_stream_records *out)
{
    const ra_json *j = &out->json;
    uint32_t list = member(j, 0, "Records"), next = member(j, 0, "NextShardIterator");
    if (next != RA_JSON_NONE && !ra_json_string(j, next, a, &out->next))
        return false;
    if (list == RA_JSON_NONE || !ra_json_is(j, list, RA_JSON_ARRAY))
        return false;
    out->v = ra_arena_array(a, (size_t)ra_json_count(j, list) + 1, sizeof *out->v);
    if (!out->v)
        return false;
    for (uint32_t i = list + 1; i < j->t[list].next; i = j->t[i].next) {
        if (!read_record(j, i, a, &out->v[out->n++]))
            return false;
    }
    return true;
}

bool ra_stream_records_read(ra_bytes body, ra_arena *a, ra_stream_records *out)
{
    *out = (ra_stream_records){0};
    if (!ra_op_reply_parse(body, 0, &out->json))
        return false;
    if (read_records(a, out))
        return true;
    ra_stream_records_free(out);
    return false;
}

void ra_stream_records_free(ra_stream_records *r)
{
    ra_json_free(&r->json);
    *r = (ra_stream_records){0};
}

/* ---- marks ---- */

/* A record under examination. */
typedef struct seen {
    const ra_stream_record *r;
    const ra_json *j;
    const ra_op_table *t;
    ra_arena *arena;
    ra_marks *m;
    bool whole; /* an image that there was isn't in the stream's view */
} seen;

/* What an image says of an index's partition: an item without its key isn't in it. false: nothing certain. */
static bool mark_image(const seen *s, const ra_table_index *i, uint32_t image)
{
    ra_scalar value;
    if (image == RA_JSON_NONE)
        return true;
    switch (ra_op_image(s->j, image, i->partition_key, s->arena, &value)) {
    case RA_ATTRIBUTE_SCALAR:
        ra_marks_index_partition(s->m, s->t, i, &value);
        return true;
    case RA_ATTRIBUTE_ABSENT:
        return true;
    case RA_ATTRIBUTE_UNCERTAIN:
        break;
    }
    return false;
}

static void mark_index(const seen *s, const ra_table_index *i, const ra_scalar *pk, const ra_scalar *sk)
{
    const ra_scalar *key = i->understood ? ra_marks_key_attribute(s->t->table, i, pk, sk) : NULL;
    if (key) /* the same in every image */
        ra_marks_index_partition(s->m, s->t, i, key);
    else if (!i->understood || s->whole || !mark_image(s, i, s->r->before) || !mark_image(s, i, s->r->after))
        ra_marks_index(s->m, s->t, i);
}

void ra_stream_record_marks(const ra_stream_record *r, const ra_json *j, const ra_op_table *t, ra_arena *a,
                            ra_marks *m)
{
    ra_scalar pk, sk;
    seen s = {.r = r, .j = j, .t = t, .arena = a, .m = m};
    if (!r->understood || !ra_op_key(j, r->keys, t->table, true, a, &pk, &sk)) {
        ra_marks_table(m, t);
        return;
    }
    if (!ra_marks_item(m, t, &pk, &sk))
        return;
    s.whole = (r->event != RA_STREAM_INSERT && r->before == RA_JSON_NONE) ||
              (r->event != RA_STREAM_REMOVE && r->after == RA_JSON_NONE);
    for (size_t i = 0; i < t->table->nindexes; i++) {
        if (t->table->indexes[i].global)
            mark_index(&s, &t->table->indexes[i], &pk, &sk);
    }
}
