/*
 * A growable byte buffer with a stated cap and a sticky error, so that a chain of appends is checked once.
 *
 * Ownership: the buffer owns its bytes until ra_buf_take. Threads: none; one owner at a time.
 * Errors: an append that would pass the cap, or for which there is no memory, leaves the content as it was,
 * sets the error and makes every later append fail too. ra_buf_ok says whether all went well.
 */
#ifndef RA_CACHE_BUF_H
#define RA_CACHE_BUF_H

#include "cache/bytes.h"

#include <stdint.h>

typedef struct ra_buf {
    char *p;
    size_t n;
    size_t size; /* allocated */
    size_t cap;  /* n never exceeds it */
    bool failed;
} ra_buf;

void ra_buf_init(ra_buf *b, size_t cap);
void ra_buf_free(ra_buf *b);  /* back to the state after ra_buf_init */
void ra_buf_clear(ra_buf *b); /* keeps the memory, clears content and error */

bool ra_buf_add(ra_buf *b, const void *p, size_t n);
bool ra_buf_add_bytes(ra_buf *b, ra_bytes s);
bool ra_buf_add_z(ra_buf *b, const char *z);
bool ra_buf_add_char(ra_buf *b, char c);
bool ra_buf_addf(ra_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends `s` as a JSON string with its quotes (RFC 8259 section 7). `s` must be valid UTF-8. */
bool ra_buf_add_json_string(ra_buf *b, ra_bytes s);

static inline bool ra_buf_ok(const ra_buf *b)
{
    return !b->failed;
}
static inline ra_bytes ra_buf_bytes(const ra_buf *b)
{
    return (ra_bytes){b->p, b->n};
}
/* Hands the bytes to the caller, who frees them with free(); NULL if the buffer is empty or has failed. */
char *ra_buf_take(ra_buf *b, size_t *n);

#endif
