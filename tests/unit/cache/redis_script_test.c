/*
 * Each sentence of redis_script.h, against a real Redis that this program starts: it listens on a unix socket
 * in a folder of its own and keeps nothing on disk.
 *
 * Where time matters the scripts' clock is replaced by a key that the test sets, and by nothing else: so
 * deadlines are met to the millisecond and nothing waits. Keys' own TTLs stay real, and are long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "redis_server.h"

#include "cache/redis_script.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EPOCH_A "aaaaaaaa"
#define EPOCH_B "bbbbbbbb"
#define MINUTE  "60000"

/* ---- the server ---- */

enum { ARGUMENTS = 16 };

/* A script as the server is given it: the product's text, or that with something replaced. */
typedef struct script {
    char *text;
    char sha1[RA_SCRIPT_SHA1];
} script;

static struct server {
    redis_server process;
    redisContext *redis;
    script scripts[RA_SCRIPTS];
    int64_t now; /* what the replaced clock says */
} server;

static int start_server(void **state)
{
    (void)state;
    redis_folder_make();
    snprintf(server.process.socket, sizeof server.process.socket, "%s", redis_path("socket"));
    redis_server_start(&server.process,
                       (const char *const[]){"--port", "0", "--maxmemory-policy", "volatile-lru", NULL});
    for (;;) {
        server.redis = redisConnectUnix(server.process.socket);
        if (server.redis && !server.redis->err)
            return 0;
        redisFree(server.redis);
        server.redis = NULL;
        if (waitpid(server.process.pid, NULL, WNOHANG) != 0) {
            print_error("redis-server doesn't start\n");
            server.process.pid = 0;
            return -1;
        }
        poll(NULL, 0, 1);
    }
}

static int stop_server(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RA_SCRIPTS; i++)
        free(server.scripts[i].text);
    redisFree(server.redis);
    redis_server_stop(&server.process);
    redis_folder_remove();
    return 0;
}

/* ---- commands ---- */

/* The reply is the caller's to free. */
static redisReply *command(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *reply = redisvCommand(server.redis, format, ap);
    va_end(ap);
    if (!reply)
        fail_msg("no reply to %s: %s", format, server.redis->errstr);
    return reply;
}

static void expect_ok(redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STATUS)
        fail_msg("type %d: %s", reply->type, reply->str);
    freeReplyObject(reply);
}

static int64_t integer_of(redisReply *reply)
{
    if (reply->type != REDIS_REPLY_INTEGER)
        fail_msg("type %d, not an integer: %s", reply->type, reply->str ? reply->str : "");
    int64_t n = reply->integer;
    freeReplyObject(reply);
    return n;
}

static void expect_integer(redisReply *reply, int64_t n)
{
    assert_int_equal(integer_of(reply), n);
}

static void expect_nil(redisReply *reply)
{
    assert_int_equal(reply->type, REDIS_REPLY_NIL);
    freeReplyObject(reply);
}

static void expect_error(redisReply *reply, const char *begins)
{
    if (reply->type != REDIS_REPLY_ERROR || strncmp(reply->str, begins, strlen(begins)) != 0)
        fail_msg("type %d, not the error %s: %s", reply->type, begins, reply->str ? reply->str : "");
    freeReplyObject(reply);
}

static void expect_text(redisReply *reply, const char *text)
{
    if (reply->type != REDIS_REPLY_STRING)
        fail_msg("type %d, not a text: %s", reply->type, reply->str ? reply->str : "");
    assert_string_equal(reply->str, text);
    freeReplyObject(reply);
}

/* Numbers as arguments; good for the next 15 calls. */
static const char *num(int64_t n)
{
    static char texts[16][24];
    static unsigned at;
    char *text = texts[at++ % 16];
    snprintf(text, sizeof texts[0], "%" PRId64, n);
    return text;
}

/* ---- scripts ---- */

static redisReply *eval(redisContext *redis, const char *how, const char *what,
                        const char *const *key_and_args)
{
    const char *argv[ARGUMENTS] = {how, what, "1"};
    int argc = 3;
    for (unsigned i = 0; key_and_args[i]; i++) {
        assert_true(argc < ARGUMENTS);
        argv[argc++] = key_and_args[i];
    }
    redisReply *reply = redisCommandArgv(redis, argc, argv, NULL);
    assert_non_null(reply);
    return reply;
}

/* As the product sends it. */
static redisReply *run_on(redisContext *redis, enum ra_redis_script s, const char *const *key_and_args)
{
    redisReply *reply = eval(redis, "EVALSHA", server.scripts[s].sha1, key_and_args);
    if (reply->type != REDIS_REPLY_ERROR || strncmp(reply->str, "NOSCRIPT", 8) != 0)
        return reply;
    freeReplyObject(reply);
    return eval(redis, "EVAL", server.scripts[s].text, key_and_args);
}

/* RUN(BEGIN, key, arguments…): texts all. */
#define RUN(script, ...) run_on(server.redis, RA_SCRIPT_##script, (const char *const[]){__VA_ARGS__, NULL})

/* `text` with each `from` replaced; NULL if there is none. */
static char *replaced(const char *text, const char *from, const char *to)
{
    size_t room = strlen(text) * 2 + strlen(to) * 20 + 1, n = strlen(from);
    char *out = calloc(1, room), *at = out;
    assert_non_null(out);
    bool found = false;
    while (*text) {
        if (strncmp(text, from, n) == 0) {
            at += snprintf(at, room - (size_t)(at - out), "%s", to);
            text += n;
            found = true;
        } else {
            *at++ = *text++;
        }
        assert_true((size_t)(at - out) < room);
    }
    if (found)
        return out;
    free(out);
    return NULL;
}

static void use_text(enum ra_redis_script s, char *take)
{
    assert_non_null(take);
    free(server.scripts[s].text);
    server.scripts[s].text = take;
    redisReply *reply = command("SCRIPT LOAD %s", take);
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    snprintf(server.scripts[s].sha1, RA_SCRIPT_SHA1, "%s", reply->str);
    freeReplyObject(reply);
}

static void mutate(enum ra_redis_script s, const char *from, const char *to)
{
    use_text(s, replaced(server.scripts[s].text, from, to));
}

static void set_clock(int64_t now)
{
    server.now = now;
    freeReplyObject(command("HSET clock s %s us %s", num(now / 1000),
                            num(now % 1000 * 1000 + 999))); /* 999: is cut off */
}

/* The clock is the test's from here on; it says 1 700 000 000 000. */
static void own_clock(void)
{
    for (enum ra_redis_script s = 0; s < RA_SCRIPTS; s++)
        if (strstr(server.scripts[s].text, "'TIME'"))
            mutate(s, "redis.call('TIME')", "redis.call('HMGET', 'clock', 's', 'us')");
    set_clock(1700000000000);
}

/* Every test begins with the product's texts, unknown to the server, and with no data and no limits. */
static int fresh(void **state)
{
    (void)state;
    for (enum ra_redis_script s = 0; s < RA_SCRIPTS; s++) {
        free(server.scripts[s].text);
        server.scripts[s].text = strdup(ra_redis_script_text(s));
        if (!server.scripts[s].text)
            return -1;
        ra_redis_script_sha1(s, server.scripts[s].sha1);
    }
    expect_ok(command("CONFIG SET maxmemory 0 min-replicas-to-write 0"));
    expect_ok(command("REPLICAOF NO ONE"));
    expect_ok(command("FLUSHALL"));
    expect_ok(command("SCRIPT FLUSH"));
    return 0;
}

static int64_t server_ms(void)
{
    redisReply *reply = command("TIME");
    int64_t ms =
        strtoll(reply->element[0]->str, NULL, 10) * 1000 + strtoll(reply->element[1]->str, NULL, 10) / 1000;
    freeReplyObject(reply);
    return ms;
}

/* ---- what a key holds ---- */

static int64_t fields(const char *key)
{
    return integer_of(command("HLEN %s", key));
}

static int64_t ttl(const char *key)
{
    return integer_of(command("PTTL %s", key));
}

static int64_t number_at(const char *key, const char *field)
{
    redisReply *reply = command("HGET %s %s", key, field);
    if (reply->type != REDIS_REPLY_STRING)
        fail_msg("no field %s", field);
    int64_t n = strtoll(reply->str, NULL, 10);
    freeReplyObject(reply);
    return n;
}

/* The generation, made or found; good until the fourth next call. */
static const char *generation(const char *key, const char *nonce, const char *epoch)
{
    static char texts[4][64];
    static unsigned at;
    char *text = texts[at++ % 4];
    redisReply *reply = RUN(MISS, key, nonce, MINUTE, epoch);
    if (reply->type != REDIS_REPLY_STRING)
        fail_msg("no generation: type %d %s", reply->type, reply->str ? reply->str : "");
    snprintf(text, sizeof texts[0], "%s", reply->str);
    freeReplyObject(reply);
    return text;
}

static void expect_no_key(const char *key)
{
    assert_int_equal(ttl(key), -2);
}

static void expect_marker_key(const char *key, int64_t markers)
{
    assert_int_equal(ttl(key), -1);
    assert_int_equal(fields(key), markers);
    expect_integer(command("HEXISTS %s !", key), 0);
}

static void fill_one(const char *key, const char *field, const char *value)
{
    const char *g = generation(key, "n", EPOCH_A);
    expect_integer(RUN(FILL, key, g, field, MINUTE, "0", "100", value), 1);
}

/* ---- texts ---- */

static void test_names_and_sha1(void **state)
{
    (void)state;
    static const char *const names[] = {"BEGIN", "END",   "MISS", "FILL", "INVALIDATE",
                                        "CLEAN", "EPOCH", "POST", "OWN",  "TAKE"};
    for (enum ra_redis_script s = 0; s < RA_SCRIPTS; s++) {
        char sha1[RA_SCRIPT_SHA1];
        assert_string_equal(ra_redis_script_name(s), names[s]);
        ra_redis_script_sha1(s, sha1);
        expect_text(command("SCRIPT LOAD %s", ra_redis_script_text(s)), sha1);
    }
}

static void test_evalsha_and_eval(void **state)
{
    (void)state;
    const char *const args[] = {"u", "1", MINUTE, NULL};
    expect_error(eval(server.redis, "EVALSHA", server.scripts[RA_SCRIPT_BEGIN].sha1, args), "NOSCRIPT");
    expect_integer(eval(server.redis, "EVAL", ra_redis_script_text(RA_SCRIPT_BEGIN), args), 1);
    expect_integer(eval(server.redis, "EVALSHA", server.scripts[RA_SCRIPT_BEGIN].sha1, args), 1);
}

/* The real clock: ms since 1970. */
static void test_the_clock_is_the_servers(void **state)
{
    (void)state;
    int64_t before = server_ms();
    expect_integer(RUN(BEGIN, "u", "1", "0"), 1);
    const char *g = generation("v", "n", EPOCH_A);
    expect_integer(RUN(FILL, "v", g, "r", MINUTE, "0", "9", ""), 1);
    int64_t after = server_ms();
    assert_in_range(number_at("u", "w1"), before, after);
    assert_in_range(strtoll(g + 8, NULL, 10), before, after);
    assert_in_range(number_at("v", "r") - 60000, before, after);
}

/* ---- BEGIN, END ---- */

static void test_begin(void **state)
{
    (void)state;
    own_clock();
    fill_one("u", "r1", "x");
    expect_integer(RUN(BEGIN, "u", "id", "40"), 1);
    expect_marker_key("u", 1);
    assert_int_equal(number_at("u", "wid"), server.now + 40);
    /* another write's beside it, and the same one's again in its place */
    expect_integer(RUN(BEGIN, "u", "ie", "50"), 1);
    set_clock(server.now + 30);
    expect_integer(RUN(BEGIN, "u", "id", "40"), 1);
    expect_marker_key("u", 2);
    assert_int_equal(number_at("u", "wid"), server.now + 40);
    assert_int_equal(number_at("u", "wie"), server.now + 20);
    expect_integer(RUN(BEGIN, "u", "past", "-5"), 1);
    assert_int_equal(number_at("u", "wpast"), server.now - 5);
}

static void test_end(void **state)
{
    (void)state;
    own_clock();
    expect_integer(RUN(BEGIN, "u", "1", MINUTE), 1);
    expect_integer(RUN(BEGIN, "u", "2", MINUTE), 1);
    expect_integer(RUN(END, "u", "1", "0"), 1);
    expect_marker_key("u", 1);
    expect_nil(RUN(MISS, "u", "n", MINUTE, EPOCH_A));
    expect_integer(RUN(END, "u", "1", "0"), 0); /* the other's stays */
    expect_marker_key("u", 1);
    expect_integer(RUN(END, "u", "2", "0"), 1);
    expect_no_key("u");
    expect_integer(RUN(END, "u", "2", "0"), 0);
    expect_no_key("u");
    /* one past its deadline is still there: nobody can have filled */
    expect_integer(RUN(BEGIN, "u", "3", "-1"), 1);
    expect_integer(RUN(END, "u", "3", "0"), 1);
    expect_no_key("u");
}

static void test_end_settles(void **state)
{
    (void)state;
    own_clock();
    expect_integer(RUN(BEGIN, "u", "1", MINUTE), 1);
    expect_integer(RUN(END, "u", "1", "50"), 1);
    expect_marker_key("u", 1);
    assert_int_equal(number_at("u", "wsettles"), server.now + 50);
    set_clock(server.now + 49);
    expect_nil(RUN(MISS, "u", "n", MINUTE, EPOCH_A));
    set_clock(server.now + 1);
    assert_true(strlen(generation("u", "n", EPOCH_A)) > 8);
    expect_integer(RUN(BEGIN, "v", "1", MINUTE), 1);
    expect_integer(RUN(END, "v", "1", "-50"), 1); /* not more than 0: it goes */
    expect_no_key("v");
}

static void test_end_without_marker_drops_data(void **state)
{
    (void)state;
    own_clock();
    expect_integer(RUN(BEGIN, "u", "1", "10"), 1);
    set_clock(server.now + 10);
    fill_one("u", "r1", "old");
    expect_integer(RUN(END, "u", "1", "0"), 0);
    expect_no_key("u");
    fill_one("u", "r1", "old");
    expect_integer(RUN(END, "u", "1", "50"), 0); /* it marks all the same */
    expect_marker_key("u", 1);
    assert_int_equal(number_at("u", "wsettles"), server.now + 50);
}

/* An index's unit to which much is written, and which nobody reads. */
static void test_writes_that_settle_share_one_marker(void **state)
{
    (void)state;
    own_clock();
    int64_t start = server.now;
    for (unsigned i = 0; i < 300; i++) {
        set_clock(start + i);
        expect_integer(RUN(BEGIN, "u", num(i), MINUTE), 1);
        expect_integer(RUN(END, "u", num(i), i == 200 ? "5000" : "1000"), 1);
        expect_marker_key("u", 1);
    }
    expect_integer(RUN(BEGIN, "u", "another", MINUTE), 1);
    expect_marker_key("u", 2);
    expect_integer(RUN(END, "u", "another", "0"), 1);
    assert_int_equal(number_at("u", "wsettles"), start + 200 + 5000); /* the latest of all */
    set_clock(start + 200 + 4999);
    expect_nil(RUN(MISS, "u", "n", MINUTE, EPOCH_A));
    set_clock(start + 200 + 5000);
    assert_true(strlen(generation("u", "n", EPOCH_A)) > 8);
    expect_integer(command("HSET v wsettles unreadable"), 1);
    expect_integer(RUN(END, "v", "1", "50"), 0);
    expect_text(command("HGET v wsettles"), "unreadable");
}

/* ---- MISS ---- */

static void test_miss_makes_a_generation(void **state)
{
    (void)state;
    own_clock();
    char made[64];
    snprintf(made, sizeof made, EPOCH_A "%" PRId64 "nonce", server.now);
    expect_text(RUN(MISS, "u", "nonce", MINUTE, EPOCH_A), made);
    assert_in_range(ttl("u"), 1, 60000);
    assert_int_equal(fields("u"), 1);
    /* it stays, and its TTL with it */
    set_clock(server.now + 1);
    expect_text(RUN(MISS, "u", "other", "600000", EPOCH_A), made);
    assert_in_range(ttl("u"), 1, 60000);
    /* the longest nonce fits what is kept of a generation: 47 */
    assert_int_equal(strlen(generation("v", "0123456789abcdef0123456789", EPOCH_A)), 47);
    /* one that has run out is void */
    freeReplyObject(RUN(MISS, "w", "nonce", "0", EPOCH_A));
    expect_no_key("w");
}

static void test_miss_drops_a_foreign_generation(void **state)
{
    (void)state;
    own_clock();
    char old[64];
    snprintf(old, sizeof old, "%s", generation("u", "n", EPOCH_A));
    expect_integer(RUN(FILL, "u", old, "r1", MINUTE, "0", "9", "x"), 1);
    const char *made = generation("u", "m", EPOCH_B);
    assert_memory_equal(made, EPOCH_B, 8);
    assert_int_equal(fields("u"), 1);
    assert_in_range(ttl("u"), 1, 60000);
    expect_integer(RUN(FILL, "u", old, "r1", MINUTE, "0", "9", "x"), 0);
}

static void test_miss_and_markers(void **state)
{
    (void)state;
    own_clock();
    expect_integer(RUN(BEGIN, "u", "1", "10"), 1);
    expect_integer(RUN(BEGIN, "u", "2", "20"), 1);
    expect_nil(RUN(MISS, "u", "n", MINUTE, EPOCH_A));
    expect_marker_key("u", 2);
    set_clock(server.now + 10); /* a deadline that is now has passed */
    expect_nil(RUN(MISS, "u", "n", MINUTE, EPOCH_A));
    expect_marker_key("u", 1);
    expect_integer(command("HEXISTS u w2"), 1);
    set_clock(server.now + 9);
    expect_nil(RUN(MISS, "u", "n", MINUTE, EPOCH_A));
    set_clock(server.now + 1);
    generation("u", "n", EPOCH_A);
    assert_int_equal(fields("u"), 1);
    assert_in_range(ttl("u"), 1, 60000);
}

static void expect_filling(redisReply *reply, const char *g, int64_t since)
{
    if (reply->type != REDIS_REPLY_ARRAY)
        fail_msg("type %d, not {generation, since}: %s", reply->type, reply->str ? reply->str : "");
    assert_int_equal(reply->elements, 2);
    assert_string_equal(reply->element[0]->str, g);
    assert_int_equal(reply->element[1]->type, REDIS_REPLY_INTEGER);
    assert_int_equal(reply->element[1]->integer, since);
    freeReplyObject(reply);
}

#define MISS_FOR(key, nonce, request, fresh) RUN(MISS, key, nonce, MINUTE, EPOCH_A, request, fresh)

static void test_miss_says_who_fills(void **state)
{
    (void)state;
    own_clock();
    char made[64];
    snprintf(made, sizeof made, EPOCH_A "%" PRId64 "01ab", server.now);
    expect_text(MISS_FOR("u", "01ab", "mine", "1000"), made); /* who makes it isn't told to wait */
    expect_text(command("HGET u ?"), "mine");
    assert_in_range(ttl("u"), 1, 60000);
    expect_filling(MISS_FOR("u", "99ff", "mine", "1000"), made, 0);
    expect_text(MISS_FOR("u", "99ff", "other", "1000"), made);
    expect_text(command("HGET u ?"), "mine");
    expect_text(MISS_FOR("u", "99ff", "", "1000"), made);
    expect_text(RUN(MISS, "u", "99ff", MINUTE, EPOCH_A), made);
    set_clock(server.now + 999);
    expect_filling(MISS_FOR("u", "99ff", "mine", "1000"), made, 999);
    set_clock(server.now + 1);
    expect_text(MISS_FOR("u", "99ff", "mine", "1000"), made);
    set_clock(server.now - 1001); /* set back, to before it was made */
    expect_text(MISS_FOR("u", "99ff", "mine", "1000"), made);
    set_clock(server.now + 1);
    expect_text(MISS_FOR("u", "99ff", "mine", "0"), made); /* nobody wants to know */
}

static void test_who_fills_goes_with_the_generation(void **state)
{
    (void)state;
    own_clock();
    freeReplyObject(MISS_FOR("u", "n", "mine", "1000"));
    expect_integer(RUN(BEGIN, "u", "1", MINUTE), 1);
    expect_marker_key("u", 1);
    expect_nil(MISS_FOR("u", "n", "mine", "1000")); /* who is told of a write makes nobody wait */
    expect_integer(RUN(END, "u", "1", "0"), 1);
    generation("u", "n", EPOCH_A); /* a guard's: for nobody */
    assert_int_equal(fields("u"), 1);
    expect_integer(RUN(INVALIDATE, "u"), 1);
    freeReplyObject(MISS_FOR("u", "n", "mine", "1000"));
    expect_integer(RUN(INVALIDATE, "u"), 1);
    expect_no_key("u");
    /* another server's */
    freeReplyObject(RUN(MISS, "u", "n", MINUTE, EPOCH_B, "mine", "1000"));
    redisReply *reply = MISS_FOR("u", "n", "other", "1000");
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    freeReplyObject(reply);
    expect_text(command("HGET u ?"), "other");
    /* one left over from what somebody has edited */
    expect_integer(command("HDEL u !"), 1);
    generation("u", "n", EPOCH_A);
    assert_int_equal(fields("u"), 1);
    /* one from before this epoch was seen, anew */
    char since[24], made[64];
    snprintf(since, sizeof since, "%" PRId64, server.now + 1);
    snprintf(made, sizeof made, EPOCH_A "%" PRId64 "n", server.now);
    expect_text(RUN(MISS, "u", "n", MINUTE, EPOCH_A, "", "0", num(server.now)), made);
    set_clock(server.now + 1);
    snprintf(made, sizeof made, EPOCH_A "%" PRId64 "n", server.now);
    expect_text(RUN(MISS, "u", "n", MINUTE, EPOCH_A, "", "0", since), made);
    assert_int_equal(fields("u"), 1);
    /* a generation whose time can't be read */
    expect_integer(command("HSET v ! " EPOCH_A "whenever ? mine"), 2);
    expect_text(MISS_FOR("v", "n", "mine", "1000"), EPOCH_A "whenever");
}

static void test_an_unreadable_deadline_lives(void **state)
{
    (void)state;
    own_clock();
    expect_integer(command("HSET u w1 soon"), 1);
    expect_nil(RUN(MISS, "u", "n", MINUTE, EPOCH_A));
    expect_integer(RUN(CLEAN, "u"), 1);
    expect_marker_key("u", 1);
    expect_integer(RUN(END, "u", "1", "0"), 1);
    expect_no_key("u");
}

/* Entries whose generation somebody took away by hand don't come to life under a new one. */
static void test_leftovers_never_get_a_generation(void **state)
{
    (void)state;
    own_clock();
    fill_one("u", "r1", "old");
    expect_integer(command("HDEL u !"), 1);
    generation("u", "n", EPOCH_A);
    assert_int_equal(fields("u"), 1);
    /* nor from beside a marker, nor where they are many; CLEAN leaves other hashes alone */
    expect_integer(command("DEL u"), 1);
    for (unsigned i = 0; i < 1000; i++)
        expect_integer(command("HSET u r%u 0:0:old", i), 1);
    expect_integer(RUN(CLEAN, "u"), 1000);
    assert_int_equal(fields("u"), 1000);
    expect_integer(RUN(BEGIN, "u", "1", MINUTE), 1);
    for (unsigned i = 0; i < 30; i++)
        expect_nil(RUN(MISS, "u", "n", MINUTE, EPOCH_A));
    expect_integer(command("HEXISTS u w1"), 1);
    expect_integer(RUN(END, "u", "1", "0"), 1);
    for (unsigned i = 0; i < 30; i++)
        freeReplyObject(RUN(MISS, "u", "n", MINUTE, EPOCH_A));
    generation("u", "n", EPOCH_A);
    assert_int_equal(fields("u"), 1);
}

static void begin_many(const char *key, unsigned from, unsigned to, int64_t hold)
{
    for (unsigned i = from; i < to; i++)
        expect_integer(RUN(BEGIN, key, num(i), num(hold)), 1);
}

/* Some are tried at random: whichever they are, the answer is the same. */
static void test_miss_and_many_markers(void **state)
{
    (void)state;
    own_clock();
    begin_many("u", 0, 300, 10);
    expect_nil(RUN(MISS, "u", "n", MINUTE, EPOCH_A));
    expect_integer(RUN(BEGIN, "u", "last", "20"), 1);
    set_clock(server.now + 10);
    for (unsigned i = 0; i < 50; i++)
        expect_nil(RUN(MISS, "u", "n", MINUTE, EPOCH_A));
    assert_in_range(fields("u"), 1, 301);
    expect_integer(command("HEXISTS u wlast"), 1);
    set_clock(server.now + 10);
    generation("u", "n", EPOCH_A);
    assert_int_equal(fields("u"), 1);
    /* a large unit of a foreign epoch isn't taken for markers */
    for (unsigned i = 0; i < 100; i++)
        expect_integer(RUN(FILL, "u", generation("u", "n", EPOCH_A), num(i), MINUTE, "0", "100", "x"), 1);
    assert_memory_equal(generation("u", "n", EPOCH_B), EPOCH_B, 8);
    assert_int_equal(fields("u"), 1);
}

/* More than are read at once: they go in several misses, and the unit is free after the last. */
static void test_miss_and_very_many_markers(void **state)
{
    (void)state;
    own_clock();
    begin_many("u", 0, 1500, 10);
    expect_integer(RUN(BEGIN, "u", "last", "20"), 1);
    set_clock(server.now + 10);
    for (unsigned i = 0; i < 30; i++)
        expect_nil(RUN(MISS, "u", "n", MINUTE, EPOCH_A));
    expect_marker_key("u", fields("u"));
    assert_in_range(fields("u"), 1, 512);
    expect_integer(command("HEXISTS u wlast"), 1);
    begin_many("u", 0, 600, 10);
    set_clock(server.now + 10);
    redisReply *reply = RUN(MISS, "u", "n", MINUTE, EPOCH_A);
    for (unsigned i = 0; i < 30 && reply->type == REDIS_REPLY_NIL; i++) {
        freeReplyObject(reply);
        reply = RUN(MISS, "u", "n", MINUTE, EPOCH_A);
    }
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    freeReplyObject(reply);
    assert_int_equal(fields("u"), 1);
}

/* ---- FILL ---- */

static void test_fill_stores(void **state)
{
    (void)state;
    own_clock();
    const char *g = generation("u", "n", EPOCH_A);
    char expected[64];
    expect_integer(RUN(FILL, "u", g, "r1", "100000", "50000", "9", "a:b"), 1);
    snprintf(expected, sizeof expected, "%" PRId64 ":%" PRId64 ":a:b", server.now + 100000,
             server.now + 150000);
    expect_text(command("HGET u r1"), expected);
    assert_in_range(ttl("u"), 140000, 150000);
    /* stretched, never shortened */
    expect_integer(RUN(FILL, "u", g, "r2", "1000", "0", "9", ""), 1);
    assert_in_range(ttl("u"), 140000, 150000);
    snprintf(expected, sizeof expected, "%" PRId64 ":%" PRId64 ":", server.now + 1000, server.now + 1000);
    expect_text(command("HGET u r2"), expected);
    /* the newer one stays */
    expect_integer(RUN(FILL, "u", g, "r1", "2000", "0", "9", "c"), 1);
    assert_int_equal(number_at("u", "r1"), server.now + 2000);
    expect_text(command("HGET u !"), g);
}

static void test_fill_stores_any_bytes(void **state)
{
    (void)state;
    own_clock();
    enum { BYTES = 1 << 20, AHEAD = 28 };
    const char *g = generation("u", "n", EPOCH_A);
    char *value = malloc(BYTES);
    assert_non_null(value);
    for (unsigned i = 0; i < BYTES; i++)
        value[i] = (char)(i * 7 ^ i >> 9);
    redisReply *reply = command("EVAL %s 1 u %s r1 60000 0 9 %b", server.scripts[RA_SCRIPT_FILL].text, g,
                                value, (size_t)BYTES);
    expect_integer(reply, 1);
    reply = command("HGET u r1");
    assert_int_equal(reply->len, BYTES + AHEAD);
    assert_memory_equal(reply->str + AHEAD, value, BYTES);
    freeReplyObject(reply);
    free(value);
}

static void test_fill_needs_its_generation(void **state)
{
    (void)state;
    own_clock();
    const char *g = generation("u", "n", EPOCH_A);
    expect_integer(RUN(FILL, "u", "", "r1", MINUTE, "0", "9", "x"), 0);
    expect_integer(RUN(FILL, "u", EPOCH_A, "r1", MINUTE, "0", "9", "x"), 0);
    assert_int_equal(fields("u"), 1);
    expect_integer(RUN(FILL, "v", g, "r1", MINUTE, "0", "9", "x"), 0); /* no such unit */
    expect_integer(RUN(FILL, "v", "", "r1", MINUTE, "0", "9", "x"), 0);
    expect_no_key("v");
    expect_integer(RUN(BEGIN, "u", "1", MINUTE), 1);
    expect_integer(RUN(FILL, "u", g, "r1", MINUTE, "0", "9", "x"), 0);
    expect_marker_key("u", 1);
    expect_integer(RUN(END, "u", "1", "0"), 1);
    expect_integer(RUN(FILL, "u", g, "r1", MINUTE, "0", "9", "x"), 0);
    expect_no_key("u");
    set_clock(server.now + 1);
    generation("u", "n", EPOCH_A);
    expect_integer(RUN(FILL, "u", g, "r1", MINUTE, "0", "9", "x"), 0);
}

static void test_fill_keeps_to_the_cap(void **state)
{
    (void)state;
    own_clock();
    const char *g = generation("u", "n", EPOCH_A);
    expect_integer(RUN(FILL, "u", g, "r1", "100", "20", "2", "x"), 1);
    expect_integer(RUN(FILL, "u", g, "r2", "50", "100", "2", "x"), 1);
    expect_integer(RUN(FILL, "u", g, "r3", "100", "0", "2", "x"), -1);
    assert_int_equal(fields("u"), 3);
    expect_integer(RUN(FILL, "u", g, "r1", "110", "10", "2", "y"), 1); /* not a new one */
    set_clock(server.now + 119);
    expect_integer(RUN(FILL, "u", g, "r3", "100", "0", "2", "x"), -1); /* kept for stale serving */
    set_clock(server.now + 1);
    expect_integer(RUN(FILL, "u", g, "r3", "100", "0", "2", "x"), 1);
    expect_integer(command("HEXISTS u r1"), 0);
    expect_integer(command("HEXISTS u r2"), 1);
    expect_integer(RUN(FILL, "u", g, "r4", "100", "0", "1", "x"), -1); /* a smaller cap than what is there */
    /* what can't be read isn't kept */
    expect_integer(command("HSET u r2 garbage"), 0);
    expect_integer(RUN(FILL, "u", g, "r4", "100", "0", "2", "x"), 1);
    expect_integer(RUN(FILL, "v", generation("v", "n", EPOCH_A), "r1", "100", "0", "0", "x"), -1);
    /* who made the generation takes no entry's place, and stays while there is room */
    redisReply *made = RUN(MISS, "w", "n", MINUTE, EPOCH_A, "mine", "1000");
    expect_integer(RUN(FILL, "w", made->str, "r1", "100", "0", "2", "x"), 1);
    expect_integer(command("HEXISTS w ?"), 1);
    expect_integer(RUN(FILL, "w", made->str, "r2", "100", "0", "2", "x"), 1);
    expect_integer(RUN(FILL, "w", made->str, "r3", "100", "0", "2", "x"), -1);
    assert_int_equal(fields("w"), 3);
    freeReplyObject(made);
}

/* A cap of many: a bounded number is looked at, at random; some of the expired go each time. */
static void test_fill_at_a_high_cap(void **state)
{
    (void)state;
    own_clock();
    enum { CAP = 400 };
    const char *g = generation("u", "n", EPOCH_A);
    for (unsigned i = 0; i < CAP; i++)
        expect_integer(RUN(FILL, "u", g, num(i), i % 2 ? "100" : "1000", "0", num(CAP), "x"), 1);
    for (unsigned i = 0; i < 5; i++)
        expect_integer(RUN(FILL, "u", g, "new", "100", "0", num(CAP), "x"), -1);
    set_clock(server.now + 100);
    unsigned stored = 0;
    for (unsigned i = 0; i < 100; i++)
        stored += integer_of(RUN(FILL, "u", g, num(CAP + i), "1000", "0", num(CAP), "x")) == 1;
    assert_in_range(stored, 90, 100);
    assert_in_range(fields("u"), CAP / 2, CAP + 1);
    for (unsigned i = 0; i < CAP; i += 2) /* none that was good went */
        expect_integer(command("HEXISTS u %s", num(i)), 1);
}

/* ---- INVALIDATE, CLEAN, EPOCH ---- */

static void test_invalidate(void **state)
{
    (void)state;
    const char *g = generation("u", "n", EPOCH_A);
    expect_integer(RUN(FILL, "u", g, "r1", MINUTE, "0", "9", "x"), 1);
    expect_integer(RUN(INVALIDATE, "u"), 1);
    expect_no_key("u");
    expect_integer(RUN(INVALIDATE, "u"), 0);
    expect_integer(RUN(FILL, "u", g, "r1", MINUTE, "0", "9", "x"), 0);
    expect_integer(RUN(BEGIN, "u", "1", MINUTE), 1);
    expect_integer(RUN(BEGIN, "u", "2", "-1"), 1);
    expect_integer(RUN(INVALIDATE, "u"), 0);
    expect_marker_key("u", 2);
}

static void test_clean(void **state)
{
    (void)state;
    own_clock();
    expect_integer(RUN(CLEAN, "u"), 0);
    expect_no_key("u");
    begin_many("u", 0, 100, 10);
    begin_many("u", 100, 107, 11);
    expect_integer(RUN(CLEAN, "u"), 107);
    set_clock(server.now + 10);
    expect_integer(RUN(CLEAN, "u"), 7);
    expect_marker_key("u", 7);
    set_clock(server.now + 1);
    expect_integer(RUN(CLEAN, "u"), 0);
    expect_no_key("u");
    begin_many("u", 0, 1000, 10); /* more than are read at once */
    expect_integer(RUN(CLEAN, "u"), 1000);
    set_clock(server.now + 10);
    int64_t left = integer_of(RUN(CLEAN, "u"));
    assert_in_range(left, 1000 - 512, 999);
    assert_int_equal(fields("u"), left);
    for (unsigned i = 0; i < 30 && left > 0; i++)
        left = integer_of(RUN(CLEAN, "u"));
    expect_no_key("u");
    fill_one("u", "w1", "x"); /* data, whatever its fields are called */
    set_clock(server.now + 600000);
    expect_integer(RUN(CLEAN, "u"), 0);
    assert_int_equal(fields("u"), 2);
}

static void expect_pact(const char *epoch, const char *pact, int64_t lasts, int64_t first, bool agreed)
{
    redisReply *reply = RUN(EPOCH, "epochs", epoch, pact, num(lasts));
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_int_equal(reply->elements, 3);
    assert_int_equal(reply->element[0]->integer, first);
    assert_int_equal(reply->element[1]->integer, server.now);
    assert_int_equal(reply->element[2]->integer, agreed);
    freeReplyObject(reply);
}

static void expect_epoch(const char *epoch, int64_t first)
{
    expect_pact(epoch, "p", 10000, first, true);
}

static void test_epoch(void **state)
{
    (void)state;
    own_clock();
    int64_t start = server.now;
    expect_epoch(EPOCH_A, start);
    set_clock(start + 30000);
    expect_epoch(EPOCH_A, start);
    expect_epoch(EPOCH_B, start + 30000);
    assert_int_equal(ttl("epochs"), -1);
    expect_integer(command("HSET epochs " EPOCH_B " garbage"), 0);
    expect_epoch(EPOCH_B, server.now);
    /* the clock goes back, to before it was seen */
    set_clock(start + 29999);
    expect_epoch(EPOCH_A, start);
    expect_epoch(EPOCH_B, start + 29999);
    set_clock(start + 30000);
    /* the oldest goes, and is new when it comes back */
    for (unsigned i = 2; i < 100; i++)
        expect_epoch(num(i), server.now);
    expect_epoch(EPOCH_A, start);
    expect_epoch("one more", server.now);
    assert_int_equal(fields("epochs"), 101); /* with the pact */
    expect_integer(command("HEXISTS epochs " EPOCH_A), 0);
    set_clock(server.now + 1);
    expect_epoch(EPOCH_A, server.now);
    assert_int_equal(fields("epochs"), 101);
}

static void expect_pact_until(int64_t until, const char *pact)
{
    char text[64];
    snprintf(text, sizeof text, "%" PRId64 ":%s", until, pact);
    expect_text(command("HGET epochs @"), text);
}

static void test_pact(void **state)
{
    (void)state;
    own_clock();
    int64_t start = server.now;
    expect_pact(EPOCH_A, "one", 10000, start, true);
    expect_pact_until(start + 10000, "one");
    set_clock(start + 1000);
    expect_pact(EPOCH_A, "one", 10000, start, true);
    expect_pact_until(start + 11000, "one");
    /* who calls less often gave it longer */
    expect_pact(EPOCH_A, "one", 60000, start, true);
    expect_pact(EPOCH_A, "one", 10000, start, true);
    expect_pact_until(start + 61000, "one");
    /* others don't get in, and change nothing but what is known of epochs */
    set_clock(start + 60999);
    expect_pact(EPOCH_A, "two", 10000, start, false);
    expect_pact(EPOCH_B, "", 10000, server.now, false);
    expect_pact_until(start + 61000, "one");
    expect_integer(command("HEXISTS epochs " EPOCH_B), 1);
    set_clock(start + 61000);
    expect_pact(EPOCH_A, "two:*", 10000, server.now, true); /* as new: others kept another one */
    expect_pact_until(start + 71000, "two:*");
    set_clock(start + 62000);
    expect_pact(EPOCH_A, "two:*", 9000, start + 61000, true);
    expect_pact(EPOCH_A, "one", 10000, start + 61000, false);
    expect_pact(EPOCH_B, "two:*", 9000, start + 60999, true);
    set_clock(start + 71000);
    expect_pact(EPOCH_B, "one", 10000, start + 71000, true);
    expect_pact(EPOCH_A, "one", 10000, start + 61000, true);
    /* one that can't be read is none */
    static const char *const odd[] = {"", "x", "x:one", "99999999999999", "-1:one", ":one"};
    for (unsigned i = 0; i < sizeof odd / sizeof *odd; i++) {
        expect_integer(command("HSET epochs @ %s", odd[i]), 0);
        expect_pact(EPOCH_A, "one", 10000, start + 61000, true);
        expect_pact_until(start + 81000, "one");
    }
}

/* However old it is, and whether somebody is let in or not. */
static void test_epochs_never_push_the_pact_out(void **state)
{
    (void)state;
    own_clock();
    expect_pact(EPOCH_A, "one", 1000000, server.now, true);
    for (unsigned i = 0; i < 150; i++) {
        set_clock(server.now + 1);
        expect_pact(num(i), i % 2 ? "one" : "two", 1000, server.now, i % 2);
    }
    assert_int_equal(fields("epochs"), 101);
    expect_integer(command("HEXISTS epochs @"), 1);
    expect_pact(EPOCH_A, "two", 1000, server.now, false);
}

/* ---- errors ---- */

typedef struct call {
    enum ra_redis_script script;
    const char *args[9];
} call;

/* One good call of each, on the unit "u". */
static const call calls[] = {
    {RA_SCRIPT_BEGIN, {"u", "1", MINUTE}},
    {RA_SCRIPT_END, {"u", "1", "5"}},
    {RA_SCRIPT_MISS, {"u", "n", MINUTE, EPOCH_A}},
    {RA_SCRIPT_FILL, {"u", "g", "r1", MINUTE, "0", "9", "x"}},
    {RA_SCRIPT_INVALIDATE, {"u"}},
    {RA_SCRIPT_CLEAN, {"u"}},
    {RA_SCRIPT_EPOCH, {"u", EPOCH_A, "pact", "1000"}},
    {RA_SCRIPT_POST, {"u", "holder", "1000", "0", MINUTE, EPOCH_A, "0", "note"}},
    {RA_SCRIPT_OWN, {"u", "abcdef", "1700000000000", EPOCH_A}},
    {RA_SCRIPT_TAKE, {"u", EPOCH_A, "abcdef,,", "0"}},
};
enum { CALLS = sizeof calls / sizeof *calls };

static void test_a_key_of_another_type(void **state)
{
    (void)state;
    assert_int_equal(CALLS, RA_SCRIPTS);
    expect_ok(command("SET u text"));
    for (unsigned i = 0; i < CALLS; i++)
        expect_error(run_on(server.redis, calls[i].script, calls[i].args), "WRONGTYPE");
    expect_text(command("GET u"), "text");
}

/* Numbers are read before anything is changed. */
static void test_an_argument_that_is_no_number(void **state)
{
    (void)state;
    const char *g = generation("u", "n", EPOCH_A);
    const call bad[] = {
        {RA_SCRIPT_BEGIN, {"u", "1", "x"}},
        {RA_SCRIPT_BEGIN, {"u", "1"}},
        {RA_SCRIPT_END, {"u", "1", "x"}},
        {RA_SCRIPT_END, {"u", "1"}},
        {RA_SCRIPT_MISS, {"u", "n", "x", EPOCH_B}},
        {RA_SCRIPT_MISS, {"u", "n", MINUTE}},
        {RA_SCRIPT_MISS, {"u", "n", MINUTE, EPOCH_B, "request", "x"}},
        {RA_SCRIPT_MISS, {"u", "n", MINUTE, EPOCH_B, "request"}},
        {RA_SCRIPT_FILL, {"u", g, "r1", "x", "0", "9", "v"}},
        {RA_SCRIPT_FILL, {"u", g, "r1", MINUTE, "x", "9", "v"}},
        {RA_SCRIPT_FILL, {"u", g, "r1", MINUTE, "0", "x", "v"}},
        {RA_SCRIPT_FILL, {"u", g, "r1", MINUTE, "0", "9"}},
        {RA_SCRIPT_EPOCH, {"u", EPOCH_A, "pact", "x"}},
        {RA_SCRIPT_EPOCH, {"u", EPOCH_A, "pact"}},
        {RA_SCRIPT_POST, {"u", "holder", "x", "0", MINUTE, EPOCH_A, "0"}},
        {RA_SCRIPT_POST, {"u", "holder", "1000", "0", "x", EPOCH_A, "0"}},
        {RA_SCRIPT_POST, {"u", "holder", "1000", "0", MINUTE, EPOCH_A, "x"}},
        {RA_SCRIPT_POST, {"u", "holder", "1000", "0", MINUTE, EPOCH_A}},
        {RA_SCRIPT_TAKE, {"u", EPOCH_A, "abcdef,,", "x"}},
        {RA_SCRIPT_TAKE, {"u", EPOCH_A, "abcdef,,"}},
        {RA_SCRIPT_OWN, {"u", "abcdef", "x", EPOCH_A}},
        {RA_SCRIPT_OWN, {"u", "abcdef"}},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        expect_error(run_on(server.redis, bad[i].script, bad[i].args), "ERR");
        assert_int_equal(fields("u"), 1);
        expect_text(command("HGET u !"), g);
        assert_in_range(ttl("u"), 1, 60000);
    }
    expect_integer(RUN(INVALIDATE, "u"), 1);
    expect_error(RUN(MISS, "u", "n", "x", EPOCH_A), "ERR");
    expect_no_key("u");
}

static void expect_refused(const char *error)
{
    for (unsigned i = 0; i < CALLS; i++)
        expect_error(run_on(server.redis, calls[i].script, calls[i].args), error);
    expect_error(RUN(EPOCH, "epochs", EPOCH_A, "pact", "1000"), error);
}

/* A master that is cut off from its replicas, and a replica, take no step of the protocol: not even those
 * that would change nothing. */
static void test_who_is_no_master_takes_no_step(void **state)
{
    (void)state;
    generation("u", "n", EPOCH_A);
    freeReplyObject(RUN(EPOCH, "epochs", EPOCH_A, "pact", "1000"));
    expect_ok(command("CONFIG SET min-replicas-to-write 1"));
    expect_refused("NOREPLICAS");
    expect_ok(command("CONFIG SET min-replicas-to-write 0"));
    expect_ok(command("REPLICAOF 127.0.0.1 1"));
    expect_refused("READONLY");
    expect_ok(command("REPLICAOF NO ONE"));
}

/* A user who may do what the header lists, on one key alone. */
static void test_commands_and_key_are_as_listed(void **state)
{
    (void)state;
    expect_ok(
        command("ACL SETUSER narrow reset on >secret ~u -@all +evalsha +eval +time +hexists +hget +hgetall "
                "+hlen +hrandfield +hset +hdel +pexpire +unlink"));
    redisContext *narrow = redisConnectUnix(server.process.socket);
    assert_true(narrow && !narrow->err);
    expect_ok(redisCommand(narrow, "AUTH narrow secret"));
    expect_error(redisCommand(narrow, "HSET v f 1"), "NOPERM");
    begin_many("u", 0, 100, -1); /* so that MISS takes its longest way */
    const char *const miss[] = {"u", "n", MINUTE, EPOCH_A, NULL};
    redisReply *reply = run_on(narrow, RA_SCRIPT_MISS, miss);
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    for (unsigned i = 0; i < 2; i++) { /* the second is at the cap */
        const char *const fill[] = {"u", reply->str, i ? "r2" : "r1", MINUTE, "0", "1", "x", NULL};
        expect_integer(run_on(narrow, RA_SCRIPT_FILL, fill), i ? -1 : 1);
    }
    freeReplyObject(reply);
    for (unsigned i = 0; i < CALLS; i++) {
        reply = run_on(narrow, calls[i].script, calls[i].args);
        if (reply->type == REDIS_REPLY_ERROR)
            fail_msg("%s: %s", ra_redis_script_name(calls[i].script), reply->str);
        freeReplyObject(reply);
    }
    redisFree(narrow);
    expect_integer(command("ACL DELUSER narrow"), 1);
}

/* ---- memory ---- */

static bool allow_oom(enum ra_redis_script s)
{
    return s != RA_SCRIPT_MISS && s != RA_SCRIPT_FILL && s != RA_SCRIPT_OWN;
}

/* Also where the server has forgotten them, and has to be sent the text. */
static void test_maxmemory(void **state)
{
    (void)state;
    begin_many("kept", 0, 5, 600000);
    expect_ok(command("CONFIG SET maxmemory 1"));
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < CALLS; i++) {
            redisReply *reply = run_on(server.redis, calls[i].script, calls[i].args);
            if (!allow_oom(calls[i].script)) {
                expect_error(reply, "OOM");
                continue;
            }
            if (reply->type == REDIS_REPLY_ERROR)
                fail_msg("%s: %s", ra_redis_script_name(calls[i].script), reply->str);
            freeReplyObject(reply);
            if (calls[i].script == RA_SCRIPT_BEGIN)
                expect_marker_key("u", 1);
        }
        freeReplyObject(command("DEL u"));
    }
    expect_integer(RUN(CLEAN, "kept"), 5);
    expect_integer(RUN(END, "kept", "0", "0"), 1);
    expect_ok(command("CONFIG SET maxmemory 0"));
    expect_nil(RUN(MISS, "kept", "n", MINUTE, EPOCH_A));
    for (unsigned i = 1; i < 5; i++)
        expect_integer(RUN(END, "kept", num(i), "0"), 1);
    fill_one("kept", "r1", "x");
}

/* Data goes to make room, its tokens with it; no marker ever does. */
static void test_markers_survive_eviction(void **state)
{
    (void)state;
    enum { UNITS = 400, MARKED = 200 };
    static char value[16384];
    memset(value, 'v', sizeof value - 1);
    char key[32], generations[UNITS][64];
    for (unsigned i = 0; i < MARKED; i++) {
        snprintf(key, sizeof key, "marked%u", i);
        expect_integer(RUN(BEGIN, key, "1", "600000"), 1);
    }
    redisReply *info = command("INFO memory");
    long long used = strtoll(strstr(info->str, "used_memory:") + strlen("used_memory:"), NULL, 10);
    freeReplyObject(info);
    expect_ok(command("CONFIG SET maxmemory %s", num(used + (2 << 20))));
    for (unsigned i = 0; i < UNITS; i++) { /* three times what there is room for */
        snprintf(key, sizeof key, "data%u", i);
        snprintf(generations[i], sizeof generations[i], "%s", generation(key, "n", EPOCH_A));
        redisReply *reply = RUN(FILL, key, generations[i], "r1", MINUTE, "0", "9", value);
        assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
        freeReplyObject(reply);
        snprintf(key, sizeof key, "marked%u", i % MARKED);
        expect_integer(RUN(BEGIN, key, "2", "600000"), 1);
    }
    for (unsigned i = 0; i < MARKED; i++) {
        snprintf(key, sizeof key, "marked%u", i);
        expect_marker_key(key, 2);
        expect_nil(RUN(MISS, key, "n", MINUTE, EPOCH_A));
    }
    unsigned gone = 0;
    for (unsigned i = 0; i < UNITS; i++) {
        snprintf(key, sizeof key, "data%u", i);
        if (ttl(key) == -2) {
            gone++;
            expect_integer(RUN(FILL, key, generations[i], "r1", MINUTE, "0", "9", "x"), 0);
        }
    }
    assert_in_range(gone, 1, UNITS);
}

/* What FILL relies on: GT takes a key without a TTL for one that lives for ever. */
static void test_pexpire_gt_never_gives_a_marker_a_ttl(void **state)
{
    (void)state;
    expect_integer(RUN(BEGIN, "u", "1", MINUTE), 1);
    expect_integer(command("PEXPIRE u 600000 GT"), 0);
    expect_marker_key("u", 1);
    expect_integer(command("HSET u ! g"), 1);
    expect_integer(RUN(FILL, "u", "g", "r1", "600000", "600000", "9", "x"), 1);
    assert_int_equal(ttl("u"), -1);
}

/* ---- the scripts against a reference in C ---- */

enum { WRITES = 5, SETTLES = WRITES, MARKERS, ENTRIES = 4, CAP = 3 };

typedef struct unit {
    char generation[64]; /* "": no data */
    struct {
        bool present;
        int64_t expires, gone;
        unsigned value;
    } entry[ENTRIES];
    struct {
        bool present;
        int64_t deadline;
    } marker[MARKERS];
} unit;

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 11;
}

static unsigned roll(uint64_t *state, unsigned n)
{
    return (unsigned)(next_random(state) % n);
}

/* READASIDE_SEED repeats a run, READASIDE_STEPS makes it longer. */
static uint64_t environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t n = text ? strtoull(text, NULL, 10) : 0;
    return n ? n : otherwise;
}

static void drop_data(unit *u)
{
    u->generation[0] = 0;
    memset(u->entry, 0, sizeof u->entry);
}

/* The number that live. */
static unsigned drop_expired_markers(unit *u, int64_t now)
{
    unsigned live = 0;
    for (unsigned i = 0; i < MARKERS; i++) {
        u->marker[i].present &= u->marker[i].deadline > now;
        live += u->marker[i].present;
    }
    return live;
}

static void step_begin(unit *u, uint64_t *random)
{
    unsigned id = roll(random, WRITES);
    int64_t hold = (int64_t)roll(random, 100) - 10;
    expect_integer(RUN(BEGIN, "u", num(id), num(hold)), 1);
    drop_data(u);
    u->marker[id].present = true;
    u->marker[id].deadline = server.now + hold;
}

static void step_end(unit *u, uint64_t *random)
{
    unsigned id = roll(random, WRITES);
    int64_t settle = roll(random, 3) ? 0 : (int64_t)roll(random, 60) - 5;
    expect_integer(RUN(END, "u", num(id), num(settle)), u->marker[id].present);
    if (!u->marker[id].present)
        drop_data(u);
    u->marker[id].present = false;
    bool later = !u->marker[SETTLES].present || u->marker[SETTLES].deadline < server.now + settle;
    if (settle <= 0 || !later)
        return;
    u->marker[SETTLES].present = true;
    u->marker[SETTLES].deadline = server.now + settle;
}

static void step_miss(unit *u, uint64_t *random, unsigned nonce)
{
    const char *epoch = roll(random, 10) ? EPOCH_A : EPOCH_B;
    char made[64];
    snprintf(made, sizeof made, "%s%" PRId64 "-%u", epoch, server.now, nonce);
    redisReply *reply = RUN(MISS, "u", strchr(made, '-'), "600000", epoch);
    if (strncmp(u->generation, epoch, 8) != 0)
        drop_data(u);
    if (!u->generation[0] && drop_expired_markers(u, server.now) > 0) {
        expect_nil(reply);
        return;
    }
    if (!u->generation[0])
        memcpy(u->generation, made, sizeof made);
    expect_text(reply, u->generation);
}

static void step_fill(unit *u, uint64_t *random, const char *token)
{
    unsigned at = roll(random, ENTRIES), value = roll(random, 1000);
    int64_t expires = server.now + 1 + roll(random, 60), gone = expires + roll(random, 60);
    char field[8];
    snprintf(field, sizeof field, "r%u", at);
    redisReply *reply =
        RUN(FILL, "u", token, field, num(expires - server.now), num(gone - expires), num(CAP), num(value));
    if (!token[0] || strcmp(token, u->generation) != 0) {
        expect_integer(reply, 0);
        return;
    }
    unsigned present = 0, good = 0;
    for (unsigned i = 0; i < ENTRIES; i++) {
        present += u->entry[i].present;
        good += u->entry[i].present && u->entry[i].gone > server.now;
    }
    bool full = present >= CAP && !u->entry[at].present;
    for (unsigned i = 0; full && i < ENTRIES; i++)
        u->entry[i].present &= u->entry[i].gone > server.now;
    if (full && good >= CAP) {
        expect_integer(reply, -1);
        return;
    }
    expect_integer(reply, 1);
    u->entry[at].present = true;
    u->entry[at].expires = expires;
    u->entry[at].gone = gone;
    u->entry[at].value = value;
}

/* All that the key holds, and nothing more. */
static void expect_unit(const unit *u)
{
    redisReply *reply = command("HGETALL u");
    size_t n = 0;
    char field[32], value[80];
    struct {
        char field[32], value[80];
    } expected[MARKERS + ENTRIES + 1];
#define EXPECT(format, ...)                                                                                  \
    (snprintf(expected[n].field, sizeof field, "%s", field),                                                 \
     snprintf(expected[n].value, sizeof value, format, __VA_ARGS__), n++)
    for (unsigned i = 0; i < MARKERS; i++) {
        snprintf(field, sizeof field, i == SETTLES ? "wsettles" : "w%u", i);
        if (u->marker[i].present)
            EXPECT("%" PRId64, u->marker[i].deadline);
    }
    int64_t left = ttl("u");
    if (n)
        assert_int_equal(left, -1);
    else
        assert_true(u->generation[0] ? left > 0 : left == -2);
    for (unsigned i = 0; i < ENTRIES; i++) {
        snprintf(field, sizeof field, "r%u", i);
        if (u->entry[i].present)
            EXPECT("%" PRId64 ":%" PRId64 ":%u", u->entry[i].expires, u->entry[i].gone, u->entry[i].value);
    }
    snprintf(field, sizeof field, "!");
    if (u->generation[0])
        EXPECT("%s", u->generation);
#undef EXPECT
    assert_int_equal(reply->elements, n * 2);
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        while (at < n && strcmp(reply->element[at * 2]->str, expected[i].field) != 0)
            at++;
        assert_true(at < n);
        assert_string_equal(reply->element[at * 2 + 1]->str, expected[i].value);
    }
    freeReplyObject(reply);
}

static void model_step(unit *u, uint64_t *random, unsigned number, char tokens[4][64])
{
    unsigned what = roll(random, 100);
    if (what < 6) {
        step_begin(u, random);
    } else if (what < 20) {
        step_end(u, random);
    } else if (what < 45) {
        step_miss(u, random, number);
        snprintf(tokens[roll(random, 4)], 64, "%s", u->generation);
    } else if (what < 80) {
        step_fill(u, random, roll(random, 3) ? u->generation : tokens[roll(random, 4)]);
    } else if (what < 82) {
        expect_integer(RUN(INVALIDATE, "u"), u->generation[0] != 0);
        drop_data(u);
    } else if (what < 88) {
        expect_integer(RUN(CLEAN, "u"), drop_expired_markers(u, server.now));
    } else {
        set_clock(server.now + roll(random, 30));
    }
}

static void test_scripts_do_as_the_reference(void **state)
{
    (void)state;
    own_clock();
    uint64_t seed = environment("READASIDE_SEED", 1), random = seed * 0x9e3779b97f4a7c15, steps = 6000;
    unit u = {0};
    char tokens[4][64] = {{0}};
    unsigned with_data = 0, marked = 0, full = 0;
    steps = environment("READASIDE_STEPS", steps);
    print_message("READASIDE_SEED=%" PRIu64 "\n", seed);
    for (unsigned i = 0; i < steps; i++) {
        model_step(&u, &random, i, tokens);
        expect_unit(&u);
        with_data += u.generation[0] != 0;
        marked += ttl("u") == -1;
        full += fields("u") == CAP + 1 && u.generation[0];
    }
    assert_true(with_data > steps / 10 && marked > steps / 10 && full > steps / 100);
}

/*
 * ---- the protocol ----
 *
 * Readers and writers of one unit as they interleave over several proxies, one random step at a time; the
 * scripts and the native lookup are all that they share. The "database" is a version that each commit moves
 * on.
 *
 * Counted as wrong: an answer from the cache older than the last write that was acknowledged; and, unless
 * writes may commit after their markers have run out, any that isn't exactly what the database holds. Stale
 * answers (past their TTL, within their keep) are held to the same.
 */
enum { REQUESTS = 2, READERS = 6, SLOW = 2, WRITERS = 3, HOLD = 40 };

typedef struct reader {
    enum { R_IDLE, R_LOOKED, R_READ } state;
    char token[64], field[8];
    unsigned version;
} reader;

typedef struct writer {
    enum { W_IDLE, W_BEGUN, W_COMMITTED } state;
    unsigned id;
    int64_t deadline;
} writer;

typedef struct protocol {
    uint64_t random;
    bool late_commits;
    const char *epoch;
    unsigned committed, acknowledged, ids, nonces;
    reader readers[READERS];
    writer writers[WRITERS];
    unsigned served, stored, overtaken, bypassed, wrong;
} protocol;

static void check_served(protocol *p, const char *value)
{
    unsigned version = (unsigned)strtoul(value, NULL, 10);
    p->served++;
    p->wrong += version < p->acknowledged || (!p->late_commits && version != p->committed);
}

static void look(protocol *p, reader *r)
{
    snprintf(r->field, sizeof r->field, "r%u", roll(&p->random, REQUESTS));
    redisReply *reply = command("HMGET u %s !", r->field);
    const redisReply *entry = reply->element[0], *g = reply->element[1];
    bool known = g->str && strncmp(g->str, p->epoch, 8) == 0;
    char *end = NULL;
    long long expires = entry->str ? strtoll(entry->str, &end, 10) : 0;
    bool hit = known && expires > server.now;
    if (known && entry->str && strtoll(end + 1, &end, 10) > server.now)
        check_served(p, end + 1);
    snprintf(r->token, sizeof r->token, "%s", known ? g->str : "");
    freeReplyObject(reply);
    if (hit)
        return;
    if (!r->token[0]) {
        reply = RUN(MISS, "u", num(++p->nonces), "600000", p->epoch);
        snprintf(r->token, sizeof r->token, "%s", reply->str ? reply->str : "");
        p->bypassed += reply->type == REDIS_REPLY_NIL;
        freeReplyObject(reply);
    }
    r->state = r->token[0] ? R_LOOKED : R_IDLE;
}

static void reader_step(protocol *p, reader *r)
{
    if (r->state == R_IDLE) {
        look(p, r);
    } else if (r->state == R_LOOKED) {
        r->version = p->committed;
        r->state = R_READ;
    } else {
        int64_t stored = integer_of(RUN(FILL, "u", r->token, r->field, num(1 + roll(&p->random, 60)),
                                        num(roll(&p->random, 30)), "9", num(r->version)));
        p->stored += stored == 1;
        p->overtaken += stored == 0;
        r->state = R_IDLE;
    }
}

static void writer_step(protocol *p, writer *w)
{
    bool late = server.now >= w->deadline;
    if (w->state == W_IDLE && roll(&p->random, 10) > 0)
        return; /* so that the unit is free at times */
    if (w->state == W_IDLE) {
        w->id = ++p->ids;
        w->deadline = server.now + HOLD;
        w->state = W_BEGUN;
        expect_integer(RUN(BEGIN, "u", num(w->id), num(HOLD)), 1);
    } else if (w->state == W_BEGUN && late && !p->late_commits) {
        w->state = W_IDLE; /* the fence: upstream refuses it, and nobody ends it */
    } else if (w->state == W_BEGUN) {
        unsigned fate = roll(&p->random, 16);
        p->committed += fate > 0;
        w->state = fate > 1 ? W_COMMITTED : W_IDLE; /* 0, 1: its reply is lost, or its proxy killed */
    } else {
        integer_of(RUN(END, "u", num(w->id), roll(&p->random, 4) ? "0" : "5"));
        p->acknowledged = p->committed; /* a late one is acknowledged after its end: so all are here */
        w->state = W_IDLE;
    }
}

static void protocol_step(protocol *p)
{
    unsigned what = roll(&p->random, 200);
    if (what < 130) {
        unsigned i = roll(&p->random, READERS);
        if (i >= SLOW || roll(&p->random, 15) == 0)
            reader_step(p, &p->readers[i]);
    } else if (what < 155) {
        writer_step(p, &p->writers[roll(&p->random, WRITERS)]);
    } else if (what < 156) {
        integer_of(RUN(INVALIDATE, "u"));
    } else if (what < 158) {
        integer_of(RUN(CLEAN, "u"));
    } else if (what < 159) { /* eviction, which takes what has a TTL */
        if (ttl("u") > 0)
            expect_integer(command("DEL u"), 1);
    } else if (what < 160) { /* a replica with all the data is the master now, or the old one again */
        p->epoch = strcmp(p->epoch, EPOCH_A) == 0 ? EPOCH_B : EPOCH_A;
    } else {
        set_clock(server.now + roll(&p->random, p->late_commits ? 20 : 6));
    }
}

static protocol run_protocol(uint64_t seed, bool late_commits, unsigned steps, bool until_wrong)
{
    protocol p = {.random = seed * 0x9e3779b97f4a7c15, .late_commits = late_commits, .epoch = EPOCH_A};
    expect_ok(command("FLUSHALL"));
    set_clock(1700000000000);
    for (unsigned i = 0; i < steps && !(until_wrong && p.wrong); i++)
        protocol_step(&p);
    return p;
}

static void test_protocol(void **state)
{
    (void)state;
    own_clock();
    uint64_t seed = environment("READASIDE_SEED", 1);
    unsigned steps = (unsigned)environment("READASIDE_STEPS", 8000);
    for (unsigned late = 0; late < 2; late++) {
        protocol p = run_protocol(seed + late, late, steps, false);
        if (p.wrong)
            fail_msg("%u of %u answers are wrong; READASIDE_SEED=%" PRIu64, p.wrong, p.served, seed);
        /* each path was taken often enough to mean something */
        assert_true(p.served > steps / 50 && p.stored > steps / 50 && p.overtaken > steps / 100 &&
                    p.bypassed > steps / 50);
    }
}

/* Mistakes that the test above would catch: each is made in the texts, and must give wrong answers. */
static void test_protocol_catches_mistakes(void **state)
{
    static const struct {
        const char *what;
        struct {
            enum ra_redis_script script;
            const char *from, *to;
        } edit[2];
        bool late_commits;
    } mistakes[] = {
        {"BEGIN leaves the data", {{RA_SCRIPT_BEGIN, "redis.call('UNLINK', k)", ""}}, false},
        {"BEGIN doesn't mark",
         {{RA_SCRIPT_BEGIN, "redis.call('HSET', k, 'w' .. ARGV[1], deadline)", ""}},
         false},
        {"one marker for all",
         {{RA_SCRIPT_BEGIN, "'w' .. ARGV[1]", "'w'"}, {RA_SCRIPT_END, "'w' .. ARGV[1]", "'w'"}},
         false},
        {"END takes all markers",
         {{RA_SCRIPT_END, "redis.call('HDEL', k, w)", "redis.call('UNLINK', k)"}},
         false},
        {"END without its marker leaves the data", {{RA_SCRIPT_END, "redis.call('UNLINK', k)", ""}}, true},
        {"MISS sees no marker", {{RA_SCRIPT_MISS, "live = live + 1", ""}}, false},
        {"MISS ends markers early", {{RA_SCRIPT_MISS, "d > now", "d > now + 20"}}, false},
        {"MISS makes one generation", {{RA_SCRIPT_MISS, "e .. ms(now) .. ARGV[1]", "e"}}, false},
        {"FILL takes any token", {{RA_SCRIPT_FILL, "~= ARGV[1] then", "== false then"}}, false},
        {"INVALIDATE takes markers",
         {{RA_SCRIPT_INVALIDATE, "if redis.call('HEXISTS', k, '!') == 0", "if false"}},
         false},
        {"CLEAN takes markers", {{RA_SCRIPT_CLEAN, "not d or d > now", "false"}}, false},
    };
    for (unsigned i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        assert_int_equal(fresh(state), 0);
        own_clock();
        for (unsigned e = 0; e < 2 && mistakes[i].edit[e].from; e++)
            mutate(mistakes[i].edit[e].script, mistakes[i].edit[e].from, mistakes[i].edit[e].to);
        protocol p = run_protocol(environment("READASIDE_SEED", 1), mistakes[i].late_commits, 40000, true);
        if (!p.wrong)
            fail_msg("not noticed: %s", mistakes[i].what);
    }
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names_and_sha1),
        TEST(test_evalsha_and_eval),
        TEST(test_the_clock_is_the_servers),
        TEST(test_begin),
        TEST(test_end),
        TEST(test_end_settles),
        TEST(test_writes_that_settle_share_one_marker),
        TEST(test_end_without_marker_drops_data),
        TEST(test_miss_makes_a_generation),
        TEST(test_miss_drops_a_foreign_generation),
        TEST(test_miss_says_who_fills),
        TEST(test_who_fills_goes_with_the_generation),
        TEST(test_miss_and_markers),
        TEST(test_an_unreadable_deadline_lives),
        TEST(test_leftovers_never_get_a_generation),
        TEST(test_miss_and_many_markers),
        TEST(test_miss_and_very_many_markers),
        TEST(test_fill_stores),
        TEST(test_fill_stores_any_bytes),
        TEST(test_fill_needs_its_generation),
        TEST(test_fill_keeps_to_the_cap),
        TEST(test_fill_at_a_high_cap),
        TEST(test_invalidate),
        TEST(test_clean),
        TEST(test_epoch),
        TEST(test_pact),
        TEST(test_epochs_never_push_the_pact_out),
        TEST(test_a_key_of_another_type),
        TEST(test_an_argument_that_is_no_number),
        TEST(test_who_is_no_master_takes_no_step),
        TEST(test_commands_and_key_are_as_listed),
        TEST(test_maxmemory),
        TEST(test_markers_survive_eviction),
        TEST(test_pexpire_gt_never_gives_a_marker_a_ttl),
        TEST(test_scripts_do_as_the_reference),
        TEST(test_protocol),
        TEST(test_protocol_catches_mistakes),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
