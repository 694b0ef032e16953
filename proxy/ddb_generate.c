#include "proxy/ddb_generate.h"

#include "proxy/ddb_generate_pairs.h"
#include "proxy/ddb_generate_people.h"
#include "proxy/ddb_generate_phrases.h"
#include "proxy/ddb_generate_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SECOND INT64_C(1000000) /* times are in µs since 1970 */
#define HOUR   (3600 * SECOND)
#define BEGIN  (INT64_C(1704103200) * SECOND) /* 2024-01-01T10:00:00Z */
#define SPAN   (INT64_C(180) * 24 * HOUR)     /* how long the whole takes, more or less */

enum { LONGEST_MEAN_HOURS = 2, HALF = 128, UNEVEN = 64 };

/* What is kept of a group: who is in it, and how its newest message can be made again. */
typedef struct group {
    ra_pair pair;
    uint64_t messages;
    uint64_t newest; /* number of the newest message */
    int64_t newest_at;
    uint8_t sender; /* of the newest: 0 or 1 */
    uint8_t mood;
    bool asked; /* the newest ends with a question */
} group;

struct ra_generate {
    ra_generate_spec spec;
    uint64_t key; /* everything follows from it */
    ra_people people;
    group *groups;
    uint64_t opened; /* groups that have a message: the first ones */
    uint64_t at;     /* number of the next item */
    int64_t now;
    ra_stream order;
    ra_generated item;
    ra_buf text;
    ra_person user, other;
    char group_uuid[RA_UUID_TEXT], message_uuid[RA_UUID_TEXT], created_at[RA_GENERATED_TIME];
};

static uint64_t key_of(const ra_generate_spec *spec)
{
    uint64_t parts[] = {spec->seed, spec->users, spec->groups, spec->messages}, key = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        ra_stream s = ra_stream_at(key, RA_STREAM_KEY, parts[i]);
        key = ra_stream_next(&s);
    }
    return key;
}

static bool make_groups(ra_generate *g)
{
    size_t n = (size_t)g->spec.groups;
    ra_pair *pairs = calloc(n, sizeof *pairs);
    g->groups = calloc(n, sizeof *g->groups);
    bool ok = pairs && g->groups && ra_generate_pairs(g->key, (uint32_t)g->spec.users, n, pairs);
    for (size_t i = 0; ok && i < n; i++)
        g->groups[i].pair = pairs[i];
    free(pairs);
    return ok;
}

ra_generate *ra_generate_new(const ra_generate_spec *spec)
{
    ra_generate *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->spec = *spec;
    g->key = key_of(spec);
    g->people = ra_people_of(g->key);
    g->order = ra_stream_at(g->key, RA_STREAM_ORDER, 0);
    g->now = BEGIN;
    ra_buf_init(&g->text, RA_GENERATE_TEXT_BYTES + 4 * RA_PHRASE_MAX);
    if (make_groups(g))
        return g;
    ra_generate_free(g);
    return NULL;
}

void ra_generate_free(ra_generate *g)
{
    if (!g)
        return;
    ra_buf_free(&g->text);
    free(g->groups);
    free(g);
}

uint64_t ra_generate_items(const ra_generate *g)
{
    return g->spec.messages + 2 * g->spec.groups;
}

/* Which group the message is in. New groups come evenly over the whole; every one has come when the messages
 * end, since then each message left opens one. */
static group *choose_group(ra_generate *g, uint64_t message)
{
    uint64_t to_open = g->spec.groups - g->opened, left = g->spec.messages - message;
    if (g->opened == 0 || ra_stream_below(&g->order, left) < to_open)
        return &g->groups[g->opened++];
    return &g->groups[ra_stream_zipf(&g->order, g->opened)];
}

/* Who writes: mostly the one who has been asked; else each as their manners are. */
static uint8_t choose_sender(ra_generate *g, const group *to)
{
    uint64_t roll = ra_stream_below(&g->order, 256);
    ra_stream s = ra_stream_at(g->key, RA_STREAM_MANNERS, (uint64_t)(to - g->groups));
    uint64_t first = HALF - UNEVEN + ra_stream_below(&s, 2 * UNEVEN + 1);
    if (to->messages == 0)
        return 0;
    if (to->asked && roll % 8 != 0)
        return to->sender ^ 1;
    return roll >= first;
}

static int64_t later(ra_generate *g)
{
    int64_t mean = SPAN / (int64_t)g->spec.messages;
    if (mean > LONGEST_MEAN_HOURS * HOUR)
        mean = LONGEST_MEAN_HOURS * HOUR;
    g->now += 1 + (int64_t)ra_stream_below(&g->order, 2 * (uint64_t)mean);
    return g->now;
}

static void write_time(int64_t at, char out[RA_GENERATED_TIME])
{
    time_t seconds = (time_t)(at / SECOND);
    struct tm t;
    gmtime_r(&seconds, &t);
    size_t n = strftime(out, RA_GENERATED_TIME, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(out + n, RA_GENERATED_TIME - n, ".%06" PRId64 "+00:00", at % SECOND);
}

/* Puts the group's newest message into the item, seen by the member `side`. */
static bool describe(ra_generate *g, group *of, unsigned side, bool membership)
{
    uint64_t number = (uint64_t)(of - g->groups);
    ra_person to;
    ra_person_make(&g->people, of->pair.member[side], &g->user);
    ra_person_make(&g->people, of->pair.member[1 - side], &g->other);
    ra_person_make(&g->people, of->pair.member[1 - of->sender], &to);
    ra_generate_uuid(g->key, RA_STREAM_GROUP_UUID, number, g->group_uuid);
    ra_generate_uuid(g->key, RA_STREAM_MESSAGE_UUID, of->newest, g->message_uuid);
    write_time(of->newest_at, g->created_at);
    ra_stream s = ra_stream_at(g->key, RA_STREAM_TEXT, of->newest);
    ra_buf_clear(&g->text);
    if (!ra_generate_text(&s, of->mood, to.first, &g->text, &of->asked))
        return false;
    g->item = (ra_generated){.membership = membership,
                             .values = {
                                 [RA_GENERATE_GROUP_UUID] = ra_bytes_z(g->group_uuid),
                                 [RA_GENERATE_MESSAGE_UUID] = ra_bytes_z(g->message_uuid),
                                 [RA_GENERATE_MESSAGE_TEXT] = ra_buf_bytes(&g->text),
                                 [RA_GENERATE_MESSAGE_CREATED_AT] = ra_bytes_z(g->created_at),
                                 [RA_GENERATE_USER_UUID] = ra_bytes_z(g->user.uuid),
                                 [RA_GENERATE_USER_DISPLAY_NAME] = ra_bytes_z(g->user.display_name),
                                 [RA_GENERATE_USER_HANDLE] = ra_bytes_z(g->user.handle),
                                 [RA_GENERATE_OTHER_UUID] = ra_bytes_z(g->other.uuid),
                                 [RA_GENERATE_OTHER_DISPLAY_NAME] = ra_bytes_z(g->other.display_name),
                                 [RA_GENERATE_OTHER_HANDLE] = ra_bytes_z(g->other.handle),
                             }};
    return true;
}

static bool next_message(ra_generate *g, uint64_t message)
{
    group *in = choose_group(g, message);
    uint8_t sender = choose_sender(g, in);
    bool answers = in->asked && sender != in->sender;
    in->mood = in->messages == 0 ? RA_MOOD_OPENING : answers ? RA_MOOD_ANSWER : RA_MOOD_ANY;
    in->sender = sender;
    in->newest = message;
    in->newest_at = later(g);
    in->messages++;
    return describe(g, in, sender, false);
}

const ra_generated *ra_generate_next(ra_generate *g, bool *no_memory)
{
    *no_memory = false;
    if (g->at == ra_generate_items(g))
        return NULL;
    uint64_t number = g->at++;
    if (number < g->spec.messages) {
        *no_memory = !next_message(g, number);
    } else {
        number -= g->spec.messages;
        *no_memory = !describe(g, &g->groups[number / 2], (unsigned)(number % 2), true);
    }
    return *no_memory ? NULL : &g->item;
}

void ra_generate_busiest(const ra_generate *g, ra_generate_example *out)
{
    uint64_t best = 0;
    for (uint64_t i = 1; i < g->spec.groups; i++) {
        if (g->groups[i].messages > g->groups[best].messages)
            best = i;
    }
    ra_generate_uuid(g->key, RA_STREAM_GROUP_UUID, best, out->group_uuid);
    ra_generate_uuid(g->key, RA_STREAM_USER_UUID, g->groups[best].pair.member[0], out->user_uuid);
}
