/* The parser: one pass, no recursion, a small stack of open containers. */
#include "proxy/json.h"
#include "proxy/json_names.h"

#include <stdlib.h>

enum { DEFAULT_DEPTH = 256, INLINE_FRAMES = 24, INLINE_NAMES = 48 };

#define NOT_KEPT UINT32_MAX

/* An open container. */
typedef struct frame {
    uint32_t token;      /* NOT_KEPT below token_depth */
    uint32_t first_name; /* object: where its names begin in parser.names */
    bool object;
} frame;

/*
 * Invariants: frames[0, open) are the open containers, outermost first; names[0, nnames) are the names of the
 * open objects, an inner object's after its parent's. Whether a value is kept depends on `open` alone.
 */
typedef struct parser {
    const unsigned char *text;
    uint32_t n;
    uint32_t pos;
    unsigned max_depth, token_depth;
    enum ra_json_result result;
    size_t at; /* of the offence */

    ra_json_token *tokens;
    uint32_t ntokens, tokens_cap, tokens_most;

    frame *frames;
    uint32_t open, frames_cap;
    ra_json_name *names;
    uint32_t nnames, names_cap;
    frame inline_frames[INLINE_FRAMES];
    ra_json_name inline_names[INLINE_NAMES];
} parser;

static bool fail(parser *ps, enum ra_json_result result, size_t at)
{
    ps->result = result;
    ps->at = at;
    return false;
}

/* Doubles an array that may still be the inline one. */
static bool grow(parser *ps, void **array, const void *inlined, uint32_t *cap, size_t size)
{
    size_t want = (size_t)*cap * 2;
    void *old = *array;
    void *p = want > UINT32_MAX ? NULL : realloc(old == inlined ? NULL : old, want * size);
    if (!p)
        return fail(ps, RA_JSON_NO_MEMORY, ps->pos);
    if (old == inlined)
        memcpy(p, old, *cap * size);
    *array = p;
    *cap = (uint32_t)want;
    return true;
}

static bool more_tokens(parser *ps)
{
    if (ps->ntokens == ps->tokens_most)
        return fail(ps, RA_JSON_TOO_MANY, ps->pos);
    uint32_t want = ps->tokens_cap < ps->tokens_most / 2 ? ps->tokens_cap * 2 : ps->tokens_most;
    ra_json_token *t = realloc(ps->tokens, (size_t)want * sizeof *t);
    if (!t)
        return fail(ps, RA_JSON_NO_MEMORY, ps->pos);
    ps->tokens = t;
    ps->tokens_cap = want;
    return true;
}

/* Keeps a token, if tokens of this depth are kept. */
static bool add_token(parser *ps, enum ra_json_type type, uint32_t start, uint32_t end, bool escaped)
{
    if (ps->token_depth && ps->open > ps->token_depth) {
        uint32_t parent = ps->frames[ps->open - 1].token;
        if (parent != NOT_KEPT)
            ps->tokens[parent].shallow = true;
        return true;
    }
    if (ps->ntokens == ps->tokens_cap && !more_tokens(ps))
        return false;
    ps->tokens[ps->ntokens] = (ra_json_token){
        .start = start, .end = end, .next = ps->ntokens + 1, .type = (uint8_t)type, .escaped = escaped};
    ps->ntokens++;
    return true;
}

static void skip_space(parser *ps)
{
    while (ps->pos < ps->n) {
        unsigned char c = ps->text[ps->pos];
        if (c > ' ' || (c != ' ' && c != '\n' && c != '\r' && c != '\t'))
            return;
        ps->pos++;
    }
}

/* ---- strings ---- */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Not 0 if one of eight bytes is a control character, a quote, a backslash or not ASCII. */
static uint64_t special(uint64_t w)
{
    uint64_t quote = w ^ EACH('"'), backslash = w ^ EACH('\\');
    return ((w - EACH(0x20)) | (quote - EACH(1)) | (backslash - EACH(1)) | w) & EACH(0x80);
}

/* To the first byte that isn't plain ASCII within a string. */
static const unsigned char *skip_plain(const unsigned char *s, const unsigned char *end)
{
    for (; end - s >= 8; s += 8) {
        uint64_t w;
        memcpy(&w, s, 8);
        if (special(w))
            break;
    }
    while (s < end && *s >= 0x20 && *s < 0x80 && *s != '"' && *s != '\\')
        s++;
    return s;
}

/* Length of the UTF-8 sequence at s, 0 if it isn't one (RFC 3629: shortest form, no surrogates, <= U+10FFFF).
 */
static unsigned utf8_length(const unsigned char *s, const unsigned char *end)
{
    unsigned char c = s[0], low = 0x80, high = 0xbf; /* bounds of the second byte */
    unsigned n = c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (n == 0 || (size_t)(end - s) < n)
        return 0;
    if (c == 0xe0)
        low = 0xa0;
    else if (c == 0xed)
        high = 0x9f;
    else if (c == 0xf0)
        low = 0x90;
    else if (c == 0xf4)
        high = 0x8f;
    if (s[1] < low || s[1] > high)
        return 0;
    for (unsigned i = 2; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

/* The four hex digits of a \u escape at s, or -1. */
static int32_t unicode_escape(const unsigned char *s, const unsigned char *end)
{
    if (end - s < 6 || s[0] != '\\' || s[1] != 'u')
        return -1;
    int32_t v = 0;
    for (int i = 2; i < 6; i++) {
        int32_t c = s[i];
        int32_t d = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

/* Length of the escape at s, 0 if it isn't one; *bad says why. A surrogate pair is one escape. */
static unsigned escape_length(const unsigned char *s, const unsigned char *end, enum ra_json_result *bad)
{
    *bad = RA_JSON_SYNTAX;
    if (end - s >= 2 && s[1] != 'u')
        return s[1] && strchr("\"\\/bfnrt", s[1]) ? 2 : 0;
    int32_t code = unicode_escape(s, end);
    if (code < 0)
        return 0;
    if (code < 0xd800 || code > 0xdfff)
        return 6;
    int32_t low = code < 0xdc00 ? unicode_escape(s + 6, end) : -1;
    if (low >= 0xdc00 && low <= 0xdfff)
        return 12;
    *bad = RA_JSON_UTF8;
    return 0;
}

/* From a quote to behind the closing one. */
static bool scan_string(parser *ps, bool *escaped)
{
    const unsigned char *s = ps->text + ps->pos + 1, *end = ps->text + ps->n;
    *escaped = false;
    for (;;) {
        s = skip_plain(s, end);
        size_t at = (size_t)(s - ps->text);
        if (s == end)
            return fail(ps, RA_JSON_SYNTAX, at);
        if (*s == '"')
            break;
        enum ra_json_result bad = RA_JSON_SYNTAX;
        unsigned step = 0;
        if (*s == '\\') {
            *escaped = true;
            step = escape_length(s, end, &bad);
        } else if (*s >= 0x80) {
            bad = RA_JSON_UTF8;
            step = utf8_length(s, end);
        }
        if (step == 0)
            return fail(ps, bad, at);
        s += step;
    }
    ps->pos = (uint32_t)(s + 1 - ps->text);
    return true;
}

/* ---- values ---- */

static bool digit_at(const parser *ps)
{
    return ps->pos < ps->n && ps->text[ps->pos] >= '0' && ps->text[ps->pos] <= '9';
}

static bool skip_digits(parser *ps)
{
    if (!digit_at(ps))
        return fail(ps, RA_JSON_SYNTAX, ps->pos);
    while (digit_at(ps))
        ps->pos++;
    return true;
}

static bool byte_at(const parser *ps, char a, char b)
{
    return ps->pos < ps->n &&
           (ps->text[ps->pos] == (unsigned char)a || ps->text[ps->pos] == (unsigned char)b);
}

/* -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)? */
static bool scan_number(parser *ps)
{
    if (byte_at(ps, '-', '-'))
        ps->pos++;
    if (byte_at(ps, '0', '0'))
        ps->pos++; /* what follows a leading 0 is looked at by the caller, who expects no digit */
    else if (!skip_digits(ps))
        return false;
    if (byte_at(ps, '.', '.')) {
        ps->pos++;
        if (!skip_digits(ps))
            return false;
    }
    if (byte_at(ps, 'e', 'E')) {
        ps->pos++;
        if (byte_at(ps, '+', '-'))
            ps->pos++;
        if (!skip_digits(ps))
            return false;
    }
    return true;
}

static bool scan_word(parser *ps, const char *word)
{
    for (const char *w = word; *w; w++, ps->pos++)
        if (ps->pos == ps->n || ps->text[ps->pos] != (unsigned char)*w)
            return fail(ps, RA_JSON_SYNTAX, ps->pos);
    return true;
}

static bool scalar(parser *ps, unsigned char c)
{
    uint32_t start = ps->pos;
    bool escaped = false;
    enum ra_json_type type;
    bool ok;
    if (c == '"') {
        type = RA_JSON_STRING;
        ok = scan_string(ps, &escaped);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        type = RA_JSON_NUMBER;
        ok = scan_number(ps);
    } else {
        type = c == 't' ? RA_JSON_TRUE : c == 'f' ? RA_JSON_FALSE : RA_JSON_NULL;
        ok = scan_word(ps, c == 't' ? "true" : c == 'f' ? "false" : "null");
    }
    return ok && add_token(ps, type, start, ps->pos, escaped);
}

static bool open_container(parser *ps, bool object)
{
    if (ps->open >= ps->max_depth)
        return fail(ps, RA_JSON_TOO_DEEP, ps->pos);
    if (ps->open == ps->frames_cap &&
        !grow(ps, (void **)&ps->frames, ps->inline_frames, &ps->frames_cap, sizeof *ps->frames))
        return false;
    uint32_t token = ps->ntokens;
    if (!add_token(ps, object ? RA_JSON_OBJECT : RA_JSON_ARRAY, ps->pos, ps->pos, false))
        return false;
    bool kept = ps->ntokens > token;
    ps->frames[ps->open++] = (frame){kept ? token : NOT_KEPT, ps->nnames, object};
    ps->pos++;
    return true;
}

static bool close_container(parser *ps)
{
    frame *f = &ps->frames[--ps->open];
    ps->pos++;
    if (f->object) {
        uint32_t at = 0;
        enum ra_json_names_result r = ra_json_names_distinct(
            (const char *)ps->text, ps->names + f->first_name, ps->nnames - f->first_name, &at);
        if (r == RA_JSON_NAMES_NO_MEMORY)
            return fail(ps, RA_JSON_NO_MEMORY, ps->pos);
        if (r == RA_JSON_NAMES_DUPLICATE)
            return fail(ps, RA_JSON_DUPLICATE, at);
        ps->nnames = f->first_name;
    }
    if (f->token != NOT_KEPT) {
        ps->tokens[f->token].end = ps->pos;
        ps->tokens[f->token].next = ps->ntokens;
    }
    return true;
}

/* A member's name and the colon behind it. */
static bool member_name(parser *ps)
{
    uint32_t start = ps->pos;
    bool escaped;
    if (!byte_at(ps, '"', '"'))
        return fail(ps, RA_JSON_SYNTAX, ps->pos);
    if (!scan_string(ps, &escaped))
        return false;
    if (ps->nnames == ps->names_cap &&
        !grow(ps, (void **)&ps->names, ps->inline_names, &ps->names_cap, sizeof *ps->names))
        return false;
    ps->names[ps->nnames++] = (ra_json_name){start + 1, ps->pos - 1, 0, escaped};
    if (!add_token(ps, RA_JSON_STRING, start, ps->pos, escaped))
        return false;
    skip_space(ps);
    if (!byte_at(ps, ':', ':'))
        return fail(ps, RA_JSON_SYNTAX, ps->pos);
    ps->pos++;
    skip_space(ps);
    return true;
}

/* One value, or the beginning of one; *begun says that a container was opened and its first value is next. */
static bool value(parser *ps, bool *begun)
{
    *begun = false;
    if (ps->pos == ps->n)
        return fail(ps, RA_JSON_SYNTAX, ps->pos);
    unsigned char c = ps->text[ps->pos];
    if (c != '{' && c != '[') {
        if (c == '"' || c == '-' || (c >= '0' && c <= '9') || c == 't' || c == 'f' || c == 'n')
            return scalar(ps, c);
        return fail(ps, RA_JSON_SYNTAX, ps->pos);
    }
    bool object = c == '{';
    if (!open_container(ps, object))
        return false;
    skip_space(ps);
    char end = object ? '}' : ']';
    if (byte_at(ps, end, end))
        return close_container(ps);
    *begun = true;
    return !object || member_name(ps);
}

/* After a value: closes what ends here; *more says that another value is next, else the text is over. */
static bool after_value(parser *ps, bool *more)
{
    *more = false;
    for (;;) {
        skip_space(ps);
        if (ps->open == 0)
            return ps->pos == ps->n || fail(ps, RA_JSON_SYNTAX, ps->pos);
        bool object = ps->frames[ps->open - 1].object;
        char end = object ? '}' : ']';
        if (byte_at(ps, end, end)) {
            if (!close_container(ps))
                return false;
            continue;
        }
        if (!byte_at(ps, ',', ','))
            return fail(ps, RA_JSON_SYNTAX, ps->pos);
        ps->pos++;
        skip_space(ps);
        *more = true;
        return !object || member_name(ps);
    }
}

static bool parse(parser *ps)
{
    bool more = true;
    skip_space(ps);
    while (more)
        if (!value(ps, &more) || (!more && !after_value(ps, &more)))
            return false;
    return true;
}

static void init(parser *ps, ra_bytes text, const ra_json_limits *limits)
{
    ps->text = (const unsigned char *)text.p;
    ps->n = (uint32_t)text.n;
    ps->pos = 0;
    ps->at = 0;
    ps->result = RA_JSON_OK;
    ps->max_depth = limits && limits->max_depth ? limits->max_depth : DEFAULT_DEPTH;
    ps->token_depth = limits ? limits->token_depth : 0;
    ps->tokens_most =
        limits && limits->max_tokens ? limits->max_tokens : (uint32_t)((uint64_t)text.n * 3 / 8 + 64);
    /* a guess that most bodies don't outgrow by more than one doubling */
    uint32_t guess = ps->token_depth ? 64 : ps->n / 12 + 16;
    ps->tokens_cap = guess < ps->tokens_most ? guess : ps->tokens_most;
    ps->ntokens = 0;
    ps->open = ps->nnames = 0;
    ps->frames = ps->inline_frames;
    ps->frames_cap = INLINE_FRAMES;
    ps->names = ps->inline_names;
    ps->names_cap = INLINE_NAMES;
}

enum ra_json_result ra_json_parse(ra_json *j, ra_bytes text, const ra_json_limits *limits, size_t *at)
{
    parser ps; /* not zeroed: its inline arrays are large and written before they are read */
    *j = (ra_json){.text = text};
    *at = 0;
    if (text.n >= UINT32_MAX) /* offsets have 32 bits, and NOT_KEPT is no offset */
        return RA_JSON_TOO_MANY;
    init(&ps, text, limits);
    ps.tokens = malloc((size_t)ps.tokens_cap * sizeof *ps.tokens);
    if (!ps.tokens)
        return RA_JSON_NO_MEMORY;
    bool ok = parse(&ps);
    if (ps.frames != ps.inline_frames)
        free(ps.frames);
    if (ps.names != ps.inline_names)
        free(ps.names);
    if (!ok) {
        free(ps.tokens);
        *at = ps.at;
        return ps.result;
    }
    j->t = ps.tokens;
    j->n = ps.ntokens;
    return RA_JSON_OK;
}

void ra_json_free(ra_json *j)
{
    free(j->t);
    *j = (ra_json){0};
}

const char *ra_json_result_text(enum ra_json_result r)
{
    switch (r) {
    case RA_JSON_OK:
        return "valid";
    case RA_JSON_SYNTAX:
        return "not valid JSON";
    case RA_JSON_UTF8:
        return "not valid UTF-8, or a lone surrogate";
    case RA_JSON_DUPLICATE:
        return "a member name occurs twice in one object";
    case RA_JSON_TOO_DEEP:
        return "nested too deeply";
    case RA_JSON_TOO_MANY:
        return "too many values";
    case RA_JSON_NO_MEMORY:
        return "out of memory";
    }
    return "unknown";
}
