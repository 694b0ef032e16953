/* Which source counts. Only those that needn't ask anybody. */
#include "proxy/credentials_chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/readaside-chain-XXXXXX";

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int set_up(void **state)
{
    static const char *const names[] = {"AWS_ACCESS_KEY_ID",
                                        "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN",
                                        "AWS_PROFILE",
                                        "AWS_DEFAULT_PROFILE",
                                        "AWS_WEB_IDENTITY_TOKEN_FILE",
                                        "AWS_ROLE_ARN",
                                        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                        "AWS_CONTAINER_CREDENTIALS_FULL_URI"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    setenv("AWS_CONFIG_FILE", "/dev/null", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
    write_file("");
    return 0;
}

static ra_credentials_chain chain;
static char why[RA_CHAIN_WHY_MAX];

/* The credentials' id, "" if there are none; until the next call. */
static const char *look(void)
{
    static char id[32];
    ra_credentials *c = ra_credentials_chain_look(&chain);
    snprintf(id, sizeof id, "%s", c ? c->access_key_id : "");
    ra_credentials_unref(c);
    ra_credentials_chain_why(&chain, why);
    return id;
}

static void test_order(void **state)
{
    (void)state;
    ra_credentials_chain_init(&chain, "us-east-1");
    assert_string_equal(look(), "");
    assert_int_equal(chain.nlooks, RA_CREDENTIALS_SOURCES);
    assert_non_null(strstr(why, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY aren't set"));
    assert_non_null(strstr(why, "readaside credentials"));
    write_file("[default]\naws_access_key_id=FILE\naws_secret_access_key=s\n[p]\naws_access_key_id=P\n"
               "aws_secret_access_key=s\n");
    assert_string_equal(look(), "FILE");
    assert_int_equal(chain.nlooks, 3);
    assert_string_equal(chain.looks[2].source, "shared files");
    setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
    setenv("AWS_PROFILE", "p", 1);
    ra_credentials_chain_init(&chain, "us-east-1");
    assert_string_equal(look(), "ENV"); /* also where a profile is named */
    assert_int_equal(chain.nlooks, 1);
    assert_int_equal(chain.looks[0].result, RA_SOURCE_FOUND);
}

/* A source that is configured and doesn't work isn't passed over for a weaker one. */
static void test_failures_end_it(void **state)
{
    (void)state;
    write_file("[default]\naws_access_key_id=FILE\naws_secret_access_key=s\n");
    ra_credentials_chain_init(&chain, "us-east-1");
    setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    assert_string_equal(look(), "");
    assert_int_equal(chain.nlooks, 1);
    assert_int_equal(chain.looks[0].result, RA_SOURCE_FAILED);
    assert_non_null(strstr(why, "environment: AWS_ACCESS_KEY_ID is set"));
    unsetenv("AWS_ACCESS_KEY_ID");
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token", 1);
    assert_string_equal(look(), "");
    assert_int_equal(chain.nlooks, 2);
    assert_non_null(strstr(why, "AWS_ROLE_ARN isn't"));
    setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r", 1);
    assert_string_equal(look(), "");
    assert_non_null(strstr(why, "web identity: the web identity token: /nonexistent/token"));
    unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE"); /* the role alone says nothing */
    assert_string_equal(look(), "FILE");
}

static void test_the_container_comes_after_the_files(void **state)
{
    (void)state;
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/", 1);
    ra_credentials_chain_init(&chain, "us-east-1");
    assert_string_equal(look(), "");
    assert_int_equal(chain.nlooks, 4);
    assert_int_equal(chain.looks[3].result, RA_SOURCE_FAILED);
    write_file("[default]\naws_access_key_id=FILE\naws_secret_access_key=s\n");
    assert_string_equal(look(), "FILE");
}

/* Once chosen it stays: the others are other rights. */
static void test_renewed_from_the_same(void **state)
{
    (void)state;
    write_file("[default]\naws_access_key_id=FILE\naws_secret_access_key=s\n");
    ra_credentials_chain_init(&chain, "us-east-1");
    assert_string_equal(look(), "FILE");
    setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
    assert_string_equal(look(), "FILE");
    assert_int_equal(chain.nlooks, 1);
    write_file("");
    assert_string_equal(look(), "");
    assert_non_null(strstr(why, "shared files: there is no profile default"));
}

static void test_a_provider(void **state)
{
    (void)state;
    assert_null(ra_credentials_chain_provider("us-east-1", why));
    assert_non_null(strstr(why, "aren't set"));
    write_file("[default]\naws_access_key_id=FILE\naws_secret_access_key=s\n");
    ra_credentials_provider *p = ra_credentials_chain_provider("us-east-1", why);
    assert_non_null(p);
    write_file(""); /* read once, at start */
    ra_credentials *c = NULL;
    const char *none = NULL;
    assert_int_equal(p->get(p, &c, &none, NULL, NULL), RA_CREDENTIALS_READY);
    assert_string_equal(c->access_key_id, "FILE");
    ra_credentials_unref(c);
    ra_credentials_provider_free(p);
}

int main(void)
{
    int fd = mkstemp(path);
    if (fd < 0)
        return 1;
    close(fd);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_order, set_up),
        cmocka_unit_test_setup(test_failures_end_it, set_up),
        cmocka_unit_test_setup(test_the_container_comes_after_the_files, set_up),
        cmocka_unit_test_setup(test_renewed_from_the_same, set_up),
        cmocka_unit_test_setup(test_a_provider, set_up),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
