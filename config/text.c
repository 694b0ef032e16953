#include "config/text.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN_CHARACTERS = 48 };

static bool continues(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

size_t ra_text_utf8(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        return n >= 2 && continues(p[1]) ? 2 : 0;
    if (p[0] >= 0xe0 && p[0] <= 0xef) {
        if (n < 3 || !continues(p[1]) || !continues(p[2]))
            return 0;
        if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
            return 0; /* overlong; surrogate */
        return 3;
    }
    if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        if (n < 4 || !continues(p[1]) || !continues(p[2]) || !continues(p[3]))
            return 0;
        if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
            return 0; /* overlong; past U+10FFFF */
        return 4;
    }
    return 0;
}

size_t ra_text_valid(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n) {
        size_t length = ra_text_utf8(p + i, n - i);
        if (length == 0)
            break;
        i += length;
    }
    return i;
}

/* The code of a control character at p, 0 if it isn't one. p[1] may be read: it is the zero at least. */
static unsigned control_at(const char *p)
{
    unsigned char c = (unsigned char)p[0];
    if (c < 0x20 || c == 0x7f)
        return c;
    if (c == 0xc2 && (unsigned char)p[1] <= 0x9f)
        return (unsigned char)p[1];
    return 0;
}

bool ra_text_has_control(const char *z)
{
    for (; *z; z++) {
        if (control_at(z))
            return true;
    }
    return false;
}

void ra_text_show(const char *z, char out[RA_TEXT_SHOWN_MAX])
{
    size_t left = strlen(z), n = 0, shown = 0;
    out[n++] = '"';
    while (left && shown < SHOWN_CHARACTERS) {
        size_t length = ra_text_utf8(z, left);
        unsigned control = control_at(z);
        if (length == 0 || control) {
            n += (size_t)snprintf(out + n, 7, "\\u%04x", control ? control : 0xfffdU);
            length = length ? length : 1;
        } else {
            memcpy(out + n, z, length);
            n += length;
        }
        z += length;
        left -= length;
        shown++;
    }
    out[n++] = '"';
    out[n] = '\0';
    if (left)
        memcpy(out + n, "...", 4);
}
