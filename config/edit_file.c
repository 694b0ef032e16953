/* A configuration's file, replaced by an edited one: whole and sound, or not at all. */
#include "config/edit.h"
#include "config/file.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MAX = 1024 * 1024 };

__attribute__((format(printf, 2, 3))) static bool fail(char error[RA_EDIT_ERROR], const char *format, ...)
{
    va_list given;
    va_start(given, format);
    vsnprintf(error, RA_EDIT_ERROR, format, given);
    va_end(given);
    return false;
}

static bool write_all(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, text, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        text += done;
        n -= (size_t)done;
    }
    return true;
}

/* To the disk, as `like` is. The file's group may not be ours to give; then the mode alone is kept. */
static bool fill(int fd, const struct stat *like, const char *text, size_t n)
{
    if (fchown(fd, like->st_uid, like->st_gid) != 0 && errno != EPERM)
        return false;
    return write_all(fd, text, n) && fchmod(fd, like->st_mode & 07777) == 0 && fsync(fd) == 0;
}

static bool is_still(const char *path, const char *text, size_t n)
{
    const char *why;
    size_t now_n;
    char *now = ra_file_read(path, TEXT_MAX, true, &now_n, &why);
    bool same = now && now_n == n && memcmp(now, text, n) == 0;
    free(now);
    return same;
}

/* The new name is on the disk once its folder is. */
static void sync_folder(const char *path)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    FILE *f = fopen(dirname(folder), "r");
    if (!f)
        return;
    fsync(fileno(f));
    fclose(f);
}

/* `fresh` is the file beside it, written. */
static bool take_its_place(const char *real, const char *fresh, const char *old, size_t old_n,
                           ra_problems *problems, char error[RA_EDIT_ERROR])
{
    ra_config *c = ra_config_load(fresh, problems);
    if (!c)
        return fail(error, "it would not be a sound configuration any more");
    ra_config_unref(c);
    if (!is_still(real, old, old_n))
        return fail(error, "somebody else has changed it meanwhile");
    if (rename(fresh, real) != 0)
        return fail(error, "%s", strerror(errno));
    sync_folder(real);
    return true;
}

static bool replace(const char *real, const char *old, size_t old_n, const char *text, size_t n,
                    ra_problems *problems, char error[RA_EDIT_ERROR])
{
    char fresh[PATH_MAX + 16];
    struct stat like;
    snprintf(fresh, sizeof fresh, "%s.XXXXXX", real);
    if (stat(real, &like) != 0)
        return fail(error, "%s", strerror(errno));
    int fd = mkstemp(fresh);
    if (fd < 0)
        return fail(error, "can't write beside it: %s", strerror(errno));
    bool ok = fill(fd, &like, text, n) || fail(error, "can't write beside it: %s", strerror(errno));
    close(fd);
    ok = ok && take_its_place(real, fresh, old, old_n, problems, error);
    if (!ok)
        unlink(fresh);
    return ok;
}

bool ra_edit_file(const char *path, const ra_edit *edits, size_t nedits, ra_problems *problems,
                  char error[RA_EDIT_ERROR])
{
    const char *why;
    size_t n, old_n;
    char real[PATH_MAX];
    *problems = (ra_problems){0};
    if (!realpath(path, real))
        return fail(error, "%s", strerror(errno));
    char *old = ra_file_read(real, TEXT_MAX, true, &old_n, &why);
    if (!old)
        return fail(error, "%.200s", why);
    char *text = ra_edit_text(old, old_n, edits, nedits, &n, error);
    bool ok = text && replace(real, old, old_n, text, n, problems, error);
    free(text);
    free(old);
    return ok;
}
