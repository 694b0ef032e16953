/* The head that the express way writes says what evhttp would have said: the same headers in the same order.
 */
#include "proxy/clock.h"
#include "proxy/express_reply.h"
#include "proxy/request_id.h"
#include "tests/unit/proxy/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { HEADERS_MAX = 16, CANARY = 64 };

typedef struct head {
    char text[2048];
    char status[64];
    size_t n; /* up to and with the empty line */
    unsigned nheaders;
    struct {
        char name[32];
        char value[128];
    } header[HEADERS_MAX];
} head;

/* Strictly: each line "name: value" CR LF, then an empty one. */
static void parse(head *h, const char *text)
{
    *h = (head){0};
    const char *end = strstr(text, "\r\n\r\n");
    assert_non_null(end);
    h->n = (size_t)(end + 4 - text);
    assert_true(h->n < sizeof h->text);
    memcpy(h->text, text, h->n - 2);
    char *rest = h->text, *line = strsep(&rest, "\n");
    snprintf(h->status, sizeof h->status, "%s", line);
    while (rest && *rest) {
        line = strsep(&rest, "\n");
        char *colon = strstr(line, ": "), *cr = strchr(line, '\r');
        assert_true(colon && cr && cr[1] == '\0' && colon < cr);
        assert_true(h->nheaders < HEADERS_MAX);
        snprintf(h->header[h->nheaders].name, sizeof h->header->name, "%.*s", (int)(colon - line), line);
        snprintf(h->header[h->nheaders].value, sizeof h->header->value, "%.*s", (int)(cr - colon - 2),
                 colon + 2);
        h->nheaders++;
    }
}

static const char *value_of(const head *h, const char *name)
{
    const char *found = NULL;
    for (unsigned i = 0; i < h->nheaders; i++)
        if (strcmp(h->header[i].name, name) == 0) {
            assert_null(found);
            found = h->header[i].value;
        }
    assert_non_null(found);
    return found;
}

/* Writes it where nothing may be written beside it. */
static void express(head *h, const ra_payload *p, const ra_verdict *v, ra_http_date *date, int64_t wall)
{
    char *room = malloc(RA_EXPRESS_REPLY_MAX + CANARY);
    assert_non_null(room);
    memset(room, 0x5a, RA_EXPRESS_REPLY_MAX + CANARY);
    size_t n = ra_express_reply(room, p, v, date, wall, NULL);
    assert_true(n <= RA_EXPRESS_REPLY_MAX);
    for (size_t i = n; i < RA_EXPRESS_REPLY_MAX + CANARY; i++)
        assert_int_equal(room[i], 0x5a);
    room[n] = '\0';
    parse(h, room);
    assert_int_equal(h->n, n);
    free(room);
}

/* ---- what evhttp says ---- */

typedef struct peer {
    ra_loop loop;
    ra_payload *payload;
    const ra_verdict *verdict;
} peer;

static void received(struct evhttp_request *r, void *arg)
{
    peer *p = arg;
    ra_reply_payload(&p->loop, r, ra_payload_ref(p->payload), p->verdict);
}

/* The second request only ends the connection: that reply says so. */
static void evhttp_says(head *h, const ra_payload *payload, const ra_verdict *v, const char *header)
{
    char bytes[256];
    snprintf(bytes, sizeof bytes, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n%s\r\n%s", header,
             "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    struct event_base *base = event_base_new();
    peer p = {.loop = {.magic = RA_LOOP_MAGIC, .base = base},
              .payload = (ra_payload *)(uintptr_t)payload,
              .verdict = v};
    exchange x;
    exchange_run(&x, base, bytes, received, &p);
    event_base_free(base);
    assert_int_equal(p.loop.sending, 0);
    parse(h, x.reply);
    const char *body = x.reply + h->n;
    assert_memory_equal(body, payload->body, payload->len);
    assert_memory_equal(body + payload->len, "HTTP/1.1 200 OK\r\n", 17);
}

static bool is_id(const char *text)
{
    return strlen(text) == RA_REQUEST_ID_CHARS &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == RA_REQUEST_ID_CHARS;
}

static void compare(const head *a, const head *b)
{
    assert_string_equal(a->status, b->status);
    assert_int_equal(a->nheaders, b->nheaders);
    for (unsigned i = 0; i < a->nheaders; i++) {
        assert_string_equal(a->header[i].name, b->header[i].name);
        if (strcmp(a->header[i].name, "x-amzn-RequestId") == 0) {
            assert_true(is_id(a->header[i].value) && is_id(b->header[i].value));
            assert_string_not_equal(a->header[i].value, b->header[i].value);
        } else if (strcmp(a->header[i].name, "Date") != 0) {
            assert_string_equal(a->header[i].value, b->header[i].value);
        }
    }
}

static ra_payload *payload_of(ra_bytes body, uint32_t crc)
{
    ra_payload *p = ra_payload_new(body, crc, 0, 0);
    assert_non_null(p);
    return p;
}

static void as_evhttp_says_it(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        uint32_t crc;
        ra_verdict verdict;
        const char *header; /* of the request; such as the express way takes */
    } cases[] = {
        {"{}", 0, {.cache = RA_X_HIT, .ttl = 1}, ""},
        {"{\"Items\":[]}", 4294967295, {.cache = RA_X_HIT, .age = 12, .ttl = 588, .detail = "near"}, ""},
        {"{\"Item\":{\"a\":{\"S\":\"\\r\\n\"}}}",
         1234567890,
         {.cache = RA_X_HIT, .age = 1000000000000, .ttl = 9007199254740993},
         "Connection: keep-alive\r\n"},
        {"", 10, {.cache = RA_X_HIT, .age = -3, .detail = "near"}, "Connection: Keep-Alive\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ra_payload *p = payload_of(ra_bytes_z(cases[i].body), cases[i].crc);
        ra_http_date date = {0}, later = {0};
        head ours, theirs, after;
        express(&ours, p, &cases[i].verdict, &date, ra_clock_wall());
        evhttp_says(&theirs, p, &cases[i].verdict, cases[i].header);
        express(&after, p, &cases[i].verdict, &later, ra_clock_wall());
        compare(&ours, &theirs);
        /* A second may have begun in between, or, on a busy machine, more than one. */
        if (strcmp(value_of(&ours, "Date"), value_of(&after, "Date")) == 0)
            assert_string_equal(value_of(&ours, "Date"), value_of(&theirs, "Date"));
        ra_payload_unref(p);
    }
}

/* The largest numbers that the types hold, and a detail that is longer than any there is. */
static void there_is_room_for_everything(void **state)
{
    (void)state;
    static const int64_t extremes[] = {INT64_MIN, -1, 0, 1, 253402300800000, INT64_MAX};
    static const ra_payload largest = {.crc32 = UINT32_MAX, .len = UINT32_MAX};
    enum { N = sizeof extremes / sizeof extremes[0] };
    for (size_t i = 0; i < (size_t)N * N * N; i++) {
        ra_verdict v = {.cache = RA_X_HIT,
                        .age = extremes[i % N],
                        .ttl = extremes[i / N % N],
                        .detail = "a word that is longer than any of those that there are"};
        ra_http_date date = {0};
        head h;
        char text[128];
        express(&h, &largest, &v, &date, extremes[i / N / N]);
        snprintf(text, sizeof text, "%lld", (long long)(v.age < 0 ? 0 : v.age));
        assert_string_equal(value_of(&h, "Age"), text);
        snprintf(text, sizeof text, "readaside; hit; ttl=%lld; detail=%.32s",
                 (long long)(v.ttl < 0 ? 0 : v.ttl), v.detail);
        assert_string_equal(value_of(&h, "Cache-Status"), text);
        assert_string_equal(value_of(&h, "Content-Length"), "4294967295");
        assert_string_equal(value_of(&h, "x-amz-crc32"), "4294967295");
        assert_true(is_id(value_of(&h, "x-amzn-RequestId")));
        assert_int_equal(h.nheaders, 8);
    }
}

/* What its client calls the request is repeated, and what it was called here is told. */
static void names(void **state)
{
    (void)state;
    static const ra_payload largest = {.crc32 = UINT32_MAX, .len = UINT32_MAX};
    const ra_verdict v = {.cache = RA_X_HIT,
                          .age = INT64_MAX,
                          .ttl = INT64_MAX,
                          .detail = "a word that is longer than any of those that there are"};
    char given[RA_REQUEST_ID_GIVEN_MAX + 1], room[RA_EXPRESS_REPLY_MAX + 1];
    memset(given, 'g', RA_REQUEST_ID_GIVEN_MAX);
    given[RA_REQUEST_ID_GIVEN_MAX] = '\0';
    for (size_t n = 0; n <= RA_REQUEST_ID_GIVEN_MAX; n += RA_REQUEST_ID_GIVEN_MAX) {
        ra_http_date date = {0};
        ra_express_ids ids = {.given = {given, n}};
        head h;
        size_t length = ra_express_reply(room, &largest, &v, &date, INT64_MAX, &ids);
        assert_true(length <= RA_EXPRESS_REPLY_MAX);
        room[length] = '\0';
        parse(&h, room);
        assert_int_equal(h.nheaders, n ? 9 : 8);
        assert_memory_equal(value_of(&h, "x-amzn-RequestId"), ids.made, sizeof ids.made);
        if (n)
            assert_memory_equal(value_of(&h, "X-Request-Id"), given, 127); /* all that the head here keeps */
    }
}

static void date_is(ra_http_date *date, int64_t wall)
{
    char text[64];
    time_t t = (time_t)(wall / 1000);
    struct tm tm;
    assert_non_null(gmtime_r(&t, &tm));
    assert_true(strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0);
    ra_payload *p = payload_of(RA_BYTES("{}"), 0);
    head h;
    express(&h, p, &(ra_verdict){.cache = RA_X_HIT}, date, wall);
    assert_string_equal(value_of(&h, "Date"), text);
    ra_payload_unref(p);
}

/* Of the second it is, whichever was said last: the clock may also be set back. */
static void the_date_moves_on(void **state)
{
    (void)state;
    static const int64_t walls[] = {0,
                                    999,
                                    1000,
                                    1767225599000,
                                    1767225599999,
                                    1767225600000,
                                    1767225599999,
                                    951782400000, /* a leap day */
                                    4102444800000,
                                    0};
    ra_http_date date = {0};
    for (size_t i = 0; i < sizeof walls / sizeof walls[0]; i++)
        date_is(&date, walls[i]);
    for (int64_t wall = 1767225590000; wall < 1767225610000; wall += 333)
        date_is(&date, wall);
}

/* 52 of the 32 letters, each at each place sooner or later, and never the same twice. */
static void request_ids(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    static char ids[MANY][RA_REQUEST_ID_CHARS + 1];
    static unsigned seen[RA_REQUEST_ID_CHARS][256];
    for (unsigned i = 0; i < MANY; i++) {
        ids[i][RA_REQUEST_ID_CHARS] = '\0';
        ra_request_id(ids[i]);
        assert_true(is_id(ids[i]));
        for (unsigned k = 0; k < RA_REQUEST_ID_CHARS; k++)
            seen[k][(unsigned char)ids[i][k]]++;
    }
    for (unsigned k = 0; k < RA_REQUEST_ID_CHARS; k++) {
        unsigned letters = 0;
        for (unsigned c = 0; c < 256; c++)
            letters += seen[k][c] > 0;
        assert_int_equal(letters, 32);
    }
    qsort(ids, MANY, sizeof ids[0], (int (*)(const void *, const void *))strcmp);
    for (unsigned i = 1; i < MANY; i++)
        assert_string_not_equal(ids[i - 1], ids[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_evhttp_says_it),
        cmocka_unit_test(there_is_room_for_everything),
        cmocka_unit_test(names),
        cmocka_unit_test(the_date_moves_on),
        cmocka_unit_test(request_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
