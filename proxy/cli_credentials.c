/* `readaside credentials`: which AWS credentials the proxy would use, and where it looked for them. */
#include "config/config.h"
#include "config/endpoint.h"
#include "proxy/cli.h"
#include "proxy/clock.h"
#include "proxy/credentials_chain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum { WHEN_MAX = 64, TEXT_MAX = 16 * 1024 };

static void usage(FILE *out)
{
    fputs(
        "usage: readaside credentials [-c FILE] [--json]\n"
        "\n"
        "Looks for AWS credentials as `serve` does, and tells where they are from, their access key id and\n"
        "when they expire, and which places were looked at before. Never shows the secret or the token.\n"
        "\n"
        "The first of these that is configured counts, also if it doesn't work:\n"
        "  environment        AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN\n"
        "  web identity       AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME\n"
        "  shared files       the profile that AWS_PROFILE or AWS_DEFAULT_PROFILE names, else `default`, in\n"
        "                     ~/.aws/credentials and ~/.aws/config (AWS_SHARED_CREDENTIALS_FILE,\n"
        "                     AWS_CONFIG_FILE): a role (role_arn with source_profile, credential_source or\n"
        "                     web_identity_token_file), keys, or a credential_process. Not IAM Identity\n"
        "                     Center (SSO), nor roles that need an MFA code\n",
        out);
    fputs(
        "  container          AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, with\n"
        "                     AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN\n"
        "  instance metadata  EC2's, version 2 alone (AWS_EC2_METADATA_DISABLED turns it off)\n"
        "\n"
        "Those that expire are renewed in time from where they came. Others, as keys in a file or the\n"
        "environment, are read once, at start.\n"
        "\n"
        "  -c, --config FILE   the configuration, whose upstream.region is where STS is asked; else\n"
        "                      AWS_REGION or AWS_DEFAULT_REGION, else us-east-1. AWS_ENDPOINT_URL_STS names\n"
        "                      another STS, AWS_CA_BUNDLE the certificates that it may be known by\n"
        "      --json          {\"source\", \"access_key_id\", \"expires\", \"expires_in_ms\", "
        "\"looked_at\":\n"
        "                      [{\"source\", \"result\", \"detail\"}, ...]}, or with \"error\" instead of "
        "the\n"
        "                      first four; \"result\" is found, absent or failed\n"
        "  -h, --help          this text\n"
        "\n"
        "Exit status: 0 there are credentials, 1 there are none, 2 a wrong call or configuration.\n",
        out);
}

typedef struct given {
    const char *path; /* NULL: no configuration */
    bool json;
} given;

/* false: *status is how it ends. */
static bool read_options(given *g, int argc, char **argv, int *status)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    bool first = true;
    *status = RA_CLI_USAGE;
    for (int c; (c = ra_cli_option(argc, argv, "credentials", ":c:h", known, &first)) != -1;) {
        if (c == 'h') {
            usage(stdout);
            *status = RA_CLI_OK;
        }
        if (c == 'h' || c == '?')
            return false;
        if (c == 'c')
            g->path = optarg;
        g->json = g->json || c == 'j';
    }
    if (optind < argc)
        ra_cli_misuse("credentials", "unknown argument '%s'", argv[optind]);
    return optind == argc;
}

/* ---- what is shown ---- */

static const char *result_name(enum ra_source_result r)
{
    return r == RA_SOURCE_FOUND ? "found" : r == RA_SOURCE_ABSENT ? "absent" : "failed";
}

static void format_time(int64_t ms, char out[WHEN_MAX])
{
    time_t t = (time_t)(ms / 1000);
    struct tm tm;
    if (!gmtime_r(&t, &tm) || !strftime(out, WHEN_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm))
        snprintf(out, WHEN_MAX, "?");
}

static void format_left(int64_t ms, char out[WHEN_MAX])
{
    int64_t s = ms > 0 ? ms / 1000 : 0;
    if (s >= 3600)
        snprintf(out, WHEN_MAX, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
    else if (s >= 60)
        snprintf(out, WHEN_MAX, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    else
        snprintf(out, WHEN_MAX, "%" PRId64 " s", s);
}

static void show_looks(const ra_credentials_chain *chain, FILE *out)
{
    fputs("looked at:\n", out);
    for (size_t i = 0; i < chain->nlooks; i++) {
        const ra_credentials_look *l = &chain->looks[i];
        fprintf(out, "  %-17s  %s%s%s\n", l->source, result_name(l->result), *l->why ? ": " : "", l->why);
    }
}

static void show(const ra_credentials_chain *chain, const ra_credentials *c, int64_t now)
{
    char at[WHEN_MAX], left[WHEN_MAX];
    printf("source:         %s\n", c->source);
    printf("access key id:  %s\n", c->access_key_id);
    if (c->expires_ms == INT64_MAX) {
        puts("expires:        never, as far as is known");
    } else {
        format_time(c->expires_ms, at);
        format_left(c->expires_ms - now, left);
        printf("expires:        %s (in %s)\n", at, left);
    }
    show_looks(chain, stdout);
}

static void add_string(ra_buf *b, const char *name, const char *value)
{
    ra_buf_addf(b, "\"%s\":", name);
    ra_buf_add_json_string(b, ra_bytes_z(value));
}

/* `c` is NULL where there are none. */
static bool show_json(const ra_credentials_chain *chain, const ra_credentials *c, const char *why,
                      int64_t now)
{
    char at[WHEN_MAX];
    ra_buf b;
    ra_buf_init(&b, TEXT_MAX);
    ra_buf_add_char(&b, '{');
    if (c) {
        add_string(&b, "source", c->source);
        ra_buf_add_char(&b, ',');
        add_string(&b, "access_key_id", c->access_key_id);
        format_time(c->expires_ms, at);
        if (c->expires_ms == INT64_MAX)
            ra_buf_add_z(&b, ",\"expires\":null,\"expires_in_ms\":null");
        else
            ra_buf_addf(&b, ",\"expires\":\"%s\",\"expires_in_ms\":%" PRId64, at, c->expires_ms - now);
    } else {
        add_string(&b, "error", why);
    }
    ra_buf_add_z(&b, ",\"looked_at\":[");
    for (size_t i = 0; i < chain->nlooks; i++) {
        ra_buf_add_z(&b, i ? ",{" : "{");
        add_string(&b, "source", chain->looks[i].source);
        ra_buf_addf(&b, ",\"result\":\"%s\",", result_name(chain->looks[i].result));
        add_string(&b, "detail", chain->looks[i].why);
        ra_buf_add_char(&b, '}');
    }
    ra_buf_add_z(&b, "]}\n");
    bool ok = ra_buf_ok(&b);
    if (ok)
        fwrite(b.p, 1, b.n, stdout);
    ra_buf_free(&b);
    return ok;
}

/* ---- the command ---- */

static int look(const given *g, const char *region)
{
    char why[RA_CHAIN_WHY_MAX];
    ra_credentials_chain chain;
    ra_credentials_chain_init(&chain, region);
    ra_credentials *c = ra_credentials_chain_look(&chain);
    int status = c ? RA_CLI_OK : RA_CLI_FAILED;
    ra_credentials_chain_why(&chain, why);
    if (g->json && !show_json(&chain, c, why, ra_clock_wall()))
        status = RA_CLI_FAILED;
    else if (!g->json && c)
        show(&chain, c, ra_clock_wall());
    else if (!g->json) {
        fputs("readaside credentials: there are none\n", stderr);
        show_looks(&chain, stderr);
    }
    ra_credentials_unref(c);
    return status;
}

/* Without a configuration. NULL: said. */
static const char *region_of_environment(void)
{
    static const char *const names[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *v = ra_source_variable(names[i]);
        if (v && ra_region_valid(v))
            return v;
        if (v) {
            ra_cli_misuse("credentials", "the environment variable %s holds no region", names[i]);
            return NULL;
        }
    }
    return "us-east-1";
}

int ra_cli_credentials(int argc, char **argv)
{
    given g = {0};
    int status;
    if (!read_options(&g, argc, argv, &status))
        return status;
    if (!g.path) {
        const char *region = region_of_environment();
        return region ? look(&g, region) : RA_CLI_USAGE;
    }
    ra_problems problems = {0};
    ra_config *config = ra_config_load(g.path, &problems);
    ra_problems_print(&problems, g.path, stderr);
    ra_problems_free(&problems);
    if (!config)
        return RA_CLI_USAGE;
    status = look(&g, config->upstream.region);
    ra_config_unref(config);
    return status;
}
