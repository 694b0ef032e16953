#include "proxy/cli_top_page.h"

#include "proxy/text_cell.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Looks are the bytes from 1 on to this one. */
enum { LAST_LOOK = 5 };

void ra_top_page_begin(ra_top_page *p, ra_buf *out)
{
    p->lines = 0;
    p->out = out;
    ra_buf_init(&p->line, RA_TOP_LINE_MAX);
}

void ra_top_page_end(ra_top_page *p)
{
    ra_buf_free(&p->line);
}

size_t ra_top_lines_left(const ra_top_page *p)
{
    return p->height == 0 ? SIZE_MAX : p->height > p->lines ? p->height - p->lines : 0;
}

/* The bytes before the next look. */
static size_t run_of(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && !(text[i] > 0 && text[i] <= LAST_LOOK))
        i++;
    return i;
}

static void put_look(ra_top_page *p, char look)
{
    static const char *const codes[LAST_LOOK + 1] = {"",         "\033[0m",  "\033[1m",
                                                     "\033[31m", "\033[36m", "\033[2m"};
    if (!p->colour)
        return;
    if (look != *RA_LOOK_PLAIN)
        ra_buf_add_z(p->out, codes[(int)*RA_LOOK_PLAIN]); /* looks don't add up */
    ra_buf_add_z(p->out, codes[(int)look]);
}

/* What isn't ASCII is a question mark each where the locale has nothing else. */
static void put(ra_top_page *p, const char *text, size_t n)
{
    for (size_t i = 0; i < n && !p->utf8; i++) {
        bool ascii = (unsigned char)text[i] < 0x80;
        if (ascii || ((unsigned char)text[i] & 0xc0) == 0xc0)
            ra_buf_add(p->out, ascii ? &text[i] : "?", 1);
    }
    if (p->utf8)
        ra_buf_add(p->out, text, n);
}

void ra_top_line(ra_top_page *p)
{
    size_t left = p->width ? p->width : SIZE_MAX, at = 0;
    bool room = ra_top_lines_left(p) > 0, dressed = false;
    while (room && at < p->line.n) {
        size_t width = 0, n = run_of(p->line.p + at, p->line.n - at);
        size_t fit = ra_text_cell_fit((ra_bytes){p->line.p + at, n}, left, &width);
        put(p, p->line.p + at, fit);
        left -= width;
        at += n;
        if (fit < n)
            break;
        if (at < p->line.n) {
            dressed = p->line.p[at] != *RA_LOOK_PLAIN;
            put_look(p, p->line.p[at++]);
        }
    }
    if (room) {
        if (dressed)
            put_look(p, *RA_LOOK_PLAIN);
        ra_buf_add_char(p->out, '\n');
        p->lines++;
    }
    if (!ra_buf_ok(&p->line))
        p->out->failed = true;
    ra_buf_clear(&p->line);
}

void ra_top_add(ra_top_page *p, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ra_buf_add_z(&p->line, text);
}

static size_t width_of(const ra_buf *line)
{
    size_t width = 0;
    for (size_t at = 0; at < line->n; at++) {
        size_t n = run_of(line->p + at, line->n - at);
        width += ra_text_cell_width((ra_bytes){line->p + at, n});
        at += n;
    }
    return width;
}

void ra_top_pad(ra_top_page *p, size_t column)
{
    for (size_t width = width_of(&p->line); width < column; width++)
        ra_buf_add_char(&p->line, ' ');
}

void ra_top_add_text(ra_top_page *p, const char *text, size_t column)
{
    ra_buf cell;
    ra_buf_init(&cell, RA_TOP_LINE_MAX);
    if (!ra_text_cell_add(ra_bytes_z(text ? text : "-"), &cell))
        p->out->failed = true;
    size_t width = ra_text_cell_width(ra_buf_bytes(&cell)), n = cell.n;
    if (column && p->width && width > column)
        n = ra_text_cell_fit(ra_buf_bytes(&cell), column, &width);
    ra_buf_add(&p->line, cell.p, n);
    for (; width < column; width++)
        ra_buf_add_char(&p->line, ' ');
    ra_buf_free(&cell);
}

void ra_top_add_curve(ra_top_page *p, const double *v, size_t n, double most)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    bool given = most > 0;
    if (!p->utf8)
        return;
    for (size_t i = 0; i < n && !given; i++)
        most = fmax(most, v[i]); /* of a number and none it is the number */
    ra_buf_add_z(&p->line, RA_LOOK_CURVE);
    for (size_t i = 0; i < n; i++) {
        double part = isnan(v[i]) || !(most > 0) ? 0 : v[i] / most;
        int bar = (int)lround(part * 7);
        ra_buf_add_z(&p->line, isnan(v[i]) ? " " : bars[bar < 0 ? 0 : bar > 7 ? 7 : bar]);
    }
    ra_buf_add_z(&p->line, RA_LOOK_PLAIN);
}

/* ---- numbers ---- */

static const char *print(char out[RA_TOP_NUMBER_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static const char *print(char out[RA_TOP_NUMBER_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(out, RA_TOP_NUMBER_MAX, format, args);
    va_end(args);
    return out;
}

/* Three digits that count. */
static int digits_of(double x)
{
    double size = fabs(x);
    return size == 0 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
}

const char *ra_top_number(double x, char out[RA_TOP_NUMBER_MAX])
{
    static const struct {
        double unit;
        char name;
    } units[] = {{1e12, 'T'}, {1e9, 'G'}, {1e6, 'M'}, {1e3, 'k'}};
    if (!isfinite(x))
        return print(out, "-");
    for (size_t i = 0; fabs(x) >= 9999.5 && i < sizeof units / sizeof *units; i++)
        if (fabs(x) >= units[i].unit)
            return print(out, "%.*f%c", digits_of(x / units[i].unit), x / units[i].unit, units[i].name);
    return print(out, "%.*f", digits_of(x), x);
}

const char *ra_top_whole(double x, char out[RA_TOP_NUMBER_MAX])
{
    return x >= 0 && x < 1e7 ? print(out, "%.0f", x) : ra_top_number(x, out);
}

const char *ra_top_percent(double x, char out[RA_TOP_NUMBER_MAX])
{
    return isfinite(x) ? print(out, "%.1f%%", 100 * x) : print(out, "-");
}

const char *ra_top_bytes(double x, char out[RA_TOP_NUMBER_MAX])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t i = 0;
    for (; x >= 1024 && i + 1 < sizeof units / sizeof *units; i++)
        x /= 1024;
    return isfinite(x) ? print(out, "%.*f %s", i ? digits_of(x) : 0, x, units[i]) : print(out, "-");
}

const char *ra_top_ms(double us, char out[RA_TOP_NUMBER_MAX])
{
    return us < 100 && us > 0 ? print(out, "%.3f", us / 1000) : ra_top_number(us / 1000, out);
}

const char *ra_top_duration(double ms, char out[RA_TOP_NUMBER_MAX])
{
    if (!isfinite(ms))
        return print(out, "-");
    if (ms < 1000)
        return print(out, "%.0f ms", ms);
    if (ms < 100 * 1000)
        return print(out, "%.*f s", ms < 10 * 1000 ? 1 : 0, ms / 1000);
    double minutes = floor(ms / 60000), hours = floor(minutes / 60), days = floor(hours / 24);
    if (days >= 1)
        return print(out, "%.0f d %.0f h", days, hours - 24 * days);
    return hours >= 1 ? print(out, "%.0f h %.0f min", hours, minutes - 60 * hours)
                      : print(out, "%.0f min", minutes);
}

const char *ra_top_clock(double at, char out[RA_TOP_NUMBER_MAX])
{
    struct tm t;
    time_t seconds = at > 0 && at < 1e15 ? (time_t)(at / 1000) : 0;
    if (!localtime_r(&seconds, &t) || strftime(out, RA_TOP_NUMBER_MAX, "%H:%M:%S", &t) == 0)
        return print(out, "-");
    return out;
}
