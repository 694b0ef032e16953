/* AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN: a service account of EKS, for one. */
#include "proxy/credentials_source.h"

enum ra_source_result ra_credentials_from_web_identity(ra_credentials_lookup *l, ra_credentials **out)
{
    const char *file = ra_source_variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    ra_sts_role role = {.arn = ra_source_variable("AWS_ROLE_ARN"),
                        .session_name = ra_source_variable("AWS_ROLE_SESSION_NAME"),
                        .source = "web identity"};
    *out = NULL;
    if (!file)
        return ra_source_absent(l, "AWS_WEB_IDENTITY_TOKEN_FILE isn't set in the environment");
    if (!role.arn)
        return ra_source_fail(
            l, "AWS_WEB_IDENTITY_TOKEN_FILE is set in the environment, but AWS_ROLE_ARN isn't");
    enum ra_source_result r = ra_sts_assume_role_with_web_identity(l, &role, file, out);
    if (r == RA_SOURCE_FOUND)
        ra_source_say(l, "%s", role.arn);
    return r;
}
