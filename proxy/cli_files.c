#include "proxy/cli_files.h"

#include "config/problems.h"
#include "proxy/access_keys.h"
#include "proxy/tls_server.h"

#include <string.h>

static void check_keys(const ra_config_sigv4 *c, ra_problems *problems)
{
    char why[RA_ACCESS_KEYS_WHY_MAX];
    if (c->mode != RA_SIGV4_KEYS)
        return;
    ra_access_keys *keys = ra_access_keys_load(c->keys_file, why);
    if (!keys)
        ra_problems_add(problems, false, 0, strdup("auth.sigv4.keys_file"), "%s", why);
    ra_access_keys_unref(keys);
}

static void check_certificate(const ra_config_tls *c, const char *option, ra_problems *problems)
{
    if (!c->cert_file)
        return;
    ra_tls_server *t = ra_tls_server_new(c, option);
    if (!t)
        ra_problems_add(problems, false, 0, strdup(option), "its files can't be used");
    ra_tls_server_free(t);
}

bool ra_cli_files_check(const ra_config *c, ra_problems *problems)
{
    size_t before = problems->errors;
    check_keys(&c->auth.sigv4, problems);
    check_certificate(&c->listen.tls, "listen.tls", problems);
    if (c->admin.listen.host)
        check_certificate(&c->admin.listen.tls, "admin.tls", problems);
    return problems->errors == before;
}
