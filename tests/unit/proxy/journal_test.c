/* What has happened lately: the newest entries, in order, as JSON. */
#include "proxy/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <event2/event.h>
#include <string.h>

typedef struct listener {
    struct event_base *base;
    ra_mailbox *mailbox;
    ra_letter letter;
    unsigned heard;
} listener;

static void hears(ra_letter *letter, void *arg)
{
    listener *l = arg;
    (void)letter;
    l->heard++;
}

static cJSON *whole(ra_journal *j)
{
    ra_buf b;
    ra_buf_init(&b, 1 << 20);
    ra_journal_write(j, &b);
    assert_true(ra_buf_ok(&b));
    assert_null(memchr(b.p, '\n', b.n));
    cJSON *parsed = cJSON_ParseWithLength(b.p, b.n);
    assert_non_null(parsed);
    ra_buf_free(&b);
    return parsed;
}

static const char *member(const cJSON *array, int i, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetArrayItem(array, i), name));
}

static void keeps_the_newest(void **state)
{
    (void)state;
    ra_journal *j = ra_journal_new();
    cJSON *v = whole(j);
    assert_int_equal(cJSON_GetArraySize(v), 0);
    cJSON_Delete(v);
    for (int i = 1; i <= RA_JOURNAL_MOST + 7; i++)
        ra_journal_note(j, i % 2 ? RA_JOURNAL_STREAM : RA_JOURNAL_RELOAD, "number %d \"%s\"", i, "quoted\n");
    v = whole(j);
    assert_int_equal(cJSON_GetArraySize(v), RA_JOURNAL_MOST);
    assert_string_equal(member(v, 0, "text"), "number 8 \"quoted\n\"");
    assert_string_equal(member(v, 0, "kind"), "reload");
    assert_string_equal(member(v, RA_JOURNAL_MOST - 1, "text"), "number 107 \"quoted\n\"");
    assert_string_equal(member(v, RA_JOURNAL_MOST - 1, "kind"), "stream");
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(cJSON_GetArrayItem(v, 0), "at")) > 1.6e12);
    cJSON_Delete(v);
    ra_journal_free(j);
}

static uint64_t next(ra_journal *j, uint64_t after, const char *text)
{
    ra_buf b;
    ra_buf_init(&b, 4096);
    uint64_t n = ra_journal_next(j, after, &b);
    if (n) {
        cJSON *v = cJSON_ParseWithLength(b.p, b.n);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(v, "text")), text);
        cJSON_Delete(v);
    } else {
        assert_int_equal(b.n, 0);
    }
    ra_buf_free(&b);
    return n;
}

static void is_read_on_from_where_one_was(void **state)
{
    (void)state;
    ra_journal *j = ra_journal_new();
    assert_int_equal(next(j, 0, NULL), 0);
    ra_journal_note(j, RA_JOURNAL_START, "one");
    ra_journal_note(j, RA_JOURNAL_BREAKER, "two");
    assert_int_equal(next(j, 0, "one"), 1);
    assert_int_equal(next(j, 1, "two"), 2);
    assert_int_equal(next(j, 2, NULL), 0);
    assert_int_equal(ra_journal_count(j), 2);
    for (int i = 0; i < RA_JOURNAL_MOST; i++)
        ra_journal_note(j, RA_JOURNAL_CACHING, "more");
    assert_int_equal(next(j, 1, "more"), 3); /* the second one has been forgotten */
    ra_journal_free(j);
}

/* "é" is two bytes: at each length of what stands before, the text is cut between characters. */
static void is_cut_between_characters(void **state)
{
    (void)state;
    char text[2 * RA_JOURNAL_TEXT];
    for (size_t before = 0; before < 2; before++) {
        ra_journal *j = ra_journal_new();
        memset(text, 'a', before);
        for (size_t i = before; i + 2 < sizeof text; i += 2)
            memcpy(text + i, "\xc3\xa9", 3);
        ra_journal_note(j, RA_JOURNAL_START, "%s", text);
        cJSON *v = whole(j);
        size_t n = strlen(member(v, 0, "text"));
        assert_true(n == RA_JOURNAL_TEXT - 1 || n == RA_JOURNAL_TEXT - 2);
        assert_int_equal((n - before) % 2, 0);
        cJSON_Delete(v);
        ra_journal_free(j);
    }
}

static void tells_who_listens(void **state)
{
    (void)state;
    listener l = {.base = event_base_new()};
    l.mailbox = ra_mailbox_new(l.base);
    l.letter = (ra_letter){.deliver = hears, .arg = &l};
    ra_journal *j = ra_journal_new();
    ra_journal_note(j, RA_JOURNAL_START, "before");
    ra_journal_listen(j, l.mailbox, &l.letter);
    ra_journal_note(j, RA_JOURNAL_STREAM, "one");
    ra_journal_note(j, RA_JOURNAL_STREAM, "two");
    event_base_loop(l.base, EVLOOP_NONBLOCK);
    assert_int_equal(l.heard, 1);
    ra_journal_note(j, RA_JOURNAL_STREAM, "three");
    event_base_loop(l.base, EVLOOP_NONBLOCK);
    assert_int_equal(l.heard, 2);
    ra_journal_listen(j, NULL, NULL);
    ra_journal_note(j, RA_JOURNAL_STREAM, "four");
    event_base_loop(l.base, EVLOOP_NONBLOCK);
    assert_int_equal(l.heard, 2);
    ra_journal_note(NULL, RA_JOURNAL_STREAM, "to nobody");
    ra_journal_free(j);
    ra_mailbox_free(l.mailbox);
    event_base_free(l.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_newest),
        cmocka_unit_test(is_read_on_from_where_one_was),
        cmocka_unit_test(is_cut_between_characters),
        cmocka_unit_test(tells_who_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
