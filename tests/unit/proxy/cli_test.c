/* The command line, run in this process with its output caught in files. */
#include "proxy/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT_MAX = 1 << 18, WORDS_MAX = 16 };

static char out[OUTPUT_MAX], err[OUTPUT_MAX];
static char folder[] = "/tmp/readaside-cli-XXXXXX";

/* Sends `fd` to an empty file; returns the old one's number. */
static int redirect(FILE *stream, FILE *file)
{
    fflush(stream);
    int old = dup(fileno(stream));
    assert_true(old >= 0 && dup2(fileno(file), fileno(stream)) >= 0);
    return old;
}

static void restore(FILE *stream, int old, FILE *file, char *text)
{
    fflush(stream);
    dup2(old, fileno(stream));
    close(old);
    rewind(file);
    size_t n = fread(text, 1, OUTPUT_MAX - 1, file);
    text[n] = '\0';
    fclose(file);
}

/* Runs "readaside LINE", split at spaces. */
static int run(const char *line)
{
    static char words[4096];
    char *argv[WORDS_MAX] = {words};
    int argc = 0;
    snprintf(words, sizeof words, "readaside %s", line);
    for (char *w = strtok(words, " "); w; w = strtok(NULL, " ")) {
        assert_true(argc < WORDS_MAX - 1);
        argv[argc++] = w;
    }
    argv[argc] = NULL;
    FILE *out_file = tmpfile(), *err_file = tmpfile();
    assert_true(out_file && err_file);
    int old_out = redirect(stdout, out_file), old_err = redirect(stderr, err_file);
    int status = ra_cli_main(argc, argv);
    restore(stdout, old_out, out_file, out);
    restore(stderr, old_err, err_file, err);
    return status;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' isn't in: %s", part, text);
}

static void write_file(const char *name, const char *text, char path[256])
{
    snprintf(path, 256, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_overview(void **state)
{
    (void)state;
    assert_int_equal(run("--help"), RA_CLI_OK);
    assert_string_equal(err, "");
    assert_has(out, "ddb");
    assert_has(out, "serve");
    assert_int_equal(run("help"), RA_CLI_OK);
    assert_has(out, "usage: readaside COMMAND");
    assert_int_equal(run("-h"), RA_CLI_OK);
    assert_int_equal(run(""), RA_CLI_USAGE);
    assert_string_equal(out, "");
    assert_has(err, "usage: readaside COMMAND");
}

static void test_version(void **state)
{
    (void)state;
    static const char *const ways[] = {"version", "--version", "-V"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        assert_int_equal(run(ways[i]), RA_CLI_OK);
        assert_int_equal(strncmp(out, "readaside 0", 11), 0);
        assert_string_equal(err, "");
    }
    assert_int_equal(run("version 2"), RA_CLI_USAGE);
}

/* Every command, and `help COMMAND`: usage on stdout, nothing on stderr, 0. */
static void test_every_command_has_help(void **state)
{
    (void)state;
    static const char *const commands[] = {"serve",    "check",   "ddb", "ddb schema-load",
                                           "ddb seed", "version", "help"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char line[64], usage[64];
        snprintf(usage, sizeof usage, "usage: readaside %s", commands[i]);
        snprintf(line, sizeof line, "%s --help", commands[i]);
        assert_int_equal(run(line), RA_CLI_OK);
        assert_int_equal(strncmp(out, usage, strlen(usage)), 0);
        assert_string_equal(err, "");
        snprintf(line, sizeof line, "help %s", commands[i]);
        assert_int_equal(run(line), RA_CLI_OK);
        assert_int_equal(strncmp(out, usage, strlen(usage)), 0);
    }
}

static void test_help_config(void **state)
{
    (void)state;
    assert_int_equal(run("help config"), RA_CLI_OK);
    assert_has(out, "upstream.endpoint");
    assert_has(out, "negative_ttl");
    assert_int_equal(run("help nothing"), RA_CLI_USAGE);
    assert_has(err, "unknown command 'nothing'");
}

static void test_misspelt(void **state)
{
    (void)state;
    static const struct {
        const char *line, *meant;
    } cases[] = {
        {"chekc", "did you mean 'check'?"},
        {"--halp", "unknown option '--halp'"},
        {"ddb sede", "did you mean 'seed'?"},
        {"ddb schema-lod", "did you mean 'schema-load'?"},
        {"check --jsno -c x", "did you mean '--json'?"},
        {"check --cnofig=x", "did you mean '--config'?"},
        {"ddb seed --regoin x", "did you mean '--region'?"},
        {"ddb seed --if-missing x", "unknown option '--if-missing'"},
        {"check -zc", "unknown option '-z'"},
        {"check --json -x", "unknown option '-x'"},
        {"check --json=yes", "takes no value"},
        {"check -c", "'-c' needs a value"},
        {"check --config", "'--config' needs a value"},
        {"check", "-c FILE is missing"},
        {"check some-file", "the file is given with -c FILE"},
        {"check -c a b", "unknown argument 'b'"},
        {"ddb", "usage: readaside ddb"},
        {"help check a b c", "too many arguments"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(run(cases[i].line), RA_CLI_USAGE);
        assert_has(err, cases[i].meant);
        assert_string_equal(out, "");
    }
}

static void test_check_ok(void **state)
{
    (void)state;
    char path[256], line[300];
    write_file(
        "ok.jsonc",
        "{ \"upstream\": { \"endpoint\": \"http://127.0.0.1:8000\", \"region\": \"us-east-1\" },\n"
        "  \"tables\": { \"chat\": { \"ttl\": \"90s\", \"ttl_jitter\": \"10%\", \"patterns\": [\n"
        "    { \"name\": \"pages\", \"partition_key\": \"MSG#*\", \"ttl\": \"5m\", \"consistent_fill\": "
        "false } ] },\n"
        "    \"*\": { \"ttl\": \"1s\", \"consistency\": \"eventual\", \"consistent_fill\": false } } }",
        path);
    snprintf(line, sizeof line, "check -c %s", path);
    assert_int_equal(run(line), RA_CLI_OK);
    assert_string_equal(err, "");
    snprintf(line, sizeof line, "%s: ok\n", path);
    assert_int_equal(strncmp(out, line, strlen(line)), 0);
    assert_has(out, "table chat\n  ttl 90s (up to 10% shorter)");
    assert_has(out, "pages: partition_key MSG#*, ttl 5m");
    assert_has(out, "consistency read_after_write: ");
    assert_has(out, "consistent_fill true: a miss is read with ConsistentRead");
    assert_has(out, "consistent_fill false, where it is set");
    char *star = strstr(out, "table * (every table without an entry of its own)");
    assert_non_null(star);
    char *next = strstr(star, "\ntable ");
    if (next)
        *next = '\0';
    assert_has(star, "consistency eventual: ");
    assert_has(star, "consistent_fill false: ");
    assert_null(strstr(star, "consistent_fill true"));
    snprintf(line, sizeof line, "check --json --config=%s", path);
    assert_int_equal(run(line), RA_CLI_OK);
    assert_string_equal(out, "[]\n");
}

static void test_check_shows_all_problems(void **state)
{
    (void)state;
    char path[256], line[300];
    write_file(
        "bad.jsonc",
        "{\n \"tables\": { \"chat\": {\n  \"ttl\": \"never\",\n  \"tll\": \"1s\" } },\n \"cahce\": {} }",
        path);
    snprintf(line, sizeof line, "check -c %s", path);
    assert_int_equal(run(line), RA_CLI_USAGE);
    assert_string_equal(out, "");
    assert_has(err, "bad.jsonc:3: tables.chat.ttl: ");
    assert_has(err, "bad.jsonc:4: tables.chat.tll: ");
    assert_has(err, "bad.jsonc:5: cahce: ");
    assert_has(err, ": 3 errors\n");
    snprintf(line, sizeof line, "check -c %s --json", path);
    assert_int_equal(run(line), RA_CLI_USAGE);
    assert_string_equal(err, "");
    assert_has(out, "\"line\":3");
    assert_has(out, "\"severity\":\"error\"");
}

static void test_ddb_needs_file_endpoint_and_credentials(void **state)
{
    (void)state;
    char path[256], line[600];
    unsetenv("AWS_ENDPOINT_URL_DYNAMODB");
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    /* Nor anything else of the chain. */
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere", 1);
    setenv("AWS_CONFIG_FILE", "/nowhere", 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    static const char *const others[] = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
                                         "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                         "AWS_CONTAINER_CREDENTIALS_FULL_URI"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        unsetenv(others[i]);
    write_file("seed.json", "{}", path);
    static const char *const commands[] = {"ddb seed", "ddb schema-load"};
    for (int i = 0; i < 2; i++) {
        snprintf(line, sizeof line, "%s --endpoint http://127.0.0.1:1", commands[i]);
        assert_int_equal(run(line), RA_CLI_USAGE);
        assert_has(err, i ? "ddb.schema" : "ddb.seed");
        assert_has(err, "-c FILE");
        assert_has(err, "as an argument");
        snprintf(line, sizeof line, "%s %s", commands[i], path);
        assert_int_equal(run(line), RA_CLI_USAGE);
        assert_has(err, "--endpoint");
        assert_has(err, "AWS_ENDPOINT_URL_DYNAMODB");
        snprintf(line, sizeof line, "%s %s --json --endpoint http://127.0.0.1:1", commands[i], path);
        assert_int_equal(run(line), RA_CLI_FAILED);
        assert_has(err, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
        assert_int_equal(strncmp(out, "{\"error\": \"", 11), 0);
    }
    snprintf(line, sizeof line, "ddb seed %s --endpoint ftp://x", path);
    assert_int_equal(run(line), RA_CLI_USAGE);
    assert_has(err, "--endpoint 'ftp://x'");
    snprintf(line, sizeof line, "ddb seed %s --endpoint http://127.0.0.1:1 --region US_east", path);
    assert_int_equal(run(line), RA_CLI_USAGE);
    assert_has(err, "'US_east' isn't a region");
    snprintf(line, sizeof line, "ddb seed %s --endpoint http://127.0.0.1:1 --timeout soon", path);
    assert_int_equal(run(line), RA_CLI_USAGE);
    assert_has(err, "--timeout 'soon'");
    snprintf(line, sizeof line, "ddb seed %s/none --endpoint http://127.0.0.1:1", folder);
    assert_int_equal(run(line), RA_CLI_FAILED);
    assert_has(err, "can't be read: No such file");
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"ok.jsonc", "bad.jsonc", "seed.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overview),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_every_command_has_help),
        cmocka_unit_test(test_help_config),
        cmocka_unit_test(test_misspelt),
        cmocka_unit_test(test_check_ok),
        cmocka_unit_test(test_check_shows_all_problems),
        cmocka_unit_test(test_ddb_needs_file_endpoint_and_credentials),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
