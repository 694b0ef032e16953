#include "config/suggest.h"

#include <string.h>

enum { LONGEST = 64 };

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: rows i - 2, i - 1 and i of the table of distances between prefixes. */
size_t ra_suggest_distance(const char *a, const char *b, size_t limit)
{
    size_t rows[3][LONGEST + 1];
    size_t *older = rows[0], *previous = rows[1], *row = rows[2];
    size_t na = strlen(a), nb = strlen(b);
    if (na > LONGEST || nb > LONGEST)
        return limit + 1;
    for (size_t j = 0; j <= nb; j++)
        previous[j] = j;
    for (size_t i = 1; i <= na; i++) {
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t replace = previous[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
            row[j] = least(replace, least(previous[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
                row[j] = least(row[j], older[j - 2] + 1);
        }
        size_t *spare = older;
        older = previous;
        previous = row;
        row = spare;
    }
    return previous[nb] > limit ? limit + 1 : previous[nb];
}

const char *ra_suggest(const char *word, const char *const *names, size_t n)
{
    const char *nearest = NULL;
    size_t limit = strlen(word) / 3;
    if (limit == 0)
        limit = 1;
    size_t best = limit + 1;
    for (size_t i = 0; i < n; i++) {
        size_t distance = ra_suggest_distance(word, names[i], limit);
        /* A name of one or two letters is "near" every other such; require that something is kept. */
        if (distance < best && distance < strlen(names[i])) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
