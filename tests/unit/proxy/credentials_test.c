#include "proxy/credentials.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void set(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

/* What the environment provider says; *why is set when there are none. */
static ra_credentials *from_environment(const char *id, const char *secret, const char *token,
                                        const char **why)
{
    set("AWS_ACCESS_KEY_ID", id);
    set("AWS_SECRET_ACCESS_KEY", secret);
    set("AWS_SESSION_TOKEN", token);
    ra_credentials_provider *p = ra_credentials_environment_new();
    assert_non_null(p);
    ra_credentials *c = NULL;
    *why = NULL;
    enum ra_credentials_step step = p->get(p, &c, why, NULL, NULL);
    assert_int_equal(step, c ? RA_CREDENTIALS_READY : RA_CREDENTIALS_NONE);
    assert_true(c ? !*why : *why != NULL);
    ra_credentials_provider_free(p);
    return c; /* outlives its provider */
}

static void test_found(void **state)
{
    (void)state;
    const char *why;
    ra_credentials *c = from_environment("AKID", "secret", "token", &why);
    assert_non_null(c);
    assert_string_equal(c->access_key_id, "AKID");
    assert_string_equal(c->secret_access_key, "secret");
    assert_string_equal(c->session_token, "token");
    assert_string_equal(c->source, "environment");
    assert_true(c->expires_ms == INT64_MAX);
    ra_credentials_unref(c);
    c = from_environment("AKID", "secret", "", &why); /* empty is as good as unset */
    assert_non_null(c);
    assert_null(c->session_token);
    ra_credentials_unref(c);
}

static void test_missing_names_the_variable(void **state)
{
    (void)state;
    const char *why;
    assert_null(from_environment(NULL, NULL, NULL, &why));
    assert_non_null(strstr(why, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
    assert_null(from_environment("", "", NULL, &why));
    assert_non_null(strstr(why, "aren't set"));
    assert_null(from_environment("AKID", NULL, NULL, &why));
    assert_non_null(strstr(why, "but AWS_SECRET_ACCESS_KEY isn't"));
    assert_null(from_environment("", "secret", NULL, &why));
    assert_non_null(strstr(why, "but AWS_ACCESS_KEY_ID isn't"));
}

static void test_unprintable_is_refused_and_not_shown(void **state)
{
    (void)state;
    const char *why;
    assert_null(from_environment("AKID", "hush\n", NULL, &why));
    assert_non_null(strstr(why, "line break"));
    assert_null(strstr(why, "hush"));
    assert_null(from_environment("AK ID", "secret", NULL, &why));
    assert_null(from_environment("AKID", "secret", "to\rken", &why));
    assert_null(from_environment("AKID", "secr\xc3\xa9t", NULL, &why));
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
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_missing_names_the_variable),
        cmocka_unit_test(test_unprintable_is_refused_and_not_shown),
        cmocka_unit_test(test_serials_are_unique),
        cmocka_unit_test(test_references_from_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
