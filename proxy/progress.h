/*
 * How far a command has come, on stderr: one line that is written over on a terminal, else a line every few
 * seconds. Time is passed in. Threads: one.
 */
#ifndef RA_PROXY_PROGRESS_H
#define RA_PROXY_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct ra_progress {
    FILE *out;
    bool terminal;
    bool shown;    /* a line that a terminal still shows */
    int64_t since; /* of the newest line */
} ra_progress;

void ra_progress_begin(ra_progress *p, FILE *out, bool terminal, int64_t now);
/* Is it time for a line? (Ten a second on a terminal, else one every 5 s, the first after 5 s.) */
bool ra_progress_due(const ra_progress *p, int64_t now);
void ra_progress_say(ra_progress *p, int64_t now, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Clears the terminal's line, so that what follows stands alone. */
void ra_progress_end(ra_progress *p);

#endif
