#include "proxy/markers_names.h"

#include "cache/key_hex.h"

#include <ctype.h>

const char *ra_markers_names_add(ra_markers_names *m, const char *text)
{
    size_t n = strlen(text);
    char hex[RA_KEY_HEX];
    if (m->n == RA_MARKERS_NAMES_MAX)
        return "there are more than 256 units";
    if (n < RA_MARKERS_NAME_LEAST || n > RA_KEY_HEX)
        return "it isn't a unit's digest: its first 16 hexadecimal digits, or more of them, or all 64";
    memset(hex, '0', sizeof hex);
    for (size_t i = 0; i < n; i++)
        hex[i] = (char)tolower((unsigned char)text[i]);
    ra_markers_name *name = &m->v[m->n];
    *name = (ra_markers_name){.text = text, .digits = n};
    if (!ra_key_unhex((ra_bytes){hex, sizeof hex}, &name->key))
        return "it isn't hexadecimal";
    m->n++;
    return NULL;
}

static bool begins(const ra_key *unit, const ra_markers_name *name)
{
    size_t whole = name->digits / 2;
    return memcmp(unit->b, name->key.b, whole) == 0 &&
           (name->digits % 2 == 0 || unit->b[whole] >> 4 == name->key.b[whole] >> 4);
}

bool ra_markers_names_has(ra_markers_names *m, const ra_key *unit, bool met)
{
    bool has = false;
    for (size_t i = 0; i < m->n; i++) {
        if (!begins(unit, &m->v[i]))
            continue;
        has = true;
        m->v[i].met = m->v[i].met || met;
    }
    return has;
}

bool ra_markers_names_whole(const ra_markers_names *m, ra_key out[RA_MARKERS_NAMES_MAX])
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->v[i].digits != RA_KEY_HEX)
            return false;
        out[i] = m->v[i].key;
    }
    return true;
}
