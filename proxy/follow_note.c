#include "proxy/follow_note.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { VERSION = 1, NAME_PARTS_MAX = 64 * 1024, DIGITS_MAX = 15 /* of ms since the epoch */ };

size_t ra_follow_note_write(const ra_shard *shard, char out[RA_POST_NOTE_MAX])
{
    int n = snprintf(out, RA_POST_NOTE_MAX, "%d %s %d %" PRId64, VERSION,
                     shard->handled[0] ? shard->handled : "-", shard->finished ? 1 : 0,
                     shard->drained_ms > 0 ? shard->drained_ms : (int64_t)0);
    return n > 0 ? (size_t)n : 0;
}

bool ra_sequence_after(const char *a, const char *b)
{
    a += strspn(a, "0");
    b += strspn(b, "0");
    size_t n = strlen(a), m = strlen(b);
    return n == m ? strcmp(a, b) > 0 : n > m;
}

/* The next word, up to a space or the end, which it takes; n == 0: there is none. */
static ra_bytes word(ra_bytes *rest)
{
    const char *space = rest->n ? memchr(rest->p, ' ', rest->n) : NULL;
    ra_bytes w = {rest->p, space ? (size_t)(space - rest->p) : rest->n};
    size_t taken = w.n + (space != NULL);
    *rest = (ra_bytes){rest->p + taken, rest->n - taken};
    return w;
}

static bool is_digits(ra_bytes w, size_t most)
{
    for (size_t i = 0; i < w.n; i++)
        if (w.p[i] < '0' || w.p[i] > '9')
            return false;
    return w.n > 0 && w.n <= most;
}

bool ra_follow_note_read(ra_bytes note, ra_shard *shard)
{
    ra_bytes version = word(&note), handled = word(&note), finished = word(&note), drained = note;
    char text[RA_SEQUENCE_MAX + 1] = "", ms[DIGITS_MAX + 1] = "";
    bool none = ra_bytes_eq_z(handled, "-");
    if (!ra_bytes_eq_z(version, "1") || (!none && !is_digits(handled, RA_SEQUENCE_MAX)) ||
        !is_digits(finished, 1) || finished.p[0] > '1' || !is_digits(drained, DIGITS_MAX))
        return false;
    if (!none)
        memcpy(text, handled.p, handled.n);
    memcpy(ms, drained.p, drained.n);
    int64_t drained_ms = strtoll(ms, NULL, 10);
    if (ra_sequence_after(text, shard->handled))
        memcpy(shard->handled, text, sizeof text);
    shard->finished |= finished.p[0] == '1';
    if (drained_ms > shard->drained_ms)
        shard->drained_ms = drained_ms;
    return true;
}

bool ra_follow_post_name(const char *endpoint, const char *key_prefix, const char *stream, const char *shard,
                         ra_key *out)
{
    ra_buf parts;
    ra_buf_init(&parts, NAME_PARTS_MAX);
    ra_key_part_z(&parts, "stream-shard");
    ra_key_part_z(&parts, endpoint);
    ra_key_part_z(&parts, key_prefix ? key_prefix : "");
    ra_key_part_z(&parts, stream);
    ra_key_part_z(&parts, shard);
    bool ok = ra_key_digest(&parts, out);
    ra_buf_free(&parts);
    return ok;
}
