#include "proxy/access_log.h"

#include "proxy/clock.h"
#include "proxy/log.h"
#include "proxy/log_seldom.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    LOG_MAGIC = 0x61636c67,
    WRITE_MAX = 4096,
    TICK_MS = 100,
    TRY_MS = 1000,
    END_MS = 2000,
    CACHE_LINE = 64
};

/* Bytes of whole lines; positions count all that has ever passed, modulo the size of a size_t. */
typedef struct ring {
    _Alignas(CACHE_LINE) _Atomic size_t head; /* the loop's, as `full` is */
    _Atomic uint64_t full;
    char *bytes;
    _Alignas(CACHE_LINE) _Atomic size_t tail; /* the thread's, as the next two are */
    size_t until;                             /* what is written now goes as far as this */
    size_t seen;                              /* the head, when it was last looked at */
    size_t mark;                              /* under the mutex: where the next file's lines begin */
} ring;

struct ra_access_file {
    int fd; /* -1: a FIFO that nobody reads */
    char *path;
};

struct ra_access_log {
    uint32_t magic;
    unsigned nrings;
    ring *rings;
    int wake; /* an eventfd; -1 before it is prepared, and then there is no thread */
    pthread_t thread;
    atomic_bool ending;
    _Atomic uint64_t written, failed;
    pthread_mutex_t mutex; /* of the next two, and of rings' marks */
    ra_access_file *next;  /* takes the place of the one that there is; NULL: none does */
    bool off;              /* and after that there is none any more */
    /* the thread's own */
    ra_access_file *file;
    size_t from, at, n; /* of `pending`: where its lines begin, what is written, its end */
    bool torn;          /* the file ends within a line */
    int64_t tried;      /* to open it: monotonic, ms */
    uint64_t full_seen;
    ra_seldom said_failed, said_full;
    char pending[WRITE_MAX];
};

/* ---- files ---- */

static int open_path(const char *path)
{
    if (strcmp(path, "-") == 0)
        return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
}

ra_access_file *ra_access_file_open(const char *path, char why[RA_ACCESS_WHY_MAX])
{
    ra_access_file *f = calloc(1, sizeof *f);
    char *copy = strdup(path);
    int fd = f && copy ? open_path(path) : -1, error = f && copy ? errno : ENOMEM;
    if (f && copy && (fd >= 0 || error == ENXIO)) {
        *f = (ra_access_file){.fd = fd, .path = copy};
        return f;
    }
    snprintf(why, RA_ACCESS_WHY_MAX, "it can't be opened for writing: %s", strerror(error));
    free(copy);
    free(f);
    return NULL;
}

void ra_access_file_close(ra_access_file *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    free(f);
}

/* ---- rings ---- */

static void wake(const ra_access_log *log)
{
    uint64_t one = 1;
    ssize_t ignored = write(log->wake, &one, sizeof one);
    (void)ignored; /* it can only fail where the thread has been woken already */
}

void ra_access_log_put(ra_access_log *log, unsigned loop, const char *line, size_t n)
{
    ring *r = &log->rings[loop];
    size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    size_t used = head - atomic_load_explicit(&r->tail, memory_order_acquire);
    if (n > RA_ACCESS_RING - used) {
        atomic_fetch_add_explicit(&r->full, 1, memory_order_relaxed);
        return;
    }
    size_t at = head % RA_ACCESS_RING, first = RA_ACCESS_RING - at < n ? RA_ACCESS_RING - at : n;
    memcpy(r->bytes + at, line, first);
    memcpy(r->bytes, line + first, n - first);
    atomic_store_explicit(&r->head, head + n, memory_order_release);
    if (used < RA_ACCESS_RING / 2 && used + n >= RA_ACCESS_RING / 2)
        wake(log); /* else its next tick is soon enough */
}

/* As many whole lines as fit into `most` bytes. */
static size_t take(ring *r, char *out, size_t most)
{
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    size_t used = r->until - tail, n = used < most ? used : most;
    if (n == 0)
        return 0;
    size_t at = tail % RA_ACCESS_RING, first = RA_ACCESS_RING - at < n ? RA_ACCESS_RING - at : n;
    memcpy(out, r->bytes + at, first);
    memcpy(out + first, r->bytes, n - first);
    const char *end = memrchr(out, '\n', n);
    n = end ? (size_t)(end + 1 - out) : 0;
    atomic_store_explicit(&r->tail, tail + n, memory_order_release);
    return n;
}

/* ---- the thread: writing ---- */

static uint64_t lines_in(const char *p, const char *end)
{
    uint64_t n = 0;
    for (; p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
        n++;
    return n;
}

/* What has been written of what is pending counts, the rest is lost. */
static void settle(ra_access_log *log)
{
    size_t at = log->at > log->from ? log->at : log->from;
    uint64_t all = lines_in(log->pending + log->from, log->pending + log->n);
    uint64_t done = lines_in(log->pending + log->from, log->pending + at);
    atomic_fetch_add_explicit(&log->written, done, memory_order_relaxed);
    atomic_fetch_add_explicit(&log->failed, all - done, memory_order_relaxed);
    if (log->at)
        log->torn = log->pending[log->at - 1] != '\n';
    log->from = log->at = log->n = 0;
}

static void say_failed(ra_access_log *log, int error)
{
    unsigned long times = ra_seldom_say(&log->said_failed, ra_clock_monotonic());
    if (times)
        ra_log(RA_LOG_WARNING, "access_log: can't write to %s (%lu times): %s", log->file->path, times,
               strerror(error));
}

static bool is_stdout(const ra_access_file *f)
{
    return strcmp(f->path, "-") == 0;
}

static void write_failed(ra_access_log *log, int error)
{
    say_failed(log, error);
    settle(log);
    if (error != EPIPE || is_stdout(log->file))
        return;
    close(log->file->fd);
    log->file->fd = -1;
    log->torn = false;
}

/* Standard output may be in no way to be asked without waiting but this. */
static bool would_wait(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 0;
}

/* false: what is pending can't be written now. */
static bool write_pending(ra_access_log *log)
{
    while (log->at < log->n) {
        if (would_wait(log->file->fd))
            return false;
        ssize_t n = write(log->file->fd, log->pending + log->at, log->n - log->at);
        if (n > 0)
            log->at += (size_t)n;
        else if (n < 0 && errno == EAGAIN)
            return false;
        else if (n == 0 || errno != EINTR) {
            write_failed(log, n == 0 ? EIO : errno);
            return true;
        }
    }
    settle(log);
    return true;
}

static bool has_file(ra_access_log *log)
{
    ra_access_file *f = log->file;
    if (!f || f->fd >= 0)
        return f != NULL;
    int64_t now = ra_clock_monotonic();
    if (now - log->tried < TRY_MS)
        return false;
    log->tried = now;
    f->fd = open_path(f->path);
    if (f->fd < 0 && errno != ENXIO)
        say_failed(log, errno);
    return f->fd >= 0;
}

/* Of one ring, up to its `until`. false: as above. */
static bool write_ring(ra_access_log *log, ring *r)
{
    for (;;) {
        if (!has_file(log))
            return false;
        log->from = log->torn;
        log->pending[0] = '\n';
        size_t n = take(r, log->pending + log->from, WRITE_MAX - log->from);
        if (n == 0) {
            log->from = 0;
            return true;
        }
        log->n = log->from + n;
        if (!write_pending(log))
            return false;
    }
}

static bool write_all(ra_access_log *log)
{
    if (log->n && (!has_file(log) || !write_pending(log)))
        return false;
    for (unsigned i = 0; i < log->nrings; i++)
        if (!write_ring(log, &log->rings[i]))
            return false;
    return true;
}

/* Nobody will write what is there. */
static void drop_all(ra_access_log *log)
{
    if (log->n)
        settle(log);
    for (unsigned i = 0; i < log->nrings; i++)
        while ((log->n = take(&log->rings[i], log->pending, WRITE_MAX)) > 0)
            settle(log);
}

/* ---- the thread ---- */

/* What was put before the change goes to the one before, as far as that can be done. */
static void replace_file(ra_access_log *log, ra_access_file *file_take)
{
    write_all(log);
    if (log->at > log->from) /* a part of it stands there */
        settle(log);
    log->at = log->from; /* and no line that has to be ended in the new one */
    ra_access_file_close(log->file);
    log->file = file_take;
    log->torn = false;
    log->tried = ra_clock_monotonic() - TRY_MS;
}

/* Heads are read under the mutex: what a ring has by now was put before any change that isn't seen here. */
static void change_file(ra_access_log *log)
{
    pthread_mutex_lock(&log->mutex);
    bool off = log->off;
    ra_access_file *next = log->next;
    for (unsigned i = 0; i < log->nrings; i++) {
        ring *r = &log->rings[i];
        r->seen = atomic_load_explicit(&r->head, memory_order_acquire);
        r->until = next ? r->mark : r->seen;
    }
    log->next = NULL;
    log->off = false;
    pthread_mutex_unlock(&log->mutex);
    if (next)
        replace_file(log, next);
    for (unsigned i = 0; i < log->nrings; i++)
        log->rings[i].until = log->rings[i].seen;
    if (!off)
        return;
    replace_file(log, NULL);
    drop_all(log);
}

static void say_full(ra_access_log *log)
{
    ra_access_stats s;
    ra_access_log_get_stats(log, &s);
    if (s.full == log->full_seen)
        return;
    log->full_seen = s.full;
    if (ra_seldom_say(&log->said_full, ra_clock_monotonic()))
        ra_log(RA_LOG_WARNING, "access_log: lines come faster than they can be written: %" PRIu64 " dropped",
               s.full);
}

static void wait_for_work(const ra_access_log *log, bool blocked)
{
    bool for_file = blocked && log->file && log->file->fd >= 0;
    struct pollfd p[] = {{.fd = log->wake, .events = POLLIN},
                         {.fd = for_file ? log->file->fd : -1, .events = POLLOUT}};
    uint64_t count;
    if (poll(p, 2, log->file ? TICK_MS : -1) > 0 && p[0].revents) {
        ssize_t ignored = read(log->wake, &count, sizeof count);
        (void)ignored;
    }
}

static void *run(void *arg)
{
    ra_access_log *log = arg;
    if (log->magic != LOG_MAGIC)
        ra_corrupt("access log");
    for (;;) {
        bool ending = atomic_load(&log->ending); /* before: what was put by then is written */
        change_file(log);
        bool blocked = !write_all(log);
        say_full(log);
        if (ending)
            break;
        wait_for_work(log, blocked);
    }
    drop_all(log);
    return NULL;
}

/* ---- beginning and end ---- */

ra_access_log *ra_access_log_new(unsigned loops)
{
    ra_access_log *log = calloc(1, sizeof *log);
    ring *rings = aligned_alloc(CACHE_LINE, loops * sizeof *rings);
    if (!log || !rings) {
        free(log);
        free(rings);
        return NULL;
    }
    memset(rings, 0, loops * sizeof *rings);
    log->magic = LOG_MAGIC;
    log->nrings = loops;
    log->rings = rings;
    log->wake = -1;
    log->tried = -TRY_MS;
    pthread_mutex_init(&log->mutex, NULL);
    return log;
}

/* With all signals blocked: they are others' to take. */
static bool start(ra_access_log *log)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = pthread_create(&log->thread, NULL, run, log) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

bool ra_access_log_prepare(ra_access_log *log)
{
    if (log->wake >= 0)
        return true;
    bool ok = true;
    for (unsigned i = 0; i < log->nrings; i++) {
        if (!log->rings[i].bytes)
            log->rings[i].bytes = malloc(RA_ACCESS_RING);
        ok = ok && log->rings[i].bytes;
    }
    log->wake = ok ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (log->wake >= 0 && start(log))
        return true;
    if (log->wake >= 0)
        close(log->wake);
    log->wake = -1;
    return false;
}

/* Of two changes that the thread sees as one, the first says where the old file's lines end. */
void ra_access_log_use(ra_access_log *log, ra_access_file *file_take)
{
    pthread_mutex_lock(&log->mutex);
    for (unsigned i = 0; i < log->nrings && file_take && !log->next; i++)
        log->rings[i].mark = atomic_load_explicit(&log->rings[i].head, memory_order_acquire);
    ra_access_file *unused = file_take ? log->next : NULL;
    if (file_take)
        log->next = file_take;
    log->off = !file_take;
    pthread_mutex_unlock(&log->mutex);
    ra_access_file_close(unused);
    if (log->wake >= 0)
        wake(log);
}

/* false: it is in a write that doesn't come back, on a disk that hangs. */
static bool stop(ra_access_log *log)
{
    struct timespec until;
    atomic_store(&log->ending, true);
    wake(log);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += END_MS / 1000;
    return pthread_timedjoin_np(log->thread, NULL, &until) == 0;
}

void ra_access_log_free(ra_access_log *log)
{
    if (!log)
        return;
    if (log->wake >= 0 && !stop(log)) {
        ra_log(RA_LOG_WARNING, "access_log: a write hangs, and is left to the end of the process");
        return;
    }
    ra_access_file_close(log->next);
    ra_access_file_close(log->file);
    if (log->wake >= 0)
        close(log->wake);
    for (unsigned i = 0; i < log->nrings; i++)
        free(log->rings[i].bytes);
    free(log->rings);
    pthread_mutex_destroy(&log->mutex);
    log->magic = 0;
    free(log);
}

void ra_access_log_get_stats(const ra_access_log *log, ra_access_stats *out)
{
    *out = (ra_access_stats){.written = atomic_load_explicit(&log->written, memory_order_relaxed),
                             .failed = atomic_load_explicit(&log->failed, memory_order_relaxed)};
    for (unsigned i = 0; i < log->nrings; i++)
        out->full += atomic_load_explicit(&log->rings[i].full, memory_order_relaxed);
}
