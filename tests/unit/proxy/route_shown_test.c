/* What a route has shown is found again for the same payload, route and target, and for nothing else; it
 * stays within its bounds and keeps nothing alive for longer than it holds it. */
#include "proxy/route_shown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct fixture {
    ra_shown *shown;
    ra_config *config;
    ra_route routes[2];
} fixture;

enum { MAX_BYTES = 64 * 1024 };

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    ra_problems problems;
    assert_non_null(f);
    f->shown = ra_shown_new(MAX_BYTES);
    f->config = ra_config_parse("{}", 2, "test.jsonc", &problems);
    ra_problems_free(&problems);
    assert_true(f->shown && f->config);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    ra_shown_free(f->shown);
    ra_config_unref(f->config);
    free(f);
    return 0;
}

static ra_payload *payload(size_t n)
{
    char *body = calloc(1, n + 1);
    assert_non_null(body);
    ra_payload *p = ra_payload_new((ra_bytes){body, n}, 0, 0, 0);
    free(body);
    assert_non_null(p);
    return p;
}

static ra_shown_reply *reply(const char *text, const char *next)
{
    ra_buf b;
    ra_buf_init(&b, 1 << 20);
    ra_buf_add_z(&b, text);
    ra_route_answer answer = {.status = 200, .next = next};
    ra_shown_reply *r = ra_shown_reply_new(&b, &answer);
    assert_non_null(r);
    ra_buf_free(&b);
    return r;
}

static ra_route_call call_of(const ra_route *route, const char *path, const char *query)
{
    return (ra_route_call){.route = route, .path = ra_bytes_z(path), .query = ra_bytes_z(query)};
}

static void assert_absent(const fixture *f, const ra_payload *p, ra_route_call call)
{
    assert_null(ra_shown_find(f->shown, p, &call));
}

static void a_reply_is_found_for_its_own_key_alone(void **state)
{
    fixture *f = *state;
    ra_payload *p = payload(100), *other = payload(100);
    ra_route_call call = call_of(&f->routes[0], "/a/b", "c=d");
    char next[] = "</a/b?before=x>; rel=\"next\"";
    ra_shown_reply *r = reply("[1]", next);
    next[1] = '!'; /* the reply has its own */
    assert_absent(f, p, call);
    ra_shown_keep(f->shown, f->config, p, &call, r);
    ra_shown_reply_unref(r);

    ra_shown_reply *found = ra_shown_find(f->shown, p, &call);
    assert_non_null(found);
    assert_memory_equal(found->body, "[1]", found->n);
    assert_string_equal(found->answer.next, "</a/b?before=x>; rel=\"next\"");
    ra_shown_reply_unref(found);

    assert_absent(f, other, call);
    assert_absent(f, p, call_of(&f->routes[1], "/a/b", "c=d"));
    assert_absent(f, p, call_of(&f->routes[0], "/a/c", "c=d"));
    assert_absent(f, p, call_of(&f->routes[0], "/a/b", "c=e"));
    assert_absent(f, p, call_of(&f->routes[0], "/a/b", ""));
    assert_absent(f, p, call_of(&f->routes[0], "/a/bc", "=d")); /* the same bytes, divided elsewhere */
    ra_payload_unref(p);
    ra_payload_unref(other);
}

static void the_newest_reply_counts_and_an_empty_one_is_one(void **state)
{
    fixture *f = *state;
    ra_payload *p = payload(10);
    ra_route_call call = call_of(&f->routes[0], "/a", "");
    static const char *const texts[] = {"[1]", "[2]", ""};
    for (size_t i = 0; i < 3; i++) {
        ra_shown_reply *r = reply(texts[i], NULL);
        ra_shown_keep(f->shown, f->config, p, &call, r);
        ra_shown_reply_unref(r);
        ra_shown_reply *found = ra_shown_find(f->shown, p, &call);
        assert_non_null(found);
        assert_int_equal(found->n, strlen(texts[i]));
        assert_int_equal(found->body == NULL, i == 2);
        assert_null(found->answer.next);
        ra_shown_reply_unref(found);
    }
    ra_payload_unref(p);
}

static void it_stays_within_its_bounds(void **state)
{
    fixture *f = *state;
    size_t found = 0;
    ra_payload *p[2000];
    for (size_t i = 0; i < 2000; i++) {
        char path[32];
        snprintf(path, sizeof path, "/%zu", i);
        ra_route_call call = call_of(&f->routes[i % 2], path, "");
        p[i] = payload(i % 900);
        ra_shown_reply *r = reply("[]", NULL);
        ra_shown_keep(f->shown, f->config, p[i], &call, r);
        ra_shown_reply_unref(r);
        assert_true(ra_shown_bytes(f->shown) <= MAX_BYTES);
    }
    for (size_t i = 0; i < 2000; i++) {
        char path[32];
        snprintf(path, sizeof path, "/%zu", i);
        ra_route_call call = call_of(&f->routes[i % 2], path, "");
        ra_shown_reply *r = ra_shown_find(f->shown, p[i], &call);
        found += r != NULL;
        assert_int_equal(atomic_load(&p[i]->refs), r ? 2 : 1);
        ra_shown_reply_unref(r);
    }
    assert_in_range(found, 20, RA_SHOWN_SLOTS);
    ra_shown_free(f->shown);
    f->shown = NULL;
    for (size_t i = 0; i < 2000; i++) {
        assert_int_equal(atomic_load(&p[i]->refs), 1);
        ra_payload_unref(p[i]);
    }
}

static void what_is_too_large_is_not_kept(void **state)
{
    fixture *f = *state;
    ra_payload *p = payload(MAX_BYTES / 4);
    ra_route_call call = call_of(&f->routes[0], "/a", "");
    ra_shown_reply *r = reply("[]", NULL);
    ra_shown_keep(f->shown, f->config, p, &call, r);
    assert_absent(f, p, call);
    assert_int_equal(ra_shown_bytes(f->shown), 0);
    assert_int_equal(atomic_load(&p->refs), 1);
    ra_shown_reply_unref(r);
    ra_payload_unref(p);
}

static void a_reply_outlives_its_slot(void **state)
{
    fixture *f = *state;
    ra_payload *p = payload(10);
    ra_route_call call = call_of(&f->routes[0], "/a", "");
    ra_shown_reply *r = reply("[1]", NULL);
    ra_shown_keep(f->shown, f->config, p, &call, r);
    ra_shown_free(f->shown);
    f->shown = NULL;
    assert_memory_equal(r->body, "[1]", 3);
    ra_shown_reply_unref(r);
    ra_payload_unref(p);
}

static void a_buffer_that_failed_is_no_reply(void **state)
{
    (void)state;
    ra_buf b;
    ra_buf_init(&b, 2);
    ra_buf_add_z(&b, "[1]");
    assert_null(ra_shown_reply_new(&b, &(ra_route_answer){.status = 200}));
    ra_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_reply_is_found_for_its_own_key_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_newest_reply_counts_and_an_empty_one_is_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_stays_within_its_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_large_is_not_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_outlives_its_slot, set_up, tear_down),
        cmocka_unit_test(a_buffer_that_failed_is_no_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
