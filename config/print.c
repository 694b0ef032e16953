/* The option table in words: for messages and for `help config`. */
#include "config/config.h"
#include "config/schema.h"
#include "config/units.h"

#include <inttypes.h>
#include <string.h>

static void choices_text(const char *before, const ra_option *o, const char *after,
                         char out[RA_OPTION_ACCEPTED_MAX])
{
    size_t n = (size_t)snprintf(out, RA_OPTION_ACCEPTED_MAX, "%s", before);
    for (size_t i = 0; o->choices[i] && n < RA_OPTION_ACCEPTED_MAX; i++)
        n += (size_t)snprintf(out + n, RA_OPTION_ACCEPTED_MAX - n, "%s\"%s\"", i ? ", " : "", o->choices[i]);
    if (n < RA_OPTION_ACCEPTED_MAX)
        snprintf(out + n, RA_OPTION_ACCEPTED_MAX - n, "%s", after);
}

static void bounded(const char *before, void (*format)(int64_t, char[RA_UNIT_TEXT_MAX]), const ra_option *o,
                    const char *after, char out[RA_OPTION_ACCEPTED_MAX])
{
    char min[RA_UNIT_TEXT_MAX], max[RA_UNIT_TEXT_MAX];
    format(o->min, min);
    format(o->max, max);
    snprintf(out, RA_OPTION_ACCEPTED_MAX, "%s%s to %s%s", before, min, max, after);
}

static void count_format(int64_t value, char out[RA_UNIT_TEXT_MAX])
{
    snprintf(out, RA_UNIT_TEXT_MAX, "%" PRId64, value);
}

static const char *fixed_text(const ra_option *o)
{
    switch (o->type) {
    case RA_OPTION_BOOL:
        return "true or false";
    case RA_OPTION_ENDPOINT:
        return "\"http://host:port\" or \"https://host[:port]\", without a path";
    case RA_OPTION_ADDRESS:
        return "\"127.0.0.1:8080\", \"[::1]:8080\", \"localhost:8080\", \"0.0.0.0:8080\": an address and a "
               "port, from 0 to 65535";
    case RA_OPTION_PATH:
        return "a path, relative to the folder of this file";
    case RA_OPTION_OUTPUT:
        return "\"-\" for standard output, or a path, relative to the folder of this file";
    case RA_OPTION_READABLE:
        return "the path of a readable file, relative to the folder of this file";
    case RA_OPTION_REGION:
        return "an AWS region in lower case, such as \"eu-west-1\"";
    case RA_OPTION_KEYS_URL:
        return "\"https://HOST[:PORT]/PATH\", or \"http://...\" of a loopback address";
    case RA_OPTION_REDIS_URL:
        return "\"redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]\", \"rediss://...\" for TLS, or "
               "\"unix:///PATH[?db=DATABASE]\"";
    case RA_OPTION_MOMENTO_ENDPOINT:
        return "a cell such as \"cell-4-us-west-2-1.prod.a.momentohq.com\", or an address such as "
               "\"https://api.cache.CELL\", without a path";
    case RA_OPTION_MOMENTO_KEY:
        return "an API key of Momento's, such as \"env:MOMENTO_API_KEY\" holds";
    case RA_OPTION_KEY:
        return "32 random bytes as 64 hexadecimal digits or as base64, such as \"env:CACHE_KEY\" holds";
    case RA_OPTION_TEMPLATE:
        return "a string with placeholders";
    case RA_OPTION_OBJECT:
        return "an object: { ... }";
    default:
        return "";
    }
}

void ra_option_accepted(const ra_option *o, char out[RA_OPTION_ACCEPTED_MAX])
{
    switch (o->type) {
    case RA_OPTION_DURATION:
        bounded("a duration in ms, s, m, h or d such as \"5s\", from ", ra_duration_format, o, "", out);
        break;
    case RA_OPTION_SIZE:
        bounded("a size in bytes, KiB, MiB or GiB such as \"64MiB\", from ", ra_size_format, o, "", out);
        break;
    case RA_OPTION_SHARE:
        bounded("a percentage such as \"10%\", from ", ra_share_format, o, "", out);
        break;
    case RA_OPTION_PRICE:
        bounded("a number with at most six decimals such as \"0.25\", from ", ra_price_format, o, "", out);
        break;
    case RA_OPTION_COUNT:
        bounded("a whole number from ", count_format, o, "", out);
        break;
    case RA_OPTION_TEXT:
        bounded("a string of ", count_format, o, " bytes", out);
        break;
    case RA_OPTION_NAME:
        bounded("a string of ", count_format, o, " letters, digits, '_', '.' and '-'", out);
        break;
    case RA_OPTION_OBJECTS:
        bounded("an array of ", count_format, o, " objects", out);
        break;
    case RA_OPTION_TEXTS:
        bounded("an array of ", count_format, o, " strings", out);
        break;
    case RA_OPTION_TEXT_OR_TEXTS:
        bounded("a string, or an array of ", count_format, o, " strings", out);
        break;
    case RA_OPTION_SECRET:
        bounded("a string of ", count_format, o,
                " visible ASCII characters, better by \"env:NAME\" or \"file:PATH\"", out);
        break;
    case RA_OPTION_KEYS:
        bounded("an array of ", count_format, o,
                " keys, each 32 random bytes as 64 hexadecimal digits or as base64, better by "
                "\"env:NAME\" or \"file:PATH\"",
                out);
        break;
    case RA_OPTION_TEXT_MAP:
        bounded("an object with ", count_format, o, " members, { \"NAME\": \"...\" }", out);
        break;
    case RA_OPTION_OBJECT_MAP:
        bounded("an object with ", count_format, o, " members, { \"NAME\": { ... } }", out);
        break;
    case RA_OPTION_CHOICE:
        choices_text("", o, "", out);
        break;
    case RA_OPTION_CHOICES:
        choices_text("an array of one or more of ", o, "", out);
        break;
    case RA_OPTION_CHOICE_OR_OBJECT:
        choices_text("", o, ", or an object: { ... }", out);
        break;
    default:
        snprintf(out, RA_OPTION_ACCEPTED_MAX, "%s", fixed_text(o));
    }
}

static void print_list(const char *preset, FILE *out)
{
    fputc('[', out);
    for (size_t n; *preset; preset += n + (preset[n] == ',')) {
        n = strcspn(preset, ",");
        fprintf(out, "\"%.*s\"%s", (int)n, preset, preset[n] ? ", " : "");
    }
    fputc(']', out);
}

static void print_default(const ra_option *o, FILE *out)
{
    bool bare = o->type == RA_OPTION_COUNT || o->type == RA_OPTION_BOOL;
    if (o->preset && o->type == RA_OPTION_TEXTS)
        print_list(o->preset, out);
    else if (o->preset)
        fprintf(out, bare ? "%s" : "\"%s\"", o->preset);
    else
        fputs(o->preset_doc ? o->preset_doc : "none, it must be given", out);
}

/* Of an object: its members say it, and this is of the object as a whole. */
static const char *reload_text(const ra_option *o)
{
    if (o->preset_doc && strcmp(o->preset_doc, "{}") == 0)
        return "as each of its options says";
    return !o->reloadable ? "waits for a restart"
           : o->pact      ? "takes effect, but with store \"redis\", where it waits for a restart"
                          : "takes effect";
}

static void print_option(const ra_section *home, const ra_option *o, FILE *out)
{
    char accepted[RA_OPTION_ACCEPTED_MAX];
    ra_option_accepted(o, accepted);
    fprintf(out, "%s%s%s\n    %s\n    default: ", home->path, *home->path ? "." : "", o->name, o->doc);
    print_default(o, out);
    fprintf(out, "\n    accepted: %s\n    reload: %s\n", accepted, reload_text(o));
}

static void print_placeholders(FILE *out)
{
    fputs(
        "\nPlaceholders in the strings of routes:\n"
        "    {path.NAME}    a parameter of the path\n"
        "    {query.NAME}   a parameter of the query string\n"
        "    {header.NAME}  a header, its name in any case\n"
        "    {body.NAME}    a member of the body, a JSON object: a string or a number\n"
        "    {claim.NAME}   of who calls: a claim of the token, or what a trusted back end says of its user\n"
        "    {now}          when the request was taken, one for all of it: 2024-06-11T20:05:43.816059+00:00\n"
        "    {uuid.NAME}    a new random UUID, one for each NAME in a request\n"
        "Whatever a route takes from a request must be there and not be blank, unless `validate` says\n"
        "otherwise; only the parameters that page may always be left out. {{ and }} stand for the braces\n"
        "themselves.\n"
        "\nPlaceholders in stream_rules:\n"
        "    {new.NAME}     an attribute of the item as it is now: a string or a number; of any type where "
        "it\n"
        "                   is all that a value of `set` is\n"
        "    {star}         what the one * of the rule's partition_key stands for\n"
        "\nPlaceholders in ddb.generate:\n",
        out);
    for (size_t i = 0; i < RA_GENERATE_SLOTS; i++)
        fprintf(out, "%s{%s}", i == 0 ? "    " : i % 5 == 0 ? "\n    " : " ", ra_generate_slot_names[i]);
    fputc('\n', out);
}

void ra_config_print_options(FILE *out)
{
    fputs(
        "Options of the config file, JSON with // and /* */ comments. Every option may be left out unless "
        "it\n"
        "says otherwise. Wherever a string is taken, \"env:NAME\" takes an environment variable's value and\n"
        "\"file:PATH\" a file's content. `reload` says what a new value does while the proxy runs (SIGHUP, "
        "or\n"
        "`readaside reload`).\n\n",
        out);
    for (const ra_section *const *s = ra_sections; *s; s++) {
        for (size_t i = 0; i < (*s)->noptions; i++)
            print_option(*s, &(*s)->options[i], out);
        const ra_section *also = (*s)->also;
        for (size_t i = 0; also && !(*s)->also_inherited && i < also->noptions; i++)
            print_option(*s, &also->options[i], out);
        if (also && (*s)->also_inherited) {
            fprintf(out, "%s.", (*s)->path);
            for (size_t i = 0; i < also->noptions; i++)
                fprintf(out, "%s%s", i ? ", " : "", also->options[i].name);
            fputs("\n    As of the table, for this pattern alone.\n    default: the table's\n", out);
        }
    }
    print_placeholders(out);
}
