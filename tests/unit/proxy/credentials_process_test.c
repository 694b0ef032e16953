/* Programs that hang, flood, fail, or look around. */
#include "proxy/credentials_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { AMPLE = 60000 };

#define GOOD "{\"Version\":1,\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"hush\"}"

static ra_credentials_lookup l;

static ra_credentials *run(const char *command, int64_t limit)
{
    ra_credentials *c = NULL;
    l = (ra_credentials_lookup){.region = "us-east-1"};
    enum ra_source_result r = ra_credentials_from_process(&l, command, limit, &c);
    assert_int_equal(r, c ? RA_SOURCE_FOUND : RA_SOURCE_FAILED);
    assert_null(strstr(l.why, "hush"));
    return c;
}

static void assert_refused(const char *command, int64_t limit, const char *why)
{
    assert_null(run(command, limit));
    if (!strstr(l.why, why))
        fail_msg("%s: %s, not %s", command, l.why, why);
}

static void test_found(void **state)
{
    (void)state;
    ra_credentials *c = run("echo '" GOOD "'", AMPLE);
    assert_non_null(c);
    assert_string_equal(c->access_key_id, "AKID");
    assert_string_equal(c->secret_access_key, "hush");
    assert_true(c->expires_ms == INT64_MAX);
    ra_credentials_unref(c);
    c = run("printf %s '{\"Version\":1,\"AccessKeyId\":\"A\"'; echo "
            "',\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\","
            "\"Expiration\":\"2100-01-01T00:00:00Z\"}'",
            AMPLE);
    assert_non_null(c);
    assert_string_equal(c->session_token, "t");
    assert_int_equal(c->expires_ms, 4102444800000);
    ra_credentials_unref(c);
}

static void test_failures(void **state)
{
    (void)state;
    assert_refused("echo '" GOOD "'; exit 3", AMPLE, "exit status 3");
    assert_refused("echo hush >&2; exit 1", AMPLE, "exit status 1");
    assert_refused("/nonexistent/program", AMPLE, "exit status 127");
    assert_refused("kill -9 $$", AMPLE, "signal 9");
    assert_refused("true", AMPLE, "something else than credentials");
    assert_refused("echo hush", AMPLE, "something else than credentials");
    assert_refused("echo '{}'", AMPLE, "Version");
    assert_refused("if then", AMPLE, "exit status");
}

static void test_floods_and_hangs(void **state)
{
    (void)state;
    assert_refused("cat /dev/zero", AMPLE, "too much");
    assert_refused("yes hush", AMPLE, "too much");
    assert_refused("sleep 1000", 100, "too long");
    assert_refused("echo '" GOOD "'; exec sleep 1000", 100, "too long");
    assert_refused("echo '" GOOD "'; exec >&-; sleep 1000", 100, "too long"); /* has closed its output */
    assert_refused("trap '' TERM INT HUP; sleep 1000 & wait", 100, "too long");
}

/* What it has started dies with it: the pipe that `sleep` holds open would end no sooner. */
static void test_its_children_are_killed(void **state)
{
    int ends[2];
    char command[128], c;
    char path[] = "/tmp/readaside-process-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(command, sizeof command, "%s/fifo", path);
    assert_int_equal(mkfifo(command, 0600), 0);
    ends[0] = open(command, O_RDONLY | O_NONBLOCK);
    assert_true(ends[0] >= 0);
    snprintf(command, sizeof command, "sleep 1000 3>%s/fifo & wait", path);
    assert_refused(command, 300, "too long");
    fcntl(ends[0], F_SETFL, 0);
    assert_int_equal(read(ends[0], &c, 1), 0); /* nobody holds it open any more */
    close(ends[0]);
    snprintf(command, sizeof command, "%s/fifo", path);
    unlink(command);
    rmdir(path);
}

/* Nothing of ours is open in it, its input is empty, and signals work in it. */
static void test_what_it_inherits(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY), high = fcntl(fd, F_DUPFD, 200); /* without FD_CLOEXEC */
    assert_true(fd >= 3 && high >= 200);
    char command[512];
    snprintf(command, sizeof command,
             "test ! -e /proc/self/fd/%d && test ! -e /proc/self/fd/%d && test -z \"$(cat)\" && echo '%s'",
             fd, high, GOOD);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    signal(SIGPIPE, SIG_IGN);
    ra_credentials *c = run(command, AMPLE);
    assert_non_null(c);
    ra_credentials_unref(c);
    c = run("grep -q '^SigBlk:.0*$' /proc/self/status && grep -q '^SigIgn:.*[08]0000000$' /proc/self/status "
            "&& echo '" GOOD "'",
            AMPLE);
    assert_non_null(c);
    ra_credentials_unref(c);
    signal(SIGPIPE, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(fd);
    close(high);
}

/* A parent that ignores SIGCHLD has no exit statuses. */
static void test_without_exit_statuses(void **state)
{
    (void)state;
    signal(SIGCHLD, SIG_IGN);
    ra_credentials *c = run("echo '" GOOD "'", AMPLE);
    signal(SIGCHLD, SIG_DFL);
    assert_non_null(c);
    ra_credentials_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_floods_and_hangs),
        cmocka_unit_test(test_its_children_are_killed),
        cmocka_unit_test(test_what_it_inherits),
        cmocka_unit_test(test_without_exit_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
