/* From rings to a file: all lines, in order, whole; a file that is full for a while, a pipe that nobody
 * reads. */
#include "proxy/access_log.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/access_log_test.XXXXXX";
static char path[256];

static int make_folder(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/log", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static ra_access_file *opened(const char *name)
{
    char why[RA_ACCESS_WHY_MAX];
    ra_access_file *f = ra_access_file_open(name, why);
    assert_non_null(f);
    return f;
}

static ra_access_log *logging_to(const char *name, unsigned loops)
{
    ra_access_log *log = ra_access_log_new(loops);
    assert_non_null(log);
    assert_true(ra_access_log_prepare(log));
    if (name)
        ra_access_log_use(log, opened(name));
    return log;
}

static void put(ra_access_log *log, unsigned loop, unsigned number, size_t size)
{
    char line[4000];
    int n = snprintf(line, sizeof line, "%u %u ", loop, number);
    memset(line + n, 'x', size - (size_t)n);
    line[size - 1] = '\n';
    ra_access_log_put(log, loop, line, size);
}

/* What the line begins with: a loop's number, and that of the line. */
static unsigned number_of(const char *line, unsigned *loop)
{
    char *end;
    *loop = (unsigned)strtoul(line, &end, 10);
    assert_true(end > line && *end == ' ');
    unsigned number = (unsigned)strtoul(end, &end, 10);
    assert_true(*end == ' ');
    return number;
}

static ra_access_stats stats(const ra_access_log *log)
{
    ra_access_stats s;
    ra_access_log_get_stats(log, &s);
    return s;
}

/* For as long as it takes: ctest's own limit is the end of it. */
static void wait_until_done(const ra_access_log *log, uint64_t lines)
{
    while (stats(log).written + stats(log).failed + stats(log).full < lines)
        sched_yield();
}

enum { LOOPS = 3, MANY = 3000 };

typedef struct putter {
    ra_access_log *log;
    unsigned loop;
} putter;

/* More than a ring holds, in all sizes; at most as fast as it is written. */
static void *put_many(void *arg)
{
    putter *p = arg;
    for (unsigned i = 0; i < MANY; i++) {
        uint64_t full = stats(p->log).full;
        put(p->log, p->loop, i, 20 + i * 7919 % 3980);
        if (stats(p->log).full != full)
            i--;
    }
    return NULL;
}

static void all_lines_in_order(void **state)
{
    (void)state;
    ra_access_log *log = logging_to(path, LOOPS);
    putter p[LOOPS];
    pthread_t threads[LOOPS];
    for (unsigned i = 0; i < LOOPS; i++) {
        p[i] = (putter){log, i};
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, &p[i]), 0);
    }
    for (unsigned i = 0; i < LOOPS; i++)
        pthread_join(threads[i], NULL);
    ra_access_log_free(log); /* writes what is left */
    unsigned next[LOOPS] = {0}, loop;
    FILE *f = fopen(path, "r");
    char line[4100];
    while (fgets(line, sizeof line, f)) {
        unsigned number = number_of(line, &loop);
        assert_true(loop < LOOPS && number >= next[loop]); /* put anew where there was no room, maybe twice */
        assert_true(number <= next[loop] + 1);
        next[loop] = number;
        assert_int_equal(strlen(line), 20 + number * 7919 % 3980);
    }
    fclose(f);
    for (unsigned i = 0; i < LOOPS; i++)
        assert_int_equal(next[i], MANY - 1);
}

static void limit_size(rlim_t to)
{
    struct rlimit r;
    getrlimit(RLIMIT_FSIZE, &r);
    r.rlim_cur = to;
    setrlimit(RLIMIT_FSIZE, &r);
}

/* The first line doesn't fit: a part of it is written. The next one begins on a line of its own. */
static void a_torn_line_is_ended(void **state)
{
    (void)state;
    char text[256];
    limit_size(50);
    ra_access_log *log = logging_to(path, 1);
    put(log, 0, 1, 40);
    wait_until_done(log, 1);
    put(log, 0, 2, 40);
    wait_until_done(log, 2);
    assert_int_equal(stats(log).failed, 1);
    limit_size(RLIM_INFINITY);
    put(log, 0, 3, 40);
    put(log, 0, 4, 40);
    ra_access_log_free(log);
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    assert_int_equal(n, 40 + 10 + 1 + 40 + 40);
    text[n] = '\0';
    assert_memory_equal(text + 40, "0 2 xxxxxx\n0 3 ", 15);
    assert_memory_equal(text + 91, "0 4 ", 4);
}

/* What is in the ring stays for whoever comes; what has no room is dropped, and nobody waits. */
static void a_pipe_without_a_reader(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    ra_access_log *log = logging_to(path, 1);
    enum { SIZE = 1024, ROOM = RA_ACCESS_RING / SIZE };
    for (unsigned i = 0; i < ROOM + 10; i++)
        put(log, 0, i, SIZE);
    assert_int_equal(stats(log).full, 10);
    assert_int_equal(stats(log).written, 0);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "r");
    char line[2 * SIZE];
    for (unsigned i = 0, loop; i < ROOM; i++) {
        assert_non_null(fgets(line, sizeof line, f));
        assert_int_equal(number_of(line, &loop), i);
        assert_int_equal(strlen(line), SIZE);
    }
    fclose(f);
    ra_access_log_free(log);
}

/* At the end nobody waits for a pipe that is full. */
static void a_full_pipe_doesnt_hold_up_the_end(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    ra_access_log *log = logging_to(path, 1);
    for (unsigned i = 0; i < 200; i++)
        put(log, 0, i, 2000);
    while (stats(log).written == 0)
        sched_yield();
    ra_access_log_free(log);
    close(fd);
}

static void another_file(void **state)
{
    (void)state;
    char second[300];
    struct stat st;
    snprintf(second, sizeof second, "%s2", path);
    ra_access_log *log = logging_to(path, 1);
    put(log, 0, 1, 30);
    put(log, 0, 2, 30);
    wait_until_done(log, 2);
    ra_access_log_use(log, opened(second));
    while (stat(second, &st) != 0 || st.st_size == 0)
        put(log, 0, 3, 30);
    ra_access_log_use(log, NULL);
    ra_access_log_free(log);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size >= 60 && st.st_size % 30 == 0);
    assert_int_equal(st.st_mode & 0137, 0);
    unlink(second);
}

/* Whenever the thread comes to see it: what was put before a change is in the old file, the rest in the new.
 */
static void a_change_divides_the_lines(void **state)
{
    (void)state;
    enum { CHANGES = 100 };
    char second[300], line[64];
    snprintf(second, sizeof second, "%s2", path);
    const char *names[] = {path, second};
    ra_access_log *log = logging_to(path, 2);
    for (unsigned i = 0; i < CHANGES; i++) {
        put(log, i % 2, i, 30);
        if (i == 0)
            wait_until_done(log, 1); /* so that the first file is in use */
        ra_access_log_use(log, opened(names[(i + 1) % 2]));
        put(log, 0, i + 1, 30);
        put(log, 1, i + 1, 30);
        wait_until_done(log, 3 * (uint64_t)(i + 1));
    }
    ra_access_log_free(log);
    for (unsigned i = 0, loop; i < 2; i++) {
        unsigned lines = 0;
        FILE *f = fopen(names[i], "r");
        for (; fgets(line, sizeof line, f); lines++)
            assert_int_equal(number_of(line, &loop) % 2, i);
        fclose(f);
        assert_int_equal(lines, 3 * CHANGES / 2);
    }
    unlink(second);
}

/* Turned off, what was put before is still written. */
static void none_any_more(void **state)
{
    (void)state;
    struct stat st;
    ra_access_log *log = logging_to(path, 1);
    for (unsigned i = 0; i < 100; i++)
        put(log, 0, i, 100);
    ra_access_log_use(log, NULL);
    wait_until_done(log, 100);
    assert_int_equal(stats(log).written, 100);
    ra_access_log_free(log);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 10000);
}

static void what_cant_be_opened(void **state)
{
    (void)state;
    char why[RA_ACCESS_WHY_MAX];
    assert_null(ra_access_file_open("/", why));
    assert_non_null(strstr(why, "Is a directory"));
    assert_null(ra_access_file_open("/no/such/folder/log", why));
    assert_non_null(strstr(why, "No such file"));
    ra_access_file_close(NULL);
    ra_access_log_free(NULL);
    ra_access_log *unused = ra_access_log_new(64);
    ra_access_log_use(unused, NULL);
    ra_access_log_free(unused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(all_lines_in_order, remove_file),
        cmocka_unit_test_teardown(a_torn_line_is_ended, remove_file),
        cmocka_unit_test_teardown(a_pipe_without_a_reader, remove_file),
        cmocka_unit_test_teardown(a_full_pipe_doesnt_hold_up_the_end, remove_file),
        cmocka_unit_test_teardown(another_file, remove_file),
        cmocka_unit_test_teardown(a_change_divides_the_lines, remove_file),
        cmocka_unit_test_teardown(none_any_more, remove_file),
        cmocka_unit_test(what_cant_be_opened),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
