#include "proxy/cli_access_key.h"

#include "proxy/access_keys.h"
#include "proxy/cli.h"
#include "proxy/credentials_fixed.h"
#include "proxy/log.h"

ra_credentials_provider *ra_cli_access_key(const char *command, const ra_config *c, const char *id)
{
    char why[RA_ACCESS_KEYS_WHY_MAX];
    if (c->auth.sigv4.mode != RA_SIGV4_KEYS) {
        ra_cli_misuse(command, "--access-key: the configuration names no auth.sigv4.keys_file");
        return NULL;
    }
    ra_access_keys *keys = ra_access_keys_load(c->auth.sigv4.keys_file, why);
    const ra_access_key *key = keys ? ra_access_keys_find(keys, ra_bytes_z(id)) : NULL;
    ra_credentials_provider *p = NULL;
    if (!keys)
        ra_log(RA_LOG_ERROR, "%s", why);
    else if (!key)
        ra_log(RA_LOG_ERROR, "%s has no key '%s'", c->auth.sigv4.keys_file, id);
    else if (!(p = ra_credentials_fixed_new(key->id, key->secret, NULL)))
        ra_log(RA_LOG_ERROR, "out of memory");
    ra_access_keys_unref(keys);
    return p;
}
