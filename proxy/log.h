/* One line on stderr per event: "readaside: warning: …". Threads: any (one write per line). */
#ifndef RA_PROXY_LOG_H
#define RA_PROXY_LOG_H

enum ra_log_level { RA_LOG_INFO, RA_LOG_WARNING, RA_LOG_ERROR };

/* No newline at the end of `format`. A line is cut at 1 KiB; control characters are shown as '?'. */
void ra_log(enum ra_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For a struct reached through a void pointer whose magic number is wrong: memory is corrupt, so nothing may
 * go on. */
_Noreturn void ra_corrupt(const char *what);

#endif
