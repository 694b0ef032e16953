/*
 * Templates and documents (config/template.h) with their slots' values put in. Pure; any thread.
 *
 * A value is a view of valid UTF-8; one whose p is NULL stands for nothing and renders as the empty text.
 */
#ifndef RA_PROXY_TEMPLATE_RENDER_H
#define RA_PROXY_TEMPLATE_RENDER_H

#include "cache/arena.h"
#include "cache/buf.h"
#include "config/template.h"

#include <stdint.h>

/* How many bytes the text has; a document's JSON has at least these. Nothing is made. */
uint64_t ra_template_length(const ra_template *t, const ra_bytes *values);
uint64_t ra_document_length(const ra_document *d, const ra_bytes *values);
/* The text, in the arena (a view of the value where the template is one placeholder alone). false: no memory.
 */
bool ra_template_text(const ra_template *t, const ra_bytes *values, ra_arena *a, ra_bytes *out);
/* Appends the text as a JSON string, quotes included. */
bool ra_template_render(const ra_template *t, const ra_bytes *values, ra_buf *out);
/* Appends the document. */
bool ra_document_render(const ra_document *d, const ra_bytes *values, ra_buf *out);

#endif
