#include "proxy/dead_letters.h"

#include "cache/buf.h"
#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct ra_dead_letters {
    char *path;
    int fd;
    pthread_mutex_t lock; /* one line after the other */
};

/* Whether a line was begun and not ended. */
static bool cut_short(int fd)
{
    struct stat s;
    char last;
    return fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_size > 0 &&
           pread(fd, &last, 1, s.st_size - 1) == 1 && last != '\n';
}

/* Whether its name is still that of what is open: it may have been moved or deleted, and what was added then
 * would be nowhere to be found. */
static bool still_there(const ra_dead_letters *d)
{
    struct stat is, named;
    return d->fd >= 0 && fstat(d->fd, &is) == 0 && stat(d->path, &named) == 0 && is.st_dev == named.st_dev &&
           is.st_ino == named.st_ino;
}

/* false: errno says why. */
static bool open_file(ra_dead_letters *d)
{
    if (d->fd >= 0)
        close(d->fd);
    d->fd = open(d->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return d->fd >= 0 && ra_file_sync_folder(d->path); /* its name must last too */
}

/* What a failed write has left is ended first. */
static bool end_line(int fd)
{
    return !cut_short(fd) || write(fd, "\n", 1) == 1;
}

ra_dead_letters *ra_dead_letters_open(const char *path, const char **why)
{
    ra_dead_letters *d = calloc(1, sizeof *d);
    *why = "out of memory";
    if (!d)
        return NULL;
    pthread_mutex_init(&d->lock, NULL);
    d->fd = -1;
    d->path = strdup(path);
    if (d->path && open_file(d) && end_line(d->fd))
        return d;
    if (d->path)
        *why = strerror(errno);
    ra_dead_letters_close(d);
    return NULL;
}

void ra_dead_letters_close(ra_dead_letters *d)
{
    if (!d)
        return;
    if (d->fd >= 0)
        close(d->fd);
    free(d->path);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

static void add_time(ra_buf *out, int64_t wall)
{
    time_t s = (time_t)(wall / 1000);
    struct tm t;
    char text[32] = "";
    gmtime_r(&s, &t);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &t);
    ra_buf_addf(out, "\"at\": \"%s\"", text);
}

static void make_line(const ra_dead_letter *l, int64_t wall, ra_buf *out)
{
    ra_buf_add_char(out, '{');
    add_time(out, wall);
    ra_buf_add_z(out, ", \"rule\": ");
    ra_buf_add_json_string(out, ra_bytes_z(l->rule));
    ra_buf_add_z(out, ", \"table\": ");
    ra_buf_add_json_string(out, ra_bytes_z(l->table));
    ra_buf_addf(out, ", \"tries\": %u, \"error\": ", l->tries);
    ra_buf_add_json_string(out, l->error);
    ra_buf_add_z(out, ", \"record\": ");
    size_t from = out->n;
    ra_buf_add_bytes(out, l->record);
    /* Within strings line ends are escaped, so that these stand between tokens. */
    for (size_t i = from; i < out->n; i++) {
        if (out->p[i] == '\n' || out->p[i] == '\r')
            out->p[i] = ' ';
    }
    ra_buf_add_z(out, "}\n");
}

static bool append(int fd, ra_bytes line)
{
    return ra_file_write_all(fd, line.p, line.n) &&
           (fdatasync(fd) == 0 || errno == EINVAL || errno == EROFS); /* a pipe has nothing to sync */
}

bool ra_dead_letters_add(ra_dead_letters *d, const ra_dead_letter *letter, int64_t wall, const char **why)
{
    ra_buf line;
    ra_buf_init(&line, RA_DEAD_LETTER_MAX);
    make_line(letter, wall, &line);
    *why = "out of memory";
    bool ok = ra_buf_ok(&line);
    if (ok) {
        pthread_mutex_lock(&d->lock);
        ok = (still_there(d) || open_file(d)) && end_line(d->fd) && append(d->fd, ra_buf_bytes(&line));
        *why = ok ? NULL : strerror(errno);
        pthread_mutex_unlock(&d->lock);
    }
    ra_buf_free(&line);
    return ok;
}
