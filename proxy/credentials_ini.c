#include "proxy/credentials_ini.h"

#include <openssl/crypto.h>
#include <stdlib.h>

static const char *const names[RA_PROFILE_PROPERTIES] = {
    [RA_PROFILE_ACCESS_KEY_ID] = "aws_access_key_id",
    [RA_PROFILE_SECRET_ACCESS_KEY] = "aws_secret_access_key",
    [RA_PROFILE_SESSION_TOKEN] = "aws_session_token",
    [RA_PROFILE_CREDENTIAL_PROCESS] = "credential_process",
    [RA_PROFILE_ROLE_ARN] = "role_arn",
    [RA_PROFILE_SOURCE_PROFILE] = "source_profile",
    [RA_PROFILE_CREDENTIAL_SOURCE] = "credential_source",
    [RA_PROFILE_WEB_IDENTITY_TOKEN_FILE] = "web_identity_token_file",
    [RA_PROFILE_ROLE_SESSION_NAME] = "role_session_name",
    [RA_PROFILE_EXTERNAL_ID] = "external_id",
    [RA_PROFILE_DURATION_SECONDS] = "duration_seconds",
    [RA_PROFILE_MFA_SERIAL] = "mfa_serial",
    [RA_PROFILE_SSO_SESSION] = "sso_session",
    [RA_PROFILE_SSO_START_URL] = "sso_start_url",
    [RA_PROFILE_LOGIN_SESSION] = "login_session",
};

typedef struct reader {
    const char *name;
    bool config;
    ra_profile *profile;
    bool wanted; /* the section that we are in is the profile's */
    /* [profile default] counts alone where there is one, as with the SDKs. */
    bool plain_default, only_prefixed;
    bool in_property; /* an indented line would belong to a property */
} reader;

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static ra_bytes trim(ra_bytes s)
{
    while (s.n && blank(s.p[s.n - 1]))
        s.n--;
    while (s.n && blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    return s;
}

static void wipe(char *z)
{
    if (!z)
        return;
    OPENSSL_cleanse(z, strlen(z));
    free(z);
}

void ra_profile_clear(ra_profile *profile)
{
    for (size_t i = 0; i < RA_PROFILE_PROPERTIES; i++)
        wipe(profile->v[i]);
    *profile = (ra_profile){0};
}

/* ---- sections ---- */

/* Without the word "profile" and quotes. *prefixed: it had the word. */
static ra_bytes profile_name(ra_bytes s, bool *prefixed)
{
    *prefixed = s.n > 7 && memcmp(s.p, "profile", 7) == 0 && blank(s.p[7]);
    if (*prefixed)
        s = trim((ra_bytes){s.p + 7, s.n - 7});
    if (s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0])
        s = (ra_bytes){s.p + 1, s.n - 2};
    return s;
}

/* `s` is what stands between the brackets. */
static void enter(reader *r, ra_bytes s)
{
    bool prefixed = false;
    s = trim(s);
    r->wanted = false;
    if (!r->config) {
        r->wanted = ra_bytes_eq_z(s, r->name);
    } else {
        ra_bytes name = profile_name(s, &prefixed);
        bool plain = !prefixed && ra_bytes_eq(s, RA_BYTES("default"));
        if ((prefixed || plain) && ra_bytes_eq_z(name, r->name))
            r->wanted = prefixed || !r->only_prefixed;
        if (r->wanted && plain)
            r->plain_default = true;
        if (r->wanted && prefixed && r->plain_default) { /* what [default] has said counts for nothing */
            ra_profile_clear(r->profile);
            r->plain_default = false;
        }
        r->only_prefixed = r->only_prefixed || (r->wanted && prefixed);
    }
    r->profile->exists = r->profile->exists || r->wanted;
}

/* "[name]", and perhaps a comment. */
static bool section(reader *r, ra_bytes s)
{
    const char *close = memchr(s.p, ']', s.n);
    if (!close)
        return false;
    ra_bytes rest = trim((ra_bytes){close + 1, s.n - (size_t)(close - s.p) - 1});
    if (rest.n && rest.p[0] != '#' && rest.p[0] != ';')
        return false;
    enter(r, (ra_bytes){s.p + 1, (size_t)(close - s.p) - 1});
    return true;
}

/* ---- properties ---- */

static ra_bytes without_comment(ra_bytes s)
{
    for (size_t i = 1; i < s.n; i++) {
        if ((s.p[i] == '#' || s.p[i] == ';') && blank(s.p[i - 1]))
            s.n = i;
    }
    return trim(s);
}

static bool store(reader *r, ra_bytes name, ra_bytes value)
{
    for (size_t i = 0; i < RA_PROFILE_PROPERTIES; i++) {
        if (!ra_bytes_eq_fold_z(name, names[i]))
            continue;
        /* A command may hold these characters, and the shell knows comments itself. */
        if (i != RA_PROFILE_CREDENTIAL_PROCESS)
            value = without_comment(value);
        wipe(r->profile->v[i]);
        r->profile->v[i] = value.n ? strndup(value.p, value.n) : NULL;
        return r->profile->v[i] || !value.n;
    }
    return true;
}

static enum ra_ini_result property(reader *r, ra_bytes s)
{
    const char *equals = memchr(s.p, '=', s.n);
    if (!equals)
        return RA_INI_SYNTAX;
    ra_bytes name = trim((ra_bytes){s.p, (size_t)(equals - s.p)});
    ra_bytes value = trim((ra_bytes){equals + 1, s.n - (size_t)(equals - s.p) - 1});
    if (!name.n)
        return RA_INI_SYNTAX;
    r->in_property = true;
    return !r->wanted || store(r, name, value) ? RA_INI_OK : RA_INI_NO_MEMORY;
}

static enum ra_ini_result take_line(reader *r, ra_bytes line)
{
    bool indented = line.n && blank(line.p[0]);
    ra_bytes s = trim(line);
    if (!s.n || s.p[0] == '#' || s.p[0] == ';')
        return RA_INI_OK;
    if (memchr(s.p, '\0', s.n))
        return RA_INI_SYNTAX;
    if (indented && r->in_property)
        return RA_INI_OK;
    if (s.p[0] != '[')
        return property(r, s);
    r->in_property = false;
    return section(r, s) ? RA_INI_OK : RA_INI_SYNTAX;
}

enum ra_ini_result ra_profile_read(ra_bytes text, bool config, const char *name, ra_profile *profile,
                                   unsigned *line)
{
    reader r = {.name = name, .config = config, .profile = profile};
    enum ra_ini_result result = RA_INI_OK;
    if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
        text = (ra_bytes){text.p + 3, text.n - 3};
    for (*line = 0; text.n && result == RA_INI_OK;) {
        const char *end = memchr(text.p, '\n', text.n);
        size_t n = end ? (size_t)(end - text.p) : text.n, skip = end ? n + 1 : n;
        ++*line;
        result = take_line(&r, (ra_bytes){text.p, n});
        text = (ra_bytes){text.p + skip, text.n - skip};
    }
    return result;
}
