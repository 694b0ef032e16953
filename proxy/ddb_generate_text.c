#include "proxy/ddb_generate_text.h"

#include "proxy/ddb_generate_phrases.h"

enum { NUMBER_MIN = 2, NUMBERS = 58, EMOJI_MOST = 3, ROLLS = 200 };

typedef struct writing {
    ra_stream *s;
    ra_bytes to;
    ra_buf *out;
    size_t chars; /* so far */
    bool full;
    bool asks;
} writing;

static const char *pick(ra_stream *s, const ra_phrases *list)
{
    return list->v[ra_stream_below(s, list->n)];
}

static void fill_slot(writing *w, char slot)
{
    if (slot == 'n') {
        ra_buf_add_bytes(w->out, w->to);
    } else if (slot == '#') {
        ra_buf_addf(w->out, "%u", (unsigned)(NUMBER_MIN + ra_stream_below(w->s, NUMBERS)));
    } else {
        const ra_phrases *list = ra_slot_fillers;
        while (list->slot != slot)
            list++;
        ra_buf_add_z(w->out, pick(w->s, list));
    }
}

static size_t characters(const char *p, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)p[i] & 0xc0) != 0x80;
    return count;
}

/* One phrase more, or, if it doesn't fit any more, none and the end. */
static void say(writing *w, const ra_phrases *list)
{
    size_t before = w->out->n;
    if (w->full)
        return;
    if (w->chars > 0)
        ra_buf_add_char(w->out, ' ');
    for (const char *p = pick(w->s, list); *p; p++) {
        if (*p == '%')
            fill_slot(w, *++p);
        else
            ra_buf_add_char(w->out, *p);
    }
    if (!ra_buf_ok(w->out))
        return;
    size_t more = characters(w->out->p + before, w->out->n - before);
    w->full = w->chars + more > RA_GENERATE_TEXT_CHARS;
    if (w->full) {
        w->out->n = before;
        return;
    }
    w->chars += more;
    w->asks = list == &ra_questions;
}

static void say_several(writing *w, uint64_t n, const ra_phrases *list)
{
    for (uint64_t i = 0; i < n; i++)
        say(w, list);
}

static void say_anything(writing *w)
{
    uint64_t roll = ra_stream_below(w->s, ROLLS);
    if (roll < 26) {
        say(w, &ra_reactions);
    } else if (roll < 34) {
        say_several(w, 1 + ra_stream_below(w->s, EMOJI_MOST), &ra_emoji);
    } else if (roll < 84) {
        say(w, &ra_statements);
    } else if (roll < 134) {
        say_several(w, ra_stream_below(w->s, 2), &ra_statements);
        say(w, &ra_questions);
    } else if (roll < 180) {
        say_several(w, 2 + ra_stream_below(w->s, 2), &ra_statements);
    } else if (roll < 198) {
        say_several(w, 4 + ra_stream_below(w->s, 6), &ra_statements);
    } else { /* some fill all the room that there is */
        say_several(w, 12 + ra_stream_below(w->s, 40), &ra_statements);
    }
}

bool ra_generate_text(ra_stream *s, enum ra_generate_mood mood, ra_bytes to, ra_buf *out, bool *asks)
{
    writing w = {.s = s, .to = to, .out = out};
    if (mood == RA_MOOD_OPENING) {
        say(&w, &ra_greetings);
        say(&w, ra_stream_below(s, 3) > 0 ? &ra_questions : &ra_statements);
    } else if (mood == RA_MOOD_ANSWER) {
        say(&w, &ra_answers);
        say_several(&w, ra_stream_below(s, 2), &ra_statements);
        if (ra_stream_below(s, 4) == 0)
            say(&w, &ra_questions);
    } else {
        say_anything(&w);
    }
    *asks = w.asks;
    if (ra_stream_below(s, 6) == 0)
        say(&w, &ra_emoji);
    return ra_buf_ok(out);
}
