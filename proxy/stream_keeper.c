#include "proxy/stream_keeper.h"

#include "cache/buf.h"
#include "proxy/clock.h"
#include "proxy/log.h"
#include "proxy/stream_keeper_file.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    MAGIC = 0x736b6570,
    BUSY = 200,   /* ms between two writes of the file while positions move */
    IDLE = 10000, /* and while only time goes by */
    NOTES_MAX = 200 * 1000
};

static const int64_t WEEK = INT64_C(7) * 24 * 3600 * 1000;

/* Invariants: v[0, n) is sorted by stream, then shard. All but `path`, `lock_fd` and `keeper` is guarded by
 * the mutex. */
struct ra_stream_file {
    unsigned magic;
    char *path; /* NULL: memory alone */
    int lock_fd;
    ra_stream_keeper keeper;
    pthread_mutex_t mutex;
    ra_stream_note *v;
    size_t n, size;
    bool moved;      /* a position isn't in the file yet */
    bool aged;       /* or only a time */
    bool failing;    /* and the log has been told */
    int64_t written; /* when it was written last, monotonic */
};

static ra_stream_file *checked(void *p)
{
    ra_stream_file *f = p;
    if (!f || f->magic != MAGIC)
        ra_corrupt("file of streams' positions");
    return f;
}

/* ---- notes ---- */

static size_t place_of(const ra_stream_file *f, const char *stream, const char *shard, bool *found)
{
    size_t low = 0, high = f->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(f->v[middle].stream, stream);
        if (order == 0)
            order = strcmp(f->v[middle].shard, shard);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low < f->n && strcmp(f->v[low].stream, stream) == 0 && strcmp(f->v[low].shard, shard) == 0;
    return low;
}

/* The shard's note, made when there is none. NULL: no memory, or too many. */
static ra_stream_note *take_note(ra_stream_file *f, const char *stream, const char *shard)
{
    bool found;
    size_t at = place_of(f, stream, shard, &found);
    if (found)
        return &f->v[at];
    if (f->n == NOTES_MAX)
        return NULL;
    if (f->n == f->size) {
        size_t size = f->size ? f->size * 2 : 16;
        ra_stream_note *v = realloc(f->v, size * sizeof *v);
        if (!v)
            return NULL;
        f->v = v;
        f->size = size;
    }
    ra_stream_note note = {.stream = strdup(stream)};
    if (!note.stream)
        return NULL;
    memcpy(note.shard, shard, strlen(shard) + 1);
    memmove(f->v + at + 1, f->v + at, (f->n - at) * sizeof *f->v);
    f->v[at] = note;
    f->n++;
    return &f->v[at];
}

static bool keep(void *arg, const ra_stream_note *read)
{
    ra_stream_note *n = take_note(arg, read->stream, read->shard);
    if (!n)
        return false;
    memcpy(n->handled, read->handled, sizeof n->handled);
    n->finished = read->finished;
    n->drained_ms = read->drained_ms;
    n->at = read->at;
    return true;
}

/* Notes that are a week old: what they are about is gone for days. */
static void forget_old(ra_stream_file *f)
{
    int64_t oldest = ra_clock_wall() - WEEK;
    size_t kept = 0;
    for (size_t i = 0; i < f->n; i++) {
        if (f->v[i].at < oldest)
            free(f->v[i].stream);
        else
            f->v[kept++] = f->v[i];
    }
    f->n = kept;
}

/* ---- writing ---- */

static bool write_now(ra_stream_file *f, char why[RA_STREAM_FILE_WHY_MAX])
{
    if (!f->moved && !f->aged)
        return true;
    f->written = ra_clock_monotonic();
    forget_old(f);
    bool ok = !f->path || ra_stream_notes_write(f->path, f->v, f->n, why);
    if (ok)
        f->moved = f->aged = false;
    return ok;
}

/* What can't be written is tried again; until then a crash makes more records come twice. */
static void write_if_due(ra_stream_file *f)
{
    char why[RA_STREAM_FILE_WHY_MAX] = "";
    int64_t since = ra_clock_monotonic() - f->written;
    if (!(f->moved && since >= BUSY) && !(f->aged && since >= IDLE))
        return;
    bool ok = write_now(f, why);
    if (!ok && !f->failing)
        ra_log(RA_LOG_ERROR, "%s; positions are kept in memory until it can be written", why);
    if (ok && f->failing)
        ra_log(RA_LOG_INFO, "%s can be written again", f->path);
    f->failing = !ok;
}

/* ---- the keeper ---- */

static enum ra_keeper_step hold(void *arg, const char *stream, ra_shard *shard)
{
    ra_stream_file *f = checked(arg);
    bool found;
    pthread_mutex_lock(&f->mutex);
    size_t at = place_of(f, stream, shard->id, &found);
    if (found) {
        memcpy(shard->handled, f->v[at].handled, sizeof shard->handled);
        shard->finished = f->v[at].finished;
        shard->drained_ms = f->v[at].drained_ms;
    }
    write_if_due(f);
    pthread_mutex_unlock(&f->mutex);
    return RA_KEEPER_HELD;
}

static bool note(void *arg, const char *stream, const ra_shard *shard)
{
    ra_stream_file *f = checked(arg);
    pthread_mutex_lock(&f->mutex);
    ra_stream_note *n = take_note(f, stream, shard->id);
    if (n) {
        f->moved |= strcmp(n->handled, shard->handled) != 0 || n->finished != shard->finished || n->at == 0;
        f->aged |= n->drained_ms != shard->drained_ms;
        memcpy(n->handled, shard->handled, sizeof n->handled);
        n->finished = shard->finished;
        n->drained_ms = shard->drained_ms;
        n->at = ra_clock_wall();
        write_if_due(f);
    }
    pthread_mutex_unlock(&f->mutex);
    return n != NULL;
}

static void release(void *arg, const char *stream, const ra_shard *shard)
{
    (void)stream;
    (void)shard;
    checked(arg); /* nobody else is let in before the file is closed */
}

/* ---- opening and closing ---- */

static void free_all(ra_stream_file *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->v[i].stream);
    free(f->v);
    free(f->path);
    ra_stream_notes_unlock(f->lock_fd);
    pthread_mutex_destroy(&f->mutex);
    f->magic = 0;
    free(f);
}

ra_stream_file *ra_stream_file_open(const char *path, char why[RA_STREAM_FILE_WHY_MAX])
{
    ra_stream_file *f = calloc(1, sizeof *f);
    memcpy(why, "out of memory", sizeof "out of memory");
    if (!f)
        return NULL;
    f->magic = MAGIC;
    f->lock_fd = -1;
    f->keeper = (ra_stream_keeper){.hold = hold, .note = note, .release = release, .arg = f};
    f->path = path ? strdup(path) : NULL;
    pthread_mutex_init(&f->mutex, NULL);
    if (!path || (f->path && (f->lock_fd = ra_stream_notes_lock(path, why)) >= 0 &&
                  ra_stream_notes_read(path, keep, f, why)))
        return f;
    free_all(f);
    return NULL;
}

const ra_stream_keeper *ra_stream_file_keeper(const ra_stream_file *f)
{
    return &f->keeper;
}

bool ra_stream_file_flush(ra_stream_file *f, char why[RA_STREAM_FILE_WHY_MAX])
{
    pthread_mutex_lock(&f->mutex);
    bool ok = write_now(f, why);
    pthread_mutex_unlock(&f->mutex);
    return ok;
}

bool ra_stream_file_close(ra_stream_file *f)
{
    char why[RA_STREAM_FILE_WHY_MAX] = "";
    if (!f)
        return true;
    bool ok = ra_stream_file_flush(f, why);
    if (!ok)
        ra_log(RA_LOG_ERROR, "%s; what was handled last will be handled again", why);
    free_all(f);
    return ok;
}
