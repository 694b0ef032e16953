#include "proxy/credentials.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void test_what_is_usable(void **state)
{
    char secret[RA_CREDENTIALS_SECRET_MAX + 2];
    (void)state;
    assert_true(ra_credentials_usable("AKID", "s/e+c=", NULL));
    assert_true(ra_credentials_usable("AKID", "s", "token~!"));
    assert_false(ra_credentials_usable("", "s", NULL));
    assert_false(ra_credentials_usable("AKID", "", NULL));
    assert_false(ra_credentials_usable("AKID", "s", ""));
    assert_false(ra_credentials_usable("AK ID", "s", NULL));
    assert_false(ra_credentials_usable("AKID", "s\n", NULL));
    assert_false(ra_credentials_usable("AKID", "s\xc3\xa9", NULL));
    assert_false(ra_credentials_usable("AKID", "s", "a\rb"));
    assert_false(ra_credentials_usable("AKID", "s", "a\x7f"));
    memset(secret, 'x', sizeof secret);
    secret[sizeof secret - 1] = '\0';
    assert_false(ra_credentials_usable("AKID", secret, NULL));
    secret[sizeof secret - 2] = '\0';
    assert_true(ra_credentials_usable("AKID", secret, NULL));
}

static void test_serials_are_unique(void **state)
{
    (void)state;
    ra_credentials *a = ra_credentials_new("id", "secret", NULL, INT64_MAX, "test");
    ra_credentials *b = ra_credentials_new("id", "secret", NULL, INT64_MAX, "test");
    assert_true(a->serial != b->serial && a->serial && b->serial);
    ra_credentials_unref(a);
    ra_credentials_unref(b);
    ra_credentials_unref(NULL);
    ra_credentials_provider_free(NULL);
}

static void *ref_and_unref(void *arg)
{
    ra_credentials *c = arg;
    for (int i = 0; i < 10000; i++)
        ra_credentials_unref(ra_credentials_ref(c));
    ra_credentials_unref(c);
    return NULL;
}

static void test_references_from_many_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    ra_credentials *c = ra_credentials_new("id", "secret", "token", INT64_MAX, "test");
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ref_and_unref, ra_credentials_ref(c)), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&c->refs), 1);
    ra_credentials_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_usable),
        cmocka_unit_test(test_serials_are_unique),
        cmocka_unit_test(test_references_from_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
