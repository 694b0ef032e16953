#include "proxy/stream_keeper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char ARN[] = "arn:aws:dynamodb:r:1:table/t/stream/2026-01-01T00:00:00.000";

typedef struct place {
    char folder[64], path[128];
} place;

static int make_place(void **state)
{
    place *p = calloc(1, sizeof *p);
    assert_non_null(p);
    snprintf(p->folder, sizeof p->folder, "/tmp/stream-keeper-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->path, sizeof p->path, "%s/positions.json", p->folder);
    *state = p;
    return 0;
}

static int free_place(void **state)
{
    static const char *const ends[] = {"", ".lock", ".new"};
    place *p = *state;
    char path[160];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", p->path, ends[i]);
        unlink(path);
    }
    int rc = rmdir(p->folder);
    free(p);
    return rc;
}

static ra_stream_file *opened(const char *path)
{
    char why[RA_STREAM_FILE_WHY_MAX] = "";
    ra_stream_file *f = ra_stream_file_open(path, why);
    if (!f)
        fail_msg("%s", why);
    return f;
}

static void note(ra_stream_file *f, const char *id, const char *handled, bool finished, int64_t drained)
{
    const ra_stream_keeper *k = ra_stream_file_keeper(f);
    ra_shard s = {.finished = finished, .drained_ms = drained};
    snprintf(s.id, sizeof s.id, "%s", id);
    snprintf(s.handled, sizeof s.handled, "%s", handled);
    assert_true(k->note(k->arg, ARN, &s));
}

static ra_shard known(ra_stream_file *f, const char *stream, const char *id)
{
    const ra_stream_keeper *k = ra_stream_file_keeper(f);
    ra_shard s = {0};
    snprintf(s.id, sizeof s.id, "%s", id);
    assert_int_equal(k->hold(k->arg, stream, &s), RA_KEEPER_HELD);
    return s;
}

static void judge(ra_stream_file *f)
{
    ra_shard a = known(f, ARN, "a"), b = known(f, ARN, "b"), c = known(f, ARN, "c");
    ra_shard other = known(f, "arn:other", "a");
    assert_string_equal(a.handled, "111100000000001");
    assert_false(a.finished);
    assert_int_equal(a.drained_ms, 1234567890123);
    assert_true(b.finished);
    assert_string_equal(b.handled, "");
    assert_true(!c.handled[0] && !c.finished && !c.drained_ms);
    assert_true(!other.handled[0] && !other.finished && !other.drained_ms);
}

static void write_some(ra_stream_file *f)
{
    note(f, "b", "", true, 0);
    note(f, "a", "111100000000000", false, 5);
    note(f, "a", "111100000000001", false, INT64_C(1234567890123));
}

static void memory_alone(void **state)
{
    (void)state;
    ra_stream_file *f = opened(NULL);
    write_some(f);
    judge(f);
    assert_true(ra_stream_file_close(f));
}

static void the_next_process_goes_on(void **state)
{
    const place *p = *state;
    struct stat st;
    ra_stream_file *f = opened(p->path);
    write_some(f);
    assert_true(ra_stream_file_close(f));
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    f = opened(p->path);
    judge(f);
    assert_true(ra_stream_file_close(f));
}

/* A position that moves is written at once, if none was written a moment ago. */
static void a_position_is_on_disk_without_an_end(void **state)
{
    const place *p = *state;
    char text[512] = "";
    ra_stream_file *f = opened(p->path);
    note(f, "a", "111100000000001", false, 5);
    FILE *file = fopen(p->path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_non_null(strstr(text, "\"111100000000001\""));
    assert_true(ra_stream_file_close(f));
}

static void one_process_at_a_time(void **state)
{
    const place *p = *state;
    char why[RA_STREAM_FILE_WHY_MAX], pid[32];
    ra_stream_file *f = opened(p->path);
    assert_null(ra_stream_file_open(p->path, why));
    snprintf(pid, sizeof pid, "(%ld)", (long)getpid());
    assert_non_null(strstr(why, pid));
    assert_non_null(strstr(why, p->path));
    assert_true(ra_stream_file_close(f));
    assert_true(ra_stream_file_close(opened(p->path)));
}

static void put(const char *path, const char *text, size_t n)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* Cut anywhere, it is refused; so are other files. */
static void a_file_that_is_not_whole_is_refused(void **state)
{
    const place *p = *state;
    char text[1024], why[RA_STREAM_FILE_WHY_MAX];
    ra_stream_file *f = opened(p->path);
    write_some(f);
    assert_true(ra_stream_file_close(f));
    FILE *file = fopen(p->path, "r");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof text, file);
    fclose(file);
    assert_true(n > 100 && n < sizeof text);
    for (size_t cut = 0; cut + 1 < n; cut++) { /* the last byte is a newline */
        put(p->path, text, cut);
        why[0] = '\0';
        assert_null(ra_stream_file_open(p->path, why));
        assert_non_null(strstr(why, p->path));
    }
    static const char *const others[] = {"[]", "{\"version\": 2, \"notes\": []}", "{\"version\": 1}",
                                         "{\"version\": 1, \"notes\": [7]}"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        put(p->path, others[i], strlen(others[i]));
        assert_null(ra_stream_file_open(p->path, why));
    }
}

static void times_are_after_1970(void **state)
{
    const place *p = *state;
    char why[RA_STREAM_FILE_WHY_MAX];
    static const char text[] = "{\"version\": 1, \"notes\": [{\"stream\": \"s\", \"shard\": \"a\", "
                               "\"handled\": \"\", \"finished\": false, \"drained_ms\": -1, \"at\": 1}]}";
    put(p->path, text, sizeof text - 1);
    assert_null(ra_stream_file_open(p->path, why));
}

static void what_cannot_be_written_is_said(void **state)
{
    const place *p = *state;
    char path[200], why[RA_STREAM_FILE_WHY_MAX] = "";
    snprintf(path, sizeof path, "%s/no/such/folder", p->folder);
    assert_null(ra_stream_file_open(path, why));
    assert_non_null(strstr(why, "can't be opened"));
    ra_stream_file *f = opened(p->path);
    snprintf(path, sizeof path, "%s.new", p->path);
    assert_int_equal(mkdir(path, 0700), 0); /* so that nothing can be written beside it */
    note(f, "a", "1", false, 1);            /* goes on in memory */
    assert_string_equal(known(f, ARN, "a").handled, "1");
    assert_false(ra_stream_file_flush(f, why));
    assert_non_null(strstr(why, p->path));
    assert_int_equal(rmdir(path), 0);
    assert_true(ra_stream_file_close(f));
    f = opened(p->path);
    assert_string_equal(known(f, ARN, "a").handled, "1");
    assert_true(ra_stream_file_close(f));
}

static void what_is_a_week_old_is_forgotten(void **state)
{
    const place *p = *state;
    static const char old[] =
        "{\"version\": 1, \"notes\": [{\"stream\": \"s\", \"shard\": \"old\", \"handled\": "
        "\"7\", \"finished\": true, \"drained_ms\": 5, \"at\": 1000}]}";
    put(p->path, old, sizeof old - 1);
    ra_stream_file *f = opened(p->path);
    assert_string_equal(known(f, "s", "old").handled, "7");
    note(f, "a", "1", false, 1);
    assert_true(ra_stream_file_close(f));
    f = opened(p->path);
    assert_string_equal(known(f, "s", "old").handled, "");
    assert_string_equal(known(f, ARN, "a").handled, "1");
    assert_true(ra_stream_file_close(f));
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, free_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_alone),
        WITH_PLACE(the_next_process_goes_on),
        WITH_PLACE(a_position_is_on_disk_without_an_end),
        WITH_PLACE(one_process_at_a_time),
        WITH_PLACE(a_file_that_is_not_whole_is_refused),
        WITH_PLACE(times_are_after_1970),
        WITH_PLACE(what_cannot_be_written_is_said),
        WITH_PLACE(what_is_a_week_old_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
