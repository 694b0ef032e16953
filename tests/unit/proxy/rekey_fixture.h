/* What the tests of rules share: a table, rules as a configuration has them, records as a stream has them. */
#ifndef RA_TESTS_REKEY_FIXTURE_H
#define RA_TESTS_REKEY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include "proxy/rekey.h"

/* pk S, sk of the given type; a local index `by-at`; global ones on `g`, sorted by sk or by `at`. */
#define REKEY_TABLE(sk)                                                                                      \
    "{\"Table\":{\"AttributeDefinitions\":[{\"AttributeName\":\"pk\",\"AttributeType\":\"S\"},"              \
    "{\"AttributeName\":\"sk\",\"AttributeType\":\"" sk "\"},"                                               \
    "{\"AttributeName\":\"g\",\"AttributeType\":\"S\"},{\"AttributeName\":\"at\",\"AttributeType\":\"N\"}]," \
    "\"TableName\":\"chat\",\"KeySchema\":[{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"},"                 \
    "{\"AttributeName\":\"sk\",\"KeyType\":\"RANGE\"}],\"TableStatus\":\"ACTIVE\","                          \
    "\"TableArn\":\"arn:aws:dynamodb:eu-west-1:1:table/chat\",\"TableId\":\"1\",\"LocalSecondaryIndexes\":[" \
    "{\"IndexName\":\"by-at\",\"KeySchema\":[{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"},"               \
    "{\"AttributeName\":\"at\",\"KeyType\":\"RANGE\"}]}],\"GlobalSecondaryIndexes\":["                       \
    "{\"IndexName\":\"by-g\",\"IndexStatus\":\"ACTIVE\",\"KeySchema\":[{\"AttributeName\":\"g\","            \
    "\"KeyType\":\"HASH\"},{\"AttributeName\":\"sk\",\"KeyType\":\"RANGE\"}]},"                              \
    "{\"IndexName\":\"by-g-at\",\"IndexStatus\":\"ACTIVE\",\"KeySchema\":[{\"AttributeName\":\"g\","         \
    "\"KeyType\":\"HASH\"},{\"AttributeName\":\"at\",\"KeyType\":\"RANGE\"}]}]}}"

/* A rule's members, JSON's quotes written as apostrophes. */
#define REKEY_RULE                                                                                           \
    "'partition_key': 'MSG#*', 'rows': {'index': 'by-g', 'partition_key': '{star}', "                        \
    "'row_partition_key': 'GRP#*'}, 'set': {'sk': '{new.sk}', 'message': '{new.message}'}"

typedef struct fixture {
    ra_arena arena;
    ra_table *table;
    ra_config *config;
    ra_stream_records records;
    char *texts[32]; /* what tokens point into */
    size_t ntexts;
} fixture;

static inline int fixture_setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    ra_arena_init(&f->arena, 16 << 20);
    *state = f;
    return 0;
}

static inline void fixture_forget(fixture *f)
{
    ra_stream_records_free(&f->records);
    f->records = (ra_stream_records){.n = 0};
    ra_config_unref(f->config);
    f->config = NULL;
    ra_table_unref(f->table);
    f->table = NULL;
}

static inline int fixture_teardown(void **state)
{
    fixture *f = *state;
    fixture_forget(f);
    ra_arena_free(&f->arena);
    for (size_t i = 0; i < f->ntexts; i++)
        free(f->texts[i]);
    free(f);
    return 0;
}

/* An exact copy, with quotes for apostrophes, so that a sanitizer sees a read past its end. */
static inline ra_bytes fixture_text(fixture *f, const char *apostrophes)
{
    size_t n = strlen(apostrophes);
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    assert_true(f->ntexts < sizeof f->texts / sizeof *f->texts);
    f->texts[f->ntexts++] = copy;
    for (size_t i = 0; i < n; i++) {
        copy[i] = apostrophes[i];
        if (copy[i] == '\'')
            copy[i] = '"';
    }
    return (ra_bytes){copy, n};
}

static inline const ra_stream_rule *fixture_rule(fixture *f, const char *described, const char *members)
{
    char text[4096];
    ra_problems problems = {0};
    fixture_forget(f);
    f->table = ra_table_from_describe(ra_bytes_z(described), RA_BYTES(""), RA_BYTES(""));
    assert_non_null(f->table);
    snprintf(
        text, sizeof text,
        "{'upstream': {'endpoint': 'http://127.0.0.1:1', 'region': 'eu-west-1'}, 'tables': {'chat': {}}, "
        "'stream_rules': [{'name': 'r', 'table': 'chat', %s}]}",
        members);
    ra_bytes json = fixture_text(f, text);
    f->config = ra_config_parse(json.p, json.n, "test.jsonc", &problems);
    ra_problems_print(&problems, "test.jsonc", stderr);
    ra_problems_free(&problems);
    assert_non_null(f->config);
    return &f->config->stream_rules[0];
}

/* The only record of a reply; `event` "INSERT", the images as JSON with apostrophes, NULL: none. */
static inline const ra_stream_record *fixture_record(fixture *f, const char *event, const char *keys,
                                                     const char *after)
{
    char text[8192];
    ra_stream_records_free(&f->records);
    snprintf(text, sizeof text,
             "{'Records': [{'eventID': '1', 'eventName': '%s', 'dynamodb': {'SequenceNumber': '17', "
             "'Keys': %s%s%s, 'ApproximateCreationDateTime': 1.7e9}}]}",
             event, keys, after ? ", 'NewImage': " : "", after ? after : "");
    assert_true(ra_stream_records_read(fixture_text(f, text), &f->arena, &f->records));
    assert_int_equal(f->records.n, 1);
    return &f->records.v[0];
}

/* A message's. */
static inline const ra_stream_record *fixture_message(fixture *f)
{
    return fixture_record(f, "INSERT", "{'pk': {'S': 'MSG#7'}, 'sk': {'S': '2024-02'}}",
                          "{'pk': {'S': 'MSG#7'}, 'sk': {'S': '2024-02'}, 'message': {'S': 'hello'}, "
                          "'n': {'N': '4.50'}, 'l': {'L': [{'S': 'x'}]}}");
}

static inline enum ra_rekey_result fixture_target(fixture *f, const ra_stream_rule *rule,
                                                  const ra_stream_record *r, ra_rekey_target *out,
                                                  const char **why)
{
    return ra_rekey_target_make(rule, r, &f->records.json, f->table, &f->arena, out, why);
}

/* The message's target by the rule above. */
static inline const ra_stream_rule *fixture_usual(fixture *f, ra_rekey_target *out)
{
    const char *why;
    const ra_stream_rule *rule = fixture_rule(f, REKEY_TABLE("S"), REKEY_RULE);
    assert_int_equal(fixture_target(f, rule, fixture_message(f), out, &why), RA_REKEY_OK);
    return rule;
}

/* Are the bytes this text, apostrophes being quotes? */
static inline void assert_json(ra_bytes got, const char *apostrophes)
{
    char *expected = strdup(apostrophes);
    assert_non_null(expected);
    for (char *c = expected; *c; c++) {
        if (*c == '\'')
            *c = '"';
    }
    if (!ra_bytes_eq_z(got, expected))
        fail_msg("got %.*s\nnot %s", (int)got.n, got.p, expected);
    free(expected);
}

#endif
