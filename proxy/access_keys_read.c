/*
 * From the file's text to a set of keys. What is wrong is told by line and member, never by value: where
 * somebody has put a secret into the wrong member, a message with the value would print it.
 */
#include "proxy/access_keys_parts.h"

#include "config/comments.h"
#include "config/text.h"
#include "proxy/json.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ID_MAX = 128,
    SECRET_MAX = 512,
    GLOB_MAX = 255, /* the longest table name */
    GLOBS_MAX = 1000,
    DEPTH_MAX = 16
};

typedef struct reader {
    ra_json json;
    ra_arena arena; /* decoded strings: wiped when they are copied */
    const char *path;
    char *why;
} reader;

static const char ID_CHARACTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
static const char TABLE_CHARACTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-*?";
static const char OPERATION_CHARACTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz*?";

static int line_at(ra_bytes text, size_t at)
{
    int line = 1;
    for (size_t i = 0; i < at && i < text.n; i++)
        line += text.p[i] == '\n';
    return line;
}

/* Always false. `at` is a place in the text. */
static bool wrong(reader *r, size_t at, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool wrong(reader *r, size_t at, const char *format, ...)
{
    int n = snprintf(r->why, RA_ACCESS_KEYS_WHY_MAX, "%.255s:%d: ", r->path, line_at(r->json.text, at));
    va_list args;
    va_start(args, format);
    vsnprintf(r->why + n, (size_t)(RA_ACCESS_KEYS_WHY_MAX - n), format, args);
    va_end(args);
    return false;
}

static bool no_memory(reader *r)
{
    snprintf(r->why, RA_ACCESS_KEYS_WHY_MAX, "%.255s: out of memory", r->path);
    return false;
}

static size_t place(const reader *r, uint32_t token)
{
    return r->json.t[token].start;
}

static bool unknown_member(reader *r, uint32_t name, const char *accepted)
{
    char shown[RA_TEXT_SHOWN_MAX];
    ra_bytes text;
    char *z = ra_json_string(&r->json, name, &r->arena, &text) ? ra_arena_strdup(&r->arena, text) : NULL;
    if (!z)
        return no_memory(r);
    ra_text_show(z, shown);
    return wrong(r, place(r, name), "unknown member %s; accepted: %s", shown, accepted);
}

/*
 * A string of 1 to `max` bytes as a copy of the caller's; the decoded text is wiped where it stood. With
 * `characters`, of these alone; else none is a control character.
 */
static bool take_string(reader *r, uint32_t token, const char *member, size_t max, const char *characters,
                        char **out)
{
    ra_bytes s;
    if (!ra_json_is(&r->json, token, RA_JSON_STRING))
        return wrong(r, place(r, token), "%s: not a string", member);
    if (!ra_json_string(&r->json, token, &r->arena, &s))
        return no_memory(r);
    bool fits = s.n > 0 && s.n <= max && !memchr(s.p, 0, s.n);
    char *z = fits ? strndup(s.p, s.n) : NULL;
    OPENSSL_cleanse((char *)s.p, s.n);
    if (fits && !z)
        return no_memory(r);
    if (z && (characters ? z[strspn(z, characters)] == '\0' : !ra_text_has_control(z))) {
        *out = z;
        return true;
    }
    if (z)
        OPENSSL_cleanse(z, strlen(z));
    free(z);
    if (characters && characters[0])
        return wrong(r, place(r, token), "%s; accepted: 1 to %zu characters of %s", member, max, characters);
    return wrong(r, place(r, token), "%s; accepted: 1 to %zu bytes without control characters", member, max);
}

/* The list is the key's as soon as there is one, so that it goes with the key. */
static bool take_globs(reader *r, uint32_t token, const char *member, const char *characters, ra_globs **out)
{
    const ra_json *j = &r->json;
    if (!ra_json_is(j, token, RA_JSON_ARRAY))
        return wrong(r, place(r, token), "%s: not an array of strings", member);
    size_t n = ra_json_count(j, token);
    if (n > GLOBS_MAX)
        return wrong(r, place(r, token), "%s: too many; accepted: at most %d", member, (int)GLOBS_MAX);
    ra_globs *g = *out = calloc(1, sizeof *g);
    if (g)
        g->v = calloc(n ? n : 1, sizeof *g->v);
    if (!g || !g->v)
        return no_memory(r);
    for (uint32_t i = token + 1; i < j->t[token].next; i = j->t[i].next) {
        if (!take_string(r, i, member, GLOB_MAX, characters, &g->v[g->n]))
            return false;
        g->n++;
    }
    return true;
}

static bool take_member(reader *r, uint32_t name, ra_access_key *key)
{
    const ra_json *j = &r->json;
    uint32_t value = name + 1;
    if (ra_json_string_is(j, name, "access_key_id"))
        return take_string(r, value, "access_key_id", ID_MAX, ID_CHARACTERS, &key->id);
    if (ra_json_string_is(j, name, "secret_access_key"))
        return take_string(r, value, "secret_access_key", SECRET_MAX, NULL, &key->secret);
    if (ra_json_string_is(j, name, "tables"))
        return take_globs(r, value, "tables", TABLE_CHARACTERS, &key->tables);
    if (ra_json_string_is(j, name, "operations"))
        return take_globs(r, value, "operations", OPERATION_CHARACTERS, &key->operations);
    if (!ra_json_string_is(j, name, "read_only"))
        return unknown_member(r, name, "access_key_id, secret_access_key, read_only, tables, operations");
    key->read_only = ra_json_is(j, value, RA_JSON_TRUE);
    if (!key->read_only && !ra_json_is(j, value, RA_JSON_FALSE))
        return wrong(r, place(r, value), "read_only; accepted: true or false");
    return true;
}

/* `place_of` counts from 1, and stands where the serial will be. */
static bool take_key(reader *r, uint32_t object, uint64_t place_of, ra_access_key *key)
{
    const ra_json *j = &r->json;
    if (!ra_json_is(j, object, RA_JSON_OBJECT))
        return wrong(r, place(r, object), "a key is an object");
    for (uint32_t i = object + 1; i < j->t[object].next; i = j->t[i + 1].next) {
        if (!take_member(r, i, key))
            return false;
    }
    if (!key->id || !key->secret)
        return wrong(r, place(r, object), "this key lacks its %s",
                     key->id ? "secret_access_key" : "access_key_id");
    key->serial = place_of;
    return true;
}

static int by_id(const void *a, const void *b)
{
    return ra_access_keys_compare(ra_bytes_z(((const ra_access_key *)a)->id),
                                  ra_bytes_z(((const ra_access_key *)b)->id));
}

/* Sorts the set; of two keys of one id the later one is told of. */
static bool sort_and_compare(reader *r, uint32_t array, ra_access_keys *k)
{
    const ra_json *j = &r->json;
    uint64_t repeated = 0;
    qsort(k->v, k->n, sizeof *k->v, by_id);
    for (size_t i = 1; i < k->n && !repeated; i++) {
        uint64_t a = k->v[i - 1].serial, b = k->v[i].serial;
        if (by_id(&k->v[i - 1], &k->v[i]) == 0)
            repeated = a > b ? a : b;
    }
    if (!repeated)
        return true;
    uint32_t at = array + 1;
    for (uint64_t i = 1; i < repeated; i++)
        at = j->t[at].next;
    return wrong(r, place(r, at), "another key of this file has the same access_key_id");
}

/* From places in the file to numbers that no other key of this process has. */
static void number_keys(ra_access_keys *k)
{
    static atomic_uint_least64_t given;
    uint64_t base = atomic_fetch_add_explicit(&given, k->n, memory_order_relaxed);
    for (size_t i = 0; i < k->n; i++)
        k->v[i].serial += base;
}

static bool take_keys(reader *r, ra_access_keys **out)
{
    const ra_json *j = &r->json;
    if (!ra_json_is(j, 0, RA_JSON_OBJECT))
        return wrong(r, place(r, 0), "the file is an object: {\"keys\": [ ... ]}");
    uint32_t keys = ra_json_member(j, 0, "keys");
    for (uint32_t i = 1; i < j->t[0].next; i = j->t[i + 1].next) {
        if (i + 1 != keys)
            return unknown_member(r, i, "keys");
    }
    if (keys == RA_JSON_NONE || !ra_json_is(j, keys, RA_JSON_ARRAY))
        return wrong(r, place(r, keys), "keys; accepted: an array of objects");
    size_t n = ra_json_count(j, keys);
    if (n > RA_ACCESS_KEYS_MAX)
        return wrong(r, place(r, keys), "too many keys; accepted: at most %d", (int)RA_ACCESS_KEYS_MAX);
    ra_access_keys *k = *out = ra_access_keys_new(n);
    if (!k)
        return no_memory(r);
    for (uint32_t i = keys + 1; i < j->t[keys].next; i = j->t[i].next) {
        k->n++;
        if (!take_key(r, i, k->n, &k->v[k->n - 1]))
            return false;
    }
    if (!sort_and_compare(r, keys, k))
        return false;
    number_keys(k);
    return true;
}

/* The text is the reader's own, and wiped by its caller. */
static bool read_text(reader *r, char *text, size_t n, ra_access_keys **out)
{
    const ra_json_limits limits = {.max_depth = DEPTH_MAX};
    size_t at = 0;
    r->json.text = (ra_bytes){text, n};
    int unclosed = ra_comments_blank(text, n);
    if (unclosed) {
        snprintf(r->why, RA_ACCESS_KEYS_WHY_MAX, "%.255s:%d: the comment that begins here isn't closed",
                 r->path, unclosed);
        return false;
    }
    enum ra_json_result parsed = ra_json_parse(&r->json, (ra_bytes){text, n}, &limits, &at);
    if (parsed != RA_JSON_OK) {
        r->json = (ra_json){.text = {text, n}};
        return wrong(r, at, "%s", ra_json_result_text(parsed));
    }
    bool ok = take_keys(r, out);
    ra_json_free(&r->json);
    return ok;
}

ra_access_keys *ra_access_keys_parse(ra_bytes text, const char *path, char why[RA_ACCESS_KEYS_WHY_MAX])
{
    reader r = {.path = path, .why = why};
    ra_access_keys *k = NULL;
    why[0] = '\0';
    if (text.n > RA_ACCESS_KEYS_FILE_MAX) {
        snprintf(why, RA_ACCESS_KEYS_WHY_MAX, "%.255s: the file is too large", path);
        return NULL;
    }
    char *copy = malloc(text.n + 1);
    ra_arena_init(&r.arena, 2 * (size_t)RA_ACCESS_KEYS_FILE_MAX);
    if (!copy) {
        no_memory(&r);
        return NULL;
    }
    if (text.n)
        memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    if (!read_text(&r, copy, text.n, &k)) {
        ra_access_keys_unref(k);
        k = NULL;
    }
    OPENSSL_cleanse(copy, text.n);
    free(copy);
    ra_arena_free(&r.arena);
    return k;
}
