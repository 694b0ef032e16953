#include "config/scan.h"

#include "config/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* cJSON 1.7.15 cuts longer numbers. */
enum { NUMBER_MAX = 40 };

typedef struct scan {
    const char *p;
    const char *end;
    int line;
    int depth;
    bool (*value)(void *arg, int line);
    void *arg;
    char *error;
} scan;

static bool fail(scan *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(scan *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->error, RA_SCAN_ERROR_MAX, format, args);
    va_end(args);
    return false;
}

static void skip_space(scan *s)
{
    for (; s->p < s->end && strchr(" \t\r\n", *s->p) && *s->p; s->p++) {
        if (*s->p == '\n')
            s->line++;
    }
}

/* The next character, 0 at the end (or at a NUL, which is nowhere allowed). */
static char peek(const scan *s)
{
    if (s->p == s->end)
        return '\0';
    return *s->p;
}

static bool take(scan *s, char c)
{
    if (peek(s) != c || s->p == s->end)
        return false;
    s->p++;
    return true;
}

static bool fail_here(scan *s, const char *accepted)
{
    char c = peek(s);
    if (s->p == s->end)
        return fail(s, "the file ends here; accepted: %s", accepted);
    if (c == '#')
        return fail(s, "'#' begins no comment here; accepted: // and /* */");
    if (c == '\'')
        return fail(s, "strings and names take double quotes, not single ones");
    if (c > ' ' && c < 0x7f)
        return fail(s, "unexpected '%c'; accepted: %s", c, accepted);
    return fail(s, "unexpected byte 0x%02x; accepted: %s", (unsigned char)c, accepted);
}

/* Four hex digits after \u; -1 if they aren't. */
static int scan_hex4(scan *s)
{
    int code = 0;
    for (int i = 0; i < 4; i++, s->p++) {
        char c = peek(s);
        if (c >= '0' && c <= '9')
            code = code * 16 + (c - '0');
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            code = code * 16 + ((c | 0x20) - 'a' + 10);
        else
            return -1;
    }
    return code;
}

static bool scan_unicode_escape(scan *s)
{
    int code = scan_hex4(s);
    if (code < 0)
        return fail(s, "\\u takes four hexadecimal digits");
    if (code == 0)
        return fail(s, "\\u0000 isn't accepted in a configuration");
    if (code >= 0xdc00 && code <= 0xdfff)
        return fail(s, "\\u%04x is half of a surrogate pair", code);
    if (code < 0xd800 || code > 0xdbff)
        return true;
    int low = take(s, '\\') && take(s, 'u') ? scan_hex4(s) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return fail(s, "\\u%04x is half of a surrogate pair", code);
    return true;
}

static bool scan_string(scan *s)
{
    s->p++;
    for (;;) {
        unsigned char c = (unsigned char)peek(s);
        if (s->p == s->end || c == '\n')
            return fail(s, "the string that begins on this line isn't closed on it");
        if (c < 0x20)
            return fail(s, "a string holds the control character 0x%02x; write it as \\u%04x", c, c);
        s->p++;
        if (c == '"')
            return true;
        if (c != '\\')
            continue;
        if (take(s, 'u')) {
            if (!scan_unicode_escape(s))
                return false;
        } else if (s->p < s->end && *s->p && strchr("\"\\/bfnrt", *s->p)) {
            s->p++;
        } else {
            return fail(s, "a backslash in a string is followed by none of \" \\ / b f n r t u");
        }
    }
}

static size_t scan_digits(scan *s)
{
    const char *first = s->p;
    while (peek(s) >= '0' && peek(s) <= '9')
        s->p++;
    return (size_t)(s->p - first);
}

static bool scan_number(scan *s)
{
    const char *first = s->p;
    bool ok = true;
    take(s, '-');
    if (!take(s, '0'))
        ok = scan_digits(s) > 0;
    if (ok && take(s, '.'))
        ok = scan_digits(s) > 0;
    if (ok && (take(s, 'e') || take(s, 'E'))) {
        if (!take(s, '-'))
            take(s, '+');
        ok = scan_digits(s) > 0;
    }
    char c = peek(s);
    if (!ok || (c >= '0' && c <= '9') || c == '.' || c == '+' || c == '-')
        return fail(s, "not a number as JSON spells them");
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '%')
        return fail(s, "a number with a unit must stand in double quotes, such as \"5s\"");
    if (s->p - first > NUMBER_MAX)
        return fail(s, "a number has more than %d characters", NUMBER_MAX);
    return true;
}

static bool scan_word(scan *s)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(s->end - s->p) >= n && memcmp(s->p, words[i], n) == 0) {
            s->p += n;
            return true;
        }
    }
    return fail_here(s, "a value: a string in double quotes, a number, true, false, { or [");
}

static bool scan_value(scan *s, int line);

/* After a value in an object or array: a comma and more, or the end. *more says which. */
static bool scan_comma(scan *s, char close, int opened, bool *more)
{
    skip_space(s);
    *more = false;
    if (take(s, close))
        return true;
    if (s->p == s->end)
        return fail(s, "the file ends before the '%c' that closes line %d", close, opened);
    int line = s->line;
    if (!take(s, ','))
        return fail_here(s, close == '}' ? "',' or '}'" : "',' or ']'");
    skip_space(s);
    if (peek(s) == close) {
        s->line = line;
        return fail(s, "a comma before '%c': nothing may follow the last comma but another %s", close,
                    close == '}' ? "member" : "value");
    }
    *more = true;
    return true;
}

static bool scan_member(scan *s)
{
    int line = s->line;
    if (peek(s) != '"')
        return fail_here(s, "a member's name in double quotes");
    if (!scan_string(s))
        return false;
    skip_space(s);
    if (!take(s, ':'))
        return fail_here(s, "':' after a member's name");
    skip_space(s);
    return scan_value(s, line);
}

static bool scan_container(scan *s, char close)
{
    int opened = s->line;
    bool more = true;
    if (s->depth == RA_SCAN_DEPTH_MAX)
        return fail(s, "nested more than %d deep", RA_SCAN_DEPTH_MAX);
    s->depth++;
    s->p++;
    skip_space(s);
    if (take(s, close))
        more = false;
    while (more) {
        if (!(close == '}' ? scan_member(s) : scan_value(s, s->line)) || !scan_comma(s, close, opened, &more))
            return false;
        skip_space(s);
    }
    s->depth--;
    return true;
}

static bool scan_value(scan *s, int line)
{
    char c = peek(s);
    if (!s->value(s->arg, line))
        return fail(s, "out of memory");
    if (c == '{')
        return scan_container(s, '}');
    if (c == '[')
        return scan_container(s, ']');
    if (c == '"')
        return scan_string(s);
    if (c == '-' || (c >= '0' && c <= '9'))
        return scan_number(s);
    return scan_word(s);
}

bool ra_scan(const char *text, size_t len, bool (*value)(void *arg, int line), void *arg, int *line,
             char error[RA_SCAN_ERROR_MAX])
{
    scan s = {.p = text, .end = text + len, .line = 1, .value = value, .arg = arg, .error = error};
    size_t valid = ra_text_valid(text, len);
    bool ok;
    if (valid < len) {
        for (size_t i = 0; i < valid; i++)
            s.line += text[i] == '\n';
        *line = s.line;
        return fail(&s, "not valid UTF-8 (byte 0x%02x)", (unsigned char)text[valid]);
    }
    skip_space(&s);
    ok = scan_value(&s, s.line);
    if (ok) {
        skip_space(&s);
        if (s.p < s.end)
            ok = fail_here(&s, "nothing after the closing bracket");
    }
    *line = s.line;
    return ok;
}
