#include "bench/loadgen/placeholder.h"

#include "config/suggest.h"

#include <stdio.h>
#include <string.h>

static const char *const names[RA_PLACE_KINDS] = {"key", "zipf", "uniform", "latest", "seq",  "insert",
                                                  "n",   "now",  "uuid",    "random", "text", "table"};

static bool number_kind(enum ra_placeholder_kind kind)
{
    return (RA_PLACE_NUMBERS & RA_PLACE_BIT(kind)) != 0;
}

static int unknown(const ra_placeholders *p, const char *name, size_t len, char why[RA_TEMPLATE_WHY_MAX])
{
    char text[32] = "";
    const char *known[RA_PLACE_KINDS];
    size_t n = 0;
    for (size_t i = 0; i < RA_PLACE_KINDS; i++) {
        if (p->accepted & RA_PLACE_BIT(i))
            known[n++] = names[i];
    }
    if (len < sizeof text)
        memcpy(text, name, len);
    const char *nearest = ra_suggest(text, known, n);
    int at = snprintf(why, RA_TEMPLATE_WHY_MAX, "there is no such placeholder here");
    if (nearest)
        at += snprintf(why + at, RA_TEMPLATE_WHY_MAX - (size_t)at, " (did you mean {%s}?)", nearest);
    for (size_t i = 0; i < n; i++)
        at +=
            snprintf(why + at, RA_TEMPLATE_WHY_MAX - (size_t)at, "%s%s", i ? ", " : "; accepted: ", known[i]);
    return -1;
}

static bool read_count(const char *p, size_t n, unsigned most, unsigned *out)
{
    unsigned value = 0;
    if (n == 0 || n > 6)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        value = value * 10 + (unsigned)(p[i] - '0');
    }
    *out = value;
    return value >= 1 && value <= most;
}

/* What stands behind the colon; `form` is NULL where there is none. */
static const char *read_form(ra_placeholder *p, const char *form, size_t n)
{
    if (p->kind == RA_PLACE_RANDOM)
        return form && read_count(form, n, RA_PLACE_RANDOM_MAX, &p->length)
                   ? NULL
                   : "accepted: {random:N}, N from 1 to 409600";
    if (!form)
        return NULL;
    if (!number_kind(p->kind))
        return "it takes no form; accepted: the name alone, or NAME.LABEL";
    p->uuid = n == 4 && memcmp(form, "uuid", 4) == 0;
    return p->uuid || read_count(form, n, RA_PLACE_WIDTH_MAX, &p->length)
               ? NULL
               : "accepted: a number of digits from 1 to 20, or uuid, behind the colon";
}

/* The first of the same name and label. */
static int same_number(const ra_placeholders *p, const char *name, size_t word)
{
    for (size_t i = 0; i < p->n; i++) {
        if (strcspn(p->names[i], ":") == word && memcmp(p->names[i], name, word) == 0)
            return (int)i;
    }
    return -1;
}

static int add(ra_placeholders *p, const char *name, size_t len, const ra_placeholder *made,
               char why[RA_TEMPLATE_WHY_MAX])
{
    if (p->n == RA_TEMPLATE_SLOTS_MAX) {
        snprintf(why, RA_TEMPLATE_WHY_MAX, "there are too many placeholders; accepted: 64 different ones");
        return -1;
    }
    memcpy(p->names[p->n], name, len);
    p->v[p->n] = *made;
    return (int)p->n++;
}

int ra_placeholder_find(void *arg, const char *name, size_t len, char why[RA_TEMPLATE_WHY_MAX])
{
    ra_placeholders *p = arg;
    ra_placeholder made = {0};
    const char *colon = memchr(name, ':', len);
    size_t word = colon ? (size_t)(colon - name) : len;
    const char *dot = memchr(name, '.', word);
    size_t kind = dot ? (size_t)(dot - name) : word;
    for (size_t i = 0; i < p->n; i++) {
        if (strlen(p->names[i]) == len && memcmp(p->names[i], name, len) == 0)
            return (int)i;
    }
    size_t k = 0;
    while (k < RA_PLACE_KINDS && (strlen(names[k]) != kind || memcmp(names[k], name, kind) != 0))
        k++;
    if (k == RA_PLACE_KINDS || !(p->accepted & RA_PLACE_BIT(k)) || len >= RA_PLACE_NAME_MAX)
        return unknown(p, name, kind, why);
    made.kind = (enum ra_placeholder_kind)k;
    made.same = number_kind(made.kind) ? same_number(p, name, word) : -1;
    const char *wrong = read_form(&made, colon ? colon + 1 : NULL, colon ? len - word - 1 : 0);
    if (wrong) {
        snprintf(why, RA_TEMPLATE_WHY_MAX, "the placeholder {%.*s}: %s", (int)len, name, wrong);
        return -1;
    }
    return add(p, name, len, &made, why);
}

unsigned ra_placeholder_used(const ra_placeholders *p)
{
    unsigned used = 0;
    for (size_t i = 0; i < p->n; i++)
        used |= RA_PLACE_BIT(p->v[i].kind);
    return used;
}
