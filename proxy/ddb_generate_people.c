#include "proxy/ddb_generate_people.h"

#include "proxy/ddb_generate_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PAIRS_EACH = RA_NAMES_EACH * RA_NAMES_EACH };

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b > 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* A step that has no divisor in common with the number of names goes through all of them. */
ra_people ra_people_of(uint64_t key)
{
    ra_people p = {.key = key, .names = ra_nlanguages * PAIRS_EACH};
    ra_stream s = ra_stream_at(key, RA_STREAM_PEOPLE, 0);
    p.from = ra_stream_below(&s, p.names);
    do {
        p.step = p.names / 4 + ra_stream_below(&s, p.names / 2);
    } while (common_divisor(p.names, p.step) != 1);
    return p;
}

/* The one name of a list that has the number `n`: as it is shown, and in ASCII. */
static ra_bytes name_in(const char *list, uint64_t n, ra_bytes *ascii)
{
    for (; n > 0; n--)
        list += strcspn(list, " ") + 1;
    ra_bytes shown = {list, strcspn(list, "| ")};
    *ascii = shown;
    if (list[shown.n] == '|')
        *ascii = (ra_bytes){list + shown.n + 1, strcspn(list + shown.n + 1, " ")};
    return shown;
}

static void add_small(char *out, ra_bytes name)
{
    size_t n = strlen(out);
    for (size_t i = 0; i < name.n && n + 1 < RA_PERSON_NAME_MAX; i++) {
        out[n] = name.p[i];
        if (out[n] >= 'A' && out[n] <= 'Z')
            out[n] ^= 'A' ^ 'a';
        n++;
    }
    out[n] = '\0';
}

void ra_person_make(const ra_people *people, uint64_t index, ra_person *out)
{
    uint64_t pair = (people->from + index % people->names * people->step) % people->names;
    uint64_t namesakes = index / people->names; /* those before this one */
    const ra_language *l = &ra_languages[pair / PAIRS_EACH];
    ra_bytes first_ascii, family_ascii;
    ra_bytes first = name_in(l->first, pair % PAIRS_EACH / RA_NAMES_EACH, &first_ascii);
    ra_bytes family = name_in(l->family, pair % RA_NAMES_EACH, &family_ascii);
    ra_bytes one = l->family_first ? family : first, two = l->family_first ? first : family;
    snprintf(out->display_name, sizeof out->display_name, "%.*s%s%.*s", (int)one.n, one.p,
             l->joined ? "" : " ", (int)two.n, two.p);
    out->handle[0] = '\0';
    add_small(out->handle, first_ascii);
    add_small(out->handle, pair % 3 == 0 ? RA_BYTES(".") : RA_BYTES("_"));
    add_small(out->handle, family_ascii);
    size_t n = strlen(out->handle);
    if (namesakes > 0)
        snprintf(out->handle + n, sizeof out->handle - n, "%" PRIu64, namesakes + 1);
    out->first = first;
    ra_generate_uuid(people->key, RA_STREAM_USER_UUID, index, out->uuid);
}
