#include "config/glob.h"

#include <string.h>

/* The index after the character at i: after its UTF-8 continuation bytes. */
static size_t next_character(const char *text, size_t len, size_t i)
{
    do
        i++;
    while (i < len && ((unsigned char)text[i] & 0xc0) == 0x80);
    return i;
}

static bool only_stars(const char *glob)
{
    return glob[strspn(glob, "*")] == '\0';
}

/*
 * Invariant: glob[..g) matches text[..t). `star` is the place after the last star passed and `from` where in
 * the text what follows it is tried. An earlier star need not be tried again: whatever it could yet swallow,
 * the last one can as well.
 */
bool ra_glob_match(const char *glob, const char *text, size_t len)
{
    const char *star = NULL;
    size_t t = 0, from = 0;
    while (t < len) {
        if (*glob == '*') {
            star = ++glob;
            from = t;
        } else if (*glob == '?') {
            glob++;
            t = next_character(text, len, t);
        } else if (*glob && *glob == text[t]) {
            glob++;
            t++;
        } else if (star) {
            glob = star;
            from = next_character(text, len, from);
            t = from;
        } else {
            return false;
        }
    }
    return only_stars(glob);
}

bool ra_glob_matches_all(const char *glob)
{
    return *glob == '*' && only_stars(glob);
}
