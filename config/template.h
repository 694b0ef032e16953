/*
 * Templates: text with placeholders, compiled once when the config is loaded. "MSG#{path.group}" holds one
 * placeholder; "{{" and "}}" stand for the braces themselves. A document is a JSON value whose strings (not
 * its members' names) are templates.
 *
 * What a placeholder may name is the caller's to say: `find` gives each name a slot, and whoever renders the
 * template later gives each slot a value. Rendering is the renderer's job (proxy/template_render.h): nothing
 * here knows a value.
 *
 * Ownership: all of it is the pool's. Threads: none; what is compiled is immutable.
 */
#ifndef RA_CONFIG_TEMPLATE_H
#define RA_CONFIG_TEMPLATE_H

#include "config/pool.h"

#include <stdbool.h>

typedef struct ra_template_part {
    int slot;         /* -1: the text, else the placeholder's slot */
    const char *text; /* may hold no NUL */
    size_t len;
} ra_template_part;

typedef struct ra_template {
    const ra_template_part *parts; /* literal parts are never empty; none for the empty text */
    size_t n;
} ra_template;

/* One piece of a document: JSON text as it is, or a template whose value stands there as a JSON string. */
typedef struct ra_document_piece {
    const char *json; /* NULL: it is the string */
    size_t len;
    ra_template string;
} ra_document_piece;

typedef struct ra_document {
    const ra_document_piece *pieces;
    size_t n; /* 0: there is no document */
} ra_document;

enum { RA_TEMPLATE_WHY_MAX = 256, RA_TEMPLATE_SLOTS_MAX = 64 };

/* The slot of a name, or -1 with `why` ("there is no ...; accepted: ..."). */
typedef struct ra_template_names {
    int (*find)(void *arg, const char *name, size_t len, char why[RA_TEMPLATE_WHY_MAX]);
    void *arg;
} ra_template_names;

/*
 * false: `why` says what is wrong with the text and what is accepted (an open brace, an unknown name), or is
 * "" without memory.
 */
bool ra_template_compile(ra_pool *pool, const char *text, const ra_template_names *names, ra_template *out,
                         char why[RA_TEMPLATE_WHY_MAX]);

/* The number of parts that are placeholders, and the slot of the first (-1: none). */
size_t ra_template_slots(const ra_template *t, int *first);

#endif
