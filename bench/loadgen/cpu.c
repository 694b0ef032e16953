#include "bench/loadgen/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UTIME_FIELD = 14, STATE_FIELD = 3 };

/* The second field is the program's name in parentheses, which may itself hold any of both. */
bool ra_cpu_parse(const char *stat, long ticks_per_second, double *seconds)
{
    const char *p = strrchr(stat, ')');
    char *end;
    if (!p)
        return false;
    p += 1;
    for (int field = STATE_FIELD; field < UTIME_FIELD; field++) {
        p += strspn(p, " ");
        p += strcspn(p, " ");
    }
    unsigned long long user = strtoull(p, &end, 10);
    if (end == p)
        return false;
    p = end;
    unsigned long long system = strtoull(p, &end, 10);
    if (end == p)
        return false;
    *seconds = (double)(user + system) / (double)ticks_per_second;
    return true;
}

bool ra_cpu_of_process(int pid, double *seconds)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    return ra_cpu_parse(text, sysconf(_SC_CLK_TCK), seconds);
}
