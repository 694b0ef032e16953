/*
 * Preloaded into a proxy: stops the process between the acknowledgement of a BEGIN and the signature of the
 * write that it was for, which takes microseconds and is hit by chance once in a blue moon. It happens once
 * for each time that the file is made that READASIDE_STOP_SIGNING names.
 *
 * What it goes by: ":1" read from a socket is Redis's answer to a BEGIN; what the thread then asks the wall
 * clock for is the signature's date.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static _Thread_local bool acknowledged;

ssize_t readv(int fd, const struct iovec *v, int n)
{
    static const char answer[] = ":1\r\n";
    ssize_t (*real)(int, const struct iovec *, int) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "readv");
    ssize_t got = real(fd, v, n);
    acknowledged = n > 0 && got >= (ssize_t)(sizeof answer - 1) && v[0].iov_len >= sizeof answer - 1 &&
                   memcmp(v[0].iov_base, answer, sizeof answer - 1) == 0;
    return got;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    int (*real)(clockid_t, struct timespec *) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    const char *order = getenv("READASIDE_STOP_SIGNING");
    if (clock == CLOCK_REALTIME && acknowledged && order && unlink(order) == 0)
        raise(SIGSTOP);
    return real(clock, t);
}
