#include "proxy/credentials_xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text at the path, "" if it is empty, NULL if there is none; until the next call. */
static const char *text_of(ra_bytes xml, const char *path)
{
    static char text[100];
    ra_buf out;
    ra_buf_init(&out, sizeof text - 1);
    /* at the end of its memory, so that a read behind it is found */
    char *copy = malloc(xml.n ? xml.n : 1);
    memcpy(copy, xml.p, xml.n);
    bool ok = ra_xml_text((ra_bytes){copy, xml.n}, path, &out);
    free(copy);
    memcpy(text, out.p ? out.p : "", out.n);
    text[out.n] = '\0';
    ra_buf_free(&out);
    return ok ? text : NULL;
}

static void test_found(void **state)
{
    static const ra_bytes reply = RA_BYTES(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<AResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
        "  <AResult><Id>other</Id><Credentials >\n"
        "    <Id a='1' b = \"2>\">AS&amp;IA&lt;&gt;&quot;&apos;&#65;&#x2f;</Id><Empty/><Space> x </Space>\n"
        "  </Credentials></AResult><ResponseMetadata><Id>again</Id></ResponseMetadata>\n"
        "</AResponse>\n");
    (void)state;
    assert_string_equal(text_of(reply, "AResponse/AResult/Credentials/Id"), "AS&IA<>\"'A/");
    assert_string_equal(text_of(reply, "AResponse/AResult/Id"), "other");
    assert_string_equal(text_of(reply, "AResponse/AResult/Credentials/Empty"), "");
    assert_string_equal(text_of(reply, "AResponse/AResult/Credentials/Space"), " x ");
    assert_null(text_of(reply, "AResponse/Id"));
    assert_null(text_of(reply, "Id"));
    assert_null(text_of(reply, "AResponse/AResult/Credentials/I"));
    assert_null(text_of(reply, "AResponse/AResult/Credentials")); /* holds elements */
    assert_null(text_of(reply, "AResponse/AResult/Credentials/Id/x"));
    assert_null(text_of(reply, ""));
}

static void test_references(void **state)
{
    static const char *const bad[] = {
        "&",          "&amp",           "&x;",   "&;",    "&#;",    "&#x;",  "&#0;", "&#1;", "&#xd800;",
        "&#x110000;", "&#99999999999;", "&#6a;", "&Amp;", "&nbsp;", "&#-5;", "& ;"};
    char xml[64];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(xml, sizeof xml, "<a>%s</a>", bad[i]);
        if (text_of(ra_bytes_z(xml), "a"))
            fail_msg("taken: %s", xml);
    }
    assert_string_equal(text_of(RA_BYTES("<a>&#xe9;&#x20ac;&#x1F600;</a>"), "a"),
                        "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
}

static void test_not_well_formed(void **state)
{
    static const char *const bad[] = {"",
                                      " ",
                                      "x",
                                      "<",
                                      "<a",
                                      "<a>",
                                      "<a>x",
                                      "<a>x<",
                                      "<a>x</",
                                      "<a>x</a",
                                      "<a>x</b>",
                                      "<a>x</a>y",
                                      "<a>x</a><a/>",
                                      "<a>x</a></a>",
                                      "</a>",
                                      "y<a>x</a>",
                                      "<a><b>x</a></b>",
                                      "<a>x<b/></a>",
                                      "<a x>x</a>",
                                      "<a x=1>x</a>",
                                      "<a x='1>x</a>",
                                      "<a x='<'>x</a>",
                                      "<a / >x</a>",
                                      "< a>x</a>",
                                      "<a>x</ a>",
                                      "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
                                      "<!-- c --><a>x</a>",
                                      "<a><![CDATA[x]]></a>",
                                      "<a><?p?>x</a>",
                                      "<?xml <a>x</a>?>",
                                      "<?xml ",
                                      " <?xml version='1.0'?><a>x</a>"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (text_of(ra_bytes_z(bad[i]), "a"))
            fail_msg("taken: %s", bad[i]);
    }
    assert_null(text_of(RA_BYTES("<a>x\0y</a>"), "a"));
    assert_null(text_of(RA_BYTES("<r><a>x</a><a>y</a></r>"), "r/a")); /* which one? */
}

static void test_nesting_is_bounded(void **state)
{
    char xml[256] = "", path[64] = "";
    (void)state;
    for (int depth = 1; depth <= 17; depth++) {
        strcat(path, depth > 1 ? "/a" : "a");
        *xml = '\0';
        for (int i = 0; i < depth; i++)
            strcat(xml, "<a>");
        strcat(xml, "x");
        for (int i = 0; i < depth; i++)
            strcat(xml, "</a>");
        assert_int_equal(text_of(ra_bytes_z(xml), path) != NULL, depth <= 16);
    }
}

static void test_what_does_not_fit(void **state)
{
    ra_buf out;
    (void)state;
    ra_buf_init(&out, 3);
    assert_false(ra_xml_text(RA_BYTES("<a>1234</a>"), "a", &out));
    ra_buf_clear(&out);
    assert_true(ra_xml_text(RA_BYTES("<a>123</a>"), "a", &out));
    ra_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_not_well_formed),
        cmocka_unit_test(test_nesting_is_bounded),
        cmocka_unit_test(test_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
