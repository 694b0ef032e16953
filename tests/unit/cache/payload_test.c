#include "cache/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

static void test_holds_what_it_was_given(void **state)
{
    (void)state;
    char body[] = "a\0body";
    ra_payload *p = ra_payload_new((ra_bytes){body, 6}, 0xdeadbeef, 7, 1234567890123);
    assert_non_null(p);
    body[0] = 'X'; /* a copy */
    assert_int_equal(p->len, 6);
    assert_memory_equal(p->body, "a\0body", 6);
    assert_int_equal(p->crc32, 0xdeadbeef);
    assert_int_equal(p->meta, 7);
    assert_int_equal(p->filled_ms, 1234567890123);
    assert_ptr_equal(ra_payload_ref(p), p);
    ra_payload_unref(p);
    assert_int_equal(p->len, 6); /* the last reference isn't gone yet */
    ra_payload_unref(p);
    ra_payload_unref(NULL);
}

static void test_empty_and_too_long(void **state)
{
    (void)state;
    ra_payload *p = ra_payload_new((ra_bytes){NULL, 0}, 0, 0, 0);
    assert_non_null(p);
    assert_int_equal(p->len, 0);
    ra_payload_unref(p);
    assert_null(ra_payload_new((ra_bytes){"", UINT32_MAX}, 0, 0, 0));
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *ref_and_unref(void *arg)
{
    for (unsigned i = 0; i < ROUNDS; i++)
        ra_payload_unref(ra_payload_ref(arg));
    ra_payload_unref(arg);
    return NULL;
}

static void test_references_from_threads(void **state)
{
    (void)state;
    ra_payload *p = ra_payload_new(RA_BYTES("x"), 0, 0, 0);
    pthread_t thread[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, ref_and_unref, ra_payload_ref(p)), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(atomic_load(&p->refs), 1);
    ra_payload_unref(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds_what_it_was_given),
        cmocka_unit_test(test_empty_and_too_long),
        cmocka_unit_test(test_references_from_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
