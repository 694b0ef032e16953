/*
 * A profile of the shared files. Read at each lookup. What both files say of it is put together, the
 * credentials file first; its pair of keys and the session token are taken from one file.
 */
#include "config/file.h"
#include "proxy/credentials_ini.h"
#include "proxy/credentials_source.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    FILE_MAX_BYTES = 1 << 20,
    PATH_BYTES = 4096,
    ROLES_MAX = 8,
    PROCESS_LIMIT = 60000,
    SHOWN = 100 /* of a name */
};

static const char SOURCE[] = "shared files";

typedef struct chain {
    ra_credentials_lookup *l;
    char *config, *credentials; /* the files' contents; NULL: there is none; wiped */
    size_t nconfig, ncredentials;
    char config_path[PATH_BYTES], credentials_path[PATH_BYTES];
    /* The profiles whose roles are assumed, the last one first; after them the one that has the first
     * credentials. */
    ra_profile profile[ROLES_MAX + 1];
    char *name[ROLES_MAX + 1];
    size_t n;
} chain;

/* ---- the files ---- */

static const char *home(char buffer[PATH_BYTES])
{
    const char *set = ra_source_variable("HOME");
    struct passwd entry, *found = NULL;
    char text[4096];
    if (set)
        return set;
    if (getpwuid_r(getuid(), &entry, text, sizeof text, &found) != 0 || !found)
        return NULL;
    snprintf(buffer, PATH_BYTES, "%s", entry.pw_dir);
    return buffer;
}

/* false: there is no such place. */
static bool find_file(const char *variable, const char *usual, char out[PATH_BYTES])
{
    char buffer[PATH_BYTES];
    const char *given = ra_source_variable(variable);
    bool at_home = !given || strncmp(given, "~/", 2) == 0;
    const char *folder = at_home ? home(buffer) : "";
    if (!folder)
        return false;
    const char *rest = given ? given + (at_home ? 2 : 0) : usual;
    int n = snprintf(out, PATH_BYTES, "%s%s%s", folder, at_home ? "/" : "", rest);
    return n > 0 && n < PATH_BYTES;
}

/* A file that isn't there is an empty one, also where a variable names it. false: why is said. */
static bool read_file(ra_credentials_lookup *l, const char *path, char **text, size_t *n)
{
    const char *error = NULL;
    *text = NULL;
    *n = 0;
    if (!*path || strcmp(path, "/dev/null") == 0)
        return true;
    errno = 0;
    *text = ra_file_read(path, FILE_MAX_BYTES, true, n, &error);
    if (*text || errno == ENOENT || errno == ENOTDIR)
        return true;
    ra_source_say(l, "%s: %s", path, error);
    return false;
}

static bool read_files(chain *c)
{
    if (!find_file("AWS_CONFIG_FILE", ".aws/config", c->config_path))
        c->config_path[0] = '\0';
    if (!find_file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", c->credentials_path))
        c->credentials_path[0] = '\0';
    return read_file(c->l, c->config_path, &c->config, &c->nconfig) &&
           read_file(c->l, c->credentials_path, &c->credentials, &c->ncredentials);
}

static void free_file(char *text, size_t n)
{
    if (text)
        OPENSSL_cleanse(text, n);
    free(text);
}

static void free_chain(chain *c)
{
    free_file(c->config, c->nconfig);
    free_file(c->credentials, c->ncredentials);
    for (size_t i = 0; i <= ROLES_MAX; i++) {
        ra_profile_clear(&c->profile[i]);
        free(c->name[i]);
    }
    free(c);
}

/* ---- one profile ---- */

static bool read_one(chain *c, const char *path, const char *text, size_t n, bool config, const char *name,
                     ra_profile *p)
{
    unsigned line = 0;
    switch (ra_profile_read((ra_bytes){text, n}, config, name, p, &line)) {
    case RA_INI_OK:
        return true;
    case RA_INI_SYNTAX:
        ra_source_say(c->l, "%s:%u: neither a section nor \"name = value\"", path, line);
        return false;
    case RA_INI_NO_MEMORY:
        break;
    }
    ra_source_say(c->l, "out of memory");
    return false;
}

static void move(ra_profile *to, ra_profile *from, size_t property)
{
    ra_secret_free(to->v[property]);
    to->v[property] = from->v[property];
    from->v[property] = NULL;
}

static bool has_key(const ra_profile *p)
{
    return p->v[RA_PROFILE_ACCESS_KEY_ID] || p->v[RA_PROFILE_SECRET_ACCESS_KEY];
}

/* The credentials file's values come first; half of its pair isn't made whole by the other file. */
static bool read_profile(chain *c, const char *name, ra_profile *p)
{
    ra_profile over = {0};
    bool ok = read_one(c, c->config_path, c->config, c->nconfig, true, name, p) &&
              read_one(c, c->credentials_path, c->credentials, c->ncredentials, false, name, &over);
    bool keys = has_key(&over);
    for (size_t i = 0; ok && i < RA_PROFILE_PROPERTIES; i++) {
        bool key = i <= RA_PROFILE_SESSION_TOKEN;
        if (key ? keys : over.v[i] != NULL)
            move(p, &over, i);
    }
    p->exists = p->exists || over.exists;
    ra_profile_clear(&over);
    return ok;
}

static bool is_role(const ra_profile *p)
{
    return p->v[RA_PROFILE_ROLE_ARN] && !p->v[RA_PROFILE_WEB_IDENTITY_TOKEN_FILE];
}

/* ---- from a profile that has credentials of its own ---- */

static enum ra_source_result from_keys(ra_credentials_lookup *l, const char *name, const ra_profile *p,
                                       ra_credentials **out)
{
    const char *id = p->v[RA_PROFILE_ACCESS_KEY_ID], *secret = p->v[RA_PROFILE_SECRET_ACCESS_KEY];
    const char *token = p->v[RA_PROFILE_SESSION_TOKEN];
    if (!id || !secret)
        return ra_source_fail(l, "profile %.*s has %s, but no %s", SHOWN, name,
                              id ? "aws_access_key_id" : "aws_secret_access_key",
                              id ? "aws_secret_access_key" : "aws_access_key_id");
    if (!ra_credentials_usable(id, secret, token))
        return ra_source_fail(l,
                              "profile %.*s: the access key, its secret or the token holds white space or "
                              "other bytes that no key has, or is far too long",
                              SHOWN, name);
    *out = ra_credentials_new(id, secret, token, INT64_MAX, SOURCE);
    return *out ? RA_SOURCE_FOUND : ra_source_fail(l, "out of memory");
}

static ra_sts_role role_of(const ra_profile *p)
{
    return (ra_sts_role){.arn = p->v[RA_PROFILE_ROLE_ARN],
                         .session_name = p->v[RA_PROFILE_ROLE_SESSION_NAME],
                         .external_id = p->v[RA_PROFILE_EXTERNAL_ID],
                         .duration_s = p->v[RA_PROFILE_DURATION_SECONDS],
                         .source = SOURCE};
}

static enum ra_source_result from_web_identity(ra_credentials_lookup *l, const char *name,
                                               const ra_profile *p, ra_credentials **out)
{
    ra_sts_role role = role_of(p);
    role.external_id = NULL; /* not of this operation */
    if (!role.arn)
        return ra_source_fail(l, "profile %.*s has web_identity_token_file, but no role_arn", SHOWN, name);
    return ra_sts_assume_role_with_web_identity(l, &role, p->v[RA_PROFILE_WEB_IDENTITY_TOKEN_FILE], out);
}

/* Of what stands in one profile, the first of these counts. ABSENT: it has nothing. */
static enum ra_source_result from_one(ra_credentials_lookup *l, const char *name, const ra_profile *p,
                                      ra_credentials **out)
{
    if (p->v[RA_PROFILE_WEB_IDENTITY_TOKEN_FILE])
        return from_web_identity(l, name, p, out);
    if (has_key(p))
        return from_keys(l, name, p, out);
    if (p->v[RA_PROFILE_SSO_SESSION] || p->v[RA_PROFILE_SSO_START_URL])
        return ra_source_fail(l,
                              "profile %.*s is one of IAM Identity Center (SSO), which isn't supported here; "
                              "`aws configure export-credentials --format process` as its "
                              "credential_process would do",
                              SHOWN, name);
    if (p->v[RA_PROFILE_LOGIN_SESSION])
        return ra_source_fail(l, "profile %.*s has a login_session, which isn't supported here", SHOWN, name);
    if (p->v[RA_PROFILE_CREDENTIAL_PROCESS]) {
        enum ra_source_result r =
            ra_credentials_from_process(l, p->v[RA_PROFILE_CREDENTIAL_PROCESS], PROCESS_LIMIT, out);
        if (r == RA_SOURCE_FAILED) {
            char why[RA_CREDENTIALS_WHY_MAX];
            memcpy(why, l->why, sizeof why);
            ra_source_say(l, "profile %.*s: credential_process %s", SHOWN, name, why);
        }
        return r;
    }
    return ra_source_absent(l, "profile %.*s holds no credentials", SHOWN, name);
}

static enum ra_source_result from_named_source(ra_credentials_lookup *l, const char *name, const char *source,
                                               ra_credentials **out)
{
    static const struct {
        const char *name;
        enum ra_source_result (*look)(ra_credentials_lookup *l, ra_credentials **out);
    } known[] = {{"Environment", ra_credentials_from_environment},
                 {"Ec2InstanceMetadata", ra_credentials_from_imds},
                 {"EcsContainer", ra_credentials_from_container}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(source, known[i].name) == 0)
            return known[i].look(l, out) == RA_SOURCE_FOUND ? RA_SOURCE_FOUND : RA_SOURCE_FAILED;
    }
    return ra_source_fail(l,
                          "profile %.*s: credential_source is %.*s; accepted: Environment, "
                          "Ec2InstanceMetadata, EcsContainer",
                          SHOWN, name, SHOWN, source);
}

/* ---- roles ---- */

static bool seen(const chain *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->name[i], name) == 0)
            return true;
    }
    return false;
}

/* Reads the next profile of the chain. false: why is said. */
static bool add_profile(chain *c, const char *name)
{
    c->name[c->n] = strdup(name);
    if (!c->name[c->n]) {
        ra_source_say(c->l, "out of memory");
        return false;
    }
    bool ok = read_profile(c, name, &c->profile[c->n]);
    c->n++;
    return ok;
}

/* What is wrong with a role's profile before anything is asked; NULL: nothing. */
static const char *role_wrong(const ra_profile *p)
{
    bool profile = p->v[RA_PROFILE_SOURCE_PROFILE], source = p->v[RA_PROFILE_CREDENTIAL_SOURCE];
    if (p->v[RA_PROFILE_MFA_SERIAL])
        return "has an mfa_serial, and nobody is here who could be asked for a code";
    if (profile && source)
        return "has both source_profile and credential_source";
    return profile || source ? NULL : "has a role_arn, but neither source_profile nor credential_source";
}

/*
 * Follows source_profile from the first profile. Each one that is a role is put on the chain; the last
 * one has credentials of its own, or names a credential_source. A profile may be its own source if it has
 * keys. false: why is said.
 */
static bool follow(chain *c)
{
    for (;;) {
        const ra_profile *p = &c->profile[c->n - 1];
        const char *name = c->name[c->n - 1], *source = p->v[RA_PROFILE_SOURCE_PROFILE];
        const char *wrong = is_role(p) ? role_wrong(p) : NULL;
        bool keys_first = c->n > 1 && has_key(p); /* as boto3 has it: only the first one's role counts then */
        if (!is_role(p) || keys_first || (!wrong && !source) ||
            (!wrong && has_key(p) && strcmp(source, name) == 0))
            return true;
        if (wrong)
            ra_source_say(c->l, "profile %.*s %s", SHOWN, name, wrong);
        else if (seen(c, source))
            ra_source_say(c->l, "profile %.*s: source_profile %.*s leads back to where it began", SHOWN, name,
                          SHOWN, source);
        else if (c->n > ROLES_MAX)
            ra_source_say(c->l, "profile %.*s: more than %d profiles, each the next one's source", SHOWN,
                          c->name[0], ROLES_MAX);
        else if (add_profile(c, source)) {
            if (c->profile[c->n - 1].exists)
                continue;
            ra_source_say(c->l, "profile %.*s: its source_profile %.*s doesn't exist", SHOWN, name, SHOWN,
                          source);
        }
        return false;
    }
}

/* The first credentials, by which the roles are assumed. *roles: how many profiles are roles. */
static enum ra_source_result first_credentials(chain *c, size_t *roles, ra_credentials **out)
{
    const ra_profile *last = &c->profile[c->n - 1];
    const char *name = c->name[c->n - 1];
    bool own_source = c->n == 1 && is_role(last) && last->v[RA_PROFILE_SOURCE_PROFILE];
    bool role = is_role(last) && (c->n == 1 || !has_key(last));
    *roles = role ? c->n : c->n - 1;
    if (role && !own_source)
        return from_named_source(c->l, name, last->v[RA_PROFILE_CREDENTIAL_SOURCE], out);
    if (own_source)
        return from_keys(c->l, name, last, out);
    enum ra_source_result r = from_one(c->l, name, last, out);
    return r == RA_SOURCE_ABSENT && *roles ? RA_SOURCE_FAILED : r;
}

static enum ra_source_result assume_roles(chain *c, size_t roles, ra_credentials **credentials)
{
    for (size_t i = roles; i-- > 0;) {
        ra_sts_role role = role_of(&c->profile[i]);
        ra_credentials *next = NULL;
        enum ra_source_result r = ra_sts_assume_role(c->l, &role, *credentials, &next);
        ra_credentials_unref(*credentials);
        *credentials = next;
        if (r != RA_SOURCE_FOUND)
            return r;
    }
    return RA_SOURCE_FOUND;
}

static enum ra_source_result look(chain *c, const char *given, ra_credentials **out)
{
    const char *name = given ? given : "default";
    size_t roles = 0;
    if (!read_files(c) || !add_profile(c, name))
        return RA_SOURCE_FAILED;
    if (!c->profile[0].exists && given) /* who names a profile means it */
        return ra_source_fail(c->l, "there is no profile %.*s in %s or %s", SHOWN, name, c->credentials_path,
                              c->config_path);
    if (!c->profile[0].exists)
        return ra_source_absent(c->l, "there is no profile %s in %s or %s", name, c->credentials_path,
                                c->config_path);
    if (!follow(c))
        return RA_SOURCE_FAILED;
    enum ra_source_result r = first_credentials(c, &roles, out);
    if (r == RA_SOURCE_FOUND)
        r = assume_roles(c, roles, out);
    if (r == RA_SOURCE_FOUND && roles)
        ra_source_say(c->l, "profile %.*s, %s", SHOWN, name, c->profile[0].v[RA_PROFILE_ROLE_ARN]);
    else if (r == RA_SOURCE_FOUND)
        ra_source_say(c->l, "profile %.*s", SHOWN, name);
    return r;
}

enum ra_source_result ra_credentials_from_profile(ra_credentials_lookup *l, ra_credentials **out)
{
    const char *given = ra_source_variable("AWS_PROFILE");
    if (!given)
        given = ra_source_variable("AWS_DEFAULT_PROFILE");
    *out = NULL;
    chain *c = calloc(1, sizeof *c);
    if (!c)
        return ra_source_fail(l, "out of memory");
    c->l = l;
    enum ra_source_result r = look(c, given, out);
    free_chain(c);
    return r;
}
