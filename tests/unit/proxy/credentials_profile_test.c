/* What a profile comes to, as far as nobody has to be asked. Roles: tests/integration/test_credentials.py. */
#include "proxy/credentials_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char home[] = "/tmp/readaside-profile-XXXXXX";
static ra_credentials_lookup l;
static enum ra_source_result result;

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/.aws/%s", home, name);
    unlink(path);
    if (!text)
        return;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static ra_credentials *look(const char *profile)
{
    ra_credentials *c = NULL;
    l = (ra_credentials_lookup){.region = "us-east-1"};
    unsetenv("AWS_PROFILE");
    if (profile)
        setenv("AWS_PROFILE", profile, 1);
    result = ra_credentials_from_profile(&l, &c);
    assert_int_equal(result == RA_SOURCE_FOUND, c != NULL);
    assert_null(strstr(l.why, "hush"));
    return c;
}

static void assert_found(const char *profile, const char *id, const char *token)
{
    ra_credentials *c = look(profile);
    if (!c)
        fail_msg("%s: %s", profile, l.why);
    else {
        assert_string_equal(c->access_key_id, id);
        assert_string_equal(c->secret_access_key, "hush");
        assert_string_equal(c->session_token ? c->session_token : "", token);
        assert_string_equal(c->source, "shared files");
    }
    ra_credentials_unref(c);
}

static void assert_none(const char *profile, enum ra_source_result r, const char *why)
{
    assert_null(look(profile));
    if (result != r || !strstr(l.why, why))
        fail_msg("%s: %d %s, not %d %s", profile ? profile : "default", result, l.why, r, why);
}

static int set_up(void **state)
{
    char path[128];
    (void)state;
    unsetenv("AWS_DEFAULT_PROFILE");
    unsetenv("AWS_SHARED_CREDENTIALS_FILE");
    unsetenv("AWS_CONFIG_FILE");
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    setenv("HOME", home, 1);
    snprintf(path, sizeof path, "%s/.aws", home);
    mkdir(path, 0700);
    put("credentials", NULL);
    put("config", NULL);
    return 0;
}

#define PAIR(id) "aws_access_key_id=" id "\naws_secret_access_key=hush\n"

static void test_keys(void **state)
{
    (void)state;
    put("credentials", "[default]\n" PAIR("D") "[t]\n" PAIR("T") "aws_session_token=tok\n");
    put("config", "[profile c]\n" PAIR("C") "[t]\n" PAIR("X"));
    assert_found(NULL, "D", "");
    assert_found("t", "T", "tok");
    assert_found("c", "C", "");
    assert_none("x", RA_SOURCE_FAILED, "no profile x");
    setenv("AWS_DEFAULT_PROFILE", "t", 1);
    assert_found(NULL, "T", "tok");
    assert_found("c", "C", ""); /* AWS_PROFILE comes first */
}

/* A pair and its token come from one file: a token of another pair would spoil every signature. */
static void test_both_files(void **state)
{
    (void)state;
    put("credentials", "[default]\n" PAIR("A"));
    put("config", "[default]\n" PAIR("B") "aws_session_token=of-b\nregion=x\n");
    assert_found(NULL, "A", "");
    put("credentials", "[default]\naws_access_key_id=A\n");
    assert_none(NULL, RA_SOURCE_FAILED, "no aws_secret_access_key");
    put("credentials", "[default]\naws_session_token=hush\n");
    assert_found(NULL, "B", "of-b");
}

static void test_nothing(void **state)
{
    (void)state;
    assert_none(NULL, RA_SOURCE_ABSENT, "no profile default");
    assert_none("default", RA_SOURCE_FAILED, "no profile default"); /* named, so it is meant */
    put("config", "[default]\nregion=x\n");
    assert_none(NULL, RA_SOURCE_ABSENT, "holds no credentials");
    assert_none("default", RA_SOURCE_ABSENT, "holds no credentials");
    setenv("AWS_CONFIG_FILE", "/dev/null", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/file", 1);
    assert_none(NULL, RA_SOURCE_ABSENT, "no profile default");
}

static void test_other_files(void **state)
{
    char path[128];
    (void)state;
    put("other", "[default]\n" PAIR("O"));
    snprintf(path, sizeof path, "%s/.aws/other", home);
    setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
    assert_found("default", "O", "");
    setenv("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/other", 1);
    assert_found("default", "O", "");
    unsetenv("AWS_SHARED_CREDENTIALS_FILE");
    setenv("AWS_CONFIG_FILE", path, 1);
    assert_found("default", "O", "");
}

static void test_files_that_are_none(void **state)
{
    (void)state;
    put("credentials", "[default]\n" PAIR("A") "hush\n");
    assert_none(NULL, RA_SOURCE_FAILED, "credentials:4: neither");
    put("credentials", "[default]\naws_access_key_id=A B\naws_secret_access_key=hush\n");
    assert_none(NULL, RA_SOURCE_FAILED, "white space");
    put("credentials", "[default]\naws_access_key_id=A\naws_secret_access_key=hush\xc3\xa9\n");
    assert_none(NULL, RA_SOURCE_FAILED, "white space");
    setenv("AWS_SHARED_CREDENTIALS_FILE", home, 1);
    assert_none(NULL, RA_SOURCE_FAILED, "isn't a regular file");
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/zero", 1);
    assert_none(NULL, RA_SOURCE_FAILED, "isn't a regular file");
}

static void test_a_large_file(void **state)
{
    char path[128];
    (void)state;
    put("credentials", "[default]\n" PAIR("A"));
    snprintf(path, sizeof path, "%s/.aws/credentials", home);
    assert_int_equal(truncate(path, 2 << 20), 0);
    assert_none(NULL, RA_SOURCE_FAILED, "too large");
}

#define ARN "role_arn=arn:aws:iam::123456789012:role/r\n"

static void test_what_is_not_supported(void **state)
{
    (void)state;
    put("config", "[profile s]\nsso_session=x\nsso_account_id=1\n[profile l]\nsso_start_url=https://x\n"
                  "[profile m]\n" ARN "source_profile=s\nmfa_serial=x\n[profile n]\nlogin_session=x\n"
                  "[profile r]\n" ARN "source_profile=s\n");
    assert_none("s", RA_SOURCE_FAILED, "SSO");
    assert_none("l", RA_SOURCE_FAILED, "isn't supported");
    assert_none("m", RA_SOURCE_FAILED, "mfa_serial");
    assert_none("n", RA_SOURCE_FAILED, "login_session");
    assert_none("r", RA_SOURCE_FAILED, "profile s is one of IAM Identity Center");
}

static void test_roles_that_lead_nowhere(void **state)
{
    (void)state;
    put("config",
        "[profile self]\n" ARN "source_profile=self\n"
        "[profile a]\n" ARN "source_profile=b\n[profile b]\n" ARN "source_profile=c\n[profile c]\n" ARN
        "source_profile=a\n"
        "[profile gone]\n" ARN "source_profile=nobody\n[profile empty]\nregion=x\n[profile e]\n" ARN
        "source_profile=empty\n"
        "[profile both]\n" ARN "source_profile=a\ncredential_source=Environment\n[profile none]\n" ARN
        "[profile bad]\n" ARN "credential_source=Moon\n[profile env]\n" ARN "credential_source=Environment\n"
        "[profile imds]\n" ARN "credential_source=Ec2InstanceMetadata\n"
        "[profile ecs]\n" ARN "credential_source=EcsContainer\n"
        "[profile half]\n" ARN "source_profile=h\n[profile h]\naws_access_key_id=x\n"
        "[profile web]\nweb_identity_token_file=/nonexistent\n[profile web2]\n" ARN
        "web_identity_token_file=/nonexistent/token\n");
    assert_none("self", RA_SOURCE_FAILED, "leads back");
    assert_none("a", RA_SOURCE_FAILED, "profile c: source_profile a leads back");
    assert_none("gone", RA_SOURCE_FAILED, "nobody doesn't exist");
    assert_none("e", RA_SOURCE_FAILED, "profile empty holds no credentials");
    assert_none("both", RA_SOURCE_FAILED, "both source_profile and credential_source");
    assert_none("none", RA_SOURCE_FAILED, "neither source_profile nor credential_source");
    assert_none("bad", RA_SOURCE_FAILED, "credential_source is Moon");
    assert_none("env", RA_SOURCE_FAILED, "aren't set in the environment");
    assert_none("imds", RA_SOURCE_FAILED, "AWS_EC2_METADATA_DISABLED");
    assert_none("ecs", RA_SOURCE_FAILED, "AWS_CONTAINER_CREDENTIALS");
    assert_none("half", RA_SOURCE_FAILED, "no aws_secret_access_key");
    assert_none("web", RA_SOURCE_FAILED, "no role_arn");
    assert_none("web2", RA_SOURCE_FAILED, "/nonexistent/token: No such file");
}

static void test_a_long_chain(void **state)
{
    char text[4096];
    size_t n = 0;
    (void)state;
    for (int i = 0; i < 12; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "[profile p%d]\n" ARN "source_profile=p%d\n", i,
                              i + 1);
    put("config", text);
    assert_none("p0", RA_SOURCE_FAILED, "more than 8 profiles");
}

static void test_process(void **state)
{
    (void)state;
    put("config", "[profile p]\ncredential_process = echo '{\"Version\":1,\"AccessKeyId\":\"P\","
                  "\"SecretAccessKey\":\"hush\"}' # really\n"
                  "[profile f]\ncredential_process = echo hush; exit 7\n"
                  "[profile k]\n" PAIR("K") "credential_process = exit 1\n");
    assert_found("p", "P", "");
    assert_none("f", RA_SOURCE_FAILED, "profile f: credential_process failed with exit status 7");
    assert_found("k", "K", "");
}

/* What stands in a file may garble neither a terminal nor a log, nor make a message endless. */
static void test_names_are_shown_safely(void **state)
{
    char name[3000];
    (void)state;
    assert_none("\x1b[2J\n\xc3\xa9", RA_SOURCE_FAILED, "no profile ?[2J???");
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_none(name, RA_SOURCE_FAILED, "nnn in ");
}

int main(void)
{
    if (!mkdtemp(home))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_keys, set_up),
        cmocka_unit_test_setup(test_both_files, set_up),
        cmocka_unit_test_setup(test_nothing, set_up),
        cmocka_unit_test_setup(test_other_files, set_up),
        cmocka_unit_test_setup(test_files_that_are_none, set_up),
        cmocka_unit_test_setup(test_a_large_file, set_up),
        cmocka_unit_test_setup(test_what_is_not_supported, set_up),
        cmocka_unit_test_setup(test_roles_that_lead_nowhere, set_up),
        cmocka_unit_test_setup(test_a_long_chain, set_up),
        cmocka_unit_test_setup(test_process, set_up),
        cmocka_unit_test_setup(test_names_are_shown_safely, set_up),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char path[128];
    put("credentials", NULL);
    put("config", NULL);
    put("other", NULL);
    snprintf(path, sizeof path, "%s/.aws", home);
    rmdir(path);
    rmdir(home);
    return failed;
}
