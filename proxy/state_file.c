#include "proxy/state_file.h"

#include "proxy/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char CLEAN[] = "clean\n";
static const char RUNNING[] = "running\n";

/* Replaces the file in one step, on disk before it returns, so that a crash leaves the old word or the new
 * one. */
static bool put(const char *path, const char *word)
{
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.new", path) < 0)
        return false;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t n = strlen(word);
    bool ok = fd >= 0 && write(fd, word, n) == (ssize_t)n && fsync(fd) == 0;
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    ok = ok && rename(temporary, path) == 0;
    if (!ok)
        ra_log(RA_LOG_WARNING, "cache.state_file %s: %s", path, strerror(errno));
    free(temporary);
    return ok;
}

bool ra_state_file_open(const char *path)
{
    char word[sizeof CLEAN + 1] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, word, sizeof word - 1) : -1;
    if (fd >= 0)
        close(fd);
    bool clean = n == (ssize_t)sizeof CLEAN - 1 && memcmp(word, CLEAN, sizeof CLEAN) == 0;
    return put(path, RUNNING) && clean;
}

void ra_state_file_close(const char *path)
{
    put(path, CLEAN);
}
