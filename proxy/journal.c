#include "proxy/journal.h"

#include "proxy/clock.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct entry {
    int64_t at; /* ms since 1970 */
    enum ra_journal_kind kind;
    char text[RA_JOURNAL_TEXT];
} entry;

struct ra_journal {
    pthread_mutex_t mutex;
    ra_mailbox *mailbox; /* NULL: nobody listens */
    ra_letter *letter;
    uint64_t noted; /* entry number n, from 1 on, stands at (n - 1) % RA_JOURNAL_MOST */
    entry entries[RA_JOURNAL_MOST];
};

ra_journal *ra_journal_new(void)
{
    ra_journal *j = calloc(1, sizeof *j);
    if (!j || pthread_mutex_init(&j->mutex, NULL) == 0)
        return j;
    free(j);
    return NULL;
}

void ra_journal_free(ra_journal *j)
{
    if (!j)
        return;
    pthread_mutex_destroy(&j->mutex);
    free(j);
}

/* Where a text that has been cut at `n` bytes may end: not within a character of several bytes. */
static size_t whole(const char *text, size_t n)
{
    while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static void add(ra_journal *j, enum ra_journal_kind kind, const char *text, size_t n)
{
    entry e = {.at = ra_clock_wall(), .kind = kind};
    memcpy(e.text, text, n < RA_JOURNAL_TEXT ? n : whole(text, RA_JOURNAL_TEXT - 1));
    pthread_mutex_lock(&j->mutex);
    j->entries[j->noted++ % RA_JOURNAL_MOST] = e;
    if (j->mailbox)
        ra_mailbox_post(j->mailbox, j->letter);
    pthread_mutex_unlock(&j->mutex);
}

void ra_journal_note(ra_journal *j, enum ra_journal_kind kind, const char *format, ...)
{
    char text[2 * RA_JOURNAL_TEXT];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (j && n >= 0)
        add(j, kind, text, (size_t)n);
}

static void write_entry(const entry *e, ra_buf *out)
{
    static const char *const kinds[RA_JOURNAL_KINDS] = {"start",  "breaker", "reload",  "takeover",
                                                        "stream", "caching", "markers", "mismatch"};
    ra_buf_addf(out, "{\"at\": %" PRId64 ", \"kind\": \"%s\", \"text\": ", e->at, kinds[e->kind]);
    ra_buf_add_json_string(out, ra_bytes_z(e->text));
    ra_buf_add_char(out, '}');
}

/* The oldest that is still there is the one after this. */
static uint64_t forgotten(const ra_journal *j)
{
    return j->noted > RA_JOURNAL_MOST ? j->noted - RA_JOURNAL_MOST : 0;
}

void ra_journal_write(ra_journal *j, ra_buf *out)
{
    ra_buf_add_char(out, '[');
    pthread_mutex_lock(&j->mutex);
    uint64_t first = forgotten(j);
    for (uint64_t i = first; i < j->noted; i++) {
        ra_buf_add_z(out, i > first ? ", " : "");
        write_entry(&j->entries[i % RA_JOURNAL_MOST], out);
    }
    pthread_mutex_unlock(&j->mutex);
    ra_buf_add_char(out, ']');
}

uint64_t ra_journal_next(ra_journal *j, uint64_t after, ra_buf *out)
{
    uint64_t number = 0;
    pthread_mutex_lock(&j->mutex);
    if (after < j->noted) {
        uint64_t first = forgotten(j);
        number = (after > first ? after : first) + 1;
        write_entry(&j->entries[(number - 1) % RA_JOURNAL_MOST], out);
    }
    pthread_mutex_unlock(&j->mutex);
    return number;
}

uint64_t ra_journal_count(ra_journal *j)
{
    pthread_mutex_lock(&j->mutex);
    uint64_t n = j->noted;
    pthread_mutex_unlock(&j->mutex);
    return n;
}

void ra_journal_listen(ra_journal *j, ra_mailbox *mailbox, ra_letter *letter)
{
    pthread_mutex_lock(&j->mutex);
    j->mailbox = mailbox;
    j->letter = letter;
    pthread_mutex_unlock(&j->mutex);
}
