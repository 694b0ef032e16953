/*
 * Markers in a real Redis, which this program starts; and servers made by hand in a process of their own,
 * which say what no Redis says, or forward to the real one and lie about one thing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/redis_markers_scan.h"
#include "redis_server.h"

#include "cache/key_hex.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE = 60000, VISITS = 2048 };
#define HOUR INT64_C(3600000)

static redis_server server;
static redisContext *direct;

static int start(void **state)
{
    (void)state;
    redis_folder_make();
    snprintf(server.socket, sizeof server.socket, "%s", redis_path("socket"));
    redis_server_start(&server, (const char *const[]){"--port", "0", NULL});
    for (unsigned tries = 0; tries < PATIENCE; tries++) {
        direct = redisConnectUnix(server.socket);
        if (direct && !direct->err)
            return 0;
        redisFree(direct);
        poll(NULL, 0, 1);
    }
    return -1;
}

static int stop(void **state)
{
    (void)state;
    redisFree(direct);
    redis_server_stop(&server);
    redis_folder_remove();
    return 0;
}

static long long command(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *r = redisvCommand(direct, format, args);
    va_end(args);
    assert_non_null(r);
    if (r->type == REDIS_REPLY_ERROR)
        fail_msg("%s", r->str);
    long long n = r->integer;
    freeReplyObject(r);
    return n;
}

static int empty(void **state)
{
    (void)state;
    command("FLUSHALL");
    return 0;
}

static int64_t redis_now(void)
{
    redisReply *r = redisCommand(direct, "TIME");
    int64_t now = strtoll(r->element[0]->str, NULL, 10) * 1000 + strtoll(r->element[1]->str, NULL, 10) / 1000;
    freeReplyObject(r);
    return now;
}

/* ---- units, and visits to them ---- */

static ra_key unit(unsigned n)
{
    ra_key k;
    memset(&k, 0x3c, sizeof k);
    k.b[0] = (unsigned char)(n * 37);
    k.b[1] = (unsigned char)(n >> 8);
    k.b[2] = (unsigned char)n;
    return k;
}

static const char *name(const char *prefix, unsigned n)
{
    static char text[4][128];
    static unsigned next;
    char hex[RA_KEY_HEX + 1], *out = text[next++ % 4];
    ra_key k = unit(n);
    ra_key_hex(&k, hex);
    snprintf(out, sizeof text[0], "%sra1:%s", prefix, hex);
    return out;
}

static void mark(const char *prefix, unsigned n, unsigned write, int64_t deadline)
{
    command("HSET %s w%032x %" PRId64, name(prefix, n), write, deadline);
}

typedef struct visits {
    ra_marked_unit v[VISITS];
    size_t n, stop_at; /* 0: never */
    uint64_t keys;
    unsigned pages;
    ra_key only;
} visits;

static bool on_unit(const ra_marked_unit *u, void *arg)
{
    visits *seen = arg;
    assert_true(seen->n < VISITS);
    seen->v[seen->n++] = *u;
    return seen->n != seen->stop_at;
}

static bool on_page(uint64_t keys, void *arg)
{
    visits *seen = arg;
    seen->pages++;
    seen->keys = keys;
    return true;
}

static bool is_only(const ra_key *k, void *arg)
{
    const visits *seen = arg;
    return ra_key_eq(k, &seen->only);
}

static visits seen;

static ra_marker_visitor visitor(bool clear)
{
    seen = (visits){0};
    return (ra_marker_visitor){.clear = clear, .unit = on_unit, .page = on_page, .arg = &seen};
}

static const ra_marked_unit *visited(unsigned n)
{
    ra_key k = unit(n);
    const ra_marked_unit *found = NULL;
    for (size_t i = 0; i < seen.n; i++) {
        if (!ra_key_eq(&seen.v[i].unit, &k))
            continue;
        assert_null(found); /* each once */
        found = &seen.v[i];
    }
    assert_non_null(found);
    return found;
}

static ra_marker_scan *scan_of(const char *socket, const char *prefix, int64_t timeout)
{
    ra_marker_scan_options o = {
        .redis = {.socket = socket, .connect_timeout = PATIENCE}, .key_prefix = prefix, .timeout = timeout};
    ra_marker_scan *s = ra_marker_scan_new(&o);
    assert_non_null(s);
    return s;
}

static void all(const char *prefix, bool clear)
{
    ra_marker_visitor v = visitor(clear);
    ra_marker_scan *s = scan_of(server.socket, prefix, PATIENCE);
    if (!ra_marker_scan_all(s, &v))
        fail_msg("%s", ra_marker_scan_why(s));
    assert_null(ra_marker_scan_why(s));
    ra_marker_scan_free(s);
}

/* ---- against Redis ---- */

static void nothing(void **state)
{
    (void)state;
    all("", false);
    assert_int_equal(seen.n, 0);
    assert_int_equal(seen.pages, 1);
    all("", true);
    assert_int_equal(seen.n, 0);
}

static void what_stands_on_units(void **state)
{
    (void)state;
    int64_t now = redis_now();
    mark("", 1, 1, now + HOUR);
    mark("", 1, 2, now + 2 * HOUR);
    mark("", 1, 3, now - 1);
    mark("", 2, 1, 5);
    command("HSET %s w1 soon w2 %s w3 -5", name("", 3), "12345678901234567890");
    command("HSET %s ! generation r1 payload", name("", 4));
    command("HSET %s r1 left-over", name("", 5));
    command("SET %s text", name("", 6));
    command("HSET ra1:epochs aaaaaaaa 5");
    command("HSET ra1:o%s w1 %" PRId64, name("", 1) + strlen("ra1:"), now + HOUR); /* an own write's item */
    command("HSET ra1:s%s w1 %" PRId64, name("", 1) + strlen("ra1:"), now + HOUR); /* a post */
    command("HSET ra1:3c3c w1 %" PRId64, now + HOUR);
    all("", false);
    assert_int_equal(seen.n, 3);
    const ra_marked_unit *u = visited(1);
    assert_int_equal(u->live, 2);
    assert_int_equal(u->expired, 1);
    assert_int_equal(u->unreadable, 0);
    assert_int_equal(u->latest, now + 2 * HOUR);
    assert_true(u->now >= now && u->now < now + HOUR);
    assert_int_equal(visited(2)->live, 0);
    assert_int_equal(visited(2)->expired, 1);
    assert_int_equal(visited(2)->latest, 0);
    assert_int_equal(visited(3)->live, 3);
    assert_int_equal(visited(3)->unreadable, 3);
    assert_int_equal(visited(3)->latest, 0);
}

static void clearing_touches_markers_alone(void **state)
{
    (void)state;
    int64_t now = redis_now();
    mark("", 1, 1, now + HOUR);
    mark("", 1, 2, 5);
    command("HSET %s ! generation r1 payload w9 nobody-made-this", name("", 2));
    command("HSET %s w1 %" PRId64 " other field", name("", 3), now + HOUR);
    mark("x", 4, 1, now + HOUR);
    command("SET %s text", name("", 5));
    all("", true);
    assert_int_equal(seen.n, 2);
    assert_int_equal(visited(1)->live, 1);
    assert_int_equal(visited(1)->expired, 1);
    assert_int_equal(visited(3)->live, 1);
    assert_int_equal(command("EXISTS %s", name("", 1)), 0);
    assert_int_equal(command("HLEN %s", name("", 2)), 3);
    assert_int_equal(command("HLEN %s", name("", 3)), 1);
    assert_int_equal(command("HLEN %s", name("x", 4)), 1);
    assert_int_equal(command("EXISTS %s", name("", 5)), 1);
}

static void a_prefix_is_no_pattern(void **state)
{
    (void)state;
    static const char prefix[] = "a*[b-c]?\\^";
    int64_t deadline = redis_now() + HOUR;
    mark(prefix, 1, 1, deadline);
    mark("axb?\\^", 2, 1, deadline);
    mark("aab0\\^", 3, 1, deadline);
    mark("", 4, 1, deadline);
    all(prefix, false);
    assert_int_equal(seen.n, 1);
    visited(1);
    all("", false);
    assert_int_equal(seen.n, 1);
    visited(4);
}

static void named_units_in_their_order(void **state)
{
    (void)state;
    mark("", 1, 1, redis_now() + HOUR);
    command("HSET %s ! generation", name("", 2));
    mark("", 4, 1, 5);
    const ra_key asked[] = {unit(4), unit(3), unit(2), unit(1), unit(1)};
    ra_marker_visitor v = visitor(false);
    ra_marker_scan *s = scan_of(server.socket, "", PATIENCE);
    assert_true(ra_marker_scan_units(s, asked, 5, &v));
    assert_int_equal(seen.n, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_true(ra_key_eq(&seen.v[i].unit, &asked[i]));
        assert_int_equal(seen.v[i].live, i >= 3);
        assert_int_equal(seen.v[i].expired, i == 0);
        assert_int_equal(seen.v[i].now == 0, i == 2);
    }
    assert_true(ra_marker_scan_units(s, NULL, 0, &v));
    ra_marker_scan_free(s);
}

static void what_is_wanted_alone_is_cleared(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 20; n++)
        mark("", n, 1, redis_now() + HOUR);
    ra_marker_visitor v = visitor(true);
    v.wanted = is_only;
    seen.only = unit(7);
    ra_marker_scan *s = scan_of(server.socket, "", PATIENCE);
    assert_true(ra_marker_scan_all(s, &v));
    assert_int_equal(seen.n, 1);
    ra_marker_scan_free(s);
    assert_int_equal(command("EXISTS %s", name("", 7)), 0);
    assert_int_equal(command("DBSIZE"), 19);
}

static void many_units_and_many_markers(void **state)
{
    (void)state;
    int64_t deadline = redis_now() + HOUR;
    enum { UNITS = 1500, MARKERS = 3000 };
    for (unsigned n = 0; n < UNITS; n++)
        mark("", n, 1, deadline + n);
    for (unsigned n = 2; n <= MARKERS; n++)
        mark("", 3, n, n % 2 ? deadline + 10000 + n : 5);
    for (unsigned clear = 0; clear < 2; clear++) {
        all("", clear);
        assert_int_equal(seen.n, UNITS);
        assert_int_equal(seen.keys, UNITS);
        assert_true(seen.pages > 1);
        assert_int_equal(visited(3)->live, MARKERS / 2);
        assert_int_equal(visited(3)->expired, MARKERS / 2);
        assert_int_equal(visited(3)->latest, deadline + 10000 + MARKERS - 1);
        assert_int_equal(visited(77)->latest, deadline + 77);
    }
    assert_int_equal(command("DBSIZE"), 0);
}

static void a_visitor_that_has_seen_enough(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 10; n++)
        mark("", n, 1, redis_now() + HOUR);
    ra_marker_visitor v = visitor(false);
    seen.stop_at = 3;
    ra_marker_scan *s = scan_of(server.socket, "", PATIENCE);
    assert_false(ra_marker_scan_all(s, &v));
    assert_int_equal(seen.n, 3);
    assert_null(ra_marker_scan_why(s));
    v = visitor(false);
    assert_true(ra_marker_scan_all(s, &v));
    assert_int_equal(seen.n, 10);
    ra_marker_scan_free(s);
}

/* ---- what goes wrong ---- */

static void fails_with(ra_marker_scan *s, const char *words)
{
    ra_marker_visitor v = visitor(false);
    ra_key k = unit(1);
    assert_false(ra_marker_scan_all(s, &v));
    assert_non_null(ra_marker_scan_why(s));
    if (!strstr(ra_marker_scan_why(s), words))
        fail_msg("'%s' isn't '%s'", ra_marker_scan_why(s), words);
    assert_false(ra_marker_scan_units(s, &k, 1, &v)); /* and so does everything from now on */
    assert_int_equal(seen.n, 0);
    ra_marker_scan_free(s);
}

static void nobody_is_there(void **state)
{
    (void)state;
    fails_with(scan_of(redis_path("nowhere"), "", PATIENCE), "No such file");
    ra_marker_scan_free(scan_of(redis_path("nowhere"), "", PATIENCE)); /* unused */
    ra_marker_scan_free(NULL);
    char prefix[600];
    memset(prefix, 'x', sizeof prefix);
    prefix[sizeof prefix - 1] = '\0';
    ra_marker_scan_options o = {.redis = {.socket = "s"}, .key_prefix = prefix, .timeout = 1};
    assert_null(ra_marker_scan_new(&o));
}

/* A listening socket, and a process that serves one connection there. */
static const char *peer_path(int *listener)
{
    static unsigned n;
    static char path[96];
    snprintf(path, sizeof path, "%s/peer%u", redis_folder, n++);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    *listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(*listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(*listener, 1), 0);
    return path;
}

static void say(int fd, const char *text)
{
    for (size_t n = strlen(text); n > 0;) {
        ssize_t put = write(fd, text, n);
        if (put <= 0)
            _exit(1);
        text += put;
        n -= (size_t)put;
    }
}

/* Reads on until the word has come. false: the other side has left. */
static bool hear(int fd, const char *word)
{
    static char got[1 << 18];
    static size_t n;
    for (;;) {
        char *at = memmem(got, n, word, strlen(word));
        if (at) {
            size_t used = (size_t)(at - got) + strlen(word);
            memmove(got, got + used, n - used);
            n -= used;
            return true;
        }
        ssize_t more = read(fd, got + n, sizeof got - n);
        if (more <= 0)
            return false;
        n += (size_t)more;
    }
}

static pid_t serve(int listener, const char *const *script)
{
    pid_t pid = fork();
    if (pid != 0) {
        close(listener);
        return pid;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = accept(listener, NULL, NULL);
    if (!hear(fd, "INFO\r\n"))
        _exit(1);
    say(fd, "$2\r\nx\n\r\n");
    for (; script[0]; script += 2) {
        if (!hear(fd, script[0]))
            _exit(1);
        say(fd, script[1]);
    }
    if (!script[1]) /* NULL, NULL: it hangs; NULL, "": it hangs up */
        hear(fd, "never");
    _exit(0);
}

#define DIGITS  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define STRANGE "isn't what"

/* A page of one unit's key, the last one and not; a page of keys of all kinds. */
static const char one_key[] = "*2\r\n$1\r\n0\r\n*1\r\n$68\r\nra1:" DIGITS "\r\n";
static const char one_key_of_more[] = "*2\r\n$1\r\n5\r\n*1\r\n$68\r\nra1:" DIGITS "\r\n";
static const char odd_keys[] = "*2\r\n$1\r\n0\r\n*6\r\n:5\r\n$-1\r\n*0\r\n$3\r\nra1\r\n$68\r\nxa1:" DIGITS
                               "\r\n$68\r\nra1:" DIGITS "\r\n";

static void strange_answers(void **state)
{
    (void)state;
    static const struct {
        const char *script[8];
        const char *words;
    } cases[] = {
        {{"SCAN\r\n", ":5\r\n", NULL, NULL}, STRANGE},
        {{"SCAN\r\n", "*-1\r\n", NULL, NULL}, STRANGE},
        {{"SCAN\r\n", "*1\r\n$1\r\n0\r\n", NULL, NULL}, STRANGE},
        {{"SCAN\r\n", "*2\r\n$1\r\n0\r\n$1\r\nx\r\n", NULL, NULL}, STRANGE},
        {{"SCAN\r\n", "*2\r\n:0\r\n*0\r\n", NULL, NULL}, "a cursor isn't"},
        {{"SCAN\r\n", "*2\r\n$0\r\n\r\n*0\r\n", NULL, NULL}, "a cursor isn't"},
        {{"SCAN\r\n", "*2\r\n$2\r\n1x\r\n*0\r\n", NULL, NULL}, "a cursor isn't"},
        {{"SCAN\r\n", "*2\r\n$24\r\n111111111111111111111111\r\n*0\r\n", NULL, NULL}, "a cursor isn't"},
        {{"SCAN\r\n", "-ERR what a day\r\n", NULL, NULL}, "what a day"},
        {{"SCAN\r\n", "*2\r\n$1\r\n0", NULL, ""}, "the connection was lost: "},
        {{"SCAN\r\n", one_key, "HEXISTS\r\n", "-NOPERM not you\r\n", NULL, NULL},
         "the user must be allowed SCAN"},
        {{"SCAN\r\n", one_key, "HEXISTS\r\n", ":0\r\n", "EVAL\r\n", "*0\r\n", NULL, NULL}, STRANGE},
        {{"SCAN\r\n", one_key, "HEXISTS\r\n", ":0\r\n", "EVAL\r\n", "*2\r\n$1\r\n5\r\n$1\r\n0\r\n", NULL,
          NULL},
         STRANGE},
        {{"SCAN\r\n", one_key, "HEXISTS\r\n", ":0\r\n", "EVAL\r\n", "*2\r\n:5\r\n*0\r\n", NULL, NULL},
         "a cursor isn't"},
        {{"SCAN\r\n", one_key, "HEXISTS\r\n", ":0\r\n", NULL, ""}, "the connection was lost: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int listener;
        const char *path = peer_path(&listener);
        pid_t pid = serve(listener, cases[i].script);
        fails_with(scan_of(path, "", PATIENCE), cases[i].words);
        waitpid(pid, NULL, 0);
    }
}

/* Among keys of all kinds one unit; its markers in odd company. */
static void odd_answers_that_will_do(void **state)
{
    (void)state;
    static const char *const script[] = {
        "SCAN\r\n",    odd_keys,
        "HEXISTS\r\n", ":0\r\n",
        "EVAL\r\n",    "*6\r\n:7\r\n$1\r\n9\r\n:5\r\n$-1\r\n$1\r\n8\r\n$16\r\n9999999999999999\r\n",
        "EVAL\r\n",    "*3\r\n:8\r\n$1\r\n0\r\n$1\r\n8\r\n",
        NULL,          NULL,
    };
    int listener;
    const char *path = peer_path(&listener);
    pid_t pid = serve(listener, script);
    ra_marker_visitor v = visitor(false);
    ra_marker_scan *s = scan_of(path, "", PATIENCE);
    assert_true(ra_marker_scan_all(s, &v));
    ra_marker_scan_free(s);
    waitpid(pid, NULL, 0);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.v[0].live, 2);
    assert_int_equal(seen.v[0].unreadable, 1);
    assert_int_equal(seen.v[0].latest, 8);
    assert_int_equal(seen.v[0].expired, 1);
}

/* The unit holds data by the time that its next page is asked for. */
static void data_in_between(void **state)
{
    (void)state;
    static const char *const script[] = {
        "SCAN\r\n", one_key,   "HEXISTS\r\n", ":0\r\n", "EVAL\r\n", "*3\r\n:7\r\n$1\r\n9\r\n$1\r\n8\r\n",
        "EVAL\r\n", "$-1\r\n", NULL,          NULL,
    };
    for (unsigned clear = 0; clear < 2; clear++) {
        int listener;
        const char *path = peer_path(&listener);
        pid_t pid = serve(listener, script);
        ra_marker_visitor v = visitor(clear);
        ra_marker_scan *s = scan_of(path, "", PATIENCE);
        assert_true(ra_marker_scan_all(s, &v));
        ra_marker_scan_free(s);
        waitpid(pid, NULL, 0);
        assert_int_equal(seen.n, clear); /* what was removed was removed, what was listed has gone */
    }
}

/* SCAN may name a key again. */
static void each_unit_once(void **state)
{
    (void)state;
    static const char found[] = "*3\r\n:7\r\n$1\r\n0\r\n$1\r\n8\r\n";
    static const char *const script[] = {
        "SCAN\r\n", one_key_of_more, "HEXISTS\r\n", ":0\r\n",   "EVAL\r\n", found, "SCAN\r\n",
        one_key,    "HEXISTS\r\n",   ":0\r\n",      "EVAL\r\n", found,      NULL,  NULL,
    };
    int listener;
    const char *path = peer_path(&listener);
    pid_t pid = serve(listener, script);
    ra_marker_visitor v = visitor(false);
    ra_marker_scan *s = scan_of(path, "", PATIENCE);
    assert_true(ra_marker_scan_all(s, &v));
    ra_marker_scan_free(s);
    waitpid(pid, NULL, 0);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.keys, 2);
}

static void a_server_that_hangs(void **state)
{
    (void)state;
    static const char *const script[] = {"SCAN\r\n", "*2\r\n", NULL, NULL};
    int listener;
    const char *path = peer_path(&listener);
    pid_t pid = serve(listener, script);
    fails_with(scan_of(path, "", 20), "no answer for 20 ms");
    waitpid(pid, NULL, 0);
}

/* Forwards to Redis, and says of each unit that it holds no data. */
static pid_t forward_with_a_lie(int listener)
{
    pid_t pid = fork();
    if (pid != 0) {
        close(listener);
        return pid;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd[2] = {accept(listener, NULL, NULL), socket(AF_UNIX, SOCK_STREAM, 0)};
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", server.socket);
    if (connect(fd[1], (struct sockaddr *)&a, sizeof a) != 0)
        _exit(1);
    for (;;) {
        static char got[65536];
        struct pollfd p[2] = {{.fd = fd[0], .events = POLLIN}, {.fd = fd[1], .events = POLLIN}};
        poll(p, 2, -1);
        int from = p[0].revents ? 0 : 1;
        ssize_t n = read(fd[from], got, sizeof got);
        if (n <= 0)
            _exit(0);
        if (from == 1 && n == 4 && memcmp(got, ":1\r\n", 4) == 0)
            got[1] = '0';
        if (write(fd[1 - from], got, (size_t)n) != n)
            _exit(1);
    }
}

/* The script itself sees that the unit holds data, and neither reads nor removes anything. */
static void data_is_safe_from_the_scripts(void **state)
{
    (void)state;
    command("HSET %s ! generation r1 payload w1 5", name("", 1));
    for (unsigned clear = 0; clear < 2; clear++) {
        int listener;
        const char *path = peer_path(&listener);
        pid_t pid = forward_with_a_lie(listener);
        ra_marker_visitor v = visitor(clear);
        ra_key k = unit(1);
        ra_marker_scan *s = scan_of(path, "", PATIENCE);
        assert_true(ra_marker_scan_units(s, &k, 1, &v));
        ra_marker_scan_free(s);
        waitpid(pid, NULL, 0);
        assert_int_equal(seen.n, 1);
        assert_int_equal(seen.v[0].live + seen.v[0].expired, 0);
        assert_int_equal(seen.v[0].now, 0);
    }
    assert_int_equal(command("HLEN %s", name("", 1)), 3);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing, empty),
        cmocka_unit_test_setup(what_stands_on_units, empty),
        cmocka_unit_test_setup(clearing_touches_markers_alone, empty),
        cmocka_unit_test_setup(a_prefix_is_no_pattern, empty),
        cmocka_unit_test_setup(named_units_in_their_order, empty),
        cmocka_unit_test_setup(what_is_wanted_alone_is_cleared, empty),
        cmocka_unit_test_setup(many_units_and_many_markers, empty),
        cmocka_unit_test_setup(a_visitor_that_has_seen_enough, empty),
        cmocka_unit_test_setup(data_is_safe_from_the_scripts, empty),
        cmocka_unit_test(nobody_is_there),
        cmocka_unit_test(strange_answers),
        cmocka_unit_test(odd_answers_that_will_do),
        cmocka_unit_test(data_in_between),
        cmocka_unit_test(each_unit_once),
        cmocka_unit_test(a_server_that_hangs),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
