/* What the sources of credentials have in common. */
#include "proxy/credentials_source.h"

#include "cache/random.h"
#include "config/file.h"

#include <openssl/crypto.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { TOKEN_FILE_MAX = 64 * 1024, SLICE = 50 /* ms */, FIRST_PAUSE = 100, MOST_PAUSE = 1000 };

const char *ra_source_variable(const char *name)
{
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

const char *ra_source_ca_file(void)
{
    return ra_source_variable("AWS_CA_BUNDLE");
}

static void say(ra_credentials_lookup *l, const char *format, va_list args)
{
    vsnprintf(l->why, sizeof l->why, format, args);
    for (char *p = l->why; *p; p++) {
        if (*p < ' ' || *p > '~')
            *p = '?';
    }
}

void ra_source_say(ra_credentials_lookup *l, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(l, format, args);
    va_end(args);
}

enum ra_source_result ra_source_fail(ra_credentials_lookup *l, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(l, format, args);
    va_end(args);
    return RA_SOURCE_FAILED;
}

enum ra_source_result ra_source_absent(ra_credentials_lookup *l, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(l, format, args);
    va_end(args);
    return RA_SOURCE_ABSENT;
}

/* ---- time ---- */

bool ra_source_ending(const ra_credentials_lookup *l)
{
    return l->background && ra_background_ending(l->background);
}

void ra_source_pause(const ra_credentials_lookup *l, int64_t ms)
{
    for (; ms > 0 && !ra_source_ending(l); ms -= SLICE)
        poll(NULL, 0, ms < SLICE ? (int)ms : SLICE);
}

static bool stop(void *arg)
{
    return ra_source_ending(arg);
}

/* ---- secrets ---- */

bool ra_secret_buf_init(ra_buf *b, size_t cap)
{
    ra_buf_init(b, cap);
    b->p = malloc(cap);
    b->size = b->p ? cap : 0;
    b->failed = !b->p;
    return b->p != NULL;
}

void ra_secret_buf_free(ra_buf *b)
{
    if (b->p)
        OPENSSL_cleanse(b->p, b->size);
    ra_buf_free(b);
}

void ra_secret_free(char *z)
{
    if (!z)
        return;
    OPENSSL_cleanse(z, strlen(z));
    free(z);
}

void ra_secret_wipe(void *p, size_t n)
{
    OPENSSL_cleanse(p, n);
}

static bool graphic(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] <= ' ' || p[i] > '~')
            return false;
    }
    return n > 0;
}

char *ra_source_token_file(ra_credentials_lookup *l, const char *what, const char *path)
{
    size_t n = 0;
    const char *error = NULL;
    char *text = ra_file_read(path, TOKEN_FILE_MAX, true, &n, &error);
    if (!text) {
        ra_source_say(l, "%s: %s: %s", what, path, error);
        return NULL;
    }
    size_t whole = n;
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t' || text[n - 1] == '\r' || text[n - 1] == '\n'))
        n--;
    if (graphic(text, n)) {
        text[n] = '\0';
        return text;
    }
    OPENSSL_cleanse(text, whole);
    free(text);
    ra_source_say(l,
                  "%s: %s holds no token: it is empty, or there is white space or another byte in it that no "
                  "token has",
                  what, path);
    return NULL;
}

/* ---- fetching ---- */

static bool worth_another(int status, ra_bytes body, bool (*again)(int status, ra_bytes body))
{
    return status == 0 || status >= 500 || status == 429 || (again && again(status, body));
}

int ra_source_fetch(const ra_credentials_lookup *l, ra_fetch_request *r, unsigned tries,
                    bool (*again)(int status, ra_bytes body), ra_buf *body, char why[RA_FETCH_WHY_MAX])
{
    int64_t pause = FIRST_PAUSE;
    r->stop = stop;
    r->stop_arg = (void *)l;
    for (;;) {
        OPENSSL_cleanse(body->p, body->n);
        ra_buf_clear(body);
        int status = ra_fetch(r, body, why);
        if (--tries == 0 || ra_source_ending(l) || !worth_another(status, ra_buf_bytes(body), again))
            return status;
        ra_source_pause(l, pause / 2 + (int64_t)(ra_random() % (uint64_t)pause));
        pause = pause * 2 > MOST_PAUSE ? MOST_PAUSE : pause * 2;
    }
}
