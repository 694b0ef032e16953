#include "proxy/text_cell.h"

#include "config/text.h"

#include <locale.h>
#include <wchar.h>

typedef struct range {
    uint32_t first, last;
} range;

static bool within(const range *r, size_t n, uint32_t c)
{
    for (size_t i = 0; i < n; i++) {
        if (c >= r[i].first && c <= r[i].last)
            return true;
    }
    return false;
}

/* Printable by the C library's lights, but they turn text around, break lines, or hide. */
static bool is_hidden(uint32_t c)
{
    static const range hidden[] = {{0x00ad, 0x00ad}, {0x061c, 0x061c},  {0x180e, 0x180e}, {0x200b, 0x200b},
                                   {0x200e, 0x200f}, {0x2028, 0x202e},  {0x2060, 0x206f}, {0xfeff, 0xfeff},
                                   {0xfff9, 0xfffb}, {0xe0001, 0xe0001}};
    return within(hidden, sizeof hidden / sizeof *hidden, c);
}

int ra_text_char_width_plain(uint32_t c)
{
    static const range none[] = {{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd},  {0x064b, 0x065f},
                                 {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200c, 0x200d},  {0x20d0, 0x20ff},
                                 {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef}};
    static const range wide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},
                                 {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},
                                 {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f},
                                 {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return -1;
    if (within(none, sizeof none / sizeof *none, c))
        return 0;
    return within(wide, sizeof wide / sizeof *wide, c) ? 2 : 1;
}

int ra_text_char_width(uint32_t c)
{
    static locale_t utf8;
    if (c >= 0x20 && c < 0x7f)
        return 1;
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || is_hidden(c)) /* a NUL has width 0 for the C library */
        return -1;
    if (!utf8)
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!utf8)
        return ra_text_char_width_plain(c);
    locale_t before = uselocale(utf8);
    int width = wcwidth((wchar_t)c);
    uselocale(before);
    return width;
}

/* The character at p, which is well-formed, of n bytes. */
static uint32_t decode(const char *p, size_t n)
{
    static const unsigned char lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = (unsigned char)p[0] & lead[n];
    for (size_t i = 1; i < n; i++)
        c = c << 6 | ((unsigned char)p[i] & 0x3f);
    return c;
}

static bool add_spelt_out(uint32_t c, ra_buf *out)
{
    const char *letter = c == '\n' ? "n" : c == '\r' ? "r" : c == '\t' ? "t" : NULL;
    if (letter)
        return ra_buf_addf(out, "\\%s", letter);
    return ra_buf_addf(out, c < 0x80 ? "\\x%02x" : c <= 0xffff ? "\\u%04x" : "\\U%08x", (unsigned)c);
}

bool ra_text_cell_add(ra_bytes text, ra_buf *out)
{
    size_t plain = 0, at = 0; /* from `plain` on it goes out as it is */
    while (at < text.n) {
        size_t n = ra_text_utf8(text.p + at, text.n - at);
        uint32_t c = n ? decode(text.p + at, n) : (unsigned char)text.p[at];
        if (n && ra_text_char_width(c) >= 0) {
            at += n;
            continue;
        }
        ra_buf_add(out, text.p + plain, at - plain);
        if (n)
            add_spelt_out(c, out);
        else
            ra_buf_addf(out, "\\x%02x", (unsigned)c);
        at += n ? n : 1;
        plain = at;
    }
    if (at > plain)
        ra_buf_add(out, text.p + plain, at - plain);
    return ra_buf_ok(out);
}

size_t ra_text_cell_fit(ra_bytes cell, size_t most, size_t *width)
{
    size_t at = 0;
    *width = 0;
    while (at < cell.n) {
        size_t n = ra_text_utf8(cell.p + at, cell.n - at);
        int w = n ? ra_text_char_width(decode(cell.p + at, n)) : 1;
        size_t columns = w > 0 ? (size_t)w : 0;
        if (*width + columns > most)
            break;
        *width += columns;
        at += n ? n : 1;
    }
    return at;
}

size_t ra_text_cell_width(ra_bytes cell)
{
    size_t width;
    ra_text_cell_fit(cell, SIZE_MAX, &width);
    return width;
}
