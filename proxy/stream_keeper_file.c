#include "proxy/stream_keeper_file.h"

#include "cache/buf.h"
#include "config/file.h"
#include "proxy/stream_text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

enum { STREAM_MAX = 2048, PID_MAX = 32, DIGITS_MAX = 18 };

static bool say(char why[RA_STREAM_FILE_WHY_MAX], const char *path, const char *what, int error)
{
    snprintf(why, RA_STREAM_FILE_WHY_MAX, "%s: %s%s%s", path, what, error ? ": " : "",
             error ? strerror(error) : "");
    return false;
}

/* ---- the lock ---- */

static void say_who(int fd, const char *path, char why[RA_STREAM_FILE_WHY_MAX])
{
    char pid[PID_MAX] = "";
    ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
    size_t digits = n > 0 ? strspn(pid, "0123456789") : 0;
    pid[digits] = '\0';
    snprintf(why, RA_STREAM_FILE_WHY_MAX, "%s: another process keeps its positions there (%s)", path,
             digits ? pid : "it hasn't said which");
}

int ra_stream_notes_lock(const char *path, char why[RA_STREAM_FILE_WHY_MAX])
{
    char *lock = NULL;
    if (asprintf(&lock, "%s.lock", path) < 0)
        return -1;
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        say(why, lock, "it can't be opened", errno);
    else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            say_who(fd, path, why);
        else
            say(why, lock, "it can't be locked", errno);
        close(fd);
        fd = -1;
    } else {
        char pid[PID_MAX];
        int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
        if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n) {
            say(why, lock, "it can't be written", errno);
            close(fd);
            fd = -1;
        }
    }
    free(lock);
    return fd;
}

void ra_stream_notes_unlock(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* ---- reading ---- */

static bool read_number(const ra_json *j, uint32_t token, int64_t *out)
{
    if (!token || !ra_json_is(j, token, RA_JSON_NUMBER))
        return false;
    ra_bytes raw = ra_json_raw(j, token);
    *out = 0;
    for (size_t i = 0; i < raw.n; i++) {
        if (i == DIGITS_MAX || raw.p[i] < '0' || raw.p[i] > '9')
            return false;
        *out = *out * 10 + (raw.p[i] - '0');
    }
    return true;
}

static bool read_note(const ra_json *j, uint32_t token, bool (*keep)(void *arg, const ra_stream_note *n),
                      void *arg)
{
    char stream[STREAM_MAX];
    ra_stream_note n = {.stream = stream};
    uint32_t handled = ra_json_member(j, token, "handled");
    uint32_t finished = ra_json_member(j, token, "finished");
    n.finished = finished && ra_json_is(j, finished, RA_JSON_TRUE);
    return ra_json_is(j, token, RA_JSON_OBJECT) &&
           ra_stream_text(j, ra_json_member(j, token, "stream"), stream, sizeof stream) &&
           ra_stream_text(j, ra_json_member(j, token, "shard"), n.shard, sizeof n.shard) && handled &&
           (ra_json_string_is(j, handled, "") || ra_stream_text(j, handled, n.handled, sizeof n.handled)) &&
           (n.finished || (finished && ra_json_is(j, finished, RA_JSON_FALSE))) &&
           read_number(j, ra_json_member(j, token, "drained_ms"), &n.drained_ms) &&
           read_number(j, ra_json_member(j, token, "at"), &n.at) && keep(arg, &n);
}

static bool read_notes(const ra_json *j, bool (*keep)(void *arg, const ra_stream_note *n), void *arg)
{
    int64_t version = 0;
    uint32_t notes = ra_json_member(j, 0, "notes");
    if (!read_number(j, ra_json_member(j, 0, "version"), &version) || version != 1 || !notes ||
        !ra_json_is(j, notes, RA_JSON_ARRAY))
        return false;
    for (uint32_t i = notes + 1; i < j->t[notes].next; i = j->t[i].next) {
        if (!read_note(j, i, keep, arg))
            return false;
    }
    return true;
}

bool ra_stream_notes_read(const char *path, bool (*keep)(void *arg, const ra_stream_note *n), void *arg,
                          char why[RA_STREAM_FILE_WHY_MAX])
{
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return true;
    size_t n = 0, at;
    const char *error = NULL;
    char *text = ra_file_read(path, RA_STREAM_FILE_MAX, true, &n, &error);
    ra_json j;
    bool whole = text && ra_json_parse(&j, (ra_bytes){text, n}, NULL, &at) == RA_JSON_OK;
    bool ok = whole && read_notes(&j, keep, arg);
    if (whole)
        ra_json_free(&j);
    free(text);
    if (!text)
        snprintf(why, RA_STREAM_FILE_WHY_MAX, "%s: it can't be read: %s", path, error);
    else if (!ok)
        say(why, path,
            "this isn't a whole file of streams' positions. Put back a good one, or take it away to begin "
            "anew",
            0);
    return ok;
}

/* ---- writing ---- */

static void add_note(ra_buf *out, const ra_stream_note *n, bool first)
{
    ra_buf_add_z(out, first ? "\n{\"stream\": " : ",\n{\"stream\": ");
    ra_buf_add_json_string(out, ra_bytes_z(n->stream));
    ra_buf_add_z(out, ", \"shard\": ");
    ra_buf_add_json_string(out, ra_bytes_z(n->shard));
    ra_buf_add_z(out, ", \"handled\": ");
    ra_buf_add_json_string(out, ra_bytes_z(n->handled));
    ra_buf_addf(out, ", \"finished\": %s, \"drained_ms\": %" PRId64 ", \"at\": %" PRId64 "}",
                n->finished ? "true" : "false", n->drained_ms, n->at);
}

static bool replace(const char *path, ra_bytes text, char why[RA_STREAM_FILE_WHY_MAX])
{
    char *beside = NULL;
    if (asprintf(&beside, "%s.new", path) < 0)
        return say(why, path, "it can't be written", ENOMEM);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && ra_file_write_all(fd, text.p, text.n) && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0 && close(fd) != 0 && ok) {
        error = errno;
        ok = false;
    }
    if (ok && (rename(beside, path) != 0 || !ra_file_sync_folder(path))) {
        error = errno;
        ok = false;
    }
    if (!ok)
        say(why, path, "it can't be written", error);
    free(beside);
    return ok;
}

bool ra_stream_notes_write(const char *path, const ra_stream_note *v, size_t n,
                           char why[RA_STREAM_FILE_WHY_MAX])
{
    ra_buf text;
    ra_buf_init(&text, RA_STREAM_FILE_MAX);
    ra_buf_add_z(&text, "{\"version\": 1, \"notes\": [");
    for (size_t i = 0; i < n; i++)
        add_note(&text, &v[i], i == 0);
    ra_buf_add_z(&text, "\n]}\n");
    bool ok = ra_buf_ok(&text) ? replace(path, ra_buf_bytes(&text), why)
                               : say(why, path, "it would be too large", 0);
    ra_buf_free(&text);
    return ok;
}
