#include "proxy/credentials_xml.h"

enum { DEPTH_MAX = 16 };

typedef struct reader {
    const char *p, *end;
    ra_bytes open[DEPTH_MAX]; /* the names of the elements that are open */
    unsigned depth;
    bool rooted;      /* the root element has begun */
    const char *path; /* wanted */
    ra_buf *out;
    unsigned found; /* elements with that path */
    bool inside;    /* the innermost open one is such */
} reader;

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == ':' || (unsigned char)c >= 0x80;
}

static void skip_blanks(reader *r)
{
    while (r->p < r->end && blank(*r->p))
        r->p++;
}

static bool take_name(reader *r, ra_bytes *name)
{
    const char *begin = r->p;
    while (r->p < r->end && name_char(*r->p))
        r->p++;
    *name = (ra_bytes){begin, (size_t)(r->p - begin)};
    return name->n > 0;
}

/* ---- text ---- */

static bool add_code(ra_buf *out, unsigned c)
{
    if (c < 0x80)
        return ra_buf_add_char(out, (char)c);
    if (c < 0x800)
        return ra_buf_add_char(out, (char)(0xc0 | c >> 6)) && ra_buf_add_char(out, (char)(0x80 | (c & 63)));
    if (c < 0x10000)
        return ra_buf_add_char(out, (char)(0xe0 | c >> 12)) &&
               ra_buf_add_char(out, (char)(0x80 | (c >> 6 & 63))) &&
               ra_buf_add_char(out, (char)(0x80 | (c & 63)));
    return ra_buf_add_char(out, (char)(0xf0 | c >> 18)) &&
           ra_buf_add_char(out, (char)(0x80 | (c >> 12 & 63))) &&
           ra_buf_add_char(out, (char)(0x80 | (c >> 6 & 63))) &&
           ra_buf_add_char(out, (char)(0x80 | (c & 63)));
}

/* "#38" or "#x26" without the '#': a character that XML allows. */
static bool numeric(ra_bytes s, unsigned *c)
{
    unsigned base = 10;
    *c = 0;
    if (s.n && s.p[0] == 'x') {
        base = 16;
        s = (ra_bytes){s.p + 1, s.n - 1};
    }
    if (!s.n || s.n > 8)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char d = s.p[i];
        unsigned v = d >= '0' && d <= '9'   ? (unsigned)(d - '0')
                     : d >= 'a' && d <= 'f' ? (unsigned)(d - 'a') + 10
                     : d >= 'A' && d <= 'F' ? (unsigned)(d - 'A') + 10
                                            : 99;
        if (v >= base || *c > 0x10ffff)
            return false;
        *c = *c * base + v;
    }
    return (*c >= ' ' || *c == '\t' || *c == '\n' || *c == '\r') && *c <= 0x10ffff &&
           (*c < 0xd800 || *c > 0xdfff);
}

/* At an '&'. */
static bool take_reference(reader *r, unsigned *c)
{
    static const struct {
        const char *name;
        char c;
    } known[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    size_t most = (size_t)(r->end - r->p) < 12 ? (size_t)(r->end - r->p) : 12;
    const char *semicolon = memchr(r->p, ';', most);
    if (!semicolon)
        return false;
    ra_bytes name = {r->p + 1, (size_t)(semicolon - r->p) - 1};
    r->p = semicolon + 1;
    if (name.n && name.p[0] == '#')
        return numeric((ra_bytes){name.p + 1, name.n - 1}, c);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (ra_bytes_eq_z(name, known[i].name)) {
            *c = (unsigned char)known[i].c;
            return true;
        }
    }
    return false;
}

/* Up to the next tag. Outside of the root only white space may stand. */
static bool take_text(reader *r)
{
    while (r->p < r->end && *r->p != '<') {
        unsigned c = (unsigned char)*r->p;
        bool reference = c == '&';
        if (!r->depth && !blank(*r->p))
            return false;
        if (c == '\0' || (reference && !take_reference(r, &c)))
            return false;
        if (!reference)
            r->p++;
        if (r->inside && !(reference ? add_code(r->out, c) : ra_buf_add_char(r->out, (char)c)))
            return false;
    }
    return true;
}

/* ---- tags ---- */

/* Do the open elements' names spell the path? */
static bool at_path(const reader *r)
{
    const char *p = r->path;
    for (unsigned i = 0; i < r->depth; i++) {
        const char *slash = strchrnul(p, '/');
        if (!ra_bytes_eq(r->open[i], (ra_bytes){p, (size_t)(slash - p)}))
            return false;
        p = *slash ? slash + 1 : slash;
        if (!*p)
            return i + 1 == r->depth;
    }
    return false;
}

/* NAME="VALUE" or NAME='VALUE'. */
static bool take_attribute(reader *r)
{
    ra_bytes name;
    if (!take_name(r, &name))
        return false;
    skip_blanks(r);
    if (r->p >= r->end || *r->p++ != '=')
        return false;
    skip_blanks(r);
    if (r->p >= r->end || (*r->p != '"' && *r->p != '\''))
        return false;
    char quote = *r->p++;
    const char *close = memchr(r->p, quote, (size_t)(r->end - r->p));
    if (!close || memchr(r->p, '<', (size_t)(close - r->p)))
        return false;
    r->p = close + 1;
    return true;
}

static bool close_element(reader *r, ra_bytes name)
{
    if (!r->depth || !ra_bytes_eq(r->open[r->depth - 1], name))
        return false;
    r->depth--;
    r->inside = false; /* no element within a wanted one: see open_element */
    return true;
}

/* Behind "<". */
static bool open_element(reader *r)
{
    ra_bytes name;
    if (r->inside || r->depth == DEPTH_MAX || (!r->depth && r->rooted) || !take_name(r, &name))
        return false;
    r->rooted = true;
    r->open[r->depth++] = name;
    r->inside = at_path(r);
    if (r->inside && r->found++)
        return false;
    for (skip_blanks(r); r->p < r->end && *r->p != '>' && *r->p != '/'; skip_blanks(r)) {
        if (!take_attribute(r))
            return false;
    }
    if (r->p < r->end && *r->p == '/') {
        r->p++;
        return r->p < r->end && *r->p++ == '>' && close_element(r, name);
    }
    return r->p < r->end && *r->p++ == '>';
}

/* At "<". */
static bool take_tag(reader *r)
{
    ra_bytes name;
    r->p++;
    if (r->p >= r->end)
        return false;
    if (*r->p != '/')
        return open_element(r); /* "<!" and "<?" aren't names */
    r->p++;
    if (!take_name(r, &name))
        return false;
    skip_blanks(r);
    return r->p < r->end && *r->p++ == '>' && close_element(r, name);
}

/* <?xml version="1.0"?>, which may stand at the very beginning. */
static bool skip_declaration(reader *r)
{
    size_t n = (size_t)(r->end - r->p);
    if (n < 6 || memcmp(r->p, "<?xml", 5) != 0 || !blank(r->p[5]))
        return true;
    const char *close = memmem(r->p, n, "?>", 2);
    if (!close || memchr(r->p + 1, '<', (size_t)(close - r->p) - 1))
        return false;
    r->p = close + 2;
    return true;
}

bool ra_xml_text(ra_bytes xml, const char *path, ra_buf *out)
{
    if (!xml.n)
        return false;
    reader r = {.p = xml.p, .end = xml.p + xml.n, .path = path, .out = out};
    if (!skip_declaration(&r))
        return false;
    while (r.p < r.end) {
        if (!take_text(&r) || (r.p < r.end && !take_tag(&r)))
            return false;
    }
    return r.rooted && !r.depth && r.found == 1 && ra_buf_ok(out);
}
