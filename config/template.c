#include "config/template.h"

#include <stdio.h>
#include <string.h>

/* A template while it is compiled. `text` holds all literal parts one after the other. */
typedef struct builder {
    ra_template_part *parts;
    size_t n;
    char *text;
    size_t len;
    size_t begin; /* where the literal part that is being read begins in `text` */
} builder;

/* At most: each placeholder, the literals between them, and one at either end. */
static size_t parts_max(const char *text)
{
    size_t opened = 0;
    for (; *text; text++) {
        if (text[0] == '{' && text[1] == '{')
            text++;
        else
            opened += *text == '{';
    }
    return 2 * opened + 1;
}

static void end_literal(builder *b)
{
    if (b->len > b->begin)
        b->parts[b->n++] =
            (ra_template_part){.slot = -1, .text = b->text + b->begin, .len = b->len - b->begin};
    b->begin = b->len;
}

/* The placeholder at text[0] == '{'. The text after it, or NULL with `why`. */
static const char *take_placeholder(builder *b, const char *text, const ra_template_names *names,
                                    char why[RA_TEMPLATE_WHY_MAX])
{
    size_t n = strcspn(text + 1, "{}");
    if (text[1 + n] != '}') {
        snprintf(why, RA_TEMPLATE_WHY_MAX,
                 "a '{' isn't closed; accepted: {NAME} for a value, {{ for the brace itself");
        return NULL;
    }
    int slot = names->find(names->arg, text + 1, n, why);
    if (slot < 0)
        return NULL;
    end_literal(b);
    b->parts[b->n++] = (ra_template_part){.slot = slot};
    return text + n + 2;
}

bool ra_template_compile(ra_pool *pool, const char *text, const ra_template_names *names, ra_template *out,
                         char why[RA_TEMPLATE_WHY_MAX])
{
    builder b = {.parts = ra_pool_array(pool, parts_max(text), sizeof *b.parts),
                 .text = ra_pool_alloc(pool, strlen(text) + 1)};
    why[0] = '\0';
    *out = (ra_template){0};
    if (!b.parts || !b.text)
        return false;
    while (*text) {
        bool brace = *text == '{' || *text == '}';
        if (*text == '{' && text[1] != '{') {
            text = take_placeholder(&b, text, names, why);
            if (!text)
                return false;
        } else if (brace && text[1] != *text) {
            snprintf(why, RA_TEMPLATE_WHY_MAX,
                     "a '}' closes nothing; accepted: {NAME} for a value, }} for the brace itself");
            return false;
        } else {
            b.text[b.len++] = *text;
            text += brace ? 2 : 1;
        }
    }
    end_literal(&b);
    *out = (ra_template){.parts = b.parts, .n = b.n};
    return true;
}

size_t ra_template_slots(const ra_template *t, int *first)
{
    size_t n = 0;
    *first = -1;
    for (size_t i = 0; i < t->n; i++) {
        if (t->parts[i].slot < 0)
            continue;
        if (n++ == 0)
            *first = t->parts[i].slot;
    }
    return n;
}
