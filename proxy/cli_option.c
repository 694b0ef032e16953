/* Options and their mistakes, the same way for every command. */
#include "config/suggest.h"
#include "proxy/cli.h"

#include <stdarg.h>
#include <string.h>

enum { NAMES_MAX = 32 };

int ra_cli_misuse(const char *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "readaside %s: ", command);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n`readaside %s --help` says what it takes.\n", command);
    va_end(args);
    return RA_CLI_USAGE;
}

/* The long option nearest to `given` ("--jsn", "--file=x"), or NULL. */
static const char *nearest(const char *given, const struct option *longs)
{
    const char *names[NAMES_MAX];
    char word[64];
    size_t n = 0, len = strcspn(given + 2, "=");
    if (len >= sizeof word)
        return NULL;
    memcpy(word, given + 2, len);
    word[len] = '\0';
    for (; longs[n].name && n < NAMES_MAX; n++)
        names[n] = longs[n].name;
    return ra_suggest(word, names, n);
}

static void complain(const char *command, const char *given, int letter, const struct option *longs)
{
    if (strncmp(given, "--", 2) != 0) {
        ra_cli_misuse(command, "unknown option '-%c'", letter);
        return;
    }
    const char *meant = nearest(given, longs);
    if (meant && letter == 0)
        ra_cli_misuse(command, "unknown option '%s', did you mean '--%s'?", given, meant);
    else
        ra_cli_misuse(command, letter ? "option '%s' takes no value" : "unknown option '%s'", given);
}

int ra_cli_option(int argc, char **argv, const char *command, const char *shorts, const struct option *longs,
                  bool *first)
{
    if (*first) {
        optind = 0; /* glibc: forget all of an earlier run */
        *first = false;
    }
    opterr = 0;
    int c = getopt_long(argc, argv, shorts, longs, NULL);
    if (c == ':') {
        ra_cli_misuse(command, "option '%s' needs a value", argv[optind - 1]);
        return '?';
    }
    if (c == '?') {
        const char *given = argv[optind - 1];
        /* an unknown letter inside a group ("-xc"): optind hasn't passed the group yet */
        bool is_long = strncmp(given, "--", 2) == 0 && (optopt == 0 || strchr(given, '='));
        complain(command, is_long ? given : "-", optopt, longs);
    }
    return c;
}
