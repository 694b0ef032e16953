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
 * same place with no cut go in as given, before what is cut at that place. false: overlapping, out of range,
 * no memory, or `out` failed; nothing has been appended then, unless it was `out` that failed.
 */
bool ra_edit_apply(ra_bytes text, const ra_edit *edits, size_t n, ra_buf *out);

/*
 * Sets member `name` of object token `object` to the JSON text `value`: replaced where it stands, else put in
 * as the first member (with a comma when the object isn't empty, so not in one apply with the removal of its
 * only member). `value` must outlive ra_edit_apply; `scratch` holds the inserted text. false: no memory, or
 * not an object whose members were kept.
 */
bool ra_edit_set_member(const ra_json *j, uint32_t object, const char *name, ra_bytes value,
                        ra_arena *scratch, ra_edit *out);
/* Removes a member, named by its name token, with the comma that goes with it. Of one object's members two
 * must not be removed in one apply (neighbours' commas overlap). */
void ra_edit_remove_member(const ra_json *j, uint32_t object, uint32_t name_token, ra_edit *out);

#endif
