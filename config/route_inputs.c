/* What a route takes from a request or makes: each input is one slot, wherever it is named. */
#include "config/auth.h"
#include "config/route_build.h"
#include "config/suggest.h"
#include "config/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LETTERS_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* In the order of enum ra_input_source. `characters`: of its names; NULL: it has none. */
static const struct source {
    const char *name;
    const char *characters;
    const char *accepted;
} sources[] = {
    {"path", LETTERS_AND_DIGITS "_-", "path.NAME, of the path's parameters"},
    {"query", LETTERS_AND_DIGITS "_-.~:$[]", "query.NAME, of letters, digits and any of _ - . ~ : $ [ ]"},
    {"header", LETTERS_AND_DIGITS "!#$%&'*+-.^_`|~", "header.NAME, of a header's characters"},
    {"body", LETTERS_AND_DIGITS "_-",
     "body.NAME, of letters, digits, '_' and '-': a member of the JSON object"},
    {"now", NULL, "now"},
    {"uuid", LETTERS_AND_DIGITS "_-", "uuid.NAME, of letters, digits, '_' and '-'"},
    {"claim", LETTERS_AND_DIGITS RA_CLAIM_PUNCTUATION, "claim.NAME, of letters, digits and any of _ - . : /"},
};

enum { NSOURCES = sizeof sources / sizeof *sources };

/* A name that is looked up: "body.message" taken apart. */
typedef struct wanted {
    char text[RA_INPUT_NAME_MAX + 1];
    enum ra_input_source source;
    const char *name; /* the end of `text`; "": none */
} wanted;

/* A name that is shown may be long; the text is cut then. Returns -1. */
static int say(char why[RA_TEMPLATE_WHY_MAX], const char *format, ...) __attribute__((format(printf, 2, 3)));
static int say(char why[RA_TEMPLATE_WHY_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, RA_TEMPLATE_WHY_MAX, format, args);
    va_end(args);
    return -1;
}

static const char *list_sources(unsigned from, char out[RA_TEMPLATE_WHY_MAX])
{
    size_t n = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < NSOURCES; i++) {
        if (from & 1U << i)
            n += (size_t)snprintf(out + n, RA_TEMPLATE_WHY_MAX - n, "%s%s%s", n ? ", " : "", sources[i].name,
                                  sources[i].characters ? ".NAME" : "");
    }
    return out;
}

/* Shown shorter than elsewhere: `why` has room for one name and what is accepted. */
static void show(const char *text, char out[RA_TEXT_SHOWN_MAX])
{
    char head[32];
    size_t n = strlen(text) < sizeof head ? strlen(text) : sizeof head - 1;
    memcpy(head, text, n);
    head[ra_text_valid(head, n)] = '\0';
    ra_text_show(head, out);
}

static int refuse_source(const wanted *w, unsigned from, char why[RA_TEMPLATE_WHY_MAX])
{
    const char *names[NSOURCES];
    char shown[RA_TEXT_SHOWN_MAX], accepted[RA_TEMPLATE_WHY_MAX], word[16] = "", hint[48] = "";
    size_t n = 0, length = strcspn(w->text, ".");
    for (unsigned i = 0; i < NSOURCES; i++) {
        if (from & 1U << i)
            names[n++] = sources[i].name;
    }
    snprintf(word, sizeof word, "%.*s", (int)length, w->text);
    const char *nearest = ra_suggest(word, names, n);
    show(w->text, shown);
    if (nearest) {
        bool named = strcmp(nearest, "now") != 0;
        snprintf(hint, sizeof hint, " (did you mean \"%s%s\"?)", nearest, named ? ".NAME" : "");
    }
    return say(why, "%s isn't an input here%s; accepted: %s", shown, hint, list_sources(from, accepted));
}

static int refuse_name(const wanted *w, char why[RA_TEMPLATE_WHY_MAX])
{
    char shown[RA_TEXT_SHOWN_MAX];
    show(w->text, shown);
    return say(why, "%s isn't well-formed; accepted: %s", shown, sources[w->source].accepted);
}

static bool parse(const char *name, size_t len, unsigned from, wanted *w, char why[RA_TEMPLATE_WHY_MAX])
{
    size_t n = len < sizeof w->text ? len : sizeof w->text - 1, i = 0;
    memcpy(w->text, name, n);
    w->text[n] = '\0';
    char *dot = strchr(w->text, '.');
    size_t length = dot ? (size_t)(dot - w->text) : n;
    while (i < NSOURCES &&
           (strlen(sources[i].name) != length || memcmp(sources[i].name, w->text, length) != 0))
        i++;
    if (i == NSOURCES || !(from & 1U << i))
        return refuse_source(w, from, why) >= 0;
    w->source = (enum ra_input_source)i;
    w->name = dot ? dot + 1 : w->text + n;
    bool ok = sources[i].characters ? *w->name && !w->name[strspn(w->name, sources[i].characters)] : !dot;
    return (ok && n == len) || refuse_name(w, why) >= 0;
}

/* Whether the path has this parameter; one that couldn't be read may have any. */
static bool check_parameter(const ra_route_build *b, const wanted *w, char why[RA_TEMPLATE_WHY_MAX])
{
    const char *names[RA_ROUTE_SEGMENTS_MAX];
    char shown[RA_TEXT_SHOWN_MAX], hint[96] = "";
    size_t n = 0;
    for (size_t i = 0; i < b->given.route.nsegments; i++) {
        if (b->parameters[i])
            names[n++] = b->parameters[i];
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], w->name) == 0)
            return true;
    }
    if (!b->path_known)
        return true;
    const char *nearest = ra_suggest(w->name, names, n);
    show(w->name, shown);
    if (nearest)
        snprintf(hint, sizeof hint, " (did you mean \"path.%.60s\"?)", nearest);
    say(why, "the path has no parameter %s%s; accepted: a {parameter} of it", shown, hint);
    return false;
}

static bool check_body(const ra_route_build *b, char why[RA_TEMPLATE_WHY_MAX])
{
    unsigned method = b->given.route.method;
    if (!b->method_known || (method != RA_ROUTE_GET && method != RA_ROUTE_DELETE))
        return true;
    snprintf(
        why, RA_TEMPLATE_WHY_MAX,
        "a %s request's body isn't read; accepted: inputs from the path, the query string and headers, or "
        "another method",
        method == RA_ROUTE_GET ? "GET" : "DELETE");
    return false;
}

static bool same(const ra_route_input *input, const wanted *w)
{
    if (input->source != w->source)
        return false;
    if (!input->name)
        return true; /* {now}: there is but one */
    return (w->source == RA_INPUT_HEADER ? strcasecmp : strcmp)(input->name, w->name) == 0;
}

/* "message_blank"; a header's name in the style of the others: "x_user_uuid_blank". */
static char *default_code(ra_decoder *d, const wanted *w, const char *end)
{
    char *code = ra_pool_printf(d->pool, "%s%s", *w->name ? w->name : w->text, end);
    d->no_memory |= !code;
    for (char *c = code; c && *c && w->source == RA_INPUT_HEADER; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + ('a' - 'A'));
        else if (*c == '-')
            *c = '_';
    }
    return code;
}

static int add(ra_route_build *b, const wanted *w, char why[RA_TEMPLATE_WHY_MAX])
{
    if (b->ninputs == RA_TEMPLATE_SLOTS_MAX)
        return say(why, "the route has too many inputs; accepted: at most %d", RA_TEMPLATE_SLOTS_MAX);
    ra_route_input *input = &b->inputs[b->ninputs];
    bool made = w->source == RA_INPUT_NOW || w->source == RA_INPUT_UUID;
    *input = (ra_route_input){.source = w->source, .required = !made, .status = 422};
    input->name = *w->name ? ra_decode_strdup(b->d, w->name) : NULL;
    input->place = ra_decode_strdup(b->d, w->text);
    input->blank = default_code(b->d, w, "_blank");
    input->too_long = default_code(b->d, w, "_exceed_max_chars");
    input->malformed = default_code(b->d, w, "_malformed");
    why[0] = '\0';
    return b->d->no_memory ? -1 : (int)b->ninputs++;
}

/* What is a proof itself must never become part of an item, an answer or a log. */
static bool check_header(const wanted *w, char why[RA_TEMPLATE_WHY_MAX])
{
    static const char *const proofs[] = {"X-Readaside-Secret", "Authorization"};
    for (size_t i = 0; i < sizeof proofs / sizeof *proofs; i++) {
        if (strcasecmp(w->name, proofs[i]) == 0) {
            say(why,
                "what this header holds is a secret, and no input; accepted: {claim.NAME} for who calls");
            return false;
        }
    }
    return true;
}

int ra_route_input_take(ra_route_build *b, const char *name, size_t len, unsigned from,
                        char why[RA_TEMPLATE_WHY_MAX])
{
    wanted w;
    if (!parse(name, len, from, &w, why))
        return -1;
    if (w.source == RA_INPUT_PATH && !check_parameter(b, &w, why))
        return -1;
    if (w.source == RA_INPUT_BODY && !check_body(b, why))
        return -1;
    if (w.source == RA_INPUT_HEADER && !check_header(&w, why))
        return -1;
    for (size_t i = 0; i < b->ninputs; i++) {
        if (same(&b->inputs[i], &w))
            return (int)i;
    }
    return add(b, &w, why);
}

static int find(void *arg, const char *name, size_t len, char why[RA_TEMPLATE_WHY_MAX])
{
    return ra_route_input_take(arg, name, len, RA_FROM_ANYWHERE, why);
}

ra_template_names ra_route_names(ra_route_build *b)
{
    return (ra_template_names){.find = find, .arg = b};
}

static int find_of_caller(void *arg, const char *name, size_t len, char why[RA_TEMPLATE_WHY_MAX])
{
    return ra_route_input_take(arg, name, len, RA_FROM_CALLER, why);
}

ra_template_names ra_route_names_of_caller(ra_route_build *b)
{
    return (ra_template_names){.find = find_of_caller, .arg = b};
}
