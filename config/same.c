#include "config/same.h"

#include "config/units.h"

#include <string.h>

bool ra_same_json(const cJSON *a, const cJSON *b)
{
    if (!a || !b)
        return a == b;
    char *x = cJSON_PrintUnformatted(a), *y = cJSON_PrintUnformatted(b);
    bool same = x && y && strcmp(x, y) == 0;
    for (size_t i = 0; i < 2; i++) { /* there may be secrets in them */
        char *text = i ? y : x;
        if (text)
            explicit_bzero(text, strlen(text));
        cJSON_free(text);
    }
    return same;
}

bool ra_same_list(const cJSON *a, const cJSON *b)
{
    bool none = (!a || !a->child) && (!b || !b->child);
    return none || ra_same_json(a, b);
}

static bool number_of(const ra_option *o, const cJSON *node, int64_t *out)
{
    if (cJSON_IsNumber(node) && o->type == RA_OPTION_PRICE)
        return ra_price_of_number(node->valuedouble, out);
    if (cJSON_IsNumber(node)) {
        *out = (int64_t)node->valuedouble;
        return true;
    }
    const char *text = node ? cJSON_GetStringValue(node) : o->preset;
    if (!text)
        return false;
    return o->type == RA_OPTION_DURATION ? ra_duration_parse(text, out)
           : o->type == RA_OPTION_SIZE   ? ra_size_parse(text, out)
           : o->type == RA_OPTION_SHARE  ? ra_share_parse(text, out)
           : o->type == RA_OPTION_PRICE  ? ra_price_parse(text, out)
                                         : ra_count_parse(text, out);
}

static bool same_number(const ra_option *o, const cJSON *a, const cJSON *b)
{
    int64_t x = 0, y = 0;
    bool has_x = number_of(o, a, &x), has_y = number_of(o, b, &y);
    return has_x == has_y && x == y;
}

/* What a boolean is, in words. */
static const char *text_of(const ra_option *o, const cJSON *node)
{
    if (cJSON_IsBool(node))
        return cJSON_IsTrue(node) ? "true" : "false";
    return node ? cJSON_GetStringValue(node) : o->preset;
}

/* The texts of a list, one after the other: of an array, of one string, or of a preset, where commas part
 * them. */
typedef struct texts {
    const char *text; /* of a preset, or the one string */
    bool one;
    const cJSON *next;
} texts;

static texts texts_of(const ra_option *o, const cJSON *node)
{
    if (cJSON_IsArray(node))
        return (texts){.next = node->child};
    return (texts){.text = text_of(o, node), .one = node != NULL};
}

static bool next_text(texts *t, const char **text, size_t *n)
{
    if (t->next) {
        *text = cJSON_GetStringValue(t->next);
        *n = *text ? strlen(*text) : 0;
        t->next = t->next->next;
        return *text != NULL;
    }
    if (!t->text || !*t->text)
        return false;
    *text = t->text;
    *n = t->one ? strlen(t->text) : strcspn(t->text, ",");
    t->text += *n + (t->text[*n] == ',');
    return true;
}

static bool same_texts(const ra_option *o, const cJSON *a, const cJSON *b)
{
    texts x = texts_of(o, a), y = texts_of(o, b);
    const char *p = NULL, *q = NULL;
    size_t np = 0, nq = 0;
    for (;;) {
        bool more_x = next_text(&x, &p, &np), more_y = next_text(&y, &q, &nq);
        if (!more_x || !more_y)
            return more_x == more_y;
        if (np != nq || memcmp(p, q, np) != 0)
            return false;
    }
}

bool ra_same_value(const ra_option *o, const cJSON *a, const cJSON *b)
{
    switch (o->type) {
    case RA_OPTION_DURATION:
    case RA_OPTION_SIZE:
    case RA_OPTION_SHARE:
    case RA_OPTION_PRICE:
    case RA_OPTION_COUNT:
        return same_number(o, a, b);
    case RA_OPTION_TEXTS:
    case RA_OPTION_TEXT_OR_TEXTS:
        return same_texts(o, a, b);
    case RA_OPTION_CHOICES:
    case RA_OPTION_KEYS:
    case RA_OPTION_OBJECT:
        return ra_same_json(a, b);
    case RA_OPTION_OBJECTS:
    case RA_OPTION_TEXT_MAP:
    case RA_OPTION_OBJECT_MAP:
        return ra_same_list(a, b);
    default:
        break;
    }
    const char *x = text_of(o, a), *y = text_of(o, b);
    return x && y ? strcmp(x, y) == 0 : x == y;
}
