/* A route's path: "/api/messages/{group}" into its segments. */
#include "config/route_build.h"
#include "config/text.h"

#include <string.h>

static const char parameter_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place; a segment that is decoded is no longer than before. false: a bad escape. */
static bool percent_decode(char *text)
{
    char *to = text;
    for (; *text; text++, to++) {
        *to = *text;
        if (*text != '%')
            continue;
        int high = hex(text[1]), low = high < 0 ? -1 : hex(text[2]);
        if (low < 0)
            return false;
        *to = (char)(high * 16 + low);
        if (*to == '\0')
            return false;
        text += 2;
    }
    *to = '\0';
    return true;
}

/* What is wrong with a literal segment, NULL if nothing is; it is decoded in place. */
static const char *literal_segment(char *text)
{
    if (strpbrk(text, "{}"))
        return "a brace stands within a segment; accepted: a {parameter} that is a whole segment, %7B and "
               "%7D "
               "for the braces themselves";
    if (!percent_decode(text))
        return "a '%' isn't followed by two hexadecimal digits, or stands for a zero byte; accepted: %25 for "
               "'%' itself";
    if (ra_text_valid(text, strlen(text)) != strlen(text) || ra_text_has_control(text))
        return "a segment isn't UTF-8, or holds a control character; accepted: text";
    if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return "clients resolve \".\" and \"..\" and never send them; accepted: other segments";
    return NULL;
}

static const char *parameter_segment(ra_route_build *b, const char *text, size_t i)
{
    size_t n = strlen(text);
    if (n < 3 || text[n - 1] != '}' || strspn(text + 1, parameter_characters) != n - 2)
        return "a parameter isn't well-formed; accepted: {NAME} of letters, digits, '_' and '-' as a whole "
               "segment";
    char *name = ra_pool_strndup(b->d->pool, text + 1, n - 2);
    b->d->no_memory |= !name;
    for (size_t j = 0; name && j < i; j++) {
        if (b->parameters[j] && strcmp(b->parameters[j], name) == 0)
            return "two parameters have the same name; accepted: each name once";
    }
    b->parameters[i] = name;
    return NULL;
}

static const char *segment(ra_route_build *b, const char *text, size_t n)
{
    ra_route *r = &b->given.route;
    size_t i = r->nsegments;
    if (n == 0)
        return "it has an empty segment, or ends with '/'; accepted: \"/segment/{parameter}\"";
    if (i == RA_ROUTE_SEGMENTS_MAX)
        return "it has too many segments; accepted: at most 32";
    char *copy = ra_pool_strndup(b->d->pool, text, n);
    if (!copy) {
        b->d->no_memory = true;
        return NULL;
    }
    r->nsegments++;
    if (copy[0] == '{')
        return parameter_segment(b, copy, i);
    r->segments[i] = (ra_route_segment){.text = copy, .slot = -1};
    return literal_segment(copy);
}

void ra_route_path(ra_route_build *b)
{
    ra_route *r = &b->given.route;
    const char *why = NULL;
    ra_place at;
    if (!ra_decode_member(b->d, b->at, "path", &at) || !r->path)
        return;
    r->segments = ra_decode_array(b->d, RA_ROUTE_SEGMENTS_MAX, sizeof *r->segments);
    if (!r->segments)
        return;
    if (r->path[0] != '/')
        why = "it doesn't begin with '/'; accepted: \"/segment/{parameter}\"";
    else if (strpbrk(r->path, "?#"))
        why = "it holds a query string or a fragment; accepted: the path alone, {query.NAME} in templates";
    for (const char *p = r->path; !why && *p;) {
        size_t n = strcspn(p + 1, "/");
        why = segment(b, p + 1, n);
        p += 1 + n;
    }
    b->path_known = !why;
    if (why)
        ra_decode_error(b->d, &at, "%s", why);
}

void ra_route_path_bind(ra_route_build *b)
{
    ra_route *r = &b->given.route;
    for (size_t i = 0; i < r->nsegments; i++) {
        r->segments[i].slot = -1;
        for (size_t j = 0; b->parameters[i] && j < b->ninputs; j++) {
            if (b->inputs[j].source == RA_INPUT_PATH && strcmp(b->inputs[j].name, b->parameters[i]) == 0)
                r->segments[i].slot = (int)j;
        }
    }
}
