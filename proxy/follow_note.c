#include "proxy/follow_note.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { VERSION = 1, NAME_PARTS_MAX = 64 * 1024, DIGITS_MAX = 15 /* of ms since the epoch */ };

static int64_t time_or_0(int64_t ms)
{
    return ms > 0 ? ms : 0;
}

size_t ra_follow_note_write(const ra_shard *shard, char out[RA_POST_NOTE_MAX])
{
    int n = snprintf(out, RA_POST_NOTE_MAX, "%d %s %d %" PRId64, VERSION,
                     shard->handled[0] ? shard->handled : "-", shard->finished ? 1 : 0,
                     time_or_0(shard->drained_ms));
    return n > 0 ? (size_t)n : 0;
}

/* The next word, up to a space or the end, which it takes; n == 0: there is none. */
static ra_bytes word(ra_bytes *rest)
{
    const char *space = rest->n ? memchr(rest->p, ' ', rest->n) : NULL;
    ra_bytes w = {rest->p, space ? (size_t)(space - rest->p) : rest->n};
    size_t taken = w.n + (space != NULL);
    if (taken)
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

/* Of digits. */
static int64_t time_of(ra_bytes w)
{
    char ms[DIGITS_MAX + 1] = "";
    memcpy(ms, w.p, w.n);
    return strtoll(ms, NULL, 10);
}

bool ra_follow_note_read(ra_bytes note, ra_shard *shard)
{
    ra_bytes version = word(&note), handled = word(&note), finished = word(&note);
    bool none = ra_bytes_eq_z(handled, "-");
    if (!ra_bytes_eq_z(version, "1") || (!none && !is_digits(handled, RA_SEQUENCE_MAX)) ||
        !is_digits(finished, 1) || finished.p[0] > '1' || !is_digits(note, DIGITS_MAX))
        return false;
    if (!none) {
        memcpy(shard->handled, handled.p, handled.n);
        shard->handled[handled.n] = '\0';
    }
    shard->finished = finished.p[0] == '1';
    shard->drained_ms = time_of(note);
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
