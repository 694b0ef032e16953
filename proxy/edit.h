/* Editing a JSON text by splicing bytes, never by printing it anew: what isn't edited stays as the client
 * wrote it. */
#ifndef RA_PROXY_EDIT_H
#define RA_PROXY_EDIT_H

#include "proxy/json.h"

typedef struct ra_edit {
    size_t at;       /* offset in the original text */
    size_t cut;      /* bytes removed there */
    ra_bytes insert; /* bytes put in their place; must outlive ra_edit_apply */
} ra_edit;

/*
 * Appends `text` with the edits made to `out`. Edits may come in any order and must not overlap; two at the
 * same place with no cut go in as given. false: overlapping, out of range, or `out` failed.
 */
bool ra_edit_apply(ra_bytes text, const ra_edit *edits, size_t n, ra_buf *out);

/* Sets member `name` of object token `object` to the JSON text `value`: replaced where it stands, else put in
 * as the first member (with a comma when the object isn't empty). `scratch` holds the inserted text. false:
 * no memory. */
bool ra_edit_set_member(const ra_json *j, uint32_t object, const char *name, ra_bytes value,
                        ra_arena *scratch, ra_edit *out);
/* Removes a member, named by its name token, with the comma that goes with it. Removing two neighbours in one
 * apply isn't allowed (their commas overlap). */
void ra_edit_remove_member(const ra_json *j, uint32_t object, uint32_t name_token, ra_edit *out);

#endif
