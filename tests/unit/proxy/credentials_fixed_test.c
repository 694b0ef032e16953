/* What was given is what is had, each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/credentials_fixed.h"

static void given(void **state)
{
    (void)state;
    char id[] = "AKID", secret[] = "secret";
    ra_credentials_provider *p = ra_credentials_fixed_new(id, secret, NULL);
    assert_non_null(p);
    memset(secret, 'x', sizeof secret - 1);
    for (int i = 0; i < 2; i++) {
        ra_credentials *c = NULL;
        const char *why = NULL;
        assert_int_equal(p->get(p, &c, &why, NULL, NULL), RA_CREDENTIALS_READY);
        assert_string_equal(c->access_key_id, "AKID");
        assert_string_equal(c->secret_access_key, "secret");
        assert_null(c->session_token);
        assert_true(c->expires_ms == INT64_MAX);
        ra_credentials_unref(c);
    }
    ra_credentials_provider_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(given)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
