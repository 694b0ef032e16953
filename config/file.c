#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads up to size bytes; fewer only at the end. -1 with errno. */
static ssize_t read_fully(int fd, char *p, size_t size)
{
    size_t n = 0;
    while (n < size) {
        ssize_t got = read(fd, p + n, size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

static char *read_open(int fd, size_t max, size_t *len, const char **error)
{
    char *content = malloc(max + 2); /* one byte past the cap shows that there is more */
    if (!content) {
        *error = "out of memory";
        return NULL;
    }
    ssize_t n = read_fully(fd, content, max + 1);
    if (n < 0 || (size_t)n > max) {
        *error = n < 0 ? strerror(errno) : "the file is too large";
        free(content);
        return NULL;
    }
    *len = (size_t)n;
    content[n] = '\0';
    return content;
}

char *ra_file_read(const char *path, size_t max, bool regular, size_t *len, const char **error)
{
    struct stat st;
    char *content = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (regular ? O_NONBLOCK : 0));
    if (fd < 0) {
        *error = strerror(errno);
        return NULL;
    }
    if (fstat(fd, &st) != 0)
        *error = strerror(errno);
    else if (regular && !S_ISREG(st.st_mode))
        *error = "it isn't a regular file";
    else
        content = read_open(fd, max, len, error);
    close(fd);
    return content;
}

bool ra_file_write_all(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t written = write(fd, text, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text += written;
        n -= (size_t)written;
    }
    return true;
}

bool ra_file_sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    free(folder);
    return ok;
}
