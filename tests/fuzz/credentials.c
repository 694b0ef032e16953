/*
 * Files and replies that hold secrets. The first character says what follows: (a) a file of clients' access
 * keys; (b) one of AWS's shared files, its kind and the profile's name in the first line ("c default"); (c)
 * an endpoint's JSON, its shape in the first line; (d) a reply of STS, in XML; (e) a time.
 * - What is refused is told without anything of it: of a text that holds a mark no message holds it.
 * - A file of access keys in another spelling has as many keys; each is found by its id and has a number of
 *   its own.
 * - A time that is read is the one that it says, by the C library.
 */
#include "proxy/access_keys.h"
#include "proxy/credentials_ini.h"
#include "proxy/credentials_reply.h"
#include "proxy/credentials_xml.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/respell.h"

#include <time.h>

enum { OUT = 1 << 20, XML_OUT = 4096 };
#define NOW INT64_C(1718136343816)
/* Stands where secrets stand in the corpus; an error code, which is shown, has no such characters. */
#define MARK "Zm9v/YmFy+YmF6"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

/* Does the mark stand where a member's name may be, which is told? */
static bool is_name(ra_bytes text)
{
    const char *end = text.p + text.n, *p = text.p;
    while (p < end && (p = memmem(p, (size_t)(end - p), MARK, sizeof MARK - 1)) != NULL) {
        const char *q = memchr(p, '"', (size_t)(end - p));
        for (q = q ? q + 1 : end; q < end && strchr(" \t\r\n", *q); q++)
            ;
        if (q < end && (*q == ':' || *q == '/' || *q == '\0'))
            return true;
        p++;
    }
    return false;
}

static void check_why(const char *why, size_t size, bool refused, ra_bytes text)
{
    FUZZ_CHECK(memchr(why, '\0', size) && (!refused || *why) && (!strstr(why, MARK) || is_name(text)));
    for (const char *p = why; *p; p++)
        FUZZ_CHECK((unsigned char)*p >= ' ');
}

/* ---- access keys ---- */

static size_t check_found(const ra_access_keys *k, const ra_json *j, ra_arena *a)
{
    size_t n = 0;
    uint64_t before = 0;
    uint32_t list = ra_json_member(j, 0, "keys");
    for (uint32_t i = list + 1; i < j->t[list].next; i = j->t[i].next, n++) {
        ra_bytes id, secret;
        FUZZ_CHECK(ra_json_string(j, ra_json_member(j, i, "access_key_id"), a, &id));
        FUZZ_CHECK(ra_json_string(j, ra_json_member(j, i, "secret_access_key"), a, &secret));
        const ra_access_key *found = ra_access_keys_find(k, id);
        FUZZ_CHECK(found && ra_bytes_eq_z(id, found->id) && ra_bytes_eq_z(secret, found->secret));
        FUZZ_CHECK(found->serial > 0 && found->serial != before && *found->secret);
        FUZZ_CHECK(!found->tables == (ra_json_member(j, i, "tables") == RA_JSON_NONE));
        FUZZ_CHECK(!found->operations == (ra_json_member(j, i, "operations") == RA_JSON_NONE));
        FUZZ_CHECK(found->read_only == ra_json_is(j, ra_json_member(j, i, "read_only"), RA_JSON_TRUE));
        before = found->serial;
    }
    return n;
}

static void check_access_keys(ra_bytes text)
{
    char why[RA_ACCESS_KEYS_WHY_MAX] = "", again[RA_ACCESS_KEYS_WHY_MAX] = "";
    ra_json j;
    ra_buf other;
    ra_arena a;
    size_t at;
    ra_access_keys *k = ra_access_keys_parse(text, "keys.jsonc", why);
    check_why(why, sizeof why, !k, text);
    if (ra_json_parse(&j, text, NULL, &at) == RA_JSON_OK) { /* there are no comments in it */
        ra_buf_init(&other, OUT);
        fuzz_respell(&j, 0, &other);
        ra_access_keys *l = ra_access_keys_parse(ra_buf_bytes(&other), "keys.jsonc", again);
        FUZZ_CHECK(!k == !l);
        ra_arena_init(&a, OUT);
        if (k) {
            size_t n = check_found(k, &j, &a);
            FUZZ_CHECK(ra_access_keys_count(k) == n && ra_access_keys_count(l) == n);
        }
        ra_arena_free(&a);
        ra_access_keys_unref(l);
        ra_buf_free(&other);
        ra_json_free(&j);
    }
    ra_access_keys_unref(k);
}

/* ---- shared files ---- */

static void check_profile(ra_bytes text)
{
    ra_bytes rest = text, name = fuzz_line(&rest);
    bool config = fuzz_byte(&name) == 'c';
    fuzz_byte(&name);
    char *z = fuzz_text(name);
    ra_profile p = {0};
    unsigned line = 0;
    enum ra_ini_result r = ra_profile_read(rest, config, z, &p, &line);
    FUZZ_CHECK(r != RA_INI_NO_MEMORY);
    if (r == RA_INI_SYNTAX) {
        size_t lines = 1;
        for (size_t i = 0; i < rest.n; i++)
            lines += rest.p[i] == '\n' || rest.p[i] == '\r';
        FUZZ_CHECK(line >= 1 && line <= lines);
    }
    for (size_t i = 0; i < RA_PROFILE_PROPERTIES; i++) {
        if (!p.v[i])
            continue;
        FUZZ_CHECK(p.exists && *p.v[i] && !strchr(p.v[i], '\n'));
        FUZZ_CHECK(memmem(rest.p, rest.n, p.v[i], strlen(p.v[i])) != NULL);
    }
    ra_profile_clear(&p);
    free(z);
}

/* ---- replies ---- */

static void check_reply(ra_bytes text)
{
    ra_bytes rest = text, line = fuzz_line(&rest);
    unsigned bits = fuzz_byte(&line);
    const ra_reply_shape shape = {.token = bits & 1 ? "Token" : "SessionToken",
                                  .temporary = bits & 2,
                                  .code = bits & 4,
                                  .version = bits & 8,
                                  .source = "test"};
    char why[RA_REPLY_WHY_MAX] = "";
    ra_credentials *c = ra_credentials_parse(rest, &shape, NOW, why);
    check_why(why, sizeof why, !c, rest);
    if (!c)
        return;
    FUZZ_CHECK(c->access_key_id && *c->access_key_id && c->secret_access_key && *c->secret_access_key);
    FUZZ_CHECK(c->expires_ms > NOW && (!shape.temporary || (c->session_token && c->expires_ms != INT64_MAX)));
    for (const char *p = c->access_key_id; *p; p++) /* it goes into a header */
        FUZZ_CHECK(*p > ' ' && *p < 0x7f);
    for (const char *p = c->session_token; p && *p; p++)
        FUZZ_CHECK(*p > ' ' && *p < 0x7f);
    ra_credentials_unref(c);
}

static void check_xml(ra_bytes xml)
{
    static const char *const paths[] = {"AssumeRoleResponse/AssumeRoleResult/Credentials/SessionToken",
                                        "ErrorResponse/Error/Code", "A/B", "A"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        ra_buf out;
        ra_buf_init(&out, XML_OUT);
        if (ra_xml_text(xml, paths[i], &out)) {
            char code[RA_ERROR_CODE_MAX];
            FUZZ_CHECK(ra_buf_ok(&out) && out.n <= xml.n);
            if (ra_error_code(ra_buf_bytes(&out), code))
                FUZZ_CHECK(ra_bytes_eq_z(ra_buf_bytes(&out), code));
        }
        ra_buf_free(&out);
    }
}

static void check_time(ra_bytes text)
{
    int64_t ms;
    struct tm tm = {0};
    if (!ra_credentials_time(text, &ms))
        return;
    FUZZ_CHECK(ms >= 0 && ms < INT64_C(253402300800000));
    char *z = fuzz_text(text);
    const char *end = strptime(z, "%Y-%m-%dT%H:%M:%S", &tm);
    if (end && *end == 'Z') /* without a fraction and an offset */
        FUZZ_CHECK(ms == (int64_t)timegm(&tm) * 1000);
    free(z);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static void (*const checks[])(ra_bytes) = {check_access_keys, check_profile, check_reply, check_xml,
                                               check_time};
    ra_bytes rest = {(const char *)data, size};
    unsigned choice = fuzz_choice(&rest, sizeof checks / sizeof *checks);
    char *copy = fuzz_copy(rest);
    checks[choice]((ra_bytes){copy, rest.n});
    free(copy);
    return 0;
}
