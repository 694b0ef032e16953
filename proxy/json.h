/*
 * A strict JSON reader (RFC 8259): offsets into the text, explicit lengths, a depth cap. Whatever holds item
 * data goes through it, for cJSON cuts strings at \u0000, takes the first of duplicate members, ignores the
 * case of names and reprints large numbers.
 *
 * Refused: anything outside RFC 8259's grammar, invalid UTF-8 (overlong forms and encoded surrogates too),
 * lone surrogates in escapes, a byte order mark, bytes after the value, duplicate members (compared decoded:
 * "a" and "\u0061" are one), nesting beyond max_depth. Duplicate detection is O(n log n) however the names
 * are chosen.
 *
 * Ownership: ra_json owns its tokens; the text stays the caller's and must outlive it. Threads: none shared.
 */
#ifndef RA_PROXY_JSON_H
#define RA_PROXY_JSON_H

#include "cache/arena.h"
#include "cache/buf.h"

enum ra_json_type {
    RA_JSON_OBJECT,
    RA_JSON_ARRAY,
    RA_JSON_STRING,
    RA_JSON_NUMBER,
    RA_JSON_TRUE,
    RA_JSON_FALSE,
    RA_JSON_NULL
};

typedef struct ra_json_token {
    uint32_t start; /* offset of the value's first byte: a quote, bracket, digit... */
    uint32_t end;   /* one past its last byte */
    uint32_t next;  /* index of the token after this one and all it holds */
    uint8_t type;
    bool escaped; /* string: holds a backslash, so it must be decoded */
    bool shallow; /* container: token_depth left out what it holds; it looks empty and isn't */
    uint8_t reserved;
} ra_json_token;

/* Token 0 is the whole value. An object's members are pairs of tokens: the name (a string), then the value.
 */
typedef struct ra_json {
    ra_bytes text;
    ra_json_token *t;
    uint32_t n;
} ra_json;

typedef struct ra_json_limits {
    unsigned max_depth;   /* 0: 256 */
    unsigned token_depth; /* tokens are kept down to this depth only (0: all); what is deeper is checked all
                             the same. 1 keeps the top value and its members. */
    /* 0: three eighths of the text's length + 64. No DynamoDB body has more: the densest value there is,
     * {"L":[]}, spends 8 bytes on 3 tokens. */
    uint32_t max_tokens;
} ra_json_limits;

enum ra_json_result {
    RA_JSON_OK,
    RA_JSON_SYNTAX,
    RA_JSON_UTF8,
    RA_JSON_DUPLICATE,
    RA_JSON_TOO_DEEP,
    RA_JSON_TOO_MANY,
    RA_JSON_NO_MEMORY
};

/* limits may be NULL. On failure *at is the offset of the offence, and j holds nothing to free. */
enum ra_json_result ra_json_parse(ra_json *j, ra_bytes text, const ra_json_limits *limits, size_t *at);
void ra_json_free(ra_json *j);
const char *ra_json_result_text(enum ra_json_result r);

#define RA_JSON_NONE 0u /* no such token: the root is never a member */

/* The value of a member of object `object`, or RA_JSON_NONE (also if `object` isn't an object). */
uint32_t ra_json_member(const ra_json *j, uint32_t object, const char *name);
uint32_t ra_json_member_bytes(const ra_json *j, uint32_t object, ra_bytes decoded_name);

/*
 * Iteration ends when the index reaches j->t[parent].next:
 *   object, i is the member's name and i + 1 its value:
 *     for (uint32_t i = parent + 1; i < j->t[parent].next; i = j->t[i + 1].next)
 *   array, i is the element:
 *     for (uint32_t i = parent + 1; i < j->t[parent].next; i = j->t[i].next)
 */
uint32_t ra_json_count(const ra_json *j, uint32_t parent); /* kept members or elements */

static inline ra_bytes ra_json_raw(const ra_json *j, uint32_t token)
{
    return (ra_bytes){j->text.p + j->t[token].start, j->t[token].end - j->t[token].start};
}
static inline bool ra_json_is(const ra_json *j, uint32_t token, enum ra_json_type type)
{
    return token < j->n && j->t[token].type == (uint8_t)type;
}
/* Is the string token, decoded, equal to `z`? false if it isn't a string. */
bool ra_json_string_is(const ra_json *j, uint32_t token, const char *z);
/* The decoded string: a view of the text where nothing is escaped, else a copy in the arena. false: no
 * string, no memory. */
bool ra_json_string(const ra_json *j, uint32_t token, ra_arena *a, ra_bytes *out);
/* Appends the decoded string as one length-prefixed part (as ra_key_part does). false: no string, no memory.
 */
bool ra_json_string_part(const ra_json *j, uint32_t token, ra_buf *out);
/*
 * The name tokens of an object's members in an order that depends on the decoded names alone, *n of them;
 * free() it. NULL: not an object, its members weren't kept, or no memory. O(n log n) whatever the names are.
 */
uint32_t *ra_json_members_sorted(const ra_json *j, uint32_t object, uint32_t *n);
/*
 * Appends a form that two values share exactly when they mean the same: members in a fixed order, strings
 * decoded, no white space, numbers by their text. Every piece is length-prefixed. false: no memory, a
 * container whose tokens weren't kept, or nesting beyond 1024.
 */
bool ra_json_canonical(const ra_json *j, uint32_t token, ra_buf *out);

#endif
