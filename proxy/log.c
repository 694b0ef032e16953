#include "proxy/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };

void ra_log(enum ra_log_level level, const char *format, ...)
{
    static const char *const word[] = {"", "warning: ", "error: "};
    char line[LINE_MAX_BYTES];
    int head = snprintf(line, sizeof line, "readaside: %s", word[level]);
    va_list args;
    va_start(args, format);
    int body = vsnprintf(line + head, sizeof line - (size_t)head, format, args);
    va_end(args);
    if (body < 0)
        return;
    size_t n = (size_t)head + (size_t)body;
    if (n > sizeof line - 1)
        n = sizeof line - 1;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    line[n] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, n + 1);
    (void)ignored; /* nowhere is left to say it */
}

_Noreturn void ra_corrupt(const char *what)
{
    ra_log(RA_LOG_ERROR, "%s: wrong magic number, memory is corrupt", what);
    abort();
}
