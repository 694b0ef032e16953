#include "proxy/cli_top_screen.h"

#include "proxy/clock.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* The alternate screen without a cursor; and back. */
static const char enter_codes[] = "\033[?1049h\033[?25l\033[2J";
static const char leave_codes[] = "\033[0m\033[?25h\033[?1049l";

static bool is_ansi(void)
{
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

static bool add(int epoll, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

bool ra_screen_open(ra_screen *s)
{
    static const int taken[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP};
    sigset_t set;
    *s = (ra_screen){.terminal = is_ansi(), .signals = -1, .both = -1};
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        sigaddset(&set, taken[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return false;
    s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    s->both = epoll_create1(EPOLL_CLOEXEC);
    if (s->signals < 0 || s->both < 0 || !add(s->both, s->signals))
        return false;
    s->keys = s->terminal && tcgetattr(STDIN_FILENO, &s->before) == 0 && add(s->both, STDIN_FILENO);
    return true;
}

int ra_screen_fd(const ra_screen *s)
{
    return s->both;
}

static void write_all(const char *p, size_t n)
{
    fwrite(p, 1, n, stdout);
    fflush(stdout);
}

static void enter(ra_screen *s)
{
    if (s->entered || !s->terminal)
        return;
    s->entered = true;
    if (s->keys) {
        struct termios raw = s->before;
        raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO); /* ^C stays a signal */
        raw.c_cc[VMIN] = 0;
        raw.c_cc[VTIME] = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    write_all(enter_codes, sizeof enter_codes - 1);
}

static void restore(ra_screen *s)
{
    if (!s->entered)
        return;
    s->entered = false;
    write_all(leave_codes, sizeof leave_codes - 1);
    if (s->keys)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &s->before);
}

void ra_screen_leave(ra_screen *s)
{
    restore(s);
    if (s->signals >= 0)
        close(s->signals);
    if (s->both >= 0)
        close(s->both);
    s->signals = s->both = -1;
}

void ra_screen_size(const ra_screen *s, size_t *width, size_t *height)
{
    struct winsize size = {0};
    bool told = s->terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row;
    *width = !s->terminal ? 0 : told ? size.ws_col : 80;
    *height = !s->terminal ? 0 : told ? size.ws_row : 24;
}

bool ra_screen_draw(ra_screen *s, ra_bytes lines)
{
    enter(s);
    fputs("\033[H", stdout);
    for (size_t at = 0; at < lines.n;) {
        const char *end = memchr(lines.p + at, '\n', lines.n - at);
        size_t n = end ? (size_t)(end - lines.p) - at : lines.n - at;
        fwrite(lines.p + at, 1, n, stdout);
        at += n + 1;
        fputs(at < lines.n ? "\033[K\r\n" : "\033[K", stdout); /* after the last one nothing may scroll */
    }
    fputs("\033[J", stdout);
    return fflush(stdout) == 0;
}

/* Stopped as ^Z does it, with the screen as it was; goes on when it is continued. */
static void stop(ra_screen *s)
{
    restore(s);
    raise(SIGSTOP);
}

static enum ra_screen_event take_signal(ra_screen *s)
{
    struct signalfd_siginfo got;
    enum ra_screen_event e = RA_SCREEN_TIME;
    while (read(s->signals, &got, sizeof got) == (ssize_t)sizeof got) {
        if (got.ssi_signo == SIGTSTP)
            stop(s);
        else if (got.ssi_signo != SIGWINCH)
            s->ended = true;
        e = RA_SCREEN_DRAW;
    }
    return e;
}

static void take_keys(ra_screen *s)
{
    char keys[64];
    ssize_t n = read(STDIN_FILENO, keys, sizeof keys);
    if (n <= 0) { /* it has been hung up */
        s->ended = true;
        return;
    }
    for (ssize_t i = 0; i < n; i++)
        s->ended = s->ended || keys[i] == 'q' || keys[i] == 'Q';
}

enum ra_screen_event ra_screen_wait(ra_screen *s, int64_t ms)
{
    int64_t until = ra_clock_monotonic() + ms;
    for (;;) {
        struct epoll_event e[2];
        int64_t left = until - ra_clock_monotonic();
        int n = epoll_wait(s->both, e, 2, left > 0 ? (int)left : 0);
        bool draw = false;
        for (int i = 0; i < n; i++) {
            if (e[i].data.fd == s->signals)
                draw = take_signal(s) == RA_SCREEN_DRAW || draw;
            else
                take_keys(s);
        }
        if (s->ended)
            return RA_SCREEN_END;
        if (draw)
            return RA_SCREEN_DRAW;
        if (left <= 0)
            return RA_SCREEN_TIME;
    }
}
