/*
 * One profile out of AWS's shared files: ~/.aws/credentials, where it is the section [NAME], and
 * ~/.aws/config, where it is [profile NAME], or [default]. Lines are "name = value"; names in any case; '#'
 * and ';' begin a comment at a line's start, or after white space. Indented lines belong to the property
 * before them and are passed over. The last of two values counts; a section may come in parts.
 *
 * Pure. Ownership: the values are the profile's, which wipes them when it is cleared.
 */
#ifndef RA_PROXY_CREDENTIALS_INI_H
#define RA_PROXY_CREDENTIALS_INI_H

#include "cache/bytes.h"

enum ra_profile_property {
    RA_PROFILE_ACCESS_KEY_ID,
    RA_PROFILE_SECRET_ACCESS_KEY,
    RA_PROFILE_SESSION_TOKEN,
    RA_PROFILE_CREDENTIAL_PROCESS,
    RA_PROFILE_ROLE_ARN,
    RA_PROFILE_SOURCE_PROFILE,
    RA_PROFILE_CREDENTIAL_SOURCE,
    RA_PROFILE_WEB_IDENTITY_TOKEN_FILE,
    RA_PROFILE_ROLE_SESSION_NAME,
    RA_PROFILE_EXTERNAL_ID,
    RA_PROFILE_DURATION_SECONDS,
    RA_PROFILE_MFA_SERIAL,
    RA_PROFILE_SSO_SESSION,
    RA_PROFILE_SSO_START_URL,
    RA_PROFILE_LOGIN_SESSION,
    RA_PROFILE_PROPERTIES
};

typedef struct ra_profile {
    bool exists;
    char *v[RA_PROFILE_PROPERTIES]; /* NULL: not given, or empty */
} ra_profile;

enum ra_ini_result { RA_INI_OK, RA_INI_SYNTAX, RA_INI_NO_MEMORY };

/* Adds to `profile` what `text` says of the profile `name`; what is there already is replaced. SYNTAX: *line
 * is where the file is neither of these. */
enum ra_ini_result ra_profile_read(ra_bytes text, bool config, const char *name, ra_profile *profile,
                                   unsigned *line);
void ra_profile_clear(ra_profile *profile);

#endif
