#include "proxy/follow_image.h"

enum { PARTS_MAX = 256 };

bool ra_follow_image(const ra_table *t, const ra_key *old_or_null, const ra_key *new_image, ra_key *out)
{
    *out = *new_image;
    if (!ra_table_has_global_index(t))
        return true;
    if (!old_or_null)
        return false;
    ra_buf parts;
    ra_buf_init(&parts, PARTS_MAX);
    ra_key_part_z(&parts, "from-to");
    ra_key_part_key(&parts, &t->global_indexes);
    ra_key_part_key(&parts, old_or_null);
    ra_key_part_key(&parts, new_image);
    bool ok = ra_key_digest(&parts, out);
    ra_buf_free(&parts);
    return ok;
}
