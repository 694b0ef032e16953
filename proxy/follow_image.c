#include "proxy/follow_image.h"

enum { PARTS_MAX = 4096 };

static void add(ra_key *sum, const ra_key *one)
{
    for (size_t i = 0; i < RA_KEY_BYTES; i++)
        sum->b[i] ^= one->b[i];
}

/* The global indexes, in whatever order they have been told. false: no memory. */
static bool name_indexes(const ra_table *t, ra_key *out)
{
    ra_buf parts;
    bool ok = true;
    memset(out, 0, sizeof *out);
    ra_buf_init(&parts, PARTS_MAX);
    for (size_t i = 0; ok && i < t->nindexes; i++) {
        const ra_table_index *index = &t->indexes[i];
        ra_key one;
        if (!index->global)
            continue;
        ra_buf_clear(&parts);
        ra_key_part_key(&parts, &index->guard);
        ra_key_part_z(&parts, index->understood ? index->partition_key : "");
        ok = ra_key_digest(&parts, &one);
        add(out, &one);
    }
    ra_buf_free(&parts);
    return ok;
}

bool ra_follow_image(const ra_table *t, const ra_key *old_or_null, const ra_key *new_image, ra_key *out)
{
    *out = *new_image;
    if (!ra_table_has_global_index(t))
        return true;
    if (!old_or_null)
        return false;
    ra_key indexes;
    if (!name_indexes(t, &indexes))
        return false;
    ra_buf parts;
    ra_buf_init(&parts, PARTS_MAX);
    ra_key_part_z(&parts, "from-to");
    ra_key_part_key(&parts, &indexes);
    ra_key_part_key(&parts, old_or_null);
    ra_key_part_key(&parts, new_image);
    bool ok = ra_key_digest(&parts, out);
    ra_buf_free(&parts);
    return ok;
}
