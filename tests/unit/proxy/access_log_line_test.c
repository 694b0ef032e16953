/* Lines: what they say, what becomes of hostile bytes, how long they can be; samples. */
#include "proxy/access_log_line.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

/* On memory of its very size, so that a sanitizer sees what is written beyond it. */
static char *written(const ra_access_line *line)
{
    char *room = malloc(RA_ACCESS_LINE_MAX);
    assert_non_null(room);
    size_t n = ra_access_line_write(line, room);
    assert_true(n <= RA_ACCESS_LINE_MAX);
    assert_ptr_equal(memchr(room, '\n', n), room + n - 1);
    for (size_t i = 0; i + 1 < n; i++)
        assert_true(room[i] >= ' ' && room[i] < 0x7f);
    char *text = strndup(room, n - 1);
    free(room);
    return text;
}

static void is(const ra_access_line *line, const char *text)
{
    char *is = written(line);
    assert_string_equal(is, text);
    free(is);
}

static void says_what_there_is(void **state)
{
    (void)state;
    ra_trace t;
    assert_true(ra_trace_read(RA_BYTES("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), &t));
    memcpy(t.parent + 36, "0123456789abcdef", 16);
    is(&(ra_access_line){.at = 0, .outcome = "error"},
       "{\"time\":\"1970-01-01T00:00:00.000Z\",\"outcome\":\"error\",\"bytes_in\":0,\"bytes_out\":0,"
       "\"duration_us\":0}");
    is(&(ra_access_line){.at = 1767225599007,
                         .id = RA_BYTES("mine"),
                         .reply_id = RA_BYTES("THEIRS"),
                         .trace = &t,
                         .client = RA_BYTES("::1"),
                         .method = RA_BYTES("GET"),
                         .path = RA_BYTES("/api"),
                         .more_path = true,
                         .operation = RA_BYTES("BatchGetItem"),
                         .tables = {RA_BYTES("a"), RA_BYTES("b"), RA_BYTES("c"), RA_BYTES("d")},
                         .ntables = 6,
                         .pattern = RA_BYTES("p"),
                         .route = RA_BYTES("r"),
                         .outcome = "miss",
                         .status = 200,
                         .cache = "MISS",
                         .reason = "why",
                         .collapsed = true,
                         .bytes_in = 1,
                         .bytes_out = UINT32_MAX,
                         .us = 5,
                         .upstream_calls = 2,
                         .upstream_us = 4,
                         .half_units = 7,
                         .access_key = RA_BYTES("AKIA"),
                         .user_agent = RA_BYTES("agent")},
       "{\"time\":\"2025-12-31T23:59:59.007Z\",\"id\":\"mine\",\"amzn_request_id\":\"THEIRS\","
       "\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"span_id\":\"0123456789abcdef\","
       "\"parent_id\":\"00f067aa0ba902b7\",\"client\":\"::1\",\"method\":\"GET\",\"path\":\"/api/...\","
       "\"route\":\"r\",\"operation\":\"BatchGetItem\",\"tables\":[\"a\",\"b\",\"c\",\"d\"],\"more_tables\":"
       "2,"
       "\"pattern\":\"p\",\"status\":200,\"outcome\":\"miss\",\"cache\":\"MISS\",\"reason\":\"why\","
       "\"collapsed\":true,\"bytes_in\":1,\"bytes_out\":4294967295,\"duration_us\":5,\"upstream_us\":4,"
       "\"upstream_calls\":2,\"units\":3.5,\"access_key_id\":\"AKIA\",\"user_agent\":\"agent\"}");
}

static void escaped(ra_bytes given, const char *as)
{
    char want[8192];
    ra_access_line line = {.outcome = "hit", .user_agent = given};
    snprintf(want, sizeof want,
             "{\"time\":\"1970-01-01T00:00:00.000Z\",\"outcome\":\"hit\",\"bytes_in\":0,\"bytes_out\":0,"
             "\"duration_us\":0,\"user_agent\":\"%s\"}",
             as);
    is(&line, want);
}

static void escapes(void **state)
{
    (void)state;
    escaped(RA_BYTES("plain ~!"), "plain ~!");
    escaped(RA_BYTES("\"},\\"), "\\\"},\\\\");
    escaped(RA_BYTES("\n\r\t\x1b\x7f"), "\\u000a\\u000d\\u0009\\u001b\\u007f");
    escaped((ra_bytes){"a\0b", 3}, "a\\u0000b");
    escaped(RA_BYTES("\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80"), "\\u00e9\\u2028\\ud83d\\ude00");
    escaped(RA_BYTES("\xf4\x8f\xbf\xbf"), "\\udbff\\udfff");
    /* Not UTF-8: beyond the last character, too long a form, a surrogate, alone, cut off. */
    escaped(RA_BYTES("\xf4\x90\x80\x80"), "\\ufffd\\ufffd\\ufffd\\ufffd");
    escaped(RA_BYTES("\xc0\xaf"), "\\ufffd\\ufffd");
    escaped(RA_BYTES("\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd");
    escaped(RA_BYTES("\x80x\xffy"), "\\ufffdx\\ufffdy");
    escaped(RA_BYTES("z\xe2\x80"), "z\\ufffd\\ufffd");
}

/* At whichever length an escape begins, it is whole or not there. */
static void cuts_between_escapes(void **state)
{
    (void)state;
    for (size_t before = 0; before < 14; before++) {
        char agent[2000];
        memset(agent, 'a', before);
        for (size_t i = before; i + 4 <= sizeof agent; i += 4)
            memcpy(agent + i, "\xf0\x9f\x98\x80", 4);
        size_t whole = before + (sizeof agent - before) / 4 * 4;
        char *text = written(&(ra_access_line){.outcome = "hit", .user_agent = {agent, whole}});
        cJSON *parsed = cJSON_Parse(text);
        assert_non_null(parsed);
        const char *shown = cJSON_GetStringValue(cJSON_GetObjectItem(parsed, "user_agent"));
        assert_int_equal(strlen(shown), before + (RA_ACCESS_AGENT_MAX - before) / 12 * 4);
        assert_memory_equal(shown, agent, strlen(shown));
        cJSON_Delete(parsed);
        free(text);
    }
}

/* All that a client can send as long as it likes, of bytes whose escapes are the longest. */
static void the_longest_line_has_room(void **state)
{
    (void)state;
    static const char *const fillings[] = {"a", "\"", "\x01", "\xff", "\xc3\xa9", "\xf0\x9f\x98\x80"};
    for (size_t f = 0; f < sizeof fillings / sizeof *fillings; f++) {
        static char text[8192];
        size_t n = strlen(fillings[f]);
        for (size_t i = 0; i + n <= sizeof text; i += n)
            memcpy(text + i, fillings[f], n);
        ra_bytes all = {text, sizeof text};
        ra_trace t;
        assert_true(ra_trace_read(RA_BYTES("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), &t));
        static char word[1024];
        memset(word, 'w', sizeof word - 1);
        char *line = written(&(ra_access_line){.at = 253402300799999,
                                               .id = all,
                                               .reply_id = all,
                                               .trace = &t,
                                               .client = all,
                                               .method = all,
                                               .path = all,
                                               .more_path = true,
                                               .operation = all,
                                               .tables = {all, all, all, all},
                                               .ntables = SIZE_MAX >> 1,
                                               .pattern = all,
                                               .route = all,
                                               .outcome = word,
                                               .status = INT32_MIN,
                                               .cache = word,
                                               .reason = word,
                                               .collapsed = true,
                                               .bytes_in = INT64_MAX,
                                               .bytes_out = INT64_MAX,
                                               .us = INT64_MIN,
                                               .upstream_calls = UINT32_MAX,
                                               .upstream_us = INT64_MIN,
                                               .half_units = UINT64_MAX,
                                               .access_key = all,
                                               .user_agent = all});
        assert_true(strlen(line) < RA_ACCESS_LINE_MAX - 1); /* nothing was cut off at the end */
        cJSON *parsed = cJSON_Parse(line);
        assert_non_null(parsed);
        assert_non_null(cJSON_GetObjectItem(parsed, "user_agent"));
        cJSON_Delete(parsed);
        free(line);
    }
}

static unsigned sampled_of(uint32_t share, unsigned n)
{
    unsigned sampled = 0;
    for (unsigned i = 0; i < n; i++) {
        char id[32];
        snprintf(id, sizeof id, "request-%u", i);
        bool is = ra_access_sampled(share, NULL, ra_bytes_z(id));
        assert_int_equal(ra_access_sampled(share, NULL, ra_bytes_z(id)), is);
        if (is) /* of a larger sample it is one, too */
            assert_true(ra_access_sampled(share < 500000 ? share * 2 : 1000000, NULL, ra_bytes_z(id)));
        sampled += is;
    }
    return sampled;
}

static void samples_by_name(void **state)
{
    (void)state;
    enum { N = 20000 };
    assert_int_equal(sampled_of(0, N), 0);
    assert_int_equal(sampled_of(1000000, N), N);
    assert_in_range(sampled_of(10000, N), N / 100 - 60, N / 100 + 60);
    assert_in_range(sampled_of(500000, N), N / 2 - 400, N / 2 + 400);
}

/* By the trace, whatever the request's id is and whatever the caller has decided; with neither by chance. */
static void samples_traces(void **state)
{
    (void)state;
    unsigned sampled = 0, by_chance = 0;
    for (unsigned i = 1; i <= 2000; i++) {
        char text[64], id[16];
        ra_trace yes, no;
        snprintf(text, sizeof text, "00-%032x-00f067aa0ba902b7-01", i);
        assert_true(ra_trace_read(ra_bytes_z(text), &yes));
        snprintf(text, sizeof text, "00-%032x-11f067aa0ba902b7-00", i);
        assert_true(ra_trace_read(ra_bytes_z(text), &no));
        snprintf(id, sizeof id, "%u", i);
        bool is = ra_access_sampled(250000, &yes, (ra_bytes){NULL, 0});
        assert_int_equal(ra_access_sampled(250000, &no, ra_bytes_z(id)), is);
        sampled += is;
        by_chance += ra_access_sampled(250000, NULL, (ra_bytes){NULL, 0});
    }
    assert_in_range(sampled, 400, 600);
    assert_in_range(by_chance, 350, 650);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_there_is),   cmocka_unit_test(escapes),
        cmocka_unit_test(cuts_between_escapes), cmocka_unit_test(the_longest_line_has_room),
        cmocka_unit_test(samples_by_name),      cmocka_unit_test(samples_traces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
