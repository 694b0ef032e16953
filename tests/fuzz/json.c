/*
 * The strict JSON reader and the splicing editor. Whatever is accepted
 * - has tokens that fit into each other and into the text;
 * - is accepted by cJSON, which is lenient;
 * - has the canonical form of the same value in another spelling, and is accepted in that spelling;
 * - stays JSON when a member is set or removed, with all other members as they were.
 */
#include "proxy/edit.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/respell.h"

#include <cjson/cJSON.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

/* The token's own place, and those of what it holds. */
static void check_token(const ra_json *j, uint32_t token)
{
    const ra_json_token *t = &j->t[token];
    FUZZ_CHECK(t->start < t->end && t->end <= j->text.n);
    FUZZ_CHECK(t->next > token && t->next <= j->n);
    uint32_t at = t->start;
    for (uint32_t i = token + 1; i < t->next; i = j->t[i].next) {
        FUZZ_CHECK(t->type == RA_JSON_OBJECT || t->type == RA_JSON_ARRAY);
        FUZZ_CHECK(j->t[i].start > at && j->t[i].end < t->end);
        at = j->t[i].end;
        check_token(j, i);
    }
}

static void check_cjson(ra_bytes text, unsigned depth)
{
    cJSON *tree = depth < CJSON_NESTING_LIMIT ? cJSON_ParseWithLength(text.p, text.n) : NULL;
    FUZZ_CHECK(tree || depth >= CJSON_NESTING_LIMIT);
    cJSON_Delete(tree);
}

static void check_respelled(const ra_json *j)
{
    ra_buf out;
    ra_json other;
    size_t at;
    ra_buf_init(&out, 64 << 20);
    fuzz_respell(j, 0, &out);
    FUZZ_CHECK(ra_buf_ok(&out));
    FUZZ_CHECK(ra_json_parse(&other, ra_buf_bytes(&out), NULL, &at) == RA_JSON_OK);
    FUZZ_CHECK(other.n == j->n);
    FUZZ_CHECK(fuzz_same_json(j, 0, &other, 0));
    ra_json_free(&other);
    ra_buf_free(&out);
}

/* All members of `before` but `name` are in `after`, unchanged. */
static void check_others(const ra_json *before, const ra_json *after, ra_bytes name, ra_arena *a)
{
    for (uint32_t i = 1; i < before->t[0].next; i = before->t[i + 1].next) {
        ra_bytes other;
        FUZZ_CHECK(ra_json_string(before, i, a, &other));
        if (ra_bytes_eq(other, name))
            continue;
        uint32_t there = ra_json_member_bytes(after, 0, other);
        FUZZ_CHECK(there != RA_JSON_NONE && fuzz_same_json(before, i + 1, after, there));
    }
}

static void apply(const ra_json *j, const ra_edit *edit, ra_buf *out, ra_json *after)
{
    size_t at;
    ra_buf_init(out, 64 << 20);
    FUZZ_CHECK(ra_edit_apply(j->text, edit, 1, out));
    FUZZ_CHECK(ra_json_parse(after, ra_buf_bytes(out), NULL, &at) == RA_JSON_OK);
}

static void check_set(const ra_json *j, const char *name, ra_arena *a)
{
    ra_edit edit;
    ra_buf out;
    ra_json after;
    bool there = ra_json_member(j, 0, name) != RA_JSON_NONE;
    FUZZ_CHECK(ra_edit_set_member(j, 0, name, RA_BYTES("\"set\""), a, &edit));
    apply(j, &edit, &out, &after);
    FUZZ_CHECK(ra_json_count(&after, 0) == ra_json_count(j, 0) + !there);
    FUZZ_CHECK(ra_json_string_is(&after, ra_json_member(&after, 0, name), "set"));
    check_others(j, &after, ra_bytes_z(name), a);
    ra_json_free(&after);
    ra_buf_free(&out);
}

static void check_remove(const ra_json *j, uint32_t name, ra_arena *a)
{
    ra_edit edit;
    ra_buf out;
    ra_json after;
    ra_bytes text;
    FUZZ_CHECK(ra_json_string(j, name, a, &text));
    ra_edit_remove_member(j, 0, name, &edit);
    apply(j, &edit, &out, &after);
    FUZZ_CHECK(ra_json_count(&after, 0) + 1 == ra_json_count(j, 0));
    FUZZ_CHECK(ra_json_member_bytes(&after, 0, text) == RA_JSON_NONE);
    check_others(j, &after, text, a);
    ra_json_free(&after);
    ra_buf_free(&out);
}

static void check_edits(const ra_json *j)
{
    ra_arena a;
    ra_arena_init(&a, 64 << 20);
    check_set(j, "ConsistentRead", &a);
    unsigned most = 8;
    for (uint32_t i = 1; i < j->t[0].next && most--; i = j->t[i + 1].next)
        check_remove(j, i, &a);
    ra_arena_free(&a);
}

/* Deep values are looked into no further than asked for, and refused all the same. */
static void check_shallow(ra_bytes text, bool good, const ra_json *whole)
{
    ra_json j;
    size_t at;
    const ra_json_limits limits = {.token_depth = 1};
    enum ra_json_result r = ra_json_parse(&j, text, &limits, &at);
    FUZZ_CHECK(!good || r == RA_JSON_OK);
    if (r != RA_JSON_OK)
        return;
    if (good)
        FUZZ_CHECK(ra_json_count(&j, 0) == ra_json_count(whole, 0) || j.t[0].shallow);
    ra_json_free(&j);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ra_bytes text = {(const char *)data, size};
    ra_json j;
    size_t at = 0;
    enum ra_json_result r = ra_json_parse(&j, text, NULL, &at);
    FUZZ_CHECK(ra_json_result_text(r) != NULL);
    check_shallow(text, r == RA_JSON_OK, &j);
    if (r != RA_JSON_OK) {
        FUZZ_CHECK(at <= size);
        return 0;
    }
    check_token(&j, 0);
    check_cjson(text, 256);
    check_respelled(&j);
    if (ra_json_is(&j, 0, RA_JSON_OBJECT))
        check_edits(&j);
    ra_json_free(&j);
    return 0;
}
