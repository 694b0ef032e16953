#include "config/decode.h"

#include "config/option.h"
#include "config/problems.h"
#include "config/suggest.h"
#include "config/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void report(ra_decoder *d, bool warning, const ra_place *at, const char *format, va_list args)
{
    char *message = NULL;
    const ra_place *lined = at;
    /* A value that isn't there (a default) is placed where it would stand: in the nearest object that is. */
    while (!lined->node && lined->up)
        lined = lined->up;
    if (vasprintf(&message, format, args) < 0)
        message = NULL;
    ra_problems_add(d->problems, warning, ra_locator_line(d->locator, lined->node), ra_place_path(at), "%s",
                    message ? message : "out of memory");
    free(message);
}

void ra_decode_error(ra_decoder *d, const ra_place *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(d, false, at, format, args);
    va_end(args);
}

void ra_decode_warning(ra_decoder *d, const ra_place *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(d, true, at, format, args);
    va_end(args);
}

bool ra_decode_member(const ra_decoder *d, const ra_place *in, const char *name, ra_place *member)
{
    const cJSON *node = in->node ? cJSON_GetObjectItemCaseSensitive(in->node, name) : NULL;
    *member = (ra_place){.up = in, .name = name, .node = node};
    return node && !ra_locator_refused(d->locator, node);
}

bool ra_decode_reference(const ra_decoder *d, const ra_place *at, const char **value, const char **source,
                         char error[RA_REFERENCE_ERROR_MAX])
{
    if (!d->literal)
        return ra_reference_resolve(at->node->valuestring, d->folder, d->pool, value, source, error);
    *value = at->node->valuestring;
    *source = "this";
    return true;
}

void *ra_decode_array(ra_decoder *d, size_t count, size_t size)
{
    void *p = ra_pool_array(d->pool, count, size);
    d->no_memory |= !p;
    return p;
}

char *ra_decode_strdup(ra_decoder *d, const char *s)
{
    char *copy = ra_pool_strdup(d->pool, s);
    d->no_memory |= !copy;
    return copy;
}

void ra_decode_presets(ra_decoder *d, const ra_section *s, void *base)
{
    for (size_t i = 0; i < s->noptions; i++) {
        if (s->options[i].preset)
            ra_option_set_preset(d, &s->options[i], base);
    }
}

/* Another section that has an option of this name: a person may have put it into the wrong object. */
static const ra_section *elsewhere(const char *name)
{
    for (const ra_section *const *s = ra_sections; *s; s++) {
        size_t base;
        if (ra_section_find(*s, name, &base))
            return *s;
    }
    return NULL;
}

static void refuse_name(ra_decoder *d, const ra_section *s, const ra_place *at)
{
    const char *names[RA_SECTION_NAMES_MAX];
    size_t n = ra_section_names(s, names, RA_SECTION_NAMES_MAX);
    const char *nearest = ra_suggest(at->name, names, n);
    const ra_section *home = nearest ? NULL : elsewhere(at->name);
    char hint[128] = "", accepted[RA_SECTION_NAMES_MAX * 28] = "";
    size_t used = 0;
    if (nearest)
        snprintf(hint, sizeof hint, " (did you mean \"%s\"?)", nearest);
    else if (home && *home->path)
        snprintf(hint, sizeof hint, " (did you mean %s.%s?)", home->path, at->name);
    else if (home)
        snprintf(hint, sizeof hint, " (did you mean \"%s\" at the top level?)", at->name);
    for (size_t i = 0; i < n && used < sizeof accepted; i++)
        used += (size_t)snprintf(accepted + used, sizeof accepted - used, "%s%s", i ? ", " : "", names[i]);
    ra_decode_error(d, at, "there is no such option%s; accepted: %s", hint, accepted);
    ra_locator_refuse(d->locator, at->node);
}

/* Whether a value that the caller's own code reads is of the kind that the option says. */
static bool right_type(const ra_option *o, const cJSON *node)
{
    if (o->type == RA_OPTION_OBJECTS)
        return cJSON_IsArray(node);
    if (o->type == RA_OPTION_TEMPLATE)
        return cJSON_IsString(node);
    return cJSON_IsObject(node);
}

static bool is_list(const ra_option *o)
{
    return o->type == RA_OPTION_OBJECTS || o->type == RA_OPTION_OBJECT_MAP || o->type == RA_OPTION_TEXT_MAP;
}

static void decode_member(ra_decoder *d, const ra_section *s, const ra_place *at, void *base)
{
    size_t offset;
    const ra_option *o = ra_section_find(s, at->name, &offset);
    if (!o)
        refuse_name(d, s, at);
    else if (o->type < RA_OPTION_TEMPLATE)
        ra_option_set(d, o, at, (char *)base + offset);
    else if (!right_type(o, at->node))
        ra_option_refuse(d, o, at, "a value of another type");
    else if (is_list(o) && cJSON_GetArraySize(at->node) > o->max)
        ra_option_refuse(d, o, at, "there are too many");
    else if (is_list(o) && cJSON_GetArraySize(at->node) < o->min)
        ra_option_refuse(d, o, at, "there are too few");
}

static int by_name(const void *a, const void *b)
{
    const ra_place *x = a;
    const ra_place *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* Sorted, so that a file of a hundred thousand members doesn't take their square. */
void ra_decode_repeated(ra_decoder *d, const ra_place *at)
{
    size_t n = 0;
    for (const cJSON *c = at->node->child; c; c = c->next)
        n++;
    ra_place *members = n > 1 ? calloc(n, sizeof *members) : NULL;
    if (!members) {
        d->no_memory |= n > 1;
        return;
    }
    n = 0;
    for (const cJSON *c = at->node->child; c; c = c->next, n++)
        members[n] = (ra_place){.up = at, .name = c->string, .index = (int)n, .node = c};
    qsort(members, n, sizeof *members, by_name);
    for (size_t i = 1, first = 0; i < n; i++) {
        if (strcmp(members[first].name, members[i].name) != 0)
            first = i;
        else
            ra_decode_error(d, &members[i], "it is given twice (first on line %d); accepted: once",
                            ra_locator_line(d->locator, members[first].node));
    }
    free(members);
}

static void find_missing(ra_decoder *d, const ra_section *s, const ra_place *at)
{
    for (size_t i = 0; i < s->noptions; i++) {
        const ra_option *o = &s->options[i];
        if (!o->preset && !o->preset_doc && !cJSON_GetObjectItemCaseSensitive(at->node, o->name)) {
            ra_place missing = {.up = at, .name = o->name};
            char accepted[RA_OPTION_ACCEPTED_MAX];
            ra_option_accepted(o, accepted);
            ra_decode_error(d, &missing, "it must be given; accepted: %s", accepted);
        }
    }
}

bool ra_decode_object(ra_decoder *d, const ra_section *s, const ra_place *at, void *base)
{
    if (!cJSON_IsObject(at->node)) {
        ra_decode_error(d, at, "not an object; accepted: { ... }");
        ra_locator_refuse(d->locator, at->node);
        return false;
    }
    for (const cJSON *c = at->node->child; c; c = c->next) {
        ra_place member = {.up = at, .name = c->string, .node = c};
        decode_member(d, s, &member, base);
    }
    ra_decode_repeated(d, at);
    find_missing(d, s, at);
    return true;
}
