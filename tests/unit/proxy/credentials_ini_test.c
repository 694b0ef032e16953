#include "proxy/credentials_ini.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* At the end of its memory, so that a read behind it is found. */
static enum ra_ini_result read_bytes(ra_bytes text, bool config, const char *name, ra_profile *p,
                                     unsigned *line)
{
    char *copy = malloc(text.n ? text.n : 1);
    memcpy(copy, text.p, text.n);
    enum ra_ini_result r = ra_profile_read((ra_bytes){copy, text.n}, config, name, p, line);
    free(copy);
    return r;
}

static ra_profile read_good(const char *text, bool config, const char *name)
{
    ra_profile p = {0};
    unsigned line;
    assert_int_equal(read_bytes(ra_bytes_z(text), config, name, &p, &line), RA_INI_OK);
    return p;
}

static void assert_id(const char *text, bool config, const char *name, const char *id)
{
    ra_profile p = read_good(text, config, name);
    const char *got = p.v[RA_PROFILE_ACCESS_KEY_ID];
    if (id ? !got || strcmp(got, id) != 0 : got != NULL)
        fail_msg("%s of %s: %s, not %s", name, text, got ? got : "none", id ? id : "none");
    ra_profile_clear(&p);
}

static void test_sections(void **state)
{
    static const char *const two = "[a]\naws_access_key_id = A\n[b]\naws_access_key_id=B\n";
    static const char *const config =
        "[default]\naws_access_key_id=D\n[profile a]\naws_access_key_id=A\n"
        "[profile 'b c']\naws_access_key_id=B\n[ profile\t\"d\" ]\naws_access_key_id=E\n"
        "[sso-session s]\naws_access_key_id=S\n[x]\naws_access_key_id=X\n";
    (void)state;
    assert_id(two, false, "a", "A");
    assert_id(two, false, "b", "B");
    assert_id(two, false, "c", NULL);
    assert_id(config, true, "default", "D");
    assert_id(config, true, "a", "A");
    assert_id(config, true, "b c", "B");
    assert_id(config, true, "d", "E");
    assert_id(config, true, "s", NULL);
    assert_id(config, true, "x", NULL); /* in the config file it would be [profile x] */
    assert_id("[profile a]\naws_access_key_id=A\n", false, "a", NULL); /* and here it would be [a] */
    assert_id("[A]\naws_access_key_id=A\n", false, "a", NULL);
    ra_profile p = read_good("[a]\n", false, "a"), q = read_good("[b]\n", false, "a");
    assert_true(p.exists && !q.exists);
}

static void test_the_default_profile_with_its_word(void **state)
{
    (void)state;
    assert_id("[default]\naws_access_key_id=A\n[profile default]\naws_access_key_id=B\n", true, "default",
              "B");
    assert_id("[profile default]\naws_access_key_id=B\n[default]\naws_access_key_id=A\n", true, "default",
              "B");
    assert_id("[default]\naws_access_key_id=A\n[profile default]\n", true, "default", NULL);
}

static void test_values(void **state)
{
    (void)state;
    assert_id("[a]\r\naws_access_key_id = A \r\n", false, "a", "A");
    assert_id("\xef\xbb\xbf[a]\naws_access_key_id=A", false, "a", "A");
    assert_id("[a]\nAWS_Access_Key_ID=A\n", false, "a", "A");
    assert_id("[a]\naws_access_key_id=A\naws_access_key_id=B\n", false, "a", "B");
    assert_id("[a]\naws_access_key_id=A\naws_access_key_id=\n", false, "a", NULL);
    assert_id("[a]\naws_access_key_id=A # c\n", false, "a", "A");
    assert_id("[a]\naws_access_key_id=A#c\n", false, "a", "A#c");
    assert_id("[a]\naws_access_key_id=A\t;c\n", false, "a", "A");
    assert_id("[a]\naws_access_key_id=a=b=\n", false, "a", "a=b=");
    assert_id("# c\n; c\n\n  # c\n[a] # c\n#aws_access_key_id=B\naws_access_key_id=A\n", false, "a", "A");
    assert_id("[a]\naws_access_key_id=A\n[b]\n[a]\nregion=x\n", false, "a", "A");
    assert_id("[a]\ns3 =\n  aws_access_key_id = B\n\taddressing_style = path\naws_access_key_id=A\n", false,
              "a", "A");
    assert_id("[a]\n  aws_access_key_id = A\n", false, "a", "A"); /* indented, but belongs to nothing */
    assert_id("aws_access_key_id=A\n[a]\n", false, "a", NULL);
    assert_id("", false, "a", NULL);
}

static void test_a_command_is_left_as_it_is(void **state)
{
    (void)state;
    ra_profile p = read_good("[a]\ncredential_process = a \"b\" ; c # d\n", false, "a");
    assert_string_equal(p.v[RA_PROFILE_CREDENTIAL_PROCESS], "a \"b\" ; c # d");
    ra_profile_clear(&p);
}

static void test_all_properties(void **state)
{
    static const char *const text = "[a]\naws_access_key_id=0\naws_secret_access_key=1\naws_session_token="
                                    "2\ncredential_process=3\nrole_arn=4\n"
                                    "source_profile=5\ncredential_source=6\nweb_identity_token_file=7\nrole_"
                                    "session_name=8\nexternal_id=9\n"
                                    "duration_seconds=10\nmfa_serial=11\nsso_session=12\nsso_start_url="
                                    "13\nlogin_session=14\nunknown=15\n";
    (void)state;
    ra_profile p = read_good(text, false, "a");
    for (int i = 0; i < RA_PROFILE_PROPERTIES; i++) {
        assert_non_null(p.v[i]);
        assert_int_equal(atoi(p.v[i]), i);
    }
    ra_profile_clear(&p);
    assert_null(p.v[0]);
}

static void test_what_it_is_not(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
    } bad[] = {{"x", 1},           {"[a]\n\nx\n", 3},   {"[a\n", 1},    {"[a] x\n", 1}, {"=x\n", 1},
               {"[a]\n = x\n", 2}, {"{\"a\": 1}\n", 1}, {"[a]\n[b", 2}, {"]\n", 1},     {"<a>\n", 1}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ra_profile p = {0};
        unsigned line = 0;
        assert_int_equal(read_bytes(ra_bytes_z(bad[i].text), false, "a", &p, &line), RA_INI_SYNTAX);
        assert_int_equal(line, bad[i].line);
        ra_profile_clear(&p);
    }
    ra_profile p = {0};
    unsigned line = 0;
    assert_int_equal(read_bytes(RA_BYTES("[a]\naws_access_key_id=A\0B\n"), false, "a", &p, &line),
                     RA_INI_SYNTAX);
    ra_profile_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sections),       cmocka_unit_test(test_the_default_profile_with_its_word),
        cmocka_unit_test(test_values),         cmocka_unit_test(test_a_command_is_left_as_it_is),
        cmocka_unit_test(test_all_properties), cmocka_unit_test(test_what_it_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
