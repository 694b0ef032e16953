#include "config/comments.h"

#include <string.h>

struct place {
    char *text;
    size_t len;
    size_t at;
    int line;
};

static int starts(const struct place *p, const char *z)
{
    size_t n = strlen(z);
    return p->len - p->at >= n && memcmp(p->text + p->at, z, n) == 0;
}

static void step(struct place *p, int blank)
{
    if (p->text[p->at] == '\n')
        p->line++;
    else if (blank)
        p->text[p->at] = ' ';
    p->at++;
}

static void skip_string(struct place *p)
{
    step(p, 0);
    while (p->at < p->len && p->text[p->at] != '"' && p->text[p->at] != '\n') {
        if (p->text[p->at] == '\\' && p->at + 1 < p->len && p->text[p->at + 1] != '\n')
            step(p, 0);
        step(p, 0);
    }
    if (p->at < p->len)
        step(p, 0);
}

static void blank_line_comment(struct place *p)
{
    while (p->at < p->len && p->text[p->at] != '\n')
        step(p, 1);
}

static int blank_bracketed_comment(struct place *p)
{
    int first = p->line;
    step(p, 1);
    step(p, 1);
    while (p->at < p->len && !starts(p, "*/"))
        step(p, 1);
    if (p->at == p->len)
        return first;
    step(p, 1);
    step(p, 1);
    return 0;
}

int ra_comments_blank(char *text, size_t len)
{
    struct place p = {text, len, 0, 1};
    int unclosed = 0;
    if (starts(&p, "\xef\xbb\xbf"))
        memset(text, ' ', 3);
    while (p.at < p.len && !unclosed) {
        if (text[p.at] == '"')
            skip_string(&p);
        else if (starts(&p, "//"))
            blank_line_comment(&p);
        else if (starts(&p, "/*"))
            unclosed = blank_bracketed_comment(&p);
        else
            step(&p, 0);
    }
    return unclosed;
}
