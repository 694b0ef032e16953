#include "proxy/credentials_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

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
    const char *said = *why;
    ra_credentials_lookup l = {.region = "us-east-1"};
    ra_credentials *same = NULL;
    enum ra_source_result r = ra_credentials_from_environment(&l, &same);
    *why = said;
    assert_int_equal(step, c ? RA_CREDENTIALS_READY : RA_CREDENTIALS_NONE);
    assert_true(c ? !*why : *why != NULL);
    assert_int_equal(r == RA_SOURCE_FOUND, c != NULL); /* the chain's source says the same, */
    assert_int_equal(r == RA_SOURCE_ABSENT, !(id && *id) && !(secret && *secret));
    assert_string_equal(l.why, c ? "" : *why);
    ra_credentials_unref(same);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_missing_names_the_variable),
        cmocka_unit_test(test_unprintable_is_refused_and_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
