/*
 * A terminal that is drawn on in place: the alternate screen, keys as they are pressed, its size. What it was
 * like before comes back with _leave, which also signals lead to: they are read, not handled.
 *
 * Without a terminal there are signals all the same, and time. Threads: main's only; one at a time.
 */
#ifndef RA_PROXY_CLI_TOP_SCREEN_H
#define RA_PROXY_CLI_TOP_SCREEN_H

#include "cache/buf.h"

#include <stdint.h>
#include <termios.h>

enum ra_screen_event {
    RA_SCREEN_TIME, /* it is over */
    RA_SCREEN_DRAW, /* the size has changed, or the screen was another's meanwhile */
    RA_SCREEN_END   /* q, or a signal that ends: SIGINT, SIGTERM, SIGHUP */
};

typedef struct ra_screen {
    bool terminal; /* stdout is one that knows ANSI's escapes */
    bool keys;     /* stdin is one too */
    bool entered, ended;
    int signals, both; /* signalfd; epoll of it and of stdin */
    struct termios before;
} ra_screen;

/* Blocks the signals; nothing is drawn yet. false: it can't be had. Ended by _leave in any case. */
bool ra_screen_open(ra_screen *s);
void ra_screen_leave(ra_screen *s);
/* Becomes readable when something is to be waited for: what takes long may end early by it. */
int ra_screen_fd(const ra_screen *s);

/* Columns and lines; 0: not a terminal. */
void ra_screen_size(const ra_screen *s, size_t *width, size_t *height);
/* Writes the lines over what is there. false: the terminal is gone. */
bool ra_screen_draw(ra_screen *s, ra_bytes lines);
/* Up to `ms`. An end stays one. */
enum ra_screen_event ra_screen_wait(ra_screen *s, int64_t ms);

#endif
