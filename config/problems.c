#include "config/problems.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* The list grows by doubling; its size is the next power of two, so it needs no field of its own. */
static bool make_room(ra_problems *p)
{
    if (p->n & (p->n - 1) || (p->n > 0 && p->n < 8))
        return true;
    size_t size = p->n ? p->n * 2 : 8;
    ra_problem *v = realloc(p->v, size * sizeof *v);
    if (!v)
        return false;
    p->v = v;
    return true;
}

/* One place past the maximum is for the entry that counts the rest. */
static bool full(ra_problems *p)
{
    if (p->n < RA_PROBLEMS_MAX)
        return false;
    if (p->n == RA_PROBLEMS_MAX && make_room(p)) {
        char *path = strdup("");
        char *message = strdup("there are more problems; these are the first found");
        p->v[p->n++] = (ra_problem){.path = path, .message = message, .warning = true};
    }
    return true;
}

static void add(ra_problems *p, bool warning, int line, char *path_take, const char *format, va_list args)
{
    char *message = NULL;
    if (!warning)
        p->errors++;
    if (full(p) || !make_room(p)) {
        free(path_take);
        return;
    }
    if (vasprintf(&message, format, args) < 0)
        message = NULL;
    p->v[p->n++] = (ra_problem){line, path_take, message, warning};
}

void ra_problems_add(ra_problems *p, bool warning, int line, char *path_take, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(p, warning, line, path_take, format, args);
    va_end(args);
}

void ra_problems_add_file(ra_problems *p, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(p, false, line, strdup(""), format, args);
    va_end(args);
}

struct placed {
    ra_problem problem;
    size_t place;
};

static int by_line(const void *a, const void *b)
{
    const struct placed *x = a;
    const struct placed *y = b;
    if (x->problem.line != y->problem.line)
        return x->problem.line < y->problem.line ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

void ra_problems_sort(ra_problems *p)
{
    size_t n = p->n < RA_PROBLEMS_MAX ? p->n : RA_PROBLEMS_MAX; /* the entry about the rest stays last */
    struct placed *v = n > 1 ? calloc(n, sizeof *v) : NULL;
    if (!v)
        return; /* without memory: unsorted is better than unsaid */
    for (size_t i = 0; i < n; i++)
        v[i] = (struct placed){p->v[i], i};
    qsort(v, n, sizeof *v, by_line);
    for (size_t i = 0; i < n; i++)
        p->v[i] = v[i].problem;
    free(v);
}

void ra_problems_free(ra_problems *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->v[i].path);
        free(p->v[i].message);
    }
    free(p->v);
    *p = (ra_problems){0};
}

static const char *message_of(const ra_problem *p)
{
    return p->message ? p->message : "out of memory";
}

void ra_problems_print(const ra_problems *p, const char *file, FILE *out)
{
    for (size_t i = 0; i < p->n; i++) {
        const ra_problem *v = &p->v[i];
        fputs(file, out);
        if (v->line > 0)
            fprintf(out, ":%d", v->line);
        fputs(": ", out);
        if (v->path && *v->path)
            fprintf(out, "%s: ", v->path);
        fprintf(out, "%s%s\n", v->warning ? "warning: " : "", message_of(v));
    }
    if (p->errors && p->n == 0)
        fprintf(out, "%s: out of memory\n", file);
}

static void print_json_string(const char *s, FILE *out)
{
    fputc('"', out);
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void print_json_problem(const ra_problem *v, const char *file, FILE *out)
{
    fputs("{\"file\":", out);
    print_json_string(file, out);
    fprintf(out, ",\"line\":%d,\"path\":", v->line);
    print_json_string(v->path ? v->path : "", out);
    fputs(",\"message\":", out);
    print_json_string(message_of(v), out);
    fprintf(out, ",\"severity\":\"%s\"}", v->warning ? "warning" : "error");
}

void ra_problems_print_json(const ra_problems *p, const char *file, FILE *out)
{
    static const ra_problem no_memory = {0};
    fputc('[', out);
    for (size_t i = 0; i < p->n; i++) {
        fputs(i ? ",\n " : "", out);
        print_json_problem(&p->v[i], file, out);
    }
    if (p->errors && p->n == 0)
        print_json_problem(&no_memory, file, out);
    fputs("]\n", out);
}
