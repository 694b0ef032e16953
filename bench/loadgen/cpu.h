/* How much CPU time a process has used, from /proc. Any thread. */
#ifndef RA_BENCH_LOADGEN_CPU_H
#define RA_BENCH_LOADGEN_CPU_H

#include <stdbool.h>

/* User and system time of all its threads so far, in seconds. false: there is no such process. */
bool ra_cpu_of_process(int pid, double *seconds);
/* The same, from the text of its /proc/PID/stat. */
bool ra_cpu_parse(const char *stat, long ticks_per_second, double *seconds);

#endif
