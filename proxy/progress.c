#include "proxy/progress.h"

#include <stdarg.h>

enum { TERMINAL_EVERY = 100, LOG_EVERY = 5000 };

void ra_progress_begin(ra_progress *p, FILE *out, bool terminal, int64_t now)
{
    *p = (ra_progress){.out = out, .terminal = terminal, .since = terminal ? now - TERMINAL_EVERY : now};
}

bool ra_progress_due(const ra_progress *p, int64_t now)
{
    return now - p->since >= (p->terminal ? TERMINAL_EVERY : LOG_EVERY);
}

void ra_progress_say(ra_progress *p, int64_t now, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (p->terminal)
        fputs("\r\033[K", p->out);
    vfprintf(p->out, format, args);
    if (!p->terminal)
        fputc('\n', p->out);
    fflush(p->out);
    va_end(args);
    p->shown = p->terminal;
    p->since = now;
}

void ra_progress_end(ra_progress *p)
{
    if (p->shown)
        fputs("\r\033[K", p->out);
    p->shown = false;
    fflush(p->out);
}
