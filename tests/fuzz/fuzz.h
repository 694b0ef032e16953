/*
 * What the fuzz targets share: how an input is taken apart, and how a broken invariant is told.
 *
 * A target is one file, tests/fuzz/<name>.c, with libFuzzer's two entry points. It is linked with
 * libFuzzer, or with replay.c, which runs it over files. It must do the same for the same bytes each time: no
 * clock, no randomness that could decide anything.
 */
#ifndef RA_TESTS_FUZZ_FUZZ_H
#define RA_TESTS_FUZZ_FUZZ_H

#include "cache/buf.h"

#include <stdio.h>
#include <stdlib.h>

/* The names are libFuzzer's. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* An invariant: its loss is a find, like a crash. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #condition))

static inline _Noreturn void fuzz_broken(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: doesn't hold: %s\n", file, line, what);
    abort();
}

/* Memory for the harness itself; that there is none is no find. */
static inline void *fuzz_alloc(size_t n)
{
    void *p = calloc(1, n ? n : 1);
    if (!p)
        exit(1);
    return p;
}

/* An allocation of exactly these bytes, so that a sanitizer sees a read past their end. free() it. */
static inline char *fuzz_copy(ra_bytes s)
{
    char *p = fuzz_alloc(s.n);
    if (s.n)
        memcpy(p, s.p, s.n);
    return p;
}

/* The same with a terminating zero; zeros within end it earlier. */
static inline char *fuzz_text(ra_bytes s)
{
    char *p = fuzz_alloc(s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    return p;
}

/* Takes the first byte off; 0 where there is none. */
static inline unsigned fuzz_byte(ra_bytes *rest)
{
    if (rest->n == 0)
        return 0;
    unsigned c = (unsigned char)*rest->p;
    *rest = (ra_bytes){rest->p + 1, rest->n - 1};
    return c;
}

/* Takes off what comes before the first `end`, and that; all of it where there is none. */
static inline ra_bytes fuzz_until(ra_bytes *rest, char end)
{
    const char *at = rest->n ? memchr(rest->p, end, rest->n) : NULL;
    size_t n = at ? (size_t)(at - rest->p) : rest->n;
    ra_bytes taken = {rest->p, n};
    *rest = at ? (ra_bytes){at + 1, rest->n - n - 1} : (ra_bytes){rest->p + rest->n, 0};
    return taken;
}

static inline ra_bytes fuzz_line(ra_bytes *rest)
{
    return fuzz_until(rest, '\n');
}

/* Inputs are text where they can be: the first character says which of a target's parsers is meant. */
static inline unsigned fuzz_choice(ra_bytes *rest, unsigned n)
{
    return (fuzz_byte(rest) + n - 'a' % n) % n;
}

#endif
