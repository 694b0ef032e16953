#include "proxy/ddb_where.h"

#include <string.h>

static const char *environment_region(void)
{
    const char *region = ra_ddb_environment("AWS_REGION");
    return region ? region : ra_ddb_environment("AWS_DEFAULT_REGION");
}

static bool read_config(ra_ddb_task *t, const char *path)
{
    if (!path)
        return true;
    ra_problems problems = {0};
    t->config = ra_config_load(path, &problems);
    ra_problems_print(&problems, path, stderr);
    ra_problems_free(&problems);
    return t->config != NULL;
}

static bool choose_endpoint(ra_ddb_task *t, const ra_ddb_given *g)
{
    const char *name = "AWS_ENDPOINT_URL_DYNAMODB", *from = name;
    const char *endpoint = ra_ddb_environment(name);
    if (g->endpoint) {
        endpoint = g->endpoint;
        from = "--endpoint";
    } else if (!endpoint && t->config) {
        endpoint = t->config->upstream.endpoint;
        from = "upstream.endpoint";
    }
    if (!endpoint) {
        ra_cli_misuse(t->command->name,
                      "which DynamoDB? Give --endpoint URL or --aws, or set AWS_ENDPOINT_URL_DYNAMODB, or "
                      "give a configuration with -c FILE");
        return false;
    }
    const char *wrong = ra_endpoint_normalise(endpoint, t->endpoint);
    if (wrong)
        ra_cli_misuse(t->command->name, "%s '%s': %s", from, endpoint, wrong);
    return !wrong;
}

/* What names a region, NULL: nothing does. */
static const char *named_region(const ra_ddb_task *t, const ra_ddb_given *g)
{
    if (g->region)
        return g->region;
    if (t->config && !t->config->upstream.region_assumed)
        return t->config->upstream.region;
    return environment_region();
}

static bool set_region(ra_ddb_task *t, const char *region)
{
    if (!ra_region_valid(region)) {
        ra_cli_misuse(t->command->name, "'%s' isn't a region such as \"eu-west-1\"", region);
        return false;
    }
    snprintf(t->region, sizeof t->region, "%s", region);
    return true;
}

static bool choose_region(ra_ddb_task *t, const ra_ddb_given *g)
{
    const char *region = named_region(t, g);
    if (!region && ra_endpoint_region(t->endpoint, t->region, sizeof t->region))
        return true;
    return set_region(t, region ? region : "us-east-1");
}

static bool choose_aws(ra_ddb_task *t, const ra_ddb_given *g)
{
    const char *region = named_region(t, g);
    if (!region) {
        ra_cli_misuse(t->command->name, "which region of AWS? Give --region NAME, or set AWS_REGION, or give "
                                        "a configuration that has upstream.region");
        return false;
    }
    return set_region(t, region) && ra_endpoint_for_region(t->region, t->endpoint);
}

bool ra_ddb_where(ra_ddb_task *t, const ra_ddb_given *g)
{
    if (!read_config(t, g->config))
        return false;
    if (g->aws)
        return choose_aws(t, g);
    return choose_endpoint(t, g) && choose_region(t, g);
}
